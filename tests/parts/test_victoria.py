"""A fleet: Prometheus as an agent hands over to VictoriaMetrics, which answers the dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from tests.parts.daemon import ROOT, desk_at_work
from tests.parts.panels import DASHBOARDS, all_answered
from tests.parts.victoria import Agent, Victoria, VmAlert


async def test_victoria_metrics_answers_the_desk_overview(tmp_path: Path) -> None:
    """Fed by an agent as deploy/prometheus/agent.yml configures it, but for addresses and every second.

    The alerts are those of vmalert: Debian's is too old for keep_firing_for. A series that was asked for before it was
    there is to be seen up to ten seconds later, and alerts come after a chain of such, so that this takes a minute.
    """
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "agent.yml").read_text())
    for path in (ROOT / "grafana" / "rules").glob("*.yml"):
        (tmp_path / path.name).write_text(re.sub(r"\n +keep_firing_for: .*", "", path.read_text()))
    async with desk_at_work(tmp_path / "ringwatch", speed=30) as daemon, Victoria(tmp_path / "victoria") as victoria:
        config["global"]["scrape_interval"] = "1s"
        config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{daemon.port}"]}]
        config["remote_write"][0]["url"] = f"http://127.0.0.1:{victoria.port}/api/v1/write"
        async with (
            Agent(tmp_path / "agent", json.dumps(config)),
            VmAlert(tmp_path / "vmalert", f"{tmp_path}/*.yml", victoria),
        ):
            await all_answered(victoria, [path for path in DASHBOARDS if path.stem == "desk"])
