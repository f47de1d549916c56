"""Holds legs, transfers and parks against Asterisk's channel event log: who talked with whom, and who handed on whom.

* Every leg is a stretch (or, with a consultation in between, several) in which the caller and this agent heard each
  other, by `tests.together`; what is missing in between is a hold.
* Every such stretch of half a second or more is a leg of this agent's, and of nobody else's at the same time.
* Every BLINDTRANSFER and ATTENDEDTRANSFER is a transfer by the agent whose phone made it, and every transfer that
  succeeded is one of them. The log tells of nothing that failed.
* Every PARK_START to PARK_END is a hold of kind park, if somebody had talked with the caller until then.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ringwatch.core.facts import Call, Hold, Leg, Record, Transfer
from tests.asterisk.records import Cel
from tests.difference import Difference
from tests.together import (
    MOVING,
    OUTSIDE,
    Interval,
    Member,
    Together,
    conversations,
    number_of,
    origins,
    seconds,
    union,
    within,
    without,
)

NEAR = 0.3
"""Seconds between the moments at which two witnesses saw the same thing."""
SHORTEST = 0.5
"""Seconds: a shorter stretch need not be told."""


@dataclass
class CallTold:
    """The facts of one call."""

    legs: list[Leg] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    def holds_of(self, agent: str) -> list[Interval]:
        """Return when an agent had left the caller alone."""
        return [time_of(hold) for hold in self.holds if hold.agent == agent]

    def holds_after(self, at: float) -> list[Hold]:
        """Return the holds from a moment on."""
        return [hold for hold in self.holds if hold.started_at >= at]


def time_of(fact: Leg | Hold) -> Interval:
    """Return the time a fact claims."""
    return Interval(fact.started_at, max(fact.started_at, fact.ended_at))


def finished(records: Iterable[Record], rows: Iterable[Cel]) -> dict[str, Call]:
    """Return the calls that came to an end while the witnesses looked, by their identity.

    Without a channel event log ringwatch's own word is taken for it.
    """
    ended = {row.uniqueid for row in rows if row.event == "CHAN_END"}
    return {
        each.call_id: each
        for each in records
        if isinstance(each, Call) and (each.call_id in ended if ended else each.outcome != "unknown")
    }


def by_call(records: Iterable[Record]) -> dict[str, CallTold]:
    """Sort legs, holds and transfers by call."""
    told: dict[str, CallTold] = defaultdict(CallTold)
    for each in records:
        match each:
            case Leg():
                told[each.call_id].legs.append(each)
            case Hold():
                told[each.call_id].holds.append(each)
            case Transfer():
                told[each.call_id].transfers.append(each)
    return told


def compare_legs(records: Sequence[Record], rows: Sequence[Cel]) -> tuple[int, list[Difference]]:
    """Compare all talk; return how many stretches of it were compared, and the disagreements."""
    calls, told = finished(records, rows), by_call(records)
    heard = talks(rows, calls)
    compared = 0
    differences: list[Difference] = []
    for call_id in calls:
        phones = _by_number(heard.get(call_id, []))
        compared += sum(len(intervals) for intervals in phones.values())
        for kind, what in (
            *_missing(told[call_id], phones),
            *_unheard(told[call_id], phones),
            *_at_once(told[call_id], phones),
        ):
            differences.append(Difference(call_id, what, kind))
    return compared, differences


@dataclass(frozen=True)
class Talk:
    """A stretch in which the party of a call heard an agent's phone."""

    number: str
    phone: str
    """Uniqueid of the phone's channel."""
    time: Interval


def talks(rows: Sequence[Cel], calls: Mapping[str, Call]) -> dict[str, list[Talk]]:
    """Return by call when its party heard which phone.

    Who is the party: whoever is outside; else whoever called; once that one has handed the other on and is gone,
    whoever had been called. A phone that fetches a parked caller, or comes into a conference where one is, has begun a
    call of its own, but is an agent of the caller's as long as they are together.
    """
    pairs = [pair for pair in conversations(rows) if not pair.one.number == pair.two.number == OUTSIDE]
    outside: dict[str, list[Interval]] = defaultdict(list)
    for pair in pairs:
        if OUTSIDE in (pair.one.number, pair.two.number):
            outside[pair.one.uniqueid].append(pair.time)
            outside[pair.two.uniqueid].append(pair.time)
    parties = _Parties(rows, calls, outside)
    heard: dict[str, list[Talk]] = defaultdict(list)
    for pair in pairs:
        call_id, phone = parties.of(pair)
        if not call_id:
            continue
        among_themselves = OUTSIDE not in (pair.one.number, pair.two.number)
        busy = outside[pair.one.uniqueid] if among_themselves else []
        heard[call_id] += [Talk(phone.number, phone.uniqueid, time) for time in without(pair.time, busy)]
    return heard


class _Parties:
    """Tells whose call a conversation is, and which of the two is the agent; to be asked in the order of time."""

    def __init__(self, rows: Sequence[Cel], calls: Mapping[str, Call], outside: Mapping[str, list[Interval]]) -> None:
        self._calls = calls
        self._outside = outside
        """When each channel was together with somebody from outside."""
        self._origin = origins(rows)
        names = {row.uniqueid: row.channel for row in reversed(rows)}
        self._from_outside = {each for each in calls if number_of(names.get(each, "").rpartition("-")[0]) == OUTSIDE}
        self._by_wire = {each for each in calls if names.get(each, "").startswith("Local/")}
        self._gone = {row.uniqueid: row.time for row in rows if row.event == "CHAN_END"}
        self._began = {row.uniqueid: row.time for row in rows if row.event == "CHAN_START"}
        self._called: dict[str, Member] = {}
        """Whom the one who began a call was first together with; a customer, should there be one."""

    def of(self, pair: Together) -> tuple[str, Member]:
        """Return the call and the agent; an empty one for what agents ask each other."""
        for one, two in ((pair.one, pair.two), (pair.two, pair.one)):
            if one.number == OUTSIDE:
                call_id = self._origin.get(one.uniqueid, "")
                if call_id in self._from_outside:
                    return (one.uniqueid if one.uniqueid == call_id else "", two)
                self._called[call_id] = one
                return (call_id if call_id in self._calls else "", two)
        roots = [each for each in (pair.one, pair.two) if each.uniqueid in self._calls]
        root = min(roots, key=lambda each: self._calls[each.uniqueid].started_at, default=None)
        if root is not None:
            other = pair.two if root is pair.one else pair.one
            called = self._called.setdefault(root.uniqueid, other)
            return ("" if called.number == OUTSIDE else root.uniqueid, other)
        call_id = self._origin.get(pair.one.uniqueid, "")
        if call_id in self._by_wire:
            # An Originate rang the one who calls through a Local channel.
            self._called.setdefault(call_id, min(pair.one, pair.two, key=lambda each: self._began[each.uniqueid]))
        elif self._gone.get(call_id, math.inf) > pair.time.end:
            return "", pair.one
        party = self._called.get(call_id)
        if party and party.uniqueid in self._outside:
            party = None  # a customer was handed to that one, and it is the customer who is served
        if party and call_id in self._calls and party.uniqueid in (pair.one.uniqueid, pair.two.uniqueid):
            return call_id, pair.two if party.uniqueid == pair.one.uniqueid else pair.one
        return "", pair.one


def _by_number(heard: Iterable[Talk]) -> dict[str, list[Interval]]:
    phones: dict[str, list[Interval]] = defaultdict(list)
    for each in heard:
        phones[each.number].append(each.time)
    return {number: union(times, MOVING) for number, times in phones.items()}


def _missing(told: CallTold, phones: dict[str, list[Interval]]) -> Iterator[tuple[str, str]]:
    for number, intervals in phones.items():
        legs = [leg for leg in told.legs if number_of(leg.interface) == number]
        for interval in intervals:
            if interval.seconds < SHORTEST:
                continue
            own = [leg for leg in legs if time_of(leg).overlap(interval) > MOVING]
            untold = seconds(without(interval, [time_of(leg) for leg in own]))
            if untold > NEAR:
                instead = [leg for leg in told.legs if time_of(leg).overlap(interval) > NEAR]
                what = (
                    f"leg: with {number} {interval} by CEL, {untold:.3f} s of it in no such leg; told {_legs(instead)}"
                )
                yield "talk in no leg", what
            elif any(leg.ended_by != "transfer" for leg in own[:-1]):  # else an agent handed a caller on to himself
                yield "leg split", f"leg: with {number} {interval} by CEL, told in pieces: {_legs(own)}"


def _unheard(told: CallTold, phones: dict[str, list[Interval]]) -> Iterator[tuple[str, str]]:
    for leg in told.legs:
        number = number_of(leg.interface)
        intervals = phones.get(number, [])
        unheard = seconds(without(time_of(leg), [*intervals, *told.holds_of(leg.agent)]))
        if unheard > NEAR:
            own = [each for each in intervals if each.overlap(time_of(leg)) > 0]
            what = (
                f"leg: told {_legs([leg])}, {unheard:.3f} s of it neither heard nor held; together by CEL {_all(own)}"
            )
            yield "leg unheard", what
        held = sum(hold.seconds for hold in told.holds if hold.agent == leg.agent and inside(hold, leg))
        if abs(leg.hold_seconds - held) > 0.05:
            yield (
                "hold sum",
                f"leg: told {_legs([leg])} with hold_seconds {leg.hold_seconds}, but holds of {held:.3f} s",
            )
        if abs(leg.talk_seconds + leg.hold_seconds - time_of(leg).seconds) > 0.05:
            yield (
                "leg sum",
                f"leg: told {_legs([leg])}, talk {leg.talk_seconds} + hold {leg.hold_seconds} is not its length",
            )


def inside(hold: Hold, leg: Leg) -> bool:
    """Tell whether a hold was during a leg."""
    return hold.started_at >= leg.started_at - 0.001 and hold.ended_at <= leg.ended_at + 0.001


def _at_once(told: CallTold, phones: dict[str, list[Interval]]) -> Iterator[tuple[str, str]]:
    """Talk with two agents at once is told only where both were heard at once: in a conference."""
    for first, second in ((one, two) for one in told.legs for two in told.legs if one.started_at < two.started_at):
        mine, yours = number_of(first.interface), number_of(second.interface)
        shared = Interval(max(first.started_at, second.started_at), min(first.ended_at, second.ended_at))
        if shared.seconds <= NEAR:
            continue
        alone = without(shared, [*told.holds_of(first.agent), *told.holds_of(second.agent)])
        both = [piece for part in phones.get(mine, []) for piece in within(part, phones.get(yours, []))]
        if mine == yours or seconds(piece for part in alone for piece in without(part, both)) > NEAR:
            yield "two at once", f"leg: two agents at once for {shared.seconds:.3f} s: {_legs([first, second])}"


def _legs(legs: Iterable[Leg]) -> str:
    return ", ".join(f"{leg.agent} {time_of(leg)} {leg.ended_by}" for leg in legs) or "none"


def _all(intervals: Iterable[Interval]) -> str:
    return ", ".join(map(str, intervals)) or "never"


# ------------------------------------------------------------------------------------------------ transfers and parks


def compare_transfers(records: Sequence[Record], rows: Sequence[Cel]) -> tuple[int, list[Difference]]:
    """Compare transfers that succeeded; return how many the log has, and the disagreements."""
    origin, calls, told = origins(rows), finished(records, rows), by_call(records)
    heard = talks(rows, calls)
    handed: dict[str, float] = {}
    gone = {row.uniqueid: row.time for row in rows if row.event == "CHAN_END"}
    left = [each for each in records if isinstance(each, Transfer) and each.result == "success"]
    differences: list[Difference] = []
    compared = 0
    for row in rows:
        kind = {"BLINDTRANSFER": "blind", "ATTENDEDTRANSFER": "attended"}.get(row.event)
        if kind is None:
            continue
        extra = json.loads(row.extra)
        call_id = origin.get(extra.get("transferee_channel_uniqueid", ""), origin.get(row.uniqueid, row.linkedid))
        if call_id not in calls or gone.get(extra.get("transferee_channel_uniqueid", ""), math.inf) <= row.time:
            continue  # or whoever was to be handed on had hung up before Asterisk was done with it
        compared += 1
        if row.uniqueid == call_id:
            makers = {number_of(row.channel.rpartition("-")[0])}  # who began the call hands on whoever was called
        else:
            makers = _makers(row, heard.get(call_id, []), handed.get(call_id, 0.0))
        handed[call_id] = row.time
        to = extra.get("extension") or _target(extra.get("transfer_target_channel_name", ""))
        seen = f"{kind} by {', '.join(sorted(makers))} to {to or '?'} at {row.time:.3f} by CEL ({row.channel})"
        mine = [each for each in left if each.call_id == call_id]
        own = [each for each in mine if each.kind == kind and abs(each.at - row.time) <= NEAR]
        if not own:
            if makers:  # else an operator took a caller out of a line, and no agent handed anybody on
                what = f"transfer: {seen}, told {_transfers(mine)}"
                differences.append(Difference(call_id, what, "transfer untold"))
            continue
        left.remove(own[0])
        if kind == "blind" and own[0].to != to:
            differences.append(Difference(call_id, f"transfer: {seen}, told to {own[0].to!r}", "transfer target"))
        # Who began a call and hands on whoever was called is in no leg, but in those of other calls.
        legs = told[call_id].legs if row.uniqueid != call_id else [leg for each in told.values() for leg in each.legs]
        at = {number_of(leg.interface) for leg in legs if leg.agent == own[0].from_agent}
        if not makers & (at or {number_of(own[0].from_agent)}):
            differences.append(Difference(call_id, f"transfer: {seen}, told {_transfers(own)}", "transfer agent"))
    differences += [
        Difference(each.call_id, f"transfer: told {_transfers([each])}, not in CEL", "transfer unseen")
        for each in left
        if each.call_id in calls
    ]
    return compared, differences


def _makers(row: Cel, heard: Sequence[Talk], since: float) -> set[str]:
    """Return who may have made a transfer: whoever the caller hears, or heard before the consultation.

    The channel that made it may be a Local half, with anybody behind it, or with nobody yet: then an operator moved a
    caller who waited.

    :param since: when the caller was handed on before; talk up to there is a closed story.
    """
    now = {each.number for each in heard if each.time.start < row.time - NEAR <= each.time.end}
    now |= {each.number for each in heard if each.time.start < row.time and abs(row.time - each.time.end) <= NEAR}
    last = [each for each in heard if each.time.start < row.time - NEAR and each.time.end > since + NEAR]
    if row.event == "ATTENDEDTRANSFER":
        return {max(last, key=lambda each: each.time.end).number} if last else now
    own = {number_of(row.channel.rpartition("-")[0])} & {each.number for each in heard}
    return now or (set() if row.channel.startswith("Local/") else own)


def _target(channel: str) -> str:
    """Return who was consulted, as far as the log tells: ``108`` of ``Local/108@internal-00000003;1``."""
    return number_of(channel.rpartition("-")[0]) if "/" in channel and channel != "N/A" else ""


def _transfers(transfers: Iterable[Transfer]) -> str:
    return ", ".join(f"{t.kind} by {t.from_agent} to {t.to} at {t.at:.3f}" for t in transfers) or "none"


def compare_parks(records: Sequence[Record], rows: Sequence[Cel]) -> tuple[int, list[Difference]]:
    """Compare parks; return how many the log has, and the disagreements."""
    origin, calls, told = origins(rows), finished(records, rows), by_call(records)
    heard = talks(rows, calls)
    left = [each for each in records if isinstance(each, Hold) and each.kind == "park"]
    differences: list[Difference] = []
    compared = 0
    for row, end in _parks(rows):
        call_id = origin.get(row.uniqueid, row.linkedid)
        if call_id not in calls:
            continue
        compared += 1
        parkers = {each.number for each in heard[call_id] if abs(each.time.end - row.time) <= NEAR}
        reason = json.loads(end.extra).get("reason", "")
        seen = f"park by {', '.join(sorted(parkers))} {Interval(row.time, end.time)} {reason} by CEL"
        own = [each for each in left if each.call_id == call_id and abs(each.started_at - row.time) <= NEAR]
        if not own:
            if parkers:  # else an operator took a caller out of a line, and no agent left anybody alone
                what = f"park: {seen}, told {_holds(told[call_id].holds)}"
                differences.append(Difference(call_id, what, "park untold"))
            continue
        left.remove(own[0])
        if abs(own[0].ended_at - end.time) > NEAR:
            differences.append(Difference(call_id, f"park: {seen}, told {_holds(own)}", "park end"))
        legs = [leg for leg in told[call_id].legs if leg.agent == own[0].agent]
        if not parkers & {number_of(leg.interface) for leg in legs}:
            differences.append(Difference(call_id, f"park: {seen}, told {_holds(own)}", "park agent"))
    differences += [
        Difference(each.call_id, f"park: told {_holds([each])}, not in CEL", "park unseen")
        for each in left
        if each.call_id in calls
    ]
    return compared, differences


def _parks(rows: Iterable[Cel]) -> Iterator[tuple[Cel, Cel]]:
    parked: dict[str, Cel] = {}
    for row in rows:
        if row.event == "PARK_START":
            parked[row.uniqueid] = row
        elif row.event == "PARK_END" and row.uniqueid in parked:
            yield parked.pop(row.uniqueid), row


def _holds(holds: Iterable[Hold]) -> str:
    return ", ".join(f"{hold.kind} by {hold.agent} {time_of(hold)}" for hold in holds) or "none"
