"""Prometheus metrics, made from facts and readings alone.

Rules:

* A counter moves once per fact: the identity of every fact counted is remembered for a while, so that a fact told
  twice changes nothing.
* Every series of a queue exists with zero from the moment the queue is configured or discovered, and of a direct line
  from the start. The waits of rare outcomes are an exception: their histograms appear with their first caller; and what
  is not known of a queue's staffing is ``NaN``, not zero, and nothing of a direct line (`staffing_metrics`).
* Labels are bounded: PBXs, queues and lines, fixed words, and, where switched on, agents. Never a caller or a channel.
* A page is rendered at most once a second, when it is asked for; between, everybody gets the same bytes.
  Rendering happens between two batches, so a page never shows half of one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from ringwatch.core.agents import MEMBER_STATES
from ringwatch.core.facts import (
    Anomaly,
    AnomalyOf,
    AttemptResult,
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
    CallAnswered,
    CallbacksReading,
    CallOffered,
    Drift,
    DriftOf,
    Key,
    QueueReading,
    StaffingReading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.standards import Policy
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.alert_metrics import AlertMetrics
from ringwatch.sinks.breaks_metrics import BreaksMetrics
from ringwatch.sinks.callback_metrics import CallbackMetrics
from ringwatch.sinks.families import Family
from ringwatch.sinks.service_metrics import ServiceMetrics
from ringwatch.sinks.staffing_metrics import StaffingMetrics

TALK_BUCKETS = (15, 30, 60, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600)
HOLD_BUCKETS = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600)
WRAPUP_BUCKETS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300)

# A fact told twice follows its first telling closely (a reconnect, a second witness): hours of calls fit.
_REMEMBERED = 50_000
_READINGS = frozenset({CallbacksReading, QueueReading, StaffingReading, StretchReading, TalksReading})
"""What replaces the last of its kind, and is not counted."""
_PAGE_SECONDS = 1.0
# The version every reader knows: some take what calls itself 1.0.0 for no metrics at all, and nothing here needs it.
_CONTENT_TYPE_TEXT = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = {"talk_target": "target", "talk_limit": "limit"}


class MetricsSink:
    """Counts what happened, and renders the page.

    :param policies: by PBX; their lines and queues get their zeros at once.
    :param agents: also count by agent (member name).
    :param clock: monotonic seconds, for the age of the rendered page.
    """

    name = "metrics"

    def __init__(
        self, policies: dict[str, Policy], *, agents: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self._policies = policies
        self._clock = clock
        self._counted: OrderedDict[tuple[str, Key], None] = OrderedDict()
        self._pages: dict[bool, tuple[float, bytes]] = {}
        self._known: set[tuple[str, str]] = set()
        self._lines = {pbx: frozenset(policy.line_names) for pbx, policy in policies.items()}
        self._make(agents=agents)
        self._by_type: dict[type, Callable[..., None]] = {
            Anomaly: self._anomaly,
            Call: self._call,
            CallAnswered: self._answered,
            Callback: self._callback,
            CallbacksReading: self._callback,
            CallOffered: self._call_offered,
            Crossing: self._crossing,
            Drift: self._drift,
            Gap: self._gap,
            Hold: self._hold,
            Leg: self._leg,
            QueueReading: self._reading,
            QueueVisit: self._visit,
            RingAttempt: self._attempt,
            StaffingReading: self._staffed,
            StretchReading: self._breaks.show,
            TalksReading: self._talks_reading,
            Transfer: self._transfer,
            WrapUp: self._wrap_up,
        }
        for pbx, policy in policies.items():
            self._gaps(pbx)
            for what in get_args(DriftOf):
                self._drifts(pbx, what)
            for kind in get_args(AnomalyOf):
                self._anomalies(pbx, kind)
            for name in [*policy.line_names, *policy.standards]:
                self._zero(pbx, name)

    def _make(self, *, agents: bool) -> None:
        registry = self.registry
        queue = ("pbx", "queue")

        def counter(name: str, text: str, *labels: str) -> Family[Counter]:
            return Family(Counter(f"ringwatch_{name}", text, labels, registry=registry))

        def gauge(name: str, text: str, *labels: str) -> Family[Gauge]:
            return Family(Gauge(f"ringwatch_{name}", text, labels, registry=registry))

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Family[Histogram]:
            return Family(Histogram(f"ringwatch_{name}", text, labels, registry=registry, buckets=buckets))

        self._service = ServiceMetrics(registry, self._policies)
        self._attempts = counter("ring_attempts", "Devices rung, by how it ended.", *queue, "result")
        self._talks = histogram(
            "talk_seconds", "Talk of an agent with a caller, holds left out.", TALK_BUCKETS, *queue, "pressure"
        )
        self._holds = histogram("hold_seconds", "Interval in which a caller was on hold.", HOLD_BUCKETS, *queue)
        self._wrapups = histogram(
            "wrapup_seconds", "Time for which an agent is left alone after a call.", WRAPUP_BUCKETS, *queue
        )
        self._transfers = counter("transfers", "Transfers by agents.", *queue, "kind", "result")
        self._over_length = counter(
            "calls_over_length", "Talks that crossed the target or the limit, while still up.", *queue, "bound"
        )
        # OpenMetrics knows no gauge and counter of one name, the counter's "_total" left out.
        self._over_length_now = gauge(
            "calls_up_over_length", "Talks that are longer than the target or the limit now.", *queue, "bound"
        )
        self._holds_over_limit = counter("holds_over_limit", "Holds that crossed the limit.", *queue)
        self._on_hold = gauge("calls_on_hold", "Callers on hold now.", *queue)
        self._on_hold_over_limit = gauge(
            "calls_on_hold_over_limit", "Callers who are on hold for longer than the limit now.", *queue
        )
        self._waiting = gauge("queue_waiting", "Callers in line now.", *queue)
        self._oldest = gauge(
            "queue_oldest_wait_timestamp_seconds",
            "When the caller who waits longest joined, seconds since 1970; 0 when nobody waits.",
            *queue,
        )
        self._members = gauge("queue_members", "Members of the queue by state.", *queue, "state")
        self._staffing = StaffingMetrics(registry)
        self._breaks = BreaksMetrics(agents=agents)
        registry.register(self._breaks)
        self._callbacks = CallbackMetrics(registry)
        self._alerts = AlertMetrics(registry, self._policies)
        self._gaps = counter("gap_seconds", "Time in which the PBX was not heard.", "pbx")
        self._drifts = counter("state_drift", "What a listing of the PBX put right here.", "pbx", "what")
        self._anomalies = counter("anomalies", "Things that no rule foresaw.", "pbx", "kind")
        self._agent_calls = self._agent_talk = self._agent_missed = None
        if agents:
            self._agent_calls = counter("agent_calls", "Conversations of an agent.", "pbx", "agent")
            self._agent_talk = counter("agent_talk_seconds", "Talk of an agent, holds left out.", "pbx", "agent")
            self._agent_missed = counter("agent_no_answer", "Rings an agent let pass.", "pbx", "agent")

    def add(self, collector: Collector) -> None:
        """Show on the page what somebody else counts."""
        self.registry.register(collector)

    def follow(self, pbx: str, clock: Callable[[], float]) -> None:
        """Tell opening hours as of the moment that a PBX has reached."""
        self._alerts.clocks[pbx] = clock

    async def run(self, inbox: Inbox) -> None:
        """Count until the inbox is closed."""
        while records := await inbox.get():
            self.apply(records)

    def apply(self, records: Iterable[Record]) -> None:
        """Count records; one that was counted before changes nothing."""
        for record in records:
            kind = type(record)
            count = self._by_type.get(kind)
            if count is None or (isinstance(record, Callback) and record.state == "owed"):
                # What is owed is a reading; the same fact is told again when it has been settled.
                continue
            if kind not in _READINGS:
                identity = (kind.__name__, record.key)
                if identity in self._counted:
                    continue
                self._counted[identity] = None
                if len(self._counted) > _REMEMBERED:
                    self._counted.popitem(last=False)
            count(record)

    def page(self, openmetrics: bool) -> tuple[bytes, str]:  # noqa: FBT001 - a format, asked for by the web server
        """Return the page and its content type; a page younger than a second is given again."""
        made_at, page = self._pages.get(openmetrics, (0.0, b""))
        now = self._clock()
        if not page or now - made_at >= _PAGE_SECONDS:
            page = self.render(openmetrics=openmetrics)
            self._pages[openmetrics] = (now, page)
        return page, CONTENT_TYPE_OPENMETRICS if openmetrics else _CONTENT_TYPE_TEXT

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Render the page as things stand now."""
        generate = generate_openmetrics if openmetrics else generate_latest
        page: bytes = generate(self.registry)
        return page

    def _zero(self, pbx: str, queue: str) -> None:
        if (pbx, queue) in self._known:
            return
        self._known.add((pbx, queue))
        line = queue in self._lines[pbx]
        self._alerts.zero(pbx, queue, line=line)
        if not line:
            self._staffing.zero(pbx, queue)
            self._breaks.zero(pbx, queue)
        for plain in (
            self._holds,
            self._wrapups,
            self._holds_over_limit,
            self._on_hold,
            self._on_hold_over_limit,
            self._waiting,
            self._oldest,
        ):
            plain(pbx, queue)
        for family, words in (
            (self._attempts, get_args(AttemptResult)),
            (self._talks, ("none", "lines_waiting")),
            (self._over_length, _BOUNDS.values()),
            (self._over_length_now, _BOUNDS.values()),
            (self._members, MEMBER_STATES),
        ):
            for word in words:
                family(pbx, queue, word)
        for kind in ("blind", "attended"):
            for result in ("success", "failed"):
                self._transfers(pbx, queue, kind, result)
        self._service.zero(pbx, queue)
        self._callbacks.zero(pbx, queue)

    def _call_offered(self, offered: CallOffered) -> None:
        self._zero(offered.pbx, offered.queue)
        self._service.offered(offered)

    def _answered(self, answered: CallAnswered) -> None:
        self._zero(answered.pbx, answered.queue)
        self._service.answered(answered)

    def _visit(self, visit: QueueVisit) -> None:
        self._zero(visit.pbx, visit.queue)
        self._service.visit(visit)

    def _call(self, call: Call) -> None:
        if first := call.asked_first:
            self._zero(call.pbx, first)
        self._service.call(call)

    def _attempt(self, attempt: RingAttempt) -> None:
        name = attempt.queue or attempt.line
        if name:
            self._attempts(attempt.pbx, name, attempt.result).inc()
            if attempt.line and attempt.result == "answered":
                self._service.rung(attempt.pbx, name, (("agent", attempt.rings),))
        if self._agent_missed and attempt.result == "no_answer":
            self._agent_missed(attempt.pbx, attempt.agent).inc()

    def _leg(self, leg: Leg) -> None:
        name = leg.queue or leg.line
        if name:
            pressed = self._policies[leg.pbx].standard(name).presses(leg.lines_waiting)
            self._talks(leg.pbx, name, "lines_waiting" if pressed else "none").observe(leg.talk_seconds)
        if self._agent_calls and self._agent_talk:
            self._agent_calls(leg.pbx, leg.agent).inc()
            self._agent_talk(leg.pbx, leg.agent).inc(leg.talk_seconds)

    def _hold(self, hold: Hold) -> None:
        if name := hold.queue or hold.line:
            self._holds(hold.pbx, name).observe(hold.seconds)

    def _crossing(self, crossing: Crossing) -> None:
        if (name := crossing.queue or crossing.line) is None:
            return
        if bound := _BOUNDS.get(crossing.what):
            self._over_length(crossing.pbx, name, bound).inc()
        else:
            self._holds_over_limit(crossing.pbx, name).inc()

    def _talks_reading(self, reading: TalksReading) -> None:
        where = (reading.pbx, reading.queue)
        self._zero(*where)
        self._over_length_now(*where, "target").set(reading.over_target)
        self._over_length_now(*where, "limit").set(reading.over_limit)
        self._on_hold(*where).set(reading.on_hold)
        self._on_hold_over_limit(*where).set(reading.on_hold_over_limit)

    def _transfer(self, transfer: Transfer) -> None:
        if name := transfer.queue or transfer.line:
            self._transfers(transfer.pbx, name, transfer.kind, transfer.result).inc()

    def _wrap_up(self, wrap_up: WrapUp) -> None:
        self._zero(wrap_up.pbx, wrap_up.queue)
        self._wrapups(wrap_up.pbx, wrap_up.queue).observe(wrap_up.seconds)

    def _gap(self, gap: Gap) -> None:
        self._gaps(gap.pbx).inc(max(gap.to - gap.from_, 0.0))

    def _anomaly(self, anomaly: Anomaly) -> None:
        self._anomalies(anomaly.pbx, anomaly.kind).inc()

    def _drift(self, drift: Drift) -> None:
        self._drifts(drift.pbx, drift.what).inc()

    def _staffed(self, reading: StaffingReading) -> None:
        self._zero(reading.pbx, reading.queue)
        self._staffing.show(reading)

    def _callback(self, told: Callback | CallbacksReading) -> None:
        self._zero(told.pbx, told.queue)
        self._callbacks.apply(told)

    def _reading(self, reading: QueueReading) -> None:
        pbx, queue = reading.pbx, reading.queue
        self._zero(pbx, queue)
        self._waiting(pbx, queue).set(reading.waiting)
        self._oldest(pbx, queue).set(reading.oldest_joined_at or 0.0)
        for state, count in reading.members.items():
            self._members(pbx, queue, state).set(count)
