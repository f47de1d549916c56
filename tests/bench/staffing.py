"""How long 100,000 service levels take, at small and large desks, beside the bare recursion of Erlang B.

Usage::

    python -m tests.bench.staffing [--json] [--rounds N]

What is promised is the first column: Erlang C and A at ordinary desks, each under a second. The ratio to the recursion,
measured in the same run, says the same on any machine. ``agents_needed`` is a whole search, for 2,000 of them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import NamedTuple

from ringwatch.core.erlang import Demand, inverse_b, service_level
from ringwatch.core.staffing import Target, agents_needed

EVALUATIONS = 100_000
WITHIN = 20.0


class Desk(NamedTuple):
    """A desk, and how many evaluations are measured: the slow ones fewer, all told for 100,000."""

    agents: int
    demand: Demand
    measured: int = EVALUATIONS


DESKS = {
    "C, 14 agents": Desk(14, Demand(10 / 300, 300)),
    "C, 100 agents": Desk(100, Demand(90 / 300, 300)),
    "A, 14 agents": Desk(14, Demand(10 / 300, 300, 180)),
    "A, 100 agents": Desk(100, Demand(90 / 300, 300, 180)),
    "A, 2,000 agents": Desk(2000, Demand(1950 / 300, 300, 180), 1000),
    "A, patience of a week": Desk(100, Demand(90 / 300, 300, 604_800), 1000),
}


def timed(work: Callable[[], object], times: int) -> float:
    """Return the seconds that so many take."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - started


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return, by desk, the best seconds of 100,000 service levels and searches, and the ratio to Erlang B alone."""
    figures = {}
    for name, (agents, demand, measured) in DESKS.items():
        works: dict[str, tuple[Callable[[], object], int]] = {
            "service_level": (lambda n=agents, d=demand: service_level(n, d, WITHIN), measured),  # type: ignore[misc]
            "erlang_b": (lambda n=agents, a=demand.load: inverse_b(n, a), measured),  # type: ignore[misc]
            "agents_needed": (lambda d=demand: agents_needed(d, Target()), max(10, measured // 50)),  # type: ignore[misc]
        }
        best = dict.fromkeys(works, math.inf)
        for _ in range(rounds):
            for work, (run, times) in works.items():
                best[work] = min(best[work], timed(run, times) * EVALUATIONS / times)
        figures[name] = {
            "seconds": round(best["service_level"], 3),
            "times_erlang_b": round(best["service_level"] / best["erlang_b"], 2),
            "agents_needed_ms": round(best["agents_needed"] / EVALUATIONS * 1000, 3),
        }
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures = measure(options.rounds)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'':24}{'s / 100,000':>12}{'x Erlang B':>12}{'agents_needed ms':>18}")
    for name, row in figures.items():
        print(f"{name:24}{row['seconds']:>12.3f}{row['times_erlang_b']:>12.2f}{row['agents_needed_ms']:>18.3f}")


if __name__ == "__main__":
    main()
