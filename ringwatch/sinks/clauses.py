"""The clauses of the service standard, each measured over one queue or line.

Rules:

* Every measurement counts something (callers, holds, talks, seconds looked at) and how much of it was out of standard.
  A clause is kept when nothing was; the service level, when it was reached. The rush index and the reach have no
  threshold: they are shown, not judged.
* Opening hours are when answering is promised: who asked at another time counts for none of the clauses about
  answering, nor does it then matter how many agents were there. Whoever is talked to is owed the rest at any hour.
* What staffing says (agents, occupancy, evenness) holds until it says otherwise, and is weighed by time; a gap was not
  looked at. Of occupancy and evenness the highest is shown: the last may be that of a quiet minute.
* An agent's stretch without a break counts in every queue that the agent was in last: often it ends with a logout.
* A talk or call of which not all was heard counts only where what was heard is out of standard by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ringwatch.core.facts import AMI_PRECISION, Call, Hold, Leg, QueueVisit, Stretch
from ringwatch.core.hours import OpeningHours
from ringwatch.core.readings import StaffingReading
from ringwatch.core.standards import Standard

_LOST = ("abandoned", "short_abandoned")
_ROUNDING = 1e-9


@dataclass(slots=True)
class Tally:
    """How much was looked at, how much of it was out of standard, and the largest value."""

    out: float = 0.0
    of: float = 0.0
    most: float = 0.0

    def add(self, value: float, *, out: bool, weight: float = 1.0) -> None:
        """Count one more."""
        self.of += weight
        self.out += weight * out
        self.most = max(self.most, value)

    def joined(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(self.out + other.out, self.of + other.of, max(self.most, other.most))


@dataclass(slots=True)
class _Mean:
    count: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else 0.0


class Judgement(NamedTuple):
    """What a clause asks for and what was measured, for programs and for people.

    ``threshold`` has the names of the configuration's keys. ``allowed`` is the share that may be out of standard;
    ``None`` where nothing is judged.
    """

    threshold: Mapping[str, float]
    measured: Mapping[str, float]
    asked: str
    found: str
    allowed: float | None = 0.0


class Row(NamedTuple):
    """What came of one clause in one queue or line; ``clause`` is its number in the standard."""

    clause: int
    measure: str
    unit: str
    tally: Tally
    standard: Standard
    judge: Callable[[Standard, Tally], Judgement]

    @property
    def judgement(self) -> Judgement:
        """Say it."""
        return self.judge(self.standard, self.tally)

    @property
    def share(self) -> float:
        """Return the share that was out of standard."""
        return self.tally.out / self.tally.of

    @property
    def kept(self) -> bool | None:
        """Tell whether the clause was kept; ``None`` where nothing is judged."""
        allowed = self.judgement.allowed
        return None if allowed is None else self.share <= allowed + _ROUNDING


class Standing:
    """How one queue or line stands.

    :param standard: what it promises.
    :param hours: when it promises to answer.
    """

    def __init__(self, standard: Standard, hours: OpeningHours) -> None:
        """Start with nothing seen."""
        self._standard = standard
        self._hours = hours
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._pressed, self._calm = _Mean(), _Mean()
        """Talks that ended while callers waited, and the others."""
        self._staffed: StaffingReading | None = None
        self._since = 0.0
        """Up to when that was looked at."""
        self.unasked = 0
        """Callers who asked outside opening hours."""

    # -- what is told

    def served(self, told: QueueVisit | Call) -> None:
        """Take how a caller was served by a queue, or by the phones of a direct line."""
        if told.hours == "closed":
            self.unasked += 1
            return
        if told.in_time is not None:
            rings = told.desk_rings if told.caller_rings is None else told.caller_rings
            self._tallies["third_ring"].add(rings or 0, out=not told.in_time)
        if told.outcome == "answered" or told.outcome in _LOST:
            late = told.outcome in _LOST or told.wait_seconds > self._standard.service_level_seconds
            self._tallies["service_level"].add(told.wait_seconds, out=late)

    def called(self, call: Call) -> None:
        """Take the whole journey of a caller who asked here first."""
        whole = call.outcome != "unknown" and call.precision == AMI_PRECISION
        for measure, times, most in (
            ("hops", call.transfers, self._standard.hops),
            ("bounces", call.bounces, self._standard.bounces),
        ):
            if whole or times > most:
                self._tallies[measure].add(times, out=times > most)
        if call.in_time is not None and call.hours == "open":
            self._tallies["reach"].add(1, out=not call.in_time)

    def talked(self, leg: Leg) -> None:
        """Take a talk."""
        talk = leg.talk_seconds
        for measure, bound in (
            ("talk_target", self._standard.talk_target_seconds),
            ("talk_limit", self._standard.talk_limit_seconds),
        ):
            if leg.from_start or talk >= bound:
                self._tallies[measure].add(talk, out=talk >= bound)
        if leg.from_start:
            (self._pressed if self._standard.presses(leg.lines_waiting) else self._calm).add(talk)

    def held(self, hold: Hold) -> None:
        """Take a time for which a caller was left alone."""
        self._tallies["hold"].add(hold.seconds, out=hold.seconds >= self._standard.hold_limit_seconds)

    def worked(self, stretch: Stretch) -> None:
        """Take how long an agent worked without a break."""
        long = stretch.seconds >= self._standard.unbroken_limit_seconds
        self._tallies["unbroken"].add(stretch.seconds, out=long)

    def staffed(self, reading: StaffingReading) -> None:
        """Take how the queue is staffed from now on."""
        self.passed(reading.at)
        self._staffed, self._since = reading, reading.at

    def missed(self, since: float, until: float) -> None:
        """Leave out a time that was not heard."""
        self.passed(since)
        self._since = max(self._since, until)

    def passed(self, until: float) -> None:
        """Look at how the queue has been staffed up to a moment."""
        reading, since = self._staffed, self._since
        if reading is None or until <= since:
            return
        self._since = until
        weight = until - since
        if (busy := reading.occupancy) is not None:
            self._tallies["occupancy"].add(busy, out=busy > self._standard.max_occupancy, weight=weight)
        if (uneven := reading.load_gini) is not None:
            self._tallies["spread"].add(uneven, out=uneven > self._standard.load_gini, weight=weight)
        if reading.agents_required is not None and (weight := self._open_seconds(since, until)):
            missing = round(reading.agents_required - reading.agents_present, 3)
            self._tallies["agents"].add(missing, out=missing > 0, weight=weight)

    def _open_seconds(self, since: float, until: float) -> float:
        seconds = 0.0
        while since < until:
            change = self._hours.next_change(since)
            end = until if change is None else min(change, until)
            seconds += (end - since) * self._hours.is_open(since)
            since = end
        return seconds

    # -- what came of it

    def rows(self) -> Iterator[Row]:
        """Return a row for everything that was measured."""
        for clause, measure, unit, judge in _CLAUSES:
            if (tally := self._tallies.get(measure)) and tally.of:
                yield Row(clause, measure, unit, tally, self._standard, judge)
        talks = Tally(of=self._pressed.count + self._calm.count)
        if self._pressed.count and self._calm.value:
            yield Row(5, "rush", "talks", talks, self._standard, self._rush)

    def _rush(self, asked: Standard, _: Tally) -> Judgement:
        pressed, calm = self._pressed.value, self._calm.value
        measured = {"index": pressed / calm, "pressed_mean_seconds": pressed, "calm_mean_seconds": calm}
        asks = f"rush index, {asked.lines_waiting} wait"
        found = f"{pressed / calm:.2f} ({_brief(pressed)}/{_brief(calm)} s)"
        return Judgement({"lines_waiting": asked.lines_waiting}, measured, asks, found, allowed=None)


def span(seconds: float) -> str:
    """Show a length of time: in seconds, and what takes two minutes or longer in minutes."""
    return f"{round(seconds, 1):g} s" if seconds < 120 else f"{round(seconds / 60, 1):g} min"  # noqa: PLR2004 - see above


def _brief(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"  # noqa: PLR2004 - where a tenth says something


def _third_ring(asked: Standard, tally: Tally) -> Judgement:
    threshold, measured = {"rings": asked.rings}, {"most_rings": tally.most}
    return Judgement(threshold, measured, f"answer by ring {asked.rings}", f"up to ring {tally.most:g}")


def _seconds(key: str, what: str) -> Callable[[Standard, Tally], Judgement]:
    def judge(asked: Standard, tally: Tally) -> Judgement:
        limit: float = getattr(asked, key)
        texts = f"{what} {span(limit)}", f"up to {span(tally.most)}"
        return Judgement({key: limit}, {"longest_seconds": tally.most}, *texts)

    return judge


def _times(key: str, what: str) -> Callable[[Standard, Tally], Judgement]:
    def judge(asked: Standard, tally: Tally) -> Judgement:
        most: int = getattr(asked, key)
        asks = f"{most or 'no'} {what}{'' if most == 1 else 's'}{' at most' if most else ''}"
        return Judgement({key: most}, {"most": tally.most}, asks, f"up to {tally.most:g}")

    return judge


def _occupancy(asked: Standard, tally: Tally) -> Judgement:
    threshold, measured = {"max_occupancy": asked.max_occupancy}, {"highest": tally.most}
    return Judgement(threshold, measured, f"occupancy {asked.max_occupancy:.0%}", f"up to {tally.most:.0%}")


def _spread(asked: Standard, tally: Tally) -> Judgement:
    threshold, measured = {"load_gini": asked.load_gini}, {"highest": tally.most}
    return Judgement(threshold, measured, f"spread, Gini {asked.load_gini:g}", f"up to {tally.most:.2f}")


def _reach(asked: Standard, tally: Tally) -> Judgement:
    threshold = {"reach_angry": asked.reach_angry, "reach_happy": asked.reach_happy}
    bad, good = tally.out * asked.reach_angry, (tally.of - tally.out) * asked.reach_happy
    found = f"{bad:.0f} bad, {good:.0f} good"
    return Judgement(threshold, {"bad": bad, "good": good}, "reach, an estimate", found, allowed=None)


def _agents(asked: Standard, tally: Tally) -> Judgement:
    threshold = {"service_level": asked.service_level, "service_level_seconds": asked.service_level_seconds}
    asks = f"agents, {asked.service_level:.0%} in {span(asked.service_level_seconds)}"
    found = f"up to {round(tally.most, 1):g} missing" if tally.most else "nobody missing"
    return Judgement(threshold, {"most_missing": tally.most}, asks, found)


def _service_level(asked: Standard, tally: Tally) -> Judgement:
    threshold = {"service_level": asked.service_level, "service_level_seconds": asked.service_level_seconds}
    reached = 1 - tally.out / tally.of
    asks = f"{asked.service_level:.0%} in {span(asked.service_level_seconds)}"
    return Judgement(threshold, {"reached": reached}, asks, f"{reached:.0%}", allowed=1 - asked.service_level)


_CLAUSES: tuple[tuple[int, str, str, Callable[[Standard, Tally], Judgement]], ...] = (
    (1, "third_ring", "callers", _third_ring),
    (2, "hold", "holds", _seconds("hold_limit_seconds", "hold limit")),
    (3, "talk_target", "talks", _seconds("talk_target_seconds", "talk target")),
    (3, "talk_limit", "talks", _seconds("talk_limit_seconds", "talk limit")),
    (4, "hops", "callers", _times("hops", "hop")),
    (4, "bounces", "callers", _times("bounces", "bounce")),
    (6, "unbroken", "stretches", _seconds("unbroken_limit_seconds", "break after")),
    (6, "occupancy", "seconds", _occupancy),
    (7, "spread", "seconds", _spread),
    (11, "reach", "callers", _reach),
    (12, "agents", "seconds", _agents),
    (12, "service_level", "callers", _service_level),
)
