"""Limits of talk and hold, crossed while the conversation is up: when it is told, as of when, and what is shown."""

from __future__ import annotations

from ringwatch.core import events as ev
from ringwatch.core.crossings import LATE_SECONDS
from ringwatch.core.facts import Crossing
from ringwatch.core.readings import TalksReading
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import START, Caller, Desk
from tests.core.told import Told

NOTHING = (0, 0, 0, 0)


def talking(policy: Policy | None = None) -> Caller:
    """A caller of support who begins to talk with Anna now, four seconds after START."""
    return Desk(policy).caller("1").joins("support").rings("Anna").after(4).answers()


def ticking(caller: Caller, seconds: float, every: float = 1.0) -> Caller:
    """Let some time pass in which the clock strikes."""
    for _ in range(round(seconds / every)):
        caller.after(every).desk.ticks()
    return caller


def crossed(told: Told) -> list[tuple[str, float]]:
    """Return what was crossed, and how long after START."""
    return [(each.what, each.at - START) for each in told.crossings]


def shown(told: Told, queue: str = "support") -> list[tuple[int, int, int, int]]:
    """Return how the talks of a queue were shown to stand, in order: long, too long, on hold, too long so."""
    return [
        (each.over_target, each.over_limit, each.on_hold, each.on_hold_over_limit)
        for each in told.talks
        if each.queue == queue
    ]


def blinking(caller: Caller) -> Caller:
    """Rebuild the bridge of a talk within 0.2 s."""
    desk, anna, bridge = caller.desk, caller.phone.uniqueid, caller.bridge
    desk.says(ev.BridgeLeft(desk.at, anna, bridge)).after(0.2)
    desk.says(ev.BridgeEntered(desk.at, anna, bridge))
    return caller


class TestTalk:
    """600 seconds and 900, without holds."""

    def test_a_talk_crosses_its_target_and_its_limit_at_their_own_moments(self) -> None:
        """Answered at 4 s: 604 and 904, though the clock strikes at other moments; told once, while the talk is up."""
        caller = ticking(talking(), 1000, every=0.7)
        before = caller.desk.so_far
        assert crossed(before) == [("talk_target", 604.0), ("talk_limit", 904.0)]
        assert before.legs == []
        assert before.crossings[0] == Crossing(
            pbx="main",
            call_id=caller.uniqueid,
            queue="support",
            line=None,
            agent="Anna",
            interface="PJSIP/101",
            at=START + 604,
            what="talk_target",
            threshold=600.0,
        )
        told = ticking(caller, 30).hangs_up().told()
        assert len(told.crossings) == 2
        assert shown(told) == [(1, 0, 0, 0), (1, 1, 0, 0), NOTHING]

    def test_nothing_need_strike(self) -> None:
        """The end of the talk says as well that the moments have passed, as a recording without a clock has it."""
        told = talking().after(1000).hangs_up().told()
        assert crossed(told) == [("talk_target", 604.0), ("talk_limit", 904.0)]
        assert told.records.index(told.crossings[1]) < told.records.index(told.leg)

    def test_a_talk_that_ends_before_has_crossed_nothing(self) -> None:
        """A tenth of a second before; at the very moment it has."""
        assert crossed(talking().after(599.9).hangs_up().told()) == []
        assert crossed(talking().after(600).hangs_up().told()) == [("talk_target", 604.0)]

    def test_the_clock_stands_still_while_the_caller_is_left_alone(self) -> None:
        """Talks 500 s, is on hold for 25, the target is at 4 + 600 + 25 s."""
        caller = ticking(talking(), 500).is_held()
        told = ticking(ticking(caller, 25).is_taken_back(), 200).hangs_up().told()
        assert crossed(told) == [("talk_target", 629.0)]
        assert told.leg.talk_seconds == 700.0

    def test_who_is_on_hold_crosses_no_bound_of_the_talk(self) -> None:
        """Taken to the hold one second before the target, and never taken back."""
        told = ticking(talking().after(599).is_held(), 20).hangs_up().told()
        assert crossed(told) == []

    def test_an_absence_that_was_none_has_not_stopped_the_clock(self) -> None:
        """A bridge rebuilt within 0.2 s, in the middle of which the target lies."""
        caller = blinking(talking().after(599.9))
        told = ticking(caller, 3).hangs_up().told()
        assert crossed(told) == [("talk_target", 604.0)]
        assert told.holds == []
        assert shown(told) == [(1, 0, 0, 0), NOTHING]

    def test_an_absence_that_was_none_may_be_the_last_of_a_talk(self) -> None:
        """The bridge is rebuilt, and at that very moment all is over."""
        caller = blinking(talking().after(599.9))
        assert crossed(caller.hangs_up().told()) == [("talk_target", 604.0)]

    def test_an_event_may_come_later_than_the_clock_strikes(self) -> None:
        """The clock strikes 50 ms after the target; the end that is told then was 10 ms before it."""
        caller = talking().after(600 + LATE_SECONDS / 2)
        caller.desk.ticks().after(-LATE_SECONDS / 2 - 0.01)
        assert crossed(caller.hangs_up().told()) == []

    def test_every_agent_has_a_clock(self) -> None:
        """Who takes a caller over begins anew."""
        caller = talking().after(500).is_transferred("108").dials("PJSIP/108").rings("PJSIP/108").answers()
        told = caller.after(599).hangs_up().told()
        assert [leg.talk_seconds for leg in told.legs] == [500.0, 599.0]
        assert crossed(told) == []

    def test_what_serves_no_queue_and_no_line_has_no_limit(self) -> None:
        """From phone to phone people may talk as long as they like."""
        told = (
            Desk().caller("101", device="PJSIP/101").dials("PJSIP/102").rings().answers().after(2000).hangs_up().told()
        )
        assert told.leg.talk_seconds == 2000.0
        assert (crossed(told), told.talks) == ([], [])

    def test_a_direct_line_has_the_limits_of_its_own(self) -> None:
        """Under the name of the line."""
        policy = Policy(standards={"direct": Standard(talk_target_seconds=60, talk_limit_seconds=90)})
        told = Desk(policy).caller("1").dials("PJSIP/101").rings().answers().after(70).hangs_up().told()
        assert [(each.queue, each.line, each.what, each.threshold) for each in told.crossings] == [
            (None, "direct", "talk_target", 60)
        ]
        assert shown(told, "direct") == [(1, 0, 0, 0), NOTHING]


class TestHold:
    """30 seconds."""

    def test_a_hold_crosses_its_limit_once(self) -> None:
        """Held at 14 s: on hold from then on, too long from 44 s on, until taken back."""
        caller = ticking(talking().after(10).is_held(), 40)
        assert crossed(caller.desk.so_far) == [("hold_limit", 44.0)]
        told = ticking(caller.is_taken_back(), 5).hangs_up().told()
        assert crossed(told) == [("hold_limit", 44.0)]
        assert told.hold.seconds == 40.0
        assert shown(told) == [(0, 0, 1, 0), (0, 0, 1, 1), NOTHING]

    def test_every_hold_has_a_limit_of_its_own(self) -> None:
        """Two long ones and a short one."""
        caller = talking()
        for seconds in (31, 29, 40):
            caller.is_held().after(seconds).is_taken_back().after(10)
        told = caller.hangs_up().told()
        assert crossed(told) == [("hold_limit", 34.0), ("hold_limit", 114.0)]

    def test_a_park_and_a_consultation_are_holds(self) -> None:
        """By what the caller hears."""
        told = ticking(talking().after(6).is_left_for_a_consultation(), 50).has_the_agent_back().hangs_up().told()
        assert (told.hold.kind, crossed(told)) == ("consultation", [("hold_limit", 40.0)])
        assert shown(told) == [(0, 0, 1, 0), (0, 0, 1, 1), NOTHING]
        told = ticking(talking().after(6).is_parked(), 50).leaves_the_parking_space().hangs_up().told()
        assert (told.hold.kind, crossed(told)) == ("park", [("hold_limit", 40.0)])


class TestGaps:
    """What is not heard is not judged."""

    def test_nothing_is_crossed_while_the_stream_is_broken(self) -> None:
        """Who is found to be gone afterwards may have gone at any time."""
        caller = talking().after(500)
        desk = caller.desk.says(ev.StreamBroke(caller.desk.at, "disconnected")).after(300).ticks()
        desk.says(ev.StreamResumed(desk.at)).lists_channels().after(2).ticks()
        assert crossed(desk.told()) == []

    def test_who_is_still_there_after_a_gap_has_crossed_the_limit_in_it(self) -> None:
        """As of its own moment, once the listing is believed."""
        caller = talking().after(500)
        desk = caller.desk.says(ev.StreamBroke(caller.desk.at, "disconnected")).after(300).ticks()
        desk.says(ev.StreamResumed(desk.at)).ticks()
        assert crossed(desk.so_far) == []
        caller.is_held().is_taken_back()
        assert crossed(desk.so_far) == []
        desk.says(ev.SnapshotEnded(desk.at, "queues")).after(2).ticks()
        assert crossed(desk.so_far) == [("talk_target", 604.0)]
        assert crossed(caller.hangs_up().told()) == [("talk_target", 604.0)]

    def test_going_down_leaves_nothing_to_show(self) -> None:
        """The gauges of a daemon that ends are those of an empty desk."""
        caller = ticking(talking(), 700).is_held()
        told = caller.desk.closes().told()
        assert crossed(told) == [("talk_target", 604.0)]


def test_talks_are_shown_by_queue_and_added_up() -> None:
    """Two callers of one queue; the other queue has nothing to show."""
    desk = Desk()
    one = desk.caller("1").joins("support").rings("Anna").answers().after(300)
    other = desk.caller("2").joins("support").rings("Bram").answers().after(301)
    desk.ticks()
    other.is_held()
    one.is_held()
    assert shown(desk.so_far) == [(1, 0, 0, 0), (1, 0, 1, 0), (1, 0, 2, 0)]
    one.hangs_up()
    other.hangs_up()
    assert [each for each in desk.told().talks if each.queue != "support"] == []
    assert desk.so_far.talks[-1] == TalksReading(
        pbx="main", queue="support", over_target=0, over_limit=0, on_hold=0, on_hold_over_limit=0
    )
