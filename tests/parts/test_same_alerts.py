"""Daemon and Prometheus rules mean the same: both judge one busy desk, and raise the same alerts at the same time.

The desk is simulated in virtual time; what its page of metrics shows every five seconds is what promtool is given, and
the daemon's own alerts are what it is to expect.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.alerts import ALERTS, rule_for
from ringwatch.core.engine import Engine
from ringwatch.core.hours import ALWAYS, OpeningHours
from ringwatch.core.rules import Alert
from ringwatch.core.standards import Policy, Standard
from ringwatch.simulator import Desk
from ringwatch.sinks.metrics import MetricsSink
from tests.simulator.desks import MONDAY_NINE, busy
from tests.test_rules import EXPORTED, RULES
from tests.tools.rules import FOLDER

STEP, MOMENTS = 5, 361
SETTLED_SECONDS = 20
"""Between two looks, two evaluations and a hold-off: so much later both have seen what has changed."""
CLOSING = OpeningHours(week=(((0, 9 * 60 + 20),), *ALWAYS[1:]))
POLICY = Policy(
    default=Standard(
        talk_target_seconds=30,
        talk_limit_seconds=40,
        hold_limit_seconds=3,
        unbroken_limit_seconds=600,
        break_min_seconds=60,
        staffing_window_seconds=600,
        load_gini=0.05,
        wrapup_seconds=2,
        callback_seconds=600,
    ),
    opening={"group": CLOSING},
    alerts={
        "": {
            "longest_wait": {"threshold": 25.0},
            "callers_bounced": {"threshold": 1.0},
            # Nobody pings a simulated PBX.
            "data_stale": {"enabled": False},
        }
    },
)
SLOW = {
    "RingwatchAgentNoBreak",
    "RingwatchCallTooLong",
    "RingwatchCallbacksOverdue",
    "RingwatchCallersBounced",
    "RingwatchLoadUneven",
    "RingwatchServiceLevelBudgetBurn",
    "RingwatchThirdRingBudgetBurn",
}
"""What does not come and go between two looks, on this desk."""
_Series = dict[tuple[str, tuple[tuple[str, str], ...]], dict[int, float]]
_Place = tuple[str, str]


class Watched:
    """A desk that was watched for half an hour: what its page has shown, and what the daemon has raised."""

    def __init__(self) -> None:
        self._translator, self._engine = Translator(), Engine("main", POLICY)
        self._sink = MetricsSink({"main": POLICY})
        self._sink.follow("main", self._engine.now)
        self.series: _Series = defaultdict(dict)
        self.edges: dict[_Place, list[tuple[float, bool, float]]] = defaultdict(list)
        """By alert and queue: when it was raised or cleared, and how much later Prometheus must have seen it."""
        desk = Desk(busy(), seed=1, start_at=MONDAY_NINE)
        self._take([(MONDAY_NINE, block) for block in desk.queue_status("1")])
        for moment in range(MOMENTS):
            at = MONDAY_NINE + moment * STEP
            self._take(desk.advance(at))
            self._apply(ev.Tick(at))
            self._look(moment)

    def _take(self, said: list[tuple[float, bytes]]) -> None:
        for at, block in said:
            for event in self._translator.feed([block.rstrip()], at):
                self._apply(event)

    def _apply(self, event: ev.Event) -> None:
        records = [*self._engine.apply(event), *self._engine.readings()]
        self._sink.apply(records)
        for alert in records:
            if isinstance(alert, Alert):
                place = (alert.name, alert.queue or "")
                key = next(key for key, kind in ALERTS.items() if kind.name == alert.name)
                keeps = rule_for(key, POLICY, alert.queue).clear_seconds if alert.why == "closed" else 0
                self.edges[place].append((alert.at - MONDAY_NINE, alert.state == "raised", keeps + SETTLED_SECONDS))

    def _look(self, moment: int) -> None:
        asked = {selector.name for rule in RULES for selector in rule.selectors()} & EXPORTED
        for family in self._sink.registry.collect():
            for name, labels, value, *_ in family.samples:
                if name in asked:
                    # To promtool the world began at 0.
                    since = MONDAY_NINE if name.endswith("_timestamp_seconds") and value else 0
                    self.series[name, tuple(sorted(labels.items()))][moment] = value - since
        itself = {"ringwatch_ami_connected": 1, "ringwatch_last_event_timestamp_seconds": moment * STEP}
        for name, value in (itself | {"ringwatch_event_lag_seconds": 0}).items():
            self.series[name, (("pbx", "main"),)][moment] = value

    def raised(self, place: _Place, at: float) -> bool | None:
        """Return whether an alert is raised at a moment; ``None`` where that has only just changed."""
        before = [edge for edge in self.edges[place] if edge[0] <= at]
        if any(at < when + settles for when, _, settles in before):
            return None
        return bool(before) and before[-1][1]

    def places(self) -> list[_Place]:
        """Return every alert, of every queue or line that it is judged of."""
        names = "ringwatch_alert_threshold"
        found = [dict(labels) for name, labels in self.series if name == names]
        return sorted((labels["alertname"], labels.get("queue", "")) for labels in found)


def _number(value: float | None) -> str:
    return "_" if value is None else "NaN" if math.isnan(value) else repr(float(value)).replace("inf", "+Inf")


def _given(series: _Series) -> Iterator[dict[str, str]]:
    for (name, labels), values in series.items():
        told = ",".join(f'{label}="{value}"' for label, value in (*labels, ("job", "ringwatch"), ("instance", "a")))
        numbers = " ".join(_number(values.get(moment)) for moment in range(MOMENTS))
        yield {"series": f"{name}{{{told}}}", "values": numbers}


def _expected(place: _Place, at: int, severity: str, *, raised: bool) -> dict[str, Any]:
    name, queue = place
    labels = f'alertname="{name}",alertstate="firing",pbx="main",queue="{queue}"'
    sample = {"labels": f'ALERTS{{{labels},severity="{severity}"}}', "value": 1}
    return {"expr": f"ALERTS{{{labels}}}", "eval_time": f"{at}s", "exp_samples": [sample] if raised else []}


def test_daemon_and_prometheus_raise_the_same_at_the_same_time(tmp_path: Path) -> None:
    """Half an hour of five queues that are overrun, one of which closes: they agree in all that lasts.

    A line that is shorter for a moment Prometheus may not see: of what changes so fast one moment in twenty may differ.
    """
    watched = Watched()
    severities = {kind.name: kind.rule(POLICY.default).severity for kind in ALERTS.values()}
    looked: Counter[tuple[str, bool]] = Counter()
    expected = []
    for place in watched.places():
        for at in range(2 * SETTLED_SECONDS, MOMENTS * STEP, 3 * STEP):
            if (raised := watched.raised(place, at)) is not None:
                looked[place[0], raised] += 1
                expected.append(_expected(place, at, severities[place[0]], raised=raised))
    test = {
        "rule_files": [str(path) for path in sorted(FOLDER.glob("*.yml"), reverse=True)],
        "evaluation_interval": f"{STEP}s",
        "group_eval_order": ["ringwatch", "ringwatch-alerts"],
        "tests": [{"interval": f"{STEP}s", "input_series": list(_given(watched.series)), "promql_expr_test": expected}],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, timeout=120, check=False
    )
    told = done.stdout + done.stderr
    differ = Counter(re.findall(r'expr: "ALERTS\{alertname=\\"(\w+)', told))
    assert done.returncode == bool(differ), told
    assert {name for name, raised in looked if raised} >= SLOW | {
        "RingwatchHoldTooLong",
        "RingwatchLinesPilingUp",
        "RingwatchLongestWait",
    }
    assert differ.keys() & SLOW == set(), told
    for name, often in differ.items():
        assert often <= (looked[name, True] + looked[name, False]) / 20, told
