"""How long an agent works without a break on a real Asterisk, where three seconds of rest are one."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ringwatch.core.facts import Fact, Stretch
from tests.accounting import metrics_equal_facts

from .desk import Desk
from .test_agents import seen, stands
from .watching import Daemon, pbx_table, watching

BREAKS = "[standard]\nbreak_min_seconds = 3\n[metrics]\nagents = true\n"
TOLERANCE = 0.3
LONG_ENOUGH = 3.2
"""Seconds of talk that are a stretch worth telling."""


def stretches(facts: list[Fact]) -> list[Stretch]:
    """Return Hana's; the same phone is "Front 108" as well, of whom the same is told."""
    return [fact for fact in facts if isinstance(fact, Stretch) and fact.agent == "Hana"]


async def shows(daemon: Daemon, since: float, *, support: float) -> None:
    """Wait until the page shows since when Hana works without a break, and who does longest in support."""

    async def look() -> tuple[object, object]:
        _, page = await daemon.get("/metrics")
        shown = {
            name: sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if "_unbroken_since_" in sample.name
            for name in sample.labels.values()
        }
        # An agent is not on the page before the first stretch.
        differences = [shown.get("Hana", -1.0) - since, shown["support"] - support]
        return [abs(each) < TOLERANCE for each in differences], [True, True]

    await seen(look)


async def test_what_an_agent_does_between_two_breaks_is_one_stretch(desk: Desk, tmp_path: Path) -> None:
    """A call of support, a pause of a moment, a direct call: from the first answer to the second hangup.

    The rest after it goes from a pause into a logout. Hana is back for another direct call when that was a break, and
    pauses until she has had one more. Nothing else is a stretch.
    """
    phone = desk.phone("108", ring=0.2, hangup_after=None)
    hana = {"Queue": "support", "Interface": "PJSIP/108"}
    logs_in = {**hana, "MemberName": "Hana", "StateInterface": "PJSIP/108"}
    await desk.ami("QueueAdd", **logs_in)
    for name in ("PJSIP/101", "PJSIP/102", "PJSIP/103"):
        await desk.ami("QueuePause", Queue="support", Interface=name, Paused="true")
    async with watching(tmp_path, pbx_table(desk.asterisk) + BREAKS) as daemon:
        await daemon.until(stands("free", agent="Hana"), what="Hana to be seen")
        desk.dial("1000")
        began = (await phone.talks()).answered
        assert began is not None
        await shows(daemon, began, support=began)
        await phone.hangup()
        await desk.ami("QueuePause", **hana, Paused="true", Reason="breath")
        await daemon.until(stands("paused", "breath", agent="Hana"), what="the pause")
        await desk.ami("QueuePause", **hana, Paused="false")
        await desk.dial("3000", talk=LONG_ENOUGH).done()
        await desk.ami("QueuePause", **hana, Paused="true", Reason="lunch")
        await desk.ami("QueueRemove", **hana)
        await shows(daemon, began, support=0)
        await daemon.until(lambda facts: len(stretches(facts)) == 1, what="the break")
        await shows(daemon, 0, support=0)
        await desk.ami("QueueAdd", **logs_in)
        await desk.dial("3000", talk=LONG_ENOUGH).done()
        await desk.ami("QueuePause", **hana, Paused="true", Reason="tea")
        await daemon.until(lambda facts: len(stretches(facts)) == 2, what="the second break")
        await shows(daemon, 0, support=0)
        await desk.idle()
        facts = daemon.facts
        metrics_equal_facts((await daemon.get("/metrics"))[1], facts)
    first, second, third = desk.ledger.phone_calls
    played = [(first.answered, second.ended), (third.answered, third.ended)]
    for stretch, (answered, ended) in zip(stretches(facts), played, strict=True):
        assert answered is not None
        assert ended is not None
        assert abs(stretch.started_at - answered) < TOLERANCE
        assert abs(stretch.ended_at - ended) < TOLERANCE
        assert stretch.seconds == round(stretch.ended_at - stretch.started_at, 3)
