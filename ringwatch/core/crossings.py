"""Limits that a conversation crosses while it is still up: the length of the talk, and of a hold.

Rules:

* The clock of the talk stands still while the caller is left alone: what is measured is `talk_seconds` as the leg tells
  it in the end. A hold is measured as the fact `hold` tells it.
* A limit is crossed at its own moment, whoever says that this moment has passed: an event, or the clock. So it is told
  once, and as of the same moment, however often the clock strikes.
* What the clock says is believed a little later: an event of a moment before may be under way.
* Somebody who has gone is gone: between that and the end of the conversation nothing is crossed. A short absence may
  turn out to be none; then the talk has gone on, and what it crossed meanwhile is told as of its moment.
* While the stream is broken, and until a listing has shown who is still there, nothing is crossed.
* A conversation is held to the standard of its queue, else of the direct line. One that has neither has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

from ringwatch.core.facts import Crossing, CrossingOf, Record
from ringwatch.core.readings import TalksReading
from ringwatch.core.standards import Policy, Standard
from ringwatch.core.state import BLINK_SECONDS, Leg
from ringwatch.core.telling import Teller

LATE_SECONDS = 0.1
"""How late an event may come after the clock has struck."""
# Half a microsecond absorbs the binary rounding of timestamps, as in the counting of rings.
_ROUNDING = 5e-7


class Counts(NamedTuple):
    """Conversations longer than the target, and the limit, callers on hold, and on hold for too long."""

    over_target: int
    over_limit: int
    on_hold: int
    on_hold_over_limit: int


NOTHING = Counts(0, 0, 0, 0)


@dataclass(slots=True)
class _Open:
    """What is known of a conversation that is up."""

    crossed: set[CrossingOf] = field(default_factory=set)
    """Bounds of the talk."""
    alone: bool = False
    """The caller is on hold, for longer than a bridge takes to be rebuilt."""
    long_since: float | None = None
    """Beginning of the last hold that has crossed its limit."""

    @property
    def shown(self) -> bool:
        """Whether it counts in any reading."""
        return self.alone or bool(self.crossed)


class Crossings:
    """The open conversations of one PBX, with the moments at which they cross a limit."""

    def __init__(self, policy: Policy, teller: Teller, tell: Callable[[Record], None]) -> None:
        """Start with silence."""
        self._policy = policy
        self._teller = teller
        self._tell = tell
        self._open: dict[Leg, _Open] = {}
        self._doubtful = False
        self._crossed: list[Crossing] = []
        """What is to be told of the moment."""
        self._changed = False
        self.stirred = False
        """Whether something has changed, for whoever judges how they `stand`; to be taken back then."""
        self._shown: dict[str, Counts] = {}
        """What was last told of queues and lines that have something to show."""
        self.due_at = math.inf
        """Before this moment `settle` has nothing to do."""

    def began(self, leg: Leg) -> None:
        """A conversation began."""
        self._open[leg] = _Open()
        self.moved(leg)

    def moved(self, leg: Leg) -> None:
        """Something happened to a conversation: its caller is left alone, or is not any more."""
        known = self._open[leg]
        shown, known.alone = known.shown, leg.silent_since is not None and (known.alone or leg.held or leg.parked)
        if shown or known.shown:
            self._stir()
        if not self._doubtful:
            self.due_at = min(self.due_at, self._next(leg, known))

    def held(self, leg: Leg, since: float, at: float) -> None:
        """A hold is over."""
        if not leg.call.lost:
            self._judge_hold(leg, self._open[leg], since, at)
            self._tell_all()

    def ended(self, leg: Leg, at: float) -> None:
        """A conversation is over; of one that vanished nobody knows how long it lasted."""
        known = self._open.pop(leg)
        if known.shown:
            self._stir()
        if not leg.call.lost:
            self._judge_talk(leg, known, at)
            self._tell_all()

    def settle(self, at: float) -> None:
        """Tell what was crossed up to a moment."""
        self.due_at = math.inf
        for leg, known in self._open.items():
            until = at if leg.left is None else min(at, leg.left[0])
            if (since := leg.silent_since) is not None:
                if not known.alone and until >= since + BLINK_SECONDS:
                    known.alone = True
                    self._stir()
                self._judge_hold(leg, known, since, until)
                until = min(until, since)
            self._judge_talk(leg, known, until)
            self.due_at = min(self.due_at, self._next(leg, known))
        self._tell_all()

    def doubt(self) -> None:
        """The stream broke: who is still there is not known."""
        self._doubtful, self.due_at = True, math.inf

    def trust(self) -> None:
        """A listing has shown who is still there."""
        self._doubtful, self.due_at = False, -math.inf

    def stand(self) -> dict[str, Counts]:
        """Count the conversations of queues and lines that have something to show."""
        stand: dict[str, Counts] = {}
        for leg, known in self._open.items():
            if known.shown and (name := leg.queue or leg.line):
                too_long = known.alone and known.long_since == leg.silent_since
                mine = ("talk_target" in known.crossed, "talk_limit" in known.crossed, known.alone, too_long)
                stand[name] = Counts(*map(add, stand.get(name, NOTHING), mine))
        return stand

    def _stir(self) -> None:
        self._changed = self.stirred = True

    def readings(self) -> list[TalksReading]:
        """Say how the conversations of every queue and line stand, where that has changed."""
        if not self._changed:
            return []
        self._changed = False
        stand = dict.fromkeys(self._shown, NOTHING) | self.stand()
        changed = {name: counts for name, counts in stand.items() if counts != self._shown.get(name, NOTHING)}
        self._shown = {name: counts for name, counts in stand.items() if counts != NOTHING}
        return [self._teller.talks(name, counts) for name, counts in changed.items()]

    def _next(self, leg: Leg, known: _Open) -> float:
        """Return when a conversation crosses something, if nothing more happens to it."""
        standard = self._standard(leg)
        if standard is None or leg.left is not None:
            return math.inf
        if (since := leg.silent_since) is not None:
            blink = math.inf if known.alone else since + BLINK_SECONDS
            return blink if known.long_since == since else min(blink, since + standard.hold_limit_seconds)
        return min((at for what, at, _ in _bounds(leg, standard) if what not in known.crossed), default=math.inf)

    def _judge_talk(self, leg: Leg, known: _Open, until: float) -> None:
        for what, at, threshold in _bounds(leg, self._standard(leg)):
            if what not in known.crossed and at <= until + _ROUNDING:
                known.crossed.add(what)
                self._cross(leg, at, what, threshold)

    def _judge_hold(self, leg: Leg, known: _Open, since: float, until: float) -> None:
        standard = self._standard(leg)
        if standard and known.long_since != since and since + standard.hold_limit_seconds <= until + _ROUNDING:
            known.long_since = since
            self._cross(leg, since + standard.hold_limit_seconds, "hold_limit", standard.hold_limit_seconds)

    def _cross(self, leg: Leg, at: float, what: CrossingOf, threshold: float) -> None:
        self._stir()
        self._crossed.append(self._teller.crossing(leg, at, what, threshold))

    def _tell_all(self) -> None:
        """Tell what was crossed, in the order in which it was."""
        if self._crossed:
            crossed, self._crossed = self._crossed, []
            for crossing in sorted(crossed, key=lambda each: each.at):
                self._tell(crossing)

    def _standard(self, leg: Leg) -> Standard | None:
        name = leg.queue or leg.line
        return self._policy.standard(name) if name else None


def _bounds(leg: Leg, standard: Standard | None) -> list[tuple[CrossingOf, float, float]]:
    """Return every bound of a talk, when it is reached if the caller is not left alone again, and what it is."""
    if standard is None:
        return []
    began = leg.started_at + leg.hold_seconds
    target, limit = standard.talk_target_seconds, standard.talk_limit_seconds
    return [("talk_target", began + target, target), ("talk_limit", began + limit, limit)]
