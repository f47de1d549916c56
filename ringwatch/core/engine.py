"""The engine of one PBX: events in, facts out. No clock, no I/O, nothing random.

Rules:

* A call is made by a channel that rings in from a phone or trunk, or by an Originate. Channels that are dialled are
  ring attempts of the call that dials them; halves of Local pairs are wire.
* What is dialled through a Local pair belongs to the attempt in front of it: one device, one attempt.
* Everything a channel held is closed when the channel ends; nothing waits for an event that may never come
  (AgentComplete, QueueCallerLeave).
* Nothing here raises on what a PBX may send: what no rule foresees becomes an `Anomaly`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ringwatch.core import events as ev
from ringwatch.core.agents import BLINK_SECONDS
from ringwatch.core.alarms import Alarms
from ringwatch.core.breaks import Breaks
from ringwatch.core.callbacks import Callbacks
from ringwatch.core.calls import Calls
from ringwatch.core.crossings import LATE_SECONDS
from ringwatch.core.facts import Anomaly, Fact, Gap, Leg, QueueVisit, Record
from ringwatch.core.lifecycle import VisitSignal
from ringwatch.core.listings import Listings
from ringwatch.core.queues import Queues
from ringwatch.core.readings import QueueReading, TalksReading
from ringwatch.core.staffed import Staffing
from ringwatch.core.standards import Policy
from ringwatch.core.state import CallState

_SILENCE = frozenset({ev.Tick, ev.StreamAwaited, ev.StreamBroke})
"""What is said when the PBX says nothing."""


class Engine:
    """Follows one PBX.

    :param pbx: its name, part of the identity of every fact.
    :param policy: standards, lines and trunks.
    """

    def __init__(self, pbx: str, policy: Policy) -> None:
        """Start knowing nothing but the configuration."""
        self.pbx = pbx
        self._records: list[Record] = []
        self._queues = Queues(pbx, policy, self._tell)
        self._agents = self._queues.agents
        self._calls = Calls(pbx, policy, self._queues, self._tell)
        self._visits = self._calls.visits
        self._crossings = self._calls.crossings
        self._at = 0.0
        self._broken: ev.StreamBroke | None = None
        self._resumed_at = 0.0
        self._listings = Listings(pbx, self._calls, self._queues, self._tell)
        self._staffing = Staffing(pbx, policy, self._queues.waiting, self._tell)
        self._breaks = Breaks(pbx, policy, self._tell)
        self._callbacks = Callbacks(pbx, policy, self._tell)
        self._alarms = Alarms(pbx, policy, self._tell)
        self._learn: dict[type[Any], list[Callable[[Any], None]]] = {}
        for learner in (self._staffing, self._breaks, self._callbacks, self._alarms):
            for kind, learn in learner.learns.items():
                self._learn.setdefault(kind, []).append(learn)
        calls, talks = self._calls, self._calls.talks
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            ev.AgentCalled: calls.agent_called,
            ev.AgentConnected: calls.agent_connected,
            ev.AgentDumped: self._agent_dumped,
            ev.Answered: self._tick,
            ev.BridgeEntered: self._bridge_entered,
            ev.BridgeLeft: self._bridge_left,
            ev.CallerAbandoned: self._caller_abandoned,
            ev.CallerJoined: self._caller_joined,
            ev.CallerLeft: self._caller_left,
            ev.ChannelEnded: self._channel_ended,
            ev.ChannelSeen: self._listings.channel,
            ev.ChannelStarted: self._channel_started,
            ev.DialBegan: calls.dial_began,
            ev.DialEnded: calls.dial_ended,
            ev.DialRang: calls.dial_rang,
            ev.HangupRequested: calls.hangup_requested,
            ev.HoldBegan: talks.silences.hold_began,
            ev.HoldEnded: talks.silences.hold_ended,
            ev.LocalPaired: calls.local_paired,
            ev.MemberRemoved: self._member_removed,
            ev.MemberSeen: self._member_seen,
            ev.QueueEntered: self._queue_entered,
            ev.QueueSeen: self._queue_seen,
            ev.QueueStatusSet: self._queue_status_set,
            ev.MusicBegan: talks.silences.music_began,
            ev.MusicEnded: talks.silences.music_ended,
            ev.ParkEnded: talks.park_ended,
            ev.Parked: talks.parked,
            ev.PickedUp: calls.passing.picked_up,
            ev.Shutdown: self._shutdown,
            ev.SnapshotBegan: self._listings.began,
            ev.SnapshotEnded: self._listings.ended,
            ev.StreamAwaited: self._alarms.awaits,
            ev.StreamBroke: self._stream_broke,
            ev.StreamFault: self._stream_fault,
            ev.StreamResumed: self._stream_resumed,
            ev.Tick: self._tick,
            ev.Transferred: calls.passing.transferred,
            ev.WaitingSeen: self._listings.waiting,
        }

    @property
    def queue_names(self) -> list[str]:
        """Return the queues known so far."""
        return [queue.name for queue in self._queues]

    @property
    def open_calls(self) -> list[CallState]:
        """Return the calls that are up."""
        return self._calls.open_calls

    def now(self) -> float:
        """Return the moment that has been reached: the last event's, or the clock's; 0 before the first."""
        return self._at

    def remember(self, facts: Iterable[Fact]) -> None:
        """Take note of what an earlier run told of this PBX."""
        own = [fact for fact in facts if fact.pbx == self.pbx]
        self._visits.remember(fact for fact in own if isinstance(fact, QueueVisit))
        self._callbacks.remember(own)

    def apply(self, event: ev.Event) -> list[Record]:
        """Apply one event and return what follows from it, in order."""
        at, kind = event.at, type(event)
        if at > self._at:
            self._pass(at, at - LATE_SECONDS if kind is ev.Tick else at)
        self._alarms.now = at
        if kind not in _SILENCE:
            if self._alarms.listening:
                self._alarms.heard_at = at
            else:
                self._alarms.hears(at)
        self._handlers[kind](event)
        if self._records:
            for record in self._records[:]:
                if type(record) is Leg:
                    self._queues.talk_ended(record, at)
        if self._queues.stirred or self._crossings.stirred:
            self._judge(at)
        records, self._records = self._records, []
        return records

    def _pass(self, at: float, heard: float) -> None:
        """Do what is due in the order in which it is due, whoever tells that time has passed; ``heard`` is believed."""
        while (
            at >= self._agents.due_at
            or at >= self._staffing.due_at
            or at >= self._callbacks.due_at
            or at >= self._visits.settle_at
            or at >= self._listings.give_up_at
            or at >= self._breaks.due_at
        ):
            self._settle(at, heard)
        self._at = at
        if heard >= self._crossings.due_at:
            self._crossings.settle(heard)
        if heard >= self._alarms.due_at:
            self._alarms.settle(heard)

    def _judge(self, at: float) -> None:
        for queue in self._queues.stirred.values():
            self._alarms.queue(queue, at)
        self._queues.stirred.clear()
        if self._crossings.stirred:
            self._crossings.stirred = False
            self._alarms.talks(self._crossings.stand(), at)

    def _settle(self, at: float, heard: float) -> None:
        due = min(
            self._visits.settle_at,
            self._listings.give_up_at,
            self._agents.due_at,
            self._staffing.due_at,
            self._breaks.due_at,
            self._callbacks.due_at,
        )
        if (crossed := min(due, heard)) >= self._crossings.due_at:
            # What is told of a later moment would let an alert be cleared that a crossing keeps.
            self._crossings.settle(crossed)
        # What was due before anything was heard is judged as of now.
        self._alarms.now = due if due > self._at else at
        if due >= self._visits.settle_at:
            self._visits.settle(due)
        if due >= self._listings.give_up_at:
            self._listings.settle()
            self._crossings.trust()
            self._breaks.trust()
            self._alarms.trust(due)
        if due >= self._agents.due_at:
            self._agents.settle(due)
        if due >= self._staffing.due_at:
            self._staffing.settle(at)
        if due >= self._breaks.due_at:
            self._breaks.settle(due)
        if due >= self._callbacks.due_at:
            self._callbacks.settle(due)

    def _tell(self, record: Record) -> None:
        self._records.append(record)
        for learn in self._learn.get(type(record), ()):
            learn(record)

    def readings(self) -> list[QueueReading | TalksReading]:
        """Return how the queues stand, and the conversations, that changed since the last call."""
        return [*self._queues.readings(), *self._crossings.readings()]

    def close(self) -> list[Record]:
        """Stop looking: every call that is up is told as ``unknown``, as of the last event."""
        return self.apply(ev.Shutdown(self._at))

    # -- channels

    def _channel_started(self, event: ev.ChannelStarted) -> None:
        self._listings.began_after_all(event)
        self._calls.channel_started(event)

    def _channel_ended(self, event: ev.ChannelEnded) -> None:
        self._listings.gone(event)
        self._calls.channel_ended(event)

    def _bridge_entered(self, event: ev.BridgeEntered) -> None:
        self._listings.moved(event.uniqueid)
        self._calls.talks.bridge_entered(event)

    def _bridge_left(self, event: ev.BridgeLeft) -> None:
        self._listings.moved(event.uniqueid)
        self._calls.talks.bridge_left(event)

    # -- queues

    def _queue_entered(self, event: ev.QueueEntered) -> None:
        if channel := self._calls.find(event.uniqueid):
            channel.queue_data = event.data

    def _caller_joined(self, event: ev.CallerJoined) -> None:
        self._listings.explained(event.queue, event.uniqueid)
        self._listings.joined(event, event.at)

    def _caller_left(self, event: ev.CallerLeft) -> None:
        self._listings.explained(event.queue, event.uniqueid)
        self._visits.left(*self._calls.caller(event.uniqueid, "", "", event.at), event.queue, event.at)

    def _caller_abandoned(self, event: ev.CallerAbandoned) -> None:
        self._listings.explained(event.queue, event.uniqueid)
        caller = self._calls.caller(event.uniqueid, "", "", event.at)
        self._visits.abandoned(*caller, event.queue, event.at, event.waited)

    def _agent_dumped(self, event: ev.AgentDumped) -> None:
        call, channel = self._calls.caller(event.uniqueid, "", "", event.at)
        self._visits.signal(
            call, self._visits.current(call, channel, event.queue, event.at), VisitSignal.DUMP, event.at
        )

    def _queue_status_set(self, event: ev.QueueStatusSet) -> None:
        if self._calls.find(event.uniqueid):
            call, channel = self._calls.caller(event.uniqueid, "", "", event.at)
            self._visits.status_set(call, channel, event.status, event.at)

    def _queue_seen(self, event: ev.QueueSeen) -> None:
        self._queues[event.queue].changed = True

    def _member_seen(self, event: ev.MemberSeen) -> None:
        self._listings.member(event)
        self._queues.set_member(event)

    def _member_removed(self, event: ev.MemberRemoved) -> None:
        self._listings.member_explained(event.queue, event.interface)
        self._queues.remove_member(event.queue, event.interface, event.at)

    # -- listings and the stream itself

    def _shutdown(self, event: ev.Shutdown) -> None:
        for channel in self._calls.channels:
            self._calls.vanish(channel.uniqueid, event.at)
        # Nobody may be there to hear what would be said a moment later.
        self._agents.settle(event.at + BLINK_SECONDS)
        self._breaks.close(event.at)

    def _stream_broke(self, event: ev.StreamBroke) -> None:
        if self._broken is None:
            self._broken = event
            self._listings.broke()
            self._staffing.halt()
            self._breaks.halt(event.at)
            self._crossings.doubt()
            self._alarms.broke(event.at)

    def _stream_resumed(self, event: ev.StreamResumed) -> None:
        self._alarms.resumed(event.at)
        if broken := self._broken:
            self._broken = None
            # Where nothing was said since the last gap, the last event lies before it.
            since, self._resumed_at = max(broken.at, self._resumed_at), event.at
            self._calls.resumed()
            self._listings.resumed()
            self._tell(Gap(pbx=self.pbx, from_=since, to=event.at, why=broken.why))

    def _stream_fault(self, event: ev.StreamFault) -> None:
        self._tell(Anomaly(pbx=self.pbx, at=event.at, kind=event.kind, detail=event.detail))

    def _tick(self, event: ev.Tick | ev.Answered) -> None:
        """Nothing was said; what was due has been settled by `apply`."""
