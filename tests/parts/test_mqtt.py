"""MQTT with a real Mosquitto: what arrives, and what becomes of it when the broker is away, frozen or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from msgspec.structs import replace

from ringwatch import config
from ringwatch.core.facts import Record
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.mqtt import MqttSink
from ringwatch.telemetry import DeliveryFailed, DeliveryResumed, Happening
from tests.parts.mosquitto import PASSWORDS, DebiansMosquitto, Heard, Mosquitto, listening
from tests.sinks.samples import ALERT, CALL, EVERY_KIND, NINE, READING, VISIT, numbered
from tests.waiting import until

STATUS = "ringwatch/status"
QUEUE, PBX = "ringwatch/main/queue/support/state", "ringwatch/main/state"
CALLS, ALERTS = "ringwatch/main/event/call", "ringwatch/main/event/alert"
CLEARED = replace(ALERT, state="cleared", at=NINE + 80, value=1, why="well", advice="All is well again.")


def mqtt(port: int, more: str = "", password: str = PASSWORDS["ringwatch"], interval: float = 0.2) -> config.MqttConfig:
    """Return a configuration that is quick to come back."""
    text = (
        f'pbx = [{{username = "x", secret = "y"}}]\n[mqtt]\nport = {port}\nusername = "ringwatch"\n'
        f'password = "{password}"\nreconnect_min_seconds = 0.05\nreconnect_max_seconds = 0.2\n'
        f"timeout_seconds = 1.0\nstate_interval_seconds = {interval}\n{more}\n"
    )
    read = config.parse(text, "test").mqtt
    assert read is not None
    return read


class Publishing:
    """A sink at work."""

    def __init__(self, settings: config.MqttConfig) -> None:
        self.said: list[Happening] = []
        self.attached = {"main": True}
        self.inbox = Inbox("mqtt")
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._sink = MqttSink(
            settings,
            {"main": ["direct"]},
            agents=settings.agents,
            attached=lambda: self.attached,
            says=self.said.append,
            counts=self.counts,
        )
        self.task = asyncio.create_task(self._sink.run(self.inbox))

    @property
    def failed(self) -> list[DeliveryFailed]:
        """What it said of failures."""
        return [each for each in self.said if isinstance(each, DeliveryFailed)]

    async def take(self, *records: Record) -> float:
        """Give it records; return how many seconds it was until it had taken them."""
        began = time.monotonic()
        self.inbox.put(list(records))
        await self.inbox.wait_idle()
        return time.monotonic() - began

    @property
    def failures(self) -> int:
        """How many attempts were in vain."""
        return sum(count for (_, _, result), count in self.counts.items() if result != "taken")

    def counted(self, result: str) -> int:
        """Return how often something came to that."""
        return sum(count for (_, _, each), count in self.counts.items() if each == result)

    async def end(self) -> float:
        """End it in order; return how many seconds that took."""
        began = time.monotonic()
        self.inbox.close()
        await asyncio.wait_for(self.task, 20)
        return time.monotonic() - began


@asynccontextmanager
async def publishing(port: int, more: str = "", **options: Any) -> AsyncIterator[Publishing]:
    """Let a sink publish until the block ends."""
    work = Publishing(mqtt(port, more, **options))
    try:
        yield work
        if not work.task.done():
            await work.end()
    finally:
        work.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await work.task


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """Run a broker."""
    async with Mosquitto(tmp_path / "broker") as running:
        yield running


async def standing(broker: Mosquitto, wanted: int) -> dict[str, Any]:
    """Return what stands on the broker, once so many topics have been told of."""
    async with listening(broker.port) as heard:
        await until(lambda: len({topic for topic, _, _ in heard.messages}) >= wanted, "all to be told")
    async with listening(broker.port) as heard:
        await until(lambda: len(heard.retained) >= wanted, "all to stand")
        return heard.retained


def numbers(heard: Heard) -> list[int]:
    """Return the calls that were told of, in their order."""
    return [int(float(call["call_id"])) for call in heard.all(CALLS)]


class TestPublishing:
    """With a broker that is well."""

    async def test_how_things_stand_is_there_for_who_comes_later(self, broker: Mosquitto) -> None:
        """Retained, while what happened is not; an orderly end leaves word."""
        async with (
            listening(broker.port) as heard,
            publishing(broker.port, "agents = true\nhome_assistant = {}") as work,
        ):
            await work.take(*EVERY_KIND)
            await until(lambda: heard.all(ALERTS), "the alert")
            stood = await standing(broker, 9)
        assert set(stood) == {
            *(STATUS, PBX, QUEUE, "ringwatch/main/queue/direct/state"),
            "ringwatch/main/agent/Anna/PJSIP%2F101/state",
            "homeassistant/binary_sensor/ringwatch_main_support_lines_piling_up/config",
            *(f"homeassistant/sensor/ringwatch_main_support_{each}/config" for each in ("waiting",)),
            *(f"homeassistant/sensor/ringwatch_main_support_agents_{each}/config" for each in ("present", "required")),
        }
        assert (stood[STATUS], stood[PBX]["attached"], stood[QUEUE]["waiting"]) == ("online", True, 2)
        assert "RingwatchLinesPilingUp" in stood[QUEUE]["alerts"]
        assert heard.all(STATUS) == ["online", "offline"]
        assert [len(heard.all(f"ringwatch/main/event/{kind}")) for kind in ("visit", "call", "alert")] == [1, 1, 1]
        assert (work.inbox.dropped, work.failures, work.said) == (0, 0, [])
        assert work.counted("taken") == len(heard.messages) - len(heard.all(STATUS))

    @pytest.mark.parametrize("qos", [0, 1, 2])
    async def test_any_quality_of_service_will_do(self, broker: Mosquitto, qos: int) -> None:
        """All of it arrives once while the connection lasts, in its order."""
        async with listening(broker.port) as heard, publishing(broker.port, f"qos = {qos}") as work:
            await work.take(*(numbered(CALL, number) for number in range(100)), READING)
            await until(lambda: len(heard.all(CALLS)) >= 100 and heard.last(QUEUE), "all of it")
        assert numbers(heard) == list(range(100))

    async def test_an_alert_is_told_and_stands_until_it_is_cleared(self, broker: Mosquitto) -> None:
        """At once as an event, and in the state of the queue."""
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            await work.take(READING, ALERT)
            await until(lambda: (heard.last(QUEUE) or {}).get("alerts"), "the alert in the state")
            await work.take(CLEARED)
            await until(lambda: heard.last(QUEUE)["alerts"] == {}, "the end of it in the state")
        assert [alert["state"] for alert in heard.all(ALERTS)] == ["raised", "cleared"]

    async def test_many_busy_queues_are_told_at_a_bounded_rate(self, broker: Mosquitto) -> None:
        """Three hundred that change at every moment: each as often as allowed, and in the end as it is."""
        async with listening(broker.port) as heard, publishing(broker.port, interval=1.0) as work:
            await until(lambda: heard.last(STATUS), "the connection")
            began = time.monotonic()
            for turn in range(40):
                await work.take(*(replace(READING, queue=f"q{n}", waiting=turn) for n in range(300)))
                await asyncio.sleep(0.05)
            topics = [f"ringwatch/main/queue/q{n}/state" for n in range(300)]
            await until(lambda: all((heard.last(each) or {}).get("waiting") == 39 for each in topics), "the last word")
            most = time.monotonic() - began + 1
        assert max(len(heard.all(each)) for each in topics) <= most
        assert work.inbox.dropped == 0

    async def test_a_pbx_that_is_lost_and_found_is_told(self, broker: Mosquitto) -> None:
        """Nobody tells a sink: it looks."""
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            await until(lambda: (heard.last(PBX) or {}).get("attached"), "the PBX to be there")
            work.attached = {"main": False}
            await until(lambda: heard.last(PBX)["attached"] is False, "the PBX to be away")

    async def test_another_word_on_the_status_is_put_right(self, broker: Mosquitto) -> None:
        """As the will of the connection before, which a broker may publish only after the next has begun."""
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            await work.take(READING)
            await until(lambda: heard.last(QUEUE), "the connection")
            password = PASSWORDS["ringwatch"]
            async with aiomqtt.Client("127.0.0.1", broker.port, username="ringwatch", password=password) as other:
                await other.publish(STATUS, b"offline", qos=1, retain=True)
            await until(lambda: heard.all(STATUS) == ["online", "offline", "online"], "the status to be put right")


class TestTrouble:
    """With a broker that goes away, hangs, forgets or refuses."""

    async def test_a_broker_that_is_away_is_waited_for(self, tmp_path: Path) -> None:
        """What happened meanwhile is told when it comes, in its order."""
        broker = Mosquitto(tmp_path / "broker")
        async with publishing(broker.port) as work:
            await work.take(READING, *(numbered(CALL, number) for number in range(50)))
            await until(lambda: work.failures >= 2, "two attempts")
            async with listening_from_the_start(broker) as heard:
                await until(lambda: len(heard.all(CALLS)) >= 50 and heard.last(QUEUE), "all of it")
                await work.end()
            assert numbers(heard) == list(range(50))
        assert "Connection refused" in work.failed[0].why
        assert "listener" in (work.failed[0].remedy or "")
        (resumed,) = (each for each in work.said if isinstance(each, DeliveryResumed))
        assert resumed.failures == len(work.failed) == work.failures
        assert work.inbox.dropped == 0

    @pytest.mark.parametrize("how", ["stop", "kill"])
    async def test_a_broker_that_restarts_gets_everything_again(self, broker: Mosquitto, how: str) -> None:
        """Also what it had retained and forgot; no event is lost, and the last word is the newest."""
        async with publishing(broker.port) as work:
            queues = [replace(READING, queue=f"q{number}") for number in range(200)]
            await work.take(*queues, *(numbered(CALL, number) for number in range(20)))
            await standing(broker, 203)
            await (broker.stop() if how == "stop" else broker.kill())
            await work.take(*(replace(each, waiting=7) for each in queues), *(numbered(CALL, n) for n in range(20, 40)))
            await until(lambda: work.failed, "the break to be told")
            for file in broker.folder.glob("mosquitto.db"):
                file.unlink()
            async with listening_from_the_start(broker) as heard:
                await until(
                    lambda: all(
                        (heard.last(f"ringwatch/main/queue/q{number}/state") or {}).get("waiting") == 7
                        for number in range(200)
                    ),
                    "every queue as it is",
                )
                await until(lambda: set(range(20, 40)) <= set(numbers(heard)), "every call of the outage")
                assert (await standing(broker, 203))[STATUS] == "online"
        assert work.inbox.dropped == 0

    async def test_a_frozen_broker_holds_up_nobody(self, broker: Mosquitto) -> None:
        """Records are taken as ever; what was told meanwhile arrives when it goes on, the newest state last."""
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            await work.take(READING)
            await until(lambda: heard.last(QUEUE), "the connection")
            broker.freeze()
            slowest = 0.0
            for number in range(200):
                taken = await work.take(numbered(CALL, number), replace(READING, waiting=number))
                slowest = max(slowest, taken)
            await until(lambda: work.failed, "the silence to be noticed")
            broker.thaw()
            await until(lambda: set(numbers(heard)) == set(range(200)), "every call")
            await until(lambda: heard.last(QUEUE)["waiting"] == 199, "the newest state")
            await until(lambda: heard.last(STATUS) == "online", "the status")
        assert slowest < 0.5
        assert "does not take what is published" in work.failed[0].why
        assert work.inbox.dropped == 0

    async def test_an_end_while_the_broker_is_frozen_is_soon(self, broker: Mosquitto) -> None:
        """What could not be told is counted."""
        async with publishing(broker.port) as work:
            await work.take(READING)
            await standing(broker, 4)
            broker.freeze()
            await work.take(VISIT, CALL)
            seconds = await work.end()
            broker.thaw()
        assert seconds < 5
        assert work.inbox.dropped == 2

    async def test_beyond_the_bound_the_oldest_events_are_dropped_and_counted(self, tmp_path: Path) -> None:
        """The newest are kept; how things stand is never dropped."""
        broker = Mosquitto(tmp_path / "broker")
        async with publishing(broker.port, "keep_events = 100") as work:
            await work.take(READING, *(numbered(CALL, number) for number in range(250)))
            assert work.inbox.dropped == 150
            async with listening_from_the_start(broker) as heard:
                await until(lambda: len(heard.all(CALLS)) >= 100 and heard.last(QUEUE), "what was kept")
                await work.end()
            assert numbers(heard) == list(range(150, 250))
        assert work.inbox.dropped == 150

    async def test_an_acl_that_swallows_is_noticed_and_mended(self, broker: Mosquitto) -> None:
        """The broker says nothing: a message that does not come back tells it. Nothing is lost until it is mended."""
        allowed = broker.acl.read_text()
        broker.acl.write_text("user wallboard\ntopic read #\nuser ringwatch\ntopic read ringwatch/#\n")
        broker.hang_up()
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            await work.take(READING, CALL)
            await until(lambda: len(work.failed) >= 2, "the ACL to be noticed")
            assert {each.why for each in work.failed} == {
                f"127.0.0.1:{broker.port} swallows what is published to ringwatch/status: its ACL forbids it"
            }
            assert "deploy/mosquitto/acl" in (work.failed[0].remedy or "")
            assert work.counted("refused") == len(work.failed)
            assert heard.messages == []
            broker.acl.write_text(allowed)
            broker.hang_up()
            await until(lambda: heard.all(CALLS) and heard.last(QUEUE), "what had waited")
        assert work.inbox.dropped == 0

    async def test_a_wrong_password_is_told(self, broker: Mosquitto) -> None:
        """Again and again until somebody mends it."""
        async with publishing(broker.port, password="mistyped") as work:  # noqa: S106 - a wrong one
            await until(lambda: len(work.failed) >= 2, "two attempts")
        assert work.counted("refused") == len(work.failed)
        assert work.failed[0].why == f"127.0.0.1:{broker.port} refuses the connection: Not authorized"
        assert "username and password" in (work.failed[0].remedy or "")


class TestDeployed:
    """The configuration for Mosquitto that is shipped."""

    async def test_others_read_and_only_ringwatch_writes(self, broker: Mosquitto) -> None:
        """Nobody without an account is let in."""
        async with listening(broker.port) as heard, publishing(broker.port) as work:
            password = PASSWORDS["wallboard"]
            async with aiomqtt.Client("127.0.0.1", broker.port, username="wallboard", password=password) as other:
                await other.publish(ALERTS, b"a joke", qos=1)
            await work.take(ALERT)
            await until(lambda: heard.all(ALERTS), "the alert")
        assert len(heard.all(ALERTS)) == 1
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with aiomqtt.Client("127.0.0.1", broker.port):
                pass

    @pytest.mark.parametrize("kind", [Mosquitto, DebiansMosquitto])
    async def test_what_is_retained_outlives_a_crash_of_the_broker(self, tmp_path: Path, kind: type[Mosquitto]) -> None:
        """But for the last few changes, with nobody there to tell it all again."""
        async with kind(tmp_path / "mosquitto") as broker:
            async with publishing(broker.port) as work:
                await work.take(*(replace(READING, queue=f"q{number}") for number in range(100)))
                await standing(broker, 103)
            await broker.kill()
            await broker.start()
            assert len(await standing(broker, 90)) >= 90


@asynccontextmanager
async def listening_from_the_start(broker: Mosquitto) -> AsyncIterator[Heard]:
    """Start a broker to which nobody can write before somebody listens."""
    allowed = broker.acl.read_text()
    broker.acl.write_text("pattern read #\n")
    await broker.start()
    try:
        async with listening(broker.port) as heard:
            broker.acl.write_text(allowed)
            broker.hang_up()
            yield heard
    finally:
        await broker.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority, and certificates for the broker and for ringwatch."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    for name, alt in (("broker", "IP:127.0.0.1"), ("named", "DNS:mqtt.example.com"), ("ringwatch", "DNS:ringwatch")):
        (folder / "ext").write_text(f"subjectAltName = {alt}\nauthorityKeyIdentifier = keyid\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return folder


class TestTls:
    """A broker behind a certificate."""

    async def test_a_broker_with_certificates_on_both_sides(self, tmp_path: Path, authority: Path) -> None:
        """Ours is shown where it asks for one, its own is held against the authority."""
        async with Mosquitto(tmp_path / "broker", *tls_lines(authority), "require_certificate true") as broker:
            own = f'cert_file = "{authority}/ringwatch.pem", key_file = "{authority}/ringwatch.key"'
            async with publishing(broker.port, f'tls = {{ca_file = "{authority}/ca.pem", {own}}}') as work:
                await work.take(READING)
                parameters = aiomqtt.TLSParameters(
                    ca_certs=f"{authority}/ca.pem",
                    certfile=f"{authority}/ringwatch.pem",
                    keyfile=f"{authority}/ringwatch.key",
                )
                async with listening(broker.port, tls_params=parameters) as heard:
                    await until(lambda: heard.last(QUEUE), "the state")
        assert work.failed == []

    async def test_a_name_of_its_own_is_held_against_the_certificate(self, tmp_path: Path, authority: Path) -> None:
        """The broker is called by its address, and its certificate names it."""
        async with Mosquitto(tmp_path / "broker", *tls_lines(authority, "named")) as broker:
            tls = f'ca_file = "{authority}/ca.pem"'
            async with publishing(broker.port, f'tls = {{{tls}, server_name = "mqtt.example.com"}}') as work:
                await work.take(CALL)
                await work.end()
            assert (work.failed, work.inbox.dropped) == ([], 0)
            async with publishing(broker.port, f"tls = {{{tls}}}") as work:
                await until(lambda: work.failed, "the wrong name to be told")
        assert "IP address mismatch" in work.failed[0].why

    @pytest.mark.parametrize(
        ("more", "lines", "why", "remedy"),
        [
            ('tls = {{ca_file = "{0}/other.pem"}}', (), "no TLS with .*certificate|no TLS with .*issuer", "ca_file"),
            ("", (), "no answer from .* within 1 s", "give the table tls"),
            ('tls = {{ca_file = "{0}/ca.pem"}}', ("require_certificate true",), "no answer from", "cert_file"),
        ],
        ids=["of an unknown authority", "unasked for", "that asks for ours"],
    )
    async def test_what_does_not_fit_is_told(
        self, more: str, lines: tuple[str, ...], why: str, remedy: str, tmp_path: Path, authority: Path
    ) -> None:
        """With what to do about it."""
        async with (
            Mosquitto(tmp_path / "broker", *tls_lines(authority), *lines) as broker,
            publishing(broker.port, more.format(authority)) as work,
        ):
            await until(lambda: work.failed, "the failure to be told")
        assert re.search(why, work.failed[0].why)
        assert remedy in (work.failed[0].remedy or "")

    async def test_a_handshake_that_never_ends_is_given_up(self, tmp_path: Path, authority: Path) -> None:
        """A frozen broker takes the connection and says nothing; the end does not wait for it."""
        async with Mosquitto(tmp_path / "broker", *tls_lines(authority)) as broker:
            broker.freeze()
            async with publishing(broker.port, f'tls = {{ca_file = "{authority}/ca.pem"}}') as work:
                await until(lambda: work.failed, "the silence to be told")
                assert await work.end() < 5
            broker.thaw()


def tls_lines(authority: Path, name: str = "broker") -> tuple[str, ...]:
    """Return the lines of mosquitto.conf."""
    return (
        f"cafile {authority}/ca.pem",
        f"certfile {authority}/{name}.pem",
        f"keyfile {authority}/{name}.key",
    )
