"""Plans: what they refuse, and their variations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ringwatch.simulator import (
    DEFAULT_PLAN,
    AgentPlan,
    LinePlan,
    PhonePlan,
    Plan,
    PlanError,
    QueuePlan,
    TalkHabit,
    absent,
    around_the_clock,
    scaled,
)

from .desks import MONDAY_NINE, agents, busy, queue, small

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: queue("support", "1000", 101, 0), "support: a queue needs members"),
        (lambda: queue("support", "1000", 101, 1, ring_seconds=0), "support: ring_seconds"),
        (lambda: queue("support", "1000", 101, 1, retry_seconds=0), "support: retry_seconds"),
        (lambda: queue("support", "1000", 101, 1, patience_mean_seconds=0), "support: patience_mean_seconds"),
        (lambda: LinePlan(name="hall", exten="3000", phones=()), "hall: a line needs phones"),
        (lambda: LinePlan(name="hall", exten="3000", phones=("1",), ring_seconds=0), "hall: ring_seconds"),
        (lambda: TalkHabit(mean_seconds=0), "talk: mean_seconds"),
        (lambda: TalkHabit(sigma=-1), "talk: sigma"),
        (lambda: PhonePlan(number="101", name="A", picks_up_seconds=(5, 2)), "PJSIP/101: picks_up_seconds"),
        (lambda: PhonePlan(number="101", name="A", misses=1.5), "PJSIP/101: a share"),
        (lambda: AgentPlan(number="101", name="A", holds=-0.1), "PJSIP/101: a share"),
        (lambda: AgentPlan(number="101", name="A", transfers_blind=0.7, transfers_attended=0.7), "more than 1"),
        (lambda: AgentPlan(number="101", name="A", shifts=((9, 12), (11, 14))), "shifts must be in order"),
        (lambda: AgentPlan(number="101", name="A", shifts=((9, 25),)), "within the day"),
        (lambda: replace(small(), curve=(1.0,) * 24), "curve: has 24 half hours instead of 48"),
        (lambda: replace(small(), week=(1.0,)), "week: has 1 days instead of 7"),
        (lambda: replace(small(), curve=(-1.0,) * 48), "rates must not be negative"),
        (lambda: replace(small(), agents=agents(101, 2)), "a member who is not among the agents"),
        (lambda: replace(small(), agents=agents(101, 3) + agents(101, 1)), "two phones have one number"),
        (
            lambda: replace(small(), lines=(LinePlan(name="hall", exten="1", phones=("9",)),)),
            "a phone that is not there",
        ),
        (lambda: replace(small(), lines=(LinePlan(name="hall", exten="1000", phones=("101",)),)), "one extension"),
        (
            lambda: Plan(
                queues=(QueuePlan(name="q", exten="1", transfer_exten="101", members=("101",)),), agents=agents(101, 1)
            ),
            "two internal extensions",
        ),
    ],
)
def test_what_no_desk_can_follow_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        make()


def test_the_default_desk_is_one_to_show() -> None:
    """Four queues of which one rings everybody, a direct line, fourteen people, and names as they are."""
    assert [queue.name for queue in DEFAULT_PLAN.queues] == ["support", "sales", "billing", "front"]
    assert {queue.strategy for queue in DEFAULT_PLAN.queues} == {"rrmemory", "ringall", "leastrecent"}
    assert len(DEFAULT_PLAN.lines) == 1
    assert len(DEFAULT_PLAN.agents) == 14
    assert any(not agent.name.isascii() for agent in DEFAULT_PLAN.agents)
    assert 7 < sum(each.calls_per_hour * each.talk.mean_seconds for each in DEFAULT_PLAN.queues) / 3600 < 11


def test_around_the_clock_every_hour_is_alike_and_everybody_is_there() -> None:
    plan = around_the_clock(DEFAULT_PLAN)
    assert {plan.weight(MONDAY_NINE + hour * 3600) for hour in range(200)} == {1.0}
    assert all(agent.on_shift(hour / 2) for agent in plan.agents for hour in range(48))


def test_scaling_changes_only_how_many_call() -> None:
    plan = scaled(busy(), 2.5)
    assert plan.rates == {exten: rate * 2.5 for exten, rate in busy().rates.items()}
    assert scaled(plan, 0.4).rates == pytest.approx(busy().rates)
    assert plan.agents == busy().agents


@pytest.mark.parametrize(
    ("shifts", "start", "end", "left"),
    [
        (((8, 17),), 12, 13, ((8, 12), (13, 17))),
        (((8, 12), (13, 17)), 11, 14, ((8, 11), (14, 17))),
        (((8, 12),), 7, 13, ()),
        (((8, 12),), 12, 14, ((8, 12),)),
        (((0, 24),), 0, 12, ((12, 24),)),
    ],
)
def test_an_absence_is_cut_out_of_the_shifts(
    shifts: tuple[tuple[float, float], ...], start: float, end: float, left: tuple[tuple[float, float], ...]
) -> None:
    plan = replace(small(2), agents=tuple(replace(agent, shifts=shifts) for agent in agents(101, 2)))
    away = absent(plan, {"101"}, start, end)
    assert away.agents[0].shifts == left
    assert away.agents[1] == plan.agents[1]


def test_arguments_are_those_of_the_dialplan() -> None:
    """As in the captures: `support,tT,,,60`, `sales,tTr,,,40`, `PJSIP/101&PJSIP/102,20,tT`."""
    assert queue("support", "1000", 101, 1, wait_limit_seconds=60).arguments == "support,tT,,,60"
    assert queue("sales", "2000", 101, 1, wait_limit_seconds=40, rings_back=True).arguments == "sales,tTr,,,40"
    line = LinePlan(name="group", exten="3001", phones=("101", "102"), ring_seconds=20)
    assert line.arguments == "PJSIP/101&PJSIP/102,20,tT"
