"""Readers for what Asterisk itself wrote down: queue_log, CDR and CEL, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class QueueLine:
    """A line of queue_log; app_queue truncates the time to whole seconds."""

    time: float
    call_id: str
    """The caller's uniqueid, or NONE."""
    queue: str
    agent: str
    event: str
    args: tuple[str, ...]


@dataclass(frozen=True)
class Cdr:
    """A call detail record; times are UTC epoch seconds, truncated to whole ones, `answer` None if never answered."""

    account: str
    src: str
    dst: str
    context: str
    clid: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: float
    answer: float | None
    end: float
    duration: int
    billsec: int
    disposition: str
    amaflags: str
    uniqueid: str
    userfield: str


@dataclass(frozen=True)
class Cel:
    """A channel event, in the columns of cel_custom.conf; time in epoch seconds with microseconds."""

    event: str
    time: float
    caller: str
    extension: str
    channel: str
    application: str
    uniqueid: str
    linkedid: str
    extra: str


def read_queue_log(path: Path) -> list[QueueLine]:
    """Read the lines of a queue_log; none if Asterisk has not written one yet."""
    lines = []
    for line in _text(path).splitlines():
        time, call_id, queue, agent, event, *args = line.split("|")
        lines.append(QueueLine(float(time), call_id, queue, agent, event, tuple(args)))
    return lines


def read_cdr(path: Path) -> list[Cdr]:
    """Read the rows of a Master.csv written with usegmtime, loguniqueid and loguserfield."""
    return [_cdr(row) for row in csv.reader(io.StringIO(_text(path)))]


def read_cel(path: Path) -> list[Cel]:
    """Read the rows of a CEL file with the columns of cel_custom.conf."""
    return [Cel(row[0], float(row[1]), *row[2:9]) for row in csv.reader(io.StringIO(_text(path)))]


def _cdr(row: list[str]) -> Cdr:
    account, src, dst, context, clid, channel, dstchannel, lastapp, lastdata, start, answer, end, *rest = row[:18]
    duration, billsec, disposition, amaflags, uniqueid, userfield = rest
    return Cdr(
        account=account,
        src=src,
        dst=dst,
        context=context,
        clid=clid,
        channel=channel,
        dstchannel=dstchannel,
        lastapp=lastapp,
        lastdata=lastdata,
        start=_seconds(start),
        answer=_seconds(answer) if answer else None,
        end=_seconds(end),
        duration=int(duration),
        billsec=int(billsec),
        disposition=disposition,
        amaflags=amaflags,
        uniqueid=uniqueid,
        userfield=userfield,
    )


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


def _text(path: Path) -> str:
    """Return the whole lines of a file: Asterisk may be in the middle of the last one."""
    if not path.exists():
        return ""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw[: raw.rfind(b"\n") + 1].decode(errors="surrogateescape")
