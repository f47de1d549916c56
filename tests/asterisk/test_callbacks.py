"""The call-back ledger on a real Asterisk, with its deadline scaled down to seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ringwatch.core.facts import Call, Callback, Fact
from tests.accounting import metrics_equal_facts

from .callers import Call as CallerCall
from .desk import Desk
from .watching import Daemon, ended, pbx_table, watching

DEADLINE = 5
WITHIN = 20.0
STANDARD = f"[standard]\ncallback_seconds = {DEADLINE}\nshort_abandon_seconds = 0\n"
FIRST, SECOND = "0201000021", "0201000022"


async def support_shows(daemon: Daemon, **wanted: int) -> None:
    """Wait until the page shows of support: owed and not overdue, overdue, settled by the caller, and by the desk."""

    deadline = time.monotonic() + WITHIN
    while (shown := await support_shown(daemon)) != [*wanted.values()]:
        assert time.monotonic() < deadline, (shown, wanted)
        await asyncio.sleep(0.05)


async def support_shown(daemon: Daemon) -> list[float]:
    """Return what the page shows, in this order."""
    _, page = await daemon.get("/metrics")
    shown = {
        sample.labels.get("overdue") or sample.labels["by"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if family.name.startswith("ringwatch_callbacks_") and sample.labels["queue"] == "support"
    }
    return [shown[label] for label in ("false", "true", "caller", "desk")]


async def gives_up(desk: Desk, daemon: Daemon, number: str) -> None:
    """Let somebody call support, where nobody picks up, and hang up after a second."""
    before = ended(daemon.facts)
    await desk.dial("1000", caller=number, patience=1.0).done()
    await daemon.until(lambda facts: ended(facts) == before + 1, what="the call to be told")


def of(facts: list[Fact], number: str) -> list[Callback]:
    """Return what was told of a caller."""
    return [fact for fact in facts if isinstance(fact, Callback) and fact.caller == number]


async def talks_for_a_moment(call: CallerCall) -> None:
    """Let who called be answered, and hang up."""
    await call.talking()
    call.hangup()
    await call.done()


async def test_who_gave_up_is_owed_a_call_back_until_served(desk: Desk, tmp_path: Path) -> None:
    """One is overdue after the deadline, and called back by Anna; another calls again, and Anna answers.

    Each moves on the page by itself, the deadline with nothing said by the PBX; what is told is as of the answer.
    """
    for number in ("101", "102", "103"):
        desk.phone(number, ring=None)
    async with watching(tmp_path, pbx_table(desk.asterisk, more=STANDARD)) as daemon:
        await support_shows(daemon, owed=0, overdue=0, by_caller=0, by_desk=0)
        await gives_up(desk, daemon, FIRST)
        await support_shows(daemon, owed=1, overdue=0, by_caller=0, by_desk=0)
        await support_shows(daemon, owed=0, overdue=1, by_caller=0, by_desk=0)

        customer = desk.phone(FIRST, ring=0.3)
        await talks_for_a_moment(desk.dial(f"9{FIRST}", endpoint="101"))
        await support_shows(daemon, owed=0, overdue=0, by_caller=0, by_desk=1)

        await gives_up(desk, daemon, SECOND)
        desk.phone("101", ring=0.2)
        again = desk.dial("1000", caller=SECOND)
        await talks_for_a_moment(again)
        await support_shows(daemon, owed=0, overdue=0, by_caller=1, by_desk=1)
        await desk.idle()
        facts = daemon.facts
        metrics_equal_facts((await daemon.get("/metrics"))[1], facts)
    lost = {fact.caller: fact for fact in facts if isinstance(fact, Call) and fact.queues and not fact.answered}
    out = next(fact for fact in facts if isinstance(fact, Call) and fact.direction == "outbound")
    assert (out.caller, out.called) == ("101", FIRST)
    answers = {FIRST: customer.calls[-1].answered, SECOND: again.phone_answered}
    for number, by in ((FIRST, "desk"), (SECOND, "caller")):
        owed, settled = of(facts, number)
        assert (owed.state, owed.queue, owed.call_id, owed.by) == ("owed", "support", lost[number].call_id, None)
        assert (owed.owed_since, owed.due_at) == (lost[number].ended_at, round(owed.owed_since + DEADLINE, 6))
        assert (settled.state, settled.key, settled.by) == ("settled", owed.key, by)
        answered = answers[number]
        assert answered is not None
        assert abs(settled.at - answered) < 0.5
