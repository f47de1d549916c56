"""The service standard on a real Asterisk, with its thresholds scaled down to seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringwatch import app, config
from ringwatch.core.facts import Call, Crossing, Fact, Hold, Leg, QueueVisit, RingAttempt
from ringwatch.core.standards import Policy
from ringwatch.sinks.standard_table import StandardTable
from tests.accounting import metrics_equal_facts

from .callers import Call as Caller
from .desk import Desk
from .phones import BUSY, Manner, PhoneCall
from .stream_copy import copying
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
NEAR = 0.15
"""Seconds between what a phone saw and what Asterisk did."""
Out = tuple[float, float, bool | None]


def policy_of(folder: Path) -> Policy:
    """Return what the daemon was configured with."""
    return config.load(folder / "ringwatch.toml", {}).policy_for("main")


def standing(folder: Path, facts: Sequence[Fact], *measures: str) -> dict[tuple[str, str], Out]:
    """Return what the table says: by queue and measure how much was out of standard, of how much, and whether kept."""
    table = StandardTable({"main": policy_of(folder)})
    table.apply(facts)
    return {
        (row["queue"], row["measure"]): (row["out"], row["of"], row["kept"])
        for row in table.as_json()
        if row["measure"] in measures
    }


def measured(folder: Path, facts: Sequence[Fact], measure: str) -> dict[str, float]:
    """Return what the table says that was measured, in the one queue in which it was."""
    table = StandardTable({"main": policy_of(folder)})
    table.apply(facts)
    (row,) = (row for row in table.as_json() if row["measure"] == measure)
    found: dict[str, float] = row["measured"]
    return found


def talks(desk: Desk, caller: Caller) -> list[PhoneCall]:
    """Return the phones that talk with a caller."""
    phones = desk.ledger.phone_calls
    return [each for each in phones if each.caller == caller.caller and each.answered and each.ended is None]


async def hand_on(desk: Desk, caller: Caller, number: str) -> None:
    """Let the agent hand a caller on, and wait until somebody else has answered."""
    (talk,) = talks(desk, caller)
    channel = await desk.channel_of(desk.phone_of(talk))
    await desk.ami("BlindTransfer", Channel=channel, Context="internal", Exten=number)
    await desk.until(
        lambda: talk.ended is not None and talks(desk, caller), what=f"somebody at {number} to have answered"
    )


async def test_row_1_the_third_ring(desk: Desk, tmp_path: Path) -> None:
    """A ring is 0.7 s here, so the fourth begins after 2.1 s.

    By hand, four callers of direct lines: answered after 1.75 s, in the third ring; after 2.45 s, in the fourth; lost
    after 2.45 s, in the fourth; lost after 0.5 s, which counts neither way. So 2 of 3 were not answered in time. In
    support three phones in turn ring for 1 s each, two rings, and refuse; the caller gives up after the third of them.
    The desk rang for 3 s, which is the fifth ring: lost too late, though no phone rang more than twice.
    """
    desk.phones({"110": Manner(ring=1.75, hangup_after=0.1), "111": Manner(ring=2.45, hangup_after=0.1)})
    desk.phones({number: Manner(ring=None) for number in ("112", "113")})
    desk.phones({number: Manner(ring=1.0, refuse=BUSY) for number in ("101", "102", "103")})
    async with watching(tmp_path, pbx_table(desk.asterisk, more="[standard]\ncadence = [100, 600]\n")) as daemon:
        direct = [
            desk.dial(f"31{n}", patience=patience) for n, patience in ((10, None), (11, None), (12, 2.5), (13, 0.5))
        ]
        queued = desk.dial("1000")
        refused = lambda: sum(each.end == "refused" for each in desk.ledger.phone_calls) == 3  # noqa: E731
        await desk.until(refused, what="three phones to have refused")
        queued.hangup()
        await asyncio.gather(*(call.done() for call in (*direct, queued)))
        await daemon.until(lambda facts: ended(facts) == 5, what="all calls to be told")
        facts = daemon.facts
    rings = {fact.caller: (fact.caller_rings, fact.in_time) for fact in facts if isinstance(fact, Call) and fact.line}
    assert [rings[call.caller] for call in direct] == [(3, True), (4, False), (4, False), (1, None)]
    (visit,) = (fact for fact in facts if isinstance(fact, QueueVisit))
    assert (visit.agent, visit.desk_rings, visit.in_time) == (None, 5, False)
    attempts = [fact.rings for fact in facts if isinstance(fact, RingAttempt) and fact.queue == "support"]
    assert attempts == [2, 2, 2]
    assert standing(tmp_path, facts, "third_ring") == {
        ("support", "third_ring"): (1, 1, False),
        ("direct", "third_ring"): (2, 3, False),
    }


async def test_row_4_callers_sent_about(desk: Desk, tmp_path: Path) -> None:
    """By hand: of three who ask support one stays, one is handed on once, and one twice, the second time to support.

    So two hops for one of three are one too many, and one of three came back to where they were.
    """
    desk.phones({number: Manner(ring=0.2) for number in ("101", "102", "103", "104", "108")})
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon:
        callers = [desk.dial("1000") for _ in range(3)]
        await asyncio.gather(*(caller.talking() for caller in callers))
        stays, once, twice = callers
        await hand_on(desk, once, "108")
        await hand_on(desk, twice, "800")
        stays.hangup()
        await stays.done()
        await hand_on(desk, twice, "801")
        for caller in (once, twice):
            caller.hangup()
            await caller.done()
        await daemon.until(lambda facts: ended(facts) == 3, what="all calls to be told")
        facts = daemon.facts
    sent = {fact.caller: (fact.transfers, fact.bounces) for fact in facts if isinstance(fact, Call)}
    assert [sent[caller.caller] for caller in callers] == [(0, 0), (1, 0), (2, 1)]
    assert standing(tmp_path, facts, "hops", "bounces") == {
        ("support", "hops"): (1, 3, False),
        ("support", "bounces"): (1, 3, False),
    }


def legs(facts: Sequence[Fact]) -> list[Leg]:
    """Return the conversations."""
    return [fact for fact in facts if isinstance(fact, Leg)]


async def test_row_5_a_talk_while_others_wait(desk: Desk, tmp_path: Path) -> None:
    """By hand: a talk of 2 s with nobody in line, and one of 1 s at whose end two wait: hurried, by an index of 0.5."""
    phone = desk.phone("104", ring=0.2, hangup_after=2.0)
    async with watching(tmp_path, pbx_table(desk.asterisk, more="[standard]\nlines_waiting = 2\n")) as daemon:
        await desk.dial("2000").done()
        desk.phone("104", ring=0.2, hangup_after=1.0)
        callers = [desk.dial("2000") for _ in range(3)]
        # Until the phone is left alone no more all three wait; then it rings for one of them.
        await desk.until(lambda: len(phone.calls) == 2 and phone.calls[1].ended, what="the second talk to end")
        for caller in callers:
            caller.hangup()
        await asyncio.gather(*(caller.done() for caller in callers))
        await daemon.until(lambda facts: ended(facts) == 4, what="all calls to be told")
        facts = daemon.facts
    calm, pressed = ((talk.ended or 0) - (talk.answered or 0) for talk in phone.calls[:2])
    assert [leg.lines_waiting for leg in legs(facts)] == [0, 2]
    rush = measured(tmp_path, facts, "rush")
    assert rush["calm_mean_seconds"] == pytest.approx(calm, abs=NEAR)
    assert rush["pressed_mean_seconds"] == pytest.approx(pressed, abs=NEAR)
    assert rush["index"] == pytest.approx(0.5, abs=NEAR)
    assert standing(tmp_path, facts, "rush") == {("sales", "rush"): (0, 2, None)}


async def gini_shown(daemon: Daemon) -> float:
    """Return how unevenly the work of sales is spread, as the page says."""
    _, page = await daemon.get("/metrics")
    return next(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "ringwatch_queue_load_gini" and sample.labels["queue"] == "sales"
    )


async def test_row_7_how_evenly_the_work_is_spread(desk: Desk, tmp_path: Path) -> None:
    """Over a window of 3 s, live on the page and in a replay of what was heard.

    By hand: while Dirk talks and Eva does not, one of two does all, so the Gini coefficient is 1 - 1 / 2. Then Eva
    answers another caller, and both talk on until what was before has left the window: 3 s of each, which is 0, and an
    occupancy of 1.
    """
    desk.phones({"104": Manner(ring=0.2), "105": Manner(ring=None)})
    stream = tmp_path / "stream.gz"
    configuration = pbx_table(desk.asterisk, more="[standard]\nstaffing_window_seconds = 3\n")
    async with watching(tmp_path, configuration) as daemon, copying(desk.asterisk, stream):
        first = desk.dial("2000")
        await first.talking()

        async def uneven() -> tuple[object, object]:
            return await gini_shown(daemon), 0.5

        await seen(uneven)
        desk.phone("105", ring=0.2)
        second = desk.dial("2000")
        await second.talking()

        async def even() -> tuple[object, object]:
            return await gini_shown(daemon), 0.0

        await seen(even)
        for caller in (first, second):
            caller.hangup()
            await caller.done()
        await daemon.until(lambda facts: ended(facts) == 2, what="both calls to be told")
    policy = policy_of(tmp_path)
    table = StandardTable({"main": policy})
    await app.replay(stream, "main", policy, [table])
    rows = {row["measure"]: row for row in table.as_json() if row["queue"] == "sales"}
    for measure, highest in (("spread", 0.5), ("occupancy", 1.0)):
        assert rows[measure]["measured"] == {"highest": highest}
        assert 0 < rows[measure]["out"] < rows[measure]["of"]
        assert not rows[measure]["kept"]


async def test_row_11_who_hears_of_it(desk: Desk, tmp_path: Path) -> None:
    """A ring is 1 s here, and the first alone is in time; an angry caller tells 10 people, a happy one 4.

    By hand: one is answered after 0.4 s, in time; one after 1.5 s, and one is lost after 1.5 s, neither in time; who is
    lost after 0.5 s tells nobody. So 2 x 10 = 20 people hear bad of the desk, and 4 good.
    """
    desk.phones({"110": Manner(ring=0.4, hangup_after=0.1), "111": Manner(ring=1.5, hangup_after=0.1)})
    desk.phones({number: Manner(ring=None) for number in ("112", "113")})
    more = "[standard]\ncadence = [200, 800]\nrings = 1\nreach_angry = 10\nreach_happy = 4\n"
    async with watching(tmp_path, pbx_table(desk.asterisk, more=more)) as daemon:
        patience = {"3110": None, "3111": None, "3112": 1.5, "3113": 0.5}
        await asyncio.gather(*(desk.dial(line, patience=seconds).done() for line, seconds in patience.items()))
        await daemon.until(lambda facts: ended(facts) == 4, what="all calls to be told")
        facts = daemon.facts
    assert measured(tmp_path, facts, "reach") == {"bad": 20.0, "good": 4.0}
    assert standing(tmp_path, facts, "reach") == {("direct", "reach"): (2, 3, None)}


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


async def test_rows_2_and_3_limits_are_crossed_while_the_call_is_up(desk: Desk, tmp_path: Path) -> None:
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
    assert standing(tmp_path, facts, "hold", "talk_target", "talk_limit") == {
        ("support", measure): (1, 1, False) for measure in ("hold", "talk_target", "talk_limit")
    }
