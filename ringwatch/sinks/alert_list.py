"""What was alerted, in a table: at the end of a replay, to see what the thresholds of a configuration would have meant.

Worst first: by severity, then by the time for which it was raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ringwatch.core.facts import Record, moment
from ringwatch.core.rules import Alert, Severity
from ringwatch.errors import one_line
from ringwatch.flow.hub import Inbox

_COLOURS: dict[Severity, str] = {"critical": "red", "warning": "yellow", "info": "cyan"}
_ORDER = get_args(Severity)


@dataclass(slots=True)
class _Row:
    """One alert of one queue."""

    name: str
    place: str
    severity: Severity
    raised: list[Alert] = field(default_factory=list)
    cleared: list[Alert] = field(default_factory=list)

    def seconds(self, until: float) -> float:
        """For how long it was raised, up to a moment."""
        ends = [alert.at for alert in self.cleared] + [until] * (len(self.raised) - len(self.cleared))
        return sum(ends) - sum(alert.at for alert in self.raised)


class AlertList:
    """Remembers every alert."""

    name = "alert_list"

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None, str], _Row] = {}
        self._until = 0.0

    async def run(self, inbox: Inbox) -> None:
        """Remember until the inbox is closed."""
        while records := await inbox.get():
            self.apply(records)

    def apply(self, records: Iterable[Record]) -> None:
        """Take records in."""
        for record in records:
            self._until = max(self._until, moment(record))
            if isinstance(record, Alert):
                where = (record.pbx, record.queue, record.name)
                row = self._rows.get(where)
                if row is None:
                    place = record.pbx if record.queue is None else record.queue
                    row = self._rows[where] = _Row(record.name, place, record.severity)
                (row.raised if record.state == "raised" else row.cleared).append(record)

    def table(self) -> Table:
        """Draw it; the time is UTC."""
        table = Table(
            box=SIMPLE_HEAD,
            padding=0,
            header_style="bold",
            title="Alerts, worst first:",
            title_justify="left",
            title_style="",
        )
        table.add_column("Alert", no_wrap=True)
        table.add_column("Where", overflow="fold")
        for name in ("Raised", "For", "Value", "Limit", "First (UTC)"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in self._sorted():
            first = datetime.fromtimestamp(row.raised[0].at, UTC)
            # As it was when raised: how bad it became is not told.
            value = max(alert.value for alert in row.raised)
            table.add_row(
                Text(row.name.removeprefix("Ringwatch"), style=_COLOURS[row.severity]),
                Text(one_line(row.place)),
                f"{len(row.raised)}x",
                _lasting(row.seconds(self._until)),
                f"{value:g}",
                f"{row.raised[0].threshold:g}",
                f"{first:%d %b %H:%M:%S}",
            )
        return table

    @property
    def empty(self) -> bool:
        """Whether nothing was alerted."""
        return not self._rows

    def as_json(self) -> list[dict[str, Any]]:
        """Return every raising for a program, in the same order; ``cleared_at`` is null where it still stands."""
        return [
            {
                "pbx": raised.pbx,
                "queue": raised.queue,
                "name": raised.name,
                "severity": raised.severity,
                "since": raised.since,
                "raised_at": raised.at,
                "cleared_at": row.cleared[index].at if index < len(row.cleared) else None,
                "value": raised.value,
                "threshold": raised.threshold,
                "advice": raised.advice,
            }
            for row in self._sorted()
            for index, raised in enumerate(row.raised)
        ]

    def _sorted(self) -> list[_Row]:
        rows = self._rows.values()
        return sorted(
            rows, key=lambda row: (_ORDER.index(row.severity), -row.seconds(self._until), row.name, row.place)
        )


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
