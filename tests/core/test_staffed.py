"""Who is there for each queue and who would be needed: readings, and what they are worked out from."""

from __future__ import annotations

import math

import pytest

from ringwatch.core import events as ev
from ringwatch.core.readings import StaffingReading
from ringwatch.core.staffing import agents_short, gini
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import FREE, RINGING, SEATS, START, TALKING, Desk, Seat, desk

UNAVAILABLE = 5
ANNA, BRAM, CHLOE = SEATS[:3]
ANNA_SALES = Seat("sales", "Anna", "PJSIP/101", "PJSIP/101")
MINUTE = START + 20
"""The first whole minute after the desk opens: 1,000,020 is 16,667 x 60."""


def until(made: Desk, at: float) -> Desk:
    """Let time pass up to so many seconds after the first whole minute."""
    made.at = MINUTE + at
    return made.ticks()


def readings(made: Desk, queue: str = "support") -> list[StaffingReading]:
    """Return what was told of a queue."""
    return [record for record in made.records if isinstance(record, StaffingReading) and record.queue == queue]


def last(made: Desk, queue: str = "support") -> StaffingReading:
    """Return how a queue was said to stand last."""
    return readings(made, queue)[-1]


def presence(made: Desk, queue: str = "support") -> list[tuple[float, float]]:
    """Return how many were told to be there, and when, in seconds after the desk opened."""
    return [(reading.at - START, reading.agents_present) for reading in readings(made, queue)]


def is_on_the_phone(made: Desk, seat: Seat, begin: float, end: float) -> None:
    """Keep an agent on the phone, from and until so many seconds after the first whole minute."""
    until(made, begin).shows(seat, TALKING)
    until(made, end).shows(seat, FREE)


def serves(made: Desk, agent: str, seconds: float) -> None:
    """Let a caller come, be answered at once, and talk for so long."""
    made.caller("1").joins("support").rings(agent).answers().after(seconds).hangs_up()


# -- who is there


def test_a_listing_is_one_change() -> None:
    """Three members are shown at once and told together a second later; nothing is known of anything else."""
    made = desk(ANNA, BRAM, CHLOE).after(5).ticks()
    assert presence(made) == [(1, 3)]
    first = last(made)
    figures = (first.agents_required, first.occupancy, first.estimated_wait_seconds, first.load_gini)
    assert figures == (None, None, None, None)
    assert first.key == ("main", "support")


def test_nobody_counts_who_is_paused_gone_or_unplugged() -> None:
    """Three, two after Bram's pause, one without Chloé's phone, two and three when they are back, two without Anna."""
    made = desk(ANNA, BRAM, CHLOE).after(2).shows(BRAM, paused=True)
    made.after(2).shows(CHLOE, UNAVAILABLE).after(2).shows(BRAM).after(2).shows(CHLOE).after(2).removes(ANNA)
    made.after(2).ticks()
    assert presence(made) == [(1, 3), (3, 2), (5, 1), (7, 2), (9, 3), (11, 2)]


def test_who_talks_while_paused_is_not_there() -> None:
    """A pause keeps the next call away: on the phone or not, Anna cannot be given one."""
    made = desk(ANNA, BRAM).after(2).shows(ANNA, TALKING).after(2).shows(ANNA, TALKING, paused=True).after(2).ticks()
    assert presence(made) == [(1, 2), (5, 1)]


def test_a_phone_unplugged_at_logout_is_there_after_the_next_login() -> None:
    """What is known of a phone ends with the last membership."""
    made = desk(ANNA).after(2).shows(ANNA, UNAVAILABLE).after(2).removes(ANNA).after(2).shows(ANNA).after(2).ticks()
    assert presence(made) == [(1, 1), (3, 0), (7, 1)]


def test_another_agent_at_the_same_interface_takes_the_place() -> None:
    """Anna goes home and Dora logs in at her phone in one step: still one agent."""
    made = desk(ANNA).after(2).shows(Seat("support", "Dora", "PJSIP/101", "PJSIP/101")).after(60).ticks()
    assert presence(made) == [(1, 1)]


def test_two_interfaces_of_one_agent_are_one_agent() -> None:
    """A member twice in a queue answers one call at a time; paused at one interface, Anna is called at the other."""
    twice = Seat("support", "Anna", "Local/101@agents/n", "PJSIP/101")
    made = desk(ANNA, twice).after(2).shows(twice, paused=True).after(2).ticks()
    assert presence(made) == [(1, 1)]
    made.shows(ANNA, paused=True).after(2).ticks()
    assert presence(made)[1:] == [(5, 0)]
    made.removes(ANNA).shows(twice).after(2).ticks()
    assert presence(made)[2:] == [(7, 1)]


def test_an_agent_of_two_queues_is_shared_out() -> None:
    """Without any calls Anna is half an agent in each queue; once only support is called she is all there."""
    made = desk(ANNA, ANNA_SALES).after(2).ticks()
    assert (last(made).agents_present, last(made, "sales").agents_present) == (0.5, 0.5)
    until(made, 10)
    serves(made, "Anna", 30)
    until(made, 60)
    assert (last(made).agents_present, last(made, "sales").agents_present) == (1, 0)


# -- who is needed


def test_agents_are_needed_once_enough_was_seen() -> None:
    """Five callers a minute apart, 50 s of talk each; the desk opened 20 s before the first whole minute.

    At 280 s after that, 300 s were looked at and five callers had come, so the first judgement is that of the whole
    minute 300: lambda = 5/320 s, AHT = 50 s, load = 5 x 50/320 = 0.78 erlang, patience endless.
    Erlang C: one agent is 0.78 busy and P(wait) = 0.78, SL20 = 1 - 0.78 e^(-(1 - 0.78) x 20/50) = 0.28; two agents: B =
    0.305/2.086 = 0.146, C = 0.146/(1 - 0.39 x 0.854) = 0.22, SL20 = 1 - 0.22 e^(-(2 - 0.78) x 0.4) = 0.865: two.
    """
    made = desk(ANNA)
    for number in range(5):
        until(made, 60 * number + 1)
        serves(made, "Anna", 50)
    until(made, 299)
    assert {reading.agents_required for reading in readings(made)} == {None}
    until(made, 300)
    assert (last(made).agents_required, last(made).at) == (2, MINUTE + 300)


def test_agents_are_short_who_are_surely_needed() -> None:
    """As above the load is estimated at 0.78 erlang, by five callers: with a spread of (1/5 + 1/5)^0.5 = 0.632.

    At 1.25 deviations below, 0.78 e^-0.79 = 0.354, one agent answers 1 - 0.354 e^(-0.646 x 0.4) = 73 % in time: two are
    likely to be needed. At 2.5 deviations below, 0.16, it is 1 - 0.16 e^(-0.84 x 0.4) = 89 %: one is sure to be. So
    with Anna one more is likely to be missing, with nobody one is missing for sure, and with two nobody is.
    """
    made = desk(ANNA)
    for number in range(5):
        until(made, 60 * number + 1)
        serves(made, "Anna", 50)
    assert last(until(made, 299)).agents_short is None
    assert last(until(made, 300)).agents_short == 0.5
    made.shows(ANNA, paused=True)
    assert last(until(made, 302)).agents_short == 1
    made.shows(ANNA).shows(BRAM)
    assert last(until(made, 304)).agents_short == 0


@pytest.mark.parametrize(
    ("surely", "likely", "present", "expected"),
    [(4, 6, 6, 0), (4, 6, 5.4, 0), (4, 6, 5, 0.5), (4, 6, 3.8, 0.5), (4, 6, 3, 1), (4, 6, 2.7, 1.3), (0, 0, 0, 0)],
)
def test_agents_short(surely: int, likely: int, present: float, expected: float) -> None:
    """A part of an agent, of those who are shared out, is not missing until it is a whole one."""
    assert agents_short(surely, likely, present) == expected


def test_nobody_says_how_many_are_short_of_more_than_anybody_has() -> None:
    """Five talks of 43,220 s end in the 15 s in which five callers come: 14,407 erlang, and 2,966 for sure."""
    made = desk(*SEATS[:5], policy=Policy(default=Standard(staffing_window_seconds=15)))
    callers = [made.caller("1").joins("support").rings(seat.agent).answers() for seat in SEATS[:5]]
    until(made, 43_200)
    for caller in callers:
        caller.hangs_up()
        made.caller("2").joins("support")
    until(made, 43_201)
    assert last(made).estimated_wait_seconds == 6 * 43_220 / 3
    assert (last(made).agents_required, last(made).agents_short) == (None, None)


def test_four_callers_are_not_enough_to_judge_by() -> None:
    """However long was looked: occupancy is known, agents needed are not."""
    made = desk(ANNA)
    for number in range(4):
        until(made, 60 * number + 1)
        serves(made, "Anna", 50)
    until(made, 600)
    assert last(made).agents_required is None
    assert last(made).occupancy is not None


def test_callers_whom_nobody_served_are_not_enough_to_judge_by() -> None:
    """Six came and hung up: how long they would have talked is not known, so neither is who is needed."""
    made = desk(ANNA)
    for number in range(6):
        until(made, 60 * number + 1)
        made.caller("1").joins("support").after(30).hangs_up()
    until(made, 480)
    assert (last(made).agents_required, last(made).estimated_wait_seconds) == (None, None)


def test_each_queue_has_its_own_target() -> None:
    """By load 0.79 (as above, 6 x 50/380) one agent answers 1 - 0.79 e^(-0.21 x 60/50) = 39 % within a minute.

    So one is enough for 30 %, and is not too busy either; for 99 % within 20 s it takes four.
    """
    needed = []
    for standard in (Standard(service_level=0.3, service_level_seconds=60), Standard(service_level=0.99)):
        made = desk(ANNA, policy=Policy(standards={"support": standard}))
        for number in range(6):
            until(made, 60 * number + 1)
            serves(made, "Anna", 50)
        needed.append(last(until(made, 360)).agents_required)
    assert needed == [1, 4]


def test_a_direct_line_is_no_queue() -> None:
    """Its callers are nobody's arrivals, and no reading is told of it."""
    made = desk(ANNA)
    made.caller("1").dials("PJSIP/104").rings().after(2).answers().after(10).hangs_up()
    until(made, 60)
    assert {record.queue for record in made.records if isinstance(record, StaffingReading)} == {"support"}


def test_a_configured_queue_is_told_before_anything_happens_in_it() -> None:
    """Nobody is there, nobody comes, and no occupancy is made up, however long that lasts."""
    made = until(desk(policy=Policy(standards={"night": Standard()})), -19)
    assert presence(until(made, 600), "night") == [(20, 0)]
    assert last(made, "night").occupancy is None


def test_the_wait_to_expect_is_that_of_who_joins_now() -> None:
    """One talk of 30 s, and two agents: nobody waits, so 1 x 30/2 = 15 s; with two in line 3 x 30/2 = 45 s.

    And without anybody to answer, nobody knows the end of it.
    """
    made = desk(ANNA, BRAM)
    until(made, 10)
    serves(made, "Anna", 30)
    until(made, 60)
    assert last(made).estimated_wait_seconds == 15
    for _ in range(2):
        made.caller("2").joins("support")
    until(made, 120)
    assert last(made).estimated_wait_seconds == 45
    made.shows(ANNA, paused=True).shows(BRAM, paused=True)
    until(made, 122)
    assert last(made).estimated_wait_seconds == math.inf


# -- how busy, and how evenly


def test_occupancy_is_handling_time_over_time_there() -> None:
    """Anna is there for 620 s up to the whole minute 600, on the phone for 100 s of them; Bram from 300 on, and rung.

    100/(620 + 300) = 0.1087. Being rung is no work.
    """
    made = desk(ANNA)
    is_on_the_phone(made, ANNA, 0, 100)
    until(made, 300).shows(BRAM)
    until(made, 400).shows(BRAM, RINGING)
    until(made, 600)
    assert last(made).occupancy == 0.1087


def test_a_break_is_no_time_there_and_a_talk_in_it_is() -> None:
    """Of 620 s Anna is paused for the last 400, and on the phone for the first 50 of these: 50/(220 + 50) = 0.1852.

    Bram's phone is unplugged all along: he is neither busy nor idle.
    """
    made = desk(ANNA).shows(BRAM, UNAVAILABLE)
    until(made, 200).shows(ANNA, TALKING, paused=True)
    until(made, 250).shows(ANNA, FREE, paused=True)
    until(made, 600)
    assert last(made).occupancy == 0.1852


def test_work_leaves_the_window_again() -> None:
    """In a window of 600 s, 120 s of talk up to the minute 300 are 120/600 at 600, 60/600 at 840, and none at 900."""
    made = desk(ANNA, policy=Policy(default=Standard(staffing_window_seconds=600)))
    is_on_the_phone(made, ANNA, 180, 300)
    seen = [last(until(made, at)).occupancy for at in (600, 840, 900)]
    assert seen == [0.2, 0.1, 0.0]


def test_the_work_of_who_has_left_is_still_work() -> None:
    """Anna talks for 310 of her 320 s and leaves; Bram stays for all 620: 310/(320 + 620) = 0.3298.

    To be uneven takes two who are there; after the window nothing is left of her.
    """
    made = desk(ANNA, BRAM)
    is_on_the_phone(made, ANNA, -10, 300)
    made.removes(ANNA)
    until(made, 600)
    assert (last(made).occupancy, last(made).load_gini) == (0.3298, None)
    until(made, 2220)
    assert last(made).occupancy == 0
    assert len(made.engine._staffing._teams["support"].seats) == 1


def test_unevenness_is_the_gini_coefficient_of_handled_time() -> None:
    """Anna 300 s, Bram 100 s, Chloé nothing: ranked 0, 100, 300, so 2(1 x 0 + 2 x 100 + 3 x 300)/(3 x 400) - 4/3 = 0.5.

    Dora is a member for good whose phone was never plugged in: no fourth. Emil came 160 s after that minute: at 600
    he was there for 440 of 620 s, less than three quarters; at 720 for 560 of 740 s, which is more, and then it is
    2(3 x 100 + 4 x 300)/(4 x 400) - 5/4 = 0.625.
    """
    dora = Seat("support", "Dora", "PJSIP/109", "PJSIP/109")
    emil = Seat("support", "Emil", "PJSIP/110", "PJSIP/110")
    made = desk(ANNA, BRAM, CHLOE).shows(dora, UNAVAILABLE)
    until(made, 0).shows(ANNA, TALKING)
    until(made, 160).shows(emil)
    until(made, 300).shows(ANNA, FREE)
    is_on_the_phone(made, BRAM, 310, 410)
    assert last(until(made, 600)).load_gini == 0.5
    assert last(until(made, 720)).load_gini == 0.625


@pytest.mark.parametrize(
    ("handled", "expected"),
    [
        ([], None),
        ([60.0], None),
        ([0.0, 0.0], None),
        ([60.0, 60.0, 60.0], 0),
        ([0.0, 60.0], 0.5),
        ([0.0] * 6 + [70.0], 0.8571),
        ([10.0, 20.0, 30.0, 40.0], 0.25),
    ],
)
def test_gini(handled: list[float], expected: float | None) -> None:
    """One of seven does it all: 1 - 1/7. Of 10, 20, 30, 40: 2(10 + 40 + 90 + 160)/(4 x 100) - 5/4 = 0.25."""
    assert gini(handled) == expected
    assert gini(handled[::-1]) == expected


# -- when it is told


def test_it_is_told_when_a_figure_changed_and_no_more_than_once_a_minute() -> None:
    """Apart from somebody's coming or going; a desk on which nothing happens says nothing."""
    made = desk(ANNA)
    for number in range(20):
        until(made, 40 * number + 1)
        serves(made, "Anna", 20)
    told = readings(made)
    assert all(reading.at % 60 == 0 for reading in told[1:])
    assert len({reading.at for reading in told}) == len(told) > 10
    until(made, 4000)
    quiet = len(readings(made))
    assert made.engine._staffing.due_at == math.inf
    until(made, 90_000)
    assert len(readings(made)) == quiet


def test_a_window_of_seconds_is_judged_in_seconds() -> None:
    """Of 15 s a sixth is 2.5 s, and a thirtieth half a second, which is how often support is looked at.

    Five callers come in the first second and a quarter: 2.5 s after the beginning one agent is needed, and the part of
    the time in which she was busy is told anew every half second. When 15 s have passed, the first have left the window
    and the rest are not enough to judge by. Sales, with half an hour, is judged by no less than 300 s, at a whole
    minute: 320 s after the beginning.
    """
    windows = {"support": Standard(staffing_window_seconds=15), "sales": Standard()}
    made = desk(ANNA, ANNA_SALES, policy=Policy(standards=windows))
    for _ in range(5):
        made.caller("1").joins("sales").after(0.125).hangs_up()
        serves(made, "Anna", 0.125)
    until(made, 400)
    judged = [reading for reading in readings(made) if reading.agents_required is not None]
    assert [reading.at - START for reading in judged] == [2.5 + half / 2 for half in range(25)]
    assert {reading.agents_required for reading in judged} == {1}
    assert min(reading.at - START for reading in readings(made, "sales") if reading.occupancy is not None) == 320


def test_a_desk_that_slept_wakes_up() -> None:
    """Hours later a caller comes: the next whole minute tells, and an agent who leaves is told after a second."""
    made = until(desk(ANNA, BRAM), 10_000)
    assert made.engine._staffing.due_at == math.inf
    serves(made, "Anna", 30)
    assert made.engine._staffing.due_at == MINUTE + 10_080
    made.removes(BRAM)
    until(made, 10_035)
    assert (last(made).at, last(made).agents_present) == (MINUTE + 10_031, 1)
    until(made, 10_080)
    assert last(made).estimated_wait_seconds == 30


def test_silence_in_one_piece_is_silence_second_by_second() -> None:
    """Whether ticks came or not: a due moment is looked at as of itself, whatever the windows."""
    told = []
    windows = {"support": Standard(staffing_window_seconds=13), "sales": Standard(staffing_window_seconds=700)}
    for step in (1, 7, 3000):
        made = desk(ANNA, BRAM, ANNA_SALES, policy=Policy(standards=windows))
        serves(made, "Anna", 30)
        made.shows(BRAM, TALKING)
        for at in range(100, 3100, step):
            until(made, at)
        told.append(readings(until(made, 3100)))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) > 5


def test_a_time_that_was_not_heard_is_neither_busy_nor_idle() -> None:
    """Anna talks from 290 to 390 and wraps up until 450, of which 10 s are heard: from 400 to 800 nothing is.

    While nothing is heard nothing is told. At 960 it is 110/(20 + 400 + 160) = 0.1897.
    """
    made = desk(ANNA, policy=Policy(default=Standard(wrapup_seconds=60)))
    until(made, 290)
    serves(made, "Anna", 100)
    until(made, 400).says(ev.StreamBroke(MINUTE + 400, "disconnected"))
    before = len(readings(made))
    until(made, 460)
    made.removes(ANNA)
    until(made, 470).shows(ANNA)
    until(made, 480).shows(ANNA, TALKING)
    until(made, 799)
    assert len(readings(made)) == before
    until(made, 800).says(ev.StreamResumed(MINUTE + 800)).lists_queues(seats=[ANNA])
    until(made, 960)
    assert last(made).occupancy == 0.1897
    assert last(made).at == MINUTE + 960


def test_a_stamp_of_a_far_future_is_survived() -> None:
    """At 1e19 s a minute more is no other number."""
    made = desk(ANNA).says(ev.Tick(1e19))
    made.at = 1e19
    made.shows(BRAM).says(ev.Tick(2e19))
    assert last(made).agents_present == 2
