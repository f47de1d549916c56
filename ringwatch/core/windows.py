"""Rolling windows of what happened: so many in the last seconds, and what part of them was bad.

Times are the data's. What leaves a window leaves it at its own moment, which is known beforehand (`Window.due_at`).
"""

from __future__ import annotations

import math
from collections import deque


class Window:
    """What happened in the last ``seconds``."""

    __slots__ = ("_bad", "_happened", "seconds")

    def __init__(self, seconds: float) -> None:
        """Start with nothing."""
        self.seconds = seconds
        self._happened: deque[tuple[float, bool]] = deque()
        self._bad = 0

    def __len__(self) -> int:
        """Count all that happened."""
        return len(self._happened)

    @property
    def bad_share(self) -> float:
        """Part of it that was bad, 0 of nothing."""
        return self._bad / len(self._happened) if self._happened else 0.0

    @property
    def due_at(self) -> float:
        """When the oldest leaves; infinite when there is none."""
        return self._happened[0][0] + self.seconds if self._happened else math.inf

    def add(self, at: float, *, bad: bool = True) -> None:
        """Count one more; what is told late counts as of the latest before it."""
        self._happened.append((max(at, self._happened[-1][0]) if self._happened else at, bad))
        self._bad += bad

    def move(self, at: float) -> None:
        """Let go of what is too old at a moment."""
        while self.due_at <= at:
            self._bad -= self._happened.popleft()[1]


class Budget:
    """A share of callers that may be served badly, and how fast it is spent: 1 is just as fast as allowed.

    Source of the formula: multi-window burn rates, "The Site Reliability Workbook", chapter 5 (Alerting on SLOs).

    :param target: share of callers to be served well, above 0 and below 1.
    :param least: callers in the longest window below which nothing is judged.
    """

    def __init__(self, target: float, windows: tuple[float, ...], least: int) -> None:
        """Start with nobody judged."""
        self._allowed = 1 - target
        self._windows = [Window(seconds) for seconds in windows]
        self._least = least

    @property
    def due_at(self) -> float:
        """When a caller leaves a window."""
        return min(window.due_at for window in self._windows)

    def add(self, at: float, *, bad: bool) -> None:
        """Judge one more caller."""
        for window in self._windows:
            window.add(at, bad=bad)

    def burn(self, at: float) -> float:
        """Return how many times faster than allowed the budget was spent in every window: the least of them."""
        for window in self._windows:
            window.move(at)
        if max(map(len, self._windows)) < self._least:
            return 0.0
        return round(min(window.bad_share for window in self._windows) / self._allowed, 4)
