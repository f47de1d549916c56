"""A fortnight of a simulated desk, as Prometheus would have seen it.

One working day of the demonstration's desk goes through ringwatch's own pipeline in virtual time, bytes in and metrics
out, with a connection that breaks for ten minutes and an event that says too little. What the page shows every five
minutes is written down, and repeated for ten working days and two weekends, with counters that go on. On one of the
days ringwatch was down for an hour.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ringwatch import config
from ringwatch.app import through
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly
from ringwatch.core.rules import Alert
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Attached, Batch, Detached, Item
from ringwatch.flow.pump import Pump
from ringwatch.simulator import DEFAULT_PLAN, Desk
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.metrics import MetricsSink
from tests.simulator.desks import HOUR, MONDAY_NINE

STEP = 300.0
DAY = 86_400.0
DAYS = 14
MIDNIGHT = MONDAY_NINE - 9 * HOUR
END = MIDNIGHT + DAY + 11.5 * HOUR
"""In the middle of a busy Tuesday morning."""
BEGIN = END - DAYS * DAY
DOWN = (END - 4.9 * DAY, END - 4.9 * DAY + HOUR)
AWAY = (MIDNIGHT + 10.5 * HOUR, MIDNIGHT + 10.5 * HOUR + 600)
REMEMBERING = ("--storage.tsdb.retention.time=10y", f"--query.lookback-delta={STEP + 60:.0f}s")
"""How a Prometheus is started that is to see it: it is long ago, or will be, and seldom looked at."""
LABELS = {"job": "ringwatch", "instance": "desk:9816"}
SETTINGS = """
pbx = [{name = "main", username = "ringwatch", secret = "simulated"}]
metrics.agents = true
line."town hall" = {extensions = ["5000"]}
standard = {callback_seconds = 7200, wrapup_seconds = 10}
hours = {timezone = "UTC", week = {mon-fri = "08:00-17:30"}}
alert.data_stale = {enabled = false} # Nobody pings a simulated PBX at night.
alert.agent_no_break = {threshold = 3600}
"""
# Without billing, whose agents tell nothing new: the fewer series, the sooner they are written.
PLAN = replace(
    DEFAULT_PLAN,
    queues=tuple(queue for queue in DEFAULT_PLAN.queues if queue.name != "billing"),
    agents=tuple(agent for agent in DEFAULT_PLAN.agents if agent.number not in {"210", "211", "212"}),
)
_STRANGE = b"Event: Hangup\r\nPrivilege: call,all"
_DELIVERED = ("webhook", "pager", "taken")
_UNDER_WAY = 0.02
_CUMULATIVE = ("_total", "_bucket", "_sum", "_count")
_UP = 'up{job="ringwatch",instance="desk:9816"}'
_SCRAPED = 'scrape_samples_scraped{job="ringwatch",instance="desk:9816"}'


class _Working:
    """The source: a desk at work, and a page of metrics every five minutes of it."""

    def __init__(self) -> None:
        policy = config.parse(SETTINGS, "the fortnight").policy_for("main")
        hub = Hub()
        self._desk = Desk(PLAN, seed=3, start_at=MIDNIGHT)
        self._pump = Pump(self, Engine("main", policy), hub, listen=self._listen, lossless=True)
        self._metrics = MetricsSink({"main": policy}, agents=True)
        self._delivered = Counter({_DELIVERED: 0})
        self._metrics.add(Itself([self._pump], hub, self._delivered))
        self._metrics.follow("main", self._pump.engine.now)
        self.work = through(hub, [self._metrics], self._pump.run())
        self.times: list[float] = []
        self.series: dict[str, list[float | None]] = {}
        """Values at the times, nothing where a series was not there."""
        self._raised: dict[str, bool] = {}

    def _listen(self, _pbx: str, heard: Attached | Detached | Alert | Anomaly) -> None:
        if isinstance(heard, Alert):
            labels = {"alertname": heard.name, "alertstate": "firing", "pbx": heard.pbx, "severity": heard.severity}
            if heard.queue:
                labels["queue"] = heard.queue
            self._delivered[_DELIVERED] += 1
            self._raised[_series("ALERTS", labels)] = heard.state == "raised"

    async def items(self) -> AsyncIterator[Item]:
        """Yield the day."""
        desk, (gone, back) = self._desk, AWAY
        yield Attached(MIDNIGHT, "the simulated desk", "9.0.0")
        yield self._listed()
        self._look()
        while desk.now < MIDNIGHT + DAY - STEP:
            said = desk.advance(desk.now + 10)
            if desk.now == gone:
                yield Batch([_STRANGE], desk.now, len(_STRANGE))
                yield Detached(desk.now, "the network is away", None, 1.0)
            if desk.now == back:
                yield Attached(desk.now, "the simulated desk", "9.0.0")
                yield self._listed()
            elif said and not gone <= desk.now < back:
                yield _batch([block for _, block in said], said[-1][0] + _UNDER_WAY)
            if desk.now % STEP == 0:
                self._look()

    def _listed(self) -> Batch:
        # As a session does, which asks what time it is there before all else.
        pong = b"Response: Success\r\nPing: Pong\r\nTimestamp: %.6f" % self._desk.now
        return _batch([pong, *self._desk.queue_status("1"), *self._desk.channels("2")], self._desk.now)

    def _look(self) -> None:
        found = [
            (_series(sample.name, {**LABELS, **sample.labels}), sample.value)
            for family in self._metrics.registry.collect()
            for sample in family.samples
        ]
        found += [(series, 1.0) for series, raised in self._raised.items() if raised]
        found += [(_UP, 1.0), (_SCRAPED, float(len(found)))]
        for series, value in found:
            values = self.series.setdefault(series, [])
            values += [None] * (len(self.times) - len(values))
            values.append(value)
        self.times.append(self._desk.now)


def _batch(blocks: Sequence[bytes], at: float) -> Batch:
    return Batch([block.rstrip() for block in blocks], at, sum(map(len, blocks)))


def _series(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{told}}}"


def _days() -> Iterator[tuple[float, int]]:
    """Yield how far every day lies from the one that was simulated, and how many working days came before it."""
    worked = 0
    for day in range(-DAYS + 1, 2):
        yield day * DAY, worked
        # The one that was simulated is a Monday.
        worked += day % 7 < 5


def _lines(working: _Working) -> Iterator[str]:
    for series, values in working.series.items():
        name = series.partition("{")[0]
        cumulative, stamp = name.endswith(_CUMULATIVE), name.endswith("_timestamp_seconds")
        last = values[-1] or 0.0
        for shift, worked in _days():
            weekend = shift // DAY % 7 >= 5
            base = worked * last if cumulative else 0.0
            for at, value in zip(working.times, values, strict=False):
                when = at + shift
                if value is None or not BEGIN <= when <= END:
                    continue
                if DOWN[0] <= when < DOWN[1]:
                    if series == _UP:
                        yield f"{series} 0 {when:.0f}\n"
                    continue
                told = value
                if cumulative:
                    told = base if weekend else base + value
                elif weekend:
                    told = last
                if stamp and told:
                    told += shift
                # A sum that is less by the last digit would be a counter that began anew.
                yield f"{series} {round(told, 6)} {when:.0f}\n"
    yield "# EOF\n"


def write(data: Path, lines: Iterable[str]) -> None:
    """Make samples, in the text of OpenMetrics, the data of a Prometheus."""
    told = data.with_suffix(".om")
    with told.open("w") as file:
        file.writelines(lines)
    # By itself promtool reads everything again for every two hours of it.
    longest = "--max-block-duration=486h"
    command = ["promtool", "tsdb", "create-blocks-from", longest, "openmetrics", "--quiet", str(told), str(data)]
    subprocess.run(command, check=True, timeout=120)
    told.unlink()


def fill(data: Path) -> None:
    """Make the fortnight the data of a Prometheus.

    :param data: its folder, which is made.
    """
    working = _Working()
    asyncio.run(working.work)
    write(data, _lines(working))
