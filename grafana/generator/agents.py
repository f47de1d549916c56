"""Agents: whether the work is shared, and whether there is time to breathe."""

from __future__ import annotations

from grafana.generator import shared
from grafana.generator.frame import AGENTS, PBX, QUEUES, build, told_by
from grafana.generator.panels import NUMBER, SECONDS, SHARE, Ask, Column, lines, rows, too_much
from grafana.generator.queries import (
    HALF_AN_HOUR,
    STANDARD,
    average,
    gauge,
    increase,
    per_half_hour,
    quantile,
    rate,
    share,
    since,
)

_AGENT = ("agent",)
_OFF = "not told by agent: [metrics] agents is off"
_ANSWERED_OR_NOT = 'result=~"answered|no_answer"'

_QUEUES = (
    shared.members(),
    shared.occupancy(),
    shared.unbroken(),
    lines(
        "Is the work shared",
        f"How unevenly the work of the last {STANDARD.staffing_window_seconds / 60:.0f} minutes was spread over the "
        f"agents of a queue: 0 is all alike, 1 is one who does it all. From {STANDARD.load_gini:g} on, look at the "
        "queue's strategy, penalties and pauses.",
        [Ask(gauge("queue_load_gini", how="max"))],
        NUMBER,
        steps=too_much(STANDARD.load_gini),
        most=1,
        alerts=["RingwatchLoadUneven"],
    ),
    lines(
        "Phones that rang in vain",
        "By the half hour, of the phones that were answered or let ring: the share let ring. Somebody may be away "
        "without having paused.",
        [Ask(share(rate("ring_attempts_total", 'result="no_answer"'), rate("ring_attempts_total", _ANSWERED_OR_NOT)))],
        SHARE,
        interval=HALF_AN_HOUR,
        most=1,
        alerts=["RingwatchThirdRingBudgetBurn"],
    ),
    lines(
        "Work after a call",
        "How long agents are left alone after a call, by the half hour: the mean (dashed) and 9 in 10.",
        [
            Ask(average("wrapup_seconds", by=()), "mean"),
            Ask(quantile(0.9, "wrapup_seconds", by=()), "9 in 10"),
        ],
        SECONDS,
        interval=HALF_AN_HOUR,
        mean="mean",
    ),
    shared.alerts(queue=True),
    shared.heard(),
    shared.opened(),
)
_AGENTS = (
    rows(
        "Every agent",
        "In the chosen time: conversations, how long they were on average, and phones let ring. And how long the agent "
        "has worked without a break, now.",
        ("agent", "Agent"),
        [
            Column("Conversations", increase("agent_calls_total", by=_AGENT)),
            Column("Talk", increase("agent_talk_seconds_total", by=_AGENT), SECONDS),
            Column(
                "Mean conversation",
                share(increase("agent_talk_seconds_total", by=_AGENT), increase("agent_calls_total", by=_AGENT)),
                SECONDS,
            ),
            Column("Let ring", increase("agent_no_answer_total", by=_AGENT)),
            Column(
                "Without a break",
                since("agent_unbroken_since_timestamp_seconds", by=_AGENT),
                SECONDS,
                too_much(STANDARD.unbroken_limit_seconds, near=STANDARD.unbroken_limit_seconds * 0.75),
            ),
        ],
        worst="Without a break",
        alerts=["RingwatchAgentNoBreak"],
        height=12,
        unknown=_OFF,
    ),
    lines(
        "Conversations",
        "How many conversations an agent had in half an hour.",
        [Ask(per_half_hour("agent_calls_total", by=_AGENT), "{{agent}}")],
        NUMBER,
        interval=HALF_AN_HOUR,
        unknown=_OFF,
    ),
    lines(
        "Share of the time spent talking",
        "By the half hour, holds left out. Above "
        f"{STANDARD.max_occupancy:.0%} there is no time to breathe. A conversation counts whole when it ends, so that "
        "after a long one there may be more than 100%.",
        [Ask(rate("agent_talk_seconds_total", by=_AGENT), "{{agent}}")],
        SHARE,
        interval=HALF_AN_HOUR,
        steps=too_much(STANDARD.max_occupancy),
        unknown=_OFF,
    ),
    lines(
        "Phones let ring",
        "How often an agent's phone rang in vain in half an hour. Many of them: the agent should have paused.",
        [Ask(f"{per_half_hour('agent_no_answer_total', by=_AGENT)} > 0", "{{agent}}")],
        NUMBER,
        interval=HALF_AN_HOUR,
        stacked=True,
        unknown=_OFF,
    ),
    lines(
        "Without a break",
        "How long every agent had worked without a break.",
        [Ask(since("agent_unbroken_since_timestamp_seconds", by=_AGENT), "{{agent}}")],
        SECONDS,
        steps=too_much(STANDARD.unbroken_limit_seconds),
        alerts=["RingwatchAgentNoBreak"],
        unknown=_OFF,
    ),
)

DASHBOARD = build(
    "ringwatch-agents",
    "Agents",
    "Is the work shared, and is there time to breathe.",
    [*told_by(), PBX, QUEUES, AGENTS],
    [("By queue", _QUEUES), ("By agent, where [metrics] agents is on", _AGENTS)],
    since="now-24h",
    refresh="1m",
)
