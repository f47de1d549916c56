"""Facts: what ringwatch asserts, immutable, past tense, with absolute values and an identity.

Applying a fact twice changes nothing: its identity (``key``) names what it is about and its values are totals, never
increments. Every metric, topic, row, alert and page is made from these records alone.

Two kinds travel the same way:

* **facts** are kept for good and written by ``--facts``; their fields are the contract of the product;
* **readings** (`ringwatch.core.readings`) say how things stand now, or what ringwatch noticed of itself.

Times are seconds since 1970 in the PBX's own clock, durations are seconds, rounded to the millisecond.

Every fact about calls says which witness told it (``source``) and to how many seconds its times and durations are
resolved (``precision``): 0.001 from AMI, whose stamps are finer than the millisecond all is rounded to, but 1.0 where
only a listing told when it began; 1.0 from a queue_log, which truncates to whole seconds, so that a time may be up to a
second early and a duration up to a second off either way. The identity of a visit is the same from both.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ringwatch.core.agent_facts import AgentState, Membership, Stretch, WrapUp
from ringwatch.core.readings import Hours, Key, Reading
from ringwatch.core.rules import Alert

__all__ = ["AgentState", "Membership", "Stretch", "WrapUp"]
"""Facts like all others; those about agents are written down in a module of their own."""

Outcome = Literal[
    "answered",
    "abandoned",
    "short_abandoned",
    "timeout",
    "key_exit",
    "empty",
    "withdrawn",
    "refused_full",
    "refused_empty",
    "dumped",
    "failed",
    "unknown",
]
AttemptResult = Literal["answered", "no_answer", "elsewhere", "caller_gone", "busy", "failed"]
CrossingOf = Literal["talk_target", "talk_limit", "hold_limit"]
HoldKind = Literal["hold", "park", "consultation"]
EndedBy = Literal["agent", "caller", "transfer", "unknown"]
Witness = Literal["ami", "queue_log"]
AMI_PRECISION = 0.001
QUEUE_LOG_PRECISION = 1.0
LISTED_PRECISION = 1.0
AnomalyOf = Literal[
    "oversized",
    "malformed",
    "bare_header",
    "invalid_utf8",
    "clock_regression",
    "join_not_seen",
    "visit_transition",
    "callback_forgotten",
]
Direction = Literal["inbound", "outbound", "internal"]
SettledBy = Literal["caller", "desk"]


class QueueVisit(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="queue_visit"):
    """One stay of a call in one queue, told when it is over (after the talk, when it was answered).

    ``ordinal`` counts a call's stays in one queue from 1, and apart from them its refusals from -1 downwards.
    """

    pbx: str
    call_id: str
    queue: str
    ordinal: int
    joined_at: float
    ended_at: float
    outcome: Outcome
    wait_seconds: float
    position: int | None
    agent: str | None
    interface: str | None
    agent_ring_seconds: float | None
    agent_rings: int | None
    desk_ring_seconds: float
    desk_rings: int
    caller_ring_seconds: float | None
    caller_rings: int | None
    in_time: bool | None
    talk_seconds: float
    hold_seconds: float
    holds: int
    talk_ended_by: EndedBy | None
    uniqueid: str = ""
    """The channel by which queue_log knows this visit: the caller's, but for a transfer through a Local pair. Empty in
    facts of the first version, and then it is the call's."""
    source: Witness = "ami"
    precision: float = AMI_PRECISION
    hours: Hours = "open"

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, queue, ordinal)."""
        return (self.pbx, self.call_id, self.queue, self.ordinal)


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="call"):
    """One caller's whole journey.

    ``line`` is set when an outside caller was first offered to phones without a queue; only then is the ringing told
    here, else the visits tell it. ``hours`` are those of the line, or of the first queue.
    """

    pbx: str
    call_id: str
    started_at: float
    ended_at: float
    direction: Direction
    caller: str
    answered: bool
    answered_at: float | None
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float
    transfers: int
    bounces: int
    queues: list[str]
    agents: list[str]
    outcome: Outcome
    caller_ring_seconds: float | None
    caller_rings: int | None
    desk_ring_seconds: float | None
    desk_rings: int | None
    in_time: bool | None
    line: str | None
    source: Witness = "ami"
    precision: float = AMI_PRECISION
    hours: Hours = "open"
    called: str | None = None
    """Of an outbound call: the number that was called, where it is known."""

    @property
    def key(self) -> Key:
        """Identity: (pbx, Uniqueid of the caller's first channel)."""
        return (self.pbx, self.call_id)

    @property
    def asked_first(self) -> str | None:
        """Return the line or queue that the caller asked first; ``None`` who asked none."""
        return self.line or next(iter(self.queues), None)


class RingAttempt(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="ring_attempt"):
    """One device rung once. ``line`` names the direct line when no queue did the ringing."""

    pbx: str
    call_id: str
    queue: str | None
    agent: str
    interface: str
    started_at: float
    ended_at: float
    result: AttemptResult
    ring_seconds: float
    rings: int
    line: str | None
    source: Witness = "ami"
    precision: float = AMI_PRECISION

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, device, start)."""
        return (self.pbx, self.call_id, self.interface, self.started_at)


class Leg(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="leg"):
    """One stretch of conversation between the caller and one agent.

    ``lines_waiting`` is the number of callers who waited in the same queue when the talk ended.
    """

    pbx: str
    call_id: str
    queue: str | None
    agent: str
    interface: str
    started_at: float
    ended_at: float
    talk_seconds: float
    hold_seconds: float
    ended_by: EndedBy
    line: str | None
    lines_waiting: int
    from_start: bool = True
    """Its beginning was seen; else it was found in a listing, and only what was seen of it is told."""
    source: Witness = "ami"
    precision: float = AMI_PRECISION

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, device, start)."""
        return (self.pbx, self.call_id, self.interface, self.started_at)


class Transfer(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="transfer"):
    """A transfer that was made or refused. Success means handed over, not answered."""

    pbx: str
    call_id: str
    at: float
    kind: Literal["blind", "attended"]
    from_agent: str
    to: str
    result: Literal["success", "failed"]
    queue: str | None
    line: str | None
    source: Witness = "ami"
    precision: float = AMI_PRECISION

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, moment)."""
        return (self.pbx, self.call_id, self.at)


class Hold(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="hold"):
    """An interval in which the caller of a leg was left alone."""

    pbx: str
    call_id: str
    agent: str
    kind: HoldKind
    started_at: float
    ended_at: float
    seconds: float
    queue: str | None
    line: str | None
    source: Witness = "ami"
    precision: float = AMI_PRECISION

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, start)."""
        return (self.pbx, self.call_id, self.started_at)


class Crossing(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="crossing"):
    """A conversation, still up at that moment, crossed a limit of the standard: of talk, or of one hold.

    ``threshold`` is that limit in seconds: of talk without holds, or since the hold began.
    """

    pbx: str
    call_id: str
    queue: str | None
    line: str | None
    agent: str
    interface: str
    at: float
    what: CrossingOf
    threshold: float
    source: Witness = "ami"
    precision: float = AMI_PRECISION

    @property
    def key(self) -> Key:
        """Identity: (pbx, call, device, limit, moment)."""
        return (self.pbx, self.call_id, self.interface, self.what, self.at)


class Callback(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="callback"):
    """A caller whom nobody answered is owed a call-back (``at`` is then ``owed_since``), or has been served (``at``).

    Told again when settled, and that replaces what was told before: by the "caller", who called again and was answered,
    or by the "desk", which called back. ``queue`` is the queue or line asked first, ``call_id`` the unanswered call.
    """

    pbx: str
    queue: str
    call_id: str
    caller: str
    owed_since: float
    due_at: float
    state: Literal["owed", "settled"]
    at: float
    by: SettledBy | None

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue, call)."""
        return (self.pbx, self.queue, self.call_id)


class Gap(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="gap", rename={"from_": "from"}):
    """A time during which ringwatch did not hear the PBX: nothing is claimed about it."""

    pbx: str
    from_: float
    to: float
    why: Literal["disconnected", "restarted", "overflow"]

    @property
    def key(self) -> Key:
        """Identity: (pbx, start)."""
        return (self.pbx, self.from_)


class Anomaly(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="anomaly"):
    """Something the rules did not foresee; ``detail`` is for people."""

    pbx: str
    at: float
    kind: AnomalyOf
    detail: str

    @property
    def key(self) -> Key:
        """Identity: all of it."""
        return (self.pbx, self.at, self.kind, self.detail)


Fact = (
    QueueVisit
    | Call
    | RingAttempt
    | Leg
    | Transfer
    | Hold
    | Crossing
    | Callback
    | WrapUp
    | AgentState
    | Stretch
    | Membership
    | Alert
    | Gap
    | Anomaly
)
Record = Fact | Reading


def moment(record: Record) -> float:
    """Return as of when a record was told: its moment, or its end; 0 where it has neither, as how things stand."""
    at: float = getattr(record, "at", 0.0) or getattr(record, "ended_at", 0.0)
    return at


_encoder = msgspec.json.Encoder()


def to_json(fact: Fact) -> bytes:
    """Encode one fact as the JSON object that ``--facts`` writes on a line, without the line end."""
    return _encoder.encode(fact)
