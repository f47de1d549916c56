"""The demonstration: everything on loopback, with nothing else installed."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from tests.accounting import families
from tests.waiting import until

ROOT = Path(__file__).parents[1]
DEMO = [sys.executable, "-m", "ringwatch", "demo"]


def test_it_shows_figures_and_ends_by_itself() -> None:
    """Where everything is, and a table of every queue and line with callers in it."""
    result = subprocess.run(
        [*DEMO, "--seconds", "5", "--port", "0"], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"Simulated Asterisk   127\.0\.0\.1:\d+ \(Manager Interface, 30 x real time\)", lines[0])
    assert re.fullmatch(r"ringwatch            http://127\.0\.0\.1:\d+/", lines[1])
    assert lines[2] == f"Metrics              {lines[1].split()[1]}metrics"
    rows = {line.split("  ")[0].strip(): line.split() for line in lines[3:]}
    assert {"support", "sales", "billing", "front"} <= rows.keys()
    offered = [int(rows[queue][4]) for queue in ("support", "sales", "billing", "front")]
    assert sum(offered) > 0


async def test_its_pages_are_there_while_it_runs() -> None:
    """Ready soon, with metrics of a desk at work; Ctrl-C is a good end."""
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--port", "0", "--speed", "300", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout
        await process.stdout.readline()
        address = (await process.stdout.readline()).decode().split()[1]
        offered = 0.0

        async def has_callers(session: aiohttp.ClientSession) -> float:
            async with session.get("/metrics") as response:
                page = await response.text()
            return sum(
                sample.value
                for family in families(page)
                if family.name == "ringwatch_calls_offered"
                for sample in family.samples
            )

        async with aiohttp.ClientSession(address) as session:
            deadline = time.monotonic() + 30
            while not offered and time.monotonic() < deadline:
                offered = await has_callers(session)
                await asyncio.sleep(0.1)
            async with session.get("/-/ready") as response:
                assert response.status == 200
        assert offered
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        await until(lambda: process.returncode is not None, "the end")
        assert (process.returncode, time.monotonic() - began < 2) == (0, True)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_a_port_that_is_taken_is_one_line_and_status_1() -> None:
    """Perhaps by a demonstration that runs already."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [*DEMO, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ringwatch: cannot listen on 127.0.0.1:{port}: Address already in use")
