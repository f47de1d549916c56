"""All four witnesses of what a desk did, and what facts look like beside them.

queue_log (`tests.agreement`), CDR (`tests.billing`), CEL (`tests.legs`) and the ledger of the phones (`tests.deeds`).
The same comparison serves a capture and a live desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ringwatch.core.facts import Record
from tests.agreement import compare_queue_log
from tests.asterisk.records import Cdr, Cel, QueueLine, read_cdr, read_cel, read_queue_log
from tests.billing import compare_calls, compare_direct_calls
from tests.deeds import Ledger, compare_deeds, compare_holds, compare_rings, read_plan
from tests.difference import Difference
from tests.legs import compare_legs, compare_parks, compare_transfers


@dataclass(frozen=True)
class Witnesses:
    """What was written down by others; only queue_log and CDR where there is nothing else."""

    queue_log: Sequence[QueueLine]
    cdr: Sequence[Cdr]
    cel: Sequence[Cel] = ()
    ledger: Ledger | None = None


@dataclass
class Verdict:
    """How much was compared, by what; where the sides disagree; and what app_queue itself could not see."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    blind: list[Difference] = field(default_factory=list)

    def add(self, what: str, outcome: tuple[int, list[Difference]]) -> None:
        """Take the outcome of one comparison."""
        compared, differences = outcome
        self.compared[what] += compared
        self.differences += differences

    @property
    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{count} {what}" for what, count in self.compared.items())
        kinds = dict(Counter(difference.kind for difference in self.differences))
        return (
            f"compared {counts}; {len(self.differences)} differences {kinds}; {len(self.blind)} not seen by app_queue"
        )

    def __str__(self) -> str:
        lines = [self.summary]
        lines += [
            f"  [{each.kind}] {each}" for each in sorted(self.differences, key=lambda each: (each.kind, each.call_id))
        ]
        lines += [f"  (not seen by app_queue) {each}" for each in self.blind]
        return "\n".join(lines)


def read_capture(folder: Path) -> Witnesses:
    """Read what lies beside a captured stream."""
    cel = read_cel(folder / "cel.csv.gz")
    ledger = folder / "ledger.jsonl"
    return Witnesses(
        read_queue_log(folder / "queue_log"),
        read_cdr(folder / "cdr.csv"),
        cel,
        read_plan(ledger, cel) if ledger.exists() else None,
    )


def compare(records: Sequence[Record], witnesses: Witnesses) -> Verdict:
    """Hold facts against everything there is."""
    verdict = Verdict()
    visits = compare_queue_log(records, witnesses.queue_log, witnesses.cel)
    verdict.add("visits", (visits.compared, visits.differences))
    verdict.blind += visits.blind
    verdict.add("direct calls", compare_direct_calls(records, witnesses.cdr, witnesses.cel))
    verdict.add("calls", compare_calls(records, witnesses.cdr, witnesses.cel))
    if witnesses.cel:
        verdict.add("talks", compare_legs(records, witnesses.cel))
        verdict.add("transfers", compare_transfers(records, witnesses.cel))
        verdict.add("parks", compare_parks(records, witnesses.cel))
    if witnesses.ledger is not None:
        verdict.add("rings", compare_rings(records, witnesses.ledger, witnesses.cel))
        verdict.add("holds", compare_holds(records, witnesses.cel, witnesses.ledger))
        verdict.add("deeds", compare_deeds(records, witnesses.cel, witnesses.ledger))
    return verdict
