"""Panels that more than one dashboard shows."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.generator.frame import ALERTS, ALERTS_OF_QUEUES
from grafana.generator.panels import NUMBER, SECONDS, SHARE, Ask, lines, number, states, too_much
from grafana.generator.queries import (
    HALF_AN_HOUR,
    STANDARD,
    average,
    gauge,
    increase,
    per_half_hour,
    quantile,
    rate,
    selector,
    share,
    since,
)
from ringwatch.core.alerts import ALERTS as KINDS

JUDGED = "service_level_calls_total"
WITHIN = f"{STANDARD.service_level_seconds:.0f} s"
ANSWERED = 'outcome="answered"'
LOST = 'outcome="abandoned"'
IN_TIME = 'within="true"'
SERVED_OR_LOST = 'outcome=~"answered|abandoned"'
OPEN = 'hours="open"'
BY_QUEUE = ("queue",)
OUTCOMES = {
    "answered": "green",
    "abandoned": "red",
    "short_abandoned": "yellow",
    "timeout": "orange",
    "key_exit": "blue",
    "unknown": "#888888",
}
MEMBERS = {
    "free": "green",
    "ringing": "light-blue",
    "talking": "blue",
    "on_hold": "yellow",
    "wrap_up": "purple",
    "paused": "orange",
    "unavailable": "red",
    "unknown": "#888888",
}


def raised_at(key: str) -> float:
    """Return the value at which an alert is raised where nobody configured another."""
    return KINDS[key].rule(STANDARD).threshold


def service_level(by: tuple[str, ...] = BY_QUEUE) -> str:
    """Ask for the share of callers answered in time, by the default formula."""
    return share(rate(JUDGED, OPEN, ANSWERED, IN_TIME, by=by), rate(JUDGED, OPEN, SERVED_OR_LOST, by=by))


def service_level_in_range(by: tuple[str, ...] = ()) -> str:
    """Ask the same of the chosen time."""
    return share(increase(JUDGED, OPEN, ANSWERED, IN_TIME, by=by), increase(JUDGED, OPEN, SERVED_OR_LOST, by=by))


def gave_up(by: tuple[str, ...] = ()) -> str:
    """Ask for the share of callers who hung up before anybody answered, in the chosen time."""
    return share(increase("calls_total", OPEN, LOST, by=by), increase("calls_total", OPEN, by=by))


def third_ring(by: tuple[str, ...] = BY_QUEUE) -> str:
    """Ask for the share of callers answered by the third ring."""
    met = rate("third_ring_total", OPEN, 'result="met"', by=by)
    return share(met, rate("third_ring_total", OPEN, by=by))


def alerts(*, queue: bool, height: int = 10) -> Builder[Panel]:
    """Show which alerts were raised when."""
    raised = ALERTS_OF_QUEUES if queue else ALERTS
    return states(
        "Alerts",
        "When somebody was needed, and for what. The runbook says of every alert what it means and what to do.",
        [
            Ask(
                f'max by (alert, queue) (label_replace({raised}, "alert", "$1", "alertname", "Ringwatch(.*)"))',
                "{{alert}} {{queue}}",
            )
        ],
        {1: ("raised", "red")},
        span=24,
        height=height,
        unknown="no alert was raised",
    )


def heard(span: int = 12) -> Builder[Panel]:
    """Show when the PBX was heard, and so what all else is worth."""
    return states(
        "Was the desk heard",
        "Green: ringwatch heard the PBX. Red: it was there, but the PBX did not talk to it. Empty: it was not there "
        "itself. What happened in a red or empty time is missing from every figure on this page.",
        [Ask(f"max by (pbx) ({selector('ami_connected')})", "{{pbx}}")],
        {1: ("heard", "green"), 0: ("not heard", "red")},
        alerts=["RingwatchAmiDisconnected", "RingwatchDown"],
        span=span,
    )


def opened() -> Builder[Panel]:
    """Show when the desk was open."""
    return states(
        "Open",
        "Opening hours of every queue and line, as configured. While one is closed, no alert is raised for it.",
        [Ask(gauge("queue_open", how="max"))],
        {1: ("open", "green"), 0: ("closed", "#cccccc")},
    )


def unbroken() -> Builder[Panel]:
    """Show how long the most tireless agent of every queue has worked."""
    hours = STANDARD.unbroken_limit_seconds / 3600
    return lines(
        "Longest at work without a break",
        f"Of the agents of a queue, who has gone on longest: no pause, and nothing to do for less than "
        f"{STANDARD.break_min_seconds / 60:.0f} minutes at a stretch. From {hours:g} hours on it is time to take over.",
        [Ask(since("queue_unbroken_since_timestamp_seconds"))],
        SECONDS,
        steps=too_much(STANDARD.unbroken_limit_seconds),
        alerts=["RingwatchAgentNoBreak"],
    )


def occupancy() -> Builder[Panel]:
    """Show how busy the agents of every queue are."""
    return lines(
        "How busy agents are",
        "Share of the time agents were there that went into talking, holding and wrapping up, over the last "
        f"{STANDARD.staffing_window_seconds / 60:.0f} minutes. Above {STANDARD.max_occupancy:.0%} nobody has time to "
        "breathe; all at once 100% means that callers wait in line for each of them.",
        [Ask(gauge("queue_occupancy_ratio", how="max"))],
        SHARE,
        steps=too_much(STANDARD.max_occupancy),
        most=1,
    )


def estimated_wait() -> Builder[Panel]:
    """Show what a caller who comes now has to expect."""
    return lines(
        "Wait to expect",
        "How long a caller who joins now will probably wait: place in line times the time a call takes, shared by the "
        "agents there.",
        [Ask(gauge("queue_estimated_wait_seconds", how="max"))],
        SECONDS,
        steps=too_much(raised_at("longest_wait")),
        alerts=["RingwatchLongestWait"],
    )


def levels() -> tuple[Builder[Panel], Builder[Panel]]:
    """Show the two promises, by queue and half hour."""
    return (
        lines(
            "Answered in time, by the half hour",
            "Service level by the half hour: of the callers who came while the desk was open, and were answered or "
            f"gave up, the share answered within {WITHIN}, or what is configured for the queue. The dashed line is "
            f"what is promised where nothing else is configured, {STANDARD.service_level:.0%}.",
            [Ask(service_level())],
            SHARE,
            steps=((None, "red"), (STANDARD.service_level, "green")),
            interval=HALF_AN_HOUR,
            most=1,
            alerts=["RingwatchServiceLevelBudgetBurn", "RingwatchUnderstaffed"],
        ),
        lines(
            "Answered by the third ring, by the half hour",
            f"Of the callers whose rings could be counted while the desk was open, the share answered before ring "
            f"{STANDARD.rings + 1} began, by the half hour. The dashed line is {STANDARD.third_ring_share:.0%}.",
            [Ask(third_ring())],
            SHARE,
            steps=((None, "red"), (STANDARD.third_ring_share, "green")),
            interval=HALF_AN_HOUR,
            most=1,
            alerts=["RingwatchThirdRingBudgetBurn"],
        ),
    )


def line_now(waiting: str) -> tuple[Builder[Panel], Builder[Panel]]:
    """Show how many are in line now, which ``waiting`` describes, and how long the first of them has waited."""
    return (
        number(
            "Callers in line now",
            waiting,
            gauge("queue_waiting", by=()),
            NUMBER,
            alerts=["RingwatchLinesPilingUp"],
        ),
        number(
            "Longest wait now",
            "How long the caller who has waited longest has been waiting.",
            since("queue_oldest_wait_timestamp_seconds", by=()),
            SECONDS,
            steps=too_much(raised_at("longest_wait"), near=raised_at("longest_wait") / 2),
            decimals=0,
            alerts=["RingwatchLongestWait"],
        ),
    )


def holds(by: tuple[str, ...]) -> tuple[Builder[Panel], Builder[Panel]]:
    """Show how callers were left alone: how long, and how many now."""
    limit = STANDARD.hold_limit_seconds
    return (
        lines(
            "Left alone on hold",
            f"By the half hour, how long callers were on hold, parked, or waiting while the agent asked somebody: the "
            f"mean (dashed), half, and 9 in 10. More than {limit:.0f} s with soothing music is too long.",
            [
                Ask(average("hold_seconds", by=by), "mean"),
                Ask(quantile(0.5, "hold_seconds", by=by), "half of them"),
                Ask(quantile(0.9, "hold_seconds", by=by), "9 in 10"),
            ],
            SECONDS,
            steps=too_much(limit),
            interval=HALF_AN_HOUR,
            mean="mean",
            alerts=["RingwatchHoldTooLong"],
        ),
        lines(
            "On hold, and too long on hold",
            f"Callers on hold at each moment, and those of them for longer than their queue's limit ({limit:.0f} s "
            "unless configured otherwise).",
            [
                Ask(gauge("calls_on_hold", by=by), "on hold"),
                Ask(gauge("calls_on_hold_over_limit", by=by), "too long"),
            ],
            NUMBER,
            colors={"on hold": "blue", "too long": "red"},
            alerts=["RingwatchHoldTooLong"],
        ),
    )


def talks(by: tuple[str, ...]) -> Builder[Panel]:
    """Show how long conversations last."""
    target, limit = STANDARD.talk_target_seconds, STANDARD.talk_limit_seconds
    return lines(
        "Length of conversations",
        f"By the half hour, holds left out: the mean (dashed), half, and 9 in 10. A call should last no longer than "
        f"{target / 60:.0f} minutes, and at most {limit / 60:.0f}.",
        [
            Ask(average("talk_seconds", by=by), "mean"),
            Ask(quantile(0.5, "talk_seconds", by=by), "half of them"),
            Ask(quantile(0.9, "talk_seconds", by=by), "9 in 10"),
        ],
        SECONDS,
        steps=((None, "green"), (target, "yellow"), (limit, "red")),
        interval=HALF_AN_HOUR,
        mean="mean",
        alerts=["RingwatchCallTooLong"],
    )


def rush(by: tuple[str, ...]) -> Builder[Panel]:
    """Show whether calls are rushed while others wait."""
    return lines(
        "Rushed while others wait",
        f"Mean length of conversations that ended while {STANDARD.lines_waiting} or more callers waited, beside that "
        "of all others. Much shorter under pressure means that callers are rushed off the line.",
        [
            Ask(average("talk_seconds", 'pressure="lines_waiting"', by=by), "while callers waited"),
            Ask(average("talk_seconds", 'pressure="none"', by=by), "in peace"),
        ],
        SECONDS,
        interval=HALF_AN_HOUR,
        colors={"while callers waited": "orange", "in peace": "green"},
    )


def passing(by: tuple[str, ...]) -> tuple[Builder[Panel], Builder[Panel]]:
    """Show whether callers were sent from desk to desk."""
    return (
        lines(
            "Handed on",
            "Transfers in half an hour: attended (the agent spoke to the colleague first), blind, and those that "
            "failed.",
            [
                Ask(per_half_hour("transfers_total", 'result="success"', by=("kind",)), "{{kind}}"),
                Ask(per_half_hour("transfers_total", 'result="failed"', by=()), "failed"),
            ],
            NUMBER,
            interval=HALF_AN_HOUR,
            stacked=True,
            colors={"attended": "green", "blind": "blue", "failed": "red"},
        ),
        lines(
            "Sent from desk to desk",
            f"How often a caller was handed on, on average: {STANDARD.hops} at most. And how many callers in half an "
            "hour came back to a queue or agent where they had been: none should.",
            [
                Ask(average("call_hops", by=by), "mean hops"),
                Ask(per_half_hour("bounces_total", by=by), "came back"),
            ],
            NUMBER,
            interval=HALF_AN_HOUR,
            steps=too_much(STANDARD.hops),
            mean="mean hops",
            colors={"came back": "red"},
            alerts=["RingwatchCallersBounced"],
        ),
    )


def members() -> Builder[Panel]:
    """Show what the members of queues did."""
    return lines(
        "What agents do",
        "Members of the chosen queues by state; who is a member of several counts in each. on_hold: the caller is "
        "alone; wrap_up: the work after a call; unavailable: the phone is not plugged in.",
        [Ask(gauge("queue_members", by=("state",)), "{{state}}")],
        NUMBER,
        stacked=True,
        colors=MEMBERS,
        alerts=["RingwatchNobodyAnswering"],
    )


def needed() -> Builder[Panel]:
    """Show whether the desk was staffed."""
    return lines(
        "Agents needed, agents there",
        f"What the callers of the last {STANDARD.staffing_window_seconds / 60:.0f} minutes ask for to be answered to "
        f"standard ({STANDARD.service_level:.0%} within {WITHIN}, agents busy {STANDARD.max_occupancy:.0%} at most), "
        "beside who was there. Nothing is drawn where too few callers came to tell.",
        [
            Ask(gauge("queue_agents_required", by=()), "needed"),
            Ask(gauge("queue_agents_present", by=()), "there"),
        ],
        NUMBER,
        colors={"needed": "orange", "there": "green"},
        alerts=["RingwatchUnderstaffed"],
    )
