"""What an audit found: for a person, worst first, and for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringwatch.errors import one_line

DifferenceKind = Literal[
    "only_in_log",
    "only_in_facts",
    "outcome",
    "agent",
    "ended_by",
    "talk",
    "wait",
    "answered",
    "ended",
    "joined",
    "ordinal",
    "rings",
    "transfer",
    "direct_call",
    "unreadable",
    "misfit",
]
"""Kinds of differences, worst first."""
Reason = Literal[
    "gap",
    "in_progress",
    "no_end",
    "outside",
    "refused",
    "invisible_transfer",
    "parked",
    "consultation",
    "hangup",
    "round",
    "parted",
    "picked_up",
    "place_taken",
]
REASONS: dict[Reason, str] = {
    "gap": "ringwatch was not listening, and says so in a gap fact",
    "in_progress": "going on when one of the two began or ended",
    "no_end": "queue_log does not tell the end (Asterisk went down, or the log stops)",
    "outside": "at a time of which the other has nothing",
    "refused": "refused callers are never in queue_log",
    "invisible_transfer": "app_queue did not see the transfer, made behind a Local channel: its talk went on",
    "parked": "app_queue did not see who talked with the parked caller: its talk went on",
    "consultation": "an agent consulted by way of the queue and handed his caller on: app_queue sees only the agent",
    "hangup": "the agent handed the caller on by hanging up: app_queue saw that first",
    "round": "app_queue counts a ring from the beginning of its round, in which other phones had rung before",
    "parted": "CDR tells the pieces between which the caller was handed on, parked or left alone; they fit",
    "picked_up": "queue_log names the member who was rung, though another phone picked the call up",
    "place_taken": "a caller was put into an agent's place in line, under whom queue_log knows the joining",
}
_RANK = {kind: rank for rank, kind in enumerate(DifferenceKind.__args__)}  # type: ignore[attr-defined]
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two says, and where: ``facts.jsonl:12``. Nothing where it says nothing."""

    says: str
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement, or one that has its reason."""

    kind: DifferenceKind
    call_id: str
    queue: str | None
    facts: Side
    witness: Side
    off_by: float | None = None
    """Seconds, where the two differ by an amount."""
    reason: Reason | None = None

    @property
    def badness(self) -> tuple[int, float, str]:
        """Order: worst first."""
        return (_RANK[self.kind], -(self.off_by or 0.0), self.call_id)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "kind": self.kind,
            **({"reason": self.reason} if self.reason else {}),
            "call_id": self.call_id,
            "queue": self.queue,
            "facts": {"says": self.facts.says, "at": self.facts.at},
            "witness": {"says": self.witness.says, "at": self.witness.at},
            "off_by": None if self.off_by is None else round(self.off_by, 3),
        }

    def __str__(self) -> str:
        """Return it in one line."""
        sides = " | ".join(f"{side.at or '-'}: {side.says}" for side in (self.facts, self.witness))
        return one_line(f"{self.kind} {self.call_id} {self.queue or '-'}: {sides}")


@dataclass(slots=True)
class Report:
    """An audit's result."""

    pbx: str
    tolerance: float
    facts_span: tuple[float, float] | None
    log_span: tuple[float, float] | None
    compared: Counter[str] = field(default_factory=Counter)
    """How many visits, rings, transfers and direct_calls both sides tell."""
    differences: list[Difference] = field(default_factory=list)
    explained: list[Difference] = field(default_factory=list)
    """What differs for a known reason, with that reason."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Lines of events that Asterisk itself does not write."""

    @property
    def verdict(self) -> Literal["agree", "differ", "nothing_compared"]:
        """The answer in a word."""
        if self.differences:
            return "differ"
        return "agree" if self.compared.total() else "nothing_compared"

    @property
    def well(self) -> bool:
        """Whether something was compared and all of it agrees."""
        return self.verdict == "agree"

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a program; the format is in `ringwatch.audit`."""
        return {
            "verdict": self.verdict,
            "pbx": self.pbx,
            "tolerance": self.tolerance,
            "facts_span": self.facts_span,
            "log_span": self.log_span,
            "compared": {kind: self.compared[kind] for kind in ("visits", "rings", "transfers", "direct_calls")},
            "differences": [each.as_json() for each in sorted(self.differences, key=lambda each: each.badness)],
            "explained": [each.as_json() for each in self.explained],
            "foreign_events": dict(sorted(self.foreign.items())),
        }

    def show(self, console: Console) -> None:
        """Print it for a person."""
        compared = ", ".join(f"{self.compared[kind]} {kind.replace('_', ' ')}" for kind in sorted(self.compared))
        console.print(f"{self.pbx}: compared {compared or 'nothing'}", markup=False, highlight=False)
        for reason, count in Counter(each.reason for each in self.explained if each.reason).most_common():
            console.print(f"  {count} apart with reason: {REASONS[reason]}", markup=False, highlight=False)
        if self.foreign:
            names = ", ".join(f"{name} ({count})" for name, count in self.foreign.most_common())
            console.print(one_line(f"  passed over, not Asterisk's own: {names}"), markup=False, highlight=False)
        if self.differences:
            console.print(self._table())
        words = {
            "agree": "[bold green]They agree.[/]",
            "differ": f"[bold red]They differ: {len(self.differences)}.[/]",
            "nothing_compared": "[bold red]Nothing could be compared.[/] Are these the facts and the log of one time?",
        }
        console.print(words[self.verdict])

    def _table(self) -> Table:
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), header_style="bold")
        for name in ("What", "Call and queue", "Facts", "Asterisk"):
            table.add_column(name, overflow="fold")
        worst = sorted(self.differences, key=lambda each: each.badness)
        for each in worst[:_SHOWN]:
            # Text, not str: a name is not markup.
            table.add_row(
                Text(each.kind.replace("_", " ")),
                Text(one_line(each.call_id) + (f"\n{one_line(each.queue)}" if each.queue else "")),
                *(Text(one_line(side.says) + (f"\n{one_line(side.at)}" if side.at else "")) for side in _sides(each)),
            )
        if len(worst) > _SHOWN:
            table.add_row("...", f"{len(worst) - _SHOWN} more", "--json tells all", "")
        return table


def _sides(difference: Difference) -> tuple[Side, Side]:
    return difference.facts, difference.witness
