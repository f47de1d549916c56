"""A second pair of ears: everything one AMI account receives, byte by byte, into a file. Nothing of ringwatch in it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .lab import SECRETS, Asterisk
from .sipp import until

_CHUNK = 1 << 16
_ACCOUNT = "peer"


@asynccontextmanager
async def copying(asterisk: Asterisk, path: Path) -> AsyncIterator[None]:
    """Write the stream to a .gz file until the block ends, its listings first, as a capture has them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.ports.ami)
    login = f"Action: Login\r\nUsername: {_ACCOUNT}\r\nSecret: {SECRETS[_ACCOUNT]}\r\n\r\n"
    listings = "Action: QueueStatus\r\nActionID: 1\r\n\r\nAction: CoreShowChannels\r\nActionID: 2\r\n\r\n"
    writer.write((login + listings).encode())
    heard = bytearray()
    copy = asyncio.create_task(_copy(reader, heard))
    try:
        await until(lambda: b"Event: CoreShowChannelsComplete" in heard, within=10, what="the listings")
        yield
    finally:
        copy.cancel()
        writer.close()
        with gzip.open(path, "wb") as file:
            file.write(heard)


async def _copy(reader: asyncio.StreamReader, heard: bytearray) -> None:
    while chunk := await reader.read(_CHUNK):
        heard += chunk
