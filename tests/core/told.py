"""What was told of a scenario, and what must hold of it whatever happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from ringwatch.core.engine import Engine
from ringwatch.core.facts import (
    AgentState,
    Anomaly,
    Call,
    Callback,
    Crossing,
    Gap,
    Hold,
    Leg,
    Membership,
    QueueVisit,
    Record,
    RingAttempt,
    Stretch,
    Transfer,
    WrapUp,
    to_json,
)
from ringwatch.core.readings import (
    CallbacksReading,
    CallOffered,
    Drift,
    QueueReading,
    Reading,
    StaffingReading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.rules import Alert

R = TypeVar("R", bound=Record)


def one(records: list[R]) -> R:
    """Return the only record."""
    (record,) = records
    return record


class Told:
    """The records of a scenario by kind; the singular asks that there is exactly one."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = list(records)
        self.visits = self._of(QueueVisit)
        self.calls = self._of(Call)
        self.attempts = self._of(RingAttempt)
        self.legs = self._of(Leg)
        self.holds = self._of(Hold)
        self.crossings = self._of(Crossing)
        self.talks = self._of(TalksReading)
        self.callbacks = self._of(Callback)
        self.transfers = self._of(Transfer)
        self.drifts = [drift.what for drift in self._of(Drift)]
        self.wrap_ups = self._of(WrapUp)
        self.states = self._of(AgentState)
        self.stretches = self._of(Stretch)
        self.unbroken = self._of(StretchReading)
        self.memberships = self._of(Membership)
        self.gaps = self._of(Gap)
        self.alerts = self._of(Alert)
        self.offers = self._of(CallOffered)
        self.anomalies = [anomaly.kind for anomaly in self._of(Anomaly)]

    def _of(self, kind: type[R]) -> list[R]:
        return [record for record in self.records if isinstance(record, kind)]

    @property
    def visit(self) -> QueueVisit:
        """The only visit."""
        return one(self.visits)

    @property
    def call(self) -> Call:
        """The only call."""
        return one(self.calls)

    @property
    def attempt(self) -> RingAttempt:
        """The only ring attempt."""
        return one(self.attempts)

    @property
    def leg(self) -> Leg:
        """The only conversation."""
        return one(self.legs)

    @property
    def hold(self) -> Hold:
        """The only hold."""
        return one(self.holds)

    @property
    def transfer(self) -> Transfer:
        """The only transfer."""
        return one(self.transfers)

    @property
    def outcomes(self) -> list[str]:
        """How the visits ended, in order."""
        return [visit.outcome for visit in self.visits]

    @property
    def results(self) -> list[tuple[str, str]]:
        """Who was rung and how that ended, in order."""
        return [(attempt.agent, attempt.result) for attempt in self.attempts]

    @property
    def lines(self) -> list[bytes]:
        """The facts as ``--facts`` writes them."""
        return [to_json(record) for record in self.records if not isinstance(record, Reading)]


def assert_forgotten(engine: Engine) -> None:
    """Ask that the engine remembers no channel, no call, nobody in line, nobody leaving."""
    calls = engine._calls
    waiting = {queue.name: queue.waiting for queue in engine._queues if queue.waiting}
    assert (calls._channels, calls._calls, calls.visits._leaving, waiting) == ({}, {}, {}, {})
    engine.readings()
    assert (calls.crossings._open, calls.crossings._shown) == ({}, {})


def assert_sound(told: Told) -> None:
    """Ask for what no event may break: times in order, agents where somebody answered, an end for every beginning."""
    for visit in told.visits:
        assert visit.ended_at >= visit.joined_at, visit
        assert min(visit.wait_seconds, visit.talk_seconds, visit.hold_seconds, visit.desk_ring_seconds) >= 0, visit
        assert (visit.outcome == "answered") == (visit.agent is not None) == (visit.talk_ended_by is not None), visit
    lasting: list[Call | RingAttempt | Leg | Hold | WrapUp | Stretch] = [
        *told.calls,
        *told.attempts,
        *told.legs,
        *told.holds,
        *told.wrap_ups,
        *told.stretches,
    ]
    for record in lasting:
        assert record.ended_at >= record.started_at, record
    stood: dict[tuple[str, str], AgentState] = {}
    for state in told.states:
        before = stood.get((state.agent, state.device))
        assert before is None or (before.at < state.at and (before.state, before.reason) != (state.state, state.reason))
        stood[state.agent, state.device] = state
    offered = Counter(offer.queue for offer in told.offers)
    ended = Counter([visit.queue for visit in told.visits] + [call.line for call in told.calls if call.line])
    assert offered == ended


def assert_told_once(told: Told) -> None:
    """Ask that no two facts of a kind share an identity; a reading replaces the one before, and a settled call-back."""
    replaced = Anomaly | Callback | CallbacksReading | QueueReading | StaffingReading | StretchReading | TalksReading
    facts = [record for record in told.records if not isinstance(record, replaced)]
    identities = Counter((type(fact), fact.key) for fact in facts)
    assert [identity for identity, times in identities.items() if times > 1] == []
