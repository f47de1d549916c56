"""What a simulated desk is made of: queues, direct lines, agents, callers, and the shape of a day.

Rules of this module: plain frozen data, checked when made, no randomness. Rates are per hour, durations in seconds,
shares between 0 and 1, hours of the day in local time (`Plan.utc_offset_seconds`). A variation of a plan is another
plan: `dataclasses.replace`, or the functions at the end, which give the variations that tests and demonstrations need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

Strategy = Literal["rrmemory", "ringall", "leastrecent"]
HalfHours = tuple[float, ...]

HALF_HOURS = 48
HALF_HOUR_SECONDS = 1800
DAY_SECONDS = 86_400
WEEKDAYS = 7
FLAT_DAY: HalfHours = (1.0,) * HALF_HOURS
FLAT_WEEK: tuple[float, ...] = (1.0,) * WEEKDAYS
ALL_DAY: tuple[tuple[float, float], ...] = ((0.0, 24.0),)


class PlanError(ValueError):
    """A plan that no desk can follow; the text names the part and what is wrong with it."""

    def __init__(self, part: str, problem: str) -> None:
        """Keep the part of the plan at fault and the problem with it."""
        super().__init__(f"{part}: {problem}")


def _require(condition: bool, part: str, problem: str) -> None:  # noqa: FBT001 - an assertion, the flag is its subject
    if not condition:
        raise PlanError(part, problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkHabit:
    """How long conversations last: log-normal, given by its mean in seconds and the sigma of its logarithm."""

    mean_seconds: float = 180.0
    sigma: float = 0.6
    shortest_seconds: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what has no distribution."""
        _require(self.mean_seconds > 0, "talk", "mean_seconds must be positive")
        _require(self.sigma >= 0, "talk", "sigma must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseHabit:
    """One reason an agent pauses for: how often (per hour not paused) and how long (exponential, mean in seconds)."""

    reason: str
    per_hour: float
    mean_seconds: float
    shortest_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePlan:
    """A phone of the desk and the person at it. `number` is its extension; the device is `PJSIP/<number>`.

    It is picked up after a uniform time in `picks_up_seconds` of ringing, unless the person misses the call, which
    happens with share `misses`. With share `holds` a conversation is put on hold once, for an exponential time.
    """

    number: str
    name: str
    picks_up_seconds: tuple[float, float] = (1.5, 9.0)
    misses: float = 0.0
    holds: float = 0.0
    hold_mean_seconds: float = 20.0
    hangs_up_first: float = 0.2
    hangs_up_by: Literal["phone", "ami"] = "phone"

    @property
    def interface(self) -> str:
        """The device as Asterisk names it."""
        return f"PJSIP/{self.number}"

    def __post_init__(self) -> None:
        """Refuse what no person does."""
        low, high = self.picks_up_seconds
        _require(0 < low <= high, self.interface, "picks_up_seconds must be positive and in order")
        for share in (self.misses, self.holds, self.hangs_up_first):
            _require(0 <= share <= 1, self.interface, "a share lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan(PhonePlan):
    """A phone whose owner is a member of queues, under `name` as the member name.

    `shifts` are (from, to) hours of the day; outside them the member is logged out of every queue. An agent whose
    shift is the whole day is a static member, any other a dynamic one. `transfers_blind` and `transfers_attended` are
    the shares of conversations that end so. `hangs_up_by` "ami" is a softphone that ends calls by the AMI action.
    """

    transfers_blind: float = 0.0
    transfers_attended: float = 0.0
    pauses: tuple[PauseHabit, ...] = ()
    shifts: tuple[tuple[float, float], ...] = ALL_DAY

    def __post_init__(self) -> None:
        """Refuse shifts that overlap or leave the day."""
        # The zero-argument form finds no class here: slots=True makes a second one.
        PhonePlan.__post_init__(self)
        _require(self.transfers_blind + self.transfers_attended <= 1, self.interface, "transfers add up to more than 1")
        edges = [hour for shift in self.shifts for hour in shift]
        _require(edges == sorted(edges), self.interface, "shifts must be in order and apart")
        _require(all(0 <= hour <= 24 for hour in edges), self.interface, "shifts lie within the day")  # noqa: PLR2004

    def on_shift(self, hour: float) -> bool:
        """Whether the agent works at this hour of the day (0 to 24, local)."""
        return any(start <= hour < end for start, end in self.shifts)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue as queues.conf and the dialplan describe it, and the callers who choose it.

    `exten` is dialled from outside, `transfer_exten` by agents. `ring_seconds` and `retry_seconds` are the queue's
    timeout and retry, `wait_limit_seconds` the timeout argument of Queue(). With `answer_first` the dialplan answers
    before the queue; with `rings_back` the caller hears ringing instead of music (option r). `calls_per_hour` holds
    where the curve is 1. Patience is exponential.
    """

    name: str
    exten: str
    transfer_exten: str
    members: tuple[str, ...]
    strategy: Strategy = "rrmemory"
    calls_per_hour: float = 0.0
    ring_seconds: int = 15
    retry_seconds: int = 1
    wait_limit_seconds: int = 120
    wrapup_seconds: int = 10
    service_level_seconds: int = 20
    answer_first: bool = False
    rings_back: bool = False
    patience_mean_seconds: float = 90.0
    talk: TalkHabit = TalkHabit()

    @property
    def arguments(self) -> str:
        """The arguments of Queue() as the dialplan gives them."""
        return f"{self.name},tT{'r' if self.rings_back else ''},,,{self.wait_limit_seconds}"

    def __post_init__(self) -> None:
        """Refuse what queues.conf would."""
        _require(bool(self.members), self.name, "a queue needs members")
        _require(self.ring_seconds > 0, self.name, "ring_seconds must be positive")
        _require(self.retry_seconds > 0, self.name, "retry_seconds must be positive")
        _require(self.patience_mean_seconds > 0, self.name, "patience_mean_seconds must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """A direct line: an extension that rings phones by Dial(), without a queue, for `ring_seconds`."""

    name: str
    exten: str
    phones: tuple[str, ...]
    calls_per_hour: float = 0.0
    ring_seconds: int = 30
    patience_mean_seconds: float = 40.0
    talk: TalkHabit = TalkHabit()

    @property
    def arguments(self) -> str:
        """The arguments of Dial() as the dialplan gives them."""
        return f"{'&'.join(f'PJSIP/{number}' for number in self.phones)},{self.ring_seconds},tT"

    def __post_init__(self) -> None:
        """Refuse a line that rings nobody."""
        _require(bool(self.phones), self.name, "a line needs phones")
        _require(self.ring_seconds > 0, self.name, "ring_seconds must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A desk. Members and phones are named by number; `phones` belong to people outside the queues.

    `curve` gives the relative rate of arrivals for each half hour of the local day, `week` for each weekday from
    Monday; both multiply `calls_per_hour`. A caller who was not served calls again with share `redials`, after an
    exponential time. `withheld` is the share of callers without a number, `named` of those with a display name.
    """

    queues: tuple[QueuePlan, ...]
    agents: tuple[AgentPlan, ...]
    phones: tuple[PhonePlan, ...] = ()
    lines: tuple[LinePlan, ...] = ()
    curve: HalfHours = FLAT_DAY
    week: tuple[float, ...] = FLAT_WEEK
    utc_offset_seconds: int = 0
    redials: float = 0.0
    redial_mean_seconds: float = 600.0
    withheld: float = 0.0
    named: float = 0.0
    gives_up_on_hold_mean_seconds: float = 240.0

    def __post_init__(self) -> None:
        """Refuse names that lead nowhere."""
        _require(len(self.curve) == HALF_HOURS, "curve", f"has {len(self.curve)} half hours instead of {HALF_HOURS}")
        _require(len(self.week) == WEEKDAYS, "week", f"has {len(self.week)} days instead of {WEEKDAYS}")
        _require(min(*self.curve, *self.week) >= 0, "curve", "rates must not be negative")
        everyone = [phone.number for phone in (*self.agents, *self.phones)]
        _require(len(set(everyone)) == len(everyone), "agents", "two phones have one number")
        members = {agent.number for agent in self.agents}
        for queue in self.queues:
            _require(members.issuperset(queue.members), queue.name, "has a member who is not among the agents")
        for line in self.lines:
            _require(set(everyone).issuperset(line.phones), line.name, "rings a phone that is not there")
        extens = [queue.exten for queue in self.queues] + [line.exten for line in self.lines]
        _require(len(set(extens)) == len(extens), "queues", "two queues or lines have one extension")
        inside = [queue.transfer_exten for queue in self.queues] + everyone
        _require(len(set(inside)) == len(inside), "queues", "two internal extensions are one")

    def hour(self, at: float) -> float:
        """Local hour of the day, 0 to 24, at a Unix time."""
        return (at + self.utc_offset_seconds) % DAY_SECONDS / 3600

    def weight(self, at: float) -> float:
        """Relative rate of arrivals at a Unix time."""
        local = at + self.utc_offset_seconds
        # 1 January 1970 was a Thursday, day 3 of a week that starts on Monday.
        weekday = int(local // DAY_SECONDS + 3) % WEEKDAYS
        return self.week[weekday] * self.curve[int(local % DAY_SECONDS // HALF_HOUR_SECONDS)]

    @property
    def rates(self) -> dict[str, float]:
        """Calls per hour where the weight is 1, by the extension they come to."""
        queues = {queue.exten: queue.calls_per_hour for queue in self.queues}
        return queues | {line.exten: line.calls_per_hour for line in self.lines}

    @property
    def busiest(self) -> float:
        """The highest weight of the week."""
        return max(self.curve) * max(self.week)


def around_the_clock(plan: Plan) -> Plan:
    """Return the same desk with a flat day and everyone always there, which has something to show at any hour."""
    agents = tuple(replace(agent, shifts=ALL_DAY) for agent in plan.agents)
    return replace(plan, curve=FLAT_DAY, week=FLAT_WEEK, agents=agents)


def scaled(plan: Plan, factor: float) -> Plan:
    """Return the same desk with `factor` times as many callers."""
    return replace(
        plan,
        queues=tuple(replace(queue, calls_per_hour=queue.calls_per_hour * factor) for queue in plan.queues),
        lines=tuple(replace(line, calls_per_hour=line.calls_per_hour * factor) for line in plan.lines),
    )


def absent(plan: Plan, numbers: Collection[str], start: float, end: float) -> Plan:
    """Return the same desk without these agents between two hours of the day, such as an understaffed lunch."""

    def without(agent: AgentPlan) -> AgentPlan:
        if agent.number not in numbers:
            return agent
        pieces = [(a, min(b, start)) for a, b in agent.shifts] + [(max(a, end), b) for a, b in agent.shifts]
        return replace(agent, shifts=tuple(sorted((a, b) for a, b in pieces if a < b)))

    return replace(plan, agents=tuple(without(agent) for agent in plan.agents))
