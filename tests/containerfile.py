"""Reads a Containerfile, as far as ours goes: instructions, stages, and lists of words in JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction and what follows it, its lines joined."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Return what follows as words, JSON or not."""
        return json.loads(self.rest) if self.rest.startswith("[") else self.rest.split()


CONTAINERFILE = Path(__file__).parents[1] / "deploy" / "container" / "Containerfile"


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, its FROM first."""
    text = CONTAINERFILE.read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        name, rest = line.split(maxsplit=1)
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest))
    return found


def last(stage: list[Instruction], name: str) -> Instruction:
    """Return what counts of an instruction: the last of its name."""
    return [each for each in stage if each.name == name][-1]


def healthcheck() -> list[str]:
    """Return the command of the health check."""
    return json.loads(last(stages()[-1], "HEALTHCHECK").rest.split(" CMD ", 1)[1])  # type: ignore[no-any-return]


def environment(stage: list[Instruction]) -> dict[str, str]:
    """Return what a stage sets."""
    return dict(pair.split("=", 1) for each in stage if each.name == "ENV" for pair in each.words)
