"""The witnesses notice: one wrong fact among the thousand of a recording, and the verdict names its call and kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
import pytest

from ringwatch.core.facts import Call, Fact, Hold, Leg, QueueVisit, RingAttempt, Transfer
from tests.asterisk.desk import ActionDone, PhoneDeed
from tests.asterisk.desk import Ledger as DeskLedger
from tests.asterisk.phones import Hold as PhoneHold
from tests.asterisk.phones import Manner, PhoneCall
from tests.asterisk.records import Cel
from tests.deeds import Deed, Ledger, Pickup, Ringing, compare_rings
from tests.recording import ledger_of
from tests.together import Interval, conversations, union, without
from tests.tools.captures import CAPTURES, blocks, facts_of
from tests.witnesses import Witnesses, compare, read_capture

F = TypeVar("F", bound=Fact)
NAME = "mix-22"


@cache
def told() -> tuple[Fact, ...]:
    return tuple(facts_of(blocks(NAME)))


@cache
def seen() -> Witnesses:
    return read_capture(CAPTURES / NAME)


def pick(kind: type[F], which: Callable[[F], bool]) -> F:
    """Return the first fact of its kind that is like this."""
    return next(fact for fact in told() if isinstance(fact, kind) and which(fact))


def kinds(facts: Sequence[Fact], call_id: str) -> set[str]:
    """Return what the witnesses say of these facts; all of it is about this call."""
    verdict = compare(facts, seen())
    assert {each.call_id for each in verdict.differences} <= {call_id}, verdict
    return {each.kind for each in verdict.differences}


def changed(fact: Fact, **changes: Any) -> list[Fact]:
    """Return all facts, one of them changed."""
    return [msgspec.structs.replace(each, **changes) if each is fact else each for each in told()]


def dropped(fact: Fact) -> list[Fact]:
    """Return all facts but one."""
    return [each for each in told() if each is not fact]


def plain_leg(leg: Leg) -> bool:
    """Whether a leg is long, of a queue, with nothing else in it."""
    return leg.talk_seconds > 3 and leg.hold_seconds == 0 and leg.queue is not None and leg.ended_by == "caller"


ANSWERED: Callable[[QueueVisit], bool] = lambda visit: (  # noqa: E731 - a name for the condition
    visit.outcome == "answered" and visit.talk_ended_by == "caller" and visit.hold_seconds == 0
)


def wrong_visit(**changes: Any) -> tuple[list[Fact], str]:
    visit = pick(QueueVisit, ANSWERED)
    return changed(visit, **changes), visit.call_id


def test_a_recording_as_it_was_is_agreed_upon() -> None:
    """Nothing changed, nothing noticed."""
    assert not compare(told(), seen()).differences


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("outcome", {"outcome": "timeout"}),
        ("agent", {"agent": "Nobody"}),
        ("wait", {"wait_seconds": 900.0}),
        ("talk end", {"talk_ended_by": "transfer"}),
    ],
)
def test_queue_log_notices_a_wrong_visit(kind: str, changes: dict[str, Any]) -> None:
    """Outcome, agent, wait and the end of the talk are held against queue_log."""
    facts, call_id = wrong_visit(**changes)
    assert kind in kinds(facts, call_id)


def test_queue_log_notices_a_missing_visit_and_a_missing_ring() -> None:
    """Visits and unanswered rings are counted."""
    visit = pick(QueueVisit, lambda each: each.outcome == "abandoned")
    assert kinds(dropped(visit), visit.call_id) == {"visit missing"}
    ring = pick(RingAttempt, lambda each: each.result == "no_answer" and each.queue is not None)
    assert kinds(dropped(ring), ring.call_id) == {"ring no answer"}


def test_queue_log_notices_a_talk_of_another_length() -> None:
    """The seconds from CONNECT to the end are compared, and the visit's talk with its legs."""
    visit = pick(QueueVisit, ANSWERED)
    assert kinds(changed(visit, ended_at=visit.ended_at + 2), visit.call_id) == {"talk"}
    assert kinds(changed(visit, talk_seconds=visit.talk_seconds + 0.5), visit.call_id) == {"visit sum"}
    handed = pick(QueueVisit, lambda each: each.talk_ended_by == "transfer" and each.hold_seconds == 0)
    assert kinds(changed(handed, talk_seconds=handed.talk_seconds + 2), handed.call_id) == {"talk"}


def test_cdr_notices_a_wrong_call() -> None:
    """Answered or not, the beginning, the end, and the time of a direct call."""
    call = pick(Call, lambda each: each.answered and each.line is None and len(each.agents) == 1 and not each.transfers)
    assert kinds(changed(call, answered=False), call.call_id) == {"cdr answered"}
    assert kinds(changed(call, started_at=call.started_at - 3), call.call_id) == {"cdr start"}
    direct = pick(Call, lambda each: each.answered and each.line is not None and not each.transfers)
    assert "cdr direct" in kinds(changed(direct, answered_at=(direct.answered_at or 0) - 3), direct.call_id)
    assert "cdr answered" in kinds(changed(direct, answered=False), direct.call_id)


def test_cel_notices_talk_that_is_in_no_leg() -> None:
    """A leg that is missing, too short, or somebody else's."""
    leg = pick(Leg, plain_leg)
    assert "talk in no leg" in kinds(dropped(leg), leg.call_id)
    short = changed(leg, ended_at=leg.ended_at - 1, talk_seconds=leg.talk_seconds - 1)
    assert "talk in no leg" in kinds(short, leg.call_id)
    other = changed(leg, agent="PJSIP/199", interface="PJSIP/199")
    assert {"talk in no leg", "leg unheard"} <= kinds(other, leg.call_id)


def test_cel_notices_a_leg_in_which_nobody_was_heard() -> None:
    """A leg that is too long, told twice, in two pieces, or beside another agent's."""
    leg = pick(Leg, plain_leg)
    long = changed(leg, started_at=leg.started_at - 1, talk_seconds=leg.talk_seconds + 1)
    assert "leg unheard" in kinds(long, leg.call_id)
    assert kinds(changed(leg, talk_seconds=leg.talk_seconds + 0.2), leg.call_id) == {"leg sum", "visit sum"}
    middle = leg.started_at + 1
    halves = [
        msgspec.structs.replace(leg, ended_at=middle, talk_seconds=1.0),
        msgspec.structs.replace(leg, started_at=middle, talk_seconds=leg.talk_seconds - 1),
    ]
    assert "leg split" in kinds([*dropped(leg), *halves], leg.call_id)
    beside = msgspec.structs.replace(leg, started_at=leg.started_at + 0.1, agent="PJSIP/199", interface="PJSIP/199")
    assert "two at once" in kinds([*told(), beside], leg.call_id)


def test_cel_notices_wrong_transfers() -> None:
    """A transfer that is missing, invented, somebody else's, or to another number."""
    made = pick(Transfer, lambda each: each.result == "success" and each.kind == "blind")
    assert "transfer untold" in kinds(dropped(made), made.call_id)
    assert "transfer target" in kinds(changed(made, to="900"), made.call_id)
    assert "transfer agent" in kinds(changed(made, from_agent="PJSIP/199"), made.call_id)
    invented = msgspec.structs.replace(made, at=made.at + 9)
    assert "transfer unseen" in kinds([*told(), invented], made.call_id)
    attended = pick(Transfer, lambda each: each.result == "success" and each.kind == "attended")
    assert kinds(changed(attended, to="900"), attended.call_id) == {"transfer target"}


def test_cel_notices_wrong_parks() -> None:
    """A park that is missing, invented, too short, or somebody else's."""
    park = pick(Hold, lambda each: each.kind == "park")
    assert "park untold" in kinds(dropped(park), park.call_id)
    assert "park end" in kinds(changed(park, ended_at=park.ended_at - 1), park.call_id)
    assert "park agent" in kinds(changed(park, agent="PJSIP/199"), park.call_id)
    invented = msgspec.structs.replace(park, started_at=park.started_at + 30, ended_at=park.ended_at + 30)
    assert "park unseen" in kinds([*told(), invented], park.call_id)


def test_the_ledger_notices_wrong_rings_and_holds() -> None:
    """Ringing by 0.2 s, holds that are missing, invented or of the wrong kind."""
    ring = pick(RingAttempt, lambda each: each.result == "answered" and each.queue is not None)
    assert kinds(changed(ring, ring_seconds=ring.ring_seconds + 0.2), ring.call_id) == {"ring seconds"}
    assert kinds(changed(ring, ended_at=ring.ended_at + 2), ring.call_id) == {"ring unseen"}
    hold = pick(Hold, lambda each: each.kind == "hold" and each.seconds > 1)
    assert "hold untold" in kinds(dropped(hold), hold.call_id)
    assert "hold sum" in kinds(dropped(hold), hold.call_id)
    early = changed(hold, started_at=hold.started_at - 1)
    assert "hold unseen" in kinds(early, hold.call_id)
    away = pick(Hold, lambda each: each.kind == "consultation" and each.seconds > 2)
    assert "consultation untold" in kinds(dropped(away), away.call_id)
    assert "hold kind" in kinds(changed(away, kind="hold"), away.call_id)


def row(event: str, at: float, uniqueid: str, channel: str, extra: str = "") -> Cel:
    return Cel(event, at, "", "", channel, "", uniqueid, "1", extra)


def enter(at: float, uniqueid: str, channel: str, bridge: str, technology: str = "simple_bridge") -> Cel:
    extra = f'{{"bridge_id":"{bridge}","bridge_technology":"{technology}"}}'
    return row("BRIDGE_ENTER", at, uniqueid, channel, extra)


def leave(at: float, uniqueid: str, channel: str, bridge: str) -> Cel:
    return row("BRIDGE_EXIT", at, uniqueid, channel, f'{{"bridge_id":"{bridge}"}}')


def test_people_in_bridges_joined_by_a_local_pair_hear_each_other() -> None:
    """The two halves of a Local channel are wire; a parking lot is no room."""
    rows = [
        enter(1, "1", "PJSIP/trunk-1", "a"),
        enter(2, "3", "Local/101@x-1;1", "a"),
        enter(3, "4", "Local/101@x-1;2", "b"),
        enter(4, "5", "PJSIP/101-2", "b"),
        leave(9, "1", "PJSIP/trunk-1", "a"),
        enter(9, "1", "PJSIP/trunk-1", "lot", "holding_bridge"),
        enter(10, "6", "PJSIP/trunk-3", "lot", "holding_bridge"),
        row("CHAN_END", 12, "5", "PJSIP/101-2"),
    ]
    (only,) = conversations(rows)
    assert {only.one.number, only.two.number} == {"trunk", "101"}
    assert only.time == Interval(4, 9)


def test_a_channel_that_moves_is_heard_on_where_it_goes() -> None:
    """An optimised Local channel: the phone takes its place within a moment, and that is one stretch."""
    rows = [
        enter(1, "1", "PJSIP/trunk-1", "a"),
        enter(1, "3", "Local/101@x-1;1", "a"),
        enter(1, "4", "Local/101@x-1;2", "b"),
        enter(1, "5", "PJSIP/101-2", "b"),
        leave(2, "3", "Local/101@x-1;1", "a"),
        enter(2.01, "5", "PJSIP/101-2", "a"),
        leave(2.02, "4", "Local/101@x-1;2", "b"),
        leave(5, "5", "PJSIP/101-2", "a"),
    ]
    assert [each.time for each in conversations(rows)] == [Interval(1, 5)]


def test_intervals() -> None:
    """Joining and cutting stretches of time."""
    assert union([Interval(3, 4), Interval(1, 2), Interval(1.5, 2.5)]) == [Interval(1, 2.5), Interval(3, 4)]
    assert union([Interval(1, 2), Interval(2.05, 3)], 0.1) == [Interval(1, 3)]
    assert without(Interval(0, 10), [Interval(8, 12), Interval(2, 3)]) == [Interval(0, 2), Interval(3, 8)]
    assert without(Interval(0, 1), [Interval(-1, 2)]) == []


def test_a_desks_ledger_in_the_words_of_the_comparison() -> None:
    """Calls of a phone find their channels by the moment of the answer, each its own; deeds their channel's name."""
    calls = [
        PhoneCall("101", "02", "x", Manner(), 10.0, ringing=10.1, answered=12.0, ended=20.0, holds=[PhoneHold(13.0)]),
        PhoneCall("101", "03", "y", Manner(), 10.5, ringing=10.6, answered=12.2, ended=15.0),
        PhoneCall("101", "04", "z", Manner(), 11.0, ringing=11.5, ended=14.0, end="cancelled"),
    ]
    rows = [
        row("ANSWER", 12.19, "7", "PJSIP/101-b"),
        row("ANSWER", 12.01, "8", "PJSIP/101-a"),
        row("CHAN_END", 15.0, "7", "PJSIP/101-b"),
        row("CHAN_END", 20.0, "8", "PJSIP/101-a"),
    ]
    actions = [ActionDone(13.0, "Park", {"Channel": "PJSIP/trunk-1"}, {}), ActionDone(13.0, "QueuePause", {}, {})]
    ledger = ledger_of(DeskLedger([], calls, [], actions, [PhoneDeed(14.0, calls[1], "802", keys=True)]), rows)
    assert [(each.channel, round(each.rang, 3)) for each in ledger.pickups] == [("8", 1.9), ("7", 1.6)]
    assert ledger.pickups[0].holds == (Interval(13.0, 20.0),)
    assert ledger.deeds == [
        Deed(13.0, "park", "PJSIP/trunk-1", ""),
        Deed(14.0, "blind", "PJSIP/101-b", "802", keys=True),
    ]
    assert ledger.ringing[2] == Ringing("101", 11.0, 2.5)
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=Ledger) == ledger


def test_rings_that_nobody_answered_are_compared_where_the_phones_tell() -> None:
    """With a ledger of all calls of a phone, every attempt is held against its own."""
    attempt = pick(RingAttempt, lambda each: each.result == "no_answer")
    number = attempt.interface.partition("/")[2].partition("@")[0]
    pickup = Pickup(number, "1", Interval(0, 1), 1.0)
    right = Ringing(number, attempt.started_at, attempt.ring_seconds)
    assert compare_rings([attempt], Ledger([pickup], [])) == (0, [])
    assert compare_rings([attempt], Ledger([pickup], [], [right])) == (1, [])
    wrong = msgspec.structs.replace(attempt, ring_seconds=attempt.ring_seconds + 0.2)
    assert [each.kind for each in compare_rings([wrong], Ledger([], [], [right]))[1]] == ["ring seconds"]
    longer = Ringing(number, attempt.started_at, attempt.ring_seconds + 0.3)
    assert [each.kind for each in compare_rings([attempt], Ledger([], [], [longer]))[1]] == ["ring seconds"]
    end = row("CHAN_END", longer.offered + longer.rang, "1", f"PJSIP/{number}-1")
    assert compare_rings([attempt], Ledger([], [], [longer]), [end]) == (1, [])
    late = msgspec.structs.replace(attempt, started_at=attempt.started_at + 2)
    assert [each.kind for each in compare_rings([late], Ledger([], [], [right]))[1]] == ["ring unseen"]
