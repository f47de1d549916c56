"""Turns AMI blocks into events: one function per event name, only the headers that are needed.

Rules:

* A name without a function is counted and left alone: most of a stream is of no use to a desk.
* A block that cannot be used becomes a `StreamFault`; translating never raises.
* Versions differ (16 to 22): a function takes what it finds and asks only for what every version sends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from ringwatch.ami.clock import StreamClock
from ringwatch.ami.framing import BANNER, OVERSIZED
from ringwatch.ami.message import MissingHeaderError, flag, header, need, number, text
from ringwatch.core import events as ev

_UNIQUEID = b"\r\nUniqueid: "
_CHANNEL = b"\r\nChannel: "
_CALLER = b"\r\nCallerIDNum: "
_DEST = b"\r\nDestUniqueid: "
_DEST_CHANNEL = b"\r\nDestChannel: "
_QUEUE = b"\r\nQueue: "
_INTERFACE = b"\r\nInterface: "
_MEMBER = b"\r\nMemberName: "
_BRIDGE = b"\r\nBridgeUniqueid: "

# Possessive (++): what was read of a line is never given back, which would be tried for every letter of it.
_BARE_HEADER = re.compile(rb"\r\n[^:\r\n]++(?:\r|\Z)")
_DURATION = re.compile(rb"([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")
# Event names are Asterisk's, but UserEvent modules can invent more: the label of a counter must stay bounded.
_MOST_NAMES = 200
# Blocks kept until the first timestamp of a recording: a listing of a very large PBX fits.
_MOST_UNTIMED = 100_000


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


def _hangup_request(block: bytes, at: float) -> ev.Event:
    return ev.HangupRequested(at, need(block, _UNIQUEID))


def _newexten(block: bytes, at: float) -> ev.Event:
    return ev.QueueEntered(at, need(block, _UNIQUEID), text(block, b"\r\nAppData: "))


def _varset(block: bytes, at: float) -> ev.Event:
    # Read behind the variable's name: a channel variable of the same block could be called Value as well.
    tail = block[block.index(_MARKERS[b"VarSet"]) :]
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
    return ev.CallerAbandoned(at, need(block, _UNIQUEID), need(block, _QUEUE))


def _agent_called(block: bytes, at: float) -> ev.Event:
    return ev.AgentCalled(at, *_agent(block))


def _agent_connect(block: bytes, at: float) -> ev.Event:
    return ev.AgentConnected(at, *_agent(block))


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
    return ev.DialBegan(at, text(block, _UNIQUEID), need(block, _DEST), need(block, _DEST_CHANNEL))


def _dial_state(block: bytes, at: float) -> ev.Event:
    return ev.DialRang(at, text(block, _UNIQUEID), need(block, _DEST))


def _dial_end(block: bytes, at: float) -> ev.Event:
    return ev.DialEnded(at, text(block, _UNIQUEID), need(block, _DEST), need(block, b"\r\nDialStatus: "))


def _local_bridge(block: bytes, at: float) -> ev.Event:
    return ev.LocalPaired(at, need(block, b"\r\nLocalOneUniqueid: "), need(block, b"\r\nLocalTwoUniqueid: "))


def _bridge_enter(block: bytes, at: float) -> ev.Event:
    parking = header(block, b"\r\nBridgeType: ") == b"parking"
    return ev.BridgeEntered(at, need(block, _UNIQUEID), need(block, _BRIDGE), parking)


def _bridge_leave(block: bytes, at: float) -> ev.Event:
    return ev.BridgeLeft(at, need(block, _UNIQUEID), need(block, _BRIDGE))


def _hold(block: bytes, at: float) -> ev.Event:
    return ev.HoldBegan(at, need(block, _UNIQUEID))


def _unhold(block: bytes, at: float) -> ev.Event:
    return ev.HoldEnded(at, need(block, _UNIQUEID))


def _music_start(block: bytes, at: float) -> ev.Event:
    return ev.MusicBegan(at, need(block, _UNIQUEID))


def _music_stop(block: bytes, at: float) -> ev.Event:
    return ev.MusicEnded(at, need(block, _UNIQUEID))


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
    b"HangupRequest": _hangup_request,
    b"Hold": _hold,
    b"LocalBridge": _local_bridge,
    b"MusicOnHoldStart": _music_start,
    b"MusicOnHoldStop": _music_stop,
    b"Newchannel": _newchannel,
    b"Newexten": _newexten,
    b"ParkedCall": _parked,
    b"ParkedCallGiveUp": _park_ended,
    b"ParkedCallTimeOut": _park_ended,
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
    b"SoftHangupRequest": _hangup_request,
    b"UnParkedCall": _park_ended,
    b"Unhold": _unhold,
    b"VarSet": _varset,
}

# Most of these say nothing of use; looking for the marker first spares them everything else.
_MARKERS = {
    b"DialState": b"\r\nDialStatus: RINGING",
    b"Newexten": b"\r\nApplication: Queue\r\n",
    b"VarSet": b"\r\nVariable: QUEUESTATUS\r\n",
}


class Translator:
    """Translates the blocks of one stream, in order, and counts them by name."""

    def __init__(self) -> None:
        """Start before the first block of a stream."""
        self.clock = StreamClock()
        self.counts: Counter[bytes] = Counter()
        """Events seen by name; names beyond a bound are counted as ``other``."""
        self._untimed: list[tuple[bytes, Translation]] = []

    def feed(self, blocks: Iterable[bytes], arrived_at: float | None = None) -> list[ev.Event]:
        """Translate blocks.

        :param arrived_at: own clock when they were read, seconds since 1970; ``None`` for a recording.
        """
        events: list[ev.Event] = []
        names: list[bytes] = []
        for block in blocks:
            if block[:7] == b"Event: ":
                end = block.find(b"\r\n", 7)
                name = block[7:end] if end > 0 else block[7:]
                names.append(name)
                translation = TRANSLATIONS.get(name)
                if translation is None or (name in _MARKERS and _MARKERS[name] not in block):
                    continue
            else:
                translation = _other
            self._translate(block, translation, arrived_at, events)
        self._count(names)
        return events

    @property
    def timeless(self) -> bool:
        """Blocks came, but nothing told the time."""
        return bool(self._untimed)

    def _count(self, names: list[bytes]) -> None:
        counts = self.counts
        counts.update(names)
        if len(counts) > _MOST_NAMES:
            for name in list(counts)[_MOST_NAMES - 1 :]:
                if name != b"other":
                    counts[b"other"] += counts.pop(name)

    def _translate(
        self, block: bytes, translation: Translation, arrived_at: float | None, events: list[ev.Event]
    ) -> None:
        clock = self.clock
        try:
            at = clock.stamp(block, arrived_at)
        except ValueError:
            at = clock.last
            events.append(ev.StreamFault(at or 0.0, "malformed", f"Timestamp is no number in {_shown(block)}"))
        if at is None:
            if len(self._untimed) < _MOST_UNTIMED:
                self._untimed.append((block, translation))
            return
        if self._untimed:
            for earlier, its_translation in self._untimed:
                self._append(earlier, its_translation, at, events)
            self._untimed.clear()
        if clock.regressed_by:
            events.append(ev.StreamFault(at, "clock_regression", f"{clock.regressed_by:.6f} s in {_shown(block)}"))
        self._append(block, translation, at, events)

    @staticmethod
    def _append(block: bytes, translation: Translation, at: float, events: list[ev.Event]) -> None:
        if block == OVERSIZED:
            events.append(ev.StreamFault(at, "oversized", "a block over the limit was skipped"))
            return
        try:
            event = translation(block, at)
        except MissingHeaderError as error:
            events.append(ev.StreamFault(at, "malformed", f"no {error} in {_shown(block)}"))
            return
        if event is None:
            return
        if _BARE_HEADER.search(block):
            events.append(ev.StreamFault(at, "bare_header", f"a line without a colon in {_shown(block)}"))
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                events.append(ev.StreamFault(at, "invalid_utf8", f"kept as \\xNN in {_shown(block)}"))
        events.append(event)


def _other(block: bytes, at: float) -> ev.Event | None:
    if block.startswith(b"Response: "):
        if b"\r\nMessage: Queue status will follow" in block:
            return ev.SnapshotBegan(at, "queues")
        if b"\r\nMessage: Channels will follow" in block:
            return ev.SnapshotBegan(at, "channels")
        return None
    if block.startswith(BANNER):
        return None
    raise MissingHeaderError("Event or Response")


def _shown(block: bytes) -> str:
    return repr(block[:80])
