"""Knows from the facts what app_queue cannot see of the end of a talk, and what it then writes instead.

To app_queue (setup_stasis_subs and the handlers it names) a talk ends with a transfer made in the very bridge in which
it put the two together, or with a request to hang up the caller's channel or the member's. So:

* A caller who is **parked** leaves that bridge for good, whoever talks with him next; one who is **handed on** behind a
  Local channel, the member's or his own, stays in it. The talk goes on to the end of the call, COMPLETECALLER or
  COMPLETEAGENT; or until the phone that parked him is put down while he is parked, COMPLETEAGENT; or until the Local
  channel that stood in the queue for him is taken out by park or transfer, COMPLETECALLER; or until somebody else hands
  him on in the bridge that app_queue knows, and then that transfer is told of the first agent.
* An agent who hands a caller on by **hanging up** in a consultation does both, and so does one who **consulted** by way
  of a queue and hands a caller of his own on to whoever answered. One of the two is written, or both.

Rules:

* A reason is given for the end of a talk alone, and only if other facts tell of that end what the visit tells: its
  conversation ended then and so, and wait, talk and holds fill the time.
* And only for an end in the log that the facts tell, too: the end of the call, of the park, of another talk. So a fact
  that is wrong about either stays a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ringwatch.audit.reading import Seen, Told
from ringwatch.audit.report import Reason
from ringwatch.audit.window import Window
from ringwatch.core.facts import Hold, Leg, QueueVisit, Transfer
from ringwatch.core.queue_log import Line

ONE_MOMENT_SECONDS = 0.5
"""How far facts about one moment may lie apart: a busy Asterisk connects, and only then bridges."""
COMPLETED = ("COMPLETEAGENT", "COMPLETECALLER")
TRANSFERS = {"BLINDTRANSFER": "blind", "TRANSFER": "blind", "ATTENDEDTRANSFER": "attended"}


class Unseen:
    """Gives the reasons."""

    def __init__(self, told: Told, window: Window) -> None:
        """Sort the facts by call."""
        self._told = told
        self._window = window
        self._visits: dict[str, list[QueueVisit]] = defaultdict(list)
        self._transfers: dict[str, list[Transfer]] = defaultdict(list)
        self._parks: dict[str, list[Hold]] = defaultdict(list)
        self._legs: dict[str, list[Leg]] = defaultdict(list)
        self._by_phone: dict[str, list[Leg]] = defaultdict(list)
        for visit in told.visits.values():
            self._visits[visit.call_id].append(visit)
        for transfer in told.transfers.values():
            if transfer.result == "success":
                self._transfers[transfer.call_id].append(transfer)
        for hold in told.holds.values():
            if hold.kind == "park":
                self._parks[hold.call_id].append(hold)
        for leg in told.legs.values():
            self._legs[leg.call_id].append(leg)
            self._by_phone[leg.interface].append(leg)

    def why(self, visit: QueueVisit, seen: Seen) -> Reason | None:
        """Return why the log may tell the end of a visit's talk as it does, if that is not how the facts do."""
        end = seen.lines[-1]
        if not self._fits(visit) or abs(_answered_at(visit) + (end.talk or 0) - end.at) > self._window.tolerance:
            return None
        if self._handed_a_caller_on(visit) and end.event == "ATTENDEDTRANSFER" and self._same(visit.ended_at, end.at):
            return "consultation"
        if self._hung_up(visit) and end.event == "COMPLETEAGENT" and self._same(visit.ended_at, end.at):
            return "hangup"
        reason = self._left(visit)
        return reason if reason and self._is_told(end, visit) else None

    def may_end_twice(self, visit: QueueVisit) -> bool:
        """Tell whether two lines may end a visit's talk."""
        return self._fits(visit) and (self._handed_a_caller_on(visit) or self._hung_up(visit))

    def in_consultation(self, transfer: Transfer) -> bool:
        """Tell whether a caller was handed on by an agent whom another had asked by way of a queue.

        The visit was the other's, and over when the caller came.
        """
        return any(
            visit.uniqueid != visit.call_id
            and (visit.call_id, visit.queue) == (transfer.call_id, transfer.queue)
            and transfer.from_agent in self._agents(visit)
            and self._follows(visit, transfer)
            for visit in self._visits[transfer.call_id]
        )

    def _follows(self, visit: QueueVisit, transfer: Transfer) -> bool:
        """Tell whether a transfer ended a talk that another transfer had begun when a visit was over."""
        return any(
            leg.interface in self._phones(visit)
            and leg.ended_by == "transfer"
            and at_once(leg.started_at, visit.ended_at)
            and at_once(leg.ended_at, transfer.at)
            and any(
                before.kind == "attended" and before.at < transfer.at and at_once(before.at, leg.started_at)
                for before in self._transfers[transfer.call_id]
            )
            for leg in self._legs[transfer.call_id]
        )

    def until(self, visit: QueueVisit) -> float:
        """Return until when a visit's talk may go on in the log."""
        call = self._told.calls.get((visit.pbx, visit.call_id))
        return call.ended_at if call and self._fits(visit) and self._left(visit) else visit.ended_at

    def _fits(self, visit: QueueVisit) -> bool:
        """Tell whether the conversation of a visit ended when the visit says, in that way and after that time."""
        filled = _answered_at(visit) + visit.talk_seconds + visit.hold_seconds
        return at_once(filled, visit.ended_at) and any(
            leg.ended_by == visit.talk_ended_by and at_once(leg.ended_at, visit.ended_at) for leg in self._talks(visit)
        )

    def _talks(self, visit: QueueVisit) -> list[Leg]:
        """Return the conversations of a visit: also at a phone to which calls are sent on, or of who took over."""
        return [
            leg
            for leg in self._legs[visit.call_id]
            if leg.queue == visit.queue
            and leg.started_at >= _answered_at(visit) - ONE_MOMENT_SECONDS
            and leg.ended_at <= visit.ended_at + ONE_MOMENT_SECONDS
        ]

    def _agents(self, visit: QueueVisit) -> set[str | None]:
        return {visit.agent, *(leg.agent for leg in self._talks(visit))}

    def _phones(self, visit: QueueVisit) -> set[str | None]:
        return {visit.interface, *(leg.interface for leg in self._talks(visit))}

    def _left(self, visit: QueueVisit) -> Reason | None:
        """Return in what way the caller left the bridge that queue made, if app_queue does not see it."""
        handed_on = any(self._own_transfers(visit))
        parks = list(self._own_parks(visit))
        fetched = any(at_once(park.ended_at, visit.ended_at) for park in parks)
        if parks and (handed_on or fetched or visit.talk_ended_by != "transfer"):
            return "parked"
        sent_on = len(self._phones(visit)) > 1
        behind_local = _stands_in(visit) or (visit.interface or "").startswith("Local/") or sent_on
        return "invisible_transfer" if behind_local and handed_on else None

    def _is_told(self, end: Line, visit: QueueVisit) -> bool:
        """Tell whether the facts know of something that ends a talk which app_queue believes to be going on."""
        if end.event not in COMPLETED:
            own = list(self._own_transfers(visit))
            return any(
                transfer.kind == TRANSFERS[end.event]
                and (transfer.kind == "attended" or transfer.to == end.text)
                and self._same(transfer.at, end.at)
                for transfer in self._transfers[visit.call_id]
                if transfer not in own
            )
        call = self._told.calls.get((visit.pbx, visit.call_id))
        if call is None:
            return False
        stopped = self._window.at_the_end_of_the_facts(call.ended_at) and end.at > call.ended_at
        put_down = (end.event == "COMPLETEAGENT" or _stands_in(visit)) and any(
            self._same(min(max(end.at, park.started_at), park.ended_at), end.at) for park in self._own_parks(visit)
        )
        taken_out = _stands_in(visit) and self._same(visit.ended_at, end.at)
        over = self._same(call.ended_at, end.at) or self._window.in_gap(end.at, end.at)
        return stopped or put_down or taken_out or over

    def _own_parks(self, visit: QueueVisit) -> Iterator[Hold]:
        answered_at = _answered_at(visit)
        for park in self._parks[visit.call_id]:
            if park.agent in self._agents(visit) and answered_at <= park.started_at <= visit.ended_at:
                yield park

    def _own_transfers(self, visit: QueueVisit) -> Iterator[Transfer]:
        """Find the transfer that ended a visit's talk."""
        for transfer in self._transfers[visit.call_id] if visit.talk_ended_by == "transfer" else ():
            if transfer.from_agent in self._agents(visit) and at_once(transfer.at, visit.ended_at):
                yield transfer

    def _hung_up(self, visit: QueueVisit) -> bool:
        """Tell whether an agent may have handed a visit's caller on by hanging up."""
        return any(transfer.kind == "attended" for transfer in self._own_transfers(visit))

    def _handed_a_caller_on(self, visit: QueueVisit) -> bool:
        """Tell whether a visit's caller had a caller, who then talked with whoever had answered the visit."""
        return visit.talk_ended_by == "caller" and any(
            leg.call_id != visit.call_id
            and at_once(leg.started_at, visit.ended_at)
            and any(
                transfer.kind == "attended" and at_once(transfer.at, visit.ended_at)
                for transfer in self._transfers[leg.call_id]
            )
            for phone in self._phones(visit)
            for leg in self._by_phone[phone or ""]
        )

    def _same(self, at: float, moment: float) -> bool:
        return abs(at - moment) <= self._window.tolerance


def _answered_at(visit: QueueVisit) -> float:
    return visit.joined_at + visit.wait_seconds


def _stands_in(visit: QueueVisit) -> bool:
    """Tell whether a Local channel stood in the queue for the caller."""
    return visit.uniqueid not in ("", visit.call_id)


def at_once(at: float, moment: float) -> bool:
    """Tell whether two facts are about one moment."""
    return abs(at - moment) <= ONE_MOMENT_SECONDS
