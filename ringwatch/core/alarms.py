"""Judges how every queue stands, and raises alerts: what is watched, and when it must be looked at again.

Rules of this module:

* What is watched comes from the engine's own records and from queues and conversations as they stand after an event.
  Looking again is planned (`Alarms.due_at`): a wait gets too long, a window moves on, a hold-off is over. Everything is
  done in the order in which it is due, so alerts are the same with and without the clock's ticks.
* A queue or line is muted while it is closed; the PBX's own alerts while all of them are. At opening time all begins
  anew.
* While the stream is broken, and until a listing has shown how things stand, nothing is raised or cleared; once the
  data are stale, which is an alert of its own, the others are cleared.
* A caller is judged by the third ring and by the service level as soon as it is known: at the answer, or when lost.
  Short abandons count, as in the default formula of the service level: answered in time / (answered + abandoned).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from ringwatch.core.alerts import (
    ALERTS,
    BOUNCE_SECONDS,
    BURN_SECONDS,
    DRIFT_SECONDS,
    LEAST_JUDGED,
    rule_for,
)
from ringwatch.core.crossings import NOTHING, Counts
from ringwatch.core.events import StreamAwaited
from ringwatch.core.facts import Call, Crossing, QueueVisit, Record
from ringwatch.core.hours import OpeningHours
from ringwatch.core.queues import Queue
from ringwatch.core.readings import CallAnswered, CallbacksReading, Drift, StaffingReading, StretchReading
from ringwatch.core.rules import Alarm, Alert, Change, Why
from ringwatch.core.standards import DIRECT, Policy
from ringwatch.core.windows import Budget, Window

_THERE = frozenset({"free", "ringing", "talking", "on_hold", "wrap_up"})
_LOST = frozenset({"abandoned", "short_abandoned"})
_OVER: dict[Why, str] = {
    "": "",
    "well": "Nothing: all is well again.",
    "closed": "Nothing: the desk is closed.",
    "stale": "See RingwatchDataStale: nothing is known any more.",
}
_Place = str | None
"""A queue or line; ``None`` is the PBX."""


class _Line(NamedTuple):
    """Who waits in a queue: how many, how many of them while nobody is there, and since when the oldest."""

    waiting: int
    unattended: int
    oldest: float | None


_EMPTY = _Line(0, 0, None)


class Alarms:
    """All alerts of one PBX."""

    def __init__(self, pbx: str, policy: Policy, tell: Callable[[Record], None]) -> None:
        """Start before anything was heard."""
        self._pbx = pbx
        self._policy = policy
        self._tell = tell
        self._alarms: dict[tuple[str, _Place], Alarm] = {}
        self._planned: dict[object, float] = {}
        """For when something is planned, by what it is."""
        self._plan: list[tuple[float, int, object, Callable[[float], None]]] = []
        self._serial = count()
        self._muted: dict[_Place, bool] = {}
        """Whether a place is closed, for those that are known."""
        self._stale = self._doubtful = False
        self._trusted_at = -math.inf
        self.heard_at = -math.inf
        """When the PBX last said something; set by whoever hears it."""
        self.listening = False
        """Whether silence would be noticed; if not, `hears` is to be told."""
        self._lines: dict[str, _Line] = {}
        """How queues stood when last looked at."""
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._stretches: dict[str, dict[tuple[str, str], float]] = {}
        """By queue and agent: since when the agents work who had no break."""
        self.now = 0.0
        """The moment that is judged; set by whoever tells how things are then."""
        self._talks: dict[str, Counts] = {}
        """How the conversations of queues and lines stood, where there was something to show."""
        self._bounces: dict[str, Window] = {}
        self._drifts = Window(DRIFT_SECONDS)
        self.due_at = math.inf
        """When `settle` has something to do."""
        self.learns: dict[type[Any], Callable[[Any], None]] = {
            Call: self._call,
            CallAnswered: self._answered,
            CallbacksReading: self._callbacks,
            Crossing: self._crossing,
            Drift: self._drift,
            QueueVisit: self._visit,
            StaffingReading: self._staffing,
            StretchReading: self._stretch,
        }
        """What to tell of the engine's records, by kind."""

    # -- how things stand

    def queue(self, queue: Queue, at: float) -> None:
        """Look at a queue in which something has changed."""
        before, stands = self._lines.get(queue.name, _EMPTY), _EMPTY
        if queue.waiting:
            waiting = len(queue.waiting)
            there = any(member.state in _THERE for member in queue.members.values())
            stands = _Line(waiting, 0 if there else waiting, min(queue.waiting.values()))
        self._lines[queue.name] = stands
        if stands.waiting != before.waiting:
            self._sees("lines_piling_up", queue.name, at, stands.waiting)
        if stands.unattended != before.unattended:
            self._sees("nobody_answering", queue.name, at, stands.unattended)
        if stands.oldest != before.oldest:
            self._grows("longest_wait", queue.name, at, stands.oldest)

    def talks(self, stand: Mapping[str, Counts], at: float) -> None:
        """Look at the conversations of queues and lines: those that have something to show, and those that had."""
        for name in dict.fromkeys([*self._talks, *stand]):
            counts = stand.get(name, NOTHING)
            self._sees("call_too_long", name, at, counts.over_limit)
            self._sees("hold_too_long", name, at, counts.on_hold_over_limit)
        self._talks = dict(stand)

    def hears(self, at: float) -> None:
        """The PBX said something, for the first time or after it was silent for too long."""
        self.heard_at, self.listening = at, True
        self._sees("data_stale", None, at, 0)
        self._listen(at)

    def _listen(self, at: float) -> None:
        silent_at = self.heard_at + self._alarms["data_stale", None].rule.threshold
        if silent_at > at:
            self._later(silent_at, "listen", self._listen)
        else:
            self.listening = False
            self._grows("data_stale", None, at, self.heard_at)

    def awaits(self, event: StreamAwaited) -> None:
        """There is no stream yet."""
        if not self.listening:
            self._grows("ami_disconnected", None, event.at, event.at)

    def broke(self, at: float) -> None:
        """The stream broke."""
        self._doubtful = True
        self._grows("ami_disconnected", None, at, at)

    def resumed(self, at: float) -> None:
        """The stream is back; how the queues stand has yet to be listed."""
        self._sees("ami_disconnected", None, at, 0)

    def trust(self, at: float) -> None:
        """A listing has shown how things stand."""
        if self._doubtful:
            self._doubtful, self._trusted_at = False, at
            for alarm in self._alarms:
                self._replan(alarm)

    # -- what was told

    def _answered(self, answered: CallAnswered) -> None:
        standard = self._policy.standard(answered.queue)
        in_time = answered.wait_seconds <= standard.service_level_seconds
        self._spend("service_level_budget_burn", answered.queue, answered.at, bad=not in_time)
        if answered.in_time is not None:
            self._spend("third_ring_budget_burn", answered.queue, answered.at, bad=not answered.in_time)

    def _visit(self, visit: QueueVisit) -> None:
        if visit.outcome != "answered":
            self._lost(visit, visit.queue)

    def _crossing(self, crossing: Crossing) -> None:
        """A limit is crossed at its own moment; how all stand is looked at later."""
        name = crossing.queue or crossing.line or DIRECT
        counts = self._talks.get(name, NOTHING)
        if crossing.what == "talk_limit":
            self._sees("call_too_long", name, crossing.at, counts.over_limit + 1)
        elif crossing.what == "hold_limit":
            self._sees("hold_too_long", name, crossing.at, counts.on_hold_over_limit + 1)

    def _call(self, call: Call) -> None:
        if call.line and not call.answered:
            self._lost(call, call.line)
        if (first := call.asked_first) and call.bounces:
            bounced = self._bounces.setdefault(first, Window(BOUNCE_SECONDS))
            bounced.add(call.ended_at)
            self._counted("callers_bounced", first, bounced, call.ended_at)

    def _lost(self, told: QueueVisit | Call, name: str) -> None:
        if told.outcome in _LOST:
            self._spend("service_level_budget_burn", name, told.ended_at, bad=True)
        if told.in_time is False:
            self._spend("third_ring_budget_burn", name, told.ended_at, bad=True)

    def _staffing(self, reading: StaffingReading) -> None:
        self._sees("understaffed", reading.queue, reading.at, reading.agents_short or 0.0)
        self._sees("load_uneven", reading.queue, reading.at, reading.load_gini or 0.0)

    def _callbacks(self, reading: CallbacksReading) -> None:
        self._sees("callbacks_overdue", reading.queue, self.now, reading.overdue)

    def _stretch(self, reading: StretchReading) -> None:
        agent = (reading.agent, reading.device)
        working = reading.queues if reading.since is not None else ()
        for queue in dict.fromkeys([*self._stretches, *working]):
            stretches = self._stretches.setdefault(queue, {})
            before = stretches.pop(agent, None)
            if reading.since is not None and queue in working:
                stretches[agent] = reading.since
            if before != stretches.get(agent):
                self._grows("agent_no_break", queue, self.now, min(stretches.values(), default=None))

    def _drift(self, drift: Drift) -> None:
        if self._doubtful:
            # The gap explains it; no event is missing that an account could not see.
            return
        self._drifts.add(drift.at)
        self._counted("state_drift", None, self._drifts, drift.at)

    # -- windows

    def _spend(self, key: str, name: str, at: float, *, bad: bool) -> None:
        budget = self._budgets.get((key, name))
        if budget is None:
            standard = self._policy.standard(name)
            target = standard.service_level if key == "service_level_budget_burn" else standard.third_ring_share
            budget = self._budgets[key, name] = Budget(target, BURN_SECONDS, LEAST_JUDGED)
        budget.add(at, bad=bad)
        self._burn(key, name, at)

    def _burn(self, key: str, name: str, at: float) -> None:
        budget = self._budgets[key, name]
        self._sees(key, name, at, budget.burn(at))
        self._later(budget.due_at, budget, partial(self._burn, key, name))

    def _counted(self, key: str, place: _Place, window: Window, at: float) -> None:
        window.move(at)
        self._sees(key, place, at, len(window))
        self._later(window.due_at, window, partial(self._counted, key, place, window))

    # -- opening hours

    def _open(self, place: _Place, at: float) -> None:
        """Open or close a place, as its hours say, and plan when to look again."""
        plans = self._plans(place)
        self._muted[place] = not any(plan.is_open(at) for plan in plans)
        for key, where in self._alarms:
            if where == place:
                self._mute(key, place, at)
        changes = [change for plan in plans if (change := plan.next_change(at)) is not None]
        self._later(min(changes, default=math.inf), ("hours", place), partial(self._open, place))

    def _plans(self, place: _Place) -> list[OpeningHours]:
        if place is not None:
            return [self._policy.hours(place)]
        return [self._policy.default_hours, *self._policy.opening.values()]

    def _mute(self, key: str, place: _Place, at: float) -> None:
        alarm = self._alarms[key, place]
        stale = self._stale and ALERTS[key].muted
        if self._muted[place] or stale:
            if change := alarm.mute(at, "closed" if self._muted[place] else "stale"):
                self._told(key, place, change)
        else:
            alarm.unmute(at)
            self._replan((key, place))

    # -- raising and clearing

    def _alarm(self, key: str, place: _Place, at: float) -> Alarm | None:
        alarm = self._alarms.get((key, place))
        if alarm is None:
            rule = rule_for(key, self._policy, place)
            alarm = self._alarms[key, place] = Alarm(rule)
            if place not in self._muted:
                self._open(place, at)
            self._mute(key, place, at)
        return alarm if alarm.rule.enabled else None

    def _sees(self, key: str, place: _Place, at: float, value: float) -> None:
        self.settle(at)
        if alarm := self._alarm(key, place, at):
            alarm.sees(at, value)
            self._replan((key, place))

    def _grows(self, key: str, place: _Place, at: float, since: float | None) -> None:
        if since is None:
            self._sees(key, place, at, 0)
            return
        self.settle(at)
        if alarm := self._alarm(key, place, at):
            alarm.grows(at, since)
            self._replan((key, place))

    def _replan(self, where: tuple[str, _Place]) -> None:
        when = self._alarms[where].due_at
        if when < self._planned.get(where, math.inf):
            self._later(when, where, partial(self._advance, where))

    def _advance(self, where: tuple[str, _Place], at: float) -> None:
        key, place = where
        alarm = self._alarms[where]
        if self._doubtful and ALERTS[key].muted:
            return
        if change := alarm.advance(at, self._trusted_at):
            self._told(key, place, change)
        self._replan(where)

    def _told(self, key: str, place: _Place, change: Change) -> None:
        kind, rule = ALERTS[key], self._alarms[key, place].rule
        advice = _OVER[change.why] or kind.advice.format(value=change.value, queue=place, pbx=self._pbx)
        self._tell(
            Alert(
                pbx=self._pbx,
                queue=place,
                name=kind.name,
                state="raised" if change.raised else "cleared",
                at=round(change.at, 6),
                since=round(change.since, 6),
                value=round(change.value, 3),
                threshold=rule.threshold,
                severity=rule.severity,
                why=change.why,
                advice=advice,
            )
        )
        if key == "data_stale":
            self._stale = change.raised
            for other, where in self._alarms:
                if ALERTS[other].muted:
                    self._mute(other, where, change.at)

    # -- when to look again

    def _later(self, when: float, what: object, action: Callable[[float], None]) -> None:
        if when < self._planned.get(what, math.inf):
            self._planned[what] = when
            heapq.heappush(self._plan, (when, next(self._serial), what, action))
            self.due_at = self._plan[0][0]

    def settle(self, at: float) -> None:
        """Do what is due by a moment."""
        while self.due_at <= at:
            when, _, what, action = heapq.heappop(self._plan)
            self.due_at = self._plan[0][0] if self._plan else math.inf
            if self._planned.get(what) == when:
                del self._planned[what]
                action(when)
