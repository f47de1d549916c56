"""``ringwatch import``: a queue_log through the sinks, as ``replay`` does it with a recorded AMI stream.

Rules:

* Visits that the log leaves open at its end are not told: they may be going on, and AMI, or a later import, knows
  better.
* What the facts file holds already is not told again: neither what AMI told, which is finer, nor what an earlier import
  did. A visit of which AMI saw no end is told again with the log's.
* Nothing goes outward but to the given sinks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from ringwatch.app import through
from ringwatch.core.facts import Record
from ringwatch.core.queue_log import Line, QueueLog, Told, lost, mend
from ringwatch.core.standards import Policy
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Sink
from ringwatch.sources.queue_log import QueueLogFiles, QueueLogTail, Tally

POLL_SECONDS = 0.5
_ALL = 1 << 62
_EXAMPLES = 100
_BATCH = 5000
"""Records that are published together: enough to be quick, few enough for any sink's inbox."""


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    tally: Tally
    visits: int = 0
    told_before: int = 0
    """Visits that were told already."""
    open_visits: int = 0
    """Visits of which the log does not tell the end."""
    misfits: list[str] = field(default_factory=list)
    """Lines that fit nothing, with their places; the first of them."""
    misfit_count: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "lines": self.tally.lines,
            "visits": self.visits,
            "told_before": self.told_before,
            "open_visits": self.open_visits,
            "foreign_events": dict(sorted(self.tally.foreign.items())),
            "damaged_lines": self.tally.damaged,
            "torn_lines": self.tally.torn,
            "misfit_lines": self.misfit_count,
        }

    def notes(self) -> list[str]:
        """Return what a person should know of, a line each; none when the log was read to the last letter."""
        tally = self.tally
        foreign = ", ".join(f"{name} ({count})" for name, count in tally.foreign.most_common())
        return [
            *([f"events that Asterisk itself does not write, passed over: {foreign}"] if foreign else []),
            *([f"lines that cannot be read: {tally.damaged}, the first: {_shown(tally)}"] if tally.damaged else []),
            *([f"files that end in the middle of a line: {tally.torn}"] if tally.torn else []),
            *([f"lines that fit nothing: {self.misfit_count}, the first: {self.misfits[0]}"] if self.misfits else []),
            *([f"visits told before, left as they are: {self.told_before}"] if self.told_before else []),
            *([f"visits without an end in the log, not told: {self.open_visits}"] if self.open_visits else []),
        ]


def _shown(tally: Tally) -> str:
    return f"{tally.examples[0].place}: {tally.examples[0].why}"


class _Importer:
    """Turns lines into records and gives them to a hub."""

    def __init__(self, tally: Tally, pbx: str, policy: Policy, hub: Hub, before: Iterable[Record]) -> None:
        self.done = Imported(tally)
        self._told = Told(remembered=_ALL)
        self._told.note(record for record in before if record.pbx == pbx)
        self._log = QueueLog(pbx, policy, misfit=self._misfit)
        self._hub = hub
        self._records: list[Record] = []

    def _misfit(self, line: Line, why: str) -> None:
        self.done.misfit_count += 1
        if len(self.done.misfits) < _EXAMPLES:
            self.done.misfits.append(f"{line.place}: {line.event}: {why}")

    async def take(self, line: Line) -> None:
        for story in self._log.apply(line):
            self.done.visits += 1
            before = self._told.find(story.visit)
            if before and not lost(before):
                self.done.told_before += 1
            else:
                self._records += mend(story, [(-inf, inf)], self._told)
        if len(self._records) >= _BATCH:
            await self.flush()

    async def flush(self) -> None:
        self.done.open_visits = len(self._log.open_visits)
        if self._records:
            self._hub.publish(self._records)
            self._records = []
        await self._hub.drain()


async def import_files(
    files: QueueLogFiles, pbx: str, policy: Policy, sinks: Sequence[Sink], before: Iterable[Record] = ()
) -> Imported:
    """Tell the sinks what a log, or a rotated set of them, tells.

    :param before: what has been told already.
    :raises ringwatch.errors.RingwatchError: a file cannot be read, or a sink cannot write.
    """
    hub = Hub()
    importer = _Importer(files.tally, pbx, policy, hub, before)

    async def work() -> None:
        for line in files.lines():
            await importer.take(line)
        await importer.flush()

    await through(hub, sinks, work())
    return importer.done


async def import_live(
    path: Path,
    pbx: str,
    policy: Policy,
    sinks: Sequence[Sink],
    stop: asyncio.Event,
    *,
    before: Iterable[Record] = (),
    poll: float = POLL_SECONDS,
) -> Imported:
    """Tell the sinks what a log tells while Asterisk writes it, until ``stop`` is set.

    :param before: what has been told already.
    :param poll: seconds between two looks at the file.
    :raises ringwatch.errors.RingwatchError: the file cannot be read, or a sink cannot write.
    """
    hub = Hub()
    tail = QueueLogTail(path)
    importer = _Importer(tail.tally, pbx, policy, hub, before)

    async def work() -> None:
        try:
            last = False
            while not last:
                # What was written until the end was asked for is told.
                last = stop.is_set()
                for line in await asyncio.to_thread(tail.read):
                    await importer.take(line)
                await importer.flush()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), poll)
        finally:
            tail.close()

    await through(hub, sinks, work())
    return importer.done
