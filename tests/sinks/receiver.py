"""A web server of the tests: keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from ringwatch.sinks.posting import Counts, Result
from ringwatch.telemetry import Telemetry
from tests.log import Log


@dataclass(frozen=True, slots=True)
class Request:
    """One that was read whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)


class Receiver:
    """Answers ``status``, 200 unless told otherwise, and 422 to what it ``dislikes``; it may be told to `hang`."""

    def __init__(self, tls: ssl.SSLContext | None = None, says: str = "") -> None:
        self.requests: list[Request] = []
        self.status = 200
        self.says = says
        self.dislikes: bytes | None = None
        self._scheme = "https" if tls else "http"
        self._tls = tls
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._port = 0
        self._answers = asyncio.Event()
        self.go_on()

    def hang(self) -> None:
        """Read, and do not answer."""
        self._answers.clear()

    def go_on(self) -> None:
        """Answer again."""
        self._answers.set()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        """Listen; always on the same port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append(Request(request.method, request.path_qs, dict(request.headers), body))
        await self._answers.wait()
        status = 422 if self.dislikes and self.dislikes in body else self.status
        return web.Response(status=status, text=self.says, headers={"Location": "/elsewhere"})


@contextlib.asynccontextmanager
async def answering(words: bytes, *, close: bool) -> AsyncIterator[str]:
    """Serve what need not be HTTP: to one connection some words, then the end or nothing more."""
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        with contextlib.suppress(OSError):
            if close:
                writer.write_eof()
            # To the end: what has not been read would make of it a reset.
            while await reader.read(1 << 16):
                pass
        writer.close()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await ended.wait()
        server.close()
        await server.wait_closed()


class Bureau:
    """What a sink is given besides its settings: somebody to tell, and where requests are counted."""

    def __init__(self) -> None:
        self.log = Log()
        self.says = Telemetry(self.log)
        self.counts: Counts = Counter()

    def counted(self, result: Result) -> int:
        """Return how many requests came to that."""
        return sum(count for (_, _, each), count in self.counts.items() if each == result)
