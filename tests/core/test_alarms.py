"""Alerts as the engine raises them: each one in a desk where it fires, and what keeps it from firing.

The limits are the defaults. Times are seconds after START, the fact's own moments; the clock strikes every half second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ringwatch.core import events as ev
from ringwatch.core.alerts import ALERTS, rule_for
from ringwatch.core.engine import Engine
from ringwatch.core.hours import ALWAYS, OpeningHours
from ringwatch.core.readings import CallAnswered
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Line, Policy, Standard
from tests.core.desk import FREE, START, TALKING, Caller, Desk, Seat

Shown = tuple[str, str, float]
UNPLUGGED = 5
OF_THE_PBX = ("ami_disconnected", "data_stale", "state_drift")


def passes(desk: Desk, seconds: float, *, silently: bool = False) -> Desk:
    """Let the clock strike for some time, and the PBX say something of no weight every half minute."""
    for step in range(1, round(seconds * 2) + 1):
        desk.after(0.5).ticks()
        if step % 60 == 0 and not silently:
            desk.says(ev.QueueSeen(desk.at, "support"))
    return desk


def shown(desk: Desk, *names: str) -> list[Shown]:
    """Return the alerts of these names so far: which, what became of it, and when."""
    wanted = {f"Ringwatch{name}" for name in names}
    alerts = [alert for alert in desk.so_far.alerts if alert.name in wanted]
    return [(alert.name.removeprefix("Ringwatch"), alert.state, round(alert.at - START, 3)) for alert in alerts]


def only(desk: Desk, name: str, state: str = "raised") -> Alert:
    """Return the only alert of a name in a state."""
    (alert,) = (each for each in desk.so_far.alerts if each.name == f"Ringwatch{name}" and each.state == state)
    return alert


def line_of(count: int, desk: Desk | None = None, queue: str = "support") -> list[Caller]:
    """Put so many callers in line, two seconds apart."""
    desk = desk or Desk()
    return [desk.after(2).caller(str(number)).joins(queue) for number in range(count)]


def with_alerts(**changes: Mapping[str, Any]) -> Policy:
    """Return a policy whose alerts differ from the defaults."""
    return Policy(alerts={"": changes})


class TestLines:
    """Waiting callers."""

    def test_three_who_wait_for_ten_seconds_pile_up(self) -> None:
        """The third came at 6 s: raised at 16; two are left from 26 on, which is not well; one from 36 on: 66."""
        first, second, third = line_of(3)
        passes(first.desk, 20)
        desk = passes(first.abandons().desk, 10)
        passes(second.abandons().desk, 40)
        assert shown(desk, "LinesPilingUp") == [("LinesPilingUp", "raised", 16.0), ("LinesPilingUp", "cleared", 66.0)]
        raised, cleared = only(desk, "LinesPilingUp"), only(desk, "LinesPilingUp", "cleared")
        assert raised == Alert(
            pbx="main",
            queue="support",
            name="RingwatchLinesPilingUp",
            state="raised",
            at=START + 16,
            since=START + 6,
            value=3,
            threshold=3,
            severity="warning",
            why="",
            advice="3 callers wait in support: ask who is paused or in back office to take calls now.",
        )
        assert (cleared.since, cleared.value, cleared.why) == (START + 6, 1, "well")
        third.abandons()

    def test_the_threshold_is_the_standards_of_the_queue(self) -> None:
        """Support may have four waiting, sales three."""
        policy = Policy(standards={"support": Standard(lines_waiting=4)})
        desk = passes(line_of(3, Desk(policy))[0].desk, 60)
        assert shown(desk, "LinesPilingUp") == []
        assert rule_for("lines_piling_up", policy, "sales").threshold == 3

    def test_who_is_found_to_have_waited_longer_is_the_oldest(self) -> None:
        """Joined at 2 s; at 10 s a listing shows another one who has waited for 90 s: too long at 40, not at 122."""
        caller = line_of(1)[0]
        desk = passes(caller.desk, 8)
        older = desk.stranger()
        older.queue = "support"
        desk.says(ev.SnapshotBegan(desk.at, "queues"))
        desk.says(ev.WaitingSeen(desk.at, older.uniqueid, older.channel, "", "support", 1, 90))
        desk.says(ev.WaitingSeen(desk.at, caller.uniqueid, caller.channel, "", "support", 2, 8))
        desk.says(ev.SnapshotEnded(desk.at, "queues"))
        assert shown(passes(desk, 150), "LongestWait") == [("LongestWait", "raised", 40.0)]

    def test_a_wait_of_two_minutes_is_too_long_at_its_own_moment(self) -> None:
        """Joined at 2 s, raised at 122 though nothing is said; the next waits since 100 s: well from 130 on."""
        first = line_of(1)[0]
        desk = passes(first.desk, 98)
        second = desk.caller("2").joins("support")
        passes(desk, 30)
        passes(first.abandons().desk, 60)
        assert shown(desk, "LongestWait") == [("LongestWait", "raised", 122.0), ("LongestWait", "cleared", 160.0)]
        raised, cleared = only(desk, "LongestWait"), only(desk, "LongestWait", "cleared")
        assert (raised.since, raised.value, raised.queue) == (START + 122, 120, "support")
        assert (cleared.value, cleared.since) == (60, START + 122)
        second.abandons()

    def test_an_answer_in_time_keeps_it_from_being_too_long(self) -> None:
        """Answered after 119 seconds."""
        caller = line_of(1)[0]
        passes(caller.desk, 115)
        desk = passes(caller.rings("Anna").after(4).answers().desk, 30)
        assert shown(desk, "LongestWait") == []

    def test_whoever_waits_while_nobody_is_there_is_answered_by_nobody(self) -> None:
        """All are paused or unplugged, somebody waits from 2 s on: raised at 17. Anna is back at 30: 45."""
        desk = Desk()
        for name, status, paused in (("101", FREE, True), ("102", UNPLUGGED, False), ("103", UNPLUGGED, True)):
            desk.shows(_seat(name), status, paused=paused)
        caller = line_of(1, desk)[0]
        passes(desk, 28)
        passes(desk.shows(_seat("101"), FREE), 20)
        assert shown(desk, "NobodyAnswering") == [
            ("NobodyAnswering", "raised", 17.0),
            ("NobodyAnswering", "cleared", 45.0),
        ]
        assert only(desk, "NobodyAnswering").severity == "critical"
        caller.abandons()

    def test_somebody_who_talks_is_there(self) -> None:
        """Anna talks, the others are gone: callers wait, and are answered by and by."""
        desk = Desk()
        for name, status in (("101", TALKING), ("102", UNPLUGGED), ("103", UNPLUGGED)):
            desk.shows(_seat(name), status)
        assert shown(passes(line_of(1, desk)[0].desk, 60), "NobodyAnswering") == []


def _seat(number: str) -> Seat:
    names = {"101": "Anna", "102": "Bram", "103": "Chloé"}
    return Seat("support", names[number], f"PJSIP/{number}", f"PJSIP/{number}")


class TestTalks:
    """Conversations that are up."""

    def test_a_hold_beyond_the_limit_is_alerted_while_it_lasts(self) -> None:
        """Held from 6 s on, for 40 s: raised at 36, and cleared 10 s after the caller was taken back."""
        caller = line_of(1)[0].rings("Anna").after(4).answers().is_held()
        passes(caller.desk, 40)
        desk = passes(caller.is_taken_back().desk, 20)
        assert shown(desk, "HoldTooLong") == [("HoldTooLong", "raised", 36.0), ("HoldTooLong", "cleared", 56.0)]
        assert only(desk, "HoldTooLong").queue == "support"

    def test_the_next_hold_that_is_too_long_keeps_the_alert(self) -> None:
        """Of A from 60 s to 68, of B from 75 on; staffing is looked at at 80, and nothing is said from 68 to 85."""
        desk = Desk()
        a = desk.caller("1").joins("support").rings("Anna").after(4).answers()
        b = desk.caller("2").joins("support").rings("Bram").after(4).answers().after(22)
        a.is_held().after(15)
        b.is_held().after(23)
        a.is_taken_back().after(17)
        passes(b.is_taken_back().desk, 12)
        assert shown(desk, "HoldTooLong") == [("HoldTooLong", "raised", 60.0), ("HoldTooLong", "cleared", 95.0)]

    def test_a_hold_within_the_limit_is_not(self) -> None:
        """Twice 29 seconds."""
        caller = line_of(1)[0].rings("Anna").after(4).answers()
        for _ in range(2):
            passes(caller.is_held().desk, 29)
            caller.is_taken_back().after(1)
        assert shown(caller.desk, "HoldTooLong") == []

    def test_a_talk_beyond_the_limit_is_alerted_while_it_lasts(self) -> None:
        """Talking from 4 s on, on a direct line: raised at 904 under its name, cleared 10 s after the end."""
        policy = Policy(lines=(Line("reception", ("3000",)),))
        caller = Desk(policy).caller("1", exten="3000").dials("PJSIP/101").rings().after(4).answers()
        passes(caller.desk, 910)
        desk = passes(caller.hangs_up().desk, 20)
        assert shown(desk, "CallTooLong") == [("CallTooLong", "raised", 904.0), ("CallTooLong", "cleared", 924.0)]
        assert (only(desk, "CallTooLong").queue, only(desk, "CallTooLong").severity) == ("reception", "info")

    def test_a_talk_within_the_limit_is_not(self) -> None:
        """Of 899 seconds."""
        caller = line_of(1)[0].rings("Anna").after(4).answers()
        passes(caller.desk, 899)
        assert shown(passes(caller.hangs_up().desk, 20), "CallTooLong") == []

    def test_who_has_worked_for_two_hours_without_a_break(self) -> None:
        """Anna, from 6 s on, one call after another; Bram comes later and goes; a pause of five minutes is a break."""
        desk = Desk().shows(_seat("102"))
        passes(desk, 6)
        desk.shows(_seat("101"), TALKING).after(30).shows(_seat("102"), TALKING).after(60).shows(_seat("102"), FREE)
        for _ in range(160):
            desk.after(45).shows(_seat("101"), FREE).after(1).shows(_seat("101"), TALKING)
        raised = only(desk, "AgentNoBreak")
        assert (raised.queue, raised.at, raised.value, raised.severity) == ("support", START + 6 + 7200, 7200, "info")
        desk.shows(_seat("101"), FREE, paused=True)
        passes(desk, 310)
        (cleared,) = (each for each in desk.so_far.alerts if each.state == "cleared" and each.name == raised.name)
        # The last talk had been over for a second.
        assert 299 <= cleared.at - desk.at + 310 <= 300
        assert cleared.advice == "Nothing: all is well again."


def serves(desk: Desk, number: int, wait: float, *, queue: str = "support", agent: str = "Anna") -> Caller:
    """Let a caller wait for an answer, ringing all the while, and talk for a second."""
    return desk.caller(str(number)).joins(queue).rings(agent).after(wait).answers().after(1).hangs_up()


class TestBudgets:
    """Callers served badly, by the third ring and by the service level."""

    def test_a_service_level_missed_twice_too_often_burns(self) -> None:
        """One in five may wait beyond 20 s. Six in time and four beyond: 0.4 / 0.2 = 2, at the answer of the tenth."""
        desk = Desk()
        for number in range(9):
            serves(desk, number, 21 if number < 3 else 2)
        tenth = desk.caller("9").joins("support").rings("Anna").after(21)
        assert shown(desk, "ServiceLevelBudgetBurn") == []
        answered_at = tenth.answers().desk.at - START
        tenth.after(1).desk.ticks()
        assert shown(desk, "ServiceLevelBudgetBurn") == [("ServiceLevelBudgetBurn", "raised", answered_at)]
        assert (only(desk, "ServiceLevelBudgetBurn").value, only(desk, "ServiceLevelBudgetBurn").threshold) == (2, 2)
        tenth.hangs_up()
        passes(desk, 900)
        cleared = only(desk, "ServiceLevelBudgetBurn", "cleared")
        # The short window is well when the callers served badly have left it, 5 minutes later 300 s of that are over.
        assert 300 < cleared.at - START - answered_at <= 620

    def test_a_third_ring_missed_twice_too_often_burns(self) -> None:
        """One in ten may ring beyond the third ring, 15 s in nl: eight in time and two beyond are 0.2 / 0.1 = 2."""
        desk = Desk()
        for number in range(10):
            serves(desk, number, 16 if number in {4, 9} else 2)
        desk.after(1).ticks()
        assert [name for name, _, _ in shown(desk, "ThirdRingBudgetBurn")] == ["ThirdRingBudgetBurn"]
        assert only(desk, "ThirdRingBudgetBurn").value == 2

    def test_callers_who_are_lost_burn_both(self) -> None:
        """Ten who hang up after 16 s of ringing: none was answered in time, and all rang beyond the third ring."""
        desk = Desk()
        for number in range(10):
            desk.caller(str(number)).joins("support").rings("Anna").after(16).hangs_up()
        desk.after(1).ticks()
        assert only(desk, "ServiceLevelBudgetBurn").value == 5
        assert only(desk, "ThirdRingBudgetBurn").value == 10

    def test_a_direct_line_has_budgets_too(self) -> None:
        """Ten answered after 21 s, which is the fifth ring; told at the answer, once, with a transfer or without."""
        desk = Desk()
        for number in range(10):
            caller = desk.caller(str(number), exten="3000").dials("PJSIP/101").rings().after(21).answers()
            assert [type(each) for each in desk.so_far.records].count(CallAnswered) == number + 1
            caller.after(1).hangs_up()
        for _ in range(2):
            desk.caller("1", exten="3000").dials("PJSIP/101").rings().after(21).hangs_up()
        desk.after(1).ticks()
        assert {(alert.queue, alert.name) for alert in desk.so_far.alerts} == {
            ("direct", "RingwatchServiceLevelBudgetBurn"),
            ("direct", "RingwatchThirdRingBudgetBurn"),
        }

    def test_nine_callers_are_too_few_to_judge(self) -> None:
        """All of them are served badly."""
        desk = Desk()
        for number in range(9):
            serves(desk, number, 21)
        assert shown(desk.after(1).ticks(), "ServiceLevelBudgetBurn", "ThirdRingBudgetBurn") == []

    def test_a_desk_that_serves_well_burns_nothing(self) -> None:
        """Thirty callers, one in ten of them late."""
        desk = Desk()
        for number in range(30):
            serves(desk, number, 21 if number % 10 == 9 else 2)
        assert shown(desk.after(1).ticks(), "ServiceLevelBudgetBurn", "ThirdRingBudgetBurn") == []


class TestBounces:
    """Callers who are sent back where they had been."""

    @pytest.mark.parametrize(("bounced", "expected"), [(2, 0), (3, 1)])
    def test_three_within_half_an_hour_are_too_many(self, bounced: int, expected: int) -> None:
        """From support to sales and back; counted under the queue asked first."""
        desk = Desk()
        for number in range(bounced):
            caller = desk.caller(str(number)).joins("support").leaves().after(2).joins("sales").leaves().after(2)
            caller.joins("support").after(1).hangs_up()
        desk.after(1).ticks()
        assert len(shown(desk, "CallersBounced")) == expected
        if expected:
            assert only(desk, "CallersBounced").queue == "support"
            passes(desk, 2200)
            assert 1800 < only(desk, "CallersBounced", "cleared").at - START < 2150


class TestStaffing:
    """Agents needed and present, and how evenly they are busy."""

    def test_a_queue_that_needs_more_agents_than_there_are(self) -> None:
        """Three callers a minute of two minutes each are six erlangs, for three agents: raised after a minute."""
        desk = Desk()
        _rush(desk, 25)
        raised = only(desk, "Understaffed")
        assert raised.queue == "support"
        assert raised.value >= 1
        assert raised.at - raised.since == 60


def _rush(desk: Desk, minutes: int) -> None:
    """Let three callers a minute come, of whom Anna, Bram and Chloé answer one each, and talk for two minutes."""
    waiting: list[Caller] = []
    talking: list[tuple[float, Caller]] = []
    free = ["Anna", "Bram", "Chloé"]
    for number in range(3 * minutes):
        waiting.append(desk.caller(str(number)).joins("support"))
        passes(desk, 20)
        for began, caller in [each for each in talking if desk.at - each[0] >= 120]:
            talking.remove((began, caller))
            free.append(caller.phone.seat.agent)
            caller.hangs_up()
        while free and waiting:
            talking.append((desk.at, waiting.pop(0).rings(free.pop()).answers()))


class TestThePbx:
    """Alerts of a whole PBX, and what they do to the others."""

    def test_a_connection_that_is_gone_for_ten_seconds(self) -> None:
        """Broken at 5 s: raised at 15; back at 40: cleared."""
        desk = passes(Desk(), 5)
        passes(desk.says(ev.StreamBroke(desk.at, "disconnected")), 35)
        passes(desk.says(ev.StreamResumed(desk.at)), 1)
        assert shown(desk, "AmiDisconnected") == [
            ("AmiDisconnected", "raised", 15.0),
            ("AmiDisconnected", "cleared", 40.0),
        ]
        assert (only(desk, "AmiDisconnected").queue, only(desk, "AmiDisconnected").value) == (None, 10)

    def test_a_connection_that_is_back_at_once(self) -> None:
        """Nine seconds, twice."""
        desk = Desk()
        for _ in range(2):
            passes(desk.says(ev.StreamBroke(desk.at, "disconnected")), 9)
            passes(desk.says(ev.StreamResumed(desk.at)), 5)
        assert shown(desk, "AmiDisconnected") == []

    def test_a_connection_that_never_came_about(self) -> None:
        """The daemon began at 0 s and cannot attach: there is no gap, and there is an alert."""
        engine = Engine("main", Policy())
        assert engine.apply(ev.StreamAwaited(START)) == []
        (alert,) = engine.apply(ev.Tick(START + 10.5))
        assert isinstance(alert, Alert)
        assert (alert.name, alert.at) == ("RingwatchAmiDisconnected", START + 10)
        assert engine.apply(ev.StreamResumed(START + 20)) == []
        (alert,) = engine.apply(ev.Tick(START + 21))
        assert isinstance(alert, Alert)
        assert (alert.state, alert.at) == ("cleared", START + 20)
        assert engine.apply(ev.StreamAwaited(START + 22)) == []
        assert engine.apply(ev.Tick(START + 40)) == []

    def test_a_pbx_that_says_nothing_for_a_minute(self) -> None:
        """The last word came at 10 s: raised at 70; a word at 90: cleared."""
        desk = passes(Desk(), 10).removes(_seat("101"))
        passes(desk, 80, silently=True)
        passes(desk.shows(_seat("101")), 30)
        assert shown(desk, "DataStale") == [("DataStale", "raised", 70.0), ("DataStale", "cleared", 90.0)]
        passes(desk, 61, silently=True)
        assert len(shown(desk, "DataStale")) == 3

    def test_a_quiet_pbx_that_answers_is_not_silent(self) -> None:
        """Nobody calls all night, and every ping is answered."""
        desk = Desk()
        for _ in range(30):
            passes(desk, 50, silently=True).says(ev.Answered(desk.at))
        assert desk.so_far.alerts == []

    def test_stale_data_clear_what_is_raised_and_raise_nothing(self) -> None:
        """Three wait from 6 s on: raised at 16, cleared at 66 when the data are stale; heard at 100, raised at 110."""
        callers = line_of(3)
        desk = passes(callers[0].desk, 94, silently=True).shows(_seat("101"), TALKING)
        passes(desk, 20)
        assert shown(desk, "LinesPilingUp") == [
            ("LinesPilingUp", "raised", 16.0),
            ("LinesPilingUp", "cleared", 66.0),
            ("LinesPilingUp", "raised", 110.0),
        ]
        assert [alert.why for alert in desk.so_far.alerts if alert.state == "cleared"] == ["stale", "well"]

    def test_while_the_stream_is_broken_nothing_is_raised(self) -> None:
        """Three wait from 6 s on, the stream breaks at 8 and is back at 30; a listing shows them: raised then."""
        callers = line_of(3)
        desk = passes(callers[0].desk, 2).says(ev.StreamBroke(START + 8, "disconnected"))
        passes(desk, 22).says(ev.StreamResumed(desk.at))
        assert shown(passes(desk, 2), "LinesPilingUp") == []
        desk.lists_queues(*callers, waited=26)
        passes(desk, 3)
        (alert,) = shown(desk, "LinesPilingUp")
        assert alert[:2] == ("LinesPilingUp", "raised")
        assert 32 <= alert[2] <= 34

    def test_five_drifts_within_ten_minutes(self) -> None:
        """Every minute a listing shows a caller whom no event had announced, five in all."""
        desk = Desk().lists_queues().lists_channels()
        passes(desk, 2)
        for _ in range(5):
            passes(desk, 55)
            stranger = desk.stranger()
            stranger.queue = "support"
            passes(desk.lists_queues(stranger), 2)
            desk.says(ev.ChannelEnded(desk.at, stranger.uniqueid, 16))
        assert [state for _, state, _ in shown(desk, "StateDrift")] == ["raised"]
        assert only(desk, "StateDrift").queue is None
        for _ in range(16):
            passes(desk.lists_queues(), 50)
        assert [state for _, state, _ in shown(desk, "StateDrift")] == ["raised", "cleared"]

    def test_what_has_changed_in_a_gap_is_no_drift_to_be_alarmed_by(self) -> None:
        """Five callers come while the stream is broken: they are counted as drift, and the gap explains them."""
        desk = Desk().lists_queues().lists_channels()
        passes(desk, 2).says(ev.StreamBroke(desk.at, "disconnected"))
        passes(desk, 60).says(ev.StreamResumed(desk.at))
        strangers = [desk.stranger() for _ in range(5)]
        for stranger in strangers:
            stranger.queue = "support"
        passes(desk.lists_queues(*strangers).lists_channels(*(each.uniqueid for each in strangers)), 10)
        assert len(desk.so_far.drifts) >= 5
        assert shown(desk, "StateDrift") == []
        for stranger in strangers:
            desk.says(ev.ChannelEnded(desk.at, stranger.uniqueid, 16))


class TestHours:
    """Outside the opening hours nothing alerts."""

    # START is 13:46:40 UTC on a Monday; the desk closes a minute later and opens again three minutes after that.
    CLOSES, OPENS = START + 20, START + 80
    WEEK = ((((0, 13 * 60 + 47)), ((13 * 60 + 48), 24 * 60)),) * 7

    def test_what_is_raised_is_cleared_at_closing_time_and_begins_anew_in_the_morning(self) -> None:
        """Three wait from 6 s on: raised at 16, closed from 20 to 80, and raised again ten seconds after that."""
        policy = Policy(opening={"support": OpeningHours(week=self.WEEK)})
        callers = line_of(3, Desk(policy))
        desk = passes(callers[0].desk, 90)
        told = [(alert.state, alert.at - START, alert.since - START, alert.why) for alert in desk.so_far.alerts]
        assert [each for each in told if each[2] in {6, 80}] == [
            ("raised", 16, 6, ""),
            ("cleared", 20, 6, "closed"),
            ("raised", 90, 80, ""),
        ]

    def test_a_closed_queue_raises_nothing(self) -> None:
        """Nobody is there, and three wait all night."""
        closed = OpeningHours(week=((),) * 7)
        desk = passes(line_of(3, Desk(Policy(opening={"support": closed})))[0].desk, 50)
        assert desk.so_far.alerts == []

    def test_the_pbx_rests_when_all_is_closed(self) -> None:
        """As long as one queue is open, a silent PBX is an alert."""
        closed = OpeningHours(week=((),) * 7)
        for default, expected in ((closed, 0), (OpeningHours(week=ALWAYS), 1)):
            desk = Desk(Policy(default_hours=default, opening={"support": closed}))
            assert len(shown(passes(desk, 100, silently=True), "DataStale")) == expected


class TestRules:
    """What the configuration may change."""

    def test_an_alert_may_be_switched_off(self) -> None:
        """For all queues."""
        off = {"enabled": False}
        policy = with_alerts(lines_piling_up=off, data_stale=off, longest_wait=off)
        desk = passes(line_of(3, Desk(policy))[0].desk, 200, silently=True)
        assert shown(desk, "LinesPilingUp", "DataStale", "LongestWait") == []

    def test_every_alert_says_what_to_do_in_one_sentence(self) -> None:
        """With its queue or PBX, and no placeholder left."""
        for key, kind in ALERTS.items():
            advice = kind.advice.format(value=3.5, queue="support", pbx="main")
            assert ("main" if key in OF_THE_PBX else "support") in advice, key
            assert advice.endswith(".")
            assert advice.count(".") - advice.count("3.5") <= 2


def test_alerts_are_the_same_with_and_without_the_clock() -> None:
    """Whatever was raised while the clock struck is raised by the events alone, as of the same moments."""

    def told(*, ticking: bool) -> list[Alert]:
        desk = Desk()
        callers = line_of(4, desk)
        for seconds, caller in zip((30, 90, 40, 61), callers, strict=True):
            if ticking:
                passes(desk, seconds, silently=True)
            else:
                desk.after(seconds)
            caller.abandons()
        return desk.after(300).caller("9").desk.so_far.alerts

    assert told(ticking=True) == told(ticking=False)
    assert told(ticking=True)
