"""The desk as a model: the same every time, and true to what queues, phones and people do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ringwatch.simulator import DEFAULT_PLAN, Desk, Plan, absent, around_the_clock, scaled
from ringwatch.simulator.ledger import Call, Leg, Pause, RingAttempt, Shift, Visit

from .desks import HOUR, MONDAY_NINE, agents, busy, queue, small, worked
from .streams import Headers, of_blocks, timed

MIDNIGHT = MONDAY_NINE - 9 * HOUR


def digest(said: list[tuple[float, bytes]]) -> str:
    return hashlib.sha256(b"".join(block for _, block in said)).hexdigest()


def work(plan: Plan, seed: int = 1, hours: float = 1.0) -> list[tuple[float, bytes]]:
    return Desk(plan, seed=seed, start_at=MONDAY_NINE).advance(MONDAY_NINE + hours * HOUR)


def name_of(block: bytes) -> str:
    return block[len("Event: ") : block.index(b"\r")].decode()


def heard_in(said: list[tuple[float, bytes]]) -> Counter[str]:
    return Counter(name_of(block) for _, block in said)


def events(said: list[tuple[float, bytes]], *names: str) -> list[Headers]:
    """Read the events of these names; reading all of them is what takes long."""
    return timed(of_blocks((at, block) for at, block in said if name_of(block) in names))


# Determinism


def test_the_same_seed_says_the_same_bytes() -> None:
    assert work(busy(), seed=7) == work(busy(), seed=7)


def test_another_seed_says_something_else() -> None:
    assert digest(work(busy(), seed=7)) != digest(work(busy(), seed=8))


def test_hashing_changes_nothing() -> None:
    """Another process with another hash seed says the same, so that no order hangs on a set or a hash."""
    script = (
        "import hashlib; from tests.simulator.desks import *; "
        "said = Desk(busy(), seed=7, start_at=MONDAY_NINE).advance(MONDAY_NINE + HOUR); "
        "print(hashlib.sha256(b''.join(block for _, block in said)).hexdigest())"
    )
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": root}
    there = subprocess.run(
        [sys.executable, "-c", script], env=env, cwd=root, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == digest(work(busy(), seed=7))


@pytest.mark.parametrize("step", [0.25, 1.0, 37.0])
def test_advancing_in_steps_is_advancing_at_once(step: float) -> None:
    desk = Desk(busy(), seed=2, start_at=MONDAY_NINE)
    said = []
    while desk.now < MONDAY_NINE + 1200:
        said += desk.advance(min(desk.now + step, MONDAY_NINE + 1200))
    assert digest(said) == digest(Desk(busy(), seed=2, start_at=MONDAY_NINE).advance(MONDAY_NINE + 1200))


def test_a_limit_cuts_between_deeds_and_loses_nothing() -> None:
    desk = Desk(busy(), seed=2, start_at=MONDAY_NINE)
    said, pieces = [], 0
    while desk.next_at <= MONDAY_NINE + 1200:
        said += desk.advance(MONDAY_NINE + 1200, limit=50)
        pieces += 1
    assert pieces > 20
    assert digest(said) == digest(Desk(busy(), seed=2, start_at=MONDAY_NINE).advance(MONDAY_NINE + 1200))


def test_stamps_grow_and_are_in_the_blocks() -> None:
    said = work(busy())
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(said))
    assert all(f"\r\nTimestamp: {at:.6f}\r\n".encode() in block for at, block in said)
    assert said[-1][0] < MONDAY_NINE + HOUR + 0.1


def test_the_same_callers_come_whoever_works() -> None:
    """Fewer agents change what happens to callers, not who comes and when."""
    plan = small(4, calls_per_hour=120)
    fewer = replace(plan, agents=agents(101, 2), queues=(replace(plan.queues[0], members=("101", "102")),))

    def arrivals(which: Plan) -> list[tuple[str, float]]:
        new = events(work(which, hours=2), "Newchannel")
        return [(each["CallerIDNum"], float(each["Timestamp"])) for each in new if "trunk" in each["Channel"]]

    here, there = arrivals(plan), arrivals(fewer)
    assert [number for number, _ in here] == [number for number, _ in there]
    assert all(abs(a - b) < 0.1 for (_, a), (_, b) in zip(here, there, strict=True))
    assert digest(work(plan)) != digest(work(fewer))


# Conservation


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("plan", [busy(), around_the_clock(DEFAULT_PLAN)], ids=["busy", "default"])
def test_everybody_who_comes_leaves_in_exactly_one_way(plan: Plan, seed: int) -> None:
    desk, said = worked(plan, seed=seed, hours=1)
    heard = heard_in(said)
    visits = [entry for entry in desk.ledger if isinstance(entry, Visit)]
    calls = [entry for entry in desk.ledger if isinstance(entry, Call)]
    legs = [entry for entry in desk.ledger if isinstance(entry, Leg)]
    attempts = Counter(entry.result for entry in desk.ledger if isinstance(entry, RingAttempt))
    outcomes = Counter(visit.outcome for visit in visits)

    assert heard["QueueCallerJoin"] == heard["QueueCallerLeave"] == len(visits) > 100
    assert len({(visit.call_id, visit.queue, visit.ordinal) for visit in visits}) == len(visits)
    assert outcomes["answered"] == heard["AgentConnect"] == heard["AgentComplete"]
    assert outcomes["abandoned"] + outcomes["timeout"] == heard["QueueCallerAbandon"]
    assert len({call.call_id for call in calls}) == len(calls)
    assert {visit.call_id for visit in visits} <= {call.call_id for call in calls}
    assert sum(call.legs for call in calls) == len(legs) == attempts["answered"]
    assert sum(leg.queue is not None for leg in legs) == outcomes["answered"]
    assert sum(leg.ended_by == "transfer" for leg in legs) == heard["BlindTransfer"] + heard["AttendedTransfer"]
    assert sum(attempts.values()) == heard["DialBegin"]
    assert attempts["no_answer"] == heard["AgentRingNoAnswer"] + _dials_in_vain(desk)
    assert heard["Newchannel"] == heard["Hangup"]
    assert heard["BridgeCreate"] == heard["BridgeDestroy"]
    assert heard["BridgeEnter"] == heard["BridgeLeave"]
    assert heard["MusicOnHoldStart"] == heard["MusicOnHoldStop"]
    assert desk.channels()[-1].endswith(b"ListItems: 0\r\n\r\n")
    assert b"\r\nStatus: 1\r\n" in b"".join(desk.queue_status())
    assert b"\r\nStatus: 2\r\n" not in b"".join(desk.queue_status())


def _dials_in_vain(desk: Desk) -> int:
    attempts = [entry for entry in desk.ledger if isinstance(entry, RingAttempt)]
    return sum(entry.result == "no_answer" and entry.queue is None for entry in attempts)


def test_the_ledger_says_what_the_stream_says() -> None:
    """The instants of the ledger are the stamps of the blocks that say so."""
    desk, said = worked(busy(), seed=4, hours=1)
    stamps: dict[tuple[str, str], set[float]] = {}
    for each in events(said, "QueueCallerJoin", "QueueCallerLeave", "Newchannel", "Hangup", "DialEnd", "DialState"):
        name = each["Event"] + (f" {each['DialStatus']}" if "DialStatus" in each else "")
        stamps.setdefault((name, each.get("Uniqueid", "")), set()).add(float(each["Timestamp"]))
    for entry in desk.ledger:
        if isinstance(entry, Visit):
            assert entry.joined_at in stamps["QueueCallerJoin", entry.call_id]
            assert entry.left_at in stamps["QueueCallerLeave", entry.call_id]
        elif isinstance(entry, Call):
            assert entry.started_at in stamps["Newchannel", entry.call_id]
            assert entry.ended_at in stamps["Hangup", entry.call_id]
        elif isinstance(entry, Leg) and entry.queue is not None:
            assert entry.started_at in stamps["DialEnd ANSWER", entry.call_id]
            assert 0 <= entry.hold_seconds <= entry.talk_seconds + 0.01
        elif isinstance(entry, RingAttempt) and entry.queue is not None:
            assert entry.started_at in stamps["DialState RINGING", entry.call_id]
            assert entry.started_at < entry.ended_at


# Time of day


def test_the_day_has_the_shape_of_the_curve() -> None:
    said = Desk(DEFAULT_PLAN, seed=1, start_at=MIDNIGHT).advance(MIDNIGHT + 24 * HOUR)
    joins = Counter(int((float(each["Timestamp"]) - MIDNIGHT) // HOUR) for each in events(said, "QueueCallerJoin"))
    assert joins[9] > 150
    assert joins[3] < 15
    assert joins[9] > joins[12] > joins[17] > joins[21]


def test_a_flat_day_brings_as_many_as_its_rate() -> None:
    """Within four standard deviations of a Poisson variable."""
    heard = heard_in(work(small(8, calls_per_hour=100), hours=20))
    assert abs(heard["QueueCallerJoin"] - 2000) < 4 * 2000**0.5


def test_weekdays_have_their_own_rates() -> None:
    week = (1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    plan = replace(small(calls_per_hour=50), week=week)
    said = Desk(plan, seed=1, start_at=MIDNIGHT).advance(MIDNIGHT + 48 * HOUR)
    days = Counter(
        int((float(each["Timestamp"]) - MIDNIGHT) // (24 * HOUR)) for each in events(said, "QueueCallerJoin")
    )
    assert days[0] > 1000
    assert days[1] == 0


def test_local_time_moves_the_day() -> None:
    ahead = replace(DEFAULT_PLAN, utc_offset_seconds=2 * 3600)
    assert ahead.hour(MONDAY_NINE) == 11
    assert ahead.weight(MONDAY_NINE - 2 * HOUR) == DEFAULT_PLAN.weight(MONDAY_NINE)


def test_a_desk_short_of_people_at_lunch_makes_callers_wait_then() -> None:
    plan = around_the_clock(DEFAULT_PLAN)
    short = absent(plan, {"201", "202", "203", "204"}, 12, 13)

    def lunch_wait(which: Plan) -> float:
        desk, _ = worked(which, seed=2, hours=5)
        visits = [entry for entry in desk.ledger if isinstance(entry, Visit) and entry.queue == "support"]
        waits = [visit.wait_seconds for visit in visits if 3 * HOUR <= visit.joined_at - MONDAY_NINE < 4 * HOUR]
        return sum(waits) / len(waits)

    assert lunch_wait(short) > 2 * lunch_wait(plan)


def test_more_callers_are_more_callers() -> None:
    plan = around_the_clock(DEFAULT_PLAN)
    few = heard_in(work(plan))["QueueCallerJoin"]
    assert heard_in(work(scaled(plan, 2)))["QueueCallerJoin"] > 1.5 * few


# People


def test_members_log_in_and_out_with_their_shifts() -> None:
    plan = small(3)
    worker = replace(plan.agents[0], shifts=((9.5, 10.0), (10.5, 11.0)))
    plan = replace(plan, agents=(worker, *plan.agents[1:]))
    desk, said = worked(plan, hours=3)
    edges = events(said, "QueueMemberAdded", "QueueMemberRemoved")
    at = [(each["Event"], round((float(each["Timestamp"]) - MONDAY_NINE) / 60)) for each in edges]
    # Leaving waits for the end of a conversation.
    assert [name for name, _ in at] == ["QueueMemberAdded", "QueueMemberRemoved"] * 2
    assert [minute for name, minute in at if name == "QueueMemberAdded"] == [30, 90]
    assert all(abs(minute - edge) <= 3 for minute, edge in zip([m for _, m in at], [30, 60, 90, 120], strict=True))
    assert len([entry for entry in desk.ledger if isinstance(entry, Shift)]) == 2
    assert {each["Membership"] for each in edges} == {"dynamic"}


def test_nobody_is_rung_who_is_away_paused_busy_or_wrapping_up() -> None:
    """Tell from the stream alone: members are called only when free, and not within the wrap-up."""
    _, said = worked(DEFAULT_PLAN, hours=9)
    told = ("QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded", "QueueMemberRemoved")
    wrap_up = {queue.name: queue.wrapup_seconds for queue in DEFAULT_PLAN.queues}
    status: Counter[str] = Counter()
    paused: dict[str, bool] = {}
    there: dict[str, bool] = {agent.interface: not agent.shifts[0][0] > 9 for agent in DEFAULT_PLAN.agents}
    until: Counter[str] = Counter()
    called = 0
    for each in events(said, *told, "AgentComplete", "AgentCalled"):
        name, interface, at = each["Event"], each.get("Interface", ""), float(each["Timestamp"])
        if name == "QueueMemberStatus":
            status[interface] = int(each["Status"])
        elif name == "QueueMemberPause":
            paused[interface] = each["Paused"] == "1"
        elif name in {"QueueMemberAdded", "QueueMemberRemoved"}:
            there[interface] = name == "QueueMemberAdded"
        elif name == "AgentComplete":
            until[interface] = int(at * 1000) + wrap_up[each["Queue"]] * 1000
        elif name == "AgentCalled":
            called += 1
            assert there[interface]
            assert not paused.get(interface)
            assert status[interface] in {0, 1}
            assert at * 1000 >= until[interface] - 50
    assert called > 1000


def test_pauses_are_of_all_queues_and_in_the_ledger() -> None:
    desk, said = worked(around_the_clock(DEFAULT_PLAN), hours=4)
    pauses = [entry for entry in desk.ledger if isinstance(entry, Pause)]
    heard = events(said, "QueueMemberPause")
    assert {pause.reason for pause in pauses} == {"break", "meeting", "paperwork"}
    # Дарья is in two queues: each pause and each return is said in both.
    reported = Counter((each["Queue"], each["Paused"]) for each in heard if each["Interface"] == "PJSIP/206")
    assert reported["support", "1"] == reported["sales", "1"] > 0
    assert all(pause.ended_at - pause.started_at >= 19.9 for pause in pauses)


def test_a_call_is_missed_as_often_as_the_person_misses() -> None:
    plan = small(1, calls_per_hour=60, patience_mean_seconds=1000, wait_limit_seconds=1000)
    plan = replace(plan, agents=(replace(plan.agents[0], misses=0.4),))
    desk, _ = worked(plan, hours=10)
    results = Counter(entry.result for entry in desk.ledger if isinstance(entry, RingAttempt))
    assert 0.3 < results["no_answer"] / (results["no_answer"] + results["answered"]) < 0.5


# Queues


def test_round_robin_shares_the_calls_evenly() -> None:
    desk, _ = worked(small(5, calls_per_hour=300), hours=4)
    taken = Counter(entry.agent for entry in desk.ledger if isinstance(entry, Leg))
    assert max(taken.values()) < 1.15 * min(taken.values())


def test_the_least_recent_member_is_rung() -> None:
    _, said = worked(small(5, strategy="leastrecent", calls_per_hour=120), hours=2)
    last: Counter[str] = Counter({f"PJSIP/{number}": 0 for number in range(101, 106)})
    busy_now: set[str] = set()
    for each in events(said, "AgentCalled", "AgentComplete", "QueueMemberStatus"):
        interface = each["Interface"]
        if each["Event"] == "QueueMemberStatus":
            (busy_now.discard if each["Status"] == "1" else busy_now.add)(interface)
        elif each["Event"] == "AgentComplete":
            last[interface] = int(float(each["Timestamp"]))
        else:
            now = float(each["Timestamp"])
            free = [other for other in last if other not in busy_now and now > last[other] + 4]
            assert last[interface] <= min((last[other] for other in free), default=last[interface])


def test_a_ring_all_queue_rings_everybody_who_is_free() -> None:
    desk, said = worked(small(4, strategy="ringall", calls_per_hour=20), hours=6)
    rung = Counter(each["DestLinkedid"] for each in events(said, "DialBegin"))
    assert Counter(rung.values()).most_common(1)[0][0] == 4
    results = Counter(entry.result for entry in desk.ledger if isinstance(entry, RingAttempt))
    assert results["elsewhere"] > 2 * results["answered"] > 0


def test_nobody_waits_longer_than_the_limit() -> None:
    plan = small(1, calls_per_hour=300, wait_limit_seconds=30, patience_mean_seconds=300)
    desk, said = worked(plan, hours=1)
    visits = [entry for entry in desk.ledger if isinstance(entry, Visit)]
    assert Counter(visit.outcome for visit in visits)["timeout"] > 50
    # Answered at the last moment, or noticed a second late.
    assert max(visit.wait_seconds for visit in visits) < 32
    given_up = [each for each in events(said, "VarSet") if each["Variable"] == "QUEUESTATUS"]
    assert {each["Value"] for each in given_up} == {"TIMEOUT"}


def test_callers_are_served_in_the_order_they_came() -> None:
    """With everybody answering, a queue of one agent never lets a later caller pass."""
    plan = small(1, calls_per_hour=250, patience_mean_seconds=10_000, wait_limit_seconds=10_000)
    desk, _ = worked(plan, hours=0.5)
    answered = [entry for entry in desk.ledger if isinstance(entry, Visit) and entry.outcome == "answered"]
    assert [visit.joined_at for visit in answered] == sorted(visit.joined_at for visit in answered)


def test_patience_decides_who_hangs_up() -> None:
    def lost(patience: float) -> float:
        desk, _ = worked(small(2, calls_per_hour=300, patience_mean_seconds=patience), hours=2)
        visits = [entry for entry in desk.ledger if isinstance(entry, Visit)]
        return sum(visit.outcome == "abandoned" for visit in visits) / len(visits)

    assert lost(10) > lost(60) + 0.1


def test_who_was_not_served_calls_again() -> None:
    plan = small(1, calls_per_hour=120, patience_mean_seconds=15)
    never, often = worked(replace(plan, redials=0.0)), worked(replace(plan, redials=0.8, redial_mean_seconds=60))

    def again(desk: Desk) -> int:
        callers = Counter(entry.caller for entry in desk.ledger if isinstance(entry, Call))
        return sum(count - 1 for count in callers.values())

    assert again(never[0]) < 3
    assert again(often[0]) > 50


def test_withheld_numbers_are_withheld() -> None:
    _, said = worked(replace(small(), withheld=0.5), hours=1)
    numbers = Counter(each["CallerIDNum"] == "anonymous" for each in events(said, "QueueCallerJoin"))
    assert 0.4 < numbers[True] / numbers.total() < 0.6


# Transfers


def test_transfers_lead_to_other_queues_and_phones() -> None:
    desk, said = worked(busy(), seed=2, hours=1)
    visits = Counter(entry.call_id for entry in desk.ledger if isinstance(entry, Visit))
    assert max(visits.values()) > 1
    placed = events(said, "BlindTransfer")
    assert {each["Extension"] for each in placed} == {"81000", "82000", "86000", "86001", "87500", "121", "122"}
    assert all(each["Context"] == "internal" for each in placed)


def test_an_agent_with_nowhere_to_transfer_lets_the_caller_end_it() -> None:
    plan = Plan(
        queues=(queue("support", "1000", 101, 1, calls_per_hour=30),),
        agents=agents(101, 1, transfers_blind=0.5, transfers_attended=0.5),
    )
    desk, said = worked(plan, hours=2)
    assert not {"BlindTransfer", "AttendedTransfer"} & set(heard_in(said))
    assert {entry.ended_by for entry in desk.ledger if isinstance(entry, Leg)} == {"caller"}


def test_a_phone_in_use_rings_on_and_is_not_picked_up() -> None:
    """Dial rings a busy phone (RINGINUSE); nobody answers a second call while talking."""
    _, said = worked(scaled(busy(), 3), seed=2, hours=0.5)
    states = [each["State"] for each in events(said, "DeviceStateChange") if each["Device"] == "PJSIP/121"]
    assert "RINGINUSE" in states
    conversations = 0
    for each in events(said, "BridgeEnter", "BridgeLeave"):
        if each["Channel"].startswith("PJSIP/121"):
            conversations += 1 if each["Event"] == "BridgeEnter" else -1
            assert conversations <= 1
