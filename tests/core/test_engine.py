"""The engine as a whole: listings, the stream's breaks, going down, and whatever an unlucky stream may hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly, Gap
from ringwatch.core.readings import QueueReading
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import SEATS, START, Caller, Desk, Seat
from tests.core.scenarios import SCENARIOS
from tests.core.told import Told, assert_forgotten, assert_sound


def reading(engine: Engine, queue: str = "support") -> QueueReading:
    """Return how a queue stands now."""
    return engine._queues[queue].reading("main")


# -- every way a call can go


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_call_is_forgotten_once_it_is_over(name: str) -> None:
    """No channel, no call, nobody in line and nothing to settle is left, and the facts are sound and told once."""
    SCENARIOS[name]().told()


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_a_pbx_sends_in_order_is_an_anomaly(name: str) -> None:
    """An anomaly in a call that went as calls go would make the counter useless; only attaching in mid-call may."""
    anomalies = SCENARIOS[name]().told().anomalies
    assert anomalies == (["join_not_seen"] if name == "attached_in_ringing" else [])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_events_are_told_the_same_way_twice(name: str) -> None:
    """No clock, no chance, no unordered iteration."""
    assert SCENARIOS[name]().told().lines == SCENARIOS[name]().told().lines


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_event_lost_doubled_or_late_does_no_harm(name: str) -> None:
    """Each event of each scenario in turn: nothing raises, and going down leaves nothing behind. Pitfall 14."""
    events = SCENARIOS[name]().events
    for at, event in enumerate(events):
        after = events[at + 1 :]
        lost, doubled, late = after, [event, event, *after], [*after[:1], event, *after[1:]]
        for rest in (lost, doubled, late):
            engine = Engine("main", Policy())
            records = [record for each in (*events[:at], *rest) for record in engine.apply(each)]
            records += engine.close()
            assert_forgotten(engine)
            assert_sound(Told(records))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_call_may_be_cut_off_or_come_upon_anywhere(name: str) -> None:
    """Attached or closed after each event of each scenario: what is not known is unknown, and nothing is left."""
    events = SCENARIOS[name]().events
    for at in range(len(events)):
        for part in (events[:at], events[at:]):
            engine = Engine("main", Policy())
            records = [record for each in part for record in engine.apply(each)]
            records += engine.close()
            assert_forgotten(engine)
            assert_sound(Told(records))


# -- queues as they stand


def test_readings_tell_what_changed() -> None:
    """Configured queues at once, then each queue when something happens in it, and silence when nothing does."""
    engine = Engine("main", Policy(standards={"support": Standard()}))
    assert [each.queue for each in engine.readings()] == ["support"]
    assert engine.readings() == []
    engine.apply(ev.QueueSeen(START, "sales"))
    assert [each.queue for each in engine.readings()] == ["sales"]
    engine.apply(ev.QueueSeen(START, "support"))
    assert [each.queue for each in engine.readings()] == ["support"]
    assert engine.queue_names == ["support", "sales"]


def test_it_is_known_which_moment_has_been_reached() -> None:
    """By events, and by the clock on a quiet line; nothing takes it back."""
    engine = Engine("main", Policy())
    assert engine.now() == 0
    for event, now in (
        (ev.QueueSeen(START, "sales"), START),
        (ev.Tick(START + 5), START + 5),
        (ev.QueueSeen(START + 4, "sales"), START + 5),
    ):
        engine.apply(event)
        assert engine.now() == now


def test_the_line_is_read_as_callers_come_and_go() -> None:
    """Two join, the first is answered, the second gives up."""
    desk = Desk()
    first = desk.caller("1").joins("support")
    second = desk.after(5).caller("2").joins("support")
    assert (reading(desk.engine).waiting, reading(desk.engine).oldest_joined_at) == (2, START)
    first.rings("Anna").after(1).answers()
    assert (reading(desk.engine).waiting, reading(desk.engine).oldest_joined_at) == (1, START + 5)
    second.hangs_up()
    assert (reading(desk.engine).waiting, reading(desk.engine).oldest_joined_at) == (0, None)
    first.hangs_up()


def test_members_are_read_as_their_phones_go() -> None:
    """Free, ringing, talking, free again; paused and removed."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna")
    assert reading(desk.engine).members["ringing"] == 1
    caller.answers()
    assert reading(desk.engine).members["talking"] == 1
    caller.hangs_up()
    assert reading(desk.engine).members["free"] == 3
    desk.shows(SEATS[0], paused=True)
    assert (reading(desk.engine).members["paused"], reading(desk.engine).members["free"]) == (1, 2)
    desk.says(ev.MemberRemoved(desk.at, "support", "PJSIP/101"))
    assert sum(reading(desk.engine).members.values()) == 2


def test_open_calls_are_those_that_are_up() -> None:
    """For whoever wants to know what is live."""
    desk = Desk()
    caller = desk.caller("1")
    assert [call.call_id for call in desk.engine.open_calls] == [caller.uniqueid]
    caller.ends()
    assert desk.engine.open_calls == []


# -- listings


def test_a_caller_found_in_line_is_adopted_with_the_wait_the_listing_gives() -> None:
    """Attached while somebody has waited 12 s: offered then, answered 5 s later, 17 s of waiting."""
    desk = Desk(staffed=False)
    caller = desk.stranger()
    caller.queue, caller.in_line = "support", True
    desk.lists_queues(caller, waited=12)
    told = caller.after(3).rings("Anna").after(2).answers().after(9).hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, told.visit.joined_at) == (["answered"], 17.0, START - 12)
    assert ([offer.at for offer in told.offers], told.anomalies) == ([START - 12], [])


def test_a_caller_listed_where_it_is_known_to_wait_is_no_news() -> None:
    """The listing's whole seconds do not move the time of joining."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(7.5)
    desk.lists_queues(caller, waited=7)
    told = caller.after(2.5).hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, len(told.offers)) == (["abandoned"], 10.0, 1)


def test_a_caller_listed_in_another_queue_has_moved() -> None:
    """While nobody looked: the first stay ended nobody knows how, the second began two seconds ago."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    caller.leaves().queue, caller.in_line = "sales", True
    desk.records.clear()
    desk.lists_queues(caller, waited=2).after(1).ticks()
    told = desk.so_far
    assert [(visit.queue, visit.outcome, visit.wait_seconds) for visit in told.visits] == [
        ("support", "key_exit", 30.0)
    ]
    caller.after(7).hangs_up()
    assert [visit.wait_seconds for visit in desk.so_far.visits] == [30.0, 10.0]
    assert desk.so_far.drifts == ["callers"]


def test_a_listing_may_overtake_the_events_of_a_caller() -> None:
    """Listed first, then Newchannel and QueueCallerJoin arrive: one call, one visit, one offer. Pitfall 13."""
    desk = Desk()
    caller = desk.stranger()
    caller.queue, caller.in_line = "support", True
    desk.lists_queues(caller)
    desk.says(ev.ChannelStarted(desk.at, caller.uniqueid, caller.channel, True, "1", "1000", "from-trunk"))  # noqa: FBT003
    caller.joins("support").rings("Anna").after(4).answers().after(9)
    told = caller.hangs_up().told()
    assert (told.outcomes, len(told.offers), told.call.bounces) == (["answered"], 1, 0)


def test_a_member_a_listing_does_not_name_is_gone() -> None:
    """Realtime and reloaded members send no event. Pitfall 11."""
    desk = Desk()
    desk.lists_queues(seats=SEATS[1:])
    assert reading(desk.engine).members["free"] == 2
    desk.lists_queues(seats=(*SEATS, Seat("support", "Hana", "PJSIP/110", "PJSIP/110")))
    assert reading(desk.engine).members["free"] == 4


def test_a_caller_a_listing_does_not_name_is_given_up_after_a_second() -> None:
    """Its call goes on, whatever it does now; how it left the line is not known. Pitfall 14."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    desk.lists_queues()
    desk.after(0.5).ticks()
    assert desk.so_far.visits == []
    desk.after(0.5).ticks()
    assert (desk.so_far.outcomes, reading(desk.engine).waiting) == (["unknown"], 0)
    told = caller.after(9).ends().told()
    assert (told.visit.wait_seconds, told.visit.in_time) == (31.0, None)


def test_a_caller_who_was_answered_while_the_listing_was_made_is_not_given_up() -> None:
    """The listing overtook Leave and AgentConnect: they arrive within the second. Pitfall 13."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(4)
    desk.lists_queues()
    caller.after(0.25).answers().after(20)
    told = caller.hangs_up().told()
    assert (told.outcomes, told.visit.talk_seconds, told.anomalies) == (["answered"], 20.0, [])


def test_a_caller_who_left_while_the_listing_was_made_is_not_given_up() -> None:
    """The same for a caller who gave up, and for one who is back in line before the second is over."""
    desk = Desk(dialplan=False)
    gone, back = desk.caller("1").joins("support"), desk.caller("2").joins("support")
    desk.after(20).lists_queues()
    gone.hangs_up()
    back.is_put_out("TIMEOUT").joins("support")
    desk.after(5).ticks()
    assert reading(desk.engine).waiting == 1
    back.after(20).hangs_up()
    assert desk.told().outcomes == ["abandoned", "timeout", "abandoned"]


def test_a_channel_a_listing_does_not_name_is_given_up_after_a_second() -> None:
    """The call it belongs to is told as unknown; nobody is blamed for the end of the talk. Pitfall 14."""
    desk = Desk()
    desk.caller("1").joins("support").rings("Anna").after(4).answers().after(20)
    desk.lists_channels()
    desk.after(1).ticks()
    told = desk.told()
    assert (told.outcomes, told.visit.talk_ended_by, told.leg.ended_by) == (["answered"], "unknown", "unknown")
    assert told.leg.talk_seconds == 21.0
    assert desk.engine._listings._missing == {}


def test_a_channel_that_hung_up_while_the_listing_was_made_is_not_given_up() -> None:
    """The listing overtook the hangup: it arrives within the second and says who ended the talk. Pitfall 13."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(4).answers().after(20)
    desk.lists_channels()
    caller.hangs_up()
    desk.after(5).ticks()
    told = desk.told()
    assert (told.outcomes, told.leg.ended_by, told.call.outcome) == (["answered"], "caller", "answered")


def test_a_channel_that_began_after_the_listing_is_not_missing() -> None:
    """What is up is asked when the listing begins; what it names is up, known or not."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.says(ev.SnapshotBegan(desk.at, "channels"))
    other = desk.caller("2").joins("support")
    desk.says(ev.ChannelSeen(desk.at, caller.uniqueid)).says(ev.ChannelSeen(desk.at, "999.9"))
    desk.says(ev.SnapshotEnded(desk.at, "channels")).after(9).ticks()
    caller.hangs_up()
    other.hangs_up()
    desk.says(ev.ChannelEnded(desk.at, "999.9", 16))
    assert desk.told().outcomes == ["abandoned", "abandoned"]


def test_a_phone_that_vanished_says_nothing_of_the_caller() -> None:
    """The caller is still listed, the phone that rang is not: how that ended is not known, the call's end is seen."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(4)
    desk.lists_channels(caller.uniqueid)
    desk.after(1).ticks()
    caller.ringing.clear()
    told = caller.rings("Bram").after(2).answers().after(9).hangs_up().told()
    assert (told.results, told.outcomes) == ([("Anna", "failed"), ("Bram", "answered")], ["answered"])
    assert (told.call.outcome, told.leg.ended_by) == ("answered", "caller")


def test_a_customers_channel_that_vanished_ends_the_talk() -> None:
    """An outbound call: the customer's channel belongs to no attempt, but to the talk."""
    desk = Desk()
    caller = desk.caller("101", device="PJSIP/101").dials("PJSIP/trunk").rings().after(8).answers().after(20)
    desk.lists_channels(caller.uniqueid)
    desk.after(1).ticks()
    told = caller.after(5).ends().told()
    assert (told.leg.ended_by, told.leg.talk_seconds) == ("unknown", 21.0)


def test_two_listings_within_a_second_are_one() -> None:
    """Neither named the channel: given up a second after the later one."""
    desk = Desk()
    desk.caller("1").joins("support")
    desk.lists_channels().after(0.5).lists_channels().after(0.75).ticks()
    assert desk.so_far.visits == []
    desk.after(0.25).ticks()
    assert desk.told().outcomes == ["unknown"]


def test_whom_a_later_listing_names_is_not_given_up() -> None:
    """Not named by the first, named by the second within the second: channel and caller are there."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.lists_queues().lists_channels()
    desk.after(0.5).lists_queues(caller).lists_channels(caller.uniqueid).after(9).ticks()
    assert reading(desk.engine).waiting == 1
    assert caller.hangs_up().told().outcomes == ["abandoned"]


def test_a_listing_that_never_ends_gives_nobody_up() -> None:
    """The connection broke in the middle of it; an end without a beginning says nothing either."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.says(ev.SnapshotBegan(desk.at, "queues")).says(ev.SnapshotBegan(desk.at, "channels"))
    desk.after(60).ticks()
    told = caller.hangs_up().told()
    assert told.outcomes == ["abandoned"]


def test_whoever_was_given_up_once_may_come_back() -> None:
    """Not named by the first listing, back in line and named by the second; a stray end names nobody: it waits."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.lists_queues().after(2).ticks()
    caller.joins("support")
    desk.lists_queues(caller).after(2).ticks()
    desk.says(ev.SnapshotEnded(desk.at, "queues")).says(ev.SnapshotEnded(desk.at, "channels")).after(2).ticks()
    assert (reading(desk.engine).waiting, sum(reading(desk.engine).members.values())) == (1, 3)
    assert caller.hangs_up().told().outcomes == ["unknown", "short_abandoned"]


def test_an_end_without_a_beginning_gives_nobody_up() -> None:
    """What an earlier listing did not name and what has begun since is not asked for again."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.lists_queues()
    caller.is_put_out("TIMEOUT").joins("support")
    desk.says(ev.SnapshotEnded(desk.at, "queues")).after(2).ticks()
    assert reading(desk.engine).waiting == 1
    assert caller.hangs_up().told().outcomes == ["timeout", "short_abandoned"]


def test_one_listing_says_nothing_of_the_other() -> None:
    """The channels are listed in the middle of the queues: no member and no caller is given up for that."""
    desk = Desk()
    caller = desk.caller("1").joins("support")
    desk.says(ev.SnapshotBegan(desk.at, "queues"))
    for seat in SEATS[:2]:
        desk.shows(seat)
    desk.lists_channels(caller.uniqueid)
    assert sum(reading(desk.engine).members.values()) == 3
    desk.says(ev.SnapshotEnded(desk.at, "queues"))
    assert sum(reading(desk.engine).members.values()) == 2
    caller.hangs_up()


def test_what_a_listing_puts_right_is_drift() -> None:
    """A member, a caller in line and a channel that it does not name are counted once, when they are given up.

    Pitfall 14.
    """
    desk = Desk()
    desk.caller("1").joins("support")
    desk.lists_queues(seats=SEATS[1:]).lists_channels().after(2).ticks()
    assert desk.so_far.drifts == ["members", "callers", "channels"]
    desk.lists_queues(seats=SEATS[1:]).lists_channels().after(2).ticks()
    assert len(desk.so_far.drifts) == 3


# -- attached in mid-call


def test_a_talk_come_upon_is_told_from_the_moment_it_is_seen() -> None:
    """Only its end is heard: no visit is invented, no talk is guessed."""
    desk = Desk(staffed=False)
    for event in SCENARIOS["answered"]().events[-8:]:
        desk.says(event)
    told = desk.told()
    assert (told.visits, told.legs, told.anomalies) == ([], [], [])


def test_a_connection_come_upon_is_adopted() -> None:
    """AgentConnect is the first that is heard of a caller: an anomaly, and a visit that began just then."""
    caller = Desk(staffed=False).stranger()
    caller.queue = "support"
    told = caller.calls("Anna").picks_up().is_connected().after(20).hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, told.visit.talk_seconds) == (["answered"], 0.0, 20.0)
    assert told.anomalies == ["join_not_seen"]


def test_whoever_is_come_upon_has_waited_as_long_as_the_event_says() -> None:
    """AgentConnect and QueueCallerAbandon tell it in whole seconds."""
    desk = Desk(staffed=False)
    served, lost = desk.stranger(), desk.stranger()
    names = ("1.0", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, served.uniqueid, *names, 7))
    desk.says(ev.CallerAbandoned(desk.at, lost.uniqueid, "support", 9))
    for caller in (served, lost):
        caller.ends()
    told = desk.so_far
    assert sorted((visit.outcome, visit.wait_seconds, visit.precision) for visit in told.visits) == [
        ("answered", 7.0, 1.0),
        ("timeout", 9.0, 1.0),
    ]


def test_an_agent_come_upon_may_end_the_talk() -> None:
    """The phone was never seen being called: the caller who is still in the bridge is not taken for the agent."""
    desk = Desk(staffed=False)
    caller = desk.stranger()
    names = ("1.0", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, *names))
    for uniqueid in ("1.0", caller.uniqueid):
        desk.says(ev.BridgeEntered(desk.at, uniqueid, "bridge"))
    desk.after(20).says(ev.BridgeLeft(desk.at, "1.0", "bridge")).says(ev.ChannelEnded(desk.at, "1.0", 16))
    assert (desk.so_far.leg.ended_by, desk.so_far.visit.talk_seconds) == ("agent", 20.0)
    caller.ends()


@pytest.mark.parametrize("trunks", [(), ("PJSIP/trunk",)])
def test_a_caller_come_upon_in_a_queue_comes_from_outside(trunks: tuple[str, ...]) -> None:
    """Its channel has no name: nobody claims it as the desk's own."""
    caller = Desk(Policy(trunks=trunks)).stranger()
    caller.queue = "support"
    assert caller.rings("Anna").after(2).answers().after(9).hangs_up().told().call.direction == "inbound"


# -- the stream


def test_going_down_tells_every_open_call_as_unknown() -> None:
    """One talks, one waits: the talk is known up to now, the wait is not judged. Pitfall 17."""
    desk = Desk()
    desk.caller("1").joins("support").rings("Anna").after(4).answers()
    desk.caller("2").joins("support")
    desk.after(20).says(ev.Shutdown(desk.at))
    told = desk.told()
    assert [(visit.outcome, visit.talk_ended_by) for visit in told.visits] == [
        ("answered", "unknown"),
        ("unknown", None),
    ]
    assert [call.outcome for call in told.calls] == ["answered", "unknown"]
    assert [visit.wait_seconds for visit in told.visits] == [4.0, 20.0]


def test_what_is_known_of_a_call_stays_known_when_it_vanishes() -> None:
    """It had abandoned the line before Asterisk went down: that is not unknown."""
    desk = Desk(dialplan=False)
    desk.caller("1").joins("support").after(30).is_put_out("TIMEOUT")
    desk.closes()
    told = desk.told()
    assert (told.outcomes, told.call.outcome) == (["timeout"], "unknown")


@pytest.mark.parametrize("way", ["key", "hangup", "dump"])
def test_what_was_about_to_be_explained_is_unknown_when_it_vanishes(way: str) -> None:
    """Leave alone, a hangup that was asked for, a dump: the next event would have told."""
    desk = Desk()
    caller = desk.caller("1").joins("support").after(30)
    if way == "key":
        caller.presses_key()
    elif way == "dump":
        caller.rings("Anna").picks_up().is_dumped()
    else:
        desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    assert desk.closes().told().outcomes == ["unknown"]


def test_a_phone_that_rings_when_everything_ends_has_failed() -> None:
    """Neither the caller nor the agent did anything."""
    desk = Desk()
    desk.caller("1").joins("support").rings("Anna").after(4)
    told = desk.says(ev.Shutdown(desk.at)).told()
    assert (told.results, told.attempt.ring_seconds) == ([("Anna", "failed")], 4.0)


def test_a_talk_whose_end_was_seen_is_known_though_the_call_vanished() -> None:
    """Anna had left the bridge when Asterisk went down."""
    desk = Desk()
    caller = desk.caller("1").joins("support").rings("Anna").after(4).answers().after(20)
    caller.parts("agent leaves")
    desk.after(1).says(ev.Shutdown(desk.at))
    assert (desk.told().leg.ended_by, desk.told().leg.talk_seconds) == ("agent", 20.0)


def test_closing_tells_as_of_the_last_event() -> None:
    """There is no clock to ask."""
    desk = Desk()
    desk.caller("1").joins("support").after(30)
    assert desk.closes().told().visit.wait_seconds == 0.0


def test_a_break_in_the_stream_is_a_gap() -> None:
    """From the first break to the return; a break within a break changes nothing, a return without one says nothing."""
    desk = Desk()
    desk.says(ev.StreamResumed(desk.at))
    desk.says(ev.StreamBroke(desk.at, "overflow")).after(20).says(ev.StreamBroke(desk.at, "disconnected")).after(10)
    told = desk.says(ev.StreamResumed(desk.at)).says(ev.StreamResumed(desk.at)).told()
    assert told.gaps == [Gap(pbx="main", from_=START, to=START + 30, why="overflow")]


def test_two_breaks_without_a_word_between_are_two_gaps() -> None:
    """The second begins when the first had ended, though the last event is older."""
    desk = Desk()
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(5).says(ev.StreamResumed(desk.at))
    desk.says(ev.StreamBroke(START, "disconnected")).after(5)
    told = desk.says(ev.StreamResumed(desk.at)).told()
    assert [(gap.from_, gap.to) for gap in told.gaps] == [(START, START + 5), (START + 5, START + 10)]


def test_stays_that_an_earlier_run_told_are_counted() -> None:
    """The caller had been in the queue and was refused there once; this is the second stay, and the second refusal."""
    earlier = Desk()
    caller = earlier.caller("1").joins("support").after(3).is_put_out("TIMEOUT").is_refused("support", "FULL")
    desk = Desk()
    desk.engine.remember([*earlier.so_far.visits, replace(earlier.so_far.visits[0], pbx="other", ordinal=7)])
    again = Caller(desk, caller.uniqueid, caller.channel, "1")
    told = again.joins("support").after(3).is_put_out("TIMEOUT").is_refused("support", "FULL").ends().told()
    assert [visit.ordinal for visit in earlier.so_far.visits + told.visits] == [1, -1, 2, -2]


def test_a_fault_in_the_stream_is_an_anomaly() -> None:
    """Counted by its kind, with a word for people."""
    desk = Desk()
    told = desk.says(ev.StreamFault(desk.at, "oversized", "a block of 70 kB")).told()
    assert told.records[-1] == Anomaly(pbx="main", at=START, kind="oversized", detail="a block of 70 kB")


def test_the_last_event_is_the_one_with_the_latest_time() -> None:
    """Thirty seconds have passed, though the last to be heard says ten."""
    desk = Desk()
    desk.caller("1").joins("support")
    desk.after(30).ticks().after(-20).ticks()
    assert desk.closes().told().visit.wait_seconds == 30.0


def test_time_that_runs_backwards_settles_nothing() -> None:
    """An event before its forerunner is taken as it comes."""
    desk = Desk(dialplan=False)
    caller = desk.caller("1").joins("support").after(30).is_put_out("TIMEOUT")
    desk.after(-5).ticks()
    assert desk.so_far.visits == []
    desk.after(5)
    assert caller.is_sent_away().told().outcomes == ["timeout"]


def test_a_call_of_the_moment_in_which_the_stream_is_back_is_one_call() -> None:
    """Its Newchannel comes twice, with the Timestamp that also ended the gap: nothing was restarted since."""
    desk = Desk()
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(5).says(ev.StreamResumed(desk.at))
    caller = desk.caller("1").joins("support")
    desk.says(ev.ChannelStarted(desk.at, caller.uniqueid, caller.channel, True, "1", "1000", "from-trunk"))  # noqa: FBT003 - an event's field
    assert caller.after(9).hangs_up().told().outcomes == ["abandoned"]


def test_a_uniqueid_that_comes_again_after_a_break_is_another_call() -> None:
    """Asterisk restarted within the second and counts from 0 again: the first call is unknown, the second its own.

    Their identities are the same, in queue_log and CDR as well; nothing else tells the two apart. Pitfall 8.
    """
    desk = Desk()
    first = desk.caller("1").joins("support").after(0.3)
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(0.2).says(ev.StreamResumed(desk.at)).after(0.1)
    desk.says(ev.ChannelStarted(desk.at, first.uniqueid, "PJSIP/trunk-00000000", True, "2", "1000", "from-trunk"))  # noqa: FBT003 - an event's field
    assert desk.so_far.outcomes == ["unknown"]
    desk.says(ev.CallerJoined(desk.at, first.uniqueid, "PJSIP/trunk-00000000", "2", "support", 1)).after(9)
    told = first.hangs_up().desk.so_far
    assert told.outcomes == ["unknown", "abandoned"]
    assert [call.caller for call in told.calls] == ["1", "2"]
