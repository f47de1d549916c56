"""Handing a caller on, in the orders that random desks on Asterisk 22 and 16 have shown."""

from __future__ import annotations

import pytest

from ringwatch.core import events as ev
from tests.core.desk import Caller, Desk
from tests.core.test_talks import quiet, spans, talking


def asking(caller: Caller, to: str, exten: str) -> tuple[str, str]:
    """Let Anna's phone hold the caller and call somebody; return her second channel and the other phone's."""
    desk, anna = caller.desk, caller.phone
    desk.says(ev.HoldBegan(desk.at, anna.uniqueid)).after(1)
    second, _ = desk.opens("PJSIP/101", ringing_in=True, exten=exten)
    other, name = desk.opens(to)
    desk.says(ev.DialBegan(desk.at, second, other, name), ev.DialRang(desk.at, second, other)).after(2)
    desk.says(ev.DialEnded(desk.at, second, other, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, other, "asked"), ev.BridgeEntered(desk.at, second, "asked")).after(3)
    desk.says(ev.HoldEnded(desk.at, anna.uniqueid))
    return second, other


@pytest.mark.parametrize("kept", ["the caller's bridge", "the consultation's"])
def test_a_phone_hands_the_caller_into_a_call_of_its_own(kept: str) -> None:
    """REFER with Replaces: Asterisk keeps either bridge, and the number is the one that the agent dialled."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    second, other = asking(caller, "PJSIP/104", "801")
    if kept == "the caller's bridge":
        desk.says(ev.BridgeLeft(desk.at, other, "asked"), ev.BridgeLeft(desk.at, anna, caller.bridge))
        desk.says(ev.BridgeEntered(desk.at, other, caller.bridge))
    else:
        desk.says(ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge), ev.BridgeLeft(desk.at, second, "asked"))
        desk.says(ev.BridgeEntered(desk.at, caller.uniqueid, "asked"), ev.BridgeLeft(desk.at, anna, caller.bridge))
    desk.says(ev.Transferred(desk.at, anna, "attended", "104", success=True, second=second))
    desk.says(ev.ChannelEnded(desk.at, anna, 16), ev.ChannelEnded(desk.at, second, 16)).after(7)
    told = (
        caller.parts("caller asks", "caller leaves", "caller ends")
        .desk.says(ev.ChannelEnded(desk.at, other, 16))
        .told()
    )
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid]
    assert spans(mine) == [("Anna", 10.0, 6.0, "transfer"), ("Dirk", 7.0, 0.0, "caller")]
    assert [(each.kind, each.from_agent, each.to) for each in told.transfers] == [("attended", "Anna", "801")]
    (theirs,) = (leg for leg in told.legs if leg.call_id == second)
    assert (theirs.interface, theirs.talk_seconds) == ("PJSIP/104", 3.0)


def test_a_phone_that_is_called_back_makes_no_call_of_its_own() -> None:
    """Nobody answered the transfer: Asterisk rings the agent again, as if nobody were calling, and joins the two."""
    caller = talking()
    desk = caller.desk
    caller.parts("agent leaves", "agent ends").after(5)
    back = desk.originates("PJSIP/101")
    desk.after(2).says(ev.DialEnded(desk.at, "", back.uniqueid, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, back.uniqueid, caller.bridge)).after(4)
    desk.says(ev.BridgeLeft(desk.at, back.uniqueid, caller.bridge), ev.ChannelEnded(desk.at, back.uniqueid, 16))
    told = caller.hangs_up().told()
    assert [call.call_id for call in told.calls] == [caller.uniqueid]
    assert [(leg.agent, leg.talk_seconds) for leg in told.legs] == [("Anna", 10.0), ("Anna", 4.0)]


def test_a_phone_called_back_through_a_wire_asks_somebody_and_hands_on() -> None:
    """The wire is in front of the agent still, whoever the agent asks through it (seen on 22): the agent hands on."""
    caller = talking()
    desk = caller.desk
    caller.parts("agent leaves", "agent ends").after(5)
    near = desk.originates("Local/101@agents;1")
    far, _ = desk.opens("Local/101@agents;2", linkedid=near.uniqueid)
    desk.says(ev.LocalPaired(desk.at, near.uniqueid, far))
    phone, name = desk.opens("PJSIP/101", linkedid=near.uniqueid)
    desk.says(ev.DialBegan(desk.at, far, phone, name), ev.DialRang(desk.at, far, phone)).after(2)
    desk.says(ev.DialEnded(desk.at, far, phone, "ANSWER"), ev.BridgeEntered(desk.at, phone, "there"))
    desk.says(ev.DialEnded(desk.at, "", near.uniqueid, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, near.uniqueid, caller.bridge), ev.BridgeEntered(desk.at, far, "there")).after(4)
    other, name = desk.opens("PJSIP/104", linkedid=caller.uniqueid)
    desk.says(ev.BridgeLeft(desk.at, near.uniqueid, caller.bridge), ev.BridgeEntered(desk.at, near.uniqueid, "asked"))
    desk.says(ev.BridgeEntered(desk.at, other, "asked")).after(3)
    desk.says(ev.BridgeLeft(desk.at, near.uniqueid, "asked"), ev.BridgeLeft(desk.at, other, "asked"))
    desk.says(ev.BridgeEntered(desk.at, other, caller.bridge))
    desk.says(ev.Transferred(desk.at, near.uniqueid, "attended", "104", success=True, second=near.uniqueid))
    for uniqueid in (far, near.uniqueid, phone):
        desk.says(ev.ChannelEnded(desk.at, uniqueid, 16))
    told = caller.after(7).hangs_up().desk.says(ev.ChannelEnded(desk.at, other, 16)).told()
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid]
    assert [(each.agent, each.ended_by) for each in mine][1:] == [("Anna", "transfer"), ("Dirk", "caller")]
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Anna", "104")]


def consulting_behind_a_wire() -> Caller:
    """Femke, behind a Local member, is away with the near half of her wire since 2 s."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    return caller.is_left_for_a_consultation().after(2)


def hangs_up_behind(caller: Caller) -> None:
    """Let the phone behind the wire go, and the far half with it; the near half is still in the consultation."""
    desk, femke = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, femke.far, femke.bridge), ev.ChannelEnded(desk.at, femke.far, 16))
    desk.says(ev.BridgeLeft(desk.at, femke.behind, femke.bridge), ev.ChannelEnded(desk.at, femke.behind, 16))


def test_who_hangs_up_behind_a_wire_in_a_consultation_hands_on() -> None:
    """The phone is gone 2 ms before AttendedTransfer names the wire as the one that handed on (seen on 22 and 16)."""
    caller = consulting_behind_a_wire()
    desk, femke = caller.desk, caller.phone
    hangs_up_behind(caller)
    desk.says(ev.Transferred(desk.at, femke.uniqueid, "attended", "803", success=True))
    caller.partner = None
    told = caller.after(4).hangs_up().desk.says(ev.ChannelEnded(desk.at, femke.uniqueid, 16)).told()
    assert [(each.kind, each.from_agent, each.to) for each in told.transfers] == [("attended", "Femke", "803")]
    assert spans(told.legs) == [("Femke", 10.0, 2.0, "transfer")]
    assert (told.visit.talk_ended_by, told.visit.talk_seconds, told.visit.hold_seconds) == ("transfer", 10.0, 2.0)


def test_who_hangs_up_behind_a_wire_and_hands_on_nobody_has_hung_up() -> None:
    """No transfer is told before the wire goes: the talk was over when the phone was put down."""
    caller = consulting_behind_a_wire()
    desk, femke = caller.desk, caller.phone
    hangs_up_behind(caller)
    desk.after(1).says(ev.ChannelEnded(desk.at, femke.uniqueid, 16))
    caller.partner = None
    told = caller.hangs_up().told()
    assert spans(told.legs) == [("Femke", 10.0, 2.0, "agent")]
    assert (told.transfers, told.visit.talk_ended_by) == ([], "agent")


def test_the_wire_is_whose_phone_is_at_its_far_end() -> None:
    """Femke hands the far end of her wire into a call of hers: a hold of the near end is then by who answered there."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, femke = caller.desk, caller.phone
    second, _ = desk.opens("PJSIP/106", ringing_in=True, exten="125")
    other, name = desk.opens("PJSIP/125")
    desk.says(ev.DialBegan(desk.at, second, other, name), ev.DialEnded(desk.at, second, other, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, other, "asked"), ev.BridgeEntered(desk.at, second, "asked"))
    desk.says(ev.BridgeLeft(desk.at, femke.far, femke.bridge), ev.BridgeLeft(desk.at, second, "asked"))
    desk.says(ev.BridgeEntered(desk.at, femke.far, "asked"))
    desk.says(ev.Transferred(desk.at, femke.behind, "attended", "125", success=True, second=second))
    desk.says(ev.BridgeLeft(desk.at, femke.behind, femke.bridge), ev.ChannelEnded(desk.at, femke.behind, 16))
    desk.says(ev.ChannelEnded(desk.at, second, 16)).after(5)
    desk.says(ev.HoldBegan(desk.at, femke.uniqueid)).after(1)
    desk.says(ev.BridgeLeft(desk.at, femke.far, "asked"), ev.ChannelEnded(desk.at, femke.far, 16))
    desk.says(ev.Transferred(desk.at, femke.uniqueid, "attended", "113", success=True))
    desk.says(ev.ChannelEnded(desk.at, other, 16), ev.ChannelEnded(desk.at, femke.uniqueid, 16))
    caller.partner = None
    told = caller.hangs_up().told()
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid]
    assert spans(mine) == [("Femke", 10.0, 0.0, "transfer"), ("PJSIP/125", 5.0, 1.0, "transfer")]
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Femke", "125"), ("PJSIP/125", "113")]
    assert quiet([hold for hold in told.holds if hold.call_id == caller.uniqueid]) == [("hold", 1.0)]


def test_a_blind_transfer_that_is_told_after_the_caller_stands_in_the_next_line() -> None:
    """QueueCallerJoin overtook BlindTransfer by a millisecond (seen on 22 and 16): it is a transfer all the same."""
    caller = talking()
    desk, anna, bridge = caller.desk, caller.phone, caller.bridge
    desk.says(ev.HoldEnded(desk.at, anna.uniqueid), ev.BridgeLeft(desk.at, caller.uniqueid, bridge))
    caller.partner = None
    caller.joins("sales")
    desk.says(ev.Transferred(desk.at, anna.uniqueid, "blind", "800", success=True))
    desk.says(ev.BridgeLeft(desk.at, anna.uniqueid, bridge), ev.ChannelEnded(desk.at, anna.uniqueid, 16))
    told = caller.rings("Dirk").after(5).answers().after(9).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 0.0, "transfer"), ("Dirk", 9.0, 0.0, "caller")]
    assert [(visit.queue, visit.talk_ended_by) for visit in told.visits] == [
        ("support", "transfer"),
        ("sales", "caller"),
    ]
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Anna", "800")]


def test_the_far_half_of_a_local_pair_may_dial_before_the_near_half_is_called() -> None:
    """The phone behind it is the member's all the same, and rings once (seen on 16, 25 us apart)."""
    caller = Desk().caller("1").joins("billing")
    desk = caller.desk
    near, near_name = desk.opens("Local/106@agents;1")
    far, _ = desk.opens("Local/106@agents;2", ringing_in=True)
    desk.says(ev.LocalPaired(desk.at, near, far))
    phone, name = desk.opens("PJSIP/106")
    desk.says(ev.DialBegan(desk.at, far, phone, name))
    desk.says(ev.AgentCalled(desk.at, caller.uniqueid, near, near_name, "billing", "Local/106@agents/n", "Femke"))
    desk.says(ev.DialRang(desk.at, far, phone), ev.DialRang(desk.at, caller.uniqueid, near)).after(3)
    desk.says(ev.DialEnded(desk.at, far, phone, "ANSWER"), ev.DialEnded(desk.at, caller.uniqueid, near, "ANSWER"))
    caller.leaves()
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, near, near_name, "billing", "Local/106@agents/n", "Femke"))
    desk.says(ev.BridgeEntered(desk.at, phone, "behind"), ev.BridgeEntered(desk.at, far, "behind"))
    desk.says(ev.BridgeEntered(desk.at, near, "front"), ev.BridgeEntered(desk.at, caller.uniqueid, "front")).after(8)
    desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (phone, far, near)))
    told = caller.hangs_up().told()
    assert [(each.agent, each.interface, each.ring_seconds) for each in told.attempts] == [
        ("Femke", "Local/106@agents/n", 3.0)
    ]
    assert [(leg.agent, leg.queue, leg.talk_seconds) for leg in told.legs] == [("Femke", "billing", 8.0)]


@pytest.mark.parametrize("joins_first", [False, True])
def test_a_queue_behind_a_local_pair_is_no_phone(*, joins_first: bool) -> None:
    """A parked caller is given back to the number that was asked for, a queue's: the member's phone alone rings."""
    caller = Desk().caller("1")
    desk = caller.desk
    near, name = desk.opens("Local/801@internal;1")
    far, far_name = desk.opens("Local/801@internal;2", ringing_in=True)
    dialled = ev.DialBegan(desk.at, caller.uniqueid, near, name)
    joined = ev.CallerJoined(desk.at, far, far_name, "", "sales", 1)
    told_as: list[ev.Event] = [joined, dialled] if joins_first else [dialled, joined]
    desk.says(ev.LocalPaired(desk.at, near, far), *told_as)
    phone, phone_name = desk.opens("PJSIP/104")
    desk.says(ev.AgentCalled(desk.at, far, phone, phone_name, "sales", "PJSIP/104", "Dirk"))
    desk.says(ev.DialRang(desk.at, far, phone)).after(3)
    desk.says(ev.DialEnded(desk.at, far, phone, "ANSWER"), ev.CallerLeft(desk.at, far, "sales"))
    desk.says(ev.AgentConnected(desk.at, far, phone, phone_name, "sales", "PJSIP/104", "Dirk"))
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, near, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, near, "front"), ev.BridgeEntered(desk.at, caller.uniqueid, "front"))
    desk.says(ev.BridgeEntered(desk.at, far, "behind"), ev.BridgeEntered(desk.at, phone, "behind")).after(8)
    desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (phone, far, near)))
    told = caller.hangs_up().told()
    assert [(each.agent, each.ring_seconds) for each in told.attempts] == [("Dirk", 3.0)]
    assert [(leg.agent, leg.talk_seconds) for leg in told.legs] == [("Dirk", 8.0)]


def test_a_wire_taken_out_in_a_consultation_ends_no_talk() -> None:
    """Anna asks the queue billing; Femke's phone takes the place of her wire before the caller is handed on."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    near, far, far_name = "9.1", "9.2", "Local/802@internal-00000009;2"
    for half in (near, far):
        desk.says(ev.ChannelStarted(desk.at, half, far_name, half == far, "", "802", "internal", caller.uniqueid))
    desk.says(ev.LocalPaired(desk.at, near, far), ev.CallerJoined(desk.at, far, far_name, "", "billing", 1))
    wire, wire_name = desk.opens("Local/106@agents;1")
    other, _ = desk.opens("Local/106@agents;2", ringing_in=True)
    desk.says(ev.LocalPaired(desk.at, wire, other))
    desk.says(ev.AgentCalled(desk.at, far, wire, wire_name, "billing", "Local/106@agents/n", "Femke"))
    phone, phone_name = desk.opens("PJSIP/106")
    desk.says(ev.DialBegan(desk.at, other, phone, phone_name), ev.DialRang(desk.at, far, wire)).after(2)
    desk.says(ev.DialEnded(desk.at, other, phone, "ANSWER"), ev.DialEnded(desk.at, far, wire, "ANSWER"))
    desk.says(ev.CallerLeft(desk.at, far, "billing"))
    desk.says(ev.AgentConnected(desk.at, far, wire, wire_name, "billing", "Local/106@agents/n", "Femke"))
    desk.says(ev.BridgeEntered(desk.at, wire, "asked"), ev.BridgeEntered(desk.at, far, "asked")).after(1)
    desk.says(ev.BridgeLeft(desk.at, wire, "asked"), ev.BridgeEntered(desk.at, phone, "asked"))
    desk.says(ev.ChannelEnded(desk.at, wire, 16), ev.ChannelEnded(desk.at, other, 16)).after(3)
    desk.says(ev.BridgeLeft(desk.at, anna, caller.bridge), ev.BridgeEntered(desk.at, near, caller.bridge))
    desk.says(ev.Transferred(desk.at, anna, "attended", "802", success=True), ev.ChannelEnded(desk.at, anna, 16))
    caller.partner = None
    desk.after(5).says(*(ev.ChannelEnded(desk.at, each, 16) for each in (phone, near, far)))
    told = caller.hangs_up().told()
    visits = [(each.queue, each.agent, each.talk_seconds) for each in told.visits if each.queue == "billing"]
    assert visits == [("billing", "Femke", 9.0)]
    assert ("Femke", "billing", 5.0) in [(leg.agent, leg.queue, leg.talk_seconds) for leg in told.legs]


def test_who_picks_up_a_consultation_takes_no_agent_away() -> None:
    """Anna asks 104, whose call 130 takes with *8: it is Anna's caller who waits, and she comes back."""
    caller = talking().is_left_for_a_consultation()
    desk = caller.desk
    near, far = "9.1", "9.2"
    for half in (near, far):
        name = f"Local/104@internal-00000009;{half[-1]}"
        desk.says(ev.ChannelStarted(desk.at, half, name, half == far, "", "104", "internal", caller.uniqueid))
    desk.says(ev.LocalPaired(desk.at, near, far), ev.BridgeEntered(desk.at, near, "consultation"))
    rung, name = desk.opens("PJSIP/104")
    desk.says(ev.DialBegan(desk.at, far, rung, name), ev.DialRang(desk.at, far, rung)).after(2)
    picker, _ = desk.opens("PJSIP/130", ringing_in=True, exten="*8")
    desk.says(ev.PickedUp(desk.at, picker, rung), ev.DialEnded(desk.at, far, picker, "ANSWER"))
    desk.says(ev.ChannelEnded(desk.at, rung, 26))
    desk.says(ev.BridgeEntered(desk.at, picker, "beyond"), ev.BridgeEntered(desk.at, far, "beyond")).after(1)
    desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (picker, far, near)))
    told = caller.has_the_agent_back().after(4).hangs_up().told()
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid and leg.agent == "Anna"]
    assert spans(mine) == [("Anna", 14.0, 3.0, "caller")]
