"""The audit of what app_queue and CDR do not see: single calls out of recorded random desks, of Asterisk 16 and 22.

``fixtures/audit`` holds what ringwatch told of them, and Asterisk's own lines and records of the same calls as they
were written; only the first line and the last two, which say that the log was there all the time, are made up.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ringwatch import importing
from ringwatch.audit import REASONS as EXPLAINED
from ringwatch.audit import Report, audit
from ringwatch.core.facts import Call, Fact, Gap, Hold, QueueVisit, RingAttempt, Transfer, to_json
from ringwatch.core.standards import Policy
from ringwatch.sources.facts import read_facts
from ringwatch.sources.queue_log import QueueLogFiles
from tests.test_audit import ANY_EVENT, BY_EVENT, LogChange

HERE = Path(__file__).parent / "fixtures" / "audit"
LOG, CDR = HERE / "queue_log", HERE / "cdr.csv"
END, BILLSEC, UNIQUEID = 11, 13, 16

PARKED = {
    "1795293908.264": "fetched by somebody else: the talk goes on to the end of the call",
    "1795294589.4518": "fetched; the phone that parked was put down before, COMPLETEAGENT",
    "1795295031.3159": "parked, back with the agent, and handed on by him",
    "1795295193.2423": "joined by a Local channel that was taken out while the caller was parked",
}
HANDED_ON = {
    "1795292109.75": "into a consultation by way of a queue, to the end of the call",
    "1795292168.403": "COMPLETEAGENT at the end of the call",
    "1795292233.110": "into a consultation",
    "1795292244.472": "into a consultation",
    "1795293971.563": "and on again: that transfer is told of the first agent",
    "1795294565.3603": "blindly, and on again, blindly as well",
    "1795294597.626": "blindly, to the end of the call",
    "1795295596.1839": "behind the caller's own Local channel",
}
CONSULTED = {
    "1795292121.138": "ATTENDEDTRANSFER, then COMPLETECALLER",
    "1795292238.306": "ATTENDEDTRANSFER alone",
    "1795294589.583": "who had answered handed the caller on as well",
}
HUNG_UP = {"1795295910.516": "the agent hung up in a consultation, COMPLETEAGENT"}
ROUNDS = {
    "1795295017.2605": "the second phone of the round, when the queue's own time was over",
    "1795295242.3854": "round after round",
}
PARTED = {
    "1795290960.192": "handed on to a phone that was busy",
    "1795293862.15": "the caller hung up during a consultation",
    "1795293951.466": "parked, and fetched by somebody else",
    "1795294521.1857": "handed on three times",
}
REASONS = {
    **dict.fromkeys(PARKED, "parked"),
    **dict.fromkeys(HANDED_ON, "invisible_transfer"),
    **dict.fromkeys(CONSULTED, "consultation"),
    **dict.fromkeys(HUNG_UP, "hangup"),
    **dict.fromkeys(ROUNDS, "round"),
    **dict.fromkeys(PARTED, "parted"),
}


@cache
def told() -> tuple[Fact, ...]:
    """Return all facts of these calls."""
    return tuple(fact for _, fact in read_facts(HERE / "facts.jsonl") if fact is not None)


def found(folder: Path, facts: Sequence[Fact], log: Path = LOG) -> Report:
    """Hold facts against the records."""
    path = folder / "facts.jsonl"
    path.write_bytes(b"".join(to_json(fact) + b"\n" for fact in facts))
    return audit(path, [log], cdr=CDR)


def reasons(report: Report) -> dict[str, set[str | None]]:
    """Return the reasons by call."""
    by_call: dict[str, set[str | None]] = defaultdict(set)
    for each in report.explained:
        by_call[each.call_id].add(each.reason)
    return by_call


class TestReasons:
    """What is no difference."""

    def test_every_call_has_its_one_reason(self, tmp_path: Path) -> None:
        """And what needs none has none."""
        report = found(tmp_path, told())
        assert [str(each) for each in report.differences] == []
        assert reasons(report) == {call_id: {reason} for call_id, reason in REASONS.items()}
        assert dict(report.compared) == {"visits": 29, "rings": 12, "transfers": 3, "direct_calls": 4}

    @pytest.mark.parametrize("call_id", sorted(HANDED_ON))
    def test_a_transfer_that_app_queue_did_not_see_is_known_by_its_own_fact(self, tmp_path: Path, call_id: str) -> None:
        """Behind a Local channel with /n the talk goes on (FreePBX issue 124); without that fact it is a difference.

        Pitfall 9.
        """
        without = [fact for fact in told() if not (isinstance(fact, Transfer) and fact.call_id == call_id)]
        assert call_id in {each.call_id for each in found(tmp_path, without).differences}

    def test_without_cdr_the_rest_is_the_same(self) -> None:
        """Direct calls are not looked at."""
        report = audit(HERE / "facts.jsonl", [LOG])
        assert report.well
        assert reasons(report) == {call: {why} for call, why in REASONS.items() if why != "parted"}

    @pytest.mark.parametrize("hours", [-5.5, 1, 13])
    def test_the_zone_in_which_cdr_is_written_does_not_matter(self, tmp_path: Path, hours: float) -> None:
        """It is not in the file."""
        with CDR.open(encoding="utf-8", newline="") as file:
            rows = [
                [_later_by(cell, hours) if cell.startswith("2026-") else cell for cell in row]
                for row in csv.reader(file)
            ]
        cdr = tmp_path / "cdr.csv"
        with cdr.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        assert audit(HERE / "facts.jsonl", [LOG], cdr=cdr).well

    def test_a_caller_who_was_parked_may_be_there_still_when_the_log_ends(self, tmp_path: Path) -> None:
        """To the log the talk goes on, long after it was over."""
        log = tmp_path / "queue_log"
        log.write_bytes(b"".join(row for row in log_lines() if int(row.partition(b"|")[0]) < 1795295050))
        report = found(tmp_path, told(), log)
        assert report.well
        assert reasons(report)["1795295031.3159"] == {"in_progress"}

    def test_a_call_of_which_ringwatch_did_not_see_the_end_ends_after_that(self, tmp_path: Path) -> None:
        """It was stopped at 918, or did not listen from then on; else there is no reason for an end at 920."""
        (call,) = (fact for fact in told() if isinstance(fact, Call) and fact.call_id == "1795293908.264")
        unseen = replace(call, ended_at=1795293918.0, outcome="unknown")
        with_call = [unseen if fact is call else fact for fact in told()]
        stopped = [fact for fact in with_call if getattr(fact, "ended_at", getattr(fact, "at", 0.0)) <= unseen.ended_at]
        assert reasons(found(tmp_path, stopped))[call.call_id] == {"parked"}
        assert found(tmp_path, with_call).verdict == "differ"
        gap = Gap(pbx="main", from_=1795293918.0, to=1795293925.0, why="disconnected")
        assert reasons(found(tmp_path, [*with_call, gap]))[call.call_id] == {"parked"}
        assert found(tmp_path, [fact for fact in told() if fact is not call]).verdict == "differ"

    def test_every_reason_is_explained_to_people(self) -> None:
        """These, and what is not there for one of the two to be seen."""
        elsewhere = {"gap", "in_progress", "no_end", "outside", "picked_up", "place_taken", "refused"}
        assert set(EXPLAINED) == {*REASONS.values(), *elsewhere}

    async def test_no_line_of_such_a_log_fits_nothing_when_it_is_imported(self) -> None:
        """A consultation that two lines end is one visit."""
        done = await importing.import_files(QueueLogFiles([LOG], set()), "main", Policy(), [])
        assert (done.misfits, done.visits, done.open_visits) == ([], 29, 0)


def _later_by(cell: str, hours: float) -> str:
    return str(datetime.fromisoformat(cell) + timedelta(hours=hours))


Change = tuple[str, dict[str, Any] | None]


def changes(fact: Fact) -> Iterator[Change]:
    """Return what can be wrong with a fact that the records tell; None is a fact that is missing."""
    match fact:
        case QueueVisit(outcome="answered"):
            yield "lost", None
            yield "told twice", {"ordinal": fact.ordinal + 50}
            yield "another outcome", {"outcome": "abandoned", "agent": None}
            yield "another agent", {"agent": "Nobody"}
            yield "another wait", {"wait_seconds": fact.wait_seconds + 3}
            yield "a longer talk", {"talk_seconds": fact.talk_seconds + 5}
            yield "a later end", {"ended_at": fact.ended_at + 5}
            longer = {"talk_seconds": fact.talk_seconds + 5, "ended_at": fact.ended_at + 5}
            yield "a longer talk and a later end", longer
            yield "another way to end", {"talk_ended_by": "caller" if fact.talk_ended_by == "transfer" else "transfer"}
        case QueueVisit():
            yield "lost", None
            yield "another outcome", {"outcome": "timeout" if fact.outcome != "timeout" else "abandoned"}
            yield "another wait", {"wait_seconds": fact.wait_seconds + 3}
        case RingAttempt(result="no_answer"):
            yield "lost", None
            yield "begun earlier", {"started_at": fact.started_at - 3}
            yield "begun later", {"started_at": fact.started_at + 3}
            yield "another agent", {"agent": "Nobody"}
        case Transfer(result="success", queue=str()):
            yield "lost", None
            yield "later", {"at": fact.at + 4}
        case Hold(kind="park", queue=str()):
            yield "lost", None
        case Call(line=str(), queues=[]):
            yield "answered or not", {"answered": not fact.answered}
            yield "answered later", {"answered_at": (fact.answered_at or 0) + 3}
            yield "answered earlier", {"answered_at": (fact.answered_at or 0) - 3}
            yield "a later end", {"ended_at": fact.ended_at + 5}
        case _:
            pass


UNTOLD = {
    # Nobody was there to be in a record while the caller heard that the phone was busy.
    "1795290960.192": [(Call, "a later end")],
    # Whom an agent had asked by way of a queue handed on a caller who had never been in it.
    "1795294521.1857": [(Transfer, "lost"), (Transfer, "later")],
    "1795294589.583": [(Transfer, "lost")],
}
"""What no record tells, by call."""


class TestWrongFacts:
    """A reason hides no fact that is wrong."""

    @pytest.mark.parametrize("call_id", sorted({*REASONS, *(getattr(fact, "call_id", "") for fact in told())}))
    def test_every_change_of_a_fact_is_noticed(self, tmp_path: Path, call_id: str) -> None:
        """Whichever fact of whichever call."""
        unnoticed = []
        for at, fact in enumerate(told()):
            if getattr(fact, "call_id", "") != call_id:
                continue
            for what, values in changes(fact):
                rest = [*told()[:at], *told()[at + 1 :]]
                new = [] if values is None else [replace(fact, **values)]
                given = [*told(), *new] if what == "told twice" else [*rest, *new]
                if found(tmp_path, given).verdict != "differ":
                    unnoticed.append((type(fact), what))
        assert unnoticed == UNTOLD.get(call_id, [])


def log_lines() -> list[bytes]:
    """Return the lines of the log, with their ends."""
    return LOG.read_bytes().splitlines(keepends=True)


ONE_OF_TWO = (9, 10, 29, 30)
"""Lines that end a talk which another one ends as well: that one is missing cannot be known."""


def log_corruptions() -> Iterator[tuple[int, str, LogChange]]:
    """Return every corruption of every line about a visit.

    The first line of an event that was cut may be one of an older Asterisk.
    """
    by_event = {**BY_EVENT, "COMPLETEAGENT": BY_EVENT["COMPLETECALLER"]}
    seen = set()
    for at, row in enumerate(log_lines()):
        event = row.split(b"|")[4].decode()
        for what, change in {**ANY_EVENT, **by_event.get(event, {})}.items():
            gone = what == "lost" or (what == "cut" and event == "COMPLETECALLER")
            older = what == "cut" and event not in seen
            if event in by_event and not older and not (gone and at + 1 in ONE_OF_TWO):
                yield at, f"{event} {what}", change
        seen.add(event)


class TestWrongLines:
    """Nor a line that is."""

    def test_every_corruption_of_every_line_is_noticed(self, tmp_path: Path) -> None:
        """Whichever line, however it was changed."""
        log = tmp_path / "queue_log"
        unnoticed = []
        for at, what, change in log_corruptions():
            log.write_bytes(b"".join(change(log_lines(), at)))
            if audit(HERE / "facts.jsonl", [log], cdr=CDR).verdict != "differ":
                unnoticed.append((at + 1, what))
        assert unnoticed == []

    def test_only_where_a_hangup_hands_on_a_talk_ends_twice(self, tmp_path: Path) -> None:
        """Else a second line fits nothing."""
        log = tmp_path / "queue_log"
        end = b"1795294585|1795294565.3603|tech|Tech 121|COMPLETECALLER|4|5|2\n"
        again = b"1795294585|1795294565.3603|tech|Tech 121|ATTENDEDTRANSFER|BRIDGE|b7|4|5|2\n"
        log.write_bytes(LOG.read_bytes().replace(end, end + again))
        (difference,) = found(tmp_path, told(), log).differences
        assert (difference.kind, difference.witness.says) == (
            *("misfit", "ATTENDEDTRANSFER: the talk has ended before"),
        )

    @pytest.mark.parametrize("call_id", sorted(PARTED))
    def test_every_record_that_is_lost_or_moved_is_noticed(self, tmp_path: Path, call_id: str) -> None:
        """If it is of more than a second, which is what truncation takes."""
        with CDR.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        cdr = tmp_path / "cdr.csv"
        unnoticed = []
        for at, row in enumerate(rows):
            if row[UNIQUEID] != call_id or int(row[BILLSEC]) < 2:
                continue
            moved = [*row[:END], _later_by(row[END], 1 / 60), *row[END + 1 :]]
            for what, new in (("lost", []), ("moved", [moved])):
                with cdr.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerows([*rows[:at], *new, *rows[at + 1 :]])
                if audit(HERE / "facts.jsonl", [LOG], cdr=cdr).well:
                    unnoticed.append((at + 1, what))
        assert unnoticed == []

    def test_only_where_nobody_could_be_reached_a_call_lasts_longer_than_its_records(self, tmp_path: Path) -> None:
        """The caller hears a tone; a phone that merely rang was in a record to the end."""
        cdr = tmp_path / "cdr.csv"
        cdr.write_text(CDR.read_text(encoding="utf-8").replace('"BUSY"', '"NO ANSWER"'), encoding="utf-8")
        (difference,) = audit(HERE / "facts.jsonl", [LOG], cdr=cdr).differences
        assert (difference.kind, difference.call_id) == ("direct_call", "1795290960.192")
