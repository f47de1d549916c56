"""The questions that panels ask of Prometheus.

Rules:

* Every selector has the labels that the variables choose by.
* Two daemons may watch one PBX: of the series that differ in nothing but who tells them, the greatest counts, before
  anything is added up. A daemon that was started later has counted less.
"""

from __future__ import annotations

from collections.abc import Mapping

from ringwatch.core.standards import Policy, Standard
from ringwatch.sinks.metrics import MetricsSink

STANDARD = Standard()
"""What is promised where the configuration does not say otherwise."""

RATE = "$__rate_interval"
RANGE = "$__range"
HALF_AN_HOUR = "30m"

_CHOSEN = {"pbx": "$pbx", "queue": "$queue", "agent": "$agent"}
_TELLER = 'job=~"$job",instance=~"$instance"'
_PBX = ("pbx",)
# What an exporter that has just been started says nothing of yet.
_LATER: Mapping[str, tuple[str, ...]] = {
    "ringwatch_build_info": ("version", "python_version"),
    "ringwatch_agent_calls_total": ("pbx", "agent"),
    "ringwatch_agent_no_answer_total": ("pbx", "agent"),
    "ringwatch_agent_talk_seconds_total": ("pbx", "agent"),
    "ringwatch_agent_unbroken_since_timestamp_seconds": ("pbx", "agent"),
    "ringwatch_ami_connected": _PBX,
    "ringwatch_ami_events_total": ("pbx", "event"),
    "ringwatch_ami_received_bytes_total": _PBX,
    "ringwatch_ami_reconnects_total": _PBX,
    "ringwatch_deliveries_total": ("sink", "where", "result"),
    "ringwatch_event_lag_seconds": _PBX,
    "ringwatch_last_event_timestamp_seconds": _PBX,
    "ringwatch_sink_dropped_total": ("sink",),
}


def _exported() -> dict[str, tuple[str, ...]]:
    """Return the labels of every series that is exported."""
    labels = dict(_LATER)
    for family in MetricsSink({"": Policy(standards={"queue": STANDARD})}).registry.collect():
        for sample in family.samples:
            labels[sample.name] = tuple(sample.labels)
    return labels


LABELS = _exported()


def selector(name: str, *matchers: str) -> str:
    """Select the series of a name (``ringwatch_`` left out) that the variables choose."""
    name = f"ringwatch_{name}"
    own = {matcher.partition("=")[0].rstrip("!") for matcher in matchers}
    chosen = [f'{label}=~"{_CHOSEN[label]}"' for label in LABELS[name] if label in _CHOSEN and label not in own]
    return f"{name}{{{','.join([_TELLER, *chosen, *matchers])}}}"


def _summed(name: str, asked: str, by: tuple[str, ...], how: str = "sum") -> str:
    """Add up what is asked of the series of a name, of a pair one."""
    told_once = f"max by ({', '.join(LABELS[f'ringwatch_{name}'])}) ({asked})"
    return f"{how} by ({', '.join(by)}) ({told_once})" if by else f"{how}({told_once})"


def gauge(name: str, *matchers: str, by: tuple[str, ...] = ("queue",), how: str = "sum", signed: bool = False) -> str:
    """Ask how things stand; what is not known (NaN) takes no part, and nothing is below zero but what is ``signed``."""
    told = selector(name, *matchers)
    return _summed(name, told if signed else f"{told} >= 0", by, how)


def since(name: str, *, by: tuple[str, ...] = ("queue",)) -> str:
    """Ask how long the longest has gone on, 0 where nothing does, of series that say since when.

    They say it by the PBX's clock, and the lag of its last event is what the own one differs by.
    """
    told = selector(name)
    passed = f"time() - {told} - on (pbx, job, instance) group_left () {selector('event_lag_seconds')}"
    return _summed(name, f"clamp_min({passed}, 0) * ({told} > bool 0)", by, "max")


def rate(name: str, *matchers: str, by: tuple[str, ...] = ("queue",), ago: str = "") -> str:
    """Ask how much a second."""
    back = f" offset {ago}" if ago else ""
    return _summed(name, f"rate({selector(name, *matchers)}[{RATE}]{back})", by)


def per_half_hour(name: str, *matchers: str, by: tuple[str, ...] = ("queue",), ago: str = "") -> str:
    """Ask how many in half an hour."""
    return f"1800 * {rate(name, *matchers, by=by, ago=ago)}"


def increase(name: str, *matchers: str, by: tuple[str, ...] = ()) -> str:
    """Ask how many in the chosen time."""
    return _summed(name, f"increase({selector(name, *matchers)}[{RANGE}])", by)


def average(name: str, *matchers: str, by: tuple[str, ...] = ("queue",)) -> str:
    """Ask for the mean of a histogram."""
    return f"{rate(f'{name}_sum', *matchers, by=by)} / {rate(f'{name}_count', *matchers, by=by)}"


def average_in_range(name: str, *matchers: str) -> str:
    """Ask for the mean of a histogram over the chosen time."""
    return f"{increase(f'{name}_sum', *matchers)} / {increase(f'{name}_count', *matchers)}"


def quantile(share: float, name: str, *matchers: str, by: tuple[str, ...] = ("queue",)) -> str:
    """Ask for the value that this share does not exceed."""
    return f"histogram_quantile({share:g}, {rate(f'{name}_bucket', *matchers, by=('le', *by))})"


def quantile_in_range(share: float, name: str, *matchers: str) -> str:
    """Ask the same of the chosen time."""
    return f"histogram_quantile({share:g}, {increase(f'{name}_bucket', *matchers, by=('le',))})"


def over_time(how: str, asked: str) -> str:
    """Ask for the mean, the greatest, ... of an answer over the chosen time."""
    return f"{how}_over_time(({asked})[{RANGE}:$__interval])"


def share(part: str, *whole: str) -> str:
    """Ask for a part of the sum of several."""
    return f"{part} / ({' + '.join(whole)})" if len(whole) > 1 else f"{part} / {whole[0]}"


def threshold(alert: str) -> str:
    """Ask at which value an alert of a queue is raised."""
    return gauge("alert_threshold", f'alertname="{alert}"', how="min")
