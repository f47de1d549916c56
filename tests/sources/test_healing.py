"""The healer of a PBX, driven as the pump drives it: recorded AMI streams with holes in them, and a log that grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Fact, Leg, QueueVisit, Record
from ringwatch.core.queue_log import lost
from ringwatch.core.readings import Key, Reading
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy
from ringwatch.sources.healing import HOLD_BACK_SECONDS, KEEP_SECONDS, SETTLE_SECONDS, QueueLogHealer
from tests.core.queue_log.logs import Log, captured
from tests.core.queue_log.test_healing import LEG, ONE_VISIT, TALKING, WAITING
from tests.sinks.samples import ANOMALY, EVERY_KIND, GAP
from tests.tools.captures import CAPTURES, blocks

NINE = 1_795_424_400
# An alert may be of just that: that nothing is heard.
EVERY_FACT = [fact for fact in EVERY_KIND if not isinstance(fact, Reading | Alert)]
POLICY = Policy(trunks=("PJSIP/trunk",))


def write(path: Path, *texts: str) -> None:
    """Write a log whose times count from nine."""
    rows = (line.strip().partition("|") for text in texts for line in text.splitlines() if line.strip())
    path.write_text("".join(f"{NINE + int(at)}|{rest}\n" for at, _, rest in rows))


def as_directory(path: Path, *, there: bool) -> None:
    """Put a directory where the log should be, or take it away."""
    if there:
        path.mkdir()
    else:
        path.rmdir()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the log is, or will be."""
    return tmp_path / "queue_log"


@pytest.fixture
def healer(path: Path) -> Iterator[QueueLogHealer]:
    """Return a healer of that log."""
    one = QueueLogHealer("main", Policy(), path)
    yield one
    one.close()


class TestAlone:
    """One visit, and what AMI saw of it."""

    async def test_without_a_gap_nothing_is_added(self, healer: QueueLogHealer, path: Path) -> None:
        """AMI tells everything; the log is only followed."""
        write(path, ONE_VISIT)
        assert await healer.heal(NINE + 100) == []
        assert healer.sift([LEG, TALKING]) == [LEG, TALKING]
        assert healer.release() == []

    async def test_a_visit_in_the_gap_is_told_some_seconds_after_its_end(
        self, healer: QueueLogHealer, path: Path
    ) -> None:
        """AMI may be a moment late; while it is away altogether, the log is told as it goes on."""
        await healer.heal(NINE - 20)
        healer.broke(NINE - 10)
        assert await healer.heal(NINE) == []
        write(path, ONE_VISIT)
        assert await healer.heal(NINE + 74 + SETTLE_SECONDS - 0.1) == []
        told = await healer.heal(NINE + 74 + SETTLE_SECONDS)
        assert [type(record).__name__ for record in told] == [
            *("CallOffered", "RingAttempt", "RingAttempt", "Transfer", "Leg", "QueueVisit")
        ]
        healer.resumed(NINE + 90)
        assert await healer.heal(NINE + 100) == []

    async def test_a_visit_that_ami_told_meanwhile_is_left_alone(self, healer: QueueLogHealer, path: Path) -> None:
        """It went on after the gap, and AMI heard its end."""
        healer.broke(NINE + 20)
        healer.resumed(NINE + 30)
        write(path, ONE_VISIT)
        whole = replace(TALKING, talk_ended_by="transfer", ended_at=NINE + 74.2)
        assert healer.sift([whole]) == [whole]
        assert await healer.heal(NINE + 100) == []

    async def test_a_wait_without_its_end_is_held_back_until_the_log_is_read(
        self, healer: QueueLogHealer, path: Path
    ) -> None:
        """So that those who count hear of it once, with its outcome."""
        healer.broke(NINE + 5)
        healer.resumed(NINE + 80)
        write(path, ONE_VISIT)
        assert healer.sift([replace(WAITING, ended_at=NINE + 81)]) == []
        told = await healer.heal(NINE + 82)
        visits = [record for record in told if isinstance(record, QueueVisit)]
        assert [(visit.key, visit.outcome, visit.joined_at) for visit in visits] == [
            (WAITING.key, "answered", WAITING.joined_at)
        ]
        assert await healer.heal(NINE + 200) == []
        assert healer.release() == []

    async def test_a_talk_without_its_end_gets_it_and_its_conversation_too(
        self, healer: QueueLogHealer, path: Path
    ) -> None:
        """The conversation keeps the identity that AMI gave it."""
        healer.broke(NINE + 60)
        healer.resumed(NINE + 100)
        write(path, ONE_VISIT)
        assert healer.sift([LEG, TALKING]) == []
        told = await healer.heal(NINE + 101)
        (leg,) = (record for record in told if isinstance(record, Leg))
        assert (leg.key, leg.ended_by, leg.source) == (LEG.key, "transfer", "queue_log")
        (visit,) = (record for record in told if isinstance(record, QueueVisit))
        assert (visit.key, visit.talk_ended_by, visit.hold_seconds) == (TALKING.key, "transfer", 5.0)

    async def test_what_the_log_does_not_know_is_told_as_ami_has_it(self, healer: QueueLogHealer) -> None:
        """After some seconds; should the log come to know it later, it is told again."""
        healer.broke(NINE + 60)
        healer.resumed(NINE + 100)
        assert healer.sift([LEG, TALKING]) == []
        assert await healer.heal(TALKING.ended_at + HOLD_BACK_SECONDS - 0.1) == []
        assert await healer.heal(TALKING.ended_at + HOLD_BACK_SECONDS) == [LEG, TALKING]
        assert await healer.heal(TALKING.ended_at + 2 * HOLD_BACK_SECONDS) == []

    async def test_what_the_log_comes_to_know_late_is_told_again(self, healer: QueueLogHealer, path: Path) -> None:
        """Same identity: whoever keeps facts replaces the first telling."""
        healer.broke(NINE + 60)
        healer.resumed(NINE + 100)
        healer.sift([LEG, TALKING])
        await healer.heal(TALKING.ended_at + HOLD_BACK_SECONDS)
        write(path, ONE_VISIT)
        told = await healer.heal(NINE + 150)
        assert [record.key for record in told if isinstance(record, QueueVisit)] == [TALKING.key]

    async def test_what_the_log_has_told_already_is_joined_with_what_ami_knew(
        self, healer: QueueLogHealer, path: Path
    ) -> None:
        """The stream was away for long: the log told the end before AMI gave the call up. The conversation is told."""
        healer.broke(NINE + 60)
        write(path, ONE_VISIT)
        first = await healer.heal(NINE + 80)
        assert [type(record).__name__ for record in first][-2:] == ["Leg", "QueueVisit"]
        healer.resumed(NINE + 100)
        (again,) = healer.sift([LEG, TALKING])
        assert isinstance(again, QueueVisit)
        assert again.key == first[-1].key
        assert (again.joined_at, again.interface, again.talk_ended_by) == (TALKING.joined_at, "PJSIP/101", "transfer")
        assert await healer.heal(NINE + 120) == []

    async def test_what_ami_takes_for_one_stay_does_not_replace_what_the_log_knows_to_be_two(
        self, healer: QueueLogHealer, path: Path
    ) -> None:
        """Answered and sent back within the gap, the caller stands in the same line as before (seen in mix-22)."""
        write(path, ONE_VISIT + "74|1.0|support|NONE|ENTERQUEUE||0201|1\n 95|1.0|support|NONE|ABANDON|1|1|21")
        healer.broke(NINE + 5)
        healer.resumed(NINE + 80)
        first = [record for record in await healer.heal(NINE + 90) if isinstance(record, QueueVisit)]
        assert [(visit.ordinal, visit.outcome) for visit in first] == [(1, "answered")]
        (told,) = healer.sift([replace(WAITING, outcome="abandoned", ended_at=NINE + 95.2)])
        assert isinstance(told, QueueVisit)
        assert (told.key, told.outcome, told.agent) == (first[0].key, "answered", "Anna")
        second = [record for record in await healer.heal(NINE + 99) if isinstance(record, QueueVisit)]
        assert [(visit.ordinal, visit.outcome) for visit in second] == [(2, "abandoned")]

    async def test_at_the_end_of_the_run_nothing_stays_held_back(self, healer: QueueLogHealer) -> None:
        """Nobody will come to tell it."""
        healer.broke(NINE + 60)
        healer.resumed(NINE + 100)
        healer.sift([LEG, TALKING])
        assert healer.release() == [LEG, TALKING]
        assert healer.release() == []

    async def test_what_neither_knows_is_told_once(self, healer: QueueLogHealer, path: Path) -> None:
        """Asterisk crashed while the caller waited: the log says so when it starts again, before AMI gives up."""
        healer.broke(NINE + 1)
        write(path, "0|1.0|support|NONE|ENTERQUEUE||0201|1\n20|NONE|NONE|NONE|QUEUESTART|")
        (told,) = (record for record in await healer.heal(NINE + 30) if isinstance(record, QueueVisit))
        assert (told.key, told.outcome) == (WAITING.key, "unknown")
        healer.resumed(NINE + 30)
        assert healer.sift([WAITING]) == []
        assert healer.release() == []

    @pytest.mark.parametrize("seen", [{"from_start": False}, {"line": "direct", "ended_by": "unknown"}])
    async def test_a_conversation_found_after_the_gap_is_told_whole_by_the_log(
        self, healer: QueueLogHealer, path: Path, seen: dict[str, Any]
    ) -> None:
        """What AMI saw of it is held back until then, and never told; also when the log was first.

        That the beginning was seen says little of a caller who was parked and taken back: seen after 30 cuts on 22.
        """
        healer.broke(NINE + 5)
        healer.resumed(NINE + 40)
        found = replace(LEG, queue=None, started_at=NINE + 41.0, ended_at=NINE + 74.2, **seen)
        assert healer.sift([found]) == []
        write(path, ONE_VISIT)
        (leg,) = (record for record in await healer.heal(NINE + 80) if isinstance(record, Leg))
        assert (leg.started_at, leg.source) == (NINE + 12, "queue_log")
        assert healer.sift([found]) == []
        assert healer.release() == []

    async def test_a_conversation_found_of_which_the_log_knows_nothing_is_told(self, healer: QueueLogHealer) -> None:
        """A direct call's: after some seconds."""
        healer.broke(NINE + 5)
        healer.resumed(NINE + 40)
        found = replace(LEG, queue=None, started_at=NINE + 41.0, ended_at=NINE + 74.0, from_start=False)
        assert healer.sift([found]) == []
        assert await healer.heal(NINE + 74 + HOLD_BACK_SECONDS - 0.1) == []
        assert await healer.heal(NINE + 74 + HOLD_BACK_SECONDS) == [found]

    async def test_what_an_earlier_run_held_back_is_told_by_the_next(self, healer: QueueLogHealer, path: Path) -> None:
        """It was killed while it waited for the log; its gap is known from its facts, and healed again."""
        write(path, ONE_VISIT)
        earlier: list[Fact] = [replace(GAP, from_=NINE + 5, to=NINE + 30), replace(ANOMALY, at=NINE + 500)]
        healer.take_over(earlier, NINE + 501)
        healer.resumed(NINE + 501)
        told = await healer.heal(NINE + 501)
        assert [record.key for record in told if isinstance(record, QueueVisit)] == [WAITING.key]

    async def test_a_conversation_whose_visit_does_not_follow_is_passed_on(self, healer: QueueLogHealer) -> None:
        """It is nothing that the log could mend."""
        healer.broke(NINE + 60)
        assert healer.sift([LEG]) == [LEG]

    async def test_a_restart_is_a_gap_like_any_other(self, healer: QueueLogHealer, path: Path) -> None:
        """From the last fact of the earlier run on; what that told is remembered."""
        write(path, ONE_VISIT, ONE_VISIT.replace("|1.0|", "|2.0|"))
        heard = replace(TALKING, talk_ended_by="transfer", ended_at=NINE + 10)
        elsewhere = [replace(fact, pbx="other") for fact in EVERY_FACT]
        healer.take_over([heard, *elsewhere], NINE + 90)
        healer.resumed(NINE + 90)
        told = await healer.heal(NINE + 100)
        assert {record.call_id for record in told if isinstance(record, QueueVisit)} == {"2.0"}

    @pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: type(fact).__name__)
    async def test_any_fact_tells_until_when_an_earlier_run_listened(
        self, healer: QueueLogHealer, path: Path, fact: Fact
    ) -> None:
        """The last of them begins the gap; what ended before it was heard."""
        write(path, "0|7.0|support|NONE|ENTERQUEUE||0201|1\n20|7.0|support|NONE|ABANDON|1|1|20")
        healer.take_over([fact], NINE + 200)
        healer.resumed(NINE + 200)
        moments = [getattr(fact, name, None) for name in ("ended_at", "at", "to")]
        before = next(moment for moment in moments if isinstance(moment, float))
        assert bool(await healer.heal(NINE + 200)) == (before < NINE + 21)

    async def test_a_run_long_ago_is_not_made_up_for(self, healer: QueueLogHealer, path: Path) -> None:
        """Counters that jump by weeks help nobody: that is what ``ringwatch import`` is for."""
        write(path, ONE_VISIT)
        healer.take_over([replace(TALKING, call_id="3.0", uniqueid="3.0", ended_at=NINE - 9e6)], NINE + 90_000)
        healer.resumed(NINE + 90_000)
        assert await healer.heal(NINE + 90_000) == []

    async def test_a_first_run_has_nothing_to_make_up_for(self, healer: QueueLogHealer, path: Path) -> None:
        """Since when anybody listened is not known."""
        write(path, ONE_VISIT)
        healer.take_over([], NINE + 90)
        healer.resumed(NINE + 90)
        assert await healer.heal(NINE + 90) == []

    async def test_a_silent_connection_is_found_out_late(self, healer: QueueLogHealer, path: Path) -> None:
        """The log was read on in the meantime; what it told then is not forgotten."""
        write(path, ONE_VISIT)
        assert await healer.heal(NINE + 99) == []
        healer.broke(NINE + 50)
        told = await healer.heal(NINE + 100)
        assert [record.key for record in told if isinstance(record, QueueVisit)] == [WAITING.key]

    async def test_what_was_heard_is_forgotten_in_time(self, healer: QueueLogHealer, path: Path) -> None:
        """Visits that no gap touched do not gather."""
        write(path, ONE_VISIT)
        await healer.heal(NINE + 80)
        assert len(healer._stories) == 1
        await healer.heal(NINE + 74 + KEEP_SECONDS)
        assert healer._stories == []

    async def test_stays_after_a_restart_are_numbered_as_the_log_does(self, healer: QueueLogHealer, path: Path) -> None:
        """ringwatch found the caller in line and takes this stay for the first; refusals keep their own numbers."""
        write(
            path,
            """
                0|1.0|support|NONE|ENTERQUEUE||0201|1
                8|1.0|support|NONE|EXITWITHTIMEOUT|1|1|8
                20|1.0|support|NONE|ENTERQUEUE||0201|1
            """,
        )
        healer.broke(NINE + 10)
        healer.resumed(NINE + 30)
        await healer.heal(NINE + 31)
        found = replace(WAITING, joined_at=NINE + 21.0, ended_at=NINE + 44, outcome="abandoned")
        refused = replace(found, outcome="refused_full", ordinal=-1)
        assert [record.key for record in healer.sift([found, refused])] == [
            *(("main", "1.0", "support", 2), ("main", "1.0", "support", -1))
        ]

    async def test_a_log_that_cannot_be_read_changes_nothing(self, healer: QueueLogHealer, path: Path) -> None:
        """What is wrong is said, and what AMI told is told; it is tried again each time."""
        as_directory(path, there=True)
        healer.broke(NINE + 60)
        healer.resumed(NINE + 100)
        healer.sift([LEG, TALKING])
        assert await healer.heal(TALKING.ended_at + HOLD_BACK_SECONDS) == [LEG, TALKING]
        assert healer.trouble == f"cannot read {path}: Is a directory"
        as_directory(path, there=False)
        write(path, ONE_VISIT)
        assert [type(record) for record in await healer.heal(NINE + 150)][-1] is QueueVisit
        assert healer.trouble is None


@dataclass
class Watch:
    """ringwatch's pump in small: an engine, a healer, a log that Asterisk writes meanwhile, and gaps."""

    name: str
    path: Path
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._heard = Translator().feed(blocks(self.name))
        self._log = [(line.at, text) for line, text in zip(captured(self.name), self._texts(), strict=True)]
        self._begins = self._heard[0].at
        self.ends = max(self._heard[-1].at, self._log[-1][0])

    def _texts(self) -> list[bytes]:
        return (CAPTURES / self.name / "queue_log").read_bytes().splitlines(keepends=True)

    async def run(self, gaps: list[tuple[float, float, bool]]) -> None:
        """Listen with gaps, given as shares of the whole; at some of them ringwatch itself was killed."""
        length = self.ends - self._begins
        moments = [(self._begins + a * length, self._begins + b * length, killed) for a, b, killed in gaps]
        engine, healer = Engine("main", POLICY), QueueLogHealer("main", POLICY, self.path)
        now, waiting, events = self._begins, list(moments), iter(self._heard)
        event: ev.Event | None = next(events)
        self._write(now)
        while event is not None:
            if waiting and event.at >= waiting[0][0]:
                begins, ends, killed = waiting.pop(0)
                if killed:
                    healer.close()
                    engine, healer = Engine("main", POLICY), QueueLogHealer("main", POLICY, self.path)
                    # What the facts file holds.
                    facts = [each for each in self.records if not isinstance(each, Reading)]
                    healer.take_over(facts, begins)
                else:
                    engine.apply(ev.StreamBroke(begins, "disconnected"))
                healer.broke(begins)
                while event is not None and event.at < ends:
                    event = next(events, None)
                now = await self._pass(now, ends, None, healer)
                healer.resumed(ends)
                for told in [ev.StreamResumed(ends), *self._listing(ends)]:
                    self._publish(healer, engine.apply(told))
                continue
            now = await self._pass(now, event.at, engine, healer)
            self._publish(healer, engine.apply(event))
            event = next(events, None)
        await self._pass(now, self.ends + 60, engine, healer)
        self._publish(healer, engine.close())
        self.records += healer.release()
        healer.close()

    async def _pass(self, now: float, until: float, engine: Engine | None, healer: QueueLogHealer) -> float:
        while now + 1 <= until:
            now += 1
            self._write(now)
            if engine:
                self._publish(healer, engine.apply(ev.Tick(now)))
            self.records += await healer.heal(now)
        return now

    def _write(self, until: float) -> None:
        with self.path.open("ab") as file:
            while self._log and self._log[0][0] <= until:
                file.write(self._log.pop(0)[1])

    def _publish(self, healer: QueueLogHealer, records: list[Record]) -> None:
        self.records += healer.sift(records)

    def _listing(self, at: float) -> list[ev.Event]:
        """Say what QueueStatus and CoreShowChannels would have said at a moment."""
        queues = [ev.SnapshotBegan(at, "queues"), *self._waiting(at), ev.SnapshotEnded(at, "queues")]
        return [*queues, ev.SnapshotBegan(at, "channels"), *self._up(at), ev.SnapshotEnded(at, "channels")]

    def _waiting(self, at: float) -> list[ev.Event]:
        line: dict[tuple[str, str], ev.CallerJoined] = {}
        for event in self._before(at):
            if isinstance(event, ev.CallerJoined):
                line[event.uniqueid, event.queue] = event
            elif isinstance(event, ev.CallerLeft | ev.CallerAbandoned):
                line.pop((event.uniqueid, event.queue), None)
        return [
            ev.WaitingSeen(at, each.uniqueid, each.channel, each.caller, each.queue, each.position, int(at - each.at))
            for each in line.values()
        ]

    def _up(self, at: float) -> list[ev.Event]:
        up: dict[str, ev.ChannelStarted] = {}
        runs: dict[str, tuple[str, str]] = {}
        bridges: dict[str, str] = {}
        for event in self._before(at):
            match event:
                case ev.ChannelStarted():
                    up[event.uniqueid] = event
                case ev.ChannelEnded():
                    up.pop(event.uniqueid, None)
                case ev.BridgeEntered():
                    bridges[event.uniqueid] = event.bridge
                case ev.BridgeLeft():
                    bridges[event.uniqueid] = ""
                case ev.DialBegan():
                    runs[event.dest] = ("AppDial", "(Outgoing Line)")
                case ev.QueueEntered():
                    runs[event.uniqueid] = ("Queue", event.data)
                case _:
                    pass
        return [
            ev.ChannelSeen(
                *(at, each.uniqueid, each.channel, each.ringing_in, each.caller, each.exten, each.context),
                *(each.linkedid, int(at - each.at), *runs.get(each.uniqueid, ("", "")), bridges.get(each.uniqueid, "")),
            )
            for each in up.values()
        ]

    def _before(self, at: float) -> Iterator[ev.Event]:
        return takewhile(lambda event: event.at < at, self._heard)

    @property
    def visits(self) -> dict[Key, QueueVisit]:
        """The last telling of every visit, without the refused."""
        told = (record for record in self.records if isinstance(record, QueueVisit))
        return {visit.key: visit for visit in told if not visit.outcome.startswith("refused_")}


GAPS: dict[str, list[tuple[float, float, bool]]] = {
    "one long cut": [(0.3, 0.6, False)],
    "ten cuts": [(0.05 + 0.09 * number, 0.07 + 0.09 * number, False) for number in range(10)],
    "a kill": [(0.4, 0.5, True)],
    "three kills and cuts between": [
        *((0.1, 0.15, True), (0.25, 0.3, False), (0.4, 0.45, True), (0.6, 0.61, False), (0.8, 0.83, True))
    ],
    "thirty cuts": [
        (share, share + 0.01, False)
        for share in sorted(Random(3).sample([n / 60 for n in range(59)], 30))  # noqa: S311
    ],
}


@pytest.mark.parametrize("gaps", GAPS.values(), ids=GAPS)
@pytest.mark.parametrize("name", ["scenarios-22", "mix-22", "mix-16"])
async def test_every_visit_of_the_log_has_one_fact_with_the_right_outcome(
    name: str, gaps: list[tuple[float, float, bool]], path: Path
) -> None:
    """Whenever the stream is cut and ringwatch killed, healing makes up for it."""
    watch = Watch(name, path)
    await watch.run(gaps)
    whole = {
        (visit.uniqueid, visit.queue, visit.joined_at): visit
        for visit in (s.visit for s in Log(captured(name)).stories)
    }
    settled = [visit for visit in watch.visits.values() if not lost(visit)]
    found: Counter[tuple[str, str, float]] = Counter()
    for visit in settled:
        where = min(
            (key for key in whole if key[:2] == (visit.uniqueid, visit.queue)),
            key=lambda key: abs(visit.joined_at - 0.5 - key[2]),
        )
        found[where] += 1
        assert visit.outcome.replace("short_", "") == whole[where].outcome.replace("short_", ""), visit
        assert visit.agent == whole[where].agent
    assert found == Counter(whole.keys())
