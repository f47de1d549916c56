"""Breaks: how long every agent has worked without one, which is a stretch.

Rules:

* **Work** is ``talking``, ``on_hold`` and ``wrap_up``. All else is rest: free, rung, paused, unplugged, logged out,
  unknown. An agent is a name at a device, over all queues: in several of them still one agent with one stretch.
* A rest is a **break** once it has lasted ``break_min_seconds``. A pause of five seconds is none, and short rests do
  not add up to one: who has had two minutes of peace after every call all morning has had no break.
* A **stretch** begins when an agent begins to work after a break, or is first seen working, and ended when the rest
  began that turned out to be a break. So it holds the rests that were too short. The next begins with the next work.
* A time that was not heard (a gap) of at least ``break_min_seconds`` may have held a break: the stretch ended at its
  beginning, or before, when the agent was last known to work. Whoever is still at work once a listing has shown it is
  taken as working since the stream was back. A shorter gap changes nothing: what an agent did goes on through it.
* When ringwatch or Asterisk goes down, every stretch ended with the last work that is known of.
* A stretch shorter than ``break_min_seconds`` is not told as a fact. On a quiet desk every call would be one that says
  nothing its leg does not say, and nobody needs a break from less than a break. As a reading it is there.
* A break is recognised at its own moment, and `BLINK_SECONDS` later, when what the agent did then has been told. So it
  does not matter who says that time has passed: an event, or the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ringwatch.core.agent_facts import AgentState, AgentStateName, Membership, Stretch
from ringwatch.core.agents import BLINK_SECONDS
from ringwatch.core.facts import Gap, Record
from ringwatch.core.readings import StretchReading
from ringwatch.core.standards import Policy
from ringwatch.core.state import seconds

WORK: frozenset[AgentStateName] = frozenset({"talking", "on_hold", "wrap_up"})

_Key = tuple[str, str]
"""An agent: name and device."""


@dataclass(slots=True, eq=False)
class _Agent:
    working: bool = False
    since: float | None = None
    """When the stretch that goes on began."""
    queues: list[str] = field(default_factory=list)
    """One for each interface at which the agent is a member of it."""


class Breaks:
    """The agents of one PBX.

    :param tell: told of every stretch that is over, and of those that go on.
    """

    def __init__(self, pbx: str, policy: Policy, tell: Callable[[Record], None]) -> None:
        """Start with nobody."""
        self._pbx = pbx
        self._least = policy.default.break_min_seconds
        self._tell = tell
        self._agents: dict[_Key, _Agent] = {}
        self._members: dict[tuple[str, str], _Key] = {}
        """By queue and interface."""
        self._resting: dict[_Key, float] = {}
        """Since when they rest whose stretch goes on. States are told in order: who rests first is due first."""
        self._unheard_since = math.inf
        self._doubted_since: float | None = None
        """Since when the stream is back after a gap, if no listing has shown yet who is still at work."""
        self.due_at = math.inf
        """When `settle` has something to do."""
        self.learns: dict[type[Any], Callable[[Any], None]] = {
            AgentState: self._agent_state,
            Gap: self._gap,
            Membership: self._membership,
        }
        """What to tell of the engine's records, by kind."""

    # -- what is told

    def _agent_state(self, fact: AgentState) -> None:
        working = fact.state in WORK
        key = (fact.agent, fact.device)
        agent = self._agents.get(key)
        if agent is None:
            # Logged out, with no stretch that goes on.
            return
        if working:
            rested = self._resting.pop(key, math.inf)
            if fact.at >= rested + self._least:
                self._end(key, agent, rested)
            if agent.since is None:
                self._begin(key, agent, fact.at)
        elif agent.working and agent.since is not None:
            self._resting[key] = fact.at
        if working != agent.working:
            agent.working = working
            self._look_ahead()

    def _membership(self, fact: Membership) -> None:
        where = (fact.queue, fact.interface)
        before = self._members.get(where)
        after = (fact.agent, fact.device) if fact.member else None
        if before == after:
            return
        if before:
            agent = self._agents[before]
            del self._members[where]
            agent.queues.remove(fact.queue)
            self._moved(before, agent)
            self._forget_if_gone(before, agent)
        if after:
            agent = self._agents.setdefault(after, _Agent())
            self._members[where] = after
            agent.queues.append(fact.queue)
            self._moved(after, agent)

    def _gap(self, gap: Gap) -> None:
        self._unheard_since = math.inf
        may_hold_a_break = gap.to - gap.from_ >= self._least
        if may_hold_a_break:
            self._end_all(gap.from_)
        if may_hold_a_break or self._doubted_since is not None:
            self._doubted_since = gap.to
        self._look_ahead()

    # -- what follows

    def settle(self, at: float) -> None:
        """Recognise the breaks that are due by now."""
        while self.due_at <= at:
            key, rested = next(iter(self._resting.items()))
            del self._resting[key]
            agent = self._agents[key]
            self._end(key, agent, rested)
            self._forget_if_gone(key, agent)
            self._look_ahead()

    def halt(self, at: float) -> None:
        """Recognise nothing from a moment on until the stream is back, which a gap will tell."""
        self._unheard_since, self.due_at = at, math.inf

    def trust(self) -> None:
        """Believe what is known of who works: a listing has shown it."""
        since, self._doubted_since = self._doubted_since, None
        if since is None:
            return
        for key, agent in self._agents.items():
            if agent.working and agent.since is None:
                self._begin(key, agent, since)

    def close(self, at: float) -> None:
        """End every stretch with the last work that is known of."""
        self._end_all(min(at, self._unheard_since))
        self._look_ahead()

    def _end_all(self, at: float) -> None:
        for key, agent in list(self._agents.items()):
            if agent.since is not None:
                self._end(key, agent, min(self._resting.pop(key, at), at))
                self._forget_if_gone(key, agent)

    def _begin(self, key: _Key, agent: _Agent, at: float) -> None:
        agent.since = at
        self._show(key, agent)

    def _end(self, key: _Key, agent: _Agent, at: float) -> None:
        began, agent.since = agent.since, None
        if began is not None and at - began >= self._least:
            name, device = key
            self._tell(
                Stretch(
                    pbx=self._pbx,
                    agent=name,
                    device=device,
                    started_at=began,
                    ended_at=at,
                    seconds=seconds(at - began),
                )
            )
        self._show(key, agent)

    def _moved(self, key: _Key, agent: _Agent) -> None:
        if agent.since is not None:
            self._show(key, agent)

    def _show(self, key: _Key, agent: _Agent) -> None:
        name, device = key
        queues = tuple(sorted({*agent.queues}))
        self._tell(StretchReading(pbx=self._pbx, agent=name, device=device, queues=queues, since=agent.since))

    def _forget_if_gone(self, key: _Key, agent: _Agent) -> None:
        if not agent.queues and agent.since is None:
            self._agents.pop(key, None)

    def _look_ahead(self) -> None:
        rested = next(iter(self._resting.values()), math.inf)
        self.due_at = rested + self._least + BLINK_SECONDS if self._unheard_since == math.inf else math.inf
