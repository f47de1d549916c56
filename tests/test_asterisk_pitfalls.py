"""What is easily taken wrongly of a real Asterisk, shown in the recorded streams, and that the facts do not.

What the recordings do not hold is proved by scenarios and on the real thing: see `tests/test_asterisk_facts.py`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from ringwatch.ami.translator import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.readings import QueueReading, TalksReading
from ringwatch.core.standards import Policy
from tests.test_asterisk_order import AT_ONCE, MILLISECOND, MIXES, SCRIPTED, attempts_of, visit_of
from tests.tools.captures import NAMES, blocks, facts_of
from tests.tools.recordings import in_order, recording


@pytest.mark.parametrize("name", MIXES)
def test_callers_who_are_refused_send_no_queue_event(name: str) -> None:
    """Pitfall 1: FULL and JOINEMPTY are said by VarSet alone; each of them is one visit that was refused."""
    seen = recording(name)
    statuses = {"FULL": "refused_full", "JOINEMPTY": "refused_empty"}
    expected: Counter[str] = Counter()
    for status in seen.all("VarSet", Variable="QUEUESTATUS"):
        if outcome := statuses.get(status["Value"]):
            expected[outcome] += 1
            caller = status["Uniqueid"]
            entered = seen.before(status, "Newexten", Uniqueid=caller, Application="Queue")
            assert entered
            between = seen.events[entered.place : status.place]
            queue_events = [each for each in between if each["Uniqueid"] == caller and each["Queue"]]
            assert queue_events == []
    told = Counter(visit.outcome for visit in seen.told.visits if visit.outcome in expected)
    assert told == expected
    assert set(expected) == set(statuses.values())


@pytest.mark.parametrize("name", NAMES)
def test_who_lets_it_ring_is_told_in_milliseconds(name: str) -> None:
    """Pitfall 3: AgentRingNoAnswer.RingTime is milliseconds, from the dialling on.

    Pitfall 4: each retry repeats the event; each is one attempt that was not answered, and one line in queue_log.
    """
    seen = recording(name)
    ignored = seen.all("AgentRingNoAnswer")
    for each in ignored:
        called = seen.one("AgentCalled", DestUniqueid=each["DestUniqueid"])
        (attempt,) = attempts_of(seen, called)
        assert attempt.result == "no_answer"
        assert int(each["RingTime"]) / 1000 == pytest.approx(attempt.ended_at - attempt.started_at, abs=AT_ONCE)
        assert attempt.ring_seconds == pytest.approx(int(each["RingTime"]) / 1000, abs=AT_ONCE)
    assert len(ignored) == len(seen.logged("RINGNOANSWER"))
    assert len(ignored) == sum(attempt.result == "no_answer" for attempt in seen.told.attempts)
    again = Counter((each["Uniqueid"], each["Interface"]) for each in ignored)
    assert name in SCRIPTED or max(again.values()) > 1


@pytest.mark.parametrize("name", NAMES)
def test_agent_complete_is_not_needed(name: str) -> None:
    """Pitfall 6: nothing waits for AgentComplete: without it all facts are the same. Every talk ends by a Hangup."""
    without = [block for block in blocks(name) if not block.startswith(b"Event: AgentComplete\r\n")]
    assert len(without) < len(blocks(name))
    assert facts_of(without) == facts_of(blocks(name))


def test_agent_complete_may_lack_the_caller_and_follow_the_hangups() -> None:
    """Pitfall 6: some come without the caller's headers, some after the agent's Hangup, one after the caller's."""
    complete = [(recording(name), each) for name in NAMES for each in recording(name).all("AgentComplete")]
    assert [each for _, each in complete if not each["Uniqueid"]]
    for party in ("Uniqueid", "DestUniqueid"):
        late = [each for seen, each in complete if each[party] and seen.before(each, "Hangup", Uniqueid=each[party])]
        assert late


def test_a_blind_transfer_that_succeeds_may_lead_to_nobody() -> None:
    """Pitfall 7: Success is a place in the dialplan: of the callers so transferred some gave up unanswered."""
    lost = 0
    for seen in map(recording, MIXES):
        for transfer in seen.all("BlindTransfer", Result="Success"):
            call_id = transfer["TransfereeUniqueid"]
            after = [visit for visit in seen.told.visits if visit.call_id == call_id and visit.joined_at >= transfer.at]
            lost += bool(after) and all(visit.outcome != "answered" for visit in after)
            assert [each.result for each in seen.told.transfers if each.at == transfer.at] == ["success"]
    assert lost > 0


@pytest.mark.parametrize("name", MIXES)
def test_an_attended_transfer_may_fail(name: str) -> None:
    """Pitfall 7: DestType Fail, when the caller hung up during the consultation: told as failed, no leg ends by it."""
    seen = recording(name)
    failed = seen.all("AttendedTransfer", DestType="Fail")
    assert failed
    for each in failed:
        agent = each["OrigTransfererUniqueid"]
        assert each["Result"] == "Fail"
        connect = seen.before(each, "AgentConnect", DestUniqueid=agent)
        assert connect
        assert in_order(seen.before(each, "HangupRequest", Uniqueid=connect["Uniqueid"]), each)
        (transfer,) = (one for one in seen.told.transfers if one.at == each.at)
        assert (transfer.kind, transfer.result) == ("attended", "failed")
        assert visit_of(seen, connect).talk_ended_by == "caller"
    kinds = {each["DestType"] for each in seen.all("AttendedTransfer")}
    assert kinds == {"Bridge", "Fail"}


def test_a_linkedid_is_rewritten_to_the_oldest() -> None:
    """Pitfall 8: a channel that comes into an older call's bridge takes its Linkedid; no fact is known by it."""
    rewritten = 0
    for seen in map(recording, NAMES):
        linked: defaultdict[str, list[str]] = defaultdict(list)
        for each in seen.events:
            if each["Uniqueid"] and each["Linkedid"] not in ["", *linked[each["Uniqueid"]]]:
                linked[each["Uniqueid"]].append(each["Linkedid"])
        for before, *after in linked.values():
            assert all(float(each) < float(before) for each in after)
            rewritten += len(after)
        callers = {each["Uniqueid"] for each in seen.all("Newchannel")}
        assert {call.call_id for call in seen.told.calls} <= callers
    assert rewritten > 0


def test_after_an_attended_transfer_into_a_queue_the_line_knows_the_consultations_channel() -> None:
    """Pitfall 8: Join, Leave and AgentConnect carry half of a Local pair, what follows the transfer the caller's own.

    One call is told, with both stays, each known by the channel that joined it.
    """
    seen = recording("mix-16")
    transfer = seen.one("AttendedTransfer", OrigTransfererUniqueid="1795280544.411")
    caller = transfer["TransfereeUniqueid"]
    (visit,) = (visit for visit in seen.told.visits if visit.call_id == caller and visit.queue == "care")
    assert visit.uniqueid != caller
    names = ("QueueCallerJoin", "QueueCallerLeave", "AgentConnect")
    joined, left, connected = (seen.one(name, Uniqueid=visit.uniqueid) for name in names)
    assert in_order(joined, transfer, left, connected)
    assert [call.queues for call in seen.told.calls if call.call_id == caller] == [["front", "care"]]


@pytest.mark.parametrize("name", MIXES)
def test_music_in_line_is_the_same_event_as_on_hold(name: str) -> None:
    """Pitfall 10: most music begins in a line; it is no hold."""
    seen = recording(name)
    in_line = 0
    for music in seen.all("MusicOnHoldStart"):
        joined = seen.before(music, "QueueCallerJoin", Uniqueid=music["Uniqueid"])
        left = joined and seen.after(joined, "QueueCallerLeave", Uniqueid=music["Uniqueid"])
        if left and left.place > music.place:
            in_line += 1
            call_id = music["Linkedid"]
            began = [hold for hold in seen.told.holds if abs(hold.started_at - music.at) < MILLISECOND]
            assert [hold for hold in began if hold.call_id == call_id] == []
    assert in_line > len(seen.all("MusicOnHoldStart")) / 3


@pytest.mark.parametrize("name", MIXES)
def test_a_member_is_told_of_by_every_queue(name: str) -> None:
    """Pitfall 11: one QueueMemberStatus per queue for one phone; InCall is apart from Status, nothing is made of it.

    Each queue counts the member among its own, whatever name it gives it.
    """
    seen = recording(name)
    queues: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for each in seen.all("QueueMemberStatus"):
        queues[each["StateInterface"], each["Status"]].append(each["Queue"])
    assert {"support", "front"} <= set(queues["PJSIP/101", "2"])
    talking = {each["InCall"] for each in seen.all("QueueMemberStatus", Status="2")}
    assert talking == {"0", "1"}
    changed = [re.sub(rb"\r\nInCall: \d", b"\r\nInCall: 7", block) for block in blocks(name)]
    assert readings(changed) == readings(blocks(name))


def readings(given: list[bytes] | tuple[bytes, ...]) -> list[QueueReading | TalksReading]:
    """Return how the queues stood, all along."""
    engine, told = Engine("main", Policy()), []
    for event in Translator().feed(given):
        engine.apply(event)
        told += engine.readings()
    return told


@pytest.mark.parametrize("name", NAMES)
def test_asterisks_own_counters_are_not_read(name: str) -> None:
    """Pitfall 12: Completed, Abandoned and the like may say anything: events and facts are the same."""
    counters = rb"\r\n(Completed|Abandoned|Calls|Holdtime|TalkTime|CallsTaken|ServicelevelPerf2?): [\d.]+"
    changed = [re.sub(counters, rb"\r\n\1: 999", block) for block in blocks(name)]
    assert sum(one != other for one, other in zip(changed, blocks(name), strict=True)) > 10
    assert Translator().feed(changed) == Translator().feed(blocks(name))


@pytest.mark.parametrize(("name", "version"), [("scenarios-16", "5."), ("scenarios-22", "11.")])
def test_versions_name_things_differently(name: str, version: str) -> None:
    """Pitfall 16: AMI 5 (Asterisk 16) says Reason and, by 16.28, PausedReason too; AMI 11 (22) the latter alone.

    LoginTime is there in both; a pause is the same event.
    """
    assert blocks(name)[0].startswith(f"Asterisk Call Manager/{version}".encode())
    paused = recording(name).all("QueueMemberPause", Paused="1", PausedReason="lunch")
    assert paused
    for each in paused:
        assert each["Reason"] == ("lunch" if version == "5." else "")
        assert each["LoginTime"]
    seen = [event for event in Translator().feed(blocks(name)) if isinstance(event, ev.MemberSeen) and event.paused]
    assert {event.agent for event in seen} >= {each["MemberName"] for each in paused}


@pytest.mark.parametrize("name", NAMES)
def test_headers_of_the_future_and_channel_variables_change_nothing(name: str) -> None:
    """Pitfall 18: a ChanVariable may be named for a half of a Local pair, and new headers may come."""
    more = b"\r\nChanVariable(Local/106@agents-00000001;1): Uniqueid=9.9\r\nFutureThing: \r\nUniqueidNext: 9.9"
    banner, *rest = blocks(name)
    changed = [block + more if block.startswith(b"Event: ") else block for block in rest]
    assert facts_of([banner, *changed]) == facts_of(blocks(name))
