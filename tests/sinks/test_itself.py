"""What ringwatch says of itself, read from the pumps and the hub."""

from __future__ import annotations

import platform
from collections import Counter

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from ringwatch import __version__
from ringwatch.core.engine import Engine
from ringwatch.core.standards import Policy
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Attached
from ringwatch.flow.pump import Pump
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.posting import Counts
from tests.accounting import families
from tests.flow.scripted import NINE, Scripted, hangs_up, joins

from .samples import EVERY_KIND


def pump_of(pbx: str) -> Pump:
    """Return a pump that nobody drives."""
    return Pump(Scripted(), Engine(pbx, Policy()), Hub(), listen=lambda _pbx, _heard: None)


def shown(
    *pumps: Pump, hub: Hub | None = None, deliveries: Counts | None = None
) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the samples by name, then by the values of their labels in the order of the labels' names."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Itself(pumps, hub or Hub(), deliveries))
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families(generate_latest(registry)):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_every_pbx_is_there_before_it_is_attached() -> None:
    """An alert on what is not there cannot fire."""
    page = shown(pump_of("main"), pump_of("north"))
    assert page["ringwatch_ami_connected"] == {("main",): 0, ("north",): 0}
    assert page["ringwatch_ami_disconnected_timestamp_seconds"] == {("main",): 0, ("north",): 0}
    assert page["ringwatch_ami_reconnects_total"] == {("main",): 0, ("north",): 0}
    assert page["ringwatch_ami_received_bytes_total"] == {("main",): 0, ("north",): 0}


def test_times_that_are_not_known_are_not_shown() -> None:
    """A zero would be the year 1970, and the age of the data half a century."""
    page = shown(pump_of("main"))
    assert "ringwatch_last_event_timestamp_seconds" not in page
    assert "ringwatch_event_lag_seconds" not in page


def test_a_stream_is_counted_by_event() -> None:
    """Names of events are Asterisk's: a bounded set."""
    pump = pump_of("main")
    pump.translator.feed([joins(NINE), joins(NINE + 1, "1.1"), hangs_up(NINE + 2.5)], NINE + 4)
    pump.received_bytes, pump.lag_seconds = 1234, pump.translator.clock.ahead
    pump.attached, pump.attachments = Attached(NINE, "127.0.0.1:5038", "11.0.0"), 3
    page = shown(pump)
    assert page["ringwatch_ami_events_total"] == {("Hangup", "main"): 1, ("QueueCallerJoin", "main"): 2}
    assert page["ringwatch_ami_received_bytes_total"] == {("main",): 1234}
    assert page["ringwatch_ami_connected"] == {("main",): 1}
    assert page["ringwatch_ami_reconnects_total"] == {("main",): 2}
    assert page["ringwatch_last_event_timestamp_seconds"] == {("main",): NINE + 2.5}
    assert page["ringwatch_event_lag_seconds"] == {("main",): 1.5}


def test_what_sinks_lost_is_counted_by_sink() -> None:
    """Those who lost nothing are there with zero."""
    hub = Hub()
    hub.add("metrics")
    hub.add("mqtt", capacity=3)
    hub.publish(list(EVERY_KIND))
    assert shown(hub=hub)["ringwatch_sink_dropped_total"] == {("metrics",): 0, ("mqtt",): len(EVERY_KIND) - 3}


def test_deliveries_are_counted_by_what_became_of_them() -> None:
    """For each place that something is told to; without one there is no family, for an empty one is a fault."""
    assert "ringwatch_deliveries_total" not in shown()
    counts: Counts = Counter({("alertmanager", "http://am:9093", "taken"): 7, ("webhook", "pager", "refused"): 0})
    assert shown(deliveries=counts)["ringwatch_deliveries_total"] == {
        ("taken", "alertmanager", "http://am:9093"): 7,
        ("refused", "webhook", "pager"): 0,
    }


def test_what_runs_is_told() -> None:
    """By version of ringwatch and of Python."""
    assert shown()["ringwatch_build_info"] == {(platform.python_version(), __version__): 1}
