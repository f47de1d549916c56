"""When an alert is raised and cleared: the rule, the machine that applies it to one value, and the fact that tells it.

Rules of this module:

* A value at its threshold, or beyond, is **bad**; one at or below the clear level is **well**; what lies between is
  neither, and changes nothing that stands. An alert is raised when the value has been bad for the hold-off, and cleared
  when it has been well for a while. So a value that trembles at the threshold raises one alert, not twenty.
* Both happen at their own moment, whoever says that it has passed: an event, or the clock. `since` is when the value
  became bad, which a clearing repeats.
* A value may grow by itself, a second every second: a wait. When it will be bad is known beforehand.
* Nothing here knows what is measured, a queue, or a clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from ringwatch.core.readings import Key

Severity = Literal["critical", "warning", "info"]
Why = Literal["", "well", "closed", "stale"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one alert behaves for one queue.

    Bad is a value of at least ``threshold``; well is one of at most ``clear_share`` of that. ``hold_off_seconds`` and
    ``clear_seconds`` are how long it must have been so.
    """

    threshold: float
    hold_off_seconds: float
    clear_seconds: float
    clear_share: float
    severity: Severity
    enabled: bool = True

    @property
    def clear_level(self) -> float:
        """The greatest value that is well."""
        return self.threshold * self.clear_share


class Change(NamedTuple):
    """An alert was raised, or cleared (and why), at ``at``; the value had been bad since ``since``."""

    raised: bool
    at: float
    since: float
    value: float
    why: Why = ""


class Alarm:
    """Watches one value; `due_at` is when `advance` has something to do."""

    __slots__ = ("_bad_from", "_grows_from", "_muted", "_value", "_well_from", "_well_until", "rule", "since")

    def __init__(self, rule: Rule) -> None:
        """Start with all well."""
        self.rule = rule
        self.since: float | None = None
        """Since when what is raised has been bad."""
        self._value = 0.0
        self._grows_from: float | None = None
        self._bad_from = self._well_from = math.inf
        self._well_until = math.inf
        self._muted = False

    @property
    def due_at(self) -> float:
        """When it is raised or cleared, if the value goes on as it does; infinite when not."""
        if self._muted:
            return math.inf
        if self.since is None:
            return self._bad_from + self.rule.hold_off_seconds
        due = self._well_from + self.rule.clear_seconds
        return due if due <= self._well_until else math.inf

    def sees(self, at: float, value: float) -> None:
        """Learn the value; all that was due before must have been done."""
        self._grows_from, self._value = None, value
        self._bad(at if value >= self.rule.threshold else math.inf, at)
        self._well(at if value <= self.rule.clear_level else math.inf, at, math.inf)

    def grows(self, at: float, since: float) -> None:
        """Learn that the value is the time since a moment."""
        self._grows_from = since
        bad_from, until = since + self.rule.threshold, since + self.rule.clear_level
        self._bad(max(at, bad_from), at)
        # By a stamp of a far future both may be the same.
        self._well(at if at <= until < bad_from else math.inf, at, until)

    def _bad(self, since: float, at: float) -> None:
        # What was bad and is has been bad all along.
        if not (self._bad_from <= at and since <= at):
            self._bad_from = since

    def _well(self, since: float, at: float, until: float) -> None:
        if not (self._well_from <= at <= self._well_until and since <= at):
            self._well_from = since
        self._well_until = until

    def advance(self, at: float, not_before: float = -math.inf) -> Change | None:
        """Return the next change that is due by a moment; none that is due is told as of before ``not_before``."""
        due = self.due_at
        if due > at:
            return None
        due = max(due, not_before)
        if self.since is not None:
            return self._clear(due, self.since, "well")
        self.since = self._bad_from
        if self._well_until < due:
            # It was well while it was young.
            self._well_from = math.inf
        return Change(raised=True, at=due, since=self.since, value=self._at(due))

    def mute(self, at: float, why: Why) -> Change | None:
        """Say nothing from now on; what is raised is cleared."""
        self._muted = True
        return None if self.since is None else self._clear(at, self.since, why)

    def unmute(self, at: float) -> None:
        """Judge again: what is bad counts as bad from now on."""
        if self._muted:
            self._muted = False
            self._bad_from = max(self._bad_from, at)

    def _clear(self, at: float, since: float, why: Why) -> Change:
        self.since = None
        return Change(raised=False, at=at, since=since, value=self._at(at), why=why)

    def _at(self, at: float) -> float:
        return self._value if self._grows_from is None else at - self._grows_from


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="alert"):
    """Something needs somebody: raised, or cleared again, at ``at``, for a queue or line (``None``: for the PBX).

    ``value`` reached ``threshold`` at ``since``; a clearing repeats that moment, and says why: all is ``well``, the
    desk is ``closed``, or the data are ``stale`` and nothing is known. ``advice`` is one sentence on what to do.
    """

    pbx: str
    queue: str | None
    name: str
    state: Literal["raised", "cleared"]
    at: float
    since: float
    value: float
    threshold: float
    severity: Severity
    why: Why
    advice: str

    @property
    def key(self) -> Key:
        """Identity: (pbx, queue, name, since when, raised or cleared)."""
        return (self.pbx, self.queue or "", self.name, self.since, self.state)
