"""The committed dashboards, and what Grafana asks for each of their panels."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.parts.prometheus import Asked

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
POINTS = 400
"""As many as a panel of half the width of a screen asks for."""
PATIENCE_SECONDS = 120.0
"""An hour and more of a desk at work, as `tests.parts.daemon` lets one work."""
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def load(path: Path) -> dict[str, Any]:
    """Read a dashboard."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels of a dashboard, without the heads of its rows."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def seconds(text: str) -> float:
    """Read a time as Grafana writes it."""
    return float(text[:-1]) * _SECONDS[text[-1]]


class Asking(NamedTuple):
    """How a dashboard is looked at: for how long, scraped how often, chosen what."""

    range: float
    scraped_every: float
    chosen: Mapping[str, str]

    def step(self, panel: Mapping[str, Any]) -> float:
        """Return what one point of a panel stands for."""
        shortest = seconds(panel["interval"]) if panel.get("interval") else self.scraped_every
        return max(shortest, self.range / POINTS)

    def filled(self, expr: str, step: float) -> str:
        """Put values in the place of variables."""
        rate = max(step + self.scraped_every, 4 * self.scraped_every)
        known = {
            "__interval": f"{step:.0f}s",
            "__rate_interval": f"{rate:.0f}s",
            "__range": f"{self.range:.0f}s",
            "__range_s": f"{self.range:.0f}",
            **self.chosen,
        }
        for name in sorted(known, key=len, reverse=True):
            expr = expr.replace(f"${{{name}}}", known[name]).replace(f"${name}", known[name])
        # What a pattern found ($1) is no variable.
        assert not re.search(r"\$\D", expr), expr
        return expr


EVERYTHING = {"job": ".+", "instance": ".+", "pbx": ".+", "queue": ".+", "agent": ".+"}
ONE_QUEUE = {**EVERYTHING, "queue": "support"}


def chosen(dashboard: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what is chosen when a dashboard is opened: all there is, or one queue."""
    several = {each["name"]: each.get("multi") for each in dashboard["templating"]["list"]}
    return EVERYTHING if several.get("queue", True) else ONE_QUEUE


def has_figures(series: list[dict[str, Any]]) -> bool:
    """Tell whether anything would be seen: a number, of any series."""
    values = [value for each in series for value in each.get("values", [each.get("value")])]
    return any(math.isfinite(float(value)) for _, value in values)


async def unanswered(prometheus: Asked, dashboard: Path, end: float, since: float, scraped_every: float) -> list[str]:
    """Return the queries of a dashboard that have no answer."""
    made = load(dashboard)
    asking = Asking(since, scraped_every, chosen(made))
    found = []
    for panel in panels(made):
        step = asking.step(panel)
        for target in panel["targets"]:
            expr = asking.filled(target["expr"], step)
            if target.get("instant"):
                answer = await prometheus.query(expr, end)
            else:
                answer = await prometheus.query_range(expr, end - since, end, step)
            if not has_figures(answer):
                found.append(f"{dashboard.stem}, {panel['title']}, {target['refId']}: {expr}")
    for annotation in made["annotations"]["list"]:
        expr = asking.filled(annotation["expr"], scraped_every)
        if not has_figures(await prometheus.query_range(expr, end - since, end, max(scraped_every, since / 1000))):
            found.append(f"{dashboard.stem}, annotation {annotation['name']}: {expr}")
    return found


async def all_answered(prometheus: Asked, dashboards: Sequence[Path]) -> None:
    """Wait until every query of some dashboards has an answer, of a desk that is at work."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while dashboards:
        missing = [await unanswered(prometheus, path, time.time(), 3600, 1.0) for path in dashboards]
        dashboards = [path for path, queries in zip(dashboards, missing, strict=True) if queries]
        assert not dashboards or time.monotonic() < deadline, "\n".join(
            query for queries in missing for query in queries
        )
        await asyncio.sleep(0.5)
