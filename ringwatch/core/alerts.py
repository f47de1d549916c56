"""Every alert that the core raises: what its value is, when it is bad by default, and what to do about it.

Rules of this module:

* The threshold of an alert follows the standard of its queue wherever the standard has one, so that the two cannot
  contradict each other; the configuration may change each of them, for all queues or for one.
* The sentence says what to do, to somebody who has just been woken up; it holds no caller's number.
* RingwatchDown and SinkDropping are not here: who is down tells nobody, and what happens to sinks is not known to the
  core. Prometheus raises them, from ``grafana/rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from ringwatch.core.rules import Rule
from ringwatch.core.standards import Policy, Standard

BOUNCE_SECONDS = 1800.0
"""In which callers sent back and forth are counted."""
BURN_SECONDS = (3600.0, 300.0)
"""The windows of a budget: it burns when it burns in both, so that it is neither a blip nor over already."""
LEAST_JUDGED = 10
"""Callers in the longer window below which no budget is judged."""
DRIFT_SECONDS = 600.0
"""In which drifts are counted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One alert.

    ``rule`` gives its defaults for a standard; ``advice`` is the sentence, with ``{value}`` and ``{queue}``, or
    ``{pbx}`` for those of a whole PBX.
    """

    name: str
    rule: Callable[[Standard], Rule]
    advice: str
    muted: bool = True
    """While data are stale nothing is known of it."""
    of: Literal["pbx", "queue", "any"] = "queue"
    """What it is judged of: a whole PBX, a queue, or any queue or direct line."""


ALERTS: Mapping[str, Kind] = MappingProxyType(
    {
        "lines_piling_up": Kind(
            "RingwatchLinesPilingUp",
            lambda standard: Rule(standard.lines_waiting, 10, 30, 0.5, "warning"),
            "{value:.0f} callers wait in {queue}: ask who is paused or in back office to take calls now.",
        ),
        "longest_wait": Kind(
            "RingwatchLongestWait",
            lambda _: Rule(120, 0, 30, 0.5, "warning"),
            "A caller has waited in {queue} for {value:.0f} s: take that call before any other work.",
        ),
        "nobody_answering": Kind(
            "RingwatchNobodyAnswering",
            lambda _: Rule(1, 15, 15, 0.5, "critical"),
            "{value:.0f} callers wait in {queue} and nobody is there: log agents in, or send callers elsewhere.",
        ),
        "understaffed": Kind(
            "RingwatchUnderstaffed",
            lambda _: Rule(1, 60, 60, 0.0, "warning"),
            "{queue} is at least {value:.0f} agents short: call agents back from breaks or from other queues.",
        ),
        "third_ring_budget_burn": Kind(
            "RingwatchThirdRingBudgetBurn",
            lambda _: Rule(2, 0, 300, 0.5, "warning"),
            "Callers of {queue} wait beyond the third ring: see which phones ring in vain, and pause their members.",
            of="any",
        ),
        "service_level_budget_burn": Kind(
            "RingwatchServiceLevelBudgetBurn",
            lambda _: Rule(2, 0, 300, 0.5, "warning"),
            "{queue} misses its service level {value:.1f} times faster than it may: add agents, or shorten other work.",
            of="any",
        ),
        "hold_too_long": Kind(
            "RingwatchHoldTooLong",
            lambda _: Rule(1, 0, 10, 0.5, "warning"),
            "{value:.0f} callers of {queue} are on hold for too long: go back to them, or promise to call back.",
            of="any",
        ),
        "call_too_long": Kind(
            "RingwatchCallTooLong",
            lambda _: Rule(1, 0, 10, 0.5, "info"),
            "{value:.0f} calls of {queue} are over the limit: see whether the agent needs help to bring it to an end.",
            of="any",
        ),
        "agent_no_break": Kind(
            "RingwatchAgentNoBreak",
            lambda standard: Rule(standard.unbroken_limit_seconds, 0, 0, 0.5, "info"),
            "Somebody in {queue} has worked for {value:.0f} s without a break: let a colleague take over.",
        ),
        "load_uneven": Kind(
            "RingwatchLoadUneven",
            lambda standard: Rule(standard.load_gini, 600, 600, 0.9, "info"),
            "Work in {queue} is spread unevenly (Gini {value:.2f}): look at strategy, penalties and pauses.",
        ),
        "callers_bounced": Kind(
            "RingwatchCallersBounced",
            lambda _: Rule(3, 0, 300, 0.5, "info"),
            "{value:.0f} callers of {queue} were sent back where they had been: find out whose question it is.",
            of="any",
        ),
        "callbacks_overdue": Kind(
            "RingwatchCallbacksOverdue",
            lambda _: Rule(1, 0, 60, 0.5, "warning"),
            "{value:.0f} callers of {queue} should have been called back by now: call the oldest first.",
            of="any",
        ),
        "ami_disconnected": Kind(
            "RingwatchAmiDisconnected",
            lambda _: Rule(10, 0, 0, 0.5, "critical"),
            "{pbx} has not let ringwatch listen for {value:.0f} s: see its log for the remedy, then the network.",
            muted=False,
            of="pbx",
        ),
        "data_stale": Kind(
            "RingwatchDataStale",
            lambda _: Rule(60, 0, 0, 0.5, "critical"),
            "{pbx} has said nothing for {value:.0f} s, all other alerts rest: see whether Asterisk still answers.",
            muted=False,
            of="pbx",
        ),
        "state_drift": Kind(
            "RingwatchStateDrift",
            lambda _: Rule(5, 0, 60, 0.5, "warning"),
            "{value:.0f} things were not as believed on {pbx}: check --live tells which events are missing.",
            of="pbx",
        ),
    }
)
"""By the name that the configuration has for them."""


def rule_for(key: str, policy: Policy, queue: str | None) -> Rule:
    """Return how an alert behaves for a queue or line, or (``None``) for the PBX."""
    standard = policy.default if queue is None else policy.standard(queue)
    changes = policy.alerts.get(queue or "", policy.alerts.get("", {}))
    return replace(ALERTS[key].rule(standard), **changes.get(key, {}))
