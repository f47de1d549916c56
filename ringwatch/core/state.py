"""What the engine remembers of calls while they last: channels, calls, visits, ring attempts, legs.

Plain mutable records with the arithmetic that belongs to one of them. Who may change them, and when, is decided in
`ringwatch.core.engine` by the tables of `ringwatch.core.lifecycle`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ringwatch.core.events import ChannelSeen, ChannelStarted
from ringwatch.core.facts import Direction, EndedBy, Outcome
from ringwatch.core.lifecycle import VisitState

BLINK_SECONDS = 0.25
"""An absence shorter than this is a bridge being rebuilt (a Local pair taken out, a transfer), not a consultation."""


def seconds(duration: float) -> float:
    """Round a duration to the millisecond, never below zero."""
    return round(max(duration, 0.0), 3)


def device_of(channel: str) -> str:
    """Return the device of a channel name: ``PJSIP/101`` of ``PJSIP/101-00000001``."""
    return channel.rpartition("-")[0] or channel


def number_of(interface: str) -> str:
    """Return what is called: ``101`` of ``PJSIP/101``, of ``Local/101@from-queue/n`` and of the channels of these."""
    return interface.partition("/")[2].partition("@")[0]


class RingMeter:
    """Adds up the time during which at least one phone rang."""

    __slots__ = ("_ringing", "_since", "first_at", "total")

    def __init__(self) -> None:
        """Start with silence."""
        self._ringing = 0
        self._since = 0.0
        self.first_at: float | None = None
        self.total = 0.0

    def start(self, at: float) -> None:
        """Another phone rings."""
        if self.first_at is None:
            self.first_at = at
        if not self._ringing:
            self._since = at
        self._ringing += 1

    def stop(self, at: float) -> None:
        """One of them stopped."""
        if self._ringing:
            self._ringing -= 1
            if not self._ringing:
                self.total += at - self._since

    def freeze(self, at: float) -> None:
        """The answer is here: what still rings for a moment no longer counts."""
        if self._ringing:
            self._ringing = 0
            self.total += at - self._since


class _Served:
    """What is done for a caller in a queue, or else on a direct line: a device rung, a conversation."""

    __slots__ = ()
    call: CallState
    visit: Visit | None

    @property
    def queue(self) -> str | None:
        """The queue, where there is one."""
        return self.visit.queue if self.visit else None

    @property
    def line(self) -> str | None:
        """The direct line, where there is no queue."""
        return None if self.visit else self.call.line


@dataclass(slots=True, eq=False)
class Attempt(_Served):
    """One device rung once for a call."""

    call: CallState
    visit: Visit | None
    agent: str
    interface: str
    dest: str
    started_at: float
    rang_at: float | None = None
    ring_seconds: float = 0.0
    open: bool = True
    cancelled_at: float | None = None
    """When it was let go, as long as nothing says why."""
    phone: str = ""
    """Device of the phone behind a Local pair."""
    forwarded: bool = False
    """Another phone, of this agent's, had sent the call here."""
    taken_by: str = ""
    """Device of whoever picked the call up elsewhere."""
    leg: Leg | None = None
    """The conversation it led to, while that lasts."""

    def reached(self, device: str) -> str:
        """Name the interface at which the agent was reached: the queue's word for it, unless it is another phone."""
        return device if self.forwarded or number_of(device) != number_of(self.interface) else self.interface


@dataclass(slots=True, eq=False)
class Channel:
    """One channel: of a caller, of a phone, or half of a Local pair."""

    uniqueid: str
    name: str
    started_at: float
    caller: str = ""
    exten: str = ""
    context: str = ""
    queue_data: str = ""
    """Arguments of the application Queue it runs, ``support,tT,,,60``."""
    partner: str | None = None
    """The other half of a Local pair."""
    bridge: str | None = None
    hangup_requested: bool = False
    call: CallState | None = None
    """The call whose caller this is."""
    attempt: Attempt | None = None
    """The ring attempt this channel was made for, or stands behind (a phone behind a Local member)."""
    leg: Leg | None = None
    """The conversation in which it is the phone, or a wire in front of it."""
    visit: Visit | None = None
    """The queue it stands in, or talks out of."""
    music: bool = False
    """It hears music."""
    owner: CallState | None = None
    """The call on whose behalf a Local pair was made, or a customer was called."""
    number: str = ""
    """What was dialled to reach it, where that is a number."""
    linkedid: str = ""
    dialled: list[Channel] = field(default_factory=list)
    """Of half a Local pair: the phones it has dialled for itself."""
    forwarded: Attempt | None = None
    """What it dialled last was sent elsewhere: whatever it dials next is rung for that."""
    found_at: float | None = None
    """When a listing showed it, if nothing was heard of its beginning."""

    @property
    def device(self) -> str:
        """The device it runs on."""
        return device_of(self.name)

    @property
    def queue_arguments(self) -> tuple[str, str]:
        """Name and options of the queue it runs: (``support``, ``tTr``) of ``support,tTr,,,60``."""
        name, _, rest = self.queue_data.partition(",")
        return name, rest.partition(",")[0]

    @property
    def is_local(self) -> bool:
        """Whether it is half of a Local pair: a piece of wire, nobody's phone."""
        return self.name.startswith("Local/")

    def begins(self, event: ChannelStarted | ChannelSeen, at: float, found_at: float | None = None) -> None:
        """Note what is said of its beginning: by the event, or before that by a listing (at ``found_at``)."""
        self.name, self.caller, self.exten = event.channel, event.caller, event.exten
        self.context, self.linkedid = event.context, event.linkedid
        self.started_at, self.found_at = at, found_at
        if self.call and self.call.call_id == self.uniqueid:
            self.call.started_at = at

    def waits_in(self, queue: str) -> bool:
        """Tell whether it stands in a queue's line."""
        visit = self.visit
        return visit is not None and visit.queue == queue and visit.state is VisitState.WAITING


@dataclass(slots=True, eq=False)
class Leg(_Served):
    """One stretch of conversation between a call's caller and an agent."""

    call: CallState
    agent: str
    interface: str
    phone: Channel
    """The agent's channel."""
    device: str
    """The agent's device."""
    started_at: float
    visit: Visit | None
    attempt: Attempt | None
    from_start: bool = True
    """Its beginning was seen."""
    left: tuple[float, EndedBy] | None = None
    """When the first of the two went, and which."""
    away_since: float | None = None
    """Since when the agent, still on the phone, does not hear the caller."""
    parked: bool = False
    wires: list[Channel] = field(default_factory=list)
    """Halves of Local pairs through which the agent reaches the caller."""
    holders: dict[str, int] = field(default_factory=dict)
    """How often each channel holds the caller now."""
    held: bool = False
    """This silence began with a hold, however short."""
    consulted: bool = False
    music_heard: bool = False
    silent_since: float | None = None
    """Since when the caller is left alone."""
    hold_seconds: float = 0.0
    holds: int = 0


@dataclass(slots=True, eq=False)
class Visit:
    """One stay in one queue, of the channel that joined it: the caller's, or half of a Local pair that leads there."""

    channel: Channel
    queue: str
    ordinal: int
    joined_at: float
    position: int | None
    state: VisitState = VisitState.WAITING
    rings: RingMeter = field(default_factory=RingMeter)
    heard_from: float | None = None
    """Since when the caller hears ringing instead of music."""
    ring_on_ring: bool = False
    """The queue plays ringing while a phone rings (option R)."""
    left_at: float | None = None
    abandoned: bool = False
    hung_up: bool = False
    """The caller had been asked to hang up when it left unserved; the dialplan asks later, after a timeout as well."""
    dumped: bool = False
    status: str | None = None
    connected_at: float | None = None
    hold_seconds: float = 0.0
    holds: int = 0
    quiet_since: float | None = None
    """Since when nobody talks, after a park."""
    agent: str | None = None
    interface: str | None = None
    answered_by: Attempt | None = None
    settle_at: float = math.inf
    found: bool = False
    """A listing showed it: the joining was not seen, and is reckoned back from whole seconds."""
    lost: bool = False
    """How it ended was not seen: a listing showed that it was over, or the stream broke before it was explained."""
    missed: bool = False
    """The stream was away while it waited: what rang meanwhile is not known."""


@dataclass(slots=True, eq=False)
class CallState:
    """One caller's journey so far."""

    call_id: str
    channel: Channel
    """The caller's channel; once a customer whom an agent called has answered, the customer's."""
    caller: str
    started_at: float
    direction: Direction
    originated: bool = False
    """Its channel was called by nobody: an operator's Originate, or a phone called back after a transfer failed."""
    joined: bool = False
    """It was no call at all: the phone was called for the sake of another call, and is in it now."""
    visits: list[Visit] = field(default_factory=list)
    parked_by: Leg | None = None
    """The conversation out of which the caller was parked, while nobody has taken over."""
    legs: dict[str, Leg] = field(default_factory=dict)
    """Conversations that are not over, by the Uniqueid of the phone's channel."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    """Devices being rung now, by the Uniqueid of their channel."""
    round_answered: bool = False
    """One of the devices of this round of ringing has answered."""
    rings: RingMeter = field(default_factory=RingMeter)
    """Ringing of phones that no queue called, up to the first answer."""
    line: str | None = None
    line_outcome: Outcome | None = None
    """How its last unanswered phone leaves it, should nothing better come."""
    offered_at: float | None = None
    answered_at: float | None = None
    answer_told: bool = False
    """Of a direct line: readers who cannot wait for the end of the talk have been told."""
    outcomes: list[Outcome] = field(default_factory=list)
    """Of its visits, in order."""
    in_time: list[bool] = field(default_factory=list)
    """Judgements of its visits that were judged, in order."""
    queues: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    talk_seconds: float = 0.0
    hold_seconds: float = 0.0
    transfers: int = 0
    bounces: int = 0
    lost: bool = False
    """It vanished while nobody was looking."""
    answered_unseen: bool = False
    """It was found in talk: when it was answered is not known."""
    called: str = ""
    """Of a call by the desk: what was called last, outside if anything was."""

    def answered(self, at: float, *, seen: bool = True) -> None:
        """Somebody talks with the caller; only the first time counts."""
        if self.answered_at is not None or self.answered_unseen:
            return
        self.answered_unseen = not seen
        if seen:
            self.answered_at = at
            self.rings.freeze(at)


def goes_on_with(call: CallState, party: Channel) -> None:
    """Let a call be another channel's from now on: of whoever was called out to, or stays when the first one leaves."""
    call.channel.call, call.channel.owner = None, call
    call.channel, party.call, party.owner = party, call, None


def legs_of(channel: Channel) -> list[Leg]:
    """Return the conversations a channel takes part in: as caller, as phone, or as the wire in front of a phone."""
    if channel.call:
        own = list(channel.call.legs.values())
        return [*own, channel.leg] if channel.leg else own
    return [channel.leg] if channel.leg else []


def side(leg: Leg, channel: Channel) -> EndedBy:
    """Say on whose side of a conversation a channel is."""
    return "caller" if channel is leg.call.channel else "agent"
