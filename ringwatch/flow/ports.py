"""What every source and every sink looks like.

A source yields items: it says when it is attached and detached, and in between it gives the blocks it read, stamped on
arrival. It reconnects by itself and ends only when there is nothing more to come (a recording) or when trying again is
pointless. A sink takes records from its own bounded inbox, at its own pace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

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


class Sink(Protocol):
    """Where records go."""

    name: str

    async def run(self, inbox: Inbox) -> None:
        """Take records until the inbox is closed. Trouble of the far side is the sink's own to mend."""
        ...
