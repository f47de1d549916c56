"""Coming upon a desk at work: attached in mid-call, through reloads, and through an orderly restart of Asterisk."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import eq
from pathlib import Path

import pytest

from ringwatch.core.facts import Call, Gap, Hold, Leg, QueueVisit, RingAttempt

from .desk import Desk
from .watching import Daemon, ended, pbx_table, watching

HURRY = "ping_seconds = 0.5\nreconnect_max_seconds = 0.5"
SETTLED = 1.6
"""Seconds of the PBX's time after a listing within which an event may still explain what it says, and a little more."""


async def sample(daemon: Daemon, name: str, **labels: str) -> float:
    """Read one sample of the daemon's page, -1 where there is none."""
    _, page = await daemon.get("/metrics")
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in page.splitlines():
        series, _, value = line.rpartition(" ")
        found, _, rest = series.partition("{")
        if found == name and wanted <= set(rest.rstrip("}").split(",")):
            return float(value)
    return -1.0


async def until_sample(daemon: Daemon, predicate: Callable[[float], bool], name: str, **labels: str) -> None:
    """Wait until a sample of the daemon's page satisfies a predicate."""
    deadline = time.monotonic() + 20
    while not predicate(value := await sample(daemon, name, **labels)):
        assert time.monotonic() < deadline, f"{name} {labels} is {value}"
        await asyncio.sleep(0.1)


async def drifts(daemon: Daemon) -> dict[str, float]:
    """Return what listings put right so far."""
    name = "ringwatch_state_drift_total"
    return {what: await sample(daemon, name, what=what) for what in ("callers", "channels", "members")}


async def listed(daemon: Daemon) -> None:
    """Wait until a listing that begins from now on has been heard, and what it says is settled."""
    name, event = "ringwatch_ami_events_total", "CoreShowChannelsComplete"
    count = await sample(daemon, name, event=event)
    await until_sample(daemon, lambda value: value > max(count, 0), name, event=event)
    now = time.time()
    await until_sample(daemon, lambda at: at > now + SETTLED, "ringwatch_last_event_timestamp_seconds")


async def test_attached_in_mid_call(desk: Desk, tmp_path: Path) -> None:
    """A waits, B talks out of a queue, C is on hold, D talks directly: all are followed, and nothing is made up."""
    waiting, held = desk.phone("101", ring=None), desk.phone("106", ring=0.2)
    desk.phone("104", ring=0.2)
    desk.phone("108", ring=0.2)
    a, b, c, d = desk.dial("1000"), desk.dial("2000"), desk.dial("4001"), desk.dial("3000")
    for each in (b, c, d):
        await each.talking()
    await waiting.rings()
    await held.hold()
    async with watching(tmp_path, pbx_table(desk.asterisk, more=HURRY)) as daemon:
        await until_sample(daemon, lambda value: value == 1, "ringwatch_queue_waiting", queue="support")
        await listed(daemon)
        drifted = await drifts(daemon)
        await held.resume()
        await waiting.answer()
        await a.talking()
        for each in (a, b, c, d):
            each.hangup()
        await daemon.until(lambda facts: ended(facts) == 4, what="all four calls to be told")
        facts = daemon.facts
    calls = {fact.caller: fact for fact in facts if isinstance(fact, Call)}
    legs = {fact.call_id: fact for fact in facts if isinstance(fact, Leg)}
    (visit,) = (fact for fact in facts if isinstance(fact, QueueVisit))
    (hold,) = (fact for fact in facts if isinstance(fact, Hold))
    assert (visit.call_id, visit.outcome, visit.precision) == (calls[a.caller].call_id, "answered", 1.0)
    assert (visit.agent, visit.agent_rings, visit.in_time) == ("Anna", None, None)
    assert visit.wait_seconds == pytest.approx((a.connected or 0) - (a.dialled or 0), abs=1.5)
    assert [fact for fact in facts if isinstance(fact, RingAttempt)] == []
    for each in (b, c, d):
        call = calls[each.caller]
        assert (call.outcome, call.answered, call.answered_at, call.wait_seconds) == ("unknown", True, None, 0.0)
        assert call.started_at == pytest.approx(each.dialled, abs=1.5)
        assert not legs[call.call_id].from_start
    agents = [legs[calls[each.caller].call_id].agent for each in (b, c, d)]
    assert agents == ["Dirk", "Femke", "Front 108"]
    assert hold.call_id == calls[c.caller].call_id
    assert drifted == {"callers": 0, "channels": 0, "members": 0}


async def test_reloads_lose_nothing(desk: Desk, tmp_path: Path) -> None:
    """A caller waits and another talks while all is reloaded: each is told once, and new members are there.

    Pitfall 17.
    """
    waiting = desk.phone("101", ring=None)
    desk.phone("104", ring=0.2)
    queues = desk.asterisk.etc / "queues.conf"
    async with watching(tmp_path, pbx_table(desk.asterisk, more=HURRY)) as daemon:
        a, b = desk.dial("1000"), desk.dial("2000")
        await b.talking()
        await waiting.rings()
        for number, command in enumerate(("core reload", "queue reload all", "module reload app_queue.so"), 1):
            member = f"member => PJSIP/12{number},0,New {number},PJSIP/12{number}\n"
            queues.write_text(queues.read_text().replace("[vip](q)\n", f"[vip](q)\n{member}"))
            await desk.asterisk.cli(command)
            members = partial(eq, float(4 + number))
            await until_sample(daemon, members, "ringwatch_queue_members", queue="vip", state="free")
        await listed(daemon)
        drifted = await drifts(daemon)
        await waiting.answer()
        await a.talking()
        for each in (a, b):
            each.hangup()
        await daemon.until(lambda facts: ended(facts) == 2, what="both calls to be told")
        facts = daemon.facts
    assert [fact.outcome for fact in facts if isinstance(fact, QueueVisit)] == ["answered", "answered"]
    assert (drifted["callers"], drifted["channels"]) == (0, 0)
    assert not any(isinstance(fact, Gap) for fact in facts)


async def test_an_orderly_restart_of_asterisk(desk: Desk, tmp_path: Path) -> None:
    """Who waits and who talks is sent away by Asterisk and told so; the gap is told, and calls go on afterwards."""
    waiting = desk.phone("101", ring=None)
    desk.phone("104", ring=0.2)
    async with watching(tmp_path, pbx_table(desk.asterisk, more=HURRY)) as daemon:
        a, b = desk.dial("1000"), desk.dial("2000")
        await b.talking()
        await waiting.rings()
        await desk.asterisk.stop()
        stopped = time.time()
        await desk.until(lambda: int(time.time()) > int(stopped), what="the next second")
        await desk.asterisk.start()
        await daemon.ready()
        await a.done()
        await desk.call("sales", talk=0.5)
        await daemon.until(lambda facts: ended(facts) == 3, what="all calls to be told")
        await listed(daemon)
        facts = daemon.facts
    told = Counter((fact.queue, fact.outcome) for fact in facts if isinstance(fact, QueueVisit))
    assert told == {("support", "short_abandoned"): 1, ("sales", "answered"): 2}
    (gap,) = (fact for fact in facts if isinstance(fact, Gap))
    assert gap.from_ <= stopped <= gap.to
