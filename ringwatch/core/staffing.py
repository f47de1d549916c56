"""Is the desk staffed: agents needed, agents present shared out over the queues they serve, and the wait to expect.

Rules of this module:

* Agents needed are the fewest with whom the service level and the occupancy are kept. Both only get better with every
  agent, so they are found by halving, over one recursion of Erlang B that is never begun again.
* An agent who serves several queues is one agent. Each is shared out so that the agents per erlang of load are as equal
  as the queues they may serve allow: who can help where there are fewer, counts there. A queue without load takes
  nobody who is wanted elsewhere. The shares add up to the agents.
* Nothing here knows a queue's name, a clock or a fact: numbers in, numbers out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ringwatch.core.erlang import Demand, answered_shares

MOST_AGENTS = 2000
# A load in erlangs that keeps nobody busy: one talk of a minute in ninety years.
_IDLE = 1e-6
# Levelling stops when a whole round moves less than this part of an agent, and after so many rounds.
_SETTLED = 1e-6
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Target:
    """What a queue is staffed for: this share of callers answered within so many seconds, and no busier agents."""

    share: float = 0.8
    within_seconds: float = 20.0
    max_occupancy: float = 1.0


def agents_needed(demand: Demand, target: Target, most: int = MOST_AGENTS) -> int | None:
    """Return the fewest agents with whom the target is kept; None when ``most`` are not enough, 0 without calls."""
    if demand.calls_per_second == 0:
        return 0
    load = demand.load
    if load == 0:
        return 1 if most else None
    inverses = [1.0]

    def enough(agents: int) -> bool:
        for agent in range(len(inverses), agents + 1):
            inverses.append(1.0 + inverses[-1] * agent / load)  # as `inverse_b`
        answered, in_time = answered_shares(agents, demand, target.within_seconds, inverses[agents])
        return in_time >= target.share and load * answered <= target.max_occupancy * agents

    # N agents can answer no more than the share N / A of the calls.
    low = max(1, math.floor(min(target.share * load, most)))
    high, step = low, 1
    while high <= most and not enough(high):
        low, step = high + 1, step * 2
        high = most if low <= most < high + step else high + step
    return bisect_left(range(high), True, low, key=enough) if high <= most else None  # noqa: FBT003 - what is looked for


def agents_short(surely_needed: int, likely_needed: int, present: float) -> float:
    """Return how many agents are surely missing; 0.5 when one is likely to be, 0 when not even that."""
    if likely_needed - present < 1:
        return 0.0
    return round(max(0.5, surely_needed - present), 3)


def estimated_wait(position: int, aht_seconds: float, agents: float) -> float:
    """Return the seconds until the caller at a position (the first is 1) is answered; infinite without agents."""
    return position * aht_seconds / agents if agents else math.inf


def gini(handled: Sequence[float]) -> float | None:
    """Return how unevenly work is spread, 0 (all alike) to 1 - 1/n (one does it all); None for one, or without work."""
    total = math.fsum(handled)
    if len(handled) < 2 or not total:  # noqa: PLR2004 - to be uneven takes two
        return None
    many = len(handled)
    ranked = math.fsum(rank * seconds for rank, seconds in enumerate(sorted(handled), 1))
    return round(max(0.0, 2 * ranked / (many * total) - (many + 1) / many), 4)


def share_agents(agents: Iterable[Collection[str]], loads: Mapping[str, float]) -> dict[str, float]:
    """Share agents out over the queues they serve.

    :param agents: for each agent who is present, the queues they serve.
    :param loads: offered load in erlangs by queue; a queue that is not named has none.
    :return: agents by queue, for every queue in either.
    """
    teams = Counter(frozenset(queues) for queues in agents)
    teams.pop(frozenset(), None)
    busy = {queue for queue, load in loads.items() if load > _IDLE}
    parts: list[tuple[int, dict[str, float]]] = []
    present = dict.fromkeys(loads, 0.0)
    for team in sorted(teams, key=sorted):
        here = sorted(team & busy)
        size = teams[team]
        total = math.fsum(loads[queue] for queue in here)
        part = {queue: size * loads[queue] / total for queue in here} or {q: size / len(team) for q in sorted(team)}
        for queue in team:
            present[queue] = present.get(queue, 0.0) + part.get(queue, 0.0)
        if len(here) > 1:
            parts.append((size, part))
    for _ in range(_ROUNDS):
        if sum([_level(size, part, present, loads) for size, part in parts]) < _SETTLED:
            break
    return present


def _level(size: int, part: dict[str, float], present: dict[str, float], loads: Mapping[str, float]) -> float:
    """Pour one team anew over its queues, the emptiest first, until all it reaches are level; return what moved."""
    others = {queue: max(0.0, present[queue] - own) for queue, own in part.items()}
    load = level = 0.0
    poured = float(size)
    for queue in sorted(part, key=lambda queue: others[queue] / loads[queue]):
        if load and others[queue] / loads[queue] >= level:
            break
        load += loads[queue]
        poured += others[queue]
        level = poured / load
    moved = 0.0
    for queue, own in part.items():
        part[queue] = max(0.0, level * loads[queue] - others[queue])
        present[queue] = others[queue] + part[queue]
        moved += abs(part[queue] - own)
    return moved
