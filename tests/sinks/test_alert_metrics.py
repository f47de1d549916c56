"""The gauges that alerts are judged by elsewhere: thresholds, objectives, and whether a desk is open."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ringwatch import app
from ringwatch.core.alerts import ALERTS
from ringwatch.core.hours import ALWAYS, OpeningHours
from ringwatch.core.standards import Line, Policy, Standard
from ringwatch.sinks.metrics import MetricsSink
from tests.tools.captures import path as capture_path

from .samples import NINE, READING
from .test_metrics import metrics, samples, value

WEEK = OpeningHours(week=(*ALWAYS[:5], (), ()))
"""From Monday to Friday, by UTC; `NINE` is a Monday."""
THRESHOLD, CLEAR = "ringwatch_alert_threshold", "ringwatch_alert_clear_level"


def judged(page: bytes, queue: str) -> set[str]:
    """Return the alerts that have a threshold for a queue or line, or ("") for the PBX."""
    return {
        labels["alertname"] for each in samples(page, THRESHOLD) if (labels := dict(each)).get("queue", "") == queue
    }


def test_every_alert_has_its_threshold_before_anything_is_heard() -> None:
    """A queue has all but those of the PBX, a direct line what its calls alone can tell."""
    page = metrics(policy=Policy(standards={"support": Standard()}, lines=(Line("reception", ("3000",)),))).render()
    of = {kind.name: kind.of for kind in ALERTS.values()}
    assert judged(page, "") == {name for name, what in of.items() if what == "pbx"}
    assert judged(page, "support") == {name for name, what in of.items() if what != "pbx"}
    assert judged(page, "reception") == {name for name, what in of.items() if what == "any"} == judged(page, "direct")
    where = {"pbx": "main", "queue": "support", "alertname": "RingwatchLongestWait", "severity": "warning"}
    assert value(page, THRESHOLD, **where) == 120
    assert value(page, CLEAR, **where) == 60


def test_a_queue_that_is_discovered_has_its_thresholds_then() -> None:
    """The listing on attaching names it."""
    assert judged(metrics().render(), "support") == set()
    assert "RingwatchUnderstaffed" in judged(metrics(READING).render(), "support")


def test_thresholds_are_those_of_the_configuration() -> None:
    """A queue's own go before the general ones, its standard moves its alerts, and one may be switched off."""
    policy = Policy(
        standards={"support": Standard(lines_waiting=5), "sales": Standard()},
        alerts={
            "": {"longest_wait": {"threshold": 90.0, "clear_share": 0.1, "severity": "critical"}},
            "sales": {"longest_wait": {"enabled": False}},
        },
    )
    page = metrics(policy=policy).render()
    longest = {"pbx": "main", "queue": "support", "alertname": "RingwatchLongestWait", "severity": "critical"}
    lines = {"pbx": "main", "queue": "support", "alertname": "RingwatchLinesPilingUp", "severity": "warning"}
    assert value(page, THRESHOLD, **longest) == 90
    assert value(page, CLEAR, **longest) == 9
    assert value(page, THRESHOLD, **lines) == 5
    assert "RingwatchLongestWait" not in judged(page, "sales")


def test_objectives_are_those_of_the_standard() -> None:
    """What a budget is reckoned from."""
    policy = Policy(standards={"support": Standard(service_level=0.9, third_ring_share=0.95)})
    page, name = metrics(policy=policy).render(), "ringwatch_objective_ratio"
    where = {"pbx": "main", "queue": "support"}
    assert value(page, name, **where, objective="service_level") == 0.9
    assert value(page, name, **where, objective="third_ring") == 0.95
    assert value(page, name, pbx="main", queue="direct", objective="service_level") == 0.8


def test_a_desk_is_open_as_of_the_moment_its_pbx_has_reached() -> None:
    """No event need come at closing time; every PBX has its own clock."""
    policy = Policy(standards={"support": Standard()}, opening={"support": WEEK})
    sink = MetricsSink({"main": policy, "north": replace(policy, opening={}, default_hours=WEEK)})
    now = {"main": 0.0, "north": NINE + 5 * 86400}
    sink.follow("main", lambda: now["main"])
    sink.follow("north", lambda: now["north"])

    def shown() -> list[float | None]:
        page = sink.render()
        where = [("main", "support"), ("main", "direct"), ("north", "support"), ("north", "direct")]
        return [value(page, "ringwatch_queue_open", pbx=pbx, queue=queue) for pbx, queue in where]

    now["main"] = NINE
    assert shown() == [1, 1, 0, 0]
    now["main"] = NINE + 5 * 86400
    now["north"] = NINE + 7 * 86400
    assert shown() == [0, 1, 1, 1]


def test_before_anything_was_heard_who_ever_closes_is_closed() -> None:
    """No rule raises anything then; a desk without hours is open always."""
    holiday = OpeningHours(week=(ALWAYS[0], *ALWAYS[:2], (), *ALWAYS[:3]))
    page = metrics(policy=Policy(standards={"support": Standard()}, opening={"support": holiday})).render()
    assert value(page, "ringwatch_queue_open", pbx="main", queue="support") == 0
    assert value(page, "ringwatch_queue_open", pbx="main", queue="direct") == 1


def test_a_recording_is_judged_by_its_own_time() -> None:
    """Whenever it is replayed: the capture was made on a Saturday."""
    for week, is_open in ((((),) * 5 + ALWAYS[5:6] + ((),), 1), ((*ALWAYS[:5], (), *ALWAYS[6:]), 0)):
        policy = Policy(default_hours=OpeningHours(week=week))
        sink = MetricsSink({"main": policy})
        asyncio.run(app.replay(capture_path("scenarios-22"), "main", policy, [sink]))
        assert value(sink.render(), "ringwatch_queue_open", pbx="main", queue="support") == is_open
