"""Whether a desk is staffed, as a simulated one is followed: bytes in, readings out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ringwatch.core.readings import StaffingReading
from ringwatch.core.standards import Policy, Standard
from ringwatch.simulator import Plan, TalkHabit, absent
from tests.simulator.desks import HOUR, MONDAY_NINE, agents, queue
from tests.staffing.days import HALF_AN_HOUR, followed

TEN, NOON, ONE, TWO = (MONDAY_NINE + hours * HOUR for hours in (1, 3, 4, 5))
WRAP_UP = 10
# 120 callers an hour, each 120 s of talk, some rest of the ringing, and 10 s of wrap-up: 4.3 erlang and a little more.
TALK = TalkHabit(mean_seconds=120, sigma=0.5)
EVERYBODY = Plan(
    queues=(queue("support", "1000", 101, 12, calls_per_hour=120, talk=TALK, wrapup_seconds=WRAP_UP),),
    agents=agents(101, 12),
)
LUNCH = absent(EVERYBODY, {str(number) for number in range(104, 113)}, 12, 13)


def readings(plan: Plan, seed: int) -> list[StaffingReading]:
    """Follow a desk from ten to two."""
    told = followed(plan, seed, TEN, TWO, Policy(default=Standard(wrapup_seconds=WRAP_UP)))
    return [record for record in told if isinstance(record, StaffingReading)]


def each_minute(told: list[StaffingReading], begin: float, end: float) -> Iterator[tuple[int, float]]:
    """Give agents needed and agents there at every minute."""
    at = begin
    while at <= end:
        stood = [reading for reading in told if reading.at <= at][-1]
        assert stood.agents_required is not None
        yield stood.agents_required, stood.agents_present
        at += 60


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_lunch_with_too_few_is_seen_and_one_with_enough_is_not(seed: int) -> None:
    """Three of twelve stay for 4.3 erlang: once the others have ended their talks, until they return, and only then."""
    told = readings(LUNCH, seed)
    assert all(needed <= there == 12 for needed, there in each_minute(told, TEN + HALF_AN_HOUR, NOON - 60))
    assert all(needed > there == 3 for needed, there in each_minute(told, NOON + 600, ONE - 60))
    assert all(needed <= there == 12 for needed, there in each_minute(told, ONE + 60, TWO))
    enough = readings(EVERYBODY, seed)
    assert all(needed <= there == 12 for needed, there in each_minute(enough, TEN + HALF_AN_HOUR, TWO))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_change_of_shifts_is_no_injustice(seed: int) -> None:
    """Who comes back from lunch has handled nothing yet; among all, taking turns spreads the work."""
    told = readings(LUNCH, seed)
    assert max(reading.load_gini or 0 for reading in told if reading.at > TEN + HALF_AN_HOUR) < 0.35


@pytest.mark.parametrize("seed", [1, 2])
def test_three_of_twelve_are_busier_and_the_wait_grows(seed: int) -> None:
    """With 1.4 erlang for each they hardly ever rest, and who joins is told to wait longer than at any time before."""
    told = readings(LUNCH, seed)
    before = [reading for reading in told if TEN + HALF_AN_HOUR <= reading.at < NOON]
    alone = [reading for reading in told if NOON + HALF_AN_HOUR <= reading.at < ONE]
    assert max(reading.occupancy or 0 for reading in before) < 0.6 < min(reading.occupancy or 0 for reading in alone)
    waits = [[reading.estimated_wait_seconds or 0 for reading in readings] for readings in (before, alone)]
    assert max(waits[0]) < min(waits[1])
