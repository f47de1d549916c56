"""The service standard as a table, for a terminal: what is asked for, what was measured, and whether it was kept.

Worst first: what was not kept stands before what was, and what is not judged comes last; each by the share that was out
of standard, of whatever the clause counts: callers, holds, talks, or time. One hold of one that was too long so stands
before half of a thousand callers, and how many of how many is written beside it.

People need not read what is all well: queues and lines with nothing out of standard by a clause, and the same asked of
them, share a row. A program gets every row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ringwatch.core.facts import Call, Gap, Hold, Leg, QueueVisit, Record, Stretch, moment
from ringwatch.core.readings import StaffingReading, StretchReading
from ringwatch.core.standards import Policy
from ringwatch.errors import one_line
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.clauses import Row, Standing, span

_KEPT = {False: "[bold red]no[/]", True: "yes", None: ""}
_RANKS = (False, True, None)
_LEGEND = {
    "service_level": "x% in y s: service level, answered in y s / (answered + abandoned).",
    "rush": "Rush index: mean talk that ended while so many waited, beside the others.",
    "reach": "Reach: who hears bad from callers not answered in time, good from the others.",
}


class StandardTable:
    """Adds up how every queue and line stands by every clause.

    :param policies: by PBX; what is promised, and when.
    """

    name = "standard_table"

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        self._policies = policies
        self._standings: dict[tuple[str, str], Standing] = {}
        self._heard: defaultdict[str, float] = defaultdict(float)
        """The latest moment that was told of, by PBX."""
        self._queues: dict[tuple[str, str, str], tuple[str, ...]] = {}
        """The queues that each agent was in last."""

    async def run(self, inbox: Inbox) -> None:
        """Add up until the inbox is closed."""
        while records := await inbox.get():
            self.apply(records)

    def apply(self, records: Iterable[Record]) -> None:
        """Take records in."""
        for record in records:
            self._heard[record.pbx] = max(self._heard[record.pbx], moment(record))
            match record:
                case QueueVisit():
                    self._standing(record.pbx, record.queue).served(record)
                case Call():
                    self._call(record)
                case Leg(queue=str() as name) | Leg(line=str() as name):
                    self._standing(record.pbx, name).talked(record)
                case Hold(queue=str() as name) | Hold(line=str() as name):
                    self._standing(record.pbx, name).held(record)
                case StaffingReading():
                    self._standing(record.pbx, record.queue).staffed(record)
                case Stretch() | StretchReading():
                    self._worked(record)
                case Gap():
                    self._gap(record)
                case _:
                    pass

    def drawn(self) -> Group:
        """Draw the table, with what its words mean below it."""
        table = Table(box=SIMPLE_HEAD, padding=0, header_style="bold")
        for name in ("Queue or line", "Standard", "Measured", "Out of standard", "Kept"):
            table.add_column(name, overflow="fold", no_wrap=name == "Out of standard")
        rows = self._folded()
        for before, (name, row) in zip([None, *(row for _, row in rows)], rows, strict=False):
            if before and before.kept != row.kept:
                table.add_section()
            judgement = row.judgement
            # Text, not str: a name is not markup.
            table.add_row(Text(name), judgement.asked, judgement.found, _out(row), _KEPT[row.kept])
        shown = {row.measure for _, row in rows}
        legend = [text for measure, text in _LEGEND.items() if measure in shown]
        if unasked := sum(standing.unasked for standing in self._standings.values()):
            legend.append(f"Callers outside opening hours, whom no answer is promised: {unasked}")
        return Group("The service standard, worst first:", table, *(Text(line, style="dim") for line in legend))

    def as_json(self) -> list[dict[str, Any]]:
        """Return it for a program, worst first; durations in seconds, shares from 0 to 1."""
        return [
            {
                "pbx": pbx,
                "queue": queue,
                "clause": row.clause,
                "measure": row.measure,
                "asked": dict(row.judgement.threshold),
                "measured": {name: round(value, 4) for name, value in row.judgement.measured.items()},
                "out": round(row.tally.out, 3),
                "of": round(row.tally.of, 3),
                "unit": row.unit,
                "kept": row.kept,
            }
            for (pbx, queue), row in self._rows()
        ]

    def _call(self, call: Call) -> None:
        if call.line:
            self._standing(call.pbx, call.line).served(call)
        if first := call.asked_first:
            self._standing(call.pbx, first).called(call)

    def _worked(self, told: Stretch | StretchReading) -> None:
        agent = (told.pbx, told.agent, told.device)
        if isinstance(told, Stretch):
            for queue in self._queues.get(agent, ()):
                self._standing(told.pbx, queue).worked(told)
        elif told.queues:
            self._queues[agent] = told.queues

    def _gap(self, gap: Gap) -> None:
        for (pbx, _), standing in self._standings.items():
            if pbx == gap.pbx:
                standing.missed(gap.from_, gap.to)

    def _standing(self, pbx: str, queue: str) -> Standing:
        standing = self._standings.get((pbx, queue))
        if standing is None:
            policy = self._policies[pbx]
            standing = self._standings[pbx, queue] = Standing(policy.standard(queue), policy.hours(queue))
        return standing

    def _rows(self) -> list[tuple[tuple[str, str], Row]]:
        for (pbx, _), standing in self._standings.items():
            standing.passed(self._heard[pbx])
        rows = [(where, row) for where, standing in self._standings.items() for row in standing.rows()]
        return sorted(
            rows,
            key=lambda each: (_RANKS.index(each[1].kept), -each[1].share, each[1].clause, each[1].measure, each[0]),
        )

    def _folded(self) -> list[tuple[str, Row]]:
        """Return the rows with a name for people; one for all that is well by the same clause."""
        several = len({pbx for pbx, _ in self._standings}) > 1
        rows = self._rows()
        number = Counter(row.measure for _, row in rows)
        folded: dict[tuple[str, ...], list[tuple[str, Row]]] = defaultdict(list)
        for (pbx, queue), row in rows:
            name = one_line(f"{pbx}/{queue}" if several else queue)
            well = not row.tally.out and row.measure != "rush"
            folded[(row.measure, row.judgement.asked) if well else (row.measure, pbx, queue)].append((name, row))
        shown = []
        for (name, row), *others in folded.values():
            for _, other in others:
                row = row._replace(tally=row.tally.joined(other.tally))  # noqa: PLW2901
            many = 1 + len(others)
            if others:
                name = f"all {many}" if many == number[row.measure] else f"{many} others"  # noqa: PLW2901
            shown.append((name, row))
        return shown


def _out(row: Row) -> str:
    out, of = row.tally.out, row.tally.of
    if row.unit == "seconds":
        counted = span(out), span(of)
    else:
        one = row.unit.removesuffix("es" if row.unit == "stretches" else "s")
        counted = f"{out:g}", f"{of:g} {row.unit if of != 1 else one}"
    if out:
        return f"{row.share:.0%}, {' of '.join(counted)}"
    return counted[1] if row.kept is None else f"none of {counted[1]}"
