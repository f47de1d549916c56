"""ringwatch itself, as a program of its own: `ringwatch run`, and a simulated desk for it to watch."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from ringwatch.simulator import DEFAULT_PLAN, Account, SimulatorServer, around_the_clock, scaled
from tests.parts.program import Program

ROOT = Path(__file__).parents[2]

_SETTINGS = """
pbx = [{{name = "main", port = {port}, username = "simulated", secret = "simulated"}}]
metrics.agents = true
webhook = [{{name = "pager", url = "http://127.0.0.1:9/"}}] # Nobody listens there.
line."town hall" = {{extensions = ["5000"]}}
standard = {{callback_seconds = 60, wrapup_seconds = 10}}
queue."front".hours = {{timezone = "UTC", week = {{mon-sun = "closed"}}}}
"""
_LOAD = 3.0


class Daemon(Program):
    """`ringwatch run`; its pages are at ``port``.

    :param settings: its configuration, but for where the pages are.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        """Write the configuration."""
        super().__init__(folder)
        (folder / "ringwatch.toml").write_text(f'web.listen = "127.0.0.1:{self.port}"\n{settings}')

    def command(self) -> Sequence[str]:
        """Return how it is started."""
        return (
            "env",
            f"PYTHONPATH={ROOT}{os.pathsep}",
            sys.executable,
            "-m",
            "ringwatch",
            "run",
            "-c",
            "ringwatch.toml",
        )


@contextlib.asynccontextmanager
async def desk_at_work(folder: Path, *, speed: float) -> AsyncIterator[Daemon]:
    """Let a daemon watch a desk that has far too much to do, and one queue that is closed.

    :param speed: its seconds in a second.
    """
    plan = scaled(around_the_clock(DEFAULT_PLAN), _LOAD)
    account = Account(username="simulated", secret="simulated")  # noqa: S106 - of a simulator
    async with (
        SimulatorServer(plan, account=account, seed=1, speed=speed) as server,
        Daemon(folder, _SETTINGS.format(port=server.port)) as daemon,
    ):
        yield daemon
