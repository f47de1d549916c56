"""The service standard on a real Asterisk, with its thresholds scaled down to seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ringwatch.core.facts import Crossing, Fact, Hold, Leg
from tests.accounting import metrics_equal_facts

from .desk import Desk
from .test_agents import seen
from .watching import Daemon, ended, pbx_table, watching

LIMITS = "[standard]\nhold_limit_seconds = 1\ntalk_target_seconds = 1\ntalk_limit_seconds = 2\n"
SHOWN = (
    "ringwatch_calls_over_length_total",
    "ringwatch_calls_up_over_length",
    "ringwatch_holds_over_limit_total",
    "ringwatch_calls_on_hold",
    "ringwatch_calls_on_hold_over_limit",
)
OVER = ["calls_over_length_total limit", "calls_over_length_total target", "holds_over_limit_total"]
UP_OVER = ["calls_up_over_length limit", "calls_up_over_length target"]
HELD = ["calls_on_hold", "calls_on_hold_over_limit", "holds_over_limit_total"]
ROUNDED = 2e-3
"""Moments are of microseconds, durations of milliseconds."""


async def support_shown(daemon: Daemon) -> list[str]:
    """Return what the page counts of the talks and holds of support: each of them once, in this test."""
    _, page = await daemon.get("/metrics")
    return sorted(
        f"{sample.name.removeprefix('ringwatch_')} {sample.labels.get('bound', '')}".strip()
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name in SHOWN and sample.labels["queue"] == "support"
        for _ in range(int(sample.value))
    )


def crossed(*whats: str) -> Callable[[list[Fact]], bool]:
    """Return what asks whether these limits were crossed while the call is up."""
    return lambda facts: {each.what for each in facts if isinstance(each, Crossing)} >= {*whats} and not ended(facts)


async def test_limits_are_crossed_while_the_call_is_up(desk: Desk, tmp_path: Path) -> None:
    """In the facts as of the very moment, on the page while the caller is still there, and how it stands until then.

    Anna answers, holds the caller at once until that is too long, and then talks on until that is too long as well. So
    the hold crosses its limit 1 s after it began, and the talk its target and its limit after 1 s and 2 s of talk: that
    long after the answer, and later by the length of the hold, where that came before.
    """
    phone = desk.phone("101", ring=0.2, hangup_after=None)
    async with watching(tmp_path, pbx_table(desk.asterisk, more=LIMITS)) as daemon:
        assert await support_shown(daemon) == []
        caller = desk.dial("1000")
        await phone.talks()
        await phone.hold()
        await daemon.until(crossed("hold_limit"), what="the hold to be too long")

        async def on_hold() -> tuple[object, object]:
            return {*await support_shown(daemon)} >= {*HELD}, True

        await seen(on_hold)
        await phone.resume()
        await daemon.until(crossed("hold_limit", "talk_target", "talk_limit"), what="the talk to be too long")

        async def too_long() -> tuple[object, object]:
            return await support_shown(daemon), sorted(OVER + UP_OVER)

        await seen(too_long)
        caller.hangup()
        await caller.done()
        await daemon.until(lambda facts: ended(facts) == 1, what="the call to be told")

        async def over() -> tuple[object, object]:
            return await support_shown(daemon), OVER

        await seen(over)
        facts = daemon.facts
        metrics_equal_facts((await daemon.get("/metrics"))[1], facts)
    (leg,) = (fact for fact in facts if isinstance(fact, Leg))
    (hold,) = (fact for fact in facts if isinstance(fact, Hold))
    moments: dict[str, float] = {fact.what: fact.at for fact in facts if isinstance(fact, Crossing)}
    assert sum(isinstance(fact, Crossing) for fact in facts) == len(moments) == 3
    assert abs(moments["hold_limit"] - (hold.started_at + 1)) < ROUNDED
    for what, talk in (("talk_target", 1), ("talk_limit", 2)):
        alone = hold.seconds if hold.started_at - leg.started_at < talk else 0.0
        assert abs(moments[what] - (leg.started_at + talk + alone)) < ROUNDED
