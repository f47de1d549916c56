"""Waiting for what a test is about, instead of for some time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 20.0
"""Far beyond what anything here takes: only a test that fails ever waits so long."""

_LOOK_EVERY_SECONDS = 0.01


async def until(holds: Callable[[], object], what: str, within: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds; fail with its name when it does not come true."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"waited {within:g} s in vain for {what}"
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def wait_until(holds: Callable[[], object], what: str, within: float = PATIENCE_SECONDS) -> None:
    """Wait as `until` does, outside of a loop."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"waited {within:g} s in vain for {what}"
        time.sleep(_LOOK_EVERY_SECONDS)
