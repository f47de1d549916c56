"""Draws every dashboard as one picture, filled with the fortnight of tests/parts: for looking at, not for comparing.

    python -m tests.tools.dashboard_pictures FOLDER

What Grafana would draw is drawn in the same place, with the same words, units, limits and colours, as far as matplotlib
goes: enough to see what cannot be read, says nothing, or contradicts its neighbour.
"""

from __future__ import annotations

import asyncio
import math
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.parts import fortnight
from tests.parts.panels import DASHBOARDS, Asking, chosen, load, panels, seconds
from tests.parts.prometheus import Prometheus

_COLORS = {
    "green": "#56a64b",
    "red": "#e02f44",
    "yellow": "#f2cc0c",
    "orange": "#ff780a",
    "blue": "#3274d9",
    "light-blue": "#8ab8ff",
    "text": "#333333",
    "purple": "#a352cc",
}
_HEIGHT, _WIDTH = 0.42, 0.75  # Inches of a unit of the grid.
Series = list[dict[str, Any]]
Answers = Sequence[tuple[str, Series]]
_DAY = 86_400.0


def _color(name: str) -> str:
    return _COLORS.get(name, name)


def _told(value: float, unit: str, decimals: int | None = None) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞"
    if unit == "percentunit":
        return f"{value:.{decimals or 0}%}"
    if unit == "s":
        for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
            if abs(value) >= size * 1.5:
                return f"{value / size:.1f} {name}"
        return f"{value:.{1 if decimals is None else decimals}f} s"
    return f"{value:,.{decimals}f}" if decimals is not None else f"{value:,.4g}"


def _name(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend).strip() or "value"


def _step_color(steps: Sequence[Mapping[str, Any]], value: float) -> str:
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return _color(reached[-1]) if reached else _color("text")


def _points(series: Mapping[str, Any], step: float) -> tuple[list[float], list[float]]:
    times: list[float] = []
    values: list[float] = []
    before = math.inf
    for at, value in series["values"]:
        if at - before > step * 1.5:
            times.append((at - step) / _DAY)
            values.append(math.nan)
        times.append(at / _DAY)
        values.append(float(value))
        before = at
    return times, values


def _overridden(panel: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for override in panel["fieldConfig"].get("overrides", []):
        matcher = override["matcher"]
        pattern = str(matcher["options"]).strip("/")
        if matcher["options"] == name or (matcher["id"] == "byRegexp" and re.search(pattern, name)):
            found |= {each["id"]: each["value"] for each in override["properties"]}
    return found


def _lines(axes: Axes, panel: Mapping[str, Any], answers: Answers, step: float) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    bottoms: dict[float, float] = {}
    for legend, answer in answers:
        for series in answer:
            name = _name(legend, series["metric"])
            times, values = _points(series, step)
            own = _overridden(panel, name)
            color = _color(own["color"]["fixedColor"]) if "color" in own else None
            if stacked and own.get("custom.stacking", {}).get("mode") != "none":
                below = [bottoms.get(at, 0.0) for at in times]
                axes.bar(times, values, width=step / _DAY, bottom=below, color=color, label=name)
                for at, value in zip(times, values, strict=True):
                    bottoms[at] = bottoms.get(at, 0.0) + (0.0 if math.isnan(value) else value)
            else:
                style = "--" if "custom.lineStyle" in own else "-"
                axes.plot(times, values, style, color=color, label=name, linewidth=1.2, marker=".", markersize=1.5)
    for threshold in defaults.get("thresholds", {}).get("steps", []):
        if threshold["value"] is not None and custom.get("thresholdsStyle", {}).get("mode") == "dashed":
            axes.axhline(threshold["value"], color=_color(threshold["color"]), linestyle="--", linewidth=1)
    axes.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    axes.yaxis.set_major_formatter(lambda value, _: _told(value, defaults.get("unit", "")))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=6, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)


def _states(axes: Axes, panel: Mapping[str, Any], answers: Answers, step: float) -> None:
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    names = []
    for legend, answer in answers:
        for series in answer:
            names.append(_name(legend, series["metric"]))
            for at, value in series["values"]:
                color = _color(words.get(f"{float(value):g}", {"color": "text"})["color"])
                axes.barh(len(names) - 1, step / _DAY, left=at / _DAY, height=0.8, color=color)
    axes.set_yticks(range(len(names)), names, fontsize=6)


def _number(axes: Axes, panel: Mapping[str, Any], answers: Answers, _step: float) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    legend, answer = answers[0]
    text, color = defaults["noValue"], "#999999"
    if answer:
        value = float(answer[0]["value"][1])
        text = _told(value, defaults["unit"], defaults.get("decimals"))
        color = _step_color(defaults["thresholds"]["steps"], value)
        if legend:
            text = _name(legend, answer[0]["metric"])
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=20, color=color, weight="bold")


def _rows(axes: Axes, panel: Mapping[str, Any], answers: Answers, _step: float) -> None:
    organized = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
    label = next(name for name in organized["renameByName"] if not name.startswith("Value"))
    heads = [organized["renameByName"][label]]
    found: dict[str, dict[str, float]] = {}
    for target, (_, answer) in zip(panel["targets"], answers, strict=True):
        heads.append(organized["renameByName"][f"Value #{target['refId']}"])
        for series in answer:
            found.setdefault(series["metric"][label], {})[heads[-1]] = float(series["value"][1])
    worst = panel["options"]["sortBy"][0]["displayName"]
    ordered = sorted(found, key=lambda name: -found[name].get(worst, -1))
    cells, colors = [], []
    for name in ordered:
        row, shades = [name], ["white"]
        for head in heads[1:]:
            own = _overridden(panel, head)
            value = found[name].get(head, math.nan)
            row.append(_told(value, own["unit"], own["decimals"]))
            known = "thresholds" in own and not math.isnan(value)
            shades.append(_step_color(own["thresholds"]["steps"], value) if known else "white")
        cells.append(row)
        colors.append(shades)
    axes.axis("off")
    wrapped = [textwrap.fill(head, 14) for head in heads]
    table = axes.table(cells, cellColours=colors, colLabels=wrapped, loc="upper center", cellLoc="center")
    table.auto_set_font_size(value=False)
    table.set_fontsize(7)
    table.scale(1, 1.3)


def _spread(axes: Axes, _panel: Mapping[str, Any], answers: Answers, _step: float) -> None:
    answer = sorted(answers[0][1], key=lambda series: float(series["metric"]["le"]))
    times = sorted({at for series in answer for at, _ in series["values"]})
    counted = [dict(series["values"]) for series in answer]
    up_to = [[float(bucket.get(at, "nan")) for at in times] for bucket in counted]
    shown = [up_to[0], *([b - a for a, b in zip(*both, strict=True)] for both in pairwise(up_to))]
    axes.pcolormesh([at / _DAY for at in times], range(len(shown)), shown, cmap="Oranges")
    axes.set_yticks(range(len(answer)), [series["metric"]["le"] for series in answer], fontsize=6)


_DRAWN: Mapping[str, Callable[[Axes, Mapping[str, Any], Answers, float], None]] = {
    "timeseries": _lines,
    "state-timeline": _states,
    "stat": _number,
    "table": _rows,
    "heatmap": _spread,
}


async def _draw(prometheus: Prometheus, path: Path, folder: Path) -> None:
    made = load(path)
    since = seconds(made["time"]["from"].removeprefix("now-"))
    asking = Asking(since, fortnight.STEP, chosen(made))
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in made["panels"])
    figure = plt.figure(figsize=(24 * _WIDTH, height * _HEIGHT), facecolor="#f4f5f5")
    figure.text(0.5, 1 - 0.3 / (height * _HEIGHT), made["title"], ha="center", fontsize=11, weight="bold")
    for row in made["panels"]:
        if row["type"] == "row":
            figure.text(0.01, 1 - (row["gridPos"]["y"] + 0.8) / height, row["title"], fontsize=12, weight="bold")
    for panel in panels(made):
        place, step = panel["gridPos"], asking.step(panel)
        answers = []
        for target in panel["targets"]:
            expr = asking.filled(target["expr"], step)
            if target.get("instant"):
                answer = await prometheus.query(expr, fortnight.END)
            else:
                start = (fortnight.END - since) // step * step
                answer = await prometheus.query_range(expr, start, fortnight.END, step)
            answers.append((target.get("legendFormat", ""), answer))
        below, above, left = (0.3, 0.9, 0.2) if panel["type"] in {"stat", "table"} else (1.7, 0.9, 1.0)
        if panel["type"] == "state-timeline":
            left = 3.2
        box = (
            (place["x"] + left) / 24,
            1 - (place["y"] + place["h"] - below) / height,
            (place["w"] - left - 0.3) / 24,
            (place["h"] - below - above) / height,
        )
        axes = figure.add_axes(box)
        axes.set_title(panel["title"], fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        _DRAWN[panel["type"]](axes, panel, answers, step)
        if panel["type"] not in {"stat", "table"}:
            axes.set_xlim((fortnight.END - since) / _DAY, fortnight.END / _DAY)
            axes.xaxis_date()
            axes.grid(visible=True, alpha=0.3)
    figure.savefig(folder / f"{path.stem}.png", dpi=75)
    plt.close(figure)


async def _main(folder: Path) -> None:
    mpl.use("agg")
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        await asyncio.to_thread(fortnight.fill, data)
        async with Prometheus(Path(made), arguments=fortnight.REMEMBERING) as prometheus:
            for path in DASHBOARDS:
                await _draw(prometheus, path, folder)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(Path(sys.argv[1])))
