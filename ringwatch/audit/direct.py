"""Holds calls that no queue saw against their call detail records: answered or not, and for how long.

A record is a pair of channels, the caller's and a phone's or the parking lot's. It ends when the two part, and begins
with the next pair; while the agent is away to consult somebody there may be none. So the records of a caller who was
handed on, parked or left alone for a consultation are several, each truncated by itself, and do not add up to the time
from the answer to the end. They fit all the same if

* the first of those that were answered begins with the answer;
* together they leave no time uncovered but a consultation, or the tone after the last phone was busy;
* each ends when, by the facts, caller and phone parted.

Times are the PBX's local ones or UTC (``usegmtime`` in cdr.conf), which is not asked: zones are whole quarters of an
hour apart, and a call's first record begins with the call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ringwatch.audit.compare import places
from ringwatch.audit.reading import Row, Told
from ringwatch.audit.report import Difference, Report, Side
from ringwatch.audit.window import Window
from ringwatch.core.facts import Call, Hold, Transfer

_QUARTER_SECONDS = 900
_NOBODY = ("BUSY", "CONGESTION", "FAILED")
Span = tuple[float, float]


class DirectComparison:
    """Compares direct calls and writes what it finds into a report."""

    def __init__(self, told: Told, rows: Mapping[str, Sequence[Row]], window: Window, report: Report) -> None:
        """Sort the facts by call."""
        self._told = told
        self._rows = rows
        self._window = window
        self._report = report
        self._leg_ends: dict[str, list[float]] = defaultdict(list)
        self._parted: dict[str, list[Transfer | Hold]] = defaultdict(list)
        for leg in told.legs.values():
            self._leg_ends[leg.call_id].append(leg.ended_at)
        for transfer in told.transfers.values():
            self._parted[transfer.call_id].append(transfer)
        for hold in told.holds.values():
            if hold.kind != "hold":
                self._parted[hold.call_id].append(hold)

    def calls(self) -> None:
        """Compare all of them."""
        for call in self._told.calls.values():
            if call.line is None or call.queues or call.outcome == "unknown" or not self._window.holds(call.started_at):
                continue
            self._report.compared["direct_calls"] += 1
            self._call(call, self._rows.get(call.call_id, ()))

    def _call(self, call: Call, own: Sequence[Row]) -> None:
        answered = [row for row in own if row.answered]
        same = call.answered == bool(answered)
        up, billed = call.ended_at - (call.answered_at or call.ended_at), sum(row.billsec for row in answered)
        adds_up = same and abs(up - billed) <= self._window.tolerance
        parted = self._parted[call.call_id] if answered else []
        fits = same and bool(parted) and self._fits(call, own, parted)
        if adds_up and (fits or not parted):
            return
        at = places(row.place for row in own) or None
        says = ", ".join(row.disposition for row in own) or "nothing"
        told = Side(f"answered, up {up:.3f} s" if call.answered else "not answered", self._told.place(call))
        witness = Side(f"{says}, {billed} s" if answered else says, at)
        off_by = abs(up - billed) if same else None
        difference = Difference("direct_call", call.call_id, None, told, witness, off_by, "parted" if fits else None)
        (self._report.explained if fits else self._report.differences).append(difference)

    def _fits(self, call: Call, own: Sequence[Row], parted: Sequence[Transfer | Hold]) -> bool:
        """Tell whether the records of a call whose caller and phones parted fit the facts piece by piece."""
        rows = sorted((row.answer, row.end, row.disposition) for row in own if row.answer is not None)
        first = min(row.start for row in own)
        apart = round((first - call.started_at) / _QUARTER_SECONDS) * _QUARTER_SECONDS
        taken = [(answer - apart, end - apart) for answer, end, _ in rows]
        away: list[Span] = []
        ends = [call.ended_at, *self._leg_ends[call.call_id]]
        for part in parted:
            if isinstance(part, Transfer):
                ends.append(part.at)
            elif part.kind == "consultation":
                away.append((part.started_at, part.ended_at))
            else:
                ends += [part.started_at, part.ended_at]
        moments = [*away, *((at, at) for at in ends)]
        return (
            self._close(taken[0][0], call.answered_at or 0.0)
            and self._covers([*taken, *away], call, tone=rows[-1][2] in _NOBODY)
            and all(self._in(end, moments) for _, end in taken)
        )

    def _covers(self, spans: Sequence[Span], call: Call, *, tone: bool) -> bool:
        until = call.answered_at or 0.0
        for begins, ends in sorted(spans):
            if begins > until + self._window.tolerance:
                return False
            until = max(until, ends)
        return self._close(until, call.ended_at) or (tone and until < call.ended_at)

    def _in(self, at: float, spans: Sequence[Span]) -> bool:
        return any(self._close(min(max(at, begins), ends), at) for begins, ends in spans)

    def _close(self, at: float, moment: float) -> bool:
        return abs(at - moment) <= self._window.tolerance
