"""Who could hear whom, and when: worked out from Asterisk's channel event log alone, without any of ringwatch.

A channel is in one bridge at a time, from BRIDGE_ENTER to BRIDGE_EXIT. The two halves of a Local channel are one piece
of wire, so two bridges that hold the halves of one pair are one room. Everybody in a room who is not wire hears the
others. Parking lots are bridges too (``holding_bridge``), but nobody hears anybody there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.asterisk.records import Cel

MOVING = 0.1
"""Seconds between leaving one bridge and entering the next that are no interruption."""

OUTSIDE = "trunk"
"""The number of whoever is behind the trunk."""


@dataclass(frozen=True)
class Interval:
    """A stretch of time, epoch seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.start:.3f}-{self.end:.3f} ({self.seconds:.3f} s)"

    def overlap(self, other: Interval) -> float:
        """Return the seconds that both have, negative when they are apart."""
        return min(self.end, other.end) - max(self.start, other.start)


def union(intervals: Iterable[Interval], gap: float = 0.0) -> list[Interval]:
    """Join what overlaps, or is no further apart than a gap."""
    joined: list[Interval] = []
    for each in sorted(intervals, key=lambda interval: interval.start):
        if joined and each.start <= joined[-1].end + gap:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, each.end))
        else:
            joined.append(each)
    return joined


def without(interval: Interval, holes: Iterable[Interval]) -> list[Interval]:
    """Return what is left of an interval."""
    left, start = [], interval.start
    for hole in union(holes):
        if hole.end <= start or hole.start >= interval.end:
            continue
        if hole.start > start:
            left.append(Interval(start, hole.start))
        start = max(start, hole.end)
    return [*left, Interval(start, interval.end)] if start < interval.end else left


def within(interval: Interval, others: Iterable[Interval]) -> list[Interval]:
    """Return the parts of others that lie in an interval."""
    return [
        Interval(max(interval.start, each.start), min(interval.end, each.end))
        for each in others
        if each.overlap(interval) > 0
    ]


def seconds(intervals: Iterable[Interval]) -> float:
    """Add up."""
    return sum(each.seconds for each in intervals)


@dataclass(frozen=True)
class Member:
    """A channel as it was named when it was last seen."""

    uniqueid: str
    name: str

    @property
    def number(self) -> str:
        """The number of its device: ``101`` of ``PJSIP/101-0000001c``; `OUTSIDE` behind the trunk."""
        return number_of(self.name.rpartition("-")[0])

    @property
    def is_wire(self) -> bool:
        """Whether it is half of a Local channel."""
        return self.name.startswith("Local/")


def number_of(interface: str) -> str:
    """Return the phone's number of an interface: ``101`` of ``PJSIP/101`` and of ``Local/101@from-queue/n``."""
    return interface.partition("/")[2].partition("@")[0]


@dataclass(frozen=True)
class Together:
    """Two channels that heard each other."""

    one: Member
    two: Member
    time: Interval


class _Rooms:
    """The bridges as they stand."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._where: dict[str, str] = {}
        self._holding: set[str] = set()

    def hear(self, row: Cel) -> bool:
        """Take one row; whether somebody moved."""
        if not row.uniqueid:
            return False
        self.names[row.uniqueid] = row.channel
        match row.event:
            case "BRIDGE_ENTER":
                extra = json.loads(row.extra)
                self._where[row.uniqueid] = extra["bridge_id"]
                if extra.get("bridge_technology") == "holding_bridge":
                    self._holding.add(extra["bridge_id"])
                return True
            case "BRIDGE_EXIT" if self._where.get(row.uniqueid) == json.loads(row.extra)["bridge_id"]:
                # Else it is somewhere else already.
                del self._where[row.uniqueid]
                return True
            case "ATTENDEDTRANSFER" | "PICKUP":
                return self._take_place(row)
            case "CHAN_END":
                return self._where.pop(row.uniqueid, None) is not None
        return False

    def _take_place(self, row: Cel) -> bool:
        """Who is transferred into a conference takes the agent's place there, and nothing else says so.

        Who picks up a call in the moment in which it is answered takes the place of whoever has answered.
        """
        extra = json.loads(row.extra)
        leaves, comes = row.uniqueid, extra.get("pickup_channel_uniqueid")
        if row.event == "ATTENDEDTRANSFER":
            leaves, comes = extra["channel2_uniqueid"] if "app" in extra else "", extra["transferee_channel_uniqueid"]
        place = self._where.pop(leaves, None)
        if place is not None:
            self._where[comes] = place
        return place is not None

    def pairs(self) -> set[tuple[str, str]]:
        """Return who hears whom now, each pair in the order of their names."""
        found = set()
        for people in self._people():
            found |= {(one, two) for one in people for two in people if one < two}
        return found

    def _people(self) -> Iterator[list[str]]:
        wires: dict[str, list[str]] = defaultdict(list)
        for uniqueid, bridge in self._where.items():
            if self.names[uniqueid].startswith("Local/"):
                wires[self.names[uniqueid].rpartition(";")[0]].append(bridge)
        room = {bridge: bridge for bridge in self._where.values()}
        for ends in wires.values():
            if len(ends) == 2:
                old, new = room[ends[0]], room[ends[1]]
                room = {bridge: new if its == old else its for bridge, its in room.items()}
        people: dict[str, list[str]] = defaultdict(list)
        for uniqueid, bridge in self._where.items():
            if bridge not in self._holding and not self.names[uniqueid].startswith("Local/"):
                people[room[bridge]].append(uniqueid)
        yield from people.values()


def conversations(rows: Sequence[Cel]) -> list[Together]:
    """Return every stretch of time in which two channels heard each other, in the order they began.

    One that still lasted when the log ended is left out.
    """
    rooms = _Rooms()
    since: dict[tuple[str, str], float] = {}
    heard: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for row in sorted(rows, key=lambda each: each.time):
        if not rooms.hear(row):
            continue
        pairs = rooms.pairs()
        for pair in [pair for pair in since if pair not in pairs]:
            heard[pair].append(Interval(since.pop(pair), row.time))
        for pair in pairs - since.keys():
            since[pair] = row.time
    found = [
        Together(Member(one, rooms.names[one]), Member(two, rooms.names[two]), interval)
        for (one, two), intervals in heard.items()
        for interval in union(intervals, MOVING)
    ]
    return sorted(found, key=lambda each: each.time.start)


def origins(rows: Iterable[Cel]) -> dict[str, str]:
    """Return for every channel the Uniqueid of the channel that its call began with.

    A channel that is made for a call inherits its Linkedid, so the first one it had says where it came from: the Local
    half that stands in a queue for a consulting agent belongs to the agent's caller.
    """
    found: dict[str, str] = {}
    for row in rows:
        if row.event == "CHAN_START" and row.uniqueid:
            found.setdefault(row.uniqueid, row.linkedid)
    return found
