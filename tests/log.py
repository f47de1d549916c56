"""The daemon's log, kept for a test to read."""

from __future__ import annotations

from typing import Any


class Log:
    """The lines of `ringwatch.telemetry.Telemetry`, as records."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def log(self, _level: int, event: str, **fields: object) -> None:
        """Keep a line."""
        self.lines.append({"event": event, **fields})

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.lines if line["event"] == event]
