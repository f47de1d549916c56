"""Row 12 of the standard, scale up in time, on a real Asterisk, with half an hour scaled down to thirty seconds.

The promise of 20 s is scaled down to 1 s, so that callers feel it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import isnan
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ringwatch.core.facts import Fact
from ringwatch.core.rules import Alert
from tests.waiting import PATIENCE_SECONDS

from .desk import Desk
from .phones import Manner
from .watching import Daemon, pbx_table, watching

CARE = [str(number) for number in range(109, 119)]
"""The ten members of care."""
SCALED = """
[standard]
staffing_window_seconds = 30
service_level_seconds = 1
wrapup_seconds = 2
[alert.understaffed]
hold_off_seconds = 1
clear_seconds = 1
"""
PREFIX = "ringwatch_queue_agents_"
EVERY = 0.6
"""Seconds from caller to caller."""
TALK = 1.0


async def agents_shown(daemon: Daemon) -> dict[str, float]:
    """Return what the page says of the agents of care: required, present, short."""
    _, page = await daemon.get("/metrics")
    return {
        sample.name.removeprefix(PREFIX): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith(PREFIX) and sample.labels["queue"] == "care"
    }


async def shown(daemon: Daemon, what: str, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Wait until what the page says is as wanted, and return it."""
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while not wanted(agents := await agents_shown(daemon)):
        assert time.monotonic() < deadline, f"waited in vain for {what}: {agents}"
        await asyncio.sleep(0.05)
    return agents


def understaffed(facts: list[Fact]) -> list[str]:
    """Return what became of the alert."""
    return [fact.state for fact in facts if isinstance(fact, Alert) and fact.name == "RingwatchUnderstaffed"]


@asynccontextmanager
async def callers_coming(desk: Desk) -> AsyncIterator[None]:
    """Let callers come at an even pace; when the block ends those who are left hang up."""
    calls = []

    async def come() -> None:
        while True:
            calls.append(desk.dial("6000"))
            await asyncio.sleep(EVERY)

    coming = asyncio.create_task(come())
    try:
        yield
    finally:
        coming.cancel()
    for call in calls:
        call.hangup()
    await asyncio.gather(*(call.done() for call in calls))


async def pause(desk: Desk, *numbers: str, paused: bool) -> None:
    """Send agents to lunch, or let them come back."""
    for number in numbers:
        await desk.ami("QueuePause", Interface=f"PJSIP/{number}", Paused=str(paused).lower(), Reason="lunch")


async def test_row_12_agents_go_to_lunch_and_come_back(desk: Desk, tmp_path: Path) -> None:
    """By hand: a caller every 0.6 s with 1 s of talk and 2 s of wrap-up is 5 erlang, or 6 agents who are 85 % busy.

    One has stayed, who is too few however few callers that was estimated from; then all ten are there, who are enough
    however many. Who is there is told at once, and so is the alert.
    """
    desk.phones({number: Manner(ring=0.1, hangup_after=TALK) for number in CARE})
    async with watching(tmp_path, pbx_table(desk.asterisk, more=SCALED)) as daemon:
        await shown(daemon, "ten agents", lambda agents: agents.get("present") == 10)
        await pause(desk, *CARE[1:], paused=True)
        alone = await shown(daemon, "one agent alone", lambda agents: agents["present"] == 1)
        assert isnan(alone["required"])
        async with callers_coming(desk):
            few = await shown(daemon, "an agent to be missing", lambda agents: agents["short"] >= 1)
            assert few["required"] > few["present"] == 1
            await daemon.until(lambda facts: understaffed(facts) == ["raised"], what="the alert")
            await pause(desk, *CARE[1:], paused=False)
            many = await shown(daemon, "nobody to be missing", lambda agents: agents["short"] == 0)
            assert 2 <= many["required"] <= many["present"] == 10
            await daemon.until(lambda facts: understaffed(facts) == ["raised", "cleared"], what="its end")
