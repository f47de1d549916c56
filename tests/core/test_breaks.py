"""How long agents work without a break: what is work, what is a break, and what of it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core import events as ev
from ringwatch.core.facts import Stretch
from ringwatch.core.readings import StretchReading
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import FREE, RINGING, SEATS, START, TALKING, Desk, Seat, desk
from tests.core.told import one
from tests.tools.properties import PATIENT

UNKNOWN, UNAVAILABLE, ON_HOLD = 0, 5, 8
ANNA, BRAM = SEATS[:2]
ANNA_SALES = Seat("sales", "Anna", "PJSIP/101", "PJSIP/101")
ANNA_TWICE = Seat("support", "Anna", "Local/101@agents/n", "PJSIP/101")
ANNA_AT_HOME = Seat("support", "Anna", "PJSIP/901", "PJSIP/901")
DORA = Seat("support", "Dora", "PJSIP/101", "PJSIP/101")
"""Who sits in Anna's place after her."""


def until(made: Desk, at: float) -> Desk:
    """Let time pass up to so many seconds after the desk opened."""
    made.at = START + at
    return made.ticks()


def works(made: Desk, begin: float, end: float, seat: Seat = ANNA) -> Desk:
    """Keep an agent on the phone, from and until so many seconds after the desk opened."""
    until(made, begin).shows(seat, TALKING)
    return until(made, end).shows(seat, FREE)


def goes_deaf(made: Desk, begin: float, end: float, listed: Mapping[Seat, int]) -> Desk:
    """Hear nothing for a while, and then a listing of members by what they do; it is believed after a second."""
    until(made, begin).says(ev.StreamBroke(made.at, "disconnected"))
    until(made, end).says(ev.StreamResumed(made.at)).says(ev.SnapshotBegan(made.at, "queues"))
    for seat, status in listed.items():
        made.shows(seat, status)
    return made.says(ev.SnapshotEnded(made.at, "queues"))


def stretches(made: Desk, agent: str = "Anna") -> list[tuple[float, float]]:
    """Return from when until when an agent was told to have worked, in seconds after the desk opened."""
    told = [each for each in made.told().stretches if each.agent == agent]
    return [(round(each.started_at - START, 3), round(each.ended_at - START, 3)) for each in told]


def shown(made: Desk, agent: str = "Anna") -> list[float | None]:
    """Return since when an agent was shown to work, in order, in seconds after the desk opened."""
    told = [each.since for each in made.so_far.unbroken if each.agent == agent]
    return [None if since is None else round(since - START, 3) for since in told]


def remembered(made: Desk) -> int:
    """Count what is remembered of agents."""
    breaks = made.engine._breaks
    return len(breaks._agents) + len(breaks._members) + len(breaks._resting)


# -- what a stretch is


def test_short_rests_are_part_of_a_stretch_and_a_break_is_not() -> None:
    """Work from 10 to 200, from 460 to 700 after 260 s of being free, and after a pause of 5 s to 800: 790 s in one.

    The pause from 801 on does not begin the rest, which is a break at 1100, and recognised a blink later. What is done
    from 1500 to 1900 is another stretch of which the break is no part.
    """
    made = works(works(desk(ANNA), 10, 200), 460, 700).shows(ANNA, paused=True)
    works(made, 705, 800)
    until(made, 801).shows(ANNA, paused=True, reason="lunch")
    until(made, 1100.05)
    assert (stretches(made), shown(made)) == ([], [10])
    until(made, 1100.1)
    assert one(made.told().stretches) == Stretch(
        pbx="main", agent="Anna", device="PJSIP/101", started_at=START + 10, ended_at=START + 800, seconds=790.0
    )
    assert shown(made) == [10, None]
    until(works(made, 1500, 1900), 2300)
    assert (stretches(made), shown(made)) == ([(10, 800), (1500, 1900)], [10, None, 1500, None])


@pytest.mark.parametrize("rest", [299.9, 299.95, 300, 300.05, 301])
def test_a_rest_is_a_break_from_its_very_length_on(rest: float) -> None:
    """Who is back at work a moment before has had none, however late that is told; at the moment itself it was one."""
    made = works(works(desk(ANNA), 0, 400), 400 + rest, 800 + rest)
    both = [(0, 400), (400 + rest, 800 + rest)]
    assert stretches(until(made, 2000)) == (both if rest >= 300 else [(0, 800 + rest)])


@pytest.mark.parametrize(
    ("status", "more"),
    [(FREE, {}), (FREE, {"paused": True}), (RINGING, {}), (UNAVAILABLE, {}), (UNKNOWN, {})],
    ids=["free", "paused", "ringing", "unavailable", "unknown"],
)
def test_whatever_is_no_work_is_rest(status: int, more: dict[str, Any]) -> None:
    """And one kind of rest after another is one rest."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).shows(ANNA, status, **more)
    until(made, 600).shows(ANNA, RINGING)
    assert stretches(until(made, 701)) == [(0, 400)]


def test_who_goes_home_has_a_break() -> None:
    """It is told when a break has passed, and then nothing of the agent is remembered."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).removes(ANNA)
    assert stretches(until(made, 701)) == [(0, 400)]
    assert remembered(made) == 0


def test_who_comes_and_goes_in_a_moment_leaves_nothing() -> None:
    """Too short for a state to be told of."""
    made = desk(ANNA).after(0.05).removes(ANNA)
    assert (remembered(until(made, 1)), shown(made)) == (0, [])


def test_talking_in_a_pause_holding_and_wrapping_up_are_work() -> None:
    """Anna answers at 4, holds the caller from 104 to 204, talks to 404 though paused since 304, wraps up until 420."""
    made = desk(ANNA, policy=Policy(default=Standard(wrapup_seconds=16)))
    caller = made.caller("1").joins("support").rings("Anna").after(4).answers().after(100)
    caller.is_held().after(100).is_taken_back().after(100)
    made.shows(ANNA, TALKING, paused=True).after(50).shows(ANNA, TALKING)
    caller.after(50).hangs_up()
    assert stretches(until(made, 1000)) == [(4, 420)]


def test_what_is_shorter_than_a_break_is_shown_and_not_told() -> None:
    """A call of 299 s every ten minutes, as on a quiet desk, is no fact; one of 300 s is."""
    made = works(works(desk(ANNA), 0, 299), 600, 900)
    assert stretches(until(made, 2000)) == [(600, 900)]
    assert shown(made) == [0, None, 600, None]


def test_what_a_break_is_can_be_configured() -> None:
    """For the whole desk: what a queue says of it, which no configuration can, is not asked."""
    policy = Policy(default=Standard(break_min_seconds=60), standards={"support": Standard(break_min_seconds=600)})
    made = works(works(desk(ANNA, policy=policy), 0, 100), 159, 300)
    assert stretches(until(made, 361)) == [(0, 300)]


# -- who


def test_an_agent_in_several_queues_has_one_stretch() -> None:
    """Asterisk says all once per queue; the queues are those of the moment, and news while a stretch goes on."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    for seat in (ANNA_SALES, ANNA_TWICE):
        until(made, 10).shows(seat, TALKING)
    until(made, 20).removes(ANNA)
    until(made, 30).removes(ANNA_TWICE)
    until(made, 400).shows(ANNA_SALES, FREE)
    until(made, 1000).shows(ANNA)
    assert stretches(made) == [(0, 400)]
    told = [(each.queues, each.since and each.since - START) for each in made.so_far.unbroken]
    both = ("sales", "support")
    assert told == [(("support",), 0), (both, 0), (both, 0), (both, 0), (("sales",), 0), (("sales",), None)]
    assert made.so_far.unbroken[0].key == ("main", "Anna", "PJSIP/101")


def test_other_terms_of_a_membership_are_no_news() -> None:
    """A pause while talking, or another penalty, says nothing of breaks."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 10).shows(ANNA, TALKING, paused=True).shows(ANNA, TALKING, penalty=3)
    assert shown(made) == [0]


def test_a_name_at_two_devices_is_two_agents() -> None:
    """Whether it is the same person nobody says."""
    made = works(desk(ANNA, ANNA_AT_HOME), 0, 400)
    works(made, 500, 900, ANNA_AT_HOME)
    told = until(made, 1300).told().stretches
    assert [(each.device, each.seconds) for each in told] == [("PJSIP/101", 400), ("PJSIP/901", 400)]


def test_who_takes_over_a_phone_begins_anew() -> None:
    """Dora logs in at Anna's interface while it is in use: Anna's rest begins, and is a break."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).shows(DORA, TALKING)
    until(made, 900).shows(DORA)
    until(made, 1300)
    assert (stretches(made), stretches(made, "Dora")) == ([(0, 400)], [(400, 900)])


def test_who_rests_first_is_told_first() -> None:
    """Each at the moment of their own break, and in one silence in the same order."""
    seen = []
    for step in (1, 700):
        made = desk(ANNA, BRAM)
        made.shows(ANNA, TALKING).shows(BRAM, TALKING)
        until(made, 400).shows(BRAM)
        until(made, 405).shows(ANNA)
        for at in range(405, 1200, step):
            until(made, at)
        seen.append([each.agent for each in until(made, 1200).told().stretches])
    assert seen == [["Bram", "Anna"]] * 2


# -- what was not heard


def test_a_gap_that_may_have_held_a_break_ends_a_stretch() -> None:
    """Talking before and after 300 s that nobody heard: the next stretch begins when the stream is back.

    That is believed when a listing has shown it.
    """
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    goes_deaf(made, 400, 700, {ANNA: TALKING})
    until(made, 700.9)
    assert (stretches(made), shown(made)) == ([(0, 400)], [0, None])
    until(made, 701)
    assert shown(made) == [0, None, 700]
    until(made, 1100).shows(ANNA)
    assert stretches(until(made, 1500)) == [(0, 400), (700, 1100)]


def test_who_is_found_resting_after_a_gap_begins_with_the_next_work() -> None:
    """Bram was not at work before; Anna is not after."""
    made = until(desk(ANNA, BRAM), 0).shows(ANNA, TALKING)
    goes_deaf(made, 400, 800, {ANNA: FREE, BRAM: TALKING})
    until(until(made, 900).shows(ANNA, TALKING), 901)
    assert (shown(made), shown(made, "Bram")) == ([0, None, 900], [800])


def test_who_rested_before_a_gap_stopped_working_then() -> None:
    """The end of a stretch is the last work that is known of."""
    made = works(desk(ANNA), 0, 350)
    goes_deaf(made, 400, 800, {ANNA: FREE})
    assert (stretches(made), shown(made)) == ([(0, 350)], [0, None])


def test_what_is_only_reckoned_of_a_gap_is_not_known() -> None:
    """Anna's wrap-up would have ended at 460, of which nothing was heard from 410 on."""
    made = desk(ANNA, policy=Policy(default=Standard(wrapup_seconds=60)))
    caller = made.caller("1").joins("support").rings("Anna").answers().after(400)
    caller.hangs_up()
    goes_deaf(made, 410, 800, {ANNA: FREE})
    assert stretches(made) == [(0, 410)]


def test_who_logged_out_before_a_gap_is_forgotten_in_it() -> None:
    """Whether what follows is heard or not."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 350).removes(ANNA)
    goes_deaf(made, 400, 800, {})
    assert stretches(made) == [(0, 350)]
    assert remembered(made) == 0


def test_who_is_gone_after_a_gap_is_forgotten() -> None:
    """The listing does not name Anna any more."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(goes_deaf(made, 400, 800, {}), 810)
    assert (stretches(made), shown(made)) == ([(0, 400)], [0, None])
    assert remembered(made) == 0


def test_a_shorter_gap_changes_nothing() -> None:
    """Work goes on through it, and so does rest: from 500 on, 299 s of it not heard, it is a break at 800."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    goes_deaf(made, 100, 399.9, {ANNA: TALKING})
    until(made, 500).shows(ANNA)
    goes_deaf(made, 510, 809, {ANNA: FREE})
    assert shown(made) == [0]
    assert (stretches(until(made, 810)), shown(made)) == ([(0, 500)], [0, None])


def test_nothing_is_a_break_while_nobody_hears() -> None:
    """Anna may be at work again; and if she is found so before a break has passed, there was none.

    That Bram has rested since just before is told in the gap, and changes nothing.
    """
    made = works(desk(ANNA, BRAM), 0, 400).shows(BRAM, TALKING)
    goes_deaf(made, 500, 690, {ANNA: TALKING, BRAM: TALKING})
    until(made, 800).shows(ANNA)
    until(made, 899.95).shows(BRAM)
    until(made, 900).says(ev.StreamBroke(made.at, "disconnected"))
    until(made, 901)
    until(made, 1150)
    assert (stretches(made), shown(made)) == ([], [0])
    made.says(ev.StreamResumed(made.at))
    assert stretches(until(made, 1151)) == [(0, 800)]


def test_a_listing_that_never_came_is_waited_for_again() -> None:
    """The stream breaks once more before anybody has said who works: it is known since the second time it is back."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).says(ev.StreamBroke(made.at, "disconnected"))
    until(made, 800).says(ev.StreamResumed(made.at))
    until(goes_deaf(made, 810, 820, {ANNA: TALKING}), 830)
    assert (stretches(made), shown(made)) == ([(0, 400)], [0, None, 820])


# -- the end


def test_going_down_ends_every_stretch_with_the_last_work() -> None:
    """Anna talks, and Bram has rested for a while."""
    made = until(desk(ANNA, BRAM), 0).shows(ANNA, TALKING).shows(BRAM, TALKING)
    until(made, 400).shows(BRAM)
    until(made, 500).closes()
    assert (stretches(made), stretches(made, "Bram")) == ([(0, 500)], [(0, 400)])
    until(made, 900)
    assert (shown(made), shown(made, "Bram")) == ([0, None], [0, None])


def test_going_down_while_nobody_hears_ends_a_stretch_with_what_was_heard() -> None:
    """The stream broke at 400 and never came back."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).says(ev.StreamBroke(made.at, "disconnected"))
    assert stretches(until(made, 600).closes()) == [(0, 400)]


def test_work_after_a_restart_is_another_stretch() -> None:
    """Asterisk goes down at 400 and is back after a minute, when nobody talks any more."""
    made = until(desk(ANNA), 0).shows(ANNA, TALKING)
    until(made, 400).says(ev.Shutdown(made.at))
    goes_deaf(made, 401, 460, {ANNA: FREE})
    until(works(made, 500, 900), 1300)
    assert (stretches(made), shown(made)) == ([(0, 400), (500, 900)], [0, None, 500, None])


# -- whatever happens

LEAST = 4
"""Seconds of rest that are a break."""
HORIZON = 60
DOES: dict[str, tuple[int, bool]] = {
    "talks": (TALKING, False),
    "talks in a pause": (TALKING, True),
    "holds": (ON_HOLD, False),
    "is free": (FREE, False),
    "is paused": (FREE, True),
    "is rung": (RINGING, False),
    "is unplugged": (UNAVAILABLE, False),
}
GONE = "is gone"
WORK = {"talks", "talks in a pause", "holds"}


class Hour(NamedTuple):
    """What agents do, second by second, what of that time is not heard, and when the clock strikes besides."""

    lines: tuple[tuple[str, ...], ...]
    gaps: tuple[tuple[int, int], ...]
    ticks: tuple[float, ...]


SEATED: tuple[tuple[Seat, ...], ...] = ((ANNA, ANNA_SALES, ANNA_TWICE), (BRAM,))


@st.composite
def hours(draw: st.DrawFn) -> Hour:
    """Draw what two agents do; for two seconds after a gap that is the same, for a listing takes one to be believed."""
    cuts = sorted(draw(st.sets(st.integers(1, HORIZON - 4), max_size=6)))
    gaps = [(begin, end) for begin, end in zip(cuts[::2], cuts[1::2], strict=False) if draw(st.booleans())]
    lines = []
    for _ in SEATED:
        spell = st.tuples(st.sampled_from([*DOES, GONE]), st.integers(1, 8))
        line = [what for what, seconds in draw(st.lists(spell, min_size=12, max_size=12)) for _ in range(seconds)]
        line = (line + [GONE] * HORIZON)[:HORIZON]
        for _, end in gaps:
            line[end + 1 : end + 3] = [line[end]] * 2
        lines.append(tuple(line))
    return Hour(tuple(lines), tuple(gaps), tuple(draw(st.lists(st.floats(0, HORIZON), max_size=20))))


def heard(hour: Hour, *, ticks: bool) -> Iterator[tuple[int, Desk]]:
    """Play an hour, and yield the desk half a second after each of its seconds."""
    made = Desk(Policy(default=Standard(break_min_seconds=LEAST)), staffed=False)
    strikes = sorted(hour.ticks) if ticks else []
    for second in range(HORIZON):
        while strikes and strikes[0] <= second:
            made.says(ev.Tick(START + strikes.pop(0)))
        made.at = START + second
        deaf = any(begin <= second < end for begin, end in hour.gaps)
        listing = second == 0 or any(second == end for _, end in hour.gaps)
        if any(second == begin for begin, _ in hour.gaps):
            made.says(ev.StreamBroke(made.at, "disconnected"))
        if listing:
            made.says(ev.StreamResumed(made.at)).says(ev.SnapshotBegan(made.at, "queues"))
        for seats, line in zip(SEATED, hour.lines, strict=True):
            if listing or not (deaf or line[second] == line[second - 1]):
                _plays(made, seats, line[second], listing=listing)
        if listing:
            made.says(ev.SnapshotEnded(made.at, "queues"))
        yield second, made
    made.at = START + HORIZON
    made.says(ev.Shutdown(made.at))
    yield HORIZON, made


def _plays(made: Desk, seats: tuple[Seat, ...], what: str, *, listing: bool) -> None:
    for seat in seats:
        if what != GONE:
            status, paused = DOES[what]
            made.shows(seat, status, paused=paused)
        elif not listing:
            made.removes(seat)


def seconds_of(hour: Hour, line: tuple[str, ...]) -> str:
    """Write down what is known of each second: work, rest, or nothing where that may have been a break."""
    known = ["w" if what in WORK else "r" for what in line]
    for begin, end in hour.gaps:
        known[begin:end] = (["."] if end - begin >= LEAST else [known[begin - 1]]) * (end - begin)
    return "".join(known)


def without_breaks(known: str) -> str:
    """Blot out every break."""
    return re.sub(f"r{{{LEAST},}}", lambda rest: "." * len(rest[0]), known)


@PATIENT
@given(hours())
def test_stretches_are_what_is_left_between_breaks(hour: Hour) -> None:
    """Whatever agents do, and however often the clock strikes: from the first work to the last between two breaks."""
    *_, (_, made) = heard(hour, ticks=False)
    told = made.so_far.stretches
    for (seat, *_), line in zip(SEATED, hour.lines, strict=True):
        wanted = [each.span() for each in re.finditer("w([wr]*w)?", without_breaks(seconds_of(hour, line)))]
        mine = [(each.started_at - START, each.ended_at - START) for each in told if each.agent == seat.agent]
        assert mine == [(begin, end) for begin, end in wanted if end - begin >= LEAST]
    *_, (_, ticked) = heard(hour, ticks=True)
    assert about_breaks(ticked) == about_breaks(made)


def about_breaks(made: Desk) -> list[object]:
    """Return all that was told of breaks, in order."""
    return [each for each in made.records if isinstance(each, Stretch | StretchReading)]


@PATIENT
@given(hours())
def test_what_is_shown_is_the_stretch_that_goes_on(hour: Hour) -> None:
    """Half a second after every second, but while nobody hears or knows what is true.

    A rest that has just become as long as a break is recognised a blink after the next second has begun.
    """
    for second, made in heard(hour, ticks=False):
        if second == HORIZON or any(begin <= second <= end for begin, end in hour.gaps):
            continue
        made.says(ev.Tick(START + second + 0.5))
        last = {each.agent: each.since for each in made.so_far.unbroken}
        for (seat, *_), line in zip(SEATED, hour.lines, strict=True):
            known = seconds_of(hour, line)
            goes_on = re.search("w[wr]*$", without_breaks(known[:second]) + known[second])
            assert last.get(seat.agent) == (START + goes_on.start() if goes_on else None), known[: second + 1]
