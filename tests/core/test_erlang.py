"""Erlang B, C and A: the figures of the books, the birth-death chain, and what holds for every desk."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringwatch.core import erlang
from ringwatch.core.erlang import Demand, Service, erlang_b, erlang_c, service, service_level
from tests.core.birth_death import truth

AGENTS = st.integers(0, 2000)
LOADS = st.floats(0, 3000)
PATIENCES = st.floats(0, math.inf) | st.floats(1, 3600)
SECONDS = st.floats(0, math.inf) | st.floats(0, 3600)
# Examples may be large (2,000 agents), and the machine busy.
MANY = settings(max_examples=300, deadline=None)
AHT = 300.0


def demand(load: float, patience: float = math.inf) -> Demand:
    """Return that load, in calls of five minutes."""
    return Demand(load / AHT, AHT, patience)


# -- worked examples


def test_the_desk_of_the_books() -> None:
    """100 calls/h of 720 s are 20 erlangs; of 24 agents' callers 29.8 % wait, 73.3 % are answered in 20 s, ASA 53.7 s.

    By hand: C AHT / (N - A) = 0.29807 x 720 / 4 = 53.65 s; 1 - C e^(-4 x 20 / 720) = 1 - 0.29807 x 0.89484 = 0.7333.
    """
    served = service(24, Demand(100 / 3600, 720), 20)
    assert served.wait_share == pytest.approx(0.298, abs=5e-4)
    assert served.service_level == pytest.approx(0.733, abs=5e-4)
    assert served.asa_seconds == pytest.approx(53.65, abs=5e-3)
    assert served.wait_seconds == served.asa_seconds
    assert served.abandon_share == 0
    assert served.occupancy == pytest.approx(20 / 24)


def test_the_same_desk_with_patience_of_two_minutes() -> None:
    """14.1 % wait, 4.5 % hang up; so callers wait 0.0446 x 120 = 5.36 s and the agents carry 20 x 0.9554 erlangs."""
    served = service(24, Demand(100 / 3600, 720, 120), 20)
    assert served.wait_share == pytest.approx(0.141, abs=5e-4)
    assert served.abandon_share == pytest.approx(0.045, abs=5e-4)
    assert served.wait_seconds == pytest.approx(served.abandon_share * 120)
    assert served.occupancy == pytest.approx(20 * (1 - served.abandon_share) / 24)


def test_one_agent_by_hand() -> None:
    """M/M/1 at half load: half the callers wait, for AHT x 0.5 / 0.5 = 300 s; without patience a third is lost."""
    assert service(1, demand(0.5), 0) == Service(0.5, 0, 300, 300, 0.5, 0.5)
    assert erlang_b(1, 0.5) == pytest.approx(1 / 3)


def test_patience_as_long_as_a_talk() -> None:
    """Then every caller leaves at the same rate, waiting or not: the callers there are Poisson with mean A.

    One agent, one erlang: nobody there with e^-1, so 1 - e^-1 wait and are served, and the rest of the load hangs up.
    """
    served = service(1, demand(1, AHT), 0)
    assert served.wait_share == pytest.approx(1 - math.exp(-1))
    assert served.occupancy == pytest.approx(1 - math.exp(-1))
    assert served.abandon_share == pytest.approx(math.exp(-1))
    assert served.service_level == pytest.approx(math.exp(-1))


# -- against the chain, state by state


CHAINS = [
    # Agents, load, patience, within: one agent to two thousand, idle to hopeless, no patience to hours of it.
    (24, 20.0, 216.0, 20.0),
    (1, 0.01, 1.0, 20.0),
    (1, 0.5, 30.0, 0.0),
    (1, 30.0, 600.0, 500.0),
    (2, 2.0, 0.01, 5.0),
    (7, 7.0, 180.0, 60.0),
    (14, 10.0, 120.0, 20.0),
    (14, 10.0, 20000.0, 20.0),
    (14, 28.0, 180.0, 300.0),
    (100, 90.0, 180.0, 20.0),
    (100, 100.0, 3600.0, 20.0),
    (100, 103.0, 7200.0, 200.0),
    (100, 140.0, 7200.0, 2400.0),
    (100, 140.0, 7200.0, 7200.0),
    (300, 1.0, 600.0, 20.0),
    (500, 490.0, 1800.0, 20.0),
    (2000, 1900.0, 60.0, 10.0),
    (2000, 1990.0, 300.0, 20.0),
    (2000, 3000.0, 300.0, 120.0),
    (1, 3000.0, 300.0, 1500.0),
    (1, 3000.0, 1200.0, 9600.0),
    (1, 1e5, 3.0, 27.0),
]


@pytest.mark.parametrize("chain", CHAINS, ids=str)
def test_erlang_a_is_the_birth_death_chain(chain: tuple[int, float, float, float]) -> None:
    """Shares to 1e-12 of all callers, seconds to 1e-12 of themselves."""
    agents, load, patience, within = chain
    ours = service(agents, demand(load, patience), within)
    theirs = truth(agents, load / AHT, AHT, patience, within)
    for figure in Service.__slots__:
        scale = getattr(theirs, figure) if figure.endswith("seconds") else 1
        # What is below the smallest float is 0.
        allowed = Decimal("1e-12") * scale + Decimal("1e-300")
        assert abs(Decimal(getattr(ours, figure)) - getattr(theirs, figure)) <= allowed, figure


@MANY
@given(st.integers(1, 40), st.floats(0.01, 80), st.floats(0.1, 3600), st.floats(0, 600))
def test_erlang_a_is_the_birth_death_chain_everywhere(agents: int, load: float, patience: float, within: float) -> None:
    """Also where nobody thought of looking."""
    test_erlang_a_is_the_birth_death_chain((agents, load, patience, within))


@pytest.mark.parametrize("agents", [1, 2, 14, 100, 400])
@pytest.mark.parametrize("part", [Fraction(1, 100), Fraction(1, 2), Fraction(9, 10), Fraction(999, 1000), Fraction(2)])
def test_erlang_b_and_c_are_fractions(agents: int, part: Fraction) -> None:
    """B = (A^N / N!) / sum A^n / n!; C has the states beyond N, a geometric series, beside it."""
    load = Fraction(float(part * agents))
    term = total = Fraction(1)
    for n in range(1, agents + 1):
        term *= load / n
        total += term
    assert erlang_b(agents, float(load)) == pytest.approx(float(term / total), rel=1e-12)
    if load < agents:
        waiting = term * agents / (agents - load)
        waits = float(waiting / (total - term + waiting))
        assert erlang_c(agents, float(load)) == pytest.approx(waits, rel=1e-12)
        served = service(agents, demand(float(load)), 20)
        assert served.wait_share == pytest.approx(waits, rel=1e-12)
        assert served.asa_seconds == pytest.approx(waits * AHT / float(agents - load), rel=1e-12)
        assert served.service_level == pytest.approx(1 - waits * math.exp(-float(agents - load) * 20 / AHT), abs=1e-12)


@MANY
@given(st.integers(1, 2000), st.floats(0.5, 2), st.floats(0.5, 500), st.floats(0, 5))
def test_series_and_integral_are_the_same(agents: int, part: float, c: float, within: float) -> None:
    """The series is short where c is small, the integral right everywhere: neither knows the other's trick."""
    load = agents * part
    ratio = c / load
    by_series = erlang._line(agents, load, ratio), erlang._answers(agents, load, ratio, within)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erlang, "_SERIES", 0.0)
        by_integral = erlang._line(agents, load, ratio), erlang._answers(agents, load, ratio, within)
    for series, integral in zip(by_series, by_integral, strict=True):
        assert integral == pytest.approx(series, rel=1e-11, abs=1e-12)


@MANY
@given(st.integers(1, 2000), st.floats(-9, 1), st.booleans(), st.floats(0, 15))
def test_the_balance_of_callers_holds_at_any_patience(agents: int, near: float, over: bool, patience: float) -> None:  # noqa: FBT001
    """What is answered is what busy agents finish: P(abandon | wait) = 1/(rho Z) + (rho - 1)/rho.

    From a patience of one talk to a quadrillion of them, and arbitrarily near to full load.
    """
    load = agents * (1 + 10**near) if over else agents / (1 + 10**near)
    inverse_z, lost, _ = erlang._line(agents, load, 10**patience)
    again, answered, late = erlang._answers(agents, load, 10**patience, 0)
    rho = load / agents
    assert lost == pytest.approx(inverse_z / rho + (rho - 1) / rho, abs=1e-12)
    assert again == pytest.approx(inverse_z, abs=1e-12)
    assert answered == pytest.approx(1 - lost, abs=1e-12)
    assert late == pytest.approx(answered, abs=1e-12)


# -- for every desk


@MANY
@given(AGENTS, LOADS, PATIENCES, SECONDS)
def test_no_desk_is_too_strange(agents: int, load: float, patience: float, within: float) -> None:
    """0 to 2,000 agents, 0 to 3,000 erlangs, any patience and threshold: shares are shares, and no figure is nan."""
    served = service(agents, demand(load, patience), within)
    for share in (served.wait_share, served.abandon_share, served.occupancy, served.service_level):
        assert 0 <= share <= 1
    for seconds in (served.wait_seconds, served.asa_seconds):
        assert seconds >= 0
    assert served.service_level == service_level(agents, demand(load, patience), within)
    assert served.abandon_share <= served.wait_share + 1e-12
    assert served.service_level <= 1 - served.abandon_share + 1e-12


@MANY
@given(AGENTS, LOADS, PATIENCES, SECONDS)
def test_another_agent_never_harms(agents: int, load: float, patience: float, within: float) -> None:
    """Fewer wait and hang up, the agents are less busy, and more callers are answered in time."""
    one, more = (service(n, demand(load, patience), within) for n in (agents, agents + 1))
    assert more.wait_share <= one.wait_share + 1e-12
    assert more.abandon_share <= one.abandon_share + 1e-12 or agents == 0
    assert more.wait_seconds <= one.wait_seconds * (1 + 1e-12) or one.wait_seconds < 1e-280
    assert more.occupancy <= one.occupancy + 1e-12
    assert more.service_level >= one.service_level - 1e-12


@MANY
@given(st.integers(1, 2000), st.floats(0.001, 0.999), SECONDS)
def test_great_patience_approaches_erlang_c(agents: int, part: float, within: float) -> None:
    """A quadrillion talks long."""
    load = agents * part
    patient, endless = service(agents, demand(load, 1e15 * AHT), within), service(agents, demand(load), within)
    assert patient.wait_share == pytest.approx(endless.wait_share, abs=1e-9)
    assert patient.service_level == pytest.approx(endless.service_level, abs=1e-9)
    assert patient.asa_seconds == pytest.approx(endless.asa_seconds, rel=1e-6)
    assert patient.abandon_share == pytest.approx(0, abs=1e-9)


@MANY
@given(st.integers(1, 2000), st.floats(0.001, 3000), st.floats(0, 1e-9), SECONDS)
def test_small_patience_approaches_erlang_b(agents: int, load: float, patience: float, within: float) -> None:
    """Less than a nanosecond."""
    served = service(agents, demand(load, patience), within)
    lost = erlang_b(agents, load)
    assert served.wait_share == pytest.approx(lost, abs=1e-7)
    assert served.abandon_share == pytest.approx(lost, abs=1e-7)
    assert served.service_level == pytest.approx(1 - lost, abs=1e-7)


# -- the ends


def test_without_calls_nobody_waits() -> None:
    """Whoever is there, or nobody is; talks of no length need no agent's time either."""
    quiet = Service(0, 0, 0, 0, 0, 1)
    assert service(0, Demand(0, 300), 20) == service(9, Demand(0, 300, 60), 20) == service(1, Demand(1, 0), 20) == quiet
    assert service_level(0, Demand(0, 300), 20) == service_level(1, Demand(1, 0), 20) == 1
    assert (erlang_b(0, 0), erlang_b(1, 0), erlang_c(0, 0), erlang_c(1, 0)) == (1, 0, 1, 0)


def test_without_agents_everybody_waits() -> None:
    """Until they hang up, if they ever do."""
    assert service(0, demand(2, 60), 20) == Service(1, 1, 60, math.inf, 1, 0)
    assert service(0, demand(2), 20) == Service(1, 0, math.inf, math.inf, 1, 0)
    assert service_level(0, Demand(1, 0), 20) == 0


def test_overload_without_end() -> None:
    """Endless patience and as much load as agents, or more: the line grows for ever."""
    for load in (3.0, 4.0):
        assert service(3, demand(load), 20) == Service(1, 0, math.inf, math.inf, 1, 0)
        assert erlang_c(3, load) == 1


def test_overload_with_patience_carries_what_the_agents_can() -> None:
    """Twice the load on 100 agents: half the callers hang up, so who is answered waited until half had: ln 2 hours."""
    served = service(100, demand(200, 3600), 20)
    assert served.abandon_share == pytest.approx(0.5)
    assert served.asa_seconds == pytest.approx(math.log(2) * 3600, rel=2e-3)
    assert served.wait_share == pytest.approx(1)
    assert served.occupancy == pytest.approx(1)


def test_no_patience_is_a_loss_system() -> None:
    """One erlang on one agent: every other caller finds it busy and is gone."""
    assert service(1, demand(1, 0), 20) == Service(0.5, 0.5, 0, 0, 0.5, 0.5)


@pytest.mark.parametrize(
    "figures", [(-1, 300, 60), (1, -300, 60), (-1, -1, 60), (1, 1, -1), (math.nan, 1, 1), (1, 1, math.nan)]
)
def test_a_demand_is_made_of_sensible_figures(figures: tuple[float, float, float]) -> None:
    """Nothing negative, no nan."""
    with pytest.raises(ValueError, match="no demand"):
        Demand(*figures)


@pytest.mark.parametrize("figures", [(math.inf, 1), (1, math.inf), (0, math.inf), (1e200, 1e200)])
def test_a_demand_is_finite(figures: tuple[float, float]) -> None:
    """But for the patience."""
    with pytest.raises(ValueError, match="no demand"):
        Demand(*figures)
