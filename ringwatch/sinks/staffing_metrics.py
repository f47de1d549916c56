"""The gauges of whether a queue is staffed.

* ``NaN`` is what is not known: too little was seen, or nobody is there of whom it could be said. Zero would be a lie
  there, and a series that comes and goes breaks the joins of those who ask: a comparison with ``NaN`` holds for nobody.
* ``ringwatch_queue_agents_present`` is always a number, and zero from the start. The estimated wait is ``+Inf`` where
  callers come and nobody is there.
"""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Gauge

from ringwatch.core.facts import StaffingReading


class StaffingMetrics:
    """Shows the last reading of every queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the families."""

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"ringwatch_queue_{name}", text, ("pbx", "queue"), registry=registry)

        self._present = gauge(
            "agents_present", "Agents there for the queue; who serves several is shared out over them."
        )
        self._required = gauge("agents_required", "Agents needed for the service level; NaN until enough was seen.")
        self._occupancy = gauge("occupancy_ratio", "Part of their time that agents spend on callers, of the window.")
        self._wait = gauge("estimated_wait_seconds", "Wait to expect by who joins now; NaN while not known.")
        self._gini = gauge("load_gini", "Gini coefficient of the time agents spent on callers, of the window.")

    def zero(self, pbx: str, queue: str) -> None:
        """Let the series of a queue exist."""
        self._present.labels(pbx, queue)
        for family in (self._required, self._occupancy, self._wait, self._gini):
            family.labels(pbx, queue).set(math.nan)

    def show(self, reading: StaffingReading) -> None:
        """Show a reading in the place of the one before."""
        for family, figure in (
            (self._present, reading.agents_present),
            (self._required, reading.agents_required),
            (self._occupancy, reading.occupancy),
            (self._wait, reading.estimated_wait_seconds),
            (self._gini, reading.load_gini),
        ):
            family.labels(reading.pbx, reading.queue).set(math.nan if figure is None else figure)
