"""What holds for every test of a source: no thread outlives it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Wait, within bounds, until every thread is gone that the test began; asyncio's own pool is the loop's to end."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    while left := [
        each for each in threading.enumerate() if each not in before and not each.name.startswith("asyncio")
    ]:
        assert time.monotonic() < deadline, f"left behind: {left}"
        left[0].join(0.05)
