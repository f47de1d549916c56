"""Turns what the engine remembers into facts, once it is over. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable

from ringwatch.core.events import Transferred
from ringwatch.core.facts import (
    AMI_PRECISION,
    LISTED_PRECISION,
    AttemptResult,
    Call,
    Crossing,
    CrossingOf,
    EndedBy,
    Hold,
    HoldKind,
    Leg,
    Outcome,
    QueueVisit,
    RingAttempt,
    Transfer,
)
from ringwatch.core.numbers import number_key
from ringwatch.core.readings import CallAnswered, CallOffered, TalksReading
from ringwatch.core.standards import DIRECT, Policy
from ringwatch.core.state import Attempt, CallState, Visit, seconds
from ringwatch.core.state import Leg as LegState


class Teller:
    """Knows whose facts these are and by which standard they are judged."""

    def __init__(self, pbx: str, policy: Policy) -> None:
        """Tell the facts of one PBX."""
        self._pbx = pbx
        self._policy = policy

    def visit(
        self,
        call: CallState,
        visit: Visit,
        outcome: Outcome,
        *,
        ended_at: float,
        ended_by: EndedBy | None,
    ) -> QueueVisit:
        """Tell a visit, with the talk it led to."""
        standard = self._policy.standard(visit.queue)
        # A joining that is reckoned back from a wait in whole seconds may lie behind what is known of the end.
        ended_at = max(ended_at, visit.joined_at)
        answered = outcome == "answered"
        waited_until = visit.connected_at if visit.connected_at is not None else ended_at
        wait = waited_until - visit.joined_at
        outcome = standard.judged(outcome, wait)
        desk_rings, heard, in_time = self._heard(visit, waited_until, answered=answered)
        if outcome == "unknown":
            in_time = None
        attempt = visit.answered_by
        if attempt and attempt.taken_by:
            attempt = None  # whoever picked the call up was not rung
        return QueueVisit(
            pbx=self._pbx,
            call_id=call.call_id,
            queue=visit.queue,
            ordinal=visit.ordinal,
            joined_at=visit.joined_at,
            ended_at=ended_at,
            outcome=outcome,
            wait_seconds=seconds(wait),
            position=visit.position,
            agent=visit.agent,
            interface=visit.interface,
            agent_ring_seconds=seconds(attempt.ring_seconds) if attempt else None,
            agent_rings=standard.rings_in(attempt.ring_seconds) if attempt else None,
            desk_ring_seconds=seconds(visit.rings.total),
            desk_rings=desk_rings,
            caller_ring_seconds=None if heard is None else seconds(heard),
            caller_rings=None if heard is None else standard.rings_in(heard),
            in_time=in_time,
            talk_seconds=seconds(ended_at - visit.connected_at - visit.hold_seconds)
            if visit.connected_at is not None
            else 0.0,
            hold_seconds=seconds(visit.hold_seconds),
            holds=visit.holds,
            talk_ended_by=ended_by,
            uniqueid=visit.channel.uniqueid,
            precision=LISTED_PRECISION if visit.found else AMI_PRECISION,
            hours=self._policy.hours_at(visit.queue, visit.joined_at),
        )

    def _heard(self, visit: Visit, until: float, *, answered: bool) -> tuple[int, float | None, bool | None]:
        """Return the desk's rings, the seconds the caller heard ringing, and whether that was in time."""
        standard = self._policy.standard(visit.queue)
        heard_from = visit.rings.first_at if visit.ring_on_ring else visit.heard_from
        heard = None if heard_from is None else max(until - heard_from, 0.0)
        desk_rings = standard.rings_in(visit.rings.total)
        in_time = standard.in_time(desk_rings if heard is None else standard.rings_in(heard), answered=answered)
        # What was not heard may have rung.
        return desk_rings, heard, None if in_time and (visit.found or visit.missed) else in_time

    def answered(self, call: CallState, visit: Visit | None, at: float) -> CallAnswered:
        """Tell that a caller was answered, in a queue or (without a visit) on a direct line."""
        if visit:
            asked_at, name, (_, _, in_time) = visit.joined_at, visit.queue, self._heard(visit, at, answered=True)
        else:
            asked_at, name = call.offered_at or call.started_at, call.line or DIRECT
            in_time = self._policy.standard(name).in_time(self._rings(call, at)[1] or 0, answered=True)
        return CallAnswered(
            pbx=self._pbx,
            call_id=call.call_id,
            queue=name,
            ordinal=visit.ordinal if visit else 1,
            at=at,
            wait_seconds=seconds(at - asked_at),
            in_time=in_time,
            hours=self._policy.hours_at(name, asked_at),
        )

    def _rings(self, call: CallState, until: float) -> tuple[float | None, int | None]:
        """Return for how long the caller of a direct line heard ringing, and how many rings that is."""
        if not call.line or call.rings.first_at is None or call.answered_unseen:
            return None, None
        heard = max(until - call.rings.first_at, 0.0)
        return heard, self._policy.standard(call.line).rings_in(heard)

    def offered(self, call: CallState, queue: str, ordinal: int, at: float) -> CallOffered:
        """Tell that a caller asks to be served."""
        hours = self._policy.hours_at(queue, at)
        return CallOffered(pbx=self._pbx, call_id=call.call_id, queue=queue, ordinal=ordinal, at=at, hours=hours)

    def leg(self, leg: LegState, ended_at: float, ended_by: EndedBy, lines_waiting: int) -> Leg:
        """Tell a stretch of conversation."""
        return Leg(
            pbx=self._pbx,
            call_id=leg.call.call_id,
            queue=leg.queue,
            agent=leg.agent,
            interface=leg.interface,
            started_at=leg.started_at,
            ended_at=ended_at,
            talk_seconds=seconds(ended_at - leg.started_at - leg.hold_seconds),
            hold_seconds=seconds(leg.hold_seconds),
            ended_by=ended_by,
            line=leg.line,
            lines_waiting=lines_waiting,
            from_start=leg.from_start,
        )

    def hold(self, leg: LegState, kind: HoldKind, started_at: float, ended_at: float) -> Hold:
        """Tell an interval in which the caller was left alone."""
        return Hold(
            pbx=self._pbx,
            call_id=leg.call.call_id,
            agent=leg.agent,
            kind=kind,
            started_at=started_at,
            ended_at=ended_at,
            seconds=seconds(ended_at - started_at),
            queue=leg.queue,
            line=leg.line,
        )

    def crossing(self, leg: LegState, at: float, what: CrossingOf, threshold: float) -> Crossing:
        """Tell that a conversation crossed a limit."""
        return Crossing(
            pbx=self._pbx,
            call_id=leg.call.call_id,
            queue=leg.queue,
            line=leg.line,
            agent=leg.agent,
            interface=leg.interface,
            # A sum of timestamps: what binary rounding left below the microsecond says nothing.
            at=round(at, 6),
            what=what,
            threshold=threshold,
        )

    def talks(self, queue: str, counts: Iterable[int]) -> TalksReading:
        """Say how the conversations of a queue or line stand: over target and limit, on hold, and for too long."""
        over_target, over_limit, on_hold, too_long = counts
        return TalksReading(
            pbx=self._pbx,
            queue=queue,
            over_target=over_target,
            over_limit=over_limit,
            on_hold=on_hold,
            on_hold_over_limit=too_long,
        )

    def transfer(self, leg: LegState, event: Transferred, to: str, by: str = "") -> Transfer:
        """Tell a transfer, made or refused; by the leg's agent if by nobody else."""
        return Transfer(
            pbx=self._pbx,
            call_id=leg.call.call_id,
            at=event.at,
            kind=event.kind,
            from_agent=by or leg.agent,
            to=to,
            result="success" if event.success else "failed",
            queue=leg.queue,
            line=leg.line,
        )

    def attempt(self, attempt: Attempt, ended_at: float, result: AttemptResult) -> RingAttempt:
        """Tell how ringing one device ended."""
        call = attempt.call
        name = attempt.queue or attempt.line
        return RingAttempt(
            pbx=self._pbx,
            call_id=call.call_id,
            queue=attempt.queue,
            agent=attempt.agent,
            interface=attempt.interface,
            started_at=attempt.started_at,
            ended_at=ended_at,
            result=result,
            ring_seconds=seconds(attempt.ring_seconds),
            rings=self._policy.standard(name or DIRECT).rings_in(attempt.ring_seconds),
            line=attempt.line,
        )

    def call(self, call: CallState, ended_at: float) -> Call:
        """Tell a caller's whole journey."""
        standard = self._policy.standard(call.line or DIRECT)
        answered = call.answered_at is not None or call.answered_unseen
        waited_until = call.answered_at if call.answered_at is not None else ended_at
        asked_at = call.offered_at if call.offered_at is not None else call.started_at
        first = call.line or next(iter(call.queues), DIRECT)
        wait = waited_until - asked_at
        outcome = self._outcome(call)
        if call.line:
            outcome = standard.judged(outcome, wait)
        heard, rings = self._rings(call, waited_until)
        in_time: bool | None = None
        if outcome == "unknown":
            pass
        elif call.line:
            in_time = standard.in_time(rings or 0, answered=answered)
        elif call.in_time:
            in_time = call.in_time[-1]
        return Call(
            pbx=self._pbx,
            call_id=call.call_id,
            started_at=call.started_at,
            ended_at=ended_at,
            direction=call.direction,
            caller=call.caller,
            answered=answered,
            answered_at=call.answered_at,
            wait_seconds=0.0 if call.answered_unseen else seconds(wait),
            talk_seconds=seconds(call.talk_seconds),
            hold_seconds=seconds(call.hold_seconds),
            transfers=call.transfers,
            bounces=call.bounces,
            queues=call.queues,
            agents=call.agents,
            outcome=outcome,
            caller_ring_seconds=None if heard is None else seconds(heard),
            caller_rings=rings,
            desk_ring_seconds=seconds(call.rings.total) if call.line else None,
            desk_rings=standard.rings_in(call.rings.total) if call.line else None,
            in_time=in_time,
            line=call.line,
            precision=AMI_PRECISION if call.channel.found_at is None else LISTED_PRECISION,
            hours=self._policy.hours_at(first, asked_at),
            called=call.called if call.direction == "outbound" and number_key(call.called) else None,
        )

    @staticmethod
    def _outcome(call: CallState) -> Outcome:
        if call.answered_at is not None:
            return "answered"
        if call.lost or call.answered_unseen:
            return "unknown"
        if call.outcomes:
            return call.outcomes[-1]
        if call.line_outcome is not None:
            return call.line_outcome
        # Never offered to the desk: gone in a menu, or turned away by the dialplan.
        return "abandoned" if call.channel.hangup_requested else "failed"
