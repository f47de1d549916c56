"""Rolling windows and budgets: what is in them, when it leaves, and how fast a budget burns."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.windows import Budget, Window

HAPPENED = st.lists(st.tuples(st.integers(0, 100).map(float), st.booleans()), max_size=40).map(sorted)


@given(HAPPENED, st.integers(0, 130))
def test_a_window_holds_what_happened_in_its_last_seconds(happened: list[tuple[float, bool]], now: int) -> None:
    """What is exactly as old as the window has left it."""
    window = Window(30)
    for at, bad in happened:
        if at <= now:
            window.move(at)
            window.add(at, bad=bad)
    window.move(now)
    inside = [bad for at, bad in happened if now - 30 < at <= now]
    assert len(window) == len(inside)
    assert window.bad_share == (sum(inside) / len(inside) if inside else 0.0)
    assert window.due_at == min((at + 30 for at, _ in happened if now - 30 < at <= now), default=math.inf)


def test_what_is_told_late_counts_as_of_the_latest_before_it() -> None:
    """So the oldest is always the first to leave."""
    window = Window(30)
    window.add(10)
    window.add(7)
    assert window.due_at == 40
    window.move(40)
    assert len(window) == 0


def test_a_budget_burns_as_fast_as_in_the_better_of_its_windows() -> None:
    """Nine in ten to be served well: 4 of 12 badly in an hour is 3.33 times too fast, 1 of 2 in 5 min 5 times."""
    budget = Budget(0.9, (3600.0, 300.0), 10)
    for minute in range(11):
        budget.add(minute * 60.0, bad=minute < 3)
    assert budget.burn(600) == 0
    assert budget.due_at == 660
    budget.add(890, bad=True)
    assert budget.burn(890) == pytest.approx(3.3333)
    assert budget.burn(1190) == 0


def test_too_few_callers_burn_no_budget() -> None:
    """Nine of nine served badly may be a bad day, or nine calls."""
    budget = Budget(0.8, (3600.0, 300.0), 10)
    for second in range(9):
        budget.add(second, bad=True)
    assert budget.burn(9) == 0
    budget.add(9, bad=True)
    assert budget.burn(9) == 5
