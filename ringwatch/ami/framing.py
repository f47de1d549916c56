"""Cuts a byte stream into AMI blocks, in bounded memory.

Rules:

* A block is what stands between two empty lines, without the line ends around it; empty blocks do not exist.
* The first line of a connection is a banner (``Asterisk Call Manager/11.0.0``) and a block of its own. It is
  recognised, not required, so that a recording may begin anywhere.
* A block longer than ``limit`` is dropped; `OVERSIZED` stands in its place, and the stream goes on behind the empty
  line that ends it.
* How the bytes were cut into chunks never changes the blocks (a property test holds it). Nothing here raises.
"""

from __future__ import annotations

BANNER = b"Asterisk Call Manager/"
DEFAULT_LIMIT = 64 * 1024
OVERSIZED = b""
"""Stands among the blocks where one was dropped for its length; no real block is empty."""

_END = b"\r\n\r\n"
# How a part begins that is no block yet: more than one empty line stood before it.
_UNTIDY = frozenset((b"", b"\r", b"\n"))


class Framer:
    """Collects bytes and gives back whole blocks.

    :param limit: longest block in bytes that is kept; Asterisk's own events stay under 4 KiB.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        """Start at the first byte of a connection or recording."""
        self._limit = limit
        self._rest = b""
        self._skipping = False
        self._at_start = True

    @property
    def pending(self) -> bytes:
        """The beginning of a block whose end has not arrived."""
        return self._rest

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the blocks they complete, in order."""
        data = self._rest + data if self._rest else data
        blocks: list[bytes] = []
        if self._at_start:
            data = self._take_banner(data, blocks)
            if self._at_start:
                self._rest = data
                return blocks
        parts = data.split(_END)
        rest = parts.pop()
        if (
            parts
            and not self._skipping
            and max(map(len, parts)) <= self._limit
            and _UNTIDY.isdisjoint({part[:1] for part in parts})
        ):
            # Every block of a healthy stream can be taken as it is.
            blocks += parts
            parts = []
        for part in parts:
            if self._skipping:
                # The end of the block that was already counted.
                self._skipping = False
            elif len(part) > self._limit:
                blocks.append(OVERSIZED)
            # More than one empty line between two blocks leaves line ends at the front of the second.
            elif block := part.lstrip(b"\r\n") if part[:1] in b"\r\n" else part:
                blocks.append(block)
        if not self._skipping and len(rest) > self._limit + len(_END):
            self._skipping = True
            blocks.append(OVERSIZED)
        # While skipping, the empty line that ends the block may itself be cut: its first three bytes must survive.
        self._rest = rest[-3:] if self._skipping else rest
        return blocks

    def _take_banner(self, data: bytes, blocks: list[bytes]) -> bytes:
        if not data.startswith(BANNER):
            self._at_start = BANNER.startswith(data)
            return data
        line, end, rest = data.partition(b"\r\n")
        # A line end that is cut in two leaves its first byte with the line.
        if len(line) > self._limit + (not end):
            self._at_start = False
            return data
        if not end:
            return data
        blocks.append(line)
        self._at_start = False
        return rest
