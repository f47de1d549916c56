"""Holds visits against the queue_log's, one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ringwatch.audit.reading import Seen, Told, Witness
from ringwatch.audit.report import Difference, DifferenceKind, Reason, Report, Side
from ringwatch.audit.unseen import Unseen
from ringwatch.audit.window import REFUSED, Window
from ringwatch.core.facts import QUEUE_LOG_PRECISION, QueueVisit
from ringwatch.core.queue_log import lost, plain
from ringwatch.core.queue_log.healing import JOIN_SLACK_SECONDS, channel_of

NOTHING = Side("nothing")
Pair = tuple[QueueVisit, Seen]
"""The two tellings of one stay."""


def pairs_of(told: Told, witness: Witness) -> tuple[list[Pair], list[QueueVisit], list[Seen]]:
    """Find the two tellings of each stay; return them, and what only one side tells.

    Stays of one channel in one queue are matched in order where both sides tell as many, else by the time of joining.
    """
    ours: dict[tuple[str, str], list[QueueVisit]] = defaultdict(list)
    theirs: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for visit in told.visits.values():
        ours[channel_of(visit), "" if visit.outcome in REFUSED else visit.queue].append(visit)
    for seen in witness.visits:
        theirs[seen.channel, seen.queue].append(seen)
    pairs: list[Pair] = []
    only_told: list[QueueVisit] = []
    only_seen: list[Seen] = []
    for where in sorted(ours.keys() | theirs.keys()):
        mine = sorted(ours.get(where, ()), key=lambda visit: visit.joined_at)
        others = sorted(theirs.get(where, ()), key=lambda seen: seen.joined_at)
        if len(mine) == len(others):
            pairs += zip(mine, others, strict=True)
            continue
        for visit in mine:
            # The log truncates: on average it is half a second early.
            apart = {id(seen): abs(visit.joined_at - seen.joined_at - 0.5) for seen in others}
            near = min(others, key=lambda each: apart[id(each)], default=None)
            if near is None or apart[id(near)] > JOIN_SLACK_SECONDS:
                only_told.append(visit)
                continue
            pairs.append((visit, near))
            others.remove(near)
        only_seen += others
    return pairs, only_told, only_seen


class VisitComparison:
    """Compares visits and writes what it finds into a report."""

    def __init__(self, told: Told, window: Window, unseen: Unseen, report: Report) -> None:
        """Prepare."""
        self._told = told
        self._window = window
        self._unseen = unseen
        self._report = report

    def pair(self, visit: QueueVisit, seen: Seen) -> None:
        """Compare the two tellings of one stay."""
        if seen.visit is None or lost(seen.visit):
            self._without_end(visit, seen)
            return
        self._report.compared["visits"] += 1
        if lost(visit):
            reason: Reason | None = None
            if self._window.in_gap(visit.joined_at, visit.ended_at):
                reason = "gap"
            elif self._window.at_the_end_of_the_facts(visit.ended_at):
                reason = "in_progress"
            self._outcome(visit, seen, reason)
            return
        if plain(visit) != plain(seen.visit):
            self._outcome(visit, seen, None)
            return
        self._details(visit, seen, seen.visit)

    def only_told(self, visit: QueueVisit) -> None:
        """Take down a visit that the log lacks."""
        told = Side(_outcome_of(visit), self._told.place(visit))
        reason = self._window.why_not_logged(visit)
        self._note("only_in_facts", visit.call_id, visit.queue, told, NOTHING, reason=reason)

    def only_seen(self, seen: Seen) -> None:
        """Take down a visit that the facts lack."""
        reason = self._window.why_not_told(seen)
        says = Side(_outcome_of(seen.visit) if seen.visit else "waiting or talking", _places(seen))
        self._note("only_in_log", seen.channel, seen.queue, NOTHING, says, reason=reason)

    def _without_end(self, visit: QueueVisit, seen: Seen) -> None:
        """Judge a visit of which the log does not tell the end."""
        reason: Reason | None = None
        if seen.visit:
            reason = "no_end"
        elif lost(visit) or self._window.after_the_log(self._unseen.until(visit)):
            reason = "in_progress"
        self._outcome(visit, seen, reason)

    def _outcome(self, visit: QueueVisit, seen: Seen, reason: Reason | None) -> None:
        says = _outcome_of(seen.visit) if seen.visit else "no end"
        told = Side(_outcome_of(visit), self._told.place(visit))
        self._note("outcome", visit.call_id, visit.queue, told, Side(says, _places(seen)), reason=reason)

    def _details(self, visit: QueueVisit, seen: Seen, log: QueueVisit) -> None:
        # Where a Local channel was taken out of the caller's way, the end is told by the channel that took its place.
        for line in seen.lines:
            if line.call_id not in (seen.channel, visit.call_id):
                self._differ("misfit", visit, seen, f"call {visit.call_id}", f"{line.event} of {line.call_id}")
        if visit.agent != log.agent:
            why: Reason | None = "picked_up" if self._told.picked_up(visit, log.agent or "") else None
            self._differ("agent", visit, seen, visit.agent or "nobody", log.agent or "nobody", why)
        self._amount("wait", visit, seen, visit.wait_seconds, log.wait_seconds)
        # A moment is truncated, and one of a visit found on attaching is reckoned back from whole seconds.
        slack = QUEUE_LOG_PRECISION
        self._amount("joined", visit, seen, visit.joined_at, log.joined_at, slack=slack)
        for line in seen.lines:
            if line.event == "CONNECT":
                self._amount("answered", visit, seen, visit.joined_at + visit.wait_seconds, line.at, slack=slack)
        if visit.ordinal != log.ordinal and self._countable(visit):
            self._differ("ordinal", visit, seen, f"stay {visit.ordinal}", f"stay {log.ordinal}")
        reason = self._unseen.why(visit, seen)
        if (visit.talk_ended_by == "transfer") != (log.talk_ended_by == "transfer"):
            self._differ("ended_by", visit, seen, str(visit.talk_ended_by), seen.lines[-1].event, reason)
        talk = visit.talk_seconds + visit.hold_seconds
        if not self._amount("talk", visit, seen, talk, log.talk_seconds, reason=reason):
            # Else the end differs with it, which is nothing more.
            self._amount("ended", visit, seen, visit.ended_at, log.ended_at, slack=slack, reason=reason)

    def _countable(self, visit: QueueVisit) -> bool:
        """Tell whether the log was there from the beginning of a call, which its Uniqueid says, and so counts right."""
        span = self._report.log_span
        began = visit.call_id.rpartition("-")[2].partition(".")[0]
        in_person = channel_of(visit) == visit.call_id
        return in_person and began.isdecimal() and span is not None and float(began) >= span[0]

    def _amount(
        self,
        kind: DifferenceKind,
        visit: QueueVisit,
        seen: Seen,
        ours: float,
        theirs: float,
        *,
        slack: float = 0.0,
        reason: Reason | None = None,
    ) -> bool:
        off_by = abs(ours - theirs)
        if off_by <= self._window.tolerance + slack:
            return False
        self._differ(kind, visit, seen, f"{kind} {ours:.3f}", f"{kind} {theirs:.0f}", reason, off_by)
        return True

    def _differ(
        self,
        kind: DifferenceKind,
        visit: QueueVisit,
        seen: Seen,
        ours: str,
        theirs: str,
        reason: Reason | None = None,
        off_by: float | None = None,
    ) -> None:
        told = Side(ours, self._told.place(visit))
        self._note(kind, visit.call_id, visit.queue, told, Side(theirs, _places(seen)), off_by=off_by, reason=reason)

    def _note(
        self,
        kind: DifferenceKind,
        call_id: str,
        queue: str,
        told: Side,
        witness: Side,
        *,
        off_by: float | None = None,
        reason: Reason | None = None,
    ) -> None:
        difference = Difference(kind, call_id, queue, told, witness, off_by, reason)
        (self._report.explained if reason else self._report.differences).append(difference)


def compare_visits(told: Told, witness: Witness, window: Window, unseen: Unseen, report: Report) -> list[Pair]:
    """Compare all visits; return the pairs, by which channels of the log are known to be whose calls."""
    pairs, only_told, only_seen = pairs_of(told, witness)
    comparison = VisitComparison(told, window, unseen, report)
    for visit, seen in pairs:
        if window.holds(visit.joined_at):
            comparison.pair(visit, seen)
    for visit in only_told:
        if window.holds(visit.joined_at):
            comparison.only_told(visit)
    for seen in only_seen:
        if window.holds(seen.joined_at):
            comparison.only_seen(seen)
    return pairs


def _outcome_of(visit: QueueVisit) -> str:
    end = f", end {visit.talk_ended_by}" if visit.talk_ended_by == "unknown" else ""
    return f"{visit.outcome}{f' by {visit.agent}' if visit.agent else ''}{end}"


def _places(seen: Seen) -> str:
    """Name the lines of a visit: file, and the numbers of its lines in it."""
    return places(line.place for line in seen.lines)


def places(at: Iterable[str]) -> str:
    """Join places of one file: ``queue_log:3,7``."""
    by_file: dict[str, list[str]] = {}
    for place in at:
        file, _, number = place.rpartition(":")
        numbers = by_file.setdefault(file, [])
        if number not in numbers:
            numbers.append(number)
    return " ".join(f"{file}:{','.join(numbers)}" for file, numbers in by_file.items())
