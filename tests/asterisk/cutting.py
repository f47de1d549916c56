"""A wire to Asterisk that can be cut at any byte, as a switch that dies or a firewall that forgets would do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

_CHUNK = 1 << 14


class Wire:
    """Passes bytes on between whoever connects and one port, until it is cut."""

    def __init__(self, target: int) -> None:
        """Lead to a port of this machine; use `Wire.open`."""
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._left: int | None = None
        self._reset = False
        self._done = asyncio.Event()
        self.cuts: list[float] = []
        """When it was cut."""

    @classmethod
    @asynccontextmanager
    async def open(cls, target: int) -> AsyncIterator[Self]:
        """Listen on a free port; at the end every connection is closed."""
        wire = cls(target)
        wire._server = await asyncio.start_server(wire._serve, "127.0.0.1", 0)
        try:
            yield wire
        finally:
            wire._server.close()
            for task in wire._tasks:
                task.cancel()
            await asyncio.gather(*wire._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it begins."""
        assert self._server
        return int(self._server.sockets[0].getsockname()[1])

    async def cut(self, after: int, *, reset: bool) -> None:
        """Cut it in so many bytes from Asterisk, be it this connection or the next; with a reset, or an end."""
        self._left, self._reset = after, reset
        self._done.clear()
        await self._done.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            async with _closing(writer), asyncio.TaskGroup() as copying:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                async with _closing(far_writer):
                    up = copying.create_task(_copy(reader, far_writer))
                    await self._pass_on(far_reader, writer)
                    up.cancel()
        except* OSError:
            pass  # one of the two has gone
        finally:
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if self._left is not None and len(data) >= self._left:
                writer.write(data[: self._left])
                self._left = None
                self.cuts.append(time.time())
                self._done.set()
                self._end(writer)
                return
            if self._left is not None:
                self._left -= len(data)
            writer.write(data)
            await writer.drain()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        if self._reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
