"""One SIPp process that speaks SIP for many phones or callers, told what to do call by call.

SIPp wakes up a thousand times a second whatever it does (2 % of a core), so one process per phone would cost more than
Asterisk itself. And a test that wants "the agent hangs up now" needs a way in. Hence: one process for all phones, one
for all callers, scenarios that wait for requests of our own making, and log lines back through a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, TypeVar

T = TypeVar("T")
SCENARIOS = Path(__file__).parent / "sipp"
LIFETIME = 7200  # seconds: the end of any SIPp, should all else fail
_READY_WITHIN = 10.0
_OURS = "<sip:test@127.0.0.1>"
# What the scenarios provide for: a request of ours that came a moment too late, the end of lingering, crossing BYEs, a
# NOTIFY in the middle of something else.
_PROVIDED = (_OURS, "jumping to label", "unexpected BYE", "Automatic response mode")
_ENTRY = re.compile(r"(?=\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\.\d+\t)")


class SippError(Exception):
    """SIPp did not start, or a call did not go as it must."""


class Listener(Protocol):
    """What hears the log lines of a SIPp."""

    def __call__(self, call_id: str, event: str, at: float, rest: list[str]) -> None:
        """Hear of one event of one call, at SIPp's own time."""


class Sipp:
    """A running SIPp with one of our scenarios."""

    _numbers = itertools.count(1)

    def __init__(self, scenario: str, ports: tuple[int, int, int], asterisk_port: int, folder: Path) -> None:
        """Prepare; `ports` are for SIP, for SIPp's own control and for media that is never sent."""
        self.scenario = scenario
        self.error_file = folder / f"{scenario}.errors"
        self._port, self._control, self._media = ports
        self.asterisk_port = asterisk_port
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = False

    async def start(self, listener: Listener) -> Self:
        """Run it and return once it hears SIP."""
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "sipp"),
                *("-sf", str(SCENARIOS / f"{self.scenario}.xml")),
                *("-i", "127.0.0.1", "-bind_local", "-p", str(self._port)),
                *("-ci", "127.0.0.1", "-cp", str(self._control), "-mi", "127.0.0.1", "-mp", str(self._media)),
                *("-nostdin", "-aa", "-default_behaviors", "all,-abortunexp"),
                *("-timeout", f"{LIFETIME}s", "-watchdog_interval", "0"),
                *("-trace_err", "-error_file", str(self.error_file)),
                *("-trace_logs", "-log_file", f"/dev/fd/{writing}", f"127.0.0.1:{self.asterisk_port}"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(writing,),
                start_new_session=True,
                cwd=self.error_file.parent,
            )
        finally:
            os.close(writing)
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(reading, "rb", 0))
        self._reading = asyncio.create_task(self._read(lines, listener))
        self._transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol,
            remote_addr=("127.0.0.1", self._port),
        )
        await until(self._hears, within=_READY_WITHIN, what=f"SIPp ({self.scenario}) to hear", step=0.005)
        return self

    def _hears(self) -> bool:
        """Whether a probe came back: SIPp drops what comes in its first moments, though its port is bound."""
        if not self._ready:
            self.tell(f"probe{next(self._numbers)}", "PROBE")
        return self._ready

    async def _read(self, lines: asyncio.StreamReader, listener: Listener) -> None:
        """Hand each log line on: `call-id event date time epoch rest...`."""
        while line := await lines.readline():
            call_id, event, _date, _time, at, *rest = line.decode(errors="replace").split()
            if event == "ready":
                self._ready = True
            else:
                listener(call_id, event, float(at), rest)

    def tell(self, call_id: str, request: str, **headers: str) -> None:
        """Send a request of our own making to one call of the scenario; headers X_Y become X-Y."""
        if self._reading is not None and self._reading.done():
            self._reading.result()  # raises what stopped us from listening
        if self._transport is None or self._process is None or self._process.returncode is not None:
            raise SippError(f"SIPp ({self.scenario}) does not run: {self.errors()}")
        number = next(self._numbers)
        branch = f"z9hG4bK{os.getpid()}x{number}"
        lines = [
            f"{request} sip:{self.scenario}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch={branch}t",
            f"From: {_OURS};tag={number}",
            "To: <sip:test@127.0.0.1>",
            f"Call-ID: {call_id}",
            f"CSeq: 0 {request}",
            f"X-Branch: {branch}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
            "Content-Length: 0",
        ]
        self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(errors="surrogateescape"))

    def errors(self, limit: int = 2000) -> str:
        """What SIPp did not expect of Asterisk, the first of it."""
        if not self.error_file.exists():
            return ""
        entries = _ENTRY.split(self.error_file.read_text(errors="replace"))[1:]
        return "".join(entry for entry in entries if not any(part in entry for part in _PROVIDED))[:limit]

    async def close(self) -> None:
        """End it; its calls are simply gone."""
        if self._transport is not None:
            self._transport.close()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        if self._reading is not None:
            await self._reading  # ends with the pipe


async def until(predicate: Callable[[], T], *, within: float, what: str, step: float = 0.02) -> T:
    """Wait until the predicate holds and return its value; a test waits for conditions, never for fixed times."""
    deadline = time.monotonic() + within
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within:.0f} s for {what}")
        await asyncio.sleep(step)
    return value
