"""Arrivals, handle time and patience over a rolling window."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringwatch.core.erlang import Demand
from ringwatch.core.estimates import Estimate, Estimator
from tests.core.desk import START, Desk

NOON = 1_795_276_800.0
"""A multiple of 60: the first bucket begins here."""


def opened(window: float = 1800.0, buckets: int = 30) -> Estimator:
    """Return an estimator that looks from noon on."""
    estimator = Estimator(window, buckets)
    estimator.tick(NOON)
    return estimator


# -- what is estimated


def test_nothing_seen_is_nothing_said() -> None:
    """No rate, no handle time, endless patience; so no calls, and a demand of none."""
    seen = opened().estimate(NOON)
    assert seen == Estimate()
    assert (seen.calls_per_second, seen.aht_seconds, seen.patience_seconds) == (0, None, math.inf)
    assert seen.demand == Demand(0, 0)


def test_callers_per_second_looked_at() -> None:
    """Six callers in ten minutes since noon are 0.01 a second, though the window is half an hour long."""
    estimator = opened()
    for minute in range(6):
        estimator.arrived(NOON + 60 * minute)
    assert estimator.estimate(NOON + 600).calls_per_second == 0.01


def test_handle_time_is_talk_hold_and_wrap_up() -> None:
    """Two callers, 100 and 200 s, the second with 30 s of wrap-up: (100 + 200 + 30) / 2 = 165 s."""
    estimator = opened()
    estimator.handled(NOON + 100, 100)
    estimator.handled(NOON + 300, 200)
    estimator.wrapped_up(NOON + 330, 30)
    assert estimator.estimate(NOON + 330).aht_seconds == 165


def test_patience_is_more_than_the_mean_wait_of_those_who_hung_up() -> None:
    """Three hung up after 10, 20 and 30 s, three were answered after 40 s each: (60 + 120) / 3 = 60 s, not 20 s.

    And one was put out after 120 s, by a time-out: (60 + 120 + 120) / 3 = 100 s.
    """
    estimator = opened()
    for seconds in (10, 20, 30):
        estimator.waited(NOON + 60, seconds, hung_up=True)
        estimator.waited(NOON + 60, 40, hung_up=False)
    assert estimator.estimate(NOON + 60).patience_seconds == 60
    estimator.waited(NOON + 120, 120, hung_up=False)
    assert estimator.estimate(NOON + 120).patience_seconds == 100


def test_the_more_were_seen_the_surer_the_load() -> None:
    """Nine came and sixteen were handled: the square root of 1/9 + 1/16 is 5/12. Of none nothing is known."""
    estimator = opened()
    for _ in range(9):
        estimator.arrived(NOON)
    assert estimator.estimate(NOON).spread == math.inf
    for _ in range(16):
        estimator.handled(NOON, 100)
    assert estimator.estimate(NOON).spread == pytest.approx(5 / 12)


def test_nobody_hung_up_so_patience_is_endless() -> None:
    """Whatever they waited."""
    estimator = opened()
    estimator.waited(NOON + 60, 600, hung_up=False)
    assert estimator.estimate(NOON + 60).patience_seconds == math.inf


def test_a_demand_needs_a_handle_time_once_there_are_calls() -> None:
    """One caller in 100 s, talked to for 50 s, after another hung up after 5 s."""
    estimator = opened()
    estimator.arrived(NOON)
    assert estimator.estimate(NOON + 100).demand is None
    estimator.handled(NOON + 100, 50)
    assert estimator.estimate(NOON + 100).demand == Demand(0.01, 50)
    estimator.waited(NOON + 100, 5, hung_up=True)
    assert estimator.estimate(NOON + 100).demand == Demand(0.01, 50, 5)


def test_it_is_learnt_from_what_the_engine_tells() -> None:
    """One is answered after 6 s and talks for 60 s, one hangs up after 20 s, one after 2 s, one is put out after 30 s.

    Four arrivals, 60 s of handling, patience (6 + 20 + 2 + 30) / 2 = 29 s. A visit that was cut off says nothing, and
    calls, rings and talks are told beside the visits, not again.
    """
    desk = Desk()
    desk.caller("1").joins("support").after(2).rings("Anna").after(4).answers().after(60).hangs_up()
    desk.caller("2").joins("support").after(20).hangs_up()
    desk.caller("3").joins("support").after(2).hangs_up()
    desk.caller("4").joins("support").after(30).is_put_out("TIMEOUT").hangs_up()
    estimator = Estimator()
    for record in desk.told().records:
        estimator.apply(record)
    assert estimator.estimate(desk.at) == Estimate(
        seconds=desk.at - START, arrivals=4, handled=1, handle_seconds=60, abandoned=2, wait_seconds=58
    )
    cut_off = Desk()
    cut_off.caller("5").joins("support").after(50)
    cut_off.closes()
    assert [visit.outcome for visit in cut_off.so_far.visits] == ["unknown"]
    for record in cut_off.so_far.records:
        estimator.apply(record)
    assert estimator.estimate(desk.at).wait_seconds == 58


# -- the window


def test_what_is_old_falls_out_though_nothing_happens() -> None:
    """Half an hour in minutes: a caller at noon counts until the end of 12:29, and the clock alone ends it."""
    estimator = opened()
    estimator.arrived(NOON)
    assert estimator.estimate(NOON + 1799).arrivals == 1
    estimator.tick(NOON + 1800)
    assert estimator.estimate(NOON + 1800) == Estimate(seconds=1740)


def test_a_rate_holds_when_the_window_moves() -> None:
    """A caller every 10 s for an hour: 0.1 a second, at any time."""
    estimator = opened()
    for ten in range(360):
        estimator.arrived(NOON + 10 * ten)
    for seconds in (3590, 3595, 3600):
        assert estimator.estimate(NOON + seconds).calls_per_second == pytest.approx(0.1, rel=0.006)


def test_the_window_is_as_configured() -> None:
    """Ten seconds in two halves."""
    estimator = opened(10, 2)
    estimator.arrived(NOON)
    estimator.arrived(NOON + 6)
    assert estimator.estimate(NOON + 9).arrivals == 2
    assert estimator.estimate(NOON + 10) == Estimate(seconds=5, arrivals=1)
    assert estimator.estimate(NOON + 15) == Estimate(seconds=5)


def test_what_comes_late_goes_where_it_belongs() -> None:
    """Into its own minute, or nowhere when that is gone; the clock does not go back for it."""
    estimator = opened()
    estimator.tick(NOON + 1800)
    estimator.arrived(NOON + 90)
    estimator.arrived(NOON + 59)
    assert estimator.estimate(NOON) == Estimate(seconds=1740, arrivals=1)
    assert estimator.estimate(NOON + 1860) == Estimate(seconds=1740)


def test_a_gap_is_neither_busy_nor_quiet() -> None:
    """Six callers in ten minutes of which four were a gap are one a minute."""
    estimator = opened()
    for minute in range(6):
        estimator.arrived(NOON + 60 * minute)
    estimator.missed(NOON + 345, NOON + 585)
    assert estimator.estimate(NOON + 600).seconds == 360
    assert estimator.estimate(NOON + 600).calls_per_second == pytest.approx(1 / 60)


def test_a_gap_counts_as_far_as_it_lies_in_the_window() -> None:
    """Not before the start, and no more once it has fallen out."""
    estimator = opened()
    estimator.missed(NOON - 1000, NOON + 30)
    assert estimator.estimate(NOON + 90).seconds == 60
    assert estimator.estimate(NOON + 1800).seconds == 1740
    estimator.missed(NOON + 1800, NOON + 9000)
    assert estimator.estimate(NOON + 9000).seconds == 0
    assert estimator.estimate(NOON + 9000).calls_per_second == 0
    estimator.missed(NOON + 1800, NOON + 9000)
    assert estimator.estimate(NOON + 9000).seconds == 0


STEPS = st.lists(st.tuples(st.floats(0, 400), st.sampled_from(["came", "gave up", "served", "tick"])), max_size=60)


@settings(deadline=None)
@given(STEPS, st.integers(1, 10), st.floats(0, 2000))
def test_the_window_holds_what_it_should(steps: list[tuple[float, str]], buckets: int, after: float) -> None:
    """As one finds who keeps everything; and it never keeps more than its buckets."""
    width = 60.0
    estimator = opened(buckets * width, buckets)
    at, happened = NOON, []
    for seconds, what in steps:
        at += seconds
        happened.append((at, what))
        match what:
            case "came":
                estimator.arrived(at)
            case "gave up":
                estimator.waited(at, 30, hung_up=True)
            case "served":
                estimator.handled(at, 100)
            case _:
                estimator.tick(at)
        assert len(estimator._buckets) <= buckets
    at += after
    begin = (at // width - buckets + 1) * width
    kept = [what for when, what in happened if when >= begin]
    seen = estimator.estimate(at)
    assert (seen.arrivals, seen.abandoned, seen.handled) == tuple(map(kept.count, ("came", "gave up", "served")))
    assert (seen.wait_seconds, seen.handle_seconds) == (30 * seen.abandoned, 100 * seen.handled)
    assert seen.seconds == pytest.approx(at - max(begin, NOON))
