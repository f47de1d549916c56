"""The hub: one bounded inbox per sink.

Rules:

* Publishing never waits. An inbox that is full loses its oldest records and counts them: a sink that is slow or dead
  costs itself, never the reader. The inbox of a sink that failed keeps nothing and counts everything.
* A replay calls `Hub.drain` between batches, and then nothing is ever lost.
"""

from __future__ import annotations

import asyncio
from collections import deque

from ringwatch.core.facts import Record

DEFAULT_CAPACITY = 100_000


class Inbox:
    """The records that wait for one sink.

    :param name: the sink's, for the counter of what was dropped.
    :param capacity: most records that wait.
    """

    def __init__(self, name: str, capacity: int = DEFAULT_CAPACITY) -> None:
        """Start empty."""
        self.name = name
        self.dropped = 0
        self._records: deque[Record] = deque()
        self._capacity = capacity
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def put(self, records: list[Record]) -> None:
        """Add records, at the cost of the oldest when there is no room."""
        self._records.extend(records)
        while len(self._records) > self._capacity:
            self._records.popleft()
            self.dropped += 1
        if self._records:
            self._arrived.set()
            self._idle.clear()

    def close(self) -> None:
        """Let the sink finish what waits, then end."""
        self._closed = True
        self._arrived.set()

    def abandon(self) -> None:
        """Count what waits, and all that will come, as dropped: the sink takes no more."""
        self.dropped += len(self._records)
        self._records.clear()
        self._capacity = 0
        self._idle.set()

    async def get(self) -> list[Record]:
        """Return everything that waits, as soon as anything does; an empty list once the inbox is closed and empty.

        Asking again says that the last records were dealt with.
        """
        if not self._records:
            self._idle.set()
            if not self._closed:
                self._arrived.clear()
                await self._arrived.wait()
        records = list(self._records)
        self._records.clear()
        return records

    async def wait_idle(self) -> None:
        """Wait until the sink has dealt with everything."""
        await self._idle.wait()


class Hub:
    """Fans records out to every sink's inbox."""

    def __init__(self) -> None:
        """Start without sinks."""
        self.inboxes: list[Inbox] = []

    def add(self, name: str, capacity: int = DEFAULT_CAPACITY) -> Inbox:
        """Add a sink's inbox."""
        inbox = Inbox(name, capacity)
        self.inboxes.append(inbox)
        return inbox

    def publish(self, records: list[Record]) -> None:
        """Give records to every sink, without waiting."""
        for inbox in self.inboxes:
            inbox.put(records)

    async def drain(self) -> None:
        """Wait until every sink has dealt with everything."""
        for inbox in self.inboxes:
            await inbox.wait_idle()

    def close(self) -> None:
        """Close every inbox."""
        for inbox in self.inboxes:
            inbox.close()
