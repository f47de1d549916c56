"""The framer: the same blocks however the bytes were cut, in bounded memory, whatever the bytes are."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringwatch.ami.framing import BANNER, DEFAULT_LIMIT, OVERSIZED, Framer
from tests.tools import captures
from tests.tools.properties import PATIENT

END = b"\r\n\r\n"
LIMIT = 64
MEGABYTE = 1024 * 1024

# What a stream is made of here: real blocks, everything that can stand around a cut, and what should not be there.
PIECES = st.one_of(
    st.sampled_from([b"\r\n", END, b"\r", b"\n", b"\n\r\n", b"\r\r\n\n", b":", b"\x00", b"\xff\xfe", b"Event: X"]),
    st.sampled_from([BANNER, BANNER[:9], BANNER + b"11.0.0\r\n", BANNER + b"x" * LIMIT]),
    st.sampled_from([block[:LIMIT] for block in captures.blocks("scenarios-22")[:40]]).map(lambda block: block + END),
    st.integers(LIMIT - 3, LIMIT + 8).map(lambda size: b"B" * size),
    st.binary(max_size=12),
)
STREAMS = st.lists(PIECES, max_size=14).map(b"".join)


def fed(chunks: Iterable[bytes], limit: int = DEFAULT_LIMIT) -> tuple[list[bytes], bytes]:
    """Feed a framer, and return its blocks and what is still pending."""
    framer = Framer(limit)
    blocks = [block for chunk in chunks for block in framer.feed(chunk)]
    return blocks, framer.pending


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut bytes at these places; a place may repeat, which gives an empty piece."""
    places = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


def byte_by_byte(data: bytes) -> list[bytes]:
    """Cut bytes everywhere."""
    return [data[place : place + 1] for place in range(len(data))]


@PATIENT
@given(STREAMS, st.data())
@example(BANNER + b"x" * (LIMIT - len(BANNER)) + b"\r\nEvent: X\r\n\r\n", None)
@example(b"B" * (LIMIT + 4) + END + b"Event: X" + END, None)
@example(b"B" * (LIMIT + 1) + b"\r\n\r" + b"\r\n\r\n" + b"Event: X" + END, None)
@example(b"\n" * (LIMIT + 9) + END + b"\r\n\r\n\r\nEvent: X" + END, None)
def test_cuts_do_not_matter(data: bytes, choice: st.DataObject | None) -> None:
    """A stream with garbage, blank lines, oversized blocks and lone line ends gives the same blocks cut anywhere."""
    whole = fed([data], LIMIT)
    assert fed(byte_by_byte(data), LIMIT) == whole
    cuts = choice.draw(st.lists(st.integers(0, len(data)), max_size=8)) if choice else range(0, len(data), 3)
    assert fed(pieces(data, cuts), LIMIT) == whole


@PATIENT
@given(STREAMS)
def test_blocks_are_what_stands_between_empty_lines(data: bytes) -> None:
    """Blocks are the parts between empty lines without their leading line ends, over-long ones being marked."""
    if data.startswith(BANNER) or BANNER.startswith(data[: len(BANNER)]):
        data = b"Event: First\r\n\r\n" + data
    *parts, rest = data.split(END)
    expected = [OVERSIZED if len(part) > LIMIT else part.lstrip(b"\r\n") for part in parts]
    kept = [block for block, part in zip(expected, parts, strict=True) if block or len(part) > LIMIT]
    if len(rest) > LIMIT + len(END):
        kept.append(OVERSIZED)
    assert fed([data], LIMIT)[0] == kept


@pytest.mark.parametrize("name", captures.NAMES)
def test_capture_whole_and_cut_at_random(name: str) -> None:
    """A real stream gives exactly its blocks, fed whole and cut at random."""
    data, expected = captures.stream(name), list(captures.blocks(name))
    assert fed([data]) == (expected, b"")
    dice = random.Random(name)  # noqa: S311 - a seed, so that a failure can be had again
    cuts = [dice.randrange(len(data)) for _ in range(5000)]
    assert fed(pieces(data, cuts)) == (expected, b"")


@pytest.mark.parametrize("name", ["scenarios-22", "scenarios-16"])
def test_capture_byte_by_byte(name: str) -> None:
    """A real stream gives exactly its blocks, fed byte by byte."""
    assert fed(byte_by_byte(captures.stream(name))) == (list(captures.blocks(name)), b"")


@pytest.mark.parametrize("extra", [0, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("byte_wise", [False, True])
def test_limit_is_exact(extra: int, *, byte_wise: bool) -> None:
    """A block of exactly the limit is kept, one of a byte more is replaced by the mark, and the next one is kept."""
    block = b"E" * (LIMIT + extra)
    data = block + END + b"Event: Next" + END
    blocks, pending = fed(byte_by_byte(data) if byte_wise else [data], LIMIT)
    assert blocks == [block if extra == 0 else OVERSIZED, b"Event: Next"]
    assert pending == b""


def test_ten_megabytes_without_a_line_end() -> None:
    """Ten megabytes without a line end are counted once, never held, and the stream goes on behind their end."""
    framer = Framer()
    blocks = framer.feed(BANNER + b"11.0.0\r\nEvent: Before\r\n\r\nEvent: ")
    for _ in range(160):
        blocks += framer.feed(b"x" * (64 * 1024))
        assert len(framer.pending) <= DEFAULT_LIMIT + len(END)
    blocks += framer.feed(b"\r\n\r")
    blocks += framer.feed(b"\nEvent: After\r\n\r\n")
    assert blocks == [BANNER + b"11.0.0", b"Event: Before", OVERSIZED, b"Event: After"]
    assert framer.pending == b""


def test_ten_megabytes_at_once() -> None:
    """Ten megabytes without an end that arrive in one piece are not kept either."""
    framer = Framer()
    assert framer.feed(b"x" * (10 * MEGABYTE)) == [OVERSIZED]
    assert len(framer.pending) <= len(END)
    assert framer.feed(END + b"Event: After" + END) == [b"Event: After"]


def test_many_oversized_blocks_in_one_piece() -> None:
    """Each over-long block of a piece is counted by itself, and the good ones between them are kept."""
    long = b"x" * (LIMIT + 50)
    data = long + END + b"Event: A" + END + long + END + long + END + b"Event: B" + END
    assert fed([data], LIMIT)[0] == [OVERSIZED, b"Event: A", OVERSIZED, OVERSIZED, b"Event: B"]


def test_only_the_first_line_is_a_banner() -> None:
    """A banner is a block of its own at the start of a stream, and the start of a block everywhere else."""
    first, later = BANNER + b"5.0.7", BANNER + b"11.0.0\r\nEvent: Y"
    assert fed([first + b"\r\nEvent: X" + END + later + END])[0] == [first, b"Event: X", later]


def test_stream_may_begin_anywhere() -> None:
    """A stream without a banner loses nothing, even when it begins like one."""
    assert fed(byte_by_byte(b"Asterisk: 1\r\nX: y" + END))[0] == [b"Asterisk: 1\r\nX: y"]
    assert fed([b"Uniqueid: 12\r\nX: y" + END])[0] == [b"Uniqueid: 12\r\nX: y"]


def test_banner_without_an_end_is_not_held() -> None:
    """A banner that never ends is given up as a block that is too long."""
    framer = Framer(LIMIT)
    blocks = [block for _ in range(40) for block in framer.feed(BANNER)]
    assert blocks == [OVERSIZED]
    assert len(framer.pending) <= len(END)
    assert framer.feed(END + b"Event: X" + END) == [b"Event: X"]


def test_pending_is_the_block_that_has_begun() -> None:
    """What has arrived of an unfinished block can be looked at, and an empty piece changes nothing."""
    framer = Framer()
    assert framer.feed(b"Event: A\r\n\r\nEvent: ") == [b"Event: A"]
    assert framer.feed(b"") == []
    assert framer.pending == b"Event: "
