"""The tables of a visit's life, for what can be asked of tables; test_mutations asks whether every entry matters."""

from __future__ import annotations

from typing import get_args

import pytest

from ringwatch.core.facts import AttemptResult, Outcome
from ringwatch.core.lifecycle import (
    DIAL_STATUS,
    HANGUP_CAUSE,
    QUEUE_STATUS,
    REFUSALS,
    VISIT,
    VisitSignal,
    VisitState,
    visit_outcome,
)


def test_what_has_ended_stays_ended() -> None:
    """No signal brings a visit back."""
    assert {after for (before, _), after in VISIT.items() if before is VisitState.ENDED} == {VisitState.ENDED}


def test_nothing_leads_back_into_the_line() -> None:
    """A visit waits once; whoever returns starts a new one. A dump is no return: the caller never left."""
    into_waiting = [(before, signal) for (before, signal), after in VISIT.items() if after is VisitState.WAITING]
    assert into_waiting == [(VisitState.WAITING, VisitSignal.DUMP)]


@pytest.mark.parametrize("state", [VisitState.WAITING, VisitState.LEAVING])
def test_a_caller_who_goes_is_told_of_from_every_state_without_a_talk(state: VisitState) -> None:
    """Nothing waits for an event that may never come."""
    assert VISIT[state, VisitSignal.GONE] is VisitState.ENDED


def test_every_signal_means_something_somewhere() -> None:
    """No signal is made that no state knows, and none is known that nobody makes (coverage sees to that)."""
    assert {signal for _, signal in VISIT} == set(VisitSignal)


def test_the_tables_speak_the_words_of_the_facts() -> None:
    """Every value is an outcome or a result of the contract; refusals are among the statuses."""
    assert set(QUEUE_STATUS.values()) <= set(get_args(Outcome))
    assert {*DIAL_STATUS.values(), *HANGUP_CAUSE.values()} <= set(get_args(AttemptResult))
    assert set(QUEUE_STATUS) >= REFUSALS


@pytest.mark.parametrize(
    ("evidence", "outcome"),
    [
        ({"status": "TIMEOUT", "abandoned": True, "hung_up": True}, "timeout"),
        ({"status": "CONTINUE", "abandoned": True, "hung_up": True}, "abandoned"),
        ({"abandoned": True, "hung_up": True, "picked_up": True, "dumped": True, "left": True}, "abandoned"),
        ({"abandoned": True, "picked_up": True, "left": True}, "failed"),
        ({"abandoned": True, "dumped": True, "left": True}, "timeout"),
        ({"dumped": True, "left": True}, "dumped"),
        ({"left": True}, "key_exit"),
        ({"left": True, "hung_up": True}, "key_exit"),
        ({"left": True, "picked_up": True, "hung_up": True}, "abandoned"),
        ({"left": True, "picked_up": True}, "unknown"),
        ({"hung_up": True}, "abandoned"),
        ({}, "unknown"),
    ],
)
def test_the_strongest_evidence_names_the_outcome(evidence: dict[str, str | bool], outcome: str) -> None:
    """QUEUESTATUS first, then Abandon with what was asked before it, then a dump, then Leave, then the hangup alone."""
    known: dict[str, str | bool | None] = {
        "status": None,
        "abandoned": False,
        "hung_up": False,
        "picked_up": False,
        "dumped": False,
        "left": False,
    }
    assert visit_outcome(**{**known, **evidence}) == outcome  # type: ignore[arg-type]
