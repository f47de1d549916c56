"""How callers fare at a desk of so many agents: Erlang B, C and A (M/M/N+M), for any load and any patience.

Rules of this module:

* Callers arrive at random (Poisson), talks last exponentially with mean AHT, a waiting caller hangs up after an
  exponential patience. Patience 0 makes it a loss system (Erlang B), infinite patience Erlang C.
* Nothing here overflows, divides by zero, becomes nan or loses digits to cancellation, from 0 to thousands of agents:
  every sum has positive terms only. Agreement with a birth-death sum of 60 digits: 1e-9, see ``tests/core``.
* No calls: nobody waits, all are served in time. Calls and no agents: everybody waits. More load than agents and
  infinite patience: the line grows for ever, so everybody waits, for ever, and nobody is answered in time.

Sources. Erlang A, and its service level with H(v) = lambda (1 - e^(-theta v)) / theta - N mu v: A. Mandelbaum and
S. Zeltyn, "Service Engineering in Action: The Palm/Erlang-A Queue, with Applications to Call Centers", 2007, and "Call
Centers with Impatient Customers: Many-Server Asymptotics of the M/M/n+G Queue", Queueing Systems 51, 2005; O. Garnett,
A. Mandelbaum and M. Reiman, "Designing a Call Center with Impatient Customers", MSOM 4(3), 2002. The series: DLMF 8.7.1
(https://dlmf.nist.gov/8.7.E1).

Times in units of the mean patience make all of it two numbers, a = N mu / theta and c = lambda / theta:
w_j = c^j / ((a+1) ... (a+j)) is how likely j callers wait, beside none while all agents are busy; Z(a, c) = sum w_j
= a * integral of e^(c (1 - e^-y) - a y) over y from 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ringwatch.core.peak import Peak


@dataclass(frozen=True, slots=True)
class Demand:
    """What callers ask of a desk.

    ``patience_seconds`` is the mean time after which a caller who is not answered hangs up, infinite when none does.

    :raises ValueError: a number that is negative or not a number, or an infinite rate or AHT.
    """

    calls_per_second: float
    aht_seconds: float
    patience_seconds: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what would only show as nonsense later."""
        if not (0 <= self.load < math.inf and self.calls_per_second >= 0 and self.patience_seconds >= 0):
            message = f"no demand of callers: {self}"
            raise ValueError(message)

    @property
    def load(self) -> float:
        """Return the offered load in erlangs: the agents it would keep busy if nobody hung up."""
        return self.calls_per_second * self.aht_seconds


@dataclass(frozen=True, slots=True)
class Service:
    """How callers fare. Shares are of all callers who arrive, seconds are means.

    ``wait_seconds`` is over all callers, ``asa_seconds`` over the answered ones (infinite when nobody is).
    ``occupancy`` is the busy share of the agents, 1 when there are none. ``service_level`` is
    ``answered_in_t/(answered+abandoned)``.
    """

    wait_share: float
    abandon_share: float
    wait_seconds: float
    asa_seconds: float
    occupancy: float
    service_level: float


def erlang_b(agents: int, load: float) -> float:
    """Return the share of callers who find all agents busy when nobody can wait."""
    if load == 0:
        return 0.0 if agents else 1.0
    return 1 / inverse_b(agents, load)


def erlang_c(agents: int, load: float) -> float:
    """Return the share of callers who wait when nobody hangs up; 1 from the load on that the agents cannot carry."""
    if load >= agents:
        return 1.0
    return _erlang_c(agents, load, inverse_b(agents, load)) if load else 0.0


def inverse_b(agents: int, load: float) -> float:
    """Return 1/B, whose recursion only adds; it is infinite where B is less than the smallest float. Load above 0."""
    inverse = 1.0
    for agent in range(1, agents + 1):
        inverse = 1.0 + inverse * agent / load
    return inverse


def service(agents: int, demand: Demand, within: float) -> Service:
    """Return how callers fare with so many agents; ``within`` is the service level's threshold in seconds."""
    load, ratio = demand.load, _patience(demand)
    if demand.calls_per_second == 0 or (load == 0 and agents):
        return Service(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    if agents == 0:
        lost, wait = (0.0, math.inf) if ratio == math.inf else (1.0, demand.patience_seconds)
        return Service(1.0, lost, wait, math.inf, 1.0, 0.0)
    inverse = inverse_b(agents, load)
    answered, in_time = answered_shares(agents, demand, within, inverse)
    occupancy = min(1.0, load * answered / agents)
    if ratio == math.inf:
        share = _erlang_c(agents, load, inverse)
        wait = share * demand.aht_seconds / (agents - load) if load < agents else math.inf
        return Service(share, 0.0, wait, wait, occupancy, in_time)
    if ratio < _NO_PATIENCE:
        return Service(1 / inverse, 1 / inverse, 0.0, 0.0, occupancy, in_time)
    inverse_z, lost, waited = _line(agents, load, ratio)
    share = _wait_share(inverse, inverse_z)
    # Little's law for the line: theta * E[waiting] = lambda * P(abandon), so E[wait] = P(abandon) / theta.
    wait = share * lost * demand.patience_seconds
    asa = share * waited / answered * demand.patience_seconds
    return Service(share, min(1.0, share * lost), wait, asa, occupancy, in_time)


def service_level(agents: int, demand: Demand, within: float) -> float:
    """Return the share of all callers who are answered within so many seconds."""
    load = demand.load
    if agents and load:
        return answered_shares(agents, demand, within, inverse_b(agents, load))[1]
    return 1.0 if agents or demand.calls_per_second == 0 else 0.0


def answered_shares(agents: int, demand: Demand, within: float, inverse: float) -> tuple[float, float]:
    """Return the shares of callers answered at all and answered in time.

    At least one agent and a load above 0; ``inverse`` is `inverse_b` of the two.
    """
    load, aht = demand.load, demand.aht_seconds
    ratio = _patience(demand)
    if ratio == math.inf:
        if load >= agents:
            return agents / load, 0.0
        return 1.0, 1 - _erlang_c(agents, load, inverse) * math.exp((load - agents) * (within / aht))
    if ratio < _NO_PATIENCE:
        return 1 - 1 / inverse, 1 - 1 / inverse
    inverse_z, answered, late = _answers(agents, load, ratio, within / demand.patience_seconds)
    share = _wait_share(inverse, inverse_z)
    at_once = 1 - share
    # Rounding alone may lead past the ends.
    return min(1.0, at_once + share * answered), min(1.0, at_once + share * max(0.0, answered - late))


def _erlang_c(agents: int, load: float, inverse: float) -> float:
    # N B / (N - A (1 - B)), with 1/B.
    return 1 / (load / agents + (1 - load / agents) * inverse) if load < agents else 1.0


def _patience(demand: Demand) -> float:
    """Return the mean patience in units of the AHT; infinite from where a float could not be multiplied with it."""
    ratio = demand.patience_seconds / (demand.aht_seconds or 1.0)
    return ratio if ratio < _ENDLESS else math.inf


_ENDLESS = 1e280
# Patience in units of the AHT below which nobody waits: it makes a difference of N times this at most.
_NO_PATIENCE = 1e-20


def _wait_share(inverse: float, inverse_z: float) -> float:
    # Z B / (1 + (Z - 1) B), with 1/B and 1/Z. Both never are at their ends at once: that takes A << N and A >> N.
    return 1 / (1 + (inverse - 1) * inverse_z)


# A term that is this small beside the sum is the last: those after it are together a few times as large.
_NOTHING = 1e-16
# Up to this c the series is summed. It has fewer than c + 20 sqrt(c) terms that matter and stays below e^c, so neither
# patience nor load makes it long or too big; beyond it the integral has a fixed number of points.
_SERIES = 500.0


def _line(agents: int, load: float, ratio: float) -> tuple[float, float, float]:
    """Return, of those who wait: 1/Z, the share who hang up, and the mean of (waiting time if answered, else 0).

    The time is in units of the mean patience.
    """
    a, c = agents * ratio, load * ratio
    if c <= _SERIES:
        # v is w_j / c: P(abandon | wait) = theta sum j w_j / (lambda Z) then has no division by a c that may be tiny.
        # A caller behind j - 1 others is answered with a / (a + j), after sum 1/(a+i), i = 1..j: as many steps.
        k = a + 1
        v = total = queue = 1 / k
        steps = waited = 1 / k
        waited *= v
        j = 1
        while j * v > _NOTHING * queue:
            j += 1
            k += 1
            v *= c / k
            steps += 1 / k
            total += v
            queue += j * v
            waited += steps * v
        z = 1 + c * total
        return 1 / z, queue / z, a * waited / z
    line = Peak(agents, load, ratio)
    z = lost = waited = 0.0
    for y, density in line.points(0.0):
        z += density
        lost -= math.expm1(-y) * density
        waited += y * math.exp(-y) * density
    return line.inverse_z(z), lost / z, waited / z


def _answers(agents: int, load: float, ratio: float, within: float) -> tuple[float, float, float]:
    """Return 1/Z and, of those who wait, the shares answered at all and answered later than ``within`` patiences."""
    a, c = agents * ratio, load * ratio
    if c <= _SERIES:
        # Answered after T = a * integral of e^-y e^H from T on = e^-T e^H(T) * a/(a+1) * Z(a+1, c e^-T): what is ahead
        # of somebody who has waited T is a line of the same kind with fewer callers.
        ever = _size(a + 1, c) / (a + 1)
        z = 1 + c * ever
        remaining = math.exp(-within)
        so_far = math.exp(-c * math.expm1(-within) - a * within - within)
        return 1 / z, a * ever / z, a * so_far * _size(a + 1, c * remaining) / (a + 1) / z
    line = Peak(agents, load, ratio)
    z = answered = 0.0
    for y, density in line.points(0.0):
        z += density
        answered += math.exp(-y) * density
    late = sum(math.exp(-y) * density for y, density in line.points(within))
    return line.inverse_z(z), answered / z, late / z


def _size(a: float, c: float) -> float:
    """Return Z(a, c) by its series."""
    z = w = 1.0
    while w > _NOTHING * z:
        a += 1.0
        w *= c / a
        z += w
    return z
