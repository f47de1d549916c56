"""What real blocks say: one of each event that is translated, from Asterisk 22 and from 16.

A block is named by its capture, its event and its Timestamp; list items, which have none, by one of their headers. What
follows is the event it becomes and the event's fields behind ``at``. What is in none of the captures is written as
app_queue.c and asterisk.c write it.
"""

from __future__ import annotations

from collections.abc import Callable

from ringwatch.core import events as ev
from tests.tools import captures

NO_TIME = 7.0
"""The time of a block that has none, in these tests."""

Kind = Callable[..., ev.Event]
Row = tuple[str, str, str, Kind, tuple[object, ...]]


def block_of(row: Row) -> bytes:
    """Return the block that a row names."""
    capture, name, mark, _, _ = row
    mark = mark if ": " in mark else f"Timestamp: {mark}"
    return captures.find(capture, f"Event: {name}\r\n".encode(), f"\r\n{mark}".encode())


def event_of(row: Row) -> ev.Event:
    """Return the event that a row's block becomes."""
    _, _, mark, kind, fields = row
    return kind(NO_TIME if ": " in mark else float(mark), *fields)


REAL: list[Row] = [
    (
        "scenarios-22",
        "AgentCalled",
        "1795276750.161876",
        ev.AgentCalled,
        ("1795276750.0", "1795276750.1", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna"),
    ),
    (
        "scenarios-16",
        "AgentCalled",
        "1795277020.033455",
        ev.AgentCalled,
        ("1795277020.0", "1795277020.3", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna"),
    ),
    (
        "scenarios-22",
        "AgentConnect",
        "1795276751.668748",
        ev.AgentConnected,
        ("1795276750.0", "1795276750.1", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna", 1),
    ),
    (
        "scenarios-16",
        "AgentConnect",
        "1795277021.541636",
        ev.AgentConnected,
        ("1795277020.0", "1795277020.3", "PJSIP/101-00000001", "support", "PJSIP/101", "Anna", 1),
    ),
    (
        "scenarios-22",
        "AttendedTransfer",
        "1795276799.369292",
        ev.Transferred,
        ("1795276790.9", "attended", "108", True, "1795276790.9"),
    ),
    (
        "scenarios-16",
        "AttendedTransfer",
        "1795277069.250108",
        ev.Transferred,
        ("1795277060.67", "attended", "108", True, "1795277060.67"),
    ),
    (
        "cases-22",
        "AttendedTransfer",
        "1795296091.974225",
        ev.Transferred,
        ("1795296089.79", "attended", "Queue", True, "1795296090.80", "1795296089.78"),
    ),
    (
        "cases-16",
        "AttendedTransfer",
        "1795296197.508097",
        ev.Transferred,
        ("1795296195.551", "attended", "Queue", True, "1795296196.557", "1795296195.548"),
    ),
    ("scenarios-22", "BlindTransfer", "1795276753.747459", ev.Transferred, ("1795276750.1", "blind", "108", True)),
    ("scenarios-16", "BlindTransfer", "1795277023.621729", ev.Transferred, ("1795277020.3", "blind", "108", True)),
    (
        "scenarios-22",
        "BridgeEnter",
        "1795276751.670435",
        ev.BridgeEntered,
        ("1795276750.1", "a4b66e11-4bc0-4c92-bbbb-f2f0071aeee0"),
    ),
    (
        "scenarios-16",
        "BridgeEnter",
        "1795277021.543296",
        ev.BridgeEntered,
        ("1795277020.3", "508c21a4-21c1-4932-8ff6-1e508d168996"),
    ),
    (
        "scenarios-22",
        "BridgeLeave",
        "1795276753.747574",
        ev.BridgeLeft,
        ("1795276750.1", "a4b66e11-4bc0-4c92-bbbb-f2f0071aeee0"),
    ),
    (
        "scenarios-16",
        "BridgeLeave",
        "1795277023.621772",
        ev.BridgeLeft,
        ("1795277020.3", "508c21a4-21c1-4932-8ff6-1e508d168996"),
    ),
    (
        "scenarios-22",
        "CoreShowChannel",
        "Uniqueid: 1795276948.39",
        ev.ChannelSeen,
        (
            *("1795276948.39", "PJSIP/trunk-0000001f", False, "90201000011", "", "from-trunk", "1795276946.38"),
            *(62, "AppDial", "(Outgoing Line)", "f44a87cf-dbc0-4eaa-ab94-6bcb02475e28"),
        ),
    ),
    (
        "scenarios-16",
        "CoreShowChannel",
        "Uniqueid: 1795277216.326",
        ev.ChannelSeen,
        (
            *("1795277216.326", "PJSIP/108-0000001e", False, "108", "90201000011", "internal", "1795277216.326"),
            *(63, "Dial", "PJSIP/0201000011@trunk,30,tT", "63ff3279-ca75-4411-90f7-95e1ecba4e38"),
        ),
    ),
    ("scenarios-22", "CoreShowChannelsComplete", "ListItems: ", ev.SnapshotEnded, ("channels",)),
    ("scenarios-16", "CoreShowChannelsComplete", "ListItems: ", ev.SnapshotEnded, ("channels",)),
    (
        "scenarios-22",
        "DialBegin",
        "1795276750.162040",
        ev.DialBegan,
        ("1795276750.0", "1795276750.1", "PJSIP/101-00000001", "101"),
    ),
    (
        "scenarios-22",
        "DialBegin",
        "1795276948.015601",
        ev.DialBegan,
        ("1795276946.38", "1795276948.39", "PJSIP/trunk-0000001f", "0201000011"),
    ),
    (
        "scenarios-16",
        "DialBegin",
        "1795277020.033604",
        ev.DialBegan,
        ("1795277020.0", "1795277020.3", "PJSIP/101-00000001", "101"),
    ),
    ("scenarios-22", "DialEnd", "1795276751.667253", ev.DialEnded, ("1795276750.0", "1795276750.1", "ANSWER")),
    ("scenarios-16", "DialEnd", "1795277021.541581", ev.DialEnded, ("1795277020.0", "1795277020.3", "ANSWER")),
    ("cases-22", "DialEnd", "1795296059.188898", ev.DialEnded, ("1795296059.23", "1795296059.24", "CANCEL", True)),
    ("cases-16", "DialEnd", "1795296163.693766", ev.DialEnded, ("1795296163.174", "1795296163.177", "CANCEL", True)),
    ("scenarios-22", "DialState", "1795276750.162812", ev.DialRang, ("1795276750.0", "1795276750.1")),
    ("scenarios-16", "DialState", "1795277020.035268", ev.DialRang, ("1795277020.0", "1795277020.3")),
    ("scenarios-22", "Hangup", "1795276753.748506", ev.ChannelEnded, ("1795276750.1", 16)),
    ("scenarios-16", "Hangup", "1795277023.623272", ev.ChannelEnded, ("1795277020.3", 16)),
    ("scenarios-22", "HangupRequest", "1795276763.680073", ev.HangupRequested, ("1795276750.0",)),
    ("scenarios-16", "HangupRequest", "1795277033.549780", ev.HangupRequested, ("1795277020.0",)),
    ("scenarios-22", "Hold", "1795276778.572988", ev.HoldBegan, ("1795276775.7",)),
    ("scenarios-16", "Hold", "1795277048.458673", ev.HoldBegan, ("1795277044.57",)),
    ("scenarios-22", "LocalBridge", "1795276794.815493", ev.LocalPaired, ("1795276794.10", "1795276794.11")),
    ("scenarios-16", "LocalBridge", "1795277064.695397", ev.LocalPaired, ("1795277064.73", "1795277064.75")),
    ("mix-22", "MusicOnHoldStart", "1795280240.967870", ev.MusicBegan, ("1795280240.4",)),
    ("mix-16", "MusicOnHoldStart", "1795280525.261720", ev.MusicBegan, ("1795280524.0",)),
    ("mix-22", "MusicOnHoldStop", "1795280242.478085", ev.MusicEnded, ("1795280240.4",)),
    ("mix-16", "MusicOnHoldStop", "1795280526.769850", ev.MusicEnded, ("1795280524.0",)),
    ("mix-22", "ParkedCall", "1795280257.345036", ev.Parked, ("1795280241.6",)),
    ("mix-16", "ParkedCall", "1795280575.265131", ev.Parked, ("1795280572.1013",)),
    ("mix-22", "ParkedCallGiveUp", "1795280280.595633", ev.ParkEnded, ("1795280253.65",)),
    ("mix-16", "ParkedCallGiveUp", "1795280580.475863", ev.ParkEnded, ("1795280566.902",)),
    ("mix-22", "ParkedCallTimeOut", "1795280262.346819", ev.ParkEnded, ("1795280241.6",)),
    ("mix-16", "ParkedCallTimeOut", "1795280580.265059", ev.ParkEnded, ("1795280572.1013",)),
    (
        "scenarios-22",
        "Newchannel",
        "1795276750.154936",
        ev.ChannelStarted,
        ("1795276750.0", "PJSIP/trunk-00000000", True, "0201000001", "1000", "from-trunk", "1795276750.0"),
    ),
    (
        "scenarios-16",
        "Newchannel",
        "1795277020.031843",
        ev.ChannelStarted,
        ("1795277020.0", "PJSIP/trunk-00000000", True, "0201000001", "1000", "from-trunk", "1795277020.0"),
    ),
    ("scenarios-22", "Newexten", "1795276750.156164", ev.QueueEntered, ("1795276750.0", "support,tT,,,60")),
    ("scenarios-16", "Newexten", "1795277020.032451", ev.QueueEntered, ("1795277020.0", "support,tT,,,60")),
    ("cases-22", "Pickup", "1795296041.113783", ev.PickedUp, ("1795296040.2", "1795296039.1")),
    ("cases-16", "Pickup", "1795296145.596020", ev.PickedUp, ("1795296145.5", "1795296144.3")),
    ("scenarios-22", "QueueCallerAbandon", "1795276865.901970", ev.CallerAbandoned, ("1795276860.20", "support", 5)),
    ("scenarios-16", "QueueCallerAbandon", "1795277135.778052", ev.CallerAbandoned, ("1795277130.188", "support", 5)),
    (
        "scenarios-22",
        "QueueCallerJoin",
        "1795276750.157064",
        ev.CallerJoined,
        ("1795276750.0", "PJSIP/trunk-00000000", "0201000001", "support", 1),
    ),
    (
        "scenarios-16",
        "QueueCallerJoin",
        "1795277020.032902",
        ev.CallerJoined,
        ("1795277020.0", "PJSIP/trunk-00000000", "0201000001", "support", 1),
    ),
    ("scenarios-22", "QueueCallerLeave", "1795276751.667621", ev.CallerLeft, ("1795276750.0", "support")),
    ("scenarios-16", "QueueCallerLeave", "1795277021.541606", ev.CallerLeft, ("1795277020.0", "support")),
    (
        "mix-22",
        "QueueEntry",
        "Uniqueid: 1795280353.363",
        ev.WaitingSeen,
        ("1795280353.363", "PJSIP/trunk-0000012d", "0601100158", "night", 1, 159),
    ),
    (
        "scenarios-22",
        "QueueMember",
        "Name: Gijs",
        ev.MemberSeen,
        ("billing", "Gijs", "Local/107@agents", "PJSIP/107", 1, False, "", 0, None, False, 0, 0, 1795276748),
    ),
    (
        "scenarios-16",
        "QueueMember",
        "Name: Gijs",
        ev.MemberSeen,
        ("billing", "Gijs", "Local/107@agents", "PJSIP/107", 1, False, "", 0, None, False, 0, 0, 1795277018),
    ),
    (
        "mix-16",
        "QueueMemberAdded",
        "1795280576.257864",
        ev.MemberSeen,
        ("care", "Dyn 122", "PJSIP/122", "PJSIP/122", 1, False, "", 0, False, False, 0, 0, 1795280576),
    ),
    (
        "scenarios-22",
        "QueueMemberPause",
        "1795276838.080911",
        ev.MemberSeen,
        ("support", "Anna", "PJSIP/101", "PJSIP/101", 1, True, "lunch", 0, False, False, 1795276799, 0, 1795276748),
    ),
    (
        "scenarios-16",
        "QueueMemberPause",
        "1795277107.959776",
        ev.MemberSeen,
        ("support", "Anna", "PJSIP/101", "PJSIP/101", 1, True, "lunch", 0, False, False, 1795277069, 0, 1795277018),
    ),
    (
        "scenarios-22",
        "QueueMemberStatus",
        "1795276750.161599",
        ev.MemberSeen,
        ("support", "Anna", "PJSIP/101", "PJSIP/101", 6, False, "", 0, False, False, 0, 0, 1795276748),
    ),
    (
        "scenarios-16",
        "QueueMemberStatus",
        "1795277020.035426",
        ev.MemberSeen,
        ("support", "Anna", "PJSIP/101", "PJSIP/101", 6, False, "", 0, False, False, 0, 0, 1795277018),
    ),
    ("scenarios-22", "QueueParams", "Queue: billing", ev.QueueSeen, ("billing",)),
    ("scenarios-16", "QueueParams", "Queue: billing", ev.QueueSeen, ("billing",)),
    ("scenarios-22", "QueueStatusComplete", "ListItems: ", ev.SnapshotEnded, ("queues",)),
    ("scenarios-16", "QueueStatusComplete", "ListItems: ", ev.SnapshotEnded, ("queues",)),
    ("scenarios-22", "SoftHangupRequest", "1795276763.680143", ev.HangupRequested, ("1795276750.0",)),
    ("scenarios-16", "SoftHangupRequest", "1795277033.552416", ev.HangupRequested, ("1795277020.0",)),
    ("scenarios-22", "Unhold", "1795276753.746803", ev.HoldEnded, ("1795276750.1",)),
    ("scenarios-16", "Unhold", "1795277023.621048", ev.HoldEnded, ("1795277020.3",)),
    ("scenarios-22", "VarSet", "1795277006.865055", ev.QueueStatusSet, ("1795276966.42", "TIMEOUT")),
    ("scenarios-16", "VarSet", "1795277276.680521", ev.QueueStatusSet, ("1795277236.353", "TIMEOUT")),
]


def _written(name: str, **headers: str) -> bytes:
    lines = [f"{header}: {value}" for header, value in headers.items()]
    return "\r\n".join([f"Event: {name}", "Privilege: agent,all", "Timestamp: 100.500000", *lines]).encode()


_MEMBER = {"Queue": "care", "MemberName": "Dyn 122", "Interface": "PJSIP/122", "StateInterface": "PJSIP/122"}

WRITTEN: list[tuple[bytes, Kind, tuple[object, ...]]] = [
    (
        _written("AgentDump", Uniqueid="1.1", DestUniqueid="1.2", Queue="q", Interface="PJSIP/101", MemberName="Anna"),
        ev.AgentDumped,
        ("1.1", "q"),
    ),
    (_written("UnParkedCall", ParkeeUniqueid="1.1", RetrieverUniqueid="1.9"), ev.ParkEnded, ("1.1",)),
    (_written("QueueMemberRemoved", **_MEMBER), ev.MemberRemoved, ("care", "PJSIP/122")),
    (
        _written("QueueMemberPenalty", **_MEMBER, Penalty="3", Status="2", Paused="0", InCall="1", Wrapuptime="20"),
        ev.MemberSeen,
        ("care", "Dyn 122", "PJSIP/122", "PJSIP/122", 2, False, "", 3, None, True, 0, 20, None),
    ),
    (
        _written("QueueMemberRinginuse", **_MEMBER, Ringinuse="1", Status="1", Paused="1", PausedReason="lunch"),
        ev.MemberSeen,
        ("care", "Dyn 122", "PJSIP/122", "PJSIP/122", 1, True, "lunch", 0, True, False, 0, 0, None),
    ),
    (_written("Shutdown", Shutdown="Cleanly", Restart="False"), ev.Shutdown, ()),
]
