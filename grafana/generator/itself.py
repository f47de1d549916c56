"""ringwatch itself: whether what the other dashboards say can be believed."""

from __future__ import annotations

from grafana.generator import shared
from grafana.generator.frame import PBX, UP, build, told_by
from grafana.generator.panels import NUMBER, SECONDS, Ask, Column, lines, number, rows, states, too_much
from grafana.generator.queries import gauge, increase, rate, selector
from grafana.generator.shared import raised_at

_BY_PBX = ("pbx",)
_QUIET = f"time() - {selector('last_event_timestamp_seconds')} - {selector('event_lag_seconds')}"

_THERE = (
    number(
        "Attached",
        "PBXs that ringwatch hears now.",
        gauge("ami_connected", by=()),
        NUMBER,
        steps=((None, "red"), (1, "green")),
        alerts=["RingwatchAmiDisconnected"],
    ),
    number(
        "Not heard",
        "How long a PBX was not heard in the chosen time: what happened then is missing everywhere.",
        increase("gap_seconds_total"),
        SECONDS,
        steps=too_much(60, near=1),
        decimals=0,
        alerts=["RingwatchAmiDisconnected"],
    ),
    number(
        "Attached again",
        "How often ringwatch had to come back to a PBX in the chosen time.",
        increase("ami_reconnects_total"),
        NUMBER,
        steps=too_much(3, near=1),
        decimals=0,
        alerts=["RingwatchAmiDisconnected"],
    ),
    number(
        "Put right",
        "How many callers, channels and members were not as ringwatch had believed, when the PBX listed them, in the "
        "chosen time. After a loss of the connection that is no wonder.",
        increase("state_drift_total"),
        NUMBER,
        steps=too_much(raised_at("state_drift"), near=1),
        decimals=0,
        alerts=["RingwatchStateDrift"],
    ),
    number(
        "Dropped",
        "Records that a receiver (metrics, file, MQTT, alerts) lost because it was too slow, in the chosen time.",
        increase("sink_dropped_total"),
        NUMBER,
        steps=too_much(1),
        decimals=0,
        alerts=["RingwatchSinkDropping"],
    ),
    number(
        "Version",
        "Which ringwatch is running.",
        f"max by (version) ({selector('build_info')})",
        NUMBER,
        legend="{{version}}",
    ),
    states(
        "Is ringwatch there",
        "Green: it was asked for its figures and gave them. Red: it was asked and did not answer. Empty: nobody asked.",
        [Ask(UP, "{{instance}}")],
        {1: ("there", "green"), 0: ("gone", "red")},
        alerts=["RingwatchDown"],
    ),
    shared.heard(),
    shared.alerts(queue=False),
)
_STREAM = (
    lines(
        "Events",
        "Events a second from each PBX.",
        [Ask(rate("ami_events_total", by=_BY_PBX), "{{pbx}}")],
        "eps",
    ),
    lines(
        "Received",
        "Bytes a second from each PBX.",
        [Ask(rate("ami_received_bytes_total", by=_BY_PBX), "{{pbx}}")],
        "Bps",
    ),
    lines(
        "Behind the PBX",
        "From the PBX's own stamp of the last event to its arrival here. A constant offset is two clocks that differ; "
        "one that grows is a network, or a ringwatch, that does not keep up.",
        [Ask(gauge("event_lag_seconds", by=_BY_PBX, how="max", signed=True), "{{pbx}}")],
        SECONDS,
        least=None,
    ),
    lines(
        "Silence",
        f"How long ago the PBX last said something. From {raised_at('data_stale'):.0f} s on nothing is known any more, "
        "and all other alerts rest.",
        [Ask(f"min by (pbx) ({_QUIET})", "{{pbx}}")],
        SECONDS,
        steps=too_much(raised_at("data_stale")),
        alerts=["RingwatchDataStale"],
    ),
    lines(
        "Put right by a listing",
        "What was not as believed when the PBX listed it, in ten minutes: an event is missing, or a filter hides it.",
        [Ask(f"600 * {rate('state_drift_total', by=('what',))}", "{{what}}")],
        NUMBER,
        steps=too_much(raised_at("state_drift")),
        interval="10m",
        alerts=["RingwatchStateDrift"],
    ),
    lines(
        "Not foreseen",
        "What no rule foresaw, in ten minutes, by kind. Worth a look at the log, and a report to whoever makes "
        "ringwatch.",
        [Ask(f"600 * {rate('anomalies_total', by=('kind',))}", "{{kind}}")],
        NUMBER,
        interval="10m",
    ),
    lines(
        "Dropped by receivers",
        "Records in ten minutes that a receiver lost because it was too slow.",
        [Ask(f"600 * {rate('sink_dropped_total', by=('sink',))}", "{{sink}}")],
        NUMBER,
        steps=too_much(1),
        interval="10m",
        alerts=["RingwatchSinkDropping"],
    ),
    lines(
        "Deliveries",
        "What was sent to Alertmanagers, webhooks and brokers, in ten minutes: taken, refused by an answer, or failed "
        "without one.",
        [Ask(f"600 * {rate('deliveries_total', by=('where', 'result'))}", "{{where}} {{result}}")],
        NUMBER,
        interval="10m",
        alerts=["RingwatchSinkDropping"],
        unknown="nothing is delivered to anybody",
    ),
    lines(
        "Figures given",
        "How many series ringwatch gives at a time. A number that grows without end is a label that is not bounded.",
        [
            Ask(
                'max by (instance) (scrape_samples_scraped{job=~"$job",instance=~"$instance"}) and on (instance) '
                f"{selector('build_info')}",
                "{{instance}}",
            )
        ],
        NUMBER,
    ),
    rows(
        "Events by name",
        "Which events came from the PBX in the chosen time, the most frequent first. One that is missing here may be "
        "hidden by a filter of the account: ringwatch check --live tells.",
        ("event", "Event"),
        [
            Column("In all", increase("ami_events_total", by=("event",))),
            Column("A second", f"{increase('ami_events_total', by=('event',))} / $__range_s", decimals=2),
        ],
        worst="In all",
        span=12,
    ),
)

DASHBOARD = build(
    "ringwatch-itself",
    "ringwatch itself",
    "Is ringwatch there, does it hear the PBX, and can its figures be believed.",
    [*told_by(shown=True), PBX],
    [("Is it there", _THERE), ("What it hears", _STREAM)],
    since="now-6h",
    refresh="30s",
)
