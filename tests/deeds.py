"""What phones and their users really did, out of either ledger: that of the captures, or that of a desk of our own.

Both are brought into the same words: a phone rang (`Ringing`), was picked up and held its caller (`Pickup`); somebody
asked Asterisk for a transfer or a park (`Deed`). Then facts are held against them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ringwatch.core.facts import Hold, Record, RingAttempt
from tests.asterisk.records import Cel
from tests.difference import Difference
from tests.legs import NEAR, CallTold, by_call, finished, inside, talks, time_of
from tests.together import Interval, number_of, origins, seconds, union, within, without

RING_TOLERANCE = 0.15
"""Seconds between what a phone did and what is told of it."""
_ANSWER_NEAR = 0.5
"""Seconds between the ends of a ring attempt and the pick-up it is about."""
_CLOCKS = 0.01
"""Seconds between the moments at which a phone and Asterisk put down the same thing."""

DeedKind = Literal["blind", "attended", "park"]


@dataclass(frozen=True)
class Ringing:
    """A phone was called."""

    number: str
    offered: float
    rang: float
    """Seconds from its 180 to whatever ended that; 0 when it never rang."""
    forwarded: bool = False
    """It sent the call on to another phone, which rang for the same attempt where a Local channel is in front."""


@dataclass(frozen=True)
class Pickup:
    """A phone was picked up; ``channel`` is the Uniqueid of its channel."""

    number: str
    channel: str
    time: Interval
    """From the answer to the end of its call."""
    rang: float
    """Seconds it had rung before."""
    holds: tuple[Interval, ...] = ()


@dataclass(frozen=True)
class Deed:
    """A transfer or park that Asterisk was asked for; ``channel`` is the name of the agent's, or of the parked one."""

    at: float
    kind: DeedKind
    channel: str
    to: str
    keys: bool = False
    """Asked for with keys; AMI Atxfer presses them too."""


@dataclass(frozen=True)
class Ledger:
    """All that was done; ``ringing`` is empty where only pick-ups are known."""

    pickups: Sequence[Pickup]
    deeds: Sequence[Deed]
    ringing: Sequence[Ringing] = ()


def read_plan(path: Path, rows: Sequence[Cel]) -> Ledger:
    """Read the ledger of a capture.

    It says how each phone treats every call (``ring_ms``, ``hold_after_ms``, ``hold_ms``); when it was picked up is in
    the channel event log.
    """
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    plans = {str(line["agent"]): line for line in lines if "agent" in line}
    ends = {row.uniqueid: row.time for row in rows if row.event == "CHAN_END"}
    pickups = []
    for row in rows:
        plan = plans.get(number_of(row.channel.rpartition("-")[0]))
        if row.event != "ANSWER" or plan is None or row.channel.startswith("Local/") or row.uniqueid not in ends:
            continue
        time = Interval(row.time, ends[row.uniqueid])
        start = row.time + plan["hold_after_ms"] / 1000
        holds = within(time, [Interval(start, start + plan["hold_ms"] / 1000)] if plan["hold_ms"] else [])
        pickups.append(Pickup(str(plan["agent"]), row.uniqueid, time, plan["ring_ms"] / 1000, tuple(holds)))
    kinds: dict[str, DeedKind] = {"blind": "blind", "att": "attended", "attfail": "attended", "park": "park"}
    deeds = [
        Deed(
            line["t"],
            kinds[line["act"]],
            line["channel" if line["act"] == "park" else "agent_channel"],
            line["to"],
            keys=kinds[line["act"]] == "attended",
        )
        for line in lines
        if line.get("act") in kinds
    ]
    return Ledger(pickups, deeds)


_LET_GO_NEAR = 0.05
"""Seconds between the end of a channel and the end of ringing at its phone."""


def compare_rings(records: Sequence[Record], ledger: Ledger, rows: Sequence[Cel] = ()) -> tuple[int, list[Difference]]:
    """Compare how long each phone rang; return how many times, and the disagreements.

    A busy Asterisk may give up dialling and let the phone ring on for a moment: until its channel ends, by CEL.
    """
    let_go: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.event == "CHAN_END" and not row.channel.startswith("Local/"):
            let_go[number_of(row.channel.rpartition("-")[0])].append(row.time)
    compared = 0
    differences: list[Difference] = []
    for each in records:
        number = number_of(each.interface) if isinstance(each, RingAttempt) else ""
        if not isinstance(each, RingAttempt) or not number.isdecimal():
            continue  # the outside world
        if each.interface.startswith("Local/") and each.ended_at - each.started_at < RING_TOLERANCE and not each.rings:
            continue  # let go before the far half had dialled
        if each.result != "answered" and not ledger.ringing:
            continue
        # A phone may be called twice in a moment: of those near, the likest.
        rang = min(
            _rang(each, number, ledger, let_go[number]),
            key=lambda seconds: abs(seconds - each.ring_seconds),
            default=None,
        )
        compared += 1
        told = f"{each.interface} {each.result} at {each.ended_at:.3f} after {each.ring_seconds} s of ringing told"
        if rang is None:
            differences.append(Difference(each.call_id, f"ring: {told}, no such call at the phone", "ring unseen"))
        elif abs(rang - each.ring_seconds) > RING_TOLERANCE:
            differences.append(Difference(each.call_id, f"ring: {told}, {rang:.3f} s at the phone", "ring seconds"))
    return compared, differences


def _rang(attempt: RingAttempt, number: str, ledger: Ledger, let_go: Sequence[float]) -> Iterator[float]:
    """Return how long a phone rang that may be the one of an attempt."""
    answers = [each for each in ledger.pickups if abs(each.time.start - attempt.ended_at) <= _ANSWER_NEAR]
    rings = [each for each in ledger.ringing if abs(each.offered - attempt.started_at) <= _ANSWER_NEAR]
    if attempt.result != "answered":
        for each in rings:
            if each.number == number:
                # What it sent on went on ringing elsewhere.
                yield max(each.rang, attempt.ring_seconds) if each.forwarded else each.rang
                if any(
                    attempt.ended_at < end and abs(each.offered + each.rang - end) <= _LET_GO_NEAR for end in let_go
                ):
                    yield min(each.rang, attempt.ended_at - each.offered)
        return
    yield from (each.rang for each in answers if each.number == number)
    if not any(each.number == number for each in answers) or any(each.forwarded for each in rings):
        # Answered at another phone, at which the same agent is reached: rung since the first one was.
        behind = attempt.interface.startswith("Local/")
        firsts = [each for each in rings if each.forwarded or (behind and each.number == number)]
        yield from (each.time.start - first.offered for first in firsts for each in answers)


def compare_holds(records: Sequence[Record], rows: Sequence[Cel], ledger: Ledger) -> tuple[int, list[Difference]]:
    """Compare holds with what phones did while they and the caller were together; return how many, and disagreements.

    What the caller hears counts: holds that overlap, or run into a consultation, are one. A hold that began before the
    two were together was for somebody else to hear.
    """
    told = by_call(records)
    compared = 0
    differences: list[Difference] = []
    calls = finished(records, rows)
    for call_id, heard in talks(rows, calls).items():
        finished_at = calls[call_id].ended_at
        for number in {each.number: None for each in heard}:
            stretches = [each for each in heard if each.number == number]
            found = [
                (part, hold.start >= stretch.time.start + _CLOCKS or pickup.time.start >= stretch.time.start - 1)
                for pickup in ledger.pickups
                for hold in pickup.holds
                for stretch in stretches
                if stretch.phone == pickup.channel and hold.start >= stretch.time.start - _CLOCKS
                for part in within(stretch.time, [hold])
            ]
            held = [part for part, _ in found]
            # At the very moment of a transfer nobody knows for whom of the two it was.
            surely = [part for part, sure in found if sure]
            compared += len(held)
            own = _holds_of(number, told[call_id])
            typing = [
                _typing(deed, rows, finished_at)
                for deed in ledger.deeds
                if deed.kind != "park" and number_of(deed.channel.rpartition("-")[0]) == number
            ]
            for kind, what in _holds(number, (held, surely), own, [each.time for each in stretches], typing):
                differences.append(Difference(call_id, what, kind))
    return compared, differences


def _typing(deed: Deed, rows: Iterable[Cel], finished_at: float) -> Interval:
    """Return the time in which Asterisk plays music for somebody who is handing on: until the channel goes."""
    own = (row for row in rows if row.channel == deed.channel and row.time > deed.at)
    went = (row.time for row in own if row.event in ("BRIDGE_EXIT", "BLINDTRANSFER"))
    return Interval(deed.at, next(went, finished_at))


def _holds_of(number: str, told: CallTold) -> list[Hold]:
    """Return the holds of whoever talked on a phone, on that phone: an agent may be at two, one after the other."""
    own = [leg for leg in told.legs if number_of(leg.interface) == number]
    return [hold for hold in told.holds if any(hold.agent == leg.agent and inside(hold, leg) for leg in own)]


def _holds(
    number: str,
    all_held: tuple[Sequence[Interval], Sequence[Interval]],
    own: Sequence[Hold],
    heard: Sequence[Interval],
    typing: Sequence[Interval],
) -> Iterator[tuple[str, str]]:
    held, surely = all_held
    for interval in surely:
        untold = seconds(without(interval, map(time_of, own)))
        if untold > NEAR:
            yield "hold untold", f"hold: {number} held {interval}, {untold:.3f} s of it untold; told {_all(own)}"
    for hold in own:
        together = union(piece for part in heard for piece in within(part, [time_of(hold)]))
        unheld = sum(seconds(without(part, [*held, *typing])) for part in together)
        if hold.kind != "park" and unheld > NEAR:
            did = ", ".join(map(str, held)) or "no hold"
            yield "hold unseen", f"hold: told {_all([hold])}, {unheld:.3f} s of it not by {number}, which did {did}"
        if hold.kind == "hold" and time_of(hold).seconds - seconds(together) > 1 + NEAR:
            yield "hold kind", f"hold: told {_all([hold])}, but {number} was away from the caller"


def _all(holds: Iterable[Hold]) -> str:
    return ", ".join(f"{hold.kind} by {hold.agent} {time_of(hold)}" for hold in holds) or "none"


def compare_deeds(records: Sequence[Record], rows: Sequence[Cel], ledger: Ledger) -> tuple[int, list[Difference]]:
    """Compare transfers with who asked for them; return how many, and the disagreements.

    Whether a request came to anything is in the channel event log (`tests.legs` holds that against the facts); here are
    the targets, which the log does not always know, and consultations that led to nothing.
    """
    origin, calls, told = origins(rows), finished(records, rows), by_call(records)
    heard = talks(rows, calls)
    names = {row.channel: row.uniqueid for row in rows if row.event == "CHAN_START"}
    compared = 0
    differences: list[Difference] = []
    for deed in ledger.deeds:
        call_id = origin.get(names.get(deed.channel, ""), "")
        if call_id not in calls or deed.kind == "park":
            continue
        compared += 1
        after = [row for row in rows if row.channel == deed.channel and row.time >= deed.at]
        # Whoever the caller hears: behind a Local half may be somebody else than its name says.
        agents = {each.number for each in heard[call_id] if each.time.start <= deed.at <= each.time.end}
        until = min(calls[call_id].ended_at, _put_down(deed, agents, ledger))
        for kind, what in (
            *_target(deed, after, told[call_id], ledger.deeds),
            *_consultation(deed, after, told[call_id], agents, until),
        ):
            by = ", ".join(sorted(agents))
            differences.append(Difference(call_id, f"{deed.kind} by {by} to {deed.to}: {what}", kind))
    return compared, differences


def _target(deed: Deed, after: Sequence[Cel], told: CallTold, deeds: Iterable[Deed]) -> Iterator[tuple[str, str]]:
    made = [row.time for row in after if row.event == f"{deed.kind.upper()}TRANSFER"][:1]
    own = [other.at for other in deeds if (other.kind, other.channel) == (deed.kind, deed.channel)]
    if made and deed.at < max(at for at in own if at <= made[0]):
        return  # it came to nothing; what was made was asked for later
    for each in told.transfers:
        if each.kind == deed.kind and made and abs(each.at - made[0]) <= NEAR and each.to != deed.to:
            yield "transfer target", f"made at {made[0]:.3f}, told to {each.to!r}"


def _put_down(deed: Deed, agents: set[str], ledger: Ledger) -> float:
    """Return when the phone behind a channel was put down: what its Local half does after that is nobody's doing."""
    own = [p.time.end for p in ledger.pickups if p.number in agents and p.time.start <= deed.at <= p.time.end]
    return max(own, default=deed.at)


def _consultation(
    deed: Deed, after: Sequence[Cel], told: CallTold, agents: set[str], until: float
) -> Iterator[tuple[str, str]]:
    """While a consulting agent's channel is in another bridge, the caller is on hold."""
    moves = [row.time for row in after if row.event == "BRIDGE_EXIT"][:2]
    if deed.kind != "attended" or len(moves) < 2 or until <= moves[0]:
        return
    away = Interval(moves[0], min(moves[1], until))
    own = [hold for number in agents for hold in _holds_of(number, told)]
    untold = seconds(without(away, map(time_of, own)))
    if untold > NEAR:
        yield "consultation untold", f"away {away} by CEL, {untold:.3f} s of it in no hold; told {_all(own)}"
