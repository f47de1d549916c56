"""What will happen on a random desk: all of it drawn from one seed, before anything happens.

A call carries what will be done to it (`Act`), because who will be talking when is up to Asterisk. Phones, members and
pauses change at their own times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from .lab import AGENTS
from .phones import BUSY, Manner

CALLS_PER_SECOND = 1.5

ActKind = Literal[
    "blind",  # AMI BlindTransfer of the agent's channel
    "refer",  # the phone's own transfer
    "keys",  # the agent presses #1 and the number
    "attended",  # AMI Atxfer; `then` seconds later the agent's channel is hung up, whoever has answered by then
    "refer_into",  # the phone holds, calls somebody itself, and hands the caller into that call (REFER with Replaces)
    "consult",  # AMI Atxfer to a number that is busy or not there: the agent comes back
    "park_back",  # parked, and nobody fetches the caller
    "park_fetch",  # parked, and `by` fetches the caller `then` seconds later
    "park_leave",  # parked, and the caller hangs up `then` seconds later
    "conference",  # AMI BlindTransfer into a conference of one's own, where `by` comes to talk `then` seconds later
    "phone_hangup",
    "agent_hangup",  # AMI Hangup of the agent's channel
    "caller_hangup",  # AMI Hangup of the caller's channel
]

BUSY_PHONES = ("117", "130")
NOBODY = "199"
PICKUP = "*8"
FORWARDING = ("103", "108", "112", "122")
"""Phones that may send their calls on; never to one another, which would go round and round."""
OUTSIDERS = tuple(f"01550000{number:02d}" for number in range(1, 9))
_PHONES = [number for number in AGENTS if number not in BUSY_PHONES]
_QUEUE_EXTENSIONS = ("800", "801", "802", "803")
# How outside callers come in: extension and weight.
_DOORS = {
    "1000": 14,
    "2000": 10,
    "4000": 4,
    "4001": 7,
    "5000": 2,
    "6000": 12,
    "6001": 4,
    "7000": 8,
    "7500": 7,
    "7900": 3,
    "8000": 14,
    "8100": 3,
    "3000": 3,
    "3001": 4,
    "31XX": 8,
}
_ACTS: dict[ActKind, int] = {
    "blind": 6,
    "refer": 6,
    "keys": 6,
    "attended": 7,
    "refer_into": 5,
    "consult": 5,
    "park_back": 4,
    "park_fetch": 5,
    "park_leave": 2,
    "conference": 3,
    "phone_hangup": 6,
    "agent_hangup": 4,
    "caller_hangup": 3,
}
_MEMBERS = {
    "support": ("PJSIP/101", "PJSIP/102", "PJSIP/103"),
    "sales": ("PJSIP/104", "PJSIP/105"),
    "billing": ("Local/106@agents/n", "Local/107@agents"),
    "care": tuple(f"PJSIP/{number}" for number in range(109, 119)),
    "tech": tuple(f"PJSIP/{number}" for number in range(119, 127)),
    "vip": ("PJSIP/127", "PJSIP/128", "PJSIP/129", "PJSIP/130"),
    "front": tuple(f"Local/{number}@from-queue/n" for number in range(101, 109)),
    "night": ("PJSIP/129",),
}
_GUESTS = ("empty", "night", "support", "billing", "sales")
_REASONS = ("lunch", "break", "training, room 2", "")


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something done to a call ``after`` seconds of talk."""

    kind: ActKind
    after: float
    to: str = ""
    then: float = 0.0
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """A call that will be dialled ``at`` seconds from the beginning."""

    at: float
    extension: str
    endpoint: str = "trunk"
    talk: float | None = None
    patience: float | None = None
    acts: Sequence[Act] = ()


@dataclass(frozen=True)
class Replugged:
    """From now on a phone will treat calls in another manner."""

    at: float
    number: str
    manner: Manner


@dataclass(frozen=True)
class Administered:
    """An AMI action on the members of a queue."""

    at: float
    action: Literal["QueuePause", "QueueAdd", "QueueRemove"]
    headers: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """A whole desk."""

    phones: dict[str, Manner]
    calls: Sequence[PlannedCall]
    changes: Sequence[Replugged | Administered]


def plan(seed: int, seconds: float) -> Plan:
    """Draw a desk of so many seconds: the same seed, the same desk."""
    rng = Random(seed)  # noqa: S311 - chance on purpose: nothing here is a secret
    phones = {number: _manner(rng, number) for number in _PHONES}
    phones |= {number: Manner(ring=0, refuse=BUSY) for number in BUSY_PHONES}
    phones |= {number: Manner(ring=rng.uniform(0.5, 3.0), hangup_after=rng.uniform(2, 9)) for number in OUTSIDERS}
    calls, at = [], rng.expovariate(CALLS_PER_SECOND)
    while at < seconds:
        calls.append(_call(rng, at))
        at += rng.expovariate(CALLS_PER_SECOND)
    return Plan(phones, calls, [*_replugged(rng, seconds), *_administered(rng, seconds)])


def _manner(rng: Random, number: str) -> Manner:
    kind = rng.random()
    if number in FORWARDING and rng.random() < 0.3:
        to = rng.choice([number for number in _PHONES if number not in FORWARDING])
        return Manner(ring=rng.choice([0.0, rng.uniform(0.3, 2.0)]), forward=to)
    if kind < 0.08:
        return Manner(ring=None)
    if kind < 0.12:
        return Manner(ring=rng.uniform(0.3, 2.0), refuse=BUSY)
    holds = rng.random() < 0.35
    return Manner(
        ring=rng.uniform(0.3, 2.5) if kind < 0.8 else rng.uniform(3.0, 7.0),
        hold_after=rng.uniform(0.6, 2.5) if holds else None,
        hold_for=rng.uniform(0.8, 4.0),
        hold_again=rng.uniform(0.6, 2.0) if holds and rng.random() < 0.3 else None,
        hangup_after=rng.uniform(2.0, 9.0) if rng.random() < 0.12 else None,
        speaks=rng.random() < 0.6,
    )


def _call(rng: Random, at: float) -> PlannedCall:
    kind = rng.random()
    talk = rng.uniform(1.0, 14.0)
    if kind < 0.05:
        return PlannedCall(
            at=at,
            extension=f"9{rng.choice(OUTSIDERS)}",
            endpoint=rng.choice(_PHONES),
            talk=talk / 2,
            patience=rng.uniform(1.5, 8.0),
        )
    if kind < 0.08:
        # Not by a phone that may answer its own call in the same moment.
        return PlannedCall(at=at, extension=PICKUP, endpoint=rng.choice(BUSY_PHONES), talk=talk / 2)
    if kind < 0.14:
        endpoint = rng.choice(_PHONES)
        extension = rng.choice([*(number for number in _PHONES if number != endpoint), *_QUEUE_EXTENSIONS * 3])
        return PlannedCall(at=at, extension=extension, endpoint=endpoint, talk=talk / 2, patience=rng.uniform(1.5, 12))
    door = rng.choices(list(_DOORS), list(_DOORS.values()))[0]
    acts = _acts(rng)
    if rng.random() < 0.85:  # else the caller may hang up in the middle of it
        talk = rng.uniform(0.8, 5.0) + sum(act.after + act.then for act in acts)
    return PlannedCall(
        at=at,
        extension=f"31{rng.choice(AGENTS)[1:]}" if door == "31XX" else door,
        talk=talk,
        patience=rng.choices([rng.uniform(0.5, 5), rng.uniform(5, 25), None], [2, 6, 2])[0],
        acts=acts,
    )


def _acts(rng: Random) -> list[Act]:
    acts: list[Act] = []
    while rng.random() < (0.35 if acts else 0.7) and len(acts) < 3:
        kind = rng.choices(list(_ACTS), list(_ACTS.values()))[0]
        match kind:
            case "consult":
                to = rng.choice([NOBODY, *BUSY_PHONES])
            case "conference":
                to = f"88{rng.randrange(10000):04}"
            case "keys":
                # Three digits that no longer number begins with: they are dialled at once.
                to = rng.choice([rng.choice(_PHONES), rng.choice(_QUEUE_EXTENSIONS)])
            case _:
                to = rng.choice([rng.choice(_PHONES), rng.choice(_PHONES), rng.choice(_QUEUE_EXTENSIONS)])
        acts.append(
            Act(
                kind=kind,
                after=rng.uniform(0.6, 4.0),
                to=to,
                then=rng.uniform(0.8, 6.0),
                by=rng.choice(_PHONES),
            )
        )
    return acts


def _replugged(rng: Random, seconds: float) -> list[Replugged]:
    changes = []
    for _ in range(int(seconds / 2)):
        at, number = rng.uniform(0, seconds), rng.choice(_PHONES)
        changes.append(Replugged(at, number, _manner(rng, number)))
    return changes


def _administered(rng: Random, seconds: float) -> list[Administered]:
    changes = []
    for _ in range(int(seconds / 4)):
        queue = rng.choice(list(_MEMBERS))
        start = rng.uniform(0, seconds)
        pause = {"Interface": rng.choice(_MEMBERS[queue])}
        if rng.random() < 0.7:
            pause["Queue"] = queue
        if reason := rng.choice(_REASONS):
            pause["Reason"] = reason
        changes.append(Administered(start, "QueuePause", {**pause, "Paused": "true"}))
        changes.append(Administered(start + rng.uniform(2, 12), "QueuePause", {**pause, "Paused": "false"}))
    for number in range(int(seconds / 6)):
        queue, phone = rng.choice(_GUESTS), rng.choice(_PHONES)
        interface = rng.choice(
            [f"PJSIP/{phone}", f"PJSIP/{phone}", f"Local/{phone}@from-queue/n", f"Local/{phone}@agents"]
        )
        start = rng.uniform(0, seconds)
        member = {"Queue": queue, "Interface": interface}
        joining = {**member, "MemberName": f"Guest {number}", "StateInterface": f"PJSIP/{phone}"}
        changes.append(Administered(start, "QueueAdd", joining))
        changes.append(Administered(start + rng.uniform(4, 25), "QueueRemove", member))
    return sorted(changes, key=lambda change: change.at)
