"""Every rule in the tables matters: take one away or change it, and some call of the catalogue is told differently.

What is compared is everything an engine says in a scenario, facts and readings, and what it has not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args

import pytest

from ringwatch.core import calls, lifecycle, visits
from ringwatch.core.facts import AttemptResult, Outcome
from ringwatch.core.lifecycle import VisitSignal, VisitState
from tests.core.scenarios import SCENARIOS

Table = dict[Any, Any]
TABLES: dict[str, tuple[ModuleType, Table, tuple[object, ...]]] = {
    "VISIT": (visits, dict(lifecycle.VISIT), tuple(VisitState)),
    "QUEUE_STATUS": (lifecycle, dict(lifecycle.QUEUE_STATUS), get_args(Outcome)),
    "DIAL_STATUS": (calls, dict(lifecycle.DIAL_STATUS), get_args(AttemptResult)),
    "HANGUP_CAUSE": (calls, dict(lifecycle.HANGUP_CAUSE), get_args(AttemptResult)),
}
# The second Abandon, and what follows a visit that has been told, must be known lest it be an anomaly. Where it leads
# cannot be seen any more: Leave comes at once and leads on from everywhere, and what has been told is told.
UNSEEN = [
    ((VisitState.LEAVING, VisitSignal.ABANDON), VisitState.WAITING),
    ((VisitState.LEAVING, VisitSignal.ABANDON), VisitState.ENDED),
    ((VisitState.ENDED, VisitSignal.ABANDON), VisitState.TALKING),
    ((VisitState.ENDED, VisitSignal.LEAVE), VisitState.WAITING),
    ((VisitState.ENDED, VisitSignal.LEAVE), VisitState.TALKING),
]


def everything_said(scenario: str) -> tuple[object, ...]:
    """Return all that an engine says in a scenario, and how much it remembers afterwards."""
    desk = SCENARIOS[scenario]()
    state = desk.engine._calls
    left = (len(state._channels), len(state._calls), len(state.visits._leaving))
    return (*desk.records, left, [(queue.name, dict(queue.waiting)) for queue in desk.engine._queues])


AS_IT_SHOULD_BE = {scenario: everything_said(scenario) for scenario in SCENARIOS}


def noticed() -> bool:
    """Tell whether any scenario is told differently now."""
    return any(everything_said(scenario) != said for scenario, said in AS_IT_SHOULD_BE.items())


def named(value: object) -> str:
    """Return a readable name for a test's case."""
    if isinstance(value, tuple):
        return "-".join(map(named, value))
    return str(value.value) if isinstance(value, VisitState | VisitSignal) else str(value)


ENTRIES = [(name, key) for name, (_, table, _) in TABLES.items() for key in table]
CHANGES = [
    (name, key, other)
    for name, (_, table, values) in TABLES.items()
    for key, value in table.items()
    for other in values
    if other != value and (key, other) not in UNSEEN
]


@pytest.fixture
def mutate(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Table], None]:
    """Return what puts another table in a table's place."""

    def replace(name: str, table: Table) -> None:
        monkeypatch.setattr(TABLES[name][0], name, table)

    return replace


@pytest.mark.parametrize(("name", "key"), ENTRIES, ids=named)
def test_a_rule_that_is_taken_away_is_missed(name: str, key: Any, mutate: Callable[[str, Table], None]) -> None:
    """No entry stands there for nothing."""
    mutate(name, {other: value for other, value in TABLES[name][1].items() if other != key})
    assert noticed()


@pytest.mark.parametrize(("name", "key", "value"), CHANGES, ids=named)
def test_a_rule_that_is_changed_is_noticed(
    name: str, key: Any, value: object, mutate: Callable[[str, Table], None]
) -> None:
    """No entry could as well say something else."""
    mutate(name, {**TABLES[name][1], key: value})
    assert noticed()


@pytest.mark.parametrize(("key", "value"), UNSEEN, ids=named)
def test_what_is_said_to_be_unseen_is(key: Any, value: object, mutate: Callable[[str, Table], None]) -> None:
    """An exception that is none any more must go."""
    mutate("VISIT", {**TABLES["VISIT"][1], key: value})
    assert not noticed()
