"""The figures of the service standard, worked out by hand: rings of agent, desk and caller, and who was in time."""

from __future__ import annotations

import pytest

from ringwatch.core.standards import CADENCES, Line, Policy, Standard
from tests.core.desk import Caller, Desk

PERIODS = {"de": 5.0, "es": 4.5, "fr": 5.0, "it": 5.0, "nl": 5.0, "pl": 5.0, "ro": 6.0, "ru": 5.0, "uk": 3.0, "us": 6.0}


def by_country(country: str) -> Policy:
    """Return a policy with a country's cadence everywhere."""
    return Policy(default=Standard(CADENCES[country]))


def queued(options: str = "tT", policy: Policy | None = None) -> Caller:
    """Return a caller in support."""
    return Desk(policy).caller("0201000001").joins("support", options)


def direct(policy: Policy | None = None) -> Caller:
    """Return a caller for whom one phone rings."""
    return Desk(policy).caller("0201000002").dials("PJSIP/101").rings()


# -- the queue caller who hears music


@pytest.mark.parametrize(
    ("ringing", "rings", "in_time"),
    [(4.999, 1, True), (5.0, 2, True), (14.999, 3, True), (15.0, 4, False), (15.001, 4, False), (25.0, 6, False)],
)
def test_an_answer_is_in_time_until_the_fourth_ring_begins(ringing: float, rings: int, *, in_time: bool) -> None:
    """Nl, 5 s a ring: rings begin at 0, 5, 10 and 15 s. 14.999 s: the third; at exactly 15 s the fourth begins.

    The caller heard music, so the desk's rings decide; with one phone they are the agent's.
    """
    told = queued().after(40).rings("Anna").after(ringing).answers().after(9).hangs_up().told()
    visit = told.visit
    assert (visit.agent_ring_seconds, visit.agent_rings) == (ringing, rings)
    assert (visit.desk_ring_seconds, visit.desk_rings) == (ringing, rings)
    assert (visit.caller_ring_seconds, visit.caller_rings) == (None, None)
    assert (visit.in_time, told.call.in_time, told.attempt.rings) == (in_time, in_time, rings)


@pytest.mark.parametrize("country", CADENCES)
def test_three_whole_periods_are_too_many_in_every_country(country: str) -> None:
    """Us: 3 x 6 s = 18 s is the fourth ring; uk: 3 x 3 s = 9 s is; a millisecond sooner was the third and in time."""
    period = PERIODS[country]
    late = queued(policy=by_country(country)).rings("Anna").after(3 * period).answers().hangs_up().told().visit
    assert (late.agent_rings, late.desk_rings, late.in_time) == (4, 4, False)
    soon = queued(policy=by_country(country)).rings("Anna").after(3 * period - 0.001).answers().hangs_up().told().visit
    assert (soon.agent_rings, soon.desk_rings, soon.in_time) == (3, 3, True)


def test_the_wait_before_the_ringing_is_not_counted_in_rings() -> None:
    """A minute of music, then one ring: in time by the third-ring rule, whatever the service level says of it."""
    visit = queued().after(60).rings("Anna").after(2).answers().hangs_up().told().visit
    assert (visit.wait_seconds, visit.desk_rings, visit.in_time) == (62.0, 1, True)


def test_passing_an_ignored_call_on_does_not_reset_the_desks_rings() -> None:
    """Anna lets it ring 10 s, 2 s of silence, Bram answers after 6 s.

    Bram's rings: 1 + floor(6/5) = 2. The desk's: 10 + 6 = 16 s, 1 + floor(16/5) = 4: too late.
    """
    caller = queued().rings("Anna").after(10).is_answered_with("NOANSWER", "Anna").after(2)
    visit = caller.rings("Bram").after(6).answers().hangs_up().told().visit
    assert (visit.agent, visit.agent_ring_seconds, visit.agent_rings) == ("Bram", 6.0, 2)
    assert (visit.desk_ring_seconds, visit.desk_rings, visit.in_time) == (16.0, 4, False)


def test_phones_that_ring_together_ring_once_for_the_desk() -> None:
    """Anna from 0 s, Bram from 4 s, Bram answers at 9 s: his rings are of 5 s (2), the desk's of 9 s (2), not of 14."""
    caller = queued().rings("Anna").after(4).rings("Bram").after(5)
    visit = caller.answers("Bram").hangs_up().told().visit
    assert (visit.agent_ring_seconds, visit.agent_rings) == (5.0, 2)
    assert (visit.desk_ring_seconds, visit.desk_rings, visit.in_time) == (9.0, 2, True)


def test_the_ringing_of_losers_ends_with_the_answer() -> None:
    """The announcement to the agent lasts 20 s, in which nothing rings for the caller."""
    caller = queued().rings("Anna", "Bram").after(9).picks_up("Anna").after(20)
    visit = caller.leaves().is_connected().after(9).hangs_up().told().visit
    assert (visit.desk_ring_seconds, visit.desk_rings, visit.wait_seconds) == (9.0, 2, 29.0)


def test_an_answer_without_any_ringing_is_in_time() -> None:
    """A phone that answers by itself never reports ringing: 0 rings."""
    visit = queued().calls("Anna").after(1).answers().hangs_up().told().visit
    assert (visit.agent_rings, visit.desk_rings, visit.in_time) == (0, 0, True)


@pytest.mark.parametrize(("ringing", "rings", "in_time"), [(14.999, 3, None), (15.0, 4, False), (0.0, 0, None)])
def test_a_lost_caller_was_missed_once_more_than_three_rings_went_by(
    ringing: float, rings: int, *, in_time: bool | None
) -> None:
    """Lost during the third ring counts neither way; lost after the fourth began is missed, and so is the call."""
    told = queued().after(10).rings("Anna").after(ringing).hangs_up().told()
    assert (told.visit.outcome, told.visit.desk_rings) == ("abandoned", rings)
    assert (told.visit.in_time, told.call.in_time) == (in_time, in_time)
    assert (told.visit.agent, told.visit.agent_rings, told.visit.talk_ended_by) == (None, None, None)


def test_a_desk_may_allow_more_rings_in_one_queue() -> None:
    """Five rings in support: 24.999 s are the fifth; in sales three rings are the rule, and it is too late."""
    policy = Policy(standards={"support": Standard(rings=5)})
    for queue, agent, in_time in (("support", "Anna", True), ("sales", "Dirk", False)):
        caller = Desk(policy).caller("1").joins(queue).rings(agent).after(24.999).answers()
        visit = caller.hangs_up().told().visit
        assert (visit.desk_rings, visit.in_time) == (5, in_time)


def test_nothing_is_judged_that_nobody_saw() -> None:
    """Asterisk goes down after six rings: unknown, neither in time nor missed."""
    caller = queued().rings("Anna").after(26)
    told = caller.desk.ticks().closes().told()
    assert (told.visit.outcome, told.visit.desk_rings, told.visit.in_time) == ("unknown", 6, None)
    assert (told.call.outcome, told.call.in_time) == ("unknown", None)
    line = direct().after(26).desk.ticks().closes().told().call
    assert (line.outcome, line.caller_rings, line.in_time) == ("unknown", 6, None)


# -- the queue caller who hears ringing


def test_with_option_r_the_caller_hears_ringing_from_the_start() -> None:
    """8 s in line and 5 s of Anna's phone are 13 s of ringing for the caller, 3 rings; the desk rang 5 s, 2 rings."""
    visit = queued("tTr").after(8).rings("Anna").after(5).answers().hangs_up().told().visit
    assert (visit.caller_ring_seconds, visit.caller_rings) == (13.0, 3)
    assert (visit.desk_rings, visit.in_time) == (2, True)


def test_ringing_of_less_than_a_second_is_told_as_it_was() -> None:
    """Half a second with option r, and half a second on a direct line: 0.5 s, one ring."""
    visit = queued("tTr").rings("Anna").after(0.5).answers().hangs_up().told().visit
    call = direct().after(0.5).answers().hangs_up().told().call
    assert (visit.caller_ring_seconds, visit.caller_rings) == (0.5, 1)
    assert (call.caller_ring_seconds, call.caller_rings) == (0.5, 1)


def test_where_the_caller_heard_ringing_the_callers_rings_decide() -> None:
    """12 s in line and 3 s of Anna's phone: the desk rang once, the caller heard the fourth ring begin at 15 s."""
    visit = queued("tTr").after(12).rings("Anna").after(3).answers().hangs_up().told().visit
    assert (visit.desk_rings, visit.caller_rings, visit.in_time) == (1, 4, False)


def test_with_option_r_nobody_needs_to_be_there_for_the_caller_to_hear_ringing() -> None:
    """Forty seconds of ringing tone and no phone rang: 1 + floor(40/5) = 9 rings, missed."""
    visit = queued("r").after(40).is_put_out("TIMEOUT").is_sent_away().told().visit
    assert (visit.caller_ring_seconds, visit.caller_rings, visit.desk_rings, visit.in_time) == (40.0, 9, 0, False)


def test_with_option_capital_r_the_caller_hears_ringing_while_a_phone_rings() -> None:
    """20 s of music, then Anna's phone for 9 s: 9 s heard, 2 rings."""
    visit = queued("tTR").after(20).rings("Anna").after(9).answers().hangs_up().told().visit
    assert (visit.caller_ring_seconds, visit.caller_rings, visit.in_time) == (9.0, 2, True)


def test_with_option_capital_r_and_no_phone_the_caller_hears_music() -> None:
    """Nothing rang, so nothing was heard, and the desk's rings (none) judge."""
    visit = queued("R").after(40).hangs_up().told().visit
    assert (visit.caller_ring_seconds, visit.caller_rings, visit.in_time) == (None, None, None)


def test_the_options_of_another_queue_are_not_this_ones() -> None:
    """A transfer repeats the Queue application of the call's last step before it names the next."""
    caller = queued("tTr").after(1).rings("Anna").answers().is_transferred("800")
    caller.enters("sales", "tTr")
    caller.joins("sales", "tT")
    visit = caller.rings("Dirk").after(2).answers().hangs_up().told().visits[1]
    assert (visit.queue, visit.caller_rings) == ("sales", None)


def test_a_queue_whose_application_was_not_seen_plays_music() -> None:
    """Attached in mid-call: options are not known, so no ringing is claimed."""
    desk = Desk()
    caller = desk.caller("1").enters("night", "r")
    caller.queue, caller.in_line = "support", True
    desk.lists_queues(caller, waited=9)
    visit = caller.hangs_up().told().visit
    assert (visit.queue, visit.caller_ring_seconds, visit.wait_seconds) == ("support", None, 9.0)


# -- the direct caller


@pytest.mark.parametrize(
    ("ringing", "rings", "in_time"), [(4.999, 1, True), (14.999, 3, True), (15.0, 4, False), (31.0, 7, False)]
)
def test_a_direct_caller_hears_what_the_phone_rings(ringing: float, rings: int, *, in_time: bool) -> None:
    """31 s: 1 + floor(31/5) = 7. Caller's and desk's rings are the same for one phone."""
    told = direct().after(ringing).answers().after(9).hangs_up().told()
    call = told.call
    assert (call.caller_ring_seconds, call.caller_rings) == (ringing, rings)
    assert (call.desk_ring_seconds, call.desk_rings) == (ringing, rings)
    assert (call.in_time, told.attempt.rings) == (in_time, rings)


def test_a_direct_caller_goes_on_hearing_ringing_between_two_phones() -> None:
    """Anna 6 s, 3 s of silence at the desk, Bram 4 s.

    The caller heard ringing for 13 s: 3 rings, in time. The desk rang for 6 + 4 = 10 s: also 3.
    """
    caller = direct().after(6).is_answered_with("NOANSWER", "PJSIP/101").after(3)
    call = caller.dials("PJSIP/102").rings().after(4).answers().hangs_up().told().call
    assert (call.caller_ring_seconds, call.caller_rings) == (13.0, 3)
    assert (call.desk_ring_seconds, call.desk_rings, call.in_time) == (10.0, 3, True)


@pytest.mark.parametrize(("ringing", "in_time"), [(14.999, None), (15.0, False)])
def test_a_direct_caller_lost_after_three_rings_was_missed(ringing: float, *, in_time: bool | None) -> None:
    """Lost on the third ring counts neither way."""
    call = direct().after(ringing).hangs_up().told().call
    assert (call.outcome, call.in_time) == ("abandoned", in_time)


def test_a_direct_caller_for_whom_nothing_rang_heard_nothing() -> None:
    """Dialled and busy: no ringing, so no rings are claimed, and a caller lost like that counts neither way."""
    caller = Desk().caller("1").dials("PJSIP/101").after(20).is_answered_with("BUSY", "PJSIP/101")
    call = caller.is_sent_away().told().call
    assert (call.caller_ring_seconds, call.caller_rings) == (None, None)
    assert (call.desk_ring_seconds, call.desk_rings, call.in_time) == (0.0, 0, None)


def test_a_direct_caller_answered_without_ringing_is_in_time() -> None:
    """Auto-answer: 0 rings."""
    call = Desk().caller("1").dials("PJSIP/101").after(1).answers().hangs_up().told().call
    assert (call.caller_rings, call.desk_rings, call.in_time) == (None, 0, True)


def test_a_line_is_judged_by_its_own_standard() -> None:
    """Uk cadence for direct calls, 3 s a ring: 9 s are the fourth, though nl is the rule elsewhere."""
    policy = Policy(standards={"direct": Standard(CADENCES["uk"])})
    told = direct(policy).after(9).answers().hangs_up().told()
    assert (told.call.caller_rings, told.attempt.rings, told.call.in_time) == (4, 4, False)
    assert queued(policy=policy).rings("Anna").after(9).answers().hangs_up().told().visit.desk_rings == 2


def test_a_named_line_is_judged_by_its_own_standard() -> None:
    """The reception has the uk cadence (9 s: 4 rings); calls within the desk have the us one (5.5 s: 1 ring)."""
    policy = Policy(
        standards={"reception": Standard(CADENCES["uk"]), "direct": Standard(CADENCES["us"])},
        lines=(Line("reception", ("3001",)),),
    )
    named = Desk(policy).caller("1", exten="3001").dials("PJSIP/101").rings().after(9).answers().hangs_up().told()
    assert (named.call.line, named.call.caller_rings, named.attempt.rings) == ("reception", 4, 4)
    inside = Desk(policy).caller("101", exten="3001", device="PJSIP/101").dials("PJSIP/102").rings().after(5.5)
    assert inside.answers().hangs_up().told().attempt.rings == 1


def test_a_queue_is_judged_by_its_own_standard() -> None:
    """Uk cadence in support: 9 s are the fourth ring of the visit, of Anna's phone, and of the attempt told of it."""
    policy = Policy(standards={"support": Standard(CADENCES["uk"])})
    told = queued(policy=policy).rings("Anna").after(9).answers().hangs_up().told()
    assert (told.visit.agent_rings, told.visit.desk_rings, told.attempt.rings) == (4, 4, 4)
    assert told.visit.in_time is False


@pytest.mark.parametrize(("wait", "outcome"), [(6.999, "short_abandoned"), (7.0, "abandoned")])
def test_a_lines_own_boundary_of_short_abandons(wait: float, outcome: str) -> None:
    """Seven seconds for direct calls."""
    policy = Policy(standards={"direct": Standard(short_abandon_seconds=7.0)})
    assert direct(policy).after(wait).hangs_up().told().call.outcome == outcome


# -- the call as a whole


def test_a_calls_judgement_is_its_last_visits() -> None:
    """Answered on the first ring in support, then lost in sales after five rings: the call was missed in the end."""
    caller = queued().rings("Anna").after(1).answers().is_transferred("800").joins("sales").rings("Dirk").after(21)
    told = caller.hangs_up().told()
    assert [visit.in_time for visit in told.visits] == [True, False]
    assert (told.call.in_time, told.call.outcome) == (False, "answered")


def test_a_visit_that_is_not_judged_leaves_the_calls_judgement_alone() -> None:
    """In time in support, then given up in sales on the first ring, which counts neither way."""
    caller = queued().rings("Anna").after(1).answers().is_transferred("800").joins("sales").rings("Dirk").after(2)
    told = caller.hangs_up().told()
    assert ([visit.in_time for visit in told.visits], told.call.in_time) == ([True, None], True)


def test_a_visit_that_is_closed_while_a_phone_rings_has_rung_until_then() -> None:
    """An operator moves the caller to sales; that Anna's phone rings on is not this caller's ringing."""
    caller = queued().rings("Anna").after(8).joins("sales").after(2).loses("Anna", 16).after(2)
    told = caller.hangs_up().told()
    assert [visit.desk_ring_seconds for visit in told.visits] == [8.0, 0.0]


def test_a_calls_outcome_is_its_last_visits_where_nobody_answered() -> None:
    """A timeout in support, then given up in sales after 3 s: not so short, 30 + 3 s after the first offer."""
    caller = queued().after(30).is_put_out("TIMEOUT").joins("sales").after(3)
    told = caller.hangs_up().told()
    assert (told.outcomes, told.call.outcome, told.call.wait_seconds) == (
        ["timeout", "short_abandoned"],
        "short_abandoned",
        33.0,
    )


def test_a_queue_callers_rings_are_told_by_the_visits() -> None:
    """The call itself tells rings only where no queue did the ringing."""
    call = queued().rings("Anna").after(9).answers().hangs_up().told().call
    assert (call.line, call.caller_rings, call.desk_ring_seconds, call.desk_rings) == (None, None, None, None)


def test_what_happens_in_a_queue_is_the_queues_also_in_a_call_that_began_without_one() -> None:
    """First the line's phone, then support: each attempt, talk, hold and transfer belongs to one of the two."""
    caller = direct().after(2).answers().after(9).is_held().after(1).is_taken_back().is_transferred("801")
    caller.joins("support").rings("Bram").after(2).answers().after(9).is_held().after(1).is_taken_back()
    told = caller.is_transferred("999", success=False).hangs_up().told()
    for pair in (told.attempts, told.legs, told.holds, told.transfers):
        assert [(each.queue, each.line) for each in pair] == [(None, "direct"), ("support", None)]
    assert told.call.line == "direct"


def test_a_call_tells_who_called() -> None:
    """The number as it came, and the times of the caller's own channel."""
    call = queued().after(3).hangs_up().told().call
    assert (call.caller, call.ended_at - call.started_at, call.answered_at) == ("0201000001", 3.0, None)


def test_a_callers_position_is_that_of_joining() -> None:
    """Second in line when it joined, though it was first when it was answered."""
    desk = Desk()
    first, second = desk.caller("1").joins("support"), desk.caller("2").joins("support")
    first.after(1).hangs_up()
    second.rings("Anna").after(1).answers().hangs_up()
    assert [visit.position for visit in desk.told().visits] == [1, 2]
