"""Every rule matters: take one away or change it, and some call of the catalogue is told differently.

Those of the tables one by one, and those of conversations, which are code. What is compared is everything an engine
says in a scenario, facts and readings, and what it has not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, get_args

import pytest

from ringwatch.core import calls, lifecycle, silences, talks, visits
from ringwatch.core import events as ev
from ringwatch.core.bridges import Bridges
from ringwatch.core.calls import Calls
from ringwatch.core.facts import AttemptResult, Outcome
from ringwatch.core.lifecycle import VisitSignal, VisitState
from ringwatch.core.silences import Silences
from ringwatch.core.state import CallState, Channel, Leg, legs_of, side
from ringwatch.core.talks import Talks
from ringwatch.core.visits import Visits
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


def nothing(*_: object) -> None:
    """Do none of what should be done."""


def only_its_bridge(self: Bridges, channel: Channel) -> list[Channel]:
    """Follow no wire."""
    near = self._bridges.get(channel.bridge or "", {}).values()
    return [channel, *(each for each in near if each is not channel)]


def forgotten(self: Silences, event: ev.HoldEnded) -> None:
    """Let one Unhold end every hold."""
    for leg in self._held(event.uniqueid):
        leg.holders.clear()
        self.listen(leg, event.at)


def parked_among_others(self: Talks, event: ev.BridgeEntered) -> None:
    """Take a parking space for a bridge in which everybody hears everybody."""
    enter(self, ev.BridgeEntered(event.at, event.uniqueid, event.bridge))


def left_unnoted(self: Talks, event: ev.BridgeLeft) -> None:
    """Do not take note of who leaves first."""
    channel = self._find(event.uniqueid)
    legs = [leg for leg in legs_of(channel) if leg.left is None] if channel else []
    leave(self, event)
    for leg in legs:
        leg.left = None


def opposite(leg: Leg, channel: Channel) -> str:
    """Name the other side."""
    return "caller" if side(leg, channel) == "agent" else "agent"


def no_caller(_: Talks, call: CallState, other: Channel) -> bool:
    """Take everybody who is no caller for a partner."""
    return other is not call.channel and not other.is_local and other.call is None


def younger(_: Talks, call: CallState, other: Channel) -> bool:
    """Let the younger of two calls be the one that is served."""
    known = other.call is None or other.call is call or other.call.started_at < call.started_at
    return known and other is not call.channel and not other.is_local


enter, leave = Talks.bridge_entered, Talks.bridge_left
TALKS: dict[str, tuple[object, str, object]] = {
    "every absence is a consultation": (silences, "BLINK_SECONDS", 0.0),
    "no absence is a consultation": (talks, "BLINK_SECONDS", 1e9),
    "the other side has ended it": (talks, "side", opposite),
    "who leaves first has not ended it": (Talks, "bridge_left", left_unnoted),
    "who asks to hang up has not ended it": (Talks, "going", nothing),
    "a Local pair is no wire": (Bridges, "together", only_its_bridge),
    "holds do not nest": (Silences, "hold_ended", forgotten),
    "music is not heard": (Silences, "music_began", nothing),
    "the end of music is not heard": (Silences, "music_ended", nothing),
    "a park is no park": (Talks, "parked", nothing),
    "a park never ends": (Talks, "park_ended", nothing),
    "those who are parked hear each other": (Talks, "bridge_entered", parked_among_others),
    "a transfer ends nothing": (Talks, "transferred", nothing),
    "who stands in a line talks on": (Talks, "over", nothing),
    "of two calls none is served": (Talks, "_is_partner", no_caller),
    "of two calls the younger is served": (Talks, "_is_partner", younger),
    "the wait after a park is talk": (Visits, "resumed", nothing),
    "who was asked in vain talks on": (Visits, "agent_gone", nothing),
    "half of a Local pair acts for itself": (Calls, "_linked", nothing),
}


@pytest.mark.parametrize("rule", TALKS)
def test_a_rule_of_conversations_that_is_broken_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who talks with whom, who ended it, what is a hold, whose a parked caller is."""
    owner, name, broken = TALKS[rule]
    monkeypatch.setattr(owner, name, broken)
    assert noticed()
