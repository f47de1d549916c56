"""The source over pyst2: why pyst2 alone will not do, and that with ringwatch's care it delivers the same."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asterisk.manager import Event, Manager

from ringwatch.flow.ports import Attached, Batch, Detached, Item
from ringwatch.sources import pyst2
from ringwatch.sources.ami import AmiSource
from ringwatch.sources.pyst2 import Pyst2Source
from tests.tools import captures
from tests.tools.listening import blocks_in, collect, detached_in, eventually, pbx
from tests.tools.replay_server import ReplayServer

END = b"\r\n\r\n"
LAST = b"Event: Hold\r\nPrivilege: call,all\r\nUniqueid: last"


def served(name: str) -> bytes:
    """Return a recorded stream without its banner, as a server sends it."""
    return captures.stream(name).partition(b"\r\n")[2]


def before(name: str) -> float:
    """Return a time before everything in a recording."""
    return {"scenarios-22": 1795276000.0, "scenarios-16": 1795277000.0}[name]


async def heard(source: AmiSource | Pyst2Source) -> list[Item]:
    """Return everything that a source tells of its first connection."""
    return await collect(source, lambda items: isinstance(items[-1], Detached))


def batches(items: list[Item]) -> list[Batch]:
    """Return the batches among items."""
    return [item for item in items if isinstance(item, Batch)]


async def test_bare_pyst2_freezes(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyst2 alone delivers one event of a real stream, dies at the first ChanVariable, and says it is connected."""
    died: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    delivered: list[str] = []

    def deliver(event: Event, _manager: Manager) -> None:
        delivered.append(event.name)

    def attach(manager: Manager, port: int) -> None:
        manager.register_event("*", deliver)
        manager.connect("127.0.0.1", port)
        manager.login("ringwatch", "secret")

    blocks = captures.blocks("scenarios-22")
    start = next(place for place, block in enumerate(blocks) if block.startswith(b"Event: Newchannel"))
    assert b"\r\nChanVariable: " in blocks[start]
    stream = END.join([*blocks[start:], b""])
    assert stream.count(b"Event: ") > 1700
    async with ReplayServer(stream, starts_at="Login") as server:
        manager = Manager()
        await asyncio.to_thread(attach, manager, server.port)
        # pyst2 goes on reading, and hands on nothing of what it reads.
        await eventually(lambda: manager._message_queue.qsize() > 500)
        frozen = manager.message_thread
        await asyncio.to_thread(frozen.join, 0.3)
        assert frozen.is_alive()
        assert delivered == ["FullyBooted"]
        assert manager.connected()
    await asyncio.to_thread(frozen.join, 10)
    assert [(args.exc_type, str(args.exc_value)) for args in died] == [
        (AttributeError, "'dict' object has no attribute 'has_key'")
    ]
    # Its own close would wait for ever; this is all that is left to end.
    manager._running.clear()
    manager._event_queue.put(None)


@pytest.mark.parametrize("name", ["scenarios-22", "scenarios-16"])
async def test_same_as_the_default_source(name: str) -> None:
    """Of one stream, both sources deliver exactly the same blocks, and the same facts follow from them."""
    async with ReplayServer(served(name), then="close", clock=lambda: before(name)) as server:
        one, other = await asyncio.gather(heard(AmiSource(pbx(server.port))), heard(Pyst2Source(pbx(server.port))))
    streamed = list(captures.blocks(name)[1:])
    assert blocks_in(one)[-len(streamed) :] == streamed
    assert blocks_in(other)[-len(streamed) :] == streamed
    facts = captures.facts(batches(one))
    assert len(facts) > 40
    assert facts == captures.facts(batches(other))
    assert facts == captures.facts_of(captures.blocks(name))


async def test_bytes_that_are_no_utf8() -> None:
    """What pyst2 swallows is the bytes that are not UTF-8, and nothing else."""
    blocks = [
        b"Event: Hold\r\nUniqueid: 1.1\r\nName: J\xf6rg \xff\xfe",
        b"Event: Hold\r\nUniqueid: 1.2\r\nName: " + "Jörg".encode(),
        LAST,
    ]
    async with ReplayServer(END.join([*blocks, b""]), then="close") as server:
        items = await heard(Pyst2Source(pbx(server.port)))
    assert blocks_in(items)[-3:] == [b"Event: Hold\r\nUniqueid: 1.1\r\nName: Jrg ", *blocks[1:]]


async def test_listing_in_one_piece() -> None:
    """pyst2 glues everything from 'Queue status will follow' to the listing's end; the blocks come apart again."""
    blocks = [
        b"Response: Success\r\nActionID: x\r\nMessage: Queue status will follow",
        b"Event: QueueParams\r\nQueue: a",
        b"Event: Hold\r\nPrivilege: call,all\r\nUniqueid: 1.1",
        b"Event: QueueStatusComplete\r\nEventList: Complete",
        LAST,
    ]
    async with ReplayServer(END.join([*blocks, b""]), then="close") as server:
        items = await heard(Pyst2Source(pbx(server.port)))
    assert [batch.blocks for batch in batches(items)][-2:] == [blocks[:-1], [LAST]]


async def test_what_a_stream_may_hold() -> None:
    """Bare lines, unknown events, blank lines and what is no message at all are given on as they are."""
    blocks = [
        b"Event: Hold\r\nnonsense\r\nUniqueid: 1.1",
        b"Event: Brandnew\r\nChanVariable: A=1\r\nChanVariable(Local/1;1): B=2\r\nDestChanVariable: C",
        b"neither: this\r\nnor: that",
        b"ActionID: of nobody",
        b"no header at all",
        LAST,
    ]
    stream = END.join([*blocks[:2], b"\r\n\r\n" + blocks[2], *blocks[3:], b""])
    async with ReplayServer(stream, then="close") as server:
        items = await heard(Pyst2Source(pbx(server.port)))
    assert blocks_in(items)[-6:] == blocks
    assert detached_in(items)[0].why == f"127.0.0.1:{server.port} closed the connection"


async def test_blocks_of_one_that_stays_attached() -> None:
    """Pings go on behind a real stream, answers of the stream's own do not confuse them."""
    stream = END.join([*captures.blocks("scenarios-16")[1:200], b""])
    async with ReplayServer(stream) as server:
        source = Pyst2Source(pbx(server.port, ping_seconds=0.05))
        items = await collect(source, lambda _items: server.asked("Ping") > 8)
        assert not detached_in(items)
        assert any(isinstance(item, Attached) for item in items)
        await eventually(lambda: server.open_connections == 0)


async def test_connection_that_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that comes about after it was given up is left at once, and leaves no thread behind."""
    late = threading.Event()
    connect = pyst2._Manager.connect

    def connect_late(manager: pyst2._Manager, host: str, port: int) -> Any:
        assert late.wait(30)
        return connect(manager, host, port)

    monkeypatch.setattr(pyst2._Manager, "connect", connect_late)
    async with ReplayServer(served("scenarios-22")) as server:
        config = pbx(server.port, connect_timeout=0.1, login_timeout=0.1)
        items = await collect(Pyst2Source(config), lambda items: len(items) == 2)
        assert [item.why for item in detached_in(items)] == [f"127.0.0.1:{server.port} has been silent for 0.2 s"] * 2
        late.set()
        await eventually(lambda: server.connections == 2)
        await eventually(lambda: server.open_connections == 0)


# pyst2 leaves the socket of a failed attempt to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
async def test_host_that_cannot_be() -> None:
    """A host name that can be none is a failed connection, not a crash."""
    items = await heard(Pyst2Source(pbx(5038, host="a..b")))
    assert detached_in(items)[0].why.startswith("no connection to a..b:5038: ")
