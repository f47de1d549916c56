"""The series of the call-back ledger: how many callers are owed a call-back, and how those that were have been settled.

* ``ringwatch_callbacks_owed{overdue="true"}`` are those that are overdue, ``overdue="false"`` the others.
* ``ringwatch_callbacks_settled_total{by}``: by the ``caller``, who called again and was answered, or by the ``desk``.
"""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from ringwatch.core.facts import Callback, SettledBy
from ringwatch.core.readings import CallbacksReading
from ringwatch.sinks.families import Family


class CallbackMetrics:
    """Shows the last reading of every queue and line, and counts what was settled."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the families."""
        where = ("pbx", "queue")
        text = "Callers who are owed a call-back now, under the queue or line asked first."
        self._owed = Family(Gauge("ringwatch_callbacks_owed", text, (*where, "overdue"), registry=registry))
        text = "Call-backs that were owed, until the caller called again and was answered, or the desk called back."
        self._settled = Family(Counter("ringwatch_callbacks_settled", text, (*where, "by"), registry=registry))

    def zero(self, pbx: str, queue: str) -> None:
        """Let the series of a queue or line exist."""
        for overdue in ("false", "true"):
            self._owed(pbx, queue, overdue)
        for by in get_args(SettledBy):
            self._settled(pbx, queue, by)

    def apply(self, told: Callback | CallbacksReading) -> None:
        """Count what was settled; show a reading in the place of the one before."""
        if isinstance(told, CallbacksReading):
            self._owed(told.pbx, told.queue, "false").set(told.owed - told.overdue)
            self._owed(told.pbx, told.queue, "true").set(told.overdue)
        elif told.by:
            self._settled(told.pbx, told.queue, told.by).inc()
