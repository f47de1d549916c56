"""Calls that another takes than who was called, by hand: the orders that Asterisk 22 and 16 have shown, and races.

`tests/asterisk/cases.py` plays the same on the real thing, and `tests/test_captures.py` replays that.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import pytest

from ringwatch.core import events as ev
from ringwatch.core.facts import Call
from ringwatch.core.standards import Policy
from tests.core.desk import Caller, Desk, Phone
from tests.core.test_talks import quiet, spans, talking
from tests.core.told import Told

Order = Literal["pickup", "answer", "bridge"]


def journey(told: Told, caller: Caller) -> Call:
    """Return the call of one caller."""
    (call,) = (each for each in told.calls if each.call_id == caller.uniqueid)
    return call


def picks_up(caller: Caller, name: str, by: str, order: Order = "pickup") -> Phone:
    """Let a phone take the call that rings at another; ``order`` is what is told first of it."""
    desk, rung = caller.desk, caller.ringing.pop(name)
    picker = Phone(desk, rung.seat, queued=False)
    picker.uniqueid, picker.channel = desk.opens(by, ringing_in=True, exten="*8")
    target, dialler = rung.own, rung.far or caller.uniqueid
    pickup = ev.PickedUp(desk.at, picker.uniqueid, target)
    answer = ev.DialEnded(desk.at, dialler, picker.uniqueid, "ANSWER")
    if order == "pickup":
        desk.says(pickup, answer, ev.ChannelEnded(desk.at, target, 26))
    else:
        desk.says(answer)
    if order == "answer":
        desk.says(pickup, ev.ChannelEnded(desk.at, target, 16))
    others, caller.ringing = list(caller.ringing.values()), {}
    for other in others:
        desk.says(ev.DialEnded(desk.at, caller.uniqueid, other.uniqueid, "CANCEL"))
        desk.says(ev.ChannelEnded(desk.at, other.uniqueid, 26))
    if rung.far:
        desk.says(ev.BridgeEntered(desk.at, picker.uniqueid, "far"), ev.BridgeEntered(desk.at, rung.far, "far"))
        desk.says(ev.DialEnded(desk.at, caller.uniqueid, rung.uniqueid, "ANSWER"))
    near = rung if rung.far else picker
    caller.bridge = desk.uniqueid()
    if rung.queued:
        caller.leaves()
        names = (caller.queue, rung.seat.interface, rung.seat.agent)
        desk.says(ev.AgentConnected(desk.at, caller.uniqueid, near.uniqueid, near.channel, *names))
    for each in (near.uniqueid, caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, each, caller.bridge))
    if order == "bridge":
        desk.says(pickup, ev.ChannelEnded(desk.at, target, 16))
    return picker


@pytest.mark.parametrize("order", ["pickup", "answer", "bridge"])
@pytest.mark.parametrize("others", [(), ("Bram",)])
def test_who_picks_up_for_a_member_has_answered(order: Order, others: tuple[str, ...]) -> None:
    """Anna's phone rang 4 s, 109 took the caller: her call went elsewhere, 109 talks, and the code is no call.

    Pitfall 8.
    """
    caller = Desk().caller("1").joins("support").rings("Anna", *others).after(4)
    picker = picks_up(caller, "Anna", "PJSIP/109", order)
    caller.after(10).desk.says(ev.HangupRequested(caller.desk.at, picker.uniqueid))
    caller.desk.says(ev.ChannelEnded(caller.desk.at, picker.uniqueid, 16))
    told = caller.is_sent_away().told()
    assert {(each.agent, each.result, each.ring_seconds) for each in told.attempts} == {
        (name, "elsewhere", 4.0) for name in ("Anna", *others)
    }
    assert [(leg.agent, leg.queue, leg.talk_seconds, leg.ended_by) for leg in told.legs] == [
        ("PJSIP/109", "support", 10.0, "agent")
    ]
    visit = told.visit
    assert (visit.outcome, visit.agent, visit.interface) == ("answered", "PJSIP/109", "PJSIP/109")
    assert (visit.agent_ring_seconds, visit.agent_rings, visit.desk_ring_seconds) == (None, None, 4.0)
    assert (visit.wait_seconds, visit.talk_seconds, visit.talk_ended_by) == (4.0, 10.0, "agent")
    assert (told.call.call_id, told.call.agents) == (caller.uniqueid, ["PJSIP/109"])


@pytest.mark.parametrize("order", ["pickup", "answer", "bridge"])
def test_who_picks_up_behind_a_local_member_has_answered(order: Order) -> None:
    """Femke's phone rings behind her Local channel; whoever takes its place is at the far end of the wire."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(3)
    femke = caller.ringing["Femke"]
    picker = picks_up(caller, "Femke", "PJSIP/101", order)
    desk = caller.after(8).desk
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    for each in (femke.uniqueid, femke.far, picker.uniqueid):
        desk.says(ev.ChannelEnded(desk.at, each, 16))
    told = caller.ends().told()
    assert [(each.agent, each.interface, each.result) for each in told.attempts] == [
        ("Femke", "Local/106@agents/n", "elsewhere")
    ]
    assert [(leg.agent, leg.interface, leg.talk_seconds, leg.ended_by) for leg in told.legs] == [
        ("Anna", "PJSIP/101", 8.0, "caller")
    ]
    assert (told.visit.agent, told.visit.interface, told.visit.agent_rings) == ("Anna", "PJSIP/101", None)


def test_who_picks_up_a_direct_call_has_answered_in_time() -> None:
    """Two phones ring for 6 s; 109 takes the call of one of them."""
    caller = Desk().caller("1", exten="3001").dials("PJSIP/101", "PJSIP/102").rings().after(6)
    picker = picks_up(caller, "PJSIP/102", "PJSIP/109")
    desk = caller.after(5).desk
    told = caller.hangs_up().desk.says(ev.ChannelEnded(desk.at, picker.uniqueid, 16)).told()
    assert sorted((each.agent, each.result) for each in told.attempts) == [("Anna", "elsewhere"), ("Bram", "elsewhere")]
    assert (told.call.answered, told.call.wait_seconds, told.call.desk_ring_seconds) == (True, 6.0, 6.0)
    assert spans(told.legs) == [("PJSIP/109", 5.0, 0.0, "caller")]


def test_who_picked_up_hands_on_to_the_number_it_was_asked_for() -> None:
    """The code that was dialled for the pickup is no number that anybody was handed on to."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(1)
    picker = picks_up(caller, "Anna", "PJSIP/102")
    desk = caller.after(5).desk
    desk.says(ev.Transferred(desk.at, picker.uniqueid, "blind", "108", success=True))
    desk.says(ev.BridgeLeft(desk.at, picker.uniqueid, caller.bridge), ev.ChannelEnded(desk.at, picker.uniqueid, 16))
    told = caller.hangs_up().told()
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Bram", "108")]
    assert (told.visit.agent, told.visit.talk_ended_by) == ("Bram", "transfer")


def test_a_pickup_of_nobodys_call_says_nothing() -> None:
    """Attached in mid-call, one hears of channels whose beginning was not seen."""
    desk = Desk()
    phone, _ = desk.opens("PJSIP/101")
    for one, two in pairwise(("nobody", "nobody else", phone, "nobody", phone)):
        desk.says(ev.PickedUp(desk.at, one, two))
    desk.says(ev.PickedUp(desk.at, phone, phone), ev.DialEnded(desk.at, "nobody", phone, "ANSWER"))
    own, _ = desk.opens("PJSIP/102", ringing_in=True)
    desk.says(ev.DialEnded(desk.at, "nobody", own, "ANSWER"), ev.DialEnded(desk.at, phone, own, "ANSWER"))
    told = desk.says(ev.ChannelEnded(desk.at, own, 16), ev.ChannelEnded(desk.at, phone, 16)).told()
    assert (told.legs, told.attempts, told.anomalies) == ([], [], [])


@pytest.mark.parametrize("ringing_in", [True, False])
def test_a_talk_is_taken_by_who_was_about_to_pick_up(*, ringing_in: bool) -> None:
    """Anna answered while Asterisk waited for the other phone's sound: that one takes her talk, the visit goes on."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    other, _ = desk.opens("PJSIP/109", ringing_in=ringing_in)
    desk.says(ev.PickedUp(desk.at, other, anna), ev.ChannelEnded(desk.at, anna, 16)).after(4)
    caller.partner = None
    desk.says(ev.BridgeLeft(desk.at, other, caller.bridge), ev.ChannelEnded(desk.at, other, 16))
    told = caller.hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 0.0, "agent"), ("PJSIP/109", 4.0, 0.0, "agent")]
    assert (told.visit.agent, told.visit.talk_seconds, told.visit.agent_rings) == ("Anna", 14.0, 1)
    assert told.results == [("Anna", "answered")]
    assert told.call.call_id == caller.uniqueid


def test_a_talk_is_taken_behind_a_local_member() -> None:
    """Who takes Femke's talk is at the far end of her wire now, hands on through it, and she is not consulting."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(3).answers().after(0.3)
    desk, femke = caller.desk, caller.phone
    picker, _ = desk.opens("PJSIP/109", ringing_in=True)
    desk.says(ev.PickedUp(desk.at, picker, femke.own), ev.ChannelEnded(desk.at, femke.own, 16)).after(4)
    desk.says(ev.Transferred(desk.at, femke.uniqueid, "blind", "108", success=True))
    for each in (femke.uniqueid, femke.far, picker):
        desk.says(ev.ChannelEnded(desk.at, each, 16))
    caller.partner = None
    told = caller.after(6).hangs_up().told()
    assert spans(told.legs) == [("Femke", 0.3, 0.0, "agent"), ("PJSIP/109", 4.0, 0.0, "transfer")]
    assert [(each.from_agent, each.to) for each in told.transfers] == [("PJSIP/109", "108")]
    assert (told.visit.agent, told.visit.talk_seconds, told.visit.talk_ended_by) == ("Femke", 4.3, "transfer")
    assert told.holds == []


def test_a_talk_that_has_yet_to_begin_is_taken() -> None:
    """Anna has answered, the caller has left the line, and before they are in a bridge Bram picks up (seen on 16)."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(2).picks_up().leaves()
    desk, anna = caller.desk, caller.phone
    names = (anna.uniqueid, anna.channel, "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, *names)).after(0.4)
    picker, _ = desk.opens("PJSIP/102", ringing_in=True)
    desk.says(ev.PickedUp(desk.at, picker, anna.uniqueid), ev.ChannelEnded(desk.at, anna.uniqueid, 16))
    desk.says(ev.BridgeEntered(desk.at, picker, "talk"), ev.BridgeEntered(desk.at, caller.uniqueid, "talk")).after(5)
    caller.partner = None
    told = caller.hangs_up().desk.says(ev.ChannelEnded(desk.at, picker, 16)).told()
    assert told.results == [("Anna", "answered")]
    assert [(leg.agent, leg.queue, leg.talk_seconds) for leg in told.legs] == [("Bram", "support", 5.0)]
    assert (told.visit.agent, told.visit.interface, told.visit.wait_seconds) == ("Anna", "PJSIP/101", 2.0)
    assert (told.visit.talk_seconds, told.visit.talk_ended_by) == (5.4, "caller")
    assert told.call.call_id == caller.uniqueid


def test_a_phone_that_was_made_to_pick_up_has_no_call_of_its_own() -> None:
    """The beginning of the channel that picks up was not that of a call."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(2)
    desk, anna = caller.desk, caller.ringing["Anna"]
    picker, name = desk.opens("PJSIP/102")
    desk.says(ev.PickedUp(desk.at, picker, anna.uniqueid), ev.ChannelEnded(desk.at, anna.uniqueid, 26))
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, picker, "ANSWER"))
    caller.ringing = {}
    caller.leaves().desk.says(
        ev.AgentConnected(desk.at, caller.uniqueid, picker, name, "support", "PJSIP/101", "Anna"),
        ev.BridgeEntered(desk.at, picker, "talk"),
        ev.BridgeEntered(desk.at, caller.uniqueid, "talk"),
    )
    desk.after(5).says(ev.HangupRequested(desk.at, picker), ev.ChannelEnded(desk.at, picker, 16))
    told = caller.is_sent_away().told()
    assert spans(told.legs) == [("Bram", 5.0, 0.0, "agent")]
    assert told.visit.agent == "Bram"


# -- phones that send their calls on


def forwards(caller: Caller, name: str, to: str, *, dials_first: bool = False) -> Phone:
    """Let a phone send its call on; Asterisk rings there through a Local pair, and no queue says so.

    The far half of the pair may dial before it is told that the near half is called (seen on 22).
    """
    desk, rung = caller.desk, caller.ringing.pop(name)
    phone = Phone(desk, rung.seat, queued=False)
    phone.uniqueid, phone.channel = desk.opens(f"Local/{to}@internal;1")
    phone.far, _ = desk.opens(f"Local/{to}@internal;2", ringing_in=True, linkedid=caller.uniqueid)
    desk.says(ev.LocalPaired(desk.at, phone.uniqueid, phone.far))
    dialler = rung.far or caller.uniqueid
    phone.behind, channel = desk.opens(f"PJSIP/{to}")
    dialled: list[ev.Event] = [
        ev.DialEnded(desk.at, dialler, rung.own, "CANCEL", forwarded=True),
        ev.DialBegan(desk.at, dialler, phone.uniqueid, phone.channel),
        ev.ChannelEnded(desk.at, rung.own, 23),
    ]
    dialled.insert(0 if dials_first else 3, ev.DialBegan(desk.at, phone.far, phone.behind, channel))
    desk.says(*dialled)
    desk.says(ev.DialRang(desk.at, phone.far, phone.behind), ev.DialRang(desk.at, dialler, phone.uniqueid))
    return phone


def reached(caller: Caller, phone: Phone) -> None:
    """Let the phone that a call was sent on to answer."""
    desk = caller.desk
    desk.says(ev.DialEnded(desk.at, phone.far, phone.behind, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, phone.behind, "there"), ev.BridgeEntered(desk.at, phone.far, "there"))
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, phone.uniqueid, "ANSWER"))


def over(caller: Caller, phone: Phone) -> Told:
    """End a talk that a forwarded call led to."""
    desk = caller.desk
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    for each in (phone.uniqueid, phone.far, phone.behind):
        desk.says(ev.ChannelEnded(desk.at, each, 16))
    return caller.ends().told()


def test_a_member_who_sends_calls_on_is_reached_there() -> None:
    """Anna's phone rings 2 s and sends the caller on to 109, where it is taken after 3 s: her call still."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(2)
    phone = forwards(caller, "Anna", "109")
    caller.after(3)
    reached(caller, phone)
    desk = caller.leaves().desk
    names = ("support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, phone.uniqueid, phone.channel, *names))
    for each in (phone.uniqueid, caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    told = over(caller.after(10), phone)
    assert [(each.agent, each.interface, each.queue, each.result, each.ring_seconds) for each in told.attempts] == [
        ("Anna", "PJSIP/101", "support", "elsewhere", 2.0),
        ("Anna", "PJSIP/109", "support", "answered", 3.0),
    ]
    assert [(leg.agent, leg.interface, leg.queue) for leg in told.legs] == [("Anna", "PJSIP/109", "support")]
    assert (told.visit.agent, told.visit.agent_ring_seconds, told.visit.desk_ring_seconds) == ("Anna", 3.0, 5.0)


def test_a_direct_call_that_is_sent_on_is_answered_by_who_answers() -> None:
    """108 sends its caller on to Dirk."""
    caller = Desk().caller("1", exten="3108").dials("PJSIP/108").after(1)
    phone = forwards(caller, "PJSIP/108", "104")
    caller.after(2)
    reached(caller, phone)
    desk = caller.desk
    for each in (phone.uniqueid, caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    told = over(caller.after(10), phone)
    assert [(each.agent, each.result) for each in told.attempts] == [("PJSIP/108", "elsewhere"), ("Dirk", "answered")]
    assert [(leg.agent, leg.interface) for leg in told.legs] == [("Dirk", "PJSIP/104")]


@pytest.mark.parametrize("dials_first", [False, True])
def test_a_phone_behind_a_local_member_sends_calls_on(*, dials_first: bool) -> None:
    """Femke's phone sends the call on behind her Local channel: one attempt, hers, and another phone that talks."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2)
    femke = caller.ringing["Femke"]
    phone = forwards(caller, "Femke", "109", dials_first=dials_first)
    desk = caller.after(3).desk
    desk.says(ev.DialEnded(desk.at, phone.far, phone.behind, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, phone.behind, "there"), ev.BridgeEntered(desk.at, phone.far, "there"))
    desk.says(ev.DialEnded(desk.at, femke.far, phone.uniqueid, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, phone.uniqueid, "far"), ev.BridgeEntered(desk.at, femke.far, "far"))
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, femke.uniqueid, "ANSWER"))
    names = ("billing", femke.seat.interface, "Femke")
    caller.leaves().desk.says(ev.AgentConnected(desk.at, caller.uniqueid, femke.uniqueid, femke.channel, *names))
    for each in (femke.uniqueid, caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    desk.after(10).says(ev.HangupRequested(desk.at, caller.uniqueid))
    for each in (femke.uniqueid, femke.far):
        desk.says(ev.ChannelEnded(desk.at, each, 16))
    told = over(caller, phone)
    assert [(each.agent, each.interface, each.result, each.ring_seconds) for each in told.attempts] == [
        ("Femke", "Local/106@agents/n", "answered", 5.0)
    ]
    assert [(leg.agent, leg.interface) for leg in told.legs] == [("Femke", "PJSIP/109")]


def test_a_call_that_is_sent_on_by_nobody_known_is_elsewhere() -> None:
    """The caller's own channel is gone by the time that a phone sends the call on."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(2)
    anna = caller.ringing["Anna"]
    caller.desk.says(ev.DialEnded(caller.desk.at, "nobody", anna.uniqueid, "CANCEL", forwarded=True))
    assert caller.hangs_up().told().results == [("Anna", "elsewhere")]


# -- places that are taken


def test_a_caller_takes_the_agents_place_in_line() -> None:
    """Anna stands in the line of sales and puts her caller there: Dirk, who rings already, rings for the caller.

    Pitfall 8.
    """
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.HoldBegan(desk.at, anna.uniqueid)).after(1)
    agent = desk.caller("101", device="PJSIP/101").joins("sales").rings("Dirk").after(3)
    desk.says(ev.HoldEnded(desk.at, anna.uniqueid))
    desk.says(
        ev.Transferred(
            desk.at, anna.uniqueid, "attended", "Queue", success=True, second=agent.uniqueid, taken_by=caller.uniqueid
        )
    )
    caller.parts("caller leaves", "agent leaves", "agent ends")
    agent.ringing, caller.ringing = {}, agent.ringing
    agent.in_line, caller.in_line, caller.queue = False, True, "sales"
    desk.says(ev.HangupRequested(desk.at, agent.uniqueid), ev.ChannelEnded(desk.at, agent.uniqueid, 16)).after(2)
    told = caller.answers().after(7).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 4.0, "transfer"), ("Dirk", 7.0, 0.0, "caller")]
    support, sales = told.visits
    assert (support.queue, support.talk_ended_by) == ("support", "transfer")
    assert (sales.call_id, sales.outcome, sales.agent, sales.wait_seconds) == (caller.uniqueid, "answered", "Dirk", 5.0)
    call = journey(told, caller)
    assert (call.queues, call.agents, call.transfers, call.bounces) == (["support", "sales"], ["Anna", "Dirk"], 1, 0)
    assert journey(told, agent).queues == []


def test_a_caller_who_is_put_back_into_a_line_bounces() -> None:
    """Anna stands in her own queue's line and puts her caller there, who gives up."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    agent = desk.caller("101", device="PJSIP/101").joins("support").after(3)
    desk.says(
        ev.Transferred(
            desk.at, anna.uniqueid, "attended", "Queue", success=True, second=agent.uniqueid, taken_by=caller.uniqueid
        )
    )
    caller.parts("caller leaves", "agent leaves", "agent ends")
    agent.in_line, caller.in_line = False, True
    desk.says(ev.ChannelEnded(desk.at, agent.uniqueid, 16)).after(9)
    told = caller.hangs_up().told()
    assert [(visit.ordinal, visit.outcome) for visit in told.visits] == [(1, "answered"), (2, "abandoned")]
    assert journey(told, caller).bounces == 1


@pytest.mark.parametrize("second", ["a stranger", "not in line", "in a talk", "nobody"])
def test_a_place_that_is_no_place_in_line_is_not_taken(second: str) -> None:
    """An application that plays music, an agent who has been served meanwhile, channels that are not known."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    other = desk.caller("101", device="PJSIP/101")
    if second == "in a talk":
        other.joins("sales").rings("Dirk").answers().after(1)
    stranger, _ = desk.opens("PJSIP/109")
    uniqueid = {"a stranger": stranger, "nobody": "nobody"}.get(second, other.uniqueid)
    desk.says(
        ev.Transferred(
            desk.at, anna.uniqueid, "attended", "Queue", success=True, second=uniqueid, taken_by=caller.uniqueid
        )
    )
    caller.parts("caller leaves", "agent leaves", "agent ends").after(3)
    desk.says(ev.ChannelEnded(desk.at, stranger, 16))
    other.hangs_up()
    told = caller.is_sent_away().told()
    assert journey(told, caller).queues == ["support"]


def test_a_caller_takes_the_agents_place_in_a_conference() -> None:
    """Anna talks with 109 in a conference and puts her caller there: no event says that the caller enters it."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.HoldBegan(desk.at, anna.uniqueid))
    other = desk.caller("109", device="PJSIP/109")
    second, _ = desk.opens("PJSIP/101", ringing_in=True, exten="850")
    for each in (other.uniqueid, second):
        desk.says(ev.BridgeEntered(desk.at, each, "room"))
    desk.after(3).says(ev.HoldEnded(desk.at, anna.uniqueid))
    desk.says(
        ev.Transferred(
            desk.at, anna.uniqueid, "attended", "ConfBridge", success=True, second=second, taken_by=caller.uniqueid
        )
    )
    desk.says(
        ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge), ev.BridgeLeft(desk.at, anna.uniqueid, caller.bridge)
    )
    desk.says(ev.ChannelEnded(desk.at, anna.uniqueid, 16), ev.ChannelEnded(desk.at, second, 16)).after(6)
    caller.partner = None
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid), ev.BridgeLeft(desk.at, caller.uniqueid, "room"))
    desk.says(ev.ChannelEnded(desk.at, caller.uniqueid, 16))
    told = other.hangs_up().told()
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid]
    assert spans(mine) == [("Anna", 10.0, 3.0, "transfer"), ("PJSIP/109", 6.0, 0.0, "caller")]
    assert [(each.to, each.result) for each in told.transfers] == [("850", "success")]


def test_agents_in_a_conference_serve_the_caller_and_not_each_other() -> None:
    """Bram and then Eva join a caller: two legs of hers; when she is gone they talk with each other."""
    caller = Desk().caller("1").after(1)
    desk = caller.desk
    bram = desk.caller("102", device="PJSIP/102").after(1)
    eva = desk.caller("105", device="PJSIP/105")
    for each in (caller, bram, eva):
        desk.says(ev.BridgeEntered(desk.at, each.uniqueid, "room")).after(5)
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid), ev.BridgeLeft(desk.at, caller.uniqueid, "room"))
    desk.says(ev.ChannelEnded(desk.at, caller.uniqueid, 16)).after(4)
    bram.hangs_up()
    told = eva.hangs_up().told()
    assert sorted((leg.call_id == caller.uniqueid, leg.agent, leg.talk_seconds, leg.ended_by) for leg in told.legs) == [
        (False, "Eva", 4.0, "caller"),
        (True, "Bram", 10.0, "caller"),
        (True, "Eva", 5.0, "caller"),
    ]


# -- agents who call


def called_out() -> tuple[Caller, str]:
    """Let Anna call a customer and talk for 10 s; return her call, and the customer's channel."""
    agent = Desk(Policy(trunks=("PJSIP/trunk",))).caller("101", device="PJSIP/101", exten="90155")
    desk = agent.desk
    customer, name = desk.opens("PJSIP/trunk")
    desk.says(ev.DialBegan(desk.at, agent.uniqueid, customer, name)).after(3)
    desk.says(ev.DialEnded(desk.at, agent.uniqueid, customer, "ANSWER"))
    for each in (customer, agent.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    desk.after(10)
    return agent, customer


def test_a_customer_who_was_called_is_handed_on() -> None:
    """Anna hands the customer on to Dirk: the call goes on with the customer, without her channel, its first."""
    agent, customer = called_out()
    desk = agent.desk
    desk.says(ev.Transferred(desk.at, agent.uniqueid, "blind", "104", success=True))
    for each in (agent.uniqueid, customer):
        desk.says(ev.BridgeLeft(desk.at, each, "talk"))
    desk.says(ev.ChannelEnded(desk.at, agent.uniqueid, 16))
    dirk, name = desk.opens("PJSIP/104")
    desk.says(ev.DialBegan(desk.at, customer, dirk, name), ev.DialRang(desk.at, customer, dirk)).after(2)
    desk.says(ev.DialEnded(desk.at, customer, dirk, "ANSWER"))
    for each in (dirk, customer):
        desk.says(ev.BridgeEntered(desk.at, each, "on"))
    desk.after(6).says(ev.HangupRequested(desk.at, customer), ev.ChannelEnded(desk.at, customer, 16))
    told = desk.says(ev.ChannelEnded(desk.at, dirk, 16)).told()
    assert spans(told.legs) == [("Anna", 10.0, 0.0, "transfer"), ("Dirk", 6.0, 0.0, "caller")]
    assert [(each.agent, each.result, each.ring_seconds) for each in told.attempts] == [("Dirk", "answered", 2.0)]
    call = told.call
    assert (call.call_id, call.direction, call.caller, call.transfers) == (agent.uniqueid, "outbound", "101", 1)
    assert (call.wait_seconds, call.talk_seconds, call.agents) == (3.0, 16.0, ["Anna", "Dirk"])


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_who_ends_a_call_to_a_customer(first: str) -> None:
    """The agent is the one who called, whoever hangs up."""
    agent, customer = called_out()
    desk = agent.desk
    ends = [agent.uniqueid, customer] if first == "agent" else [customer, agent.uniqueid]
    desk.says(ev.HangupRequested(desk.at, ends[0]))
    told = desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in ends)).told()
    assert spans(told.legs) == [("Anna", 10.0, 0.0, "agent" if first == "agent" else "caller")]


@pytest.mark.parametrize("kind", ["blind", "attended"])
def test_who_called_a_colleague_hands_the_colleague_on(kind: Literal["blind", "attended"]) -> None:
    """Anna calls Dirk and hands him on to Eva: from then on it is Dirk who is served."""
    agent = Desk().caller("101", device="PJSIP/101").dials("PJSIP/104").rings().after(2).answers().after(10)
    desk, dirk = agent.desk, agent.phone.uniqueid
    eva, name = desk.opens("PJSIP/105")
    wire = [agent.uniqueid, agent.bridge]
    if kind == "attended":
        desk.says(ev.BridgeLeft(desk.at, *wire), ev.BridgeEntered(desk.at, eva, agent.bridge))
        desk.says(ev.Transferred(desk.at, agent.uniqueid, kind, "105", success=True))
        desk.says(ev.ChannelEnded(desk.at, agent.uniqueid, 16))
    else:
        desk.says(ev.Transferred(desk.at, agent.uniqueid, kind, "105", success=True))
        desk.says(ev.BridgeLeft(desk.at, *wire), ev.BridgeLeft(desk.at, dirk, agent.bridge))
        desk.says(ev.ChannelEnded(desk.at, agent.uniqueid, 16), ev.DialBegan(desk.at, dirk, eva, name))
        desk.says(ev.DialEnded(desk.at, dirk, eva, "ANSWER"))
        for each in (eva, dirk):
            desk.says(ev.BridgeEntered(desk.at, each, "on"))
    desk.after(6).says(ev.HangupRequested(desk.at, dirk), ev.ChannelEnded(desk.at, dirk, 16))
    told = desk.says(ev.ChannelEnded(desk.at, eva, 16)).told()
    first, *_, last = [(leg.agent, leg.talk_seconds, leg.ended_by) for leg in told.legs]
    assert (first, last) == (("Dirk", 10.0, "transfer"), ("Eva", 6.0, "caller"))
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Anna", "105")]
    assert (told.call.direction, told.call.caller, told.call.transfers) == ("internal", "101", 1)


def test_a_colleague_who_cannot_be_handed_on_stays() -> None:
    """The number does not exist: the transfer failed, and Anna goes on talking with Dirk."""
    agent = Desk().caller("101", device="PJSIP/101").dials("PJSIP/104").rings().after(2).answers().after(10)
    desk = agent.desk
    desk.says(ev.Transferred(desk.at, agent.uniqueid, "blind", "999", success=False)).after(5)
    told = agent.hangs_up().told()
    assert spans(told.legs) == [("Dirk", 15.0, 0.0, "caller")]
    assert [each.result for each in told.transfers] == ["failed"]
    assert told.call.transfers == 0


def clicks(to: str) -> tuple[Desk, list[str], str]:
    """Let Anna's phone be called through a Local pair, by nobody, and answer; then call from there."""
    desk = Desk(Policy(trunks=("PJSIP/trunk",)))
    near, name = desk.opens("Local/101@internal;1")
    far, _ = desk.opens("Local/101@internal;2", ringing_in=True, linkedid=near)
    desk.says(ev.LocalPaired(desk.at, near, far), ev.DialBegan(desk.at, "", near, name))
    anna, channel = desk.opens("PJSIP/101", caller="101")
    desk.says(ev.DialBegan(desk.at, far, anna, channel), ev.DialRang(desk.at, far, anna)).after(4)
    desk.says(ev.DialEnded(desk.at, far, anna, "ANSWER"), ev.DialEnded(desk.at, "", near, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, anna, "hers"), ev.BridgeEntered(desk.at, far, "hers"))
    other, channel = desk.opens(to)
    desk.says(ev.DialBegan(desk.at, near, other, channel), ev.DialRang(desk.at, near, other)).after(3)
    return desk, [near, far, anna, other], near


def test_an_agent_who_clicks_on_a_customers_number_calls_out() -> None:
    """Anna's phone rings, nobody's merit; then the customer's does; the talk is between the two of them."""
    desk, channels, near = clicks("PJSIP/trunk")
    other = channels[-1]
    desk.says(ev.DialEnded(desk.at, near, other, "ANSWER"))
    for each in (other, near):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    desk.after(10).says(ev.HangupRequested(desk.at, other))
    told = desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (other, *channels[:3]))).told()
    assert spans(told.legs) == [("Anna", 10.0, 0.0, "caller")]
    assert (told.attempts, told.call.call_id, told.call.direction, told.call.caller) == ([], near, "outbound", "101")


def test_an_agent_who_clicks_on_a_colleagues_number_calls_the_colleague() -> None:
    """The colleague's phone is rung for Anna, and the colleague is the one who answers."""
    desk, channels, near = clicks("PJSIP/104")
    other = channels[-1]
    desk.says(ev.DialEnded(desk.at, near, other, "ANSWER"))
    for each in (other, near):
        desk.says(ev.BridgeEntered(desk.at, each, "talk"))
    desk.after(10).says(ev.HangupRequested(desk.at, other))
    told = desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (other, *channels[:3]))).told()
    assert spans(told.legs) == [("Dirk", 10.0, 0.0, "agent")]
    assert [(each.agent, each.result, each.ring_seconds) for each in told.attempts] == [("Dirk", "answered", 3.0)]
    assert (told.call.direction, told.call.caller) == ("internal", "101")


def test_it_is_the_customer_who_is_left_alone() -> None:
    """Anna, who called, asks Dirk while the customer waits: alone for 5 s, and Dirk does not talk with the customer."""
    agent, customer = called_out()
    desk = agent.desk
    desk.says(ev.HoldBegan(desk.at, agent.uniqueid), ev.BridgeLeft(desk.at, agent.uniqueid, "talk"))
    dirk, _ = desk.opens("PJSIP/104")
    for each in (agent.uniqueid, dirk):
        desk.says(ev.BridgeEntered(desk.at, each, "asked"))
    desk.after(5).says(ev.BridgeLeft(desk.at, agent.uniqueid, "asked"), ev.ChannelEnded(desk.at, dirk, 16))
    desk.says(ev.BridgeEntered(desk.at, agent.uniqueid, "talk"), ev.HoldEnded(desk.at, agent.uniqueid)).after(2)
    told = desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (customer, agent.uniqueid))).told()
    assert (quiet(told.holds), len(told.legs)) == ([("consultation", 5.0)], 1)
