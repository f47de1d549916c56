"""What ringwatch counts of itself, read from the pumps and the hub when a page is rendered: nothing is kept twice."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringwatch import __version__
from ringwatch.flow.hub import Hub
from ringwatch.flow.pump import Pump


class Itself(Collector):
    """The ``ringwatch_ami_*`` and other families about the monitor itself."""

    def __init__(
        self, pumps: Sequence[Pump], hub: Hub, deliveries: Counter[tuple[str, str, str]] | None = None
    ) -> None:
        self._pumps = pumps
        self._hub = hub
        self._deliveries = Counter() if deliveries is None else deliveries

    def describe(self) -> Iterator[Metric]:
        """Return nothing: the names are checked when the page is made."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        connected = GaugeMetricFamily("ringwatch_ami_connected", "1 while attached to the PBX.", labels=["pbx"])
        away = GaugeMetricFamily(
            "ringwatch_ami_disconnected_timestamp_seconds",
            "Since when the PBX cannot be heard, seconds since 1970 by the own clock; 0 while attached.",
            labels=["pbx"],
        )
        reconnects = CounterMetricFamily("ringwatch_ami_reconnects", "Attachments after the first.", labels=["pbx"])
        events = CounterMetricFamily("ringwatch_ami_events", "Events received by name.", labels=["pbx", "event"])
        received = CounterMetricFamily("ringwatch_ami_received_bytes", "Bytes received.", labels=["pbx"])
        last = GaugeMetricFamily(
            "ringwatch_last_event_timestamp_seconds",
            "Time of the last event by the PBX's clock, seconds since 1970.",
            labels=["pbx"],
        )
        lag = GaugeMetricFamily(
            "ringwatch_event_lag_seconds",
            "From the PBX's timestamp of the last event to its arrival here; differences of the clocks included.",
            labels=["pbx"],
        )
        for pump in self._pumps:
            pbx = [pump.pbx]
            connected.add_metric(pbx, 1.0 if pump.attached else 0.0)
            away.add_metric(pbx, pump.away_since or 0.0)
            reconnects.add_metric(pbx, max(pump.attachments - 1, 0))
            received.add_metric(pbx, pump.received_bytes)
            for name, count in sorted(pump.event_counts.items()):
                events.add_metric([*pbx, name], count)
            if pump.last_event_at is not None:
                last.add_metric(pbx, pump.last_event_at)
            if pump.lag_seconds is not None:
                lag.add_metric(pbx, pump.lag_seconds)
        dropped = CounterMetricFamily(
            "ringwatch_sink_dropped", "Records a sink lost because it was too slow.", labels=["sink"]
        )
        for inbox in self._hub.inboxes:
            dropped.add_metric([inbox.name], inbox.dropped)
        posted = CounterMetricFamily(
            "ringwatch_deliveries",
            "What was sent to Alertmanagers, webhooks and brokers: taken, refused by an answer, or failed without one.",
            labels=["sink", "where", "result"],
        )
        for labels, count in self._deliveries.items():
            posted.add_metric(labels, count)
        build = GaugeMetricFamily(
            "ringwatch_build_info", "Constant 1; what is running.", labels=["version", "python_version"]
        )
        build.add_metric([__version__, platform.python_version()], 1.0)
        yield from (connected, away, reconnects, events, received, last, lag, dropped, build)
        if self._deliveries:
            yield posted
