"""The summary: the desk in a table, worst first."""

from __future__ import annotations

import io

from msgspec.structs import replace
from rich.console import Console

from ringwatch.core.facts import Record
from ringwatch.sinks.summary import Summary

from .samples import CALL, EVERY_KIND, GAP, OFFERED, READING, VISIT, numbered


def summary(*records: Record) -> Summary:
    """Return the summary of some records."""
    made = Summary()
    made.apply(records)
    return made


def shown(made: Summary, *, live: bool = False, width: int = 100) -> list[list[str]]:
    """Return the words of the table, line by line."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(made.table(live=live))
    return [line.split() for line in stream.getvalue().splitlines() if line.strip()]


def test_a_queue_is_a_row_of_what_happened_in_it() -> None:
    """Offered, answered, abandoned, other; the share in time; waits and talks."""
    visits = [
        numbered(VISIT, 1, wait_seconds=10.0, talk_seconds=60.0),
        numbered(VISIT, 2, wait_seconds=20.0, talk_seconds=120.0, in_time=False),
        numbered(VISIT, 3, outcome="abandoned", wait_seconds=99.0, in_time=None),
        numbered(VISIT, 4, outcome="short_abandoned", wait_seconds=1.0, in_time=None),
        numbered(VISIT, 5, outcome="timeout", wait_seconds=60.0, in_time=False),
    ]
    made = summary(*(numbered(OFFERED, number) for number in range(1, 6)), *visits)
    assert made.as_json() == [
        {
            "pbx": "main",
            "queue": "support",
            "offered": 5,
            "outcomes": {"abandoned": 1, "answered": 2, "short_abandoned": 1, "timeout": 1},
            "third_ring": {"met": 1, "missed": 2},
            "asa_seconds": 15.0,
            "wait_p90_seconds": 20.0,
            "talk_mean_seconds": 90.0,
        }
    ]
    assert shown(made)[-1] == ["support", "5", "2", "2", "1", "33%", "15.0", "20.0", "90.0"]


def test_a_direct_line_is_a_row_like_a_queue() -> None:
    """A call through queues alone adds nothing of its own: its visits have told it."""
    made = summary(replace(OFFERED, queue="direct"), replace(CALL, line="direct"), numbered(CALL, 2))
    assert [(row["queue"], row["outcomes"]) for row in made.as_json()] == [("direct", {"answered": 1})]


def test_the_worst_come_first() -> None:
    """By the share of callers who were not served in time, then by their number, then by name."""
    rows = {"good": (9, 0), "bad": (1, 9), "worse": (0, 2), "worst": (0, 3), "unjudged": (0, 0)}
    made = Summary()
    for queue, (met, missed) in rows.items():
        judged: list[bool | None] = [*[True] * met, *[False] * missed]
        judged = judged or [None]
        made.apply(numbered(VISIT, n, queue=queue, in_time=in_time) for n, in_time in enumerate(judged))
    assert [row["queue"] for row in made.as_json()] == ["worst", "worse", "bad", "good", "unjudged"]
    assert [line[0] for line in shown(made)[2:]] == ["worst", "worse", "bad", "good", "unjudged"]


def test_the_ninetieth_percentile_is_a_wait_that_somebody_had() -> None:
    """The smallest that nine in ten did not exceed."""
    made = summary(*(numbered(VISIT, wait, wait_seconds=float(wait)) for wait in range(1, 21)))
    assert made.as_json()[0]["wait_p90_seconds"] == 18.0
    assert summary(VISIT).as_json()[0]["wait_p90_seconds"] == VISIT.wait_seconds


def test_nothing_is_shown_as_nothing() -> None:
    """A queue without callers has no average of zero."""
    made = summary(READING)
    assert shown(made)[-1] == ["support", "0", "0", "0", "0", "-", "-", "-", "-"]
    (row,) = made.as_json()
    assert row["asa_seconds"] is row["wait_p90_seconds"] is row["talk_mean_seconds"] is None
    assert summary().as_json() == []


def test_live_shows_how_things_stand_as_well() -> None:
    """Callers waiting, members free and talking; a line that was never read shows blanks."""
    made = summary(READING, replace(CALL, line="direct"))
    rows = {line[0]: line for line in shown(made, live=True)}
    assert rows["support"][1:4] == ["2", "1", "3"]
    assert rows["direct"][1] == "0"
    assert len(rows["support"]) == len(rows["direct"]) + 3


def test_several_pbxs_are_named() -> None:
    """With one alone its name would only be in the way."""
    made = summary(READING, replace(READING, pbx="north"))
    assert {line[0] for line in shown(made)[2:]} == {"main/support", "north/support"}


def test_gaps_are_added_up() -> None:
    """What was not heard is part of the truth."""
    assert summary(GAP, replace(GAP, from_=GAP.to, to=GAP.to + 1)).gaps == 4.25


def test_a_queue_with_brackets_in_its_name_is_shown_as_it_is() -> None:
    """A name is not markup."""
    made = summary(replace(READING, queue="[red]alert[/red]"), replace(READING, queue="[/]"))
    assert {line[0] for line in shown(made)[2:]} == {"[red]alert[/red]", "[/]"}


def test_a_name_cannot_steer_the_terminal() -> None:
    """What cannot be printed is shown escaped."""
    assert shown(summary(replace(READING, queue="\x1b[2J")))[-1][0] == "\\x1b[2J"


def test_every_kind_of_record_is_taken() -> None:
    """What is of no use here is let pass."""
    assert len(summary(*EVERY_KIND).as_json()) == 1
