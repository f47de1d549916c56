"""Heals the gaps of one PBX from its live queue_log.

What the pump does with it, each of these from its one task:

1. ``take_over(facts, now)`` before the first attachment, with the facts of an earlier run: a restart is a gap like any
   other. Without them the gap's beginning is not known, and nothing is healed of what was before.
2. ``broke(at)`` when the stream broke off, ``at`` being the last event's time; ``resumed(at)`` when the PBX is heard
   again, also for the first time.
3. ``sift(records)`` over all records before they are published.
4. ``await heal(now)`` every second or so, whether attached or not, and publish what it returns; ``now`` is the PBX's
   clock. While the PBX is not heard, visits are told from the log as they end.

Rules:

* A visit of which AMI told no end is held back for a few seconds after a gap, so that the log's word can be joined with
  it and sinks that count hear of the visit once. If the log says nothing in time, it is published as it is, and told
  again should the log come to know better.
* A conversation that a listing showed after a gap, its beginning unseen, is held back likewise, and so is one without
  its end of a caller whose queue was not seen: the log knows it whole, and then that is told instead.
* A visit of the log is told some seconds after its end: AMI, where it was listening, has told it by then.
* A log that cannot be read changes nothing: what AMI says is published, and ``trouble`` says why nothing is healed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

from msgspec.structs import replace

from ringwatch.core.facts import Fact, Gap, Leg, QueueVisit, Record, Transfer
from ringwatch.core.queue_log import QueueLog, Story, Told, lost, mend
from ringwatch.core.queue_log.healing import JOIN_SLACK_SECONDS, channel_of, merged
from ringwatch.core.standards import Policy
from ringwatch.errors import QueueLogError
from ringwatch.sources.facts import last_word
from ringwatch.sources.queue_log import QueueLogTail

LOOKBACK_SECONDS = 6 * 3600.0
"""How far before a gap the log is read: calls that were up when it began have their beginning there."""
SETTLE_SECONDS = 3.0
"""AMI tells a visit at once, but for what it must settle (`ringwatch.core.visits`) and what the log truncates."""
HOLD_BACK_SECONDS = 10.0
LONGEST_RESTART_SECONDS = 24 * 3600.0
"""What happened longer before a start is for ``ringwatch import``: counters that jump by weeks help nobody."""
KEEP_SECONDS = 900.0
"""For how long visits of the log are kept that no gap touches: a silent connection is found out late."""


class QueueLogHealer:
    """Tells from the live log what AMI could not tell.

    :param path: the live log; it need not be there yet, and is followed when it is rotated.
    :param keep: seconds; longer than it can take until a dead connection is found out (``read_timeout``).
    """

    def __init__(self, pbx: str, policy: Policy, path: Path, *, keep: float = KEEP_SECONDS) -> None:
        """Prepare; nothing is opened before the first `heal`."""
        self._pbx = pbx
        self._path = path
        self._keep = keep
        self._log = QueueLog(pbx, policy)
        self._told = Told()
        self._tail: QueueLogTail | None = None
        # One of its own: those that asyncio shares may all be waiting for servers' names, and the ticks wait for this.
        self._thread = ThreadPoolExecutor(1, "queue_log")
        self._gaps: list[tuple[float, float]] = []
        self._stories: list[Story] = []
        """Visits of the log of which it is not decided yet whether AMI told them."""
        self._held: list[tuple[QueueVisit, Leg | None]] = []
        self._found: list[Leg] = []
        """Conversations of which a listing told first."""
        self.trouble: str | None = None
        """Why the log cannot be read."""

    def take_over(self, facts: Iterable[Fact], now: float) -> None:
        """Take note of what an earlier run told of this PBX, and take the time since its last word as a gap."""
        own = [fact for fact in facts if fact.pbx == self._pbx]
        self._told.note(own)
        # What was held back of the gaps before was lost with that run.
        self._gaps += [(fact.from_, fact.to) for fact in own if isinstance(fact, Gap)]
        if (last := last_word(own, self._pbx)) is not None:
            self.broke(max(last, now - LONGEST_RESTART_SECONDS))

    def broke(self, at: float) -> None:
        """From here on the PBX is not heard."""
        if not self._gaps or self._gaps[-1][1] != inf:
            self._gaps.append((at, inf))

    def resumed(self, at: float) -> None:
        """The PBX is heard again."""
        if self._gaps and self._gaps[-1][1] == inf:
            self._gaps[-1] = (self._gaps[-1][0], at)

    def sift(self, records: Iterable[Record]) -> list[Record]:
        """Return what of some records is to be published now."""
        passed: list[Record] = []
        legs: dict[tuple[str, str], Leg] = {}
        for record in records:
            if isinstance(record, Leg) and self._gaps and _is_a_part(record):
                if not self._told.knows(record):
                    self._found.append(record)
            elif isinstance(record, Leg) and record.queue and (self._gaps or record.ended_by == "unknown"):
                # Its visit, if that is over as well, follows at once, and decides.
                legs[record.call_id, record.queue] = record
            elif isinstance(record, QueueVisit):
                passed += self._sifted(self._numbered(record), legs.pop((record.call_id, record.queue), None))
            else:
                passed.append(record)
        passed += legs.values()
        self._told.note(record for record in passed if isinstance(record, Leg | Transfer))
        return passed

    async def heal(self, now: float) -> list[Record]:
        """Read what is new in the log and return what AMI did not tell."""
        if self._tail is None:
            since = min([now, *(begins for begins, _ in self._gaps)]) - LOOKBACK_SECONDS
            self._tail = QueueLogTail(self._path, since=since, older=True)
        try:
            lines = await asyncio.get_running_loop().run_in_executor(self._thread, self._tail.read)
            self.trouble = None
        except QueueLogError as error:
            lines, self.trouble = [], error.message
        self._stories += self._log.read(lines)
        self._gaps = [gap for gap in self._gaps if gap[1] >= now - LOOKBACK_SECONDS]
        return [*self._mended(now), *self._given_up(now)]

    def release(self) -> list[Record]:
        """Return what is still held back: the end has come, and nothing more will be known."""
        return self._given_up(inf)

    def close(self) -> None:
        """Let go of the log."""
        if self._tail:
            self._thread.submit(self._tail.close)
        self._thread.shutdown(wait=False)

    def _touched(self, visit: QueueVisit) -> bool:
        return any(visit.joined_at <= gap[1] and visit.ended_at >= gap[0] for gap in self._gaps)

    def _numbered(self, visit: QueueVisit) -> QueueVisit:
        """Give a caller who was there before a gap the ordinal that the log counts: stays in the gap were not seen."""
        if not self._gaps or visit.ordinal < 1:
            return visit
        ordinal = self._log.ordinal(channel_of(visit), visit.queue, visit.joined_at, JOIN_SLACK_SECONDS)
        return self._told.apart(visit if ordinal in (None, visit.ordinal) else replace(visit, ordinal=ordinal))

    def _sifted(self, visit: QueueVisit, leg: Leg | None) -> list[Record]:
        told: list[Record] = [visit] if leg is None else [leg, visit]
        if self._touched(visit):
            before = self._told.find(visit)
            if before and before.source == "queue_log" and lost(before) and lost(visit):
                # Neither knows the end, and the log has said so before: Asterisk had crashed.
                return []
            if before and before.source == "queue_log" and not lost(before):
                # The log has told it to its end, and its conversation, under the identity it has from there.
                told = [replace(merged(visit, before), call_id=before.call_id, ordinal=before.ordinal)]
            elif lost(visit):
                self._told.note(told)
                self._held.append((visit, leg))
                return []
        self._told.note(told)
        return told

    def _mended(self, now: float) -> list[Record]:
        records: list[Record] = []
        undecided: list[Story] = []
        for story in self._stories:
            if story.visit.ended_at + SETTLE_SECONDS > now:
                undecided.append(story)
                continue
            mended = mend(story, self._gaps, self._told)
            if mended:
                self._told.note(mended)
                keys = {record.key for record in mended if isinstance(record, QueueVisit)}
                self._held = [held for held in self._held if held[0].key not in keys]
                self._found = [leg for leg in self._found if not self._told.knows(leg)]
                records += mended
            elif story.visit.ended_at + self._keep > now and self._told.find(story.visit) is None:
                undecided.append(story)
        self._stories = undecided
        return records

    def _given_up(self, now: float) -> list[Record]:
        gone = [held for held in self._held if held[0].ended_at + HOLD_BACK_SECONDS <= now]
        self._held = [held for held in self._held if held not in gone]
        found = [leg for leg in self._found if leg.ended_at + HOLD_BACK_SECONDS <= now]
        self._found = [leg for leg in self._found if leg not in found]
        self._told.note(found)
        return [*found, *(record for visit, leg in gone for record in (leg, visit) if record is not None)]


def _is_a_part(leg: Leg) -> bool:
    return not leg.from_start or (leg.queue is None and leg.ended_by == "unknown")
