"""Desks that the tests let work: small, fast, and with every habit in play."""

from __future__ import annotations

from typing import Any

from ringwatch.simulator import AgentPlan, Desk, LinePlan, PhonePlan, Plan, QueuePlan, TalkHabit

MONDAY_NINE = 1_795_424_400.0
"""Monday 23 November 2026, 09:00 UTC."""

HOUR = 3600.0
RING_ALL = {"sales", "vip", "group", "bell"}
"""Ring-all queues, of the captures' lab and of the desk below."""

BRISK = TalkHabit(mean_seconds=20, sigma=0.5)


def agents(first: int, count: int, **habits: Any) -> tuple[AgentPlan, ...]:
    """Hire agents with numbers in a row."""
    return tuple(AgentPlan(number=str(n), name=f"Agent {n}", **habits) for n in range(first, first + count))


def queue(name: str, exten: str, first: int, count: int, **rules: Any) -> QueuePlan:
    """Open a queue for agents with numbers in a row."""
    members = tuple(str(n) for n in range(first, first + count))
    return QueuePlan(name=name, exten=exten, transfer_exten=f"8{exten}", members=members, **rules)


def small(count: int = 3, **rules: Any) -> Plan:
    """Run one queue with agents 101 and up who answer everything."""
    rules = {"calls_per_hour": 200, "talk": BRISK, "wrapup_seconds": 2} | rules
    return Plan(queues=(queue("support", "1000", 101, count, **rules),), agents=agents(101, count))


def busy() -> Plan:
    """Run a queue of each kind that the captures hold, two direct lines, and people with every habit."""
    habits: dict[str, Any] = {"picks_up_seconds": (1, 6), "misses": 0.15, "holds": 0.3, "hold_mean_seconds": 4}
    habits |= {"hangs_up_first": 0.4, "hangs_up_by": "ami", "transfers_blind": 0.15, "transfers_attended": 0.1}
    rules: dict[str, Any] = {"talk": BRISK, "patience_mean_seconds": 45, "calls_per_hour": 230}
    rules |= {"wait_limit_seconds": 40, "wrapup_seconds": 2}
    phone: dict[str, Any] = {"holds": 0.4, "hold_mean_seconds": 3, "hangs_up_first": 0.0}
    return Plan(
        queues=(
            queue("ring", "1000", 101, 3, **rules),
            queue("group", "2000", 104, 2, strategy="ringall", answer_first=True, rings_back=True, **rules),
            queue("music", "6000", 106, 3, answer_first=True, **rules),
            queue("recent", "6001", 109, 3, strategy="leastrecent", rings_back=True, **rules),
            queue("bell", "7500", 112, 3, strategy="ringall", rings_back=True, **rules),
        ),
        agents=agents(101, 8, **habits) + agents(109, 6, **(habits | {"misses": 0.35})),
        phones=(PhonePlan(number="121", name="Phone 121", **phone), PhonePlan(number="122", name="Phone 122", **phone)),
        lines=(
            LinePlan(name="one", exten="3000", phones=("121",), calls_per_hour=60, talk=BRISK),
            LinePlan(name="two", exten="3001", phones=("121", "122"), calls_per_hour=60, talk=BRISK),
        ),
        redials=0.3,
        redial_mean_seconds=120,
        withheld=0.05,
        named=0.5,
    )


def worked(plan: Plan, *, seed: int = 1, hours: float = 3.0) -> tuple[Desk, list[tuple[float, bytes]]]:
    """Let a desk work some hours, shut its doors, and wait until everybody is gone."""
    desk = Desk(plan, seed=seed, start_at=MONDAY_NINE)
    said = desk.advance(MONDAY_NINE + hours * HOUR)
    desk.close_doors()
    while desk.open_calls:
        said += desk.advance(desk.next_at)
    # The last device states follow the last call.
    said += desk.advance(desk.now + 1)
    return desk, said
