"""Calls: who dials whom, who talks to whom and for how long, holds, transfers, and what ends when a channel ends."""

from __future__ import annotations

from itertools import permutations

import pytest

from ringwatch.core import events as ev
from ringwatch.core.standards import Line, Policy
from tests.core.desk import SEATS, START, Caller, Desk, Step

TRUNKS = Policy(trunks=("PJSIP/trunk",))


def talking(desk: Desk | None = None, agent: str = "Anna") -> Caller:
    """Return a caller who has talked to a member of support for ten seconds."""
    return (desk or Desk()).caller("0201000001").joins("support").rings(agent).after(4).answers().after(10)


def direct(*devices: str, desk: Desk | None = None, exten: str = "3001") -> Caller:
    """Return a caller for whom the dialplan lets devices ring."""
    return (desk or Desk()).caller("0201000002", exten=exten).dials(*devices).rings()


# -- direct calls


def test_a_direct_call_is_offered_when_phones_are_dialled_and_answered_by_the_first() -> None:
    """Two seconds in a menu, one second until the phone rings, four of ringing: the wait is five, from the dialling."""
    caller = Desk().caller("0201000002", exten="3001").after(2).dials("PJSIP/101").after(1).rings().after(4)
    told = caller.answers().after(30).hangs_up().told()
    call = told.call
    assert (call.line, call.direction, call.outcome, call.answered) == ("direct", "inbound", "answered", True)
    assert (call.wait_seconds, call.talk_seconds, call.answered_at) == (5.0, 30.0, START + 7)
    assert (call.agents, call.queues) == (["Anna"], [])
    assert [(offer.queue, offer.ordinal, offer.at) for offer in told.offers] == [("direct", 1, START + 2)]
    assert (told.leg.queue, told.leg.line, told.leg.ended_by, told.leg.lines_waiting) == (None, "direct", "caller", 0)
    assert (told.attempt.result, told.attempt.ring_seconds, told.attempt.line) == ("answered", 4.0, "direct")


def test_a_direct_wait_ends_with_the_answer_and_the_talk_begins_when_they_meet() -> None:
    """Dial's option A plays the agent an announcement of 3 s first: 4 s of waiting, 20 of talk."""
    caller = direct("PJSIP/101").after(4).picks_up().after(3).meets().after(20)
    told = caller.hangs_up().told()
    assert (told.call.wait_seconds, told.call.talk_seconds, told.call.answered_at) == (4.0, 20.0, START + 4)


def test_a_direct_call_whose_answer_was_not_heard_is_answered_when_they_meet() -> None:
    """A filter keeps DialEnd from the account: 4 s of ringing end in the bridge."""
    caller = direct("PJSIP/101", desk=Desk(deaf_to=(ev.DialEnded,))).after(4).answers().after(20)
    call = caller.hangs_up().told().call
    assert (call.outcome, call.answered_at, call.wait_seconds) == ("answered", START + 4, 4.0)
    assert (call.caller_ring_seconds, call.desk_ring_seconds) == (4.0, 4.0)


def test_a_line_with_a_name_is_told_by_its_name() -> None:
    """Whatever rings afterwards, the extension that was called first names the line."""
    desk = Desk(Policy(lines=(Line("reception", ("30XX", "3001")),)))
    told = direct("PJSIP/108", desk=desk).after(1).answers().after(9).hangs_up().told()
    assert (told.call.line, told.leg.line, told.attempt.line, told.offers[0].queue) == ("reception",) * 4


def test_in_a_group_one_wins_and_the_others_were_answered_elsewhere() -> None:
    """Dial lets the losers go before it says who answered (seen in mix-22): the answer explains it."""
    caller = direct("PJSIP/101", "PJSIP/102", "PJSIP/108").after(6)
    told = caller.answers("PJSIP/102").after(30).hangs_up().told()
    assert told.results == [("Anna", "elsewhere"), ("PJSIP/108", "elsewhere"), ("Bram", "answered")]
    assert [attempt.ring_seconds for attempt in told.attempts] == [6.0, 6.0, 6.0]
    assert (told.call.desk_ring_seconds, told.call.agents) == (6.0, ["Bram"])


def test_a_loser_told_only_by_its_channels_end_was_answered_elsewhere_too() -> None:
    """Let go, then gone with cause 26: the winner's answer comes last of all."""
    caller = direct("PJSIP/101", "PJSIP/102").after(6)
    desk, loser = caller.desk, caller.ringing["PJSIP/101"]
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, loser.uniqueid, "CANCEL"))
    told = caller.loses("PJSIP/101", 26).after(0.5).answers().after(9).hangs_up().told()
    assert told.results == [("Anna", "elsewhere"), ("Bram", "answered")]
    assert [attempt.ended_at for attempt in told.attempts] == [START + 6, START + 6.5]


def test_a_phone_let_go_for_no_reason_told_had_a_caller_who_went() -> None:
    """The dialplan took the caller elsewhere (a key, a Redirect): nobody answered, nobody hung up."""
    told = direct("PJSIP/101").after(6).is_answered_with("CANCEL", "PJSIP/101").after(1).is_sent_away().told()
    assert told.results == [("Anna", "caller_gone")]


def test_a_phone_let_go_whose_channel_outlives_the_call_had_a_caller_who_went() -> None:
    """Let go six seconds after the dialling, told at the call's end, as of the moment it was let go."""
    caller = direct("PJSIP/101").after(6)
    desk, phone = caller.desk, caller.ringing["PJSIP/101"]
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, phone.uniqueid, "CANCEL"))
    caller.after(1).ends().loses("PJSIP/101", 16)
    told = caller.told()
    assert (told.results, told.attempt.ended_at, told.attempt.ring_seconds) == (
        [("Anna", "caller_gone")],
        START + 6,
        6.0,
    )


def test_a_phone_let_go_and_yet_answering_has_answered() -> None:
    """Contradictory, but it must not be told twice."""
    caller = direct("PJSIP/101").after(6)
    desk, phone = caller.desk, caller.ringing["PJSIP/101"]
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, phone.uniqueid, "CANCEL"))
    assert caller.answers().after(9).hangs_up().told().results == [("Anna", "answered")]


@pytest.mark.parametrize(
    ("status", "result", "outcome"),
    [
        ("NOANSWER", "no_answer", "timeout"),
        ("BUSY", "busy", "failed"),
        ("CONGESTION", "failed", "failed"),
        ("CHANUNAVAIL", "failed", "failed"),
        ("DONTCALL", "failed", "failed"),
    ],
)
def test_a_direct_call_that_nobody_answers_ends_as_its_last_phone_did(status: str, result: str, outcome: str) -> None:
    """The dialplan's own hangup afterwards is not the caller's."""
    told = direct("PJSIP/101").after(20).is_answered_with(status, "PJSIP/101").after(1).is_sent_away().told()
    assert (told.results, told.call.outcome, told.call.wait_seconds) == ([("Anna", result)], outcome, 21.0)


def test_a_group_ends_as_the_last_of_its_phones_did() -> None:
    """One is busy, the other rings on until the caller has waited long enough."""
    caller = direct("PJSIP/101", "PJSIP/102").is_answered_with("BUSY", "PJSIP/101").after(20)
    told = caller.is_answered_with("NOANSWER", "PJSIP/102").is_sent_away().told()
    assert (told.results, told.call.outcome) == ([("Anna", "busy"), ("Bram", "no_answer")], "timeout")


@pytest.mark.parametrize(("wait", "outcome"), [(4.999, "short_abandoned"), (5.0, "abandoned")])
def test_a_direct_caller_who_hangs_up_has_abandoned(wait: float, outcome: str) -> None:
    """Below five seconds it is a short abandon, as in a queue."""
    told = direct("PJSIP/101", "PJSIP/102").after(wait).hangs_up().told()
    assert (told.call.outcome, told.call.answered, told.call.talk_seconds) == (outcome, False, 0.0)
    assert told.results == [("Anna", "caller_gone"), ("Bram", "caller_gone")]


def test_a_direct_caller_who_hangs_up_on_the_second_phone_has_abandoned() -> None:
    """That the first was busy is no longer what the caller went for."""
    caller = direct("PJSIP/101").is_answered_with("BUSY", "PJSIP/101").dials("PJSIP/102").rings().after(9)
    assert caller.hangs_up().told().call.outcome == "abandoned"


@pytest.mark.parametrize("asked", [True, False])
def test_a_call_never_offered_belongs_to_no_line(asked: bool) -> None:  # noqa: FBT001 - a case
    """Gone in a menu, or turned away by the dialplan: nobody at the desk could have served it."""
    caller = Desk().caller("1").after(8)
    told = (caller.is_sent_away() if asked else caller.ends()).told()
    assert (told.call.outcome, told.call.line, told.offers) == ("abandoned" if asked else "failed", None, [])


def test_a_second_round_of_ringing_has_its_own_winner() -> None:
    """Anna answered the first round; the phones of the second are not `elsewhere` because of that."""
    caller = direct("PJSIP/101").after(2).answers().after(9).is_transferred("3002")
    told = caller.dials("PJSIP/102", "PJSIP/103").rings().after(9).hangs_up().told()
    assert told.results == [("Anna", "answered"), ("Bram", "caller_gone"), ("Chloé", "caller_gone")]
    assert (told.call.outcome, told.call.desk_ring_seconds) == ("answered", 2.0)


def test_ringing_after_the_answer_is_not_the_waits() -> None:
    """After a transfer another phone rings 30 s: that is told by the attempt, not by the call's rings."""
    caller = direct("PJSIP/101").after(2).answers().after(9).is_transferred("3002").dials("PJSIP/102").rings()
    told = caller.after(30).answers().after(9).hangs_up().told()
    assert (told.call.desk_ring_seconds, told.attempts[1].ring_seconds, told.call.wait_seconds) == (2.0, 30.0, 2.0)


# -- ring attempts of a queue


def test_each_retry_is_an_attempt_of_its_own() -> None:
    """Anna lets it ring twice for 15 s, Bram answers after 2 s; NOANSWER is followed by CANCEL, which says no more.

    Pitfall 4.
    """
    caller = Desk().caller("1").joins("support")
    for _ in range(2):
        caller.rings("Anna").after(15).is_answered_with("NOANSWER", "Anna").after(5)
    told = caller.rings("Bram").after(2).answers().after(30).hangs_up().told()
    assert told.results == [("Anna", "no_answer"), ("Anna", "no_answer"), ("Bram", "answered")]
    assert [attempt.ring_seconds for attempt in told.attempts] == [15.0, 15.0, 2.0]
    assert [attempt.started_at - START for attempt in told.attempts] == [0.0, 20.0, 40.0]
    assert (told.visit.agent_ring_seconds, told.visit.desk_ring_seconds, told.visit.wait_seconds) == (2.0, 32.0, 42.0)


def test_in_a_ring_all_queue_the_losers_were_answered_elsewhere() -> None:
    """Answer first, then CANCEL twice for each of the others: one attempt each, told once. Order, seen: ring-all."""
    caller = Desk().caller("1").joins("support").rings("Anna", "Bram", "Chloé").after(6)
    told = caller.answers("Bram").after(30).hangs_up().told()
    assert told.results == [("Bram", "answered"), ("Anna", "elsewhere"), ("Chloé", "elsewhere")]
    assert (told.visit.agent, told.visit.desk_ring_seconds) == ("Bram", 6.0)


def test_losers_were_answered_elsewhere_whatever_their_hangup_says() -> None:
    """Without option C a queue does not say so to the phones: their channels end as any other (cause 16)."""
    caller = Desk().caller("1").joins("support").rings("Anna", "Bram").after(6).picks_up("Anna", losers_cause=16)
    told = caller.leaves().is_connected().after(9).hangs_up().told()
    assert told.results == [("Anna", "answered"), ("Bram", "elsewhere")]


def test_a_loser_that_rings_on_does_not_ring_for_the_caller() -> None:
    """Nothing says that it was let go: its attempt lasts two seconds longer, the desk's ringing ended at the answer."""
    caller = direct("PJSIP/101", "PJSIP/102").after(6)
    desk = caller.desk
    winner = caller.partner = caller.ringing.pop("PJSIP/102")
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, winner.uniqueid, "ANSWER"))
    told = caller.meets().after(2).loses("PJSIP/101", 26).after(9).hangs_up().told()
    assert (told.call.desk_ring_seconds, told.results) == (6.0, [("Bram", "answered"), ("Anna", "elsewhere")])
    assert [attempt.ring_seconds for attempt in told.attempts] == [6.0, 8.0]


def test_a_queues_phone_that_rings_on_does_not_ring_for_the_caller() -> None:
    """The same in a queue, with half a minute of talk: the desk's ringing ended when the two were put through."""
    caller = Desk().caller("1").joins("support").rings("Anna", "Bram").after(6)
    desk = caller.desk
    winner = caller.partner = caller.ringing.pop("Anna")
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, winner.uniqueid, "ANSWER"))
    told = caller.leaves().is_connected().after(30).loses("Bram", 26).hangs_up().told()
    assert (told.visit.desk_ring_seconds, told.attempts[1].ring_seconds) == (6.0, 36.0)


def test_a_phone_that_never_rang_has_rung_for_nothing() -> None:
    """Called for eight seconds, busy or unreachable: no ringing, no rings. Pitfall 4."""
    caller = Desk().caller("1").joins("support").calls("Anna").after(8).is_answered_with("BUSY", "Anna")
    told = caller.after(9).hangs_up().told()
    assert (told.results, told.attempt.ring_seconds, told.attempt.rings) == ([("Anna", "busy")], 0.0, 0)
    assert told.visit.desk_ring_seconds == 0.0


@pytest.mark.parametrize(("cause", "result"), [(17, "busy"), (19, "no_answer"), (26, "elsewhere"), (34, "failed")])
def test_without_a_dialend_the_cause_of_the_hangup_tells(cause: int, result: str) -> None:
    """An account whose filter drops DialEnd; 34 (no circuit) stands for every other cause."""
    caller = Desk(deaf_to=(ev.DialEnded,)).caller("1").joins("support").rings("Anna").after(5)
    assert caller.loses("Anna", cause).after(9).hangs_up().told().results == [("Anna", result)]


@pytest.mark.parametrize("cause", [16, None])
def test_without_a_dialend_a_phone_that_goes_after_the_caller_was_given_up(cause: int | None) -> None:
    """The caller hangs up, and the phone's channel ends before the caller's."""
    desk = Desk(deaf_to=(ev.DialEnded,))
    caller = desk.caller("1").joins("support").rings("Anna").after(5)
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    desk.says(ev.ChannelEnded(desk.at, caller.ringing["Anna"].uniqueid, cause))
    caller.ringing.clear()
    assert caller.hangs_up().told().results == [("Anna", "caller_gone")]


def test_a_caller_who_hung_up_was_not_answered_elsewhere() -> None:
    """Some phones are told so (cause 26) whenever they are let go."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(5)
    desk = caller.desk
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, caller.ringing["Anna"].uniqueid, "CANCEL"))
    assert caller.loses("Anna", 26).hangs_up().told().results == [("Anna", "caller_gone")]


def test_phones_still_called_when_the_caller_is_gone_were_given_up() -> None:
    """Nothing waits for an event of theirs, and what they say afterwards is not heard."""
    caller = Desk().caller("1").joins("support").rings("Anna").after(5)
    told = caller.ends().loses("Anna", 16).told()
    assert told.results == [("Anna", "caller_gone")]


def test_ringing_told_twice_or_too_late_counts_once() -> None:
    """A second DialState RINGING, one after the end, one of a channel nobody knows."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(3).rings("Anna").after(2)
    phone = caller.ringing["Anna"]
    caller.is_answered_with("NOANSWER", "Anna")
    desk.says(ev.DialRang(desk.at, caller.uniqueid, phone.uniqueid))
    desk.says(ev.DialRang(desk.at, caller.uniqueid, "999.9"))
    assert caller.after(9).hangs_up().told().attempt.ring_seconds == 5.0


def test_ringing_told_after_the_end_is_no_ringing() -> None:
    """A phone that was busy at once and is then said to ring."""
    caller = Desk().caller("1").joins("support").calls("Anna")
    desk, phone = caller.desk, caller.ringing["Anna"]
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, phone.uniqueid, "BUSY"))
    desk.says(ev.DialRang(desk.at, caller.uniqueid, phone.uniqueid))
    told = caller.loses("Anna", 17).after(9).hangs_up().told()
    assert (told.attempt.ring_seconds, told.visit.desk_ring_seconds) == (0.0, 0.0)


# -- members behind Local channels


@pytest.mark.parametrize("agent", ["Femke", "Gijs"])
def test_a_member_behind_a_local_channel_is_rung_once(agent: str) -> None:
    """Both halves report the dialling: it is one attempt, the member's, with the interface the queue names.

    Order, seen: Local member.
    """
    caller = Desk().caller("1").joins("billing").rings(agent).after(6).answers().after(20)
    told = caller.hangs_up().told()
    interface = next(seat.interface for seat in SEATS if seat.agent == agent)
    assert (told.results, told.attempt.interface, told.attempt.ring_seconds) == ([(agent, "answered")], interface, 6.0)
    assert (told.leg.agent, told.leg.interface, told.leg.talk_seconds, told.leg.ended_by) == (
        agent,
        interface,
        20.0,
        "caller",
    )
    assert len(told.calls) == 1


def test_a_member_behind_a_local_channel_lets_it_ring() -> None:
    """NOANSWER for the near half, CANCEL for the phone behind: one attempt that was not answered.

    Order, seen: Local member.
    """
    caller = Desk().caller("1").joins("billing").rings("Femke").after(8).is_answered_with("NOANSWER", "Femke")
    assert caller.after(2).hangs_up().told().results == [("Femke", "no_answer")]


def test_what_the_phone_behind_a_local_channel_says_is_the_dialplans_business() -> None:
    """It rings a second before the near half does, is busy, ends; 5 s later the queue gives up.

    The queue's own dialling is what counts: rung from 1 s on for 7 s, not answered.
    """
    caller = Desk().caller("1").joins("billing").calls("Femke")
    desk, phone = caller.desk, caller.ringing["Femke"]
    desk.says(ev.DialRang(desk.at, phone.far, phone.behind)).after(1)
    desk.says(ev.DialRang(desk.at, caller.uniqueid, phone.uniqueid)).after(2)
    desk.says(ev.DialEnded(desk.at, phone.far, phone.behind, "BUSY"))
    desk.says(ev.ChannelEnded(desk.at, phone.behind, 17)).after(5)
    told = caller.is_answered_with("NOANSWER", "Femke").hangs_up().told()
    assert (told.results, told.attempt.ring_seconds) == ([("Femke", "no_answer")], 7.0)


def test_a_phone_behind_a_local_channel_may_leave_its_bridge_for_a_while() -> None:
    """A consultation that only the far side sees: 3 s alone, then the talk goes on until the caller hangs up."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, phone = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, phone.behind, phone.bridge)).after(3)
    desk.says(ev.BridgeEntered(desk.at, phone.behind, phone.bridge)).after(4)
    told = caller.hangs_up().told()
    assert (told.leg.talk_seconds, told.leg.ended_by) == (14.0, "caller")
    assert (told.hold.kind, told.hold.seconds) == ("consultation", 3.0)


def test_a_member_behind_a_local_channel_may_hang_up_first() -> None:
    """The phone has left its bridge when the near half ends, but its channel has not: there is nobody left to talk."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, phone = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, phone.behind, phone.bridge))
    caller.parts("agent leaves", "caller leaves").after(1).partner = phone
    told = caller.parts("agent ends", "caller ends").told()
    assert (told.leg.talk_seconds, told.leg.ended_by) == (10.0, "agent")


def test_a_near_half_that_ends_alone_ends_the_talk() -> None:
    """The phone is two seconds longer in the bridge behind it, where no caller is; the caller has not left yet."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, phone = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, phone.uniqueid, caller.bridge)).says(ev.ChannelEnded(desk.at, phone.uniqueid, 16))
    desk.after(2)
    told = caller.parts("agent ends", "caller leaves", "caller ends").told()
    assert (told.leg.talk_seconds, told.leg.ended_by) == (10.0, "agent")


def test_a_hold_behind_a_local_channel_is_the_members() -> None:
    """It is reported on the phone, two bridges away from the caller. Order, seen: hold behind a Local member."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    told = caller.is_held().after(5).is_taken_back().after(5).hangs_up().told()
    assert (told.hold.agent, told.hold.seconds, told.visit.talk_seconds) == ("Femke", 5.0, 15.0)


@pytest.mark.parametrize("ender", ["agent", "caller"])
def test_a_talk_goes_on_when_the_local_channel_is_taken_out(ender: str) -> None:
    """The halves hang up after 2 s, the phone is in the caller's bridge: 2 + 18 s of one talk, ended by who went.

    Pitfall 9.
    """
    caller = Desk().caller("1").joins("billing").rings("Gijs").after(3).answers().after(2).loses_the_wire().after(18)
    told = (caller.hangs_up() if ender == "caller" else caller.agent_hangs_up()).told()
    assert (told.leg.talk_seconds, told.leg.ended_by, told.visit.talk_ended_by) == (20.0, ender, ender)
    assert told.visit.interface == "Local/107@agents"


def test_a_talk_may_end_while_the_local_channel_is_taken_out() -> None:
    """The caller hangs up just before the halves do: the phone was in the caller's bridge, the caller no longer is."""
    caller = Desk().caller("1").joins("billing").rings("Gijs").after(3).answers().after(20)
    desk, phone = caller.desk, caller.phone
    desk.says(ev.BridgeEntered(desk.at, phone.behind, caller.bridge))
    told = caller.parts("caller asks", "caller leaves", "agent leaves", "agent ends", "caller ends").told()
    assert (told.leg.talk_seconds, told.leg.ended_by) == (20.0, "caller")


def test_a_phone_behind_a_local_channel_can_hold_and_transfer_once_the_wire_is_gone() -> None:
    """It is the agent's channel now."""
    caller = Desk().caller("1").joins("billing").rings("Gijs").after(3).answers().after(2).loses_the_wire().after(8)
    caller.is_held().after(4).is_taken_back().after(1).is_transferred("108")
    told = caller.dials("PJSIP/108").rings().after(1).answers().after(5).hangs_up().told()
    assert (told.hold.seconds, told.transfer.from_agent, told.legs[0].ended_by) == (4.0, "Gijs", "transfer")
    assert [leg.talk_seconds for leg in told.legs] == [11.0, 5.0]


def test_the_end_of_the_phone_behind_a_local_channel_ends_the_talk() -> None:
    """The phone's channel ends first and nobody was seen to go: nobody is blamed, though the halves follow."""
    desk = Desk()
    caller = desk.caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    phone = caller.phone
    desk.says(ev.ChannelEnded(desk.at, phone.behind, 16))
    told = caller.parts("agent leaves", "agent ends", "caller leaves", "caller ends").told()
    assert (told.leg.talk_seconds, told.leg.ended_by) == (10.0, "unknown")


def test_a_direct_call_to_a_local_channel_is_the_phones_behind_it() -> None:
    """`Dial(Local/106@...)`: what rang is PJSIP/106, and Femke sits there."""
    told = direct("Local/106@internal").after(6).answers().after(20).hangs_up().told()
    assert (told.results, told.attempt.interface, told.call.agents) == ([("Femke", "answered")], "PJSIP/106", ["Femke"])
    assert (told.attempt.ring_seconds, told.leg.talk_seconds) == (6.0, 20.0)


# -- who ended it

CALLER_FIRST: tuple[Step, ...] = ("caller leaves", "agent leaves", "agent ends", "caller ends")
BEFORE: tuple[tuple[Step, Step], ...] = (("caller leaves", "caller ends"), ("agent leaves", "agent ends"))


def orders(*, first: Step, steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """Return all orders that begin so and in which nobody ends before leaving the bridge."""
    rest = [step for step in steps if step != first]
    every = [(first, *order) for order in permutations(rest)]
    return [order for order in every if all(order.index(one) < order.index(other) for one, other in BEFORE)]


@pytest.mark.parametrize("steps", orders(first="caller asks", steps=("caller asks", *CALLER_FIRST)), ids=", ".join)
def test_the_caller_whose_hangup_was_asked_for_ended_it(steps: tuple[Step, ...]) -> None:
    """Whatever order the bridge's threads race in afterwards."""
    told = talking().parts(*steps).told()
    assert (told.leg.ended_by, told.visit.talk_ended_by, told.leg.talk_seconds) == ("caller", "caller", 10.0)


@pytest.mark.parametrize("steps", orders(first="agent asks", steps=("agent asks", *CALLER_FIRST)), ids=", ".join)
def test_the_agent_whose_hangup_was_asked_for_ended_it(steps: tuple[Step, ...]) -> None:
    """An operator, or the agent's own phone."""
    told = talking().parts(*steps).told()
    assert (told.leg.ended_by, told.visit.talk_ended_by, told.leg.talk_seconds) == ("agent", "agent", 10.0)


@pytest.mark.parametrize(
    "steps",
    [
        *orders(first="caller leaves", steps=(*CALLER_FIRST, "caller asks")),
        *orders(first="agent leaves", steps=(*CALLER_FIRST, "caller asks")),
    ],
    ids=", ".join,
)
def test_who_leaves_the_bridge_first_ended_it(steps: tuple[Step, ...]) -> None:
    """No request before: the first to leave; what the dialplan asks for afterwards decides nothing.

    Order, seen: agent hangs up first.
    """
    told = talking().parts(*steps).told()
    assert told.leg.ended_by == steps[0].split()[0]


def test_a_channel_may_end_without_leaving_the_bridge() -> None:
    """The caller asked, and the channel is gone before the bridge says so. Pitfall 6."""
    told = talking().parts("caller asks", "caller ends", "agent leaves", "agent ends").told()
    assert (told.leg.ended_by, told.leg.talk_seconds) == ("caller", 10.0)


@pytest.mark.parametrize("steps", [("agent ends", "caller ends"), ("caller ends", "agent ends")])
def test_nobody_is_blamed_when_nobody_was_seen_to_go(steps: tuple[Step, ...]) -> None:
    """Channels that end without a request and without leaving the bridge."""
    told = talking().parts(*steps).told()
    assert (told.leg.ended_by, told.leg.talk_seconds) == ("unknown", 10.0)


def test_the_talk_ends_when_the_first_of_the_two_goes() -> None:
    """Half a second passes until the channels end: it is not talk, but the call is up."""
    caller = talking()
    phone = caller.phone
    caller.parts("agent leaves").after(0.5)
    caller.partner = phone
    told = caller.parts("agent ends", "caller leaves", "caller ends").told()
    assert (told.leg.talk_seconds, told.visit.ended_at, told.call.ended_at) == (10.0, START + 14, START + 14.5)


# -- holds


def test_a_hold_is_taken_out_of_the_talk() -> None:
    """10 s of talk, 7 s on hold, 3 s of talk: 13 and 7."""
    told = talking().is_held().after(7).is_taken_back().after(3).hangs_up().told()
    visit, hold = told.visit, told.hold
    assert (visit.talk_seconds, visit.hold_seconds, visit.holds) == (13.0, 7.0, 1)
    assert (hold.kind, hold.agent, hold.queue, hold.line, hold.seconds) == ("hold", "Anna", "support", None, 7.0)
    assert (told.call.talk_seconds, told.call.hold_seconds) == (13.0, 7.0)


def test_a_hold_still_open_at_the_end_ends_with_the_talk() -> None:
    """The caller gave up on hold: 10 s of talk, 7 s of music. Pitfall 10."""
    told = talking().is_held().after(7).hangs_up().told()
    assert (told.visit.talk_seconds, told.visit.hold_seconds, told.hold.ended_at) == (10.0, 7.0, START + 21)


def test_a_talk_of_half_a_second_is_told_as_it_was() -> None:
    """In the visit, the leg and the call."""
    told = Desk().caller("1").joins("support").rings("Anna").answers().after(0.5).hangs_up().told()
    assert (told.visit.talk_seconds, told.leg.talk_seconds, told.call.talk_seconds) == (0.5, 0.5, 0.5)


def test_a_hold_may_be_as_short_as_it_likes() -> None:
    """A tenth of a second between the two buttons is a hold, unlike an absence as short as that."""
    told = talking().is_held().after(0.125).is_taken_back().after(3).hangs_up().told()
    assert ([hold.kind for hold in told.holds], told.visit.holds, told.visit.hold_seconds) == (["hold"], 1, 0.125)


def test_two_holds_add_up() -> None:
    """3 and 4 s, told one by one and together."""
    caller = talking().is_held().after(3).is_taken_back().after(5).is_held().after(4).is_taken_back().after(1)
    told = caller.hangs_up().told()
    assert [hold.seconds for hold in told.holds] == [3.0, 4.0]
    assert (told.visit.holds, told.visit.hold_seconds, told.visit.talk_seconds) == (2, 7.0, 16.0)


def test_an_unhold_without_a_hold_is_nothing() -> None:
    """A blind transfer sends one. Order, seen: blind transfer."""
    told = talking().is_taken_back().after(3).hangs_up().told()
    assert (told.holds, told.visit.talk_seconds) == ([], 13.0)


def test_holds_nest() -> None:
    """A consultation holds what the phone holds already (seen in mix-22): the caller is alone until both are over.

    Order, seen: failed consultation.
    """
    held = talking().is_held().after(3).is_held().after(4).is_taken_back().after(1)
    told = held.is_taken_back().after(1).hangs_up().told()
    assert told.hold.seconds == 8.0


def test_holds_nest_over_channels() -> None:
    """Behind a Local channel phone and near half may both hold: the caller is back when both are."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, phone = caller.desk, caller.phone
    caller.is_held().after(2)
    desk.says(ev.HoldBegan(desk.at, phone.uniqueid)).after(3)
    caller.is_taken_back().after(4)
    desk.says(ev.HoldEnded(desk.at, phone.uniqueid))
    told = caller.after(1).hangs_up().told()
    assert (told.hold.seconds, told.visit.holds, told.visit.talk_seconds) == (9.0, 1, 11.0)


def test_a_consultation_that_led_to_nothing_is_a_hold() -> None:
    """The agent leaves the bridge and comes back: the talk goes on, and its end is the caller's doing.

    Order, seen: failed consultation.
    """
    caller = talking().is_left_for_a_consultation().after(8).has_the_agent_back().after(5)
    told = caller.hangs_up().told()
    assert (told.hold.seconds, told.leg.talk_seconds, told.leg.ended_by) == (8.0, 15.0, "caller")


def test_the_callers_own_hold_is_not_the_desks() -> None:
    """A caller who presses hold leaves the agent alone, not himself; a phone nobody talks to holds nobody.

    Pitfall 10.
    """
    caller = talking()
    desk = caller.desk
    for uniqueid in (caller.uniqueid, "999.9"):
        desk.says(ev.HoldBegan(desk.at, uniqueid)).after(2)
        desk.says(ev.HoldEnded(desk.at, uniqueid))
    other = desk.caller("2")
    desk.says(ev.HoldBegan(desk.at, other.uniqueid)).says(ev.HoldEnded(desk.at, other.uniqueid))
    other.ends()
    told = caller.hangs_up().told()
    assert (told.holds, told.visit.talk_seconds) == ([], 14.0)


def test_a_hold_in_a_direct_call_is_the_lines() -> None:
    """No queue to count it for."""
    told = direct("PJSIP/101").answers().is_held().after(4).is_taken_back().hangs_up().told()
    assert (told.hold.queue, told.hold.line) == (None, "direct")


# -- transfers


def test_a_blind_transfer_to_a_phone() -> None:
    """Anna hands the caller to 108, which rings 2 s: two legs, the first ended by the transfer, one transfer told.

    Order, seen: blind transfer.
    """
    caller = talking().is_transferred("108")
    assert (caller.desk.so_far.leg.agent, caller.desk.so_far.visit.agent) == ("Anna", "Anna")
    told = caller.dials("PJSIP/108").rings().after(2).answers().after(20).hangs_up().told()
    transfer = told.transfer
    assert (transfer.kind, transfer.from_agent, transfer.to, transfer.result) == ("blind", "Anna", "108", "success")
    assert (transfer.queue, transfer.line) == ("support", None)
    assert [(leg.agent, leg.ended_by, leg.talk_seconds) for leg in told.legs] == [
        ("Anna", "transfer", 10.0),
        ("PJSIP/108", "caller", 20.0),
    ]
    assert (told.visit.talk_ended_by, told.holds) == ("transfer", [])
    assert (told.call.transfers, told.call.bounces, told.call.agents) == (1, 0, ["Anna", "PJSIP/108"])
    assert [offer.queue for offer in told.offers] == ["support"]


def test_a_blind_transfer_to_a_queue() -> None:
    """The next visit begins on the same call. Order, seen: blind transfer."""
    caller = talking().is_transferred("800").joins("sales").rings("Dirk").after(3).answers().after(20)
    told = caller.hangs_up().told()
    assert [(visit.queue, visit.outcome, visit.talk_ended_by) for visit in told.visits] == [
        ("support", "answered", "transfer"),
        ("sales", "answered", "caller"),
    ]
    assert (told.call.transfers, told.call.wait_seconds, told.call.talk_seconds) == (1, 4.0, 30.0)


def test_a_transfer_back_to_an_agent_already_met_is_a_bounce() -> None:
    """Anna, then 108, then Anna again, whom no queue chose: the caller bounced once."""
    caller = talking().is_transferred("108").dials("PJSIP/108").rings().after(2).answers().after(20)
    told = caller.is_transferred("101").dials("PJSIP/101").rings().after(2).answers().after(5).hangs_up().told()
    assert (told.call.bounces, told.call.transfers, told.call.agents) == (1, 2, ["Anna", "PJSIP/108"])


def test_a_refused_transfer_is_told_and_changes_nothing() -> None:
    """The number does not exist: the talk goes on."""
    told = talking().is_transferred("999", success=False).after(9).hangs_up().told()
    assert (told.transfer.result, told.transfer.to, told.call.transfers) == ("failed", "999", 0)
    assert (told.leg.talk_seconds, told.leg.ended_by) == (19.0, "caller")


def test_an_attended_transfer() -> None:
    """Hold without Unhold, 5 s of consultation: hold 5, talk 10; then 20 s with the one who was consulted.

    Order, seen: attended transfer.
    """
    told = talking().is_handed_over("108").after(20).hangs_up().told()
    assert (told.transfer.kind, told.transfer.from_agent, told.transfer.to) == ("attended", "Anna", "108")
    assert [(leg.ended_by, leg.talk_seconds, leg.hold_seconds) for leg in told.legs] == [
        ("transfer", 10.0, 5.0),
        ("caller", 20.0, 0.0),
    ]
    assert (told.hold.kind, told.hold.seconds, told.call.transfers) == ("consultation", 5.0, 1)
    assert told.call.ended_at == START + 4 + 10 + 5 + 20


def test_a_transfer_while_the_agent_is_away_ends_the_talk_where_the_agent_left() -> None:
    """The agent's leaving is seen 1 s before the transfer: the talk ended then."""
    caller = talking()
    desk, agent = caller.desk, caller.phone.uniqueid
    desk.says(ev.BridgeLeft(desk.at, agent, caller.bridge)).after(1)
    desk.says(ev.Transferred(desk.at, agent, "blind", "108", True))  # noqa: FBT003 - an event's field
    assert desk.so_far.leg.ended_by == "transfer"
    told = caller.parts("agent ends", "caller leaves", "caller ends").told()
    assert (told.leg.ended_by, told.leg.talk_seconds, told.transfer.at) == ("transfer", 10.0, START + 15)


@pytest.mark.parametrize("who", ["caller", "nobody"])
def test_only_agents_transfer(who: str) -> None:
    """A caller who hands the agent on, and a channel that talks to nobody, are no transfer of the desk's."""
    caller = talking()
    desk = caller.desk
    uniqueid = caller.uniqueid if who == "caller" else "999.9"
    desk.says(ev.Transferred(desk.at, uniqueid, "blind", "108", True))  # noqa: FBT003 - an event's field
    told = caller.hangs_up().told()
    assert (told.transfers, told.leg.ended_by) == ([], "caller")


def test_who_stands_in_a_line_talks_no_more() -> None:
    """The end of the first talk was not seen: it ends when the caller joins the next line, and nobody is blamed."""
    caller = talking().after(20)
    anna, caller.partner = caller.phone, None
    caller.joins("sales").rings("Dirk").after(5).answers().after(9)
    told = caller.hangs_up().loses_channel(anna).told()
    assert [(leg.agent, leg.talk_seconds, leg.ended_by) for leg in told.legs] == [
        ("Anna", 30.0, "unknown"),
        ("Dirk", 9.0, "caller"),
    ]
    assert told.outcomes == ["answered", "answered"]


def test_an_agent_moved_into_a_queue_keeps_his_own_talk_when_the_old_one_ends() -> None:
    """An operator sends Anna's channel to sales, the customer listens to something else: her talk with Dirk goes on."""
    customer = talking()
    desk, anna = customer.desk, customer.phone
    customer.partner = None
    agent = Caller(desk, anna.uniqueid, anna.channel, "101").joins("sales").rings("Dirk").after(2).answers().after(10)
    customer.ends()
    told = agent.after(5).hangs_up().told()
    assert [(leg.agent, leg.talk_seconds, leg.ended_by) for leg in told.legs] == [
        ("Anna", 22.0, "unknown"),
        ("Dirk", 15.0, "caller"),
    ]


# -- pressure


def test_a_leg_tells_how_many_waited_when_it_ended() -> None:
    """Three callers stand in the same line, one in another."""
    caller = talking()
    desk = caller.desk
    others = [desk.caller(str(n)).joins("support") for n in range(3)] + [desk.caller("9").joins("sales")]
    caller.after(5).hangs_up()
    for other in others:
        other.hangs_up()
    assert desk.told().leg.lines_waiting == 3


# -- directions


@pytest.mark.parametrize(
    ("trunks", "device", "direction"),
    [
        ((), "PJSIP/trunk", "inbound"),
        ((), "PJSIP/108", "inbound"),
        ((), "PJSIP/101", "outbound"),
        (("PJSIP/trunk",), "PJSIP/trunk", "inbound"),
        (("PJSIP/trunk",), "PJSIP/trunk-two", "inbound"),
        (("PJSIP/trunk",), "PJSIP/108", "outbound"),
        (("PJSIP/trunk",), "PJSIP/101", "outbound"),
    ],
)
def test_the_device_a_call_came_from_gives_its_direction(trunks: tuple[str, ...], device: str, direction: str) -> None:
    """With trunks named, everything else is the desk's own; without, only what a queue names as a member."""
    told = Desk(Policy(trunks=trunks)).caller("1", device=device).after(1).hangs_up().told()
    assert told.call.direction == direction


@pytest.mark.parametrize("policy", [Policy(), TRUNKS])
def test_an_outbound_call_is_answered_by_the_customer(policy: Policy) -> None:
    """How long the customer's phone rings is nobody's merit: no attempt, no line, no offer; the talk is the agent's.

    Order, seen: agent calls out.
    """
    caller = Desk(policy).caller("101", exten="0612345678", device="PJSIP/101").after(3).dials("PJSIP/trunk").rings()
    told = caller.after(8).answers().after(40).hangs_up().told()
    call = told.call
    assert (call.direction, call.outcome, call.line, call.agents) == ("outbound", "answered", None, ["Anna"])
    assert (call.wait_seconds, call.talk_seconds, call.desk_rings, call.in_time) == (8.0, 40.0, None, None)
    assert (told.attempts, told.offers) == ([], [])
    assert (told.leg.agent, told.leg.interface, told.leg.ended_by) == ("Anna", "PJSIP/101", "agent")


def test_an_outbound_wait_ends_with_the_answer() -> None:
    """The customer hears an announcement for 2 s first: 8 s of waiting, and the talk begins in the bridge."""
    caller = Desk().caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8).picks_up().after(2)
    told = caller.meets().after(40).hangs_up().told()
    assert (told.call.wait_seconds, told.call.talk_seconds) == (8.0, 40.0)


def test_an_outbound_call_is_answered_once_and_by_whom_it_was_for() -> None:
    """An answer told twice, and one of a channel that was never dialled."""
    caller = Desk().caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8)
    desk, customer = caller.desk, caller.ringing["PJSIP/trunk"]
    other, _ = desk.opens("PJSIP/108")
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, other, "ANSWER"))
    caller.after(1).answers().after(5)
    desk.says(ev.DialEnded(desk.at, caller.uniqueid, customer.uniqueid, "ANSWER"))
    told = caller.after(5).hangs_up().desk.says(ev.ChannelEnded(desk.at, other, 16)).told()
    assert (told.leg.talk_seconds, told.call.wait_seconds) == (10.0, 9.0)


def test_an_outbound_call_ended_by_the_customer() -> None:
    """The outer party of the talk is the customer."""
    caller = Desk().caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8).answers().after(40)
    assert caller.agent_hangs_up().told().leg.ended_by == "caller"


def test_an_agent_may_hold_and_hand_on_the_customer_he_called() -> None:
    """The agent's channel is the call's own here."""
    caller = Desk().caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8).answers().after(40)
    desk = caller.desk
    desk.says(ev.HoldBegan(desk.at, caller.uniqueid)).after(5).says(ev.HoldEnded(desk.at, caller.uniqueid))
    desk.says(ev.Transferred(desk.at, caller.uniqueid, "blind", "108", True))  # noqa: FBT003 - an event's field
    told = caller.parts("caller leaves", "caller ends", "agent leaves", "agent ends").told()
    assert (told.hold.agent, told.hold.seconds, told.transfer.from_agent) == ("Anna", 5.0, "Anna")


@pytest.mark.parametrize(("status", "outcome"), [("BUSY", "failed"), ("NOANSWER", "failed")])
def test_an_outbound_call_nobody_answers_has_failed(status: str, outcome: str) -> None:
    """It is nobody's abandonment: the channel ends by itself."""
    caller = Desk().caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8)
    told = caller.is_answered_with(status, "PJSIP/trunk").ends().told()
    assert (told.call.outcome, told.legs, told.attempts) == (outcome, [], [])


@pytest.mark.parametrize(("policy", "device"), [(Policy(), "PJSIP/102"), (TRUNKS, "PJSIP/102"), (TRUNKS, "PJSIP/108")])
def test_a_call_between_phones_of_the_desk_is_internal(policy: Policy, device: str) -> None:
    """No outside caller was offered, so no line; the phone that rang is told."""
    caller = Desk(policy).caller("101", device="PJSIP/101").dials(device).rings()
    told = caller.after(3).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.call.line, told.offers) == ("internal", None, [])
    assert (told.attempt.ring_seconds, told.attempt.line, told.leg.talk_seconds) == (3.0, None, 40.0)
    assert (told.call.caller_rings, told.call.desk_rings, told.call.in_time) == (None, None, None)


def test_a_call_from_the_desk_to_a_local_channel_is_internal() -> None:
    """Extensions of the desk are often reached through one."""
    caller = Desk().caller("101", device="PJSIP/101").dials("Local/102@internal").rings()
    told = caller.after(3).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.results) == ("internal", [("Bram", "answered")])


def test_a_member_may_wait_in_a_queue_too() -> None:
    """A call from the desk's own phone to its own queue: served like every other."""
    caller = Desk().caller("101", device="PJSIP/101").joins("sales").rings("Dirk").after(3).answers().after(9)
    told = caller.hangs_up().told()
    assert (told.call.direction, told.outcomes) == ("outbound", ["answered"])


def test_an_originated_call_begins_with_the_agents_own_phone() -> None:
    """The PBX rings Anna's phone for 2 s, then dials the customer for her: one outbound call, the channel is hers.

    Order, seen: agent calls out.
    """
    caller = Desk().originates("PJSIP/101").after(2)
    caller.desk.says(ev.DialEnded(caller.desk.at, "", caller.uniqueid, "ANSWER"))
    told = caller.dials("PJSIP/trunk").rings().after(8).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.call.wait_seconds, told.call.agents) == ("outbound", 8.0, ["Anna"])
    assert (told.call.started_at, told.leg.agent) == (START, "Anna")


@pytest.mark.parametrize("times", [1, 2])
def test_an_originated_call_is_outbound_whoever_the_phone_belongs_to(times: int) -> None:
    """No queue names PJSIP/108, but it did not call the desk; told twice, it is one call from its beginning."""
    caller = Desk().originates("PJSIP/108").after(2)
    desk = caller.desk
    for _ in range(times - 1):
        desk.says(ev.DialBegan(desk.at, "", caller.uniqueid, caller.channel))
    told = caller.dials("PJSIP/trunk").rings().after(8).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.call.agents, told.call.started_at) == ("outbound", ["PJSIP/108"], START)


@pytest.mark.parametrize(
    ("asked", "dialled", "called"),
    [
        ("90201000011", "0201000011", "0201000011"),
        ("90201000011", "", "90201000011"),
        ("*70", "0201000011", "0201000011"),
        ("*70", "", None),
        ("s", "", None),
    ],
)
def test_an_outbound_call_tells_the_number_that_was_called(asked: str, dialled: str, called: str | None) -> None:
    """What is dialled outside, else what the phone asked for, where that is a number."""
    caller = Desk().caller("101", device="PJSIP/101", exten=asked).dials("PJSIP/trunk", number=dialled).rings()
    assert caller.after(8).answers().after(40).hangs_up().told().call.called == called


def test_a_number_that_fails_and_is_dialled_again_through_another_trunk_is_told_as_dialled_last() -> None:
    """And who is called by somebody inside, or calls from outside, has called no number that is told."""
    caller = Desk(TRUNKS).caller("101", device="PJSIP/101").dials("PJSIP/trunk", number="0201000011")
    caller.is_answered_with("CHANUNAVAIL", "PJSIP/trunk").dials("PJSIP/trunk-2", number="31201000011").rings()
    told = caller.after(8).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.call.called) == ("outbound", "31201000011")
    for number, device in (("101", "PJSIP/101"), ("0201000011", "PJSIP/trunk")):
        inside = Desk(TRUNKS).caller(number, device=device).dials("PJSIP/102", number="102").rings().after(3).answers()
        assert inside.after(4).hangs_up().told().call.called is None


def test_a_customer_who_is_called_before_the_agent_is_called_out_to() -> None:
    """The PBX dials the customer and then, for the customer, Anna's phone: the customer is served, and no colleague."""
    customer = Desk(TRUNKS).originates("PJSIP/trunk", "0201000011").after(6)
    customer.desk.says(ev.DialEnded(customer.desk.at, "", customer.uniqueid, "ANSWER"))
    told = customer.dials("PJSIP/101").rings().after(3).answers().after(40).hangs_up().told()
    assert (told.call.direction, told.call.called, told.call.agents) == ("outbound", "0201000011", ["Anna"])
    assert (told.call.answered_at, told.leg.ended_by) == (START + 9, "caller")


def test_an_originated_call_nobody_takes() -> None:
    """Anna does not pick up: a call that failed, with nothing offered."""
    caller = Desk().originates("PJSIP/101").after(20)
    caller.desk.says(ev.DialEnded(caller.desk.at, "", caller.uniqueid, "NOANSWER"))
    told = caller.ends().told()
    assert (told.call.outcome, told.call.direction, told.attempts) == ("failed", "outbound", [])


def test_an_originated_local_channel_is_a_call_unless_it_is_made_for_another() -> None:
    """Click-to-call rings an agent through a wire, as nobody; so does a consultation, for the sake of its caller."""
    desk = Desk()
    for linkedid in ("", "1.1"):
        near, name = desk.opens("Local/101@internal;1", linkedid=linkedid)
        desk.says(ev.DialBegan(desk.at, "", near, name)).says(ev.ChannelEnded(desk.at, near, 16))
    call = desk.told().call
    assert (call.direction, call.outcome) == ("outbound", "failed")


# -- channels nobody knows


def test_dialling_by_a_channel_nobody_knows_is_nobodys() -> None:
    """Attached in mid-call: the phone is remembered until it is gone, no more."""
    desk = Desk()
    desk.says(ev.DialBegan(desk.at, "999.9", "1.0", "PJSIP/101-00000001"))
    desk.says(ev.DialEnded(desk.at, "999.9", "1.0", "ANSWER"))
    desk.says(ev.ChannelEnded(desk.at, "1.0", 16))
    told = desk.told()
    assert (told.calls, told.attempts, told.anomalies) == ([], [], [])


def test_dialling_by_a_phone_without_a_call_is_nobodys() -> None:
    """A phone that talks in somebody else's call rings a third: no call of its own began."""
    caller = talking()
    desk = caller.desk
    desk.says(ev.DialBegan(desk.at, caller.phone.uniqueid, "1.0", "PJSIP/102-00000001"))
    desk.says(ev.DialEnded(desk.at, caller.phone.uniqueid, "1.0", "ANSWER"))
    desk.says(ev.ChannelEnded(desk.at, "1.0", 16))
    told = caller.hangs_up().told()
    assert (len(told.calls), told.results) == (1, [("Anna", "answered")])


def test_dialling_behind_a_local_channel_nobody_dialled_is_nobodys() -> None:
    """The near half of a consultation has no attempt: what rings behind it is not the caller's."""
    desk = Desk()
    far, _ = desk.opens("Local/108@internal;2", ringing_in=True)
    desk.says(ev.DialBegan(desk.at, far, "1.0", "PJSIP/108-00000001"))
    desk.says(ev.DialEnded(desk.at, far, "1.0", "ANSWER"))
    desk.says(ev.ChannelEnded(desk.at, "1.0", 16)).says(ev.ChannelEnded(desk.at, far, 16))
    assert (desk.told().calls, desk.told().attempts) == ([], [])


def test_dialling_told_twice_is_one_attempt() -> None:
    """The queue says AgentCalled and DialBegin; either may come twice."""
    caller = Desk().caller("1").joins("support").calls("Anna").after(1)
    desk, phone = caller.desk, caller.ringing["Anna"]
    names = (phone.uniqueid, phone.channel)
    desk.says(ev.DialBegan(desk.at, caller.uniqueid, *names))
    desk.says(ev.AgentCalled(desk.at, caller.uniqueid, *names, "support", "PJSIP/101", "Anna"))
    told = caller.rings().after(3).answers().after(9).hangs_up().told()
    assert (told.results, told.attempt.started_at) == ([("Anna", "answered")], START)


def test_a_channel_begins_once() -> None:
    """A Newchannel that comes twice, or after its listing, must not make the caller forgotten."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.says(ev.ChannelStarted(desk.at, caller.uniqueid, caller.channel, True, "1", "1000", "from-trunk"))  # noqa: FBT003
    told = caller.after(9).hangs_up().told()
    assert (told.outcomes, len(told.calls)) == (["abandoned"], 1)


@pytest.mark.parametrize(
    "event",
    [
        ev.ChannelEnded(START, "999.9", 16),
        ev.HangupRequested(START, "999.9"),
        ev.BridgeEntered(START, "999.9", "b"),
        ev.BridgeLeft(START, "999.9", "b"),
        ev.LocalPaired(START, "999.8", "999.9"),
        ev.DialEnded(START, "999.8", "999.9", "ANSWER"),
        ev.QueueEntered(START, "999.9", "support"),
    ],
)
def test_events_of_channels_nobody_knows_are_left_alone(event: ev.Event) -> None:
    """Most of what is heard right after attaching."""
    told = Desk().says(event).told()
    assert (told.calls, told.anomalies) == ([], [])
