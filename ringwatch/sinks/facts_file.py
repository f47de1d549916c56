"""Facts as JSON lines, appended and flushed as they happen.

Readings are not written: they say how things stand, not what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ringwatch.core.facts import CallOffered, QueueReading, to_json
from ringwatch.errors import RingwatchError
from ringwatch.flow.hub import Inbox


class FactsFile:
    """Appends to a file.

    :param path: the file; created when it does not exist.
    :param failed: told when the disk refuses; those facts are lost, the daemon goes on. Without it the error is raised.
    """

    name = "facts_file"

    def __init__(self, path: Path, failed: Callable[[str, int], None] | None = None) -> None:
        """Open the file.

        :raises RingwatchError: it cannot be opened.
        """
        try:
            # Unbuffered: what was written is the system's, also when this process is killed.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            message = f"cannot write facts to {path}: {error.strerror}"
            raise RingwatchError(message, remedy="give --facts a file that can be written") from error
        self._path = path
        self._failed = failed
        self._torn = False

    async def run(self, inbox: Inbox) -> None:
        """Write until the inbox is closed.

        :raises RingwatchError: the disk refuses and nobody is told otherwise.
        """
        try:
            while records := await inbox.get():
                lines = [to_json(r) + b"\n" for r in records if not isinstance(r, CallOffered | QueueReading)]
                if lines:
                    try:
                        await asyncio.to_thread(self._write, b"".join(lines))
                    except OSError as error:
                        message = f"cannot write facts to {self._path}: {error.strerror}"
                        if self._failed is None:
                            raise RingwatchError(message) from error
                        self._failed(message, len(lines))
        finally:
            self._file.close()

    def _write(self, data: bytes) -> None:
        if self._torn:
            # The disk filled up within a line: what follows must not be read as its end.
            data = b"\n" + data
        self._torn = True
        rest = memoryview(data)
        while rest:
            # A full disk shows as a short write first, and as an error on the next.
            rest = rest[self._file.write(rest) :]
        self._torn = False
