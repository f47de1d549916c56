"""A desk of twenty through a working day, and the same day with a lunch that nobody covers.

The plan follows the callers by the half hour: as many agents as Erlang A asks for, and a third more, because with
just enough of them chance would lose many a half hour. Those who are off go in turns, so that everybody has a break
before two hours are over. At noon all but half of those whom Erlang asks for go for lunch, each at the end of the talk
they are in, and they come back at one.

The alerts are the default ones, but that lines pile up when there is one for every two agents: that three callers wait
for ten seconds happens every day on a desk of twenty that serves nine of ten callers in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ringwatch.ami.translator import Translator
from ringwatch.core.engine import Engine
from ringwatch.core.erlang import Demand
from ringwatch.core.facts import QueueVisit, Record
from ringwatch.core.hours import OpeningHours
from ringwatch.core.staffing import Target, agents_needed
from ringwatch.core.standards import Policy, Standard
from ringwatch.simulator import AgentPlan, Desk, Plan, TalkHabit, absent
from tests.simulator.desks import HOUR, MONDAY_NINE, queue

MIDNIGHT = MONDAY_NINE - 9 * HOUR
NOON, ONE = MIDNIGHT + 12 * HOUR, MIDNIGHT + 13 * HOUR
HALF_AN_HOUR = 1800.0
OPENS, CLOSES = 8, 18
PER_HOUR = 300
CURVE = (0.5, 0.65, 0.8, 0.95, 1, 1, 0.95, 0.9, 0.85, 0.85, 0.85, 0.9, 0.95, 0.95, 0.9, 0.85, 0.75, 0.65, 0.55, 0.45)
"""Callers by the half hour from eight to six, beside the busiest."""
TALK, WRAP_UP, PATIENCE, RINGING = 180, 10, 120, (1, 4)
SLACK = 4 / 3
PROMISED = Standard(wrapup_seconds=WRAP_UP)
POLICY = Policy(
    default=PROMISED,
    default_hours=OpeningHours(week=(((OPENS * 60, CLOSES * 60),),) * 7),
    # Nobody asks the simulated PBX every minute how things stand, as a daemon does: it may be silent for longer.
    alerts={"": {"data_stale": {"enabled": False}, "lines_piling_up": {"threshold": 12}}},
)
FIRST = 101


def _scheduled(weight: float) -> int:
    demand = Demand(PER_HOUR * weight / 3600, TALK + WRAP_UP + sum(RINGING) / 2, PATIENCE)
    target = Target(PROMISED.service_level, PROMISED.service_level_seconds, PROMISED.max_occupancy)
    return math.ceil(SLACK * (agents_needed(demand, target) or 0))


SCHEDULE = {OPENS + number / 2: _scheduled(weight) for number, weight in enumerate(CURVE)}
"""Agents there for half an hour from these hours on."""
OFF = math.ceil(max(SCHEDULE.values()) / 3)
STAFF = max(SCHEDULE.values()) + OFF
"""All who work here: a quarter of them is off at any time, or more."""
STAY = math.ceil(SCHEDULE[12] / SLACK / 2)
"""Who does not go for lunch: half of those whom Erlang asks for."""


def _shifts(agent: int) -> tuple[tuple[float, float], ...]:
    """Return the half hours in which an agent is there: who is off goes round."""
    turns = ((hour, many, (agent - number * OFF) % STAFF) for number, (hour, many) in enumerate(SCHEDULE.items()))
    return tuple((hour, hour + 0.5) for hour, many, place in turns if place < many)


ENOUGH = Plan(
    queues=(
        queue(
            *("support", "1000", FIRST, STAFF),
            calls_per_hour=PER_HOUR,
            talk=TalkHabit(mean_seconds=TALK, sigma=0.35),
            wrapup_seconds=WRAP_UP,
            patience_mean_seconds=PATIENCE,
            wait_limit_seconds=7200,
        ),
    ),
    agents=tuple(
        AgentPlan(
            number=str(FIRST + number),
            name=f"Agent {number}",
            picks_up_seconds=RINGING,
            shifts=_shifts(number),
        )
        for number in range(STAFF)
    ),
    curve=(0,) * 2 * OPENS + CURVE + (0,) * 2 * (24 - CLOSES),
)
_THROUGH = [agent.number for agent in ENOUGH.agents if {(12, 12.5), (12.5, 13)} <= {*agent.shifts}]
LUNCH = absent(ENOUGH, {agent.number for agent in ENOUGH.agents} - {*_THROUGH[:STAY]}, 12, 13)


def followed(plan: Plan, seed: int, begin: float, end: float, policy: Policy = POLICY) -> Iterator[Record]:
    """Follow a desk, attached before it says anything: bytes in, records out."""
    desk = Desk(plan, seed=seed, start_at=begin)
    translator, engine = Translator(), Engine("main", policy)
    said = [(begin, block) for block in desk.queue_status("1")] + desk.advance(end)
    events = (event for at, block in said for event in translator.feed([block.rstrip()], at))
    return (record for event in events for record in engine.apply(event))


def out_of_time(told: Iterable[Record], begin: float, end: float) -> tuple[list[float], int]:
    """Return when it was clear of each caller of an interval who was not served in time, and how many callers it had.

    Who is answered late has been late since the time in which they should have been answered; who hung up before that,
    since then.
    """
    visits = [visit for visit in told if isinstance(visit, QueueVisit) and begin <= visit.joined_at < end]
    within = PROMISED.service_level_seconds
    late = [visit for visit in visits if visit.outcome != "answered" or visit.wait_seconds > within]
    return sorted(visit.joined_at + min(visit.wait_seconds, within) for visit in late), len(visits)


def lost_at(told: Iterable[Record], begin: float, end: float) -> float:
    """Return when the service level of an interval was lost: nothing that could still come would have saved it."""
    late, callers = out_of_time(told, begin, end)
    may_be_late = math.floor(callers * (1 - PROMISED.service_level) + 1e-9)
    return late[may_be_late] if len(late) > may_be_late else math.inf
