"""The main job on a real Asterisk: more than forty calls over queues and direct lines, held against its records."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ringwatch.core.facts import Fact, QueueVisit, RingAttempt, to_json
from tests.accounting import metrics_equal_facts
from tests.agreement import compare_visits
from tests.billing import compare_direct_calls
from tests.tools.captures import told as about_calls

from .desk import Desk
from .phones import BUSY, Manner
from .watching import ended, pbx_table, watching

RING_TOLERANCE = 0.15
"""Seconds between what a phone did and what the facts say of it."""

PHONES = {
    "101": Manner(ring=0.6),
    "102": Manner(ring=5.4),
    "103": Manner(ring=0.4, refuse=BUSY),
    "104": Manner(ring=1.2),
    "105": Manner(ring=2.6),
    "106": Manner(ring=0.8),
    "107": Manner(ring=0.5, hangup_after=2.0),
    "108": Manner(ring=1.0),
    **{str(number): Manner(ring=0.7) for number in range(109, 116)},
    "116": Manner(ring=None),
    "117": Manner(ring=0, refuse=BUSY),
    "118": Manner(ring=0.9, hangup_after=1.5),
    **{str(number): Manner(ring=None) for number in range(119, 127)},
    "127": Manner(ring=0.9, hangup_after=2.5),
    "128": Manner(ring=None),
    "129": Manner(ring=1.6),
    "130": Manner(ring=0, refuse=BUSY),
}


@dataclass(frozen=True)
class Placed:
    """A call of the script: when it is dialled, and what the caller does."""

    at: float
    extension: str
    talk: float | None = 2.0
    patience: float | None = None


def every(
    seconds: float, count: int, *calls: tuple[str, float | None, float | None], start: float = 0.0
) -> list[Placed]:
    """Place calls at a steady rate, taking turns between what the callers do."""
    return [Placed(start + seconds * turn, *calls[turn % len(calls)]) for turn in range(count)]


SCRIPT = [
    *every(4.0, 6, ("1000", 2.0, None), ("1000", 1.2, None), ("1000", 2.0, 3.0)),
    *every(6.0, 5, ("2000", 2.0, None), ("2000", None, 0.9), start=0.5),
    *every(8.0, 4, ("4001", 3.0, None), start=1.0),
    *every(2.5, 8, ("6000", 2.0, None), ("6000", 6.0, 1.9), start=1.5),
    *every(1.0, 3, ("7000", None, None), ("7000", None, 8.0), start=2.0),
    *every(5.0, 5, ("7500", 4.0, None), ("7500", 2.0, None), start=2.5),
    *every(9.0, 2, ("7900", None, None), start=3.0),
    *every(7.0, 4, ("8000", 2.0, None), start=3.5),
    *every(6.0, 3, ("8100", 1.5, None), start=12.0),
    *every(3.5, 6, ("3000", 1.5, None), ("3000", 1.5, 0.5), start=0.2),
    *every(9.0, 3, ("3001", 2.0, None), start=4.2),
    *every(2.0, 4, ("3115", 1.0, None), ("3117", None, None), start=5.2),
    Placed(1.0, "3116", None, None),
    Placed(3.0, "3128", None, 4.0),
]


async def play(desk: Desk, script: Sequence[Placed]) -> None:
    """Dial the script's calls at their times, and wait until nothing is up any more."""
    start = asyncio.get_running_loop().time()
    for placed in sorted(script, key=lambda each: each.at):
        await asyncio.sleep(max(start + placed.at - asyncio.get_running_loop().time(), 0))
        desk.dial(placed.extension, talk=placed.talk, patience=placed.patience)
    await desk.idle(within=120)


async def test_every_visit_and_direct_call_agrees_with_asterisk(desk: Desk, tmp_path: Path) -> None:
    """Facts equal queue_log, CDR and the phones, the metrics equal the facts, and both sources agree."""
    desk.phones(PHONES)
    native = watching(tmp_path / "native", pbx_table(desk.asterisk))
    other = watching(tmp_path / "pyst2", pbx_table(desk.asterisk, "peer", 'source = "pyst2"'))
    async with native as daemon, other as peer:
        await play(desk, SCRIPT)
        for each in (daemon, peer):
            await each.until(lambda facts: ended(facts) >= len(SCRIPT), what="all calls to be told")
        _, page = await daemon.get("/metrics")
        facts, others = daemon.facts, peer.facts

    assert ended(facts) == len(SCRIPT)
    visits, differences = compare_visits(facts, desk.queue_log())
    direct, more = compare_direct_calls(facts, desk.cdr())
    assert differences + more == []
    assert visits + direct >= 40
    assert rings_as_played(desk, facts) >= 20
    metrics_equal_facts(page, facts)
    assert sorted(map(to_json, about_calls(others))) == sorted(map(to_json, about_calls(facts)))
    outcomes = Counter(fact.outcome for fact in facts if isinstance(fact, QueueVisit))
    assert {"answered", "abandoned", "short_abandoned", "timeout", "refused_empty"} <= outcomes.keys(), outcomes
    results = Counter(fact.result for fact in facts if isinstance(fact, RingAttempt))
    assert {"answered", "no_answer", "elsewhere", "caller_gone", "busy"} <= results.keys(), results


def rings_as_played(desk: Desk, facts: Sequence[Fact]) -> int:
    """Hold the ringing of answered attempts against the phones that were picked up; return how many were compared."""
    compared = 0
    picked_up = [call for call in desk.ledger.phone_calls if call.answered is not None]
    for fact in facts:
        if not isinstance(fact, RingAttempt) or fact.result != "answered":
            continue
        number = fact.interface.partition("/")[2].partition("@")[0]
        own = [call for call in picked_up if call.number == number and abs((call.answered or 0) - fact.ended_at) < 0.5]
        assert len(own) == 1, f"{fact} was picked up by {own}"
        rung = (own[0].answered or 0) - (own[0].ringing or 0)
        assert abs(rung - fact.ring_seconds) < RING_TOLERANCE, f"{fact} rang {rung:.3f} s at the phone"
        compared += 1
    return compared
