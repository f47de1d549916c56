"""Reads facts back from a file that ``--facts`` wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ringwatch.core.facts import Fact, Gap, moment
from ringwatch.core.rules import Alert
from ringwatch.core.visits import SETTLING_SECONDS
from ringwatch.errors import QueueLogError

_decode = msgspec.json.Decoder(Fact).decode
_RECENT_BYTES = 16 << 20


class _Typed(msgspec.Struct):
    type: str


_type_of = msgspec.json.Decoder(_Typed).decode
_TYPES = frozenset(str(each.__struct_config__.tag) for each in Fact.__args__)


def read_facts(path: Path) -> Iterator[tuple[int, Fact | None]]:
    """Yield line number and fact; ``None`` for a line that cannot be read.

    Facts of kinds that this version does not know are passed over.

    :raises QueueLogError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield number, _decode(line)
                except msgspec.MsgspecError:
                    if not _of_another_version(line):
                        yield number, None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise QueueLogError(message) from error


def recent_facts(path: Path, size: int = _RECENT_BYTES) -> list[Fact]:
    """Return the last facts of a file, as many as stand in its last ``size`` bytes; none where there is no file.

    :raises QueueLogError: it is there and cannot be read.
    """
    facts: list[Fact] = []
    if path.is_char_device() or path.is_fifo():
        # What can only be written to has no past; /dev/full could be read for ever.
        return facts
    try:
        with path.open("rb") as file:
            begins = max(file.seek(0, os.SEEK_END) - size, 0)
            file.seek(begins)
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return facts
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise QueueLogError(message) from error
    # Of the first line only the end may have been read, of the last only the beginning written.
    for line in lines[1 if begins else 0 :]:
        try:
            facts.append(_decode(line))
        except msgspec.MsgspecError:
            continue
    return facts


def last_word(facts: Iterable[Fact], pbx: str) -> float | None:
    """Return until when one PBX was surely heard, by the facts of it, seconds since 1970; ``None`` without any.

    What is not explained within the settling time is told then, be the PBX heard or not; what the queue_log says was
    not heard at all, and an alert may say just that.
    """
    own = (fact for fact in facts if fact.pbx == pbx and getattr(fact, "source", "ami") == "ami")
    heard = (fact for fact in own if not isinstance(fact, Alert))
    return max((fact.to if isinstance(fact, Gap) else moment(fact) - SETTLING_SECONDS for fact in heard), default=None)


def _of_another_version(line: bytes) -> bool:
    try:
        return _type_of(line).type not in _TYPES
    except msgspec.MsgspecError:
        return not line.strip()
