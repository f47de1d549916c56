"""What is told of calls, as lines to be read: one for a call, one for each fact of it, in the order of time.

No moments and no durations: those are for the witnesses (`tests.witnesses`) to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ringwatch.core.facts import Call, Fact, Hold, Leg, QueueVisit, RingAttempt, Transfer

OURS = 4
"""Digits of a number of the desk's own at most; all other callers are customers."""
EARLY = 0.1
"""Seconds by which clocks differ."""


def stories(facts: Iterable[Fact], spans: Mapping[str, tuple[float, float]]) -> dict[str, list[str]]:
    """Return by name what is told of the calls that began within its span."""
    facts = list(facts)
    told: dict[str, list[str]] = {name: [] for name in spans}
    calls = sorted((each for each in facts if isinstance(each, Call)), key=lambda each: each.started_at)
    for call in calls:
        name = next(name for name, (start, end) in spans.items() if start - EARLY <= call.started_at < end)
        told[name] += story(call, facts)
    return told


def story(call: Call, facts: Iterable[Fact]) -> list[str]:
    """Return what is told of one call."""
    who = call.caller if len(call.caller) < OURS else "a customer"
    own = sorted(_lines(call, facts))
    return [f"{call.direction} call of {who}: {call.outcome}", *(f"- {line}" for _, line in own)]


def _lines(call: Call, facts: Iterable[Fact]) -> Iterator[tuple[float, str]]:
    for fact in facts:
        match fact:
            case RingAttempt(call_id=call.call_id):
                yield fact.ended_at, f"rang {_who(fact)}: {fact.result}"
            case Leg(call_id=call.call_id):
                yield fact.started_at, f"talked with {_who(fact)}: {fact.ended_by}"
            case Hold(call_id=call.call_id):
                yield fact.started_at, f"was left alone by {fact.agent}: {fact.kind}"
            case Transfer(call_id=call.call_id):
                yield fact.at, f"was handed on by {fact.from_agent} to {fact.to}: {fact.kind}, {fact.result}"
            case QueueVisit(call_id=call.call_id):
                end = f", {fact.talk_ended_by}" if fact.talk_ended_by else ""
                yield fact.joined_at, f"stood in {fact.queue}: {fact.outcome} by {fact.agent}{end}"


def _who(fact: RingAttempt | Leg) -> str:
    name = "" if fact.agent == fact.interface else f" ({fact.agent})"
    queue = f" for {fact.queue}" if fact.queue else ""
    return f"{fact.interface}{name}{queue}"
