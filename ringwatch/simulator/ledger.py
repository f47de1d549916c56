"""What really happened at the simulated desk: the truth that facts made from its stream are compared with.

Rules: an entry is written once, when the matter is closed, and never changes. Instants are Unix seconds and equal the
Timestamp of the block that said so, which each field names; durations are differences of such instants. `call_id` is
the Uniqueid of the caller's first channel. Nothing here was derived from the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "abandoned", "timeout"]
AttemptResult = Literal["answered", "no_answer", "elsewhere", "caller_gone"]
EndedBy = Literal["caller", "agent", "transfer"]
HoldKind = Literal["hold", "consultation"]
TransferKind = Literal["blind", "attended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RingAttempt:
    """One phone rung once: from DialState RINGING to DialEnd. `queue` is None for a direct call or a transfer."""

    call_id: str
    queue: str | None
    agent: str
    interface: str
    started_at: float
    ended_at: float
    result: AttemptResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One time the caller was left with music by a person: MusicOnHoldStart to MusicOnHoldStop within a leg."""

    call_id: str
    agent: str
    kind: HoldKind
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One conversation with one person: DialEnd ANSWER to the HangupRequest, transfer or BridgeLeave that ended it.

    `hold_seconds` is the sum of its holds, not taken off `talk_seconds`, as in queue_log.
    """

    call_id: str
    queue: str | None
    agent: str
    interface: str
    started_at: float
    ended_at: float
    hold_seconds: float
    holds: int
    ended_by: EndedBy

    @property
    def talk_seconds(self) -> float:
        """From answer to end, holds included."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One stay in a queue, from QueueCallerJoin to QueueCallerLeave. A leg follows exactly if it was answered."""

    call_id: str
    queue: str
    ordinal: int
    joined_at: float
    left_at: float
    outcome: Outcome
    position: int
    agent: str | None

    @property
    def wait_seconds(self) -> float:
        """From joining to leaving."""
        return self.left_at - self.joined_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer, at its BlindTransfer or AttendedTransfer; `to` is the extension."""

    call_id: str
    kind: TransferKind
    at: float
    from_agent: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One caller's journey, from the Newchannel to the Hangup of the caller's channel.

    `outcome` is that of the last thing the caller waited for: answered, abandoned, or timeout when the desk gave up.
    """

    call_id: str
    exten: str
    caller: str
    started_at: float
    ended_at: float
    outcome: Outcome
    legs: int
    transfers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One pause of an agent, from QueueMemberPause to QueueMemberPause; left open pauses are not in the ledger."""

    agent: str
    reason: str
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One time a dynamic member was logged in, from QueueMemberAdded (or the desk's start) to QueueMemberRemoved."""

    agent: str
    started_at: float
    ended_at: float


Entry = RingAttempt | Hold | Leg | Visit | Transfer | Call | Pause | Shift
