"""Recordings: whatever can be given as one, and what is written is what is read."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringwatch.ami.framing import OVERSIZED
from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.standards import Policy
from ringwatch.errors import CaptureError, CaptureWithoutTime
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Batch
from ringwatch.flow.pump import Pump
from ringwatch.sources.ami import AmiSource
from ringwatch.sources.capture import STANDARD_INPUT, CaptureSource, CaptureWriter
from tests.tools import captures
from tests.tools.listening import blocks_in, collect, detached_in, pbx
from tests.tools.replay_server import ReplayServer

STREAM = captures.stream("scenarios-22")
BLOCKS = captures.blocks("scenarios-22")
HOLD = b"Event: Hold\r\nPrivilege: call,all\r\nTimestamp: 100.500000\r\nUniqueid: 1.1"


async def batches(path: Path) -> list[Batch]:
    """Return everything a recording holds."""
    items = [item async for item in CaptureSource(path).items()]
    assert all(isinstance(item, Batch) for item in items)
    return [item for item in items if isinstance(item, Batch)]


async def blocks(path: Path) -> list[bytes]:
    """Return the blocks of a recording."""
    return blocks_in(await batches(path))


async def until_error(path: Path) -> tuple[list[bytes], CaptureError]:
    """Return the blocks before an error, and the error."""
    found: list[bytes] = []
    try:
        async for item in CaptureSource(path).items():
            found += blocks_in([item])
    except CaptureError as error:
        return found, error
    pytest.fail("it was read to its end")


def written(path: Path, data: bytes) -> Path:
    """Write a file."""
    path.write_bytes(data)
    return path


# -- reading


@pytest.mark.parametrize("name", ["stream.ami", "stream.ami.gz", "stream"])
@pytest.mark.parametrize("packed", [False, True])
async def test_plain_and_compressed(tmp_path: Path, name: str, *, packed: bool) -> None:
    """A recording is compressed or not by what it holds, whatever it is called."""
    path = written(tmp_path / name, gzip.compress(STREAM) if packed else STREAM)
    read = await batches(path)
    assert blocks_in(read) == list(BLOCKS)
    assert {batch.arrived_at for batch in read} == {None}
    assert sum(batch.size for batch in read) == len(STREAM)


@pytest.mark.parametrize("cuts", [(1,), (100_000, 400_000), (13, 14, 15, 700_000)])
async def test_several_members(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    """A compressed recording that was continued, wherever, is read as one."""
    places = [0, *cuts, len(STREAM)]
    members = [gzip.compress(STREAM[start:end]) for start, end in itertools.pairwise(places)]
    assert await blocks(written(tmp_path / "stream.ami.gz", b"".join(members))) == list(BLOCKS)


async def test_members_where_reading_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that end exactly where a read ends are read on."""
    members = [gzip.compress(STREAM[start : start + 1000], 0) for start in range(0, 100_000, 1000)]
    size = len(members[0])
    assert {len(member) for member in members} == {size}
    monkeypatch.setattr("ringwatch.sources.capture._READ_SIZE", size)
    path = written(tmp_path / "stream.ami.gz", members[0] + b"".join(members[1:]))
    assert await blocks(path) == [block for block in BLOCKS if STREAM.find(block) + len(block) + 4 <= 100_000][:1000]


@pytest.mark.parametrize("left", [20, 5000, -8, -1])
async def test_cut_off_compression(tmp_path: Path, left: int) -> None:
    """A compressed recording that was cut off gives what is before the cut, and says that it is cut off."""
    found, error = await until_error(written(tmp_path / "stream.ami.gz", gzip.compress(STREAM)[:left]))
    assert found == list(BLOCKS[: len(found)])
    assert (len(found) > 50) == (left != 20)
    assert "is cut off in its compression; what is before the cut has been read" in error.message
    assert error.remedy


async def test_cut_off_anywhere(tmp_path: Path) -> None:
    """A plain recording that was cut off in a block has the blocks before it."""
    whole = len(BLOCKS[0]) + 2 + sum(len(block) + 4 for block in BLOCKS[1:20])
    assert await blocks(written(tmp_path / "stream.ami", STREAM[: whole + 50])) == list(BLOCKS[:20])


async def test_begun_anywhere(tmp_path: Path) -> None:
    """A recording that begins in the midst of a stream, without a banner, is read from its first block on."""
    start = STREAM.index(b"Event: QueueCallerJoin")
    assert (await blocks(written(tmp_path / "stream.ami", STREAM[start:])))[0] == BLOCKS[
        BLOCKS.index(captures.find("scenarios-22", b"Event: QueueCallerJoin"))
    ]


async def test_damaged_compression(tmp_path: Path) -> None:
    """A compressed recording that is damaged, or followed by something else, is an error in one line."""
    packed = gzip.compress(STREAM)
    for data in (packed[:5000] + b"\x00" * 50 + packed[5050:], packed + b"something else", b"\x1f\x8bnonsense"):
        _, error = await until_error(written(tmp_path / "stream.ami.gz", data))
        assert error.message.startswith("cannot read ")
        assert str(error).isprintable()


async def test_what_packs_well_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A recording that packs a thousandfold is read in pieces as small as any other's."""
    repeated = (HOLD + b"\r\n\r\n") * 300_000
    read = await batches(written(tmp_path / "stream.ami.gz", gzip.compress(repeated)))
    assert sum(batch.size for batch in read) == len(repeated)
    assert max(batch.size for batch in read) <= 256 * 1024
    assert sum(len(batch.blocks) for batch in read) == 300_000


@pytest.mark.parametrize("packed", [False, True])
async def test_standard_input(monkeypatch: pytest.MonkeyPatch, *, packed: bool) -> None:
    """Standard input is read like a file, from a pipe as it comes, and left open."""
    reading, writing = os.pipe()
    data = gzip.compress(STREAM) if packed else STREAM

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data[:1])
            pipe.flush()
            pipe.write(data[1:])

    writer = threading.Thread(target=write)
    writer.start()
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert await blocks(STANDARD_INPUT) == list(BLOCKS)
        writer.join()
        assert not stdin.buffer.closed
        _, error = await until_error(STANDARD_INPUT)
        assert error.message == "standard input holds no AMI message"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"E",
        b"\r\n\r\n",
        gzip.compress(b""),
        b"Dear reader,\n\nthis is a text.\n\nYours\n",
        b"name,number\r\n\r\nAnna,101\r\n\r\n",
        b"x" * 300_000,
        b"\x00" * 300_000,
        b"Asterisk Call Manager/11.0.0\r\n",
        STREAM[:60],
    ],
    ids=["empty", "a byte", "blank", "empty gzip", "text", "table", "long", "noughts", "banner", "begun"],
)
async def test_what_is_no_recording(tmp_path: Path, data: bytes) -> None:
    """A file without a single AMI message is refused, with what to give instead."""
    path = written(tmp_path / "stream.ami", data)
    _, error = await until_error(path)
    assert error.message == f"{path} holds no AMI message"
    assert "ringwatch record" in (error.remedy or "")


async def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are refused in one line that says so."""
    assert (await until_error(tmp_path / "none"))[
        1
    ].message == f"cannot read {tmp_path / 'none'}: No such file or directory"
    assert (await until_error(tmp_path))[1].message == f"cannot read {tmp_path}: Is a directory"


async def test_recording_without_a_time(tmp_path: Path) -> None:
    """A recording that never tells the time is refused at its end, with the setting that mends it."""
    timeless = b"".join(line for line in STREAM.splitlines(keepends=True) if not line.startswith(b"Timestamp: "))
    source = CaptureSource(written(tmp_path / "stream.ami", timeless))
    pump = Pump(source, Engine("main", Policy()), Hub(), listen=lambda _pbx, _heard: None, lossless=True)
    with pytest.raises(CaptureWithoutTime) as caught:
        await pump.run()
    assert "timestampevents = yes" in (caught.value.remedy or "")
    assert pump.received_bytes == len(timeless)


# -- writing


@pytest.mark.parametrize("name", ["copy.ami", "copy.ami.gz"])
async def test_round_trip(tmp_path: Path, name: str) -> None:
    """What was read from a recording and written as one is read as the same blocks."""
    path = tmp_path / name
    writer = CaptureWriter(path)
    for batch in await batches(captures.path("scenarios-16")):
        writer.write(batch)
    writer.close()
    assert writer.blocks == len(captures.blocks("scenarios-16"))
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert await blocks(path) == list(captures.blocks("scenarios-16"))


async def test_round_trip_of_what_is_odd(tmp_path: Path) -> None:
    """Blocks that are odd are written as they are; what was too long to be kept is left out."""
    odd = [b"Event: Hold\r\nTimestamp: soon\r\nUniqueid: 1.1", b"nonsense", b"Event: X\r\n\xff\xfe: \x00", HOLD]
    writer = CaptureWriter(tmp_path / "stream.ami")
    writer.write(Batch([odd[0], OVERSIZED, *odd[1:]], 1.0, 1))
    writer.close()
    assert writer.blocks == 4
    assert await blocks(tmp_path / "stream.ami") == odd


@pytest.mark.parametrize("name", ["stream.ami", "stream.ami.gz"])
async def test_every_batch_reaches_the_file(tmp_path: Path, name: str) -> None:
    """What was written can be read before the file is finished, as after a crash."""
    writer = CaptureWriter(tmp_path / name)
    writer.write(Batch([HOLD], None, 1))
    writer.write(Batch([HOLD], None, 1))
    if name.endswith(".gz"):
        found, error = await until_error(tmp_path / name)
        assert "cut off" in error.message
    else:
        found = await blocks(tmp_path / name)
    writer.close()
    assert found == [HOLD, HOLD]


def test_disguise(tmp_path: Path) -> None:
    """Every block is disguised before it is written."""
    writer = CaptureWriter(tmp_path / "stream.ami", bytes.upper)
    writer.write(Batch([b"Event: a", b"Event: b"], None, 1))
    writer.close()
    assert (tmp_path / "stream.ami").read_bytes() == b"EVENT: A\r\n\r\nEVENT: B\r\n\r\n"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A place that cannot be written to is an error that names it."""
    for path, why in ((tmp_path / "none" / "stream.ami", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(CaptureError, match=f"^cannot write {path}: {why}"):
            CaptureWriter(path)
    with pytest.raises(CaptureError, match="cannot write"):
        CaptureWriter(tmp_path / "none" / "stream.ami.gz")


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    """An hour of a desk cannot be recorded again: an existing recording is an error; an empty one leaves no file."""
    kept = tmp_path / "stream.ami"
    kept.write_bytes(b"kept")
    with pytest.raises(CaptureError, match=f"^{kept} exists already$"):
        CaptureWriter(kept)
    assert kept.read_bytes() == b"kept"
    CaptureWriter(tmp_path / "empty.ami.gz").close()
    assert not (tmp_path / "empty.ami.gz").exists()


def test_full_disk(tmp_path: Path) -> None:
    """A disk that refuses is an error in one line, while writing and when the file is finished."""
    full = tmp_path / "stream.ami"
    full.symlink_to("/dev/full")
    writer = CaptureWriter(full)
    with pytest.raises(CaptureError, match=r"^cannot write the recording: No space left on device$"):
        writer.write(Batch([HOLD], None, 1))
    with pytest.raises(CaptureError, match=r"^cannot write the recording: No space left on device$"):
        writer.close()


# -- live, recorded, replayed


def live(name: str, *, stamped: bool) -> Iterator[Batch]:
    """Make the batches of a live stream out of a recording: read somewhat later, by a clock a minute ahead.

    Without Timestamps the time is told by the answer to a ping alone, as by a PBX that is not set up to stamp.
    """
    dice = random.Random(name)  # noqa: S311 - a seed, so that a failure can be had again
    yield Batch([b"Asterisk Call Manager/11.0.0", b"Event: FullyBooted\r\nPrivilege: system,all"], 1795270060.0, 80)
    pong = b"Response: Success\r\nActionID: ringwatch-3\r\nPing: Pong\r\nTimestamp: 1795270000.000000"
    yield Batch([pong], 1795270060.0, len(pong))
    waiting: list[bytes] = []
    now = 1795270060.0
    for block in captures.blocks(name)[1:]:
        lines = block.split(b"\r\n")
        for line in lines:
            if line.startswith(b"Timestamp: "):
                now = max(now, float(line[11:]) + 60.0 + dice.random() * 0.01)
        waiting.append(
            block if stamped else b"\r\n".join(each for each in lines if not each.startswith(b"Timestamp: "))
        )
        if dice.random() < 0.2:
            yield Batch(waiting, now, 1)
            waiting = []
    yield Batch(waiting, now, 1)


@pytest.mark.parametrize("stamped", [False, True])
@pytest.mark.parametrize("name", ["scenarios-22", "scenarios-16"])
async def test_replay_has_the_times_of_the_live_stream(tmp_path: Path, name: str, *, stamped: bool) -> None:
    """A live stream, with Timestamps or without, and its recording become the same events at the very same times."""
    translator, writer = Translator(), CaptureWriter(tmp_path / "stream.ami.gz")
    expected: list[ev.Event] = []
    for batch in live(name, stamped=stamped):
        expected += translator.feed(batch.blocks, batch.arrived_at)
        writer.write(batch)
    writer.close()
    replayed = Translator()
    events = [event for batch in await batches(tmp_path / "stream.ami.gz") for event in replayed.feed(batch.blocks)]
    assert events == expected
    assert replayed.counts == translator.counts
    assert len({event.at for event in events}) > 100


async def test_recording_of_a_live_source(tmp_path: Path) -> None:
    """What a live source delivers over two connections, one of them cut, is replayed as the same facts."""
    stream = STREAM.partition(b"\r\n")[2]
    cut = stream.index(b"Event: QueueCallerAbandon")
    async with ReplayServer(stream, cut_after=cut, clock=lambda: 1795276000.0) as server:
        items = await collect(AmiSource(pbx(server.port)), lambda items: len(detached_in(items)) == 2)
    heard = [item for item in items if isinstance(item, Batch)]
    writer = CaptureWriter(tmp_path / "stream.ami")
    for batch in heard:
        writer.write(batch)
    writer.close()
    facts = captures.facts(await batches(tmp_path / "stream.ami"))
    assert facts == captures.facts(heard)
    assert len(facts) > 10
