"""Posting to web servers, for every sink that does: how one is asked, and how it is gone on with when it says no.

Rules:

* No connection is kept. Alerts are rare: one that went stale in a quiet hour would cost the first of them an attempt.
* Nothing is followed to another address: what is sent is for the one that was configured.
* A failure is counted every time and told once, until its reason changes or it is over.
* After a failure there is a pause, which grows up to `LONGEST_PAUSE_SECONDS`; something new to tell ends it early.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, get_args

import aiohttp

from ringwatch import __version__
from ringwatch.config.push import Access
from ringwatch.config.tls import TlsConfig
from ringwatch.errors import NotDelivered
from ringwatch.flow.remote import Backoff, tls_context
from ringwatch.telemetry import DeliveryFailed, DeliveryResumed, Telemetry

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
FAREWELL_SECONDS = 3.0
"""Most that a last attempt takes when the daemon ends."""

Result = Literal["taken", "refused", "failed"]
Counts = Counter[tuple[str, str, str]]
"""Of requests, by sink, by where to, and by `Result`."""

_LONGEST_ANSWER = 1 << 20
_LONGEST_TOLD = 200
_REDIRECTED = 300
_REMEDIES = {
    401: "see username and password, or bearer_token",
    403: "see what this account may do there",
    404: "see the address, and a prefix before its paths",
}


class WebServer:
    """Speaks to a web server as one account, and believes it as its ``tls`` table says.

    :raises ringwatch.errors.TlsFailed: a file of the table is not what it should be.
    """

    def __init__(self, access: Access) -> None:
        tls = access.tls or TlsConfig()
        self._ssl = tls_context(tls)
        self._server_name = tls.server_name
        self._seconds = access.timeout_seconds
        self._headers = {"User-Agent": f"ringwatch/{__version__}"}
        if access.username is not None and access.password is not None:
            login = f"{access.username}:{access.password.get_secret_value()}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        elif access.bearer_token is not None:
            self._headers["Authorization"] = f"Bearer {access.bearer_token.get_secret_value()}"

    async def get(self, url: str) -> bytes:
        """Fetch a page.

        :raises ringwatch.errors.NotDelivered: there is none to be had.
        """
        return await self._ask("GET", url)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send some JSON.

        :raises ringwatch.errors.NotDelivered: it was not taken.
        """
        await self._ask("POST", url, body, {"Content-Type": "application/json", **(headers or {})})

    async def _ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=self._ssl, force_close=True),
                    timeout=aiohttp.ClientTimeout(total=self._seconds),
                    headers=self._headers,
                ) as session,
                session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    server_hostname=self._server_name,
                ) as response,
            ):
                status, reason = response.status, response.reason or ""
                well = status < _REDIRECTED
                # What was taken stays taken, also when the server falls silent behind the status.
                answer = b"" if well and body is not None else await _read(response.content)
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {self._seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(_why(error)) from error
        if not well:
            said = answer.decode("utf-8", "replace").strip()[:_LONGEST_TOLD]
            message = " ".join(part for part in ("HTTP", str(status), reason) if part) + (f": {said}" if said else "")
            raise NotDelivered(message, remedy=_REMEDIES.get(status), refused=True)
        return answer


async def _read(stream: aiohttp.StreamReader) -> bytes:
    """Read to the end, or as far as anybody needs to."""
    answer = b""
    async for part in stream.iter_any():
        answer += part
        if len(answer) > _LONGEST_ANSWER:
            break
    return answer


def _why(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            why = f"no TLS: {getattr(cause, 'verify_message', '') or cause}"
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as cause):
            why = f"no TLS: {cause.reason or cause}"
        case aiohttp.ClientConnectorError(os_error=cause):
            # asyncio's own words name the address again; a name that is not found has no number of the system's.
            why = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror or str(cause)
        case aiohttp.ServerDisconnectedError():
            why = "the connection was closed without an answer"
        case aiohttp.ClientResponseError():
            why = f"what answered does not speak HTTP: {error.message}"
        case aiohttp.InvalidURL():
            # Its text is the address, which may be a secret.
            why = "nothing can be at this address"
        case _:
            why = str(error) or type(error).__name__
    return why


class Remote:
    """One web server of a sink, and how delivering to it goes.

    :param where: what it is called in the log and in metrics.
    :param counts: where every request is counted.
    """

    def __init__(self, sink: str, where: str, server: WebServer, says: Telemetry, counts: Counts) -> None:
        self.where = where
        self.changed = asyncio.Event()
        """Set when there is something new to tell."""
        self.pause: float | None = None
        """Seconds to wait after a failure; ``None`` after a success."""
        self._sink = sink
        self._server = server
        self._says = says
        self._counts = counts
        self._backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._failures = 0
        self._failing_since = 0.0
        self._told = ""
        for result in get_args(Result):
            counts[sink, where, result] += 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> bool:
        """Send some JSON; return whether it was taken."""
        try:
            await self._server.post(url, body, headers)
        except NotDelivered as error:
            self._failed(error)
            return False
        self._count("taken")
        if self._failures:
            seconds = round(time.monotonic() - self._failing_since, 3)
            self._says.emit(
                DeliveryResumed(sink=self._sink, where=self.where, failures=self._failures, seconds=seconds)
            )
            self._failures, self._told, self.pause = 0, "", None
            self._backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        return True

    async def rest(self, seconds: float | None) -> None:
        """Wait until there is something new to tell, and not longer than some seconds, if any."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        self.changed.clear()

    def _failed(self, error: NotDelivered) -> None:
        self._count("refused" if error.refused else "failed")
        if not self._failures:
            self._failing_since = time.monotonic()
        self._failures += 1
        self.pause = self._backoff.pause()
        if error.message != self._told:
            self._told = error.message
            self._says.emit(DeliveryFailed(sink=self._sink, where=self.where, why=error.message, remedy=error.remedy))

    def _count(self, result: Result) -> None:
        self._counts[self._sink, self.where, result] += 1


async def attend(taking: Coroutine[Any, Any, None], workers: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Let workers deliver while records are taken in; when there are no more, they have `FAREWELL_SECONDS` to end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker) for worker in workers]
        await taking
        _, late = await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
        for task in late:
            task.cancel()
