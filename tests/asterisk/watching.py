"""A real ``ringwatch run`` beside a real Asterisk, and what it said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from ringwatch.core.facts import Call, Fact

from .lab import SECRETS, Asterisk
from .sipp import until

_START_WITHIN = 20.0
_decoder = msgspec.json.Decoder(Fact)


def read_facts(path: Path) -> list[Fact]:
    """Read the facts that were written so far; whole lines only, the last may be on its way."""
    text = path.read_bytes() if path.exists() else b""
    return [_decoder.decode(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


class Daemon:
    """One ``ringwatch run`` process."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.facts_file = folder / "facts.jsonl"
        self.log_file = folder / "log.jsonl"

    @property
    def facts(self) -> list[Fact]:
        """What it told so far."""
        return read_facts(self.facts_file)

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self.log_file.read_text()

    @property
    def address(self) -> str | None:
        """Where it says it listens, once it does."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{") and line.endswith("}")]
        return next((str(line["listen"]) for line in lines if line["event"] == "started"), None)

    async def get(self, path: str) -> tuple[int, str]:
        """Fetch a page; status 0 when nobody listens."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://{self.address}{path}") as response:
                return response.status, await response.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def ready(self) -> None:
        """Wait until it is attached."""
        async with asyncio.timeout(_START_WITHIN):
            while self.address is None or (await self.get("/-/ready"))[0] != 200:
                if self.process.returncode is not None:
                    raise RuntimeError(f"ringwatch ended with {self.process.returncode}: {self.log}")
                await asyncio.sleep(0.05)

    async def until(self, predicate: Callable[[list[Fact]], bool], *, what: str, within: float = 20.0) -> None:
        """Wait until the facts satisfy a predicate."""
        try:
            await until(lambda: predicate(self.facts), within=within, what=what)
        except TimeoutError as error:
            told = "\n".join(map(str, self.facts))
            raise TimeoutError(f"{error}; told:\n{told}\nlogged:\n{self.log}") from None

    async def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 10)


def ended(facts: Iterable[Fact]) -> int:
    """Count the calls that are over."""
    return sum(isinstance(fact, Call) for fact in facts)


def write_configuration(folder: Path, configuration: str) -> Path:
    """Write ``ringwatch.toml``, with a free port for the pages and readable by nobody else; return where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "ringwatch.toml"
    file.write_text(f'{configuration}\n[web]\nlisten = "127.0.0.1:0"\n')
    file.chmod(0o600)
    return file


def pbx_table(asterisk: Asterisk, account: str = "ringwatch", more: str = "") -> str:
    """Write the configuration of one PBX."""
    return (
        f'[[pbx]]\nname = "main"\nhost = "127.0.0.1"\nport = {asterisk.ports.ami}\n'
        f'username = "{account}"\nsecret = "{SECRETS[account]}"\ntrunks = ["PJSIP/trunk"]\n{more}\n'
    )


@asynccontextmanager
async def watching(folder: Path, configuration: str) -> AsyncIterator[Daemon]:
    """Run ``ringwatch run`` with a configuration until the block ends; it is attached when the block begins."""
    file = write_configuration(folder, configuration)
    command = (sys.executable, "-m", "ringwatch", "run", "--config", str(file), "--facts", str(folder / "facts.jsonl"))
    with (folder / "log.jsonl").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env={**os.environ})
    daemon = Daemon(folder, process)
    try:
        await daemon.ready()
        yield daemon
        assert await daemon.stop() in {0, -signal.SIGKILL}, daemon.log
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
