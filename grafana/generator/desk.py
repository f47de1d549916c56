"""The desk overview: what a team lead leaves open all day."""

from __future__ import annotations

from grafana.generator import shared
from grafana.generator.frame import ALERTS, ALERTS_OF_QUEUES, PBX, QUEUES, build, told_by
from grafana.generator.panels import (
    NUMBER,
    SECONDS,
    SHARE,
    Ask,
    Column,
    lines,
    number,
    rows,
    too_little,
    too_much,
)
from grafana.generator.queries import (
    HALF_AN_HOUR,
    STANDARD,
    average,
    average_in_range,
    gauge,
    increase,
    per_half_hour,
    quantile,
    quantile_in_range,
    share,
    since,
    threshold,
)
from grafana.generator.shared import ANSWERED, OPEN, WITHIN, raised_at

_QUEUE_PAGE = "/d/ringwatch-queue?var-queue=${__data.fields.Queue}&${pbx:queryparam}&${__url_time_range}"
_FULL = ((None, "green"), (0.5, "yellow"), (1, "red"))
_NOW = (
    *shared.line_now("How many callers wait now, in all chosen queues together."),
    number(
        "Agents there",
        "Logged in, not paused, phone plugged in. Who serves several queues counts once.",
        gauge("queue_agents_present", by=()),
        NUMBER,
        decimals=0,
        alerts=["RingwatchNobodyAnswering"],
    ),
    number(
        "Agents missing",
        "How many more agents the callers of the last half hour ask for, as far as that is certain. 0.5: probably one.",
        gauge("queue_agents_short", by=()),
        NUMBER,
        steps=too_much(raised_at("understaffed"), near=0.5),
        decimals=1,
        alerts=["RingwatchUnderstaffed"],
    ),
    number(
        "Call-backs overdue",
        f"Callers whom nobody answered and nobody has called back within "
        f"{STANDARD.callback_seconds / 86_400:.0f} days. Call the oldest first.",
        gauge("callbacks_owed", 'overdue="true"', by=()),
        NUMBER,
        steps=too_much(raised_at("callbacks_overdue")),
        alerts=["RingwatchCallbacksOverdue"],
    ),
    number(
        "Alerts now",
        "How many things need somebody right now. The list below and the runbook say which and what to do.",
        f"count({ALERTS}) or vector(0)",
        NUMBER,
        steps=too_much(1),
    ),
    rows(
        "How every queue stands",
        "Worst first. The two columns of limits show how far the line and the longest wait are from the value at "
        "which an alert is raised for that queue: 100% is the limit. A queue's name leads to its own page.",
        ("queue", "Queue"),
        [
            Column("In line", gauge("queue_waiting")),
            Column(
                "In line, of the limit",
                share(gauge("queue_waiting"), threshold("RingwatchLinesPilingUp")),
                SHARE,
                _FULL,
            ),
            Column("Longest wait", since("queue_oldest_wait_timestamp_seconds"), SECONDS),
            Column(
                "Longest wait, of the limit",
                share(since("queue_oldest_wait_timestamp_seconds"), threshold("RingwatchLongestWait")),
                SHARE,
                _FULL,
            ),
            Column("Free", gauge("queue_members", 'state="free"')),
            Column("Talking", gauge("queue_members", 'state="talking"')),
            Column("Paused", gauge("queue_members", 'state="paused"')),
            Column("Agents there", gauge("queue_agents_present"), decimals=1),
            Column("Agents needed", gauge("queue_agents_required")),
            Column(
                "Agents missing",
                gauge("queue_agents_short"),
                steps=too_much(raised_at("understaffed"), near=0.5),
                decimals=1,
            ),
            Column(
                "On hold too long",
                gauge("calls_on_hold_over_limit"),
                steps=too_much(raised_at("hold_too_long")),
            ),
            Column(
                "Alerts",
                f"count by (queue) ({ALERTS_OF_QUEUES}) or 0 * {gauge('queue_waiting')}",
                steps=too_much(1),
            ),
        ],
        worst="Alerts",
        link=_QUEUE_PAGE,
    ),
    shared.alerts(queue=True),
    shared.heard(),
    shared.opened(),
    shared.members(),
    shared.needed(),
)
_SERVED = (
    number(
        "Answered in time",
        "Of the callers who came while the desk was open, and were answered or gave up in the chosen time, the share "
        f"answered within {WITHIN}, or what is configured for the queue. "
        f"Promised: {STANDARD.service_level:.0%}.",
        shared.service_level_in_range(),
        SHARE,
        steps=too_little(STANDARD.service_level, near=STANDARD.service_level - 0.1),
        decimals=0,
        alerts=["RingwatchServiceLevelBudgetBurn"],
    ),
    number(
        "Answered by the third ring",
        "Of the callers whose rings could be counted while the desk was open, the share answered before ring "
        f"{STANDARD.rings + 1} began. Promised: {STANDARD.third_ring_share:.0%}.",
        share(increase("third_ring_total", OPEN, 'result="met"'), increase("third_ring_total", OPEN)),
        SHARE,
        steps=too_little(STANDARD.third_ring_share, near=STANDARD.third_ring_share - 0.1),
        decimals=0,
        alerts=["RingwatchThirdRingBudgetBurn"],
    ),
    number(
        "Callers",
        "How many callers asked to be served in the chosen time.",
        increase("calls_offered_total"),
        NUMBER,
        decimals=0,
    ),
    number(
        "Gave up",
        "Share of the callers who came while the desk was open and hung up before anybody answered, those gone within "
        f"{STANDARD.short_abandon_seconds:.0f} s left out.",
        shared.gave_up(),
        SHARE,
        decimals=1,
    ),
    number(
        "Average wait",
        "Mean wait of the callers who were answered. It hides the worst: see beside it what one in ten waited.",
        average_in_range("wait_seconds", ANSWERED),
        SECONDS,
        decimals=0,
    ),
    number(
        "One in ten waited longer than",
        "Nine in ten of the callers who were answered waited for less than this, one in ten for longer.",
        quantile_in_range(0.9, "wait_seconds", ANSWERED),
        SECONDS,
        steps=too_much(raised_at("longest_wait"), near=STANDARD.service_level_seconds),
        decimals=0,
    ),
    *shared.levels(),
    lines(
        "Wait until the answer",
        "By the half hour: the mean (dashed), and what half, nine in ten and 99 in 100 of the answered callers did not "
        "exceed. A mean alone would hide the callers who waited for long.",
        [
            Ask(average("wait_seconds", ANSWERED, by=()), "mean"),
            Ask(quantile(0.5, "wait_seconds", ANSWERED, by=()), "half of them"),
            Ask(quantile(0.9, "wait_seconds", ANSWERED, by=()), "9 in 10"),
            Ask(quantile(0.99, "wait_seconds", ANSWERED, by=()), "99 in 100"),
        ],
        SECONDS,
        interval=HALF_AN_HOUR,
        mean="mean",
    ),
    lines(
        "How it ended for callers",
        "Callers in half an hour by how it ended for them. short_abandoned are those who hung up within "
        f"{STANDARD.short_abandon_seconds:.0f} s, unknown those whose end ringwatch did not see.",
        [Ask(f"{per_half_hour('calls_total', by=('outcome',))} > 0", "{{outcome}}")],
        NUMBER,
        interval=HALF_AN_HOUR,
        stacked=True,
        colors=shared.OUTCOMES,
    ),
    lines(
        "Callers in line",
        "How many callers waited, by queue. The limit of each queue is on its own page.",
        [Ask(gauge("queue_waiting"))],
        NUMBER,
        alerts=["RingwatchLinesPilingUp"],
    ),
    lines(
        "Call-backs owed",
        "Callers whom nobody answered and who have been called back by nobody yet: in all, and those overdue.",
        [
            Ask(gauge("callbacks_owed", by=()), "owed"),
            Ask(gauge("callbacks_owed", 'overdue="true"', by=()), "overdue"),
        ],
        NUMBER,
        colors={"owed": "blue", "overdue": "red"},
        alerts=["RingwatchCallbacksOverdue"],
    ),
)
_TALKS = (
    *shared.holds(()),
    shared.talks(()),
    shared.rush(()),
    *shared.passing(()),
)

DASHBOARD = build(
    "ringwatch-desk",
    "Desk overview",
    "Are callers being served to standard, now and over the day.",
    [*told_by(), PBX, QUEUES],
    [
        ("Now", _NOW),
        ("Served to standard, in the chosen time", _SERVED),
        ("Nobody left alone, nobody rushed, nobody sent from desk to desk", _TALKS),
    ],
    since="now-24h",
    refresh="10s",
)
