"""Writes the dashboards."""

from __future__ import annotations

from pathlib import Path

from grafana.generator import agents, capacity, desk, itself, one_queue
from grafana.generator.frame import written

FOLDER = Path(__file__).parents[1] / "dashboards"
DASHBOARDS = {
    "desk": desk.DASHBOARD,
    "queue": one_queue.DASHBOARD,
    "agents": agents.DASHBOARD,
    "capacity": capacity.DASHBOARD,
    "ringwatch": itself.DASHBOARD,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, made in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(written(made), encoding="utf-8")
