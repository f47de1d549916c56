"""The default source: a live AMI connection over asyncio streams, plain or TLS.

Rules:

* Reading never waits for anything but the network. Asterisk cuts off a reader that lets 100 ms of output pile up
  (manager.conf, writetimeout).
* A connection is half open when nothing arrives for ``read_timeout``, Ping's answer included.
* It is opened again for ever, with pauses (`ringwatch.sources.live`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator

from ringwatch.ami.session import Session, SessionState
from ringwatch.config import PbxConfig
from ringwatch.errors import ConnectFailed, ConnectionLost, ConnectionSilent, TlsFailed
from ringwatch.flow.ports import Attached, Batch, Item
from ringwatch.flow.remote import tls_context
from ringwatch.sources.live import stay_attached

_READ_SIZE = 256 * 1024


class AmiSource:
    """A live connection that is opened again whenever it breaks.

    :param give_up: end with the error when the first attempt fails in a way only a person can mend.
    """

    def __init__(self, pbx: PbxConfig, *, give_up: bool = False) -> None:
        """Prepare; nothing is opened yet."""
        self._pbx = pbx
        self._where = f"{pbx.host}:{pbx.port}"
        self._give_up = give_up

    def items(self) -> AsyncIterator[Item]:
        """Yield what happens, for ever.

        :raises ringwatch.errors.SourceError: the source gave up.
        """
        return stay_attached(self._pbx, self._connection, give_up=self._give_up)

    async def _connection(self) -> AsyncIterator[Item]:
        pbx = self._pbx
        reader, writer = await self._open()
        session = Session(pbx.username, pbx.secret.get_secret_value(), pbx.login)
        try:
            async for batch in self._log_in(session, reader, writer):
                yield batch
            yield Attached(time.time(), self._where, session.version)
            async for batch in self._listen(session, reader, writer):
                yield batch
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        pbx = self._pbx
        context = tls_context(pbx.tls) if pbx.tls else None
        name = (pbx.tls.server_name or pbx.host) if pbx.tls else None
        try:
            async with asyncio.timeout(pbx.connect_timeout):
                return await asyncio.open_connection(
                    pbx.host, pbx.port, ssl=context, server_hostname=name, limit=_READ_SIZE
                )
        except ssl.SSLError as error:
            raise self._tls_failed(error) from error
        except TimeoutError as error:
            message = f"no answer from {self._where} within {pbx.connect_timeout:g} s"
            raise ConnectFailed(message) from error
        except (OSError, UnicodeError) as error:
            # UnicodeError: a name that cannot be one, such as "a..b".
            message = f"cannot connect to {self._where}: {_reason(error)}"
            raise ConnectFailed(message) from error

    def _tls_failed(self, error: ssl.SSLError, remedy: str | None = None) -> TlsFailed:
        why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
        return TlsFailed(f"no TLS with {self._where}: {why or error}", remedy=remedy)

    async def _log_in(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncIterator[Batch]:
        deadline = time.monotonic() + self._pbx.login_timeout
        while session.state is not SessionState.UP:
            nothing_yet = session.state is SessionState.BANNER
            try:
                data = await self._read(reader, deadline - time.monotonic())
            except ConnectionLost as error:
                if nothing_yet and self._pbx.tls:
                    raise self._turned_away(error) from error
                raise
            if data is None:
                tls = " (a TLS port would wait like this)" if nothing_yet and not self._pbx.tls else ""
                waited = f"{session.state.value} for {self._pbx.login_timeout:g} s{tls}"
                message = f"{self._where} is silent while {waited}"
                raise ConnectionSilent(message)
            blocks = session.receive(data)
            await self._send(session, writer)
            yield Batch(blocks, time.time(), len(data))

    def _turned_away(self, error: ConnectionLost) -> TlsFailed | ConnectionLost:
        # With TLS 1.3 a client learns only after its own handshake that the server refused its certificate.
        remedy = "if it demands a client certificate, give cert_file and key_file of one that it trusts"
        if isinstance(error.__cause__, ssl.SSLError):
            return self._tls_failed(error.__cause__, remedy)
        return ConnectionLost(error.message, remedy=remedy)

    async def _listen(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncIterator[Batch]:
        heard = time.monotonic()
        next_ping = heard + self._pbx.ping_seconds
        while True:
            now = time.monotonic()
            if now - heard >= self._pbx.read_timeout:
                message = f"{self._where} has been silent for {self._pbx.read_timeout:g} s, pings included"
                raise ConnectionSilent(message)
            if now >= next_ping:
                session.ping()
                await self._send(session, writer)
                next_ping = now + self._pbx.ping_seconds
            data = await self._read(reader, min(next_ping, heard + self._pbx.read_timeout) - now)
            if data is None:
                continue
            heard = time.monotonic()
            yield Batch(session.receive(data), time.time(), len(data))
            await self._send(session, writer)

    async def _read(self, reader: asyncio.StreamReader, patience: float) -> bytes | None:
        """Read what is there; ``None`` when nothing came in time."""
        try:
            async with asyncio.timeout(max(patience, 0)) as limit:
                data = await reader.read(_READ_SIZE)
        except OSError as error:
            # TCP has a TimeoutError of its own, and that one is an end.
            if limit.expired():
                return None
            message = f"the connection to {self._where} broke: {_reason(error)}"
            raise ConnectionLost(message) from error
        if not data:
            message = f"{self._where} closed the connection"
            raise ConnectionLost(message)
        return data

    async def _send(self, session: Session, writer: asyncio.StreamWriter) -> None:
        if data := session.take_outgoing():
            try:
                writer.write(data)
                async with asyncio.timeout(self._pbx.read_timeout):
                    await writer.drain()
            except OSError as error:
                message = f"the connection to {self._where} broke: {_reason(error)}"
                raise ConnectionLost(message) from error


def _reason(error: OSError | UnicodeError) -> str:
    # asyncio's own words, such as "Connect call failed ('127.0.0.1', 5038)", name the address a second time.
    if isinstance(error, OSError) and error.errno and error.errno > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
