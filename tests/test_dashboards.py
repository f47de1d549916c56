"""The dashboards as they are committed: made by their code, as Grafana takes them, and by the rules of its own linter.

The rules are those of grafana/dashboard-linter, by its names where a test covers one; where this house differs, the
test says so. What the queries answer is asked of a real Prometheus in tests/parts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import promql_parser as promql
import pytest
import yaml

from grafana.generator.__main__ import DASHBOARDS as MADE
from grafana.generator.__main__ import FOLDER
from grafana.generator.frame import written
from grafana.generator.queries import LABELS
from ringwatch.core.alerts import ALERTS
from tests.parts.panels import DASHBOARDS, EVERYTHING, Asking, load, panels
from tests.sinks.test_metrics import BY_AGENT, NAMES

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "tests" / "fixtures" / "grafana"
PROVISIONING = ROOT / "grafana" / "provisioning"
OF_PROMETHEUS = {"ALERTS", "up", "scrape_samples_scraped"}
# What is raised by Prometheus alone: ringwatch/core/alerts.py says why.
OUTSIDE = {"RingwatchDown", "RingwatchSinkDropping"}
ANNOTATIONS_OWN = ("expr", "titleFormat", "textFormat")
"""What the Prometheus data source asks of an annotation, and Grafana's types do not know."""
RATE, RANGE = 271, 3601
"""Seconds in the place of Grafana's variables that nobody would write."""
# Grafana replaces them in what a link leads to.
IN_LINKS = re.compile(r"\$\{(?:__data\.fields\.\w+|__value\.raw|__url_time_range|pbx:queryparam)\}")

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


class Query(NamedTuple):
    """A query of a dashboard: where it stands, as it is written, and as it is understood."""

    where: str
    text: str
    parsed: promql.Expr


def walked(expr: promql.Expr) -> list[promql.Expr]:
    """Return all parts of a query."""
    parts: list[promql.Expr] = []
    promql.walk(expr, parts.append)
    return parts


def selectors(expr: promql.Expr) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every selector: the name, and the matchers by label."""
    for part in walked(expr):
        if isinstance(part, promql.VectorSelector):
            yield part.name or "", {each.name: each.value for each in part.matchers.matchers}


def queries(dashboard: Mapping[str, Any], *, annotations: bool = True) -> Iterator[Query]:
    """Yield the queries of a dashboard."""
    asking = Asking(RANGE, RATE / 4, {name: f"the {name}" for name in EVERYTHING})
    told = [
        (f"{panel['title']} {target['refId']}", target["expr"])
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]
    if annotations:
        told += [(f"annotation {each['name']}", each["expr"]) for each in dashboard["annotations"]["list"]]
    for where, text in told:
        yield Query(where, text, promql.parse(asking.filled(text, 1)))


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the variables by name."""
    return {each["name"]: each for each in dashboard["templating"]["list"]}


def exported() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the type and the labels of every series that ringwatch exports."""
    found = {}
    for family, (kind, labels) in {**NAMES, **BY_AGENT}.items():
        if kind == "histogram":
            found[f"{family}_bucket"] = (kind, tuple(sorted((*labels, "le"))))
            found[f"{family}_sum"] = found[f"{family}_count"] = (kind, labels)
        else:
            found[f"{family}_total" if kind == "counter" else family] = (kind, labels)
    return found


def test_what_is_committed_is_what_is_made() -> None:
    """Nobody has edited a dashboard, and nobody has forgotten to make them again: python -m grafana.generator."""
    assert {path.stem for path in DASHBOARDS} == MADE.keys()
    for name, made in MADE.items():
        assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == written(made), name


def test_every_query_is_added_up_by_the_labels_its_series_have() -> None:
    """Those of which one of a pair of daemons is taken."""
    labels = {name: tuple(sorted(labels)) for name, (_, labels) in exported().items()}
    assert {name: tuple(sorted(own)) for name, own in LABELS.items()}.items() <= labels.items()


@each_dashboard
class TestGrafana:
    """As Grafana 11.6 takes it."""

    def test_a_dashboard_is_as_its_schema_says(self, path: Path) -> None:
        """No key too many, none missing, no value of another type; and so for what a type of panel brings along."""
        dashboard = load(path)
        for annotation in dashboard["annotations"]["list"]:
            for key in ANNOTATIONS_OWN:
                del annotation[key]
        validate("dashboard", dashboard)
        for panel in panels(dashboard):
            kind = panel["type"].replace("-", "")
            validate(f"{kind}-options", panel["options"])
            if custom := panel["fieldConfig"]["defaults"].get("custom"):
                validate(f"{kind}-fields", custom)

    def test_no_panel_lies_on_another(self, path: Path) -> None:
        """Each has its place in a grid of 24, a row ends where the page does, and no two have one number."""
        dashboard = load(path)
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, panel["title"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not taken & cells, panel["title"]
            taken |= cells
        assert {x for x, _ in taken} == set(range(24))
        numbers = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(numbers)) == len(numbers)
        for y in {y for _, y in taken}:
            assert len([cell for cell in taken if cell[1] == y]) == 24, f"a hole beside a panel at {y}"


def validate(name: str, content: Any) -> None:
    """Hold something to a schema."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    errors = [
        f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(content)
    ]
    assert not errors, "\n".join(errors)


@each_dashboard
class TestVariables:
    """template-datasource, template-job, template-instance, template-label-promql, ..."""

    def test_the_data_source_can_be_chosen(self, path: Path) -> None:
        """template-datasource: the first of all choices."""
        dashboard = load(path)
        first = dashboard["templating"]["list"][0]
        assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
        assert first["label"] == "Data source"

    def test_who_tells_it_can_be_chosen(self, path: Path) -> None:
        """template-job, template-instance: any of several, by default all, whatever they are called."""
        for name in ("job", "instance"):
            variable = variables(load(path))[name]
            assert variable["type"] == "query"
            assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
            assert variable["label"] == name.title()

    def test_the_pbx_can_be_chosen_and_what_is_asked_by(self, path: Path) -> None:
        """template-required-variables, and template-unused: no variable that no query, variable or link asks by."""
        dashboard = load(path)
        names = variables(dashboard).keys()
        assert {"datasource", "job", "instance", "pbx", "runbook"} <= names
        assert ("queue" in names) == (dashboard["uid"] != "ringwatch-itself")
        written_out = json.dumps(dashboard)
        for name in names:
            assert re.search(rf"\$(?:{name}\b|{{{name}[:}}])", written_out), name

    def test_values_are_those_of_a_label_in_the_chosen_time(self, path: Path) -> None:
        """template-label-promql and template-on-time-change-reload: a queue of last month is there last month."""
        for variable in variables(load(path)).values():
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
                assert found
                assert found[2] == variable["name"]
                name, matchers = next(selectors(promql.parse(found[1])))
                assert found[2] in {*exported()[name][1], "job", "instance"}
                assert variable["refresh"] == 2
                assert matchers.keys() < variables(load(path)).keys()

    def test_no_variable_is_asked_by_that_is_not_there(self, path: Path) -> None:
        """element-reference: what is left after Grafana's own."""
        dashboard = load(path)
        known = {*variables(dashboard), "__rate_interval", "__range", "__range_s", "__interval", "__all"}
        text = IN_LINKS.sub("", json.dumps(dashboard))
        used = {found[1] or found[2] for found in re.finditer(r"\$(?:([A-Za-z_]\w*)|\{(\w+)\})", text)}
        assert used <= known


@each_dashboard
class TestPanels:
    """panel-datasource, panel-title-description, panel-units, panel-no-targets, uneditable."""

    def test_nobody_edits_it_in_grafana(self, path: Path) -> None:
        """uneditable: the next start would take the changes back."""
        assert load(path)["editable"] is False

    def test_every_panel_asks_the_chosen_data_source(self, path: Path) -> None:
        """panel-datasource and panel-no-targets, and by queries that have a name."""
        for panel in panels(load(path)):
            assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
            assert panel["targets"], panel["title"]
            names = [target["refId"] for target in panel["targets"]]
            assert len(set(names)) == len(names)
            for target in panel["targets"]:
                assert target["datasource"]["uid"] == "${datasource}", panel["title"]

    def test_every_panel_says_what_it_shows(self, path: Path) -> None:
        """panel-title-description: in sentences, without the words of those who write queries."""
        jargon = re.compile(
            r"\b(metric|gauge|counter|histogram|query|promql|scrape|label|series|quantile|rate)\b", re.IGNORECASE
        )
        titles = []
        for panel in panels(load(path)):
            titles.append(panel["title"])
            assert re.fullmatch(r"[A-Z0-9].{20,}\.", panel["description"]), panel["title"]
            if path.stem != "ringwatch":
                assert not jargon.search(panel["title"] + panel["description"]), panel["title"]
        assert len(set(titles)) == len(titles)

    def test_every_panel_has_a_unit(self, path: Path) -> None:
        """panel-units, for the columns of a table too; and words for when there is nothing."""
        for panel in panels(load(path)):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            if panel["type"] != "heatmap":
                assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]
            if panel["type"] == "table":
                heads = next(
                    each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize"
                )
                told = {
                    override["matcher"]["options"]
                    for override in panel["fieldConfig"]["overrides"]
                    if any(each["id"] == "unit" for each in override["properties"])
                }
                assert told == {head for name, head in heads.items() if name.startswith("Value")}

    def test_a_gap_stays_a_gap(self, path: Path) -> None:
        """No line is drawn over what is not known."""
        for panel in panels(load(path)):
            if panel["type"] == "timeseries":
                assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False, panel["title"]

    def test_a_mean_never_stands_alone(self, path: Path) -> None:
        """Managers must hear bad news too: a panel of means shows percentiles beside them, or two means apart."""
        for panel in panels(load(path)):
            asked = [target["expr"] for target in panel["targets"]]
            means = [expr for expr in asked if re.search(r"_sum{.*_count{", expr)]
            if means and panel["type"] == "timeseries":
                others = any("histogram_quantile" in expr for expr in asked) or len(means) > 1
                assert others or "hops" in panel["targets"][0]["legendFormat"], panel["title"]

    def test_every_link_leads_somewhere(self, path: Path) -> None:
        """To an alert of the runbook, or to a dashboard that is there."""
        dashboard = load(path)
        headings = {
            found[1].lower()
            for found in re.finditer(r"^#+ (\w+)$", (ROOT / "grafana" / "runbook.md").read_text(), re.MULTILINE)
        }
        links = [link for panel in panels(dashboard) for link in panel.get("links", [])]
        for link in links:
            base, _, anchor = link["url"].partition("#")
            assert base == "${runbook}"
            assert anchor in headings
        uids = {load(other)["uid"] for other in DASHBOARDS}
        assert {found[1] for found in re.finditer(r"/d/([\w-]+)", json.dumps(dashboard))} <= uids
        assert {link["type"] for link in dashboard["links"]} == {"dashboards", "link"}
        assert set(dashboard["tags"]) == {tag for link in dashboard["links"] for tag in link["tags"]}


@each_dashboard
class TestQueries:
    """target-promql, target-rate-interval, target-job, target-instance, target-required-matchers, ..."""

    def test_every_query_can_be_read(self, path: Path) -> None:
        """target-promql: and there are some."""
        assert len(list(queries(load(path)))) > 10

    def test_every_series_is_exported(self, path: Path) -> None:
        """And its matchers, and what it is added up by, are labels that it has."""
        for query in queries(load(path)):
            for name, matchers in selectors(query.parsed):
                if name in OF_PROMETHEUS:
                    continue
                assert name in exported(), query.where
                assert matchers.keys() <= {*exported()[name][1], "job", "instance"}, query.where

    def test_every_series_is_chosen_by_the_variables(self, path: Path) -> None:
        """target-job, target-instance, target-required-matchers: by every choice that the series can be chosen by.

        An alert is of a PBX and a queue, and whoever raised it; an event of the desk has no agent.
        """
        offered = variables(load(path)).keys()
        for query in queries(load(path)):
            for name, matchers in selectors(query.parsed):
                known = exported()[name][1] if name not in OF_PROMETHEUS else ("pbx",) if name == "ALERTS" else ()
                teller = () if name == "ALERTS" else ("job", "instance")
                for label in {*known, *teller} & offered:
                    assert matchers.get(label) == f"the {label}", f"{query.where}: {label} of {name}"

    def test_a_counter_is_never_shown_as_it_stands(self, path: Path) -> None:
        """target-counter-agg: it means nothing but by how much it grows."""
        for query in queries(load(path)):
            parts = walked(query.parsed)
            windows = Counter(
                part.vector_selector.name or "" for part in parts if isinstance(part, promql.MatrixSelector)
            )
            shown = Counter(name for name, _ in selectors(query.parsed)) - windows
            grown = {name for name, (kind, _) in exported().items() if kind in {"counter", "histogram"}}
            assert not shown.keys() & grown, query.where

    def test_a_rate_is_of_what_one_point_stands_for(self, path: Path) -> None:
        """target-rate-interval: rate by the point, increase by the chosen time."""
        for query in queries(load(path)):
            for part in walked(query.parsed):
                if isinstance(part, promql.Call) and part.func.name in {"rate", "increase"}:
                    window = part.args[0]
                    assert isinstance(window, promql.MatrixSelector)
                    wanted = RATE if part.func.name == "rate" else RANGE
                    assert window.range.total_seconds() == wanted, query.where

    def test_a_quantile_is_of_buckets(self, path: Path) -> None:
        """histogram: by the bound, of their rate or increase."""
        for query in queries(load(path)):
            for part in walked(query.parsed):
                if isinstance(part, promql.Call) and part.func.name == "histogram_quantile":
                    summed = part.args[1]
                    assert isinstance(summed, promql.AggregateExpr), query.where
                    assert summed.modifier, query.where
                    assert "le" in summed.modifier.labels, query.where
                    assert all(name.endswith("_bucket") for name, _ in selectors(summed)), query.where

    def test_of_two_daemons_on_one_pbx_one_counts(self, path: Path) -> None:
        """What ringwatch exports is nowhere added up before the greatest of those who tell it was taken."""
        for query in queries(load(path), annotations=False):
            for part in walked(query.parsed):
                if isinstance(part, promql.AggregateExpr) and str(part.op) == "sum":
                    inner = part.expr
                    assert isinstance(inner, promql.AggregateExpr), query.where
                    assert str(inner.op) == "max", query.where


def test_alerts_that_panels_link_to_are_raised_by_somebody() -> None:
    """By the core, or, where ringwatch cannot know of it, by Prometheus."""
    named = {name for path in DASHBOARDS for name in re.findall(r"#(ringwatch\w+)", path.read_text(encoding="utf-8"))}
    raised = {kind.name.lower() for kind in ALERTS.values()} | {name.lower() for name in OUTSIDE}
    assert named <= raised


class TestProvisioning:
    """The files that Grafana reads when it starts."""

    def test_the_dashboards_are_found(self) -> None:
        """A provider of files, which nobody edits in Grafana, in a folder of their own."""
        (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "ringwatch.yml").read_text())["providers"]
        assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
        assert provider["options"]["path"].startswith("/")

    def test_the_data_source_is_found(self) -> None:
        """A Prometheus, by the interval it really scrapes in, for $__rate_interval follows from it."""
        (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
        assert (source["type"], source["access"]) == ("prometheus", "proxy")
        assert source["jsonData"]["timeInterval"]
