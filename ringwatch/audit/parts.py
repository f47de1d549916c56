"""Holds what happens within visits against the queue_log: rings and transfers, and lines that end a talk once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ringwatch.audit.compare import NOTHING, Pair, places
from ringwatch.audit.reading import Told, Witness
from ringwatch.audit.report import Difference, DifferenceKind, Reason, Report, Side
from ringwatch.audit.unseen import TRANSFERS, Unseen, at_once
from ringwatch.audit.window import Window
from ringwatch.core.facts import QUEUE_LOG_PRECISION, QueueVisit, RingAttempt, Transfer
from ringwatch.core.queue_log import Line

_UNANSWERED = ("no_answer", "busy", "failed")
Where = tuple[str, str, str]
"""Call, queue, agent."""


class PartComparison:
    """Compares rings and transfers.

    :param pairs: visits of which both sides tell: they say whose calls the log's channels are.
    """

    def __init__(
        self,
        told: Told,
        witness: Witness,
        pairs: Sequence[Pair],
        window: Window,
        unseen: Unseen,
        report: Report,
    ) -> None:
        """Prepare."""
        self._told = told
        self._witness = witness
        self._unseen = unseen
        self._pairs = pairs
        self._window = window
        self._report = report
        self._calls = {(seen.channel, seen.queue): visit.call_id for visit, seen in pairs}
        self._lines = [line for seen in witness.visits for line in seen.lines]
        self._left: dict[Where, list[tuple[QueueVisit, Reason]]] = defaultdict(list)
        self._told_late: dict[str, Reason] = {}
        """Why a line stands where it does, by its place."""
        for visit, seen in pairs:
            if visit.agent and seen.visit and (reason := unseen.why(visit, seen)):
                self._left[visit.call_id, visit.queue, visit.agent].append((visit, reason))
                self._told_late[seen.lines[-1].place] = reason
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
        in_turn: dict[tuple[str, str], list[RingAttempt]] = defaultdict(list)
        for attempt in self._told.attempts.values():
            if attempt.queue and attempt.result in _UNANSWERED:
                ours[attempt.call_id, attempt.queue, attempt.agent].append(attempt)
                in_turn[attempt.call_id, attempt.queue].append(attempt)
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
                self._ring(where, attempt, line, in_turn[where[:2]])

    def _ring(self, where: Where, attempt: RingAttempt, line: Line, in_turn: Iterable[RingAttempt]) -> None:
        # app_queue's figure is from the dialling on, and in whole seconds where the device gave up.
        tolerance = self._window.tolerance
        lasted, said = attempt.ended_at - attempt.started_at, (line.ring or 0) / 1000
        apart, later = abs(lasted - said), abs(attempt.ended_at - line.at)
        if apart > tolerance or later > tolerance + QUEUE_LOG_PRECISION:
            whole = any(abs(attempt.ended_at - begun - said) <= tolerance for begun in self._round(attempt, in_turn))
            reason: Reason | None = "round" if whole and later <= tolerance + QUEUE_LOG_PRECISION else None
            told = Side(f"{where[2]} called for {lasted:.3f} s until {attempt.ended_at:.3f}", self._told.place(attempt))
            says = Side(f"RINGNOANSWER after {line.ring} ms at {line.at:.0f}", line.place)
            self._note("rings", where, told, says, [attempt.ended_at], off_by=max(apart, later), reason=reason)

    def _round(self, attempt: RingAttempt, in_turn: Iterable[RingAttempt]) -> Iterator[float]:
        """Find out when the round may have begun in which a phone rang: the figure counts from there.

        Within it phones ring in turn, another one where the last gave up (app_queue.c, wait_for_answer).
        """
        begun, rung = attempt.started_at, {attempt.interface}
        for before in sorted(in_turn, key=lambda each: each.started_at, reverse=True):
            if before.interface not in rung and before.started_at < begun and at_once(before.ended_at, begun):
                begun = before.started_at
                rung.add(before.interface)
                yield begun

    def transfers(self) -> None:
        """Compare the transfers that were made: of which kind, and blind ones where to."""
        ours: dict[Where, list[Transfer]] = defaultdict(list)
        for transfer in self._told.transfers.values():
            if transfer.queue and transfer.result == "success":
                ours[transfer.call_id, transfer.queue, transfer.from_agent].append(transfer)
        theirs: dict[Where, list[Line]] = defaultdict(list)
        for (call_id, queue, agent), rows in self._by_agent(*TRANSFERS).items():
            theirs[call_id, queue, self._pickers.get((call_id, queue, agent), agent)] += rows
        for where in self._sorted(ours.keys() | theirs.keys()):
            mine = sorted(ours.get(where, ()), key=lambda transfer: transfer.at)
            for line in theirs.get(where, ()):
                allowed = self._window.tolerance + QUEUE_LOG_PRECISION
                near = [each for each in mine if abs(each.at - line.at) <= allowed]
                if line.place in self._told_late:
                    near = []
                self._transfer(where, near[0] if near else None, line)
                if near:
                    mine.remove(near[0])
            for transfer in mine:
                told = Side(_transfer_of(transfer), self._told.place(transfer))
                self._note("transfer", where, told, NOTHING, [transfer.at], reason=self._why_not_seen(where, transfer))

    def _why_not_seen(self, where: Where, transfer: Transfer) -> Reason | None:
        if self._unseen.in_consultation(transfer):
            return "consultation"
        near = (why for visit, why in self._left[where] if abs(visit.ended_at - transfer.at) <= self._window.tolerance)
        return next(near, None)

    def _transfer(self, where: Where, transfer: Transfer | None, line: Line) -> None:
        kind = TRANSFERS[line.event]
        says = Side(f"{line.event} to {line.text or 'a bridge'}", line.place)
        if transfer is None:
            self._note("transfer", where, NOTHING, says, [line.at], reason=self._told_late.get(line.place))
            return
        self._report.compared["transfers"] += 1
        if transfer.kind != kind or (kind == "blind" and transfer.to != line.text):
            self._note("transfer", where, Side(_transfer_of(transfer), self._told.place(transfer)), says, [line.at])

    def ended_again(self) -> None:
        """Judge the lines that end a talk once more: only who hands a caller on by hanging up ends it twice."""
        twice = {
            (seen.channel, seen.queue, visit.agent) for visit, seen in self._pairs if self._unseen.may_end_twice(visit)
        }
        for line in self._witness.again:
            if (line.call_id, line.queue, line.agent) not in twice and self._window.holds(line.at):
                says = Side(f"{line.event}: the talk has ended before", line.place)
                self._report.differences.append(Difference("misfit", line.call_id, line.queue, NOTHING, says))

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
