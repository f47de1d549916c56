"""The list of alerts at the end of a replay: worst first, how often, for how long."""

from __future__ import annotations

import io

from msgspec.structs import replace
from rich.console import Console

from ringwatch.core.rules import Alert
from ringwatch.sinks.alert_list import AlertList

from .samples import ALERT, NINE, VISIT


def over(raised: Alert, seconds: float) -> tuple[Alert, Alert]:
    """Return an alert and its clearing so many seconds later."""
    return raised, replace(raised, state="cleared", at=raised.at + seconds, value=1, why="well")


def shown(*records: Alert, width: int = 100) -> list[list[str]]:
    """Return the cells of the table."""
    sink = AlertList()
    sink.apply(records)
    out = io.StringIO()
    Console(file=out, width=width).print(sink.table())
    return [line.split() for line in out.getvalue().splitlines()[4:] if line.strip()]


CRITICAL = replace(ALERT, name="RingwatchAmiDisconnected", queue=None, severity="critical", value=10, threshold=10)
LATER = replace(ALERT, at=NINE + 4000, since=NINE + 3990, value=7)


def test_the_worst_comes_first_and_the_same_is_added_up() -> None:
    """By severity, then by the time for which it was raised: twice in support, 90 s and an hour."""
    short = over(replace(ALERT, queue="sales"), 30)
    records = (*short, *over(ALERT, 90), *over(LATER, 3600), *over(CRITICAL, 5))
    assert shown(*records) == [
        ["AmiDisconnected", "main", "1x", "0:05", "10", "10", "23", "Nov", "09:00:20"],
        ["LinesPilingUp", "support", "2x", "1:01:30", "7", "3", "23", "Nov", "09:00:20"],
        ["LinesPilingUp", "sales", "1x", "0:30", "4", "3", "23", "Nov", "09:00:20"],
    ]


def test_what_still_stands_lasts_until_the_last_word() -> None:
    """Raised at 20 s, and the last that was told ended at 72.5."""
    assert AlertList().empty
    sink = AlertList()
    sink.apply([ALERT, VISIT])
    assert not sink.empty
    (row,) = sink.as_json()
    assert (row["raised_at"], row["cleared_at"], row["value"], row["queue"]) == (NINE + 20, None, 4, "support")
    out = io.StringIO()
    Console(file=out, width=100).print(sink.table())
    assert "0:52" in out.getvalue()


def test_a_program_gets_every_raising() -> None:
    """With the moment of its end, in the order of the table."""
    sink = AlertList()
    sink.apply([*over(ALERT, 90), LATER])
    assert [(row["raised_at"], row["cleared_at"]) for row in sink.as_json()] == [
        (NINE + 20, NINE + 110),
        (NINE + 4000, None),
    ]
    assert sink.as_json()[0] == {
        "pbx": "main",
        "queue": "support",
        "name": "RingwatchLinesPilingUp",
        "severity": "warning",
        "since": NINE + 10,
        "raised_at": NINE + 20,
        "cleared_at": NINE + 110,
        "value": 4,
        "threshold": 3,
        "advice": ALERT.advice,
    }
