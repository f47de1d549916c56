"""Events: what the PBX said, typed, frozen, past tense. The engine sees nothing else.

``at`` is seconds since 1970 by the PBX's clock and never runs backwards. ``uniqueid`` names a channel. Headers that no
rule needs have no field here.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class _Event(msgspec.Struct, frozen=True, gc=False):
    at: float


class ChannelStarted(_Event, frozen=True):
    """A channel came to be. ``ringing_in`` is true for a call that came from a phone or trunk (state Ring)."""

    uniqueid: str
    channel: str
    ringing_in: bool
    caller: str
    exten: str
    context: str
    linkedid: str = ""
    """The channel it was made for, where that is another one."""


class ChannelEnded(_Event, frozen=True):
    """A channel is gone; ``cause`` is the Q.850 cause."""

    uniqueid: str
    cause: int | None


class HangupRequested(_Event, frozen=True):
    """Somebody asked for the end of a channel: its own party, or (soft) the dialplan or an operator."""

    uniqueid: str


class QueueEntered(_Event, frozen=True):
    """The dialplan started the application Queue; ``data`` are its arguments."""

    uniqueid: str
    data: str


class QueueStatusSet(_Event, frozen=True):
    """The application Queue said how it ended (QUEUESTATUS)."""

    uniqueid: str
    status: str


class CallerJoined(_Event, frozen=True):
    """A caller joined a queue's line; ``position`` counts from 1."""

    uniqueid: str
    channel: str
    caller: str
    queue: str
    position: int | None


class CallerLeft(_Event, frozen=True):
    """A caller left a queue's line: to an agent, or out."""

    uniqueid: str
    queue: str


class CallerAbandoned(_Event, frozen=True):
    """A caller left unserved; also sent on timeout and when the queue ran empty (app_queue.c, record_abandoned)."""

    uniqueid: str
    queue: str
    waited: int = 0
    """Whole seconds in line."""


class AgentCalled(_Event, frozen=True):
    """A queue called a member's device."""

    uniqueid: str
    dest: str
    dest_channel: str
    queue: str
    interface: str
    agent: str


class AgentConnected(_Event, frozen=True):
    """A member and the caller were put together."""

    uniqueid: str
    dest: str
    dest_channel: str
    queue: str
    interface: str
    agent: str
    waited: int = 0
    """Whole seconds in line."""


class AgentDumped(_Event, frozen=True):
    """A member answered and went before the caller was put through; the caller still waits."""

    uniqueid: str
    queue: str


class DialBegan(_Event, frozen=True):
    """A device was called. ``uniqueid`` is empty when nobody is calling (Originate)."""

    uniqueid: str
    dest: str
    dest_channel: str
    number: str = ""
    """What was dialled there, where that is a number."""


class DialRang(_Event, frozen=True):
    """A called device reported that it rings."""

    uniqueid: str
    dest: str


class DialEnded(_Event, frozen=True):
    """Calling a device ended; ``status`` is Asterisk's word (ANSWER, NOANSWER, CANCEL, BUSY, ...)."""

    uniqueid: str
    dest: str
    status: str
    forwarded: bool = False
    """The device answered that its calls are to go elsewhere; what is called there comes next."""


class PickedUp(_Event, frozen=True):
    """The party on this channel took a call that rang at somebody else's phone, the channel ``target``."""

    uniqueid: str
    target: str


class LocalPaired(_Event, frozen=True):
    """Two halves of a Local channel came to be: what happens to one happens behind the other."""

    one: str
    two: str


class BridgeEntered(_Event, frozen=True):
    """A channel joined a bridge; in one for ``parking`` nobody hears another."""

    uniqueid: str
    bridge: str
    parking: bool = False


class BridgeLeft(_Event, frozen=True):
    """A channel left a bridge."""

    uniqueid: str
    bridge: str


class HoldBegan(_Event, frozen=True):
    """The party on this channel put the other one on hold."""

    uniqueid: str


class HoldEnded(_Event, frozen=True):
    """The party on this channel took the other one back."""

    uniqueid: str


class MusicBegan(_Event, frozen=True):
    """A channel hears music."""

    uniqueid: str


class MusicEnded(_Event, frozen=True):
    """A channel hears no more music."""

    uniqueid: str


class Parked(_Event, frozen=True):
    """A caller was put in a parking space."""

    uniqueid: str


class ParkEnded(_Event, frozen=True):
    """A caller left the parking space: fetched, given back, or given up."""

    uniqueid: str


class Transferred(_Event, frozen=True):
    """The party on channel ``transferer`` handed its call on to ``to``; ``second`` is its other channel, if any."""

    transferer: str
    kind: Literal["blind", "attended"]
    to: str
    success: bool
    second: str = ""
    taken_by: str = ""
    """The channel that took the place of ``second`` in an application, a queue's line perhaps."""


class MemberSeen(_Event, frozen=True):
    """A member of a queue as it stands: added, changed, paused, or listed.

    ``last_call`` and ``login_at`` are seconds since 1970, ``wrapup`` is the member's own in seconds; 0 for none.
    """

    queue: str
    agent: str
    interface: str
    device: str
    status: int
    paused: bool
    reason: str = ""
    penalty: int = 0
    ringinuse: bool | None = None
    in_call: bool = False
    last_call: int = 0
    wrapup: int = 0
    login_at: int | None = None


class MemberRemoved(_Event, frozen=True):
    """A member is no longer in the queue."""

    queue: str
    interface: str


class QueueSeen(_Event, frozen=True):
    """A queue exists."""

    queue: str


class WaitingSeen(_Event, frozen=True):
    """A caller stands in line, found in a listing; ``waited`` is whole seconds."""

    uniqueid: str
    channel: str
    caller: str
    queue: str
    position: int | None
    waited: int


class ChannelSeen(_Event, frozen=True):
    """A channel is up, found in a listing; ``seconds`` is how long, whole ones."""

    uniqueid: str
    channel: str = ""
    ringing_in: bool = False
    caller: str = ""
    exten: str = ""
    context: str = ""
    linkedid: str = ""
    seconds: int = 0
    application: str = ""
    """What it runs; ``AppDial`` or ``AppQueue`` when it was called by another channel."""
    data: str = ""
    """The application's arguments."""
    bridge: str = ""
    """The bridge it is in, or none; of what kind is not said."""


class SnapshotBegan(_Event, frozen=True):
    """A listing follows."""

    what: Literal["queues", "channels"]


class SnapshotEnded(_Event, frozen=True):
    """A listing is complete: what it did not name is gone."""

    what: Literal["queues", "channels"]


class Shutdown(_Event, frozen=True):
    """Asterisk is going down: nothing more will be heard of what is open."""


class StreamBroke(_Event, frozen=True):
    """The connection is gone: nothing is heard from here on."""

    why: Literal["disconnected", "restarted", "overflow"]


class StreamAwaited(_Event, frozen=True):
    """The connection has not come about yet: nothing is missing, and nothing can be heard."""


class StreamResumed(_Event, frozen=True):
    """The connection is back."""


class StreamFault(_Event, frozen=True):
    """Something in the stream could not be used; ``kind`` is one of a bounded set. Nothing else was lost by it."""

    kind: Literal["oversized", "malformed", "bare_header", "invalid_utf8", "clock_regression"]
    detail: str


class Answered(_Event, frozen=True):
    """The PBX answered a ping: it is there, however quiet the desk."""


class Tick(_Event, frozen=True):
    """Time passed and nothing was said."""


Event = (
    Answered
    | ChannelStarted
    | ChannelEnded
    | HangupRequested
    | QueueEntered
    | QueueStatusSet
    | CallerJoined
    | CallerLeft
    | CallerAbandoned
    | AgentCalled
    | AgentConnected
    | AgentDumped
    | DialBegan
    | DialRang
    | DialEnded
    | PickedUp
    | LocalPaired
    | BridgeEntered
    | BridgeLeft
    | HoldBegan
    | HoldEnded
    | MusicBegan
    | MusicEnded
    | Parked
    | ParkEnded
    | Transferred
    | MemberSeen
    | MemberRemoved
    | QueueSeen
    | WaitingSeen
    | ChannelSeen
    | SnapshotBegan
    | SnapshotEnded
    | Shutdown
    | StreamAwaited
    | StreamBroke
    | StreamFault
    | StreamResumed
    | Tick
)
