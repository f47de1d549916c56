"""Erlang A and C against a simulated desk (ciw), seeded."""

from __future__ import annotations

import math
from statistics import fmean, stdev
from typing import NamedTuple

import ciw
import pytest

from ringwatch.core.erlang import Demand, Service, service

RUNS = 10
# Student's t with 9 degrees of freedom leaves 0.05 % beyond this on either side: an interval of 99.9 %.
T_OF_NINE = 4.781


class Desk(NamedTuple):
    """A desk, and how long one run of it is; the first tenth is not looked at."""

    agents: int
    demand: Demand
    seconds: float


DESKS = {
    "patient": Desk(24, Demand(100 / 3600, 720), 500_000),
    "impatient": Desk(24, Demand(100 / 3600, 720, 120), 450_000),
    "overloaded": Desk(5, Demand(120 / 3600, 300, 90), 300_000),
    "small": Desk(2, Demand(12 / 3600, 240, 300), 2_000_000),
}
WITHIN = 20.0


def run(desk: Desk, seed: int) -> Service:
    """Simulate one run."""
    ciw.seed(seed)
    impatient = desk.demand.patience_seconds < math.inf
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(desk.demand.calls_per_second)],
        service_distributions=[ciw.dists.Exponential(1 / desk.demand.aht_seconds)],
        reneging_time_distributions=[ciw.dists.Exponential(1 / desk.demand.patience_seconds) if impatient else None],
        number_of_servers=[desk.agents],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(desk.seconds)
    warm = desk.seconds / 10
    # Who came last may still be waiting or talking: that would leave out the long waits.
    callers = [
        record
        for record in simulation.get_all_records(only=["service", "renege"])
        if warm < record.arrival_date < desk.seconds - warm
    ]
    waits = [record.waiting_time for record in callers]
    answered = [record.waiting_time for record in callers if record.record_type == "service"]
    talked = sum(record.service_time for record in callers if record.record_type == "service")
    return Service(
        wait_share=sum(wait > 0 for wait in waits) / len(callers),
        abandon_share=1 - len(answered) / len(callers),
        wait_seconds=fmean(waits),
        asa_seconds=fmean(answered),
        occupancy=talked / desk.agents / (desk.seconds - 2 * warm),
        service_level=sum(wait <= WITHIN for wait in answered) / len(callers),
    )


@pytest.mark.parametrize("name", DESKS)
def test_a_simulated_desk_serves_as_reckoned(name: str) -> None:
    """Ten independent runs: each of our figures lies in the 99.9 % confidence interval of their mean."""
    desk = DESKS[name]
    reckoned = service(desk.agents, desk.demand, WITHIN)
    runs = [run(desk, seed) for seed in range(RUNS)]
    for figure in Service.__slots__:
        seen = [getattr(one, figure) for one in runs]
        margin = T_OF_NINE * stdev(seen) / math.sqrt(RUNS)
        assert abs(fmean(seen) - getattr(reckoned, figure)) <= margin, figure
