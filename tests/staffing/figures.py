"""What pyworkforce says of some desks: makes ``pyworkforce.json``.

Usage, with Python 3.12 or newer (older ones get a pyworkforce without Erlang A and B)::

    python -m venv figures && figures/bin/pip install pyworkforce==0.5.4
    figures/bin/python tests/staffing/figures.py > tests/staffing/pyworkforce.json

It is not among the tests' requirements: it pulls in ortools, pandas and numpy, 250 MB, for figures that never change.
Its Erlang A sums the stationary distribution and follows a tagged caller by uniformization, which has no formula in
common with ``ringwatch.core.erlang``. It reckons in minutes; its average speed of answer is a mean over all callers.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from pyworkforce.queuing import ErlangA, ErlangB, ErlangC

# Agents, calls an hour, AHT, patience, threshold: from one agent to two hundred, from idle to twice the load.
DESKS = [
    (24, 100, 720, 120, 20),
    (24, 100, 720, math.inf, 20),
    (24, 100, 720, 0, 20),
    (14, 120, 300, math.inf, 20),
    (14, 120, 300, 180, 20),
    (10, 120, 300, 60, 20),
    (5, 120, 300, 600, 60),
    (1, 30, 300, 600, 20),
    (1, 0.5, 60, 30, 10),
    (2, 12, 240, math.inf, 30),
    (40, 480, 360, 90, 5),
    (100, 1200, 300, 120, 20),
    (100, 1080, 300, math.inf, 20),
    (100, 1080, 300, 3600, 20),
    (200, 2400, 290, 300, 15),
    (200, 2400, 290, 0, 15),
    (500, 5800, 300, math.inf, 20),
]
# Calls an hour, AHT, patience, share, threshold, greatest occupancy; its search begins at the load.
TARGETS = [
    (120, 300, math.inf, 0.8, 20, 1.0),
    (100, 720, math.inf, 0.8, 20, 1.0),
    (100, 720, math.inf, 0.8, 20, 0.75),
    (100, 720, 120, 0.9, 20, 1.0),
    (100, 720, 120, 0.9, 20, 0.7),
    (1200, 300, math.inf, 0.95, 10, 0.9),
    (12, 240, 60, 0.99, 30, 1.0),
]


def desk(agents: int, hourly: float, aht: float, patience: float, within: float) -> dict[str, Any]:
    """Return the figures of one desk."""
    if patience == 0:
        loss = ErlangB(transactions=hourly, aht=aht / 60, interval=60)
        lost = loss.blocking_probability(agents)
        figures = {"wait_share": lost, "abandon_share": lost, "occupancy": loss.achieved_occupancy(agents)}
    elif patience == math.inf:
        endless = ErlangC(transactions=hourly, aht=aht / 60, asa=within / 60, interval=60)
        figures = {
            "wait_share": endless.waiting_probability(agents),
            "service_level": endless.service_level(agents),
            "occupancy": endless.achieved_occupancy(agents),
        }
    else:
        line = ErlangA(transactions=hourly, aht=aht / 60, asa=within / 60, interval=60, patience=patience / 60)
        figures = {
            "wait_share": line.waiting_probability(agents),
            "abandon_share": line.abandonment_probability(agents),
            "wait_seconds": line.average_speed_of_answer(agents) * 60,
            "occupancy": line.achieved_occupancy(agents),
            "service_level": line.service_level(agents),
        }
    return {"desk": [agents, hourly, aht, patience, within], "figures": figures}


def target(hourly: float, aht: float, patience: float, share: float, within: float, occupancy: float) -> dict[str, Any]:
    """Return the agents one desk needs."""
    told = {"transactions": hourly, "aht": aht / 60, "asa": within / 60, "interval": 60}
    line = ErlangC(**told) if patience == math.inf else ErlangA(**told, patience=patience / 60)
    agents = line.required_positions(share, max_occupancy=occupancy)["raw_positions"]
    return {"target": [hourly, aht, patience, share, within, occupancy], "agents": agents}


if __name__ == "__main__":
    tables = {"desks": [desk(*row) for row in DESKS], "targets": [target(*row) for row in TARGETS]}
    # A row on a line, for those who read it.
    parts = [f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in tables.items()]
    sys.stdout.write("{" + ",\n".join(parts) + "}\n")
