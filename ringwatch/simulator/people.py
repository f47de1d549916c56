"""The people and things of the floor: phones, agents, members of queues, queues.

Rules: state only; what happens to it is decided in other modules and said by `floor`. Device states are Asterisk's:
a phone that rings while in use is RINGINUSE. Counters follow app_queue, including its habits: the averages are weighed
three to one, in whole seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringwatch.simulator.blocks import MemberView

if TYPE_CHECKING:
    from random import Random

    from ringwatch.simulator.plan import AgentPlan, PhonePlan, QueuePlan
    from ringwatch.simulator.visits import Visit

NOT_INUSE, INUSE, UNAVAILABLE, RINGING, RINGINUSE = 1, 2, 5, 6, 7
DEVICE_STATES = {NOT_INUSE: "NOT_INUSE", INUSE: "INUSE", RINGING: "RINGING", RINGINUSE: "RINGINUSE"}


class Phone:
    """A phone, and the person at it."""

    __slots__ = ("in_use", "members", "plan", "reported", "ringing", "rng", "wraps_up_until")

    def __init__(self, plan: PhonePlan, rng: Random) -> None:
        """Make an idle phone; `rng` decides what its person does."""
        self.plan = plan
        self.rng = rng
        self.ringing = 0
        self.in_use = 0
        self.reported = NOT_INUSE
        self.wraps_up_until = 0.0
        self.members: list[Member] = []

    @property
    def status(self) -> int:
        """The device's state."""
        if self.ringing:
            return RINGINUSE if self.in_use else RINGING
        return INUSE if self.in_use else NOT_INUSE

    def pick_up_after(self) -> float | None:
        """Decide how many seconds of ringing the person lets pass; None when the call is missed."""
        low, high = self.plan.picks_up_seconds
        seconds = self.rng.uniform(low, high)
        return None if self.rng.random() < self.plan.misses else seconds


class Agent:
    """The person of a phone who is a member of queues. Pauses and shifts are of the person, in all queues at once."""

    __slots__ = ("last_pause", "logged_in", "login_time", "members", "paused", "phone", "plan", "reason")

    def __init__(self, plan: AgentPlan, phone: Phone) -> None:
        """Make an agent who is logged out."""
        self.plan = plan
        self.phone = phone
        self.members: list[Member] = []
        self.logged_in = False
        self.login_time = 0
        self.paused = False
        self.reason = ""
        self.last_pause = 0


class Member:
    """An agent in one queue."""

    __slots__ = ("agent", "calls_taken", "in_call", "last_call", "queue")

    def __init__(self, agent: Agent, queue: Queue) -> None:
        """Make a member who has taken no call."""
        self.agent = agent
        self.queue = queue
        self.calls_taken = 0
        self.last_call = 0
        self.in_call = 0

    def ready(self, now: float) -> bool:
        """Whether the queue may ring the member: there, not paused, phone idle, wrap-up over."""
        agent = self.agent
        phone = agent.phone
        return agent.logged_in and not agent.paused and phone.status == NOT_INUSE and now >= phone.wraps_up_until

    def view(self) -> MemberView:
        """Describe the member as of now."""
        agent = self.agent
        return MemberView(
            queue=self.queue.plan.name,
            name=agent.plan.name,
            interface=agent.plan.interface,
            membership="static" if agent.plan.shifts == ((0.0, 24.0),) else "dynamic",
            calls_taken=self.calls_taken,
            last_call=self.last_call,
            last_pause=agent.last_pause,
            login_time=agent.login_time,
            in_call=self.in_call,
            status=agent.phone.status,
            paused=int(agent.paused),
            reason=agent.reason,
        )


class Queue:
    """A queue: its members, its waiting callers in order, and the counters of app_queue."""

    __slots__ = (
        "abandoned",
        "abandoned_in_time",
        "available",
        "completed",
        "completed_in_time",
        "hold_time",
        "last_rung",
        "members",
        "plan",
        "talk_time",
        "waiting",
    )

    def __init__(self, plan: QueuePlan) -> None:
        """Make an empty queue without members."""
        self.plan = plan
        self.members: list[Member] = []
        self.waiting: list[Visit] = []
        self.available: bool | None = None
        self.last_rung = -1
        self.completed = 0
        self.completed_in_time = 0
        self.abandoned = 0
        self.abandoned_in_time = 0
        self.hold_time = 0
        self.talk_time = 0

    def present(self) -> list[Member]:
        """List the members who are logged in, in the order of the plan."""
        return [member for member in self.members if member.agent.logged_in]

    def ready(self, now: float) -> list[Member]:
        """List the members the queue may ring, in the order of the plan."""
        return [member for member in self.members if member.ready(now)]

    def choose(self, now: float) -> list[Member]:
        """Choose whom to ring by the queue's strategy; nobody when nobody is ready."""
        ready = self.ready(now)
        if len(ready) < 2 or self.plan.strategy == "ringall":  # noqa: PLR2004 - nothing to choose between
            chosen = ready
        elif self.plan.strategy == "leastrecent":
            chosen = [min(ready, key=lambda member: member.last_call)]
        else:
            count = len(self.members)
            chosen = [min(ready, key=lambda member: (self.members.index(member) - self.last_rung - 1) % count)]
        if chosen:
            self.last_rung = self.members.index(chosen[-1])
        return chosen

    def count_answer(self, wait: int) -> None:
        """Weigh in the wait of an answered caller, whole seconds."""
        self.hold_time = (self.hold_time * 3 + wait) >> 2

    def count_completion(self, wait: int, talk: int) -> None:
        """Count a completed call and weigh in its talk, whole seconds."""
        self.completed += 1
        self.completed_in_time += wait <= self.plan.service_level_seconds
        self.talk_time = (self.talk_time * 3 + talk) >> 2

    def count_abandonment(self, wait: int) -> None:
        """Count a caller who went unserved, wait in whole seconds."""
        self.abandoned += 1
        self.abandoned_in_time += wait <= self.plan.service_level_seconds
