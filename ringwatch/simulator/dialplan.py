"""The dialplan: which extension leads where, from outside and from inside, and who may call again.

Rules: extensions from outside are the queues' and lines' `exten`, those from inside the queues' `transfer_exten` and
the phones' numbers. The context names and the steps (Answer, then Queue or Dial, then Hangup) are those of the
captures' configuration.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ringwatch.simulator.arrivals import Arrivals
from ringwatch.simulator.channels import UP, Party, Place
from ringwatch.simulator.dials import Dial
from ringwatch.simulator.floor import FROM_OUTSIDE
from ringwatch.simulator.journeys import Journey
from ringwatch.simulator.plan import TalkHabit
from ringwatch.simulator.visits import Visit

if TYPE_CHECKING:
    from random import Random

    from ringwatch.simulator.floor import Floor
    from ringwatch.simulator.ledger import Outcome
    from ringwatch.simulator.plan import LinePlan, QueuePlan

ANSWER_SECONDS = 0.5
"""Answer() waits for media this long before the dialplan goes on; seen in the captures."""

TRANSFER_RING_SECONDS = 20
TRANSFER_PATIENCE_SECONDS = 60.0
TRANSFER_TALK = TalkHabit(mean_seconds=120)


class Dialplan:
    """Where callers come from and where they go."""

    def __init__(self, floor: Floor) -> None:
        """Open every extension of the plan."""
        plan = floor.plan
        self._floor = floor
        self._queues = {queue.exten: queue for queue in plan.queues}
        self._queues_inside = {queue.transfer_exten: queue for queue in plan.queues}
        self._lines = {line.exten: line for line in plan.lines}
        self._arrivals = {exten: Arrivals(floor, exten, rate, self._let_in) for exten, rate in plan.rates.items()}

    def close_doors(self) -> None:
        """Let nobody in any more."""
        for arrivals in self._arrivals.values():
            arrivals.open = False

    def _let_in(self, party: Party, exten: str, rng: Random) -> None:
        floor = self._floor
        journey = Journey(floor, self, party, exten, rng)
        queue = self._queues.get(exten)
        if queue is None:
            self._enter_line(journey, self._lines[exten])
        elif queue.answer_first:
            floor.run(journey.channel, journey.channel.place, "Answer", "")
            floor.answer_caller(journey.channel)
            floor.agenda.after(ANSWER_SECONDS, partial(self._enter_queue, journey, queue))
        else:
            self._enter_queue(journey, queue)

    def _enter_queue(self, journey: Journey, queue: QueuePlan) -> None:
        channel = journey.channel
        priority = 2 if channel.state == UP else 1
        self._floor.run(channel, Place(FROM_OUTSIDE, queue.exten, priority), "Queue", queue.arguments)
        Visit(journey, self._floor.queues[queue.name]).enter()

    def _enter_line(self, journey: Journey, line: LinePlan) -> None:
        self._floor.run(journey.channel, journey.channel.place, "Dial", line.arguments)
        phones = [self._floor.phones[number] for number in line.phones]
        Dial(journey, phones, line.ring_seconds, line.patience_mean_seconds, line.talk).begin()

    def lead_on(self, journey: Journey, exten: str) -> None:
        """Lead a transferred caller to an internal extension. The application changes without a Newexten."""
        queue = self._queues_inside.get(exten)
        if queue is not None:
            journey.channel.run("Queue", queue.arguments)
            Visit(journey, self._floor.queues[queue.name]).enter()
            return
        phone = self._floor.phones[exten]
        journey.channel.run("Dial", f"{phone.plan.interface},{TRANSFER_RING_SECONDS},tT")
        Dial(journey, [phone], TRANSFER_RING_SECONDS, TRANSFER_PATIENCE_SECONDS, TRANSFER_TALK).begin()

    def see_off(self, journey: Journey, outcome: Outcome) -> None:
        """Let a caller who was not served think about calling again."""
        if outcome != "answered":
            self._arrivals[journey.exten].tries_again(journey.channel.party, journey.rng)
