"""Recordings of AMI streams: reading them as a source, writing them from one.

Rules:

* A recording is the raw bytes one account received. Reading takes them as they come: a banner or none, gzip or not
  (told by content, not by name), a file or standard input, cut off anywhere.
* Writing keeps every block as it was read, with two exceptions: blocks without a Timestamp get their time of arrival
  as ``Arrival``, and on request numbers and names become pseudonyms.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ringwatch.ami.clock import StreamClock, with_arrival
from ringwatch.ami.framing import BANNER, OVERSIZED, Framer
from ringwatch.errors import CaptureError
from ringwatch.flow.ports import Batch, Item

STANDARD_INPUT = Path("-")
_GZIP = b"\x1f\x8b"
_READ_SIZE = 256 * 1024


class CaptureSource:
    """Reads a recording.

    :param path: the file; ``-`` is standard input.
    """

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is opened yet."""
        self._path = path
        self._name = "standard input" if path == STANDARD_INPUT else str(path)

    async def items(self) -> AsyncIterator[Item]:
        """Yield what the recording holds.

        :raises CaptureError: it cannot be read, or nothing in it is an AMI message.
        """
        framer = Framer()
        found = False
        async for data in self._chunks():
            blocks = framer.feed(data)
            found = found or any(block.startswith((b"Event: ", b"Response: ")) for block in blocks)
            yield Batch(blocks, None, len(data))
        if not found:
            message = f"{self._name} holds no AMI message"
            raise CaptureError(
                message, remedy="give the raw bytes of a Manager session, as 'ringwatch record' writes them"
            )

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            # The command's own standard input is not ours to close.
            file = sys.stdin.buffer if self._path == STANDARD_INPUT else await asyncio.to_thread(self._path.open, "rb")
            try:
                first = await asyncio.to_thread(file.read, len(_GZIP))
                unzip = _Unzip() if first == _GZIP else None
                data = first
                while data:
                    for piece in unzip.pieces(data) if unzip else [data]:
                        yield piece
                    data = await asyncio.to_thread(_read_some, file)
                if unzip and unzip.unfinished:
                    message = f"{self._name} is cut off in its compression; what is before the cut has been read"
                    raise CaptureError(message, remedy="copy it again, or take it as it is")
            finally:
                if file is not sys.stdin.buffer:
                    file.close()
        except (OSError, zlib.error) as error:
            message = f"cannot read {self._name}: {getattr(error, 'strerror', None) or error}"
            raise CaptureError(message) from error


class _Unzip:
    """Decompresses piece by piece, so that a stream that packs well does not fill the memory."""

    def __init__(self) -> None:
        self._member = _gzip_member()

    @property
    def unfinished(self) -> bool:
        return not self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                # A recording that was continued is several gzip members, one behind the other.
                self._member = _gzip_member()
            yield self._member.decompress(data, _READ_SIZE)
            data = self._member.unconsumed_tail or self._member.unused_data


def _gzip_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _read_some(file: BinaryIO) -> bytes:
    read1: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read1(_READ_SIZE)


class CaptureWriter:
    """Writes blocks as a recording.

    :param path: the file, which must be new: an hour of a desk cannot be recorded again. ``.gz`` at its end
        compresses. Nothing is left of a recording without a block.
    :param disguise: applied to every block before it is written.
    """

    def __init__(self, path: Path, disguise: Callable[[bytes], bytes] = bytes) -> None:
        """Open the file.

        :raises CaptureError: it cannot be written.
        """
        if path.is_file() and path.stat().st_size:
            message = f"{path} exists already"
            raise CaptureError(message, remedy="give the recording another name, or move the old one away")
        try:
            self._file = gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")  # noqa: SIM115 - see close
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}"
            raise CaptureError(message) from error
        self._path = path
        self._disguise = disguise
        self._clock = StreamClock()
        self.blocks = 0
        """Blocks written."""

    def write(self, batch: Batch) -> None:
        """Append the blocks of a batch and hand them to the system.

        :raises CaptureError: the disk refuses.
        """
        lines: list[bytes] = []
        for block in batch.blocks:
            if block == OVERSIZED:
                continue
            try:
                self._clock.stamp(block, batch.arrived_at)
            except ValueError:
                # Kept as it is: a reader counts it as malformed, as ringwatch did when it was live.
                pass
            else:
                block = with_arrival(block, self._clock)  # noqa: PLW2901 - the same block, with its time
            lines += [self._disguise(block), b"\r\n" if block.startswith(BANNER) else b"\r\n\r\n"]
            self.blocks += 1
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
        except OSError as error:
            message = f"cannot write the recording: {error.strerror}"
            raise CaptureError(message) from error

    def close(self) -> None:
        """Finish the file.

        :raises CaptureError: the disk refuses.
        """
        try:
            self._file.close()
            if not self.blocks and self._path.is_file():
                self._path.unlink()
        except OSError as error:
            message = f"cannot write the recording: {error.strerror}"
            raise CaptureError(message) from error
