"""Listings held against what is believed: what is adopted, what is put right, and what an event explains in time."""

from __future__ import annotations

import pytest

from ringwatch.core import events as ev
from tests.core.desk import START, Desk, Seat
from tests.core.told import Told

TRUNK, ANNA = "PJSIP/trunk-00000001", "PJSIP/101-00000002"


def shows(desk: Desk, *channels: ev.ChannelSeen) -> Desk:
    """Answer CoreShowChannels."""
    return desk.says(ev.SnapshotBegan(desk.at, "channels"), *channels, ev.SnapshotEnded(desk.at, "channels"))


def caller_up(desk: Desk, *, uniqueid: str = "1.0", bridge: str = "b", application: str = "Queue") -> ev.ChannelSeen:
    """Return how a listing shows a caller from the trunk, up for a minute."""
    where = ("201", "1000", "from-trunk", uniqueid, 60, application, "support,tT,,,60", bridge)
    return ev.ChannelSeen(desk.at, uniqueid, TRUNK, False, *where)  # noqa: FBT003 - an event's field


def called_up(
    desk: Desk, channel: str = ANNA, *, uniqueid: str = "1.1", bridge: str = "b", application: str = "AppQueue"
) -> ev.ChannelSeen:
    """Return how a listing shows a phone that was called for that caller."""
    where = ("101", "", "internal", "1.0", 50, application, "(Outgoing Line)", bridge)
    return ev.ChannelSeen(desk.at, uniqueid, channel, False, *where)  # noqa: FBT003 - an event's field


def end(desk: Desk, *uniqueids: str) -> Told:
    """Hang up channels in this order, and return what was told."""
    for uniqueid in uniqueids:
        desk.says(ev.HangupRequested(desk.at, uniqueid), ev.ChannelEnded(desk.at, uniqueid, 16))
    return desk.told()


# -- attached in mid-call


def test_a_talk_found_is_followed_from_when_it_was_found() -> None:
    """Nobody knows how long the caller had waited, nor when the answer came: nothing is told of that."""
    desk = Desk()
    shows(desk, caller_up(desk), called_up(desk)).after(1).ticks()
    told = end(desk.after(20), "1.1", "1.0")
    leg, call = told.leg, told.call
    assert (leg.agent, leg.talk_seconds, leg.ended_by, leg.from_start) == ("Anna", 20.0, "agent", False)
    assert (told.visits, told.offers, told.drifts, told.anomalies) == ([], [], [], [])
    assert (call.outcome, call.answered, call.answered_at, call.wait_seconds) == ("unknown", True, None, 0.0)
    assert (call.started_at, call.precision, call.caller, call.direction) == (START - 60, 1.0, "201", "inbound")


def test_a_call_found_in_talk_may_be_answered_once_more() -> None:
    """When it was answered first stays unknown, whatever is answered later."""
    desk = Desk()
    shows(desk, caller_up(desk), called_up(desk)).after(1).ticks()
    desk.after(5).says(ev.BridgeLeft(desk.at, "1.1", "b"), ev.ChannelEnded(desk.at, "1.1", 16))
    desk.says(ev.DialBegan(desk.at, "1.0", "1.9", "PJSIP/102-00000009"), ev.DialEnded(desk.at, "1.0", "1.9", "ANSWER"))
    desk.says(ev.BridgeEntered(desk.at, "1.9", "b")).after(3)
    told = end(desk, "1.9", "1.0")
    assert [(leg.agent, leg.from_start) for leg in told.legs] == [("Anna", False), ("Bram", True)]
    assert (told.call.outcome, told.call.answered_at) == ("unknown", None)


def test_a_talk_through_a_local_member_is_found() -> None:
    """The two halves belong together by their names."""
    desk = Desk()
    near = called_up(desk, "Local/106@agents-00000001;1", uniqueid="1.1", bridge="b")
    far = called_up(desk, "Local/106@agents-00000001;2", uniqueid="1.2", bridge="c", application="Dial")
    phone = called_up(desk, "PJSIP/106-00000003", uniqueid="1.3", bridge="c", application="AppDial")
    other = called_up(desk, "Local/107@agents-00000002;1", uniqueid="1.4", bridge="")
    shows(desk, caller_up(desk), far, near, other, phone).after(1).ticks()
    told = end(desk.after(9), "1.0", "1.1", "1.2", "1.3", "1.4")
    assert (told.leg.agent, told.leg.talk_seconds, told.leg.ended_by) == ("Femke", 9.0, "caller")


def test_a_caller_found_on_hold_is_on_hold_until_the_music_ends() -> None:
    """Of the hold is told what was seen of it; music after that is a hold like any other."""
    desk = Desk()
    shows(desk, caller_up(desk), called_up(desk)).after(1).ticks()
    desk.after(5).says(ev.HoldEnded(desk.at, "1.1"), ev.MusicEnded(desk.at, "1.0"))
    desk.after(10).says(ev.HoldBegan(desk.at, "1.1"), ev.MusicBegan(desk.at, "1.0"))
    desk.after(3).says(ev.HoldEnded(desk.at, "1.1"), ev.MusicEnded(desk.at, "1.0"))
    told = end(desk.after(2), "1.0", "1.1")
    assert [(hold.started_at, hold.seconds) for hold in told.holds] == [(START + 1, 5.0), (START + 16, 3.0)]
    assert (told.leg.talk_seconds, told.leg.hold_seconds) == (12.0, 8.0)


def test_a_caller_found_on_hold_behind_a_wire_may_hear_its_music() -> None:
    """A Local pair that is never taken out plays it (seen on 22 and 16); a phone that hears music is not held."""
    desk = Desk()
    near = called_up(desk, "Local/106@agents-00000001;1", uniqueid="1.1")
    far = called_up(desk, "Local/106@agents-00000001;2", uniqueid="1.2", bridge="c", application="Dial")
    phone = called_up(desk, "PJSIP/106-00000003", uniqueid="1.3", bridge="c", application="AppDial")
    shows(desk, caller_up(desk), near, far, phone).after(1).ticks()
    desk.after(4).says(ev.MusicEnded(desk.at, "1.3"), ev.MusicEnded(desk.at, "1.2"))
    told = end(desk.after(9), "1.0", "1.1", "1.2", "1.3")
    assert (told.hold.seconds, told.leg.talk_seconds) == (4.0, 9.0)


def test_an_agent_with_two_names_is_found_by_that_of_the_queue() -> None:
    """The phone is in two queues; in which of them the caller was served is in the listing."""
    desk = Desk().shows(Seat("front", "Front 101", "Local/101@from-queue/n", "PJSIP/101"))
    shows(desk, caller_up(desk), called_up(desk)).after(1).ticks()
    assert end(desk, "1.0", "1.1").leg.agent == "Anna"


def test_a_parking_lot_and_a_conference_are_no_talk() -> None:
    """Two callers of whom nobody was called, and three in one bridge."""
    desk = Desk()
    parked = [caller_up(desk, uniqueid=uniqueid, bridge="lot") for uniqueid in ("1.0", "2.0")]
    meeting = [called_up(desk, f"PJSIP/{uniqueid}", uniqueid=uniqueid, bridge="room") for uniqueid in ("3", "4", "5")]
    shows(desk, *parked, *meeting).after(1).ticks()
    assert end(desk.after(9), "1.0", "2.0", "3", "4", "5").legs == []


def test_a_phone_found_calling_is_a_call_of_the_desks() -> None:
    """It has dialled by itself; one that merely rings for somebody is not."""
    desk = Desk()
    where = ("101", "9201", "internal", "5.0", 3, "Dial", "PJSIP/trunk", "")
    dialling = ev.ChannelSeen(desk.at, "5.0", ANNA, True, *where)  # noqa: FBT003 - an event's field
    ringing = called_up(desk, "PJSIP/102-00000007", uniqueid="5.1", bridge="")
    shows(desk, dialling, ringing).after(1).ticks()
    told = end(desk, "5.0", "5.1")
    assert (told.call.call_id, told.call.direction, told.call.started_at) == ("5.0", "outbound", START - 3)


def test_a_call_out_that_was_found_is_listed_again_after_its_answer() -> None:
    """The call is the customer's then; the agent's channel, still listed, makes no second one."""
    desk = Desk()
    where = ("101", "9201", "internal", "5.0", 3, "Dial", "PJSIP/trunk", "")
    shows(desk, ev.ChannelSeen(desk.at, "5.0", ANNA, True, *where))  # noqa: FBT003 - an event's field
    desk.after(2).says(ev.DialBegan(desk.at, "5.0", "5.1", TRUNK), ev.DialEnded(desk.at, "5.0", "5.1", "ANSWER"))
    for uniqueid in ("5.0", "5.1"):
        desk.says(ev.BridgeEntered(desk.at, uniqueid, "b"))
    where = ("101", "9201", "internal", "5.0", 9, "Dial", "PJSIP/trunk", "b")
    customer = called_up(desk.after(4), TRUNK, uniqueid="5.1", application="AppDial")
    shows(desk, ev.ChannelSeen(desk.at, "5.0", ANNA, False, *where), customer)  # noqa: FBT003 - an event's field
    told = end(desk.after(3), "5.1", "5.0")
    assert (told.call.outcome, told.call.started_at, told.leg.talk_seconds) == ("answered", START - 3, 7.0)


def test_a_connection_whose_ringing_was_not_seen_tells_no_attempt() -> None:
    """Found ringing, then answered: how long it rang is not known, and nothing has failed when the talk ends."""
    desk = Desk()
    caller = desk.stranger()
    caller.queue = "support"
    desk.lists_queues(caller, waited=12)
    shows(desk, caller_up(desk, uniqueid=caller.uniqueid, bridge="")).after(2).ticks()
    names = (caller.uniqueid, "1.1", ANNA, "support", "PJSIP/101", "Anna")
    desk.says(ev.CallerLeft(desk.at, caller.uniqueid, "support"), ev.AgentConnected(desk.at, *names))
    for uniqueid in ("1.1", caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, uniqueid, "bridge"))
    told = end(desk.after(20), caller.uniqueid, "1.1")
    visit = told.visit
    assert (told.attempts, visit.outcome, visit.wait_seconds, visit.precision) == ([], "answered", 14.0, 1.0)
    assert (visit.agent_rings, visit.in_time, visit.talk_seconds) == (None, None, 20.0)
    assert (told.leg.queue, told.call.started_at) == ("support", START - 60)


@pytest.mark.parametrize("listed", [True, False])
def test_a_phone_behind_a_local_pair_whose_ringing_was_not_seen(*, listed: bool) -> None:
    """It is the member's phone that answers, whether it was called before the listing or after it.

    Then all vanish (Asterisk was killed): of nobody is known to have ended the talk.
    """
    desk = Desk()
    caller = desk.stranger()
    caller.queue = "billing"
    desk.lists_queues(caller, waited=12)
    near = called_up(desk, "Local/106@agents-00000001;1", uniqueid="1.1", bridge="")
    far = called_up(desk, "Local/106@agents-00000001;2", uniqueid="1.2", bridge="", application="Dial")
    phone = called_up(desk, "PJSIP/106-00000003", uniqueid="1.3", bridge="", application="AppDial")
    shows(desk, caller_up(desk, uniqueid=caller.uniqueid, bridge=""), near, far, *[phone] * listed).after(2).ticks()
    if not listed:
        desk.says(ev.DialBegan(desk.at, "1.2", "1.3", "PJSIP/106-00000003"))
    desk.says(ev.DialEnded(desk.at, "1.2", "1.3", "ANSWER"), ev.BridgeEntered(desk.at, "1.3", "there"))
    desk.says(ev.BridgeEntered(desk.at, "1.2", "there"), ev.CallerLeft(desk.at, caller.uniqueid, "billing"))
    names = (caller.uniqueid, "1.1", near.channel, "billing", "Local/106@agents/n", "Femke")
    desk.says(ev.AgentConnected(desk.at, *names), ev.BridgeEntered(desk.at, "1.1", "here"))
    desk.says(ev.BridgeEntered(desk.at, caller.uniqueid, "here")).after(20)
    told = shows(desk).after(1).ticks().told()
    assert (told.leg.agent, told.leg.queue, told.leg.ended_by) == ("Femke", "billing", "unknown")
    assert (told.visit.agent, told.visit.outcome, told.visit.talk_ended_by) == ("Femke", "answered", "unknown")
    assert (told.attempts, told.call.agents) == ([], ["Femke"])


# -- a listing overtakes events


def test_the_beginning_of_a_channel_may_follow_the_listing() -> None:
    """It has begun when its event says so; nothing has drifted."""
    desk = Desk()
    shows(desk).after(3)
    shows(desk, caller_up(desk, bridge=""), called_up(desk, bridge=""))
    desk.says(ev.ChannelStarted(desk.at - 0.25, "1.0", TRUNK, True, "201", "1000", "from-trunk", "1.0"))  # noqa: FBT003 - an event's field
    desk.says(ev.ChannelStarted(desk.at - 0.25, "1.1", ANNA, False, "101", "", "internal", "1.0"))  # noqa: FBT003 - an event's field
    told = end(desk.after(2).ticks(), "1.0", "1.1")
    assert (told.call.started_at, told.call.precision, told.drifts) == (START + 2.75, 0.001, [])


def test_a_listing_may_lie_before_the_return_of_the_stream() -> None:
    """Its items have the time of what was said before; a beginning that follows is that of the channel it showed."""
    desk = Desk()
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(3).says(ev.StreamResumed(desk.at + 0.001))
    shows(desk, caller_up(desk, bridge=""))
    desk.says(ev.ChannelStarted(desk.at, "1.0", TRUNK, True, "201", "1000", "from-trunk", "1.0"))  # noqa: FBT003 - an event's field
    told = end(desk.after(2).ticks(), "1.0")
    assert (told.call.outcome, told.call.started_at, told.drifts) == ("abandoned", START + 3, [])


def test_the_joining_may_follow_the_listing() -> None:
    """The caller has joined when the event says so, and is offered once."""
    desk = Desk()
    caller = desk.caller("1")
    caller.queue, caller.in_line = "support", True
    desk.after(7).lists_queues(caller, waited=0)
    desk.says(ev.CallerJoined(desk.at - 0.5, caller.uniqueid, caller.channel, "1", "support", 2))
    told = caller.after(10).hangs_up().told()
    assert (told.visit.wait_seconds, told.visit.position, told.visit.precision) == (10.5, 2, 0.001)
    assert (len(told.offers), told.drifts) == (1, [])


def test_the_bridge_may_follow_the_listing() -> None:
    """The listing shows the talk, the events that began it come after: it is seen from its start."""
    desk = Desk()
    caller = desk.caller("1").dials("PJSIP/108").rings()
    (phone,) = caller.ringing.values()
    shows(
        desk,
        caller_up(desk, uniqueid=caller.uniqueid, application="Dial"),
        called_up(desk, phone.channel, uniqueid=phone.uniqueid, application="AppDial"),
    )
    told = caller.answers().after(2).hangs_up().told()
    assert (told.leg.from_start, told.leg.talk_seconds, told.drifts) == (True, 2.0, [])


def test_whoever_has_gone_before_it_was_put_right_is_not_put_in_line() -> None:
    """Shown in another line, hung up within the second."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    caller.queue = "sales"
    desk.lists_queues(caller, waited=2)
    caller.queue = "support"
    caller.after(0.5).hangs_up()
    assert desk.after(5).ticks().told().outcomes == ["abandoned"]


def test_how_a_caller_left_may_follow_the_listing() -> None:
    """QUEUESTATUS says it, though Abandon and Leave are kept from the account."""
    desk = Desk(deaf_to=(ev.CallerAbandoned, ev.CallerLeft))
    caller = desk.caller("1").joins("support").after(30)
    desk.lists_queues()
    caller.after(0.5).is_put_out("TIMEOUT").after(1)
    assert caller.ends().told().outcomes == ["timeout"]


# -- after a break


def test_another_wait_is_another_stay() -> None:
    """Known to wait for 60 s, listed with 8: the first stay ended unseen, the second began 8 s before the listing."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(60)
    desk.lists_queues(caller, waited=8).after(1).ticks()
    told = caller.after(4).hangs_up().told()
    assert [(visit.outcome, visit.ordinal, visit.joined_at) for visit in told.visits] == [
        ("unknown", 1, START),
        ("abandoned", 2, START + 52),
    ]
    assert told.drifts == ["callers"]


def test_whoever_talked_before_and_waits_now_was_sent_back_unseen() -> None:
    """The talk ended nobody knows how; the caller waits in the line that the listing names."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(2).answers().after(30)
    shows_him = (caller.uniqueid, caller.channel, "1", "sales", 1, 5)
    desk.says(ev.SnapshotBegan(desk.at, "queues"), ev.WaitingSeen(desk.at, *shows_him))
    desk.says(ev.SnapshotEnded(desk.at, "queues")).after(1).ticks()
    assert [(visit.outcome, visit.talk_ended_by) for visit in desk.so_far.visits] == [("answered", "unknown")]
    assert desk.engine._queues["sales"].waiting == {caller.uniqueid: START + 27}


def test_a_caller_no_line_names_who_hangs_up_at_once_left_the_line_unseen() -> None:
    """Perhaps an agent had answered: that the caller hung up says nothing of the stay."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    desk.lists_queues().after(0.5)
    told = caller.ends().told()
    assert (told.outcomes, told.drifts) == (["unknown"], ["callers"])


def test_a_wait_through_a_break_is_not_judged_in_time() -> None:
    """What rang meanwhile was not heard; what was heard may be too much already."""
    desk = Desk()
    quick, slow = desk.caller("1").joins("support"), desk.caller("2").joins("support")
    slow.rings("Bram").after(20)
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(5).says(ev.StreamResumed(desk.at))
    quick.rings("Anna").after(1).answers("Anna")
    slow.answers("Bram").after(9)
    for caller in (quick, slow):
        caller.hangs_up()
    assert [(visit.agent, visit.in_time) for visit in desk.told().visits] == [("Anna", None), ("Bram", False)]


def test_a_phone_that_rang_before_the_break_and_talks_after_it() -> None:
    """The stay ended unseen, the ringing as well; the talk is told from when it was found."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(2)
    phone = caller.ringing.pop("Anna")
    desk.lists_queues()
    shows(
        desk,
        caller_up(desk, uniqueid=caller.uniqueid),
        called_up(desk, phone.channel, uniqueid=phone.uniqueid),
    )
    told = end(desk.after(1).ticks().after(9), phone.uniqueid, caller.uniqueid)
    assert (told.outcomes, told.attempts, told.drifts) == (["unknown"], [], ["callers", "channels", "channels"])
    assert (told.leg.agent, told.leg.talk_seconds, told.leg.from_start) == ("Anna", 9.0, False)


def test_a_direct_call_that_rang_before_the_break_and_talks_after_it() -> None:
    """It was answered, nobody knows when: its rings and its wait are not told."""
    desk = Desk()
    caller = desk.caller("1", exten="3000").dials("PJSIP/108").rings().after(2)
    phone = caller.ringing.pop("PJSIP/108")
    shows(
        desk,
        caller_up(desk, uniqueid=caller.uniqueid, application="Dial"),
        called_up(desk, phone.channel, uniqueid=phone.uniqueid, application="AppDial"),
    )
    told = end(desk.after(1).ticks().after(9), phone.uniqueid, caller.uniqueid)
    call = told.call
    assert (call.line, call.outcome, call.answered, call.caller_rings, call.in_time) == (
        *("direct", "unknown", True),
        *(None, None),
    )


def test_whom_the_listing_shows_with_somebody_else_talks_with_them() -> None:
    """Anna had handed the caller to Bram meanwhile; her phone is up, and elsewhere."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(2).answers().after(30)
    anna = caller.phone
    shows(
        desk,
        caller_up(desk, uniqueid=caller.uniqueid, bridge="c"),
        called_up(desk, anna.channel, uniqueid=anna.uniqueid, bridge=""),
        called_up(desk, "PJSIP/102-00000044", uniqueid="9.9", bridge="c", application="AppDial"),
    )
    told = end(desk.after(1).ticks().after(9), anna.uniqueid, "9.9", caller.uniqueid)
    assert sorted((leg.agent, leg.from_start) for leg in told.legs) == [("Anna", True), ("Bram", False)]
    assert told.outcomes == ["answered"]
    assert told.drifts == ["channels", "channels"]


def test_what_a_later_listing_adds_has_drifted() -> None:
    """A caller in line and a channel of whom no event had told, though somebody listened."""
    desk = Desk()
    desk.lists_queues().lists_channels().after(60)
    caller = desk.stranger()
    caller.queue, caller.in_line = "support", True
    desk.lists_queues(caller, waited=9)
    shows(desk, caller_up(desk, uniqueid=caller.uniqueid, bridge=""), called_up(desk, uniqueid="8.8", bridge=""))
    desk.after(1).ticks().says(ev.ChannelEnded(desk.at, "8.8", 16))
    told = caller.after(2).hangs_up().told()
    assert (told.outcomes, told.drifts) == (["abandoned"], ["callers", "channels"])


def test_a_channel_shown_where_it_is_again_is_left_there() -> None:
    """A second listing within the second agrees with what is believed."""
    desk = Desk()
    caller = desk.caller("1").dials("PJSIP/108").rings().answers().after(3)
    up = [caller.uniqueid, caller.phone.uniqueid]
    shows(desk, *(caller_up(desk, uniqueid=uniqueid, bridge="") for uniqueid in up))
    desk.lists_channels(*up).after(2).ticks()
    told = caller.hangs_up().told()
    assert (told.leg.talk_seconds, told.holds) == (5.0, [])


@pytest.mark.parametrize("way", ["key", "timeout", "hangup"])
def test_what_the_break_kept_from_being_explained_is_not_known(way: str) -> None:
    """Leave alone, or Abandon, and then silence; but whoever had been asked to hang up before has abandoned."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    if way == "hangup":
        desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    if way != "key":
        caller.abandons()
    if way != "hangup":
        caller.leaves()
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(2).ticks()
    desk.says(ev.StreamResumed(desk.at))
    told = caller.ends().told()
    assert told.outcomes == ["abandoned" if way == "hangup" else "unknown"]


def test_a_listing_cut_short_by_a_break_puts_nothing_right() -> None:
    """What it did not name is asked for again when the PBX is heard again."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    desk.lists_queues().lists_channels().says(ev.StreamBroke(desk.at, "disconnected")).after(5).ticks()
    assert desk.so_far.visits == []
    desk.says(ev.StreamResumed(desk.at)).lists_queues(caller, waited=35).lists_channels(caller.uniqueid)
    assert caller.after(2).hangs_up().told().outcomes == ["abandoned"]
