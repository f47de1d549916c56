"""Writing queue_logs in tests: a line is ``at`` and what follows it, times start at nine o'clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from ringwatch.core.queue_log import Line, Parser, QueueLog, Read, Story
from ringwatch.core.standards import Policy
from tests.tools.captures import CAPTURES

NINE = 1_795_424_400


def read(*texts: str) -> list[Read]:
    """Read whole lines by one parser."""
    parser = Parser()
    return [parser.line(text, f"queue_log:{number}") for number, text in enumerate(texts, 1)]


def lines(text: str, since: int = NINE) -> list[Line]:
    """Read a log whose times count from ``since``, one line each; blank lines and indentation do not matter."""
    given: Iterator[str] = (line.strip() for line in text.splitlines())
    made = [f"{since + int(at)}|{rest}" for at, _, rest in (line.partition("|") for line in given if line)]
    known = [line for line in read(*made) if isinstance(line, Line)]
    assert len(known) == len(made)
    return known


class Log:
    """A log that was read: the visits it tells, the lines that fit nothing, and those that end a talk once more."""

    def __init__(self, given: Iterable[Line], policy: Policy | None = None) -> None:
        self.misfits: list[tuple[str, str]] = []
        self.again: list[Line] = []
        self.log = QueueLog("main", policy or Policy(), misfit=self._misfit, again=self.again.append)
        self.stories = self.log.read(given)

    def _misfit(self, line: Line, why: str) -> None:
        self.misfits.append((line.event, why))

    @property
    def story(self) -> Story:
        """The only visit."""
        (story,) = self.stories
        return story


def log(text: str) -> Log:
    """Read a log that is written as for `lines`."""
    return Log(lines(text))


@cache
def captured(name: str) -> tuple[Line, ...]:
    """Return the lines of a recorded log."""
    raw = (CAPTURES / name / "queue_log").read_bytes().removesuffix(b"\n").split(b"\n")
    given = read(*(line.decode("utf-8", "backslashreplace") for line in raw))
    return tuple(line for line in given if isinstance(line, Line))
