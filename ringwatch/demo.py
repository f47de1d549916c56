"""The demonstration: simulator and daemon on loopback in one process, live figures in the terminal."""

from __future__ import annotations

import asyncio
import secrets
import sys

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ringwatch import app, config, telemetry
from ringwatch.simulator import DEFAULT_PLAN, Account, SimulatorServer, around_the_clock, scaled
from ringwatch.sinks.summary import Summary

_TERMINAL_SECONDS = 0.5
# Off a terminal every table stays in sight: a log has room for one now and then.
_LOG_SECONDS = 5.0


async def run_demo(*, seed: int, speed: float, port: int, seconds: float | None) -> None:
    """Run until Ctrl-C, or for some seconds.

    :param speed: how many times faster than real time the simulated desk lives.
    :param port: of the web pages; 0 lets the system choose.
    """
    telemetry.configure("warning", "auto", sys.stderr)
    console = Console()
    stop = asyncio.Event()
    # A demonstration at night has as much to show as one in the morning.
    plan = scaled(around_the_clock(DEFAULT_PLAN), 1.3)
    lines = ", ".join(f'"{line.name}" = {{extensions = ["{line.exten}"]}}' for line in plan.lines)
    account = Account(username="demo", secret=secrets.token_hex(8))
    with app.stopped_by_signals(stop):
        async with SimulatorServer(plan, account=account, seed=seed, speed=speed) as server:
            settings = config.parse(
                f'pbx = [{{name = "demo", port = {server.port}, username = "demo", secret = "{account.secret}"}}]\n'
                f'web.listen = "127.0.0.1:{port}"\nline = {{{lines}}}\n'
                # A simulated minute of silence is two seconds, at the usual speed.
                f"alert.data_stale.threshold = {60 * max(speed, 1)}\n",
                "the demonstration's configuration",
            )
            summary = Summary()
            daemon = app.Daemon(settings, telemetry.Telemetry(), sinks=[summary])

            def started(address: str) -> None:
                console.print(
                    f"Simulated Asterisk   127.0.0.1:{server.port} (Manager Interface, {speed:g} x real time)"
                )
                console.print(f"ringwatch            http://{address}/")
                console.print(f"Metrics              http://{address}/metrics")

            show = asyncio.create_task(_show(console, summary, stop))
            async with app.ended_after(seconds, stop):
                await daemon.run(stop, started)
            await show


async def _show(console: Console, summary: Summary, stop: asyncio.Event) -> None:
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            while not await _wait(stop, _TERMINAL_SECONDS):
                live.update(Group(summary.table(live=True), Text("Ctrl-C ends it", style="dim")), refresh=True)
        return
    ended = False
    while not ended:
        ended = await _wait(stop, _LOG_SECONDS)
        console.print(summary.table(live=True))


async def _wait(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
