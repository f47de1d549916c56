"""The gauges of whether a queue is staffed.

* ``NaN`` is what is not known: too little was seen, or nobody is there of whom it could be said. Zero would be a lie
  there, and a series that comes and goes breaks the joins of those who ask: a comparison with ``NaN`` holds for nobody.
* ``ringwatch_queue_agents_present`` is always a number, and zero from the start. The estimated wait is ``+Inf`` where
  callers come and nobody is there.
"""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Gauge

from ringwatch.core.readings import StaffingReading


class StaffingMetrics:
    """Shows the last reading of every queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the families."""

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"ringwatch_queue_{name}", text, ("pbx", "queue"), registry=registry)

        self._families = (
            gauge("agents_present", "Agents there for the queue; who serves several is shared out over them."),
            gauge("agents_required", "Agents needed for the service level; NaN until enough was seen."),
            gauge("agents_short", "Agents surely missing; 0.5: one is likely to be; NaN until enough was seen."),
            gauge("occupancy_ratio", "Part of their time that agents spend on callers, of the window."),
            gauge("estimated_wait_seconds", "Wait to expect by who joins now; NaN while not known."),
            gauge("load_gini", "Gini coefficient of the time agents spent on callers, of the window."),
        )
        self._series: dict[tuple[str, str], list[Gauge]] = {}

    def zero(self, pbx: str, queue: str) -> list[Gauge]:
        """Let the series of a queue exist, and return them."""
        series = self._series[pbx, queue] = [family.labels(pbx, queue) for family in self._families]
        for each in series[1:]:
            each.set(math.nan)
        return series

    def show(self, reading: StaffingReading) -> None:
        """Show a reading in the place of the one before."""
        # A queue may have the name of a direct line, which has no such series.
        series = self._series.get((reading.pbx, reading.queue)) or self.zero(reading.pbx, reading.queue)
        figures = (
            reading.agents_present,
            reading.agents_required,
            reading.agents_short,
            reading.occupancy,
            reading.estimated_wait_seconds,
            reading.load_gini,
        )
        for each, figure in zip(series, figures, strict=True):
            each.set(math.nan if figure is None else figure)
