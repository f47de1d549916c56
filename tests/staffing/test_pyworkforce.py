"""Erlang B, C and A against pyworkforce 0.5.4; ``figures.py`` made the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringwatch.core.erlang import Demand, service
from ringwatch.core.staffing import Target, agents_needed

SAID: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "pyworkforce.json").read_text())


@pytest.mark.parametrize("said", SAID["desks"], ids=lambda said: str(said["desk"]))
def test_a_desk_fares_as_pyworkforce_says(said: dict[str, Any]) -> None:
    """Every figure it gives, to nine digits."""
    agents, hourly, aht, patience, within = said["desk"]
    ours = service(agents, Demand(hourly / 3600, aht, patience), within)
    assert said["figures"] == {figure: pytest.approx(getattr(ours, figure), rel=1e-9) for figure in said["figures"]}


@pytest.mark.parametrize("said", SAID["targets"], ids=lambda said: str(said["target"]))
def test_as_many_agents_are_needed_as_pyworkforce_says(said: dict[str, Any]) -> None:
    """By service level and by occupancy, with and without patience."""
    hourly, aht, patience, share, within, occupancy = said["target"]
    assert agents_needed(Demand(hourly / 3600, aht, patience), Target(share, within, occupancy)) == said["agents"]
