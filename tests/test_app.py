"""The daemon as a whole, against simulated desks: what it tells is what happened there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from ringwatch import app, config
from ringwatch.core.facts import Call, Callback, Gap, QueueVisit, Record, to_json
from ringwatch.core.readings import CallOffered, Reading
from ringwatch.core.standards import Policy
from ringwatch.errors import CaptureError, LoginRefused, RingwatchError
from ringwatch.flow.hub import Inbox
from ringwatch.flow.ports import Attached, Batch, Item, Sink
from ringwatch.simulator import Account, Plan, SimulatorServer
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sources.capture import CaptureWriter
from ringwatch.sources.facts import recent_facts
from ringwatch.telemetry import Happening, SinkDropped, Telemetry
from tests.accounting import metrics_equal_facts
from tests.flow.scripted import abandons, joins
from tests.log import Log
from tests.simulator.desks import MONDAY_NINE, busy, small
from tests.sinks.receiver import Receiver
from tests.sinks.test_metrics import samples, value
from tests.tools.captures import path as capture_path
from tests.truth import Truth
from tests.waiting import until

SECRET, WRONG = "simulated", "mistyped"
ACCOUNT = Account(username="ringwatch", secret=SECRET)
LINES = '[line."one"]\nextensions = ["3000"]\n[line."two"]\nextensions = ["3001"]\n'


def plain_desk() -> Plan:
    """A busy desk where nobody consults: ring-all, holds, blind transfers, direct lines, and people who miss calls."""
    plan = busy()
    return replace(plan, agents=tuple(replace(agent, transfers_attended=0.0) for agent in plan.agents))


@pytest.fixture(autouse=True)
def _desks_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a desk notice soon that it was let go faster."""
    monkeypatch.setattr("ringwatch.simulator.server.LONGEST_SLEEP_SECONDS", 0.02)


class Everything:
    """A sink that keeps what it is given."""

    def __init__(self, name: str = "everything") -> None:
        self.name = name
        self.records: list[Record] = []
        self.ended = False

    async def run(self, inbox: Inbox) -> None:
        """Take until the inbox is closed."""
        while records := await inbox.get():
            self.records += records
        self.ended = True


class Failing:
    """A sink that takes some records, then raises."""

    name = "failing"

    async def run(self, inbox: Inbox) -> None:
        """Fail at the first record."""
        await inbox.get()
        raise ValueError("the far side is gone")


class Stuck:
    """A sink that never comes back from its first record."""

    name = "stuck"

    async def run(self, inbox: Inbox) -> None:
        """Take once and wait for ever."""
        await inbox.get()
        await asyncio.Event().wait()


def pbx_table(port: int, name: str = "main", more: str = "") -> str:
    """Write the configuration of one PBX."""
    return (
        f'[[pbx]]\nname = "{name}"\nport = {port}\nusername = "ringwatch"\nsecret = "{SECRET}"\n'
        f'trunks = ["PJSIP/trunk"]\nreconnect_min_seconds = 0.05\nreconnect_max_seconds = 0.1\n{more}\n'
    )


class Running:
    """A daemon at work."""

    def __init__(self, tables: str, *sinks: Sink, facts: Path | None = None) -> None:
        settings = config.parse(f'{tables}\n[web]\nlisten = "127.0.0.1:0"\n', "test")
        self.log = Log()
        self.everything = Everything()
        self.daemon = app.Daemon(settings, Telemetry(self.log), facts=facts, sinks=[*sinks, self.everything])
        self.stop = asyncio.Event()

    @property
    def records(self) -> Sequence[Record]:
        """Everything told so far."""
        return self.everything.records

    def ended(self, pbx: str = "main") -> set[str]:
        """Return the calls that were told to their end."""
        return {record.call_id for record in self.records if isinstance(record, Call) and record.pbx == pbx}

    async def attached(self) -> None:
        """Wait until every PBX is attached."""
        await until(lambda: all(pump.attached for pump in self.daemon.pumps), "every PBX to be attached")

    async def get(self, path: str) -> tuple[int, str]:
        """Fetch a page."""
        url = f"http://{self.daemon.web.address}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def run(self) -> None:
        """Run until told to stop."""
        await self.daemon.run(self.stop)


@asynccontextmanager
async def running(tables: str, *sinks: Sink, facts: Path | None = None) -> AsyncIterator[Running]:
    """Run a daemon until the block ends, and let it end in order."""
    work = Running(tables, *sinks, facts=facts)
    task = asyncio.create_task(work.run())
    try:
        await until(lambda: work.daemon.web.address or task.done(), "the daemon to start")
        yield work
        work.stop.set()
        await asyncio.wait_for(task, 10)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, RingwatchError):
            await task


def owed(work: Running) -> dict[str, tuple[float, float]]:
    """Return how many call-backs are shown to be owed by each queue or line: those not overdue, and those that are."""
    shown: dict[str, dict[str, float]] = {}
    for each, count in samples(work.daemon.metrics.render(), "ringwatch_callbacks_owed").items():
        shown.setdefault(dict(each)["queue"], {})[dict(each)["overdue"]] = count
    return {queue: (counts["false"], counts["true"]) for queue, counts in shown.items()}


def desk(
    plan: Plan, seed: int = 1, *, speed: float = 0.001, port: int = 0, start_at: float = MONDAY_NINE
) -> SimulatorServer:
    """Make a simulated PBX; at this speed next to nothing happens until it is let go faster."""
    # A test machine may be slow for a moment, and must not be cut off for that.
    return SimulatorServer(
        plan,
        account=ACCOUNT,
        seed=seed,
        speed=speed,
        start_at=start_at,
        port=port,
        write_buffer_bytes=1 << 28,
        refusal_seconds=0.01,
    )


async def work_off(server: SimulatorServer, seconds: float, speed: float = 500.0) -> None:
    """Let a desk work for some virtual seconds, shut its doors, and wait until everybody is gone."""
    server.speed = speed
    await until(lambda: server.desk.now >= server.desk.started_at + seconds, "the desk to have worked")
    server.desk.close_doors()
    await until(lambda: not server.desk.open_calls, "the last caller to be gone", within=60)


class TestTruth:
    """What is told is what happened."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    async def test_every_call_is_told_as_it_happened(self, seed: int, tmp_path: Path) -> None:
        """Outcome, queue, agent, waits, rings, talks, holds and transfers are the desk's own, and the page adds up."""
        plan = plain_desk()
        facts = tmp_path / "facts.jsonl"
        async with desk(plan, seed) as server, running(pbx_table(server.port) + LINES, facts=facts) as work:
            await work.attached()
            await work_off(server, 400)
            truth = Truth(plan, server.desk.ledger)
            await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
        # Of the end of it: then every sink has taken everything, and whatever went on has been told to be over.
        page = work.daemon.metrics.render()
        assert len(truth.calls) > 100
        assert truth.disagreements(work.records) == []
        metrics_equal_facts(page, work.records)
        lines = [json.loads(line) for line in facts.read_text().splitlines()]
        assert {line["call_id"] for line in lines if line["type"] == "call"} == truth.calls.keys()
        assert b'queue="one"' in page
        assert b'queue="two"' in page
        assert not re.search(rb"ringwatch_anomalies_total\{[^}]*\} [1-9]", page)

    async def test_calls_that_were_up_on_attaching_are_told_from_there(self) -> None:
        """A daemon that comes in the middle of the day agrees about every call that begins after it came."""
        plan = plain_desk()
        async with desk(plan, 4, speed=500) as server:
            await until(lambda: server.desk.open_calls >= 10, "some calls to be up")
            async with running(pbx_table(server.port) + LINES) as work:
                await work.attached()
                since = server.desk.now
                await work_off(server, since - MONDAY_NINE + 300)
                truth = Truth(plan, server.desk.ledger, since)
                await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
        assert len(truth.calls) > 50
        assert truth.disagreements(work.records) == []

    async def test_pyst2_tells_the_same(self) -> None:
        """Both sources stand before the same engine, and see the same desk."""
        plan = plain_desk()
        async with desk(plan, 5) as server:
            tables = pbx_table(server.port) + pbx_table(server.port, "other", 'source = "pyst2"') + LINES
            async with running(tables) as work:
                await work.attached()
                await work_off(server, 120, speed=200)
                truth = Truth(plan, server.desk.ledger)
                await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
                await until(lambda: truth.calls.keys() <= work.ended("other"), "every call to be told by pyst2")
        assert len(truth.calls) > 20
        for pbx in ("main", "other"):
            assert truth.disagreements([each for each in work.records if each.pbx == pbx]) == []


class TestAttaching:
    """Coming, going and coming back."""

    async def test_a_wrong_password_ends_a_daemon_of_one_pbx(self) -> None:
        """Whoever just started it with a typing error learns it at once."""
        async with desk(small()) as server:
            work = Running(pbx_table(server.port).replace(SECRET, WRONG))
            with pytest.raises(LoginRefused) as caught:
                await asyncio.wait_for(work.run(), 10)
        assert "ringwatch" in caught.value.message
        assert caught.value.remedy
        assert [line["event"] for line in work.log.lines] == ["started", "stopped"]

    async def test_a_wrong_password_of_one_of_two_leaves_the_other_in_peace(self) -> None:
        """The one is watched; the other is tried again until somebody mends it, and the pages say which."""
        async with desk(small()) as server, desk(small()) as locked:
            tables = pbx_table(server.port) + pbx_table(locked.port, "north").replace(SECRET, WRONG)
            async with running(tables) as work:
                main, _ = work.daemon.pumps
                await until(lambda: main.attached, "the one to be attached")
                await until(lambda: len(work.log.of("detached")) >= 3, "the other to be tried again and again")
                assert await work.get("/-/ready") == (503, "not attached: north\n")
                status, landing = await work.get("/")
                assert (status, "was refused" in landing) == (200, True)
                locked.account = replace(ACCOUNT, secret=WRONG)
                await work.attached()
                assert await work.get("/-/ready") == (200, "ringwatch is ready\n")
        assert {line["pbx"] for line in work.log.of("detached")} == {"north"}
        assert all(line["remedy"] for line in work.log.of("detached"))

    async def test_a_pbx_that_is_away_is_waited_for(self) -> None:
        """The daemon may start before Asterisk does."""
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        async with running(pbx_table(port)) as work:
            await until(lambda: len(work.log.of("detached")) >= 2, "two attempts")
            assert "Connection refused" in work.log.of("detached")[0]["why"]
            assert (await work.get("/-/ready"))[0] == 503
            assert (await work.get("/-/healthy"))[0] == 200
            async with desk(small(), port=port):
                await work.attached()
                assert (await work.get("/-/ready"))[0] == 200
                await until(lambda: work.records, "something to be heard")
                # It had never been there, so nothing of it is missing.
                assert not [record for record in work.records if isinstance(record, Gap)]

    async def test_whom_alerts_are_told_to_is_told_that_a_pbx_is_away_and_back(self) -> None:
        """An Alertmanager and a webhook, at once; on the page is what became of every request."""
        async with Receiver() as receiver:
            tables = (
                f"[alert]\nami_disconnected = {{ threshold = 0.2 }}\n"
                f'[alertmanager]\nurls = ["{receiver.url}"]\n'
                f'[[webhook]]\nname = "pager"\nurl = "{receiver.url}/hook"\n'
            )

            def told(path: str, key: str) -> list[Any]:
                bodies = [request.json for request in receiver.requests if request.path == path]
                alerts = [alert for body in bodies for alert in (body if isinstance(body, list) else [body])]
                return [alert[key] for alert in alerts]

            async with desk(small()) as server:
                port = server.port
            async with running(f"{pbx_table(port)}{tables}") as work:
                await until(lambda: told("/hook", "state") == ["raised"], "the webhook to be told")
                await until(lambda: told("/api/v2/alerts", "labels"), "the Alertmanager to be told")
                async with desk(small(), port=port, start_at=time.time()):
                    await until(lambda: told("/hook", "state") == ["raised", "cleared"], "the end of it")
                    await until(
                        lambda: len(set(told("/api/v2/alerts", "endsAt"))) > 1, "the Alertmanager to be told the end"
                    )
                _, page = await work.get("/metrics")
                own_page = f"http://{work.daemon.web.address}/"
        assert told("/api/v2/alerts", "labels")[0] == {
            "alertname": "RingwatchAmiDisconnected",
            "pbx": "main",
            "severity": "critical",
        }
        assert set(told("/api/v2/alerts", "generatorURL")) == {own_page}
        assert 'ringwatch_deliveries_total{result="taken",sink="webhook",where="pager"} 2.0' in page
        assert f'ringwatch_deliveries_total{{result="failed",sink="alertmanager",where="{receiver.url}"}} 0.0' in page

    async def test_a_pbx_that_restarts_is_attached_again(self) -> None:
        """The time between is a gap, what was up is told as unknown, and what follows is told as before."""
        crowded, quiet = small(count=1, calls_per_hour=900), small(calls_per_hour=600)
        async with desk(crowded) as first, running(pbx_table(first.port)) as work:
            await work.attached()
            first.speed = 100
            await until(lambda: len(_offered(work)) - len(work.ended()) >= 3, "some callers in line")
            port, up = first.port, _offered(work) - work.ended()
            await first.stop()
            await until(lambda: work.log.of("detached"), "the break")
            async with desk(quiet, 2, port=port, start_at=first.desk.now + 60) as second:
                await work.attached()
                await until(lambda: up <= work.ended(), "what was up to be told")
                await work_off(second, 120)
                truth = Truth(quiet, second.desk.ledger)
                await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
                _, page = await work.get("/metrics")
                # The end of the second desk may be seen as well.
                (gap,) = (record for record in work.records if isinstance(record, Gap))
                said = [line["event"] for line in work.log.lines if not line["event"].startswith("alert_")]
        visits = [record for record in work.records if isinstance(record, QueueVisit) and record.call_id in up]
        assert {"unknown"} <= {visit.outcome for visit in visits} <= {"unknown", "answered"}
        assert {visit.talk_ended_by for visit in visits if visit.outcome == "answered"} <= {"unknown"}
        assert gap.why == "disconnected"
        assert gap.to > gap.from_
        assert len(truth.calls) > 10
        assert truth.disagreements(work.records) == []
        assert 'ringwatch_ami_reconnects_total{pbx="main"} 1.0' in page
        detached = ["detached"] * said.count("detached")
        assert said == ["started", "attached", *detached, "attached"]


class TestStartingAgain:
    """What an earlier run had told goes on."""

    async def test_call_backs_that_an_earlier_run_told_are_still_owed(self, tmp_path: Path) -> None:
        """The page shows them before the PBX is there, and what fell due meanwhile once the PBX says what time it is.

        Three and a half days before, somebody gave up in support; a day before, one there, and one in sales, who was
        called back a minute later: of nothing after that had the earlier run heard.
        """
        day = 86_400
        facts = tmp_path / "facts.jsonl"
        old, new, done = (
            Callback(
                pbx="main",
                queue=queue,
                call_id=f"{ago}.{serial}",
                caller=f"020100000{serial}",
                owed_since=MONDAY_NINE - ago * day,
                due_at=MONDAY_NINE - (ago - 3) * day,
                state="owed",
                at=MONDAY_NINE - ago * day,
                by=None,
            )
            for serial, (ago, queue) in enumerate([(3.5, "support"), (1, "support"), (1, "sales")])
        )
        settled = msgspec.structs.replace(done, state="settled", at=MONDAY_NINE - day + 60, by="desk")
        facts.write_bytes(b"".join(to_json(each) + b"\n" for each in (old, done, new, settled)))
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        async with running(pbx_table(port), facts=facts) as work:
            before = {"support": (2, 0), "sales": (0, 0), "direct": (0, 0)}
            await until(lambda: owed(work) == before, "what was owed to be shown")
            async with desk(small(), port=port):
                await until(lambda: owed(work) == {**before, "support": (1, 1)}, "what has fallen due to be shown")
            page = work.daemon.metrics.render()
        assert [each for each in recent_facts(facts) if isinstance(each, Callback)] == [old, done, new, settled]
        assert value(page, "ringwatch_callbacks_settled_total", pbx="main", queue="sales", by="desk") == 0


class TestEnding:
    """The right order, whatever happens."""

    async def test_stopping_drains_every_sink(self, tmp_path: Path) -> None:
        """Calls that are up are told as unknown, and everything told is in every sink; the web goes last."""
        facts = tmp_path / "facts.jsonl"
        async with desk(busy()) as server, running(pbx_table(server.port), facts=facts) as work:
            await work.attached()
            server.speed = 500
            await until(lambda: len(work.ended()) >= 20, "some calls to be over")
            server.speed = 1
            await until(lambda: _offered(work) - work.ended(), "a call that is up")
        assert work.everything.ended
        assert _offered(work) <= work.ended()
        assert any(record.outcome == "unknown" for record in work.records if isinstance(record, Call))
        written = [json.loads(line) for line in facts.read_text().splitlines()]
        assert [line["call_id"] for line in written if line["type"] == "call"] == [
            record.call_id for record in work.records if isinstance(record, Call)
        ]
        metrics_equal_facts(work.daemon.metrics.render(), work.records)
        assert work.log.lines[-1] == {"event": "stopped"}
        assert not [line for line in work.log.lines if line["event"].startswith("sink")]
        with pytest.raises(aiohttp.ClientConnectorError):
            await work.get("/-/healthy")

    async def test_a_sink_that_raises_is_reported_and_the_others_go_on(self) -> None:
        """What it does not get any more is counted as dropped, and said."""
        async with desk(small()) as server, running(pbx_table(server.port), Failing()) as work:
            await work.attached()
            await work_off(server, 300)
            truth = Truth(small(), server.desk.ledger)
            await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
            page = work.daemon.metrics.render().decode()
        (failed,) = work.log.of("sink_failed")
        assert failed == {"event": "sink_failed", "sink": "failing", "why": "ValueError('the far side is gone')"}
        assert truth.disagreements(work.records) == []
        dropped = float(page.partition('ringwatch_sink_dropped_total{sink="failing"} ')[2].split()[0])
        assert dropped > 20
        assert 'ringwatch_sink_dropped_total{sink="everything"} 0.0' in page
        (told,) = work.log.of("sink_dropped")
        assert (told["sink"], told["count"] >= dropped) == ("failing", True)

    async def test_a_sink_that_never_ends_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After some seconds of grace it is left behind, and what it did not get is said."""
        monkeypatch.setattr(app, "_FAREWELL_SECONDS", 0.1)
        async with desk(small()) as server, running(pbx_table(server.port), Stuck()) as work:
            await work.attached()
            server.speed = 500
            await until(lambda: len(work.ended()) >= 5, "some calls to be over")
        assert [line["sink"] for line in work.log.of("sink_dropped")] == ["stuck"]
        assert work.everything.ended
        assert work.log.lines[-1]["event"] == "stopped"

    async def test_what_was_dropped_is_said_when_it_grows_and_not_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One bad moment in January is not an error a minute until December."""
        monkeypatch.setattr(app, "_HOUSEKEEPING_SECONDS", 0.001)
        said: list[int] = []

        class Counting(Telemetry):
            def emit(self, happening: Happening) -> None:
                if isinstance(happening, SinkDropped):
                    said.append(happening.count)

        async with desk(small()) as server:
            settings = config.parse(pbx_table(server.port) + '[web]\nlisten = "127.0.0.1:0"\n', "test")
            daemon = app.Daemon(settings, Counting(), sinks=[Failing()])
            stop = asyncio.Event()
            task = asyncio.create_task(daemon.run(stop))
            await until(lambda: daemon.pumps[0].attached, "the PBX to be attached")
            server.speed = 500
            await until(lambda: len(said) >= 2, "something to be dropped")
            server.desk.close_doors()
            await until(lambda: not server.desk.open_calls, "the last caller to be gone")
            await server.stop()
            await until(lambda: daemon.pumps[0].detached, "the break")
            stop.set()
            await asyncio.wait_for(task, 10)
        assert len(said) == len(set(said))
        assert said == sorted(said)

    async def test_a_full_disk_costs_the_facts_file_alone(self) -> None:
        """It is said once a minute at most with the total so far, and the pages go on."""
        async with desk(small()) as server, running(pbx_table(server.port), facts=Path("/dev/full")) as work:
            await work.attached()
            await work_off(server, 300)
            truth = Truth(small(), server.desk.ledger)
            await until(lambda: truth.calls.keys() <= work.ended(), "every call to be told")
            assert (await work.get("/-/ready"))[0] == 200
        assert truth.disagreements(work.records) == []
        lost = work.log.of("facts_lost")
        assert lost[0]["why"] == "cannot write facts to /dev/full: No space left on device"
        assert lost[-1]["count"] == sum(not isinstance(each, Reading) for each in work.records)
        assert work.log.of("sink_failed") == []

    async def test_facts_that_cannot_be_written_stop_a_daemon_before_it_starts(self, tmp_path: Path) -> None:
        """It was asked for facts, and would keep none."""
        with pytest.raises(RingwatchError, match="cannot write facts"):
            Running(pbx_table(5038), facts=tmp_path / "nowhere" / "facts.jsonl")

    async def test_an_address_that_is_taken_stops_a_daemon_before_it_attaches(self) -> None:
        """The PBX never hears of it, and nothing is left running."""
        async with desk(small()) as server:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                settings = config.parse(f'{pbx_table(server.port)}\n[web]\nlisten = "127.0.0.1:{port}"\n', "test")
                before = asyncio.all_tasks()
                with pytest.raises(RingwatchError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                    await app.Daemon(settings, Telemetry(Log())).run(asyncio.Event())
            assert asyncio.all_tasks() == before
            assert server.clients == []

    async def test_a_source_that_breaks_in_a_way_nobody_foresaw_ends_the_daemon_with_that(self) -> None:
        """Half a daemon would look healthy; the sinks get what was told before."""

        class Broken:
            async def items(self) -> AsyncIterator[Item]:
                yield Batch([joins(MONDAY_NINE)], None, 0)
                raise ZeroDivisionError

        work = Running(pbx_table(5038))
        work.daemon.pumps[0]._source = Broken()
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(work.run(), 10)
        assert isinstance(work.records[0], CallOffered)
        assert work.ended()
        assert work.log.lines[-1]["event"] == "stopped"


async def test_what_no_rule_foresaw_is_logged_and_counted() -> None:
    """With its kind and a detail for people; the daemon goes on."""

    class Strange:
        async def items(self) -> AsyncIterator[Item]:
            yield Attached(MONDAY_NINE, "127.0.0.1:5038", "11.0.0")
            yield Batch([abandons(MONDAY_NINE)], None, 0)
            await asyncio.Event().wait()

    work = Running(pbx_table(5038))
    work.daemon.pumps[0]._source = Strange()
    task = asyncio.create_task(work.run())
    await until(lambda: work.log.of("anomaly_seen"), "the anomaly")
    _, page = await work.get("/metrics")
    work.stop.set()
    await asyncio.wait_for(task, 10)
    (line,) = work.log.of("anomaly_seen")
    assert (line["pbx"], line["kind"], "support" in line["detail"]) == ("main", "join_not_seen", True)
    assert 'ringwatch_anomalies_total{kind="join_not_seen",pbx="main"} 1.0' in page


class TestRecording:
    """Streams to files and back."""

    async def test_a_full_disk_ends_a_recording_in_one_line(self) -> None:
        """There is nothing else for it to do."""
        async with desk(small()) as server:
            settings = config.parse(pbx_table(server.port), "test")
            source, writer = app.live_source(settings.pbx[0]), CaptureWriter(Path("/dev/full"))
            with pytest.raises(CaptureError, match="cannot write the recording: No space left on device"):
                await asyncio.wait_for(app.record(source, writer, asyncio.Event(), lambda _item: None), 10)

    async def test_a_refused_login_ends_a_recording(self, tmp_path: Path) -> None:
        """With the error of the source."""
        async with desk(small()) as server:
            settings = config.parse(pbx_table(server.port).replace(SECRET, WRONG), "test")
            source = app.live_source(settings.pbx[0], give_up=True)
            writer = CaptureWriter(tmp_path / "stream.ami")
            with pytest.raises(LoginRefused):
                await asyncio.wait_for(app.record(source, writer, asyncio.Event(), lambda _item: None), 10)

    @pytest.mark.parametrize("name", ["scenarios-22", "mix-16"])
    async def test_a_replay_is_the_same_every_time(self, name: str) -> None:
        """Record for record and byte for byte."""
        runs = []
        for _ in range(2):
            page, everything = MetricsSink({"main": Policy()}), Everything()
            await app.replay(capture_path(name), "main", Policy(), [page, everything])
            assert everything.ended
            runs.append((page.render(), everything.records))
        assert runs[0] == runs[1]

    async def test_a_replay_of_nothing_is_refused_and_its_sinks_end(self, tmp_path: Path) -> None:
        """A text file is no recording."""
        file = tmp_path / "stream.ami"
        file.write_text("Dear Sir or Madam\r\n\r\n")
        before = asyncio.all_tasks()
        with pytest.raises(CaptureError, match="holds no AMI message"):
            await app.replay(file, "main", Policy(), [Everything()])
        assert asyncio.all_tasks() == before


class TestSignals:
    """How a daemon is told to end."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_sets_the_event(self, number: signal.Signals) -> None:
        """And after the block it does what it does to any program."""
        stop = asyncio.Event()
        with app.stopped_by_signals(stop):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 10)
        assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)

    async def test_an_end_can_be_set(self) -> None:
        """After some seconds; leaving earlier takes it back."""
        stop = asyncio.Event()
        async with app.ended_after(0.01, stop):
            await asyncio.wait_for(stop.wait(), 10)
        never = asyncio.Event()
        async with app.ended_after(None, never), app.ended_after(0.001, never):
            pass
        await asyncio.sleep(0.02)
        assert not never.is_set()


def _offered(work: Running) -> set[str]:
    return {record.call_id for record in work.records if isinstance(record, CallOffered)}
