"""``ringwatch audit``: facts against Asterisk's own records, visit by visit, with both sides of every difference.

What agreement means: a visit is the same stay when channel, queue and moment of joining are the same. Its outcome,
agent, wait, talk (holds included, which the log does not tell apart), beginning, answer, end and number are compared,
its unanswered rings with the lines RINGNOANSWER, its transfers with their lines; amounts to ``tolerance`` seconds,
moments to a second more, for the log truncates them. Who of caller and agent hung up is not compared: the log is not
sure of it (COMPLETECALLER is also written when the agent's phone hangs up). A direct call is compared with its call
detail records: answered or not, and for how long.

What differs for a reason that the records themselves give is told apart, with the reason (`REASONS`), and is no
difference. The verdict is ``differ`` when anything else is apart, when a line of either side cannot be read, and when
a line of the log fits nothing; the exit status is then 1, as it is when nothing could be compared.

``--json`` prints one object::

    {"verdict": "agree" | "differ" | "nothing_compared",
     "pbx": "main", "tolerance": 1.2,
     "facts_span": [from, to] | null, "log_span": [from, to] | null,        seconds since 1970
     "compared": {"visits": 216, "rings": 22, "transfers": 21, "direct_calls": 43},
     "differences": [DIFFERENCE, ...],                                      worst first
     "explained": [DIFFERENCE with "reason", ...],
     "foreign_events": {"MYEVENT": 3}}

    DIFFERENCE: {"kind": "only_in_log" | "only_in_facts" | "outcome" | "agent" | "ended_by" | "talk" | "wait" |
                         "answered" | "ended" | "joined" | "ordinal" | "rings" | "transfer" | "direct_call" |
                         "unreadable" | "misfit",
                 "reason": "gap" | "in_progress" | "no_end" | "outside" | "refused" | "invisible_transfer" |
                         "parked" | "consultation" | "hangup" | "round" | "parted" | "picked_up" | "place_taken",
                 "call_id": "1795276750.0", "queue": "support" | null,
                 "facts":   {"says": "answered by Anna", "at": "facts.jsonl:12" | null},
                 "witness": {"says": "abandoned", "at": "queue_log:3,7" | null},
                 "off_by": 2.5 | null}                                      seconds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from math import inf
from pathlib import Path

from ringwatch.audit.compare import NOTHING, compare_visits
from ringwatch.audit.direct import DirectComparison
from ringwatch.audit.parts import PartComparison
from ringwatch.audit.reading import read_cdr, read_log, read_told
from ringwatch.audit.report import REASONS, Difference, Report, Side
from ringwatch.audit.unseen import Unseen
from ringwatch.audit.window import Window
from ringwatch.core.standards import Policy
from ringwatch.sources.queue_log import QueueLogFiles

__all__ = ["REASONS", "TOLERANCE_SECONDS", "Difference", "Report", "Side", "audit"]

TOLERANCE_SECONDS = 1.2
"""Asterisk's figures are whole seconds, each end of an interval truncated by itself; the rest is for its threads."""

_OF_A_STAY = ("RINGNOANSWER", "CONNECT")
"""The first lines of whoever took an agent's place in line."""


def audit(
    facts: Path,
    logs: Sequence[Path],
    *,
    cdr: Path | None = None,
    pbx: str | None = None,
    tolerance: float = TOLERANCE_SECONDS,
    within: tuple[float, float] = (-inf, inf),
    zone: tzinfo = UTC,
) -> Report:
    """Hold facts against a queue_log, and direct calls against the CDR.

    :param facts: a file that ``--facts`` wrote.
    :param logs: the log, or a rotated set in any order.
    :param cdr: a Master.csv with Uniqueids.
    :param pbx: whose facts; not needed where there is only one.
    :param tolerance: seconds.
    :param within: only visits that were joined from the first of these moments to the second.
    :param zone: of the times in a database export that name none.
    :raises ringwatch.errors.QueueLogError: a file cannot be read, or is not what it should be.
    """
    told = read_told(facts, pbx)
    rows = read_cdr(cdr) if cdr else None
    witness = read_log(QueueLogFiles(logs, {visit.queue for visit in told.visits.values()}, zone), Policy())
    report = Report(told.pbx, tolerance, told.span, witness.span)
    report.foreign = witness.tally.foreign
    window = Window(told, witness, tolerance, within)
    unseen = Unseen(told, window)
    pairs = compare_visits(told, witness, window, unseen, report)
    parts = PartComparison(told, witness, pairs, window, unseen, report)
    parts.rings()
    parts.transfers()
    parts.ended_again()
    if rows is not None:
        DirectComparison(told, rows, window, report).calls()
    for place in told.unreadable:
        report.differences.append(Difference("unreadable", "", None, Side("no fact", place), NOTHING))
    for damaged in witness.tally.examples:
        report.differences.append(Difference("unreadable", "", None, NOTHING, Side(damaged.why, damaged.place)))
    for line, why in witness.misfits:
        if window.holds(line.at):
            misfit = Difference("misfit", line.call_id, line.queue, NOTHING, Side(f"{line.event}: {why}", line.place))
            if line.event in _OF_A_STAY and told.took_place(line.call_id, line.queue, line.at):
                report.explained.append(replace(misfit, reason="place_taken"))
            else:
                report.differences.append(misfit)
    return report
