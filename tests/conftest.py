"""What every test leaves as it found it."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logging_put_back() -> Iterator[None]:
    """Leave the process's logging as it was.

    A command run inside a test sets it up for good; the warnings of a later test would then go to a handler that
    pytest took away with the first, and which test that is depends on who ran before it in the same process.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
