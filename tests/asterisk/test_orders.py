"""Orders that the recordings do not hold, on a real Asterisk."""

from __future__ import annotations

import gzip
from pathlib import Path

from ringwatch.core.facts import Hold, Leg, QueueVisit, Transfer
from tests.agreement import compare_visits
from tests.simulator.streams import cut, headers

from .desk import Desk
from .phones import BUSY, Manner
from .stream_copy import copying
from .watching import ended, pbx_table, watching


def said(stream: Path, *names: str) -> list[tuple[str, float]]:
    """Return which of these events a stream holds, and when."""
    found = [headers(event) for event in cut(gzip.decompress(stream.read_bytes()))]
    return [(each["Event"], float(each["Timestamp"])) for each in found if each.get("Event") in names]


def met(desk: Desk, channel: str) -> int:
    """Count how often a channel has come into a bridge."""
    return sum((row.event, row.channel) == ("BRIDGE_ENTER", channel) for row in desk.cel())


async def test_a_consultation_that_fails_during_a_hold(desk: Desk, tmp_path: Path) -> None:
    """Order, seen: failed consultation. The phone holds, the agent asks a number that is not there, the hold ends.

    Hold, Hold, CONGESTION, the Unhold of the one while the agent is away, 8 s later the agent is back, and the other
    Unhold. The caller heard music all the time: one consultation, from the first Hold to the end of the music.
    """
    phone = desk.phone("101", ring=0.3, hold_after=0.5, hold_for=3.0)
    stream = tmp_path / "stream.gz"
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon, copying(desk.asterisk, stream):
        call = desk.dial("1000")
        await call.talking()
        channel = await desk.channel_of(phone)
        await desk.until(lambda: phone.calls[0].holds, what="the phone to hold")
        await desk.ami("Atxfer", Channel=channel, Context="internal", Exten="199")
        await desk.until(lambda: met(desk, channel) == 3, what="the agent to be back")
        call.hangup()
        await desk.idle()
        await daemon.until(lambda facts: ended(facts) == 1, what="the call to be told")
        facts = daemon.facts
    order = said(stream, "Hold", "Unhold", "MusicOnHoldStop")
    assert [name for name, _ in order] == ["MusicOnHoldStop", "Hold", "Hold", "Unhold", "MusicOnHoldStop", "Unhold"]
    (hold,) = (fact for fact in facts if isinstance(fact, Hold))
    assert hold.kind == "consultation"
    assert abs(hold.started_at - order[1][1]) < 0.01
    assert abs(hold.ended_at - order[4][1]) < 0.01
    assert compare_visits(facts, desk.queue_log())[1] == []
    assert [fact for fact in facts if isinstance(fact, Transfer)] == []


async def test_a_wire_that_is_taken_out(desk: Desk, tmp_path: Path) -> None:
    """Pitfall 9: a Local channel without /n is taken out once both sides have spoken; the talk is one all along."""
    desk.phones({"106": Manner(ring=0, refuse=BUSY), "107": Manner(ring=0.3, speaks=True)})
    stream = tmp_path / "stream.gz"
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon, copying(desk.asterisk, stream):
        call = desk.dial("4001")
        await call.talking()
        await desk.until(lambda: "LOCAL_OPTIMIZE" in {row.event for row in desk.cel()}, what="the wire to be gone")
        call.hangup()
        await desk.idle()
        await daemon.until(lambda facts: ended(facts) == 1, what="the call to be told")
        facts = daemon.facts
    assert len(said(stream, "LocalOptimizationEnd")) == 1
    (leg,) = (fact for fact in facts if isinstance(fact, Leg))
    assert (leg.agent, leg.interface, leg.ended_by) == ("Gijs", "Local/107@agents", "caller")
    assert [fact for fact in facts if isinstance(fact, Hold)] == []
    assert compare_visits(facts, desk.queue_log())[1] == []


async def test_three_who_talk(desk: Desk, tmp_path: Path) -> None:
    """Pitfall 7, DestType Threeway: the agent joins caller and consulted phone, talks on, and has handed nobody on.

    app_queue takes it for no transfer either: queue_log ends the talk when the agent hangs up.
    """
    phone, other = desk.phone("101", ring=0.3), desk.phone("108", ring=0.3)
    async with watching(tmp_path, pbx_table(desk.asterisk)) as daemon:
        call = desk.dial("1000")
        await call.talking()
        await desk.ami("Atxfer", Channel=await desk.channel_of(phone), Context="internal", Exten="108")
        await other.talks()
        await phone.press("*3")
        await desk.until(lambda: any(row.event == "ATTENDEDTRANSFER" for row in desk.cel()), what="three together")
        await phone.hangup()
        call.hangup()
        await desk.idle()
        await daemon.until(lambda facts: ended(facts) == 1, what="the call to be told")
        facts = daemon.facts
    (visit,) = (fact for fact in facts if isinstance(fact, QueueVisit))
    legs = [fact.ended_by for fact in facts if isinstance(fact, Leg) and fact.agent == "Anna"]
    assert (visit.talk_ended_by, legs) == ("agent", ["agent"])
    assert [fact for fact in facts if isinstance(fact, Transfer)] == []
    assert compare_visits(facts, desk.queue_log())[1] == []
