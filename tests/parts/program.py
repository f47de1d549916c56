"""A real program on loopback: started, waited for, frozen, killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.waiting import PATIENCE_SECONDS

_STOP_WITHIN = 10.0
# Above the ports of well-known services, below those of the Asterisks and the kernel's own for outgoing connections.
_PORTS = range(5100, 10900)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port among {_PORTS}")


class Program:
    """A program in a folder of its own; what it prints is in ``log``. A subclass says how it is started."""

    def __init__(self, folder: Path) -> None:
        """Make the folder; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.log = folder / f"{type(self).__name__.lower()}.log"
        self._process: asyncio.subprocess.Process | None = None

    def command(self) -> Sequence[str]:
        """Return the program and its arguments."""
        raise NotImplementedError

    async def ready(self) -> bool:
        """Return whether it takes connections; a subclass may ask for more."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        program, *arguments = self.command()
        if shutil.which(program) is None:
            raise RuntimeError(f"there is no {program}: run tests/install")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, *arguments, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not await self.ready():
            late = asyncio.get_running_loop().time() > deadline
            if late or not self.running:
                await self.kill()
                raise RuntimeError(f"{program} {'is not ready' if late else 'ended'}:\n{self.log_tail()}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it as an operator would; by force when it does not listen."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash would."""
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang: its connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            os.kill(self._process.pid, number)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self.thaw()
        self._signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_WITHIN)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        self._process = None
