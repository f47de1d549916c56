"""Facts as JSON lines, appended and flushed as they happen.

Readings are not written: they say how things stand, not what happened.

The file has a thread of its own: those that asyncio shares may all be waiting for servers' names, and what has been
given to it is written even when nobody waits for this sink any more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ringwatch.core.facts import to_json
from ringwatch.core.readings import Reading
from ringwatch.errors import RingwatchError
from ringwatch.flow.hub import Inbox


class FactsFile:
    """Appends to a file.

    :param path: the file; created when it does not exist.
    :param failed: told when the disk refuses, with the number of facts lost so far; the daemon goes on. Without it the
        error is raised.
    """

    name = "facts_file"

    def __init__(self, path: Path, failed: Callable[[str, int], None] | None = None) -> None:
        """Open the file.

        :raises RingwatchError: it cannot be opened.
        """
        try:
            # Unbuffered: what was written is the system's, also when this process is killed.
            self._file = path.open("ab", buffering=0)
            self._torn = path.is_file() and _ends_within_a_line(path)
        except OSError as error:
            message = f"cannot write facts to {path}: {error.strerror}"
            raise RingwatchError(message, remedy="give --facts a file that can be written") from error
        self._path = path
        self._thread = ThreadPoolExecutor(1, "facts")
        self._failed = failed
        self.lost = 0
        """Facts that are not in the file because the disk refused them."""

    async def run(self, inbox: Inbox) -> None:
        """Write until the inbox is closed.

        :raises RingwatchError: the disk refuses and nobody is told otherwise.
        """
        loop = asyncio.get_running_loop()
        try:
            while records := await inbox.get():
                lines = [to_json(r) + b"\n" for r in records if not isinstance(r, Reading)]
                if lines:
                    try:
                        await loop.run_in_executor(self._thread, self._write, b"".join(lines))
                    except OSError as error:
                        message = f"cannot write facts to {self._path}: {error.strerror}"
                        if self._failed is None:
                            raise RingwatchError(message) from error
                        self._failed(message, self.lost)
        finally:
            self._thread.submit(self._file.close)
            self._thread.shutdown(wait=False)

    def _write(self, lines: bytes) -> None:
        # What was cut off within a line must not be read as the beginning of the next.
        data = b"\n" + lines if self._torn else lines
        done = 0
        try:
            while done < len(data):
                # A full disk shows as a short write first, and as an error on the next.
                done += self._file.write(memoryview(data)[done:])
        finally:
            if done:
                self._torn = data[done - 1 : done] != b"\n"
            rest = lines[max(done - len(data) + len(lines), 0) :]
            # A line that lacks nothing but its end gets that with the next write.
            self.lost += rest.removeprefix(b"\n").count(b"\n")


def _ends_within_a_line(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return file.read() not in (b"", b"\n")
    except OSError:
        # To append one need not be allowed to read.
        return False
