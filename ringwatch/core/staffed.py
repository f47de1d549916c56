"""Who is there for each queue, who would be needed, how busy they are, and how evenly: a reading per queue.

Rules of this module:

* It learns from the engine's own records and looks at its own due moments: at each queue when a part of its window has
  passed (`every`: with half an hour, every whole minute of the data's time), and a moment after somebody came or went.
  The engine passes them in order, whoever tells that time has passed, so readings are the same whole, in pieces, and
  with or without ticks. When a whole window has passed without a record nothing can change any more: it sleeps until
  there is one.
* **Present** is who is logged in to the queue, not paused there, and whose phone is there. Who serves several queues is
  shared out (`share_agents`) over what each asks for, not counted twice.
* **Handling** is talk, hold and wrap-up, whoever the call was for: who is busy for another queue is busy. Who is rung
  is not.
* **Occupancy** is handling over the time in which agents were present or handling: a pause does not end a talk, and a
  member whose phone is unplugged is not idle.
* **Evenness** is the Gini coefficient of the handling time of those who are logged in and were there for most of what
  was looked at (`MOST_OF_IT`): who has just come cannot have handled much, and a member for good without a phone
  nothing. By all who are logged in, every change of shifts would be an injustice.
* **Short** are agents whom the queue needs for sure and who are not there: what it needs is estimated from a window of
  chance, and on a desk with just enough agents the estimate is too high half of the time. So it is asked how many it
  takes by a demand that the true one is beyond with `SURE` deviations, and, to tell when the need is over, by `LIKELY`.
* Nothing is judged on little: agents needed only after `LEAST_ARRIVALS` callers and `LEAST_OF_IT` of the window looked
  at, occupancy and evenness after as much. A time that was not heard counts as neither busy nor idle, and until the
  stream is back nothing is looked at.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ringwatch.core.agent_facts import AgentState, AgentStateName, Membership, WrapUp
from ringwatch.core.estimates import BUCKETS, Estimator
from ringwatch.core.facts import Gap, QueueVisit
from ringwatch.core.readings import CallOffered, QueueReading, StaffingReading
from ringwatch.core.staffing import Target, agents_needed, agents_short, estimated_wait, gini, share_agents
from ringwatch.core.standards import Policy

LEAST_ARRIVALS = 5
LEAST_OF_IT = 1 / 6
MOST_OF_IT = 0.75
SURE, LIKELY = 2.5, 1.25
"""In standard deviations: 99.4 % and 89 %."""
SELDOM_SECONDS = 60.0
"""How long a queue is not looked at, at most."""
PRESENCE_SECONDS = 1.0
"""A listing, or a pause in five queues, is many records and one change: it is looked at once, so much later."""

# All that matters of a state is whether the agent is with callers, or gone; else there, as who is free.
_MATTERS: dict[AgentStateName, AgentStateName] = {
    "talking": "talking",
    "on_hold": "talking",
    "wrap_up": "talking",
    "unavailable": "unavailable",
    "logged_out": "logged_out",
}
_AgentKey = tuple[str, str]
Span = tuple[float, float, bool]
"""From, until, and whether it was spent on callers."""


@dataclass(slots=True, eq=False)
class Seat:
    """An agent in a queue: what the time since they came was spent on."""

    paused: dict[str, bool] = field(default_factory=dict)
    """By interface; nobody is logged in where there is none."""
    present: bool = False
    handling: bool | None = None
    """``None``: neither there nor handling."""
    since: float = -math.inf
    spans: deque[Span] = field(default_factory=deque)

    def stands(self, state: AgentStateName, at: float) -> bool:
        """Note how things are from now on; tell whether the agent came or went."""
        before = self.present
        self.present = state != "unavailable" and not all(self.paused.values())
        handling: bool | None = bool(self.paused) and state == "talking"
        if not handling and not self.present:
            handling = None
        if handling != self.handling:
            self.ends(at)
            self.handling = handling
        return self.present != before

    def ends(self, at: float) -> None:
        """Close the span that is open, and begin the next one."""
        if self.handling is not None and at > self.since:
            self.spans.append((self.since, at, self.handling))
        self.since = max(self.since, at)

    def misses(self, since: float, until: float) -> None:
        """Take out a time that was not heard, and what was only reckoned of it: the end of a wrap-up."""
        self.ends(since)
        while self.spans and self.spans[-1][1] > since:
            begin, _, handling = self.spans.pop()
            if begin < since:
                self.spans.append((begin, since, handling))
        self.since = max(self.since, until)

    def worked(self, begin: float, end: float) -> tuple[float, float]:
        """Return the seconds in which the agent was there, and those of them spent on callers."""
        while self.spans and self.spans[0][1] <= begin:
            self.spans.popleft()
        there = handled = 0.0
        last = [] if self.handling is None else [(self.since, end, self.handling)]
        for since, until, handling in (*self.spans, *last):
            seconds = max(0.0, until - max(since, begin))
            there += seconds
            handled += seconds * handling
        return there, handled


class Figures(NamedTuple):
    """All of a reading that can change."""

    agents_required: int | None
    agents_present: float
    agents_short: float | None
    occupancy: float | None
    estimated_wait_seconds: float | None
    load_gini: float | None


@dataclass(slots=True, eq=False)
class Team:
    """A queue with those who serve it, and what is known of it as of when it was last looked at."""

    window: float
    target: Target
    estimator: Estimator
    seats: dict[_AgentKey, Seat] = field(default_factory=dict)
    load: float = 0.0
    aht_seconds: float | None = None
    required: int | None = None
    surely: int | None = None
    likely: int | None = None
    occupancy: float | None = None
    gini: float | None = None
    told: Figures | None = None

    def looks(self, at: float) -> None:
        """Reckon anew what follows from the window that ends now."""
        seen = self.estimator.estimate(at)
        demand = seen.demand
        self.load, self.aht_seconds = demand.load if demand else 0.0, seen.aht_seconds
        self.required = self.surely = self.likely = self.occupancy = self.gini = None
        there = handled = 0.0
        shares = []
        for agent, seat in list(self.seats.items()):
            one_there, one_handled = seat.worked(at - self.window, at)
            there += one_there
            handled += one_handled
            if not seat.paused and not seat.spans:
                del self.seats[agent]
            elif seat.paused and one_there >= seen.seconds * MOST_OF_IT:
                shares.append(one_handled)
        if seen.seconds < self.window * LEAST_OF_IT:
            return
        if there:
            self.occupancy = round(handled / there, 4)
            self.gini = gini(shares)
        if demand and seen.arrivals >= LEAST_ARRIVALS:
            rate = demand.calls_per_second
            self.required, self.likely, self.surely = (
                agents_needed(replace(demand, calls_per_second=rate * math.exp(-deviations * seen.spread)), self.target)
                for deviations in (0.0, LIKELY, SURE)
            )

    def short(self, present: float) -> float | None:
        """Return how many agents are missing, as `StaffingReading` tells it."""
        if self.likely is None or self.surely is None:
            return None
        return agents_short(self.surely, self.likely, present)


class Staffing:
    """All queues of one PBX.

    :param waiting: tells how many wait in a queue now.
    :param tell: told of every reading.
    """

    def __init__(
        self, pbx: str, policy: Policy, waiting: Callable[[str], int], tell: Callable[[StaffingReading], None]
    ) -> None:
        """Start before anything was heard."""
        self._pbx = pbx
        self._policy = policy
        self._waiting = waiting
        self._tell = tell
        self._lines = frozenset(policy.line_names)
        self._teams: dict[str, Team] = {}
        self._states: dict[_AgentKey, AgentStateName] = {}
        self._members: dict[tuple[str, str], tuple[Seat, _AgentKey]] = {}
        """By queue and interface."""
        self._began_at = 0.0
        self._looked_at = 0.0
        windows = [each.staffing_window_seconds for each in (policy.default, *policy.standards.values())]
        self._longest = max(windows)
        self._turns = sorted({every(window) for window in windows})
        self._awake_until = 0.0
        self.due_at = 0.0
        """When `settle` has something to do; at first with whatever comes first."""
        self._halted = False
        self.learns: dict[type[Any], Callable[[Any], None]] = {
            AgentState: self._agent_state,
            CallOffered: self._call_offered,
            Gap: self._gap,
            Membership: self._membership,
            QueueReading: self._queue_reading,
            QueueVisit: self._visit,
            WrapUp: self._wrap_up,
        }
        """What to tell of the engine's records, by kind."""

    # -- what is told

    def _queue_reading(self, reading: QueueReading) -> None:
        self._team(reading.queue)

    def _call_offered(self, offered: CallOffered) -> None:
        if offered.queue not in self._lines:
            self._team(offered.queue).estimator.apply(offered)
            self._wakes(offered.at)

    def _visit(self, visit: QueueVisit) -> None:
        self._team(visit.queue).estimator.apply(visit)
        self._wakes(visit.ended_at)

    def _wrap_up(self, wrap_up: WrapUp) -> None:
        if wrap_up.call_id is not None:
            self._team(wrap_up.queue).estimator.wrapped_up(wrap_up.ended_at, wrap_up.seconds)
            self._wakes(wrap_up.ended_at)

    def _agent_state(self, fact: AgentState) -> None:
        key = (fact.agent, fact.device)
        state = _MATTERS.get(fact.state, "free")
        if state == self._states.get(key, "free"):
            return
        self._states[key] = state
        if state == "logged_out":
            del self._states[key]
        for team in self._teams.values():
            if seat := team.seats.get(key):
                self._stands(seat, key, fact.at)
        self._wakes(fact.at)

    def _membership(self, fact: Membership) -> None:
        key = (fact.agent, fact.device)
        before = self._members.pop((fact.queue, fact.interface), None)
        if before:
            seat, agent = before
            del seat.paused[fact.interface]
            if agent != key or not fact.member:
                self._stands(seat, agent, fact.at)
        if fact.member:
            seat = self._team(fact.queue).seats.setdefault(key, Seat())
            seat.paused[fact.interface] = fact.paused
            self._members[fact.queue, fact.interface] = seat, key
            self._stands(seat, key, fact.at)
        self._wakes(fact.at)

    def _gap(self, gap: Gap) -> None:
        for team in self._teams.values():
            team.estimator.missed(gap.from_, gap.to)
            for seat in team.seats.values():
                seat.misses(gap.from_, gap.to)
        self._halted = False
        self._wakes(gap.to)
        self.due_at = gap.to + PRESENCE_SECONDS

    def _stands(self, seat: Seat, agent: _AgentKey, at: float) -> None:
        if seat.stands(self._states.get(agent, "free"), at) and not self._halted:
            self.due_at = min(self.due_at, max(at, self._looked_at) + PRESENCE_SECONDS)

    def _team(self, queue: str) -> Team:
        team = self._teams.get(queue)
        if team is None:
            standard = self._policy.standard(queue)
            window = standard.staffing_window_seconds
            target = Target(standard.service_level, standard.service_level_seconds, standard.max_occupancy)
            team = self._teams[queue] = Team(window, target, Estimator(window))
            # Nobody came before it was known: that was looked at too.
            team.estimator.tick(self._began_at)
        return team

    # -- what follows

    def halt(self) -> None:
        """Look at nothing until the stream is back, which a gap will tell."""
        self._halted = True
        self.due_at = math.inf

    def settle(self, at: float) -> None:
        """Do what is due by now: begin, look at the queues whose turn it is, and at who is there."""
        if not self._began_at:
            self._began_at, self.due_at = at, math.inf
            for queue in self._policy.standards:
                self._team(queue)
            self._wakes(at)
            return
        due = self._looked_at = self.due_at
        for team in self._teams.values():
            if due == nearest(due, every(team.window)):
                team.looks(due)
        self._show(due)
        turn = self._next_turn(due)
        # A stamp of a far future may be too large for a minute more to make a difference.
        self.due_at = turn if due < min(turn, self._awake_until) else math.inf

    def _wakes(self, at: float) -> None:
        """Go on looking until all that was heard up to now has left every window."""
        self._awake_until = max(self._awake_until, at + self._longest + 2 * SELDOM_SECONDS)
        if self.due_at == math.inf and not self._halted:
            self.due_at = self._next_turn(max(at, self._looked_at))

    def _next_turn(self, at: float) -> float:
        """Return the first whole number of any queue's `every` after this time."""
        turns = [(nearest(at, seconds), seconds) for seconds in self._turns]
        return min(turn if turn > at else nearest(turn + seconds, seconds) for turn, seconds in turns)

    def _show(self, at: float) -> None:
        serving: dict[_AgentKey, list[str]] = {}
        for queue, team in self._teams.items():
            for agent, seat in team.seats.items():
                if seat.present:
                    serving.setdefault(agent, []).append(queue)
        present = share_agents(serving.values(), {queue: team.load for queue, team in self._teams.items()})
        for queue, team in self._teams.items():
            aht, here = team.aht_seconds, round(present[queue], 3)
            wait = None if aht is None else round(estimated_wait(self._waiting(queue) + 1, aht, here), 3)
            figures = Figures(team.required, here, team.short(here), team.occupancy, wait, team.gini)
            if figures != team.told:
                team.told = figures
                self._tell(StaffingReading(pbx=self._pbx, queue=queue, at=at, **figures._asdict()))


def every(window: float) -> float:
    """Return after how many seconds a queue with such a window is looked at again."""
    return min(SELDOM_SECONDS, window / BUCKETS)


def nearest(at: float, seconds: float) -> float:
    """Return the whole number of so many seconds that is nearest to a time: that time itself, if it is one."""
    return round(at / seconds) * seconds
