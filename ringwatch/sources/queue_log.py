"""Reads queue_logs: whole files, rotated sets, and the one that Asterisk is writing.

Rules:

* A set of files is read in the order of what is in them: the first time in each, not its name or its date. Compression
  (gzip, bzip2, xz) is told by content as well, and so is an export of the database's table (CSV with a header row; the
  columns are in `ringwatch.core.queue_log`).
* A line that the file ends in the middle of is no line: ``COMPLETECALLER|6|4`` may have been going to be 40.
* The live log is followed through every way of rotating: moved away (what is still written to the old file is read
  until the new one has begun), copied and emptied, deleted. It need not be there yet.
* Lines end with a line feed and nothing else: a name may hold any other character.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import IO, cast

from ringwatch.core.queue_log import Damaged, Foreign, Line, Parser, Read
from ringwatch.errors import QueueLogError

_OPENERS = cast(
    "tuple[tuple[bytes, Callable[[Path], IO[bytes]]], ...]",
    ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open)),
)
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError)
_TABLE_COLUMNS = frozenset({"callid", "queuename", "event"})
_DELIMITERS = ",;\t"
_SECONDS = re.compile(r"[0-9]{9,11}(\.[0-9]*)?")
_FIRST_LINES = 100
_KINDS = 50
"""Names of foreign events that are kept apart: a dialplan may invent any number."""
_KEPT = 1000
"""Damaged lines that are kept, for a report."""
_HEAD = 256
"""Bytes by which the beginning of a file is known again."""
_CHUNK = 1 << 20


@dataclass(slots=True)
class Tally:
    """What was read besides lines of visits, for the report."""

    lines: int = 0
    foreign: Counter[str] = field(default_factory=Counter)
    """Lines of events that Asterisk itself does not write, by event."""
    damaged: int = 0
    torn: int = 0
    """Files that ended in the middle of a line."""
    examples: list[Damaged] = field(default_factory=list)

    def note(self, read: Read) -> Line | None:
        """Count one line, and return it if it is one to go by."""
        self.lines += 1
        if isinstance(read, Line):
            return read
        if isinstance(read, Foreign):
            known = read.event in self.foreign or len(self.foreign) < _KINDS
            self.foreign[read.event if known else "others"] += 1
        elif read.torn:
            self.torn += 1
        else:
            self.damaged += 1
            if len(self.examples) < _KEPT:
                self.examples.append(read)
        return None


class QueueLogFiles:
    """One log or a rotated set.

    :param paths: the files, in any order.
    :param queues: names of queues, for those that hold ``|`` and into which nobody is seen to come.
    :param zone: of the times in a database export that name none.
    """

    def __init__(self, paths: Iterable[Path], queues: Iterable[str] = (), zone: tzinfo = UTC) -> None:
        """Prepare; nothing is opened yet."""
        self._paths = list(paths)
        self._parser = Parser(queues)
        self._zone = zone
        self.tally = Tally()

    def lines(self) -> Iterator[Line]:
        """Yield all lines of known events, oldest file first.

        :raises QueueLogError: a file cannot be read, or no line of any is one of a queue_log.
        """
        found = False
        for path in in_order(self._paths):
            for read in self._read(path):
                if line := self.tally.note(read):
                    found = True
                    yield line
        if not found and not self.tally.foreign:
            names = ", ".join(str(path) for path in self._paths)
            message = f"no line of a queue_log in {names}"
            raise QueueLogError(message, remedy="give the file that logger.conf's queue_log names, or an export as CSV")

    def _read(self, path: Path) -> Iterator[Read]:
        if _is_table(_first_lines(path)):
            yield from self._table(path)
            return
        for number, text, torn in _lines_of(path):
            place = f"{path}:{number}"
            if torn:
                yield Damaged(place=place, why="the file ends in the middle of this line", torn=True)
            elif text:
                yield self._parser.line(text, place)

    def _table(self, path: Path) -> Iterator[Read]:
        read: list[tuple[float, Read]] = []
        for number, row in _rows(text for _, text, _ in _lines_of(path)):
            place = f"{path}:{number}"
            at = _time(row.get("time", ""), self._zone)
            if at is None:
                read.append((-inf, Damaged(place=place, why="the column time holds none")))
            else:
                read.append((at, self._parser.row(at, row, place)))
        # A database gives rows in any order; those of one moment stay as they came.
        yield from (each for _, each in sorted(read, key=itemgetter(0)))


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return files in the order of the first time in each; one without any comes first, and is then found empty.

    :raises QueueLogError: a file cannot be read.
    """
    return sorted(paths, key=_begins_at)


def rotated(path: Path, since: float) -> list[Path]:
    """Return the older files of a live log that were written to after ``since``, in order.

    Asterisk itself makes ``queue_log.0``, logrotate ``queue_log.1``, ``queue_log.2.gz`` or ``queue_log-20261121``. One
    that cannot be read is left out.
    """
    older = []
    for sibling in path.parent.glob(f"{path.name}[.-]*"):
        with suppress(OSError, QueueLogError):
            if sibling.is_file() and sibling.stat().st_mtime >= since:
                older.append((_begins_at(sibling), sibling))
    return [sibling for _, sibling in sorted(older)]


class QueueLogTail:
    """Reads what is new in a log that is being written.

    :param path: the live log.
    :param since: lines of earlier times are passed over on the first reading.
    :param older: also read the rotated files of the same log on the first reading.
    """

    def __init__(self, path: Path, *, since: float = -inf, older: bool = False, queues: Iterable[str] = ()) -> None:
        """Prepare; nothing is opened yet."""
        self._path = path
        self._since = since
        self._older = older
        self._parser = Parser(queues)
        self._file: IO[bytes] | None = None
        self._inode = (0, 0)
        self._offset = 0
        self._number = 0
        self._head = b""
        self._rest = b""
        self.tally = Tally()

    def read(self) -> list[Line]:
        """Return the lines that were written since the last reading; none while the file is not there.

        :raises QueueLogError: it is there and cannot be read.
        """
        lines: list[Line] = []
        try:
            if self._older:
                files = QueueLogFiles(rotated(self._path, self._since))
                # What cannot be read of the past must not hinder the present.
                with suppress(QueueLogError):
                    lines += [line for line in files.lines() if line.at >= self._since]
                self._older = False
            self._follow(lines)
        except OSError as error:
            message = f"cannot read {self._path}: {error.strerror}"
            raise QueueLogError(message) from error
        return lines

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _follow(self, lines: list[Line]) -> None:
        if self._file is None and not self._open():
            return
        while self._file:
            if os.pread(self._file.fileno(), len(self._head), 0) != self._head:
                # Copied and emptied, and perhaps longer than it was already.
                self._begin()
            self._drain(lines)
            try:
                now = self._path.stat()
            except FileNotFoundError:
                # Moved away: Asterisk goes on writing to it until it is told to open a new one.
                return
            if (now.st_dev, now.st_ino) == self._inode or now.st_size == 0:
                return
            self.close()
            self._open()

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return False
        status = os.fstat(self._file.fileno())
        self._inode = (status.st_dev, status.st_ino)
        self._begin()
        return True

    def _begin(self) -> None:
        if self._rest:
            self.tally.note(Damaged(place=f"{self._path}:{self._number + 1}", why="never finished", torn=True))
        self._offset, self._number, self._head, self._rest = 0, 0, b"", b""

    def _drain(self, lines: list[Line]) -> None:
        while self._file and (data := os.pread(self._file.fileno(), _CHUNK, self._offset)):
            if len(self._head) < _HEAD:
                self._head = (self._head + data)[:_HEAD]
            self._offset += len(data)
            *whole, self._rest = (self._rest + data).split(b"\n")
            for raw in whole:
                self._number += 1
                if text := _text(raw):
                    line = self.tally.note(self._parser.line(text, f"{self._path}:{self._number}"))
                    if line and line.at >= self._since:
                        lines.append(line)


def _begins_at(path: Path) -> float:
    lines = _first_lines(path)
    if _is_table(lines):
        times = (_time(row.get("time", ""), UTC) for _, row in _rows(lines))
    else:
        times = (_time(line.partition("|")[0], UTC) for line in lines)
    return next((at for at in times if at is not None), -inf)


def _is_table(lines: list[str]) -> bool:
    return bool(lines) and set(re.split(r"[\",;\t ]+", lines[0].lower())) >= _TABLE_COLUMNS


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and columns, by their names in lower case, of the rows of a table."""
    lines = iter(lines)
    first = next(lines)
    delimiter = max(_DELIMITERS, key=first.count)
    (names,) = csv.reader([first.removeprefix("\ufeff").lower()], delimiter=delimiter, skipinitialspace=True)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in rows:
            if row:
                yield rows.line_num + 1, dict(zip(names, row, strict=False))
    except csv.Error as error:
        message = f"not a table: {error}"
        raise QueueLogError(message) from error


def _first_lines(path: Path) -> list[str]:
    return [text for (_, text, _), _ in zip(_lines_of(path), range(_FIRST_LINES), strict=False)]


def _lines_of(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield number, text and whether it lacks its end, of every line of a file.

    :raises QueueLogError: it cannot be read.
    """
    try:
        with _opened(path) as file:
            for number, raw in enumerate(file, 1):
                yield number, _text(raw.removesuffix(b"\n")), not raw.endswith(b"\n")
    except _UNREADABLE as error:
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise QueueLogError(message) from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(max(len(magic) for magic, _ in _OPENERS))
    opener = next((opener for start, opener in _OPENERS if magic.startswith(start)), None)
    return opener(path) if opener else path.open("rb")


def _text(raw: bytes) -> str:
    # As names are read from AMI, so that a name is the same name.
    return raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")


def _time(text: str, zone: tzinfo) -> float | None:
    """Read a time: seconds since 1970, or a date and a time of day."""
    if _SECONDS.fullmatch(text):
        return float(text)
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    return None
