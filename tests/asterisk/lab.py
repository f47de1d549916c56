"""One real Asterisk, 22 or 16, in its chroot: its own ports, configuration, logs, database and run folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from .ami import AmiError, Manager
from .certificates import make_certificates
from .slots import CACHE, Slot

AGENTS = [str(number) for number in range(101, 131)]
SECRETS = {"ringwatch": "rw-secret", "peer": "peer-secret", "poor": "poor-secret", "admin": "admin-secret"}

_TEMPLATES = Path(__file__).parent / "config"
_START_WITHIN = 40.0  # an idle machine needs less than one second
_STOP_WITHIN = 10.0


class AsteriskError(Exception):
    """Asterisk is not there, or did not start."""


class Asterisk:
    """An Asterisk process. `start` and `stop`, or `kill` and `start`, keep its ports, files and database."""

    def __init__(self, version: str, *, channelvars: Sequence[str] = ()) -> None:
        """Reserve ports and write the configuration; nothing runs yet."""
        self.version = version
        self.root = CACHE / f"asterisk-{version}"
        if not (self.root / ".ringwatch-complete").exists():
            raise AsteriskError(f"there is no Asterisk {version} in {self.root}: run tests/install")
        self._slot = Slot()
        self.ports = self._slot.ports
        self._inside = f"/lab/{self._slot.number}"  # the folder as Asterisk sees it
        self.folder = self.root / self._inside[1:]
        self.etc = self.folder / "etc"
        self._command = ("chroot", str(self.root), "/usr/sbin/asterisk", "-C", f"{self._inside}/etc/asterisk.conf")
        self._process: asyncio.subprocess.Process | None = None
        self.on_kill: list[Callable[[], None]] = []
        try:
            self._lay_out(channelvars)
        except BaseException:
            self._slot.release()
            raise

    def _lay_out(self, channelvars: Sequence[str]) -> None:
        for stale in CACHE.glob(f"asterisk-*{self._inside}"):  # of a test run that was killed
            shutil.rmtree(stale, ignore_errors=True)
        for name in ("etc", "db", "run", "spool", "sip", "log/cdr-csv", "log/cel-custom"):
            (self.folder / name).mkdir(parents=True)
        make_certificates(self.etc)
        self.configure(channelvars=channelvars)

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop and remove every file."""
        await self.close()

    @property
    def ca_file(self) -> Path:
        """The authority that signed its AMI certificate."""
        return self.etc / "ca.crt"

    @property
    def queue_log(self) -> Path:
        """What app_queue wrote."""
        return self.folder / "log/queue_log"

    @property
    def cdr(self) -> Path:
        """Call detail records, in GMT."""
        return self.folder / "log/cdr-csv/Master.csv"

    @property
    def cel(self) -> Path:
        """Channel event log, in the columns of cel_custom.conf."""
        return self.folder / "log/cel-custom/Master.csv"

    @property
    def log(self) -> Path:
        """Its notices, warnings, errors and verbose lines."""
        return self.folder / "log/full"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process, for signals such as SIGSTOP."""
        if self._process is None:
            msg = "Asterisk was never started"
            raise AsteriskError(msg)
        return self._process.pid

    def configure(self, *, channelvars: Sequence[str] = ()) -> None:
        """Write all configuration files from the templates; a running Asterisk needs a reload to see them."""
        agents = "".join(
            f"[{number}](anyone)\ncontext=internal\ncall_group=1\npickup_group=1\n"
            f"callerid=Agent {number} <{number}>\naors={number}\n"
            f"[{number}](place)\ncontact=sip:{number}@127.0.0.1:{self.ports.phones}\n"
            for number in AGENTS
        )
        values = {name: str(value) for name, value in vars(self.ports).items()}
        values |= {"folder": self._inside, "channelvars": ",".join(channelvars), "agents": agents}
        for template in sorted(_TEMPLATES.glob("*.conf")):
            text = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template.read_text(encoding="utf-8"))
            (self.etc / template.name).write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """Run it and return once it takes calls."""
        if self.running:
            raise AsteriskError(f"Asterisk {self.version} runs already")
        # The kernel ends it when this process is killed; a session of its own makes its children one group with it.
        with (self.folder / "log/console").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", *self._command, "-f"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(_START_WITHIN):
                await self._booted()
        except TimeoutError:
            tail = self.log_tail()
            await self.kill()
            raise AsteriskError(f"Asterisk {self.version} was not ready after {_START_WITHIN:.0f} s:\n{tail}") from None

    async def _booted(self) -> None:
        """Log in again and again until that works: it answers once everything is loaded."""
        while True:
            if not self.running:
                raise AsteriskError(f"Asterisk {self.version} ended by itself:\n{self.log_tail()}")
            with contextlib.suppress(OSError, AmiError, TimeoutError):
                await (await self.manager()).close()
                return
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it as `service asterisk stop` does: calls are hung up, records are written."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut does: nobody says BYE."""
        await self._end(signal.SIGKILL)
        for hear in self.on_kill:
            hear()

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)  # a frozen one could not hear the other signal
            os.killpg(process.pid, how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever is left of its group
        await process.wait()

    async def close(self) -> None:
        """Kill it and give ports and disk space back. RINGWATCH_TEST_KEEP=1 keeps the files for a look."""
        await self.kill()
        if not os.environ.get("RINGWATCH_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._slot.release()

    async def manager(self, user: str = "admin") -> Manager:
        """Open a new AMI session of the witness."""
        return await Manager.connect(self.ports.ami, user, SECRETS[user])

    async def cli(self, command: str) -> str:
        """Run a console command and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *("-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        return output.decode(errors="replace")

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines of its log and console: what to show when something went wrong."""
        files = [path for path in (self.folder / "log/console", self.log) if path.exists()]
        return "\n".join("\n".join(path.read_text(errors="replace").splitlines()[-lines:]) for path in files)
