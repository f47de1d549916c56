"""What callers ask of a queue, estimated over a rolling window: arrivals per second, handle time, patience.

Rules of this module:

* Time is the data's: whoever feeds it says when. A tick without anything else moves the window on.
* The window is cut into equal buckets; old ones are dropped whole, so memory is bounded and the window is exact to one
  bucket. What comes late goes where it belongs, or nowhere when that is gone; a clock that steps back moves nothing.
* Rates are per second *looked at*: the time before the start and the time of a gap count as neither busy nor quiet.
* Patience is the maximum-likelihood estimate of an exponential under censoring: the waiting time of all callers over
  the number of those who hung up. Who was answered, or left in another way, would have waited longer: their time counts
  above, they do not count below (J. F. Lawless, "Statistical Models and Methods for Lifetime Data"). Nobody hung up: it
  is infinite, which is Erlang C.
* Short abandons count as hanging up: they hung up while waiting, and the estimate asks no more.
* How sure an estimate is follows from how many it was made of: callers come at random (Poisson) and handle times are
  exponential, as for Erlang, so the logarithm of the load has the variance 1/arrivals + 1/handled (the delta method).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ringwatch.core.erlang import Demand
from ringwatch.core.facts import QueueVisit, Record
from ringwatch.core.readings import CallOffered

WINDOW_SECONDS = 1800.0
BUCKETS = 30
_HUNG_UP = ("abandoned", "short_abandoned")


@dataclass(slots=True)
class Estimate:
    """What was seen in a window, and what follows from it.

    ``seconds`` is the time looked at, ``handle_seconds`` talk, hold and wrap-up of the ``handled`` callers,
    ``wait_seconds`` the waiting time of all who no longer wait.
    """

    seconds: float = 0.0
    arrivals: int = 0
    handled: int = 0
    handle_seconds: float = 0.0
    abandoned: int = 0
    wait_seconds: float = 0.0

    @property
    def calls_per_second(self) -> float:
        """Return how often callers come; 0 when no time was looked at."""
        return self.arrivals / self.seconds if self.seconds > 0 else 0.0

    @property
    def aht_seconds(self) -> float | None:
        """Return the mean handle time; None when nobody was handled."""
        return self.handle_seconds / self.handled if self.handled else None

    @property
    def patience_seconds(self) -> float:
        """Return the mean patience; infinite when nobody hung up."""
        return self.wait_seconds / self.abandoned if self.abandoned else math.inf

    @property
    def demand(self) -> Demand | None:
        """Return what `ringwatch.core.erlang` asks for; None when calls came and their handle time is not known."""
        aht = self.aht_seconds
        if aht is None and self.arrivals:
            return None
        return Demand(self.calls_per_second, aht or 0.0, self.patience_seconds)

    @property
    def spread(self) -> float:
        """Return the standard deviation of the logarithm of the load; infinite when nobody came or was handled."""
        return math.sqrt(1 / self.arrivals + 1 / self.handled) if self.arrivals and self.handled else math.inf


class Estimator:
    """Watches one queue.

    :param window_seconds: how far back is looked.
    :param buckets: into how many parts that is cut.
    """

    __slots__ = ("_at", "_buckets", "_count", "_since", "_width")

    def __init__(self, window_seconds: float = WINDOW_SECONDS, buckets: int = BUCKETS) -> None:
        """Start without having seen anything."""
        self._width = window_seconds / buckets
        self._count = buckets
        self._buckets: dict[int, Estimate] = {}
        """By number, counted in widths since 1970. Their ``seconds`` are those *not* looked at."""
        self._since = -math.inf
        self._at = -math.inf

    def apply(self, record: Record) -> None:
        """Learn from a record of this queue: a caller who came, or a visit that is over (told after its talk).

        A visit counts when it is told, so that a talk longer than the window counts too.
        """
        if isinstance(record, CallOffered):
            self.arrived(record.at)
        elif isinstance(record, QueueVisit) and record.outcome != "unknown":
            self.waited(record.ended_at, record.wait_seconds, hung_up=record.outcome in _HUNG_UP)
            if record.outcome == "answered":
                self.handled(record.ended_at, record.talk_seconds + record.hold_seconds)

    def arrived(self, at: float) -> None:
        """Count a caller."""
        self._bucket(at).arrivals += 1

    def waited(self, at: float, seconds: float, *, hung_up: bool) -> None:
        """Count a wait that is over, by hanging up or in any other way."""
        bucket = self._bucket(at)
        bucket.wait_seconds += seconds
        bucket.abandoned += hung_up

    def handled(self, at: float, seconds: float) -> None:
        """Count a caller with their talk and hold."""
        bucket = self._bucket(at)
        bucket.handled += 1
        bucket.handle_seconds += seconds

    def wrapped_up(self, at: float, seconds: float) -> None:
        """Add the wrap-up of a caller who is counted as handled."""
        self._bucket(at).handle_seconds += seconds

    def missed(self, since: float, until: float) -> None:
        """Take out a time that was not looked at: a gap in the data."""
        self.tick(until)
        start = max(since, self._begin())
        for number in range(math.floor(start / self._width), math.floor(until / self._width) + 1):
            blind = min(until, (number + 1) * self._width) - max(start, number * self._width)
            self._numbered(number).seconds += max(0.0, blind)

    def tick(self, at: float) -> None:
        """Move the window on, to this time."""
        if self._at == -math.inf:
            self._since = at
        if at > self._at:
            self._at = at
            oldest = self._oldest()
            for number in [number for number in self._buckets if number < oldest]:
                del self._buckets[number]

    def estimate(self, at: float) -> Estimate:
        """Return what was seen in the window that ends at this time."""
        self.tick(at)
        total = Estimate(seconds=self._at - self._begin())
        for bucket in self._buckets.values():
            total.seconds -= bucket.seconds
            total.arrivals += bucket.arrivals
            total.handled += bucket.handled
            total.handle_seconds += bucket.handle_seconds
            total.abandoned += bucket.abandoned
            total.wait_seconds += bucket.wait_seconds
        total.seconds = max(0.0, total.seconds)
        return total

    def _oldest(self) -> int:
        """Return the number of the oldest bucket of the window."""
        return math.floor(self._at / self._width) - self._count + 1

    def _begin(self) -> float:
        """Return the time from which on is looked."""
        return max(self._since, self._oldest() * self._width)

    def _bucket(self, at: float) -> Estimate:
        self.tick(at)
        return self._numbered(math.floor(at / self._width))

    def _numbered(self, number: int) -> Estimate:
        """Return a bucket of the window; one that nobody keeps for a time before it."""
        return self._buckets.setdefault(number, Estimate()) if number >= self._oldest() else Estimate()
