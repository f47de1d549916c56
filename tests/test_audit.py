"""The audit: it agrees where Asterisk and the facts do, and notices whatever is changed in either."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from ringwatch.audit import Report, audit
from ringwatch.audit.report import DifferenceKind
from ringwatch.cli import main
from ringwatch.core.facts import Fact, Gap, QueueVisit, RingAttempt, Transfer, to_json
from ringwatch.core.queue_log.stories import ENDS, TALK_ENDS
from ringwatch.errors import QueueLogError
from tests.core.queue_log.logs import NINE, Log, captured, lines
from tests.sinks.samples import CALL, GAP, VISIT
from tests.tools.captures import CAPTURES, NAMES, blocks, facts_of
from tests.tools.properties import PATIENT

COMPARED = {
    "scenarios-22": {"visits": 14, "rings": 1, "transfers": 4, "direct_calls": 1},
    "scenarios-16": {"visits": 14, "rings": 1, "transfers": 4, "direct_calls": 1},
    "mix-22": {"visits": 216, "rings": 41, "transfers": 15, "direct_calls": 43},
    "mix-16": {"visits": 201, "rings": 22, "transfers": 21, "direct_calls": 61},
}
"""What is in each recording for both sides to see: fewer would mean that some was not looked at."""


@cache
def heard(name: str) -> tuple[Fact, ...]:
    """Return all that AMI tells of a recording."""
    return tuple(facts_of(blocks(name)))


def log_lines(name: str) -> list[bytes]:
    """Return the lines of a recorded log, with their ends."""
    return (CAPTURES / name / "queue_log").read_bytes().splitlines(keepends=True)


@dataclass
class Desk:
    """A folder with the two sides of an audit."""

    folder: Path

    @property
    def facts(self) -> Path:
        """Where the facts are."""
        return self.folder / "facts.jsonl"

    @property
    def log(self) -> Path:
        """Where the log is."""
        return self.folder / "queue_log"

    def tells(self, facts: Iterable[Fact]) -> Desk:
        """Write facts, a line each."""
        self.facts.write_bytes(b"".join(to_json(fact) + b"\n" for fact in facts))
        return self

    def writes(self, raw: bytes | str) -> Desk:
        """Write the log: whole, or as for `lines`, from nine o'clock."""
        if isinstance(raw, str):
            rows = (line.strip().partition("|") for line in raw.splitlines() if line.strip())
            raw = "".join(f"{NINE + int(at)}|{rest}\n" for at, _, rest in rows).encode()
        self.log.write_bytes(raw)
        return self

    def audit(self, **options: Any) -> Report:
        """Hold the one against the other."""
        return audit(self.facts, [self.log], **options)

    def found(self, **options: Any) -> list[tuple[str, str | None]]:
        """Return kind and reason of all that is apart, differences first."""
        report = self.audit(**options)
        return [(each.kind, each.reason) for each in (*report.differences, *report.explained)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return an empty desk."""
    return Desk(tmp_path)


LOG = """
    -100|NONE|NONE|NONE|QUEUESTART|
    0|1795424400.0|support|NONE|ENTERQUEUE||0201000001|1
    9|1795424400.0|support|Bram|RINGNOANSWER|8000
    12|1795424400.0|support|Anna|CONNECT|12|1.1|2
    72|1795424400.0|support|Anna|BLINDTRANSFER|108|internal|12|60|1
    100|1795424500.0|support|NONE|ENTERQUEUE||0201000002|1
    120|1795424500.0|support|NONE|ABANDON|1|1|20
    300|NONE|support|Anna|PAUSE|lunch
"""
"""A caller who is answered and transferred, one who gives up, and a line that says that the log goes on."""


def told(text: str = LOG) -> list[Fact]:
    """Return what AMI would have told of a log, near enough."""
    facts: list[Fact] = []
    for story in Log(lines(text)).stories:
        parts = (*story.attempts, story.transfer, story.visit)
        facts += [replace(part, source="ami") for part in parts if part is not None]
    # Something that goes on to the end.
    end = replace(CALL, call_id="9.9", started_at=NINE - 100.0, ended_at=NINE + 300.0, line=None)
    return [*facts, end]


def changed(which: type[Fact], index: int = 0, /, **values: Any) -> list[Fact]:
    """Return the facts, one of them changed."""
    facts = told()
    where = [number for number, fact in enumerate(facts) if isinstance(fact, which)][index]
    facts[where] = replace(facts[where], **values)
    return facts


class TestRecorded:
    """Recordings of real Asterisks, with their own records of the same minutes."""

    @pytest.mark.parametrize("name", NAMES)
    def test_facts_agree_with_queue_log_and_cdr(self, name: str, desk: Desk) -> None:
        """All of it; what one side lacks has its reason."""
        report = audit(desk.tells(heard(name)).facts, [CAPTURES / name / "queue_log"], cdr=CAPTURES / name / "cdr.csv")
        assert [str(each) for each in report.differences] == []
        assert (report.verdict, report.well, dict(report.compared)) == ("agree", True, COMPARED[name])
        assert {each.reason for each in report.explained} <= {"refused", "in_progress"}

    @pytest.mark.parametrize("name", ["cases-22", "cases-16"])
    def test_pickups_and_taken_places_have_their_reason(self, name: str, desk: Desk) -> None:
        """queue_log names who was rung; who joined and who is connected are two channels."""
        report = audit(desk.tells(heard(name)).facts, [CAPTURES / name / "queue_log"], cdr=CAPTURES / name / "cdr.csv")
        assert [str(each) for each in report.differences] == []
        assert dict(report.compared) == {"visits": 15, "rings": 1, "transfers": 2, "direct_calls": 12}
        reasons = Counter((each.kind, each.reason) for each in report.explained)
        assert reasons == {
            ("agent", "picked_up"): 4,
            ("direct_call", "parted"): 1,
            ("misfit", "place_taken"): 1,
            ("only_in_log", "in_progress"): 1,
        }

    @pytest.mark.parametrize("name", NAMES)
    def test_facts_of_an_import_agree_with_the_log_they_are_from(self, name: str, desk: Desk) -> None:
        """Every visit, ring and transfer."""
        stories = Log(captured(name)).stories
        facts = [
            record
            for story in stories
            for record in story.records
            if not hasattr(record, "at") or isinstance(record, Transfer)
        ]
        report = audit(desk.tells(facts).facts, [CAPTURES / name / "queue_log"])  # type: ignore[arg-type]
        assert report.differences == []
        expected = {kind: count for kind, count in COMPARED[name].items() if kind != "direct_calls"}
        assert dict(report.compared) == expected

    def test_a_rotated_set_is_one_log(self, desk: Desk) -> None:
        """In whatever order it is given."""
        rows = log_lines("mix-22")
        parts = [desk.folder / "queue_log.1", desk.folder / "queue_log.0", desk.folder / "queue_log"]
        for part, rest in zip(parts, (rows[:100], rows[100:400], rows[400:]), strict=True):
            part.write_bytes(b"".join(rest))
        report = audit(desk.tells(heard("mix-22")).facts, parts)
        assert (report.verdict, report.compared["visits"]) == ("agree", 216)


LogChange = Callable[[list[bytes], int], list[bytes]]


def _part(number: int, change: Callable[[bytes], bytes]) -> LogChange:
    """Return a corruption that changes one part of a line."""

    def corrupt(rows: list[bytes], at: int) -> list[bytes]:
        parts = rows[at].rstrip(b"\n").split(b"|")
        parts[number] = change(parts[number])
        return [*rows[:at], b"|".join(parts) + b"\n", *rows[at + 1 :]]

    return corrupt


def _later(value: bytes) -> bytes:
    return b"%d" % (int(value) + 5)


ANY_EVENT: dict[str, LogChange] = {
    "lost": lambda rows, at: [*rows[:at], *rows[at + 1 :]],
    "written twice": lambda rows, at: [*rows[: at + 1], *rows[at:]],
    "later": _part(0, _later),
    "of another call": _part(1, lambda value: value + b"7"),
    "of another queue": _part(2, lambda value: value + b"x"),
    "cut": lambda rows, at: [*rows[:at], rows[at][:-8] + b"\n", *rows[at + 1 :]],
    "glued to the next": lambda rows, at: [*rows[:at], rows[at][:20] + rows[at + 1], *rows[at + 2 :]],
    "overwritten": lambda rows, at: [*rows[:at], b"\0" * len(rows[at]) + b"\n", *rows[at + 1 :]],
}
"""Corruptions of any line about a visit."""
BY_EVENT: dict[str, dict[str, LogChange]] = {
    "CONNECT": {"another agent": _part(3, lambda value: value + b"!"), "another wait": _part(5, _later)},
    "RINGNOANSWER": {"another agent": _part(3, lambda value: value + b"!"), "longer": _part(5, lambda _: b"99000")},
    "ABANDON": {"another wait": _part(7, _later), "another end": _part(4, lambda _: b"EXITEMPTY")},
    "EXITWITHTIMEOUT": {"another wait": _part(7, _later), "another end": _part(4, lambda _: b"ABANDON")},
    "COMPLETECALLER": {"another talk": _part(6, _later), "another agent": _part(3, lambda value: value + b"!")},
    "BLINDTRANSFER": {"another talk": _part(8, _later), "elsewhere": _part(5, lambda value: value + b"9")},
    "ATTENDEDTRANSFER": {"another talk": _part(8, _later)},
    "ENTERQUEUE": {},
}
"""Corruptions of lines of one event."""


@cache
def log_corruptions(name: str) -> list[tuple[int, str, LogChange]]:
    """Return every corruption of every line of a log that an audit can notice.

    Not of the first and last seconds: there it cannot be told from a log that begins later or ends earlier. Nor of
    visits that the log leaves open. The first line of an event that was cut may be one of an older Asterisk.
    """
    given_lines = captured(name)
    begins, ends = given_lines[0].at + 3, given_lines[-1].at - 3
    still = {visit.call_id for visit in Log(given_lines).log.open_visits}
    found = []
    for at, line in enumerate(given_lines):
        if line.event in BY_EVENT and begins < line.at < ends and line.call_id not in still:
            changes = {**ANY_EVENT, **BY_EVENT[line.event]}
            if line.event not in {earlier.event for earlier in given_lines[:at]}:
                del changes["cut"]
            found += [(at, f"{line.event} {what}", change) for what, change in changes.items()]
    return found


class TestCorruption:
    """A line of either side that was changed."""

    def test_every_event_that_is_compared_is_corrupted(self) -> None:
        """The recordings hold most of them; the others are told in the tests below."""
        seen = {line.event for name in NAMES for line in captured(name)}
        assert seen & {*ENDS, *TALK_ENDS, "CONNECT", "ENTERQUEUE", "RINGNOANSWER"} == set(BY_EVENT)

    @pytest.mark.parametrize("name", ["scenarios-22", "scenarios-16"])
    def test_every_corruption_of_every_line_of_a_log_is_noticed(self, name: str, desk: Desk) -> None:
        """Whichever line, however it was changed."""
        desk.tells(heard(name))
        unnoticed = []
        for at, what, change in log_corruptions(name):
            report = desk.writes(b"".join(change(log_lines(name), at))).audit()
            if report.verdict != "differ":
                unnoticed.append((at + 1, what))
        assert unnoticed == []

    @pytest.mark.parametrize("name", ["mix-22", "mix-16"])
    def test_any_corruption_of_a_busy_log_is_noticed(self, name: str, desk: Desk) -> None:
        """Many callers wait at once, agents talk with one after the other."""
        desk.tells(heard(name))

        @PATIENT
        @given(st.sampled_from(log_corruptions(name)))
        def corrupted(corruption: tuple[int, str, LogChange]) -> None:
            at, _, change = corruption
            assert desk.writes(b"".join(change(log_lines(name), at))).audit().verdict == "differ"

        corrupted()

    @pytest.mark.parametrize(
        ("kind", "values", "found"),
        [
            (QueueVisit, {"outcome": "timeout", "agent": None}, "outcome"),
            (QueueVisit, {"outcome": "unknown"}, "outcome"),
            (QueueVisit, {"agent": "Bram"}, "agent"),
            (QueueVisit, {"wait_seconds": 15.0}, "wait"),
            (QueueVisit, {"talk_seconds": 57.0}, "talk"),
            (QueueVisit, {"hold_seconds": 3.0}, "talk"),
            (QueueVisit, {"joined_at": NINE - 4.0}, "joined"),
            (QueueVisit, {"ended_at": NINE + 80.0}, "ended"),
            (QueueVisit, {"talk_ended_by": "caller"}, "ended_by"),
            (QueueVisit, {"ordinal": 2}, "ordinal"),
            (QueueVisit, {"queue": "sales"}, "only_in_facts"),
            (QueueVisit, {"uniqueid": "7.7"}, "only_in_log"),
            (RingAttempt, {"agent": "Anna"}, "rings"),
            (RingAttempt, {"result": "caller_gone"}, "rings"),
            (RingAttempt, {"ended_at": NINE + 14.0}, "rings"),
            (RingAttempt, {"started_at": NINE - 2.0}, "rings"),
            (Transfer, {"to": "109"}, "transfer"),
            (Transfer, {"kind": "attended"}, "transfer"),
            (Transfer, {"at": NINE + 80.0}, "transfer"),
            (Transfer, {"result": "failed"}, "transfer"),
            (Transfer, {"from_agent": "Bram"}, "transfer"),
        ],
    )
    def test_every_change_of_a_fact_is_noticed(
        self, kind: type[Fact], values: dict[str, Any], found: str, desk: Desk
    ) -> None:
        """And named for what it is."""
        assert desk.tells(told()).writes(LOG).found() == []
        assert (found, None) in desk.tells(changed(kind, **values)).found()

    @pytest.mark.parametrize(
        ("row", "found"),
        [
            ("72|1795424400.9|support|Anna|BLINDTRANSFER|108|internal|12|60|1", "misfit"),
            ("72|1795424400.0|support|Bram|BLINDTRANSFER|108|internal|12|60|1", "misfit"),
            ("72|1795424400.0|support|Anna|BLINDTRANSFER|108|internal|12", "unreadable"),
        ],
    )
    def test_a_line_that_fits_nothing_is_noticed(self, row: str, found: str, desk: Desk) -> None:
        """Neither the call nor the agent, or not read at all."""
        corrupt = LOG.replace("72|1795424400.0|support|Anna|BLINDTRANSFER|108|internal|12|60|1", row)
        assert (found, None) in desk.tells(told()).writes(corrupt).found()

    @pytest.mark.parametrize("kind", [QueueVisit, RingAttempt, Transfer])
    def test_a_fact_that_is_missing_is_noticed(self, kind: type[Fact], desk: Desk) -> None:
        """A visit, an unanswered ring, a transfer."""
        facts = told()
        facts.remove(next(fact for fact in facts if isinstance(fact, kind)))
        assert desk.tells(facts).writes(LOG).audit().verdict == "differ"

    def test_a_fact_that_cannot_be_read_is_noticed(self, desk: Desk) -> None:
        """With its place."""
        desk.tells(told()).writes(LOG)
        desk.facts.write_bytes(desk.facts.read_bytes() + b'{"type":"queue_visit","pbx"\n')
        (difference,) = desk.audit().differences
        assert (difference.kind, difference.facts.at) == ("unreadable", f"{desk.facts}:7")

    def test_a_visit_told_twice_counts_as_it_was_told_last(self, desk: Desk) -> None:
        """Healing tells again what was told without its end."""
        again = changed(QueueVisit, outcome="unknown", ended_at=NINE + 50.0)
        assert desk.tells([*again, *told()]).writes(LOG).found() == []
        assert desk.tells([*told(), *again]).found() == [("outcome", None)]

    def test_both_sides_are_shown_with_their_places(self, desk: Desk) -> None:
        """File and lines, so that one can look."""
        (difference,) = desk.tells(changed(QueueVisit, wait_seconds=15.0)).writes(LOG).audit().differences[:1]
        assert (difference.facts.says, difference.facts.at) == ("wait 15.000", f"{desk.facts}:4")
        assert (difference.witness.says, difference.witness.at) == ("wait 12", f"{desk.log}:2,3,4,5")
        assert difference.off_by == 3.0
        assert str(difference) == (
            f"wait 1795424400.0 support: {desk.facts}:4: wait 15.000 | {desk.log}:2,3,4,5: wait 12"
        )


class TestReasons:
    """What may be apart."""

    def test_a_gap_explains_what_happened_in_it(self, desk: Desk) -> None:
        """Visits, rings and transfers that the facts lack."""
        gap = Gap(pbx="main", from_=NINE - 5.0, to=NINE + 80.0, why="disconnected")
        rest = [fact for fact in told() if getattr(fact, "call_id", "") != "1795424400.0"]
        assert desk.tells([*rest, gap]).writes(LOG).found() == [
            *(("only_in_log", "gap"), ("rings", "gap"), ("transfer", "gap"))
        ]
        assert desk.tells(rest).audit().verdict == "differ"

    def test_a_gap_explains_an_end_that_was_not_seen(self, desk: Desk) -> None:
        """But not one that was."""
        gap = Gap(pbx="main", from_=NINE + 60.0, to=NINE + 80.0, why="restarted")
        lost = changed(QueueVisit, talk_ended_by="unknown", ended_at=NINE + 81.0)
        assert desk.tells([*lost, gap]).writes(LOG).found() == [("outcome", "gap")]
        assert desk.tells(lost).found() == [("outcome", None)]
        assert ("outcome", None) in desk.tells([*changed(QueueVisit, outcome="timeout"), gap]).found()

    def test_refused_callers_are_in_no_log(self, desk: Desk) -> None:
        """They never joined."""
        refused = replace(VISIT, outcome="refused_full", ordinal=-1)
        assert desk.tells([*told(), refused]).writes(LOG).found() == [("only_in_facts", "refused")]

    def test_what_one_side_was_not_there_for_is_outside(self, desk: Desk) -> None:
        """Logs are rotated away, and facts begin when ringwatch does; what they share is compared."""
        early = replace(VISIT, joined_at=NINE - 900.0, ended_at=NINE - 800.0, call_id="7.0", uniqueid="")
        assert desk.tells([*told(), early]).writes(LOG).found() == [("only_in_facts", "outside")]
        late = LOG + "400|1795424800.0|support|NONE|ENTERQUEUE||0203|1\n410|1795424800.0|support|NONE|ABANDON|1|1|10"
        assert desk.tells(told()).writes(late).found() == [("only_in_log", "outside")]

    def test_what_was_going_on_at_the_end_is_no_difference(self, desk: Desk) -> None:
        """Of the facts, of the log, or of both."""
        waits = LOG + "299|1795424699.0|support|NONE|ENTERQUEUE||0203|1\n"
        ends = waits + "309|1795424699.0|support|NONE|ABANDON|1|1|10\n"
        visits = [story.visit for story in Log(lines(ends)).stories if story.visit.call_id == "1795424699.0"]
        (visit,) = (replace(each, source="ami") for each in visits)
        stopped = replace(visit, outcome="unknown", ended_at=NINE + 300.0)
        assert desk.tells([*told(), visit]).writes(waits).found() == [("outcome", "in_progress")]
        assert desk.tells([*told(), stopped]).writes(ends).found() == [("outcome", "in_progress")]
        assert desk.tells([*told(), stopped]).writes(waits).found() == [("outcome", "in_progress")]
        assert desk.tells(told()).writes(ends).found() == [("only_in_log", "in_progress")]
        early = replace(visit, ended_at=NINE + 250.0)
        later = waits.replace("300|NONE", "400|NONE")
        assert desk.tells([*told(), early]).writes(later).found() == [("outcome", None)]

    def test_a_log_that_stops_with_asterisk_has_no_end_to_compare(self, desk: Desk) -> None:
        """AMI may have heard more, or less."""
        crash = LOG.replace(
            "72|1795424400.0|support|Anna|BLINDTRANSFER|108|internal|12|60|1", "80|NONE|NONE|NONE|QUEUESTART|"
        )
        found = desk.tells([fact for fact in told() if not isinstance(fact, Transfer)]).writes(crash).found()
        assert found == [("outcome", "no_end")]

    @pytest.mark.parametrize(("result", "reason"), [("elsewhere", "picked_up"), ("answered", None)])
    def test_who_picked_up_is_known_by_the_ring_that_went_elsewhere(
        self, result: str, reason: str | None, desk: Desk
    ) -> None:
        """Anna was rung, Eva talked and handed on: the transfer is Eva's in the log, too."""
        facts = [
            replace(fact, result=result)
            if isinstance(fact, RingAttempt) and fact.agent == "Anna"
            else replace(fact, agent="Eva")
            if isinstance(fact, QueueVisit) and fact.agent == "Anna"
            else replace(fact, from_agent="Eva")
            if isinstance(fact, Transfer)
            else fact
            for fact in told()
        ]
        found = desk.tells(facts).writes(LOG).found()
        assert ("agent", reason) in found
        assert [each for each in found if each[0] == "transfer"] == ([] if reason else [("transfer", None)] * 2)

    @pytest.mark.parametrize("handed_on", [True, False])
    def test_a_place_that_was_taken_is_known_by_the_transfer(self, handed_on: bool, desk: Desk) -> None:  # noqa: FBT001 - a parameter
        """Who is connected did not join: an agent did, and handed the caller on while waiting."""
        facts = told()
        log = LOG.replace("0|1795424400.0|support|NONE|ENTERQUEUE", "0|1795424401.1|support|NONE|ENTERQUEUE")
        if handed_on:
            (made,) = (fact for fact in facts if isinstance(fact, Transfer))
            facts.append(replace(made, kind="attended", at=NINE + 8.0, queue=None, from_agent="PJSIP/108"))
        found = desk.tells(facts).writes(log).found()
        assert ("misfit", "place_taken" if handed_on else None) in found

    def test_who_hung_up_is_not_compared(self, desk: Desk) -> None:
        """COMPLETECALLER is also written when the agent's phone hangs up (seen in scenarios-22)."""
        ended = LOG.replace("BLINDTRANSFER|108|internal|12|60|1", "COMPLETECALLER|12|60|1")
        facts = [fact for fact in changed(QueueVisit, talk_ended_by="agent") if not isinstance(fact, Transfer)]
        assert desk.tells(facts).writes(ended).found() == []

    def test_a_short_abandon_is_an_abandon(self, desk: Desk) -> None:
        """How short is too short the log does not know."""
        assert desk.tells(changed(QueueVisit, 1, outcome="short_abandoned")).writes(LOG).found() == []

    def test_a_caller_by_a_local_channel_is_found_by_that_channel(self, desk: Desk) -> None:
        """The log knows no other; the number of the stay is the call's and not compared."""
        by_local = [
            replace(fact, call_id="3.3", **({"ordinal": 4} if isinstance(fact, QueueVisit) else {}))
            if getattr(fact, "call_id", "") == "1795424400.0"
            else fact
            for fact in told()
        ]
        assert desk.tells(by_local).writes(LOG).found() == []


class TestOptions:
    """What is asked for."""

    def test_the_tolerance_can_be_widened(self, desk: Desk) -> None:
        """And narrowed."""
        desk.tells(changed(QueueVisit, wait_seconds=15.0)).writes(LOG)
        assert {each.kind for each in desk.audit().differences} == {"wait", "answered"}
        assert desk.audit(tolerance=3.5).well

    def test_a_window_leaves_out_what_was_joined_outside_it(self, desk: Desk) -> None:
        """From the first moment to before the second."""
        desk.tells(changed(QueueVisit, wait_seconds=15.0)).writes(LOG)
        later = desk.audit(within=(NINE + 50.0, NINE + 200.0))
        assert (later.well, dict(later.compared)) == (True, {"visits": 1})
        assert not desk.audit(within=(NINE - 1.0, NINE + 50.0)).well

    def test_one_pbx_of_several_is_chosen(self, desk: Desk) -> None:
        """A log is of one of them."""
        other = [replace(fact, pbx="other") for fact in told()]
        desk.tells([*told(), *other]).writes(LOG)
        with pytest.raises(QueueLogError, match="holds facts of main, other") as caught:
            desk.audit()
        assert caught.value.remedy == "say whose log this is with --pbx"
        assert desk.audit(pbx="other").well

    def test_nothing_to_compare_is_no_agreement(self, desk: Desk) -> None:
        """An empty file, or the facts of another PBX."""
        report = desk.tells([]).writes(LOG).audit()
        assert report.verdict == "differ"
        desk.tells([replace(GAP, from_=NINE - 900.0, to=NINE + 900.0)])
        report = desk.audit()
        assert (report.verdict, report.well) == ("nothing_compared", False)

    def test_a_database_export_is_a_log(self, desk: Desk) -> None:
        """In the PBX's own time."""
        rows = ["time,callid,queuename,agent,event,data"]
        for at, line in enumerate(lines(LOG)):
            del at
            raw = next(text for text in LOG.splitlines() if text.strip().startswith(f"{round(line.at) - NINE}|"))
            _, call, queue, agent, event, *data = raw.strip().split("|")
            moment = f"2026-11-23 {10 + (round(line.at) - NINE) // 3600:02}"
            seconds = (round(line.at) - NINE) % 3600
            rows.append(
                f"{moment}:{seconds // 60:02}:{seconds % 60:02}.5,{call},{queue},{agent},{event},{'|'.join(data)}"
            )
        desk.tells(told()).writes("\n".join(rows).encode())
        assert desk.audit(zone=timezone(timedelta(hours=1))).differences == []

    def test_foreign_events_are_no_difference(self, desk: Desk) -> None:
        """They are named."""
        report = desk.tells(told()).writes(LOG + "301|1.0|support|NONE|MINE|x\n").audit()
        assert (report.verdict, report.foreign) == ("agree", {"MINE": 1})


ROW = (
    '"","0201","3000","from-trunk","""C"" <0201>","PJSIP/trunk-1","PJSIP/108-2","Dial","PJSIP/108",'
    '"2026-11-23 09:00:00","2026-11-23 09:00:12","2026-11-23 09:01:12",72,{billsec},"{disposition}","DOCUMENTATION",'
    '"{uniqueid}",""\n'
)


class TestDirectCalls:
    """Calls that no queue saw, against the call detail records."""

    DIRECT = replace(
        CALL, call_id="5.0", line="direct", queues=[], answered_at=NINE + 12.0, ended_at=NINE + 72.3, talk_seconds=50.0
    )

    @pytest.mark.parametrize(
        ("rows", "agrees"),
        [
            ([("ANSWERED", 60)], True),
            ([("NO ANSWER", 0), ("ANSWERED", 60)], True),
            ([("ANSWERED", 40), ("ANSWERED", 20)], True),
            ([("ANSWERED", 64)], False),
            ([("NO ANSWER", 0)], False),
            ([], False),
        ],
    )
    def test_a_call_is_compared_with_all_its_rows(
        self, desk: Desk, rows: Sequence[tuple[str, int]], *, agrees: bool
    ) -> None:
        """Answered or not, and for how long in all."""
        cdr = desk.folder / "Master.csv"
        cdr.write_text("".join(ROW.format(disposition=d, billsec=b, uniqueid="5.0") for d, b in rows))
        report = desk.tells([*told(), self.DIRECT]).writes(LOG).audit(cdr=cdr)
        assert (report.well, report.compared["direct_calls"]) == (agrees, 1)
        if not agrees:
            (difference,) = report.differences
            assert (difference.kind, difference.facts.says) == ("direct_call", "answered, up 60.300 s")
            assert difference.witness.at == (f"{cdr}:1" if rows else None)

    def test_a_call_that_was_not_answered_has_no_answered_row(self, desk: Desk) -> None:
        """Nor has one whose end is not known anything to compare."""
        cdr = desk.folder / "Master.csv"
        cdr.write_text(ROW.format(disposition="NO ANSWER", billsec=0, uniqueid="5.0"))
        missed = replace(self.DIRECT, answered=False, answered_at=None, outcome="abandoned")
        assert desk.tells([*told(), missed]).writes(LOG).audit(cdr=cdr).compared["direct_calls"] == 1
        unknown = replace(self.DIRECT, outcome="unknown")
        assert desk.tells([*told(), unknown]).audit(cdr=cdr).compared["direct_calls"] == 0

    def test_a_cdr_without_uniqueids_is_refused(self, desk: Desk) -> None:
        """With the line of cdr.conf that mends it."""
        cdr = desk.folder / "Master.csv"
        cdr.write_text(",".join(ROW.split(",")[:16]) + "\n")
        with pytest.raises(QueueLogError, match="is no record with a Uniqueid") as caught:
            desk.tells(told()).writes(LOG).audit(cdr=cdr)
        assert caught.value.remedy == "set loguniqueid=yes in cdr.conf's [csv]"
        with pytest.raises(QueueLogError, match="cannot read"):
            desk.audit(cdr=desk.folder / "none.csv")


class TestCommand:
    """``ringwatch audit``."""

    @staticmethod
    def run(*arguments: object) -> Result:
        """Run the command."""
        return CliRunner().invoke(main, ["audit", *map(str, arguments)])

    def test_agreement_is_told_with_exit_status_0(self, desk: Desk) -> None:
        """In a line."""
        desk.tells(told()).writes(LOG)
        ran = self.run(desk.facts, "--queue-log", desk.log)
        assert (ran.exit_code, ran.output.splitlines()[-1]) == (0, "They agree.")

    def test_a_difference_is_shown_with_exit_status_1(self, desk: Desk) -> None:
        """Both sides, and where they stand."""
        desk.tells(changed(QueueVisit, agent="Bram")).writes(LOG)
        ran = self.run(desk.facts, "--queue-log", desk.log)
        assert ran.exit_code == 1
        shown = " ".join(ran.output.split())
        assert "agent 1795424400.0 Bram Anna support" in shown
        assert "They differ: 1." in shown

    def test_a_program_gets_everything(self, desk: Desk) -> None:
        """As documented in ringwatch.audit."""
        desk.tells(changed(QueueVisit, wait_seconds=15.0)).writes(LOG)
        ran = self.run(desk.facts, "--queue-log", desk.log, "--json")
        found = json.loads(ran.stdout)
        assert ran.exit_code == 1
        assert (found["verdict"], found["pbx"], found["tolerance"]) == ("differ", "main", 1.2)
        assert found["facts_span"] == [NINE - 100.0, NINE + 300.0]
        assert found["log_span"] == [NINE - 100.0, NINE + 300.0]
        assert found["compared"] == {"visits": 2, "rings": 1, "transfers": 1, "direct_calls": 0}
        assert [each["kind"] for each in found["differences"]] == ["wait", "answered"]
        assert found["differences"][0] == {
            "kind": "wait",
            "call_id": "1795424400.0",
            "queue": "support",
            "facts": {"says": "wait 15.000", "at": f"{desk.facts}:4"},
            "witness": {"says": "wait 12", "at": f"{desk.log}:2,3,4,5"},
            "off_by": 3.0,
        }
        assert (found["explained"], found["foreign_events"]) == ([], {})

    def test_reasons_and_foreign_events_are_told_to_people(self, desk: Desk) -> None:
        """They are nothing to act upon, but to know."""
        refused = replace(VISIT, outcome="refused_full", ordinal=-1)
        desk.tells([*told(), refused]).writes(LOG + "301|1.0|support|NONE|MINE|x\n")
        ran = self.run(desk.facts, "--queue-log", desk.log)
        assert "1 apart with reason: refused callers are never in queue_log" in ran.output
        assert "passed over, not Asterisk's own: MINE (1)" in ran.output

    def test_several_files_may_follow_the_option(self, desk: Desk) -> None:
        """As the shell makes them of queue_log*."""
        rows = log_lines("scenarios-22")
        old, new = desk.folder / "queue_log.1", desk.folder / "queue_log"
        old.write_bytes(b"".join(rows[:20]))
        new.write_bytes(b"".join(rows[20:]))
        desk.tells(heard("scenarios-22"))
        cdr = CAPTURES / "scenarios-22" / "cdr.csv"
        assert self.run(desk.facts, "--queue-log", new, old, "--cdr", cdr).exit_code == 0
        assert self.run(desk.facts, "--queue-log", new, "--queue-log", old).exit_code == 0

    def test_a_window_is_given_in_the_zone_that_is_named(self, desk: Desk) -> None:
        """Dates and times of day as people write them."""
        desk.tells(changed(QueueVisit, wait_seconds=15.0)).writes(LOG)
        window = ("--from", "2026-11-23T10:01:00", "--to", "2026-11-23 10:10:00", "--timezone", "Europe/Amsterdam")
        assert self.run(desk.facts, "--queue-log", desk.log, *window).exit_code == 0
        assert self.run(desk.facts, "--queue-log", desk.log, *window[:-1], "Nowhere/Land").exit_code == 2

    def test_what_cannot_be_read_is_one_line(self, desk: Desk) -> None:
        """No traceback."""
        ran = self.run(desk.facts, "--queue-log", desk.log)
        assert ran.exit_code == 1
        assert ran.stderr == f"ringwatch: cannot read {desk.facts}: No such file or directory\n"

    def test_a_table_of_many_differences_is_bounded_and_begins_with_the_worst(self, desk: Desk) -> None:
        """A person reads the first forty; names are shown as they are, not as markup."""
        facts = [
            replace(VISIT, call_id=f"{number}.0", queue="[red]", joined_at=NINE + number, uniqueid="")
            for number in range(50)
        ]
        report = desk.tells([*facts, *changed(QueueVisit, wait_seconds=15.0)]).writes(LOG).audit()
        console = Console(width=200, record=True, file=(desk.folder / "shown").open("w"))
        report.show(console)
        console.file.close()
        shown = console.export_text()
        assert shown.count("[red]") == 40
        assert "12 more" in shown
        assert shown.index("only in facts") < shown.index("12 more")


def test_every_kind_of_difference_was_met() -> None:
    """The tests of this file name each of them."""
    source = Path(__file__).read_text(encoding="utf-8")
    for kind in DifferenceKind.__args__:  # type: ignore[attr-defined]
        assert f'"{kind}"' in source, kind
