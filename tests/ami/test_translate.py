"""Blocks become events: each function on a block of a real Asterisk, and everything that can be wrong with one."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.ami.framing import OVERSIZED, Framer
from ringwatch.ami.translate import TRANSLATIONS
from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from tests.ami.real_blocks import NO_TIME, REAL, WRITTEN, Kind, Row, block_of, event_of
from tests.tools import captures
from tests.tools.properties import PATIENT


def translate(*blocks: bytes, arrived_at: float | None = None) -> list[ev.Event]:
    """Translate blocks of a stream that has told the time before."""
    translator = Translator()
    translator.clock.last = NO_TIME
    return translator.feed(blocks, arrived_at)


def faults(events: Iterable[ev.Event]) -> list[str]:
    """Return the kinds of the faults among events."""
    return [event.kind for event in events if isinstance(event, ev.StreamFault)]


def without(block: bytes, name: bytes) -> bytes:
    """Take the headers of one name out of a block."""
    return b"\r\n".join(line for line in block.split(b"\r\n") if not line.startswith(name + b": "))


@pytest.mark.parametrize("row", REAL, ids=lambda row: f"{row[1]}-{row[0]}")
def test_real_block(row: Row) -> None:
    """A block of a real Asterisk becomes this event."""
    assert translate(block_of(row)) == [event_of(row)]


@pytest.mark.parametrize(("block", "kind", "fields"), WRITTEN)
def test_written_block(block: bytes, kind: Kind, fields: tuple[object, ...]) -> None:
    """A block as Asterisk's source writes it becomes this event."""
    assert translate(block) == [kind(100.5, *fields)]


def test_every_function_has_a_block() -> None:
    """No event name is translated without a block above that shows it, most of them from both versions."""
    real = {(capture[-2:], name.encode()) for capture, name, *_ in REAL}
    written = {block[7 : block.index(b"\r\n")] for block, *_ in WRITTEN}
    assert {name for _, name in real} | written == set(TRANSLATIONS)
    one_version_only = {name for _, name in real if ("22", name) not in real or ("16", name) not in real}
    assert one_version_only == {b"QueueEntry", b"QueueMemberAdded"}


@pytest.mark.parametrize("capture", captures.NAMES)
def test_begin_of_listings(capture: str) -> None:
    """The answers to QueueStatus and CoreShowChannels begin a listing; other answers say nothing."""
    banner, *others = captures.blocks(capture)
    answers = [block for block in others if block.startswith(b"Response: ")]
    began = [ev.SnapshotBegan(NO_TIME, "queues"), ev.SnapshotBegan(NO_TIME, "channels")]
    assert translate(banner, *answers) == began * 2
    assert len(answers) > 4


@pytest.mark.parametrize("capture", captures.NAMES)
def test_real_stream_has_no_fault(capture: str) -> None:
    """A whole real stream is translated without a single fault, and every event of it is counted by name."""
    translator = Translator()
    blocks = captures.blocks(capture)
    events = translator.feed(blocks)
    assert faults(events) == []
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert translator.counts.total() == sum(block.startswith(b"Event: ") for block in blocks)
    assert translator.counts[b"QueueCallerJoin"] == sum(isinstance(event, ev.CallerJoined) for event in events)
    assert not translator.timeless


@pytest.mark.parametrize("capture", ["scenarios-22", "scenarios-16"])
@pytest.mark.parametrize("cut", ["byte by byte", "at random"])
def test_cuts_do_not_matter(capture: str, cut: str) -> None:
    """A stream cut anywhere becomes the same events as fed whole."""
    data = captures.stream(capture)
    dice = random.Random(capture)  # noqa: S311 - a seed, so that a failure can be had again
    translator, framer = Translator(), Framer()
    events: list[ev.Event] = []
    place = 0
    while place < len(data):
        size = 1 if cut == "byte by byte" else dice.randrange(1, 3000)
        events += translator.feed(framer.feed(data[place : place + size]))
        place += size
    assert events == Translator().feed(Framer().feed(data))


# What an event cannot do without, by the events that say so.
NEEDED = {
    "AgentCalled": "Uniqueid DestUniqueid Queue Interface",
    "AgentConnect": "Uniqueid DestUniqueid Queue Interface",
    "AttendedTransfer": "OrigTransfererUniqueid",
    "BlindTransfer": "TransfererUniqueid",
    "BridgeEnter": "Uniqueid BridgeUniqueid",
    "BridgeLeave": "Uniqueid BridgeUniqueid",
    "CoreShowChannel": "Uniqueid",
    "DialBegin": "DestUniqueid DestChannel",
    "DialEnd": "DestUniqueid DialStatus",
    "DialState": "DestUniqueid",
    "Hangup": "Uniqueid",
    "HangupRequest": "Uniqueid",
    "Hold": "Uniqueid",
    "LocalBridge": "LocalOneUniqueid LocalTwoUniqueid",
    "Newchannel": "Uniqueid Channel",
    "Newexten": "Uniqueid",
    "QueueCallerAbandon": "Uniqueid Queue",
    "QueueCallerJoin": "Uniqueid Queue",
    "QueueCallerLeave": "Uniqueid Queue",
    "QueueEntry": "Uniqueid Queue",
    "QueueMember": "Queue Location",
    "QueueMemberStatus": "Queue Interface",
    "QueueParams": "Queue",
    "SoftHangupRequest": "Uniqueid",
    "Unhold": "Uniqueid",
    "VarSet": "Uniqueid",
}


@pytest.mark.parametrize(
    ("name", "missing"), [(name, header) for name, all_of in NEEDED.items() for header in all_of.split()]
)
def test_missing_header(name: str, missing: str) -> None:
    """A block without a header that its event cannot do without is malformed, and says what is missing."""
    block = block_of(next(row for row in REAL if row[1] == name))
    (fault,) = translate(without(block, missing.encode()))
    assert isinstance(fault, ev.StreamFault)
    assert fault.kind == "malformed"
    named = "Location" if missing == "Interface" and name.startswith("QueueMember") else missing
    assert fault.detail.startswith(f"no {named} in b'Event: {name}")


@pytest.mark.parametrize("block", [b"Event: AgentDump\r\nUniqueid: 1.1", b"Event: QueueMemberRemoved\r\nQueue: care"])
def test_missing_header_of_a_rare_event(block: bytes) -> None:
    """Events that no capture holds are malformed without their headers, too."""
    assert faults(translate(block)) == ["malformed"]


def test_optional_headers() -> None:
    """Headers that versions leave out are empty, None or nought, and names fall back on the interface."""
    assert translate(b"Event: Newchannel\r\nUniqueid: 1.1\r\nChannel: c") == [
        ev.ChannelStarted(NO_TIME, "1.1", "c", False, "", "", "")  # noqa: FBT003
    ]
    assert translate(b"Event: Hangup\r\nUniqueid: 1.1") == [ev.ChannelEnded(NO_TIME, "1.1", None)]
    assert translate(b"Event: QueueMember\r\nQueue: q\r\nLocation: Agent/1") == [
        ev.MemberSeen(NO_TIME, "q", "Agent/1", "Agent/1", "Agent/1", 0, False)  # noqa: FBT003
    ]
    assert translate(b"Event: AgentCalled\r\nUniqueid: 1.1\r\nDestUniqueid: 1.2\r\nQueue: q\r\nInterface: Agent/1") == [
        ev.AgentCalled(NO_TIME, "1.1", "1.2", "", "q", "Agent/1", "Agent/1")
    ]
    assert translate(b"Event: QueueEntry\r\nUniqueid: 1.1\r\nQueue: q") == [
        ev.WaitingSeen(NO_TIME, "1.1", "", "", "q", None, 0)
    ]


def test_dial_without_a_caller() -> None:
    """A dial that nobody is calling with, as Originate makes it, has an empty Uniqueid."""
    dial = b"Event: DialBegin\r\nDestUniqueid: 1.2\r\nDestChannel: PJSIP/101-1"
    assert translate(dial) == [ev.DialBegan(NO_TIME, "", "1.2", "PJSIP/101-1")]


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("0201000011@trunk", "0201000011"),
        ("+31201000011@trunk", "+31201000011"),
        ("trunk/0201000011", "0201000011"),
        ("g0/0201000011", "0201000011"),
        ("trunk/sip:+31-20-100.0011@10.0.0.1:5060", "+31-20-100.0011"),
        ("trunk/sip:0201000011;phone-context=nl@10.0.0.1", "0201000011"),
        ("user:secret@10.0.0.1/0201000011", "0201000011"),
        ("101", "101"),
        ("user:1234@10.0.0.1", ""),
        ("0201000011:1234@10.0.0.1", "0201000011"),
        ("trunk", ""),
        ("trunk-2", ""),
        ("2-trunk", ""),
        ("FMPR-127@follow-me/n", ""),
        ("", ""),
    ],
)
def test_what_was_dialled(dialled: str, number: str) -> None:
    """The number in what the dialplan gave Dial(), in the ways in which channel drivers write it; never a secret."""
    dial = f"Event: DialBegin\r\nDestUniqueid: 1.2\r\nDestChannel: c\r\nDialString: {dialled}".encode()
    assert translate(dial) == [ev.DialBegan(NO_TIME, "", "1.2", "c", number)]


@pytest.mark.parametrize("kind", ["App", "Fail"])
def test_attended_transfer_to_elsewhere(kind: str) -> None:
    """An attended transfer to an application names it; one that names nothing goes nowhere that is known. Pitfall 7."""
    block = f"Event: AttendedTransfer\r\nOrigTransfererUniqueid: 1.1\r\nResult: Fail\r\nDestType: {kind}"
    application = "\r\nDestApp: VoiceMail" if kind == "App" else ""
    expected = "VoiceMail" if kind == "App" else ""
    assert translate((block + application).encode()) == [
        ev.Transferred(NO_TIME, "1.1", "attended", expected, False)  # noqa: FBT003
    ]


def test_three_who_talk_are_no_transfer() -> None:
    """Pitfall 7, DestType Threeway: the agent has joined caller and consulted phone, and talks on."""
    block = b"Event: AttendedTransfer\r\nOrigTransfererUniqueid: 1.1\r\nResult: Success\r\nDestType: Threeway"
    assert translate(block) == []


@pytest.mark.parametrize(
    "block",
    [
        b"Event: VarSet\r\nUniqueid: 1.1\r\nVariable: RW_TAG\r\nValue: QUEUESTATUS",
        b"Event: Newexten\r\nUniqueid: 1.1\r\nApplication: Dial\r\nAppData: Queue",
        b"Event: DialState\r\nDestUniqueid: 1.2\r\nDialStatus: PROGRESS",
        b"Event: TestEvent\r\nType: StateChange",
    ],
)
def test_blocks_of_no_use(block: bytes) -> None:
    """What no rule needs is counted by its name and says nothing, not even when it is incomplete."""
    translator = Translator()
    assert translator.feed([block]) == []
    assert translator.counts.total() == 1
    assert not translator.timeless


def test_value_is_that_of_the_variable() -> None:
    """A channel variable that is called Value as well does not stand in for the variable's value."""
    block = b"Event: VarSet\r\nUniqueid: 1.1\r\nValue: no\r\nVariable: QUEUESTATUS\r\nValue: FULL\r\nValue: no"
    assert translate(block) == [ev.QueueStatusSet(NO_TIME, "1.1", "FULL")]


def test_oversized_mark() -> None:
    """The mark of a block that was too long becomes a fault, and the next block is translated."""
    events = translate(OVERSIZED, b"Event: Hold\r\nUniqueid: 1.1")
    assert faults(events) == ["oversized"]
    assert events[1:] == [ev.HoldBegan(NO_TIME, "1.1")]


@pytest.mark.parametrize("block", [b"garbage", b"Event:Hold\r\nUniqueid: 1.1", b"event: Hold", b"\x00\xff" * 40, b":"])
def test_what_is_no_message(block: bytes) -> None:
    """A block that is neither event nor answer is malformed, shown in one printable line."""
    (fault,) = translate(block)
    assert isinstance(fault, ev.StreamFault)
    assert fault.kind == "malformed"
    assert fault.detail.isprintable()


def test_bare_header() -> None:
    """A line without a colon is counted, and the event is used."""
    for block in (b"Event: Hold\r\nnonsense\r\nUniqueid: 1.1", b"Event: Hold\r\nUniqueid: 1.1\r\nnonsense"):
        events = translate(block)
        assert faults(events) == ["bare_header"]
        assert events[1:] == [ev.HoldBegan(NO_TIME, "1.1")]


def test_lines_that_are_no_bare_headers() -> None:
    """Headers without a value, and values with colons in them, are as they should be."""
    assert faults(translate(b"Event: Hold\r\nAccountCode: \r\nX:\r\nUniqueid: 1.1\r\nData: a: b")) == []


def test_invalid_utf8() -> None:
    """A caller's name in another encoding is counted, kept readable, and the event is used. Pitfall 18."""
    block = captures.find("scenarios-22", b"Event: QueueMember\r\n", b"Name: Gijs").replace(b"Gijs", b"G\xefjs")
    events = translate(block)
    assert faults(events) == ["invalid_utf8"]
    assert isinstance(events[1], ev.MemberSeen)
    assert events[1].agent == r"G\xefjs"


def test_the_reason_of_a_pause_that_is_over() -> None:
    """A reason that is still there when the pause is not says nothing."""
    block = b"Event: QueueMemberPause\r\nQueue: q\r\nInterface: Agent/1\r\nPaused: 0\r\nPausedReason: lunch"
    (event,) = translate(block)
    assert isinstance(event, ev.MemberSeen)
    assert (event.paused, event.reason) == (False, "")


def test_valid_utf8() -> None:
    """Text that is not ASCII is no fault when it is UTF-8."""
    (event,) = translate("Event: QueueMember\r\nQueue: Vertrieb Süd\r\nName: Jörg\r\nLocation: PJSIP/1".encode())
    assert isinstance(event, ev.MemberSeen)
    assert (event.queue, event.agent) == ("Vertrieb Süd", "Jörg")


def test_unknown_events_are_counted() -> None:
    """An event nobody knows is counted by its name, with or without headers."""
    translator = Translator()
    assert translator.feed([b"Event: Brandnew\r\nTimestamp: 5.0", b"Event: Brandnew", b"Event: "]) == []
    assert translator.counts == {b"Brandnew": 2, b"": 1}


def test_counted_names_are_bounded() -> None:
    """However many names are invented, at most 200 are kept, nothing is lost, and old names go on counting."""
    translator = Translator()
    for batch in range(30):
        translator.feed([f"Event: Invented{batch}-{number}".encode() for number in range(50)] + [b"Event: Invented0-0"])
        assert len(translator.counts) <= 200
    assert translator.counts.total() == 30 * 51
    assert translator.counts[b"Invented0-0"] == 31
    assert translator.counts[b"other"] == 30 * 50 - 199


def test_blocks_before_the_first_time() -> None:
    """What came before anything told the time gets the first time that is told, in order."""
    translator = Translator()
    early = [b"Event: QueueParams\r\nQueue: a", OVERSIZED, b"Event: QueueParams\r\nQueue: b"]
    assert translator.feed(early) == []
    assert translator.timeless
    events = translator.feed([b"Event: Hold\r\nTimestamp: 50.5\r\nUniqueid: 1.1"])
    assert events == [
        ev.QueueSeen(50.5, "a"),
        ev.StreamFault(50.5, "oversized", "a block over the limit was skipped"),
        ev.QueueSeen(50.5, "b"),
        ev.HoldBegan(50.5, "1.1"),
    ]
    assert not translator.timeless


def test_blocks_before_the_first_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that never tells the time does not fill the memory."""
    monkeypatch.setattr("ringwatch.ami.translator._MOST_UNTIMED", 3)
    translator = Translator()
    translator.feed([b"Event: QueueParams\r\nQueue: %d" % number for number in range(10)])
    events = translator.feed([b"Event: Hold\r\nTimestamp: 50.5\r\nUniqueid: 1.1"])
    assert [event.queue for event in events if isinstance(event, ev.QueueSeen)] == ["0", "1", "2"]


@pytest.mark.parametrize("value", [b"", b"yesterday", b"nan", b"inf"])
def test_timestamp_that_is_none(value: bytes) -> None:
    """A Timestamp that is no time is malformed; the event is used, at the time of the one before it."""
    events = translate(b"Event: Hold\r\nTimestamp: %b\r\nUniqueid: 1.1" % value)
    assert faults(events) == ["malformed"]
    assert events[1:] == [ev.HoldBegan(NO_TIME, "1.1")]


def test_timestamp_that_is_none_before_there_is_a_time() -> None:
    """A first Timestamp that is no time leaves its event waiting for one that is."""
    translator = Translator()
    assert faults(translator.feed([b"Event: Hold\r\nTimestamp: soon\r\nUniqueid: 1.1"])) == ["malformed"]
    assert translator.timeless
    events = translator.feed([b"Event: Unhold\r\nTimestamp: 50.5\r\nUniqueid: 1.1"])
    assert events == [ev.HoldBegan(50.5, "1.1"), ev.HoldEnded(50.5, "1.1")]


def test_timestamps_that_run_backwards() -> None:
    """An earlier Timestamp is counted with how far it lay behind, and its event has the later time. Pitfall 17."""
    events = translate(
        b"Event: Hold\r\nTimestamp: 100.5\r\nUniqueid: 1.1", b"Event: Unhold\r\nTimestamp: 99.0\r\nUniqueid: 1.1"
    )
    assert faults(events) == ["clock_regression"]
    assert isinstance(events[1], ev.StreamFault)
    assert events[1].detail.startswith("1.500000 s in b'Event: Unhold")
    assert events[2] == ev.HoldEnded(100.5, "1.1")


def test_arrival_of_a_recording() -> None:
    """A recording's Arrival is its event's time, and never counts as running backwards."""
    events = translate(
        b"Event: Hold\r\nArrival: 100.5000000\r\nUniqueid: 1.1", b"Event: Unhold\r\nArrival: 99.0\r\nUniqueid: 1.1"
    )
    assert events == [ev.HoldBegan(100.5, "1.1"), ev.HoldEnded(100.5, "1.1")]


def test_live_stream_without_timestamps() -> None:
    """Live events without Timestamps are timed by arrival, moved to the PBX's clock by the answer to a ping."""
    translator = Translator()
    assert translator.feed([b"Event: Hold\r\nPrivilege: call,all\r\nUniqueid: 1.1"], 1000.0) == []
    assert translator.feed([b"Response: Success\r\nPing: Pong\r\nTimestamp: 900.25"], 1000.25) == [
        ev.HoldBegan(900.25, "1.1"),
        ev.Answered(900.25),
    ]
    assert translator.feed([b"Event: Unhold\r\nPrivilege: call,all\r\nUniqueid: 1.1"], 1002.0) == [
        ev.HoldEnded(902.0, "1.1")
    ]


@PATIENT
@given(
    st.lists(
        st.tuples(
            st.sampled_from([block_of(row) for row in REAL]),
            st.lists(st.tuples(st.integers(0, 900), st.integers(0, 6), st.binary(max_size=6)), max_size=4),
        ),
        max_size=6,
    )
)
def test_translating_never_raises(
    given_blocks: list[tuple[bytes, list[tuple[int, int, bytes]]]],
) -> None:
    """Whatever is done to real blocks, they become events or faults of a known kind, in order of time."""
    translator = Translator()
    translator.clock.last = NO_TIME
    events: list[ev.Event] = []
    for whole, wounds in given_blocks:
        block = whole
        for place, size, graft in wounds:
            block = block[:place] + graft + block[place + size :]
        events += translator.feed([block])
    assert set(faults(events)) <= {"oversized", "malformed", "bare_header", "invalid_utf8", "clock_regression"}
    assert [event.at for event in events] == sorted(event.at for event in events)
