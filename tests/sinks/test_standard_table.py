"""The table of the standard: every clause of every queue, worst first."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from ringwatch.core.facts import Outcome, Record
from ringwatch.core.hours import OpeningHours
from ringwatch.core.standards import Policy, Standard
from ringwatch.sinks.standard_table import StandardTable

from .samples import ANOMALY, CALL, GAP, HOLD, LEG, NINE, STAFFED, STRETCH, UNBROKEN, VISIT, numbered

LINE = replace(CALL, line="direct", queues=[], caller_rings=2)


def table(*records: Record, policy: Policy | None = None) -> StandardTable:
    """Return the table of some records."""
    made = StandardTable({"main": policy or Policy(), "north": Policy()})
    made.apply(records)
    return made


def row(measure: str, *records: Record, queue: str = "support", **standard: Any) -> dict[str, Any]:
    """Return what came of one measure in one queue, of which there is one row."""
    made = table(*records, policy=Policy(default=Standard(**standard)))
    (found,) = (each for each in made.as_json() if (each["queue"], each["measure"]) == (queue, measure))
    return {key: value for key, value in found.items() if key not in {"pbx", "queue", "measure"}}


def measures(*records: Record, **standard: Any) -> set[str]:
    """Return what there are rows of."""
    return {each["measure"] for each in table(*records, policy=Policy(default=Standard(**standard))).as_json()}


def lines(made: StandardTable, width: int = 80) -> list[str]:
    """Return the table line by line, with single spaces."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(made.drawn())
    return [" ".join(line.split()) for line in stream.getvalue().splitlines() if line.strip()]


def served(outcomes: Iterable[tuple[Outcome, float, int, bool | None]], **changes: Any) -> list[Record]:
    """Return visits: outcome, wait, rings of the desk, and whether in time."""
    return [
        numbered(VISIT, n, outcome=outcome, wait_seconds=wait, desk_rings=rings, in_time=in_time, **changes)
        for n, (outcome, wait, rings, in_time) in enumerate(outcomes)
    ]


class TestClauses:
    """What each of them asks for and measures."""

    def test_the_third_ring(self) -> None:
        """Whoever was judged by it, in a queue or on a direct line; the rings are the caller's where they heard any."""
        visits = served([("answered", 9, 2, True), ("answered", 19, 4, False), ("abandoned", 3, 1, None)])
        assert row("third_ring", *visits, replace(VISIT, in_time=False, caller_rings=7), rings=3) == {
            "clause": 1,
            "asked": {"rings": 3},
            "measured": {"most_rings": 7},
            "out": 2,
            "of": 3,
            "unit": "callers",
            "kept": False,
        }
        direct = row("third_ring", LINE, queue="direct")
        assert (direct["measured"], direct["out"], direct["of"], direct["kept"]) == ({"most_rings": 2}, 0, 1, True)

    def test_a_hold_may_last_as_long_as_its_limit(self) -> None:
        """From there on it is too long, as the crossing of the limit is told; a park and a consultation are holds."""
        holds = [numbered(HOLD, n, seconds=seconds) for n, seconds in enumerate([29.999, 30.0, 48.5])]
        assert row("hold", *holds) == {
            "clause": 2,
            "asked": {"hold_limit_seconds": 30.0},
            "measured": {"longest_seconds": 48.5},
            "out": 2,
            "of": 3,
            "unit": "holds",
            "kept": False,
        }
        assert row("hold", *holds, hold_limit_seconds=50.0)["kept"]
        assert row("hold", replace(HOLD, queue=None, line="direct", kind="park"), queue="direct")["of"] == 1
        assert measures(replace(HOLD, queue=None)) == set()

    def test_a_talk_has_a_target_and_a_limit(self) -> None:
        """Each is a row of its own."""
        legs = [numbered(LEG, n, talk_seconds=seconds) for n, seconds in enumerate([60.0, 700.0, 900.0, 1000.0])]
        for measure, threshold, out in (("talk_target", 600.0, 3), ("talk_limit", 900.0, 2)):
            assert row(measure, *legs) == {
                "clause": 3,
                "asked": {f"{measure}_seconds": threshold},
                "measured": {"longest_seconds": 1000.0},
                "out": out,
                "of": 4,
                "unit": "talks",
                "kept": False,
            }

    def test_a_talk_of_which_the_beginning_was_not_heard_counts_where_it_is_too_long(self) -> None:
        """Of one that seems short nothing is known; how it was under pressure neither."""
        found = [numbered(LEG, n, talk_seconds=seconds, from_start=False) for n, seconds in enumerate([10.0, 700.0])]
        assert row("talk_target", *found)["of"] == row("talk_target", *found)["out"] == 1
        assert measures(*found) == {"talk_target"}

    def test_hops_and_bounces_are_of_who_asked_here_first(self) -> None:
        """Per caller, under the queue or line asked first, whoever served them in the end."""
        calls = [
            numbered(CALL, n, transfers=hops, bounces=bounces, queues=["support", "sales"])
            for n, (hops, bounces) in enumerate([(0, 0), (1, 0), (2, 1)])
        ]
        assert row("hops", *calls) == {
            "clause": 4,
            "asked": {"hops": 1},
            "measured": {"most": 2},
            "out": 1,
            "of": 3,
            "unit": "callers",
            "kept": False,
        }
        bounces = row("bounces", *calls)
        assert (bounces["asked"], bounces["out"], bounces["of"]) == ({"bounces": 0}, 1, 3)
        assert row("hops", *calls, hops=2)["kept"]
        assert measures(replace(CALL, queues=[])) == set()

    def test_a_call_of_which_not_all_was_seen_counts_where_it_was_sent_about(self) -> None:
        """Of the others nobody knows whether they were not."""
        lost, found = numbered(CALL, 1, outcome="unknown", in_time=None), numbered(CALL, 2, precision=1.0, in_time=None)
        assert measures(lost, found) == set()
        sent = [replace(lost, transfers=2), replace(found, transfers=3)]
        assert (row("hops", *sent)["out"], row("hops", *sent)["of"]) == (2, 2)

    def test_the_rush_index_is_shown_and_never_out_of_standard(self) -> None:
        """By hand: under pressure (40 + 60) / 2 = 50 s, else (90 + 110) / 2 = 100 s: 0.5. A queue may press sooner."""
        talks = [(0, 90.0), (2, 110.0), (3, 40.0), (9, 60.0)]
        legs = [numbered(LEG, n, lines_waiting=waiting, talk_seconds=talk) for n, (waiting, talk) in enumerate(talks)]
        assert row("rush", *legs) == {
            "clause": 5,
            "asked": {"lines_waiting": 3},
            "measured": {"index": 0.5, "pressed_mean_seconds": 50.0, "calm_mean_seconds": 100.0},
            "out": 0,
            "of": 4,
            "unit": "talks",
            "kept": None,
        }
        assert row("rush", *legs, lines_waiting=2)["measured"]["index"] == round((110 + 40 + 60) / 3 / 90, 4)
        assert "rush" not in measures(*legs[:2])
        assert "rush" not in measures(*legs[2:])
        assert "rush" not in measures(*legs[2:], replace(LEG, talk_seconds=0.0))

    def test_occupancy_and_spread_are_weighed_by_time(self) -> None:
        """By hand: a reading holds until the next, and the last until the last that was heard of.

        Occupancy 0.9 for 60 s, 0.5 for 120 s, unknown for 30 s. Gini 0.4 for 180 s, 0.3 for 30 s, then unknown.
        """
        readings: list[Record] = [
            replace(STAFFED, at=NINE, occupancy=0.9, load_gini=0.4),
            replace(STAFFED, at=NINE + 60, occupancy=0.5, load_gini=0.4),
            replace(STAFFED, at=NINE + 180, occupancy=None, load_gini=0.3),
            replace(STAFFED, at=NINE + 210, occupancy=None, load_gini=None),
            replace(ANOMALY, at=NINE + 300),
        ]
        assert row("occupancy", *readings) == {
            "clause": 6,
            "asked": {"max_occupancy": 0.85},
            "measured": {"highest": 0.9},
            "out": 60,
            "of": 180,
            "unit": "seconds",
            "kept": False,
        }
        spread = row("spread", *readings)
        assert (spread["clause"], spread["asked"], spread["measured"]) == (7, {"load_gini": 0.35}, {"highest": 0.4})
        assert (spread["out"], spread["of"], spread["kept"]) == (180, 210, False)
        assert row("spread", *readings, load_gini=0.5)["kept"]

    def test_reach_is_counted_by_callers_and_not_judged(self) -> None:
        """By hand: 2 who were not answered in time tell 11 each, 3 who were tell 3.5 each; the one between, nobody."""
        calls = [numbered(CALL, n, in_time=ok) for n, ok in enumerate([False, True, True, None, False, True])]
        assert row("reach", *calls) == {
            "clause": 11,
            "asked": {"reach_angry": 11.0, "reach_happy": 3.5},
            "measured": {"bad": 22.0, "good": 10.5},
            "out": 2,
            "of": 5,
            "unit": "callers",
            "kept": None,
        }
        assert row("reach", *calls, reach_angry=12.0, reach_happy=4.0)["measured"] == {"bad": 24.0, "good": 12.0}

    def test_agents_are_missing_for_a_time(self) -> None:
        """By hand: 2.5 of 7 missing for 60 s, nobody for 40 s; how many are needed is not known after that."""
        readings: list[Record] = [
            replace(STAFFED, at=NINE),
            replace(STAFFED, at=NINE + 60, agents_present=8.0),
            replace(STAFFED, at=NINE + 100, agents_required=None),
            replace(ANOMALY, at=NINE + 500),
        ]
        assert row("agents", *readings) == {
            "clause": 12,
            "asked": {"service_level": 0.8, "service_level_seconds": 20.0},
            "measured": {"most_missing": 2.5},
            "out": 60,
            "of": 100,
            "unit": "seconds",
            "kept": False,
        }
        assert row("agents", *readings[1:])["measured"] == {"most_missing": 0}

    def test_the_service_level_is_of_the_answered_and_the_abandoned(self) -> None:
        """By hand: 3 answered, 2 of them within 20 s; 1 abandoned and 1 short abandoned: 2 / 5. Others do not count."""
        visits = served(
            [
                ("answered", 20.0, 1, True),
                ("answered", 1.0, 1, True),
                ("answered", 20.001, 1, True),
                ("abandoned", 9.0, 1, None),
                ("short_abandoned", 1.0, 1, None),
                ("timeout", 60.0, 9, False),
                ("unknown", 60.0, 9, None),
            ]
        )
        assert row("service_level", *visits) == {
            "clause": 12,
            "asked": {"service_level": 0.8, "service_level_seconds": 20.0},
            "measured": {"reached": 0.4},
            "out": 3,
            "of": 5,
            "unit": "callers",
            "kept": False,
        }
        assert row("service_level", *visits, service_level=0.4)["kept"]
        assert not row("service_level", *visits, service_level=0.41)["kept"]
        assert row("service_level", LINE, queue="direct")["of"] == 1

    def test_a_stretch_without_a_break_is_of_every_queue_its_agent_was_in(self) -> None:
        """Anna was in sales and support and has logged out; in another stretch, of 2 h, she was in support alone."""
        heard: list[Record] = [
            UNBROKEN,
            replace(UNBROKEN, queues=()),
            STRETCH,
            replace(UNBROKEN, queues=(), since=None),
            replace(UNBROKEN, queues=("support",)),
            replace(STRETCH, started_at=NINE, seconds=7200.0),
        ]
        assert row("unbroken", *heard) == {
            "clause": 6,
            "asked": {"unbroken_limit_seconds": 7200.0},
            "measured": {"longest_seconds": 7200.0},
            "out": 1,
            "of": 2,
            "unit": "stretches",
            "kept": False,
        }
        sales = row("unbroken", *heard, queue="sales")
        assert (sales["measured"], sales["out"], sales["of"]) == ({"longest_seconds": 400.0}, 0, 1)

    def test_nothing_measured_is_no_row(self) -> None:
        """Nor is a time that has not passed."""
        assert table(ANOMALY, STAFFED).as_json() == []


class TestWhatCounts:
    """Whom the standard is about, and when."""

    def test_a_time_that_was_not_heard_was_not_looked_at(self) -> None:
        """By hand: 100 s until the gap, and 50 s after it; a gap that ends before a reading takes nothing away."""
        heard: list[Record] = [
            replace(GAP, from_=NINE - 60, to=NINE - 50),
            replace(STAFFED, at=NINE),
            replace(GAP, from_=NINE + 100, to=NINE + 400),
            replace(GAP, pbx="north", from_=NINE + 400, to=NINE + 440),
            replace(ANOMALY, at=NINE + 450),
        ]
        assert row("occupancy", *heard)["of"] == 150
        assert row("occupancy", *heard, replace(GAP, from_=NINE - 60, to=NINE - 50))["of"] == 150

    def test_every_pbx_has_its_own_time(self) -> None:
        """What one says of a later moment says nothing about another."""
        made = table(
            replace(STAFFED, at=NINE), replace(ANOMALY, pbx="north", at=NINE + 100), replace(CALL, ended_at=NINE + 7)
        )
        assert {each["of"] for each in made.as_json() if each["measure"] == "occupancy"} == {7}

    def test_outside_opening_hours_no_answer_is_promised(self) -> None:
        """Who asked then counts for nothing about answering, and how many agents were there does not matter.

        By hand: open until ten past nine. Of the 900 s from nine on, 600 s are open. The talk, the hold and the hop are
        owed to whoever was answered.
        """
        assert datetime.fromtimestamp(NINE, UTC).strftime("%a %H:%M") == "Mon 09:00"
        week = (((9 * 60, 9 * 60 + 10),), *((),) * 6)
        policy = Policy(default_hours=OpeningHours(zone=UTC, week=week))
        made = table(
            replace(STAFFED, at=NINE),
            replace(VISIT, hours="closed", in_time=False),
            replace(CALL, hours="closed", in_time=False),
            LEG,
            HOLD,
            replace(ANOMALY, at=NINE + 900),
            policy=policy,
        )
        assert {each["measure"]: each["of"] for each in made.as_json()} == {
            "agents": 600,
            "occupancy": 900,
            "spread": 900,
            "hold": 1,
            "talk_target": 1,
            "talk_limit": 1,
            "hops": 1,
            "bounces": 1,
        }
        assert lines(made)[-1] == "Callers outside opening hours, whom no answer is promised: 1"


class TestTable:
    """How it reads."""

    def test_the_worst_come_first(self) -> None:
        """What was not kept by its share, then what was by its share, then what is not judged."""
        made = table(
            *(numbered(VISIT, n, queue="half", in_time=n > 0, wait_seconds=30.0 * (n == 2)) for n in range(5)),
            *(numbered(HOLD, n, queue="none", seconds=40.0) for n in range(1)),
            *(numbered(CALL, n, queues=["all"], in_time=False, transfers=n) for n in range(4)),
            policy=Policy(default=Standard(service_level=0.75)),
        )
        found = [(each["queue"], each["measure"], each["out"] / each["of"]) for each in made.as_json()]
        assert found == [
            ("none", "hold", 1.0),
            ("all", "hops", 0.5),
            ("half", "third_ring", 0.2),
            ("half", "service_level", 0.2),
            ("all", "bounces", 0.0),
            ("all", "reach", 1.0),
        ]

    def test_what_is_all_well_is_one_row(self) -> None:
        """Of those of whom the same is asked; the rest stays by name, and a program gets every row."""
        visits = [
            numbered(VISIT, n, queue=queue, in_time=queue != "sales", desk_rings=2 + (queue == "front"))
            for n, queue in enumerate(["support", "sales", "front", "night", "front"])
        ]
        policy = Policy(standards={"night": Standard(rings=5)})
        made = table(*visits, *(numbered(HOLD, n, queue=queue) for n, queue in enumerate("ab")), policy=policy)
        shown = lines(made, 120)
        assert shown[:2] == [
            "The service standard, worst first:",
            "Queue or line Standard Measured Out of standard Kept",
        ]
        assert shown[3:-1] == [
            "sales answer by ring 3 up to ring 2 100%, 1 of 1 caller no",
            "2 others answer by ring 3 up to ring 3 none of 3 callers yes",
            "night answer by ring 5 up to ring 2 none of 1 caller yes",
            "all 2 hold limit 30 s up to 10 s none of 2 holds yes",
            "all 4 80% in 20 s 100% none of 5 callers yes",
        ]
        assert shown[-1] == "x% in y s: service level, answered in y s / (answered + abandoned)."
        assert len(made.as_json()) == 4 + 2 + 4

    def test_every_clause_reads_plainly(self) -> None:
        """On a terminal of 80 columns each in one line."""
        staffed = replace(STAFFED, at=NINE, agents_present=3.48, occupancy=0.934, load_gini=0.412)
        made = table(
            numbered(VISIT, 1, in_time=False, wait_seconds=100.0, desk_rings=12),
            numbered(LEG, 1, talk_seconds=1234.5),
            numbered(LEG, 2, talk_seconds=617.25, lines_waiting=3),
            numbered(HOLD, 1, seconds=131.0),
            numbered(CALL, 1, in_time=False, transfers=3, bounces=2),
            staffed,
            replace(UNBROKEN, queues=("support",)),
            replace(STRETCH, seconds=9000.0),
            replace(ANOMALY, at=NINE + 240),
            policy=Policy(default=Standard(hops=2, bounces=1)),
        )
        assert lines(made)[3:] == [
            "support answer by ring 3 up to ring 12 100%, 1 of 1 caller no",
            "support hold limit 30 s up to 2.2 min 100%, 1 of 1 hold no",
            "support talk target 10 min up to 20.6 min 100%, 2 of 2 talks no",
            "support 1 bounce at most up to 2 100%, 1 of 1 caller no",
            "support 2 hops at most up to 3 100%, 1 of 1 caller no",
            "support occupancy 85% up to 93% 100%, 4 min of 4 min no",
            "support break after 120 min up to 150 min 100%, 1 of 1 stretch no",
            "support spread, Gini 0.35 up to 0.41 100%, 4 min of 4 min no",
            "support agents, 80% in 20 s up to 3.5 missing 100%, 4 min of 4 min no",
            "support 80% in 20 s 0% 100%, 1 of 1 caller no",
            "support talk limit 15 min up to 20.6 min 50%, 1 of 2 talks no",
            "support reach, an estimate 11 bad, 0 good 100%, 1 of 1 caller",
            "support rush index, 3 wait 0.50 (617/1234 s) 2 talks",
            "x% in y s: service level, answered in y s / (answered + abandoned).",
            "Rush index: mean talk that ended while so many waited, beside the others.",
            "Reach: who hears bad from callers not answered in time, good from the others.",
        ]

    def test_several_pbxs_are_named(self) -> None:
        """With one alone its name would only be in the way."""
        made = table(replace(HOLD, seconds=99.0), replace(HOLD, pbx="north", seconds=99.0))
        assert [line.split()[0] for line in lines(made)[3:]] == ["main/support", "north/support"]

    @pytest.mark.parametrize(("queue", "shown"), [("[red]alert[/red]", "[red]alert[/red]"), ("\x1b[2J", "\\x1b[2J")])
    def test_a_name_is_only_a_name(self, queue: str, shown: str) -> None:
        """Neither markup, nor able to steer the terminal."""
        assert lines(table(replace(HOLD, queue=queue)), 120)[3].startswith(f"{shown} hold")
