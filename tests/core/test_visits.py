"""Visits: how a caller gets into a queue's line and out of it, and what that is called."""

from __future__ import annotations

import math

import pytest

from ringwatch.core import events as ev
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import Caller, Desk


def waiting(desk: Desk, options: str = "tT") -> Caller:
    """Return a caller who joined support two seconds ago."""
    return desk.caller("0201000001").joins("support", options).after(2)


# -- answered


def test_an_answered_visit_is_told_when_the_talk_is_over() -> None:
    """Joined, 2 s later Anna's phone rings for 4 s, then she talks for 60 s: the wait was 6 s. Order, seen: answer."""
    caller = waiting(Desk()).rings("Anna").after(4).answers().after(60)
    assert (len(caller.desk.so_far.offers), caller.desk.so_far.visits) == (1, [])
    told = caller.hangs_up().told()
    visit = told.visit
    assert (visit.outcome, visit.agent, visit.interface, visit.position) == ("answered", "Anna", "PJSIP/101", 1)
    assert (visit.wait_seconds, visit.talk_seconds, visit.talk_ended_by) == (6.0, 60.0, "caller")
    assert visit.ended_at - visit.joined_at == 66.0
    assert told.call.outcome == "answered"
    assert told.anomalies == []


@pytest.mark.parametrize("deaf_to", [(), (ev.CallerLeft,)])
def test_leave_alone_decides_nothing(deaf_to: tuple[type[ev.Event], ...]) -> None:
    """Between Leave and AgentConnect the agent may hear an announcement, here for 9 s; Leave may even be missing.

    Pitfall 2.
    """
    desk = Desk(deaf_to=deaf_to)
    caller = waiting(desk).rings("Anna").after(4).picks_up().leaves().after(9)
    assert desk.so_far.visits == []
    told = caller.is_connected().after(10).hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, told.anomalies) == (["answered"], 15.0, [])


def test_the_wait_of_the_call_ends_with_agentconnect_too() -> None:
    """The bridge may follow late, here by 2 s: 2 + 4 s of waiting for visit and call."""
    caller = waiting(Desk()).rings("Anna").after(4).picks_up().leaves()
    desk, phone = caller.desk, caller.phone
    names = (phone.uniqueid, phone.channel, "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, *names))
    told = caller.after(2).meets().after(9).hangs_up().told()
    assert (told.visit.wait_seconds, told.call.wait_seconds, told.leg.talk_seconds) == (6.0, 6.0, 9.0)


def test_leave_may_come_late() -> None:
    """AgentConnect before Leave is the same answer."""
    caller = waiting(Desk()).rings("Anna").after(4).picks_up().is_connected().leaves().after(10)
    told = caller.hangs_up().told()
    assert (told.outcomes, told.anomalies) == (["answered"], [])


def test_a_status_during_the_talk_is_not_about_the_visit() -> None:
    """Option c lets the dialplan go on after the talk: QUEUESTATUS=CONTINUE is no way to end a wait."""
    caller = waiting(Desk()).rings("Anna").after(4).answers().after(10)
    caller.desk.says(ev.QueueStatusSet(caller.desk.at, caller.uniqueid, "CONTINUE"))
    told = caller.agent_hangs_up().told()
    assert (told.outcomes, told.anomalies) == (["answered"], [])


# -- abandoned


@pytest.mark.parametrize("dialplan", [True, False])
@pytest.mark.parametrize("ringing", [(), ("Anna",), ("Anna", "Bram")])
def test_a_caller_who_hangs_up_has_abandoned(ringing: tuple[str, ...], dialplan: bool) -> None:  # noqa: FBT001 - a case
    """Waiting or while phones ring, with QUEUESTATUS read or not: asked to hang up, then Abandon.

    Order, seen: caller hangs up.
    """
    caller = waiting(Desk(dialplan=dialplan)).rings(*ringing).after(20)
    told = caller.hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, told.call.outcome) == (["abandoned"], 22.0, "abandoned")
    assert (told.visit.talk_seconds, told.visit.hold_seconds) == (0.0, 0.0)
    assert told.results == [(agent, "caller_gone") for agent in ringing]
    assert told.anomalies == []


def test_an_abandoned_visit_is_told_at_once() -> None:
    """Who hung up needs no further explanation: Abandon ends the visit, and Leave after it changes nothing."""
    desk = Desk()
    caller = waiting(desk)
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    caller.abandons()
    assert desk.so_far.outcomes == ["short_abandoned"]
    told = caller.leaves().ends().told()
    assert (told.outcomes, told.anomalies) == (["short_abandoned"], [])


def test_abandoning_during_the_agents_announcement_is_told_once() -> None:
    """Asterisk records it twice (try_calling, then queue_exec): it is one caller, one visit, and no anomaly."""
    caller = waiting(Desk()).rings("Anna").after(8).picks_up().after(3)
    told = caller.hangs_up_during_the_announcement().told()
    assert (told.outcomes, told.visit.wait_seconds, told.visit.ordinal) == (["abandoned"], 13.0, 1)
    assert (told.results, told.call.answered, told.anomalies) == ([("Anna", "answered")], False, [])


def test_a_second_visit_may_be_abandoned_like_the_first() -> None:
    """The same queue, the same caller, abandoned twice in earnest: after a timeout the dialplan sent it back."""
    caller = waiting(Desk()).after(30).is_put_out("TIMEOUT").joins("support").after(10)
    told = caller.hangs_up().told()
    assert (told.outcomes, [visit.ordinal for visit in told.visits]) == (["timeout", "abandoned"], [1, 2])
    assert (told.call.bounces, told.call.outcome) == (1, "abandoned")


def test_phones_without_a_common_codec_fail_the_caller() -> None:
    """Abandon without anybody asking for a hangup, though Anna picked up: nobody gave up and nothing timed out.

    Pitfall 1.
    """
    caller = waiting(Desk()).rings("Anna").after(4).picks_up().cannot_be_connected()
    told = caller.told()
    assert (told.outcomes, told.anomalies) == (["failed"], [])


# -- put out


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("TIMEOUT", "timeout"), ("LEAVEEMPTY", "empty"), ("LEAVEUNAVAIL", "empty"), ("WITHDRAW", "withdrawn")],
)
def test_queuestatus_says_why_a_queue_put_a_caller_out(status: str, outcome: str) -> None:
    """Abandon comes for all of them; the variable that follows tells them apart. Pitfall 1. Pitfall 16."""
    told = waiting(Desk()).after(28).is_put_out(status).after(5).is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds, told.call.outcome) == ([outcome], 30.0, outcome)
    assert told.anomalies == []


def test_a_timeout_lets_the_phones_go() -> None:
    """The phone that still rang did not answer; the caller was not asked to hang up."""
    told = waiting(Desk()).rings("Anna").after(28).is_put_out("TIMEOUT").is_sent_away().told()
    assert (told.outcomes, told.results) == (["timeout"], [("Anna", "no_answer")])


@pytest.mark.parametrize("silence", [0.0, 0.5, 30.0])
def test_without_class_dialplan_a_timeout_is_a_timeout(silence: float) -> None:
    """Nobody asked for a hangup before Abandon, and what the dialplan asks for afterwards is not the caller's doing.

    Order, seen: queue timeout.
    """
    told = waiting(Desk(dialplan=False)).after(28).is_put_out("TIMEOUT").after(silence).is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds, told.call.outcome) == (["timeout"], 30.0, "timeout")


@pytest.mark.parametrize("silence", [0.5, 30.0])
def test_a_timeout_may_be_followed_by_another_queue(silence: float) -> None:
    """Without QUEUESTATUS the first visit settles, or is closed by the next one if that comes sooner."""
    caller = waiting(Desk(dialplan=False)).after(28).is_put_out("TIMEOUT").after(silence).joins("sales")
    told = caller.rings("Dirk").after(2).answers().after(10).hangs_up().told()
    assert (told.outcomes, [visit.wait_seconds for visit in told.visits]) == (["timeout", "answered"], [30.0, 2.0])
    assert told.anomalies == []


def test_silence_settles_what_nothing_explained() -> None:
    """One second after Abandon a tick tells the visit, as of the moment the caller left."""
    desk = Desk(dialplan=False)
    caller = waiting(desk).after(28).is_put_out("TIMEOUT")
    desk.after(0.75).ticks()
    assert desk.so_far.visits == []
    desk.after(0.25).ticks()
    assert (desk.so_far.visit.outcome, desk.so_far.visit.wait_seconds) == ("timeout", 30.0)
    assert caller.is_sent_away().told().outcomes == ["timeout"]


def test_every_silence_is_settled_in_its_own_time() -> None:
    """Two callers are put out half a second apart: each is told a second after that."""
    desk = Desk(dialplan=False)
    first, second = waiting(desk), waiting(desk)
    first.is_put_out("TIMEOUT")
    desk.after(0.5)
    second.is_put_out("TIMEOUT")
    told: list[int] = []
    for _ in range(4):
        desk.after(0.5).ticks()
        told.append(len(desk.so_far.visits))
    assert told == [1, 2, 2, 2]
    assert desk.engine._visits.settle_at == math.inf
    first.is_sent_away()
    assert second.is_sent_away().told().outcomes == ["timeout", "timeout"]


def test_the_wait_ends_with_the_first_that_is_said_of_its_end() -> None:
    """Leave comes a quarter of a second after Abandon here: the caller was no longer waiting then."""
    caller = waiting(Desk(dialplan=False)).after(28).abandons().after(0.25).leaves().after(9)
    told = caller.is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds) == (["timeout"], 30.0)


def test_an_answer_is_not_settled_away() -> None:
    """Come upon while a phone rang: Leave seems to explain nothing, then AgentConnect does."""
    desk = Desk(staffed=False)
    caller = desk.stranger().joins("support").after(2)
    phone = caller.dials("PJSIP/101").ringing.pop("PJSIP/101")
    caller.leaves().partner = phone
    caller.is_connected().after(0.5)
    desk.after(0.5).ticks()
    assert desk.engine._visits.settle_at == math.inf
    told = caller.after(9).parts("agent leaves", "agent ends", "caller ends").told()
    assert (told.outcomes, told.anomalies) == (["answered"], [])


@pytest.mark.parametrize(("status", "outcome"), [("TIMEOUT", "timeout"), ("LEAVEEMPTY", "empty")])
def test_queuestatus_is_enough(status: str, outcome: str) -> None:
    """An account whose filter drops the queue's own events still learns how the wait ended."""
    desk = Desk(deaf_to=(ev.CallerLeft, ev.CallerAbandoned))
    told = waiting(desk).after(28).is_put_out(status).after(5).is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds, told.anomalies) == ([outcome], 30.0, [])


# -- left by key, dumped


@pytest.mark.parametrize("ringing", [(), ("Anna",)])
def test_pressing_a_key_sends_leave_alone(ringing: tuple[str, ...]) -> None:
    """No Abandon, no QUEUESTATUS: the one way out that looks like that. The phone that rang was given up. Pitfall 1."""
    told = waiting(Desk()).rings(*ringing).after(3).presses_key().after(8).is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds) == (["key_exit"], 5.0)
    assert told.results == [(agent, "caller_gone") for agent in ringing]
    assert told.anomalies == []


def test_a_key_is_told_after_a_second() -> None:
    """The caller may spend an hour in another menu: the visit is over, as of the key."""
    desk = Desk()
    caller = waiting(desk).after(3).presses_key()
    desk.after(0.75).ticks()
    assert desk.so_far.visits == []
    desk.after(0.25).ticks()
    assert (desk.so_far.outcomes, desk.so_far.visit.wait_seconds) == (["key_exit"], 5.0)
    caller.ends()


def test_a_hangup_that_was_asked_for_is_enough() -> None:
    """An account whose filter drops all the queue says of its end: the caller's own request explains it."""
    desk = Desk(deaf_to=(ev.CallerLeft, ev.CallerAbandoned))
    assert waiting(desk).after(20).hangs_up().told().outcomes == ["abandoned"]


def test_a_refusal_elsewhere_does_not_rename_the_visit_before() -> None:
    """A key, and 0.1 s later another queue that is empty: JOINEMPTY is about that queue, not about the one left."""
    caller = waiting(Desk()).after(3).presses_key().after(0.1).is_refused("sales", "JOINEMPTY")
    told = caller.is_sent_away().told()
    assert [(visit.queue, visit.outcome) for visit in told.visits] == [
        ("support", "key_exit"),
        ("sales", "refused_empty"),
    ]
    assert told.call.outcome == "refused_empty"


def test_a_caller_who_was_dumped_still_waits() -> None:
    """Anna picks up and goes; Bram answers 5 s later: one visit, answered by Bram after 2 + 3 + 2 + 5 = 12 s.

    Pitfall 5.
    """
    caller = waiting(Desk()).rings("Anna").after(3).picks_up().is_dumped().after(2)
    assert len(caller.desk.engine._queues["support"].waiting) == 1
    told = caller.rings("Bram").after(5).answers().after(10).hangs_up().told()
    assert (told.outcomes, told.visit.agent, told.visit.wait_seconds) == (["answered"], "Bram", 12.0)
    assert told.results == [("Anna", "answered"), ("Bram", "answered")]
    assert told.visit.agent_ring_seconds == 5.0
    assert told.anomalies == []


def test_a_caller_who_leaves_after_a_dump_was_dumped() -> None:
    """By key, a second later told; nobody served this caller, so no agent's ringing is told either. Pitfall 5."""
    desk = Desk()
    caller = waiting(desk).rings("Anna").after(3).picks_up().is_dumped().after(9).presses_key()
    desk.after(1).ticks()
    told = caller.ends().told()
    assert (told.outcomes, told.visit.wait_seconds, told.visit.agent_ring_seconds) == (["dumped"], 14.0, None)


@pytest.mark.parametrize("way", ["timeout", "abandoned"])
def test_other_ways_out_after_a_dump_keep_their_names(way: str) -> None:
    """Who was dumped and then gave up has abandoned; who then waited too long timed out."""
    caller = waiting(Desk(dialplan=False)).rings("Anna").after(3).picks_up().is_dumped().after(9)
    caller = caller.is_put_out("TIMEOUT").is_sent_away() if way == "timeout" else caller.hangs_up()
    assert caller.told().outcomes == [way]


# -- refused


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("FULL", "refused_full"), ("JOINEMPTY", "refused_empty"), ("JOINUNAVAIL", "refused_empty")],
)
def test_a_caller_turned_away_at_the_door_is_told_of(status: str, outcome: str) -> None:
    """No queue event exists for a caller who never joined: offered and ended at once, without a place in line.

    Nor is there a line in queue_log, so refusals are numbered apart from stays. Pitfall 1.
    """
    told = Desk().caller("1").is_refused("support", status).is_sent_away().told()
    assert (told.outcomes, told.visit.wait_seconds, told.visit.position) == ([outcome], 0.0, None)
    assert (told.visit.in_time, told.call.outcome, told.call.queues) == (None, outcome, ["support"])
    assert [(offer.queue, offer.ordinal) for offer in told.offers] == [("support", -1)]


def test_a_refusal_by_an_unknown_queue_is_not_guessed() -> None:
    """Attached between the application's start and its answer: nobody said which queue it was."""
    desk = Desk()
    caller = desk.caller("1")
    desk.says(ev.QueueStatusSet(desk.at, caller.uniqueid, "FULL"))
    told = caller.is_sent_away().told()
    assert (told.visits, told.anomalies) == ([], [])


def test_a_refusal_after_a_redirect_leaves_the_talk_alone() -> None:
    """An operator takes the caller from Anna to a full queue; her channel ends a moment later: both are told."""
    caller = waiting(Desk()).rings("Anna").after(4).answers().after(10)
    anna = caller.phone
    caller.is_refused("sales", "FULL")
    caller.partner = anna
    told = caller.parts("caller leaves", "agent leaves", "agent ends", "caller ends").told()
    assert [(visit.queue, visit.outcome) for visit in told.visits] == [
        ("sales", "refused_full"),
        ("support", "answered"),
    ]
    assert (told.visits[1].talk_seconds, told.anomalies) == (10.0, [])


def test_a_refusal_before_the_agent_was_met_leaves_the_answer_alone() -> None:
    """Put through to Anna, taken to a full queue before the two were in a bridge, gone 3 s later: both are told."""
    caller = waiting(Desk()).rings("Anna").after(4).picks_up().leaves()
    desk, phone = caller.desk, caller.phone
    names = (phone.uniqueid, phone.channel, "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, *names))
    caller.is_refused("sales", "FULL").after(3).is_sent_away()
    assert [(visit.queue, visit.outcome, visit.talk_ended_by) for visit in desk.so_far.visits] == [
        ("sales", "refused_full", None),
        ("support", "answered", "caller"),
    ]
    assert len(caller.loses_channel(phone).told().visits) == 2


@pytest.mark.parametrize("status", ["", "TIMEOUT"])
def test_a_status_without_a_visit_means_nothing(status: str) -> None:
    """A dialplan may set the variable itself; a phone, and a channel nobody knows, may have it too."""
    desk = Desk()
    caller = desk.caller("1")
    desk.says(ev.QueueStatusSet(desk.at, caller.uniqueid, status))
    desk.says(ev.QueueStatusSet(desk.at, "999.9", status))
    phone, _ = desk.opens("PJSIP/101")
    desk.says(ev.QueueStatusSet(desk.at, phone, status)).says(ev.ChannelEnded(desk.at, phone, 16))
    told = caller.is_sent_away().told()
    assert (told.visits, told.anomalies) == ([], [])


# -- several visits


def test_visits_are_numbered_by_queue() -> None:
    """Support, sales, support again: the second stay in support is its number 2, and the caller bounced once."""
    caller = waiting(Desk()).rings("Anna").after(1).answers().after(10).is_transferred("800")
    caller.joins("sales").rings("Dirk").after(1).answers().after(10).is_transferred("801")
    told = caller.joins("support").rings("Bram").after(1).answers().after(10).hangs_up().told()
    assert [(visit.queue, visit.ordinal) for visit in told.visits] == [("support", 1), ("sales", 1), ("support", 2)]
    assert told.call.queues == ["support", "sales"]
    assert told.call.agents == ["Anna", "Dirk", "Bram"]
    assert (told.call.bounces, told.call.transfers, told.call.talk_seconds) == (1, 2, 30.0)


def test_the_same_agent_in_the_same_queue_is_one_bounce() -> None:
    """Support and Anna both for the second time: returning to the queue has been counted."""
    caller = waiting(Desk()).rings("Anna").after(1).answers().is_transferred("801")
    told = caller.joins("support").rings("Anna").after(1).answers().hangs_up().told()
    assert (told.call.bounces, told.call.agents) == (1, ["Anna"])


def test_the_same_agent_in_another_queue_is_a_bounce() -> None:
    """Anna serves sales as well: the caller is back with somebody it has met."""
    caller = waiting(Desk()).rings("Anna").after(1).answers().is_transferred("800")
    told = caller.joins("sales").rings("Anna").after(1).answers().hangs_up().told()
    assert (told.call.bounces, told.call.agents, told.call.queues) == (1, ["Anna"], ["support", "sales"])


def test_a_new_line_closes_the_old_one() -> None:
    """An operator moves a waiting caller: nothing told the end of the first stay, so nothing is claimed about it."""
    told = waiting(Desk()).after(8).joins("sales").after(5).hangs_up().told()
    assert told.outcomes == ["unknown", "abandoned"]
    assert [visit.wait_seconds for visit in told.visits] == [10.0, 5.0]


def test_joining_twice_is_one_stay() -> None:
    """A listing overtook the event, or the event came twice: whoever stands in the line cannot join it."""
    desk = Desk()
    caller = waiting(desk)
    desk.says(ev.CallerJoined(desk.at, caller.uniqueid, caller.channel, "1", "support", 1))
    told = caller.after(8).hangs_up().told()
    assert (told.outcomes, told.visit.wait_seconds, told.call.bounces) == (["abandoned"], 10.0, 0)


def test_a_caller_moved_from_a_talk_back_into_the_same_line_waits_in_it() -> None:
    """The agent's channel ends after the caller has joined again; the end of that talk takes nobody out of line."""
    desk = Desk()
    caller = waiting(desk).rings("Anna").after(4).answers().after(10)
    anna = caller.phone
    caller.joins("support")
    caller.partner = anna
    caller.parts("caller leaves", "agent leaves", "agent ends")
    assert len(desk.engine._queues["support"].waiting) == 1
    told = caller.after(30).hangs_up().told()
    assert [(visit.outcome, visit.ordinal) for visit in told.visits] == [("answered", 1), ("abandoned", 2)]


def test_a_redirected_caller_who_then_times_out_did_not_hang_up() -> None:
    """A Redirect asks the channel to leave what it does; whoever joins a line afterwards is alive."""
    desk = Desk(dialplan=False)
    caller = desk.caller("1")
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    told = caller.joins("support").after(30).is_put_out("TIMEOUT").after(2).is_sent_away().told()
    assert told.outcomes == ["timeout"]


# -- what was not seen


@pytest.mark.parametrize("kind", [ev.CallerAbandoned, ev.AgentDumped])
def test_a_stay_whose_beginning_was_not_seen_begins_when_it_is_heard_of(
    kind: type[ev.CallerAbandoned | ev.AgentDumped],
) -> None:
    """Attached in mid-call: adopted, counted as an anomaly, told to its end."""
    desk = Desk()
    caller = desk.stranger()
    desk.says(kind(desk.at, caller.uniqueid, "support"))
    told = caller.after(2).ends().told()
    assert told.outcomes == ["timeout" if kind is ev.CallerAbandoned else "dumped"]
    assert told.anomalies == ["join_not_seen"]


def test_a_second_stay_whose_beginning_was_not_seen_is_not_the_first() -> None:
    """Answered, transferred back, and given up: the second joining was lost, the second visit is not."""
    caller = waiting(Desk()).rings("Anna").after(4).answers().after(10).is_transferred("800").after(20)
    desk = caller.desk
    desk.says(ev.HangupRequested(desk.at, caller.uniqueid))
    told = caller.abandons().ends().told()
    assert (told.outcomes, told.anomalies) == (["answered", "short_abandoned"], ["join_not_seen"])


def test_a_member_of_another_queue_is_called_in_another_line() -> None:
    """The joining was not seen, but whom the queue calls tells where the caller stands."""
    desk = Desk()
    caller = waiting(desk)
    caller.queue = "sales"
    told = caller.rings("Dirk").after(3).answers().after(9).hangs_up().told()
    assert [(visit.queue, visit.outcome) for visit in told.visits] == [("support", "unknown"), ("sales", "answered")]
    assert told.anomalies == ["join_not_seen"]


def test_leaving_a_line_nobody_saw_joined_is_an_anomaly_and_no_visit() -> None:
    """Why and how long it waited is not known; a visit of zero seconds would be a lie."""
    caller = Desk().stranger()
    caller.queue = "support"
    told = caller.leaves().after(5).ends().told()
    assert (told.visits, told.anomalies) == ([], ["join_not_seen"])


def test_leaving_another_line_than_the_one_joined_is_an_anomaly() -> None:
    """The stay that is open is not touched by it."""
    desk = Desk()
    caller = waiting(desk)
    desk.says(ev.CallerLeft(desk.at, caller.uniqueid, "night"))
    told = caller.after(8).hangs_up().told()
    assert (told.outcomes, told.anomalies) == (["abandoned"], ["join_not_seen"])


def test_what_the_table_does_not_know_is_an_anomaly_and_changes_nothing() -> None:
    """A second AgentConnect in a talk: counted, and the first talk goes on."""
    caller = waiting(Desk()).rings("Anna").after(4).answers().after(10)
    desk, phone = caller.desk, caller.phone
    names = (phone.uniqueid, phone.channel, "support", "PJSIP/101", "Anna")
    desk.says(ev.AgentConnected(desk.at, caller.uniqueid, *names))
    told = caller.after(10).hangs_up().told()
    assert (told.outcomes, told.visit.talk_seconds, told.anomalies) == (["answered"], 20.0, ["visit_transition"])


def test_an_outcome_nobody_explained_is_unknown() -> None:
    """Only Leave and the answer were seen, then the caller's channel ended without anybody asking for it."""
    caller = waiting(Desk()).rings("Anna").after(4).picks_up().leaves().loses_partner().ends()
    assert caller.told().outcomes == ["unknown"]


@pytest.mark.parametrize(
    ("wait", "outcome"), [(4.999, "short_abandoned"), (5.0, "abandoned"), (0.0, "short_abandoned")]
)
def test_a_short_abandon_is_one_before_the_boundary(wait: float, outcome: str) -> None:
    """Five seconds by default: whoever gave up at exactly five seconds is held against the desk."""
    told = Desk().caller("1").joins("support").after(wait).hangs_up().told()
    assert told.outcomes == [outcome]


@pytest.mark.parametrize(
    ("boundary", "wait", "outcome"), [(10.0, 7.0, "short_abandoned"), (5.0, 7.0, "abandoned"), (3.0, 4.0, "abandoned")]
)
def test_the_boundary_of_short_abandons_is_the_queues_own(boundary: float, wait: float, outcome: str) -> None:
    """The call is called what its last visit is called, whatever the boundary elsewhere."""
    policy = Policy(standards={"support": Standard(short_abandon_seconds=boundary)})
    told = Desk(policy).caller("1").joins("support").after(wait).hangs_up().told()
    assert (told.outcomes, told.call.outcome) == ([outcome], outcome)
