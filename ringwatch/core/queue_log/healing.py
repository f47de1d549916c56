"""Mends what AMI could not tell, from the queue_log: pure functions over what both told.

Rules:

* A gap is healed visit by visit. A visit that AMI told to its end is left alone, with all its rings and
  conversations; one that it did not tell is told as the log has it; one whose end it did not see (``unknown``, or a
  talk ended by ``unknown``), or took for another, is told again under the same identity: its beginning as AMI saw it,
  its end from the log. Whoever was answered in the gap and hung up after it looks to AMI like one who gave up.
* The two tellings of a visit are matched by queue, channel and the moment of joining, the ordinal comes second: after a
  restart ringwatch counts a caller's stays anew, and the log knows how many there were. A transfer may bring a caller
  back to a queue within seconds (seen in mix-22), so the moment must fit well where the ordinal does not.
* A ring attempt is told when it began in the gap: the end of one that began before is AMI's to tell, however it comes
  to know of it. So nothing is told twice.
* What the log tells no better than AMI did is not told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec.structs import replace

from ringwatch.core.facts import LISTED_PRECISION, QUEUE_LOG_PRECISION, Leg, QueueVisit, Record, Transfer
from ringwatch.core.queue_log.lines import Line
from ringwatch.core.queue_log.stories import QueueLog
from ringwatch.core.queue_log.telling import Story
from ringwatch.core.readings import Key
from ringwatch.core.standards import Policy
from ringwatch.core.state import seconds

JOIN_SLACK_SECONDS = 2.5
"""How far two witnesses may be apart about the moment of joining: the log truncates it, or it is reckoned back from a
wait, and a listing on attaching (QueueStatus) gives whole seconds of wait."""
_LOG_LATE_SECONDS = 0.3
_LOG_EARLY_SECONDS = 2.1
"""How much later and earlier the log may say it of one stay: late by the time until the line is written, early by its
truncation and by that of a listing."""
REMEMBERED = 50_000
"""Visits of which it is remembered that they were told: hours of a large desk."""


def lost(visit: QueueVisit) -> bool:
    """Tell whether the end of a visit was not seen."""
    return visit.outcome == "unknown" or visit.talk_ended_by == "unknown"


class Told:
    """What was told lately: visits, and conversations of which the end was not seen."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Start with nothing told."""
        self._remembered = remembered
        self._visits: OrderedDict[tuple[str, str], list[QueueVisit]] = OrderedDict()
        self._stays: OrderedDict[Key, QueueVisit] = OrderedDict()
        """The same visits by identity."""
        self._legs: OrderedDict[tuple[str, str], Leg] = OrderedDict()
        self._parts: OrderedDict[str, list[Leg | Transfer]] = OrderedDict()
        """Conversations and transfers by call, whichever witness told them."""

    def note(self, records: Iterable[Record]) -> None:
        """Remember what was told; the last telling of a visit counts."""
        for record in records:
            if isinstance(record, QueueVisit):
                self._note_visit(record)
            elif isinstance(record, Leg | Transfer):
                self._note_part(record)

    def _note_part(self, part: Leg | Transfer) -> None:
        self._parts.setdefault(part.call_id, []).append(part)
        if len(self._parts) > self._remembered:
            self._parts.popitem(last=False)
        if isinstance(part, Leg) and part.queue and part.source == "ami" and part.ended_by == "unknown":
            self._legs[part.call_id, part.queue] = part
            if len(self._legs) > self._remembered:
                self._legs.popitem(last=False)

    def _note_visit(self, visit: QueueVisit) -> None:
        where = (visit.queue, channel_of(visit))
        same = [each for each in self._visits.get(where, ()) if each.key != visit.key]
        self._visits[where] = [*same, visit]
        if len(self._visits) > self._remembered:
            self._visits.popitem(last=False)
        self._stays[visit.key] = visit
        if len(self._stays) > self._remembered:
            self._stays.popitem(last=False)

    def find(self, visit: QueueVisit) -> QueueVisit | None:
        """Return what the other witness told before of the same stay."""
        told = self._visits.get((visit.queue, channel_of(visit)), ())
        sign = -1.0 if visit.source == "ami" else 1.0
        apart = [(sign * (each.joined_at - visit.joined_at), each) for each in told]
        same = (each for by, each in apart if each.ordinal == visit.ordinal and abs(by) <= JOIN_SLACK_SECONDS)
        other = (each for by, each in apart if -_LOG_LATE_SECONDS <= by <= _LOG_EARLY_SECONDS)
        # Whoever was found, by a listing or a later event, had joined at some time before that.
        found = (each for each in told if _found_within(each, visit) or _found_within(visit, each))
        return next(same, None) or next(other, None) or next(found, None)

    def apart(self, visit: QueueVisit) -> QueueVisit:
        """Return a visit under an identity that no other stay has.

        After a restart AMI counts a caller's stays anew, and the log counts apart those in which half of a Local pair
        stood in line for a caller.
        """
        while (other := self._stays.get(visit.key)) and not (
            channel_of(other) == channel_of(visit) and abs(other.joined_at - visit.joined_at) <= JOIN_SLACK_SECONDS
        ):
            visit = replace(visit, ordinal=visit.ordinal + (1 if visit.ordinal > 0 else -1))
        return visit

    def knows(self, part: Leg | Transfer) -> bool:
        """Tell whether the other witness has told a conversation, a part of it, or a transfer."""
        others = (each for each in self._parts.get(part.call_id, ()) if each.source != part.source)
        return any(_same_talk(each, part) or _same_transfer(each, part) for each in others)

    def leg_without_end(self, visit: QueueVisit) -> Leg | None:
        """Return the conversation of a visit, where it was told without its end."""
        return self._legs.get((visit.call_id, visit.queue))


def _found_within(ami: QueueVisit, log: QueueVisit) -> bool:
    if ami.source != "ami" or log.source != "queue_log" or ami.precision < LISTED_PRECISION:
        return False
    return log.joined_at <= ami.joined_at <= log.joined_at + log.wait_seconds + QUEUE_LOG_PRECISION


def _same_talk(one: Leg | Transfer, two: Leg | Transfer) -> bool:
    if not (isinstance(one, Leg) and isinstance(two, Leg)):
        return False
    return one.agent == two.agent and one.started_at <= two.ended_at and one.ended_at >= two.started_at


def _same_transfer(one: Leg | Transfer, two: Leg | Transfer) -> bool:
    if not (isinstance(one, Transfer) and isinstance(two, Transfer)):
        return False
    same = (one.from_agent, one.kind, one.result) == (two.from_agent, two.kind, two.result)
    return same and abs(one.at - two.at) <= _LOG_EARLY_SECONDS


def channel_of(visit: QueueVisit) -> str:
    """Return the Uniqueid of the channel that stood in line, which is what the log calls the visit by."""
    return visit.uniqueid or visit.call_id


def heal(
    gap_from: float, gap_to: float, lines: Iterable[Line], told: Told, *, pbx: str, policy: Policy
) -> list[Record]:
    """Tell what happened to the visits that a gap touched, as far as the log knows their end.

    :param gap_from: the last moment at which the PBX was heard.
    :param gap_to: the first at which it was heard again.
    :param lines: the log up to now, from well before the gap: calls that were up when it began have their beginning
        there.
    :param told: what has been told, whichever witness it came from.
    """
    log = QueueLog(pbx, policy)
    return [record for story in log.read(lines) for record in mend(story, [(gap_from, gap_to)], told)]


def mend(story: Story, gaps: Iterable[tuple[float, float]], told: Told) -> list[Record]:
    """Tell what a visit of the log adds to what was told, if a gap touched it."""
    visit = story.visit
    # The log's times are truncated: the visit may have ended up to a second later.
    touched = [gap for gap in gaps if visit.joined_at <= gap[1] and visit.ended_at + QUEUE_LOG_PRECISION >= gap[0]]
    before = told.find(visit) if touched else None
    if not touched or (before and (lost(visit) or agree(before, visit))):
        return []
    attempts = [
        attempt
        for attempt in story.attempts
        if any(gap[0] <= attempt.started_at <= gap[1] - QUEUE_LOG_PRECISION for gap in touched)
    ]
    # The log knows half of a Local pair for the call it stands for.
    identity = {"call_id": visit.call_id if before is None else before.call_id}
    own = (None if part is None else replace(part, **identity) for part in (story.transfer, story.leg))
    # AMI may have told them already, or a part of the talk.
    transfer, talk = (None if part is None or told.knows(part) else part for part in own)
    if before is None:
        visit = told.apart(visit)
        offered = replace(story.offered, ordinal=visit.ordinal)
        return [offered, *attempts, *(part for part in (transfer, talk) if part is not None), visit]
    mended = merged(before, visit)
    leg = told.leg_without_end(before) if before.outcome == "answered" else None
    parts = (transfer, merged_leg(leg, mended) if leg else talk)
    return [*(replace(part, **identity) for part in (*attempts, *parts) if part is not None), mended]


def agree(before: QueueVisit, log: QueueVisit) -> bool:
    """Tell whether a visit was told to its end, and to the end that the log knows."""
    same = plain(before) == plain(log) and before.agent == log.agent
    return same and not lost(before)


def plain(visit: QueueVisit) -> str:
    """Return an outcome as the log can tell it: how short is too short is ringwatch's own question."""
    return "abandoned" if visit.outcome == "short_abandoned" else visit.outcome


def merged(ami: QueueVisit, log: QueueVisit) -> QueueVisit:
    """Join what AMI saw of the beginning of a visit with what the log says of its end."""
    if ami.outcome == "answered" and log.outcome == "answered":
        return replace(
            ami,
            ended_at=max(log.ended_at, ami.joined_at + ami.wait_seconds),
            talk_seconds=seconds(log.talk_seconds - ami.hold_seconds),
            talk_ended_by=log.talk_ended_by,
            source="queue_log",
            precision=QUEUE_LOG_PRECISION,
        )
    return replace(
        log,
        call_id=ami.call_id,
        ordinal=ami.ordinal,
        uniqueid=ami.uniqueid,
        joined_at=ami.joined_at,
        hours=ami.hours,
        ended_at=max(log.ended_at, ami.joined_at),
        position=log.position if ami.position is None else ami.position,
        # Each is the least it can have been.
        desk_ring_seconds=max(ami.desk_ring_seconds, log.desk_ring_seconds),
        desk_rings=max(ami.desk_rings, log.desk_rings),
    )


def merged_leg(ami: Leg, visit: QueueVisit) -> Leg:
    """Give a conversation that AMI saw begin the end that its visit has been found to have."""
    ended_at = max(visit.ended_at, ami.started_at)
    return replace(
        ami,
        ended_at=ended_at,
        talk_seconds=seconds(ended_at - ami.started_at - ami.hold_seconds),
        ended_by=visit.talk_ended_by or "unknown",
        source=visit.source,
        precision=visit.precision,
    )
