"""The desk in a table, for a terminal: at the end of a replay, or live.

Worst first: queues and lines are ordered by the share of callers who were not served in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ringwatch.core.facts import Call, Gap, Outcome, QueueVisit, Record
from ringwatch.core.readings import CallOffered, QueueReading
from ringwatch.errors import one_line
from ringwatch.flow.hub import Inbox

_LOST: tuple[Outcome, ...] = ("abandoned", "short_abandoned")


@dataclass(slots=True)
class _Row:
    offered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    met: int = 0
    missed: int = 0
    waits: list[float] = field(default_factory=list)
    talk_seconds: float = 0.0
    talks: int = 0
    reading: QueueReading | None = None

    @property
    def badness(self) -> tuple[float, int]:
        judged = self.met + self.missed
        return (-(self.missed / judged) if judged else 0.0, -self.missed)

    def served(self, outcome: Outcome, wait: float, *, in_time: bool | None) -> None:
        self.outcomes[outcome] += 1
        if outcome == "answered":
            self.waits.append(wait)
        if in_time is not None:
            self.met += in_time
            self.missed += not in_time

    def talked(self, seconds: float) -> None:
        self.talks += 1
        self.talk_seconds += seconds


class Summary:
    """Adds up what a person wants to see of every queue and line."""

    name = "summary"

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self.gaps = 0.0
        """Seconds that were not heard."""

    async def run(self, inbox: Inbox) -> None:
        """Add up until the inbox is closed."""
        while records := await inbox.get():
            self.apply(records)

    def apply(self, records: Iterable[Record]) -> None:
        """Take records in."""
        for record in records:
            match record:
                case CallOffered():
                    self._row(record.pbx, record.queue).offered += 1
                case QueueVisit():
                    row = self._row(record.pbx, record.queue)
                    row.served(record.outcome, record.wait_seconds, in_time=record.in_time)
                    if record.outcome == "answered":
                        row.talked(record.talk_seconds)
                case Call(line=str() as line):
                    row = self._row(record.pbx, line)
                    row.served(record.outcome, record.wait_seconds, in_time=record.in_time)
                    if record.outcome == "answered":
                        row.talked(record.talk_seconds)
                case QueueReading():
                    self._row(record.pbx, record.queue).reading = record
                case Gap():
                    self.gaps += record.to - record.from_
                case _:
                    pass

    def table(self, *, live: bool = False) -> Table:
        """Draw the table; ``live`` adds how things stand now."""
        table = Table(box=SIMPLE_HEAD, padding=0, header_style="bold", expand=False)
        table.add_column("Queue or line", overflow="fold")
        now = ("Wait", "Free", "Talk") if live else ()
        for name in (*now, "Offered", "Answ.", "Aband.", "Other", "In time", "ASA s", "p90 s", "AHT s"):
            table.add_column(name, justify="right", no_wrap=True)
        several = len({pbx for pbx, _ in self._rows}) > 1
        for (pbx, queue), row in sorted(self._rows.items(), key=lambda item: (item[1].badness, item[0])):
            # Text, not str: a name is not markup.
            name = Text(one_line(f"{pbx}/{queue}" if several else queue))
            table.add_row(name, *(_now(row) if live else ()), *_so_far(row))
        return table

    def as_json(self) -> list[dict[str, Any]]:
        """Return the same for a program, worst first; seconds, and shares from 0 to 1."""
        return [
            {
                "pbx": pbx,
                "queue": queue,
                "offered": row.offered,
                "outcomes": dict(sorted(row.outcomes.items())),
                "third_ring": {"met": row.met, "missed": row.missed},
                "asa_seconds": _mean(row.waits),
                "wait_p90_seconds": _p90(row.waits),
                "talk_mean_seconds": row.talk_seconds / row.talks if row.talks else None,
            }
            for (pbx, queue), row in sorted(self._rows.items(), key=lambda item: (item[1].badness, item[0]))
        ]

    def _row(self, pbx: str, queue: str) -> _Row:
        return self._rows.setdefault((pbx, queue), _Row())


def _now(row: _Row) -> tuple[str, str, str]:
    if row.reading is None:
        return ("", "", "")
    members = row.reading.members
    waiting = str(row.reading.waiting)
    return (
        f"[bold red]{waiting}[/]" if row.reading.waiting else waiting,
        str(members["free"]),
        str(members["talking"]),
    )


def _so_far(row: _Row) -> tuple[str, ...]:
    lost = sum(row.outcomes[outcome] for outcome in _LOST)
    named = row.outcomes["answered"] + lost
    judged = row.met + row.missed
    return (
        str(row.offered),
        str(row.outcomes["answered"]),
        str(lost),
        str(row.outcomes.total() - named),
        f"{row.met / judged:.0%}" if judged else "-",
        _shown(_mean(row.waits)),
        _shown(_p90(row.waits)),
        _shown(row.talk_seconds / row.talks if row.talks else None),
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _p90(values: list[float]) -> float | None:
    """Nearest rank: the smallest wait that nine in ten did not exceed."""
    return sorted(values)[-(-len(values) * 9 // 10) - 1] if values else None


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"
