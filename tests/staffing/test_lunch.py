"""The alert that a desk is understaffed, by simulated days: it comes in time, goes in time, and cries no wolf."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ringwatch.core.facts import Record
from ringwatch.core.rules import Alert
from tests.simulator.desks import HOUR
from tests.staffing.days import (
    CLOSES,
    ENOUGH,
    HALF_AN_HOUR,
    LUNCH,
    MIDNIGHT,
    NOON,
    ONE,
    OPENS,
    PROMISED,
    followed,
    lost_at,
    out_of_time,
)

SEEDS = range(20)
A_FEW_MINUTES = 300.0


def understaffed(told: Iterable[Record]) -> list[Alert]:
    """Return what was told of this alert."""
    return [record for record in told if isinstance(record, Alert) and record.name == "RingwatchUnderstaffed"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lunch_with_too_few_is_told_before_its_half_hour_is_lost(seed: int) -> None:
    """It comes before a fifth of all who call until half past are out of time, and goes soon after the return."""
    told = list(followed(LUNCH, seed, NOON - 1.5 * HOUR, ONE + HALF_AN_HOUR))
    first, *_, last = understaffed(told)
    assert NOON < first.at < lost_at(told, NOON, NOON + HALF_AN_HOUR) < NOON + HALF_AN_HOUR
    assert last.state == "cleared"
    assert ONE < last.at < ONE + A_FEW_MINUTES


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_with_enough_raises_nothing(seed: int) -> None:
    """From before the doors open until after they close: callers are served as promised, and nobody is woken up."""
    told = list(followed(ENOUGH, seed, MIDNIGHT + (OPENS - 1) * HOUR, MIDNIGHT + (CLOSES + 0.5) * HOUR))
    late, callers = out_of_time(told, MIDNIGHT, MIDNIGHT + 24 * HOUR)
    assert len(late) < callers * (1 - PROMISED.service_level)
    assert [record for record in told if isinstance(record, Alert)] == []
