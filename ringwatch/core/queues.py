"""Queues as they stand: who waits, since when, and who is there to serve them.

* Asterisk's own counters (Completed, Abandoned) are never used: they are lost on restart and on QueueReset.
* A queue is told as it is the moment it becomes known, among the facts of that moment: so the order in which queues
  appear anywhere is the stream's, however the stream was cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ringwatch.core.agents import MEMBER_STATES, Agents, Member
from ringwatch.core.events import MemberSeen
from ringwatch.core.facts import Leg, Record
from ringwatch.core.readings import QueueReading
from ringwatch.core.standards import Policy


class Queue:
    """One queue: the line of waiting callers and the members."""

    __slots__ = ("changed", "members", "name", "waiting")

    def __init__(self, name: str) -> None:
        """Start with nobody in line and nobody to serve."""
        self.name = name
        self.waiting: dict[str, float] = {}
        """Time of joining by Uniqueid, in the order of joining."""
        self.members: dict[str, Member] = {}
        """By interface."""
        self.changed = True

    def reading(self, pbx: str) -> QueueReading:
        """Say how it stands."""
        states: dict[str, int] = dict.fromkeys(MEMBER_STATES, 0)
        for member in self.members.values():
            states[member.state] += 1
        return QueueReading(
            pbx=pbx,
            queue=self.name,
            waiting=len(self.waiting),
            oldest_joined_at=min(self.waiting.values(), default=None),
            members=states,
        )


class Queues:
    """All queues of one PBX."""

    def __init__(self, pbx: str, policy: Policy, tell: Callable[[Record], None]) -> None:
        """Start with the configured queues, so that their zeros exist before anything happens."""
        self._pbx = pbx
        self._tell = tell
        self._queues = {name: Queue(name) for name in policy.standards}
        self.agents = Agents(pbx, policy, tell, self._touched)
        self.stirred: dict[str, Queue] = {}
        """Queues in which somebody waits and something has changed, or nobody waits any more; to be cleared then."""
        self._index: dict[str, str] | None = None
        """Agent by device and interface; made when asked for, a large listing would make it a thousand times."""

    def __getitem__(self, name: str) -> Queue:
        """Return a queue, known from now on."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name)
            self._tell(queue.reading(self._pbx))
        return queue

    def __iter__(self) -> Iterator[Queue]:
        """Go through the known queues in the order they became known."""
        return iter(self._queues.values())

    def join(self, name: str, uniqueid: str, at: float) -> None:
        """Put a caller in line."""
        queue = self[name]
        queue.waiting[uniqueid] = at
        self._touched(name)

    def leave(self, name: str, uniqueid: str) -> None:
        """Take a caller out of the line; doing it twice changes nothing."""
        queue = self[name]
        if queue.waiting.pop(uniqueid, None) is not None:
            queue.changed = True
            self.stirred[name] = queue

    def waiting(self, name: str) -> int:
        """Count who is in line."""
        queue = self._queues.get(name)
        return len(queue.waiting) if queue else 0

    def set_member(self, seen: MemberSeen) -> None:
        """Note how a member stands."""
        queue = self[seen.queue]
        before = queue.members.get(seen.interface)
        if before is None or before.terms.agent != seen.agent or before.terms.device != seen.device:
            self._index = None
        member = self.agents.seen(seen, before)
        if before is None:
            queue.members[seen.interface] = member

    def remove_member(self, name: str, interface: str, at: float) -> None:
        """Forget a member."""
        queue = self[name]
        if member := queue.members.pop(interface, None):
            self.agents.left(member, at)
            self._touched(name)
            self._index = None

    def member(self, name: str, interface: str) -> Member | None:
        """Find a member."""
        queue = self._queues.get(name)
        return queue.members.get(interface) if queue else None

    def talk_ended(self, leg: Leg, at: float) -> None:
        """Note that a conversation is over: who led it for a queue wraps up."""
        if member := self.member(leg.queue or "", leg.interface):
            self.agents.talked(member, leg, at)

    def agent_at(self, device: str) -> str:
        """Name the agent at a device: the member's name where all queues agree on one, else the device itself."""
        return self._agents().get(device) or device

    def is_member(self, device: str) -> bool:
        """Tell whether some queue has this device as a member."""
        return device in self._agents()

    def readings(self) -> list[QueueReading]:
        """Say how every queue stands that changed since the last time."""
        readings = []
        for queue in self._queues.values():
            if queue.changed:
                queue.changed = False
                readings.append(queue.reading(self._pbx))
        return readings

    def _touched(self, name: str) -> None:
        queue = self._queues[name]
        queue.changed = True
        if queue.waiting:
            self.stirred[name] = queue

    def _agents(self) -> dict[str, str]:
        if self._index is None:
            self._index = {}
            for queue in self._queues.values():
                for member in queue.members.values():
                    name = member.agent.name
                    for device in (member.agent.device, member.interface):
                        # The same phone may be "Anna" here and "Front 101" there: then neither name is hers alone.
                        self._index[device] = name if self._index.get(device, name) == name else ""
        return self._index
