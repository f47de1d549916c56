"""The MQTT sink with the least of a broker; tests/parts has it with a real one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ringwatch import config
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.mqtt import MqttSink
from ringwatch.telemetry import DeliveryFailed, DeliveryResumed, Happening
from tests.waiting import until

from .broker import NOTHING, Broker
from .samples import CALL, EVERY_KIND, READING, VISIT

STATUS = "ringwatch/status"


def settings(port: int, more: str = "") -> config.MqttConfig:
    """Return a configuration that is quick to come back."""
    read = config.parse(
        f'pbx = [{{username = "x", secret = "y"}}]\n[mqtt]\nport = {port}\ntimeout_seconds = 0.5\n'
        f"reconnect_min_seconds = 0.05\nreconnect_max_seconds = 0.1\n{more}\n",
        "test",
    ).mqtt
    assert read is not None
    return read


class Publishing:
    """A sink at work."""

    def __init__(
        self, settings: config.MqttConfig, attached: Callable[[], Mapping[str, bool]] = lambda: {"main": True}
    ) -> None:
        self.said: list[Happening] = []
        self.inbox = Inbox("mqtt")
        self.counts: Counter[tuple[str, str, str]] = Counter()
        lines = {"main": ["direct"]}
        sink = MqttSink(settings, lines, agents=True, attached=attached, says=self.said.append, counts=self.counts)
        self.task = asyncio.create_task(sink.run(self.inbox))

    @property
    def failures(self) -> int:
        """How many attempts were in vain."""
        return sum(count for (_, _, result), count in self.counts.items() if result != "taken")

    async def end(self) -> None:
        """End it in order."""
        self.inbox.close()
        await asyncio.wait_for(self.task, 10)


@asynccontextmanager
async def publishing(port: int, more: str = "") -> AsyncIterator[Publishing]:
    """Let a sink publish until the block ends."""
    work = Publishing(settings(port, more))
    try:
        yield work
        if not work.task.done():
            await work.end()
    finally:
        work.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work.task


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Run a broker."""
    made = Broker()
    yield made
    made.close()


async def test_everything_is_published_between_online_and_offline(broker: Broker) -> None:
    """Events before states, and nothing is left over."""
    async with publishing(broker.port) as work:
        work.inbox.put(list(EVERY_KIND))
    topics = [topic for topic, _ in broker.messages]
    assert (broker.messages[0], broker.messages[-1]) == ((STATUS, b"online"), (STATUS, b"offline"))
    assert topics[1:4] == [f"ringwatch/main/event/{kind}" for kind in ("visit", "call", "alert")]
    assert sorted(topics[4:-1]) == [
        "ringwatch/main/agent/Anna/PJSIP%2F101/state",
        "ringwatch/main/queue/direct/state",
        "ringwatch/main/queue/support/state",
        "ringwatch/main/state",
    ]
    assert (work.inbox.dropped, work.failures, work.said) == (0, 0, [])


async def test_a_broker_that_swallows_is_told_with_what_to_do_and_keeps_nobody_waiting() -> None:
    """It is asked again, and nothing is lost by it."""
    broker = Broker(swallows="status")
    async with publishing(broker.port) as work:
        work.inbox.put([CALL])
        await until(lambda: work.failures >= 2, "two attempts")
        broker.swallows = NOTHING
        await until(lambda: "ringwatch/main/event/call" in dict(broker.messages), "the call")
        await until(lambda: isinstance(work.said[-1], DeliveryResumed), "the end of it to be told")
    *failed, resumed = work.said
    assert isinstance(failed[0], DeliveryFailed)
    assert isinstance(resumed, DeliveryResumed)
    place = f"127.0.0.1:{broker.port}"
    assert failed[0].why == f"{place} swallows what is published to {STATUS}: its ACL forbids it"
    assert failed[0].remedy == "let this account write and read there, as in deploy/mosquitto/acl"
    assert resumed.failures == len(failed) == work.failures
    assert work.inbox.dropped == 0
    broker.close()


async def test_a_broker_that_never_answers_is_given_up_and_tried_again() -> None:
    """Each attempt is a connection of its own, and none of them is left open."""
    broker = Broker(answers=False)
    async with publishing(broker.port) as work:
        await until(lambda: broker.connections >= 3, "three attempts")
    assert {each.why for each in work.said if isinstance(each, DeliveryFailed)} == {
        f"no answer from 127.0.0.1:{broker.port} within 0.5 s"
    }
    broker.close()


async def test_what_could_not_be_delivered_at_the_end_is_counted() -> None:
    """Events; how things stand is of no use any more."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with publishing(port) as work:
        work.inbox.put([READING, VISIT, CALL])
        await until(lambda: work.said, "an attempt")
    assert work.inbox.dropped == 2
    (first, *_) = work.said
    assert isinstance(first, DeliveryFailed)
    assert first.why == f"cannot connect to 127.0.0.1:{port}: Connection refused"


async def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the resolver's words."""

    def unknown(*_arguments: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with publishing(1883, 'host = "nowhere.example"') as work:
        await until(lambda: work.said, "an attempt")
    assert isinstance(work.said[0], DeliveryFailed)
    assert work.said[0].why == "cannot connect to nowhere.example:1883: Name or service not known"


async def test_tls_files_that_cannot_be_used_are_told(broker: Broker, tmp_path: Path) -> None:
    """The daemon goes on: they may be renewed at this moment."""
    (tmp_path / "ca.pem").write_text("no certificate")
    async with publishing(broker.port, f'tls.ca_file = "{tmp_path}/ca.pem"') as work:
        await until(lambda: work.said, "an attempt")
    assert isinstance(work.said[0], DeliveryFailed)
    assert work.said[0].why.startswith("the TLS files cannot be used")


async def test_a_fault_of_our_own_ends_the_sink(broker: Broker) -> None:
    """It is not taken for a broker that is away: the daemon tells of it and goes on without."""

    def broken() -> Mapping[str, bool]:
        raise ZeroDivisionError

    work = Publishing(settings(broker.port), broken)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(work.task, 10)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


@pytest.mark.parametrize("answers", [True, False])
async def test_it_can_be_cancelled_while_it_connects_and_after(answers: bool) -> None:  # noqa: FBT001 - a case
    """Nothing stays open behind it."""
    broker = Broker(answers=answers)
    work = Publishing(settings(broker.port))
    await until(lambda: broker.connections, "the connection")
    work.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work.task
    assert work.said == []
    broker.close()
