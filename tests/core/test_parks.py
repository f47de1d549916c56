"""Parked callers: whose they are, until when, and that a caller without a queue may be parked as well."""

from __future__ import annotations

import pytest

from ringwatch.core import events as ev
from tests.core.desk import Caller, Desk
from tests.core.test_talks import quiet, spans, talking


def direct() -> Caller:
    """Return a caller without a queue who has talked with Anna for 10 s."""
    return Desk().caller("1").dials("PJSIP/101").rings().after(4).answers().after(10)


@pytest.mark.parametrize("queued", [True, False])
def test_a_parked_caller_given_back_to_the_parker_is_one_talk(queued: bool) -> None:  # noqa: FBT001 - a case
    """5 s in the space, 2 s of ringing, Anna again for 8 s: two legs, no bounce, and in a queue one visit."""
    caller = (talking() if queued else direct()).is_parked().after(5).leaves_the_parking_space()
    told = caller.dials("PJSIP/101").rings().after(2).answers().after(8).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 5.0, "transfer"), ("Anna", 8.0, 0.0, "caller")]
    assert (quiet(told.holds), told.call.bounces, told.call.agents) == ([("park", 5.0)], 0, ["Anna"])
    assert (told.call.talk_seconds, told.call.hold_seconds) == (18.0, 5.0)
    if queued:
        assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (18.0, 7.0, "caller")


@pytest.mark.parametrize("queued", [True, False])
def test_a_parked_caller_given_back_to_somebody_else_is_handed_on(queued: bool) -> None:  # noqa: FBT001 - a case
    """The dialplan rings Bram instead: Anna's talk was over when the space gave the caller back."""
    caller = (talking() if queued else direct()).is_parked().after(5).leaves_the_parking_space()
    told = caller.dials("PJSIP/102").rings().after(2).answers().after(8).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 5.0, "transfer"), ("Bram", 8.0, 0.0, "caller")]
    if queued:
        assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (10.0, 5.0, "transfer")


def test_a_parked_caller_given_back_to_the_queue_visits_it_again() -> None:
    """Anna had parked the caller, and is rung by the queue for the same one: that is another visit (seen on 16)."""
    caller = talking().is_parked().after(5).leaves_the_parking_space()
    told = caller.joins("support").rings("Anna").after(2).answers().after(8).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 5.0, "transfer"), ("Anna", 8.0, 0.0, "caller")]
    assert [(each.ordinal, each.talk_seconds, each.hold_seconds, each.talk_ended_by) for each in told.visits] == [
        (1, 10.0, 5.0, "transfer"),
        (2, 8.0, 0.0, "caller"),
    ]
    assert told.call.bounces == 1


@pytest.mark.parametrize("queued", [True, False])
def test_a_parked_caller_who_goes_while_the_parker_is_rung(queued: bool) -> None:  # noqa: FBT001 - a case
    """Nobody took the caller back: until the end it was Anna's, the 5 + 3 s without anybody being no talk."""
    caller = (talking() if queued else direct()).is_parked().after(5).leaves_the_parking_space()
    told = caller.dials("PJSIP/101").rings().after(3).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 5.0, "transfer")]
    assert (told.call.outcome, told.call.talk_seconds) == ("answered", 10.0)
    if queued:
        assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (10.0, 8.0, "caller")


def test_a_caller_parked_twice_is_left_alone_twice() -> None:
    """Anna parks, has the caller back, and parks again; the caller gives up: still one visit."""
    caller = talking().is_parked().after(5).leaves_the_parking_space()
    caller.dials("PJSIP/101").rings().after(2).answers().after(8).is_parked().after(3)
    told = caller.hangs_up().told()
    assert quiet(told.holds) == [("park", 5.0), ("park", 3.0)]
    assert spans(told.legs) == [("Anna", 10.0, 5.0, "transfer"), ("Anna", 8.0, 3.0, "caller")]
    assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.holds) == (18.0, 10.0, 2)


def test_a_parkers_channel_may_outlive_the_parking() -> None:
    """It ends while the parker is rung: the visit goes on with the parker's second talk."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.Parked(desk.at, caller.uniqueid), ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge)).after(5)
    caller.leaves_the_parking_space().partner = None
    caller.dials("PJSIP/101").rings().loses_channel(anna)
    assert desk.so_far.visits == []
    told = caller.after(2).answers().after(8).hangs_up().told()
    assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (18.0, 7.0, "caller")


def test_a_hold_before_a_park_is_a_hold_of_its_own() -> None:
    """Anna holds for 3 s and parks for 5: a hold and a park, and no hold outlasts the parking."""
    caller = talking().is_held().after(3).is_parked().after(5).leaves_the_parking_space()
    told = caller.dials("PJSIP/101").rings().answers().after(8).hangs_up().told()
    assert quiet(told.holds) == [("hold", 3.0), ("park", 5.0)]
    assert spans(told.legs) == [("Anna", 10.0, 8.0, "transfer"), ("Anna", 8.0, 0.0, "caller")]


def test_a_parker_who_stays_on_the_line_is_not_away() -> None:
    """Anna's channel lives on in the empty bridge for 2 s; that she goes is not the end of the parking."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.Parked(desk.at, caller.uniqueid), ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge)).after(2)
    desk.says(ev.HangupRequested(desk.at, anna.uniqueid)).says(ev.ChannelEnded(desk.at, anna.uniqueid, 16)).after(3)
    caller.partner = None
    told = caller.hangs_up().told()
    assert (spans(told.legs), quiet(told.holds)) == ([("Anna", 10.0, 5.0, "caller")], [("park", 5.0)])


def test_who_ended_a_park_that_nobody_saw_end_is_not_known() -> None:
    """Asterisk was killed: a listing shows that the parked caller is not there any more."""
    desk = talking().is_parked().after(5).desk
    told = desk.lists_channels().after(2).ticks().told()
    assert (told.visit.talk_ended_by, told.leg.ended_by) == ("unknown", "unknown")
