"""The recorded streams as tests need them: bytes, blocks, single blocks by name, and the facts they lead to.

The blocks are cut here in the plainest way there is, so that the framer has something to be compared with.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ringwatch.ami.translator import Translator
from ringwatch.core.engine import Engine
from ringwatch.core.facts import AgentState, Anomaly, Fact, Gap, Membership, Record, Stretch
from ringwatch.core.readings import Reading
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy
from ringwatch.flow.ports import Batch

CAPTURES = Path(__file__).parents[1] / "captures"
NAMES = ("scenarios-22", "scenarios-16", "mix-22", "mix-16")
END = b"\r\n\r\n"


def path(name: str) -> Path:
    """Return where a stream is."""
    return CAPTURES / name / "stream.ami.gz"


@cache
def stream(name: str) -> bytes:
    """Return the bytes of a stream, from its banner on."""
    return gzip.decompress(path(name).read_bytes())


@cache
def blocks(name: str) -> tuple[bytes, ...]:
    """Return a stream's blocks, the banner first."""
    assert stream(name).endswith(END)
    return blocks_of(stream(name))


def blocks_of(raw: bytes) -> tuple[bytes, ...]:
    """Cut a stream into its blocks, the banner first; half a block at the end is dropped."""
    banner, _, rest = raw.partition(b"\r\n")
    # Real streams have two empty lines in some places (behind a TestEvent without details).
    return (banner, *(part.removeprefix(b"\r\n") for part in rest[: rest.rfind(END)].split(END)))


def find(name: str, *parts: bytes) -> bytes:
    """Return the first block of a stream that holds all these parts; an event is found by name and Timestamp."""
    return next(block for block in blocks(name) if all(part in block for part in parts))


def told(records: Iterable[Record]) -> list[Fact]:
    """Return what is claimed about calls.

    No readings, nothing about the stream itself, no alerts, which the clock may raise after the last word, and nothing
    about agents: of them a listing tells, at the time of whatever came before it.
    """
    others = AgentState | Membership | Stretch | Alert | Anomaly | Gap | Reading
    return [each for each in records if not isinstance(each, others)]


def facts(batches: Iterable[Batch]) -> list[Fact]:
    """Run what a source delivered through translator and engine, and return what is claimed about calls."""
    translator, engine = Translator(), Engine("main", Policy(trunks=("PJSIP/trunk",)))
    records: list[Record] = []
    for batch in batches:
        for event in translator.feed(batch.blocks, batch.arrived_at):
            records += engine.apply(event)
    return told([*records, *engine.close()])


def facts_of(given: Iterable[bytes]) -> list[Fact]:
    """Return what blocks claim about calls when they are replayed."""
    return facts([Batch(list(given), None, 0)])
