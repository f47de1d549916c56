"""Holds what happens within visits against the queue_log, rings and transfers, and direct calls against the CDR."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ringwatch.audit.compare import NOTHING, Pair, Window, places
from ringwatch.audit.reading import Row, Told, Witness
from ringwatch.audit.report import Difference, DifferenceKind, Reason, Report, Side
from ringwatch.core.facts import QUEUE_LOG_PRECISION, RingAttempt, Transfer
from ringwatch.core.queue_log import Line

_UNANSWERED = ("no_answer", "busy", "failed")
_TRANSFERS = {"BLINDTRANSFER": "blind", "TRANSFER": "blind", "ATTENDEDTRANSFER": "attended"}
_COMPLETED = ("COMPLETEAGENT", "COMPLETECALLER")
Where = tuple[str, str, str]
"""Call, queue, agent."""


class PartComparison:
    """Compares rings and transfers.

    :param pairs: visits of which both sides tell: they say whose calls the log's channels are.
    """

    def __init__(self, told: Told, witness: Witness, pairs: Iterable[Pair], window: Window, report: Report) -> None:
        """Prepare."""
        self._told = told
        self._window = window
        self._report = report
        self._calls = {(seen.channel, seen.queue): visit.call_id for visit, seen in pairs}
        self._lines = [line for seen in witness.visits for line in seen.lines]
        self._completed = {
            (self._calls.get((line.call_id, line.queue), line.call_id), line.queue)
            for line in self._lines
            if line.event in _COMPLETED
        }
        self._wanted = {
            *((visit.call_id, visit.queue) for visit in told.visits.values() if window.holds(visit.joined_at)),
            *((seen.channel, seen.queue) for seen in witness.visits if window.holds(seen.joined_at)),
        }
        # The reason for a visit that one side tells in part or not at all is the reason for its rings, too.
        self._reasons = {
            (each.call_id, each.queue): each.reason
            for each in report.explained
            if each.kind in ("only_in_log", "only_in_facts", "outcome")
        }
        # Whoever picked a call up is, to the log, the member who was rung.
        self._pickers = {
            (each.call_id, each.queue, each.witness.says): each.facts.says
            for each in report.explained
            if each.reason == "picked_up"
        }
        self._missing = {
            (each.call_id, each.queue) for each in report.differences if each.kind in ("only_in_log", "only_in_facts")
        }

    def rings(self) -> None:
        """Compare the rings that nobody answered: how often each agent, and for how long."""
        ours: dict[Where, list[RingAttempt]] = defaultdict(list)
        for attempt in self._told.attempts.values():
            if attempt.queue and attempt.result in _UNANSWERED:
                ours[attempt.call_id, attempt.queue, attempt.agent].append(attempt)
        theirs = self._by_agent("RINGNOANSWER")
        for where in self._sorted(ours.keys() | theirs.keys()):
            mine = sorted(ours.get(where, ()), key=lambda attempt: attempt.ended_at)
            others = theirs.get(where, [])
            if len(mine) != len(others):
                told = Side(f"{where[2]} rang {len(mine)} times in vain", places(map(self._told.place, mine)) or None)
                says = Side(f"RINGNOANSWER {len(others)} times", places(line.place for line in others) or None)
                moments = [*(attempt.ended_at for attempt in mine), *(line.at for line in others)]
                self._note("rings", where, told, says, moments)
                continue
            self._report.compared["rings"] += len(mine)
            for attempt, line in zip(mine, others, strict=True):
                self._ring(where, attempt, line)

    def _ring(self, where: Where, attempt: RingAttempt, line: Line) -> None:
        # app_queue's figure is from the dialling on, and in whole seconds where the device gave up.
        lasted, said = attempt.ended_at - attempt.started_at, (line.ring or 0) / 1000
        apart, later = abs(lasted - said), abs(attempt.ended_at - line.at)
        if apart > self._window.tolerance or later > self._window.tolerance + QUEUE_LOG_PRECISION:
            told = Side(f"{where[2]} called for {lasted:.3f} s until {attempt.ended_at:.3f}", self._told.place(attempt))
            says = Side(f"RINGNOANSWER after {line.ring} ms at {line.at:.0f}", line.place)
            self._note("rings", where, told, says, [attempt.ended_at], off_by=max(apart, later))

    def transfers(self) -> None:
        """Compare the transfers that were made: of which kind, and blind ones where to."""
        ours: dict[Where, list[Transfer]] = defaultdict(list)
        for transfer in self._told.transfers.values():
            if transfer.queue and transfer.result == "success":
                ours[transfer.call_id, transfer.queue, transfer.from_agent].append(transfer)
        theirs: dict[Where, list[Line]] = defaultdict(list)
        for (call_id, queue, agent), rows in self._by_agent(*_TRANSFERS).items():
            theirs[call_id, queue, self._pickers.get((call_id, queue, agent), agent)] += rows
        for where in self._sorted(ours.keys() | theirs.keys()):
            mine = sorted(ours.get(where, ()), key=lambda transfer: transfer.at)
            for line in theirs.get(where, ()):
                allowed = self._window.tolerance + QUEUE_LOG_PRECISION
                near = [each for each in mine if abs(each.at - line.at) <= allowed]
                self._transfer(where, near[0] if near else None, line)
                if near:
                    mine.remove(near[0])
            for transfer in mine:
                told = Side(_transfer_of(transfer), self._told.place(transfer))
                reason: Reason | None = "invisible_transfer" if where[:2] in self._completed else None
                self._note("transfer", where, told, NOTHING, [transfer.at], reason=reason)

    def _transfer(self, where: Where, transfer: Transfer | None, line: Line) -> None:
        kind = _TRANSFERS[line.event]
        says = Side(f"{line.event} to {line.text or 'a bridge'}", line.place)
        if transfer is None:
            self._note("transfer", where, NOTHING, says, [line.at])
            return
        self._report.compared["transfers"] += 1
        if transfer.kind != kind or (kind == "blind" and transfer.to != line.text):
            self._note("transfer", where, Side(_transfer_of(transfer), self._told.place(transfer)), says, [line.at])

    def _sorted(self, found: Iterable[Where]) -> list[Where]:
        """Leave out what belongs to visits that are not compared."""
        return sorted(where for where in found if where[:2] in self._wanted)

    def _by_agent(self, *events: str) -> dict[Where, list[Line]]:
        lines: dict[Where, list[Line]] = defaultdict(list)
        for line in self._lines:
            if line.event in events:
                lines[self._calls.get((line.call_id, line.queue), line.call_id), line.queue, line.agent].append(line)
        return lines

    def _note(
        self,
        kind: DifferenceKind,
        where: Where,
        told: Side,
        witness: Side,
        moments: Sequence[float],
        *,
        off_by: float | None = None,
        reason: Reason | None = None,
    ) -> None:
        call_id, queue, _ = where
        if (call_id, queue) in self._missing:
            # The visit itself is, which has been said.
            return
        reason = reason or self._reasons.get((call_id, queue))
        if reason is None and any(self._window.in_gap(at, at) for at in moments):
            reason = "gap"
        difference = Difference(kind, call_id, queue, told, witness, off_by, reason)
        (self._report.explained if reason else self._report.differences).append(difference)


def _transfer_of(transfer: Transfer) -> str:
    return f"{transfer.kind} transfer to {transfer.to}"


def compare_direct_calls(told: Told, rows: Mapping[str, Sequence[Row]], window: Window, report: Report) -> None:
    """Compare calls that no queue saw with their call detail records: answered or not, and for how long."""
    for call in told.calls.values():
        if call.line is None or call.queues or call.outcome == "unknown" or not window.holds(call.started_at):
            continue
        report.compared["direct_calls"] += 1
        own = rows.get(call.call_id, ())
        answered = [row for row in own if row.answered]
        at = places(row.place for row in own) or None
        says = ", ".join(row.disposition for row in own) or "nothing"
        up, billed = call.ended_at - (call.answered_at or call.ended_at), sum(row.billsec for row in answered)
        ours = f"answered, up {up:.3f} s" if call.answered else "not answered"
        # The ends of every record are truncated by themselves.
        allowed = window.tolerance + QUEUE_LOG_PRECISION * max(len(answered) - 1, 0)
        if call.answered != bool(answered) or abs(up - billed) > allowed:
            witness = Side(f"{says}, {billed} s" if answered else says, at)
            off_by = abs(up - billed) if call.answered == bool(answered) else None
            difference = Difference("direct_call", call.call_id, None, Side(ours, told.place(call)), witness, off_by)
            report.differences.append(difference)
