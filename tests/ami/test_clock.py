"""The PBX's time, as its stream tells it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.ami.clock import StreamClock, with_arrival
from tests.tools import captures
from tests.tools.properties import PATIENT

JOIN = captures.find("scenarios-22", b"Event: QueueCallerJoin\r\n", b"Timestamp: 1795276750.157064")
MEMBER = captures.find("scenarios-22", b"Event: QueueMember\r\n", b"Name: Gijs")
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1"
PONG = b"Response: Success\r\nActionID: ringwatch-3\r\nPing: Pong\r\nTimestamp: %.6f"


def event(at: float) -> bytes:
    """Make an event with a Timestamp."""
    return b"Event: X\r\nTimestamp: %.6f\r\nA: b" % at


def test_a_timestamp_is_the_time() -> None:
    """An event's time is its Timestamp, whatever the own clock says."""
    assert StreamClock().stamp(JOIN, None) == 1795276750.157064
    assert StreamClock().stamp(JOIN, 99.0) == 1795276750.157064


def test_nothing_has_told_the_time() -> None:
    """Before the first Timestamp there is no time, not even the own clock's."""
    clock = StreamClock()
    assert clock.stamp(MEMBER, 1000.0) is None
    assert clock.last is None
    assert clock.now(1000.0) == 1000.0


def test_a_recorded_block_without_a_time() -> None:
    """In a recording, a block without a Timestamp has the time of the one before it."""
    clock = StreamClock()
    clock.stamp(event(100.0), None)
    assert clock.stamp(MEMBER, None) == 100.0


def test_a_live_block_without_a_time() -> None:
    """Live, an event without a Timestamp has its time of arrival by the PBX's clock, as last compared."""
    clock = StreamClock()
    clock.stamp(event(100.0), 160.0)
    assert clock.ahead == 60.0
    assert clock.stamp(HANGUP, 163.5) == 103.5
    assert clock.now(165.0) == 105.0


def test_a_live_list_item() -> None:
    """Live, a list item has the time of what came before it, and pushes nothing forward that is under way."""
    clock = StreamClock()
    clock.stamp(event(100.0), 160.0)
    assert clock.stamp(MEMBER, 163.5) == 100.0
    assert clock.stamp(event(101.0), 163.5) == 101.0
    assert clock.regressed_by == 0.0


def test_the_answer_to_a_ping_tells_the_time() -> None:
    """The answer to a ping tells the time of a PBX that stamps no events."""
    clock = StreamClock()
    assert clock.stamp(PONG % 100.0, 160.0) == 100.0
    assert clock.stamp(HANGUP, 161.0) == 101.0


def test_time_that_runs_backwards() -> None:
    """An earlier Timestamp is raised to the last time, and how far it lay behind is told for that block alone."""
    clock = StreamClock()
    clock.stamp(event(100.0), None)
    assert clock.stamp(event(98.5), None) == 100.0
    assert clock.regressed_by == 1.5
    assert clock.stamp(event(99.0), None) == 100.0
    assert clock.regressed_by == 1.0
    clock.stamp(MEMBER, None)
    assert clock.regressed_by == 0.0


def test_an_answer_may_overtake_events() -> None:
    """An event written before a ping's answer and read behind it is no regression, though time stands still."""
    clock = StreamClock()
    clock.stamp(PONG % 100.0, 100.0)
    assert clock.stamp(event(99.9), 100.1) == 100.0
    assert clock.regressed_by == 0.0
    clock.stamp(PONG % 99.0, 100.2)
    assert clock.regressed_by == 0.0


def test_now_is_never_before_the_last_block() -> None:
    """The present is not before what has been read, even when the own clock was set back."""
    clock = StreamClock()
    clock.stamp(event(100.0), 100.0)
    assert clock.now(40.0) == 100.0


@pytest.mark.parametrize("value", [b"", b"soon", b"12:30", b"nan", b"inf", b"-inf", b"1e999", b"\xff", b"0x10"])
def test_a_timestamp_that_is_no_time(value: bytes) -> None:
    """A Timestamp that is no finite number is an error, and the clock goes on as if it had not been."""
    clock = StreamClock()
    clock.stamp(event(100.0), 100.0)
    with pytest.raises(ValueError, match=r".+"):
        clock.stamp(b"Event: X\r\nTimestamp: " + value, 500.0)
    assert (clock.last, clock.ahead, clock.regressed_by) == (100.0, 0.0, 0.0)
    assert clock.stamp(event(101.0), 101.0) == 101.0


def test_an_arrival_is_a_time_without_a_comparison() -> None:
    """The Arrival of a recording is the time of its block, and never a regression."""
    clock = StreamClock()
    assert clock.stamp(b"Event: X\r\nArrival: 100.5", None) == 100.5
    assert clock.stamp(b"Event: X\r\nArrival: 99.5", None) == 100.5
    assert clock.regressed_by == 0.0
    with pytest.raises(ValueError, match=r".+"):
        clock.stamp(b"Event: X\r\nArrival: later", None)


def test_a_timestamp_goes_before_an_arrival() -> None:
    """A block with both is timed by the PBX."""
    assert StreamClock().stamp(b"Event: X\r\nArrival: 99.5\r\nTimestamp: 100.5", None) == 100.5


def test_arrival_is_written_where_no_timestamp_is() -> None:
    """A recording's event gets an Arrival behind its first line, where the PBX gave it no Timestamp."""
    clock = StreamClock()
    clock.stamp(event(100.25), None)
    expected = b"Event: Hangup\r\nArrival: 100.2500000\r\nPrivilege: call,all\r\nUniqueid: 1.1"
    assert with_arrival(HANGUP, clock) == expected


@pytest.mark.parametrize(
    "block",
    [
        JOIN,
        MEMBER,
        PONG % 100.0,
        b"Event: X\r\nArrival: 5\r\nPrivilege: call,all",
        b"Response: Success\r\nPrivilege: call,all",
        b"Asterisk Call Manager/11.0.0",
        b"garbage",
    ],
)
def test_arrival_is_not_written_elsewhere(block: bytes) -> None:
    """Blocks with a time of their own, list items, answers, the banner, and what is no message stay as they are."""
    clock = StreamClock()
    clock.stamp(event(100.0), None)
    assert with_arrival(block, clock) == block


def test_arrival_is_not_written_before_there_is_a_time() -> None:
    """Before the first time there is nothing to write."""
    assert with_arrival(HANGUP, StreamClock()) == HANGUP


@PATIENT
@given(st.floats(min_value=1_000_000_000, max_value=9_999_999_999))
def test_arrival_gives_back_the_very_same_time(at: float) -> None:
    """A time written as Arrival is read as the same number, to the last bit."""
    clock = StreamClock()
    clock.last = at
    assert StreamClock().stamp(with_arrival(HANGUP, clock), None) == at


@PATIENT
@given(
    st.lists(st.tuples(st.sampled_from(["event", "pong", "hangup", "member"]), st.floats(0, 1e10), st.floats(0, 1e10)))
)
def test_time_never_runs_backwards(given_blocks: list[tuple[str, float, float]]) -> None:
    """Whatever the stamps and whatever the own clock does, no block is before the one ahead of it."""
    clock = StreamClock()
    times = []
    for kind, at, arrived_at in given_blocks:
        block = {"event": event(at), "pong": PONG % at, "hangup": HANGUP, "member": MEMBER}[kind]
        times.append(clock.stamp(block, arrived_at) or 0.0)
    assert times == sorted(times)
