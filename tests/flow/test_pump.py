"""The pump: items of a source through the engine to the hub, in order, with time passing in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from ringwatch import app
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly, Call, Gap, QueueVisit, Record
from ringwatch.core.readings import CallOffered, QueueReading
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy
from ringwatch.errors import CaptureWithoutTime, ConnectionLost, RingwatchError
from ringwatch.flow import pump as pump_module
from ringwatch.flow.hub import Hub, Inbox
from ringwatch.flow.ports import Attached, Batch, Detached, Item
from ringwatch.flow.pump import Pump
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.metrics import MetricsSink
from tests.accounting import families
from tests.waiting import until

from .scripted import CALLER, NINE, Scripted, abandons, block, hangs_up, joins, rings_in

T = TypeVar("T")

ATTACHED = Attached(NINE, "127.0.0.1:5038", "11.0.0")
BROKEN = Detached(NINE + 8, "closed the connection", None, 0.5)


class Recorder(Hub):
    """A hub that remembers what was published together."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[list[Record]] = []

    def publish(self, records: list[Record]) -> None:
        """Remember, then do it."""
        self.published.append(list(records))
        super().publish(records)


class Rig:
    """A pump between a scripted source and a hub that remembers."""

    def __init__(self, *, lossless: bool = False) -> None:
        self.source = Scripted()
        self.hub = Recorder()
        self.heard: list[Attached | Detached | Alert | Anomaly] = []
        self.pump = Pump(
            self.source,
            Engine("main", Policy()),
            self.hub,
            listen=lambda _pbx, heard: self.heard.append(heard),
            lossless=lossless,
        )

    def told(self, kind: type[T]) -> list[T]:
        """Return what was published of one kind."""
        return [record for records in self.hub.published for record in records if isinstance(record, kind)]

    def says(self, *blocks: bytes, size: int = 0, arrived_at: float | None = None) -> None:
        """Let the source read some blocks together."""
        self.source.give(Batch(list(blocks), arrived_at, size))

    async def run(self) -> None:
        """Pump until what was given has been said, and the source ends."""
        self.source.end()
        await asyncio.wait_for(self.pump.run(), 10)


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[asyncio.Task[None]]:
    """Pump in the background."""
    task = asyncio.create_task(rig.pump.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def value(page: bytes, name: str, **labels: str) -> float:
    """Return a sample of a page."""
    (found,) = (
        sample.value
        for family in families(page)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )
    return found


async def test_what_a_batch_leads_to_is_published_together() -> None:
    """Facts and the readings that changed with them come in one piece, so that nobody sees half of it."""
    rig = Rig()
    rig.says(rings_in(NINE), joins(NINE + 0.1))
    await rig.run()
    first = rig.hub.published[0]
    assert [record.queue for record in first if isinstance(record, CallOffered)] == ["support"]
    assert isinstance(first[-1], QueueReading)
    assert first[-1].waiting == 1


async def test_a_batch_that_changes_nothing_publishes_nothing() -> None:
    """Half of a stream is of no use to a desk, and wakes no sink."""
    rig = Rig()
    rig.says(block("RTCPSent", NINE), block("TestEvent", NINE + 1))
    await rig.run()
    assert rig.hub.published == []


async def test_what_was_received_is_counted() -> None:
    """Bytes, events by name and the time of the last one are there for the page."""
    rig = Rig()
    rig.says(rings_in(NINE), joins(NINE + 1), size=700, arrived_at=NINE + 1.25)
    rig.says(hangs_up(NINE + 2), size=300, arrived_at=NINE + 2.5)
    await rig.run()
    assert rig.pump.received_bytes == 1000
    assert rig.pump.event_counts == {"Newchannel": 1, "QueueCallerJoin": 1, "Hangup": 1}
    assert rig.pump.last_event_at == NINE + 2
    assert rig.pump.lag_seconds == pytest.approx(0.5)


async def test_the_time_between_a_break_and_the_return_is_a_gap() -> None:
    """It begins with the last event that was heard, ends with the return, and shows in the metrics."""
    rig = Rig()
    metrics = MetricsSink({"main": Policy()})
    metrics.add(Itself([rig.pump], rig.hub))
    async with running(rig):
        rig.source.give(ATTACHED)
        await until(lambda: rig.pump.attached, "the first attachment")
        rig.says(hangs_up(NINE + 5), arrived_at=NINE + 5)
        rig.source.give(BROKEN)
        await until(lambda: rig.pump.detached, "the break")
        metrics.apply(rig.told(Gap))
        assert value(metrics.render(), "ringwatch_ami_connected", pbx="main") == 0
        assert rig.told(Gap) == []
        rig.source.give(Attached(NINE + 17.5, "127.0.0.1:5038", "11.0.0"))
        await until(lambda: rig.pump.attached, "the return")
    assert rig.told(Gap) == [Gap(pbx="main", from_=NINE + 5, to=NINE + 17.5, why="disconnected")]
    metrics.apply(rig.told(Gap))
    page = metrics.render()
    assert value(page, "ringwatch_ami_connected", pbx="main") == 1
    assert value(page, "ringwatch_ami_reconnects_total", pbx="main") == 1
    assert value(page, "ringwatch_gap_seconds_total", pbx="main") == 12.5
    assert [type(heard) for heard in rig.heard] == [Attached, Detached, Attached, Alert]


async def test_several_failures_in_a_row_are_one_gap() -> None:
    """What counts is when it was last heard and when it is heard again."""
    rig = Rig()
    rig.source.give(ATTACHED)
    rig.says(hangs_up(NINE + 5), arrived_at=NINE + 5)
    rig.source.give(BROKEN, Detached(NINE + 9, "refused", None, 1.0), Detached(NINE + 10, "refused", None, 2.0))
    rig.source.give(Attached(NINE + 12, "127.0.0.1:5038", "11.0.0"))
    await rig.run()
    assert rig.told(Gap) == [Gap(pbx="main", from_=NINE + 5, to=NINE + 12, why="disconnected")]


async def test_never_having_been_attached_is_no_gap() -> None:
    """Nothing was heard before, so nothing is missing; why it is not attached is there for the pages."""
    rig = Rig()
    async with running(rig):
        failure = Detached(NINE, "cannot connect", None, 0.5)
        rig.source.give(failure)
        await until(lambda: rig.pump.detached == failure, "the failure")
        rig.source.give(ATTACHED)
        await until(lambda: rig.pump.attached == ATTACHED, "the attachment")
        await until(lambda: rig.pump.detached is None, "the failure to be over")
    assert rig.told(Gap) == []


@pytest.mark.parametrize("before", [(), (ATTACHED,), (ATTACHED, BROKEN, ATTACHED)])
async def test_it_is_known_since_when_a_pbx_cannot_be_heard(before: tuple[Item, ...]) -> None:
    """From the first failure on, however often it was tried again, until it is attached; never before a failure."""
    rig = Rig()
    again = Detached(NINE + 130, "refused", None, 2.0)
    rig.source.give(*before)
    async with running(rig):
        await until(lambda: rig.pump.attachments == before.count(ATTACHED), "the attachments")
        seen = [rig.pump.away_since]
        rig.source.give(Detached(NINE + 100, "refused", None, 1.0), again)
        await until(lambda: rig.pump.detached == again, "the second failure")
        seen.append(rig.pump.away_since)
        rig.source.give(ATTACHED)
        await until(lambda: rig.pump.attached, "the attachment")
        seen.append(rig.pump.away_since)
    assert seen == [None, NINE + 100, None]


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
async def test_what_was_missed_between_two_runs_ends_by_the_clock_of_the_pbx(ahead: float) -> None:
    """Until it has said something nobody knows what time it is there: nothing is held to the own clock."""
    rig = Rig()
    rig.pump.early = rig.pump.engine.apply(ev.StreamBroke(NINE - 100, "restarted"))
    rig.source.give(Attached(NINE - ahead, "127.0.0.1:5038", "11.0.0"))
    rig.says(rings_in(NINE), joins(NINE + 0.1), arrived_at=NINE - ahead)
    await rig.run()
    assert [(gap.from_, gap.to) for gap in rig.told(Gap)] == [(NINE - 100, NINE)]
    assert [(alert.name, alert.state, alert.at) for alert in rig.told(Alert)] == [
        ("RingwatchAmiDisconnected", "raised", NINE - 90),
        ("RingwatchAmiDisconnected", "cleared", NINE),
    ]


async def test_a_gap_that_is_open_at_the_end_is_told() -> None:
    """A daemon that is stopped while the PBX is away leaves no silent hole in its data."""
    rig = Rig()
    rig.source.give(ATTACHED)
    rig.says(joins(NINE + 5), arrived_at=time.time() - 60)
    rig.source.give(BROKEN)
    await rig.run()
    (gap,) = rig.told(Gap)
    assert gap.from_ == NINE + 5
    assert gap.to == pytest.approx(NINE + 65, abs=5)
    (visit,) = rig.told(QueueVisit)
    assert (visit.outcome, visit.ended_at) == ("unknown", NINE + 5)


async def test_an_end_while_attached_is_no_gap() -> None:
    """Until then everything was heard."""
    rig = Rig()
    rig.source.give(ATTACHED)
    rig.says(joins(NINE + 5), arrived_at=NINE + 5)
    await rig.run()
    assert rig.told(Gap) == []


async def test_on_a_quiet_line_ticks_settle_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller whom the queue gave up is told although no further event comes to say what time it is."""
    monkeypatch.setattr(pump_module, "TICK_SECONDS", 0.01)
    rig = Rig()
    async with running(rig):
        # Read some seconds ago: by the PBX's clock the settling time is over.
        rig.says(rings_in(NINE), joins(NINE + 1), abandons(NINE + 9), arrived_at=time.time() - 5)
        await until(lambda: rig.told(QueueVisit), "the visit to be told")
    (visit,) = rig.told(QueueVisit)
    assert (visit.outcome, visit.wait_seconds, visit.ended_at) == ("timeout", 8.0, NINE + 9)


async def test_ticks_before_the_first_event_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an event the PBX's time is not known, and nothing can be due."""
    monkeypatch.setattr(pump_module, "TICK_SECONDS", 0.001)
    rig = Rig()
    async with running(rig) as task:
        await asyncio.sleep(0.02)
        assert not task.done()
    assert rig.hub.published == []


async def test_a_recording_does_not_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is its own: the same bytes give the same facts, however long the reading takes."""
    monkeypatch.setattr(pump_module, "TICK_SECONDS", 0.001)
    rig = Rig(lossless=True)
    async with running(rig):
        rig.says(rings_in(NINE), joins(NINE + 1), abandons(NINE + 9))
        await until(lambda: rig.pump.event_counts.get("QueueCallerAbandon"), "the events to be read")
        await asyncio.sleep(0.02)
        assert rig.told(QueueVisit) == []


async def test_the_end_of_a_source_tells_what_is_up_as_unknown() -> None:
    """No call is lost without a word, and none is given an outcome that nobody saw."""
    rig = Rig()
    rig.says(rings_in(NINE), joins(NINE + 1))
    rig.says(rings_in(NINE + 2, "1795424402.1"))
    await rig.run()
    assert [(visit.call_id, visit.outcome) for visit in rig.told(QueueVisit)] == [(CALLER, "unknown")]
    assert sorted((call.call_id, call.outcome, call.ended_at) for call in rig.told(Call)) == [
        (CALLER, "unknown", NINE + 2),
        ("1795424402.1", "unknown", NINE + 2),
    ]
    assert rig.told(QueueReading)[-1].waiting == 0


async def test_a_source_that_gives_up_ends_the_pump_with_its_error() -> None:
    """What was up is told before."""
    rig = Rig()
    rig.says(rings_in(NINE), joins(NINE + 1))
    rig.source.fail(ConnectionLost("it is gone"))
    with pytest.raises(ConnectionLost, match="it is gone"):
        await rig.pump.run()
    assert [visit.outcome for visit in rig.told(QueueVisit)] == ["unknown"]


async def test_a_clock_that_fails_ends_the_pump_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever failed, what was up is told; going on without ticks would look healthy and settle nothing."""
    monkeypatch.setattr(pump_module, "TICK_SECONDS", 0.01)
    rig = Rig()
    rig.says(rings_in(NINE), joins(NINE + 1), arrived_at=NINE + 1)
    apply = Engine.apply

    def fail_at_ticks(engine: Engine, event: ev.Event) -> list[Record]:
        if isinstance(event, ev.Tick):
            raise ZeroDivisionError
        return apply(engine, event)

    monkeypatch.setattr(Engine, "apply", fail_at_ticks)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(rig.pump.run(), 10)
    assert [visit.outcome for visit in rig.told(QueueVisit)] == ["unknown"]


async def test_stopping_a_pump_tells_what_is_up_as_unknown() -> None:
    """A daemon that is stopped in mid-call says so in its facts."""
    rig = Rig()
    async with running(rig):
        rig.says(rings_in(NINE), joins(NINE + 1), arrived_at=NINE + 1)
        await until(lambda: rig.told(CallOffered), "the caller")
    assert [visit.outcome for visit in rig.told(QueueVisit)] == ["unknown"]


async def test_anomalies_are_heard_and_published() -> None:
    """They go to the log and to the metrics alike."""
    rig = Rig()
    rig.says(abandons(NINE))
    await rig.run()
    assert rig.heard == rig.told(Anomaly)
    assert rig.told(Anomaly)[0].kind == "join_not_seen"


async def test_a_recording_that_never_tells_the_time_is_refused(tmp_path: Path) -> None:
    """Waits of nothing would be worse than no waits; the error says how to record the next one."""
    capture = tmp_path / "timeless.ami"
    blocks = [joins(NINE), hangs_up(NINE)]
    timeless = [b"\r\n".join(line for line in each.split(b"\r\n") if b"Timestamp" not in line) for each in blocks]
    capture.write_bytes(b"".join(each + b"\r\n\r\n" for each in timeless))
    with pytest.raises(CaptureWithoutTime) as caught:
        await app.replay(capture, "main", Policy(), [MetricsSink({"main": Policy()})])
    assert "timestampevents" in (caught.value.remedy or "")


async def test_a_recording_waits_for_its_sinks() -> None:
    """A replay loses nothing, however small the inbox and slow the sink."""
    rig = Rig(lossless=True)
    inbox = rig.hub.add("slow", capacity=8)
    taken: list[Record] = []

    async def take_slowly() -> None:
        while records := await inbox.get():
            await asyncio.sleep(0.001)
            taken.extend(records)

    taking = asyncio.create_task(take_slowly())
    for number in range(50):
        rig.says(joins(NINE + number, f"1795424400.{number}"))
    rig.source.end()
    pumping = asyncio.create_task(rig.pump.run())
    await until(lambda: sum(isinstance(each, CallOffered) for each in taken) == 50, "every caller to be taken")
    await pumping
    rig.hub.close()
    await taking
    assert sum(isinstance(each, CallOffered) for each in taken) == 50


async def test_a_live_pump_never_waits_for_a_sink() -> None:
    """Asterisk cuts off a slow reader: a sink that never takes loses its own records and nothing else."""
    rig = Rig()
    dead = rig.hub.add("dead", capacity=10)
    for number in range(500):
        rig.says(joins(NINE + number, f"1795424400.{number}"))
    await rig.run()
    assert rig.pump.event_counts == {"QueueCallerJoin": 500}
    assert dead.dropped > 900


async def test_an_error_of_a_sink_ends_a_replay(tmp_path: Path) -> None:
    """There is no point in reading on when the facts go nowhere."""
    capture = tmp_path / "short.ami"
    capture.write_bytes(b"".join(each + b"\r\n\r\n" for each in (rings_in(NINE), joins(NINE + 1), hangs_up(NINE + 2))))

    class Failing(MetricsSink):
        async def run(self, inbox: Inbox) -> None:
            await inbox.get()
            raise RingwatchError("cannot write")

    with pytest.raises(RingwatchError, match="cannot write"):
        await app.replay(capture, "main", Policy(), [Failing({"main": Policy()})])
