"""The page of metrics: names, zeros, formats, hostile names, and sums that are those of the facts."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.metrics_core import Metric

from ringwatch import app
from ringwatch.core.engine import Engine
from ringwatch.core.facts import AnomalyOf, CrossingOf, Outcome, QueueVisit, Record
from ringwatch.core.hours import ALWAYS, OpeningHours
from ringwatch.core.readings import CallOffered, QueueReading
from ringwatch.core.standards import Line, Policy, Standard
from ringwatch.flow.hub import Hub, Inbox
from ringwatch.flow.pump import Pump
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.metrics import MetricsSink
from tests.accounting import STAFFING, differences, families, metrics_equal_facts
from tests.flow.scripted import Scripted
from tests.tools.captures import path as capture_path
from tests.tools.properties import PATIENT

from .samples import (
    ANOMALY,
    ANSWERED,
    ATTEMPT,
    CALL,
    CALLBACK,
    CROSSING,
    DRIFT,
    EVERY_KIND,
    GAP,
    HOLD,
    LEG,
    NINE,
    OFFERED,
    OWING,
    READING,
    SETTLED,
    STAFFED,
    TALKS,
    TRANSFER,
    UNBROKEN,
    VISIT,
    numbered,
)

TRUNKS = ("PJSIP/trunk",)
OPENMETRICS = "openmetrics"
FORMS = ("text", OPENMETRICS)

NAMES = {
    # By the product's text: the family, its type, its labels.
    "ringwatch_calls_offered": ("counter", ("hours", "pbx", "queue")),
    "ringwatch_calls": ("counter", ("hours", "outcome", "pbx", "queue")),
    "ringwatch_wait_seconds": ("histogram", ("outcome", "pbx", "queue")),
    "ringwatch_answer_rings": ("histogram", ("heard_by", "pbx", "queue")),
    "ringwatch_third_ring": ("counter", ("hours", "pbx", "queue", "result")),
    "ringwatch_service_level_calls": ("counter", ("hours", "outcome", "pbx", "queue", "within")),
    "ringwatch_ring_attempts": ("counter", ("pbx", "queue", "result")),
    "ringwatch_talk_seconds": ("histogram", ("pbx", "pressure", "queue")),
    "ringwatch_hold_seconds": ("histogram", ("pbx", "queue")),
    "ringwatch_wrapup_seconds": ("histogram", ("pbx", "queue")),
    "ringwatch_transfers": ("counter", ("kind", "pbx", "queue", "result")),
    "ringwatch_call_hops": ("histogram", ("pbx", "queue")),
    "ringwatch_bounces": ("counter", ("pbx", "queue")),
    "ringwatch_callers_bounced": ("counter", ("pbx", "queue")),
    "ringwatch_calls_over_length": ("counter", ("bound", "pbx", "queue")),
    "ringwatch_calls_up_over_length": ("gauge", ("bound", "pbx", "queue")),
    "ringwatch_holds_over_limit": ("counter", ("pbx", "queue")),
    "ringwatch_calls_on_hold": ("gauge", ("pbx", "queue")),
    "ringwatch_calls_on_hold_over_limit": ("gauge", ("pbx", "queue")),
    "ringwatch_callbacks_owed": ("gauge", ("overdue", "pbx", "queue")),
    "ringwatch_callbacks_settled": ("counter", ("by", "pbx", "queue")),
    "ringwatch_queue_waiting": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_oldest_wait_timestamp_seconds": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_members": ("gauge", ("pbx", "queue", "state")),
    "ringwatch_queue_agents_present": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_agents_required": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_agents_short": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_occupancy_ratio": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_estimated_wait_seconds": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_load_gini": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_unbroken_since_timestamp_seconds": ("gauge", ("pbx", "queue")),
    "ringwatch_queue_open": ("gauge", ("pbx", "queue")),
    "ringwatch_alert_threshold": ("gauge", ("alertname", "pbx", "queue", "severity")),
    "ringwatch_alert_clear_level": ("gauge", ("alertname", "pbx", "queue", "severity")),
    "ringwatch_objective_ratio": ("gauge", ("objective", "pbx", "queue")),
    "ringwatch_gap_seconds": ("counter", ("pbx",)),
    "ringwatch_anomalies": ("counter", ("kind", "pbx")),
    "ringwatch_state_drift": ("counter", ("pbx", "what")),
    "ringwatch_ami_connected": ("gauge", ("pbx",)),
    "ringwatch_ami_disconnected_timestamp_seconds": ("gauge", ("pbx",)),
    "ringwatch_ami_reconnects": ("counter", ("pbx",)),
    "ringwatch_ami_events": ("counter", ("event", "pbx")),
    "ringwatch_ami_received_bytes": ("counter", ("pbx",)),
    "ringwatch_last_event_timestamp_seconds": ("gauge", ("pbx",)),
    "ringwatch_event_lag_seconds": ("gauge", ("pbx",)),
    "ringwatch_deliveries": ("counter", ("result", "sink", "where")),
    "ringwatch_sink_dropped": ("counter", ("sink",)),
    "ringwatch_build_info": ("gauge", ("python_version", "version")),
}
QUEUE_UNBROKEN = "ringwatch_queue_unbroken_since_timestamp_seconds"
AGENT_UNBROKEN = "ringwatch_agent_unbroken_since_timestamp_seconds"
BY_AGENT = {
    "ringwatch_agent_calls": ("counter", ("agent", "pbx")),
    "ringwatch_agent_talk_seconds": ("counter", ("agent", "pbx")),
    "ringwatch_agent_no_answer": ("counter", ("agent", "pbx")),
    "ringwatch_agent_unbroken_since_timestamp_seconds": ("gauge", ("agent", "pbx")),
}
UNITS = ("seconds", "rings", "bytes", "ratio", "info")
"""Base units, and what stands in their place where there is none; what is merely counted has no unit."""


class Everything:
    """A sink that keeps what it is given."""

    name = "everything"

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def run(self, inbox: Inbox) -> None:
        """Take until the inbox is closed."""
        while records := await inbox.get():
            self.records += records


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def metrics(*records: Record, policy: Policy | None = None, agents: bool = False) -> MetricsSink:
    """Return the sink of one PBX after some records."""
    sink = MetricsSink({"main": policy or Policy()}, agents=agents)
    sink.apply(records)
    return sink


def whole(*records: Record) -> MetricsSink:
    """Return the sink as the daemon has it, with what it says of itself."""
    sink = metrics(*records)
    hub = Hub()
    hub.add("metrics")
    pump = Pump(Scripted(), Engine("main", Policy()), hub, listen=lambda _pbx, _heard: None)
    pump.translator.feed([b"Event: Hangup\r\nTimestamp: 1795424400.5\r\nUniqueid: 1.0\r\nCause: 16"], 1_795_424_401.0)
    pump.lag_seconds = pump.translator.clock.ahead
    sink.add(Itself([pump], hub, Counter({("webhook", "pager", "taken"): 1})))
    return sink


def samples(page: str | bytes, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the samples of one name by their labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families(page)
        for sample in family.samples
        if sample.name == name
    }


def value(page: str | bytes, name: str, **labels: str) -> float | None:
    """Return one sample, ``None`` when it is not there."""
    return samples(page, name).get(tuple(sorted(labels.items())))


@cache
def recorded(name: str) -> tuple[bytes, bytes, tuple[Record, ...]]:
    """Replay a capture once: the page in both formats, and the records."""
    policy = Policy(trunks=TRUNKS, standards={"support": Standard(lines_waiting=5)})
    page, everything = MetricsSink({"main": policy}, agents=True), Everything()

    async def replay() -> None:
        await app.replay(capture_path(name), "main", policy, [page, everything])

    asyncio.run(replay())
    return page.render(), page.render(openmetrics=True), tuple(everything.records)


class TestNames:
    """What the product's text promises."""

    @pytest.mark.parametrize("form", FORMS)
    def test_families_types_and_labels_are_those_of_the_product(self, form: str) -> None:
        """In both formats; dashboards and alerts are written against them."""
        page = whole(*EVERY_KIND).render(openmetrics=form == OPENMETRICS)
        found = {
            family.name: (family.type, labels)
            for family in families(page)
            for labels in {tuple(sorted(set(sample.labels) - {"le"})) for sample in family.samples}
        }
        assert found == NAMES

    def test_agents_have_series_only_when_switched_on(self) -> None:
        """They are many, and they are personal data."""
        records = (LEG, replace(ATTEMPT, result="no_answer"), UNBROKEN)
        off, on = metrics(*records).render(), metrics(*records, agents=True).render()
        assert b"agent=" not in off
        assert b"ringwatch_agent" not in off
        found = {
            family.name: (family.type, tuple(sorted(family.samples[0].labels)))
            for family in families(on)
            if family.name.startswith("ringwatch_agent_")
        }
        assert found == BY_AGENT
        assert value(on, "ringwatch_agent_talk_seconds_total", pbx="main", agent="Anna") == 50
        assert value(on, "ringwatch_agent_calls_total", pbx="main", agent="Anna") == 1
        assert value(on, "ringwatch_agent_no_answer_total", pbx="main", agent="Anna") == 1

    def test_no_label_names_a_caller_or_a_channel(self) -> None:
        """Their number is without bound, and who called is nobody's business here."""
        for name in ("mix-16", "mix-22"):
            text, _, records = recorded(name)
            callers = {record.call_id for record in records if isinstance(record, CallOffered)}
            values = {label for family in families(text) for each in family.samples for label in each.labels.values()}
            assert not callers & values
            assert not [each for each in values if re.fullmatch(r"0\d{9}", each) or re.search("-[0-9a-f]{8}$", each)]

    def test_buckets_hold_the_limits_of_the_standard(self) -> None:
        """Three rings, 20 seconds of service level, 30 of hold, 600 and 900 of talk can be read off exactly."""
        page = metrics().render()
        edges: dict[str, set[str]] = {}
        for family in families(page):
            for sample in family.samples:
                if "le" in sample.labels:
                    edges.setdefault(family.name, set()).add(sample.labels["le"])
        assert edges["ringwatch_answer_rings"] == {"1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "8.0", "10.0", "+Inf"}
        assert {"600.0", "900.0"} <= edges["ringwatch_talk_seconds"]
        assert {"20.0"} <= edges["ringwatch_wait_seconds"]
        assert {"30.0"} <= edges["ringwatch_hold_seconds"]


FAULTS: dict[str, Callable[[Metric], object]] = {
    "not in snake case under the prefix": lambda family: not re.fullmatch(r"ringwatch(_[a-z]+)+", family.name),
    "no help": lambda family: len(family.documentation) < 10 or not family.documentation.endswith("."),
    "not a base unit": lambda family: re.search("milli|micro|nano|minutes|hours|kilo|percent", family.name),
    "what is measured has a unit": lambda family: (
        family.type == "histogram" and not family.name.endswith(("_seconds", "_rings", "_hops"))
    ),
    "names its type": lambda family: re.search("_(counter|gauge|histogram|summary|metric)(_|$)", family.name),
    "a counter ends in _total": lambda family: (
        family.type == "counter" and {sample.name for sample in family.samples} != {f"{family.name}_total"}
    ),
    "_total is for counters": lambda family: (
        family.type != "counter" and any(sample.name.endswith("_total") for sample in family.samples)
    ),
    "ends as a part of another type": lambda family: re.search("_(total|bucket|count|sum|created)$", family.name),
    "a reserved label": lambda family: (
        family.type != "histogram" and any({"le", "quantile"} & sample.labels.keys() for sample in family.samples)
    ),
    "an empty family": lambda family: not family.samples,
}
"""What ``promtool check metrics`` finds, and what OpenMetrics forbids."""


class TestFormats:
    """The page as Prometheus reads it."""

    @pytest.mark.parametrize("form", FORMS)
    def test_the_page_has_no_fault_that_promtool_would_find(self, form: str) -> None:
        """Names, types, help texts, units."""
        page = whole(*EVERY_KIND).render(openmetrics=form == OPENMETRICS)
        found = families(page)
        assert [(family.name, fault) for family in found for fault, has in FAULTS.items() if has(family)] == []
        types = re.findall("^# TYPE ([a-z_]+?)(?:_total)? ", page.decode(), re.MULTILINE)
        assert sorted(types) == sorted(family.name for family in found)
        assert len(types) == len(set(types))

    def test_both_formats_say_the_same(self) -> None:
        """Which one a reader asks for is a matter of taste."""
        sink = whole(*EVERY_KIND)
        text, openmetrics = families(sink.render()), families(sink.render(openmetrics=True))
        assert [(each.name, each.type, each.documentation) for each in text] == [
            (each.name, each.type, each.documentation) for each in openmetrics
        ]
        assert {(s.name, tuple(s.labels.items()), s.value) for each in text for s in each.samples} == {
            (s.name, tuple(s.labels.items()), s.value) for each in openmetrics for s in each.samples
        }

    @pytest.mark.parametrize("form", FORMS)
    def test_there_are_no_created_series(self, form: str) -> None:
        """They would double the number of series and say nothing of a desk."""
        assert b"_created" not in whole(*EVERY_KIND).render(openmetrics=form == OPENMETRICS)

    @pytest.mark.parametrize("form", FORMS)
    def test_no_series_is_there_twice(self, form: str) -> None:
        """Prometheus would refuse the whole page."""
        page = whole(*EVERY_KIND).render(openmetrics=form == OPENMETRICS)
        lines = [line.rpartition(" ")[0] for line in page.decode().splitlines() if not line.startswith("#")]
        assert len(lines) == len(set(lines))

    def test_content_types_are_those_of_the_formats(self) -> None:
        """The text format calls itself 0.0.4, which every reader knows."""
        sink = metrics()
        assert sink.page(openmetrics=False)[1] == "text/plain; version=0.0.4; charset=utf-8"
        assert sink.page(openmetrics=True)[1] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert sink.page(openmetrics=True)[0].endswith(b"# EOF\n")

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "name",
        [
            'say "hello"',
            "back\\slash",
            "ends in a backslash\\",
            "two\nlines",
            "literal \\n",
            'all of it \\"\n\\',
            "Störungsannahme",
            "Приёмная",
            "電話 ☎ 👩‍💻",
            "{brace} = , # HELP x",
            " spaces ",
            "caf\\xe9",
        ],
    )
    def test_hostile_names_come_back_as_they_were(self, name: str, form: str) -> None:
        """Whatever somebody calls a queue, the page stays a page, and the name the name."""
        assert _comes_back(name, form)

    @pytest.mark.parametrize("form", FORMS)
    @settings(PATIENT, max_examples=20)
    @given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
    def test_any_name_comes_back_as_it_was(self, name: str, form: str) -> None:
        """Every character that can be in a header of the Manager Interface, which has no line ends in it."""
        assert _comes_back(name, form)


def _comes_back(name: str, form: str) -> bool:
    sink = metrics(
        replace(OFFERED, queue=name),
        replace(LEG, queue=name, agent=name),
        replace(READING, queue=name),
        agents=True,
    )
    page = sink.render(openmetrics=form == OPENMETRICS)
    queues = {dict(labels)["queue"] for labels in samples(page, "ringwatch_calls_offered_total")}
    agents = {dict(labels)["agent"] for labels in samples(page, "ringwatch_agent_calls_total")}
    waiting = value(page, "ringwatch_queue_waiting", pbx="main", queue=name)
    return (queues, agents, waiting) == ({name, "direct"}, {name}, 2)


class TestZeros:
    """A rate over a series that appears with its first event misses that event."""

    def test_a_configured_queue_has_all_its_zeros_from_the_start(self) -> None:
        """Before the PBX has said a word."""
        policy = Policy(standards={"support": Standard()}, lines=(Line("reception", ("3000",)),))
        page = metrics(policy=policy).render()
        for queue in ("support", "reception", "direct"):
            self._has_zeros(page, queue)
        assert value(page, "ringwatch_gap_seconds_total", pbx="main") == 0
        for what in ("callers", "channels", "members"):
            assert value(page, "ringwatch_state_drift_total", pbx="main", what=what) == 0
        for kind in get_args(AnomalyOf):
            assert value(page, "ringwatch_anomalies_total", pbx="main", kind=kind) == 0

    def test_only_what_closes_at_times_has_zeros_of_being_closed(self) -> None:
        """A desk without opening hours would have its series twice for nothing."""
        weekdays = OpeningHours(week=(*ALWAYS[:5], (), ()))
        policy = Policy(standards={"support": Standard(), "night": Standard()}, opening={"support": weekdays})
        page = metrics(policy=policy).render()
        for name in ("calls_offered", "calls", "third_ring", "service_level_calls"):
            told = {
                (dict(labels)["queue"], dict(labels)["hours"]) for labels in samples(page, f"ringwatch_{name}_total")
            }
            assert told == {("support", "open"), ("support", "closed"), ("night", "open"), ("direct", "open")}

    def test_a_discovered_queue_has_all_its_zeros_from_its_first_reading(self) -> None:
        """The listing on attaching is enough; nobody need have called."""
        self._has_zeros(metrics(replace(READING, waiting=0, oldest_joined_at=None)).render(), "support")

    def _has_zeros(self, page: bytes, queue: str) -> None:
        where = {"pbx": "main", "queue": queue}
        assert value(page, "ringwatch_calls_offered_total", **where, hours="open") == 0
        outcomes = {dict(labels)["outcome"] for labels in _of(page, "ringwatch_calls_total", queue)}
        assert outcomes == set(Outcome.__args__)  # type: ignore[attr-defined]
        waits = {dict(labels)["outcome"] for labels in _of(page, "ringwatch_wait_seconds_count", queue)}
        assert waits == {"answered", "abandoned", "timeout"}
        heard = {dict(labels)["heard_by"] for labels in _of(page, "ringwatch_answer_rings_count", queue)}
        assert heard == {"agent", "desk", "caller"}
        results = {dict(labels)["result"] for labels in _of(page, "ringwatch_third_ring_total", queue)}
        assert results == {"met", "missed"}
        results = {dict(labels)["result"] for labels in _of(page, "ringwatch_ring_attempts_total", queue)}
        assert results == {"answered", "no_answer", "elsewhere", "caller_gone", "busy", "failed"}
        pressure = {dict(labels)["pressure"] for labels in _of(page, "ringwatch_talk_seconds_count", queue)}
        assert pressure == {"none", "lines_waiting"}
        assert len(_of(page, "ringwatch_transfers_total", queue)) == 4
        assert value(page, "ringwatch_hold_seconds_count", **where) == 0
        assert value(page, "ringwatch_call_hops_count", **where) == 0
        assert value(page, "ringwatch_bounces_total", **where) == 0
        assert value(page, "ringwatch_callers_bounced_total", **where) == 0
        assert len(_of(page, "ringwatch_service_level_calls_total", queue)) == 6
        for name in ("ringwatch_calls_over_length_total", "ringwatch_calls_up_over_length"):
            assert {value(page, name, **where, bound=bound) for bound in ("target", "limit")} == {0}
        for name in ("holds_over_limit_total", "calls_on_hold", "calls_on_hold_over_limit"):
            assert value(page, f"ringwatch_{name}", **where) == 0
        assert {value(page, "ringwatch_callbacks_owed", **where, overdue=word) for word in ("false", "true")} == {0}
        assert {value(page, "ringwatch_callbacks_settled_total", **where, by=by) for by in ("caller", "desk")} == {0}
        assert value(page, "ringwatch_queue_waiting", **where) == 0
        assert value(page, "ringwatch_queue_oldest_wait_timestamp_seconds", **where) == 0
        # Zero is a number of agents, and nobody's occupancy; a direct line has neither.
        staffed = [str(value(page, name, **where)) for name in STAFFING]
        assert staffed == (["0.0", *["nan"] * 5] if queue == "support" else ["None"] * 6)
        # Nor has a line agents who could be without a break.
        assert value(page, QUEUE_UNBROKEN, **where) == (0 if queue == "support" else None)
        assert sum(_of(page, "ringwatch_calls_total", queue).values()) == 0

    def test_the_wait_of_a_rare_outcome_appears_with_its_first_caller(self) -> None:
        """Twelve histograms for each queue would be a hundred series that nobody ever looks at."""
        page = metrics(replace(VISIT, outcome="key_exit")).render()
        assert value(page, "ringwatch_wait_seconds_count", pbx="main", queue="support", outcome="key_exit") == 1
        assert value(page, "ringwatch_wait_seconds_count", pbx="main", queue="support", outcome="empty") is None


def _of(page: bytes, name: str, queue: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {labels: number for labels, number in samples(page, name).items() if dict(labels)["queue"] == queue}


class TestCounting:
    """One fact, one step."""

    def test_a_fact_told_twice_changes_nothing(self) -> None:
        """At once, or after others came between."""
        sink = metrics(*EVERY_KIND, agents=True)
        before = sink.render()
        sink.apply(EVERY_KIND)
        sink.apply([*EVERY_KIND, *reversed(EVERY_KIND)])
        assert sink.render() == before

    def test_facts_of_different_kinds_about_one_moment_are_different(self) -> None:
        """A ring attempt and a leg may have the same call, device and start."""
        leg = replace(LEG, started_at=ATTEMPT.started_at)
        page = metrics(ATTEMPT, leg).render()
        assert sum(samples(page, "ringwatch_ring_attempts_total").values()) == 1
        assert sum(samples(page, "ringwatch_talk_seconds_count").values()) == 1

    def test_what_is_remembered_is_bounded_and_the_newest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The memory of a year is that of a day; a fact told twice follows its first telling closely."""
        monkeypatch.setattr("ringwatch.sinks.metrics._REMEMBERED", 100)
        sink = metrics()
        sink.apply(numbered(OFFERED, number) for number in range(500))
        sink.apply(numbered(OFFERED, number) for number in range(400, 500))
        assert value(sink.render(), "ringwatch_calls_offered_total", pbx="main", queue="support", hours="open") == 500

    def test_a_reading_replaces_the_last(self) -> None:
        """It says how things stand, so the same one may come again and again."""
        sink = metrics(READING, READING)
        where = {"pbx": "main", "queue": "support"}
        assert value(sink.render(), "ringwatch_queue_waiting", **where) == 2
        assert value(sink.render(), "ringwatch_queue_members", **where, state="talking") == 3
        sink.apply([replace(READING, waiting=0, oldest_joined_at=None)])
        sink.apply([READING])
        page = sink.render()
        assert value(page, "ringwatch_queue_waiting", **where) == 2
        oldest = value(page, "ringwatch_queue_oldest_wait_timestamp_seconds", **where)
        assert oldest == READING.oldest_joined_at

    def test_staffing_is_shown_as_it_was_told_last(self) -> None:
        """A figure that is no longer known is no longer shown, and with nobody there the wait has no end.

        A queue whose name is that of the direct line is shown as well.
        """
        page = metrics(STAFFED).render()
        assert [next(iter(_of(page, name, "support").values())) for name in STAFFING] == [4.5, 7, 1.5, 0.9, 40, 0.25]
        empty = replace(STAFFED, agents_required=None, agents_present=0.0, estimated_wait_seconds=math.inf)
        page = metrics(STAFFED, replace(empty, agents_short=None, occupancy=None, load_gini=None)).render()
        shown = [str(next(iter(_of(page, name, "support").values()))) for name in STAFFING]
        assert shown == ["0.0", "nan", "nan", "nan", "inf", "nan"]
        page = metrics(replace(STAFFED, queue="direct")).render()
        assert value(page, "ringwatch_queue_agents_required", pbx="main", queue="direct") == 7

    def test_the_longest_without_a_break_is_shown_of_every_queue(self) -> None:
        """Anna, of sales and support, since 9:00:12.5; Bram, of support, began 60 s before, and 60 s after is no news.

        With Bram's break Anna is the longest in support, once she has left it nobody is, and with hers nobody anywhere.
        """
        bram = replace(UNBROKEN, agent="Bram", device="PJSIP/102", queues=("support",), since=NINE - 47.5)
        later = replace(bram, agent="Chloé", device="PJSIP/103", since=NINE + 72.5)
        sink = metrics(UNBROKEN, bram, later)

        def shown() -> list[float | None]:
            page = sink.render()
            return [value(page, QUEUE_UNBROKEN, pbx="main", queue=queue) for queue in ("sales", "support")]

        assert shown() == [NINE + 12.5, NINE - 47.5]
        sink.apply([replace(bram, since=None), replace(later, since=None)])
        assert shown() == [NINE + 12.5, NINE + 12.5]
        sink.apply([replace(UNBROKEN, queues=("sales",))])
        assert shown() == [NINE + 12.5, 0]
        sink.apply([replace(UNBROKEN, since=None)])
        assert shown() == [0, 0]

    def test_of_two_devices_under_one_name_the_longer_without_a_break_is_shown(self) -> None:
        """A name is one agent to whoever counts by names; 0 is during a break, and of another PBX nothing is said."""
        home = replace(UNBROKEN, device="PJSIP/901", since=NINE)
        sink = metrics(UNBROKEN, home, agents=True)
        where = {"pbx": "main", "agent": "Anna"}
        assert samples(sink.render(), AGENT_UNBROKEN) == {tuple(sorted(where.items())): NINE}
        sink.apply([replace(home, since=None)])
        assert value(sink.render(), AGENT_UNBROKEN, **where) == NINE + 12.5
        sink.apply([replace(UNBROKEN, since=None)])
        assert value(sink.render(), AGENT_UNBROKEN, **where) == 0

    def test_a_callback_is_counted_when_it_is_settled(self) -> None:
        """Told when it is owed, it is told again under the same identity when settled; a third time changes nothing."""
        sink = metrics(CALLBACK, OWING, replace(OWING, owed=3))
        where = {"pbx": "main", "queue": "support"}
        shown = [value(sink.render(), "ringwatch_callbacks_owed", **where, overdue=word) for word in ("false", "true")]
        assert shown == [2, 1]
        for _ in range(2):
            sink.apply([SETTLED, replace(OWING, owed=2, overdue=0), CALLBACK])
        page = sink.render()
        settled = [value(page, "ringwatch_callbacks_settled_total", **where, by=by) for by in ("caller", "desk")]
        assert settled == [0, 1]
        shown = [value(page, "ringwatch_callbacks_owed", **where, overdue=word) for word in ("false", "true")]
        assert shown == [2, 0]

    def test_what_is_settled_of_a_queue_that_nobody_named_yet_has_its_zeros(self) -> None:
        """An earlier run had told what was owed, and nothing else has been heard of the queue since."""
        for record in (SETTLED, OWING):
            page = metrics(replace(record, queue="night")).render()
            assert value(page, "ringwatch_callbacks_settled_total", pbx="main", queue="night", by="caller") == 0

    def test_who_was_turned_away_at_the_door_has_not_waited(self) -> None:
        """A zero in the histogram would flatter the desk."""
        page = metrics(replace(VISIT, outcome="refused_full", wait_seconds=0.0)).render()
        assert sum(samples(page, "ringwatch_wait_seconds_count").values()) == 0
        assert (
            value(page, "ringwatch_calls_total", pbx="main", queue="support", outcome="refused_full", hours="open") == 1
        )

    def test_talk_is_under_pressure_from_the_number_of_lines_the_queue_says(self) -> None:
        """The default is three; a queue may have its own."""
        policy = Policy(standards={"vip": Standard(lines_waiting=1)})
        talks = [
            numbered(LEG, n, lines_waiting=n, queue=queue) for n in (0, 1, 2, 3, 4) for queue in ("support", "vip")
        ]
        page = metrics(
            *talks[::2], *(replace(each, interface="PJSIP/102") for each in talks[1::2]), policy=policy
        ).render()
        where = {"pbx": "main", "pressure": "lines_waiting"}
        assert value(page, "ringwatch_talk_seconds_count", **where, queue="support") == 2
        assert value(page, "ringwatch_talk_seconds_count", **where, queue="vip") == 4

    def test_callers_are_told_apart_by_the_hours_in_which_they_came(self) -> None:
        """Who calls a closed desk is no failure of those who serve an open one."""
        closed = [numbered(each, 2, hours="closed") for each in (OFFERED, VISIT)]
        page = metrics(OFFERED, VISIT, *closed, numbered(VISIT, 3, hours="closed", in_time=False)).render()
        where = {"pbx": "main", "queue": "support"}
        for hours, served in (("open", 1), ("closed", 2)):
            assert value(page, "ringwatch_calls_offered_total", **where, hours=hours) == 1
            assert value(page, "ringwatch_calls_total", **where, hours=hours, outcome="answered") == served
            assert value(page, "ringwatch_third_ring_total", **where, hours=hours, result="met") == 1
        assert value(page, "ringwatch_third_ring_total", **where, hours="closed", result="missed") == 1

    def test_who_is_answered_is_judged_at_the_answer_and_once(self) -> None:
        """A budget that burns is not to wait for the talks to end; a direct line's caller is judged likewise."""
        direct = replace(ANSWERED, queue="direct", call_id="2.0", in_time=False, wait_seconds=20.001)
        call = replace(CALL, call_id="2.0", line="direct", queues=[], in_time=False, wait_seconds=20.001)
        sink = metrics(ANSWERED, direct)
        self._is_judged(sink)
        sink.apply([VISIT, call])
        self._is_judged(sink)

    def _is_judged(self, sink: MetricsSink) -> None:
        page = sink.render()
        for queue, within, result in (("support", "true", "met"), ("direct", "false", "missed")):
            where = {"pbx": "main", "queue": queue, "hours": "open"}
            levels = _of(page, "ringwatch_service_level_calls_total", queue)
            assert sum(levels.values()) == 1
            name = "ringwatch_service_level_calls_total"
            assert value(page, name, **where, outcome="answered", within=within) == 1
            assert sum(_of(page, "ringwatch_third_ring_total", queue).values()) == 1
            assert value(page, "ringwatch_third_ring_total", **where, result=result) == 1

    def test_who_is_lost_is_judged_at_the_end_by_the_seconds_of_the_queue(self) -> None:
        """Who hung up, soon or late; whoever left otherwise is in no formula of the service level."""
        policy = Policy(standards={"support": Standard(service_level_seconds=10)})
        lost = [
            numbered(VISIT, 1, outcome="abandoned", wait_seconds=10.0),
            numbered(VISIT, 2, outcome="abandoned", wait_seconds=10.001),
            numbered(VISIT, 3, outcome="short_abandoned", wait_seconds=2.0),
            numbered(VISIT, 4, outcome="timeout", wait_seconds=60.0),
            numbered(VISIT, 5, outcome="answered", wait_seconds=3.0),
        ]
        page = metrics(*lost, policy=policy).render()
        found = {
            (labels["outcome"], labels["within"]): number
            for each, number in _of(page, "ringwatch_service_level_calls_total", "support").items()
            if (labels := dict(each))
        }
        assert found == {
            ("answered", "true"): 1,
            ("answered", "false"): 0,
            ("abandoned", "true"): 1,
            ("abandoned", "false"): 1,
            ("short_abandoned", "true"): 1,
            ("short_abandoned", "false"): 0,
        }

    def test_hops_and_bounces_are_those_of_a_whole_call(self) -> None:
        """Told once, at its end, under the line that was asked first, or else the queue."""
        calls = [
            numbered(CALL, 1, transfers=3, bounces=2, queues=["support", "sales"]),
            numbered(CALL, 2, transfers=0, queues=["support"]),
            numbered(CALL, 3, transfers=1, bounces=1, line="direct", queues=["support"]),
        ]
        page = metrics(*calls, *calls).render()
        support, direct = {"pbx": "main", "queue": "support"}, {"pbx": "main", "queue": "direct"}
        hops = {le: value(page, "ringwatch_call_hops_bucket", **support, le=le) for le in ("0.0", "2.0", "3.0", "5.0")}
        assert hops == {"0.0": 1, "2.0": 1, "3.0": 2, "5.0": 2}
        assert value(page, "ringwatch_bounces_total", **support) == 2
        assert value(page, "ringwatch_callers_bounced_total", **support) == 1
        assert value(page, "ringwatch_call_hops_sum", **direct) == 1
        assert value(page, "ringwatch_bounces_total", **direct) == 1
        assert "sales" not in {dict(labels)["queue"] for labels in samples(page, "ringwatch_bounces_total")}

    def test_a_limit_is_counted_when_it_is_crossed(self) -> None:
        """Once, under its own name; the talk or the hold may go on for long."""
        whats: tuple[CrossingOf, ...] = ("talk_target", "talk_limit", "hold_limit")
        crossings = [replace(CROSSING, what=what) for what in whats]
        later = replace(CROSSING, at=CROSSING.at + 60)
        direct = numbered(CROSSING, 2, queue=None, line="direct")
        page = metrics(*crossings, *crossings, later, direct).render()
        support, line = {"pbx": "main", "queue": "support"}, {"pbx": "main", "queue": "direct"}
        assert value(page, "ringwatch_calls_over_length_total", **support, bound="target") == 1
        assert value(page, "ringwatch_calls_over_length_total", **support, bound="limit") == 1
        assert value(page, "ringwatch_holds_over_limit_total", **support) == 2
        assert value(page, "ringwatch_holds_over_limit_total", **line) == 1

    def test_talks_are_shown_as_they_stand(self) -> None:
        """Longer than promised, on hold, and on hold for too long; as long as they are."""
        sink = metrics(TALKS, TALKS)
        where = {"pbx": "main", "queue": "support"}

        def shown() -> list[float | None]:
            page = sink.render()
            over = [value(page, "ringwatch_calls_up_over_length", **where, bound=each) for each in ("target", "limit")]
            return [
                *over,
                value(page, "ringwatch_calls_on_hold", **where),
                value(page, "ringwatch_calls_on_hold_over_limit", **where),
            ]

        assert shown() == [2, 1, 3, 1]
        sink.apply([replace(TALKS, over_target=0, over_limit=0, on_hold=1, on_hold_over_limit=0)])
        assert shown() == [0, 0, 1, 0]

    def test_what_served_no_outside_caller_is_not_counted(self) -> None:
        """Calls from phone to phone have neither a queue nor a line."""
        inside = [replace(each, queue=None, line=None) for each in (ATTEMPT, LEG, HOLD, TRANSFER, CROSSING)]
        assert metrics(*inside, replace(CALL, queues=[])).render() == metrics().render()

    def test_rings_of_which_only_some_were_heard_are_not_counted(self) -> None:
        """In a gap, before ringwatch came, or by a queue_log: what is told is the least, and is not judged."""
        visit = replace(VISIT, in_time=None)
        page = metrics(OFFERED, visit).render()
        where = {"pbx": "main", "queue": "support"}
        assert value(page, "ringwatch_answer_rings_count", **where, heard_by="desk") == 0
        assert value(page, "ringwatch_answer_rings_count", **where, heard_by="agent") == 1
        assert differences(page, [OFFERED, visit]) == []

    def test_a_direct_call_is_counted_under_its_line(self) -> None:
        """As a visit is under its queue: offered, ended, waited, rung."""
        call = replace(CALL, line="direct", desk_rings=2, desk_ring_seconds=6.0, caller_rings=2, queues=[])
        offered = replace(OFFERED, queue="direct")
        attempt = replace(ATTEMPT, queue=None, line="direct")
        page = metrics(offered, call, attempt).render()
        where = {"pbx": "main", "queue": "direct"}
        assert value(page, "ringwatch_calls_offered_total", **where, hours="open") == 1
        assert value(page, "ringwatch_calls_total", **where, outcome="answered", hours="open") == 1
        for by in ("agent", "desk", "caller"):
            assert value(page, "ringwatch_answer_rings_count", **where, heard_by=by) == 1
        assert differences(page, [offered, call, attempt]) == []

    def test_what_has_no_queue_is_counted_by_pbx(self) -> None:
        """Gaps in seconds, anomalies by kind, drift by what had drifted."""
        page = metrics(GAP, ANOMALY, replace(ANOMALY, detail="another"), DRIFT, DRIFT).render()
        assert value(page, "ringwatch_gap_seconds_total", pbx="main") == 3.25
        assert value(page, "ringwatch_anomalies_total", pbx="main", kind="join_not_seen") == 2
        assert value(page, "ringwatch_state_drift_total", pbx="main", what="members") == 1

    def test_several_pbxs_are_told_apart(self) -> None:
        """Two desks may each have a queue called support."""
        sink = MetricsSink({"main": Policy(), "north": Policy()})
        sink.apply([OFFERED, replace(OFFERED, pbx="north"), replace(VISIT, pbx="north")])
        page = sink.render()
        assert value(page, "ringwatch_calls_offered_total", pbx="north", queue="support", hours="open") == 1
        assert value(page, "ringwatch_calls_total", pbx="main", queue="support", outcome="answered", hours="open") == 0


class TestAccounting:
    """Sums equal to the facts."""

    @pytest.mark.parametrize("name", ["mix-16", "mix-22", "scenarios-16", "scenarios-22"])
    def test_every_counter_and_histogram_is_the_sum_of_the_facts(self, name: str) -> None:
        """A whole recorded stream, in both formats, by agent too, with a queue that has its own idea of pressure."""
        text, openmetrics, records = recorded(name)
        policies = {"main": Policy(standards={"support": Standard(lines_waiting=5)})}
        metrics_equal_facts(text, records, policies)
        metrics_equal_facts(openmetrics, records, policies)
        assert sum(isinstance(record, QueueVisit) for record in records) >= 10

    def test_a_stream_leaves_nobody_waiting(self) -> None:
        """Who joined has left by the end: lines are empty when every call is told."""
        for name in ("mix-16", "mix-22"):
            text, _, records = recorded(name)
            assert set(samples(text, "ringwatch_queue_waiting").values()) == {0}
            assert set(samples(text, "ringwatch_queue_oldest_wait_timestamp_seconds").values()) == {0}
            assert any(record.waiting for record in records if isinstance(record, QueueReading))

    def test_the_comparison_finds_what_is_wrong(self) -> None:
        """One call too many or too few, a second more, a value in another bucket: nothing passes it by."""
        page, facts = metrics(*EVERY_KIND, agents=True).render().decode(), list(EVERY_KIND)
        assert differences(page, facts) == []
        assert differences(page, facts[:-1]) != []
        assert differences(page, [*facts, numbered(VISIT, 2)]) != []
        for line in page.splitlines():
            name, _, number = line.rpartition(" ")
            if (
                line.startswith("#")
                or re.search("_queue_|_up_|_calls_on_hold|_alert_|_objective_", name)
                or 'queue="direct"' in name
            ):
                continue
            tampered = page.replace(line, f"{name} {float(number) + 1}")
            assert differences(tampered, facts) != [], line

    def test_the_comparison_finds_what_is_missing(self) -> None:
        """A family that is not on the page at all is a difference as well."""
        page = metrics(*EVERY_KIND).render().decode()
        without = "".join(line for line in page.splitlines(keepends=True) if "ringwatch_transfers" not in line)
        assert differences(page, EVERY_KIND) == []
        (line,) = differences(without, EVERY_KIND)
        assert "ringwatch_transfers" in line
        assert len(differences(without.replace("ringwatch_hold_seconds", "ringwatch_held"), EVERY_KIND)) == 2


class TestPage:
    """Rendering is work: it is done once for everybody."""

    def test_a_page_is_given_again_for_a_second(self) -> None:
        """In either format, each for itself."""
        clock = Clock()
        sink = MetricsSink({"main": Policy()}, clock=clock)
        first, other = sink.page(openmetrics=False), sink.page(openmetrics=True)
        sink.apply([OFFERED])
        clock.now += 0.999
        assert sink.page(openmetrics=False)[0] is first[0]
        assert sink.page(openmetrics=True)[0] is other[0]
        clock.now += 0.001
        assert (
            value(
                sink.page(openmetrics=False)[0],
                "ringwatch_calls_offered_total",
                pbx="main",
                queue="support",
                hours="open",
            )
            == 1
        )
        assert (
            value(
                sink.page(openmetrics=True)[0],
                "ringwatch_calls_offered_total",
                pbx="main",
                queue="support",
                hours="open",
            )
            == 1
        )

    def test_many_readers_at_once_are_one_rendering(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fifty scrapes within a second cost as much as one."""
        sink = MetricsSink({"main": Policy()}, clock=Clock())
        rendered: list[bool] = []
        render = sink.render

        def counting(*, openmetrics: bool = False) -> bytes:
            rendered.append(openmetrics)
            return render(openmetrics=openmetrics)

        monkeypatch.setattr(sink, "render", counting)
        pages = [sink.page(openmetrics=bool(number % 2)) for number in range(50)]
        assert len(set(pages)) == 2
        assert rendered == [False, True]

    def test_rendering_changes_nothing(self) -> None:
        """Who looks at a page does not move it."""
        sink = metrics(*EVERY_KIND)
        assert sink.render() == sink.render()

    def test_two_sinks_share_nothing(self) -> None:
        """A library's global registry would have them collide."""
        assert metrics(OFFERED).render() != metrics().render()
