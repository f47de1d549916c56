"""What every source and every sink looks like.

A source yields items: it says when it is attached and detached, and in between it gives the blocks it read, stamped on
arrival. It reconnects by itself and ends only when there is nothing more to come (a recording) or when trying again is
pointless. A sink takes records from its own bounded inbox, at its own pace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

from ringwatch.core.facts import Record
from ringwatch.flow.hub import Inbox


@dataclass(frozen=True, slots=True)
class Attached:
    """The stream begins (again). ``at`` is the own clock; ``where`` and ``version`` are for people."""

    at: float
    where: str
    version: str


@dataclass(frozen=True, slots=True)
class Detached:
    """The stream broke off, or could not be opened; ``retry_in`` is in seconds."""

    at: float
    why: str
    remedy: str | None
    retry_in: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Blocks that were read together; ``size`` is what was read in bytes.

    ``arrived_at`` is the own clock in seconds since 1970, ``None`` for a recording.
    """

    blocks: list[bytes]
    arrived_at: float | None
    size: int


Item = Attached | Detached | Batch


class Source(Protocol):
    """Where AMI blocks come from."""

    def items(self) -> AsyncIterator[Item]:
        """Yield what happens, in order.

        :raises ringwatch.errors.SourceError: the stream cannot be had, and trying again is pointless.
        """
        ...


class Healer(Protocol):
    """Makes up, from another witness, for what a stream did not say while it was away.

    The pump asks it in its own task; `ringwatch.sources.healing` says what is called when.
    """

    def broke(self, at: float) -> None:
        """Take note that the PBX is not heard from a moment on."""
        ...

    def resumed(self, at: float) -> None:
        """Take note that the PBX is heard again."""
        ...

    def sift(self, records: Iterable[Record]) -> list[Record]:
        """Return what of some records is to be published now."""
        ...

    async def heal(self, now: float) -> list[Record]:
        """Return what is to be published besides; ``now`` is the PBX's clock."""
        ...

    def release(self) -> list[Record]:
        """Return what is still held back: the end has come."""
        ...

    def close(self) -> None:
        """Let go of the other witness."""
        ...


class Sink(Protocol):
    """Where records go."""

    name: str

    async def run(self, inbox: Inbox) -> None:
        """Take records until the inbox is closed. Trouble of the far side is the sink's own to mend."""
        ...
