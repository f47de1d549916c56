"""Queue visits: joining the line, leaving it, and finding out how.

The transitions are in `ringwatch.core.lifecycle`; this module says what each of them does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ringwatch.core.facts import Anomaly, EndedBy, Outcome, QueueVisit, Record
from ringwatch.core.lifecycle import REFUSALS, VISIT, VisitSignal, VisitState, visit_outcome
from ringwatch.core.queues import Queues
from ringwatch.core.standards import Policy
from ringwatch.core.state import Attempt, CallState, Channel, Visit
from ringwatch.core.telling import Teller

SETTLING_SECONDS = 1.0
"""How long a caller who left the line unserved may still be explained by QUEUESTATUS. Asterisk sets it within
milliseconds; without class dialplan it never comes."""


class Visits:
    """The visits of all calls of one PBX."""

    def __init__(self, pbx: str, policy: Policy, queues: Queues, tell: Callable[[Record], None]) -> None:
        """Start with nobody in any line."""
        self._pbx = pbx
        self._queues = queues
        self._tell = tell
        self.teller = Teller(pbx, policy)
        self._earlier: dict[tuple[str, str, bool], int] = {}
        """How many stays, or refusals, an earlier run told, by call and queue."""
        self._leaving: dict[Visit, CallState] = {}
        self.settle_at = math.inf
        """When the next visit settles, if nothing more is said of it."""

    def remember(self, visits: Iterable[QueueVisit]) -> None:
        """Take note of what an earlier run told: whoever of them is still there has been there before."""
        for visit in visits:
            where = (visit.call_id, visit.queue, visit.ordinal < 0)
            self._earlier[where] = max(abs(visit.ordinal), self._earlier.get(where, 0))

    def join(
        self, call: CallState, channel: Channel, queue: str, at: float, position: int | None, *, found: bool = False
    ) -> Visit:
        """Put a call in a queue's line, by its own channel or by half of a Local pair."""
        self._close(call, channel, at)
        if queue in call.queues:
            call.bounces += 1
        visit = self._open(call, channel, queue, at, position)
        visit.found = found
        self._queues.join(queue, channel.uniqueid, at)
        return visit

    def rejoin(self, visit: Visit, at: float, position: int | None) -> None:
        """Hear of the joining of a caller whom a listing showed before."""
        visit.joined_at, visit.position, visit.found = at, position, False
        self._queues.join(visit.queue, visit.channel.uniqueid, at)

    def _close(self, call: CallState, channel: Channel, at: float) -> None:
        visit = channel.visit
        if visit and visit.state is VisitState.TALKING:
            if visit.quiet_since is not None:
                # Whoever had parked the caller does not get the call back, or only by serving this queue.
                self.talk_ended(call, visit, visit.quiet_since, "transfer")
            elif not _goes_on(call, visit):
                self.talk_ended(call, visit, at, "unknown")
        elif visit:
            # It asks at another door now: what ended the last stay was not seen, or has yet to be explained.
            self.signal(call, visit, VisitSignal.GONE, at)

    def _open(
        self, call: CallState, channel: Channel, queue: str, at: float, position: int | None, *, refused: bool = False
    ) -> Visit:
        # Who was refused is not in queue_log, which must lead to the same numbers: they count apart, -1, -2, ...
        before = sum(visit.queue == queue and (visit.ordinal < 0) is refused for visit in call.visits)
        before += self._earlier.get((call.call_id, queue, refused), 0)
        visit = Visit(channel, queue, -1 - before if refused else 1 + before, at, position)
        name, options = channel.queue_arguments
        if name == queue:
            if "r" in options:
                visit.heard_from = at
            visit.ring_on_ring = "R" in options
        call.visits.append(visit)
        channel.visit = visit
        if queue not in call.queues:
            call.queues.append(queue)
        if call.offered_at is None:
            call.offered_at = at
        self._tell(self.teller.offered(call, queue, visit.ordinal, at))
        return visit

    def current(self, call: CallState, channel: Channel, queue: str, at: float, waited: int = 0) -> Visit:
        """Return the open visit to a queue; one whose joining was not seen began as long ago as the event says."""
        if channel.visit and channel.visit.queue == queue:
            return channel.visit
        self._tell(Anomaly(pbx=self._pbx, at=at, kind="join_not_seen", detail=f"{queue}: {call.call_id}"))
        return self.join(call, channel, queue, at - waited, None, found=True)

    def left(self, call: CallState, channel: Channel, queue: str, at: float) -> None:
        """Take a call out of a queue's line, which may have been said in another way before."""
        if visit := self._last(call, channel, queue):
            self.signal(call, visit, VisitSignal.LEAVE, at)
        else:
            self._tell(Anomaly(pbx=self._pbx, at=at, kind="join_not_seen", detail=f"{queue}: {call.call_id}"))

    def abandoned(self, call: CallState, channel: Channel, queue: str, at: float, waited: int) -> None:
        """Take a call out of a queue's line unserved, which may be said twice of one visit."""
        visit = self._last(call, channel, queue)
        if visit is None or not visit.abandoned:
            visit = self.current(call, channel, queue, at, waited)
        self.signal(call, visit, VisitSignal.ABANDON, at)

    @staticmethod
    def _last(call: CallState, channel: Channel, queue: str) -> Visit | None:
        own = (visit for visit in reversed(call.visits) if visit.queue == queue and visit.channel is channel)
        return next(own, None)

    def status_set(self, call: CallState, channel: Channel, status: str, at: float) -> None:
        """Hear how the application Queue ended for a caller."""
        if status in REFUSALS:
            self._refused(call, channel, status, at)
        elif channel.visit and channel.visit.state is not VisitState.TALKING:
            self.signal(call, channel.visit, VisitSignal.STATUS, at, status=status)

    def _refused(self, call: CallState, channel: Channel, status: str, at: float) -> None:
        """Tell of a caller whom a queue did not let in; no queue event says so (app_queue.c, join_queue)."""
        if queue := channel.queue_arguments[0]:
            talking = channel.visit if channel.visit and channel.visit.state is VisitState.TALKING else None
            if not talking:
                self._close(call, channel, at)
            visit = self._open(call, channel, queue, at, None, refused=True)
            visit.state, visit.status = VisitState.ENDED, status
            self._end(call, visit, at, self._unserved(call, visit))
            # A talk that its own end has yet to be told of is not over for that.
            channel.visit = talking

    def signal(
        self,
        call: CallState,
        visit: Visit,
        signal: VisitSignal,
        at: float,
        *,
        status: str | None = None,
        ended_by: EndedBy | None = None,
    ) -> bool:
        """Let something happen to a visit; ``False`` when it cannot happen there.

        :param status: what QUEUESTATUS says, with STATUS.
        :param ended_by: who ended the talk, with TALK_END.
        """
        state = VISIT.get((visit.state, signal))
        if state is None:
            detail = f"{signal.value} while {visit.state.value}: {visit.queue}, {call.call_id}"
            self._tell(Anomaly(pbx=self._pbx, at=at, kind="visit_transition", detail=detail))
            return False
        before, visit.state = visit.state, state
        if signal is VisitSignal.ABANDON:
            visit.abandoned, visit.hung_up = True, visit.channel.hangup_requested
        elif signal is VisitSignal.DUMP:
            visit.dumped, visit.answered_by = True, None
        elif signal is VisitSignal.CONNECT:
            visit.connected_at = at
            visit.rings.freeze(at)
        elif signal is VisitSignal.STATUS:
            visit.status = status
        if before is VisitState.WAITING and state is not VisitState.WAITING:
            self._queues.leave(visit.queue, visit.channel.uniqueid)
        if state is VisitState.LEAVING:
            self._leave(call, visit, at)
        elif state is VisitState.ENDED and before is VisitState.TALKING:
            self._end(call, visit, at, "answered", ended_by)
        elif state is VisitState.ENDED and before is not VisitState.ENDED:
            self._end(call, visit, at if visit.left_at is None else visit.left_at, self._unserved(call, visit))
        return True

    def _leave(self, call: CallState, visit: Visit, at: float) -> None:
        if visit.left_at is None:
            visit.left_at = at
        if visit.hung_up:
            visit.state = VisitState.ENDED
            self._end(call, visit, visit.left_at, self._unserved(call, visit))
        elif visit.answered_by is None:
            # Nobody answered, so no AgentConnect will explain it; an agent who did may yet hear an announcement.
            visit.settle_at = at + SETTLING_SECONDS
            self._leaving[visit] = call
            self.settle_at = min(self.settle_at, visit.settle_at)

    def lose(self, call: CallState, visit: Visit, at: float) -> None:
        """End a visit of which a listing shows that it is over: how was not seen."""
        if visit.state is VisitState.TALKING:
            self.talk_ended(call, visit, at, "unknown")
        else:
            visit.lost = True
            self.signal(call, visit, VisitSignal.GONE, at)

    def settle(self, at: float) -> None:
        """Close the visits of which nothing more was said in time."""
        for visit, call in list(self._leaving.items()):
            if visit.settle_at <= at:
                del self._leaving[visit]
                if visit.state is VisitState.LEAVING:
                    self.signal(call, visit, VisitSignal.SETTLE, at)
        self.settle_at = min((visit.settle_at for visit in self._leaving), default=math.inf)

    def resumed(self, visit: Visit, at: float) -> None:
        """Go on after a park: until somebody answered again the caller was left alone."""
        if visit.quiet_since is not None:
            visit.hold_seconds += max(at - visit.quiet_since, 0.0)
            visit.quiet_since = None

    def talk_ended(self, call: CallState, visit: Visit, at: float, ended_by: EndedBy) -> None:
        """Tell a visit that was answered: its talk is over."""
        if visit.state is VisitState.TALKING:
            self.resumed(visit, at)
            self.signal(call, visit, VisitSignal.TALK_END, at, ended_by=ended_by)

    def agent_gone(self, visit: Visit, attempt: Attempt, at: float) -> None:
        """End the talk of an agent who never reached the caller: a consultation that was given up."""
        if visit.answered_by is attempt and visit.quiet_since is None and not _goes_on(attempt.call, visit):
            self.talk_ended(attempt.call, visit, at, "agent")

    def caller_gone(self, call: CallState, visit: Visit, at: float) -> None:
        """End a visit whose channel is gone, unless it was a wire that was taken out."""
        if visit.state is VisitState.TALKING and not _goes_on(call, visit):
            self.talk_ended(call, visit, at, "unknown" if call.lost else "caller")
        elif visit.state in (VisitState.WAITING, VisitState.LEAVING):
            self.signal(call, visit, VisitSignal.GONE, at)

    @staticmethod
    def _unserved(call: CallState, visit: Visit) -> Outcome:
        if (call.lost and not visit.abandoned) or (visit.lost and not visit.hung_up):
            return "unknown"
        return visit_outcome(
            status=visit.status,
            abandoned=visit.abandoned,
            hung_up=visit.hung_up if visit.abandoned else visit.channel.hangup_requested,
            picked_up=visit.answered_by is not None,
            dumped=visit.dumped,
            left=visit.left_at is not None,
        )

    def _end(
        self,
        call: CallState,
        visit: Visit,
        at: float,
        outcome: Outcome,
        ended_by: EndedBy | None = None,
    ) -> None:
        self._leaving.pop(visit, None)
        visit.rings.freeze(at)
        if visit.channel.visit is visit:
            visit.channel.visit = None
        fact = self.teller.visit(call, visit, outcome, ended_at=at, ended_by=ended_by)
        call.outcomes.append(fact.outcome)
        if fact.in_time is not None:
            call.in_time.append(fact.in_time)
        self._tell(fact)


def _goes_on(call: CallState, visit: Visit) -> bool:
    return any(leg.visit is visit for leg in call.legs.values())
