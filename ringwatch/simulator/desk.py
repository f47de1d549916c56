"""The simulated desk: a plan, a seed and a start, and the AMI blocks that follow from them.

Rules: a pure function of (plan, seed, start_at) in virtual time; no clock, no I/O, no thread, and no order that depends
on hashing. Time moves only in `advance`. Snapshots show the desk after the last block handed out.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from ringwatch.simulator import snapshots
from ringwatch.simulator.demo import DEFAULT_PLAN
from ringwatch.simulator.dialplan import Dialplan
from ringwatch.simulator.floor import Floor
from ringwatch.simulator.people import Agent, Member, Phone, Queue
from ringwatch.simulator.rota import Rota

if TYPE_CHECKING:
    from ringwatch.simulator.ledger import Entry
    from ringwatch.simulator.plan import Plan, QueuePlan


class Desk:
    """A desk at work."""

    def __init__(self, plan: Plan = DEFAULT_PLAN, *, seed: int = 0, start_at: float = 0.0) -> None:
        """Open the desk at a Unix time, empty, with everyone there who is on shift."""

        def random(name: str) -> Random:
            # A text seeds by its hash over all its bytes, the same in every process and version.
            return Random(f"{seed}/{name}")

        self.plan = plan
        self._floor = floor = Floor(plan, start_at, random)
        for phone_plan in (*plan.agents, *plan.phones):
            floor.phones[phone_plan.number] = Phone(phone_plan, random(f"person {phone_plan.number}"))
        for agent_plan in plan.agents:
            floor.agents[agent_plan.number] = Agent(agent_plan, floor.phones[agent_plan.number])
        for queue_plan in plan.queues:
            self._open_queue(queue_plan)
        self._rotas = [Rota(floor, agent) for agent in floor.agents.values()]
        self._dialplan = Dialplan(floor)

    def _open_queue(self, plan: QueuePlan) -> None:
        queue = self._floor.queues[plan.name] = Queue(plan)
        for number in plan.members:
            agent = self._floor.agents[number]
            member = Member(agent, queue)
            queue.members.append(member)
            agent.members.append(member)
            agent.phone.members.append(member)

    # Time

    @property
    def now(self) -> float:
        """The virtual instant reached, Unix seconds."""
        return self._floor.now

    @property
    def started_at(self) -> float:
        """When the desk opened, Unix seconds."""
        return self._floor.start_at

    @property
    def next_at(self) -> float:
        """When something will happen next, Unix seconds; infinity when nothing ever will."""
        return self._floor.agenda.next_at

    @property
    def open_calls(self) -> int:
        """How many callers are on the line."""
        return len(self._floor.journeys)

    @property
    def ledger(self) -> list[Entry]:
        """What really happened, in the order in which matters were closed; grows as long as the desk works."""
        return self._floor.ledger

    def advance(self, until: float, limit: int | None = None) -> list[tuple[float, bytes]]:
        """Let the desk work until a Unix time and return what it said: (stamp, block) in order of stamps.

        Everything that begins by `until` is said whole, so that stamps may lie some milliseconds after it. With `limit`
        it stops after about so many blocks; then `next_at` is not after `until`.
        """
        agenda, wire = self._floor.agenda, self._floor.wire
        while agenda.next_at <= until and (limit is None or len(wire.blocks) < limit):
            agenda.step()
        if agenda.next_at > until:
            agenda.now = max(agenda.now, until)
        return wire.take()

    def close_doors(self) -> None:
        """Let nobody in any more; those who are in stay until they are done."""
        self._dialplan.close_doors()

    # Questions

    def queue_status(
        self, action_id: str | None = None, queue: str | None = None, member: str | None = None
    ) -> list[bytes]:
        """Answer QueueStatus: the response, a block for each item, and QueueStatusComplete."""
        return snapshots.queue_status(self._floor, action_id, queue, member)

    def queue_summary(self, action_id: str | None = None, queue: str | None = None) -> list[bytes]:
        """Answer QueueSummary, in the same way."""
        return snapshots.queue_summary(self._floor, action_id, queue)

    def channels(self, action_id: str | None = None) -> list[bytes]:
        """Answer CoreShowChannels, in the same way."""
        return snapshots.core_show_channels(self._floor, action_id)

    def core_status(self, action_id: str | None = None) -> bytes:
        """Answer CoreStatus."""
        return snapshots.core_status(self._floor, action_id)
