"""Listening to sources in tests: short time-outs, and waiting for what is to come instead of for a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, cast

from ringwatch.config import PbxConfig
from ringwatch.flow.ports import Attached, Batch, Detached, Item, Source

WITHIN = 30.0
"""Seconds after which a test gives up; far beyond what a busy machine takes."""


def pbx(port: int, **keys: Any) -> PbxConfig:
    """Make the configuration of a PBX on this machine, in a hurry; ``keys`` overrule."""
    hurry = {
        "connect_timeout": 5.0,
        "login_timeout": 5.0,
        "ping_seconds": 0.1,
        "read_timeout": 5.0,
        "reconnect_min_seconds": 0.05,
        "reconnect_max_seconds": 0.1,
    }
    return PbxConfig.model_validate({"port": port, "username": "ringwatch", "secret": "secret", **hurry, **keys})


async def collect(source: Source, enough: Callable[[list[Item]], bool], within: float = WITHIN) -> list[Item]:
    """Return a source's items as soon as they are enough, and close the source."""
    items: list[Item] = []
    stream = cast("AsyncGenerator[Item]", source.items())
    async with asyncio.timeout(within), contextlib.aclosing(stream):
        async for item in stream:
            items.append(item)
            if enough(items):
                break
    return items


async def first(source: Source, kind: type[Attached | Detached]) -> Any:
    """Return the first item of a kind."""
    return (await collect(source, lambda items: isinstance(items[-1], kind)))[-1]


async def eventually(condition: Callable[[], object], within: float = WITHIN) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


def blocks_in(items: Iterable[Item]) -> list[bytes]:
    """Return the blocks of all batches, in order."""
    return [block for item in items if isinstance(item, Batch) for block in item.blocks]


def detached_in(items: Iterable[Item]) -> list[Detached]:
    """Return what was told of the connection's failures."""
    return [item for item in items if isinstance(item, Detached)]
