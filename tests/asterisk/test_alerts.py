"""Alerts on a real Asterisk, limits scaled down to seconds: raised while it lasts, cleared when it is over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ringwatch.core.facts import Fact
from ringwatch.core.rules import Alert

from .desk import Desk
from .phones import Manner
from .watching import Daemon, pbx_table, watching

LIMITS = """
[standard]
hold_limit_seconds = 1
[alert]
lines_piling_up = { hold_off_seconds = 0.5, clear_seconds = 0.5 }
longest_wait = { threshold = 2, clear_seconds = 0.5 }
nobody_answering = { hold_off_seconds = 1, clear_seconds = 0.5 }
hold_too_long = { clear_seconds = 0.5 }
ami_disconnected = { threshold = 1 }
[queue."sales"]
alert.longest_wait.enabled = false
"""
SOON = 2.0
"""Seconds within which an alert is told that says when it was raised: one, and one more for a busy machine."""


def alerts(facts: Sequence[Fact], name: str, state: str) -> list[Alert]:
    """Return the alerts of a name in a state."""
    return [
        fact for fact in facts if isinstance(fact, Alert) and (fact.name, fact.state) == (f"Ringwatch{name}", state)
    ]


async def told(daemon: Daemon, name: str, state: str = "raised") -> Alert:
    """Wait for the only alert of a name in a state, which is told at its moment and not at the next event."""
    await daemon.until(lambda facts: bool(alerts(facts, name, state)), what=f"{name} to be {state}")
    (alert,) = alerts(daemon.facts, name, state)
    assert time.time() - alert.at < SOON
    return alert


async def test_callers_pile_up_and_are_served(desk: Desk, tmp_path: Path) -> None:
    """Three wait in support while its phones ring: too many, then for too long; they give up, and all is well."""
    desk.phones({number: Manner(ring=None) for number in ("101", "102", "103")})
    async with watching(tmp_path, pbx_table(desk.asterisk, more=LIMITS)) as daemon:
        callers = [desk.dial("1000") for _ in range(3)]
        piling = await told(daemon, "LinesPilingUp")
        assert (piling.queue, piling.value, piling.threshold) == ("support", 3, 3)
        assert round(piling.at - piling.since, 3) == 0.5
        long = await told(daemon, "LongestWait")
        assert (long.queue, long.value, long.at) == ("support", 2, long.since)
        for caller in callers:
            caller.hangup()
        cleared = await told(daemon, "LinesPilingUp", "cleared")
        assert (cleared.since, cleared.value, cleared.why) == (piling.since, 0, "well")
        await told(daemon, "LongestWait", "cleared")
        assert alerts(daemon.facts, "NobodyAnswering", "raised") == []


async def test_nobody_is_there_and_somebody_comes_back(desk: Desk, tmp_path: Path) -> None:
    """All of sales are paused while somebody waits; one comes back and answers, and holds for too long."""
    phone = desk.phone("104", ring=0.3)
    async with watching(tmp_path, pbx_table(desk.asterisk, more=LIMITS)) as daemon:
        for number in ("104", "105"):
            await desk.ami("QueuePause", Interface=f"PJSIP/{number}", Queue="sales", Paused="true")
        caller = desk.dial("2000")
        nobody = await told(daemon, "NobodyAnswering")
        assert (nobody.queue, nobody.value, nobody.severity) == ("sales", 1, "critical")
        assert round(nobody.at - nobody.since, 3) == 1
        await desk.ami("QueuePause", Interface="PJSIP/104", Queue="sales", Paused="false")
        await caller.talking()
        await told(daemon, "NobodyAnswering", "cleared")
        await phone.hold()
        hold = await told(daemon, "HoldTooLong")
        assert (hold.queue, hold.value) == ("sales", 1)
        await phone.resume()
        await told(daemon, "HoldTooLong", "cleared")
        caller.hangup()
        assert alerts(daemon.facts, "LongestWait", "raised") == []


async def test_an_asterisk_that_is_away(desk: Desk, tmp_path: Path) -> None:
    """It is killed while a caller waits: nothing is claimed of that one, and that nothing is heard is told."""
    desk.phones({number: Manner(ring=None) for number in ("101", "102", "103")})
    more = f"reconnect_max_seconds = 0.5\n{LIMITS}"
    async with watching(tmp_path, pbx_table(desk.asterisk, more=more)) as daemon:
        desk.dial("1000")
        await daemon.until(bool, what="something to be heard")
        await desk.asterisk.kill()
        away = await told(daemon, "AmiDisconnected")
        assert (away.queue, away.value, away.severity) == (None, 1, "critical")
        await desk.asterisk.start()
        await told(daemon, "AmiDisconnected", "cleared")
        assert alerts(daemon.facts, "LongestWait", "raised") == []
