"""Callers: when they come, who they are, and whether they try again.

Rules: arrivals are a Poisson process whose rate follows the plan's curve, drawn by thinning, one source of chance for
each queue and line; a caller's own decisions come from a seed drawn with the arrival. So the same callers come to the
same plan whoever works there, and only those who call again depend on what happened. Numbers are invented.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from ringwatch.simulator.channels import Party

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwatch.simulator.floor import Floor

WITHHELD = Party("anonymous", "Anonymous")
NAMES = (
    "A. Bakker",
    "B. Kowalska",
    "C. Dąbrowski",
    "D. de Jong",
    "E. Popescu",
    "F. Șerban",
    "G. Иванова",
    "H. Møller",
    "I. van den Berg",
    "J. Peeters",
    "K. Öztürk",
    "L. O'Neill",
)
SEED_BITS = 64


class Arrivals:
    """The callers of one extension."""

    __slots__ = ("_busiest", "_exten", "_floor", "_let_in", "_per_second", "_rng", "open")

    def __init__(
        self, floor: Floor, exten: str, calls_per_hour: float, let_in: Callable[[Party, str, Random], None]
    ) -> None:
        """Let callers in at an extension, at a rate per hour where the curve is 1."""
        self._floor = floor
        self._exten = exten
        self._let_in = let_in
        self._rng = floor.random(f"arrivals {exten}")
        self._busiest = floor.plan.busiest
        self._per_second = calls_per_hour / 3600 * self._busiest
        self.open = True
        if self._per_second > 0:
            self._await_next()

    def _await_next(self) -> None:
        self._floor.agenda.after(self._rng.expovariate(self._per_second), self._consider)

    def _consider(self) -> None:
        if not self.open:
            return
        # Each candidate draws the same numbers whether it comes or not, so that curves can be compared.
        comes = self._rng.random() * self._busiest < self._floor.plan.weight(self._floor.now)
        caller, own = self._draw_party(), Random(self._rng.getrandbits(SEED_BITS))
        if comes:
            self._let_in(caller, self._exten, own)
        self._await_next()

    def _draw_party(self) -> Party:
        rng, plan = self._rng, self._floor.plan
        number = f"0201{rng.randrange(1_000_000):06d}"
        withheld, named, name = rng.random(), rng.random(), NAMES[rng.randrange(len(NAMES))]
        if withheld < plan.withheld:
            return WITHHELD
        return Party(number, name if named < plan.named else "<unknown>")

    def tries_again(self, party: Party, rng: Random) -> None:
        """Let a caller who was not served decide whether and when to call again."""
        plan = self._floor.plan
        again, seconds, own = rng.random(), rng.expovariate(1 / plan.redial_mean_seconds), rng.getrandbits(SEED_BITS)
        if again < plan.redials and party != WITHHELD:
            self._floor.agenda.after(10 + seconds, partial(self._come_back, party, own))

    def _come_back(self, party: Party, seed: int) -> None:
        if self.open:
            self._let_in(party, self._exten, Random(seed))
