"""The gauges that alerts are judged by elsewhere: the configuration's own thresholds, and whether a desk is open.

* Thresholds live in ringwatch's configuration alone: Prometheus rules and dashboards compare with what is shown here.
  An alert that is switched off has no series, and what belongs to a whole PBX has an empty ``queue``.
* A desk is open or closed as of the moment that the PBX has reached (`MetricsSink.follow`): an event's, or on a quiet
  line the clock's. Before anything was heard that is 1970, when whoever ever closes was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge

from ringwatch.core.alerts import ALERTS, Kind, rule_for
from ringwatch.core.standards import Policy
from ringwatch.sinks.families import Family


class AlertMetrics:
    """Shows what the configuration says of every PBX, queue and line.

    :param policies: by PBX.
    """

    def __init__(self, registry: CollectorRegistry, policies: Mapping[str, Policy]) -> None:
        """Register the families, and show what is of a PBX."""

        def gauge(name: str, text: str, *labels: str) -> Family[Gauge]:
            return Family(Gauge(f"ringwatch_{name}", text, ("pbx", "queue", *labels), registry=registry))

        text = "Value from which on an alert is bad, by the configuration; no series of one that is switched off."
        self._threshold = gauge("alert_threshold", text, "alertname", "severity")
        text = "Greatest value at which an alert that was raised is well again, by the configuration."
        self._clear_level = gauge("alert_clear_level", text, "alertname", "severity")
        text = "Share of callers to be served so, by the configuration."
        self._objective = gauge("objective_ratio", text, "objective")
        self._open = gauge("queue_open", "1 inside the opening hours of the queue or line.")
        self._policies = policies
        self.clocks: dict[str, Callable[[], float]] = {}
        """By PBX: which moment it has reached."""
        for pbx in policies:
            self._alerts(pbx, None, lambda kind: kind.of == "pbx")

    def zero(self, pbx: str, queue: str, *, line: bool) -> None:
        """Let the series of a queue, or of a direct line, exist."""
        self._alerts(pbx, queue, lambda kind: kind.of == "any" or (kind.of == "queue" and not line))
        policy = self._policies[pbx]
        standard, hours = policy.standard(queue), policy.hours(queue)
        self._objective(pbx, queue, "third_ring").set(standard.third_ring_share)
        self._objective(pbx, queue, "service_level").set(standard.service_level)
        self._open(pbx, queue).set_function(lambda: float(hours.is_open(self._now(pbx))))

    def _now(self, pbx: str) -> float:
        clock = self.clocks.get(pbx)
        return clock() if clock else 0.0

    def _alerts(self, pbx: str, queue: str | None, is_judged: Callable[[Kind], bool]) -> None:
        for key, kind in ALERTS.items():
            rule = rule_for(key, self._policies[pbx], queue)
            if rule.enabled and is_judged(kind):
                labels = (pbx, queue or "", kind.name, rule.severity)
                self._threshold(*labels).set(rule.threshold)
                self._clear_level(*labels).set(rule.clear_level)
