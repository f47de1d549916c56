"""Healing: what a gap hid from AMI is told from the log, and nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringwatch.core.facts import Fact, Leg, QueueVisit, Record, RingAttempt, Transfer
from ringwatch.core.queue_log import Line, Told, heal, lost
from ringwatch.core.readings import CallOffered
from ringwatch.core.standards import Policy
from tests.tools.captures import NAMES, blocks, facts_of
from tests.tools.properties import PATIENT

from .logs import NINE, Log, captured, lines

ONE_VISIT = """
    0|1.0|support|NONE|ENTERQUEUE||0201000001|2
    9|1.0|support|Bram|RINGNOANSWER|8000
    12|1.0|support|Anna|CONNECT|12|1.1|2
    74|1.0|support|Anna|BLINDTRANSFER|108|internal|12|62|2
"""


def healed(gap: tuple[float, float], given_lines: Iterable[Line], *told: Record) -> list[Record]:
    """Heal a gap, its ends counted from nine, when some records had been told."""
    before = Told()
    before.note(told)
    return heal(NINE + gap[0], NINE + gap[1], given_lines, before, pbx="main", policy=Policy())


def kinds(records: Iterable[Record]) -> list[str]:
    """Return the kinds of records, in order."""
    return [type(record).__name__ for record in records]


def visit_in(records: Iterable[Record]) -> QueueVisit:
    """Return the only visit."""
    (visit,) = (record for record in records if isinstance(record, QueueVisit))
    return visit


LOGGED = Log(lines(ONE_VISIT)).story.visit
WAITING = replace(
    LOGGED,
    joined_at=NINE + 0.158,
    ended_at=NINE + 31.0,
    outcome="unknown",
    wait_seconds=30.842,
    agent=None,
    desk_ring_seconds=8.2,
    desk_rings=2,
    talk_seconds=0.0,
    talk_ended_by=None,
    source="ami",
    precision=0.001,
)
"""The visit as AMI told it when the stream broke off while the caller waited."""
TALKING = replace(
    WAITING,
    outcome="answered",
    wait_seconds=12.2,
    agent="Anna",
    interface="PJSIP/101",
    agent_ring_seconds=1.8,
    talk_seconds=60.0,
    hold_seconds=5.0,
    holds=1,
    talk_ended_by="unknown",
    ended_at=NINE + 101.0,
)
"""As it told it when that was during the talk."""
LEG = Leg(
    pbx="main",
    call_id="1.0",
    queue="support",
    agent="Anna",
    interface="PJSIP/101",
    started_at=NINE + 12.4,
    ended_at=NINE + 101.0,
    talk_seconds=83.6,
    hold_seconds=5.0,
    ended_by="unknown",
    line=None,
    lines_waiting=0,
)


class TestUntold:
    """Visits of which AMI told nothing."""

    def test_a_visit_within_the_gap_is_told_whole(self) -> None:
        """Joining, rings, transfer, conversation, visit."""
        found = healed((-5, 90), lines(ONE_VISIT))
        assert kinds(found) == ["CallOffered", "RingAttempt", "RingAttempt", "Transfer", "Leg", "QueueVisit"]
        assert visit_in(found) == LOGGED

    def test_rings_that_began_before_the_gap_are_amis_to_tell(self) -> None:
        """It heard the dialling, and tells its end however it comes to know of it."""
        found = healed((5, 90), lines(ONE_VISIT))
        assert [record.agent for record in found if isinstance(record, RingAttempt)] == ["Anna"]
        assert visit_in(found) == LOGGED

    @pytest.mark.parametrize("gap", [(-60, -10), (80, 100)])
    def test_a_visit_that_no_gap_touched_is_left_alone(self, gap: tuple[float, float]) -> None:
        """AMI was listening."""
        assert healed(gap, lines(ONE_VISIT)) == []

    def test_what_goes_on_is_left_alone(self) -> None:
        """Its end is to come, from either side."""
        assert healed((5, 20), lines(ONE_VISIT)[:-1]) == []

    def test_a_visit_of_an_asterisk_that_went_down_is_told_as_far_as_it_went(self) -> None:
        """Nobody knows more of it than the log."""
        given_lines = [*lines(ONE_VISIT)[:-1], *lines("30|NONE|NONE|NONE|QUEUESTART|")]
        visit = visit_in(healed((10, 40), given_lines))
        assert (visit.outcome, visit.agent, visit.talk_ended_by) == ("answered", "Anna", "unknown")


class TestToldInPart:
    """Visits whose end AMI did not see."""

    def test_a_wait_gets_its_end_from_the_log_and_keeps_its_beginning(self) -> None:
        """Same identity; the joining to the millisecond, the rest in whole seconds, marked as such."""
        found = healed((20, 30), lines(ONE_VISIT), replace(WAITING, hours="closed"))
        visit = visit_in(found)
        assert (visit.key, visit.hours) == (WAITING.key, "closed")
        assert (visit.outcome, visit.agent, visit.wait_seconds, visit.talk_seconds) == ("answered", "Anna", 12.0, 62.0)
        assert (visit.joined_at, visit.ended_at) == (NINE + 0.158, NINE + 74)
        assert (visit.source, visit.precision) == ("queue_log", 1.0)
        assert (visit.desk_ring_seconds, visit.position) == (10.0, 2)
        assert kinds(found) == ["Transfer", "Leg", "QueueVisit"]

    def test_a_talk_gets_its_end_from_the_log_and_keeps_all_else(self) -> None:
        """Rings, holds and the interface are AMI's; the time with the agent is the log's without the holds."""
        found = healed((60, 100), lines(ONE_VISIT), LEG, TALKING)
        visit = visit_in(found)
        assert visit == replace(
            TALKING,
            ended_at=NINE + 74.0,
            talk_seconds=57.0,
            talk_ended_by="transfer",
            source="queue_log",
            precision=1.0,
        )
        (leg,) = (record for record in found if isinstance(record, Leg))
        assert leg.key == LEG.key
        assert (leg.ended_at, leg.talk_seconds, leg.ended_by) == (NINE + 74, 56.6, "transfer")
        assert (leg.source, leg.precision) == ("queue_log", 1.0)
        assert kinds(found) == ["Transfer", "Leg", "QueueVisit"]

    def test_the_place_in_line_comes_from_whoever_knows_it(self) -> None:
        """A caller found in line on attaching has none from AMI."""
        assert visit_in(healed((20, 30), lines(ONE_VISIT), replace(WAITING, position=None))).position == 2
        assert visit_in(healed((20, 30), lines(ONE_VISIT), replace(WAITING, position=7))).position == 7

    def test_a_caller_known_by_another_channel_keeps_amis_identity(self) -> None:
        """Who joined by a Local channel is known to the log by that channel alone."""
        ami = replace(WAITING, call_id="0.9", ordinal=3, uniqueid="1.0")
        found = healed((20, 30), lines(ONE_VISIT), ami)
        assert visit_in(found).key == ("main", "0.9", "support", 3)
        assert {record.call_id for record in found if isinstance(record, Leg | Transfer | QueueVisit)} == {"0.9"}

    def test_a_caller_answered_in_the_gap_is_not_taken_for_one_who_gave_up(self) -> None:
        """AMI heard no answer, and then the hanging up: the log knows better."""
        taken = replace(WAITING, outcome="abandoned", ended_at=NINE + 74.0)
        visit = visit_in(healed((5, 60), lines(ONE_VISIT), taken))
        assert (visit.key, visit.outcome, visit.agent) == (taken.key, "answered", "Anna")
        brief = lines("0|1.0|support|NONE|ENTERQUEUE||0201|2\n9|1.0|support|NONE|ABANDON|1|2|9")
        assert healed((5, 60), brief, replace(taken, outcome="short_abandoned")) == []

    def test_a_log_that_knows_no_better_is_not_heard(self) -> None:
        """Asterisk went down: neither saw the end."""
        given_lines = [*lines(ONE_VISIT)[:2], *lines("30|NONE|NONE|NONE|QUEUESTART|")]
        assert healed((10, 40), given_lines, WAITING) == []


class TestTold:
    """Visits that AMI told to their end."""

    def test_nothing_is_told_twice(self) -> None:
        """Neither the visit nor anything within it."""
        assert healed((5, 60), lines(ONE_VISIT), replace(TALKING, talk_ended_by="transfer")) == []

    def test_a_talk_that_two_lines_end_is_one_visit(self) -> None:
        """The log's second end of it brings no visit that was not there."""
        twice = [*lines(ONE_VISIT)[:-1], *lines("74|1.0|support|Anna|COMPLETECALLER|12|62|2")]
        twice += lines("74|1.0|support|Anna|ATTENDEDTRANSFER|BRIDGE|b7|12|62|2")
        assert healed((5, 90), twice, replace(TALKING, talk_ended_by="caller")) == []
        assert visit_in(healed((-5, 90), twice)).talk_ended_by == "caller"

    def test_healing_twice_changes_nothing(self) -> None:
        """What was told from the log is told."""
        first = healed((-5, 90), lines(ONE_VISIT))
        assert healed((-5, 90), lines(ONE_VISIT), *first) == []

    def test_a_visit_is_known_again_by_when_it_was_joined(self) -> None:
        """After a restart ringwatch counts stays anew: the number alone would take the second for the first."""
        second = lines("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            8|1.0|support|NONE|EXITWITHTIMEOUT|1|1|8
            20|1.0|support|NONE|ENTERQUEUE||0201|1
            30|1.0|support|NONE|ABANDON|1|1|10
        """)
        told = replace(WAITING, joined_at=NINE + 20.3, ended_at=NINE + 30.4, outcome="abandoned", ordinal=1)
        assert visit_in(healed((-5, 15), second, told)).joined_at == NINE

    def test_it_does_not_matter_which_witness_was_first(self) -> None:
        """The log's moment of joining is the earlier one, whoever asks for the other's telling."""
        for first, then in ((WAITING, LOGGED), (LOGGED, WAITING)):
            told = Told()
            told.note([replace(first, ordinal=2)])
            assert told.find(replace(then, joined_at=then.joined_at)) is not None
            joined_later = 1.5 if then.source == "ami" else -1.5
            assert told.find(replace(then, joined_at=then.joined_at + joined_later)) is not None
            assert told.find(replace(then, joined_at=then.joined_at - joined_later)) is None

    def test_the_last_telling_counts(self) -> None:
        """A visit that was told without its end and then with it needs no more."""
        assert healed((5, 60), lines(ONE_VISIT), WAITING, replace(TALKING, talk_ended_by="transfer")) == []

    def test_what_was_told_is_remembered_only_for_so_long(self) -> None:
        """The memory has a bound; the oldest goes first."""
        told = Told(remembered=2)
        told.note(replace(WAITING, call_id=f"{number}.0", uniqueid="") for number in range(3))
        told.note(replace(LEG, call_id=f"{number}.0") for number in range(3))
        assert told.find(replace(WAITING, uniqueid="0.0")) is None
        assert told.leg_without_end(replace(WAITING, call_id="0.0")) is None
        assert told.find(replace(WAITING, uniqueid="2.0")) is not None
        assert told.leg_without_end(replace(WAITING, call_id="2.0")) is not None

    def test_only_conversations_without_their_end_matter(self) -> None:
        """Those of direct lines, and those that are over, are nobody's business here."""
        told = Told()
        told.note([replace(LEG, ended_by="caller"), replace(LEG, queue=None)])
        assert told.leg_without_end(TALKING) is None


@cache
def heard_whole(name: str) -> tuple[Fact, ...]:
    """Return all that AMI tells of a recording."""
    return tuple(facts_of(blocks(name)))


def in_order(visits: Iterable[QueueVisit]) -> list[QueueVisit]:
    """Order visits by channel, queue and time."""
    return sorted(visits, key=lambda visit: (visit.uniqueid, visit.queue, visit.joined_at))


def cut(name: str, begins: float, ends: float) -> list[Record]:
    """Tell a recording as AMI would have if nobody had listened from one moment to another.

    What was up when the gap began is told without its end, what was up when it ended is not known: the worst case.
    """
    told: list[Record] = []
    for fact in heard_whole(name):
        began = fact.joined_at if isinstance(fact, QueueVisit) else getattr(fact, "started_at", 0.0)
        over = getattr(fact, "ended_at", None)
        if over is None or over <= begins or began >= ends:
            told.append(fact)
        elif isinstance(fact, QueueVisit) and began < begins:
            told.append(replace(fact, outcome="unknown", ended_at=ends, talk_ended_by=None, agent=None))
    return told


class TestFound:
    """Callers whom AMI found in line, or in talk, some time after they had joined."""

    FOUND = replace(TALKING, joined_at=NINE + 9.0, wait_seconds=3.2, precision=1.0, talk_ended_by="transfer")

    def test_whoever_was_found_is_the_same_who_joined(self) -> None:
        """The moment of joining is not AMI's to know: nothing is told again."""
        whole = replace(self.FOUND, ended_at=NINE + 74.2)
        assert healed((1, 8), lines(ONE_VISIT), whole) == []

    def test_whoever_was_seen_to_join_is_not(self) -> None:
        """AMI's own moment is exact, and so far from the log's it is another stay."""
        seen = replace(self.FOUND, precision=0.001)
        assert visit_in(healed((1, 8), lines(ONE_VISIT), seen)).ordinal == 2


class TestStaysApart:
    """No two stays have one identity, whoever counted them."""

    def test_the_stay_of_a_local_half_is_not_that_of_the_caller(self) -> None:
        """AMI has told one that it counted as the first of the call; the log tells the caller's own first (seen)."""
        half = replace(WAITING, uniqueid="1.7", joined_at=NINE + 63, ended_at=NINE + 71, outcome="abandoned")
        records = healed((10, 90), lines(ONE_VISIT), half)
        assert visit_in(records).ordinal == 2
        (offered,) = (record for record in records if isinstance(record, CallOffered))
        assert offered.ordinal == 2

    def test_a_refusal_is_counted_downwards(self) -> None:
        """As the first run had counted it."""
        told = Told()
        refused = replace(WAITING, outcome="refused_full", ordinal=-1)
        told.note([refused])
        assert told.apart(refused) == refused
        assert told.apart(replace(refused, joined_at=NINE + 60)).ordinal == -2

    def test_what_was_told_long_ago_may_have_any_identity(self) -> None:
        """Only so many are remembered."""
        told = Told(1)
        told.note([WAITING, replace(WAITING, call_id="2.0", uniqueid="2.0")])
        later = replace(WAITING, joined_at=NINE + 60)
        assert told.apart(later) == later


class TestTalksInPart:
    """Conversations of which AMI saw a part, and the log the whole."""

    LOGGED = replace(LEG, interface="Anna", source="queue_log", precision=1.0)
    FOUND = replace(LEG, queue=None, started_at=NINE + 40.0, from_start=False)

    def test_a_part_of_what_the_log_told_is_known(self) -> None:
        """Same call, same agent, at the same time."""
        told = Told()
        assert not told.knows(self.FOUND)
        told.note([self.LOGGED])
        assert told.knows(self.FOUND)
        for other in (
            replace(self.FOUND, call_id="2.0"),
            replace(self.FOUND, agent="Bram"),
            replace(self.FOUND, started_at=NINE + 102.0, ended_at=NINE + 109.0),
            replace(self.FOUND, started_at=NINE, ended_at=NINE + 9.0),
        ):
            assert not told.knows(other)

    def test_a_transfer_that_ami_told_is_known(self) -> None:
        """A moment apart, by the same agent; the log does not name where to of an attended one."""
        told = Told()
        heard = Transfer(
            pbx="main",
            call_id="1.0",
            at=NINE + 74.9,
            kind="blind",
            from_agent="Anna",
            to="108",
            result="success",
            queue=None,
            line=None,
        )
        logged = replace(heard, at=NINE + 74, source="queue_log", precision=1.0)
        told.note([heard, self.FOUND])
        assert told.knows(logged)
        for other in (
            replace(logged, from_agent="Bram"),
            replace(logged, kind="attended"),
            replace(logged, at=NINE + 70),
        ):
            assert not told.knows(other)
        assert "Transfer" not in kinds(healed((60, 90), lines(ONE_VISIT), heard))

    def test_a_part_that_ami_told_of_the_call_of_a_local_half_is_known(self) -> None:
        """The log calls the half by its own name, AMI the call that it stands for (seen)."""
        half = replace(WAITING, call_id="0.9", uniqueid="1.0")
        found = replace(self.FOUND, call_id="0.9", from_start=True)
        assert "Leg" not in kinds(healed((5, 30), lines(ONE_VISIT), half, found))

    def test_what_was_told_long_ago_is_forgotten(self) -> None:
        """The oldest call first."""
        told = Told(1)
        told.note([self.LOGGED, replace(self.LOGGED, call_id="2.0")])
        assert not told.knows(self.FOUND)
        assert told.knows(replace(self.FOUND, call_id="2.0"))


@pytest.mark.parametrize("name", NAMES)
class TestRecorded:
    """Recordings with a hole in them, and the whole log."""

    def test_every_visit_in_the_log_is_told_once_and_rightly(self, name: str) -> None:
        """Wherever the hole is, and however long."""
        whole = Log(captured(name))
        begins, ends = captured(name)[0].at, captured(name)[-1].at

        @PATIENT
        @given(at=st.floats(0, 1), length=st.floats(0, 0.6))
        def holed(at: float, length: float) -> None:
            gap = (begins + at * (ends - begins), begins + min(at + length, 1) * (ends - begins))
            told = Told()
            heard = cut(name, *gap)
            told.note(heard)
            mended = heal(*gap, captured(name), told, pbx="main", policy=Policy())
            final = {record.key: record for record in [*heard, *mended] if isinstance(record, QueueVisit)}
            settled = [
                visit for visit in final.values() if not lost(visit) and not visit.outcome.startswith("refused_")
            ]
            assert len(settled) == len(whole.stories)
            for visit, story in zip(in_order(settled), in_order(each.visit for each in whole.stories), strict=True):
                assert (visit.uniqueid, visit.queue, visit.agent) == (story.uniqueid, story.queue, story.agent)
                assert visit.outcome.replace("short_", "") == story.outcome.replace("short_", "")
                assert abs(visit.wait_seconds - story.wait_seconds) <= 1.2
            offered = [record.key for record in mended if isinstance(record, CallOffered)]
            assert len(set(offered)) == len(offered)

        holed()
