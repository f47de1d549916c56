"""The server over real sockets: many clients, slow ones, broken ones, and virtual time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ringwatch.simulator import Account, SimulatorServer, around_the_clock, scaled
from ringwatch.simulator.demo import DEFAULT_PLAN

from .desks import MONDAY_NINE, busy
from .streams import Headers, cut, headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ACCOUNT = Account(username="ringwatch", secret="s3cret")  # noqa: S106 - a secret of a test
LOGIN = b"Action: Login\r\nUsername: ringwatch\r\nSecret: s3cret\r\n\r\n"
PATIENCE_SECONDS = 20.0


def simulator(**options: Any) -> SimulatorServer:
    settings: dict[str, Any] = {"account": ACCOUNT, "seed": 1, "speed": 200, "start_at": MONDAY_NINE}
    return SimulatorServer(options.pop("plan", busy()), **(settings | {"refusal_seconds": 0.05} | options))


class Client:
    """A client of the plainest kind."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def block(self) -> Headers:
        """Read the next block."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return headers(next(cut(await self.reader.readuntil(b"\r\n\r\n"))))

    async def until(self, name: str, value: str) -> list[Headers]:
        """Read until a block has this header, and return everything read."""
        read = [await self.block()]
        while read[-1].get(name) != value:
            read.append(await self.block())
        return read

    def send(self, *lines: str) -> None:
        """Send one action."""
        self.writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    async def ask(self, *lines: str) -> Headers:
        """Send one action and wait for its answer."""
        self.send(*lines, "ActionID: asked")
        return (await self.until("ActionID", "asked"))[-1]


@asynccontextmanager
async def connected(server: SimulatorServer, *, login: bool = True) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 24)
    client = Client(reader, writer)
    try:
        assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        if login:
            writer.write(LOGIN)
            assert (await client.block())["Message"] == "Authentication accepted"
            assert (await client.block())["Event"] == "FullyBooted"
        yield client
    finally:
        writer.close()


async def test_a_client_hears_the_desk() -> None:
    async with simulator() as server, connected(server) as client:
        heard = await client.until("Event", "AgentComplete")
    assert {each["Event"] for each in heard} > {"Newchannel", "QueueCallerJoin", "AgentCalled", "AgentConnect"}
    stamps = [float(each["Timestamp"]) for each in heard]
    assert stamps == sorted(stamps)
    assert stamps[0] >= MONDAY_NINE


async def test_virtual_time_runs_at_its_speed() -> None:
    async with simulator(speed=1000) as server, connected(server) as client:
        began = time.monotonic()
        first = second = float((await client.ask("Action: Ping"))["Timestamp"])
        while second - first < 400 and time.monotonic() < began + PATIENCE_SECONDS:
            second = float((await client.ask("Action: Ping"))["Timestamp"])
        took = time.monotonic() - began
    assert 400 <= second - first < 1000 * took + 50


async def test_by_default_the_time_is_now() -> None:
    async with simulator(start_at=None, speed=1) as server, connected(server) as client:
        assert abs(float((await client.ask("Action: Ping"))["Timestamp"]) - time.time()) < 5
        assert abs(server.virtual_now - time.time()) < 5


async def test_several_clients_hear_the_same_and_ask_their_own() -> None:
    async with simulator() as server, connected(server) as one, connected(server) as other, connected(server) as quiet:
        assert (await quiet.ask("Action: Events", "EventMask: off"))["Events"] == "Off"
        assert (await one.ask("Action: Filter", "Operation: Add", "Filter: Event: Queue"))["Response"] == "Success"
        filtered = await one.until("Event", "QueueCallerLeave")
        whole = await other.until("Event", "QueueCallerLeave")
        everything = Counter(each["Event"] for each in whole)
        assert everything["VarSet"] > 0
        assert {each["Event"] for each in filtered[1:]} <= {
            *("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "QueueMemberStatus"),
        }
        assert (await quiet.ask("Action: Ping"))["Ping"] == "Pong"
        assert (await other.ask("Action: QueueStatus"))["Message"] == "Queue status will follow"
        assert len(server.clients) == 3


async def test_an_event_may_come_between_an_action_and_its_answer_but_never_inside_a_list() -> None:
    async with simulator(speed=2000) as server, connected(server) as client:
        for count in range(20):
            client.send("Action: QueueStatus", f"ActionID: list-{count}")
            read = await client.until("EventList", "Complete")
            begin = next(place for place, each in enumerate(read) if each.get("EventList") == "start")
            assert all(each.get("ActionID") == f"list-{count}" for each in read[begin:])


async def test_a_wrong_password_is_refused_after_a_while_and_the_line_closed() -> None:
    async with simulator(refusal_seconds=0.3) as server, connected(server, login=False) as client:
        began = time.monotonic()
        client.send("Action: Login", "Username: ringwatch", "Secret: wrong", "ActionID: 1")
        assert await client.block() == {"Response": "Error", "ActionID": "1", "Message": "Authentication failed"}
        assert time.monotonic() - began > 0.25
        assert await client.reader.read() == b""


async def test_logging_off_closes_the_line_after_the_goodbye() -> None:
    async with simulator() as server, connected(server) as client:
        assert (await client.ask("Action: Logoff"))["Response"] == "Goodbye"
        assert await client.reader.read() == b""


async def test_who_does_not_log_in_is_let_go() -> None:
    async with simulator(login_within_seconds=0.1) as server, connected(server, login=False) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await client.reader.read() == b""


async def test_who_logs_in_in_time_stays() -> None:
    async with simulator(login_within_seconds=0.2) as server, connected(server) as client:
        await asyncio.sleep(0.4)
        assert (await client.ask("Action: Ping"))["Ping"] == "Pong"


async def test_a_client_that_does_not_read_is_cut_off_and_holds_nobody_up() -> None:
    plan = scaled(around_the_clock(DEFAULT_PLAN), 4)
    async with simulator(plan=plan, speed=2000, write_buffer_bytes=100_000) as server, connected(server) as good:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)  # noqa: FBT003 - the socket's own interface
            await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", server.port))
            await asyncio.get_running_loop().sock_sendall(deaf, LOGIN)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.dropped_clients:
                    await good.block()
            began = time.monotonic()
            assert (await good.ask("Action: Ping"))["Ping"] == "Pong"
            assert time.monotonic() - began < 5
            assert len(server.clients) == 1


async def test_noise_harms_nobody() -> None:
    async with simulator() as server, connected(server) as good:
        for noise in (
            b"\0" * 5000,
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\xff\xfe\r\n\r\n" * 100,
            b"A" * 200_000 + b"\r\n\r\n",
        ):
            async with connected(server, login=False) as bad:
                bad.writer.write(noise)
                await bad.writer.drain()
        # One goes without a word, in the middle of a line.
        async with connected(server) as rude:
            rude.writer.write(b"Action: Pi")
            rude.writer.transport.abort()
        assert (await good.ask("Action: Ping"))["Ping"] == "Pong"


async def test_without_timestamps_events_have_none() -> None:
    async with simulator(timestamps=False) as server, connected(server) as client:
        heard = await client.until("Event", "QueueCallerJoin")
    assert not any("Timestamp" in each for each in heard)


async def test_privileges_of_the_account_hold() -> None:
    account = Account(username="ringwatch", secret="s3cret", read=frozenset({"agent", "system"}), write=frozenset())  # noqa: S106
    async with simulator(account=account) as server, connected(server) as client:
        heard = await client.until("Event", "QueueCallerLeave")
        assert {each["Privilege"] for each in heard} == {"agent,all"}
        assert (await client.ask("Action: CoreShowChannels"))["Message"] == "Permission denied"


async def test_stopping_ends_everything_and_twice_is_once() -> None:
    server = simulator()
    await server.start()
    async with connected(server) as client:
        await server.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.reader.read()
    await server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "simulated desk"]


def test_time_must_run_forward() -> None:
    with pytest.raises(ValueError, match="speed must be positive"):
        simulator(speed=0)


async def test_an_idle_hour_costs_next_to_nothing() -> None:
    """At real speed the server sleeps: some milliseconds of processor time a second."""
    async with simulator(plan=around_the_clock(DEFAULT_PLAN), speed=1) as server, connected(server):
        before = time.process_time()
        await asyncio.sleep(2)
        assert time.process_time() - before < 0.4


async def test_stopping_waits_for_nobody_who_does_not_read() -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with simulator(plan=scaled(busy(), 4), speed=2000, write_buffer_bytes=1 << 24) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as deaf:
                deaf.sendall(LOGIN)
                await asyncio.sleep(0.5)
                await server.stop()


async def test_serving_lasts_until_the_stop() -> None:
    async with simulator() as server:
        serving = asyncio.create_task(server.serve())
        await asyncio.sleep(0.05)
        assert not serving.done()
    await asyncio.wait_for(serving, 1)
    await server.serve()


async def test_a_desk_that_fails_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    server = simulator()

    def fail(*_: object) -> None:
        msg = "the desk is on fire"
        raise OSError(msg)

    monkeypatch.setattr(server.desk, "advance", fail)
    async with server:
        with pytest.raises(OSError, match="on fire"):
            await asyncio.wait_for(server.serve(), 5)
