"""Holds a page of metrics against facts: every counter and every histogram is computed anew and compared.

The rules are those of the product's text, written down here a second time on purpose: a mistake would have to be made
twice, in two ways of counting, to go unnoticed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isclose

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ringwatch.core.facts import (
    Anomaly,
    Call,
    Callback,
    Crossing,
    Gap,
    Hold,
    Leg,
    QueueVisit,
    Record,
    RingAttempt,
    Transfer,
    WrapUp,
)
from ringwatch.core.readings import (
    CallbacksReading,
    CallOffered,
    Drift,
    QueueReading,
    StaffingReading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.standards import Policy

Labels = frozenset[tuple[str, str]]

COUNTERS = {
    "ringwatch_calls_offered",
    "ringwatch_calls",
    "ringwatch_third_ring",
    "ringwatch_service_level_calls",
    "ringwatch_callers_bounced",
    "ringwatch_ring_attempts",
    "ringwatch_transfers",
    "ringwatch_bounces",
    "ringwatch_calls_over_length",
    "ringwatch_holds_over_limit",
    "ringwatch_callbacks_settled",
    "ringwatch_gap_seconds",
    "ringwatch_anomalies",
    "ringwatch_state_drift",
    "ringwatch_agent_calls",
    "ringwatch_agent_talk_seconds",
    "ringwatch_agent_no_answer",
}
HISTOGRAMS = {
    "ringwatch_wait_seconds",
    "ringwatch_answer_rings",
    "ringwatch_talk_seconds",
    "ringwatch_hold_seconds",
    "ringwatch_wrapup_seconds",
    "ringwatch_call_hops",
}
STAFFING = {
    "ringwatch_queue_agents_present": "agents_present",
    "ringwatch_queue_agents_required": "agents_required",
    "ringwatch_queue_agents_short": "agents_short",
    "ringwatch_queue_occupancy_ratio": "occupancy",
    "ringwatch_queue_estimated_wait_seconds": "estimated_wait_seconds",
    "ringwatch_queue_load_gini": "load_gini",
}


@lru_cache(maxsize=8)
def families(page: str | bytes) -> tuple[Metric, ...]:
    """Parse a page in either format by the library's own parsers."""
    text = page.decode() if isinstance(page, bytes) else page
    parse = parse_openmetrics if text.endswith("# EOF\n") else parse_text
    return tuple(parse(text))


class Ledger:
    """What the counters and histograms must show after some facts."""

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        self._policies = policies
        self.counters: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        self.observed: defaultdict[tuple[str, Labels], list[float]] = defaultdict(list)

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Move a counter."""
        self.counters[name, frozenset(labels.items())] += amount

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Give a histogram one more value."""
        self.observed[name, frozenset(labels.items())].append(value)

    def enter(self, record: Record) -> None:
        """Take a fact in."""
        match record:
            case QueueVisit():
                self._visit(record)
            case Call():
                self._call(record)
            case RingAttempt():
                self._attempt(record)
            case Leg():
                self._leg(record)
            case Hold() | Transfer() | Crossing():
                self._interval(record)
            case Callback() | WrapUp():
                self._of_queue(record)
            case Gap():
                self.count("ringwatch_gap_seconds", {"pbx": record.pbx}, record.to - record.from_)
            case Anomaly():
                self.count("ringwatch_anomalies", {"pbx": record.pbx, "kind": record.kind})
            case Drift():
                self.count("ringwatch_state_drift", {"pbx": record.pbx, "what": record.what})
            case _:
                pass

    def _of_queue(self, fact: Callback | WrapUp) -> None:
        where = {"pbx": fact.pbx, "queue": fact.queue}
        if isinstance(fact, WrapUp):
            self.observe("ringwatch_wrapup_seconds", where, fact.seconds)
        elif fact.by is not None:
            self.count("ringwatch_callbacks_settled", {**where, "by": fact.by})

    def _visit(self, fact: QueueVisit) -> None:
        where = {"pbx": fact.pbx, "queue": fact.queue}
        self._served(fact, where)
        if fact.outcome == "answered":
            self._rings("agent", fact.agent_rings, where)
            self._rings("desk", None if fact.in_time is None else fact.desk_rings, where)
            self._rings("caller", fact.caller_rings, where)

    def _call(self, fact: Call) -> None:
        asked = [each for each in (fact.line, *fact.queues) if each is not None]
        for name in asked[:1]:
            where = {"pbx": fact.pbx, "queue": name}
            self.observe("ringwatch_call_hops", where, fact.transfers)
            self.count("ringwatch_bounces", where, fact.bounces)
            self.count("ringwatch_callers_bounced", where, min(fact.bounces, 1))
        if fact.line is not None:
            self._direct_call(fact, {"pbx": fact.pbx, "queue": fact.line})

    def _direct_call(self, fact: Call, where: Mapping[str, str]) -> None:
        self._served(fact, where)
        if fact.answered:
            self._rings("desk", None if fact.in_time is None else fact.desk_rings, where)
            self._rings("caller", fact.caller_rings, where)

    def _served(self, fact: QueueVisit | Call, where: Mapping[str, str]) -> None:
        hours = {"hours": fact.hours}
        self.count("ringwatch_calls_offered", {**where, **hours})
        self.count("ringwatch_calls", {**where, **hours, "outcome": fact.outcome})
        if not fact.outcome.startswith("refused_"):
            self.observe("ringwatch_wait_seconds", {**where, "outcome": fact.outcome}, fact.wait_seconds)
        if fact.outcome in {"answered", "abandoned", "short_abandoned"}:
            limit = self._policies.get(fact.pbx, Policy()).standard(where["queue"]).service_level_seconds
            within = {"outcome": fact.outcome, "within": str(fact.wait_seconds <= limit).lower()}
            self.count("ringwatch_service_level_calls", {**where, **hours, **within})
        if fact.in_time is not None:
            self.count("ringwatch_third_ring", {**where, **hours, "result": "met" if fact.in_time else "missed"})

    def _rings(self, heard_by: str, rings: int | None, where: Mapping[str, str]) -> None:
        if rings is not None:
            self.observe("ringwatch_answer_rings", {**where, "heard_by": heard_by}, rings)

    def _attempt(self, fact: RingAttempt) -> None:
        agent = {"pbx": fact.pbx, "agent": fact.agent}
        self.count("ringwatch_agent_no_answer", agent, fact.result == "no_answer")
        where = _where(fact)
        if where is None:
            return
        self.count("ringwatch_ring_attempts", {**where, "result": fact.result})
        if fact.queue is None and fact.result == "answered":
            self._rings("agent", fact.rings, where)

    def _leg(self, fact: Leg) -> None:
        agent = {"pbx": fact.pbx, "agent": fact.agent}
        self.count("ringwatch_agent_calls", agent)
        self.count("ringwatch_agent_talk_seconds", agent, fact.talk_seconds)
        where = _where(fact)
        if where is None:
            return
        limit = self._policies.get(fact.pbx, Policy()).standard(where["queue"]).lines_waiting
        pressure = "lines_waiting" if fact.lines_waiting >= limit else "none"
        self.observe("ringwatch_talk_seconds", {**where, "pressure": pressure}, fact.talk_seconds)

    def _interval(self, fact: Hold | Transfer | Crossing) -> None:
        where = _where(fact)
        if where is None:
            return
        if isinstance(fact, Hold):
            self.observe("ringwatch_hold_seconds", where, fact.seconds)
        elif isinstance(fact, Crossing):
            if fact.what == "hold_limit":
                self.count("ringwatch_holds_over_limit", where)
            else:
                self.count("ringwatch_calls_over_length", {**where, "bound": fact.what.removeprefix("talk_")})
        else:
            self.count("ringwatch_transfers", {**where, "kind": fact.kind, "result": fact.result})


def _where(fact: RingAttempt | Leg | Hold | Transfer | Crossing) -> dict[str, str] | None:
    """Return the labels of the queue, else of the direct line; ``None`` for what served no outside caller."""
    name = fact.queue if fact.queue is not None else fact.line
    return None if name is None else {"pbx": fact.pbx, "queue": name}


def differences(page: str | bytes, facts: Iterable[Record], policies: Mapping[str, Policy] | None = None) -> list[str]:
    """Return every difference between a page and the facts it was made from, one readable line each."""
    # The later telling of a fact replaces the first.
    told = {(type(fact), fact.key): fact for fact in facts if not isinstance(fact, QueueReading | TalksReading)}
    ledger = Ledger(policies or {})
    for fact in told.values():
        ledger.enter(fact)
    offered = [fact for fact in told.values() if isinstance(fact, CallOffered)]
    found = {family.name: family for family in families(page)}
    lines: list[str] = []
    if offered:
        # Told apart from how it ended: here the two ways of counting meet.
        entered = sum(n for (name, _), n in ledger.counters.items() if name == "ringwatch_calls_offered")
        if len(offered) != entered:
            lines.append(f"{len(offered)} callers were offered and {entered} were told to their end")
    lines += _counters(found, ledger)
    lines += _histograms(found, ledger)
    lines += _staffing(found, [fact for fact in told.values() if isinstance(fact, StaffingReading)])
    lines += _unbroken(found, [fact for fact in told.values() if isinstance(fact, StretchReading)])
    lines += _owed(found, told.values())
    return lines


def metrics_equal_facts(
    page: str | bytes, facts: Iterable[Record], policies: Mapping[str, Policy] | None = None
) -> None:
    """Fail unless a page's counters and histograms are what the facts add up to, and what stands is as last told.

    The page and the facts must be of the same moment, with no caller on the line: who is still waiting has been counted
    as offered and is in no fact yet.

    :param page: in either format.
    :param facts: those written by ``--facts``, or records of a sink; a fact told twice counts once.
    :param policies: by PBX, where the number of waiting lines that presses is not the default.
    """
    lines = differences(page, facts, policies)
    assert not lines, "\n".join(lines)


def _counters(found: Mapping[str, Metric], ledger: Ledger) -> Iterator[str]:
    shown = {
        (name, frozenset(sample.labels.items())): sample.value
        for name in COUNTERS & found.keys()
        for sample in found[name].samples
    }
    wanted = {key: value for key, value in ledger.counters.items() if value and _expected(key[0], found)}
    for key in sorted(shown.keys() | wanted.keys(), key=_order):
        yield from _compare(key, "total", shown.get(key, 0.0), wanted.get(key, 0))


def _histograms(found: Mapping[str, Metric], ledger: Ledger) -> Iterator[str]:
    shown: defaultdict[tuple[str, Labels], dict[str, float]] = defaultdict(dict)
    for name in HISTOGRAMS & found.keys():
        for sample in found[name].samples:
            labels = dict(sample.labels)
            part = sample.name.removeprefix(f"{name}_")
            part = labels.pop("le") if part == "bucket" else part
            shown[name, frozenset(labels.items())][part] = sample.value
    for key in sorted(shown.keys() | ledger.observed.keys(), key=_order):
        values, parts = ledger.observed.get(key, []), shown.get(key)
        if parts is None:
            yield f"{_shown(key)} is not on the page, and the facts hold {len(values)} values"
            continue
        for part, value in parts.items():
            if part == "sum":
                yield from _compare(key, part, value, sum(values))
            elif part == "count":
                yield from _compare(key, part, value, len(values))
            else:
                yield from _compare(key, f"up to {part}", value, sum(each <= float(part) for each in values))


def _staffing(found: Mapping[str, Metric], last: Iterable[StaffingReading]) -> Iterator[str]:
    for reading in last:
        where = {"pbx": reading.pbx, "queue": reading.queue}
        for name, figure in STAFFING.items():
            told = getattr(reading, figure)
            shown = [sample.value for sample in found[name].samples if sample.labels == where]
            if [str(value) for value in shown] != [str(float("nan" if told is None else told))]:
                yield f"{name} of {reading.queue}: {shown} on the page, {told} was told last"


def _unbroken(found: Mapping[str, Metric], last: Sequence[StretchReading]) -> Iterator[str]:
    wanted: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for reading in last:
        if reading.since is not None:
            wanted["agent", reading.pbx, reading.agent].append(reading.since)
            for queue in reading.queues:
                wanted["queue", reading.pbx, queue].append(reading.since)
    # A file of facts has no readings.
    for kind in ("queue", "agent") if last else ():
        name = f"ringwatch_{kind}_unbroken_since_timestamp_seconds"
        for sample in found[name].samples if name in found else ():
            earliest = min(wanted[kind, sample.labels["pbx"], sample.labels[kind]], default=0.0)
            if sample.value != earliest:
                yield f"{name} of {sample.labels[kind]}: {sample.value:f} on the page, {earliest:f} by what was told"


def _owed(found: Mapping[str, Metric], told: Iterable[Record]) -> Iterator[str]:
    """Compare what is owed with the facts, and what is overdue with the last reading, where there is one."""
    owed = Counter((fact.pbx, fact.queue) for fact in told if isinstance(fact, Callback) and fact.by is None)
    late = {(each.pbx, each.queue): each.overdue for each in told if isinstance(each, CallbacksReading)}
    shown: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for sample in found["ringwatch_callbacks_owed"].samples:
        shown[sample.labels["pbx"], sample.labels["queue"]][sample.labels["overdue"]] = sample.value
    for where in sorted(shown.keys() | owed.keys()):
        overdue = shown[where].get("true")
        wanted = (owed[where], late.get(where, overdue))
        if (sum(shown[where].values()), overdue) != wanted:
            yield f"ringwatch_callbacks_owed of {where}: {shown[where]} on the page, {wanted} in all and overdue"


def _expected(name: str, found: Mapping[str, Metric]) -> bool:
    """Tell whether a family has to be there: those by agent are only when they are switched on."""
    return name in found or not name.startswith("ringwatch_agent_")


def _compare(key: tuple[str, Labels], part: str, shown: float, wanted: float) -> Iterator[str]:
    if not isclose(shown, wanted, rel_tol=1e-9, abs_tol=1e-6):
        yield f"{_shown(key)} {part}: {shown:g} on the page, {wanted:g} by the facts"


def _order(key: tuple[str, Labels]) -> tuple[str, list[tuple[str, str]]]:
    return key[0], sorted(key[1])


def _shown(key: tuple[str, Labels]) -> str:
    return key[0] + "{" + ",".join(f'{name}="{value}"' for name, value in sorted(key[1])) + "}"
