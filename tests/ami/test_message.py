"""Headers read out of blocks, and actions built as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.ami.message import MissingHeaderError, build, flag, header, need, number, text
from tests.tools import captures
from tests.tools.properties import PATIENT

JOIN = captures.find("scenarios-22", b"Event: QueueCallerJoin\r\n", b"Timestamp: 1795276750.157064")


def test_header_of_a_real_block() -> None:
    """A header is found by its whole name, in the middle of a block and at its end."""
    assert header(JOIN, b"\r\nUniqueid: ") == b"1795276750.0"
    assert header(JOIN, b"\r\nPosition: ") == b"1"
    last = JOIN.rpartition(b"\r\n")[2]
    name, _, value = last.partition(b": ")
    assert header(JOIN, b"\r\n" + name + b": ") == value


def test_header_that_is_absent() -> None:
    """A header that is not there is None, even when another one ends like it or has it as its value."""
    block = b"Event: X\r\nDestUniqueid: 1\r\nData: Uniqueid: 2\r\nuniqueid: 3"
    assert header(block, b"\r\nUniqueid: ") is None
    assert text(block, b"\r\nUniqueid: ") == ""


def test_first_of_several_headers() -> None:
    """Of headers that repeat, as ChanVariable does, the first is given."""
    assert header(b"Event: X\r\nChanVariable: A=1\r\nChanVariable: B=2", b"\r\nChanVariable: ") == b"A=1"


def test_text_that_is_not_utf8() -> None:
    """Bytes that are not UTF-8 stay readable, and text that is UTF-8 stays as it is."""
    block = b"Event: X\r\nBad: J\xf6rg\r\nGood: " + "Jörg".encode()
    assert text(block, b"\r\nBad: ") == r"J\xf6rg"
    assert need(block, b"\r\nBad: ") == r"J\xf6rg"
    assert text(block, b"\r\nGood: ") == "Jörg"


@pytest.mark.parametrize("block", [b"Event: X", b"Event: X\r\nUniqueid: ", b"Event: X\r\nUniqueid: \r\nChannel: c"])
def test_header_that_is_needed(block: bytes) -> None:
    """A needed header that is absent or empty is an error that names it."""
    with pytest.raises(MissingHeaderError, match=r"^Uniqueid$"):
        need(block, b"\r\nUniqueid: ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"16", 16), (b"-1", -1), (b"", None), (b"NaN", None), (b"1.5", None), (b"9" * 5000, None), (b"\xff", None)],
)
def test_number(value: bytes, expected: int | None) -> None:
    """A whole number is read as one, and anything else is None."""
    assert number(b"Event: X\r\nCause: " + value, b"\r\nCause: ") == expected


def test_number_that_is_absent() -> None:
    """A number that is not there is None."""
    assert number(b"Event: X", b"\r\nCause: ") is None


@pytest.mark.parametrize(("block", "expected"), [(b"A\r\nB: 1", True), (b"A\r\nB: 0", False), (b"A", None)])
def test_flag(block: bytes, expected: bool | None) -> None:  # noqa: FBT001
    """1 is yes and anything else no; what is not said is neither."""
    assert flag(block, b"\r\nB: ") is expected


def test_build() -> None:
    """An action is its headers in order and an empty line."""
    assert build([("Action", "Ping"), ("ActionID", "ringwatch-1")]) == b"Action: Ping\r\nActionID: ringwatch-1\r\n\r\n"


@PATIENT
@given(st.text(max_size=8), st.sampled_from(["\r", "\n", "\r\n"]), st.text(max_size=8))
def test_build_refuses_line_ends(before: str, end: str, after: str) -> None:
    """A value with a line end, which could smuggle in another action, is refused by name."""
    with pytest.raises(ValueError, match="the value of Username holds a line end"):
        build([("Action", "Login"), ("Username", before + end + after)])
