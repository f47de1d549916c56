"""The facts file: a line for each fact, at once, and honest when the disk is full."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ringwatch.core.facts import Record, to_json
from ringwatch.errors import RingwatchError
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.facts_file import FactsFile
from tests.waiting import until

from .samples import CALL, EVERY_KIND, HOLD, OFFERED, READING, VISIT, numbered

FULL = Path("/dev/full")


class Writing:
    """A facts file at work, and what it said was lost."""

    def __init__(self, sink: FactsFile) -> None:
        self.sink = sink
        self.inbox = Inbox(sink.name)
        self.told: list[tuple[str, int]] = []

    async def write(self, *records: Record) -> None:
        """Have records written."""
        self.inbox.put(list(records))
        await asyncio.wait_for(self.inbox.wait_idle(), 10)


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[Writing]:
    """Let a facts file run as the daemon does, until the block ends."""
    told: list[tuple[str, int]] = []
    work = Writing(FactsFile(path, lambda message, count: told.append((message, count))))
    work.told = told
    running = asyncio.create_task(work.sink.run(work.inbox))
    try:
        yield work
    finally:
        work.inbox.close()
        await asyncio.wait_for(running, 10)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, which is what a full disk looks like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def read(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines, as somebody else would."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def size_of(records: Sequence[Any]) -> int:
    """Return the room that facts take."""
    return sum(len(to_json(record)) + 1 for record in records)


async def test_every_fact_is_a_json_object_on_a_line_of_its_own(tmp_path: Path) -> None:
    """In the order in which they happened, with the type first; readings are not facts."""
    path = tmp_path / "facts.jsonl"
    async with writing(path) as work:
        await work.write(*EVERY_KIND)
    types = [line["type"] for line in read(path)]
    assert types == [
        *("ring_attempt", "leg", "hold", "crossing", "transfer", "queue_visit", "call"),
        *("callback", "wrap_up", "agent_state", "stretch", "membership", "gap", "alert", "anomaly"),
    ]
    assert all(line.startswith('{"type":"') for line in path.read_text().splitlines())
    assert path.read_bytes().endswith(b"\n")


async def test_readings_are_not_written(tmp_path: Path) -> None:
    """They say how things stand, and the next one says it again."""
    path = tmp_path / "facts.jsonl"
    async with writing(path) as work:
        await work.write(OFFERED, READING)
    assert path.read_bytes() == b""


async def test_what_happened_can_be_read_at_once(tmp_path: Path) -> None:
    """Another program follows the file; nothing waits in a buffer for more to come."""
    path = tmp_path / "facts.jsonl"
    async with writing(path) as work:
        await work.write(VISIT)
        assert [line["type"] for line in read(path)] == ["queue_visit"]
        await work.write(CALL)
        assert [line["type"] for line in read(path)] == ["queue_visit", "call"]


async def test_text_and_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    """Any name, times to the microsecond, and nothing where there is nothing."""
    path = tmp_path / "facts.jsonl"
    names = ["Chloé Müller", "Дарья", 'a "quote" \\ and\nlines', "☎"]
    async with writing(path) as work:
        await work.write(*(numbered(HOLD, number, agent=name) for number, name in enumerate(names)))
        await work.write(numbered(VISIT, 1, joined_at=1795276750.158123, agent=None))
    lines = read(path)
    assert [line["agent"] for line in lines[:-1]] == names
    assert lines[-1]["joined_at"] == 1795276750.158123
    assert lines[-1]["agent"] is None


async def test_an_existing_file_is_continued(tmp_path: Path) -> None:
    """A restart loses no history."""
    path = tmp_path / "facts.jsonl"
    for record in (VISIT, CALL):
        async with writing(path) as work:
            await work.write(record)
    assert [line["type"] for line in read(path)] == ["queue_visit", "call"]


async def test_a_line_that_was_cut_off_is_not_continued(tmp_path: Path) -> None:
    """After a power failure in mid-line the next fact begins a line of its own."""
    path = tmp_path / "facts.jsonl"
    whole = to_json(CALL)
    path.write_bytes(whole + b"\n" + whole[:40])
    async with writing(path) as work:
        await work.write(VISIT)
        await work.write(HOLD)
    lines = path.read_bytes().splitlines()
    assert lines == [whole, whole[:40], to_json(VISIT), to_json(HOLD)]


async def test_to_append_one_need_not_be_allowed_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How an existing file ends is looked at only where that is permitted."""
    path = tmp_path / "facts.jsonl"
    path.write_bytes(to_json(CALL) + b"\n")
    opened = Path.open

    def write_only(self: Path, mode: str = "r", **options: Any) -> Any:
        if mode == "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(self, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", write_only)
        async with writing(path) as work:
            await work.write(VISIT)
    assert path.read_bytes().splitlines() == [to_json(CALL), to_json(VISIT)]


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """Before anything else is begun, with what to do about it."""
    for path in (tmp_path / "nowhere" / "facts.jsonl", tmp_path):
        with pytest.raises(RingwatchError) as caught:
            FactsFile(path)
        assert caught.value.message.startswith(f"cannot write facts to {path}: ")
        assert caught.value.remedy


async def test_a_disk_that_is_full_from_the_start_is_told_and_survived() -> None:
    """The daemon goes on without the file, and the count is a total, for not every message is logged."""
    async with writing(FULL) as work:
        await work.write(VISIT, CALL, READING)
        await work.write(HOLD)
    assert work.told == [
        ("cannot write facts to /dev/full: No space left on device", 2),
        ("cannot write facts to /dev/full: No space left on device", 3),
    ]


async def test_without_anybody_to_tell_a_full_disk_is_an_error() -> None:
    """A replay has no use for half a file."""
    sink = FactsFile(FULL)
    inbox = Inbox(sink.name)
    inbox.put([VISIT])
    with pytest.raises(RingwatchError, match="No space left on device"):
        await sink.run(inbox)


@pytest.mark.parametrize("missing", [1, 20, 300, 1000, 1500])
async def test_a_disk_that_fills_up_loses_only_what_is_said(tmp_path: Path, missing: int) -> None:
    """What is in the file and what was told as lost is everything, be the disk full within a line or between two."""
    path = tmp_path / "facts.jsonl"
    before = [numbered(VISIT, number) for number in range(3)]
    during = [numbered(CALL, number) for number in range(4)]
    after = [numbered(HOLD, number) for number in range(2)]
    async with writing(path) as work:
        await work.write(*before)
        with room_for(size_of(before) + size_of(during) - missing):
            await work.write(*during)
        lost = work.sink.lost
        await work.write(*after)
    lines = path.read_bytes().splitlines()
    whole = [line for line in lines if line.endswith(b"}")]
    assert whole == [to_json(each) for each in (*before, *during[: len(during) - lost], *after)]
    assert len(lines) - len(whole) <= 1
    assert work.told == [(f"cannot write facts to {path}: File too large", lost)]
    assert lost == -(-(missing - 1) // (size_of(during) // len(during)))


async def test_a_disk_that_is_full_for_long_leaves_no_mess(tmp_path: Path) -> None:
    """However often it is tried in vain, the file holds whole lines, one torn line at most, and no empty ones."""
    path = tmp_path / "facts.jsonl"
    async with writing(path) as work:
        await work.write(VISIT)
        with room_for(size_of([VISIT]) + 100):
            for number in range(5):
                await work.write(numbered(CALL, number), numbered(HOLD, number))
        await work.write(HOLD)
    assert path.read_bytes().splitlines() == [to_json(VISIT), to_json(numbered(CALL, 0))[:100], to_json(HOLD)]
    assert [count for _, count in work.told] == [2, 4, 6, 8, 10]


async def test_a_full_disk_between_two_lines_leaves_no_empty_line(tmp_path: Path) -> None:
    """Nothing was torn, so nothing is to be mended."""
    path = tmp_path / "facts.jsonl"
    async with writing(path) as work:
        await work.write(VISIT)
        with room_for(size_of([VISIT])):
            await work.write(CALL)
        await work.write(HOLD)
    assert path.read_bytes().splitlines() == [to_json(VISIT), to_json(HOLD)]
    assert work.sink.lost == 1


async def test_facts_are_written_when_every_thread_that_is_shared_waits(tmp_path: Path) -> None:
    """For a server's name that nobody resolves, say."""
    path, go_on = tmp_path / "facts.jsonl", threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    waits = loop.run_in_executor(None, go_on.wait)
    try:
        async with writing(path) as work:
            work.inbox.put([VISIT])
            await until(lambda: path.read_bytes().endswith(b"\n"), "the fact")
            assert not waits.done()
    finally:
        go_on.set()
        await waits


async def test_a_slow_disk_holds_up_nobody(tmp_path: Path) -> None:
    """Writing is done beside the loop: a pipe that nobody reads stops the sink, not the daemon."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with writing(path) as work:
            work.inbox.put([numbered(VISIT, number) for number in range(1000)])
            turns = 0
            for _ in range(100):
                await asyncio.sleep(0.001)
                turns += 1
            assert turns == 100
            received = bytearray()

            def receive() -> bool:
                with suppress(BlockingIOError):
                    received.extend(os.read(reader, 1 << 20))
                return received.count(b"\n") == 1000

            await until(receive, "all facts to come through the pipe")
    finally:
        os.close(reader)
    assert [json.loads(line)["call_id"] for line in received.splitlines()] == [f"{n}.0" for n in range(1000)]
