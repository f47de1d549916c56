"""MQTT: how everything stands, as retained topics, and what happened, as events; ``[mqtt]`` of the configuration.

Rules:

* Taking records never waits for the broker. One task takes them, another keeps connecting and publishes what waits.
* A connection that breaks, or a broker that does not answer in time, is given up, and another opened after a pause.
* ``PREFIX/status`` says "online" while connected, and "offline" at the end, or, by the will, when this process is gone.
  Every other word on it is put right: the will of the connection before may come late.
* What could not be delivered, for want of room or of time, is counted as dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import aiomqtt

from ringwatch.config import MqttConfig
from ringwatch.errors import NotDelivered
from ringwatch.flow.hub import Inbox
from ringwatch.flow.remote import Backoff
from ringwatch.sinks.mqtt_broker import Broker, connection, where
from ringwatch.sinks.mqtt_outbox import Outbox
from ringwatch.sinks.mqtt_topics import OFFLINE, ONLINE, Message, Topics
from ringwatch.telemetry import DeliveryFailed, DeliveryResumed, Happening

# How often is looked whether every PBX is attached: nobody tells a sink.
_LOOK_SECONDS = 0.5


class MqttSink:
    """Publishes to one broker.

    :param lines: the direct lines by PBX.
    :param agents: whether agents are told by name.
    :param attached: tells of every PBX whether it is heard.
    :param says: told when the broker cannot be had, and when it can again.
    :param counts: of messages that were taken and attempts that were not, by sink, where to, and result.
    """

    name = "mqtt"

    def __init__(
        self,
        config: MqttConfig,
        lines: Mapping[str, Iterable[str]],
        *,
        agents: bool,
        attached: Callable[[], Mapping[str, bool]],
        says: Callable[[Happening], None],
        counts: Counter[tuple[str, str, str]],
    ) -> None:
        """Prepare; nothing is opened yet."""
        self.topics = Topics(
            config.prefix,
            lines,
            agents=agents,
            callers=config.callers,
            discovery=config.home_assistant.prefix if config.home_assistant else None,
            qos=config.qos,
        )
        self._config = config
        self._attached = attached
        self._says = says
        self._counts = counts
        for result in ("taken", "refused", "failed"):
            self._count(result, 0)
        self._outbox = Outbox(self.topics, config.state_interval_seconds, config.keep_events)
        self._failures = 0
        """Since the broker was last there; ``_away_since`` is when the first of them was."""
        self._away_since = 0.0
        self._news = asyncio.Event()
        self._closing = asyncio.Event()

    async def run(self, inbox: Inbox) -> None:
        """Take records until the inbox is closed; then deliver what waits, if the broker is there."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stay_connected())
                while records := await inbox.get():
                    for record in records:
                        if event := self.topics.take(record):
                            self._outbox.add(event)
                    inbox.dropped += self._outbox.take_dropped()
                    self._news.set()
                self._closing.set()
                self._news.set()
        finally:
            inbox.dropped += self._outbox.waiting

    async def _stay_connected(self) -> None:
        backoff = Backoff(self._config.reconnect_min_seconds, self._config.reconnect_max_seconds)
        while True:
            began = time.monotonic()
            try:
                return await self._connection()
            except NotDelivered as error:
                self._failed(began, error)
            if self._closing.is_set():
                return None
            backoff.lasted(time.monotonic() - began)
            # The end cuts a pause short: one more attempt may deliver what waits.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff.pause()):
                    await self._closing.wait()

    def _failed(self, began: float, error: NotDelivered) -> None:
        if not self._failures:
            self._away_since = began
        self._failures += 1
        self._count("refused" if error.refused else "failed")
        self._says(DeliveryFailed(sink=self.name, where=where(self._config), why=error.message, remedy=error.remedy))

    async def _connection(self) -> None:
        """Publish over one connection until the end; raises NotDelivered."""
        config, status = self._config, self.topics.status
        async with connection(config, aiomqtt.Will(status, OFFLINE, config.qos, retain=True)) as broker:
            came_back = asyncio.Event()
            tasks = [
                asyncio.create_task(self._listen(broker, came_back)),
                asyncio.create_task(self._publish(broker, came_back)),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    async def _listen(self, broker: Broker, came_back: asyncio.Event) -> None:
        """Read our own status until the connection breaks."""
        async for message in broker.messages:
            # What was retained is of the past; only what is said now has come from this connection.
            if message.payload == ONLINE and not message.retain:
                came_back.set()
            elif message.payload != ONLINE and came_back.is_set() and not self._closing.is_set():
                await broker.send([self._status(ONLINE)])

    async def _publish(self, broker: Broker, came_back: asyncio.Event) -> None:
        """Publish whatever waits, until the sink is closed and nothing does."""
        await broker.listen_to(self.topics.status)
        await broker.send([self._status(ONLINE)])
        try:
            await asyncio.wait_for(came_back.wait(), self._config.timeout_seconds)
        except TimeoutError as error:
            raise broker.swallowed(self.topics.status) from error
        if self._failures:
            away = round(time.monotonic() - self._away_since, 3)
            self._says(
                DeliveryResumed(sink=self.name, where=where(self._config), failures=self._failures, seconds=away)
            )
            self._failures = 0
        self._outbox.begin()
        while True:
            self._look()
            closing = self._closing.is_set()
            if batch := self._outbox.batch(time.monotonic(), at_last=closing):
                await broker.send(batch)
                self._count("taken", len(batch))
            elif closing:
                break
            else:
                await self._wait()
        await broker.send([self._status(OFFLINE)])

    def _look(self) -> None:
        for pbx, attached in self._attached().items():
            self.topics.attached(pbx, attached)

    async def _wait(self) -> None:
        due = self._outbox.due_in(time.monotonic())
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS if due is None else min(due, _LOOK_SECONDS)):
                await self._news.wait()

    def _count(self, result: str, count: int = 1) -> None:
        self._counts[self.name, where(self._config), result] += count

    def _status(self, word: bytes) -> Message:
        return Message(self.topics.status, word, retain=True)
