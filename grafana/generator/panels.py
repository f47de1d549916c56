"""Panels, as the dashboards use them: every one with its title, description, unit and width.

Rules:

* A gap in the data is a gap in the picture: nothing is drawn over it, and no zero stands for what is not known.
* Good is green, what needs a look yellow, what is out of standard red; what is neither has no such colour.
* A dashed red line is a limit, a dashed grey one the mean beside the percentiles.
* What is judged by few callers is asked for by the half hour (``interval``), as planners do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
NONE_YET = "nothing known yet"
SECONDS, SHARE, NUMBER = "s", "percentunit", "short"

Steps = Sequence[tuple[float | None, str]]
"""From which value on (``None``: from the least) which colour."""
PLAIN: Steps = ((None, "text"),)
_AnyPanel = TypeVar("_AnyPanel", stat.Panel, timeseries.Panel, statetimeline.Panel, table.Panel, heatmap.Panel)


class Ask(NamedTuple):
    """A query and what its answers are called."""

    expr: str
    legend: str = "{{queue}}"


def too_much(limit: float, *, near: float | None = None) -> Steps:
    """Colour what is good while it is small: yellow near the limit, red from it on."""
    return ((None, "green"), *(((near, "yellow"),) if near is not None else ()), (limit, "red"))


def too_little(promise: float, *, near: float) -> Steps:
    """Colour what is good while it is great: red below ``near`` the promise, green from the promise on."""
    return ((None, "red"), (near, "yellow"), (promise, "green"))


def runbook(alert: str) -> dashboard.DashboardLink:
    """Link to what to do about an alert."""
    link = dashboard.DashboardLink("What to do").type(DashboardLinkType.LINK)
    return link.url(f"${{runbook}}#{alert.lower()}").target_blank(True)


def _asked(asks: Sequence[Ask], *, instant: bool) -> list[prometheus.Dataquery]:
    queries = []
    for number, ask in enumerate(asks):
        query = prometheus.Dataquery().expr(ask.expr).legend_format(ask.legend).ref_id(chr(ord("A") + number))
        queries.append((query.instant() if instant else query.range()).datasource(DATASOURCE))
    return queries


def _common(panel: _AnyPanel, title: str, description: str, unit: str, span: int, height: int) -> _AnyPanel:
    panel.title(title).description(description).unit(unit).span(span).height(height)
    return panel.datasource(DATASOURCE)


def _alerts(panel: _AnyPanel, alerts: Sequence[str]) -> _AnyPanel:
    return panel.links([runbook(alert) for alert in alerts]) if alerts else panel


def _steps(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=color) for value, color in steps])
    )


def number(
    title: str,
    description: str,
    expr: str,
    unit: str,
    *,
    steps: Steps = PLAIN,
    decimals: int | None = None,
    alerts: Sequence[str] = (),
    legend: str = "",
    span: int = 4,
    unknown: str = NONE_YET,
) -> Builder[Panel]:
    """Show one number, as of the end of the chosen time."""
    panel = _alerts(_common(stat.Panel(), title, description, unit, span, 4), alerts)
    panel.targets([*_asked([Ask(expr, legend)], instant=True)])
    if decimals is not None:
        panel.decimals(decimals)
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("")
    panel.reduce_options(reduced).thresholds(_steps(steps)).no_value(unknown)
    return panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)


def lines(
    title: str,
    description: str,
    asks: Sequence[Ask],
    unit: str,
    *,
    steps: Steps = (),
    interval: str = "",
    alerts: Sequence[str] = (),
    limit: str = "",
    mean: str = "",
    stacked: bool = False,
    least: float | None = 0,
    most: float | None = None,
    colors: Mapping[str, str] | None = None,
    span: int = 12,
    unknown: str = NONE_YET,
) -> Builder[Panel]:
    """Show how something went.

    :param steps: drawn as dashed lines.
    :param interval: the shortest time that one point stands for.
    :param limit: the answer (its name) that is a limit.
    :param mean: the answers (a pattern of their names) that are means.
    :param stacked: bars, one answer on the other.
    :param least: where the scale begins, ``most``: where it ends.
    :param colors: of answers, by name.
    """
    panel = _alerts(_common(timeseries.Panel(), title, description, unit, span, 8), alerts)
    panel.targets([*_asked(asks, instant=False)]).no_value(unknown).span_nulls(False)
    panel.show_points(kinds.VisibilityMode.AUTO).line_width(2).fill_opacity(0)
    panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
    legend = common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM)
    panel.legend(legend.display_mode(kinds.LegendDisplayMode.LIST).calcs([]))
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    if interval:
        panel.interval(interval)
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    if steps:
        panel.thresholds(_steps(steps))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED))
    if stacked:
        panel.draw_style(kinds.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
        panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    for name, color in (colors or {}).items():
        panel.override_by_name(name, [_color(color)])
    if limit:
        panel.override_by_name(limit, [_color("red"), *_dashed(8)])
    if mean:
        panel.override_by_regexp(mean, _dashed(3))
    return panel


def _color(color: str) -> DynamicConfigValue:
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})


def _dashed(dash: int) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [dash, dash]}),
        DynamicConfigValue(id_val="custom.drawStyle", value="line"),
        DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        DynamicConfigValue(id_val="custom.lineWidth", value=2),
        DynamicConfigValue(id_val="custom.stacking", value={"mode": "none", "group": "A"}),
    ]


def states(
    title: str,
    description: str,
    asks: Sequence[Ask],
    words: Mapping[int, tuple[str, str]],
    *,
    alerts: Sequence[str] = (),
    span: int = 12,
    height: int = 6,
    unknown: str = NONE_YET,
) -> Builder[Panel]:
    """Show what held when, as bands.

    :param words: what a value means, and its colour.
    """
    panel = _alerts(_common(statetimeline.Panel(), title, description, NUMBER, span, height), alerts)
    panel.targets([*_asked(asks, instant=False)]).no_value(unknown)
    panel.show_value(kinds.VisibilityMode.NEVER).merge_values(True).row_height(0.8).fill_opacity(80).line_width(0)
    meant = {str(value): ValueMappingResult(text=word, color=color) for value, (word, color) in words.items()}
    panel.mappings([ValueMap(options=meant)])
    legend = common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM)
    return panel.legend(legend.display_mode(kinds.LegendDisplayMode.LIST).calcs([]))


class Column(NamedTuple):
    """A column of a table: its head, its query by row, its unit and colours."""

    head: str
    expr: str
    unit: str = NUMBER
    steps: Steps = ()
    decimals: int = 0


def rows(
    title: str,
    description: str,
    by: tuple[str, str],
    columns: Sequence[Column],
    *,
    worst: str,
    link: str = "",
    alerts: Sequence[str] = (),
    span: int = 24,
    height: int = 8,
    unknown: str = NONE_YET,
) -> Builder[Panel]:
    """Show a table as things stand at the end of the chosen time, worst first.

    :param by: the label that makes a row, and the head of its column.
    :param worst: the head of the column that is sorted by.
    :param link: where the name of a row leads.
    """
    label, head = by
    panel = _alerts(_common(table.Panel(), title, description, NUMBER, span, height), alerts)
    queries = _asked([Ask(column.expr, "") for column in columns], instant=True)
    for query in queries:
        query.format(PromQueryFormat.TABLE)
    panel.targets([*queries]).no_value(unknown).show_header(True).cell_height(kinds.TableCellHeight.SM)
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    heads = {f"Value #{chr(ord('A') + number)}": column.head for number, column in enumerate(columns)}
    order = {name: number for number, name in enumerate([label, *heads])}
    panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "renameByName": {label: head, **heads}, "indexByName": order},
        )
    )
    panel.sort_by([common.TableSortByFieldState().display_name(worst).desc(True)])
    for column in columns:
        properties = [
            DynamicConfigValue(id_val="unit", value=column.unit),
            DynamicConfigValue(id_val="decimals", value=column.decimals),
        ]
        if column.steps:
            steps = [{"value": value, "color": color} for value, color in column.steps]
            properties += [
                DynamicConfigValue(id_val="thresholds", value={"mode": "absolute", "steps": steps}),
                DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background", "mode": "basic"}),
            ]
        panel.override_by_name(column.head, properties)
    if link:
        panel.override_by_name(
            head, [DynamicConfigValue(id_val="links", value=[{"title": "${__value.raw}", "url": link}])]
        )
    return panel


def spread(title: str, description: str, ask: Ask, unit: str, *, interval: str, span: int = 12) -> Builder[Panel]:
    """Show how many fell into which bucket of a histogram, over time."""
    panel = _common(heatmap.Panel(), title, description, NUMBER, span, 8).interval(interval)
    query = prometheus.Dataquery().expr(ask.expr).legend_format(ask.legend).ref_id("A").range()
    panel.with_target(query.format(PromQueryFormat.HEATMAP).datasource(DATASOURCE))
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").fill("dark-orange")
    panel.calculate(False).cell_gap(1).color(colour.exponent(0.5).steps(64).reverse(False))
    return panel.y_axis(heatmap.YAxisConfig().unit(unit)).show_legend()
