"""What both live sources share: staying attached to a PBX."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

from ringwatch.config import PbxConfig
from ringwatch.errors import SourceError
from ringwatch.flow.ports import Attached, Detached, Item

# A connection that lasted this long was a good one: the next failure starts from the shortest pause again.
GOOD_AFTER_SECONDS = 60.0


class Backoff:
    """Exponential pauses with full jitter above the shortest, so that many daemons do not return at once.

    :param shortest: least pause in seconds.
    :param longest: bound of every pause in seconds.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(self, shortest: float, longest: float, jitter: Callable[[], float] = random.random) -> None:
        """Start with the shortest pause."""
        self._shortest = shortest
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def lasted(self, seconds: float) -> None:
        """Forget earlier failures when the connection that just ended was a good one."""
        if seconds >= GOOD_AFTER_SECONDS:
            self._failures = 0

    def pause(self) -> float:
        """Return the next pause in seconds."""
        # 2^32 times the shortest is beyond any bound; a float would overflow after a month of failures.
        bound = min(self._longest, self._shortest * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return self._shortest + self._jitter() * (bound - self._shortest)


async def stay_attached(
    pbx: PbxConfig, connection: Callable[[], AsyncIterator[Item]], *, give_up: bool
) -> AsyncIterator[Item]:
    """Open a connection again and again, and yield what it and its failures have to say.

    :param give_up: end with the error when nothing was ever attached and only a person can mend the cause (wrong
        secret, not a Manager Interface), so that a daemon started with a typing error does not look healthy.
    :raises SourceError: the source gave up.
    """
    backoff = Backoff(pbx.reconnect_min_seconds, pbx.reconnect_max_seconds)
    attached = False
    while True:
        started = time.monotonic()
        try:
            async for item in connection():
                attached = attached or isinstance(item, Attached)
                yield item
        except SourceError as error:
            backoff.lasted(time.monotonic() - started)
            if error.fatal and give_up and not attached:
                raise
            pause = backoff.pause()
            yield Detached(time.time(), error.message, error.remedy, pause)
            await asyncio.sleep(pause)
