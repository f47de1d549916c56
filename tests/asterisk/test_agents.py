"""Agents on a real Asterisk: what they do, in which queues, on which terms, held against QueueStatus and queue_log."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ringwatch.core.facts import AgentState, Fact, Membership, WrapUp
from tests.accounting import metrics_equal_facts

from .desk import Desk
from .watching import Daemon, pbx_table, watching

WRAPUP_SECONDS = 4
WRAPUP_TOLERANCE = 1.2
STANDARD = f"[standard]\nwrapup_seconds = {WRAPUP_SECONDS}\n"
AT_ONCE = 5.0
STATES = {0: "unknown", 1: "free", 2: "talking", 3: "talking", 4: "unavailable", 5: "unavailable", 6: "ringing"} | {
    7: "talking",
    8: "on_hold",
}
DEVICE_STATES = {
    "NOT_INUSE": "free",
    "INUSE": "talking",
    "BUSY": "talking",
    "INVALID": "unavailable",
    "UNAVAILABLE": "unavailable",
    "RINGING": "ringing",
    "RINGINUSE": "talking",
    "ONHOLD": "on_hold",
}


def of(facts: list[Fact], agent: str) -> list[AgentState]:
    """Return what an agent was told to do."""
    return [fact for fact in facts if isinstance(fact, AgentState) and fact.agent == agent]


def stands(state: str, reason: str = "", agent: str = "Anna") -> Callable[[list[Fact]], bool]:
    """Return what asks whether the last that was told of an agent is this."""
    return lambda facts: [(fact.state, fact.reason) for fact in of(facts, agent)][-1:] == [(state, reason)]


async def members_shown(daemon: Daemon) -> dict[str, Counter[str]]:
    """Return the members by queue and state on the page of metrics."""
    _, page = await daemon.get("/metrics")
    shown: dict[str, Counter[str]] = {}
    for family in text_string_to_metric_families(page):
        if family.name == "ringwatch_queue_members":
            for sample in family.samples:
                shown.setdefault(sample.labels["queue"], Counter())[sample.labels["state"]] += int(sample.value)
    # Direct lines have no members.
    return {queue: +states for queue, states in shown.items() if queue != "direct"}


async def members_listed(desk: Desk) -> dict[str, Counter[str]]:
    """Return the members by queue and state as QueueStatus gives them, by the rule that who talks is not paused."""
    listed: dict[str, Counter[str]] = {}
    for item in await desk.ami_list("QueueStatus"):
        if item["Event"] == "QueueParams":
            listed.setdefault(item["Queue"], Counter())
        elif item["Event"] == "QueueMember":
            state = STATES[int(item["Status"])]
            paused = item["Paused"] == "1" and state not in {"talking", "on_hold"}
            listed.setdefault(item["Queue"], Counter())["paused" if paused else state] += 1
    return listed


async def seen(look: Callable[[], Awaitable[tuple[object, object]]]) -> None:
    """Wait until both sides of what a look returns are the same."""
    deadline = time.monotonic() + AT_ONCE
    while (sides := await look())[0] != sides[1]:
        assert time.monotonic() < deadline, sides
        await asyncio.sleep(0.05)


async def agree(desk: Desk, daemon: Daemon) -> None:
    """Wait until the page shows of every queue what Asterisk says."""

    async def look() -> tuple[object, object]:
        return await members_shown(daemon), await members_listed(desk)

    await seen(look)


async def shows(daemon: Daemon, queue: str, members: dict[str, int]) -> None:
    """Wait until the page shows these members of a queue."""

    async def look() -> tuple[object, object]:
        return (await members_shown(daemon))[queue], members

    await seen(look)


async def drifted(daemon: Daemon, many: int) -> None:
    """Wait until so many members were put right by listings."""

    async def look() -> tuple[object, object]:
        _, page = await daemon.get("/metrics")
        return re.findall(r'state_drift_total{pbx="main",what="members"} (.*)', page), [f"{many}.0"]

    await seen(look)


async def ready(desk: Desk, queue: str) -> int:
    """Ask app_queue how many members of a queue could be rung now: free, not paused, not in their wrap-up."""
    return int((await desk.ami("Getvar", Variable=f"QUEUE_MEMBER({queue},ready)"))["Value"])


async def test_a_call_of_an_agent_in_two_queues(desk: Desk, tmp_path: Path) -> None:
    """Rung, talking, holding, paused while talking, wrapping up as long as app_queue rings nobody, free; told once."""
    phone = desk.phone("101", ring=None)
    anna = {"Interface": "PJSIP/101"}
    queues = desk.asterisk.etc / "queues.conf"
    queues.write_text(queues.read_text().replace("wrapuptime = 2", f"wrapuptime = {WRAPUP_SECONDS}"))
    await desk.asterisk.cli("queue reload parameters")
    await desk.ami("QueueAdd", Queue="sales", **anna, MemberName="Anna", StateInterface="PJSIP/101")
    async with watching(tmp_path, pbx_table(desk.asterisk) + STANDARD) as daemon:
        await daemon.until(stands("free"), what="Anna to be seen")
        for name in ("PJSIP/102", "PJSIP/103"):
            await desk.ami("QueuePause", Queue="support", Interface=name, Paused="true", Reason="training")
        await agree(desk, daemon)
        caller = desk.dial("1000")
        await phone.rings()
        await daemon.until(stands("ringing"), what="ringing")
        await agree(desk, daemon)
        await phone.answer()
        await caller.talking()
        await daemon.until(stands("talking"), what="talking")
        await agree(desk, daemon)
        await phone.hold()
        await daemon.until(stands("on_hold"), what="holding")
        await shows(daemon, "support", {"on_hold": 1, "paused": 2})
        assert (await members_listed(desk))["support"] == {"talking": 1, "paused": 2}
        await phone.resume()
        await daemon.until(stands("talking"), what="talking again")
        await desk.ami("QueuePause", **anna, Paused="true", Reason="lunch")
        await agree(desk, daemon)
        assert re.search(r"Anna.*\(in call\).*\(paused.*\(.*In use", await desk.asterisk.cli("queue show support"))
        await desk.ami("QueuePause", **anna, Paused="false")
        await phone.hangup()
        await daemon.until(stands("wrap_up"), what="wrap-up")
        await shows(daemon, "sales", {"wrap_up": 1, "free": 2})
        assert await ready(desk, "support") == 0
        await daemon.until(stands("free"), what="the end of wrap-up")
        assert await ready(desk, "support") == 1
        await agree(desk, daemon)
        await desk.idle()
        _, page = await daemon.get("/metrics")
        facts = daemon.facts
    assert [fact.state for fact in of(facts, "Anna")] == [
        *("free", "ringing", "talking", "on_hold", "talking", "wrap_up", "free")
    ]
    (wrap_up,) = [fact for fact in facts if isinstance(fact, WrapUp)]
    assert (wrap_up.agent, wrap_up.queue) == ("Anna", "support")
    assert abs(wrap_up.seconds - WRAPUP_SECONDS) < WRAPUP_TOLERANCE
    metrics_equal_facts(page, facts)


async def test_memberships_are_those_of_queue_log(desk: Desk, tmp_path: Path) -> None:
    """Added, paused in one queue and in all, with reasons, penalty, ringinuse, removed: line by line what it says."""
    anna = {"Interface": "PJSIP/101"}
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon:
        await daemon.until(stands("free"), what="Anna to be seen")
        await desk.ami("QueueAdd", Queue="sales", **anna, MemberName="Anna", StateInterface="PJSIP/101", Penalty="2")
        await desk.ami("QueuePause", Queue="sales", **anna, Paused="true", Reason="coaching")
        await agree(desk, daemon)
        await desk.ami("QueuePause", **anna, Paused="true", Reason="lunch")
        await daemon.until(stands("paused", "lunch"), what="the pause")
        await agree(desk, daemon)
        await desk.ami("QueuePause", **anna, Paused="false")
        await daemon.until(stands("free"), what="the end of the pause")
        await desk.ami("QueuePenalty", Queue="sales", **anna, Penalty="7")
        await desk.ami("QueueMemberRingInUse", Queue="sales", **anna, RingInUse="yes")
        await desk.ami("QueueRemove", Queue="sales", **anna)
        await agree(desk, daemon)
        await daemon.until(lambda facts: terms(facts)[-1:] == [("sales", "REMOVEMEMBER", "")], what="the removal")
    assert terms(daemon.facts) == logged(desk)
    assert [fact.state for fact in of(daemon.facts, "Anna")] == ["free", "paused", "free"]


def terms(facts: list[Fact]) -> list[tuple[str, str, str]]:
    """Say memberships in the words of queue_log: queue, word, and the word's argument.

    What was there when ringwatch attached is in no log.
    """
    said: list[tuple[str, str, str]] = []
    known: dict[tuple[str, str], Membership] = {}
    attached = min((fact.at for fact in facts if isinstance(fact, Membership)), default=0.0)
    for fact in facts:
        if not isinstance(fact, Membership):
            continue
        before = known.get((fact.queue, fact.interface))
        known[fact.queue, fact.interface] = fact
        if before is None:
            said += [(fact.queue, "ADDMEMBER", "")] * (fact.at > attached)
        elif not fact.member:
            said.append((fact.queue, "REMOVEMEMBER", ""))
        elif fact.paused and (fact.paused, fact.reason) != (before.paused, before.reason):
            said.append((fact.queue, "PAUSE", fact.reason))
        elif before.paused and not fact.paused:
            said.append((fact.queue, "UNPAUSE", ""))
        elif fact.penalty != before.penalty:
            said.append((fact.queue, "PENALTY", str(fact.penalty)))
        elif fact.ringinuse != before.ringinuse and before.ringinuse is not None:
            said.append((fact.queue, "RINGINUSE", str(int(bool(fact.ringinuse)))))
    return said


def logged(desk: Desk) -> list[tuple[str, str, str]]:
    """Return what queue_log says of memberships; a word for all queues is followed by one for each."""
    words = {"ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PENALTY", "RINGINUSE"}
    return [(line.queue, line.event, line.args[0]) for line in desk.queue_log() if line.event in words]


async def test_every_device_state(desk: Desk, tmp_path: Path) -> None:
    """All nine states that a device can be in, as Asterisk itself makes them, and what a pause covers of them."""
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon:
        hana = {"Interface": "Local/199@agents", "MemberName": "Hana", "StateInterface": "Custom:hana"}
        await desk.ami("QueueAdd", Queue="night", **hana)
        # Nothing has been said of the device yet, and once something has been Asterisk does not go back to this.
        await daemon.until(stands("unknown", agent="Hana"), what="Hana to be there")
        for paused in (False, True):
            if paused:
                await desk.ami("QueuePause", Queue="night", Interface=hana["Interface"], Paused="true", Reason="tea")
            for state, shown in DEVICE_STATES.items():
                await desk.asterisk.cli(f"devstate change Custom:hana {state}")
                busy = shown in {"talking", "on_hold"}
                expected = ("paused", "tea") if paused and not busy else (shown, "")
                await daemon.until(stands(*expected, agent="Hana"), what=f"{state}, paused {paused}")
            await agree(desk, daemon)
    assert [fact.state for fact in of(daemon.facts, "Hana")] == [
        *("unknown", "free", "talking", "unavailable", "ringing", "talking", "on_hold"),
        *("paused", "talking", "paused", "talking", "on_hold"),
    ]


async def test_members_that_a_reload_brings_and_takes(desk: Desk, tmp_path: Path) -> None:
    """queues.conf changed: Asterisk tells of no member that came or went, and the next listing does.

    Pitfall 11.
    """
    table = pbx_table(desk.asterisk, more="ping_seconds = 0.3")
    async with watching(tmp_path, table) as daemon:
        await daemon.until(stands("free", agent="Chloé Müller"), what="Chloé to be seen")
        queues = desk.asterisk.etc / "queues.conf"
        text = queues.read_text()
        gone = "member => PJSIP/103,0,Chloé Müller,PJSIP/103"
        queues.write_text(text.replace(gone, "member => PJSIP/108,4,Hana,PJSIP/108"))
        await desk.asterisk.cli("queue reload members")
        await daemon.until(stands("logged_out", agent="Chloé Müller"), what="Chloé to be gone")
        await daemon.until(stands("free", agent="Hana"), what="Hana to be there")
        await agree(desk, daemon)
        await drifted(daemon, 2)
        queues.write_text(text)
        await desk.asterisk.cli("module reload app_queue.so")
        await daemon.until(stands("free", agent="Chloé Müller"), what="Chloé to be back")
        await daemon.until(stands("logged_out", agent="Hana"), what="Hana to be gone")
        await agree(desk, daemon)
        hana = [fact for fact in daemon.facts if isinstance(fact, Membership) and fact.agent == "Hana"]
        assert [(fact.queue, fact.member, fact.penalty) for fact in hana] == [
            ("support", True, 4),
            ("support", False, 4),
        ]
        await drifted(daemon, 4)


async def test_realtime_members(desk: Desk, tmp_path: Path) -> None:
    """A database gives a queue its members: they come and go when a caller joins, and no event says so."""
    asterisk = desk.asterisk
    database = asterisk.folder / "db" / "members.sqlite3"
    with sqlite3.connect(database) as rows:
        rows.execute(
            "CREATE TABLE members (uniqueid TEXT, queue_name, interface, membername, state_interface, penalty)"
        )
        for member in (("1", "PJSIP/101", "Ria", 3), ("2", "PJSIP/102", "Sam", 4)):
            rows.execute("INSERT INTO members VALUES (?, 'empty', ?2, ?3, ?2, ?4)", member)
    inside = database.relative_to(asterisk.root)
    (asterisk.etc / "res_config_sqlite3.conf").write_text(f"[desk]\ndbfile => /{inside}\n")
    (asterisk.etc / "extconfig.conf").write_text("[settings]\nqueue_members => sqlite3,desk,members\n")
    for command in ("unload res_config_sqlite3.so", "load res_config_sqlite3.so", "reload extconfig"):
        await asterisk.cli(f"module {command}")
    desk.phone("101", ring=None)
    async with watching(tmp_path, pbx_table(asterisk, more="ping_seconds = 0.3")) as daemon:
        caller = desk.dial("7900")
        await daemon.until(stands("ringing", agent="Ria"), what="Ria's phone to ring")
        await agree(desk, daemon)
        caller.hangup()
        await daemon.until(stands("free", agent="Ria"), what="Ria to be free again")
        # Sam stays: without a single row app_queue looks no further (update_realtime_members).
        await asterisk.cli("realtime update queue_members uniqueid 1 queue_name elsewhere")
        caller = desk.dial("7900")
        await daemon.until(stands("logged_out", agent="Ria"), what="Ria to be gone")
        await agree(desk, daemon)
        caller.hangup()
        await desk.idle()
        memberships = [fact for fact in daemon.facts if isinstance(fact, Membership) and fact.agent == "Ria"]
    assert [(fact.queue, fact.member, fact.penalty) for fact in memberships] == [
        ("empty", True, 3),
        ("empty", False, 3),
    ]
