"""Every way out of a queue on a real Asterisk, told with and without the class dialplan, and held against queue_log."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Sequence
from pathlib import Path

from ringwatch.core.facts import Call, Fact, QueueVisit, RingAttempt
from tests.agreement import compare_visits

from .callers import Call as Caller
from .desk import Desk
from .phones import BUSY, Manner
from .test_attaching import add_account, ringwatch
from .watching import ended, pbx_table, watching

NEVER_IN_LINE = ("refused_full", "refused_empty")
NEAREST = {"empty": "timeout", "withdrawn": "timeout"}
"""What is told without the class dialplan, where that is another word."""


async def stands_in_line(desk: Desk, extension: str) -> Caller:
    """Let somebody join a line, and return once Asterisk has seen it."""
    before = sum(line.event == "ENTERQUEUE" for line in desk.queue_log())
    caller = desk.dial(extension)
    await desk.until(
        lambda: sum(line.event == "ENTERQUEUE" for line in desk.queue_log()) > before, what="the caller to be in line"
    )
    return caller


async def goes_every_way(desk: Desk) -> dict[str, str]:
    """Play every way out; return the outcome that each caller had, by the caller's number."""
    desk.phones({"101": Manner(ring=0.4), "110": Manner(ring=0, refuse=BUSY), "129": Manner(ring=None)})
    gone: dict[str, str] = {}

    async def over(caller: Caller, outcome: str) -> None:
        await caller.done()
        gone[caller.caller] = outcome

    await over(desk.dial("1000", talk=0.5), "answered")
    await desk.ami("QueueAdd", Queue="exits", Interface="PJSIP/110", MemberName="Exits 110")
    # Two callers fill the line of `night`; a third one finds no room.
    waiting = [await stands_in_line(desk, "8100"), await stands_in_line(desk, "8100")]
    await over(desk.dial("8100"), "refused_full")
    await over(desk.dial("7900"), "refused_empty")
    for caller in waiting:
        caller.hangup()
        await over(caller, "short_abandoned")
    desk.phone("101", ring=None)
    await over(desk.dial("5100"), "timeout")
    await over(desk.dial("1000", patience=6.5), "abandoned")
    caller = await stands_in_line(desk, "5200")
    await desk.ami("PlayDTMF", Channel=await desk.channel_of(caller), Digit="1", Receive="true")
    await over(caller, "key_exit")
    caller = await stands_in_line(desk, "5200")
    await desk.ami("QueueWithdrawCaller", Queue="exits", Caller=await desk.channel_of(caller))
    await over(caller, "withdrawn")
    caller = await stands_in_line(desk, "5200")
    await desk.ami("QueueRemove", Queue="exits", Interface="PJSIP/110")
    await over(caller, "empty")
    await desk.idle()
    return gone


def is_logged(desk: Desk, event: str) -> bool:
    """Tell whether queue_log has such a line."""
    return any(line.event == event for line in desk.queue_log())


def outcomes(facts: Sequence[Fact]) -> dict[str, str]:
    """Return how each caller left the queue that was asked for last, by number; no queue, no entry."""
    callers = {fact.call_id: fact.caller for fact in facts if isinstance(fact, Call)}
    return {callers[fact.call_id]: fact.outcome for fact in facts if isinstance(fact, QueueVisit)}


async def test_every_outcome_is_told_from_ami_alone(desk: Desk, tmp_path: Path) -> None:
    """With class dialplan by its own name; without it by the nearest one, and `check --live` says what is missing.

    Pitfall 1.
    """
    await add_account(desk, "blind", "blind-secret")
    manager = desk.asterisk.etc / "manager.conf"
    before, blind, rest = manager.read_text().partition("[blind]")
    manager.write_text(before + blind + rest.replace("read = system,call,agent,dialplan", "read = system,call,agent"))
    await desk.ami("Command", Command="manager reload")
    table = pbx_table(desk.asterisk).replace('"ringwatch"', '"blind"').replace("rw-secret", "blind-secret")
    checking = asyncio.create_task(ringwatch(tmp_path, table, "check", "--live", "--json", "--seconds", "6"))
    async with (
        watching(tmp_path / "all", pbx_table(desk.asterisk)) as daemon,
        watching(tmp_path / "blind", table) as other,
    ):
        gone = await goes_every_way(desk)
        for each in (daemon, other):
            await each.until(lambda facts: ended(facts) == len(gone), what="all calls to be told")
        assert outcomes(daemon.facts) == gone
        in_line = {caller: outcome for caller, outcome in gone.items() if outcome not in NEVER_IN_LINE}
        assert outcomes(other.facts) == {caller: NEAREST.get(how, how) for caller, how in in_line.items()}
        compared, differences = compare_visits(daemon.facts, desk.queue_log())
    assert differences == []
    assert compared == len(in_line)
    _, output, errors = await checking
    finding = json.loads(output)[0]["findings"]["read dialplan"]
    assert finding["verdict"] == "missing", errors
    assert finding["note"] == "without it refused callers are not seen, and timeout, empty and withdrawn look alike"


async def test_a_caller_whose_agent_goes_during_the_announcement_waits_on(desk: Desk, tmp_path: Path) -> None:
    """AgentDump: the phone was answered and put down while the agent was told about the call; another one serves.

    Pitfall 5.
    """
    desk.phones({"101": Manner(ring=0.4, hangup_after=1.0), "102": Manner(ring=None), "103": Manner(ring=None)})
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon:
        caller = desk.dial("5300")
        for event in ("AGENTDUMP", "CONNECT"):
            await desk.until(functools.partial(is_logged, desk, event), what=event)
            desk.phones({number: Manner(ring=0.4) for number in ("101", "102", "103")})
        caller.hangup()
        await caller.done()
        await daemon.until(lambda facts: ended(facts) == 1, what="the call to be told")
        (visit,) = (fact for fact in daemon.facts if isinstance(fact, QueueVisit))
        attempts = [fact for fact in daemon.facts if isinstance(fact, RingAttempt) and fact.result == "answered"]
        differences = compare_visits(daemon.facts, desk.queue_log())[1]
    assert differences == []
    assert (visit.outcome, visit.talk_ended_by) == ("answered", "caller")
    assert len(attempts) == 2
