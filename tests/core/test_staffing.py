"""Agents needed, agents shared out over their queues, and the wait to expect."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringwatch.core.erlang import Demand, service
from ringwatch.core.staffing import MOST_AGENTS, Target, agents_needed, estimated_wait, share_agents

LUNCH = Demand(100 / 3600, 720)
"""20 erlangs."""


# -- agents needed


def test_the_desk_of_the_books_needs_one_more() -> None:
    """24 agents answer 73.3 % in 20 s, which is not 80 %; 25 do better."""
    assert agents_needed(LUNCH, Target(0.733, 20)) == 24
    assert agents_needed(LUNCH, Target(0.8, 20)) == 25


def test_ten_erlangs_of_five_minutes_need_fourteen_agents() -> None:
    """The figure of every Erlang table: A = 10, 80 % in 20 s."""
    assert agents_needed(Demand(10 / 300, 300), Target(0.8, 20)) == 14


def test_who_hangs_up_needs_no_agent() -> None:
    """With patience of two minutes 22 agents do what takes 25 without end to it: the others' calls are not served."""
    assert agents_needed(Demand(100 / 3600, 720, 120), Target(0.8, 20)) == 22


def test_agents_may_not_be_too_busy() -> None:
    """20 erlangs at 75 % are 26.7 agents: 27, more than the callers need."""
    assert agents_needed(LUNCH, Target(0.8, 20, max_occupancy=0.75)) == 27


def test_without_calls_nobody_is_needed() -> None:
    """Calls of no length need somebody to take them."""
    assert agents_needed(Demand(0, 300), Target()) == 0
    assert agents_needed(Demand(1, 0), Target()) == 1
    assert agents_needed(Demand(1, 0), Target(), most=0) is None


def test_there_are_ends_to_what_can_be_needed() -> None:
    """More than 2,000 agents, a promise that cannot be kept, nobody allowed: no figure is better than a wrong one."""
    assert agents_needed(Demand(MOST_AGENTS / 300, 300), Target()) is None
    assert agents_needed(LUNCH, Target(max_occupancy=0)) is None
    assert agents_needed(LUNCH, Target(), most=24) is None
    assert agents_needed(LUNCH, Target(), most=25) == 25
    assert agents_needed(LUNCH, Target(), most=0) is None


def test_nothing_promised_is_soon_kept() -> None:
    """One agent, if it may take any time."""
    assert agents_needed(LUNCH, Target(share=0)) == 1


@settings(max_examples=100, deadline=None)
@given(
    load=st.floats(0.001, 150),
    patience=st.sampled_from([0.0, 1.0, 60.0, 300.0, 1e5, math.inf]),
    target=st.builds(Target, st.floats(0, 0.9999), st.floats(0, 300), st.floats(0.3, 1)),
)
def test_the_fewest_that_will_do(load: float, patience: float, target: Target) -> None:
    """Asking for one agent after the other finds the same."""
    demand = Demand(load / 300, 300, patience)

    def enough(agents: int) -> bool:
        served = service(agents, demand, target.within_seconds)
        return served.service_level >= target.share and served.occupancy <= target.max_occupancy

    assert agents_needed(demand, target, 400) == next((agents for agents in range(1, 401) if enough(agents)), None)


# -- estimated wait


def test_the_wait_to_expect() -> None:
    """Position x AHT / agents present: third in line, talks of 300 s, five agents, one done each minute: 180 s."""
    assert estimated_wait(3, 300, 5) == 180
    assert estimated_wait(1, 300, 2.5) == 120
    assert estimated_wait(1, 300, 0) == math.inf


# -- shared out


def test_an_agent_of_two_queues_is_one_agent() -> None:
    """Anna alone serves both: by load, two thirds and one third of her."""
    assert share_agents([("sales", "support")], {"sales": 2, "support": 1}) == pytest.approx(
        {"sales": 2 / 3, "support": 1 / 3}
    )


def test_who_can_help_counts_where_there_are_fewer() -> None:
    """Ten serve sales alone, five serve both, both have the same load: the five are the support there is."""
    agents = [("sales",)] * 10 + [("sales", "support")] * 5
    assert share_agents(agents, {"sales": 5, "support": 5}) == pytest.approx({"sales": 10, "support": 5})


def test_help_is_poured_until_all_is_level() -> None:
    """Two serve sales alone, four serve both, 3 and 3 erlangs: three agents each, so one of the four helps sales."""
    agents = [("sales",)] * 2 + [("sales", "support")] * 4
    assert share_agents(agents, {"sales": 3, "support": 3}) == pytest.approx({"sales": 3, "support": 3})


def test_help_is_passed_on() -> None:
    """Anna serves a and b, Bram b and c; 1, 1 and 2 erlangs: half an agent per erlang, so Bram is all c's."""
    shared = share_agents([("a", "b"), ("b", "c")], {"a": 1, "b": 1, "c": 2})
    assert shared == pytest.approx({"a": 0.5, "b": 0.5, "c": 1}, abs=1e-4)


def test_a_queue_without_load_takes_nobody_who_is_wanted() -> None:
    """Half and half where no queue has any; alone where there is no other."""
    assert share_agents([("a", "b"), ("b",)], {"a": 1}) == {"a": 1, "b": 1}
    assert share_agents([("a", "b")], {}) == {"a": 0.5, "b": 0.5}
    assert share_agents([("a", "b")], {"a": 0, "b": 1e-9}) == {"a": 0.5, "b": 0.5}


def test_who_serves_no_queue_is_not_counted() -> None:
    """A queue without agents has none."""
    assert share_agents([(), ("a",)], {"a": 1, "b": 2}) == {"a": 1, "b": 0}
    assert share_agents([], {}) == {}


def test_help_that_is_passed_on_very_far_is_levelled_for_a_while() -> None:
    """A hundred queues in a row, an agent between each two, the load at the far end: rounds end, agents stay whole."""
    row = [f"{place:03}" for place in range(100)]
    shared = share_agents(pairwise(row), dict.fromkeys(row, 1.0) | {row[-1]: 50.0})
    assert math.fsum(shared.values()) == pytest.approx(99)
    assert shared[row[-1]] == pytest.approx(1)


QUEUES = "abcdef"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(QUEUES), min_size=1), max_size=30),
    st.dictionaries(st.sampled_from(QUEUES), st.just(0.0) | st.floats(0.01, 100)),
)
def test_shares_add_up_to_the_agents(agents: list[set[str]], loads: dict[str, float]) -> None:
    """To the agents in all, and for any queues to no fewer than serve them alone and no more than serve them."""
    shared = share_agents(agents, loads)
    assert math.fsum(shared.values()) == pytest.approx(len(agents))
    assert set(shared) == set(loads).union(*agents)
    for queue, here in shared.items():
        assert here >= sum(queues == {queue} for queues in agents) - 1e-9
        assert here <= sum(queue in queues for queues in agents) + 1e-9
    assert shared == share_agents(reversed(agents), dict(reversed(loads.items())))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(QUEUES), min_size=1), max_size=30),
    st.dictionaries(st.sampled_from(QUEUES), st.floats(0.1, 20), min_size=1),
)
def test_the_worst_staffed_queue_is_as_well_off_as_can_be(agents: list[set[str]], loads: dict[str, float]) -> None:
    """Some queues have so few agents between them, for their load, that it cannot be better: it is as good as that."""
    shared = share_agents(agents, loads)
    groups = [group for size in range(1, len(loads) + 1) for group in combinations(loads, size)]
    best = min(
        sum(not queues.isdisjoint(group) for queues in agents) / sum(loads[queue] for queue in group)
        for group in groups
    )
    assert min(shared[queue] / load for queue, load in loads.items()) == pytest.approx(best, rel=0.01, abs=0.01)
