"""Agents: what each does over all queues, memberships as they are told, and the work after a call."""

from __future__ import annotations

from typing import Any

import pytest

from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Membership, WrapUp
from ringwatch.core.readings import Drift
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import FREE, RINGING, SEATS, START, TALKING, Desk, Seat
from tests.core.told import one

UNKNOWN, UNAVAILABLE, ON_HOLD = 0, 5, 8
SUPPORT = SEATS[0]
SALES = Seat("sales", "Anna", "PJSIP/101", "PJSIP/101")
BILLING = Seat("billing", "Anna", "Local/101@agents/n", "PJSIP/101")
"""Anna in another queue, behind a Local channel: the same phone."""


def desk(*seats: Seat, wrapup: float = 0.0, sales: float = 0.0) -> Desk:
    """Return a desk with these members alone, and with what is told of their being there already told."""
    standards = {"sales": Standard(wrapup_seconds=sales)}
    made = Desk(Policy(default=Standard(wrapup_seconds=wrapup), standards=standards), staffed=False)
    for seat in seats:
        made.shows(seat)
    settled(made).records.clear()
    return made


def settled(made: Desk) -> Desk:
    """Let a second pass, so that whatever stands has stood long enough."""
    return made.after(1).ticks()


def states(made: Desk, agent: str = "Anna") -> list[tuple[float, str]]:
    """Return what an agent was told to do, and when, in seconds after the desk opened."""
    return [(round(fact.at - START, 3), fact.state) for fact in made.so_far.states if fact.agent == agent]


def members(engine: Engine, queue: str = "support") -> dict[str, int]:
    """Return how many members of a queue do what."""
    return {state: many for state, many in engine._queues[queue].reading("main").members.items() if many}


def wrapping(wrapup: float = 15.0, *seats: Seat) -> Desk:
    """Return a desk whose Anna has just talked for a queue, until 12.5 s after it opened."""
    made = desk(SUPPORT, *seats, wrapup=wrapup)
    caller = made.caller("1").joins("support").rings("Anna").after(1.5).answers()
    caller.after(10).hangs_up()
    return made


# -- what an agent does


def test_an_agents_day() -> None:
    """In, rung, talking, wrapping up, free, paused, back, phone unplugged, out: each told once, when it began."""
    made = desk(wrapup=15)
    settled(made.shows(SUPPORT))
    caller = made.caller("1").joins("support").rings("Anna").after(2).answers().after(10)
    caller.is_held().after(5).is_taken_back().after(5).hangs_up()
    made.after(20).shows(SUPPORT, paused=True, reason="lunch").after(30).shows(SUPPORT)
    made.after(5).shows(SUPPORT, UNAVAILABLE).after(5).shows(SUPPORT, UNKNOWN)
    settled(made.after(5).removes(SUPPORT))
    assert states(made) == [
        (1, "free"),
        (2, "ringing"),
        (4, "talking"),
        (14, "on_hold"),
        (19, "talking"),
        (24, "wrap_up"),
        (39, "free"),
        (44, "paused"),
        (74, "free"),
        (79, "unavailable"),
        (84, "unknown"),
        (89, "logged_out"),
    ]
    assert [fact.reason for fact in made.told().states if fact.state == "paused"] == ["lunch"]
    assert made.engine._agents._agents == {}


def test_the_same_phone_in_several_queues_is_one_agent() -> None:
    """Asterisk says everything once per queue; the agent does it once."""
    made = desk(SUPPORT, SALES, BILLING)
    for status in (RINGING, TALKING, FREE):
        for seat in (SUPPORT, SALES, BILLING):
            made.after(0.0005).shows(seat, status)
        made.after(10)
    assert [state for _, state in states(settled(made))] == ["ringing", "talking", "free"]
    assert made.so_far.memberships == []


def test_two_names_at_one_phone_are_two_agents() -> None:
    """Each name is somebody to whoever counts by names; both are on the phone that both sit at."""
    made = desk(SUPPORT, Seat("front", "Front 101", "Local/101@from-queue/n", "PJSIP/101"))
    made.shows(SUPPORT, TALKING)
    made.shows(Seat("front", "Front 101", "Local/101@from-queue/n", "PJSIP/101"), TALKING)
    settled(made)
    assert (states(made), states(made, "Front 101")) == ([(1, "talking")], [(1, "talking")])


def test_paused_is_who_is_paused_everywhere() -> None:
    """Paused in one queue of two, an agent is there for the other; each queue counts its own."""
    made = desk(SUPPORT, SALES)
    made.shows(SUPPORT, paused=True, reason="training").after(5)
    assert (members(made.engine, "support"), members(made.engine, "sales")) == ({"paused": 1}, {"free": 1})
    assert states(settled(made)) == []
    made.shows(SALES, paused=True, reason="training").after(5)
    settled(made)
    assert states(made) == [(7, "paused")]
    settled(made.shows(SUPPORT))
    assert states(made) == [(7, "paused"), (13, "free")]


def test_another_reason_is_another_pause() -> None:
    """From lunch straight into a meeting."""
    made = settled(desk(SUPPORT).shows(SUPPORT, paused=True, reason="lunch"))
    settled(made.shows(SUPPORT, paused=True, reason="meeting"))
    assert [(fact.state, fact.reason) for fact in made.so_far.states] == [("paused", "lunch"), ("paused", "meeting")]


def test_who_talks_while_paused_is_talking_and_then_paused() -> None:
    """The pause keeps the next call away; the reason comes back with it."""
    made = settled(desk(SUPPORT).shows(SUPPORT, TALKING, paused=True, reason="lunch"))
    settled(made.shows(SUPPORT, FREE, paused=True, reason="lunch"))
    assert [(fact.state, fact.reason) for fact in made.so_far.states] == [("talking", ""), ("paused", "lunch")]


@pytest.mark.parametrize(
    ("status", "in_call", "state"), [(UNKNOWN, True, "talking"), (UNKNOWN, False, "unknown"), (FREE, True, "free")]
)
def test_without_a_device_state_the_queues_own_word_counts(status: int, in_call: bool, state: str) -> None:  # noqa: FBT001
    """A device that Asterisk cannot watch is on the phone while the queue says so; a watched one says it itself.

    InCall stays with a member whose caller is parked, and whose phone is free.
    """
    made = desk().shows(SUPPORT, status, in_call=in_call)
    assert members(made.engine) == {state: 1}
    assert [each for _, each in states(settled(made))] == [state]


def test_an_agent_who_is_held_is_on_hold() -> None:
    """Device state 8: with chan_pjsip it is the other side that holds, with chan_sip this one."""
    made = settled(desk(SUPPORT).shows(SUPPORT, ON_HOLD))
    assert (states(made), members(made.engine)) == ([(1, "on_hold")], {"on_hold": 1})


def test_a_caller_left_alone_is_on_hold_in_every_queue() -> None:
    """Held, or left for a consultation; not when parked: the phone is free then. A direct call as any other."""
    made = desk(SUPPORT, SALES, SEATS[1])
    caller = made.caller("1", exten="3101").dials("PJSIP/101").rings().answers()
    made.shows(SUPPORT, TALKING).shows(SALES, TALKING).after(10)
    caller.is_left_for_a_consultation()
    assert (members(made.engine), members(made.engine, "sales")) == ({"on_hold": 1, "free": 1}, {"on_hold": 1})
    caller.after(5).has_the_agent_back().after(5)
    made.says(ev.Parked(made.at, caller.uniqueid)).shows(SUPPORT).shows(SALES).after(5)
    made.says(ev.ParkEnded(made.at, caller.uniqueid)).after(5)
    caller.parts("agent leaves", "agent ends", "caller leaves", "caller ends")
    settled(made)
    assert states(made) == [(1, "talking"), (11, "on_hold"), (16, "talking"), (21, "free")]
    assert states(made, "Bram") == []
    assert not [agent for agent in made.engine._agents._agents.values() if agent.holding]


def test_what_lasts_a_blink_is_not_told() -> None:
    """Two events that crossed each other: talking, free for a moment, talking."""
    made = settled(desk(SUPPORT).shows(SUPPORT, TALKING))
    made.shows(SUPPORT).after(0.05).shows(SUPPORT, TALKING)
    assert states(settled(made)) == [(1, "talking")]


def test_a_listing_says_what_an_event_did_not() -> None:
    """The phone rang, was answered and free again, and nothing of it was heard but the ringing."""
    made = desk(SUPPORT).shows(SUPPORT, RINGING).after(60)
    settled(made.lists_queues(seats=[SUPPORT]))
    assert states(made) == [(1, "ringing"), (61, "free")]


def drifts(made: Desk) -> list[str]:
    """Return what a listing put right and no event explained."""
    return [drift.subject for drift in settled(made.after(1)).so_far.records if isinstance(drift, Drift)]


def test_what_a_listing_says_of_members_is_drift() -> None:
    """Another state, a pause, somebody new, somebody gone; the first listing of all is news."""
    made = desk().lists_queues(seats=[SUPPORT, BILLING])
    assert drifts(made) == []
    made.lists_queues(seats=[SUPPORT, BILLING])
    assert drifts(made) == []
    made.says(ev.SnapshotBegan(made.at, "queues")).shows(SUPPORT, TALKING).shows(BILLING, paused=True)
    made.says(ev.SnapshotEnded(made.at, "queues"))
    assert drifts(made) == ["support: PJSIP/101", "billing: Local/101@agents/n"]
    made.records.clear()
    made.lists_queues(seats=[SALES])
    assert drifts(made) == ["sales: PJSIP/101", "support: PJSIP/101", "billing: Local/101@agents/n"]


def test_what_an_event_under_way_explains_is_no_drift() -> None:
    """The listing overtook it; a member removed meanwhile is gone, and one who had gone and is back is there."""
    made = desk(SUPPORT, SALES).lists_queues(seats=[SUPPORT, SALES])
    made.says(ev.SnapshotBegan(made.at, "queues")).shows(SUPPORT, TALKING)
    made.says(ev.SnapshotEnded(made.at, "queues")).shows(SUPPORT, RINGING).shows(SUPPORT, TALKING).removes(SALES)
    assert drifts(made) == []
    assert members(made.engine) == {"talking": 1}
    made.says(ev.SnapshotBegan(made.at, "queues")).shows(SALES).removes(SUPPORT)
    made.says(ev.SnapshotEnded(made.at, "queues")).shows(SALES)
    assert drifts(made) == []


def test_going_down_tells_what_stands() -> None:
    """Nobody will be there to hear it a moment later."""
    made = desk(SUPPORT).shows(SUPPORT, paused=True, reason="lunch").closes()
    assert [(fact.state, fact.reason) for fact in made.so_far.states] == [("paused", "lunch")]
    assert one(made.so_far.memberships).paused


# -- memberships


def terms(fact: Membership) -> tuple[str, bool, bool, str, int, bool | None]:
    """Return what a membership says besides the time."""
    return (fact.queue, fact.member, fact.paused, fact.reason, fact.penalty, fact.ringinuse)


def test_a_membership_is_told_from_its_beginning_to_its_end() -> None:
    """Added, penalty, ringinuse, paused, unpaused, removed: each once, with everything that holds from then on."""
    made = settled(desk().shows(SUPPORT, ringinuse=False, login_at=990))
    settled(made.shows(SUPPORT, penalty=5, ringinuse=False, login_at=990))
    settled(made.shows(SUPPORT, penalty=5, ringinuse=True, login_at=990))
    settled(made.shows(SUPPORT, paused=True, reason="lunch", penalty=5, ringinuse=True, login_at=990))
    settled(made.shows(SUPPORT, penalty=5, ringinuse=True, login_at=990))
    settled(made.removes(SUPPORT))
    told = made.so_far.memberships
    assert [terms(fact) for fact in told] == [
        ("support", True, False, "", 0, False),
        ("support", True, False, "", 5, False),
        ("support", True, False, "", 5, True),
        ("support", True, True, "lunch", 5, True),
        ("support", True, False, "", 5, True),
        ("support", False, False, "", 5, True),
    ]
    assert {(fact.agent, fact.interface, fact.device, fact.login_at) for fact in told} == {
        ("Anna", "PJSIP/101", "PJSIP/101", 990)
    }
    assert [round(fact.at - START, 3) for fact in told] == [1, 2, 3, 4, 5, 6]


def test_a_listing_says_nothing_of_ringinuse() -> None:
    """What an event said of it holds on, and hearing it for the first time is no change."""
    made = settled(desk().lists_queues(seats=[SUPPORT]))
    made.shows(SUPPORT, ringinuse=True).lists_queues(seats=[SUPPORT]).shows(SUPPORT, penalty=1)
    assert [fact.ringinuse for fact in made.so_far.memberships] == [None, True]


def test_realtime_members_come_and_go_with_the_listings() -> None:
    """Asterisk says nothing when queues.conf or a database changes them."""
    made = desk(SUPPORT)
    settled(made.lists_queues(seats=[SALES]))
    assert [(fact.queue, fact.member) for fact in made.so_far.memberships] == [("sales", True), ("support", False)]
    assert states(made) == []
    settled(made.lists_queues(seats=[]))
    assert states(made) == [(2, "logged_out")]


def test_who_comes_and_goes_within_a_blink_does_nothing() -> None:
    """Nor who goes and comes back: the memberships are told, and no agent's state."""
    made = settled(desk().shows(SUPPORT).after(0.05).removes(SUPPORT))
    assert [(round(fact.at - START, 3), fact.member) for fact in made.so_far.memberships] == [(1, True), (1.05, False)]
    assert made.so_far.states == []
    assert made.engine._agents._agents == {}
    settled(made.shows(SUPPORT)).records.clear()
    settled(made.removes(SUPPORT).after(0.05).shows(SUPPORT))
    assert ([fact.member for fact in made.so_far.memberships], made.so_far.states) == ([False, True], [])


def test_a_listing_at_the_moment_of_an_event() -> None:
    """It says otherwise, for another event is under way: two facts of one member, told apart by a microsecond."""
    made = desk(SUPPORT).shows(SUPPORT, paused=True).lists_queues(seats=[SUPPORT])
    one, other = made.so_far.memberships
    assert (one.paused, other.paused) == (True, False)
    assert one.key != other.key
    assert other.at - one.at < 2e-6


def test_another_name_at_the_same_interface_is_another_agent() -> None:
    """Hana sits down where Anna was: Anna is nowhere any more, and Hana's phone is on."""
    made = settled(desk(SUPPORT).shows(SUPPORT, TALKING))
    settled(made.shows(Seat("support", "Hana", "PJSIP/101", "PJSIP/101"), TALKING))
    assert (states(made), states(made, "Hana")) == ([(1, "talking"), (2, "logged_out")], [(2, "talking")])
    assert one(made.so_far.memberships).agent == "Hana"
    assert [agent.name for agent in made.engine._agents._agents.values()] == ["Hana"]


def test_removing_a_stranger_says_nothing() -> None:
    """Somebody removed who was never seen."""
    made = settled(desk().removes(SUPPORT))
    assert (made.so_far.memberships, made.so_far.states) == ([], [])


# -- the work after a call


def test_wrap_up_lasts_until_the_second_of_the_end_and_the_queues_time() -> None:
    """Asterisk counts from whole seconds; the end of it is the same whether a tick or any event shows it."""
    for shown in ("tick", "event"):
        made = wrapping(15, SALES)
        assert (members(made.engine, "support"), members(made.engine, "sales")) == ({"wrap_up": 1}, {"wrap_up": 1})
        made.after(20)
        _ = made.ticks() if shown == "tick" else made.caller("2").ends()
        assert (members(made.engine, "support"), members(made.engine, "sales")) == ({"free": 1}, {"free": 1})
        told = made.so_far
        assert told.wrap_ups == [
            WrapUp(
                pbx="main",
                agent="Anna",
                queue="support",
                call_id=told.calls[0].call_id,
                started_at=START + 12.5,
                ended_at=START + 27,
                seconds=14.5,
            )
        ]
        assert states(settled(made))[-2:] == [(12.5, "wrap_up"), (27, "free")]


@pytest.mark.parametrize(("own", "seconds"), [(0, []), (30, [29.5])])
def test_a_members_own_time_goes_before_the_queues(own: int, seconds: list[float]) -> None:
    """Asterisk tells a member's own wrapuptime; where the queue has none and the member has none, there is none."""
    made = desk()
    made.shows(SUPPORT, wrapup=own)
    caller = made.caller("1").joins("support").rings("Anna").after(0.5).answers()
    made.shows(SUPPORT, TALKING, wrapup=own)
    caller.after(10).hangs_up()
    settled(made.after(60))
    assert [fact.seconds for fact in made.so_far.wrap_ups] == seconds
    assert ("wrap_up" in {state for _, state in states(made)}) == bool(seconds)


@pytest.mark.parametrize(
    ("more", "state"),
    [({"status": RINGING}, "ringing"), ({"status": UNAVAILABLE}, "unavailable"), ({"paused": True}, "paused")],
)
def test_wrap_up_ends_with_whatever_else_begins(more: dict[str, Any], state: str) -> None:
    """A pause, a call past the queues, a phone unplugged; when that is over in time, the rest is wrap-up again."""
    made = wrapping()
    made.after(4).shows(SUPPORT, **more)
    made.after(2).shows(SUPPORT)
    settled(made.after(20))
    assert states(made)[2:] == [(12.5, "wrap_up"), (16.5, state), (18.5, "wrap_up"), (27, "free")]
    assert [(fact.started_at - START, fact.seconds) for fact in made.so_far.wrap_ups] == [(12.5, 4), (18.5, 8.5)]
    assert len({fact.call_id for fact in made.so_far.wrap_ups}) == 1


def test_wrap_up_ends_with_the_membership() -> None:
    """Who logs out has nothing left to do."""
    made = settled(wrapping().after(4).removes(SUPPORT))
    assert [fact.seconds for fact in made.so_far.wrap_ups] == [4]
    assert states(made)[-1] == (16.5, "logged_out")
    settled(made.after(20))
    assert states(made)[-1] == (16.5, "logged_out")


def test_wrap_up_begins_when_the_phone_is_free() -> None:
    """An agent who has handed the caller on and talks with somebody else has not begun."""
    made = desk(SUPPORT, wrapup=15)
    caller = made.caller("1").joins("support").rings("Anna").after(1.5).answers().after(10)
    caller.is_transferred("108")
    made.shows(SUPPORT, TALKING).after(5).shows(SUPPORT)
    settled(made.after(20))
    assert [(fact.started_at - START, fact.seconds) for fact in made.so_far.wrap_ups] == [(17.5, 9.5)]


def test_the_next_call_begins_its_own() -> None:
    """By the time of the queue it was for; without one there, none is left of the first."""
    made = wrapping(15, SALES).after(4)
    made.caller("2").joins("sales").rings("Anna").after(1).answers().after(2).hangs_up()
    settled(made)
    assert states(made)[-4:] == [(12.5, "wrap_up"), (16.5, "ringing"), (17.5, "talking"), (19.5, "free")]


def test_a_direct_call_is_not_wrapped_up() -> None:
    """Only the queues leave an agent alone after a call, and only after their own."""
    made = desk(SUPPORT, wrapup=15)
    caller = made.caller("1", exten="3101").dials("PJSIP/101").rings()
    made.shows(SUPPORT, RINGING).after(2)
    caller.answers()
    made.shows(SUPPORT, TALKING).after(10)
    caller.hangs_up()
    settled(made.shows(SUPPORT))
    assert [state for _, state in states(made)] == ["ringing", "talking", "free"]


@pytest.mark.parametrize("listed", [True, False])
def test_a_member_who_left_during_the_call_does_not_wrap_up(listed: bool) -> None:  # noqa: FBT001
    """Whether the queue is still known or was never heard of."""
    made = desk(*[SUPPORT] * listed, wrapup=15)
    caller = made.caller("1").joins("support").rings("Anna").after(1).answers().after(5)
    made.removes(SUPPORT)
    caller.parts("agent leaves", "caller leaves", "caller ends")
    settled(made.after(20))
    assert made.so_far.wrap_ups == []


def test_found_wrapping_up_on_attaching() -> None:
    """LastCall tells it: until then plus the time; what went before was not seen, nor was the call."""
    made = desk(wrapup=15)
    made.lists_queues(seats=[]).shows(SUPPORT, last_call=int(made.at) - 5)
    assert members(made.engine) == {"wrap_up": 1}
    settled(made.after(20))
    assert states(made) == [(1, "wrap_up"), (11, "free")]
    wrap_up = one(made.so_far.wrap_ups)
    assert (wrap_up.call_id, wrap_up.queue, wrap_up.seconds) == (None, "support", 10)


def test_last_call_of_a_call_that_was_seen_to_end_says_nothing_new() -> None:
    """It may be of the second that follows, and in another queue, whose time is not the one that counts."""
    made = wrapping(15, SALES)
    made.after(0.5).shows(SUPPORT, last_call=int(START) + 13).shows(SALES, last_call=int(START) + 13)
    settled(made.after(30))
    assert states(made)[-2:] == [(12.5, "wrap_up"), (27, "free")]


def test_last_call_of_a_later_call_counts() -> None:
    """A caller who was parked by Anna hung up: app_queue leaves Anna alone from then on."""
    made = settled(wrapping().after(20))
    made.after(10).shows(SUPPORT, last_call=int(made.at))
    settled(made.after(30))
    assert [fact.call_id is None for fact in made.so_far.wrap_ups] == [False, True]
    assert states(made)[-2:] == [(43.5, "wrap_up"), (58, "free")]


def test_an_old_last_call_is_over() -> None:
    """Most members have one, and are free."""
    made = settled(desk(wrapup=15).shows(SUPPORT, last_call=int(START) - 3600))
    assert [state for _, state in states(made)] == ["free"]
    assert made.so_far.wrap_ups == []
