"""The witness of Erlang's formulas: the birth-death chain itself, summed state by state with 60 digits.

No formula of `ringwatch.core.erlang` is used. A caller who finds n callers, N or more, waits for n - N + 1 departures:
steps of rate N mu + i theta while i callers wait (this one included), and in each it is this caller who hangs up with
probability theta / (N mu + i theta). The sum of exponential steps with rates theta (a + i), i = 1..m, is -log of a
Beta(a + 1, m) variable over theta, so it is at most T with probability 1 - t^(a+1) sum (a+1)_i / i! (1-t)^i, i < m,
t = e^(-theta T).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import NamedTuple


class Truth(NamedTuple):
    """What `ringwatch.core.erlang.Service` should say."""

    wait_share: Decimal
    abandon_share: Decimal
    wait_seconds: Decimal
    asa_seconds: Decimal
    occupancy: Decimal
    service_level: Decimal


def truth(agents: int, calls_per_second: float, aht: float, patience: float, within: float) -> Truth:
    """Sum the chain; at least one agent, a finite patience above 0."""
    with localcontext() as context:
        context.prec = 60
        arrivals, leaving, impatience = Decimal(calls_per_second), 1 / Decimal(aht), 1 / Decimal(patience)
        a = agents * leaving / impatience
        left = (-impatience * Decimal(within)).exp()
        probability = total = Decimal(1)
        busy = waiting = queue = waited = in_time = Decimal(0)
        for n in range(1, agents):
            probability *= arrivals / (n * leaving)
            total += probability
            busy += n * probability
        probability *= arrivals / (agents * leaving)
        # How long the caller waits who comes now, and how likely more than i departures take longer than `within`.
        steps, answered, departures = Decimal(0), Decimal(0), left ** (a + 1)
        later = Decimal(0)
        m = 0
        while m < 2 or m * probability > queue * Decimal(10) ** -40 or arrivals > agents * leaving + m * impatience:
            m += 1
            total += probability
            busy += agents * probability
            waiting += probability
            queue += (m - 1) * probability
            steps += 1 / (agents * leaving + m * impatience)
            later += departures
            departures *= (a + m) / m * (1 - left)
            answered = a / (a + m)
            waited += probability * answered * steps
            in_time += probability * answered * (1 - later)
            probability *= arrivals / (agents * leaving + m * impatience)
        lost = impatience * queue / total / arrivals
        return Truth(
            wait_share=waiting / total,
            abandon_share=lost,
            wait_seconds=queue / total / arrivals,
            asa_seconds=waited / total / (1 - lost),
            occupancy=busy / total / agents,
            service_level=1 - waiting / total + in_time / total,
        )
