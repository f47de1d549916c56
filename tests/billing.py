"""Holds calls against Asterisk's call detail records, by the Uniqueid of the caller's channel.

A record is a pair of channels: the caller's and, once somebody was called, ``dstchannel``. It is ANSWERED for a queue
behind Answer() too; that a *person* answered is an ANSWERED record with a ``dstchannel``. It ends when the two part: at
the end of the talk, when the agent leaves to consult somebody, when the caller is parked. Time in a queue after a
transfer may be in no record at all. So:

* a call was answered if and only if it has an answered record with somebody called;
* each of those ends when a leg with that phone ends, or during a hold in which the agent was away, and began when the
  leg did, or earlier; one that goes on after such a hold began before that was over;
* a call begins with its first record, and ends no earlier than the last.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ringwatch.core.facts import Call, Record
from tests.asterisk.records import Cdr, Cel
from tests.difference import Difference
from tests.legs import CallTold, by_call, finished, time_of
from tests.together import Interval, number_of

TOLERANCE = 1.2
"""Seconds; times in the records are truncated to whole ones."""


def compare_calls(
    records: Sequence[Record], cdr: Sequence[Cdr], rows: Sequence[Cel] = ()
) -> tuple[int, list[Difference]]:
    """Compare all calls that have records; return how many, and the disagreements."""
    by_id: dict[str, list[Cdr]] = defaultdict(list)
    for record in cdr:
        by_id[record.uniqueid].append(record)
    told, gave_place, rung = by_call(records), _gave_place(rows), _picked_up_elsewhere(rows)
    compared = 0
    differences: list[Difference] = []
    for call_id, call in finished(records, rows).items():
        own = by_id.get(call_id)
        if own is None:
            if call.answered and rows:
                differences.append(Difference(call_id, "cdr: answered told, no record in CDR", "cdr missing"))
            continue
        if call_id in gave_place:
            continue
        compared += 1
        found = _call(call, told[call_id], own, rung)
        differences += [Difference(call_id, f"cdr: {what}", kind) for kind, what in found]
    return compared, differences


def _picked_up_elsewhere(rows: Sequence[Cel]) -> dict[str, bool]:
    """Return the channels of phones whose call was picked up at another one, and whether they had answered.

    Their records may say ANSWERED, for 0 s where they were never put through; what follows may be in no record.
    """
    answered = {row.channel for row in rows if row.event == "ANSWER"}
    return {row.channel: row.channel in answered for row in rows if row.event == "PICKUP"}


def _gave_place(rows: Sequence[Cel]) -> set[str]:
    """Return the agents' own calls whose place in an application was taken by whoever they handed on.

    Their records go on with what happens to that one.
    """
    extras = [json.loads(row.extra) for row in rows if row.event == "ATTENDEDTRANSFER"]
    return {extra["channel2_uniqueid"] for extra in extras if "app" in extra}


def _call(call: Call, told: CallTold, own: list[Cdr], rung: dict[str, bool]) -> Iterator[tuple[str, str]]:
    called = [record for record in own if record.dstchannel and rung.get(record.dstchannel, True)]
    answered = [record for record in called if record.disposition == "ANSWERED"]
    # Who fetches a parked caller is answered by the parking lot, who comes into a conference by that: whether they then
    # talk is in the caller's call.
    comes_in = any(record.lastapp in ("ParkedCall", "ConfBridge") for record in own)
    if call.answered != bool(answered) and not comes_in:
        found = [f"{record.disposition} {record.dstchannel}" for record in own]
        yield "cdr answered", f"answered {call.answered} told, {found} in CDR"
    start, end = min(record.start for record in own), max(record.end for record in own)
    if abs(call.started_at - start) > TOLERANCE:
        yield "cdr start", f"started {call.started_at:.3f} told, {start:.0f} in CDR"
    if end > call.ended_at + TOLERANCE:
        yield "cdr end", f"ended {call.ended_at:.3f} told, {end:.0f} in CDR"
    for record in answered:
        # Whom a record pairs with in a conference is chance.
        never = record.dstchannel in rung and not record.billsec
        by_chance = record.lastapp == "ConfBridge"
        if not (never or by_chance or any(_takes_over(each, record) or _contains(each, record) for each in answered)):
            yield from _talk(record, told)


def _takes_over(later: Cdr, record: Cdr) -> bool:
    """Whether another record goes on with the same talk.

    The phone behind a Local channel took its place (optimisation), or the caller talks with the phone in another
    application (both were redirected into a conference).
    """
    local, phone = record.dstchannel.rpartition("-")[0], later.dstchannel.rpartition("-")[0]
    wired = local.startswith("Local/") and not phone.startswith("Local/") and number_of(local) == number_of(phone)
    same = later.dstchannel == record.dstchannel and later.end > record.end
    return (wired or same) and abs(later.start - record.end) <= 1


def _contains(other: Cdr, record: Cdr) -> bool:
    """Whether the same talk is in a longer record too (seen when a phone took its caller back after a transfer)."""
    return other.dstchannel == record.dstchannel and other.start < record.start and record.end <= other.end


def _talk(record: Cdr, told: CallTold) -> Iterator[tuple[str, str]]:
    if record.channel.startswith("PJSIP/trunk") == record.dstchannel.startswith("PJSIP/trunk"):
        phone = record.dstchannel
    else:
        phone = record.channel if record.dstchannel.startswith("PJSIP/trunk") else record.dstchannel
    number = number_of(phone.rpartition("-")[0])
    legs = [leg for leg in told.legs if number_of(leg.interface) == number]
    parted = [Interval(leg.ended_at, leg.ended_at) for leg in legs]
    if phone.startswith("Local/"):
        own = [leg for leg in told.legs if leg.interface.startswith(phone.rpartition("-")[0])]
        if not own:
            return  # no member: somebody consulted, who may not be with the caller yet, or a queue
        # The agent may have handed on the other half, and CDR does not see that.
        legs = told.legs
        parted = [Interval(leg.ended_at, leg.ended_at) for leg in legs]
        parted += [Interval(leg.ended_at, record.end) for leg in own if leg.ended_by == "transfer"]
    alone = [time_of(hold) for leg in legs for hold in told.holds if hold.agent == leg.agent and hold.kind != "hold"]
    parted += alone
    # Who hangs up in a consultation hands on, and stays up until the one who was consulted has answered.
    attended = [each.at for each in told.transfers if each.kind == "attended" and each.result == "success"]
    parted += [
        Interval(leg.ended_at, record.end) for leg in legs for at in attended if abs(leg.ended_at - at) < TOLERANCE
    ]
    billed = f"{record.billsec} s with {number} until {record.end:.0f} in CDR"
    if not record.billsec and any(abs(leg.started_at - record.end) <= TOLERANCE for leg in legs):
        return  # the beginning of a talk, of which the rest is in no record (a Local channel was taken out: seen on 22)
    if not any(each.start - TOLERANCE <= record.end <= each.end + TOLERANCE for each in parted):
        yield "cdr talk", f"{billed}, told {[(leg.agent, leg.started_at, leg.ended_at) for leg in legs]}"
    elif record.answer is not None and not any(
        began - TOLERANCE <= record.end and began >= record.answer - TOLERANCE
        for began in [*(leg.started_at for leg in legs), *(away.end for away in alone)]
    ):
        yield "cdr talk", f"{billed} from {record.answer:.0f}, told {[(leg.agent, leg.started_at) for leg in legs]}"


def compare_direct_calls(
    records: Sequence[Record], cdr: Sequence[Cdr], rows: Sequence[Cel] = ()
) -> tuple[int, list[Difference]]:
    """Compare calls that no queue saw with their CDR rows: disposition, and the time from the answer to the end.

    Only of a call that was nobody's to hand on is all of its time in one record.
    """
    by_id: dict[str, list[Cdr]] = defaultdict(list)
    for record in cdr:
        by_id[record.uniqueid].append(record)
    told, taken = by_call(records), _picked_up_elsewhere(rows)
    differences: list[Difference] = []
    compared = 0
    for call in records:
        if not isinstance(call, Call) or call.line is None or call.queues or call.outcome == "unknown":
            continue
        compared += 1
        answered = [record for record in by_id.get(call.call_id, []) if record.disposition == "ANSWERED"]
        if call.answered != bool(answered):
            found = [record.disposition for record in by_id.get(call.call_id, [])]
            what = f"direct: answered {call.answered} told, {found} in CDR"
            differences.append(Difference(call.call_id, what, "cdr direct"))
        moved = any(record.dstchannel in taken for record in answered) or call.transfers
        moved = moved or any(hold.kind != "hold" for hold in told[call.call_id].holds)
        if call.answered_at is not None and answered and not moved:
            up, billed = call.ended_at - call.answered_at, sum(record.billsec for record in answered)
            if abs(up - billed) > TOLERANCE:
                what = f"direct: up {up:.3f} s told, {billed} s in CDR"
                differences.append(Difference(call.call_id, what, "cdr direct"))
    return compared, differences
