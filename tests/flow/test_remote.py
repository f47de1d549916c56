"""The pauses between attempts to reach something over a network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.flow.remote import GOOD_AFTER_SECONDS, Backoff
from tests.tools.properties import PATIENT


def test_pauses_double_up_to_the_longest() -> None:
    """Without luck, each pause is twice the one before it, up to the longest."""
    backoff = Backoff(0.5, 6.0, jitter=lambda: 1.0)
    assert [backoff.pause() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 6.0, 6.0]


@PATIENT
@given(st.floats(0.05, 100), st.floats(0, 1000), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=99))
def test_pauses_stay_within_bounds(shortest: float, more: float, luck: list[float]) -> None:
    """Whatever the jitter, a pause is neither shorter than the shortest nor longer than the longest."""
    backoff = Backoff(shortest, shortest + more, jitter=iter(luck).__next__)
    for _ in luck:
        assert shortest <= backoff.pause() <= shortest + more


def test_pauses_after_a_month() -> None:
    """A month of failures is no different from a day."""
    backoff = Backoff(0.5, 30.0, jitter=lambda: 1.0)
    assert [backoff.pause() for _ in range(5000)][-1] == 30.0


@pytest.mark.parametrize(("seconds", "expected"), [(GOOD_AFTER_SECONDS, 0.5), (GOOD_AFTER_SECONDS - 1, 2.0)])
def test_pauses_after_a_good_connection(seconds: float, expected: float) -> None:
    """A connection that lasted a minute makes the next pause the shortest again; one that did not changes nothing."""
    backoff = Backoff(0.5, 30.0, jitter=lambda: 1.0)
    backoff.pause()
    backoff.pause()
    backoff.lasted(seconds)
    assert backoff.pause() == expected
