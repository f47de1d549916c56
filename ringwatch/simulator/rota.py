"""The agents' day: shifts and pauses.

Rules: an agent never leaves a caller; who is ringing or talking when the shift ends goes when that is over. A pause is
of all queues at once and may begin during a conversation, as people press the key. Shifts repeat every day of the week.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.people import NOT_INUSE
from ringwatch.simulator.plan import DAY_SECONDS

if TYPE_CHECKING:
    from random import Random

    from ringwatch.simulator.floor import Floor
    from ringwatch.simulator.people import Agent
    from ringwatch.simulator.plan import PauseHabit

LOOK_AGAIN_SECONDS = 7.0


class Rota:
    """One agent's shifts and pauses."""

    __slots__ = ("agent", "floor", "paused_at", "rng", "since")

    def __init__(self, floor: Floor, agent: Agent) -> None:
        """Enter what the agent will do from now on; whoever is on shift is there already."""
        self.floor = floor
        self.agent = agent
        self.rng: Random = floor.random(f"rota {agent.plan.number}")
        self.since = floor.now
        self.paused_at = 0.0
        if agent.plan.on_shift(floor.plan.hour(floor.now)):
            agent.logged_in = True
            agent.login_time = int(floor.now)
        self._await_next_edge()
        for habit in agent.plan.pauses:
            if habit.per_hour > 0:
                self._await_pause(habit)

    # Shifts

    def _await_next_edge(self) -> None:
        edges = [hour * 3600 for shift in self.agent.plan.shifts for hour in shift if 0 < hour < 24]  # noqa: PLR2004
        if edges:
            into_day = self.floor.plan.hour(self.floor.now) * 3600
            # A tiny allowance keeps an edge from being met twice by rounding.
            waits = [(edge - into_day - 1e-3) % DAY_SECONDS + 1e-3 for edge in edges]
            self.floor.agenda.after(min(waits), self._pass_edge)

    def _pass_edge(self) -> None:
        # Half a second on, so that the edge itself is surely behind.
        there = self.agent.plan.on_shift(self.floor.plan.hour(self.floor.now + 0.5))
        if there and not self.agent.logged_in:
            self._log_in()
        elif not there and self.agent.logged_in:
            self._go_when_free()
        self._await_next_edge()

    def _log_in(self) -> None:
        floor, agent = self.floor, self.agent
        agent.logged_in = True
        agent.login_time = int(floor.now)
        for member in agent.members:
            self.since = floor.wire.say(blocks.queue_member_added, member.view())
            floor.report_availability(member.queue)

    def _go_when_free(self) -> None:
        floor, agent = self.floor, self.agent
        if agent.plan.on_shift(floor.plan.hour(floor.now)):
            return
        if agent.phone.status != NOT_INUSE:
            floor.agenda.after(LOOK_AGAIN_SECONDS, self._go_when_free)
            return
        if agent.paused:
            self._end_pause()
        agent.logged_in = False
        at = floor.now
        for member in agent.members:
            at = floor.wire.say(blocks.queue_member_removed, member.view())
            floor.report_availability(member.queue)
        floor.ledger.append(ledger.Shift(agent=agent.plan.name, started_at=self.since, ended_at=at))

    # Pauses

    def _await_pause(self, habit: PauseHabit) -> None:
        self.floor.agenda.after(self.rng.expovariate(habit.per_hour / 3600), partial(self._pause, habit))

    def _pause(self, habit: PauseHabit) -> None:
        floor, agent = self.floor, self.agent
        if not agent.logged_in or agent.paused or agent.phone.ringing:
            self._await_pause(habit)
            return
        agent.paused = True
        agent.reason = habit.reason
        agent.last_pause = int(floor.now)
        self.paused_at = floor.report_pause(agent)
        seconds = max(habit.shortest_seconds, self.rng.expovariate(1 / habit.mean_seconds))
        floor.agenda.after(seconds, partial(self._unpause, habit, self.paused_at))

    def _unpause(self, habit: PauseHabit, paused_at: float) -> None:
        # The shift may have ended meanwhile, and another pause begun.
        if self.agent.paused and self.paused_at == paused_at:
            self._end_pause()
        self._await_pause(habit)

    def _end_pause(self) -> None:
        agent, reason = self.agent, self.agent.reason
        agent.paused = False
        agent.reason = ""
        at = self.floor.report_pause(agent)
        entry = ledger.Pause(agent=agent.plan.name, reason=reason, started_at=self.paused_at, ended_at=at)
        self.floor.ledger.append(entry)
