"""A source that says what a test tells it to, and AMI blocks to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ringwatch.flow.ports import Item

NINE = 1_795_424_400.0
CALLER = "1795424400.0"


class Scripted:
    """A source that yields what it is given, when it is given it."""

    def __init__(self, *items: Item) -> None:
        self._said: asyncio.Queue[Item | BaseException | None] = asyncio.Queue()
        self.give(*items)

    def give(self, *items: Item) -> None:
        """Say something more."""
        for item in items:
            self._said.put_nowait(item)

    def end(self) -> None:
        """Have nothing more to say, as a recording."""
        self._said.put_nowait(None)

    def fail(self, error: BaseException) -> None:
        """Give up."""
        self._said.put_nowait(error)

    async def items(self) -> AsyncIterator[Item]:
        """Yield what was given."""
        while (said := await self._said.get()) is not None:
            if isinstance(said, BaseException):
                raise said
            yield said


def block(event: str, at: float | None, **headers: object) -> bytes:
    """Build an event as the framer hands it on."""
    stamp = [] if at is None else [f"Timestamp: {at:.6f}"]
    lines = [f"Event: {event}", "Privilege: call,all", *stamp, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode()


def rings_in(at: float, uniqueid: str = CALLER) -> bytes:
    """Let a caller come in from outside."""
    return block(
        "Newchannel",
        at,
        Channel=f"PJSIP/trunk-{uniqueid[-1]:>08}",
        ChannelState=4,
        CallerIDNum="0201000001",
        Exten="1000",
        Context="from-trunk",
        Uniqueid=uniqueid,
    )


def joins(at: float, uniqueid: str = CALLER, queue: str = "support") -> bytes:
    """Let a caller join a queue."""
    return block(
        "QueueCallerJoin",
        at,
        Channel=f"PJSIP/trunk-{uniqueid[-1]:>08}",
        CallerIDNum="0201000001",
        Uniqueid=uniqueid,
        Queue=queue,
        Position=1,
    )


def abandons(at: float, uniqueid: str = CALLER, queue: str = "support") -> bytes:
    """Let a queue give a caller up, without a word about why."""
    return block("QueueCallerAbandon", at, Uniqueid=uniqueid, Queue=queue, Position=1)


def hangs_up(at: float, uniqueid: str = CALLER) -> bytes:
    """Let a channel end."""
    return block("Hangup", at, Uniqueid=uniqueid, Cause=16)
