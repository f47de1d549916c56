"""Holds facts against what Asterisk wrote itself: visits against queue_log, direct calls against CDR.

What agreement means is written in tests/captures/README.md. Every disagreement is one readable line, with both sides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ringwatch.core.facts import Call, QueueVisit, Record, RingAttempt
from tests.asterisk.records import Cdr, QueueLine

TOLERANCE = 1.2
"""Seconds; Asterisk's figures are whole seconds, each end of an interval truncated by itself."""

_ENDS = {
    "CONNECT": "answered",
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "EXITEMPTY": "empty",
    "EXITWITHKEY": "key_exit",
}
# Position of the talk time among the arguments of a line that ends a talk.
_TALK = {"COMPLETEAGENT": 1, "COMPLETECALLER": 1, "BLINDTRANSFER": 3, "ATTENDEDTRANSFER": 3}
_WAIT = {"CONNECT": 0, "ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITEMPTY": 2, "EXITWITHKEY": 3}
_NEVER_IN_LINE = ("refused_full", "refused_empty")


@dataclass
class Witnessed:
    """One visit as queue_log tells it."""

    call_id: str
    queue: str
    outcome: str | None = None
    agent: str | None = None
    wait: int = 0
    talk: int | None = None
    ended: str | None = None


@dataclass(frozen=True)
class Difference:
    """One disagreement: which call, and both sides in words."""

    call_id: str
    what: str

    def __str__(self) -> str:
        return f"{self.call_id}: {self.what}"


def witnessed(lines: Iterable[QueueLine]) -> dict[tuple[str, str], list[Witnessed]]:
    """Read visits out of a queue_log, in order, by call and queue."""
    visits: dict[tuple[str, str], list[Witnessed]] = defaultdict(list)
    for line in lines:
        key = (line.call_id, line.queue)
        if line.event == "ENTERQUEUE":
            visits[key].append(Witnessed(line.call_id, line.queue))
        elif line.event in _ENDS:
            visit = visits[key][-1]
            visit.outcome = _ENDS[line.event]
            visit.wait = int(line.args[_WAIT[line.event]])
            visit.agent = line.agent if line.event == "CONNECT" else None
        elif line.event in _TALK:
            visit = visits[key][-1]
            visit.talk, visit.ended = int(line.args[_TALK[line.event]]), line.event
    return visits


def compare_visits(records: Sequence[Record], lines: Sequence[QueueLine]) -> tuple[int, list[Difference]]:
    """Compare all visits and rings; return how many visits were compared, and the disagreements.

    A visit that neither side saw end is left out: the recording stopped before it did.
    """
    told: dict[tuple[str, str], list[QueueVisit]] = defaultdict(list)
    for record in records:
        if isinstance(record, QueueVisit) and record.outcome not in _NEVER_IN_LINE:
            told[record.uniqueid, record.queue].append(record)
    seen = witnessed(lines)
    differences: list[Difference] = []
    compared = 0
    for key in sorted(told.keys() | seen.keys()):
        ours, theirs = told.get(key, []), seen.get(key, [])
        if len(ours) != len(theirs):
            differences.append(Difference(key[0], f"{key[1]}: {len(ours)} visits told, {len(theirs)} in queue_log"))
        for fact, line in zip(ours, theirs, strict=False):
            if fact.outcome == "unknown" and line.outcome is None:
                continue
            compared += 1
            differences += [Difference(key[0], f"{key[1]}: {what}") for what in _visit(fact, line)]
    return compared, differences + list(_rings(records, lines))


def _visit(fact: QueueVisit, line: Witnessed) -> Iterable[str]:
    outcome = "abandoned" if fact.outcome == "short_abandoned" else fact.outcome
    if outcome != line.outcome:
        yield f"outcome {outcome} told, {line.outcome} in queue_log"
        return
    if fact.agent != line.agent:
        yield f"agent {fact.agent} told, {line.agent} in queue_log"
    if abs(fact.wait_seconds - line.wait) > TOLERANCE:
        yield f"wait {fact.wait_seconds} told, {line.wait} in queue_log"
    talk = fact.talk_seconds + fact.hold_seconds
    if line.talk is not None and abs(talk - line.talk) > TOLERANCE:
        yield f"talk {talk:.3f} told, {line.talk} in queue_log ({line.ended})"


def _rings(records: Iterable[Record], lines: Iterable[QueueLine]) -> Iterable[Difference]:
    unanswered = ("no_answer", "busy", "failed")
    known_as = {(each.call_id, each.queue): each.uniqueid for each in records if isinstance(each, QueueVisit)}
    ours = Counter(
        (known_as.get((each.call_id, each.queue), each.call_id), each.queue, each.agent)
        for each in records
        if isinstance(each, RingAttempt) and each.queue and each.result in unanswered
    )
    theirs = Counter((line.call_id, line.queue, line.agent) for line in lines if line.event == "RINGNOANSWER")
    for call_id, queue, agent in sorted(ours.keys() | theirs.keys(), key=str):
        key = (call_id, queue, agent)
        if ours[key] != theirs[key]:
            what = f"{queue}: {agent} did not answer {ours[key]} times told, {theirs[key]} in queue_log"
            yield Difference(str(call_id), what)


def compare_direct_calls(records: Sequence[Record], rows: Sequence[Cdr]) -> tuple[int, list[Difference]]:
    """Compare calls that no queue saw with their CDR rows: disposition, and the time from the answer to the end."""
    by_call: dict[str, list[Cdr]] = defaultdict(list)
    for row in rows:
        by_call[row.uniqueid].append(row)
    differences: list[Difference] = []
    compared = 0
    for call in records:
        if not isinstance(call, Call) or call.line is None or call.queues or call.outcome == "unknown":
            continue
        compared += 1
        own = by_call.get(call.call_id, [])
        answered = [row for row in own if row.disposition == "ANSWERED"]
        if call.answered != bool(answered):
            found = [row.disposition for row in own]
            differences.append(Difference(call.call_id, f"direct: answered {call.answered} told, {found} in CDR"))
        elif call.answered_at is not None:
            up, billed = call.ended_at - call.answered_at, sum(row.billsec for row in answered)
            if abs(up - billed) > TOLERANCE:
                differences.append(Difference(call.call_id, f"direct: up {up:.3f} s told, {billed} s in CDR"))
    return compared, differences
