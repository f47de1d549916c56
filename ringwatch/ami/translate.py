"""What each AMI block says: one function per event name, only the headers that are needed.

Versions differ (16 to 22): a function takes what it finds and asks only for what every version sends; where that is not
there, it raises `MissingHeaderError`. `ringwatch.ami.translator` calls them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ringwatch.ami.message import flag, header, need, number, text
from ringwatch.core import events as ev

_UNIQUEID = b"\r\nUniqueid: "
_CHANNEL = b"\r\nChannel: "
_CALLER = b"\r\nCallerIDNum: "
_DEST = b"\r\nDestUniqueid: "
_DEST_CHANNEL = b"\r\nDestChannel: "
_QUEUE = b"\r\nQueue: "
_INTERFACE = b"\r\nInterface: "
_MEMBER = b"\r\nMemberName: "
_WAITED = b"\r\nHoldTime: "
_BRIDGE = b"\r\nBridgeUniqueid: "

# What the dialplan gives Dial() behind the technology: 020@trunk, trunk/020, trunk/sip:020@host:5060, g0/020.
_DIALLED = re.compile(rb"(?:.*/)?(?:(?:sips?|tel):)?([0-9+*#][0-9+*#().-]*)(?:[@:;].*)?", re.DOTALL)
_DURATION = re.compile(rb"([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")


def _newchannel(block: bytes, at: float) -> ev.Event:
    return ev.ChannelStarted(
        at,
        need(block, _UNIQUEID),
        need(block, _CHANNEL),
        header(block, b"\r\nChannelState: ") == b"4",
        text(block, _CALLER),
        text(block, b"\r\nExten: "),
        text(block, b"\r\nContext: "),
        text(block, b"\r\nLinkedid: "),
    )


def _hangup(block: bytes, at: float) -> ev.Event:
    return ev.ChannelEnded(at, need(block, _UNIQUEID), number(block, b"\r\nCause: "))


def _newexten(block: bytes, at: float) -> ev.Event:
    return ev.QueueEntered(at, need(block, _UNIQUEID), text(block, b"\r\nAppData: "))


def _varset(block: bytes, at: float) -> ev.Event:
    # Read behind the variable's name: a channel variable of the same block could be called Value as well.
    tail = block[block.index(MARKERS[b"VarSet"]) :]
    return ev.QueueStatusSet(at, need(block, _UNIQUEID), text(tail, b"\r\nValue: "))


def _join(block: bytes, at: float) -> ev.Event:
    return ev.CallerJoined(
        at,
        need(block, _UNIQUEID),
        text(block, _CHANNEL),
        text(block, _CALLER),
        need(block, _QUEUE),
        number(block, b"\r\nPosition: "),
    )


def _leave(block: bytes, at: float) -> ev.Event:
    return ev.CallerLeft(at, need(block, _UNIQUEID), need(block, _QUEUE))


def _abandon(block: bytes, at: float) -> ev.Event:
    return ev.CallerAbandoned(at, need(block, _UNIQUEID), need(block, _QUEUE), number(block, _WAITED) or 0)


def _agent_called(block: bytes, at: float) -> ev.Event:
    return ev.AgentCalled(at, *_agent(block))


def _agent_connect(block: bytes, at: float) -> ev.Event:
    return ev.AgentConnected(at, *_agent(block), number(block, _WAITED) or 0)


def _agent(block: bytes) -> tuple[str, str, str, str, str, str]:
    interface = need(block, _INTERFACE)
    return (
        need(block, _UNIQUEID),
        need(block, _DEST),
        text(block, _DEST_CHANNEL),
        need(block, _QUEUE),
        interface,
        text(block, _MEMBER) or interface,
    )


def _agent_dump(block: bytes, at: float) -> ev.Event:
    return ev.AgentDumped(at, need(block, _UNIQUEID), need(block, _QUEUE))


def _dial_begin(block: bytes, at: float) -> ev.Event:
    dialled = _DIALLED.fullmatch(header(block, b"\r\nDialString: ") or b"")
    number_dialled = dialled[1].decode("ascii") if dialled else ""
    return ev.DialBegan(at, text(block, _UNIQUEID), need(block, _DEST), need(block, _DEST_CHANNEL), number_dialled)


def _dial_state(block: bytes, at: float) -> ev.Event:
    return ev.DialRang(at, text(block, _UNIQUEID), need(block, _DEST))


def _dial_end(block: bytes, at: float) -> ev.Event:
    return ev.DialEnded(
        at,
        text(block, _UNIQUEID),
        need(block, _DEST),
        need(block, b"\r\nDialStatus: "),
        header(block, b"\r\nForward: ") is not None,
    )


def _pickup(block: bytes, at: float) -> ev.Event:
    return ev.PickedUp(at, need(block, _UNIQUEID), need(block, b"\r\nTargetUniqueid: "))


def _local_bridge(block: bytes, at: float) -> ev.Event:
    return ev.LocalPaired(at, need(block, b"\r\nLocalOneUniqueid: "), need(block, b"\r\nLocalTwoUniqueid: "))


def _bridge_enter(block: bytes, at: float) -> ev.Event:
    parking = header(block, b"\r\nBridgeType: ") == b"parking"
    return ev.BridgeEntered(at, need(block, _UNIQUEID), need(block, _BRIDGE), parking)


def _bridge_leave(block: bytes, at: float) -> ev.Event:
    return ev.BridgeLeft(at, need(block, _UNIQUEID), need(block, _BRIDGE))


def _parked(block: bytes, at: float) -> ev.Event:
    return ev.Parked(at, need(block, b"\r\nParkeeUniqueid: "))


def _park_ended(block: bytes, at: float) -> ev.Event:
    return ev.ParkEnded(at, need(block, b"\r\nParkeeUniqueid: "))


def _blind_transfer(block: bytes, at: float) -> ev.Event:
    return ev.Transferred(
        at,
        need(block, b"\r\nTransfererUniqueid: "),
        "blind",
        text(block, b"\r\nExtension: "),
        header(block, b"\r\nResult: ") == b"Success",
    )


def _attended_transfer(block: bytes, at: float) -> ev.Event | None:
    if header(block, b"\r\nDestType: ") == b"Threeway":
        # All three talk now, and nobody was handed on (bridge_channel's *3; app_queue sees no transfer either).
        return None
    # Behind a Local channel (Local/802@internal-00000007;1) may be a queue, whose agent's number would be given.
    kind, _, rest = text(block, b"\r\nTransferTargetChannel: ").partition("/")
    dialled = rest.partition("@")[0] if kind == "Local" else ""
    target = dialled or text(block, b"\r\nTransferTargetCallerIDNum: ") or text(block, b"\r\nDestApp: ")
    return ev.Transferred(
        at,
        need(block, b"\r\nOrigTransfererUniqueid: "),
        "attended",
        target,
        header(block, b"\r\nResult: ") == b"Success",
        text(block, b"\r\nSecondTransfererUniqueid: "),
        text(block, b"\r\nTransfereeUniqueid: ") if header(block, b"\r\nDestType: ") == b"App" else "",
    )


def _member(block: bytes, at: float) -> ev.Event:
    # A listing names a member Name and Location, an event MemberName and Interface.
    interface = text(block, _INTERFACE) or need(block, b"\r\nLocation: ")
    paused = bool(flag(block, b"\r\nPaused: "))
    return ev.MemberSeen(
        at,
        need(block, _QUEUE),
        text(block, _MEMBER) or text(block, b"\r\nName: ") or interface,
        interface,
        text(block, b"\r\nStateInterface: ") or interface,
        number(block, b"\r\nStatus: ") or 0,
        paused,
        text(block, b"\r\nPausedReason: ") if paused else "",
        number(block, b"\r\nPenalty: ") or 0,
        flag(block, b"\r\nRinginuse: "),
        bool(flag(block, b"\r\nInCall: ")),
        number(block, b"\r\nLastCall: ") or 0,
        number(block, b"\r\nWrapuptime: ") or 0,
        number(block, b"\r\nLoginTime: "),
    )


def _member_removed(block: bytes, at: float) -> ev.Event:
    return ev.MemberRemoved(at, need(block, _QUEUE), need(block, _INTERFACE))


def _queue_params(block: bytes, at: float) -> ev.Event:
    return ev.QueueSeen(at, need(block, _QUEUE))


def _queue_entry(block: bytes, at: float) -> ev.Event:
    return ev.WaitingSeen(
        at,
        need(block, _UNIQUEID),
        text(block, _CHANNEL),
        text(block, _CALLER),
        need(block, _QUEUE),
        number(block, b"\r\nPosition: "),
        number(block, b"\r\nWait: ") or 0,
    )


def _show_channel(block: bytes, at: float) -> ev.Event:
    return ev.ChannelSeen(
        at,
        need(block, _UNIQUEID),
        text(block, _CHANNEL),
        header(block, b"\r\nChannelState: ") == b"4",
        text(block, _CALLER),
        text(block, b"\r\nExten: "),
        text(block, b"\r\nContext: "),
        text(block, b"\r\nLinkedid: "),
        _duration(header(block, b"\r\nDuration: ") or b""),
        text(block, b"\r\nApplication: "),
        text(block, b"\r\nApplicationData: "),
        text(block, b"\r\nBridgeId: "),
    )


def _duration(value: bytes) -> int:
    """Return the seconds of ``00:02:39``, 0 for anything else."""
    found = _DURATION.fullmatch(value)
    return 0 if found is None else (int(found[1]) * 60 + int(found[2])) * 60 + int(found[3])


def _queues_listed(_block: bytes, at: float) -> ev.Event:
    return ev.SnapshotEnded(at, "queues")


def _channels_listed(_block: bytes, at: float) -> ev.Event:
    return ev.SnapshotEnded(at, "channels")


def _shutdown(_block: bytes, at: float) -> ev.Event:
    return ev.Shutdown(at)


Translation = Callable[[bytes, float], ev.Event | None]


def _of_channel(kind: Callable[[float, str], ev.Event]) -> Translation:
    """Return the translation of what happens to a channel and needs no more than its name."""
    return lambda block, at: kind(at, need(block, _UNIQUEID))


TRANSLATIONS: dict[bytes, Translation] = {
    b"AgentCalled": _agent_called,
    b"AgentConnect": _agent_connect,
    b"AgentDump": _agent_dump,
    b"AttendedTransfer": _attended_transfer,
    b"BlindTransfer": _blind_transfer,
    b"BridgeEnter": _bridge_enter,
    b"BridgeLeave": _bridge_leave,
    b"CoreShowChannel": _show_channel,
    b"CoreShowChannelsComplete": _channels_listed,
    b"DialBegin": _dial_begin,
    b"DialEnd": _dial_end,
    b"DialState": _dial_state,
    b"Hangup": _hangup,
    b"HangupRequest": _of_channel(ev.HangupRequested),
    b"Hold": _of_channel(ev.HoldBegan),
    b"LocalBridge": _local_bridge,
    b"MusicOnHoldStart": _of_channel(ev.MusicBegan),
    b"MusicOnHoldStop": _of_channel(ev.MusicEnded),
    b"Newchannel": _newchannel,
    b"Newexten": _newexten,
    b"ParkedCall": _parked,
    b"ParkedCallGiveUp": _park_ended,
    b"ParkedCallTimeOut": _park_ended,
    b"Pickup": _pickup,
    b"QueueCallerAbandon": _abandon,
    b"QueueCallerJoin": _join,
    b"QueueCallerLeave": _leave,
    b"QueueEntry": _queue_entry,
    b"QueueMember": _member,
    b"QueueMemberAdded": _member,
    b"QueueMemberPause": _member,
    b"QueueMemberPenalty": _member,
    b"QueueMemberRemoved": _member_removed,
    b"QueueMemberRinginuse": _member,
    b"QueueMemberStatus": _member,
    b"QueueParams": _queue_params,
    b"QueueStatusComplete": _queues_listed,
    b"Shutdown": _shutdown,
    b"SoftHangupRequest": _of_channel(ev.HangupRequested),
    b"UnParkedCall": _park_ended,
    b"Unhold": _of_channel(ev.HoldEnded),
    b"VarSet": _varset,
}

# Most of these say nothing of use; looking for the marker first spares them everything else.
MARKERS = {
    b"DialState": b"\r\nDialStatus: RINGING",
    b"Newexten": b"\r\nApplication: Queue\r\n",
    b"VarSet": b"\r\nVariable: QUEUESTATUS\r\n",
}
