"""Holds facts against the simulated desk's own ledger, call by call: the ledger is what really happened there.

Every disagreement is one readable line. What is compared: visits (outcome, agent, wait, position), ring attempts
(result, how long it rang), legs (who, how long, who ended it), holds, transfers, and calls from first to last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ringwatch.core.facts import Call, Hold, Leg, QueueVisit, Record, RingAttempt, Transfer
from ringwatch.simulator import Plan, ledger

SAME = 0.05
"""Seconds: both sides measure by stamps of the stream, at most by those of two blocks of one deed."""

T = TypeVar("T")


class Truth:
    """A ledger, or the part of it that is to be compared."""

    def __init__(self, plan: Plan, entries: Iterable[ledger.Entry], since: float = 0.0) -> None:
        """Keep what belongs to calls that began after an instant and are over."""
        self._entries = list(entries)
        self.calls = {call.call_id: call for call in self._of(ledger.Call) if call.started_at > since}
        # No queue names the phones outside of queues: they are called by their device.
        self._names = {phone.name: phone.interface for phone in plan.phones}

    def _of(self, kind: type[T]) -> list[T]:
        return [entry for entry in self._entries if isinstance(entry, kind)]

    def disagreements(self, facts: Sequence[Record]) -> list[str]:
        """Return every disagreement, one readable line each."""
        return [
            *self._calls(facts),
            *self._visits(facts),
            *self._attempts(facts),
            *self._legs(facts),
            *self._holds(facts),
            *self._transfers(facts),
        ]

    def _calls(self, facts: Sequence[Record]) -> Iterator[str]:
        told = {fact.call_id: fact for fact in facts if isinstance(fact, Call) and fact.call_id in self.calls}
        legs = _by_call(self._of(ledger.Leg))
        for call_id, call in self.calls.items():
            fact = told.get(call_id)
            if fact is None:
                yield f"{call_id}: the call was not told"
                continue
            # Who talked was answered, however the last transfer went.
            outcome = "answered" if call.legs else call.outcome
            yield from _differ(call_id, "call outcome", outcome, _plain(fact.outcome))
            yield from _differ(call_id, "caller", call.caller, fact.caller)
            yield from _differ(call_id, "transfers", call.transfers, fact.transfers)
            yield from _far(call_id, "call began", call.started_at, fact.started_at)
            yield from _far(call_id, "call ended", call.ended_at, fact.ended_at)
            if call_id in legs:
                yield from _far(call_id, "call answered", legs[call_id][0].started_at, fact.answered_at or 0.0)

    def _visits(self, facts: Sequence[Record]) -> Iterator[str]:
        real = {(each.call_id, each.queue, each.ordinal): each for each in self._of(ledger.Visit)}
        told = {(each.call_id, each.queue, each.ordinal): each for each in facts if isinstance(each, QueueVisit)}
        for key in sorted(real.keys() | told.keys()):
            if key[0] not in self.calls:
                continue
            visit, fact, who = real.get(key), told.get(key), "/".join(map(str, key))
            if visit is None or fact is None:
                yield f"{who}: the visit is only in the {'facts' if fact else 'ledger'}"
                continue
            yield from _differ(who, "visit outcome", visit.outcome, _plain(fact.outcome))
            yield from _differ(who, "agent", visit.agent, fact.agent)
            yield from _differ(who, "position", visit.position, fact.position)
            yield from _far(who, "joined", visit.joined_at, fact.joined_at)
            yield from _far(who, "wait", visit.wait_seconds, fact.wait_seconds)

    def _attempts(self, facts: Sequence[Record]) -> Iterator[str]:
        real = _by_call(self._of(ledger.RingAttempt))
        told = _by_call(fact for fact in facts if isinstance(fact, RingAttempt))
        for call_id in self.calls:
            ours = sorted(told.get(call_id, []), key=lambda each: (each.interface, each.ended_at))
            theirs = sorted(real.get(call_id, []), key=lambda each: (each.interface, each.ended_at))
            yield from _differ(call_id, "number of ring attempts", len(theirs), len(ours))
            for attempt, fact in zip(theirs, ours, strict=False):
                who = f"{call_id}: {attempt.interface}"
                yield from _differ(who, "rung by", attempt.queue, fact.queue)
                yield from _differ(who, "agent", self._called(attempt.agent), fact.agent)
                yield from _differ(who, "ring result", attempt.result, fact.result)
                yield from _far(who, "rang", attempt.ended_at - attempt.started_at, fact.ring_seconds)

    def _legs(self, facts: Sequence[Record]) -> Iterator[str]:
        real = _by_call(self._of(ledger.Leg))
        told = _by_call(fact for fact in facts if isinstance(fact, Leg))
        for call_id in self.calls:
            ours, theirs = told.get(call_id, []), real.get(call_id, [])
            yield from _differ(call_id, "number of legs", len(theirs), len(ours))
            for leg, fact in zip(theirs, ours, strict=False):
                who = f"{call_id}: leg with {leg.interface}"
                yield from _differ(who, "queue", leg.queue, fact.queue)
                yield from _differ(who, "agent", self._called(leg.agent), fact.agent)
                yield from _differ(who, "interface", leg.interface, fact.interface)
                yield from _differ(who, "ended by", leg.ended_by, fact.ended_by)
                yield from _far(who, "held", leg.hold_seconds, fact.hold_seconds)
                yield from _far(who, "talked", leg.talk_seconds, fact.talk_seconds + fact.hold_seconds)

    def _holds(self, facts: Sequence[Record]) -> Iterator[str]:
        real = Counter((h.call_id, self._called(h.agent), str(h.kind)) for h in self._of(ledger.Hold))
        told = Counter((h.call_id, h.agent, str(h.kind)) for h in facts if isinstance(h, Hold))
        yield from self._counts("holds", real, told)

    def _transfers(self, facts: Sequence[Record]) -> Iterator[str]:
        real = Counter(
            (t.call_id, self._called(t.from_agent), f"{t.kind} to {t.to}, success") for t in self._of(ledger.Transfer)
        )
        told = Counter(
            (t.call_id, t.from_agent, f"{t.kind} to {t.to}, {t.result}") for t in facts if isinstance(t, Transfer)
        )
        yield from self._counts("transfers", real, told)

    def _counts(
        self, what: str, real: Counter[tuple[str, str, str]], told: Counter[tuple[str, str, str]]
    ) -> Iterator[str]:
        for key in sorted(real.keys() | told.keys()):
            if key[0] in self.calls:
                yield from _differ(": ".join(key), what, real[key], told[key])

    def _called(self, name: str) -> str:
        return self._names.get(name, name)


def _by_call(entries: Iterable[T]) -> Mapping[str, list[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for entry in entries:
        call_id: str = entry.call_id  # type: ignore[attr-defined]
        found[call_id].append(entry)
    return found


def _plain(outcome: str) -> str:
    # The desk knows how long somebody waited, not whether that is called short.
    return "abandoned" if outcome == "short_abandoned" else outcome


def _differ(who: str, what: str, real: object, told: object) -> Iterator[str]:
    if real != told:
        yield f"{who}: {what} was {real}, told {told}"


def _far(who: str, what: str, real: float, told: float) -> Iterator[str]:
    if abs(real - told) > SAME:
        yield f"{who}: {what} {real:.3f}, told {told:.3f}"
