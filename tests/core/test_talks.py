"""Conversations, on recorded streams: what each caller heard, and with whom, worked out by hand from the stream.

The four witnesses of `tests/test_captures.py` check every call; here are the ones that show a rule.
"""

from __future__ import annotations

from functools import cache

import pytest

from ringwatch.core import events as ev
from ringwatch.core.facts import Call, Hold, Leg, QueueVisit, Transfer
from tests.core.desk import Caller, Desk
from tests.core.told import Told
from tests.tools.captures import blocks, facts_of


@cache
def recorded(name: str) -> Told:
    """Return what a whole recording is told as."""
    return Told(facts_of(blocks(name)))


class Story:
    """What a recording says of one call."""

    def __init__(self, name: str, call_id: str) -> None:
        told = recorded(name)
        self.legs = [each for each in told.legs if each.call_id == call_id]
        self.holds = [each for each in told.holds if each.call_id == call_id]
        self.visits = [each for each in told.visits if each.call_id == call_id]
        self.transfers = [each for each in told.transfers if each.call_id == call_id]
        (self.call,) = (each for each in told.calls if each.call_id == call_id)


def spans(legs: list[Leg]) -> list[tuple[str, float, float, str]]:
    """Say who talked, for how long, held for how long, and who ended it; tenths of seconds."""
    return [(leg.agent, round(leg.talk_seconds, 1), round(leg.hold_seconds, 1), leg.ended_by) for leg in legs]


def quiet(holds: list[Hold]) -> list[tuple[str, float]]:
    """Say how the caller was left alone, and for how long."""
    return [(hold.kind, round(hold.seconds, 1)) for hold in holds]


def test_an_attended_transfer_into_a_queue() -> None:
    """Front 107 consults queue care (hold at 7.7 s, away at 7.9 s) and goes at 13.5 s; Care 112 answers at 14.9 s.

    Order, seen: attended transfer. Pitfall 8.
    """
    story = Story("mix-16", "1795280539.274")
    assert spans(story.legs) == [("Front 107", 1.7, 5.7, "transfer"), ("Care 112", 1.3, 0.0, "caller")]
    assert quiet(story.holds) == [("consultation", 5.7)]
    assert [(visit.queue, visit.agent, visit.uniqueid) for visit in story.visits] == [
        ("front", "Front 107", "1795280539.274"),
        ("care", "Care 112", "1795280547.499"),
    ]
    assert [(each.kind, each.to, each.result) for each in story.transfers] == [("attended", "802", "success")]
    assert (story.call.transfers, story.call.queues) == (1, ["front", "care"])


def test_a_parked_caller_who_gives_up_while_the_parker_is_rung() -> None:
    """Chloé talks 6.1 s and parks; 5.0 s later her phone rings, and after 4.0 s more the caller hangs up."""
    story = Story("mix-22", "1795280241.6")
    assert spans(story.legs) == [("Chloé Müller", 6.1, 5.0, "transfer")]
    assert quiet(story.holds) == [("park", 5.0)]
    (visit,) = story.visits
    # app_queue counts all of it as her talk: 15 s in queue_log.
    assert (round(visit.talk_seconds, 1), round(visit.hold_seconds, 1), visit.talk_ended_by) == (6.1, 9.0, "caller")


def test_a_parked_caller_who_comes_back_to_the_parker() -> None:
    """Vip 127 talks, holds and parks; the caller comes back 5.0 s and 1.5 s of ringing later: one visit.

    Order, seen: park.
    """
    story = Story("mix-22", "1795280367.406")
    assert [leg.agent for leg in story.legs] == ["Vip 127", "Vip 127"]
    assert ("park", 5.0) in quiet(story.holds)
    (visit,) = story.visits
    assert visit.talk_seconds == pytest.approx(sum(leg.talk_seconds for leg in story.legs), abs=0.02)
    assert (visit.talk_ended_by, story.call.bounces) == ("caller", 0)


def test_a_parked_caller_who_gives_up() -> None:
    """Front 107, behind a Local channel, parks after 4.0 s; 2.1 s later the caller hangs up in the parking space.

    Order, seen: park.
    """
    story = Story("mix-22", "1795280253.65")
    assert spans(story.legs) == [("Front 107", 4.0, 2.1, "caller")]
    assert quiet(story.holds) == [("park", 2.1)]


def test_a_consultation_that_failed() -> None:
    """Dirk holds, consults a number that does not exist, and is back after 8.2 s: one time alone, by the music.

    Order, seen: failed consultation.
    """
    story = Story("mix-22", "1795280338.316")
    assert ("consultation", 8.2) in quiet(story.holds)
    assert [leg.agent for leg in story.legs][:1] == ["Dirk"]
    assert [(each.kind, each.result) for each in story.transfers] == []


def test_a_caller_who_hangs_up_during_a_consultation() -> None:
    """Chloé consults queue tech; the caller goes after 4.3 s of it, and the consultation is abandoned with the call."""
    story = Story("mix-16", "1795280718.4895")
    assert spans(story.legs) == [("Chloé Müller", 2.0, 7.9, "caller")]
    assert [(visit.queue, visit.outcome) for visit in story.visits] == [
        ("support", "answered"),
        ("tech", "short_abandoned"),
    ]


def talking() -> Caller:
    """A caller of support who has talked with Anna for 10 s."""
    return Desk().caller("1").joins("support").rings("Anna").after(4).answers().after(10)


def test_parked_callers_do_not_hear_each_other() -> None:
    """A parking space is a bridge, but nobody talks in it."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.Parked(desk.at, caller.uniqueid))
    desk.says(ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge))
    desk.says(ev.BridgeEntered(desk.at, caller.uniqueid, "parked", parking=True)).after(3)
    desk.says(ev.ChannelEnded(desk.at, anna.uniqueid, 16)).after(4)
    desk.says(ev.ParkEnded(desk.at, caller.uniqueid), ev.ParkEnded(desk.at, caller.uniqueid))
    caller.partner = None
    told = caller.after(2).hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 7.0, "transfer")]
    assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (10.0, 9.0, "caller")


def test_a_parked_caller_whom_somebody_else_fetches() -> None:
    """Eva dials the parking space: Anna's talk is over with the park, and Eva is not credited with it."""
    caller = talking()
    desk, anna = caller.desk, caller.phone
    desk.says(ev.HoldBegan(desk.at, anna.uniqueid)).after(1)
    desk.says(ev.BridgeLeft(desk.at, caller.uniqueid, caller.bridge), ev.Parked(desk.at, caller.uniqueid))
    desk.says(ev.ChannelEnded(desk.at, anna.uniqueid, 16)).after(6)
    caller.partner = None
    eva, _ = desk.opens("PJSIP/105", ringing_in=True)
    desk.says(
        ev.BridgeEntered(desk.at, eva, "fetched"),
        ev.BridgeEntered(desk.at, caller.uniqueid, "fetched"),
        ev.ParkEnded(desk.at, caller.uniqueid),
    ).after(5)
    desk.says(ev.ChannelEnded(desk.at, eva, 16))
    told = caller.hangs_up().told()
    assert spans(told.legs) == [("Anna", 10.0, 7.0, "transfer"), ("Eva", 5.0, 0.0, "unknown")]
    assert quiet(told.holds) == [("hold", 1.0), ("park", 6.0)]
    assert (told.visit.talk_seconds, told.visit.hold_seconds, told.visit.talk_ended_by) == (10.0, 7.0, "transfer")
    fetching = next(call for call in told.calls if call.call_id == eva)
    assert (fetching.answered, fetching.talk_seconds) == (True, 0.0)


def test_the_music_tells_the_end_of_a_hold() -> None:
    """A hold that was told twice and taken back once is over when the music is, unless the agent is away.

    Order, seen: failed consultation.
    """
    caller = talking()
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.HoldBegan(desk.at, anna), ev.MusicBegan(desk.at, caller.uniqueid), ev.HoldBegan(desk.at, anna)).after(
        3
    )
    desk.says(ev.MusicEnded(desk.at, caller.uniqueid), ev.HoldEnded(desk.at, anna)).after(2)
    assert quiet(caller.hangs_up().told().holds) == [("hold", 3.0)]


def test_who_is_back_from_a_consultation_with_no_music_left_is_back() -> None:
    """The consultation's own hold was never taken back, but the music ended while Anna was away.

    Order, seen: failed consultation.
    """
    caller = talking()
    desk, anna, bridge = caller.desk, caller.phone.uniqueid, caller.bridge
    desk.says(ev.HoldBegan(desk.at, anna), ev.MusicBegan(desk.at, caller.uniqueid))
    desk.says(ev.BridgeLeft(desk.at, anna, bridge), ev.BridgeEntered(desk.at, anna, "other")).after(6)
    desk.says(ev.MusicEnded(desk.at, caller.uniqueid), ev.BridgeLeft(desk.at, anna, "other"))
    desk.says(ev.BridgeEntered(desk.at, anna, bridge)).after(4)
    told = caller.hangs_up().told()
    assert (quiet(told.holds), spans(told.legs)) == ([("consultation", 6.0)], [("Anna", 14.0, 6.0, "caller")])


def test_music_and_parks_of_channels_nobody_knows_say_nothing() -> None:
    """Attached in mid-call, one hears of channels whose beginning was not seen."""
    desk = Desk()
    phone, _ = desk.opens("PJSIP/101")
    for kind in (ev.MusicBegan, ev.MusicEnded, ev.Parked, ev.ParkEnded):
        desk.says(kind(desk.at, "nobody"), kind(desk.at, phone))
    desk.says(ev.ChannelEnded(desk.at, phone, 16))
    told = desk.told()
    assert (told.calls, told.legs, told.holds, told.anomalies) == ([], [], [], [])


def test_a_caller_who_hears_music_in_line_when_talked_to_later() -> None:
    """A caller who stands in a second line by a Local pair is told once, under the call that waits."""
    story = Story("mix-22", "1795280254.66")
    assert [(visit.queue, visit.outcome) for visit in story.visits][-1][0] == "care"


def test_every_kind_of_fact_is_in_the_recordings() -> None:
    """What is worked out by hand above is not all there is: each recording tells of every kind."""
    for name in ("mix-22", "mix-16"):
        told = recorded(name)
        assert all(told._of(kind) for kind in (Call, Hold, Leg, QueueVisit, Transfer))
        assert {hold.kind for hold in told.holds} == {"hold", "park", "consultation"}


def test_a_transfer_behind_a_local_member_and_another_in_front_of_it() -> None:
    """Femke hands the far end of her wire to 109; then the near end is transferred: it is 109 who hands on.

    Pitfall 9.
    """
    caller = Desk().caller("1").joins("billing").rings("Femke").after(2).answers().after(10)
    desk, phone = caller.desk, caller.phone
    desk.says(ev.Transferred(desk.at, phone.behind, "blind", "109", success=True))
    desk.says(ev.BridgeLeft(desk.at, phone.behind, phone.bridge), ev.ChannelEnded(desk.at, phone.behind, 16))
    desk.says(ev.BridgeLeft(desk.at, phone.far, phone.bridge))
    other, name = desk.opens("PJSIP/109")
    desk.says(ev.DialBegan(desk.at, phone.far, other, name), ev.DialRang(desk.at, phone.far, other)).after(2)
    desk.says(ev.DialEnded(desk.at, phone.far, other, "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, other, "behind"), ev.BridgeEntered(desk.at, phone.far, "behind")).after(5)
    desk.says(ev.Transferred(desk.at, phone.uniqueid, "blind", "110", success=True))
    desk.says(ev.ChannelEnded(desk.at, other, 16), ev.ChannelEnded(desk.at, phone.far, 16))
    told = caller.parts("agent leaves", "agent ends", "caller leaves", "caller ends").told()
    assert spans(told.legs) == [("Femke", 10.0, 0.0, "transfer"), ("PJSIP/109", 5.0, 0.0, "transfer")]
    assert [(each.from_agent, each.to) for each in told.transfers] == [("Femke", "109"), ("PJSIP/109", "110")]
