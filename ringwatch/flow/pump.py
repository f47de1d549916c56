"""The pump of one PBX: items of a source and ticks go through the engine to the hub.

Rules:

* One task does everything in order; there is nothing to lock. After every batch the records and the changed readings
  are published together, so that nobody sees half of it.
* Between batches time passes by ticks, at the PBX's own time, so that what is due is not late on a quiet line.
* When the source ends, what is still up is told as ``unknown``.
* A pump hangs when it does not tick, or its source says nothing, for longer than that ever takes: `Pump.hangs` is what
  the watchdog and ``/-/healthy`` go by. Away is not hanging: a source that cannot attach says so again and again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly, Record
from ringwatch.core.rules import Alert
from ringwatch.errors import CaptureWithoutTime
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Attached, Batch, Detached, Healer, Item, Source

TICK_SECONDS = 0.5
"""What is due on a quiet line is told within a second: the clock is believed a little later."""


class Pump:
    """Drives one engine.

    :param listen: told of every item that is not a batch, and of every alert and anomaly: the log.
    :param healer: makes up for what the stream did not say while it was away.
    :param lossless: wait for the sinks after every batch; for a recording, which can wait.
    :param patience: seconds beyond which a silent source, or a clock that stands still, hangs.
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        hub: Hub,
        *,
        listen: Callable[[str, Attached | Detached | Alert | Anomaly], None],
        lossless: bool = False,
        healer: Healer | None = None,
        patience: float = math.inf,
    ) -> None:
        """Start before the first item."""
        self.engine = engine
        self.translator = Translator()
        self.attached: Attached | None = None
        self.detached: Detached | None = None
        """Why it is not attached, once that has been told."""
        self.away_since: float | None = None
        """Since when it is not, by the own clock, however often that was tried again."""
        self.attachments = 0
        self.received_bytes = 0
        self.lag_seconds: float | None = None
        """From the PBX's Timestamp of the last event to its being read here, clock differences included."""
        self.early: list[Record] = []
        """What there is to tell before the first item: of how an earlier run had left things."""
        self._resuming = False
        """Attached, and the engine has yet to be told."""
        self._source = source
        self._hub = hub
        self._listen = listen
        self._lossless = lossless
        self._healer = healer
        self._patience = patience
        self._heard_at = self._ticked_at = math.inf

    @property
    def pbx(self) -> str:
        """Return the name of the PBX."""
        return self.engine.pbx

    @property
    def last_event_at(self) -> float | None:
        """Return the time of the last event by the PBX's clock, ``None`` before the first."""
        return self.translator.clock.last

    @property
    def event_counts(self) -> dict[str, int]:
        """Return how often every event name was seen."""
        return {name.decode("ascii", "backslashreplace"): count for name, count in self.translator.counts.items()}

    def hangs(self) -> str | None:
        """Return what no longer moves, and only a new start may mend; ``None`` while all is well."""
        oldest = time.monotonic() - self._patience
        if self._ticked_at < oldest:
            return "its clock stands still"
        return "its source says nothing, not even that it is away" if self._heard_at < oldest else None

    async def run(self) -> None:
        """Pump until the source ends.

        :raises ringwatch.errors.SourceError: the source gave up.
        :raises ringwatch.errors.CaptureWithoutTime: a recording never told the time.
        """
        self._heard_at = self._ticked_at = time.monotonic()
        tasks = [asyncio.create_task(self._follow())]
        if not self._lossless:
            tasks.append(asyncio.create_task(self._tick()))
        try:
            # A clock that fails ends the pump as a source does: half of one would look healthy.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._publish(self.engine.close())
            if self.detached and self.attachments:
                # The gap is known up to now, and nobody will be there to see its end.
                self._publish(self.engine.apply(ev.StreamResumed(self.translator.clock.now(time.time()))))
            if self._healer:
                self._hub.publish(self._healer.release())
                self._healer.close()

    async def _follow(self) -> None:
        self._publish(self.early)
        async for item in self._source.items():
            self._heard_at = time.monotonic()
            self._take(item)
            if self._lossless:
                await self._hub.drain()
        if self.translator.timeless:
            raise CaptureWithoutTime("no block of this recording says when anything happened")

    def _take(self, item: Item) -> None:
        match item:
            case Batch():
                self._batch(item)
            case Attached():
                self.attached, self.detached, self.away_since = item, None, None
                self.attachments += 1
                self._listen(self.pbx, item)
                self._resuming = True
                if self.translator.clock.last is not None:
                    self._publish(self._resume(self.translator.clock.now(item.at)))
            case Detached():
                if self.attached:
                    at = self.translator.clock.last or item.at
                    if self._healer:
                        self._healer.broke(at)
                    self._publish(self.engine.apply(ev.StreamBroke(at, "disconnected")))
                elif not self.attachments and not self.detached:
                    self._publish(self.engine.apply(ev.StreamAwaited(item.at)))
                self.attached, self.detached = None, item
                self.away_since = self.away_since or item.at
                self._listen(self.pbx, item)

    def _batch(self, batch: Batch) -> None:
        self.received_bytes += batch.size
        records: list[Record] = []
        apply = self.engine.apply
        for event in self.translator.feed(batch.blocks, batch.arrived_at):
            if self._resuming:
                # Before the first word of a PBX nobody knows what time it is there.
                records += self._resume(event.at)
            if found := apply(event):
                records += found
        self.lag_seconds = self.translator.clock.ahead
        self._publish(records)

    def _resume(self, at: float) -> list[Record]:
        self._resuming = False
        if self._healer:
            self._healer.resumed(at)
        return self.engine.apply(ev.StreamResumed(at))

    def _publish(self, records: list[Record]) -> None:
        for record in records:
            if type(record) is Anomaly or type(record) is Alert:
                self._listen(self.pbx, record)
        if self._healer:
            records = self._healer.sift(records)
        records = [*records, *self.engine.readings()]
        if records:
            self._hub.publish(records)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._ticked_at = time.monotonic()
            now = self.translator.clock.now(time.time())
            if self.translator.clock.last is not None or self.detached:
                self._publish(self.engine.apply(ev.Tick(now)))
            if self._healer:
                # What the other witness says is told as it is; it has been sifted already.
                self._hub.publish(await self._healer.heal(now))
