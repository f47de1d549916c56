"""One queue, or direct line: where its lead looks for why."""

from __future__ import annotations

from grafana.generator import shared
from grafana.generator.frame import PBX, QUEUE, build, told_by
from grafana.generator.panels import (
    NUMBER,
    SECONDS,
    SHARE,
    Ask,
    lines,
    number,
    spread,
    too_much,
)
from grafana.generator.queries import (
    HALF_AN_HOUR,
    STANDARD,
    average,
    gauge,
    per_half_hour,
    quantile,
    rate,
    share,
    since,
    threshold,
)
from grafana.generator.shared import ANSWERED, BY_QUEUE, IN_TIME, JUDGED, LOST, OPEN, SERVED_OR_LOST, WITHIN, raised_at

_IN_TIME = rate(JUDGED, OPEN, ANSWERED, IN_TIME)
_ALL = rate(JUDGED, OPEN, SERVED_OR_LOST)

_NOW = (
    *shared.line_now("How many callers wait now."),
    number(
        "Wait to expect",
        "How long a caller who joins now will probably wait.",
        gauge("queue_estimated_wait_seconds", by=(), how="max"),
        SECONDS,
        decimals=0,
    ),
    number(
        "Free",
        "Agents who could take a call now.",
        gauge("queue_members", 'state="free"', by=()),
        NUMBER,
        alerts=["RingwatchNobodyAnswering"],
    ),
    number(
        "Agents needed",
        "By what callers asked for in the last half hour.",
        gauge("queue_agents_required", by=()),
        NUMBER,
    ),
    number(
        "Agents missing",
        "How many more agents are needed, as far as that is certain. 0.5: probably one.",
        gauge("queue_agents_short", by=()),
        NUMBER,
        steps=too_much(raised_at("understaffed"), near=0.5),
        decimals=1,
        alerts=["RingwatchUnderstaffed"],
    ),
    lines(
        "Callers in line",
        "How many callers waited. From the dashed red line on, which is this queue's own limit, an alert is raised.",
        [Ask(gauge("queue_waiting"), "in line"), Ask(threshold("RingwatchLinesPilingUp"), "limit")],
        NUMBER,
        limit="limit",
        alerts=["RingwatchLinesPilingUp"],
    ),
    lines(
        "Longest wait",
        "How long the caller at the head of the line had waited, and this queue's own limit.",
        [
            Ask(since("queue_oldest_wait_timestamp_seconds"), "longest wait"),
            Ask(threshold("RingwatchLongestWait"), "limit"),
        ],
        SECONDS,
        limit="limit",
        alerts=["RingwatchLongestWait"],
    ),
    shared.members(),
    shared.needed(),
    shared.alerts(queue=True, height=6),
    shared.heard(),
    shared.opened(),
)
_SERVED = (
    lines(
        "Answered in time, by five formulas",
        f"Service level by the half hour: answered within {WITHIN}, or what is configured for the queue. Formulas "
        "differ on the same callers: of those answered or lost (the default), of those answered (Asterisk's own), with "
        "those lost in time counted as served (Asterisk's second), and with those lost in time, or within "
        f"{STANDARD.short_abandon_seconds:.0f} s, left out or counted as served. The dashed line is what is promised.",
        [
            Ask(shared.service_level(), "of answered and lost"),
            Ask(share(_IN_TIME, rate(JUDGED, OPEN, ANSWERED)), "of answered"),
            Ask(share(rate(JUDGED, OPEN, SERVED_OR_LOST, IN_TIME), _ALL), "lost in time counts as served"),
            Ask(
                share(_IN_TIME, rate(JUDGED, OPEN, ANSWERED), rate(JUDGED, OPEN, LOST, 'within="false"')),
                "lost in time left out",
            ),
            Ask(
                share(rate(JUDGED, OPEN, 'outcome=~"answered|short_abandoned"', IN_TIME), _ALL),
                "gone at once is served",
            ),
            Ask(gauge("objective_ratio", 'objective="service_level"', how="min"), "promised"),
        ],
        SHARE,
        interval=HALF_AN_HOUR,
        limit="promised",
        most=1,
        alerts=["RingwatchServiceLevelBudgetBurn"],
    ),
    lines(
        "Answered by the third ring",
        f"Of the callers whose rings could be counted while the queue was open, the share answered before ring "
        f"{STANDARD.rings + 1} began, by the half hour, and what is promised.",
        [
            Ask(shared.third_ring(), "in time"),
            Ask(gauge("objective_ratio", 'objective="third_ring"', how="min"), "promised"),
        ],
        SHARE,
        interval=HALF_AN_HOUR,
        limit="promised",
        most=1,
        alerts=["RingwatchThirdRingBudgetBurn"],
    ),
    lines(
        "Wait until the answer",
        "By the half hour: the mean (dashed), and what half, nine in ten and 99 in 100 of the answered callers did not "
        "exceed.",
        [
            Ask(average("wait_seconds", ANSWERED), "mean"),
            Ask(quantile(0.5, "wait_seconds", ANSWERED), "half of them"),
            Ask(quantile(0.9, "wait_seconds", ANSWERED), "9 in 10"),
            Ask(quantile(0.99, "wait_seconds", ANSWERED), "99 in 100"),
        ],
        SECONDS,
        interval=HALF_AN_HOUR,
        mean="mean",
    ),
    spread(
        "Waits, one by one",
        "Every caller by how long the wait was, whatever its end: the darker, the more of them. A second band far up "
        "is callers whom a mean does not show.",
        Ask(per_half_hour("wait_seconds_bucket", by=("le",)), "{{le}}"),
        SECONDS,
        interval=HALF_AN_HOUR,
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
        "Rings until the answer",
        "9 in 10 were answered within so many rings, as three people count them: the agent one phone, the desk all of "
        f"its phones, the caller the tone in the ear. More than {STANDARD.rings} are too many.",
        [
            Ask(quantile(0.9, "answer_rings", by=("heard_by",)), "{{heard_by}}"),
        ],
        NUMBER,
        steps=too_much(STANDARD.rings),
        interval=HALF_AN_HOUR,
        alerts=["RingwatchThirdRingBudgetBurn"],
    ),
    lines(
        "How phones were answered",
        "Phones rung in half an hour, by how that ended. no_answer: it rang in vain; elsewhere: a colleague was "
        "faster; caller_gone: the caller hung up meanwhile.",
        [Ask(f"{per_half_hour('ring_attempts_total', by=('result',))} > 0", "{{result}}")],
        NUMBER,
        interval=HALF_AN_HOUR,
        stacked=True,
        colors={"answered": "green", "no_answer": "red", "elsewhere": "blue", "caller_gone": "orange"},
    ),
    lines(
        "Call-backs",
        "Callers who are owed a call-back, and how many are overdue.",
        [
            Ask(gauge("callbacks_owed"), "owed"),
            Ask(gauge("callbacks_owed", 'overdue="true"'), "overdue"),
        ],
        NUMBER,
        colors={"owed": "blue", "overdue": "red"},
        alerts=["RingwatchCallbacksOverdue"],
    ),
)
_TALKS = (
    shared.talks(BY_QUEUE),
    shared.rush(BY_QUEUE),
    *shared.holds(BY_QUEUE),
    lines(
        "Too long at this moment",
        f"Conversations that go on for longer than {STANDARD.talk_target_seconds / 60:.0f} minutes (target), and than "
        f"{STANDARD.talk_limit_seconds / 60:.0f} (limit), unless configured otherwise.",
        [Ask(gauge("calls_up_over_length", by=("bound",)), "{{bound}}")],
        NUMBER,
        colors={"target": "yellow", "limit": "red"},
        alerts=["RingwatchCallTooLong"],
    ),
    lines(
        "Work after a call",
        "How long an agent is left alone after a call, by the half hour: the mean (dashed) and 9 in 10.",
        [Ask(average("wrapup_seconds"), "mean"), Ask(quantile(0.9, "wrapup_seconds"), "9 in 10")],
        SECONDS,
        interval=HALF_AN_HOUR,
        mean="mean",
    ),
    *shared.passing(BY_QUEUE),
)

DASHBOARD = build(
    "ringwatch-queue",
    "One queue",
    "How callers of one queue or direct line are served, and why.",
    [*told_by(), PBX, QUEUE],
    [("Now", _NOW), ("Waits and answers", _SERVED), ("Conversations", _TALKS)],
    since="now-24h",
    refresh="10s",
)
