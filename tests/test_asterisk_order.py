"""The order in which a real Asterisk says things, asked of every occurrence in the recorded streams.

Each test shows the order in the bytes, and that the facts are right because of it. `tests/test_asterisk_facts.py` lists
which fact is proved where.
"""

from __future__ import annotations

import pytest

from ringwatch.core.facts import Hold, Leg, QueueVisit, RingAttempt
from tests.tools.captures import NAMES
from tests.tools.recordings import Happened, Recording, in_order, recording

MILLISECOND = 0.0015
"""Facts give durations in milliseconds."""
AT_ONCE = 0.1
"""What follows from one deed follows within this, in seconds."""
SCRIPTED = ("scenarios-22", "scenarios-16")
MIXES = ("mix-22", "mix-16")


def visit_of(seen: Recording, connect: Happened) -> QueueVisit:
    """Find the visit in which a caller was connected."""
    (visit,) = (
        visit
        for visit in seen.told.visits
        if (visit.uniqueid, visit.queue, visit.agent) == (connect["Uniqueid"], connect["Queue"], connect["MemberName"])
        and abs(visit.joined_at + visit.wait_seconds - connect.at) < MILLISECOND
    )
    return visit


def attempts_of(seen: Recording, called: Happened) -> list[RingAttempt]:
    """Find what was told of a member who was called."""
    return [
        attempt
        for attempt in seen.told.attempts
        if (attempt.agent, attempt.queue) == (called["MemberName"], called["Queue"])
        and abs(attempt.started_at - called.at) < MILLISECOND
    ]


def leg_at(seen: Recording, interface: str, at: float) -> Leg:
    """Find the conversation of a device that ended at a moment."""
    (leg,) = (leg for leg in seen.told.legs if leg.interface.startswith(interface) and abs(leg.ended_at - at) < AT_ONCE)
    return leg


def device(channel: str) -> str:
    """Return the device of a channel, without the number and half of a Local one."""
    return channel.rpartition("-")[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_answer(name: str) -> None:
    """Order, seen: answer. DialEnd ANSWER, Leave, AgentConnect, Newstate of a caller not up before, both in a bridge.

    The wait ends at AgentConnect, the talk begins when the second of the two is in the bridge. Pitfall 2.
    """
    seen = recording(name)
    connects = seen.all("AgentConnect")
    assert len(connects) > 10
    for connect in connects:
        caller, agent = connect["Uniqueid"], connect["DestUniqueid"]
        answer = seen.one("DialEnd", Uniqueid=caller, DestUniqueid=agent, DialStatus="ANSWER")
        leave = seen.before(connect, "QueueCallerLeave", Uniqueid=caller)
        bridged = [seen.after(connect, "BridgeEnter", Uniqueid=uniqueid) for uniqueid in (agent, caller)]
        first, second = sorted((each for each in bridged if each), key=lambda each: each.place)
        up = [each for each in seen.all("Newstate", Uniqueid=caller) if leave and leave.place < each.place]
        newstate = up[0] if up and up[0].place < second.place else connect
        assert in_order(answer, leave, connect, newstate, first, second)
        assert first["BridgeUniqueid"] == second["BridgeUniqueid"]
        visit = visit_of(seen, connect)
        assert visit.outcome == "answered"
        starts = [leg.started_at for leg in seen.told.legs if (leg.call_id, leg.agent) == (visit.call_id, visit.agent)]
        # Half of a Local pair may stand in line for the caller, who is put through later (an attended transfer).
        soonest, latest = second.at, second.at + AT_ONCE if caller == visit.call_id else visit.ended_at
        assert any(soonest <= start < latest for start in starts)


@pytest.mark.parametrize("name", NAMES)
def test_the_seconds_of_an_answer_are_whole(name: str) -> None:
    """Order, seen: answer. RingTime is cut off; HoldTime (Pitfall 17) is the difference of two `time()`s, either way.

    Pitfall 3: the RingTime of AgentConnect is whole seconds, and 0 in night, the only queue without a timeout. The
    facts have both to the millisecond, from the events' own times.
    """
    seen = recording(name)
    for connect in seen.all("AgentConnect"):
        caller, agent = connect["Uniqueid"], connect["DestUniqueid"]
        began = seen.one("DialBegin", Uniqueid=caller, DestUniqueid=agent)
        answer = seen.one("DialEnd", Uniqueid=caller, DestUniqueid=agent, DialStatus="ANSWER")
        timeless = connect["Queue"] == "night"
        assert int(connect["RingTime"]) == (0 if timeless else int(answer.at - began.at))
        join = seen.before(connect, "QueueCallerJoin", Uniqueid=caller)
        assert join
        # app_queue takes the time some milliseconds before it tells of the joining.
        assert int(connect["HoldTime"]) in {int(connect.at) - int(join.at - early) for early in (0.0, 0.01)}
        visit = visit_of(seen, connect)
        assert visit.wait_seconds == pytest.approx(connect.at - join.at, abs=MILLISECOND)
        assert visit.agent_ring_seconds == pytest.approx(answer.at - began.at, abs=AT_ONCE)


def test_a_hold_time_may_be_longer_than_the_wait() -> None:
    """Pitfall 17: joined at 11.860 and connected at 18.367 by the PBX's clock: HoldTime says 7, the wait was 6.5 s."""
    seen = recording("scenarios-22")
    connect = seen.one("AgentConnect", Uniqueid="1795276761.3", MemberName="Bram")
    assert (connect["HoldTime"], visit_of(seen, connect).wait_seconds) == ("7", 6.506)


@pytest.mark.parametrize("name", NAMES)
def test_losers_of_a_ring_all_queue(name: str) -> None:
    """Order, seen: ring-all. DialEnd ANSWER, then CANCEL for each loser twice; their Hangup has Cause 26.

    One attempt is told of each, answered elsewhere. Pitfall 4: none of them has an AgentRingNoAnswer.
    """
    seen = recording(name)
    losers = 0
    for connect in seen.all("AgentConnect"):
        caller = connect["Uniqueid"]
        answer = seen.one("DialEnd", Uniqueid=caller, DestUniqueid=connect["DestUniqueid"], DialStatus="ANSWER")
        for called in seen.ringing(answer, caller):
            dest = called["DestUniqueid"]
            if dest == connect["DestUniqueid"]:
                continue
            ends = seen.all("DialEnd", Uniqueid=caller, DestUniqueid=dest)
            hangup = seen.one("Hangup", Uniqueid=dest)
            assert [each["DialStatus"] for each in ends] == ["CANCEL", "CANCEL"]
            assert in_order(answer, *ends, hangup)
            assert hangup["Cause"] == "26"
            assert seen.all("AgentRingNoAnswer", DestUniqueid=dest) == []
            assert [attempt.result for attempt in attempts_of(seen, called)] == ["elsewhere"]
            losers += 1
    assert losers > 0
    assert losers == sum(attempt.result == "elsewhere" and attempt.queue is not None for attempt in seen.told.attempts)


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_who_hangs_up_in_line(name: str) -> None:
    """Order, seen: caller hangs up. HangupRequest, DialEnd CANCEL twice each, Abandon, Leave, the caller's Hangup.

    The members' Hangups come anywhere behind their CANCEL, even behind the caller's: threads race. No member has an
    AgentRingNoAnswer (Pitfall 4); queue_log says RINGCANCELED of each. The facts: abandoned, and `caller_gone` of each.
    Pitfall 2: Abandon comes before Leave.
    """
    seen = recording(name)
    rung = gone = 0
    for abandon in seen.all("QueueCallerAbandon"):
        caller = abandon["Uniqueid"]
        request = seen.before(abandon, "HangupRequest", Uniqueid=caller)
        if request is None:
            continue
        gone += 1
        leave = seen.after(abandon, "QueueCallerLeave", Uniqueid=caller)
        hangup = seen.one("Hangup", Uniqueid=caller)
        assert in_order(request, abandon, leave, hangup)
        assert seen.before(abandon, "VarSet", Uniqueid=caller, Variable="ABANDONED", Value="TRUE")
        for called in seen.ringing(request, caller):
            dest = called["DestUniqueid"]
            ends = seen.all("DialEnd", Uniqueid=caller, DestUniqueid=dest)
            assert [each["DialStatus"] for each in ends] == ["CANCEL", "CANCEL"]
            assert in_order(request, *ends, abandon)
            assert in_order(ends[0], seen.one("Hangup", Uniqueid=dest))
            assert seen.all("AgentRingNoAnswer", DestUniqueid=dest) == []
            assert [attempt.result for attempt in attempts_of(seen, called)] == ["caller_gone"]
            rung += 1
    assert min(rung, gone) > 0
    assert gone == sum(visit.outcome in {"abandoned", "short_abandoned"} for visit in seen.told.visits)
    assert gone == len(seen.logged("ABANDON"))
    assert rung == len(seen.logged("RINGCANCELED"))


@pytest.mark.parametrize("name", NAMES)
def test_a_queues_timeout(name: str) -> None:
    """Order, seen: queue timeout. Abandon as well, then Leave, then QUEUESTATUS=TIMEOUT; ABANDONED=TRUE as well.

    Pitfall 1: an Abandon is no hangup. That no HangupRequest came before tells the two apart, and so do the facts.
    """
    seen = recording(name)
    timeouts = 0
    for abandon in seen.all("QueueCallerAbandon"):
        caller = abandon["Uniqueid"]
        if seen.before(abandon, "HangupRequest", Uniqueid=caller):
            continue
        leave = seen.after(abandon, "QueueCallerLeave", Uniqueid=caller)
        status = seen.after(abandon, "VarSet", Uniqueid=caller, Variable="QUEUESTATUS")
        abandoned = seen.before(abandon, "VarSet", Uniqueid=caller, Variable="ABANDONED", Value="TRUE")
        assert in_order(abandoned, abandon, leave, status)
        assert status
        assert status["Value"] == "TIMEOUT"
        timeouts += 1
    assert timeouts > 0
    assert timeouts == sum(visit.outcome == "timeout" for visit in seen.told.visits)
    assert timeouts == len(seen.logged("EXITWITHTIMEOUT"))


@pytest.mark.parametrize("name", NAMES)
def test_a_blind_transfer(name: str) -> None:
    """Order, seen: blind transfer. Unhold, BlindTransfer, AgentComplete, BridgeLeaves, the Hangup, the next step.

    The Unhold comes whether or not there was a Hold. AgentComplete (Reason=transfer) and the two BridgeLeaves race, one
    of these may even come before BlindTransfer; the next DialBegin or QueueCallerJoin is on the same caller Uniqueid.
    The leg ends by the transfer, and where there was no Hold, none is told.
    """
    seen = recording(name)
    transfers = seen.all("BlindTransfer")
    assert len(transfers) > 2
    for transfer in transfers:
        agent, caller = transfer["TransfererUniqueid"], transfer["TransfereeUniqueid"]
        unhold = seen.before(transfer, "Unhold", Uniqueid=agent)
        assert unhold
        assert transfer.at - unhold.at < AT_ONCE
        complete = seen.after(transfer, "AgentComplete", Uniqueid=caller)
        assert complete
        assert complete["Reason"] == "transfer"
        leaves = [seen.after(unhold, "BridgeLeave", Uniqueid=uniqueid) for uniqueid in (agent, caller)]
        hangup = seen.one("Hangup", Uniqueid=agent)
        steps = [seen.after(transfer, step, Uniqueid=caller) for step in ("DialBegin", "QueueCallerJoin")]
        step = min((each for each in steps if each), key=lambda each: each.place)
        for each in (complete, *leaves, hangup, step):
            assert in_order(unhold, each)
            assert each
            assert each.at - transfer.at < AT_ONCE
        leg = leg_at(seen, device(transfer["TransfererChannel"]), transfer.at)
        assert leg.ended_by == "transfer"
        (told,) = (each for each in seen.told.transfers if each.at == transfer.at)
        assert (told.kind, told.to, told.result) == ("blind", transfer["Extension"], "success")
        held = seen.before(transfer, "Hold", Uniqueid=agent) is not None
        assert held is any(hold.ended_at > transfer.at - 1 for hold in holds_of(seen, leg))


def holds_of(seen: Recording, leg: Leg) -> list[Hold]:
    """Find the holds of a conversation."""
    return [
        hold
        for hold in seen.told.holds
        if (hold.call_id, hold.agent) == (leg.call_id, leg.agent)
        and leg.started_at <= hold.started_at <= hold.ended_at <= leg.ended_at
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_attended_transfer(name: str) -> None:
    """Order, seen: attended transfer. The consultation's Hold never has its Unhold; the event comes after the swap.

    The consulted phone is reached through a Local pair, whose half takes the agent's place; AgentComplete comes within
    milliseconds of AttendedTransfer, queue_log says ATTENDEDTRANSFER BRIDGE (Pitfall 7: DestType), and the caller goes
    on talking or waiting. The facts: the leg ends when the agent left the consultation, held by a consultation until
    then. Pitfall 10: that hold ends without an Unhold.
    """
    seen = recording(name)
    transfers = seen.all("AttendedTransfer", Result="Success")
    assert transfers
    for transfer in transfers:
        agent, caller = transfer["OrigTransfererUniqueid"], transfer["TransfereeUniqueid"]
        assert transfer["DestType"] == "Bridge"
        assert len(seen.all("Hold", Uniqueid=agent)) == 1 + len(seen.all("Unhold", Uniqueid=agent))
        leaves = seen.all("BridgeLeave", Uniqueid=agent)
        hold = seen.before(leaves[0], "Hold", Uniqueid=agent)
        own, consultation = (each["BridgeUniqueid"] for each in leaves)
        # The half that is in the consultation goes over to the caller before the transfer is told.
        entered = seen.after(leaves[-1], "BridgeEnter", BridgeUniqueid=own)
        assert in_order(hold, *leaves, entered, transfer)
        assert entered
        assert entered["Channel"].startswith("Local/")
        assert seen.all("BridgeEnter", BridgeUniqueid=consultation, Uniqueid=entered["Uniqueid"])
        complete = seen.one("AgentComplete", DestUniqueid=agent)
        assert complete["Reason"] == "transfer"
        assert abs(complete.at - transfer.at) < AT_ONCE
        leg = leg_at(seen, device(transfer["OrigTransfererChannel"]), leaves[-1].at)
        assert leg.ended_by == "transfer"
        silence = holds_of(seen, leg)[-1]
        assert (silence.kind, silence.ended_at) == ("consultation", leg.ended_at)
        assert seen.one("Hangup", Uniqueid=caller).place > transfer.place
        (call,) = (call for call in seen.told.calls if call.call_id == leg.call_id)
        assert call.ended_at > transfer.at
    lines = seen.logged("ATTENDEDTRANSFER")
    assert [line.args[0] for line in lines] == ["BRIDGE"] * len(transfers)


@pytest.mark.parametrize("name", MIXES)
def test_a_consultation_that_fails(name: str) -> None:
    """Order, seen: failed consultation. Hold, Local pair, CONGESTION, the agent into its bridge and, 8 s later, back.

    The Unhold follows the way back, and the caller hears music all the time: one consultation is told, by the music.
    No AttendedTransfer is said, and none is told.
    """
    seen = recording(name)
    back = 0
    for end in seen.all("DialEnd", DialStatus="CONGESTION", Uniqueid=""):
        half = end["DestUniqueid"]
        paired = next(iter(seen.all("LocalBridge", LocalOneUniqueid=half)), None)
        if paired is None:
            # The agent is behind a wire, whose far half is told of the congestion as well.
            assert seen.all("LocalBridge", LocalTwoUniqueid=half)
            continue
        consultation = seen.one("BridgeEnter", Uniqueid=half)["BridgeUniqueid"]
        away = next(each for each in seen.all("BridgeEnter", BridgeUniqueid=consultation) if each["Uniqueid"] != half)
        agent = away["Uniqueid"]
        left = seen.before(away, "BridgeLeave", Uniqueid=agent)
        assert left
        bridge = left["BridgeUniqueid"]
        hold = seen.before(left, "Hold", Uniqueid=agent)
        returned = seen.after(away, "BridgeEnter", Uniqueid=agent, BridgeUniqueid=bridge)
        if returned is None:
            continue
        back += 1
        unhold = seen.after(returned, "Unhold", Uniqueid=agent)
        assert in_order(hold, paired, end, returned, unhold)
        assert in_order(hold, paired, left, away, returned)
        assert returned.at - away.at == pytest.approx(8.0, abs=AT_ONCE)
        assert hold
        caller = next(each for each in seen.all("BridgeEnter", BridgeUniqueid=bridge) if each["Uniqueid"] != agent)
        music = seen.after(hold, "MusicOnHoldStart", Uniqueid=caller["Uniqueid"])
        silence = seen.after(returned, "MusicOnHoldStop", Uniqueid=caller["Uniqueid"])
        assert in_order(hold, music, left, returned, silence, unhold)
        assert silence
        (told,) = (each for each in seen.told.holds if abs(each.started_at - hold.at) < MILLISECOND)
        assert told.kind == "consultation"
        assert told.ended_at == pytest.approx(silence.at, abs=0.01)
        assert not [each for each in seen.all("AttendedTransfer") if each["OrigTransfererUniqueid"] == agent]
        assert not [each for each in seen.told.transfers if each.call_id == told.call_id and each.kind == "attended"]
    assert back > 0


@pytest.mark.parametrize("name", MIXES)
def test_holds_nest(name: str) -> None:
    """Order, seen: failed consultation. A phone that holds during its consultation says Hold, Hold, Unhold.

    The Unhold of the one comes while the other lasts and the agent is away; the caller's music does not stop for it,
    and one interval is told.
    """
    seen = recording(name)
    nested = 0
    for unhold in seen.all("Unhold"):
        agent = unhold["Uniqueid"]
        holds = [each for each in seen.all("Hold", Uniqueid=agent) if each.place < unhold.place]
        unholds = [each for each in seen.all("Unhold", Uniqueid=agent) if each.place < unhold.place]
        if len(holds) - len(unholds) != 2:
            continue
        nested += 1
        told = [
            each
            for each in seen.told.holds
            if each.started_at <= unhold.at < each.ended_at and abs(each.started_at - holds[-2].at) < MILLISECOND
        ]
        assert [each.kind for each in told] == ["consultation"]
        (music,) = (
            each
            for each in seen.all("MusicOnHoldStart")
            if each.place > holds[-2].place
            and abs(each.at - holds[-2].at) < 0.01
            and each["Linkedid"] == unhold["Linkedid"]
        )
        stop = seen.after(music, "MusicOnHoldStop", Uniqueid=music["Uniqueid"])
        assert stop is None or stop.place > unhold.place
    assert nested > 0


@pytest.mark.parametrize("name", MIXES)
def test_a_hold_behind_a_local_member(name: str) -> None:
    """Order, seen: hold behind a Local member. It is said of the phone, in another bridge than the caller's.

    Pitfall 10: Hold is of the one who pressed it, MusicOnHoldStart of the one who hears, which here is the far half of
    the wire and not the caller. The fact names the member.
    """
    seen = recording(name)
    behind = 0
    local = {each["DestUniqueid"] for each in seen.all("AgentCalled") if each["Interface"].startswith("Local/")}
    pairs = {each["LocalTwoUniqueid"]: each for each in seen.all("LocalBridge") if each["LocalOneUniqueid"] in local}
    phones = {each["DestUniqueid"]: each["Uniqueid"] for each in seen.all("DialBegin") if each["Uniqueid"] in pairs}
    for hold in seen.all("Hold"):
        if hold["Uniqueid"] not in phones:
            continue
        near = pairs[phones[hold["Uniqueid"]]]["LocalOneUniqueid"]
        connect = seen.one("AgentConnect", DestUniqueid=near)
        bridges = [
            each["BridgeUniqueid"]
            for uniqueid in (hold["Uniqueid"], connect["Uniqueid"])
            if (each := seen.before(hold, "BridgeEnter", Uniqueid=uniqueid))
        ]
        assert len(set(bridges)) == 2
        heard = seen.after(hold, "MusicOnHoldStart", Uniqueid=phones[hold["Uniqueid"]])
        assert heard
        assert heard.at - hold.at < AT_ONCE
        (told,) = (each for each in seen.told.holds if abs(each.started_at - hold.at) < MILLISECOND)
        assert (told.agent, told.queue) == (connect["MemberName"], connect["Queue"])
        behind += 1
    assert behind > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_park(name: str) -> None:
    """Order, seen: park. ParkedCall, ParkedCallTimeOut, then a new Dial to the parker, by the caller's own channel.

    AgentComplete and queue_log's COMPLETECALLER come at the very end, with a TalkTime that includes the parking. Facts:
    a hold of kind park, from the one to the other, which is no talk.
    """
    seen = recording(name)
    back = 0
    for parked in seen.all("ParkedCall"):
        caller = parked["ParkeeUniqueid"]
        end = seen.after(parked, "ParkedCallTimeOut", ParkeeUniqueid=caller)
        end = end or seen.after(parked, "ParkedCallGiveUp", ParkeeUniqueid=caller)
        assert end
        (told,) = (hold for hold in seen.told.holds if hold.kind == "park" and abs(hold.started_at - parked.at) < 0.02)
        assert told.ended_at == pytest.approx(end.at, abs=0.02)
        complete = seen.after(parked, "AgentComplete", Uniqueid=caller)
        if complete is None:
            # Without the caller's headers (Pitfall 6), the agent's having gone long ago.
            continue
        connect = seen.before(complete, "AgentConnect", Uniqueid=caller)
        assert connect
        assert complete.place > seen.all("BridgeLeave", Uniqueid=caller)[-2].place
        assert int(complete["TalkTime"]) == pytest.approx(complete.at - connect.at, abs=1.1)
        lines = seen.logged("COMPLETECALLER", call_id=caller)
        assert [line.args[1] for line in lines][-1:] == [complete["TalkTime"]]
        visit = visit_of(seen, connect)
        assert visit.hold_seconds >= told.seconds - MILLISECOND
        assert visit.talk_seconds + visit.hold_seconds == pytest.approx(complete.at - connect.at, abs=0.05)
        if end["Event"] == "ParkedCallTimeOut":
            began = seen.after(end, "DialBegin", Uniqueid=caller)
            assert began
            assert began.at - end.at < AT_ONCE
            assert began["DestChannel"].startswith(parked["ParkerDialString"])
            back += 1
    assert back > 0


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_who_hangs_up_first(name: str) -> None:
    """Order, seen: agent hangs up first. AgentComplete lacks the Dest headers, and queue_log says COMPLETECALLER.

    Pitfall 6: by then the agent's channel has hung up. The facts have the agent, and who ended the talk.
    """
    seen = recording(name)
    ended_by: list[str | None] = []
    for complete in seen.all("AgentComplete", DestUniqueid=""):
        caller = complete["Uniqueid"]
        if not caller:
            continue
        connect = seen.before(complete, "AgentConnect", Uniqueid=caller)
        assert connect
        assert in_order(seen.one("Hangup", Uniqueid=connect["DestUniqueid"]), complete)
        assert [line.event for line in seen.logged("COMPLETECALLER", "COMPLETEAGENT", call_id=caller)][
            -1
        ] == "COMPLETECALLER"
        ended_by.append(visit_of(seen, connect).talk_ended_by)
    assert "agent" in ended_by


@pytest.mark.parametrize("name", NAMES)
def test_a_local_member(name: str) -> None:
    """Order, seen: Local member. AgentConnect's DestChannel is Local/...;1, and the phone is behind its LocalBridge.

    DialBegin and DialState are said of both, the near half and the phone. One attempt is told, with the interface that
    the queue names.
    """
    seen = recording(name)
    connected = 0
    for called in seen.all("AgentCalled"):
        near = called["DestUniqueid"]
        if not called["DestChannel"].startswith("Local/"):
            assert seen.all("LocalBridge", LocalOneUniqueid=near) == []
            continue
        assert called["DestChannel"].endswith(";1")
        far = seen.one("LocalBridge", LocalOneUniqueid=near)["LocalTwoUniqueid"]
        behind = seen.all("DialBegin", Uniqueid=far)
        (attempt,) = attempts_of(seen, called)
        assert attempt.interface == called["Interface"]
        if connect := next(iter(seen.all("AgentConnect", DestUniqueid=near)), None):
            connected += 1
            assert connect["DestChannel"] == called["DestChannel"]
            assert behind[0]["DestChannel"].startswith(f"PJSIP/{called['Interface'][6:9]}-")
            assert attempt.result == "answered"
        halves = {near, behind[0]["DestUniqueid"]}
        for event in ("DialBegin", "DialState"):
            callers = {each["Uniqueid"] for each in seen.all(event) if each["DestUniqueid"] in halves}
            assert callers == {called["Uniqueid"], far}
    assert connected > 0


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_local_member_who_lets_it_ring(name: str) -> None:
    """Order, seen: Local member. AgentRingNoAnswer comes once, for the half that the queue called; one attempt is told.

    Pitfall 3: its RingTime is milliseconds.
    """
    seen = recording(name)
    ignored = seen.one("AgentRingNoAnswer")
    called = seen.one("AgentCalled", DestUniqueid=ignored["DestUniqueid"])
    assert called["Interface"] == "Local/107@agents"
    assert ignored["RingTime"] == "8000"
    (attempt,) = attempts_of(seen, called)
    assert attempt.result == "no_answer"
    assert attempt.ring_seconds == pytest.approx(8.0, abs=AT_ONCE)
    assert [line.args for line in seen.logged("RINGNOANSWER")] == [("8000",)]


@pytest.mark.parametrize("name", SCRIPTED)
def test_an_agent_may_call_out(name: str) -> None:
    """Order, seen: agent calls out. Originate rings the own phone first, dialled by nobody; then the customer's.

    One outbound call is told, the agent's, with the customer at the other end.
    """
    seen = recording(name)
    own = next(each for each in seen.all("DialBegin", Uniqueid="") if each["DestChannel"].startswith("PJSIP/"))
    agent = own["DestUniqueid"]
    answer = seen.one("DialEnd", Uniqueid="", DestUniqueid=agent)
    dialled = seen.one("DialBegin", Uniqueid=agent)
    assert in_order(own, answer, dialled)
    assert dialled["DestChannel"].startswith("PJSIP/trunk")
    (call,) = (call for call in seen.told.calls if call.call_id == agent)
    assert (call.direction, call.agents, call.queues) == ("outbound", ["PJSIP/108"], [])
