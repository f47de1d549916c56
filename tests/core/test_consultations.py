"""Consultations: an agent asks somebody else, the caller hears music, and either is put through or is not."""

from __future__ import annotations

import pytest

from ringwatch.core import events as ev
from tests.core.desk import Caller, Desk
from tests.core.test_talks import quiet, spans, talking

# -- at another queue


def asking_sales(caller: Caller) -> Caller:
    """Let Anna ask at sales: half of a Local pair stands in its line; Dirk's phone rings after 1 s."""
    return caller.consults("800").joins("sales").after(1).rings("Dirk")


def test_the_line_that_an_agent_asks_at_is_the_callers() -> None:
    """One call, two visits: Dirk answers the consultation after 1 + 2 s, Anna hands over 3 s later, he talks 9 s."""
    caller = talking()
    asked = asking_sales(caller).after(2).answers().after(3)
    told = caller.is_handed_into_the_consultation().after(9).desk.so_far
    assert [(visit.queue, visit.outcome) for visit in told.visits] == [("support", "answered")]
    dirk, asked.partner = asked.phone, None
    caller.hangs_up().desk.says(ev.HangupRequested(caller.desk.at, asked.uniqueid))
    asked.ends().loses_channel(dirk)
    caller.desk.says(ev.ChannelEnded(caller.desk.at, caller.consulting[0], 16))
    told = caller.told()
    assert spans(told.legs) == [("Anna", 10.0, 6.0, "transfer"), ("Dirk", 9.0, 0.0, "caller")]
    assert [(visit.queue, visit.uniqueid, visit.wait_seconds, visit.talk_ended_by) for visit in told.visits] == [
        ("support", caller.uniqueid, 4.0, "transfer"),
        ("sales", asked.uniqueid, 3.0, "caller"),
    ]
    assert (told.call.queues, told.call.agents, told.call.transfers) == (["support", "sales"], ["Anna", "Dirk"], 1)
    assert [(each.kind, each.to) for each in told.transfers] == [("attended", "800")]


def test_a_consultation_that_is_given_up_in_line_has_not_been_served() -> None:
    """Anna comes back after 1 + 8 s, while Dirk's phone rings: whoever stood in line for the caller has gone."""
    caller = talking()
    asked = asking_sales(caller).after(8)
    desk, rung = caller.desk, asked.ringing.pop("Dirk")
    caller.has_the_consultation_ended(asked)
    desk.says(ev.ChannelEnded(desk.at, rung.uniqueid, 26))
    told = caller.after(5).hangs_up().told()
    assert [(visit.queue, visit.outcome) for visit in told.visits] == [("sales", "abandoned"), ("support", "answered")]
    assert (spans(told.legs), told.anomalies) == ([("Anna", 15.0, 9.0, "caller")], [])


def test_a_phone_rings_as_long_as_the_half_that_waits() -> None:
    """The caller hangs up in the consultation, the half 0.4 s later: Dirk's phone has rung for 8.4 s (seen on 22)."""
    caller = talking()
    asked = asking_sales(caller).after(8)
    desk, rung = caller.desk, asked.ringing.pop("Dirk")
    caller.hangs_up().after(0.4)
    desk.says(ev.DialEnded(desk.at, asked.uniqueid, rung.uniqueid, "CANCEL"))
    desk.says(ev.CallerAbandoned(desk.at, asked.uniqueid, "sales", 9), ev.CallerLeft(desk.at, asked.uniqueid, "sales"))
    for uniqueid in (asked.uniqueid, rung.uniqueid, caller.consulting[0]):
        desk.says(ev.ChannelEnded(desk.at, uniqueid, 16))
    told = desk.told()
    assert [(each.agent, each.result, each.ring_seconds) for each in told.attempts if each.queue == "sales"] == [
        ("Dirk", "caller_gone", 8.4)
    ]


def test_half_of_a_pair_that_goes_without_a_word_has_left_the_line() -> None:
    """A filter keeps Abandon and Leave from the account: the half's end is the end of the stay in line."""
    desk = Desk(deaf_to=(ev.CallerAbandoned, ev.CallerLeft))
    caller = desk.caller("1").joins("support").rings("Anna").after(4).answers().after(10)
    asked = caller.consults("800").joins("sales").after(8)
    caller.has_the_consultation_ended(asked)
    assert [(visit.queue, visit.outcome) for visit in desk.so_far.visits] == [("sales", "abandoned")]
    assert [visit.wait_seconds for visit in caller.after(5).hangs_up().told().visits] == [8.0, 4.0]


@pytest.mark.parametrize("first", ["Dirk", "Anna"])
def test_an_agent_who_was_asked_and_never_met_the_caller_has_served_the_visit(first: str) -> None:
    """Dirk answers Anna for 3 s, and one of the two ends that: the visit to sales was answered, the call not his."""
    caller = talking()
    asked = asking_sales(caller).after(2).answers().after(3)
    if first == "Dirk":
        asked.parts("agent leaves", "agent ends")
        assert [visit.talk_ended_by for visit in caller.desk.so_far.visits] == ["agent"]
    caller.has_the_consultation_ended(asked)
    assert len(caller.desk.so_far.visits) == 1
    told = caller.after(5).hangs_up().told()
    assert [(visit.queue, visit.outcome, visit.talk_seconds) for visit in told.visits] == [
        ("sales", "answered", 3.0),
        ("support", "answered", 15.0),
    ]
    assert spans(told.legs) == [("Anna", 15.0, 6.0, "caller")]


def test_the_wire_of_a_consultation_may_be_taken_out_once_it_was_handed_over() -> None:
    """Dirk's phone comes into the caller's bridge, both halves go, and he talks on for 6 s: one talk, one visit."""
    caller = talking()
    asked = asking_sales(caller).after(2).answers().after(3)
    caller.is_handed_into_the_consultation().after(9)
    desk, dirk, asked.partner = caller.desk, asked.phone, None
    desk.says(ev.BridgeLeft(desk.at, dirk.uniqueid, asked.bridge))
    desk.says(ev.BridgeEntered(desk.at, dirk.uniqueid, caller.bridge))
    desk.says(ev.ChannelEnded(desk.at, asked.uniqueid, 16), ev.ChannelEnded(desk.at, caller.consulting[0], 16))
    caller.after(6).partner = dirk
    told = caller.hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 6.0, "transfer"), ("Dirk", 15.0, 0.0, "caller")]
    assert [(visit.queue, visit.talk_seconds, visit.talk_ended_by) for visit in told.visits] == [
        ("support", 10.0, "transfer"),
        ("sales", 18.0, "caller"),
    ]


def test_a_phone_that_lost_the_call_to_another_ends_nobodys_talk() -> None:
    """Eva was rung with Dirk; that her channel is gone says nothing of the consultation he answered."""
    caller = talking()
    asked = caller.consults("800").joins("sales").rings("Dirk", "Eva").after(2)
    eva = asked.ringing.pop("Eva")
    asked.answers("Dirk")
    desk = caller.desk
    desk.says(ev.DialEnded(desk.at, asked.uniqueid, eva.uniqueid, "CANCEL"))
    desk.says(ev.ChannelEnded(desk.at, eva.uniqueid, 26)).after(3)
    assert desk.so_far.visits == []
    caller.has_the_consultation_ended(asked)
    assert [(visit.queue, visit.talk_seconds) for visit in caller.hangs_up().told().visits] == [
        ("sales", 3.0),
        ("support", 10.0),
    ]


@pytest.mark.parametrize("ways", ["a wire, then the far half", "no wire, then the near half"])
def test_what_is_behind_a_local_member_acts_for_the_callers_call(ways: str) -> None:
    """The far end of Femke's wire is sent into sales, by its own Linkedid or by its pair: it is the same caller."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, femke = caller.desk, caller.phone
    desk.says(ev.Transferred(desk.at, femke.behind, "blind", "800", success=True))
    desk.says(ev.BridgeLeft(desk.at, femke.behind, femke.bridge), ev.ChannelEnded(desk.at, femke.behind, 16))
    desk.says(ev.BridgeLeft(desk.at, femke.far, femke.bridge))
    wire = Caller(desk, femke.far, "", "")
    if ways.startswith("no wire"):
        desk.says(ev.BridgeLeft(desk.at, femke.uniqueid, caller.bridge))
    wire.joins("sales").rings("Dirk").after(4)
    assert len(desk.engine.open_calls) == 1
    wire.is_put_out("TIMEOUT").is_sent_away()
    desk.says(ev.ChannelEnded(desk.at, femke.uniqueid, 16))
    caller.partner = None
    told = caller.hangs_up().told()
    assert [(visit.call_id, visit.queue, visit.outcome) for visit in told.visits] == [
        (caller.uniqueid, "billing", "answered"),
        (caller.uniqueid, "sales", "timeout"),
    ]
    assert told.results == [("Femke", "answered"), ("Dirk", "no_answer")]


# -- absences


@pytest.mark.parametrize(
    ("away", "holds"), [(0.125, []), (0.25, [("consultation", 0.2)]), (1.0, [("consultation", 1.0)])]
)
def test_an_absence_is_a_consultation_from_a_quarter_of_a_second_on(
    away: float, holds: list[tuple[str, float]]
) -> None:
    """Shorter ones are bridges being rebuilt, and part nobody."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.BridgeLeft(desk.at, anna, caller.bridge)).after(away)
    desk.says(ev.BridgeEntered(desk.at, anna, caller.bridge))
    told = caller.after(5).hangs_up().told()
    assert quiet(told.holds) == holds
    assert told.leg.talk_seconds == (15.0 if holds else 15.0 + away)


@pytest.mark.parametrize(("away", "kind"), [(0.125, "hold"), (0.25, "consultation")])
def test_a_hold_with_a_blink_in_it_is_a_hold(away: float, kind: str) -> None:
    """10 s on hold, and the bridge rebuilt in the middle of it: what matters is whether the agent had gone to ask."""
    caller = talking().is_held().after(6)
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.BridgeLeft(desk.at, anna, caller.bridge)).after(away)
    desk.says(ev.BridgeEntered(desk.at, anna, caller.bridge)).after(4 - away)
    told = caller.is_taken_back().after(5).hangs_up().told()
    assert quiet(told.holds) == [(kind, 10.0)]


@pytest.mark.parametrize(("away", "kind"), [(0.125, "hold"), (0.25, "consultation")])
def test_a_hold_that_ends_with_the_agent_away_is_a_consultation_if_that_was_long(away: float, kind: str) -> None:
    """6 s on hold, then the agent leaves the bridge, and the channel ends."""
    caller = talking().is_held().after(6)
    desk, anna = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, anna.uniqueid, caller.bridge))
    desk.says(ev.BridgeEntered(desk.at, anna.uniqueid, "elsewhere")).after(away)
    told = caller.parts("agent ends", "caller ends").told()
    assert [hold.kind for hold in told.holds] == [kind]


@pytest.mark.parametrize("back", [True, False])
def test_a_consultation_within_a_hold_is_one_whatever_comes_after_it(back: bool) -> None:  # noqa: FBT001 - a case
    """On hold for 1 + 2 + 3 s, the middle of it away to ask; a blink afterwards does not undo that."""
    caller = talking().is_held().after(1)
    desk, anna = caller.desk, caller.phone
    desk.says(ev.BridgeLeft(desk.at, anna.uniqueid, caller.bridge)).after(2)
    desk.says(ev.BridgeEntered(desk.at, anna.uniqueid, caller.bridge)).after(3)
    desk.says(ev.BridgeLeft(desk.at, anna.uniqueid, caller.bridge))
    if back:
        desk.after(0.125).says(ev.BridgeEntered(desk.at, anna.uniqueid, caller.bridge))
        caller.is_taken_back()
    else:
        desk.says(ev.BridgeEntered(desk.at, anna.uniqueid, "elsewhere")).after(0.125)
    told = caller.parts("agent ends", "caller ends").told()
    assert [hold.kind for hold in told.holds] == ["consultation"]


def test_who_comes_into_the_bridge_parts_nobody() -> None:
    """A colleague joins the two after 10 s, and stays: Anna talks with the caller all along, he does from then on."""
    caller = talking()
    desk = caller.desk
    other, _ = desk.opens("PJSIP/102")
    desk.says(ev.BridgeEntered(desk.at, other, caller.bridge)).after(5)
    told = caller.hangs_up().desk.says(ev.ChannelEnded(desk.at, other, 16)).told()
    assert sorted(spans(told.legs)) == [("Anna", 15.0, 0.0, "caller"), ("Bram", 5.0, 0.0, "caller")]
    assert told.holds == []


def test_a_second_caller_in_the_bridge_takes_nobody_away() -> None:
    """Anna joins two callers after 10 s with the first: she goes on talking with that one."""
    caller = talking()
    desk = caller.desk
    second = desk.caller("2")
    desk.says(ev.BridgeEntered(desk.at, second.uniqueid, caller.bridge)).after(5)
    caller.hangs_up()
    told = second.ends().told()
    mine = [leg for leg in told.legs if leg.call_id == caller.uniqueid and leg.agent == "Anna"]
    assert spans(mine) == [("Anna", 15.0, 0.0, "caller")]


def test_a_wire_that_ends_without_a_word_parts_the_two() -> None:
    """Femke's far half is gone, no BridgeLeave said so: the caller hears nobody, until everything ends 3 s later."""
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, femke = caller.desk, caller.phone
    desk.says(ev.ChannelEnded(desk.at, femke.far, 16)).after(3)
    assert desk.engine.open_calls[0].legs[femke.behind].away_since == desk.at - 3
    caller.partner = None
    caller.hangs_up()
    told = desk.says(*(ev.ChannelEnded(desk.at, each, 16) for each in (femke.uniqueid, femke.behind))).told()
    assert (told.leg.talk_seconds, told.leg.hold_seconds) == (10.0, 3.0)


# -- what the caller hears


def away(caller: Caller, *, music: bool) -> Caller:
    """Let Anna hold, and hold once more in order to ask; she is back 6 s later, one Unhold having been said."""
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.HoldBegan(desk.at, anna), *([ev.MusicBegan(desk.at, caller.uniqueid)] if music else []))
    desk.says(ev.HoldBegan(desk.at, anna), ev.BridgeLeft(desk.at, anna, caller.bridge)).after(6)
    desk.says(ev.BridgeEntered(desk.at, anna, caller.bridge)).after(1)
    return caller


def test_who_is_back_while_the_music_plays_is_not_back_for_the_caller() -> None:
    """The phone's own hold goes on for 1 + 2 s, and the music with it."""
    caller = away(talking(), music=True)
    desk = caller.after(2).desk
    desk.says(ev.MusicEnded(desk.at, caller.uniqueid))
    assert quiet(caller.after(4).hangs_up().told().holds) == [("consultation", 9.0)]


def test_without_music_every_hold_has_its_unhold() -> None:
    """A desk without music on hold: the caller is alone until both were taken back."""
    caller = away(talking(), music=False).is_taken_back().after(2).is_taken_back()
    assert quiet(caller.after(4).hangs_up().told().holds) == [("consultation", 9.0)]


def test_music_that_was_on_before_the_hold_is_the_holds_too() -> None:
    """The consultation's music began a moment before the hold was told: when it ends, so does the hold."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.MusicBegan(desk.at, caller.uniqueid), ev.HoldBegan(desk.at, anna)).after(3)
    desk.says(ev.MusicEnded(desk.at, caller.uniqueid))
    assert quiet(caller.after(4).hangs_up().told().holds) == [("hold", 3.0)]


@pytest.mark.parametrize("sign", ["music", "hold"])
def test_a_hold_ends_with_whoever_goes_whatever_is_told_later(sign: str) -> None:
    """The caller asks to be hung up on hold; half a second later the music ends, or the hold is taken back."""
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.HoldBegan(desk.at, anna), ev.MusicBegan(desk.at, caller.uniqueid)).after(7)
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid)).after(0.5)
    end = ev.MusicEnded(desk.at, caller.uniqueid) if sign == "music" else ev.HoldEnded(desk.at, anna)
    desk.says(end)
    told = caller.parts("caller leaves", "agent leaves", "agent ends", "caller ends").told()
    assert (told.hold.seconds, told.leg.talk_seconds, told.leg.hold_seconds) == (7.0, 10.0, 7.0)
