"""The only composer: puts sources, engines, hub and sinks together, and takes them apart again in the right order.

Order of an end: the pumps stop first and tell what is still up as ``unknown``; then the sinks finish what waits for
them; the web server goes last. A sink that fails is reported and lost; it never takes the others with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ringwatch import __version__, telemetry
from ringwatch.config import Config, PbxConfig
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly, Fact
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy
from ringwatch.core.state import seconds
from ringwatch.flow.hub import Hub, Inbox
from ringwatch.flow.ports import Attached, Batch, Detached, Item, Sink, Source
from ringwatch.flow.pump import Pump
from ringwatch.notify import ServiceManager
from ringwatch.sinks.facts_file import FactsFile
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sources.ami import AmiSource
from ringwatch.sources.capture import CaptureSource, CaptureWriter
from ringwatch.sources.facts import last_word, recent_facts
from ringwatch.sources.healing import QueueLogHealer
from ringwatch.sources.pyst2 import Pyst2Source

_SOURCES: dict[str, type[AmiSource | Pyst2Source]] = {"ami": AmiSource, "pyst2": Pyst2Source}
_HOUSEKEEPING_SECONDS = 5.0
_FAREWELL_SECONDS = 5.0
_HEALING_SLACK_SECONDS = 60.0
_HANGING_SLACK_SECONDS = 10.0


def live_source(pbx: PbxConfig, *, give_up: bool = False) -> Source:
    """Make the configured live source of a PBX."""
    return _SOURCES[pbx.source](pbx, give_up=give_up)


def _patience(pbx: PbxConfig) -> float:
    # No wait of a source is without a time-out: all of them in a row are longer than any of its silences.
    waits = pbx.connect_timeout + pbx.login_timeout + 2 * pbx.read_timeout + pbx.reconnect_max_seconds
    return waits + _HANGING_SLACK_SECONDS


def _healer(pbx: PbxConfig, policy: Policy, earlier: Iterable[Fact]) -> QueueLogHealer | None:
    if pbx.queue_log is None:
        return None
    # A dead connection is found out late: visits of the log must be kept for longer than that.
    healer = QueueLogHealer(pbx.name, policy, pbx.queue_log, keep=pbx.read_timeout + _HEALING_SLACK_SECONDS)
    healer.take_over(earlier, time.time())
    return healer


class Daemon:
    """Watches every configured PBX until told to stop.

    :param facts: file to which facts are appended, if any.
    :param sinks: further sinks.
    :param manager: told how things stand, and fed while every pump moves; by default nobody.
    :raises ringwatch.errors.RingwatchError: a file that is needed cannot be used.
    """

    def __init__(
        self,
        config: Config,
        says: telemetry.Telemetry,
        *,
        facts: Path | None = None,
        sinks: Sequence[Sink] = (),
        manager: ServiceManager | None = None,
    ) -> None:
        # Their libraries are slow to import, and a replay has no need of them.
        from ringwatch.sinks.alertmanager import AlertmanagerSink  # noqa: PLC0415
        from ringwatch.sinks.mqtt import MqttSink  # noqa: PLC0415
        from ringwatch.sinks.web import WebServer  # noqa: PLC0415
        from ringwatch.sinks.webhook import WebhookSink  # noqa: PLC0415

        self._config = config
        self._manager = manager or ServiceManager({})
        self._says = says
        self._dropped_told: Counter[str] = Counter()
        policies = {pbx.name: config.policy_for(pbx.name) for pbx in config.pbx}
        self._hub = Hub()
        self.metrics = MetricsSink(policies, agents=config.metrics.agents)
        self._sinks: list[Sink] = [self.metrics, *sinks]
        if facts:
            self._sinks.append(FactsFile(facts, self._facts_lost))
        deliveries: Counter[tuple[str, str, str]] = Counter()
        if config.alertmanager:
            self._sinks.append(AlertmanagerSink(config.alertmanager, says, deliveries, lambda: self.web.url))
        if config.webhook:
            self._sinks.append(WebhookSink(config.webhook, says, deliveries))
        if config.mqtt:
            self._sinks.append(
                MqttSink(
                    config.mqtt,
                    {pbx: policy.line_names for pbx, policy in policies.items()},
                    agents=config.mqtt.agents or config.metrics.agents,
                    attached=lambda: {pump.pbx: pump.attached is not None for pump in self.pumps},
                    says=says.emit,
                    counts=deliveries,
                )
            )
        # A daemon of several PBXs has others to watch while one of them is being mended.
        alone = len(config.pbx) == 1
        earlier = recent_facts(facts) if facts else []
        self.pumps = [
            Pump(
                live_source(pbx, give_up=alone),
                Engine(pbx.name, policies[pbx.name]),
                self._hub,
                listen=self._listen,
                healer=_healer(pbx, policies[pbx.name], earlier),
                patience=_patience(pbx),
            )
            for pbx in config.pbx
        ]
        for pump in self.pumps:
            if (last := last_word(earlier, pump.pbx)) is not None:
                # What happened between two runs was not heard either.
                pump.engine.remember(earlier)
                pump.early = pump.engine.apply(ev.StreamBroke(last, "restarted"))
            self.metrics.follow(pump.pbx, pump.engine.now)
        self.metrics.add(Itself(self.pumps, self._hub, deliveries))
        self.web = WebServer(self.metrics.page, self.pumps)

    async def run(self, stop: asyncio.Event, started: Callable[[str], None] = lambda _address: None) -> None:
        """Watch until ``stop`` is set.

        :param started: told the address of the web pages once they are there.
        :raises ringwatch.errors.RingwatchError: the web address cannot be had, or the one PBX refuses for good.
        """
        await self.web.start(self._config.web.host, self._config.web.port)
        self._says.emit(telemetry.Started(version=__version__, listen=self.web.address))
        started(self.web.address)
        sinks = [asyncio.create_task(self._keep(sink, self._hub.add(sink.name))) for sink in self._sinks]
        pumps = [asyncio.create_task(pump.run()) for pump in self.pumps]
        others = [asyncio.create_task(each) for each in (stop.wait(), self._keep_house(), self._feed_watchdog())]
        self._tell_status()
        self._manager.ready()
        try:
            done, _ = await asyncio.wait([*pumps, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._manager.stopping()
            await _cancel([*pumps, *others])
            self._hub.close()
            await asyncio.wait(sinks, timeout=_FAREWELL_SECONDS)
            await _cancel(sinks)
            self._tell_dropped()
            await self.web.stop()
            self._says.emit(telemetry.Stopped())

    async def _keep(self, sink: Sink, inbox: Inbox) -> None:
        try:
            await sink.run(inbox)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on; the inbox counts what is lost
            self._says.emit(telemetry.SinkFailed(sink=sink.name, why=repr(error)))
        finally:
            inbox.abandon()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            self._says.flush()
            self._tell_dropped()
            for pump in self.pumps:
                if why := pump.hangs():
                    self._says.emit(telemetry.Hung(pbx=pump.pbx, why=why))

    async def _feed_watchdog(self) -> None:
        """Let the service manager know, for as long as it is true, that nothing hangs: neither the loop, nor a pump."""
        while True:
            if not any(pump.hangs() for pump in self.pumps):
                self._manager.feed()
            await asyncio.sleep(self._manager.feed_seconds or _HOUSEKEEPING_SECONDS)

    def _tell_status(self) -> None:
        self._manager.status("; ".join(_standing(pump) for pump in self.pumps))

    def _tell_dropped(self) -> None:
        for inbox in self._hub.inboxes:
            if inbox.dropped > self._dropped_told[inbox.name]:
                self._dropped_told[inbox.name] = inbox.dropped
                self._says.emit(telemetry.SinkDropped(sink=inbox.name, count=inbox.dropped))

    def _facts_lost(self, message: str, count: int) -> None:
        self._says.emit(telemetry.FactsLost(why=message, count=count))

    def _listen(self, pbx: str, heard: Attached | Detached | Alert | Anomaly) -> None:
        match heard:
            case Attached():
                self._says.emit(telemetry.Attached(pbx=pbx, where=heard.where, ami_version=heard.version))
                self._tell_status()
            case Detached():
                self._says.emit(
                    telemetry.Detached(pbx=pbx, why=heard.why, remedy=heard.remedy, retry_in_seconds=heard.retry_in)
                )
                self._tell_status()
            case Alert():
                self._says.emit(_told(heard))
            case Anomaly():
                self._says.emit(telemetry.AnomalySeen(pbx=pbx, kind=heard.kind, detail=heard.detail))


def _standing(pump: Pump) -> str:
    if pump.attached:
        return f"attached to {pump.pbx} at {pump.attached.where}"
    return f"not attached to {pump.pbx}: {pump.detached.why if pump.detached else 'connecting'}"


def _told(alert: Alert) -> telemetry.AlertRaised | telemetry.AlertCleared:
    pbx, queue, name = alert.pbx, alert.queue, alert.name
    if alert.state == "raised":
        return telemetry.AlertRaised(
            pbx=pbx, queue=queue, name=name, value=alert.value, threshold=alert.threshold, advice=alert.advice
        )
    lasted = seconds(alert.at - alert.since)
    return telemetry.AlertCleared(pbx=pbx, queue=queue, name=name, why=alert.why, seconds=lasted)


async def replay(path: Path, pbx: str, policy: Policy, sinks: Sequence[Sink]) -> Pump:
    """Send a recording through the whole pipeline; nothing goes outward but to the given sinks.

    :raises ringwatch.errors.RingwatchError: the recording cannot be used, or a sink cannot write.
    """
    hub = Hub()
    pump = Pump(CaptureSource(path), Engine(pbx, policy), hub, listen=lambda _pbx, _heard: None, lossless=True)
    for sink in sinks:
        if isinstance(sink, MetricsSink):
            sink.add(Itself([pump], hub))
            sink.follow(pbx, pump.engine.now)
    await through(hub, sinks, pump.run())
    return pump


async def through(hub: Hub, sinks: Sequence[Sink], work: Coroutine[Any, Any, None]) -> None:
    """Do some work that publishes to a hub, and let the sinks finish what it gave them.

    :raises ringwatch.errors.RingwatchError: the work fails, or a sink cannot write.
    """
    inboxes = [hub.add(sink.name) for sink in sinks]
    tasks = [asyncio.create_task(sink.run(inbox)) for sink, inbox in zip(sinks, inboxes, strict=True)]
    publishing = asyncio.create_task(work)
    try:
        # A sink only ends before the work when it failed: then there is no point in going on.
        done, _ = await asyncio.wait([publishing, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        hub.close()
        await asyncio.gather(*tasks)
    finally:
        await _cancel([publishing, *tasks])


async def record(source: Source, writer: CaptureWriter, stop: asyncio.Event, heard: Callable[[Item], None]) -> None:
    """Write a live stream to a recording until ``stop`` is set.

    :param heard: told of every item.
    :raises ringwatch.errors.RingwatchError: the PBX refuses for good, or the disk does.
    """

    async def write() -> None:
        async for item in source.items():
            if isinstance(item, Batch):
                writer.write(item)
            heard(item)

    tasks = [asyncio.create_task(write()), asyncio.create_task(stop.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _cancel(tasks)
        writer.close()


@contextlib.contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set an event instead of tearing the loop down."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def ended_after(seconds: float | None, stop: asyncio.Event) -> AsyncIterator[None]:
    """Set an event after some time; ``None`` is never."""
    handle = asyncio.get_running_loop().call_later(seconds, stop.set) if seconds is not None else None
    try:
        yield
    finally:
        if handle:
            handle.cancel()


async def _cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
