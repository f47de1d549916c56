"""The integral in Erlang A where its series would be too long: for great patience or load, in a bounded time.

Rules of this module:

* The integrand e^(c (1 - e^-y) - a y) is log-concave, so its points are chosen by bounds, not by trying: composite
  Gauss-Legendre on panels in each of which it is smooth. Series and integral differ by less than 1e-13, see
  ``tests/core``.
* All is relative to the greatest value, in terms that are never negative: nothing overflows, nothing cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

# Gauss-Legendre, 16 points on (-1, 1): abscissae and weights of one half, DLMF 3.5 (https://dlmf.nist.gov/3.5#v).
_GAUSS = (
    (0.09501250983763744, 0.18945061045506850),
    (0.28160355077925891, 0.18260341504492359),
    (0.45801677765722739, 0.16915651939500254),
    (0.61787624440264375, 0.14959598881657673),
    (0.75540440835500303, 0.12462897125553387),
    (0.86563120238783174, 0.09515851168249278),
    (0.94457502307323258, 0.06225352393864789),
    (0.98940093499164993, 0.02715245941175409),
)
# The integrand is left out where it is below e^-36 of its greatest value.
_DROP = 36.0


class Peak:
    """The integrand, with a = agents * ratio and c = load * ratio, seen from where it is greatest.

    From there, y0 = log(c/a) or 0, it falls off as e^-(bend f(v) + slope v) with v = y - y0, f(v) = e^-v - 1 + v.
    """

    __slots__ = ("_at", "_bend", "_slope")

    def __init__(self, agents: int, load: float, ratio: float) -> None:
        """Find the greatest value."""
        surplus = load - agents
        self._at = math.log1p(surplus / agents) if surplus > 0 else 0.0
        self._bend = min(agents, load) * ratio
        self._slope = max(0.0, -surplus * ratio)

    def inverse_z(self, integral: float) -> float:
        """Return 1 / (a * the integral), from its sum over all `points`, which is relative to the greatest value."""
        return math.exp(-self._bend * _bent(-self._at)) / (integral * (self._bend + self._slope))

    def points(self, first: float) -> Iterator[tuple[float, float]]:
        """Give y from ``first`` on and the integrand there times the width it stands for."""
        for low, high in self._panels(first - self._at):
            middle, half = (low + high) / 2, (high - low) / 2
            for abscissa, weight in _GAUSS:
                for v in (middle - half * abscissa, middle + half * abscissa):
                    yield self._at + v, half * weight * math.exp(-self._bend * _bent(v) - self._slope * v)

    def _panels(self, first: float) -> Iterator[tuple[float, float]]:
        bend = self._bend
        # f(v) > v^2 / (2 + v), or slope v alone: beyond the smaller bound all is dropped.
        last = (_DROP + math.sqrt(_DROP * (_DROP + 8 * bend))) / (2 * bend)
        if self._slope:
            last = min(last, _DROP / self._slope)
        if first < 0:
            # Before the peak f(-u) > u^2 / 2, and beyond u = 1.68 f(-u) > e^u / 2.
            before = max(first, -min(math.sqrt(2 * _DROP / bend), max(1.68, math.log(2 * _DROP / bend))))
            for part in range(4):
                yield before * (4 - part) / 4, before * (3 - part) / 4
        start = max(first, 0.0)
        if start < last:
            # Widths double: near the peak, within 4 patiences of it at most, it bends; far off it falls evenly.
            width = last - start
            low = 0.0
            for halvings in range(max(4, math.ceil(math.log2(width / 4))), -1, -1):
                high = 0.5**halvings
                yield start + low * width, start + high * width
                low = high


def _bent(v: float) -> float:
    """Return e^-v - 1 + v, by its series where that would be a difference of near equals."""
    if abs(v) > 0.1:  # noqa: PLR2004 - nine terms are exact to 1e-15 below it
        return math.expm1(-v) + v
    bent = 1.0
    for k in range(10, 2, -1):
        bent = 1.0 - v / k * bent
    return v * v / 2 * bent
