"""Recorded streams of real Asterisks, replayed and held against the queue_log and CDR of the same minutes."""

from __future__ import annotations

import pytest

from ringwatch.core.facts import Hold, QueueVisit, Transfer
from tests.agreement import compare_direct_calls, compare_visits
from tests.asterisk.records import read_cdr, read_queue_log
from tests.tools.captures import CAPTURES, NAMES, blocks, facts_of

# Talks in which the caller was parked, or the agent left for a consultation: queue_log's talk time goes on, and what of
# it was talk with whom is the work of the next version. Everything else about these visits agrees.
KNOWN = {
    "scenarios-22": {"1795276811.13"},
    "scenarios-16": {"1795277081.107"},
    "mix-22": {"1795280241.6", "1795280367.406", "1795280384.450", "1795280395.468"},
    "mix-16": {
        "1795280572.1013",
        "1795280576.1174",
        "1795280630.2478",
        "1795280658.3250",
        "1795280670.3601",
        "1795280718.4898",
    },
}
COMPARED = {"scenarios-22": (14, 1), "scenarios-16": (14, 1), "mix-22": (216, 43), "mix-16": (201, 61)}
"""Visits and direct calls in each recording that both sides saw end: fewer would mean that some were not looked at."""


@pytest.mark.parametrize("name", NAMES)
def test_every_visit_agrees_with_queue_log(name: str) -> None:
    """Outcome, agent, wait, talk and unanswered rings agree, but for the talks that are known and why."""
    compared, differences = compare_visits(facts_of(blocks(name)), read_queue_log(CAPTURES / name / "queue_log"))
    assert compared == COMPARED[name][0]
    assert {difference.call_id for difference in differences} == KNOWN[name], differences
    assert all(": talk " in str(difference) for difference in differences), differences


@pytest.mark.parametrize("name", NAMES)
def test_every_direct_call_agrees_with_cdr(name: str) -> None:
    """Calls that no queue saw were answered or not, and for as long, as their CDR rows say."""
    compared, differences = compare_direct_calls(facts_of(blocks(name)), read_cdr(CAPTURES / name / "cdr.csv"))
    assert (compared, differences) == (COMPARED[name][1], [])


def test_the_scripted_calls_are_told_as_they_were_played() -> None:
    """Blind transfer, bounce, hold, give-up and queue timeout are told as captures/README.md has them."""
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
