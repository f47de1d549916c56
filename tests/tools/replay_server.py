"""A stand-in for Asterisk's manager interface on 127.0.0.1 that replays recorded bytes, and misbehaves when told to.

Rules:

* It answers as Asterisk does, in order, one request after the other, and writes the recorded bytes in one go behind one
  of the answers, so that no answer can come to stand inside a recorded message.
* What has been asked, how often somebody connected, and how much was sent is kept for the test to look at.
* It ends with its ``async with`` block, and takes every connection with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

Request = dict[str, str]
CHALLENGE = "840415273"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class ReplayServer:
    """One manager interface.

    :param stream: recorded bytes, without a banner, sent once per connection.
    :param starts_at: the action behind whose answer the stream is sent.
    :param chunk: bytes written at a time; ``None`` writes all at once.
    :param cut_after: closes the connection after so many bytes of the stream.
    :param then: after the stream: go on answering, close, or keep the connection open and never speak again.
    :param banner: the first line; anything, or nothing at all.
    :param mute: says the banner and nothing else.
    :param refusal: the answer to every login, whatever the secret.
    :param denied: actions that the account may not use.
    :param tls: makes it a TLS port.
    :param clock: the PBX's clock, told in answers to pings; an old recording needs an old one.
    """

    def __init__(
        self,
        stream: bytes = b"",
        *,
        starts_at: str = "CoreShowChannels",
        chunk: int | None = None,
        cut_after: int | None = None,
        then: Literal["answer", "close", "silence"] = "answer",
        banner: bytes = BANNER,
        mute: bool = False,
        refusal: str | None = None,
        secret: str = "secret",  # noqa: S107 - of a server that lives for one test
        denied: frozenset[str] = frozenset(),
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.stream = stream
        self.refusal = refusal
        self.then = then
        self.connections = 0
        self.sent = 0
        self.requests: list[Request] = []
        self._starts_at = starts_at
        self._chunk = chunk
        self._cut_after = cut_after
        self._banner = banner
        self._mute = mute
        self._secret = secret
        self._denied = denied
        self._tls = tls
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen on a port the system chooses."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody."""
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def asked(self, action: str) -> int:
        """Return how often an action was asked for."""
        return sum(request["Action"] == action for request in self.requests)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            # The other side went away, as it may.
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._say(writer, self._banner)
        while self._mute:
            if not await reader.read(1024):
                return
        streamed = False
        while True:
            request = _parse(await reader.readuntil(b"\r\n\r\n"))
            self.requests.append(request)
            self._say(writer, self._answer(request))
            await writer.drain()
            if request["Action"] == "Logoff" or (request["Action"] == "Login" and self._refuses(request)):
                return
            if request["Action"] == self._starts_at and not streamed:
                streamed = True
                await self._replay(writer)
                if self._cut_after is not None:
                    return
                if self.then == "close":
                    # Only this half: closing both while something is unread would throw away what was sent.
                    writer.write_eof()
                while self.then != "answer":
                    data = await reader.read(1024)
                    self.requests += [_parse(part) for part in data.split(b"\r\n\r\n") if part]
                    if not data:
                        return

    async def _replay(self, writer: asyncio.StreamWriter) -> None:
        data = self.stream[: self._cut_after]
        size = self._chunk or max(len(data), 1)
        for start in range(0, len(data), size):
            self._say(writer, data[start : start + size])
            await writer.drain()
            if self._chunk:
                # Else the pieces would be glued together again on their way.
                await asyncio.sleep(0)

    def _say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        self.sent += len(data)

    def _refuses(self, request: Request) -> bool:
        key = hashlib.md5(f"{CHALLENGE}{self._secret}".encode(), usedforsecurity=False).hexdigest()
        right = request.get("Key") == key or request.get("Secret") == self._secret
        return self.refusal is not None or not right

    def _answer(self, request: Request) -> bytes:
        action, after = request["Action"], b""
        head = ["Response: Success", f"ActionID: {request['ActionID']}"]
        if action in self._denied:
            head = ["Response: Error", head[1], "Message: Permission denied"]
        elif action == "Challenge":
            head.append(f"Challenge: {CHALLENGE}")
        elif action == "Login" and self._refuses(request):
            head = ["Response: Error", head[1], f"Message: {self.refusal or 'Authentication failed'}"]
        elif action == "Login":
            head.append("Message: Authentication accepted")
            after = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
        elif action == "Ping":
            head += ["Ping: Pong", f"Timestamp: {self._clock():.6f}"]
        elif action in {"QueueStatus", "CoreShowChannels"}:
            what = "Queue status" if action == "QueueStatus" else "Channels"
            head += ["EventList: start", f"Message: {what} will follow"]
            after = f"Event: {action}Complete\r\n{head[1]}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n".encode()
        return "\r\n".join([*head, "", ""]).encode() + after


def _parse(data: bytes) -> Request:
    lines = data.decode().split("\r\n")
    return {name: value for name, _, value in (line.partition(": ") for line in lines if line)}
