"""Staying attached: what both live sources have to do alike."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from ringwatch.config import PbxConfig
from ringwatch.errors import ConnectionLost, LoginRefused, NotAmi, SourceError
from ringwatch.flow.ports import Attached, Batch, Detached, Item, Source
from ringwatch.sources.ami import AmiSource
from ringwatch.sources.live import stay_attached
from ringwatch.sources.pyst2 import Pyst2Source
from tests.tools import captures
from tests.tools.listening import blocks_in, collect, detached_in, eventually, first, pbx
from tests.tools.replay_server import ReplayServer

STREAM = b"".join(block + b"\r\n\r\n" for block in captures.blocks("scenarios-22")[40:60])
LAST = captures.blocks("scenarios-22")[59]

Kind = Callable[..., Source]


@pytest.fixture(params=[AmiSource, Pyst2Source], ids=["ami", "pyst2"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both live sources, one after the other."""
    made: Kind = request.param
    return made


async def test_failures_are_told_with_their_pause() -> None:
    """Each failure is told in its own words, with its remedy and the pause that follows."""
    errors = iter([ConnectionLost("first"), NotAmi("second", remedy="mend it"), LoginRefused("third", fatal=False)])

    async def connection() -> AsyncIterator[Item]:
        yield Batch([], None, 0)
        raise next(errors)

    config = pbx(5038, reconnect_min_seconds=0.05, reconnect_max_seconds=0.06)
    told: list[Detached] = []
    async for item in stay_attached(config, connection, give_up=False):
        if isinstance(item, Detached):
            told.append(item)
        if len(told) == 3:
            break
    assert [(item.why, item.remedy) for item in told] == [
        ("first", None),
        ("second", "mend it"),
        ("third", LoginRefused.usual_remedy),
    ]
    assert told[0].retry_in == 0.05
    assert all(0.05 <= item.retry_in <= 0.06 for item in told)


@pytest.mark.parametrize("attached", [False, True])
async def test_giving_up(*, attached: bool) -> None:
    """Who gives up does so on a fatal error before anything was ever attached, and never afterwards."""

    async def connection() -> AsyncIterator[Item]:
        if attached:
            yield Attached(0.0, "here", "11.0.0")
        raise NotAmi("no")

    heard: list[Item] = []

    async def listen() -> None:
        async for item in stay_attached(pbx(5038), connection, give_up=True):
            heard.append(item)
            if len(detached_in(heard)) == 2:
                break

    if attached:
        await listen()
    else:
        with pytest.raises(NotAmi):
            await listen()
        assert heard == []


async def test_a_mistake_of_ours_is_not_hidden() -> None:
    """An error that is no trouble of a connection ends the source."""

    async def connection() -> AsyncIterator[Item]:
        yield Batch([], None, 0)
        raise KeyError

    with pytest.raises(KeyError):
        async for _ in stay_attached(pbx(5038), connection, give_up=False):
            pass


# -- what both sources do


async def gives_up(kind: Kind, config: PbxConfig) -> SourceError:
    """Return the error with which a source ends that gives up."""
    with pytest.raises(SourceError) as caught:
        await collect(kind(config, give_up=True), lambda _items: False)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize("login", ["md5", "plain"])
async def test_attaches_and_delivers(kind: Kind, login: str) -> None:
    """A source logs in, says where it is attached and to which version, asks how things stand, and delivers."""
    async with ReplayServer(STREAM) as server:
        items = await collect(kind(pbx(server.port, login=login)), lambda items: LAST in blocks_in(items[-1:]))
        (attached,) = (item for item in items if isinstance(item, Attached))
        assert (attached.where, attached.version) == (f"127.0.0.1:{server.port}", "11.0.0")
        assert {request["Action"] for request in server.requests} >= {
            "Login",
            "Ping",
            "QueueStatus",
            "CoreShowChannels",
        }
        assert not detached_in(items)
        blocks = blocks_in(items)
        assert blocks[-20:] == list(captures.blocks("scenarios-22")[40:60])
        assert blocks[0] == b"Asterisk Call Manager/11.0.0"


@pytest.mark.parametrize("login", ["md5", "plain"])
async def test_wrong_password(kind: Kind, login: str) -> None:
    """A wrong password is told as such, once for each attempt, and ends a source that gives up."""
    async with ReplayServer(secret="another") as server:  # noqa: S106
        config = pbx(server.port, login=login)
        items = await collect(kind(config), lambda items: len(detached_in(items)) == 2)
        assert {item.why for item in detached_in(items)} == {
            "the login of 'ringwatch' was refused: Authentication failed"
        }
        assert {item.remedy for item in detached_in(items)} == {LoginRefused.usual_remedy}
        error = await gives_up(kind, config)
        assert isinstance(error, LoginRefused)
        assert "secret'" not in error.message


async def test_refusal_that_passes(kind: Kind) -> None:
    """An account that is still in use is no reason to give up: the source attaches as soon as it may."""
    async with ReplayServer(refusal="Login Already In Use") as server:
        items: list[Item] = []

        def enough(so_far: list[Item]) -> bool:
            items[:] = so_far
            if detached_in(so_far):
                server.refusal = None
            return isinstance(so_far[-1], Attached)

        await collect(kind(pbx(server.port), give_up=True), enough)
        assert "Login Already In Use" in detached_in(items)[0].why


# pyst2 leaves the socket of a failed attempt to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
async def test_refused_connection(kind: Kind) -> None:
    """Where nobody listens, that is said in one line with a remedy, and it is tried again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        items = await collect(kind(pbx(port), give_up=True), lambda items: len(items) == 2)
    assert all(isinstance(item, Detached) for item in items)
    for item in detached_in(items):
        assert item.why.endswith(f"127.0.0.1:{port}: Connection refused")
        assert "bindaddr" in (item.remedy or "")


async def test_not_asterisk(kind: Kind) -> None:
    """A server that is no Asterisk ends a source that gives up, in one line that shows what it said."""
    async with ReplayServer(banner=b"HTTP/1.1 400 Bad Request\r\n\r\n", mute=True) as server:
        error = await gives_up(kind, pbx(server.port))
        assert isinstance(error, NotAmi)
        assert "'HTTP/1.1 400 Bad Request" in error.message


async def test_nothing_is_said(kind: Kind) -> None:
    """A server that accepts and says nothing is given up in time, and told as silent."""
    async with ReplayServer(banner=b"", mute=True) as server:
        told = await first(kind(pbx(server.port, connect_timeout=0.1, login_timeout=0.2)), Detached)
        assert "silent" in told.why


async def test_hung_up_before_the_banner(kind: Kind) -> None:
    """A server that hangs up at once is a connection lost, which passes."""
    closing = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with closing:
        port = closing.sockets[0].getsockname()[1]
        items = await collect(kind(pbx(port), give_up=True), lambda items: len(items) == 5)
    assert [item.why for item in detached_in(items)] == [f"127.0.0.1:{port} closed the connection"] * 5


async def test_silence_after_the_login(kind: Kind) -> None:
    """A connection that stays open and says nothing is found within read_timeout, pings having been sent."""
    async with ReplayServer(then="silence") as server:
        config = pbx(server.port, ping_seconds=0.1, read_timeout=0.6)
        items = await collect(kind(config), lambda items: isinstance(items[-1], Detached))
        attached = next(item for item in items if isinstance(item, Attached))
        (detached,) = detached_in(items)
        assert "silent for 0.6 s" in detached.why
        assert 0.55 <= detached.at - attached.at < 5.0
        assert server.asked("Ping") >= 2
        await eventually(lambda: server.open_connections == 0)


async def test_attached_again_after_a_cut(kind: Kind) -> None:
    """A connection that is cut is told and opened again after the pause that was told."""
    async with ReplayServer(STREAM, cut_after=700) as server:
        config = pbx(server.port, reconnect_min_seconds=0.05, reconnect_max_seconds=0.2)
        items = await collect(kind(config), lambda items: len(detached_in(items)) == 3)
        assert sum(isinstance(item, Attached) for item in items) == 3
        assert {item.why for item in detached_in(items)} == {f"127.0.0.1:{server.port} closed the connection"}
        assert detached_in(items)[0].retry_in == 0.05
        assert all(0.05 <= item.retry_in <= 0.2 for item in detached_in(items))
        told_at = [item.at for item in detached_in(items)]
        again_at = [item.at for item in items if isinstance(item, Attached)][1:]
        for told, again, item in zip(told_at, again_at, detached_in(items), strict=False):
            assert again - told >= item.retry_in - 0.02


async def test_fatal_after_having_been_attached(kind: Kind) -> None:
    """Once attached, nothing ends a source, not even a password that was changed meanwhile."""
    async with ReplayServer(STREAM, cut_after=10) as server:
        items: list[Item] = []

        def enough(so_far: list[Item]) -> bool:
            items[:] = so_far
            if isinstance(so_far[-1], Attached):
                server.refusal = "Authentication failed"
            return len(detached_in(so_far)) == 3

        await collect(kind(pbx(server.port), give_up=True), enough)
        assert [item.why[:9] for item in detached_in(items)] == ["127.0.0.1", "the login", "the login"]


async def test_several_at_once(kind: Kind) -> None:
    """Several sources, on one PBX and on two, each get everything."""
    async with ReplayServer(STREAM) as one, ReplayServer(STREAM) as two:
        sources = [kind(pbx(server.port)) for server in (one, one, two)]
        heard = await asyncio.gather(
            *(collect(source, lambda items: LAST in blocks_in(items[-1:])) for source in sources)
        )
    for items in heard:
        assert blocks_in(items)[-20:] == list(captures.blocks("scenarios-22")[40:60])


async def test_closing_hangs_up(kind: Kind) -> None:
    """A source that is closed leaves no connection behind."""
    async with ReplayServer() as server:
        await first(kind(pbx(server.port)), Attached)
        await eventually(lambda: server.open_connections == 0)


async def test_cancelling_hangs_up(kind: Kind) -> None:
    """A task that is cancelled while it listens leaves no connection behind."""
    async with ReplayServer() as server:
        task = asyncio.create_task(collect(kind(pbx(server.port)), lambda _items: False))
        await eventually(lambda: server.asked("CoreShowChannels"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: server.open_connections == 0)


async def test_stays_attached_while_nothing_happens(kind: Kind) -> None:
    """A PBX that has nothing to say but answers pings stays attached."""
    async with ReplayServer() as server:
        source = kind(pbx(server.port, ping_seconds=0.05, read_timeout=1.0))
        items = await collect(source, lambda _items: server.asked("Ping") > 24)
        assert not detached_in(items)
        assert server.connections == 1
