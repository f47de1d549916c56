"""The shapes of AMI events: one function per event, from a stamp and what it is about to the bytes a real 22 sends.

Rules: header names and their order are copied from tests/captures (22.10.1); a test compares every one. Texts are
UTF-8. A function named after an event makes that event and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringwatch.simulator.channels import CAUSES

if TYPE_CHECKING:
    from ringwatch.simulator.channels import Bridge, Channel

EOL = "\r\n"


class MemberView(NamedTuple):
    """A queue member as its events and QueueStatus describe it; times in whole Unix seconds."""

    queue: str
    name: str
    interface: str
    membership: str
    calls_taken: int
    last_call: int
    last_pause: int
    login_time: int
    in_call: int
    status: int
    paused: int
    reason: str


def _event(name: str, privilege: str, at: float, *bodies: str) -> bytes:
    head = f"Event: {name}\r\nPrivilege: {privilege},all\r\nTimestamp: {at:.6f}\r\n"
    return "".join((head, *bodies, EOL)).encode()


# Channels


def newchannel(at: float, channel: Channel) -> bytes:
    """Newchannel: a channel exists."""
    return _event("Newchannel", "call", at, channel.headers())


def newstate(at: float, channel: Channel) -> bytes:
    """Newstate: a channel's state changed."""
    return _event("Newstate", "call", at, channel.headers())


def newexten(at: float, channel: Channel) -> bytes:
    """Newexten: a channel runs its application at its place."""
    body = f"Extension: {channel.place.exten}\r\nApplication: {channel.application}\r\nAppData: {channel.arguments}\r\n"
    return _event("Newexten", "dialplan", at, channel.headers(), body)


def new_connected_line(at: float, channel: Channel) -> bytes:
    """NewConnectedLine: a channel learned whom it talks to."""
    return _event("NewConnectedLine", "call", at, channel.headers())


def new_callerid(at: float, channel: Channel) -> bytes:
    """NewCallerid: a channel's own caller id changed."""
    presentation = "CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n"
    return _event("NewCallerid", "call", at, channel.headers(), presentation)


def var_set(at: float, channel: Channel, variable: str, value: str) -> bytes:
    """VarSet: a channel variable was set."""
    return _event("VarSet", "dialplan", at, channel.headers(), f"Variable: {variable}\r\nValue: {value}\r\n")


def hangup_request(at: float, channel: Channel, cause: int | None, tech_cause: int | None) -> bytes:
    """HangupRequest: the far end of a channel hung up. A cause is said only where the channel holds one."""
    return _event("HangupRequest", "call", at, channel.headers(), _causes(cause, tech_cause))


def soft_hangup_request(at: float, channel: Channel, tech_cause: int | None) -> bytes:
    """SoftHangupRequest: Asterisk itself ends a channel."""
    return _event("SoftHangupRequest", "call", at, channel.headers(), _causes(16, tech_cause))


def hangup(at: float, channel: Channel, cause: int, tech_cause: int | None) -> bytes:
    """Hangup: a channel is gone."""
    body = f"Cause: {cause}\r\nCause-txt: {CAUSES[cause]}\r\n"
    return _event("Hangup", "call", at, channel.headers(), body, _causes(None, tech_cause))


def _causes(cause: int | None, tech_cause: int | None) -> str:
    cause_line = "" if cause is None else f"Cause: {cause}\r\n"
    return cause_line if tech_cause is None else f"{cause_line}TechCause: {tech_cause}\r\n"


def hold(at: float, channel: Channel, music_class: str | None) -> bytes:
    """Hold: the party at a channel put the other one on hold; by re-INVITE it names a class, by Atxfer it does not."""
    body = "" if music_class is None else f"MusicClass: {music_class}\r\n"
    return _event("Hold", "call", at, channel.headers(), body)


def unhold(at: float, channel: Channel) -> bytes:
    """Unhold: the party at a channel took the other one back."""
    return _event("Unhold", "call", at, channel.headers())


def music_start(at: float, channel: Channel) -> bytes:
    """MusicOnHoldStart: the party at a channel hears music."""
    return _event("MusicOnHoldStart", "call", at, channel.headers(), "Class: default\r\n")


def music_stop(at: float, channel: Channel) -> bytes:
    """MusicOnHoldStop: the music ended."""
    return _event("MusicOnHoldStop", "call", at, channel.headers())


# Dialling


def dial_begin(at: float, channel: Channel, dest: Channel, dialled: str) -> bytes:
    """DialBegin: a channel called another."""
    return _event("DialBegin", "call", at, channel.headers(), dest.headers("Dest"), f"DialString: {dialled}\r\n")


def dial_state(at: float, channel: Channel | None, dest: Channel, status: str) -> bytes:
    """DialState: the called end reports, for instance RINGING; without a channel for a consultation's Local half."""
    return _event("DialState", "call", at, _from(channel), dest.headers("Dest"), f"DialStatus: {status}\r\n")


def dial_end(at: float, channel: Channel | None, dest: Channel, status: str) -> bytes:
    """DialEnd: a call to a device ended in ANSWER, NOANSWER or CANCEL."""
    return _event("DialEnd", "call", at, _from(channel), dest.headers("Dest"), f"DialStatus: {status}\r\n")


def _from(channel: Channel | None) -> str:
    return "" if channel is None else channel.headers()


# Queues


def queue_caller_join(at: float, channel: Channel, queue: str, position: int, count: int) -> bytes:
    """QueueCallerJoin: a caller came into a queue."""
    body = f"Queue: {queue}\r\nPosition: {position}\r\nCount: {count}\r\n"
    return _event("QueueCallerJoin", "agent", at, channel.headers(), body)


def queue_caller_leave(at: float, channel: Channel, queue: str, position: int, count: int) -> bytes:
    """QueueCallerLeave: a caller went out of a queue; Count is of those who stay."""
    body = f"Queue: {queue}\r\nPosition: {position}\r\nCount: {count}\r\n"
    return _event("QueueCallerLeave", "agent", at, channel.headers(), body)


def queue_caller_abandon(at: float, channel: Channel, queue: str, positions: tuple[int, int], wait: int) -> bytes:
    """QueueCallerAbandon: a caller goes unserved, by hanging up or by the queue's limit; positions now and at first."""
    position, original = positions
    body = f"Queue: {queue}\r\nPosition: {position}\r\nOriginalPosition: {original}\r\nHoldTime: {wait}\r\n"
    return _event("QueueCallerAbandon", "agent", at, channel.headers(), body)


def agent_called(at: float, channel: Channel, dest: Channel, member: MemberView) -> bytes:
    """AgentCalled: the queue rings a member."""
    return _event("AgentCalled", "agent", at, channel.headers(), dest.headers("Dest"), _member(member))


def agent_connect(at: float, channel: Channel, dest: Channel, member: MemberView, times: tuple[int, int]) -> bytes:
    """AgentConnect: a member answered; times are HoldTime and RingTime in whole seconds."""
    body = f"HoldTime: {times[0]}\r\nRingTime: {times[1]}\r\n"
    return _event("AgentConnect", "agent", at, channel.headers(), dest.headers("Dest"), _member(member), body)


def agent_ring_no_answer(at: float, channel: Channel, dest: Channel, member: MemberView, ring_ms: int) -> bytes:
    """AgentRingNoAnswer: a member was rung in vain; RingTime in milliseconds."""
    body = f"RingTime: {ring_ms}\r\n"
    return _event("AgentRingNoAnswer", "agent", at, channel.headers(), dest.headers("Dest"), _member(member), body)


class Completion(NamedTuple):
    """What AgentComplete says of a conversation: HoldTime and TalkTime in whole seconds, and who ended it."""

    wait: int
    talk: int
    reason: str


def agent_complete(at: float, channel: Channel, dest: Channel | None, member: MemberView, end: Completion) -> bytes:
    """AgentComplete: a member's conversation is over; the member's headers are missing if the channel went first."""
    body = f"HoldTime: {end.wait}\r\nTalkTime: {end.talk}\r\nReason: {end.reason}\r\n"
    there = "" if dest is None else dest.headers("Dest")
    return _event("AgentComplete", "agent", at, channel.headers(), there, _member(member), body)


def _member(member: MemberView) -> str:
    return f"Queue: {member.queue}\r\nInterface: {member.interface}\r\nMemberName: {member.name}\r\n"


def _member_event(name: str, at: float, member: MemberView) -> bytes:
    body = (
        f"Queue: {member.queue}\r\nMemberName: {member.name}\r\nInterface: {member.interface}\r\n"
        f"StateInterface: {member.interface}\r\nMembership: {member.membership}\r\nPenalty: 0\r\n"
        f"CallsTaken: {member.calls_taken}\r\nLastCall: {member.last_call}\r\nLastPause: {member.last_pause}\r\n"
        f"LoginTime: {member.login_time}\r\nInCall: {member.in_call}\r\nStatus: {member.status}\r\n"
        f"Paused: {member.paused}\r\nPausedReason: {member.reason}\r\nRinginuse: 0\r\nWrapuptime: 0\r\n"
    )
    return _event(name, "agent", at, body)


def queue_member_status(at: float, member: MemberView) -> bytes:
    """QueueMemberStatus: a member's device changed; one for each queue."""
    return _member_event("QueueMemberStatus", at, member)


def queue_member_pause(at: float, member: MemberView) -> bytes:
    """QueueMemberPause: a member paused or came back; one for each queue."""
    return _member_event("QueueMemberPause", at, member)


def queue_member_added(at: float, member: MemberView) -> bytes:
    """QueueMemberAdded: a dynamic member logged in. In no capture; app_queue gives it the blob of the status event."""
    return _member_event("QueueMemberAdded", at, member)


def queue_member_removed(at: float, member: MemberView) -> bytes:
    """QueueMemberRemoved: a dynamic member logged out; the same blob."""
    return _member_event("QueueMemberRemoved", at, member)


def device_state_change(at: float, device: str, state: str) -> bytes:
    """DeviceStateChange: a phone, the trunk, or one of the devices a queue makes of itself."""
    return _event("DeviceStateChange", "call", at, f"Device: {device}\r\nState: {state}\r\n")


# Bridges and transfers


def bridge_create(at: float, bridge: Bridge) -> bytes:
    """BridgeCreate: a bridge exists."""
    return _event("BridgeCreate", "call", at, bridge.headers())


def bridge_enter(at: float, bridge: Bridge, channel: Channel) -> bytes:
    """BridgeEnter: a channel came in; the count has it."""
    return _event("BridgeEnter", "call", at, bridge.headers(), channel.headers())


def bridge_leave(at: float, bridge: Bridge, channel: Channel) -> bytes:
    """BridgeLeave: a channel went out; the count no longer has it."""
    return _event("BridgeLeave", "call", at, bridge.headers(), channel.headers())


def bridge_destroy(at: float, bridge: Bridge) -> bytes:
    """BridgeDestroy: a bridge is gone."""
    return _event("BridgeDestroy", "call", at, bridge.headers())


def bridge_merge(at: float, to: Bridge, source: Bridge) -> bytes:
    """BridgeMerge: the channels of one bridge move to another, as an attended transfer does."""
    return _event("BridgeMerge", "call", at, to.headers("To"), source.headers("From"))


def local_bridge(at: float, one: Channel, two: Channel) -> bytes:
    """LocalBridge: the halves of a Local channel are joined."""
    body = f"Context: {two.place.context}\r\nExten: {two.place.exten}\r\nLocalOptimization: Yes\r\n"
    return _event("LocalBridge", "call", at, one.headers("LocalOne"), two.headers("LocalTwo"), body)


def blind_transfer(at: float, agent: Channel, caller: Channel, bridge: Bridge, place: tuple[str, str]) -> bytes:
    """BlindTransfer: an agent sent the caller to a context and extension; Success means placed, not answered."""
    body = f"IsExternal: Yes\r\nContext: {place[0]}\r\nExtension: {place[1]}\r\n"
    parties = (agent.headers("Transferer"), caller.headers("Transferee"))
    return _event("BlindTransfer", "call", at, "Result: Success\r\n", *parties, bridge.headers(), body)


def attended_transfer(at: float, agent: Channel, caller: Channel, bridges: tuple[Bridge, Bridge]) -> bytes:
    """AttendedTransfer: an agent joined the caller with a consulted phone; bridges are the caller's and the other."""
    kept, left = bridges
    bodies = (
        "Result: Success\r\n",
        agent.headers("OrigTransferer"),
        kept.headers("Orig"),
        agent.headers("SecondTransferer"),
        left.headers("Second"),
        caller.headers("Transferee"),
        f"IsExternal: No\r\nDestType: Bridge\r\nDestBridgeUniqueid: {kept.uniqueid}\r\n",
    )
    return _event("AttendedTransfer", "call", at, *bodies)
