"""The simulated desk behind a TCP port: an AMI server for any client.

Rules: one task drives the desk at `speed` virtual seconds a second and gives each block to every client that wants
it; no client is ever waited for. What a client does not read is kept up to a bound, then the client is cut off, as
Asterisk cuts off one that lets a write wait (`writetimeout`). Nothing is said between two deeds of the desk, and
nothing computed: the task sleeps until the next one.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Self, cast

from ringwatch.simulator.demo import DEFAULT_PLAN
from ringwatch.simulator.desk import Desk
from ringwatch.simulator.session import BANNER, Account, Session

if TYPE_CHECKING:
    from types import TracebackType

    from ringwatch.simulator.plan import Plan

# Deeds closer together than the first are said together; after the second the task looks even if nothing is due.
SHORTEST_SLEEP_SECONDS = 0.01
LONGEST_SLEEP_SECONDS = 1.0
BLOCKS_AT_A_TIME = 500
WRITE_BUFFER_BYTES = 1 << 20
LOGIN_WITHIN_SECONDS = 30.0
KEPT_LEDGER_ENTRIES = 100_000
REFUSAL_SECONDS = 1.0

_TIMESTAMP = re.compile(rb"Timestamp: [^\r]*\r\n")


class SimulatorServer:
    """An AMI server in front of a desk; `async with` it, or `start` and `stop`.

    `speed` is virtual seconds for each real one. Virtual time starts at `start_at` (Unix seconds), by default now.
    `timestamps` is Asterisk's `timestampevents`. `dropped_clients` counts those who did not read. The desk's ledger
    keeps only the latest entries here.
    """

    def __init__(
        self,
        plan: Plan = DEFAULT_PLAN,
        *,
        account: Account,
        seed: int = 0,
        speed: float = 1.0,
        start_at: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        timestamps: bool = True,
        write_buffer_bytes: int = WRITE_BUFFER_BYTES,
        refusal_seconds: float = REFUSAL_SECONDS,
        login_within_seconds: float = LOGIN_WITHIN_SECONDS,
    ) -> None:
        """Prepare a server; it listens from `start` on."""
        if speed <= 0:
            msg = f"speed must be positive, not {speed}"
            raise ValueError(msg)
        self.account = account
        self.speed = speed
        self.host = host
        self.timestamps = timestamps
        self.write_buffer_bytes = write_buffer_bytes
        self.refusal_seconds = refusal_seconds
        self.login_within_seconds = login_within_seconds
        self.dropped_clients = 0
        self.clients: list[Client] = []
        self.desk = Desk(plan, seed=seed, start_at=time.time() if start_at is None else start_at)
        self._wanted_port = port
        self._started = time.monotonic()
        self._server: asyncio.Server | None = None
        self._driver: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on; it must have started."""
        if self._server is None:
            msg = "the simulator is not running"
            raise RuntimeError(msg)
        return cast("int", self._server.sockets[0].getsockname()[1])

    @property
    def virtual_now(self) -> float:
        """The instant the desk should have reached, Unix seconds."""
        return self.desk.started_at + (time.monotonic() - self._started) * self.speed

    async def start(self) -> None:
        """Open the port and let the desk begin."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), self.host, self._wanted_port)
        self._started = time.monotonic()
        self._driver = loop.create_task(self._drive(), name="simulated desk")

    async def serve(self) -> None:
        """Wait until somebody stops the server; raise what went wrong if the desk itself ended."""
        if self._driver is not None:
            driver = self._driver
            await asyncio.wait({driver})
            if not driver.cancelled():
                driver.result()

    async def stop(self) -> None:
        """Close the port, let every client go, and stop the desk. A second stop changes nothing."""
        server, self._server = self._server, None
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.cancel()
            await asyncio.wait({driver})
        if server is not None:
            server.close()
            for client in list(self.clients):
                client.end()
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def _drive(self) -> None:
        desk = self.desk
        while True:
            now = self.virtual_now
            said = [block for _, block in desk.advance(now, BLOCKS_AT_A_TIME)]
            if said and not self.timestamps:
                said = [_TIMESTAMP.sub(b"", block, count=1) for block in said]
            if said:
                for client in list(self.clients):
                    client.hear(said)
            if len(desk.ledger) > KEPT_LEDGER_ENTRIES:
                # A server may run for months; the whole truth is for tests, which drive a desk themselves.
                del desk.ledger[: KEPT_LEDGER_ENTRIES // 2]
            behind = desk.next_at <= now
            wait = 0.0 if behind else (desk.next_at - self.virtual_now) / self.speed
            # Behind, the others get their turn all the same.
            await asyncio.sleep(0 if behind else min(max(wait, SHORTEST_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS))


class Client(asyncio.Protocol):
    """One connected client: a session and its socket."""

    def __init__(self, server: SimulatorServer) -> None:
        """Wait for the connection."""
        self._server = server
        self._session = Session(server.account, server.desk, str(secrets.randbelow(10**9)))
        self._transport: asyncio.Transport
        self._login_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, and give some time to log in."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.clients.append(self)
        self._transport.write(BANNER)
        loop = asyncio.get_running_loop()
        self._login_deadline = loop.call_later(self._server.login_within_seconds, self._end_unless_logged_in)

    def _end_unless_logged_in(self) -> None:
        if not self._session.authenticated:
            self.let_go()

    def data_received(self, data: bytes) -> None:
        """Answer what came."""
        if self._session.closed:
            return
        session = self._session
        answer = session.feed(data)
        if session.refused:
            # A real one sleeps a second before it says no, which slows down guessing.
            asyncio.get_running_loop().call_later(self._server.refusal_seconds, self._send_and_go, answer)
        elif session.closed:
            self._send_and_go(answer)
        elif answer:
            self._send(answer)

    def hear(self, said: list[bytes]) -> None:
        """Send the events this client wants."""
        if self._session.closed:
            return
        wanted = b"".join(block for block in said if self._session.wants(block))
        if wanted:
            self._send(wanted)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._server.write_buffer_bytes:
            self._server.dropped_clients += 1
            transport.abort()

    def _send_and_go(self, data: bytes) -> None:
        self._send(data)
        self.let_go()

    def let_go(self) -> None:
        """Close the connection after what is still to be sent."""
        self._transport.close()

    def end(self) -> None:
        """Close the connection now, whether or not the client has read everything."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Forget the client."""
        self._server.clients.remove(self)
        if self._login_deadline is not None:
            self._login_deadline.cancel()
