"""Visits out of a queue_log: every way one may go, what is told of it, and agreement with AMI on recorded streams."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.facts import Fact, QueueVisit, RingAttempt, Transfer
from ringwatch.core.hours import OpeningHours
from ringwatch.core.queue_log.stories import FORGET_SECONDS
from ringwatch.core.readings import CallOffered, Key
from ringwatch.core.standards import Policy, Standard
from tests.tools.captures import NAMES, blocks, facts_of
from tests.tools.properties import PATIENT

from .logs import NINE, Log, captured, lines, log

ANSWERED = """
    0|1.0|support|NONE|ENTERQUEUE||0201000001|2
    9|1.0|support|Bram|RINGNOANSWER|8000
    12|1.0|support|Anna|CONNECT|12|1.1|2
"""


def outcome_of(text: str) -> tuple[str, float, float]:
    """Return outcome, wait and end (after nine) of the only visit."""
    visit = log(text).story.visit
    return visit.outcome, visit.wait_seconds, visit.ended_at - NINE


class TestVisits:
    """What is told of a visit."""

    def test_an_answered_visit_is_told_when_its_talk_is_over(self) -> None:
        """Whole seconds of wait and talk, the agent, and nothing of what a log does not tell."""
        told = log(f"{ANSWERED} 74|1.0|support|Anna|COMPLETEAGENT|12|62|2")
        assert told.story.visit == QueueVisit(
            pbx="main",
            call_id="1.0",
            queue="support",
            ordinal=1,
            joined_at=NINE,
            ended_at=NINE + 74,
            outcome="answered",
            wait_seconds=12.0,
            position=2,
            agent="Anna",
            interface=None,
            agent_ring_seconds=None,
            agent_rings=None,
            desk_ring_seconds=10.0,
            desk_rings=3,
            caller_ring_seconds=None,
            caller_rings=None,
            in_time=None,
            talk_seconds=62.0,
            hold_seconds=0.0,
            holds=0,
            talk_ended_by="agent",
            source="queue_log",
            precision=1.0,
            uniqueid="1.0",
        )
        assert (told.misfits, told.log.open_visits) == ([], [])

    def test_a_visit_is_of_the_hours_in_which_it_began(self) -> None:
        """Joined in the closed minute, answered and served after it; the offer says the same."""
        opens_a_minute_past = OpeningHours(closed={date(2026, 11, 23): ((9 * 60, 9 * 60 + 1),)})
        given = lines(f"{ANSWERED} 74|1.0|support|Anna|COMPLETEAGENT|12|62|2")
        story = Log(given, Policy(opening={"support": opens_a_minute_past})).story
        assert (story.visit.hours, story.offered.hours) == ("closed", "closed")
        assert Log(given, Policy(opening={"sales": opens_a_minute_past})).story.visit.hours == "open"

    def test_everything_about_a_visit_is_told_with_it(self) -> None:
        """Joining, rings, conversation, then the visit, in the order of AMI's telling."""
        story = log(f"{ANSWERED} 74|1.0|support|Anna|COMPLETEAGENT|12|62|2").story
        assert [type(record).__name__ for record in story.records] == [
            *("CallOffered", "RingAttempt", "RingAttempt", "Leg", "QueueVisit")
        ]
        assert story.offered == CallOffered(pbx="main", call_id="1.0", queue="support", ordinal=1, at=NINE)
        missed, answered = story.attempts
        assert (missed.agent, missed.result, missed.ring_seconds, missed.rings) == ("Bram", "no_answer", 8.0, 2)
        assert (missed.started_at, missed.ended_at) == (NINE + 1, NINE + 9)
        assert (answered.agent, answered.result, answered.ring_seconds) == ("Anna", "answered", 2.0)
        assert story.leg is not None
        assert (story.leg.started_at, story.leg.ended_at, story.leg.talk_seconds) == (NINE + 12, NINE + 74, 62.0)
        assert (story.leg.interface, story.leg.ended_by, story.leg.source) == ("Anna", "agent", "queue_log")
        assert {each.precision for each in (missed, answered, story.leg)} == {1.0}

    def test_the_desk_rang_while_any_of_the_phones_did(self) -> None:
        """Rings at the same time count once."""
        visit = log("""
            0|1.0|sales|NONE|ENTERQUEUE||0201|1
            10|1.0|sales|Dirk|RINGNOANSWER|9500
            10|1.0|sales|Eva|RINGNOANSWER|6000
            12|1.0|sales|Eva|RINGCANCELED|1000
            12|1.0|sales|NONE|ABANDON|1|1|12
        """).story.visit
        assert visit.desk_ring_seconds == 10.5

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("7|1.0|support|NONE|ABANDON|1|2|7", ("abandoned", 7, 7)),
            ("4|1.0|support|NONE|ABANDON|1|2|4", ("short_abandoned", 4, 4)),
            ("7|1.0|support|NONE|EXITWITHTIMEOUT|1|2|7", ("timeout", 7, 7)),
            ("7|1.0|support|NONE|EXITWITHTIMEOUT|1", ("timeout", 7, 7)),
            ("7|1.0|support|NONE|EXITEMPTY|1|2|7", ("empty", 7, 7)),
            ("7|1.0|support|NONE|EXITWITHKEY|3|1|2|7", ("key_exit", 7, 7)),
            ("7|1.0|support|NONE|WITHDRAW|1|2|7|gone to the app", ("withdrawn", 7, 7)),
        ],
    )
    def test_every_way_out_has_its_outcome(self, line: str, told: tuple[str, float, float]) -> None:
        """The wait is the line's own where it tells one, else it is reckoned from the times."""
        assert outcome_of(f"0|1.0|support|NONE|ENTERQUEUE||0201|2\n{line}") == told

    def test_a_short_abandon_is_judged_by_the_queues_own_standard(self) -> None:
        """As where AMI tells it."""
        given = lines("0|1.0|support|NONE|ENTERQUEUE||0201|2\n7|1.0|support|NONE|ABANDON|1|2|7")
        policy = Policy(standards={"support": Standard(short_abandon_seconds=10.0)})
        assert Log(given, policy).story.visit.outcome == "short_abandoned"

    def test_a_call_that_could_not_be_connected_has_failed(self) -> None:
        """An agent picked up, and no codec was common (app_queue.c, SYSCOMPAT); then it is told as abandoned."""
        story = log("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            6|1.0|support|Anna|SYSCOMPAT|
            6|1.0|support|NONE|ABANDON|1|1|6
        """).story
        assert (story.visit.outcome, story.visit.agent, story.leg) == ("failed", None, None)

    def test_a_caller_whom_an_agent_dumped_waits_on(self) -> None:
        """An agent hung up during the announcement; what comes then decides."""
        dumped = "0|1.0|support|NONE|ENTERQUEUE||0201|1\n6|1.0|support|Anna|AGENTDUMP|\n"
        answered = f"{dumped} 9|1.0|support|Bram|CONNECT|9|1.2|2\n20|1.0|support|Bram|COMPLETECALLER|9|11|1"
        assert outcome_of(answered) == ("answered", 9, 20)
        assert outcome_of(f"{dumped} 9|1.0|support|NONE|ABANDON|1|1|9") == ("abandoned", 9, 9)
        assert outcome_of(f"{dumped} 9|1.0|sales|NONE|ENTERQUEUE||0201|1") == ("dumped", 9, 9)

    def test_a_caller_who_hung_up_during_the_announcement_is_told_once(self) -> None:
        """Asterisk writes ABANDON twice: with the agent, and without (app_queue.c, try_calling and queue_exec)."""
        told = log("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            8|1.0|support|Anna|ABANDON|1|1|8
            9|1.0|support|NONE|ABANDON|1|1|9
        """)
        assert (told.story.visit.outcome, told.story.visit.wait_seconds, told.misfits) == ("abandoned", 8, [])

    @pytest.mark.parametrize(
        ("line", "ended_by", "transfer"),
        [
            ("COMPLETECALLER|12|62|2", "caller", None),
            ("COMPLETEAGENT|12|62|2", "agent", None),
            ("BLINDTRANSFER|108|internal|12|62|2", "transfer", ("blind", "108")),
            ("TRANSFER|108|internal|12|62", "transfer", ("blind", "108")),
            ("ATTENDEDTRANSFER|BRIDGE|450dcced|12|62|2", "transfer", ("attended", "")),
            ("ATTENDEDTRANSFER|APP|ConfBridge|12|62|2", "transfer", ("attended", "ConfBridge")),
        ],
    )
    def test_every_end_of_a_talk_says_who_ended_it(
        self, line: str, ended_by: str, transfer: tuple[str, str] | None
    ) -> None:
        """A transfer is told as one, too; where to is known of a blind one."""
        story = log(f"{ANSWERED} 74|1.0|support|Anna|{line}").story
        assert (story.visit.talk_ended_by, story.visit.talk_seconds) == (ended_by, 62.0)
        made = story.transfer
        assert (None if made is None else (made.kind, made.to)) == transfer
        assert made is None or (made.from_agent, made.at, made.result, made.source) == (
            *("Anna", NINE + 74, "success", "queue_log"),
        )

    def test_lines_that_wait_when_a_talk_ends_are_counted(self) -> None:
        """Callers of the same queue who were neither answered nor gone."""
        story = log(f"""
            {ANSWERED}
            20|2.0|support|NONE|ENTERQUEUE||0202|1
            21|3.0|support|NONE|ENTERQUEUE||0203|2
            22|4.0|sales|NONE|ENTERQUEUE||0204|1
            23|3.0|support|NONE|ABANDON|2|2|2
            74|1.0|support|Anna|COMPLETEAGENT|12|62|2
        """).stories[-1]
        assert story.leg is not None
        assert story.leg.lines_waiting == 1

    def test_a_caller_may_come_back_and_be_elsewhere(self) -> None:
        """Stays are numbered by queue, whoever else comes between."""
        told = log("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            8|1.0|support|NONE|EXITWITHTIMEOUT|1|1|8
            8|1.0|sales|NONE|ENTERQUEUE||0201|1
            9|2.0|support|NONE|ENTERQUEUE||0202|1
            20|1.0|sales|NONE|EXITWITHTIMEOUT|1|1|12
            20|1.0|support|NONE|ENTERQUEUE||0201|2
            30|1.0|support|NONE|ABANDON|2|2|10
            31|2.0|support|NONE|ABANDON|1|1|22
        """)
        assert [story.visit.key[1:] for story in told.stories] == [
            *(("1.0", "support", 1), ("1.0", "sales", 1), ("1.0", "support", 2), ("2.0", "support", 1))
        ]
        assert told.log.ordinal("1.0", "support", NINE + 20.4, within=2.5) == 2
        assert told.log.ordinal("1.0", "support", NINE + 5, within=2.5) is None
        assert told.log.ordinal("9.0", "support", NINE, within=2.5) is None

    def test_an_old_log_tells_the_position_at_the_end(self) -> None:
        """ENTERQUEUE of Asterisk 1.4 has none."""
        joined = "0|1.0|support|NONE|ENTERQUEUE||0201\n"
        assert log(f"{joined} 5|1.0|support|NONE|ABANDON|1|4|5").story.visit.position == 4
        talked = f"{joined} 5|1.0|support|Anna|CONNECT|5\n9|1.0|support|Anna|COMPLETECALLER|5|4|3"
        assert log(talked).story.visit.position == 3

    def test_a_clock_set_back_makes_no_visit_end_before_it_began(self) -> None:
        """Times are the log's, durations not below zero."""
        visit = log("10|1.0|support|NONE|ENTERQUEUE||0201|1\n4|1.0|support|NONE|ABANDON|1|1|-6").story.visit
        assert (visit.joined_at, visit.ended_at, visit.wait_seconds) == (NINE + 10, NINE + 10, 0.0)


class TestOrder:
    """Lines that come in another order than one would think."""

    def test_the_next_stay_may_begin_before_the_end_of_the_last_talk_is_told(self) -> None:
        """The end of a talk is written by another thread (app_queue.c, handle_blind_transfer)."""
        told = log(f"""
            {ANSWERED}
            20|1.0|support|NONE|ENTERQUEUE||0201|1
            20|1.0|support|Anna|BLINDTRANSFER|801|internal|12|8|2
            25|1.0|support|Bram|CONNECT|5|1.9|2
            40|1.0|support|Bram|COMPLETECALLER|5|15|1
        """)
        assert [(story.visit.ordinal, story.visit.agent, story.visit.talk_seconds) for story in told.stories] == [
            *((1, "Anna", 8.0), (2, "Bram", 15.0))
        ]
        assert told.misfits == []

    def test_the_end_of_a_talk_may_carry_another_channel(self) -> None:
        """A Local channel in front of the caller was taken out (app_queue.c, handle_local_optimization_end)."""
        told = log(f"{ANSWERED} 74|1.7|support|Anna|COMPLETECALLER|12|62|2")
        assert (told.story.visit.call_id, told.story.visit.talk_seconds, told.misfits) == ("1.0", 62.0, [])

    @pytest.mark.parametrize("who", ["caller", "agent"])
    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_a_consultation_may_be_ended_by_two_lines_and_is_one_visit(self, who: str, first: int, second: int) -> None:
        """In either order (seen with Asterisk 16 and 22): the first tells how, whoever asks hears of the second."""
        ends = [line.replace("CALLER", who.upper()) for line in ENDED_TWICE]
        told = log(f"{CONSULTED} {ends[first]}\n{ends[second]}")
        assert (told.story.visit.ordinal, told.story.visit.talk_ended_by) == (1, ("transfer", who)[first])
        assert [line.event for line in told.again] == [("ATTENDEDTRANSFER", f"COMPLETE{who.upper()}")[second]]
        assert told.misfits == []

    def test_an_agent_who_consults_again_at_once_has_been_there_twice(self) -> None:
        """What ends the second talk is not the first one's."""
        told = log(f"""
            {CONSULTED} {ENDED_TWICE[0]}
            24|1.0|sales|NONE|ENTERQUEUE||106|1
            24|1.0|sales|Dirk|CONNECT|0|1.3|2
            {ENDED_TWICE[1]}
        """)
        assert [story.visit.ordinal for story in told.stories] == [1, 2]
        assert (told.again, told.misfits) == ([], [])

    def test_the_end_of_one_of_two_equal_talks_is_nobodys(self) -> None:
        """Which of them is meant is not guessed."""
        told = log("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            0|2.0|support|NONE|ENTERQUEUE||0202|2
            5|1.0|support|Anna|CONNECT|5|1.1|2
            5|2.0|support|Anna|CONNECT|5|2.1|2
            9|3.0|support|Anna|COMPLETECALLER|5|4|1
        """)
        assert told.story.visit.call_id == "3.0"
        assert len(told.log.open_visits) == 2


CONSULTED = """
    0|NONE|NONE|NONE|QUEUESTART|
    20|1.0|sales|NONE|ENTERQUEUE||106|1
    22|1.0|sales|Dirk|CONNECT|2|1.1|2
"""
ENDED_TWICE = (
    "24|1.0|sales|Dirk|ATTENDEDTRANSFER|BRIDGE|50300743-dff0-492a-90d4-75cd709c495f|2|2|1",
    "24|1.0|sales|Dirk|COMPLETECALLER|2|2|1",
)
"""An agent, 106, asked a queue, and then handed his own caller on to Dirk, who had answered."""


class TestEndless:
    """Visits of whose end the log says nothing."""

    def test_what_goes_on_is_not_told(self) -> None:
        """It may end in the next line."""
        told = log(f"{ANSWERED} 13|2.0|support|NONE|ENTERQUEUE||0202|1")
        assert told.stories == []
        assert [visit.call_id for visit in told.log.open_visits] == ["1.0", "2.0"]

    def test_a_start_of_asterisk_ends_all(self) -> None:
        """At the last sign of life: who talked was answered, how the others' wait ended nobody knows."""
        told = log(f"""
            {ANSWERED}
            13|2.0|support|NONE|ENTERQUEUE||0202|1
            40|NONE|support|Bram|PAUSE|lunch
            300|NONE|NONE|NONE|QUEUESTART|
        """)
        talking, waiting = (story.visit for story in told.stories)
        assert (talking.outcome, talking.talk_ended_by, talking.talk_seconds, talking.ended_at - NINE) == (
            *("answered", "unknown", 28.0, 40),
        )
        assert (waiting.outcome, waiting.wait_seconds, waiting.ended_at - NINE) == ("unknown", 27.0, 40)
        assert told.log.open_visits == []

    def test_who_waits_elsewhere_waits_here_no_more(self) -> None:
        """A way out that left no line."""
        told = log("""
            0|1.0|support|NONE|ENTERQUEUE||0201|1
            9|1.0|sales|NONE|ENTERQUEUE||0201|1
        """)
        assert (told.story.visit.outcome, told.story.visit.queue, told.story.visit.wait_seconds) == (
            *("unknown", "support", 9.0),
        )

    def test_a_call_is_forgotten_after_a_day(self) -> None:
        """A log of years fits in memory; the visit is told as far as it was known."""
        later = int(FORGET_SECONDS) + 20
        told = log(f"""
            {ANSWERED}
            5|2.0|support|NONE|ENTERQUEUE||0202|1
            6|2.0|support|NONE|ABANDON|1|1|1
            {later}|3.0|support|NONE|ENTERQUEUE||0203|1
        """)
        abandoned, talked = (story.visit for story in told.stories)
        assert abandoned.call_id == "2.0"
        assert (talked.call_id, talked.outcome, talked.talk_ended_by) == ("1.0", "answered", "unknown")
        assert told.log.ordinal("1.0", "support", NINE, within=2.5) is None


class TestMisfits:
    """Lines that fit nothing."""

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("9|1.0|support|NONE|ABANDON|1|3|9", ("abandoned", 0, 9)),
            ("9|1.0|support|Anna|CONNECT|9|1.1|2\n20|1.0|support|Anna|COMPLETEAGENT|9|11|3", ("answered", 0, 20)),
            ("20|1.0|support|Anna|COMPLETEAGENT|9|11|3", ("answered", 0, 20)),
            ("9|1.0|support|Bram|RINGNOANSWER|8000\n12|1.0|support|NONE|ABANDON|1|3|12", ("abandoned", 0, 12)),
        ],
    )
    def test_a_log_may_begin_in_mid_call(self, text: str, told: tuple[str, float, float]) -> None:
        """Then the beginning is reckoned back from what the lines say, and nothing is amiss."""
        found = log(text)
        visit = found.story.visit
        assert (visit.outcome, visit.joined_at - NINE, visit.ended_at - NINE) == told
        assert (visit.position, found.misfits) == (3, [])

    @pytest.mark.parametrize("line", ["99|1.0|support|NONE|ABANDON|1|3|9", "99|1.0|support|Anna|COMPLETEAGENT|4|5|3"])
    def test_a_beginning_that_is_missing_later_is_told_to_whoever_asks(self, line: str) -> None:
        """The visit is told all the same, from that line alone."""
        found = log(f"0|NONE|NONE|NONE|QUEUESTART|\n{line}")
        assert found.story.visit.joined_at - NINE == 90
        assert found.misfits == [(line.split("|")[4], "the caller was not seen to join the queue")]

    def test_a_caller_who_talks_is_not_answered_again(self) -> None:
        """A line that was written twice."""
        found = log(f"""
            {ANSWERED}
            12|1.0|support|Anna|CONNECT|12|1.1|2
            74|1.0|support|Anna|COMPLETEAGENT|12|62|2
        """)
        assert (found.story.visit.talk_seconds, found.misfits) == (62.0, [("CONNECT", "the caller talks")])

    def test_a_talk_that_another_agent_ends_is_noticed(self) -> None:
        """The talk is over all the same."""
        found = log(f"{ANSWERED} 74|1.0|support|Bram|COMPLETEAGENT|12|62|2")
        assert found.story.visit.agent == "Anna"
        assert found.misfits == [("COMPLETEAGENT", "Anna talks with the caller")]

    def test_an_end_that_is_told_twice_is_noticed(self) -> None:
        """ABANDON twice without an agent is not what Asterisk writes."""
        found = log("""
            0|NONE|NONE|NONE|QUEUESTART|
            90|1.0|support|NONE|ENTERQUEUE||0201|1
            98|1.0|support|NONE|ABANDON|1|1|8
            98|1.0|support|NONE|ABANDON|1|1|8
        """)
        assert [story.visit.ordinal for story in found.stories] == [1, 2]
        assert found.misfits == [("ABANDON", "the caller was not seen to join the queue")]

    @pytest.mark.parametrize(
        "end",
        [
            ENDED_TWICE[0],
            ENDED_TWICE[1].replace("Dirk", "Anna"),
            ENDED_TWICE[1].replace("|2|2|1", "|3|2|1"),
            ENDED_TWICE[1].replace("|2|2|1", "|2|5|1"),
            ENDED_TWICE[1].replace("24|", "27|"),
            "24|1.0|sales|Dirk|BLINDTRANSFER|108|internal|2|2|1",
            f"{ENDED_TWICE[1]}\n{ENDED_TWICE[1]}",
        ],
    )
    def test_only_the_end_of_the_same_talk_is_its_second(self, end: str) -> None:
        """Another agent, wait, talk or moment, another event, or a third line, is of nobody who was seen to join."""
        found = log(f"{CONSULTED} {ENDED_TWICE[0]}\n{end}")
        assert len(found.stories) == 2
        assert [why for _, why in found.misfits] == ["the caller was not seen to join the queue"]


@cache
def heard(name: str) -> tuple[Fact, ...]:
    """Return all that AMI tells of a recording."""
    return tuple(facts_of(blocks(name)))


@cache
def told_by_ami(name: str) -> dict[Key, QueueVisit]:
    """Return AMI's visits of a recording by the identity that the log can give them, without the refused.

    It is AMI's own but for calls that joined by a Local channel: the log knows that channel alone.
    """
    visits = [fact for fact in heard(name) if isinstance(fact, QueueVisit) and not fact.outcome.startswith("refused_")]
    local = [visit for visit in visits if visit.uniqueid != visit.call_id]
    assert len(local) < 5
    return {
        **{visit.key: visit for visit in visits if visit not in local},
        **{("main", visit.uniqueid, visit.queue, 1): visit for visit in local},
    }


@pytest.mark.parametrize("name", NAMES)
class TestRecorded:
    """The log of a recording against its AMI stream."""

    def test_every_visit_has_the_identity_that_ami_gives_it(self, name: str) -> None:
        """So applying both doubles nothing; what one side leaves open the other does, too."""
        found = Log(captured(name))
        theirs = {story.visit.key for story in found.stories}
        still = {("main", visit.call_id, visit.queue, visit.ordinal) for visit in found.log.open_visits}
        ours = told_by_ami(name)
        assert {key for key, visit in ours.items() if visit.outcome != "unknown"} == theirs
        assert {key for key, visit in ours.items() if visit.outcome == "unknown"} == still
        assert found.misfits == []

    def test_every_visit_agrees(self, name: str) -> None:
        """Outcome, agent, place in line; joining and wait within what whole seconds allow."""
        for story in Log(captured(name)).stories:
            log_told, ami_told = story.visit, told_by_ami(name)[story.visit.key]
            assert log_told.outcome.replace("short_", "") == ami_told.outcome.replace("short_", "")
            assert (log_told.agent, log_told.position) == (ami_told.agent, ami_told.position)
            assert abs(log_told.wait_seconds - ami_told.wait_seconds) <= 1.2
            assert -0.2 <= ami_told.joined_at - log_told.joined_at <= 1.2

    def test_every_unanswered_ring_agrees(self, name: str) -> None:
        """Who rang in vain, in which call, how often and for how long."""
        given = [
            [
                (each.call_id, each.queue, each.agent, each.ring_seconds)
                for each in sorted(rings, key=lambda a: a.ended_at)
            ]
            for rings in (
                [attempt for story in Log(captured(name)).stories for attempt in story.attempts],
                [fact for fact in heard(name) if isinstance(fact, RingAttempt) and fact.queue],
            )
            for rings in ([ring for ring in rings if ring.result in ("no_answer", "busy", "failed")],)
        ]
        theirs, ours = (sorted(rings) for rings in given)
        assert [ring[:3] for ring in theirs] == [ring[:3] for ring in ours]
        assert all(abs(one[3] - other[3]) < 0.3 for one, other in zip(theirs, ours, strict=True))

    def test_every_blind_transfer_agrees(self, name: str) -> None:
        """Who made it and where it led."""
        given = [story.transfer for story in Log(captured(name)).stories if story.transfer]
        seen = [fact for fact in heard(name) if isinstance(fact, Transfer) and fact.result == "success"]
        theirs, ours = (
            {(each.call_id, each.from_agent, each.to) for each in transfers if each.kind == "blind"}
            for transfers in (given, seen)
        )
        assert theirs <= ours
        assert len(theirs) > 2

    def test_lines_in_any_order_are_told_without_an_error(self, name: str) -> None:
        """A log that was sorted wrongly, or of which lines are missing, may mislead but never fails."""

        @PATIENT
        @given(st.permutations(captured(name)[:120]))
        def shuffled(given_lines: list[object]) -> None:
            told = Log(given_lines)  # type: ignore[arg-type]
            for story in told.stories:
                assert story.visit.ended_at >= story.visit.joined_at
                assert story.visit.wait_seconds >= 0

        shuffled()
