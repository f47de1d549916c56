"""The default source against a stand-in for Asterisk on this machine: what it delivers, and how each trouble ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringwatch.ami.framing import OVERSIZED
from ringwatch.ami.session import Session
from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.errors import ConnectionLost, NotAmi, SourceError, TlsFailed
from ringwatch.flow.ports import Attached, Batch, Detached
from ringwatch.sources.ami import AmiSource
from tests.tools import captures
from tests.tools.certificates import Authority
from tests.tools.listening import blocks_in, collect, detached_in, eventually, first, pbx
from tests.tools.replay_server import BANNER, ReplayServer

MEGABYTE = 1024 * 1024
LAST = b"Event: Hold\r\nPrivilege: call,all\r\nUniqueid: last"
SCENARIOS = captures.blocks("scenarios-22")[1:]


def stream_of(*blocks: bytes) -> bytes:
    """Make a stream that ends with the block the tests wait for."""
    return b"".join(block + b"\r\n\r\n" for block in (*blocks, LAST))


async def delivered(server: ReplayServer, **keys: Any) -> list[bytes]:
    """Return the blocks that a source delivers of a stream, up to the last."""
    items = await collect(AmiSource(pbx(server.port, **keys)), lambda items: LAST in blocks_in(items[-1:]))
    assert not detached_in(items)
    blocks = blocks_in(items)
    start = next(place for place, block in enumerate(blocks) if block.startswith(b"Event: CoreShowChannelsComplete"))
    return blocks[start + 1 :]


async def trouble(port: int, **keys: Any) -> Detached:
    """Return what a source says of a connection that cannot be had."""
    told = await first(AmiSource(pbx(port, **keys)), Detached)
    assert isinstance(told, Detached)
    assert told.why.isprintable()
    return told


async def end(port: int, **keys: Any) -> SourceError:
    """Return the error with which a source ends that gives up."""
    with pytest.raises(SourceError) as caught:
        await collect(AmiSource(pbx(port, **keys), give_up=True), lambda _items: False)
    assert str(caught.value).isprintable()
    return caught.value


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


# -- what it delivers


@pytest.mark.parametrize("chunk", [None, 1000, 7])
async def test_real_stream(chunk: int | None) -> None:
    """A real stream arrives block by block, whatever the pieces in which it was sent."""
    blocks = SCENARIOS if chunk != 7 else SCENARIOS[:200]
    async with ReplayServer(stream_of(*blocks), chunk=chunk) as server:
        assert await delivered(server) == [*blocks, LAST]


async def test_attached() -> None:
    """Being attached is told with address and version, behind what was said at the login."""
    async with ReplayServer() as server:
        items = await collect(AmiSource(pbx(server.port)), lambda items: isinstance(items[-1], Attached))
        attached = items[-1]
        assert isinstance(attached, Attached)
        assert (attached.where, attached.version) == (f"127.0.0.1:{server.port}", "11.0.0")
        assert blocks_in(items)[0] == BANNER.strip()
        assert b"Message: Authentication accepted" in b"".join(blocks_in(items))


async def test_size_of_what_was_read() -> None:
    """The sizes of the batches add up to every byte that was sent."""
    async with ReplayServer(stream_of(*SCENARIOS), then="close") as server:
        items = await collect(AmiSource(pbx(server.port)), lambda items: isinstance(items[-1], Detached))
    assert sum(item.size for item in items if isinstance(item, Batch)) == server.sent


async def test_plain_login() -> None:
    """With login = plain the secret itself is sent."""
    async with ReplayServer() as server:
        await first(AmiSource(pbx(server.port, login="plain")), Attached)
        assert [request.get("Secret") for request in server.requests][:1] == ["secret"]


async def test_denied_actions() -> None:
    """What the account may not use is noted."""
    async with ReplayServer(LAST + b"\r\n\r\n", denied=frozenset({"CoreShowChannels"})) as server:
        source = AmiSource(pbx(server.port))
        await collect(source, lambda items: LAST in blocks_in(items[-1:]))


async def test_what_a_stream_may_hold() -> None:
    """Ten megabytes without a line end, bytes that are no UTF-8, unknown events and bare lines: the stream goes on.

    Pitfall 18.
    """
    bad = [
        b"Event: Hold\r\nUniqueid: 1.1\r\nNoise: " + b"x" * (10 * MEGABYTE),
        b"Event: Hold\r\nUniqueid: 1.1\r\nName: J\xf6rg",
        b"Event: Brandnew\r\nUniqueid: 1.1",
        b"Event: Hold\r\nnonsense\r\nUniqueid: 1.1",
        b"Event: Hold\r\nChannel: c",
    ]
    async with ReplayServer(stream_of(*bad)) as server:
        blocks = await delivered(server)
    assert blocks == [OVERSIZED, *bad[1:], LAST]
    translator = Translator()
    translator.clock.last = 1.0
    events = translator.feed(blocks)
    faults = [event.kind for event in events if isinstance(event, ev.StreamFault)]
    assert faults == ["oversized", "invalid_utf8", "bare_header", "malformed"]
    assert translator.counts == {b"Brandnew": 1, b"Hold": 4}


# -- connections that cannot be had


async def test_refused_connection() -> None:
    """Where nobody listens, that is said, with the remedy, and it is no reason to give up."""
    port = free_port()
    told = await first(AmiSource(pbx(port), give_up=True), Detached)
    assert told.why == f"cannot connect to 127.0.0.1:{port}: Connection refused"
    assert "bindaddr" in told.remedy


async def test_host_that_cannot_be() -> None:
    """A host name that can be none is a failed connection, not a crash."""
    told = await trouble(5038, host="a..b")
    assert told.why.startswith("cannot connect to a..b:5038: ")


async def test_no_answer() -> None:
    """A handshake that is never answered ends with connect_timeout."""
    async with ReplayServer(banner=b"", mute=True) as server:
        told = await trouble(server.port, tls={}, connect_timeout=0.2)
        assert told.why == f"no answer from 127.0.0.1:{server.port} within 0.2 s"


@pytest.mark.parametrize(
    ("banner", "shown"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "'SSH-2.0-OpenSSH_9.2p1"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "'HTTP/1.1 400 Bad Request"),
        (b"\x15\x03\x01\x00\x02\x02\x46", r"'\x15\x03"),
        (b"x" * (10 * MEGABYTE), "'xxxx"),
        (b"Asterisk Call Manager/" + b"x" * 65536, "'Asterisk Call Manager/xxx"),
    ],
    ids=["SSH", "HTTP", "garbage", "endless garbage", "endless banner"],
)
async def test_not_asterisk(banner: bytes, shown: str) -> None:
    """A server that is no Asterisk ends a source that gives up, in one line that shows what it said."""
    async with ReplayServer(banner=banner, mute=True) as server:
        error = await end(server.port)
    assert isinstance(error, NotAmi)
    assert shown in error.message
    assert error.remedy == NotAmi.usual_remedy


@pytest.mark.parametrize(
    ("banner", "waited"),
    [(b"", "the banner for 0.5 s (a TLS port would wait like this)"), (BANNER, "the challenge for 0.5 s")],
)
async def test_silence_before_the_login(banner: bytes, waited: str) -> None:
    """A server that says nothing, or no more than its banner, is given up after login_timeout."""
    async with ReplayServer(banner=banner, mute=True) as server:
        told = await trouble(server.port, login_timeout=0.5)
        assert told.why == f"127.0.0.1:{server.port} is silent while waiting for {waited}"


async def test_timeout_of_the_network() -> None:
    """A TimeoutError that TCP itself reports is an end of the connection, not a pause in it."""
    reader = asyncio.StreamReader()
    reader.set_exception(TimeoutError(110, "Connection timed out"))
    with pytest.raises(ConnectionLost, match="broke: Connection timed out"):
        await AmiSource(pbx(5038))._read(reader, 5.0)


async def test_sending_into_a_connection_that_is_gone() -> None:
    """A connection that is gone when something is to be sent is a connection lost."""
    session = Session("ringwatch", "secret")
    session.ping()
    async with ReplayServer() as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.transport.abort()
        await eventually(lambda: server.open_connections == 0)
        with pytest.raises(ConnectionLost, match=f"^the connection to 127.0.0.1:{server.port} broke: Connection lost$"):
            await AmiSource(pbx(server.port))._send(session, writer)


async def test_end_in_the_midst_of_a_block() -> None:
    """A connection that is cut at some byte is told, opened again, and what was whole is kept."""
    async with ReplayServer(stream_of(*SCENARIOS), cut_after=5000) as server:
        source = AmiSource(pbx(server.port))
        items = await collect(source, lambda items: len(detached_in(items)) == 2)
        assert [item.why for item in detached_in(items)] == [f"127.0.0.1:{server.port} closed the connection"] * 2
        assert sum(isinstance(item, Attached) for item in items) == 2
        whole = [block for block in SCENARIOS[:60] if stream_of(*SCENARIOS).index(block) + len(block) + 4 <= 5000]
        assert [block for block in blocks_in(items) if block in whole] == whole * 2


# -- TLS


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that vouches for the PBX."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody knows."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    """What the PBX shows: a certificate for 127.0.0.1 and pbx.example."""
    made = authority.sign("pbx", "IP:127.0.0.1,DNS:pbx.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


@pytest.fixture
def demanding(authority: Authority) -> ssl.SSLContext:
    """What a PBX shows that demands a client certificate in return."""
    made = authority.sign("demanding", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("server_name", [None, "pbx.example"])
async def test_tls(tls: ssl.SSLContext, authority: Authority, server_name: str | None) -> None:
    """Over TLS the stream arrives as it does without, by the address or by a name of its own."""
    keys = {"ca_file": str(authority.certificate), "server_name": server_name}
    async with ReplayServer(stream_of(*SCENARIOS), tls=tls) as server:
        assert await delivered(server, tls=keys) == [*SCENARIOS, LAST]


async def test_tls_against_a_plain_port(authority: Authority) -> None:
    """TLS against a plain port fails at once, with the remedy."""
    async with ReplayServer() as server:
        error = await end(server.port, tls={"ca_file": str(authority.certificate)})
    assert isinstance(error, TlsFailed)
    assert error.message == f"no TLS with 127.0.0.1:{server.port}: WRONG_VERSION_NUMBER"
    assert error.remedy == TlsFailed.usual_remedy


async def test_plain_against_a_tls_port(tls: ssl.SSLContext) -> None:
    """Without TLS a TLS port stays silent, and the message says that it could be one."""
    async with ReplayServer(tls=tls) as server:
        told = await trouble(server.port, login_timeout=0.2)
    assert told.why.endswith("is silent while waiting for the banner for 0.2 s (a TLS port would wait like this)")


@pytest.mark.parametrize("own", [True, False])
async def test_unknown_authority(tls: ssl.SSLContext, stranger: Authority, *, own: bool) -> None:
    """A certificate of an authority that is not trusted, by ca_file or by the system, is refused by that reason."""
    async with ReplayServer(tls=tls) as server:
        error = await end(server.port, tls={"ca_file": str(stranger.certificate)} if own else {})
    assert isinstance(error, TlsFailed)
    assert error.message == f"no TLS with 127.0.0.1:{server.port}: unable to get local issuer certificate"
    assert "ca_file" in (error.remedy or "")


async def test_wrong_name(tls: ssl.SSLContext, authority: Authority) -> None:
    """A certificate for another name is refused by that reason."""
    keys = {"ca_file": str(authority.certificate), "server_name": "other.example"}
    async with ReplayServer(tls=tls) as server:
        error = await end(server.port, tls=keys)
    assert isinstance(error, TlsFailed)
    assert "not valid for 'other.example'" in error.message


async def test_client_certificate(demanding: ssl.SSLContext, authority: Authority) -> None:
    """A client certificate that is demanded is given."""
    own = authority.sign("ringwatch")
    keys = {
        "ca_file": str(authority.certificate),
        "cert_file": str(own.certificate),
        "key_file": str(own.key),
    }
    async with ReplayServer(stream_of(*SCENARIOS), tls=demanding) as server:
        assert await delivered(server, tls=keys) == [*SCENARIOS, LAST]


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A port that listens, for a server that speaks TLS in the common way of threads."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def turn_away(door: socket.socket, context: ssl.SSLContext) -> None:
    """Take one connection and expect its handshake to fail; OpenSSL tells the other side why."""
    connection, _ = door.accept()
    with connection, contextlib.suppress(ssl.SSLError):
        context.wrap_socket(connection, server_side=True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("given", [False, True])
async def test_client_certificate_refused(
    demanding: ssl.SSLContext,
    authority: Authority,
    stranger: Authority,
    door: socket.socket,
    version: ssl.TLSVersion,
    *,
    given: bool,
) -> None:
    """A client certificate that is demanded and not given, or not trusted, is a failure of TLS."""
    demanding.maximum_version = version
    keys = {"ca_file": str(authority.certificate)}
    if given:
        own = stranger.sign("ringwatch")
        keys |= {"cert_file": str(own.certificate), "key_file": str(own.key)}
    port = door.getsockname()[1]
    error, _ = await asyncio.gather(end(port, tls=keys), asyncio.to_thread(turn_away, door, demanding))
    assert isinstance(error, TlsFailed)
    assert "ALERT" in error.message
    if version is ssl.TLSVersion.TLSv1_3:
        assert "cert_file and key_file" in (error.remedy or "")


async def test_turned_away_without_a_word(demanding: ssl.SSLContext, authority: Authority) -> None:
    """A TLS server that hangs up in place of its banner may have wanted a client certificate, and that is said."""
    async with ReplayServer(tls=demanding) as server:
        told = await trouble(server.port, tls={"ca_file": str(authority.certificate)})
    assert told.why == f"127.0.0.1:{server.port} closed the connection"
    assert "client certificate" in (told.remedy or "")


async def test_tls_files_that_are_none(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    """Files that are not what they should be are a failure of TLS, and nobody is asked for a passphrase."""
    own, other, text = authority.sign("ringwatch"), stranger.sign("ringwatch"), tmp_path / "text"
    text.write_text("no certificate\n")
    certificate = str(own.certificate)
    for keys in (
        {"ca_file": str(text)},
        {"cert_file": certificate, "key_file": str(other.key)},
        {"cert_file": certificate, "key_file": str(authority.lock(own))},
        {"cert_file": str(text), "key_file": str(own.key)},
    ):
        error = await end(5038, tls=keys)
        assert isinstance(error, TlsFailed)
        assert error.message.startswith("the TLS files cannot be used: ")
        # Where there is no terminal to ask on, asking is an error too, and another one.
        assert isinstance(error.__cause__, ssl.SSLError)
        assert "passphrase" in (error.remedy or "")
