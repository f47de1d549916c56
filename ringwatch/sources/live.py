"""What both live sources share: staying attached to a PBX."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from ringwatch.config import PbxConfig
from ringwatch.errors import SourceError
from ringwatch.flow.ports import Attached, Detached, Item
from ringwatch.flow.remote import Backoff


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
