"""Which moments an audit is about, and which of them each side was there for."""

from __future__ import annotations

from ringwatch.audit.reading import Seen, Told, Witness
from ringwatch.audit.report import Reason
from ringwatch.core.facts import QUEUE_LOG_PRECISION, QueueVisit

REFUSED = ("refused_full", "refused_empty")


class Window:
    """Which moments count, and which of them each side was there for.

    :param within: only visits that were joined from the first of these moments to the second.
    """

    def __init__(self, told: Told, witness: Witness, tolerance: float, within: tuple[float, float]) -> None:
        """Look at what both sides cover."""
        self._told = told
        self._witness = witness
        self._within = within
        self.tolerance = tolerance

    def holds(self, at: float) -> bool:
        """Tell whether a visit that was joined at a moment is to be compared."""
        return self._within[0] <= at < self._within[1]

    def in_gap(self, begins: float, ends: float) -> bool:
        """Tell whether ringwatch did not listen for some of a time."""
        slack = QUEUE_LOG_PRECISION
        return any(gap.from_ - slack <= ends and begins <= gap.to + slack for gap in self._told.gaps)

    def why_not_told(self, seen: Seen) -> Reason | None:
        """Return why the facts may lack a visit that the log has."""
        ends = seen.visit.ended_at if seen.visit else seen.lines[-1].at
        if self.in_gap(seen.joined_at, ends):
            return "gap"
        return self._beside(self._told.span, seen.joined_at, ends if seen.visit else None)

    def why_not_logged(self, visit: QueueVisit) -> Reason | None:
        """Return why the log may lack a visit that the facts have."""
        if visit.outcome in REFUSED:
            return "refused"
        return self._beside(self._witness.span, visit.joined_at, visit.ended_at)

    def _beside(self, span: tuple[float, float] | None, begins: float, ends: float | None) -> Reason | None:
        if span is None:
            return None
        if begins > span[1] + self.tolerance or (ends is not None and ends < span[0] - self.tolerance):
            return "outside"
        if begins < span[0] - self.tolerance or ends is None or ends > span[1] + self.tolerance:
            return "in_progress"
        return None

    def after_the_log(self, at: float) -> bool:
        """Tell whether the log ends before a moment."""
        return self._witness.span is None or at > self._witness.span[1] - self.tolerance

    def at_the_end_of_the_facts(self, at: float) -> bool:
        """Tell whether a moment is the last of which there are facts: ringwatch was stopped."""
        return self._told.span is None or at >= self._told.span[1] - self.tolerance
