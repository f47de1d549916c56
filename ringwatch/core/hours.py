"""Opening hours: when a queue or line promises to answer.

Rules of this module:

* Hours are wall time: open is what the clock on the desk's wall and its calendar say is open. So 09:00-17:00 is right
  through both changes of the clock, what would begin in a missing hour begins at its end, and a repeated hour is open
  both times.
* A day's plan is what begins on that day. A closed day or public holiday takes it away whole, past midnight too, and
  leaves what began the evening before.
* One-off openings beat one-off closures, and both beat the week.
* Nothing here reads a file or a clock: the time zone and the holidays are handed in, and time is asked about as data.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

Span = tuple[int, int]
"""From (included) and to (excluded), in minutes after midnight; to lies beyond `MIDNIGHT` for a span past it."""
Spans = tuple[Span, ...]

MIDNIGHT = 24 * 60
ALWAYS: tuple[Spans, ...] = (((0, MIDNIGHT),),) * 7

# A clock beyond 2100 is a broken one: it is answered as at that moment, instead of failing far from its cause.
_LAST_SECOND = 4_102_444_800
_DAY = timedelta(days=1)
# A week repeats, and the clock's change can swallow one short opening of it: after two weeks nothing new comes.
_LOOK_AHEAD = timedelta(days=15)
# A country whose holidays have not come in two years has none.
_LOOK_AHEAD_FOR_HOLIDAYS = timedelta(days=800)


class _Stretch(NamedTuple):
    """A time without change, from ``since`` to before ``until``, in seconds since 1970."""

    since: float
    until: float
    is_open: bool


_NOTHING = _Stretch(since=0, until=0, is_open=False)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When one queue or line is open; without a word, always. Times asked about are in seconds since 1970.

    ``week`` holds the spans of each weekday, Monday first. ``closed_days`` are closed as ``holidays`` are: what begins
    on them is taken away. ``closed`` and ``opened`` are spans by the day they begin on.
    """

    zone: tzinfo = UTC
    week: tuple[Spans, ...] = ALWAYS
    holidays: Container[date] | None = None
    closed_days: frozenset[date] = frozenset()
    closed: Mapping[date, Spans] = field(default_factory=dict)
    opened: Mapping[date, Spans] = field(default_factory=dict)
    # Every fact asks, and time moves slowly: the stretch last asked about answers all but a few of the questions.
    _known: list[_Stretch] = field(default_factory=lambda: [_NOTHING], init=False, repr=False, compare=False)

    @property
    def is_planned(self) -> bool:
        """Whether somebody has said when to be closed; else the desk is open always."""
        return self.week != ALWAYS or self.holidays is not None or bool(self.closed_days or self.closed)

    def is_open(self, at: float) -> bool:
        """Tell whether the desk is open at a moment."""
        return self._stretch(at).is_open

    def next_change(self, at: float) -> float | None:
        """Return the first moment after ``at`` at which the desk opens or closes; ``None`` when it never does."""
        until = self._stretch(at).until
        return None if until == math.inf else until

    def _stretch(self, at: float) -> _Stretch:
        (known,) = self._known
        if not known.since <= at < known.until:
            known = self._known[0] = self._look(at)
        return known

    def _look(self, at: float) -> _Stretch:
        """Go from edge to edge of the plan, starting at ``at``, until one of them changes something."""
        second = min(max(math.floor(at), 0), _LAST_SECOND)
        wall = datetime.fromtimestamp(second, self.zone)
        was_open, edge = self._at(wall)
        ahead = _LOOK_AHEAD if self.holidays is None else _LOOK_AHEAD_FOR_HOLIDAYS
        horizon = max({wall.date(), *self.closed_days, *self.closed, *self.opened}) + ahead
        while at < _LAST_SECOND and wall.date() < horizon:
            second = self._when(second, wall, edge)
            wall = datetime.fromtimestamp(second, self.zone)
            is_open, edge = self._at(wall)
            if is_open != was_open:
                return _Stretch(at, second, was_open)
        return _Stretch(at, math.inf, was_open)

    def _when(self, second: int, wall: datetime, edge: int) -> int:
        """Return when ``edge``, in minutes of wall's day, is reached, or when the clock is changed before that."""
        seconds = edge * 60 - (wall.hour * 3600 + wall.minute * 60 + wall.second)
        offset = wall.utcoffset()

        def is_changed(seconds: int) -> bool:
            return datetime.fromtimestamp(second + seconds, self.zone).utcoffset() != offset

        # No clock is changed twice within a day.
        return second + (bisect_left(range(seconds), x=True, key=is_changed) if is_changed(seconds) else seconds)

    def _at(self, wall: datetime) -> tuple[bool, int]:
        """Tell whether the desk is open at a wall time, and the minute of that day at which to ask again."""
        minute = wall.hour * 60 + wall.minute
        layers = [_spans_on(wall.date(), told) for told in (self._opened, self._closed, self._planned)]
        opened, closed, planned = (any(begin <= minute < end for begin, end in spans) for spans in layers)
        edges = (edge for spans in layers for span in spans for edge in span if minute < edge)
        return opened or (planned and not closed), min(edges, default=MIDNIGHT)

    def _opened(self, day: date) -> Spans:
        return self.opened.get(day, ())

    def _closed(self, day: date) -> Spans:
        return self.closed.get(day, ())

    def _planned(self, day: date) -> Spans:
        if day in self.closed_days or (self.holidays is not None and day in self.holidays):
            return ()
        return self.week[day.weekday()]


def _spans_on(day: date, told: Callable[[date], Spans]) -> list[Span]:
    """Return what covers a day, in minutes from its own midnight: what begins on it and what the day before left."""
    before = ((begin - MIDNIGHT, end - MIDNIGHT) for begin, end in told(day - _DAY))
    return [(begin, min(end, MIDNIGHT)) for begin, end in (*told(day), *before) if end > 0]
