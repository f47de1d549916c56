"""Reads the two sides of an audit, and keeps of everything where it stands."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringwatch.core.facts import Call, Gap, Hold, Leg, QueueVisit, RingAttempt, Transfer
from ringwatch.core.queue_log import Line, QueueLog
from ringwatch.core.readings import Key
from ringwatch.core.standards import Policy
from ringwatch.errors import QueueLogError
from ringwatch.sources.facts import read_facts
from ringwatch.sources.queue_log import QueueLogFiles, Tally

_START, _ANSWER, _END, _BILLSEC, _DISPOSITION, _UNIQUEID = 9, 10, 11, 13, 14, 16
"""Of a Master.csv with loguniqueid: the sixteen columns that are always there, and the Uniqueid behind them."""


@dataclass(slots=True)
class Told:
    """What the facts of one PBX say; the last telling of each counts."""

    pbx: str
    visits: dict[Key, QueueVisit] = field(default_factory=dict)
    attempts: dict[Key, RingAttempt] = field(default_factory=dict)
    transfers: dict[Key, Transfer] = field(default_factory=dict)
    calls: dict[Key, Call] = field(default_factory=dict)
    legs: dict[Key, Leg] = field(default_factory=dict)
    holds: dict[Key, Hold] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    places: dict[tuple[str, Key], str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    """Places of lines that hold no fact."""
    span: tuple[float, float] | None = None
    """First and last moment of which anything is told."""
    by_kind: dict[type, dict[Key, Any]] = field(init=False)
    """Where facts of each kind are kept that are looked at one by one."""

    def __post_init__(self) -> None:
        """Sort the kinds."""
        self.by_kind = {
            QueueVisit: self.visits,
            RingAttempt: self.attempts,
            Transfer: self.transfers,
            Call: self.calls,
            Leg: self.legs,
            Hold: self.holds,
        }

    def place(self, fact: QueueVisit | RingAttempt | Transfer | Call) -> str:
        """Return where a fact stands."""
        return self.places[type(fact).__name__, fact.key]

    def took_place(self, call_id: str, queue: str, at: float) -> bool:
        """Tell whether a caller stood in a queue at a moment, handed on by an agent who had joined it before."""
        stood = (each for each in self.visits.values() if (each.call_id, each.queue) == (call_id, queue))
        joined = max((each.joined_at for each in stood if each.joined_at <= at), default=at)
        return any(
            each.call_id == call_id and each.kind == "attended" and each.result == "success" and joined < each.at <= at
            for each in self.transfers.values()
        )

    def picked_up(self, visit: QueueVisit, rung: str) -> bool:
        """Tell whether a visit was answered at another phone than that of the member who was rung for it."""
        answered_at = visit.joined_at + visit.wait_seconds
        results = {
            each.agent if each.result == "elsewhere" else each.result
            for each in self.attempts.values()
            if (each.call_id, each.queue) == (visit.call_id, visit.queue) and abs(each.ended_at - answered_at) < 1.0
        }
        return rung in results and "answered" not in results


@dataclass(slots=True)
class Seen:
    """One visit as the log tells it."""

    channel: str
    queue: str
    ordinal: int
    joined_at: float
    lines: tuple[Line, ...]
    visit: QueueVisit | None = None
    """The fact that the log alone leads to; None while it does not tell the end."""


@dataclass(slots=True)
class Witness:
    """What the log says."""

    tally: Tally
    visits: list[Seen] = field(default_factory=list)
    misfits: list[tuple[Line, str]] = field(default_factory=list)
    again: list[Line] = field(default_factory=list)
    """Lines that end a talk once more."""
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A call detail record, as far as it is compared."""

    place: str
    answered: bool
    disposition: str
    billsec: int
    start: float
    answer: float | None
    end: float
    """Seconds since 1970 in whatever zone the record is written."""


def read_told(path: Path, pbx: str | None) -> Told:
    """Read the facts of a PBX, by default of the only one there is.

    :raises QueueLogError: the file cannot be read, or which PBX is meant is not clear.
    """
    by_pbx: dict[str, Told] = defaultdict(lambda: Told(""))
    unreadable: list[str] = []
    for number, fact in read_facts(path):
        place = f"{path}:{number}"
        if fact is None:
            unreadable.append(place)
            continue
        told = by_pbx[fact.pbx]
        begins, ends = _span(fact)
        told.span = (begins, ends) if told.span is None else (min(begins, told.span[0]), max(ends, told.span[1]))
        told.places[type(fact).__name__, fact.key] = place
        if isinstance(fact, Gap):
            told.gaps.append(fact)
        elif type(fact) in told.by_kind:
            told.by_kind[type(fact)][fact.key] = fact
    if pbx is None and len(by_pbx) > 1:
        message = f"{path} holds facts of {', '.join(sorted(by_pbx))}"
        raise QueueLogError(message, remedy="say whose log this is with --pbx")
    name = pbx if pbx is not None else next(iter(by_pbx), "main")
    told = by_pbx[name]
    told.pbx, told.unreadable = name, unreadable
    return told


def _span(fact: object) -> tuple[float, float]:
    # Every fact has one of these for its beginning and one for its end.
    begins = next(
        value for name in ("joined_at", "started_at", "from_", "at") if (value := getattr(fact, name, None)) is not None
    )
    ends = next(value for name in ("ended_at", "to", "at") if isinstance(value := getattr(fact, name, None), float))
    return begins, ends


def read_log(files: QueueLogFiles, policy: Policy) -> Witness:
    """Read a log, or a rotated set.

    :raises QueueLogError: a file cannot be read, or none is a log.
    """
    witness = Witness(files.tally)
    log = QueueLog("", policy, misfit=lambda line, why: witness.misfits.append((line, why)), again=witness.again.append)
    for line in files.lines():
        witness.span = (line.at, line.at) if witness.span is None else (witness.span[0], max(witness.span[1], line.at))
        for story in log.apply(line):
            visit = story.visit
            seen = Seen(visit.call_id, visit.queue, visit.ordinal, visit.joined_at, story.lines, visit)
            witness.visits.append(seen)
    witness.visits += [
        Seen(visit.call_id, visit.queue, visit.ordinal, visit.joined_at, tuple(visit.lines))
        for visit in log.open_visits
    ]
    return witness


def read_cdr(path: Path) -> dict[str, list[Row]]:
    """Read a Master.csv: its rows by Uniqueid.

    :raises QueueLogError: it cannot be read, or does not hold the Uniqueid.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8", errors="backslashreplace", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                place = f"{path}:{reader.line_num}"
                try:
                    rows[row[_UNIQUEID]].append(_row(place, row))
                except (ValueError, IndexError) as error:
                    message = f"{place} is no record with a Uniqueid"
                    raise QueueLogError(message, remedy="set loguniqueid=yes in cdr.conf's [csv]") from error
    except (OSError, csv.Error) as error:
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise QueueLogError(message) from error
    return rows


def _row(place: str, row: list[str]) -> Row:
    start, end = _moment(row[_START]), _moment(row[_END])
    answer = _moment(row[_ANSWER]) if row[_ANSWER] else None
    disposition = row[_DISPOSITION]
    return Row(place, disposition == "ANSWERED", disposition, int(row[_BILLSEC]), start, answer, end)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
