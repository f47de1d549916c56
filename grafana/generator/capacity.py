"""Capacity: what a planner needs to know of the weeks behind, to staff the weeks ahead."""

from __future__ import annotations

from grafana.generator import shared
from grafana.generator.frame import PBX, QUEUES, build, told_by
from grafana.generator.panels import NUMBER, SECONDS, SHARE, Ask, Column, lines, number, rows, too_much
from grafana.generator.queries import (
    HALF_AN_HOUR,
    STANDARD,
    average,
    gauge,
    increase,
    over_time,
    per_half_hour,
    quantile,
    rate,
    share,
)
from grafana.generator.shared import ANSWERED, BY_QUEUE, WITHIN

_BUSY = f"{rate('talk_seconds_sum')} + {rate('hold_seconds_sum')} + {rate('wrapup_seconds_sum')}"
_SHORT = over_time("avg", f"{gauge('queue_agents_short')} >= bool 1")

_DEMAND = (
    number(
        "Callers",
        "How many callers asked to be served in the chosen time.",
        increase("calls_offered_total"),
        NUMBER,
        decimals=0,
    ),
    number(
        "Gave up",
        "Share of the callers who came while the desk was open and hung up before anybody answered.",
        shared.gave_up(),
        SHARE,
        decimals=1,
    ),
    number(
        "Answered in time",
        "Of the callers who came while the desk was open, and were answered or gave up, the share answered within "
        f"{WITHIN}, or what is configured for the queue.",
        shared.service_level_in_range(),
        SHARE,
        steps=((None, "red"), (STANDARD.service_level, "green")),
        decimals=0,
    ),
    number(
        "Came while closed",
        "Callers who came outside opening hours, in the chosen time.",
        increase("calls_offered_total", 'hours="closed"'),
        NUMBER,
        decimals=0,
        unknown="always open",
    ),
    number(
        "Most agents needed",
        "The highest need of the chosen time, all chosen queues together.",
        over_time("max", gauge("queue_agents_required", by=())),
        NUMBER,
        decimals=0,
    ),
    number(
        "Not heard",
        "How long ringwatch did not hear the PBX in the chosen time: what happened then is missing here.",
        increase("gap_seconds_total"),
        SECONDS,
        steps=too_much(60, near=1),
        decimals=0,
        alerts=["RingwatchAmiDisconnected", "RingwatchDown"],
    ),
    lines(
        "Callers, and a week before",
        "How many callers came, all chosen queues together, and (dashed) at the same time a week before.",
        [
            Ask(per_half_hour("calls_offered_total", by=()), "this time"),
            Ask(per_half_hour("calls_offered_total", by=(), ago="1w"), "a week before"),
        ],
        NUMBER,
        interval=HALF_AN_HOUR,
        mean="a week before",
    ),
    lines(
        "Callers, by queue",
        "How many callers came to each queue or line.",
        [Ask(per_half_hour("calls_offered_total"))],
        NUMBER,
        interval=HALF_AN_HOUR,
        stacked=True,
    ),
    lines(
        "Agents kept busy",
        "How many agents the callers of each queue kept busy at once, on average by the half hour: talking, holding, "
        "and the work after it. This is the load in erlangs; more agents than that are needed, for callers do not "
        "come evenly.",
        [Ask(_BUSY)],
        NUMBER,
        interval=HALF_AN_HOUR,
        stacked=True,
    ),
    lines(
        "What a call takes",
        "Mean talk, and mean work after the call, by the half hour; and what 9 in 10 conversations did not exceed.",
        [
            Ask(average("talk_seconds", by=()), "mean talk"),
            Ask(average("wrapup_seconds", by=()), "mean work after it"),
            Ask(quantile(0.9, "talk_seconds", by=()), "talk, 9 in 10"),
        ],
        SECONDS,
        interval=HALF_AN_HOUR,
        mean="/mean.*/",
    ),
)
_STAFF = (
    shared.needed(),
    lines(
        "Agents missing, by queue",
        "How many more agents each queue needed, as far as that is certain. 0.5: probably one.",
        [Ask(gauge("queue_agents_short"))],
        NUMBER,
        steps=too_much(shared.raised_at("understaffed")),
        alerts=["RingwatchUnderstaffed"],
    ),
    shared.occupancy(),
    shared.estimated_wait(),
    *shared.levels(),
    rows(
        "Queue by queue",
        "Over the chosen time, worst first: the share of it in which agents were surely missing, and what that did to "
        "callers. The mean wait has what one in ten exceeded beside it.",
        ("queue", "Queue"),
        [
            Column("Understaffed", _SHORT, SHARE, too_much(0.1, near=0.02)),
            Column("Callers", increase("calls_offered_total", by=BY_QUEUE)),
            Column(
                "Answered in time",
                shared.service_level_in_range(BY_QUEUE),
                SHARE,
                ((None, "red"), (STANDARD.service_level, "green")),
            ),
            Column(
                "Gave up",
                shared.gave_up(BY_QUEUE),
                SHARE,
                decimals=1,
            ),
            Column(
                "Mean wait",
                share(
                    increase("wait_seconds_sum", ANSWERED, by=BY_QUEUE),
                    increase("wait_seconds_count", ANSWERED, by=BY_QUEUE),
                ),
                SECONDS,
            ),
            Column(
                "One in ten waited longer than",
                f"histogram_quantile(0.9, {increase('wait_seconds_bucket', ANSWERED, by=('le', 'queue'))})",
                SECONDS,
            ),
            Column(
                "Busy on average",
                over_time("avg", gauge("queue_occupancy_ratio", how="max")),
                SHARE,
                too_much(STANDARD.max_occupancy),
            ),
        ],
        worst="Understaffed",
        alerts=["RingwatchUnderstaffed"],
    ),
    shared.heard(24),
)

DASHBOARD = build(
    "ringwatch-capacity",
    "Capacity",
    "How many callers came, how many agents they kept busy, and whether there were enough of them.",
    [*told_by(), PBX, QUEUES],
    [("What callers asked for", _DEMAND), ("Who was there", _STAFF)],
    since="now-7d",
    refresh="5m",
)
