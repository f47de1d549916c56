"""Readings: how things stand now, or what ringwatch noticed of itself. They travel with the facts, and are not kept.

What says how things stand has the identity (``key``) of what it is about, and replaces the last of its kind.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Key = tuple[str | float, ...]
Hours = Literal["open", "closed"]
"""By the opening hours of the queue or line, when the caller asked there. Files of the first version are without."""
DriftOf = Literal["callers", "channels", "members"]


class CallOffered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A caller asked to be served: joined a queue, or made the phones of a direct line ring."""

    pbx: str
    call_id: str
    queue: str
    ordinal: int
    at: float
    hours: Hours = "open"

    @property
    def key(self) -> Key:
        """Identity: that of the visit, or of the line's call."""
        return (self.pbx, self.call_id, self.queue, self.ordinal)


class CallAnswered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A caller was answered, by a queue or on a direct line: what is known of it before the talk is over."""

    pbx: str
    call_id: str
    queue: str
    ordinal: int
    at: float
    wait_seconds: float
    in_time: bool | None
    hours: Hours = "open"

    @property
    def key(self) -> Key:
        """Identity: that of the visit, or of the line's call."""
        return (self.pbx, self.call_id, self.queue, self.ordinal)


class Drift(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A listing contradicted what was believed, and no event explained it: one member, caller or channel put right.

    What the first listing of a run shows is news, not drift.
    """

    pbx: str
    at: float
    what: DriftOf
    subject: str
    """Which one: a Uniqueid, with the queue before it where it stands in one; for people."""

    @property
    def key(self) -> Key:
        """Identity: all of it."""
        return (self.pbx, self.at, self.what, self.subject)


class QueueReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How one queue stands: callers waiting, since when the oldest of them, members by state."""

    pbx: str
    queue: str
    waiting: int
    oldest_joined_at: float | None
    members: dict[str, int]

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue); the next reading replaces the last."""
        return (self.pbx, self.queue)


class TalksReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the conversations of one queue or line stand: longer than the target, and the limit, and callers on hold."""

    pbx: str
    queue: str
    over_target: int
    over_limit: int
    on_hold: int
    on_hold_over_limit: int

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue or line); the next reading replaces the last."""
        return (self.pbx, self.queue)


class StaffingReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether a queue is staffed, as of ``at``; ``None`` is what too little was seen of, or what has no meaning.

    ``agents_required`` keep the queue's target, ``agents_present`` are its share of those there; ``agents_short`` are
    missing for sure, 0.5 stands for one who is likely to be; ``occupancy`` (0 to 1) and ``load_gini`` (0: all alike)
    are of the window; the wait is that of who joins now, infinite with nobody there.
    """

    pbx: str
    queue: str
    at: float
    agents_required: int | None
    agents_present: float
    agents_short: float | None
    occupancy: float | None
    estimated_wait_seconds: float | None
    load_gini: float | None

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue); the next reading replaces the last."""
        return (self.pbx, self.queue)


class StretchReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Since when an agent works without a break, ``None`` during one, and in which queues the agent is."""

    pbx: str
    agent: str
    device: str
    queues: tuple[str, ...]
    since: float | None

    @property
    def key(self) -> Key:
        """Identity: (pbx, agent, device); the next reading replaces the last."""
        return (self.pbx, self.agent, self.device)


class CallbacksReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many callers of one queue or line are owed a call-back, and how many of these for too long."""

    pbx: str
    queue: str
    owed: int
    overdue: int

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue or line); the next reading replaces the last."""
        return (self.pbx, self.queue)


Reading = (
    CallAnswered
    | CallbacksReading
    | CallOffered
    | Drift
    | QueueReading
    | StaffingReading
    | StretchReading
    | TalksReading
)
