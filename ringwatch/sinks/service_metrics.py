"""The series of how callers were served: offered, ended, waits, rings, the third-ring rule, hops and bounces.

* Whether a caller was served in time is counted as soon as it is known: at the answer, or when the caller is lost; all
  else at the end. What was not told when it happened (a queue_log) is counted at the end as well.
* A visit is told under its queue, a call that no queue saw under its direct line, and what is of a caller's whole
  journey under the queue or line asked first.
* The waits of rare outcomes appear with their first caller; all else is there with zero from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from ringwatch.core.facts import Call, Outcome, QueueVisit
from ringwatch.core.readings import CallAnswered, CallOffered, Key
from ringwatch.core.standards import Policy
from ringwatch.sinks.families import Family

WAIT_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
RING_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10)
HOP_BUCKETS = (0, 1, 2, 3, 5)

# Callers turned away at the door have not waited.
_NO_WAIT = frozenset({"refused_full", "refused_empty"})
_COMMON_WAITS = ("answered", "abandoned", "timeout")
_JUDGED = ("answered", "abandoned", "short_abandoned")


class ServiceMetrics:
    """Counts callers.

    :param policies: by PBX.
    """

    def __init__(self, registry: CollectorRegistry, policies: Mapping[str, Policy]) -> None:
        """Register the families."""
        self._policies = policies
        queue = ("pbx", "queue")

        def counter(name: str, text: str, *labels: str) -> Family[Counter]:
            return Family(Counter(f"ringwatch_{name}", text, (*queue, *labels), registry=registry))

        def histogram(name: str, text: str, buckets: tuple[int, ...], *labels: str) -> Family[Histogram]:
            return Family(Histogram(f"ringwatch_{name}", text, (*queue, *labels), registry=registry, buckets=buckets))

        self._offered = counter("calls_offered", "Callers who asked to be served.", "hours")
        self._ended = counter("calls", "Callers by how it ended for them.", "hours", "outcome")
        self._waits = histogram("wait_seconds", "Wait of a caller until the end of it.", WAIT_BUCKETS, "outcome")
        self._rings = histogram("answer_rings", "Rings until the answer.", RING_BUCKETS, "heard_by")
        self._third_ring = counter("third_ring", "Callers in time by the third-ring rule, or not.", "hours", "result")
        self._levels = counter(
            "service_level_calls",
            "Callers answered, or lost by hanging up, by whether that was within the seconds of the service level.",
            "hours",
            "outcome",
            "within",
        )
        self._hops = histogram("call_hops", "Transfers of a caller, under the queue or line asked first.", HOP_BUCKETS)
        self._bounces = counter(
            "bounces", "Returns of a caller to a queue or agent, under the queue or line asked first."
        )

        self._bounced = counter(
            "callers_bounced", "Callers who returned to a queue or agent, under the queue or line asked first."
        )
        self._answered: set[Key] = set()
        """Callers who talk, and have been counted as answered."""

    def zero(self, pbx: str, queue: str) -> None:
        """Let the series of a queue or line exist."""
        self._hops(pbx, queue)
        self._bounces(pbx, queue)
        self._bounced(pbx, queue)
        for outcome in _COMMON_WAITS:
            self._waits(pbx, queue, outcome)
        for heard_by in ("agent", "desk", "caller"):
            self._rings(pbx, queue, heard_by)
        for hours in self._policies[pbx].hours_told(queue):
            self._offered(pbx, queue, hours)
            for outcome in get_args(Outcome):
                self._ended(pbx, queue, hours, outcome)
            for result in ("met", "missed"):
                self._third_ring(pbx, queue, hours, result)
            for outcome in _JUDGED:
                for within in ("true", "false"):
                    self._levels(pbx, queue, hours, outcome, within)

    def offered(self, offered: CallOffered) -> None:
        """Count who asks."""
        self._offered(offered.pbx, offered.queue, offered.hours).inc()

    def answered(self, answered: CallAnswered) -> None:
        """Judge who is answered."""
        self._answered.add(answered.key)
        self._judge(answered, answered.queue, "answered")

    def visit(self, visit: QueueVisit) -> None:
        """Count how a queue served a caller."""
        self._served(visit, visit.queue, visit.ordinal)
        if visit.outcome == "answered":
            heard = (("agent", visit.agent_rings), ("desk", _all_rings(visit)), ("caller", visit.caller_rings))
            self.rung(visit.pbx, visit.queue, heard)

    def call(self, call: Call) -> None:
        """Count a caller's whole journey, and how a direct line served the caller."""
        if first := call.asked_first:
            self._hops(call.pbx, first).observe(call.transfers)
            self._bounces(call.pbx, first).inc(call.bounces)
            self._bounced(call.pbx, first).inc(call.bounces > 0)
        if call.line is None:
            return
        self._served(call, call.line, 1)
        if call.answered:
            self.rung(call.pbx, call.line, (("desk", _all_rings(call)), ("caller", call.caller_rings)))

    def rung(self, pbx: str, queue: str, heard: Iterable[tuple[str, int | None]]) -> None:
        """Count the rings until an answer, as they were heard."""
        for by, rings in heard:
            if rings is not None:
                self._rings(pbx, queue, by).observe(rings)

    def _served(self, told: QueueVisit | Call, queue: str, ordinal: int) -> None:
        self._ended(told.pbx, queue, told.hours, told.outcome).inc()
        if told.outcome not in _NO_WAIT:
            self._waits(told.pbx, queue, told.outcome).observe(told.wait_seconds)
        key = (told.pbx, told.call_id, queue, ordinal)
        if key in self._answered:
            self._answered.remove(key)
        else:
            self._judge(told, queue, told.outcome)

    def _judge(self, told: CallAnswered | QueueVisit | Call, queue: str, outcome: Outcome) -> None:
        where = (told.pbx, queue, told.hours)
        if outcome in _JUDGED:
            within = told.wait_seconds <= self._policies[told.pbx].standard(queue).service_level_seconds
            self._levels(*where, outcome, "true" if within else "false").inc()
        if told.in_time is not None:
            self._third_ring(*where, "met" if told.in_time else "missed").inc()


def _all_rings(answered: QueueVisit | Call) -> int | None:
    """Return the desk's rings of somebody who was answered, where all were heard; else they are but the least."""
    return None if answered.in_time is None else answered.desk_rings
