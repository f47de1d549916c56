"""Visits while a queue_log tells of them, and the facts they become once they are over."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringwatch.core.facts import (
    QUEUE_LOG_PRECISION,
    AttemptResult,
    EndedBy,
    Leg,
    Outcome,
    QueueVisit,
    Record,
    RingAttempt,
    Transfer,
)
from ringwatch.core.queue_log.lines import Line
from ringwatch.core.readings import CallOffered
from ringwatch.core.standards import Policy
from ringwatch.core.state import seconds


@dataclass(slots=True, eq=False)
class Visit:
    """One stay in one queue, as far as it has been told."""

    call_id: str
    queue: str
    ordinal: int
    joined_at: float
    position: int | None
    lines: list[Line] = field(default_factory=list)
    begun: bool = True
    """Its ENTERQUEUE was seen; else its times are reckoned back from what later lines say."""
    dumped: bool = False
    incompatible: bool = False
    connected: Line | None = None
    """The line that says it was answered."""

    @property
    def waited(self) -> int:
        """Whole seconds in line until the answer."""
        return 0 if self.connected is None else self.connected.wait or 0


@dataclass(frozen=True, slots=True)
class Story:
    """A visit that is over, with all that the log tells of it."""

    visit: QueueVisit
    offered: CallOffered
    attempts: tuple[RingAttempt, ...]
    leg: Leg | None
    transfer: Transfer | None
    lines: tuple[Line, ...]

    @property
    def records(self) -> list[Record]:
        """All records, in the order in which AMI tells them."""
        last = (each for each in (self.transfer, self.leg) if each is not None)
        return [self.offered, *self.attempts, *last, self.visit]


class Teller:
    """Knows whose facts these are and by which standard they are judged."""

    def __init__(self, pbx: str, policy: Policy) -> None:
        """Tell the facts of one PBX."""
        self._pbx = pbx
        self._policy = policy

    def story(
        self,
        visit: Visit,
        outcome: Outcome,
        *,
        at: float,
        wait: float,
        talk: float = 0.0,
        ended_by: EndedBy | None = None,
        lines_waiting: int = 0,
    ) -> Story:
        """Tell a visit that ended ``at``; ``wait`` and ``talk`` in seconds."""
        at = max(at, visit.joined_at)
        standard = self._policy.standard(visit.queue)
        outcome = standard.judged(outcome, wait)
        attempts = tuple(each for line in visit.lines if (each := self._attempt(visit, line)))
        answered = visit.connected if outcome == "answered" else None
        ring_seconds = _together(attempts)
        told = QueueVisit(
            pbx=self._pbx,
            call_id=visit.call_id,
            queue=visit.queue,
            ordinal=visit.ordinal,
            joined_at=visit.joined_at,
            ended_at=at,
            outcome=outcome,
            wait_seconds=seconds(float(wait)),
            position=visit.position,
            agent=answered.agent if answered else None,
            interface=None,
            agent_ring_seconds=None,
            agent_rings=None,
            desk_ring_seconds=ring_seconds,
            desk_rings=standard.rings_in(ring_seconds),
            caller_ring_seconds=None,
            caller_rings=None,
            in_time=None,
            talk_seconds=seconds(float(talk)),
            hold_seconds=0.0,
            holds=0,
            talk_ended_by=ended_by,
            uniqueid=visit.call_id,
            source="queue_log",
            precision=QUEUE_LOG_PRECISION,
            hours=self._policy.hours_at(visit.queue, visit.joined_at),
        )
        offered = CallOffered(
            pbx=self._pbx,
            call_id=visit.call_id,
            queue=visit.queue,
            ordinal=visit.ordinal,
            at=visit.joined_at,
            hours=told.hours,
        )
        leg = self._leg(told, answered, ended_by or "unknown", lines_waiting) if answered else None
        transfer = self._transfer(visit, visit.lines[-1]) if ended_by == "transfer" else None
        return Story(told, offered, attempts, leg, transfer, tuple(visit.lines))

    def _leg(self, visit: QueueVisit, answered: Line, ended_by: EndedBy, lines_waiting: int) -> Leg:
        return Leg(
            pbx=self._pbx,
            call_id=visit.call_id,
            queue=visit.queue,
            agent=answered.agent,
            interface=answered.agent,
            started_at=answered.at,
            ended_at=max(visit.ended_at, answered.at),
            talk_seconds=visit.talk_seconds,
            hold_seconds=0.0,
            ended_by=ended_by,
            line=None,
            lines_waiting=lines_waiting,
            source="queue_log",
            precision=QUEUE_LOG_PRECISION,
        )

    def _transfer(self, visit: Visit, line: Line) -> Transfer:
        return Transfer(
            pbx=self._pbx,
            call_id=visit.call_id,
            at=line.at,
            kind="attended" if line.event == "ATTENDEDTRANSFER" else "blind",
            from_agent=line.agent,
            to=line.text,
            result="success",
            queue=visit.queue,
            line=None,
            source="queue_log",
            precision=QUEUE_LOG_PRECISION,
        )

    def _attempt(self, visit: Visit, line: Line) -> RingAttempt | None:
        result: AttemptResult
        match line.event:
            case "RINGNOANSWER":
                result, ring = "no_answer", (line.ring or 0) / 1000
            case "RINGCANCELED":
                result, ring = "caller_gone", (line.ring or 0) / 1000
            case "CONNECT":
                result, ring = "answered", float(line.ring or 0)
            case _:
                return None
        ring = seconds(ring)
        return RingAttempt(
            pbx=self._pbx,
            call_id=visit.call_id,
            queue=visit.queue,
            agent=line.agent,
            interface=line.agent,
            started_at=round(line.at - ring, 3),
            ended_at=line.at,
            result=result,
            ring_seconds=ring,
            rings=self._policy.standard(visit.queue).rings_in(ring),
            line=None,
            source="queue_log",
            precision=QUEUE_LOG_PRECISION,
        )


def _together(attempts: tuple[RingAttempt, ...]) -> float:
    """Return the seconds in which at least one of the attempts rang."""
    total, until = 0.0, 0.0
    for attempt in sorted(attempts, key=lambda each: each.started_at):
        total += max(attempt.ended_at - max(attempt.started_at, until), 0.0)
        until = max(until, attempt.ended_at)
    return seconds(total)
