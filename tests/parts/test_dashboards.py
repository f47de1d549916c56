"""Every query of every panel, asked of a real Prometheus."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.parts import fortnight
from tests.parts.daemon import ROOT, desk_at_work
from tests.parts.panels import DASHBOARDS, all_answered, load, seconds, unanswered
from tests.parts.prometheus import Prometheus, scrape

WEEK = 7 * fortnight.DAY


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fortnight") / "data"
    fortnight.fill(folder)
    return folder


async def test_every_panel_shows_something_of_a_fortnight(data: Path) -> None:
    """In the time that a dashboard shows when it is opened, and in all of the fortnight: no error, no empty answer."""
    async with Prometheus(data.parent, arguments=fortnight.REMEMBERING) as prometheus:
        empty = []
        for dashboard in DASHBOARDS:
            opened = seconds(load(dashboard)["time"]["from"].removeprefix("now-"))
            for since in (opened, fortnight.DAYS * fortnight.DAY):
                empty += await unanswered(prometheus, dashboard, fortnight.END, since, fortnight.STEP)
        assert not empty, "\n".join(empty)


def a_week_ago(data: Path, now: float) -> None:
    """Let callers have come a week ago, to compare with."""
    series = 'ringwatch_calls_offered_total{job="ringwatch",instance="desk",pbx="main",queue="support",hours="open"}'
    told = [f"{series} {at} {now - WEEK + 10 * at:.0f}\n" for at in range(-200, 20)]
    fortnight.write(data, [*told, "# EOF\n"])


async def test_every_panel_shows_something_of_a_desk_at_work(tmp_path: Path) -> None:
    """Of a daemon that is asked every second, by the rules that are to be deployed with it."""
    a_week_ago(tmp_path / "data", time.time())
    async with desk_at_work(tmp_path / "ringwatch", speed=120) as daemon:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "grafana" / "rules" / "*.yml")],
            "scrape_configs": [scrape(daemon.port, instance="desk")],
        }
        async with Prometheus(tmp_path, json.dumps(config)) as prometheus:
            await all_answered(prometheus, DASHBOARDS)
