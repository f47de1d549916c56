"""One disagreement between what was told and what a witness saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Which call, of what kind, and both sides in words."""

    call_id: str
    what: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.call_id}: {self.what}"
