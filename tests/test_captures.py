"""Recorded streams of real Asterisks, replayed and held against all that was written down in the same minutes."""

from __future__ import annotations

import json

import pytest

from ringwatch.core.facts import Hold, QueueVisit, Transfer
from tests.asterisk.cases import CASES
from tests.recording import load, replayed
from tests.stories import stories
from tests.tools.captures import CAPTURES, NAMES, blocks, facts_of
from tests.witnesses import compare, read_capture

COMPARED = {
    "scenarios-22": {"visits": 14, "direct calls": 1, "calls": 13},
    "scenarios-16": {"visits": 14, "direct calls": 1, "calls": 13},
    "mix-22": {
        "visits": 216,
        "direct calls": 43,
        "calls": 265,
        "talks": 153,
        "transfers": 15,
        "parks": 5,
        "rings": 153,
        "holds": 46,
        "deeds": 24,
    },
    "mix-16": {
        "visits": 201,
        "direct calls": 61,
        "calls": 256,
        "talks": 207,
        "transfers": 21,
        "parks": 7,
        "rings": 203,
        "holds": 33,
        "deeds": 30,
    },
}
"""What is in each recording for both sides to see: fewer would mean that some was not looked at."""


@pytest.mark.parametrize("name", NAMES)
def test_every_witness_agrees(name: str) -> None:
    """The facts agree with queue_log, CDR, CEL and the phones' ledger in everything, nothing exempt."""
    verdict = compare(facts_of(blocks(name)), read_capture(CAPTURES / name))
    assert not verdict.differences, verdict
    assert {what: verdict.compared[what] for what in COMPARED[name]} == COMPARED[name]
    assert verdict.blind == []


@pytest.mark.parametrize("name", ["cases-22", "cases-16"])
def test_every_case_is_told_as_it_was_played(name: str) -> None:
    """Pickups, forwarding phones, conferences, moved calls: told as tests/asterisk/cases.py says, and agreed upon."""
    folder = CAPTURES / name
    facts = replayed(folder)
    spans = json.loads((folder / "cases.json").read_text())
    told = stories(facts, spans)
    assert {each: sorted(told[each]) for each in told} == {each: sorted(case.told) for each, case in CASES.items()}
    verdict = compare(facts, load(folder))
    assert not verdict.differences, verdict
    compared = {"visits": 15, "direct calls": 12, "calls": 35, "talks": 42, "transfers": 10, "rings": 44, "deeds": 9}
    assert {what: verdict.compared[what] for what in compared} == compared
    # queue_log says that who was rung answered, though another phone picked the call up.
    assert [str(each).rpartition(": ")[2] for each in verdict.blind] == [
        "agent Care 109 told, Anna in queue_log",
        "agent PJSIP/102 told, Anna in queue_log",
        "agent Care 109 told, Femke in queue_log",
        "agent Care 109 told, Eva in queue_log",
    ]


def test_the_scripted_calls_are_told_as_they_were_played() -> None:
    """Blind transfer, bounce, hold, give-up and queue timeout of scenarios-22 are told as captures/README.md says."""
    told = facts_of(blocks("scenarios-22"))
    visits = {(fact.call_id, fact.queue, fact.ordinal): fact for fact in told if isinstance(fact, QueueVisit)}
    first = visits["1795276750.0", "support", 1]
    assert (first.agent, first.talk_ended_by, first.agent_rings, first.in_time) == ("Anna", "transfer", 1, True)
    returned = visits["1795276761.3", "support", 2]
    assert (returned.agent, returned.holds, round(returned.hold_seconds)) == ("Chloé Müller", 1, 5)
    assert visits["1795276860.20", "support", 1].outcome == "abandoned"
    waited = visits["1795276966.42", "sales", 1]
    # 40 s of ringing in the caller's ear (option r) at 5 s a ring: the ninth has begun, six too many.
    assert (waited.outcome, waited.caller_rings, waited.in_time) == ("timeout", 9, False)
    assert [(fact.from_agent, fact.to) for fact in told if isinstance(fact, Transfer) and fact.kind == "blind"] == [
        ("Anna", "108"),
        ("Bram", "800"),
        ("Dirk", "801"),
    ]
    assert [round(fact.seconds) for fact in told if isinstance(fact, Hold)][:1] == [5]
