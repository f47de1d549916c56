"""When an alert is raised and cleared: hold-off, clear margin, and that it never flaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.rules import Alarm, Change, Rule

RULE = Rule(threshold=4, hold_off_seconds=3, clear_seconds=5, clear_share=0.5, severity="warning")
Seen = tuple[float, float]
"""When, and which value."""


def played(rule: Rule, seen: Sequence[Seen], until: float, looks: Sequence[float] = ()) -> list[Change]:
    """Show an alarm some values, look at it at further moments, and return what came of it."""
    alarm, changes = Alarm(rule), []
    steps = sorted([*((at, 0, value) for at, value in seen), *((at, 1, 0.0) for at in [*looks, until])])
    for at, kind, value in steps:
        while change := alarm.advance(at):
            changes.append(change)
        if kind == 0:
            alarm.sees(at, value)
    return changes


def reckoned(rule: Rule, seen: Sequence[Seen], until: int) -> list[Change]:
    """Work it out second by second: what was the value all the time, up to now?"""
    values = [0.0] * (until + 1)
    for at, value in seen:
        values[int(at) :] = [value] * (until + 1 - int(at))
    changes: list[Change] = []
    since: int | None = None
    bad: int | None = None
    well: int | None = None

    def look(now: int, value: float) -> None:
        nonlocal since
        if since is None and bad is not None and now - bad >= rule.hold_off_seconds:
            since = bad
            changes.append(Change(raised=True, at=now, since=since, value=value))
        elif since is not None and well is not None and now - well >= rule.clear_seconds:
            changes.append(Change(raised=False, at=now, since=since, value=value, why="well"))
            since = None

    for now, value in enumerate(values):
        look(now, values[now - 1] if now else 0.0)
        bad = (now if bad is None else bad) if value >= rule.threshold else None
        well = (now if well is None else well) if value <= rule.clear_level else None
        look(now, value)
    return changes


STEPS = st.lists(
    st.tuples(st.integers(0, 80).map(float), st.integers(0, 6).map(float)), max_size=25, unique_by=lambda step: step[0]
).map(sorted)
RULES = st.builds(
    Rule,
    threshold=st.sampled_from([1.0, 3.0, 4.0]),
    hold_off_seconds=st.integers(0, 6).map(float),
    clear_seconds=st.integers(0, 6).map(float),
    clear_share=st.sampled_from([0.0, 0.5, 0.9]),
    severity=st.just("info"),
)


@given(rule=RULES, seen=STEPS, looks=st.lists(st.floats(0, 99)))
def test_it_is_raised_and_cleared_as_reckoned_second_by_second(
    rule: Rule, seen: list[Seen], looks: list[float]
) -> None:
    """However often somebody looks."""
    assert played(rule, seen, 100, looks) == reckoned(rule, seen, 100)


@given(st.lists(st.floats(RULE.clear_level + 0.01, 9), max_size=50), st.floats(0.01, 10))
def test_a_value_that_trembles_at_the_threshold_raises_one_alert(values: list[float], every: float) -> None:
    """As long as it is not well it is not cleared, however often it crosses the threshold."""
    changes = played(RULE, [(index * every, value) for index, value in enumerate(values)], 1000)
    assert [change.raised for change in changes] in ([], [True])


@given(rule=RULES, seen=STEPS)
def test_two_alerts_are_apart_by_all_that_must_lie_between(rule: Rule, seen: list[Seen]) -> None:
    """It clears after it was well for its time, and is raised again after it was bad for its time."""
    changes = played(rule, seen, 200)
    assert [change.raised for change in changes] == [index % 2 == 0 for index in range(len(changes))]
    raised = [change.at for change in changes if change.raised]
    least = rule.hold_off_seconds + rule.clear_seconds
    assert all(later - earlier >= least for earlier, later in pairwise(raised))


def test_it_is_raised_after_the_hold_off_and_tells_since_when() -> None:
    """Four from 10 s on: raised at 13; back at two from 20 s on: cleared at 25."""
    assert played(RULE, [(10, 4), (12, 6), (20, 2)], 60) == [
        Change(raised=True, at=13, since=10, value=6),
        Change(raised=False, at=25, since=10, value=2, why="well"),
    ]


def test_a_value_that_was_bad_for_too_short_a_time_raises_nothing() -> None:
    """Nor does one that is bad twice for two seconds."""
    assert played(RULE, [(10, 4), (12.9, 3), (14, 4), (16, 3)], 60) == []


def test_a_wait_is_bad_at_its_own_moment_and_well_while_it_is_young() -> None:
    """Since 10 s, a limit of 4: raised at 14 + 3; then one who came at 16 is the oldest: well until 18."""
    alarm = Alarm(RULE)
    alarm.grows(10, 10)
    assert (alarm.due_at, alarm.advance(16.9)) == (17, None)
    assert alarm.advance(17) == Change(raised=True, at=17, since=14, value=7)
    alarm.grows(17, 16)
    assert alarm.due_at == math.inf
    alarm.sees(18, 0)
    assert alarm.advance(30) == Change(raised=False, at=22, since=14, value=0, why="well")


def test_a_wait_may_be_well_for_long_enough() -> None:
    """A limit of 20 s, half of that is well: the next in line came just now, and five seconds later all is well."""
    alarm = Alarm(Rule(20, 0, 5, 0.5, "warning"))
    alarm.grows(0, -30)
    assert alarm.advance(0) == Change(raised=True, at=0, since=0, value=30)
    alarm.grows(2, 1)
    assert alarm.advance(10) == Change(raised=False, at=7, since=0, value=6, why="well")
    assert alarm.advance(30) == Change(raised=True, at=21, since=21, value=20)


def test_a_muted_alarm_is_cleared_and_begins_anew() -> None:
    """What is bad at the end of the silence counts as bad from then on."""
    alarm = Alarm(RULE)
    assert alarm.mute(0, "closed") is None
    alarm.unmute(1)
    alarm.sees(10, 9)
    assert alarm.advance(13)
    assert alarm.mute(14, "closed") == Change(raised=False, at=14, since=10, value=9, why="closed")
    assert alarm.advance(90) is None
    alarm.unmute(100)
    alarm.unmute(101)
    assert alarm.advance(103) == Change(raised=True, at=103, since=100, value=9)


def test_nothing_is_told_as_of_before_it_could_be_known() -> None:
    """Due at 13, but nobody knew whether it still held before 40."""
    alarm = Alarm(RULE)
    alarm.sees(10, 9)
    assert alarm.advance(40, not_before=40) == Change(raised=True, at=40, since=10, value=9)
