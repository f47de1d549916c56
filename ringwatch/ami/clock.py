"""The PBX's time as its stream tells it.

Rules:

* An event's time is its ``Timestamp`` (manager.conf ``timestampevents = yes``); list items and the login's FullyBooted
  never carry one, and a PBX without that setting sends none at all.
* An event without it (one that has a ``Privilege``) is stamped with its arrival, moved by the last known difference
  between the two clocks, so that a ringwatch whose own clock is ahead does not push the PBX's time forward. The answer
  to Ping carries a ``Timestamp`` whatever the settings, and a session asks for it first.
* A list item takes the time of what came before it: its arrival could lie after events that are still under way.
* A recording keeps that time in a header of its own, ``Arrival``.
* Time never runs backwards: an earlier stamp is raised to the last one. Only an event's own Timestamp can regress; an
  answer may overtake events that were written before it.
"""

from __future__ import annotations

import math

from ringwatch.ami.message import header

_TIMESTAMP = b"\r\nTimestamp: "
_ARRIVAL = b"\r\nArrival: "
_PRIVILEGE = b"\r\nPrivilege: "

SWAP_SECONDS = 0.01
"""Events that two threads of Asterisk raise at one moment may be stamped in one order and sent in the other (seen in
mix-22, ParkedCall): a step back this small is no clock that runs backwards."""


class StreamClock:
    """Gives every block of one stream its time, in seconds since 1970 by the PBX's clock."""

    def __init__(self) -> None:
        """Start without any idea of the time."""
        self.last: float | None = None
        self.regressed_by = 0.0
        """How far the block just stamped lay behind its forerunner, in seconds; 0 when it did not."""
        self.ahead: float | None = None
        """Own clock minus the PBX's, in seconds, as last seen."""
        self._told = 0.0

    def stamp(self, block: bytes, arrived_at: float | None) -> float | None:
        """Return the time of a block; ``None`` while nothing has told the time.

        :param arrived_at: own clock when the block was read; ``None`` for a recording.
        :raises ValueError: a Timestamp that is no number.
        """
        self.regressed_by = 0.0
        if (value := header(block, _TIMESTAMP)) is not None:
            at = _seconds(value)
            if arrived_at is not None:
                self.ahead = arrived_at - at
            if block[:6] == b"Event:":
                back = self._told - at
                self.regressed_by = back if back > SWAP_SECONDS else 0.0
                self._told = max(self._told, at)
        elif (value := header(block, _ARRIVAL)) is not None:
            at = _seconds(value)
        elif arrived_at is not None and self.ahead is not None and _PRIVILEGE in block:
            at = arrived_at - self.ahead
        else:
            return self.last
        if self.last is None or at > self.last:
            self.last = at
        return self.last

    def now(self, own_time: float) -> float:
        """Return the PBX's time at a moment of the own clock, never before the last block's."""
        return max(own_time - (self.ahead or 0.0), self.last or 0.0)


def with_arrival(block: bytes, clock: StreamClock) -> bytes:
    """Return a block as a recording keeps it: one that was stamped with its arrival is given it as ``Arrival``.

    The block must have been stamped by the clock just before.
    """
    stamped = _PRIVILEGE in block and _TIMESTAMP not in block and _ARRIVAL not in block
    if clock.last is None or not stamped or not block.startswith(b"Event: "):
        return block
    name, end, rest = block.partition(b"\r\n")
    # Seven digits give back the very same number: a replay has exactly the times of the live stream.
    return b"%b\r\nArrival: %.7f%b%b" % (name, clock.last, end, rest)


def _seconds(value: bytes) -> float:
    at = float(value)
    if not math.isfinite(at):
        # "nan" and "inf" are numbers to Python, and would stop the clock for good.
        message = "not finite"
        raise ValueError(message)
    return at
