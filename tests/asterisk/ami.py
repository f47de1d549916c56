"""A small AMI client that shares nothing with ringwatch: what it sees and does is the second opinion of every test."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from typing import Self

ANSWER_WITHIN = 10.0
MESSAGE_LIMIT = 1 << 22


class AmiError(Exception):
    """Asterisk refused an action, or the connection is gone."""


class Manager:
    """One logged-in AMI session. Actions are answered one at a time: a test never needs two at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap an open connection; use `connect`."""
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, port: int, user: str, secret: str) -> Self:
        """Log in and wait until Asterisk has loaded everything: before that the dialplan is not there."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MESSAGE_LIMIT)
        manager = cls(reader, writer)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await reader.readline()
                await manager._request("Login", {"Username": user, "Secret": secret, "Events": "system"})
                while (await manager._message()).get("Event") != "FullyBooted":
                    pass
                await manager._request("Events", {"EventMask": "off"})
        except BaseException:
            writer.close()
            raise
        return manager

    async def close(self) -> None:
        """Drop the connection; Asterisk needs no farewell."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def closed(self) -> bool:
        """Whether Asterisk or we ended the session."""
        return self._writer.is_closing() or self._reader.at_eof()

    async def action(self, action: str, headers: dict[str, str | Sequence[str]]) -> dict[str, str]:
        """Do something and return the headers of the response; a refusal raises AmiError."""
        async with self._turn, asyncio.timeout(ANSWER_WITHIN):
            return await self._request(action, headers)

    async def items(self, action: str, headers: dict[str, str | Sequence[str]]) -> list[dict[str, str]]:
        """Ask for a list (CoreShowChannels, QueueStatus and the like) and return its items."""
        found: list[dict[str, str]] = []
        async with self._turn, asyncio.timeout(ANSWER_WITHIN):
            response = await self._request(action, headers)
            while (message := await self._message()).get("EventList") != "Complete":
                if message.get("ActionID") == response["ActionID"]:
                    found.append(message)
        return found

    async def _request(self, action: str, headers: dict[str, str | Sequence[str]]) -> dict[str, str]:
        """Send an action and skip to its response."""
        number = f"witness-{next(self._ids)}"
        lines = [f"Action: {action}", f"ActionID: {number}"]
        for name, value in headers.items():
            lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()
        while True:
            message = await self._message()
            if "Response" in message and message.get("ActionID") == number:
                if message["Response"] == "Error":
                    raise AmiError(f"{action} {headers}: {message.get('Message', message)}")
                return message

    async def _message(self) -> dict[str, str]:
        """Read one message; the values of a repeated header are joined by newlines."""
        try:
            raw = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError) as error:
            self._writer.close()
            msg = "Asterisk closed the AMI connection"
            raise AmiError(msg) from error
        message: dict[str, str] = {}
        for line in raw.decode(errors="surrogateescape").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                value = value.removeprefix(" ")
                message[name] = f"{message[name]}\n{value}" if name in message else value
        return message
