"""The desk fixture: every test that takes it runs on both Asterisks, and fails, never skips, where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .desk import Desk


@pytest.fixture(params=["22", "16"], ids=["asterisk-22", "asterisk-16"])
def version(request: pytest.FixtureRequest) -> str:
    """The major version of Asterisk."""
    return str(request.param)


@pytest_asyncio.fixture
async def desk(version: str) -> AsyncIterator[Desk]:
    """A fresh call desk without phones."""
    async with Desk.open(version) as opened:
        yield opened
