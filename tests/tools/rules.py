"""The Prometheus rules as they are committed, and what may be wrong with one that promtool does not see.

The checks are those of pint (https://cloudflare.github.io/pint/checks/) that make sense here, under its names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "rules"
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
SCRAPE_SECONDS = 5.0
ANNOTATIONS = {"summary", "value", "threshold", "runbook_url"}
LABELS = {"pbx", "queue", "alertname"}
"""Which labels an alert has that a text may use."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ONLY_GROWING = ("rate", "irate", "increase")
_COUNTER = re.compile("_(total|bucket|sum|count)$")


def seconds(text: str) -> float:
    """Read a time as rules have it: "10s", "5m"."""
    return float(text[:-1]) * _UNITS[text[-1]]


@dataclass(frozen=True)
class Rule:
    """One rule: a recording (``record``) or an alert (``alert``)."""

    expr: str
    record: str = ""
    alert: str = ""
    hold_off: str = "0s"
    keep_firing_for: str = "0s"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def nodes(self) -> list[Any]:
        """Return all parts of the expression, from the outside in."""
        found: list[Any] = []
        promql_parser.walk(promql_parser.parse(self.expr), found.append)
        return found

    def selectors(self) -> list[Any]:
        """Return what it asks for by name."""
        return [node for node in self.nodes() if isinstance(node, promql_parser.VectorSelector)]


def committed() -> list[Rule]:
    """Read all rules."""
    return [
        Rule(**{"hold_off" if key == "for" else key: value for key, value in rule.items()})
        for path in sorted(FOLDER.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def _functions(rule: Rule, *names: str) -> Iterator[Any]:
    for node in rule.nodes():
        if isinstance(node, promql_parser.Call) and node.func.name in names:
            yield node


def _matchers(rule: Rule) -> Iterator[tuple[bool, str]]:
    for selector in rule.selectors():
        for matcher in selector.matchers.matchers:
            yield matcher.op in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe), matcher.value


def _short_ranges(rule: Rule) -> bool:
    ranges = [node.range for node in rule.nodes() if isinstance(node, promql_parser.MatrixSelector)]
    return any(each.total_seconds() < 4 * SCRAPE_SECONDS for each in ranges)


def _counts_bare(rule: Rule) -> bool:
    ranged = [node.vector_selector for node in rule.nodes() if isinstance(node, promql_parser.MatrixSelector)]
    bare = len([each for each in rule.selectors() if _COUNTER.search(each.name or "")])
    return bare > len([each for each in ranged if _COUNTER.search(each.name or "")])


def _rates_of_gauges(rule: Rule) -> bool:
    calls = _functions(rule, *_ONLY_GROWING)
    return any(not _COUNTER.search(call.args[0].vector_selector.name or "") for call in calls)


def _needless_patterns(rule: Rule) -> bool:
    return any(
        (is_pattern and (not re.search(r"[.*+?|\[\]()\\]", value) or value[:1] == "^" or value[-1:] == "$"))
        or (not is_pattern and re.search(r"\.[*+]|\|", value) is not None)
        for is_pattern, value in _matchers(rule)
    )


def _compares(rule: Rule) -> bool:
    operators = {str(node.op) for node in rule.nodes() if isinstance(node, promql_parser.BinaryExpr)}
    judged = any(selector.name == "ringwatch:alert_bad" for selector in rule.selectors())
    return judged or bool(operators & {">", "<", ">=", "<=", "==", "!="})


def _unknown_labels(rule: Rule) -> set[str]:
    return set(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values()))) - LABELS


FAULTS: Mapping[str, Callable[[Rule], object]] = {
    "alerts/annotation": lambda rule: rule.alert and set(rule.annotations) != ANNOTATIONS,
    "alerts/comparison": lambda rule: rule.alert and not _compares(rule),
    "alerts/for": lambda rule: rule.alert and rule.hold_off != "0s" and not 5 <= seconds(rule.hold_off) <= 3600,
    "alerts/template": lambda rule: "$value" in str(rule.labels) or _unknown_labels(rule),
    "alerts/absent": lambda rule: (
        rule.alert and any(_functions(rule, "absent")) and seconds(rule.hold_off) < 2 * SCRAPE_SECONDS
    ),
    "promql/rate": lambda rule: _short_ranges(rule) or _rates_of_gauges(rule),
    "promql/counter": _counts_bare,
    "promql/regexp": _needless_patterns,
    "rule/name": lambda rule: (
        not re.fullmatch(r"ringwatch:[a-z_]+(:[a-z0-9_]+)?|Ringwatch\w+", rule.record or rule.alert)
    ),
    "rule/label": lambda rule: (
        set(rule.labels) - ({"severity"} if rule.alert else {"alertname", "objective", "formula"})
    ),
}
"""By the name of the check: true of a rule that has it."""


def faults(rule: Rule) -> list[str]:
    """Return the checks that a rule does not pass."""
    return [name for name, has in FAULTS.items() if has(rule)]
