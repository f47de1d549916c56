"""Facts about agents: what each does, in which queues, and for how long; `ringwatch.core.facts` has the rules."""

from __future__ import annotations

from typing import Literal

import msgspec

from ringwatch.core.readings import Key

MemberState = Literal["free", "ringing", "talking", "on_hold", "wrap_up", "paused", "unavailable", "unknown"]
AgentStateName = MemberState | Literal["logged_out"]


class WrapUp(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="wrap_up"):
    """The work after a call of a queue: the agent's phone is free and the queues leave it alone.

    ``call_id`` is ``None`` for a call that was not seen.
    """

    pbx: str
    agent: str
    queue: str
    call_id: str | None
    started_at: float
    ended_at: float
    seconds: float

    @property
    def key(self) -> Key:
        """Identity: (pbx, agent, queue, start)."""
        return (self.pbx, self.agent, self.queue, self.started_at)


class AgentState(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="agent_state"):
    """From ``at`` on an agent does this, over all queues, until the next of these says otherwise.

    An agent is ``agent`` at ``device``; ``reason`` is that of a pause. ``logged_out`` is who is in no queue.
    """

    pbx: str
    agent: str
    device: str
    at: float
    state: AgentStateName
    reason: str

    @property
    def key(self) -> Key:
        """Identity: (pbx, agent, device, moment)."""
        return (self.pbx, self.agent, self.device, self.at)


class Stretch(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="stretch"):
    """The time for which an agent worked without a break, told when a break, or ringwatch's listening, has ended it.

    It holds rests that were too short to be breaks; see `ringwatch.core.breaks`.
    """

    pbx: str
    agent: str
    device: str
    started_at: float
    ended_at: float
    seconds: float

    @property
    def key(self) -> Key:
        """Identity: (pbx, agent, device, start)."""
        return (self.pbx, self.agent, self.device, self.started_at)


class Membership(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="membership"):
    """From ``at`` on an agent is (or is no longer) in a queue on these terms.

    ``login_at`` is when Asterisk says the membership began; ``None`` where it does not say, as ``ringinuse``.
    """

    pbx: str
    queue: str
    agent: str
    interface: str
    device: str
    at: float
    member: bool
    paused: bool
    reason: str
    penalty: int
    ringinuse: bool | None
    login_at: int | None

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue, interface, moment)."""
        return (self.pbx, self.queue, self.interface, self.at)
