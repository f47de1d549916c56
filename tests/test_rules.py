"""Rules, alerts, runbook and metrics are one product: each names only what the others have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ringwatch.core.alerts import ALERTS
from ringwatch.core.standards import Standard
from tests.sinks.test_metrics import BY_AGENT, NAMES
from tests.tools.rules import CONFIG, ROOT, SCRAPE_SECONDS, Rule, committed, faults, seconds

RULES = committed()
RAISED = {rule.alert: rule for rule in RULES if rule.alert}
RECORDED = {rule.record for rule in RULES if rule.record}
OF_PROMETHEUS_ALONE = {"RingwatchDown": "critical", "RingwatchSinkDropping": "warning"}
"""With their severities: no daemon can raise them."""
OF_PROMETHEUS = {"ALERTS", "up"}
"""Series that Prometheus makes itself."""
CORE = {kind.name: key for key, kind in ALERTS.items()}
RUNBOOK = ROOT / "grafana" / "runbook.md"
README = ROOT / "README.md"
PROSE = (README, RUNBOOK)
PROGRAMS = [
    path
    for folder in ("config", "deploy", "grafana")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".json", ".toml", ".yml"}
]
_SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
FAMILIES = NAMES | BY_AGENT
EXPORTED = {name + suffix for name, (kind, _) in FAMILIES.items() for suffix in _SAMPLES[kind]}
SPOKEN_OF = {name if kind == "histogram" else name + _SAMPLES[kind][0] for name, (kind, _) in FAMILIES.items()}
"""Metrics by the names that people use: a histogram has three, and one in common."""


def entries() -> dict[str, str]:
    """Return what the runbook says, by its headings."""
    _, *parts = re.split("^## ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title.strip(): text for title, _, text in (part.partition("\n") for part in parts)}


def unknown(text: str, metrics: set[str]) -> set[str]:
    """Return the metrics and alerts that a text names, and nobody has."""
    named = set(re.findall(r"(?<![\w/.-])ringwatch(?:_[a-z0-9]+)+\b", text)) - metrics
    named |= set(re.findall(r"\bringwatch:[a-z0-9_:]*[a-z0-9]", text)) - RECORDED
    return named | (set(re.findall(r"\bRingwatch[A-Z]\w*", text)) - RAISED.keys())


def test_every_alert_of_the_daemon_is_a_rule_and_has_an_entry_in_the_runbook() -> None:
    """And there is no rule nor entry but of them and of the two that no daemon can raise."""
    names = CORE.keys() | OF_PROMETHEUS_ALONE.keys()
    assert RAISED.keys() == names == entries().keys()
    assert len(RAISED) == len([rule for rule in RULES if rule.alert])


@pytest.mark.parametrize("name", CORE)
def test_a_rule_waits_and_says_what_the_daemon_does(name: str) -> None:
    """Hold-off and the time to be well are the defaults, the summary is the advice; the severity is the threshold's."""
    rule, kind = RAISED[name], ALERTS[CORE[name]]
    default = kind.rule(Standard())
    assert (seconds(rule.hold_off), seconds(rule.keep_firing_for)) == (default.hold_off_seconds, default.clear_seconds)
    assert rule.expr == f'ringwatch:alert_bad{{alertname="{name}"}}'
    assert rule.labels == {}
    advice = re.sub(r"\{value:(\.\df)\}", r'{{ printf "%\1" $value }}', kind.advice)
    assert rule.annotations["summary"] == re.sub(r"(?<!\{)\{(\w+)\}", r"{{ $labels.\1 }}", advice)


@pytest.mark.parametrize("name", OF_PROMETHEUS_ALONE)
def test_what_no_daemon_can_raise_has_its_severity_in_the_rule(name: str) -> None:
    """There is nowhere else to say it."""
    assert RAISED[name].labels == {"severity": OF_PROMETHEUS_ALONE[name]}


@pytest.mark.parametrize("name", RAISED)
def test_an_entry_of_the_runbook_says_all_that_somebody_who_was_woken_up_asks(name: str) -> None:
    """What it means and how bad it is, what to look at, what to do, how to silence it, how to change it."""
    text = entries()[name]
    assert re.findall(r"^\*\*(.+?)\*\*", text, re.MULTILINE) == ["Means", "Look at", "Do", "Silence", "Change"]
    severity = OF_PROMETHEUS_ALONE.get(name) or ALERTS[CORE[name]].rule(Standard()).severity
    assert f"Severity: {severity}." in " ".join(text.split())
    place = {"pbx": " pbx=main"}.get(ALERTS[CORE[name]].of, " pbx=main queue=support") if name in CORE else ""
    assert f"amtool silence add alertname={name}{place} --duration=" in text
    assert f"[alert.{CORE[name]}]\n" in text if name in CORE else "grafana/rules/alerts.yml" in text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert or rule.record)
def test_a_rule_has_no_fault_that_is_known(rule: Rule) -> None:
    """Those that promtool does not look for."""
    assert faults(rule) == []


ANNOTATED = dict.fromkeys(("summary", "value", "threshold", "runbook_url"), "")
WRONG = {
    "alerts/annotation": Rule("up == 0", alert="RingwatchDown"),
    "alerts/comparison": Rule("up", alert="RingwatchDown", annotations=ANNOTATED),
    "alerts/for": Rule("up == 0", alert="RingwatchDown", hold_off="2h", annotations=ANNOTATED),
    "alerts/template": Rule(
        "up == 0", alert="RingwatchDown", annotations=ANNOTATED | {"summary": "{{ $labels.instance }}"}
    ),
    "alerts/absent": Rule("absent(up) > 0", alert="RingwatchDown", annotations=ANNOTATED),
    "promql/rate": Rule("rate(ringwatch_calls_total[15s])", record="ringwatch:calls"),
    "promql/counter": Rule("sum(ringwatch_calls_total)", record="ringwatch:calls"),
    "promql/regexp": Rule('up{job=~"ringwatch"}', record="ringwatch:up"),
    "rule/name": Rule("up", record="up:ringwatch"),
    "rule/label": Rule("up", record="ringwatch:up", labels={"team": "desk"}),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_found(fault: str) -> None:
    """Each by its own check alone."""
    assert faults(WRONG[fault]) == [fault]


def test_of_what_only_grows_the_growth_is_asked_and_of_nothing_else() -> None:
    """A rate of a gauge is as wrong as one over too short a time; a pattern that is none matches by chance."""
    assert faults(Rule("increase(ringwatch_queue_waiting[5m])", record="ringwatch:waiting")) == ["promql/rate"]
    assert faults(Rule('up{job="a|b"}', record="ringwatch:up")) == ["promql/regexp"]
    assert faults(Rule('rate(ringwatch_calls_total{outcome=~"a|b"}[20s])', record="ringwatch:calls")) == []


def test_the_rules_are_scraped_as_often_as_they_reckon_with() -> None:
    """And as the job that they ask for."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert {seconds(config["global"][f"{each}_interval"]) for each in ("scrape", "evaluation")} == {SCRAPE_SECONDS}
    assert [job["job_name"] for job in config["scrape_configs"]] == ["ringwatch"]


def test_rules_ask_only_for_what_is_there() -> None:
    """Exported by the daemon, recorded by another rule, or made by Prometheus; and nothing is recorded for nobody."""
    asked = {selector.name for rule in RULES for selector in rule.selectors()}
    assert asked <= EXPORTED | RECORDED | OF_PROMETHEUS
    read = " ".join(path.read_text(encoding="utf-8") for path in [*PROSE, *PROGRAMS])
    assert {name for name in RECORDED - asked if read.count(name) < 2} == set()


@pytest.mark.parametrize("path", [*PROSE, *PROGRAMS], ids=lambda path: str(path.relative_to(ROOT)))
def test_whatever_is_named_exists(path: Path) -> None:
    """Every metric, recording and alert, in rules and their tests, dashboards, configurations, runbook and README."""
    assert unknown(path.read_text(encoding="utf-8"), EXPORTED | (SPOKEN_OF if path in PROSE else set())) == set()


def test_what_does_not_exist_is_found() -> None:
    """A name that is only nearly right, of a metric, a recording and an alert; what is no such name is left alone."""
    text = "ringwatch_calls_total{} ringwatch_call_total ringwatch:leaders RingwatchUp ringwatch/core RingwatchDown"
    assert unknown(text, EXPORTED) == {"ringwatch_call_total", "ringwatch:leaders", "RingwatchUp"}
    assert unknown("ringwatch_wait_seconds", EXPORTED) == {"ringwatch_wait_seconds"}


def test_every_metric_is_documented() -> None:
    """In the README, where a user would look for it."""
    text = README.read_text(encoding="utf-8")
    assert {name for name in SPOKEN_OF if not re.search(rf"\b{name}\b", text)} == set()


def test_for_every_alert_is_tested_that_it_fires_and_that_it_does_not() -> None:
    """By promtool, which runs beside the real parts."""
    fires: dict[str, set[bool]] = {}
    for path in sorted((ROOT / "grafana" / "tests").glob("*.yml")):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            checks = [(each["alertname"], bool(each["exp_alerts"])) for each in test.get("alert_rule_test", ())]
            for name in {name for name, _ in checks}:
                fires.setdefault(name, set()).add((name, True) in checks)
    assert {name for name, seen in fires.items() if seen == {True, False}} == RAISED.keys()
