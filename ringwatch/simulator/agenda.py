"""What happens next in the simulated desk, and the stamps on what it says.

Rules: virtual time only, in Unix seconds; nothing here reads a clock or waits. Deeds due at the same instant happen in
the order they were entered, so that a run is the same every time. A block's stamp is at or a little after the instant
of its deed, always later than the stamp before it, and whole in microseconds: what the Timestamp header says is what
the ledger says.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Concatenate, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Shape = ParamSpec("Shape")

# Blocks of one burst lie this far apart in a capture: mostly tens of microseconds, seldom more than half a millisecond.
SHORTEST_GAP_SECONDS = 12e-6
USUAL_GAP_SECONDS = 140e-6


class Deed:
    """Something due; `cancel()` makes it nothing."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        """Keep what is to be done."""
        self._act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """Do nothing when the time comes; cancelling twice, or too late, changes nothing."""
        self._act = None

    def do(self) -> None:
        """Do it, once."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Agenda:
    """The deeds of the desk in order of time. `now` is the instant of the latest one done."""

    __slots__ = ("_count", "_heap", "now")

    def __init__(self, now: float) -> None:
        """Start empty at a Unix time."""
        self.now = now
        self._heap: list[tuple[float, int, Deed]] = []
        self._count = 0

    def at(self, when: float, act: Callable[[], None]) -> Deed:
        """Enter a deed for a Unix time; a time that has passed means at once."""
        deed = Deed(act)
        heappush(self._heap, (max(when, self.now), self._count, deed))
        self._count += 1
        return deed

    def after(self, seconds: float, act: Callable[[], None]) -> Deed:
        """Enter a deed for some seconds from now."""
        return self.at(self.now + seconds, act)

    @property
    def next_at(self) -> float:
        """When the next deed is due; infinity when there is none. It may turn out to be a cancelled one."""
        return self._heap[0][0] if self._heap else float("inf")

    def step(self) -> None:
        """Do the next deed. The agenda must not be empty."""
        self.now, _, deed = heappop(self._heap)
        deed.do()


class Wire:
    """The blocks said so far, with their stamps, until someone takes them."""

    __slots__ = ("_agenda", "_last", "_noise", "blocks")

    def __init__(self, agenda: Agenda, noise: Random) -> None:
        """Stamp by this agenda; `noise` is the jitter between blocks of a burst."""
        self.blocks: list[tuple[float, bytes]] = []
        self._agenda = agenda
        self._last = 0.0
        self._noise = noise

    def say(
        self, shape: Callable[Concatenate[float, Shape], bytes], *args: Shape.args, **kwargs: Shape.kwargs
    ) -> float:
        """Append one block of this shape (a function of `blocks`) and return its stamp."""
        gap = SHORTEST_GAP_SECONDS + self._noise.random() * USUAL_GAP_SECONDS
        self._last = at = round(max(self._agenda.now, self._last) + gap, 6)
        self.blocks.append((at, shape(at, *args, **kwargs)))
        return at

    def take(self) -> list[tuple[float, bytes]]:
        """Hand over the blocks said since the last time."""
        taken, self.blocks = self.blocks, []
        return taken
