"""Holds facts against what Asterisk wrote itself: visits against queue_log, calls against CDR.

What agreement means is written in tests/captures/README.md. Every disagreement is one readable line, with both sides.

What queue_log means by the talk time of a visit (app_queue.c, setup_stasis_subs and the handlers it names): the whole
seconds from CONNECT to whatever comes first of

* BLINDTRANSFER, ATTENDEDTRANSFER: a transfer that succeeded, made in *the bridge in which queue put the two together*;
* COMPLETECALLER, COMPLETEAGENT: a *request to hang up* the caller's channel or the member's (a phone that said BYE, an
  AMI Hangup). That an agent's channel is gone is not looked at.

An agent who hangs up in a consultation does both, and app_queue hears of either first.

So a parked caller's talk goes on to the end of the call, through the ringing back and whoever comes next, because the
member's channel is taken away without a request and the parking lot, and all that follows, are other bridges. And what
an agent does to the phone behind a Local member is done in another bridge: not a transfer to app_queue.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ringwatch.core.facts import Call, QueueVisit, Record, RingAttempt, Transfer
from tests.asterisk.records import Cel, QueueLine
from tests.difference import Difference
from tests.legs import CallTold, by_call, time_of
from tests.together import Interval, number_of, origins

TOLERANCE = 1.2
"""Seconds; Asterisk's figures are whole seconds, each end of an interval truncated by itself."""
SAME = 0.1
"""Seconds between two facts that say the same."""

_ENDS = {
    "CONNECT": "answered",
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "EXITEMPTY": "empty",
    "EXITWITHKEY": "key_exit",
    "WITHDRAW": "withdrawn",
}
_TALK = ("COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "ATTENDEDTRANSFER")
# Of a line that ends a talk: what is before it says where to, in two fields or (ATTENDEDTRANSFER|LINK) three.
_TALK_TIME = -2
_WAIT = {"CONNECT": 0, "ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITEMPTY": 2, "EXITWITHKEY": 3, "WITHDRAW": 2}
_TRANSFERS = {"BLINDTRANSFER": "blind", "ATTENDEDTRANSFER": "attended"}
_NEVER_IN_LINE = ("refused_full", "refused_empty")


@dataclass
class Witnessed:
    """One visit as queue_log tells it.

    ``caller`` is the Uniqueid it knows the caller by; ``left_as`` the one by which it tells of the end of the talk,
    another one when the Local half that stood in the queue for a caller was taken out in the middle of the talk.
    """

    caller: str
    queue: str
    outcome: str | None = None
    agent: str | None = None
    wait: int = 0
    talk: int | None = None
    ended: str | None = None
    left_as: str = ""
    joined_at: float = 0.0
    ended_at: float | None = None
    """When its last line was written; whole seconds, as those of joining."""


def witnessed(lines: Iterable[QueueLine], rows: Sequence[Cel] = ()) -> list[Witnessed]:
    """Read visits out of a queue_log, in the order of joining.

    :param rows: the channel event log, which says whose call a channel belongs to, and which channel took which other's
        place in line; from then on it is app_queue's caller.
    """
    origin, heirs = origins(rows), _heirs(rows)
    visits: list[Witnessed] = []
    for line in lines:
        if line.event == "ENTERQUEUE":
            visits.append(Witnessed(line.call_id, line.queue, joined_at=line.time))
        elif line.event in _ENDS:
            names = (line.call_id, heirs.get(line.call_id))
            visit = next(each for each in reversed(visits) if each.caller in names and each.queue == line.queue)
            visit.caller = line.call_id
            visit.outcome = _ENDS[line.event]
            visit.ended_at = None if line.event == "CONNECT" else line.time
            visit.wait = int(line.args[_WAIT[line.event]])
            visit.agent = line.agent if line.event == "CONNECT" else None
        elif line.event in _TALK:
            talks = [
                each
                for each in visits
                if (each.queue, each.agent, each.ended) == (line.queue, line.agent, None)
                and origin.get(each.caller, each.caller) == origin.get(line.call_id, line.call_id)
            ]
            if not talks:
                _ended_twice(visits, line)
                continue
            visit = next((each for each in talks if each.caller == line.call_id), talks[-1])
            visit.talk, visit.ended = int(line.args[_TALK_TIME]), line.event
            visit.left_as = line.call_id
            visit.ended_at = line.time
    return visits


def _ended_twice(visits: Iterable[Witnessed], line: QueueLine) -> None:
    """Take the second end of a talk: both threads told of it (see `_Talk._was_consultation`)."""
    key = (line.call_id, line.queue, line.agent)
    visit = next(each for each in visits if (each.caller, each.queue, each.agent) == key and each.talk is not None)
    if "ATTENDEDTRANSFER" not in (visit.ended, line.event):
        raise ValueError(f"queue_log ends a talk twice: {visit}, {line}")
    visit.ended = visit.ended if line.event == "ATTENDEDTRANSFER" else line.event


@dataclass
class Agreement:
    """How many visits were compared, where the two disagree, and where queue_log itself did not see what happened."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    blind: list[Difference] = field(default_factory=list)


def compare_queue_log(records: Sequence[Record], lines: Sequence[QueueLine], rows: Sequence[Cel] = ()) -> Agreement:
    """Compare all visits and rings.

    A visit that neither side saw end is left out: the recording stopped before it did.

    :param rows: the channel event log, which says whose call a channel is that stands in a queue for a caller, and what
        transfers app_queue could not see.
    """
    origin = origins(rows)
    theirs_by_visit: dict[tuple[str, str], list[Witnessed]] = defaultdict(list)
    for visit in witnessed(lines, rows):
        theirs_by_visit[origin.get(visit.caller, visit.caller), visit.queue].append(visit)
    ours_by_visit: dict[tuple[str, str], list[QueueVisit]] = defaultdict(list)
    for record in records:
        if isinstance(record, QueueVisit) and record.outcome not in _NEVER_IN_LINE:
            ours_by_visit[record.call_id, record.queue].append(record)
    talk = _Talk(records, rows)
    taken = [_Taken(origin.get(row.linkedid, row.linkedid), row) for row in rows if row.event == "PICKUP"]
    result = Agreement()
    for key in sorted(ours_by_visit.keys() | theirs_by_visit.keys()):
        ours = sorted(ours_by_visit.get(key, []), key=lambda each: each.joined_at)
        theirs = theirs_by_visit.get(key, [])
        call_id, queue = key
        if len(ours) != len(theirs):
            what = f"{queue}: {len(ours)} visits told, {len(theirs)} in queue_log"
            result.differences.append(Difference(call_id, what, "visit missing"))
        for fact, line in zip(ours, theirs, strict=False):
            if fact.outcome == "unknown" and line.outcome is None:
                continue
            result.compared += 1
            for kind, what in (*_visit(fact, line, taken), *talk.compare(fact, line)):
                known = result.blind if kind == "not seen by app_queue" else result.differences
                known.append(Difference(call_id, f"{queue}: {what}", kind))
    result.differences += _rings(records, lines, origin)
    return result


def _heirs(rows: Iterable[Cel]) -> dict[str, str]:
    """Return which channel a transferred one took the place of, in an application."""
    extras = [json.loads(row.extra) for row in rows if row.event == "ATTENDEDTRANSFER"]
    return {extra["transferee_channel_uniqueid"]: extra["channel2_uniqueid"] for extra in extras if "app" in extra}


def compare_visits(
    records: Sequence[Record], lines: Sequence[QueueLine], rows: Sequence[Cel] = ()
) -> tuple[int, list[Difference]]:
    """Compare all visits and rings; return how many visits were compared, and the disagreements."""
    result = compare_queue_log(records, lines, rows)
    return result.compared, result.differences


@dataclass
class _Taken:
    """A call that rang at one phone was picked up at another."""

    call_id: str
    row: Cel

    def explains(self, fact: QueueVisit) -> bool:
        """Whether a visit was answered by whoever picked up."""
        picker = number_of(json.loads(self.row.extra)["pickup_channel"].rpartition("-")[0])
        near = abs(self.row.time - fact.joined_at - fact.wait_seconds) <= SAME
        return near and fact.call_id == self.call_id and number_of(fact.interface or "") == picker


def _visit(fact: QueueVisit, line: Witnessed, taken: Iterable[_Taken]) -> Iterator[tuple[str, str]]:
    outcome = "abandoned" if fact.outcome == "short_abandoned" else fact.outcome
    if outcome != line.outcome:
        yield "outcome", f"outcome {outcome} told, {line.outcome} in queue_log"
        return
    if fact.agent != line.agent:
        kind = "not seen by app_queue" if any(each.explains(fact) for each in taken) else "agent"
        yield kind, f"agent {fact.agent} told, {line.agent} in queue_log"
    if abs(fact.wait_seconds - line.wait) > TOLERANCE:
        yield "wait", f"wait {fact.wait_seconds} told, {line.wait} in queue_log"


class _Talk:
    """Compares the talk of one visit after the other."""

    def __init__(self, records: Sequence[Record], rows: Sequence[Cel]) -> None:
        self._told = by_call(records)
        self._calls = {each.call_id: each for each in records if isinstance(each, Call)}
        self._joins: dict[str, list[float]] = defaultdict(list)
        for each in records:
            if isinstance(each, QueueVisit):
                self._joins[each.call_id].append(each.joined_at)
        self._origin = origins(rows)
        self._gone = {row.uniqueid: row.time for row in rows if row.event == "CHAN_END"}
        self._rows = [row for row in rows if row.event in ("BRIDGE_ENTER", *_TRANSFERS)]

    def compare(self, fact: QueueVisit, line: Witnessed) -> Iterator[tuple[str, str]]:
        """Say where a visit's talk differs from the line that ended it."""
        if line.talk is None or line.ended is None or fact.outcome != "answered":
            return
        told = self._told[fact.call_id]
        connected = fact.joined_at + fact.wait_seconds
        talk = fact.talk_seconds + fact.hold_seconds
        handed = self._handed_on(told, fact, connected)
        unseen = None if handed is None else self._unseen(fact, line, handed)
        if handed is not None and unseen is not None:
            what = f"{handed.kind} transfer at {handed.at:.3f} told, {line.ended} after {line.talk} s in queue_log"
            yield (
                "not seen by app_queue",
                f"{what}: made by {unseen.channel}, not in the bridge queue made: {unseen.extra}",
            )
        if line.ended in _TRANSFERS:
            if unseen is None and not self._was_consultation(fact):
                yield from self._transferred(fact, line, handed, talk)
            return
        end = fact.ended_at
        if unseen is not None or any(
            hold.kind == "park" and hold.agent in _agents(fact, told) for hold in told.holds_after(connected)
        ):
            end = self._gone.get(line.left_as, self._end(fact))
            if (
                line.ended == "COMPLETEAGENT"
            ):  # the phone, alone in its bridge, was put down while the caller was parked
                end = min(end, connected + line.talk)
        elif handed is not None and (handed.kind, line.ended) == ("attended", "COMPLETEAGENT"):
            what = f"attended transfer at {handed.at:.3f} told, {line.ended} after {line.talk} s in queue_log"
            yield "not seen by app_queue", f"{what}: it heard of the hangup that handed the caller on before that"
        elif handed is not None or fact.talk_ended_by == "transfer":
            seen = "none" if handed is None else f"{handed.kind} at {handed.at:.3f}"
            yield "talk end", f"talk_ended_by {fact.talk_ended_by}, transfer {seen} told, {line.ended} in queue_log"
            return
        if abs(end - connected - line.talk) > TOLERANCE:
            yield "talk", f"{end - connected:.3f} from connect to end told, {line.talk} in queue_log ({line.ended})"
        yield from self._sums(fact, told, Interval(connected, self._until(fact, connected, handed)))

    def _transferred(
        self, fact: QueueVisit, line: Witnessed, handed: Transfer | None, talk: float
    ) -> Iterator[tuple[str, str]]:
        if handed is None or handed.kind != _TRANSFERS[line.ended or ""] or fact.talk_ended_by != "transfer":
            seen = f"{handed.kind} at {handed.at:.3f}" if handed else "none"
            what = f"talk_ended_by {fact.talk_ended_by} and transfer {seen} told, {line.ended} in queue_log"
            yield "talk end", what
        if abs(talk - (line.talk or 0)) > TOLERANCE:
            yield "talk", f"talk {talk:.3f} told, {line.talk} in queue_log ({line.ended})"

    @staticmethod
    def _handed_on(told: CallTold, fact: QueueVisit, connected: float) -> Transfer | None:
        """Return the transfer that ended a visit's talk."""
        own = [
            each
            for each in told.transfers
            if each.result == "success"
            and each.from_agent in _agents(fact, told)
            and connected <= each.at <= fact.ended_at + SAME
        ]
        return min(own, key=lambda each: each.at, default=None)

    def _unseen(self, fact: QueueVisit, line: Witnessed, handed: Transfer) -> Cel | None:
        """Return the log's row of a transfer that was not made in the bridge that queue made for this visit."""
        connected = fact.joined_at + fact.wait_seconds
        bridge = next(
            (
                json.loads(row.extra)["bridge_id"]
                for row in self._rows
                if row.event == "BRIDGE_ENTER" and row.uniqueid == line.caller and row.time >= connected - SAME
            ),
            None,
        )
        for row in self._rows:
            if _TRANSFERS.get(row.event) == handed.kind and abs(row.time - handed.at) <= SAME:
                extra = json.loads(row.extra)
                if self._origin.get(extra["transferee_channel_uniqueid"]) != fact.call_id:
                    continue
                if bridge not in (extra.get("bridge_id"), extra.get("bridge1_id"), extra.get("bridge2_id")):
                    return row
        return None

    def _was_consultation(self, fact: QueueVisit) -> bool:
        """Tell whether an agent was the caller, who then handed a caller of his own on to whoever had answered.

        Two threads of app_queue see it end, as a transfer and as the agent's hangup; the first one tells.
        """
        own = (json.loads(row.extra) for row in self._rows if row.event == "ATTENDEDTRANSFER")
        return fact.talk_ended_by == "caller" and fact.call_id in {extra.get("channel2_uniqueid") for extra in own}

    def _end(self, fact: QueueVisit) -> float:
        call = self._calls.get(fact.call_id)
        return call.ended_at if call else fact.ended_at

    def _until(self, fact: QueueVisit, connected: float, handed: Transfer | None) -> float:
        """Return until when talk with a visit's agent is the visit's: the next visit, or a transfer, is a new story."""
        later = [each for each in self._joins[fact.call_id] if each > connected]
        return min([self._end(fact), *later, *([handed.at] if handed else [])])

    @staticmethod
    def _sums(fact: QueueVisit, told: CallTold, span: Interval) -> Iterator[tuple[str, str]]:
        """A visit's talk is that of its agent's conversations; ring-back after a park is in neither."""
        if fact.uniqueid != fact.call_id:
            # The visit of a consultation: the agent who consults talks first, the caller hears nothing of it.
            return
        # Whoever takes a talk over (a pickup in the moment of the answer) talks for the same queue.
        legs = [leg for leg in told.legs if leg.queue == fact.queue and span.overlap(time_of(leg)) > 0]
        # A busy Asterisk may need half a second from connecting the two to bridging them.
        late = min((leg.started_at for leg in legs), default=span.start) - span.start
        talk = sum(leg.talk_seconds for leg in legs) + max(late, 0.0)
        if abs(fact.talk_seconds - talk) > SAME:
            yield "visit sum", f"talk {fact.talk_seconds:.3f} told of the visit, {talk:.3f} in the legs of {fact.agent}"


def _agents(fact: QueueVisit, told: CallTold) -> set[str | None]:
    """Return who talked for a visit: a pickup in the moment of the answer takes the talk over, for the same queue."""
    return {fact.agent, *(leg.agent for leg in told.legs if leg.queue == fact.queue)}


def _rings(records: Iterable[Record], lines: Iterable[QueueLine], origin: Mapping[str, str]) -> Iterator[Difference]:
    unanswered = ("no_answer", "busy", "failed")
    ours = Counter(
        (each.call_id, each.queue, each.agent)
        for each in records
        if isinstance(each, RingAttempt) and each.queue and each.result in unanswered
    )
    theirs = Counter(
        (origin.get(line.call_id, line.call_id), line.queue, line.agent)
        for line in lines
        if line.event == "RINGNOANSWER"
    )
    for call_id, queue, agent in sorted(ours.keys() | theirs.keys(), key=str):
        key = (call_id, queue, agent)
        if ours[key] != theirs[key]:
            what = f"{queue}: {agent} did not answer {ours[key]} times told, {theirs[key]} in queue_log"
            yield Difference(str(call_id), what, "ring no answer")
