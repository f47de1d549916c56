"""Agents: what each of them does now, over all queues, and how long the work after a call takes.

An agent is a member's name at a device (the member's StateInterface): the same name at the same device in several
queues is one agent. Each stands in exactly one state, by the first line that holds:

===============  ======================================================================================================
``on_hold``      the device is on hold (8), or on the phone (as below) with a caller who was left alone
``talking``      the device is in use, busy, or in use while it rings once more (2, 3, 7); or Asterisk has no state for
                 the device (0) and counts the member as in a call
``paused``       paused: a member in its queue, an agent in all of them
``wrap_up``      the device is there and idle (0, 1), and the work after a call of a queue is not over
``ringing``      the device rings (6)
``unavailable``  the device is not there (4, 5)
``free``         the device is idle (1)
``unknown``      anything else
===============  ======================================================================================================

* Who talks is talking, paused or not: a pause keeps further calls away, it does not end one, and whoever looks for
  somebody must not read "on a break" of one who is speaking. ``queue show`` prints both: ``(paused)`` and ``(In use)``.
  A pause is stronger than all else: a phone that rings or is unplugged during a break is no news.
* Device state 8 is not enough: with chan_pjsip it is said of the phone that is held (chan_pjsip_indicate), so an agent
  who holds a caller is in use all along. What the caller hears is known to `ringwatch.core.talks`.
* Wrap-up is Asterisk's wrapuptime: the time for which app_queue rings no member although the device is free, until
  LastCall + wrapuptime in whole seconds (can_ring_entry). It holds in all queues of an agent, as with shared_lastcall,
  the default. AMI tells a member's own wrapuptime and never the queue's: that is configured (`Standard`). With neither
  there is none.
* LastCall counts only where no call was seen to end here, as on attaching: the event that frees a device may come
  before app_queue has noted the end, and the end of a conversation is known here anyhow.
* Asterisk says what a phone does once per queue, and a listing says everything at one moment. So what an agent does is
  told when it has lasted for `BLINK_SECONDS`, with the moment since when it does. Memberships are told as they change.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, get_args

from ringwatch.core.agent_facts import AgentState, AgentStateName, Membership, MemberState, WrapUp
from ringwatch.core.events import MemberSeen
from ringwatch.core.facts import Leg, Record
from ringwatch.core.standards import Policy
from ringwatch.core.state import seconds

MEMBER_STATES: tuple[MemberState, ...] = get_args(MemberState)
BLINK_SECONDS = 0.1
"""What an agent does for a shorter time is one thing said queue by queue, or two events that crossed each other."""

# Device states (devicestate.h) by number, as app_queue.c sends them: what is stronger than a pause, and the rest.
_BUSY: dict[int, MemberState] = {2: "talking", 3: "talking", 7: "talking", 8: "on_hold"}
_OTHER: dict[int, MemberState] = {1: "free", 4: "unavailable", 5: "unavailable", 6: "ringing"}
_UNKNOWN, _FREE = 0, 1
_TELLING_APART = 1e-6
_SAME_CALL_SECONDS = 1.0
"""A LastCall so little after the end of a call is that call's: whole seconds, noted by another thread."""


class Terms(NamedTuple):
    """All of a membership that is told."""

    agent: str
    device: str
    paused: bool
    reason: str
    penalty: int
    ringinuse: bool | None
    login_at: int | None
    member: bool = True


@dataclass(slots=True, eq=False)
class Agent:
    """Somebody at a device."""

    name: str
    device: str
    members: dict[tuple[str, str], Member] = field(default_factory=dict)
    """By queue and interface."""
    status: int = _UNKNOWN
    state: AgentStateName = "logged_out"
    reason: str = ""
    since: float = 0.0
    told: tuple[AgentStateName, str] = ("logged_out", "")
    wrap_until: float = 0.0
    """When the work after the last call is over; 0 when there is none."""
    wrap_queue: str = ""
    wrap_call: str | None = None
    holding: frozenset[object] = frozenset()
    """Conversations in which the caller is left alone."""
    leg_ended_at: float = 0.0
    """When the last call of a queue was seen to end."""

    def stands(self) -> tuple[AgentStateName, str]:
        """Return what it does over all queues, and why it is paused."""
        members = self.members.values()
        if not members:
            return "logged_out", ""
        paused = True
        for member in members:
            if not member.terms.paused:
                paused = False
                break
        in_call = self.status == _UNKNOWN and any(member.in_call for member in members)
        state = _state(self, self.status, paused=paused, in_call=in_call)
        if state != "paused":
            return state, ""
        return state, next((member.terms.reason for member in members if member.terms.reason), "")


@dataclass(slots=True, eq=False)
class Member:
    """An agent in a queue."""

    queue: str
    interface: str
    agent: Agent
    terms: Terms
    status: int = _UNKNOWN
    in_call: bool = False
    own_wrapup: int = 0
    state: AgentStateName = "logged_out"
    """What it does as its queue sees it."""
    told_at: float = 0.0


def _state(agent: Agent, status: int, *, paused: bool, in_call: bool) -> MemberState:
    """Apply the table."""
    busy = _BUSY.get(status) or ("talking" if in_call and status == _UNKNOWN else None)
    if busy:
        return "on_hold" if agent.holding else busy
    if paused:
        return "paused"
    if agent.wrap_until and status in {_UNKNOWN, _FREE}:
        return "wrap_up"
    return _OTHER.get(status, "unknown")


class Agents:
    """The agents of one PBX.

    :param tell: told of every fact.
    :param touched: told of every queue in which a member stands differently now.
    """

    def __init__(
        self, pbx: str, policy: Policy, tell: Callable[[Record], None], touched: Callable[[str], None]
    ) -> None:
        """Start with nobody."""
        self._pbx = pbx
        self._policy = policy
        self._tell = tell
        self._touched = touched
        self._agents: dict[tuple[str, str], Agent] = {}
        """By name and device."""
        self._due: list[tuple[float, int, Agent]] = []
        self._serial = count()
        self._settled_at = 0.0
        """Nothing that is seen from now on can be older: what stood so long has been told."""
        self.due_at = math.inf
        """When `settle` has something to do."""

    # -- what is seen

    def seen(self, seen: MemberSeen, member: Member | None) -> Member:
        """Take note of how a member stands, of a new one where ``member`` is ``None``, and return it."""
        at = max(seen.at, self._settled_at)
        ringinuse = seen.ringinuse
        if member and ringinuse is None:
            # A listing does not say whether a member rings while in use.
            ringinuse = member.terms.ringinuse
        elif member and member.terms.ringinuse is None:
            # Hearing it for the first time is no change.
            member.terms = member.terms._replace(ringinuse=ringinuse)
        terms = Terms(seen.agent, seen.device, seen.paused, seen.reason, seen.penalty, ringinuse, seen.login_at)
        if member is None:
            member = Member(seen.queue, seen.interface, self._agent(terms), terms._replace(member=False))
        changed = terms != member.terms
        if changed:
            self._change(member, terms, at)
        agent = member.agent
        # Of what is said once per queue, only the first can move the agent.
        moved = changed or agent.status != seen.status or member.in_call != seen.in_call
        agent.status = member.status = seen.status
        member.in_call, member.own_wrapup = seen.in_call, seen.wrapup
        if seen.last_call > agent.leg_ended_at + _SAME_CALL_SECONDS:
            until = seen.last_call + self._wrapup(member)
            if until > max(at, agent.wrap_until):
                agent.wrap_queue, agent.wrap_call = seen.queue, None
                self._wrap_up(agent, until, at)
        self._show(member)
        if moved:
            self._look(agent, at)
        return member

    def left(self, member: Member, at: float) -> None:
        """A member is no longer in its queue."""
        self._change(member, member.terms._replace(member=False), max(at, self._settled_at))

    def talked(self, member: Member, leg: Leg, at: float) -> None:
        """A conversation of the queue is over: from now on the agent wraps up."""
        agent = member.agent
        agent.leg_ended_at = leg.ended_at
        agent.wrap_queue, agent.wrap_call = member.queue, leg.call_id
        until = math.floor(leg.ended_at) + self._wrapup(member)
        self._wrap_up(agent, until if until > at else 0.0, max(at, self._settled_at))

    def held(self, device: str, leg: object, at: float, *, on: bool) -> None:
        """Somebody on the phone at a device leaves the caller alone, or is back."""
        for agent in self._agents.values():
            if agent.device == device:
                agent.holding = agent.holding | {leg} if on else agent.holding - {leg}
                self._stand(agent, max(at, self._settled_at))

    # -- what follows

    def settle(self, at: float) -> None:
        """Tell what has stood long enough by now, and end what is over."""
        while self._due and self._due[0][0] <= at:
            when, _, agent = heapq.heappop(self._due)
            self._settled_at = max(self._settled_at, when)
            if 0 < agent.wrap_until <= when:
                self._wrap_up(agent, 0.0, when)
            self._tell_agent(agent, when)
        self.due_at = self._due[0][0] if self._due else math.inf

    def _wrapup(self, member: Member) -> float:
        return member.own_wrapup or self._policy.standard(member.queue).wrapup_seconds

    def _agent(self, terms: Terms) -> Agent:
        agent = self._agents.get((terms.agent, terms.device))
        if agent is None:
            agent = self._agents[terms.agent, terms.device] = Agent(terms.agent, terms.device)
        return agent

    def _change(self, member: Member, terms: Terms, at: float) -> None:
        key, before, agent = (member.queue, member.interface), member.agent, self._agent(terms)
        if agent is not before or not terms.member:
            before.members.pop(key, None)
            self._look(before, at)
        if terms.member:
            agent.members[key] = member
        # A listing may say otherwise at the very moment of an event: no two facts of a member have the same.
        member.agent, member.terms, member.told_at = agent, terms, max(at, member.told_at + _TELLING_APART)
        self._tell(
            Membership(
                pbx=self._pbx,
                queue=member.queue,
                interface=member.interface,
                at=member.told_at,
                **terms._asdict(),
            )
        )

    def _wrap_up(self, agent: Agent, until: float, at: float) -> None:
        agent.wrap_until = until
        if until:
            self._later(until, agent)
        self._stand(agent, at)

    def _stand(self, agent: Agent, at: float) -> None:
        for member in agent.members.values():
            self._show(member)
        self._look(agent, at)

    def _show(self, member: Member) -> None:
        state = _state(member.agent, member.status, paused=member.terms.paused, in_call=member.in_call)
        if state != member.state:
            member.state = state
            self._touched(member.queue)

    def _look(self, agent: Agent, at: float) -> None:
        state, reason = agent.stands()
        if state == agent.state and reason == agent.reason:
            return
        at = max(at, agent.since)
        if agent.state == "wrap_up" and at > agent.since:
            self._tell(
                WrapUp(
                    pbx=self._pbx,
                    agent=agent.name,
                    queue=agent.wrap_queue,
                    call_id=agent.wrap_call,
                    started_at=agent.since,
                    ended_at=at,
                    seconds=seconds(at - agent.since),
                )
            )
        agent.state, agent.reason, agent.since = state, reason, at
        self._later(at + BLINK_SECONDS, agent)

    def _later(self, when: float, agent: Agent) -> None:
        heapq.heappush(self._due, (when, next(self._serial), agent))
        self.due_at = self._due[0][0]

    def _tell_agent(self, agent: Agent, when: float) -> None:
        now = (agent.state, agent.reason)
        if agent.since + BLINK_SECONDS > when:
            return
        if not agent.members:
            self._agents.pop((agent.name, agent.device), None)
        if now == agent.told:
            return
        agent.told = now
        self._tell(
            AgentState(
                pbx=self._pbx,
                agent=agent.name,
                device=agent.device,
                at=agent.since,
                state=agent.state,
                reason=agent.reason,
            )
        )
