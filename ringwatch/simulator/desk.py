"""The simulated desk: a plan, a seed and a start, and the AMI blocks that follow from them.

Rules: a pure function of (plan, seed, start_at) in virtual time; no clock, no I/O, no thread, and no order that depends
on hashing. Time moves only in `advance`. Snapshots show the desk after the last block handed out.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from ringwatch.simulator import snapshots
from ringwatch.simulator.arrivals import Arrivals
from ringwatch.simulator.channels import UP, Party, Place
from ringwatch.simulator.demo import DEFAULT_PLAN
from ringwatch.simulator.dials import Dial
from ringwatch.simulator.floor import FROM_OUTSIDE, Floor
from ringwatch.simulator.journeys import Journey
from ringwatch.simulator.people import Agent, Member, Phone, Queue
from ringwatch.simulator.plan import TalkHabit
from ringwatch.simulator.rota import Rota
from ringwatch.simulator.visits import Visit

if TYPE_CHECKING:
    from ringwatch.simulator.ledger import Entry, Outcome
    from ringwatch.simulator.plan import LinePlan, Plan, QueuePlan

ANSWER_SECONDS = 0.5
"""Answer() waits for media this long before the dialplan goes on; seen in the captures."""

TRANSFER_RING_SECONDS = 20
TRANSFER_PATIENCE_SECONDS = 60.0
TRANSFER_TALK = TalkHabit(mean_seconds=120)


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
        self._queues_by_exten = {queue.exten: queue for queue in plan.queues}
        self._queues_by_transfer = {queue.transfer_exten: queue for queue in plan.queues}
        self._lines_by_exten = {line.exten: line for line in plan.lines}
        self._arrivals = {
            exten: Arrivals(floor, exten, calls_per_hour, self._let_in) for exten, calls_per_hour in plan.rates.items()
        }

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
    def next_at(self) -> float:
        """When something will happen next, Unix seconds; infinity when nothing ever will."""
        return self._floor.agenda.next_at

    @property
    def open_calls(self) -> int:
        """How many callers are on the line."""
        return len(self._floor.journeys)

    @property
    def ledger(self) -> list[Entry]:
        """What really happened, in the order in which matters were closed. Not to be changed."""
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
        for arrivals in self._arrivals.values():
            arrivals.open = False

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

    # The dialplan

    def _let_in(self, party: Party, exten: str, rng: Random) -> None:
        journey = Journey(self._floor, party, exten, rng)
        journey.leads_on = self._lead_inside
        journey.on_close = self._see_off
        channel = journey.channel
        queue = self._queues_by_exten.get(exten)
        if queue is None:
            self._enter_line(journey, self._lines_by_exten[exten])
        elif queue.answer_first:
            self._floor.run(channel, channel.place, "Answer", "")
            self._floor.answer_caller(channel)
            self._floor.agenda.after(ANSWER_SECONDS, lambda: self._enter_queue(journey, queue))
        else:
            self._enter_queue(journey, queue)

    def _enter_queue(self, journey: Journey, queue: QueuePlan) -> None:
        channel = journey.channel
        priority = 2 if channel.state == UP else 1
        self._floor.run(channel, Place(FROM_OUTSIDE, queue.exten, priority), "Queue", queue.arguments)
        Visit(journey, self._floor.queues[queue.name]).enter()

    def _enter_line(self, journey: Journey, line: LinePlan) -> None:
        self._floor.run(journey.channel, Place(FROM_OUTSIDE, line.exten, 1), "Dial", line.arguments)
        phones = [self._floor.phones[number] for number in line.phones]
        Dial(journey, phones, line.ring_seconds, line.patience_mean_seconds, line.talk).begin()

    def _lead_inside(self, journey: Journey, exten: str) -> None:
        """Lead a caller on to an internal extension, after a blind transfer."""
        queue = self._queues_by_transfer.get(exten)
        if queue is not None:
            journey.channel.run("Queue", queue.arguments)
            Visit(journey, self._floor.queues[queue.name]).enter()
            return
        phone = self._floor.phones[exten]
        journey.channel.run("Dial", f"{phone.plan.interface},{TRANSFER_RING_SECONDS},tT")
        Dial(journey, [phone], TRANSFER_RING_SECONDS, TRANSFER_PATIENCE_SECONDS, TRANSFER_TALK).begin()

    def _see_off(self, journey: Journey, outcome: Outcome) -> None:
        if outcome != "answered":
            self._arrivals[journey.exten].tries_again(journey.channel.party, journey.rng)
