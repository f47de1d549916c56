"""Calls: who dials whom, who talks to whom, and what ends when a channel ends.

Queue visits are in `ringwatch.core.visits`; the two share the records of `ringwatch.core.state`.
"""

from __future__ import annotations

from collections.abc import Callable

from ringwatch.core import events as ev
from ringwatch.core.crossings import Crossings
from ringwatch.core.facts import AttemptResult, Direction, EndedBy, Outcome, Record
from ringwatch.core.lifecycle import DIAL_STATUS, HANGUP_CAUSE, VisitSignal
from ringwatch.core.passing import Passing
from ringwatch.core.queues import Queues
from ringwatch.core.standards import Policy
from ringwatch.core.state import Attempt, CallState, Channel, Leg, Visit
from ringwatch.core.talks import Talks
from ringwatch.core.visits import Visits


class Calls:
    """All channels and calls of one PBX."""

    def __init__(self, pbx: str, policy: Policy, queues: Queues, tell: Callable[[Record], None]) -> None:
        """Start with nothing up."""
        self._policy = policy
        self._queues = queues
        self._tell = tell
        self.visits = Visits(pbx, policy, queues, tell)
        self._teller = self.visits.teller
        self._channels: dict[str, Channel] = {}
        self._calls: dict[str, CallState] = {}
        self.crossings = Crossings(policy, self._teller, tell)
        self.talks = Talks(
            find=self._channels.get,
            is_ours=self._is_ours,
            queues=queues,
            teller=self._teller,
            tell=tell,
            crossings=self.crossings,
            met=self._leg_began,
            ended=self._leg_ended,
        )
        self.passing = Passing(
            talks=self.talks,
            find=self._channels.get,
            queues=queues,
            end_attempt=self._end_attempt,
        )
        self._known_before: set[str] = set()
        """Channels that were up when the stream came back. A listing has the time of what was said before it."""

    @property
    def channels(self) -> list[Channel]:
        """The channels that are up, oldest first."""
        return list(self._channels.values())

    @property
    def open_calls(self) -> list[CallState]:
        """The calls that are up, oldest first."""
        return list(self._calls.values())

    # -- channels

    def channel_started(self, event: ev.ChannelStarted) -> None:
        """A channel came to be: a new call when it rings in from a phone or trunk."""
        if known := self._channels.get(event.uniqueid):
            if event.uniqueid not in self._known_before:
                if known.found_at is not None:
                    # The listing that showed it had overtaken this.
                    known.begins(event, event.at)
                return
            # An Asterisk that restarts counts from 0 again: within one second the same Uniqueid is another channel.
            self.vanish(event.uniqueid, event.at)
        channel = Channel(event.uniqueid, event.channel, event.at)
        channel.begins(event, event.at)
        self._channels[event.uniqueid] = channel
        if event.ringing_in and not channel.is_local:
            self.start_call(channel, event.at, originated=False)

    def resumed(self) -> None:
        """The stream is back: whatever begins from now on is another channel than those that are believed to be up."""
        self._known_before = set(self._channels)

    def channel_of(self, uniqueid: str, name: str, caller: str, at: float) -> Channel:
        """Find a channel, or take note of one whose beginning was not seen."""
        channel = self._channels.get(uniqueid)
        if channel is None:
            channel = self._channels[uniqueid] = Channel(uniqueid, name, at, caller=caller, found_at=at)
        return channel

    def caller(self, uniqueid: str, name: str, caller: str, at: float) -> tuple[CallState, Channel]:
        """Find the call on whose behalf a channel acts, and the channel; one that was not seen before is adopted."""
        channel = self.channel_of(uniqueid, name, caller, at)
        return channel.call or self._linked(channel) or self.start_call(channel, at, originated=False), channel

    def _linked(self, channel: Channel) -> CallState | None:
        """Return the call on whose behalf a Local pair was made: a consultation, a transfer behind a Local member."""
        if channel.is_local and channel.owner is None:
            half = self._channels.get(channel.partner or "")
            attempt = channel.attempt or (half.attempt if half else None)
            # Remembered: the pair may outlive the call.
            channel.owner = attempt.call if attempt else self._calls.get(channel.linkedid)
        return channel.owner

    def start_call(self, channel: Channel, at: float, *, originated: bool) -> CallState:
        """Begin a call with its first channel."""
        direction: Direction = "outbound" if originated or self._is_ours(channel.device) else "inbound"
        call = CallState(channel.uniqueid, channel, channel.caller, at, direction, originated)
        if direction == "outbound":
            # What the phone asks for, unless it turns out to be dialled in another way.
            call.called = channel.number if originated else channel.exten
        channel.call = call
        self._calls[call.call_id] = call
        return call

    def _is_ours(self, device: str) -> bool:
        trunks = self._policy.trunks
        if trunks:
            # A channel whose beginning was not seen may have no name: nobody claims it as the desk's.
            return bool(device) and not device.startswith(trunks)
        return self._queues.is_member(device)

    def local_paired(self, event: ev.LocalPaired) -> None:
        """Two halves belong together."""
        for uniqueid, other in ((event.one, event.two), (event.two, event.one)):
            if channel := self._channels.get(uniqueid):
                channel.partner = other

    def hangup_requested(self, event: ev.HangupRequested) -> None:
        """Somebody wants a channel gone."""
        if channel := self._channels.get(event.uniqueid):
            channel.hangup_requested = True
            self.talks.going(channel, event.at)

    def channel_ended(self, event: ev.ChannelEnded) -> None:
        """A channel is gone, and with it whatever it held."""
        channel = self._channels.get(event.uniqueid)
        if channel is None:
            return
        at = event.at
        self.talks.channel_gone(channel, at)
        del self._channels[event.uniqueid]
        self._known_before.discard(event.uniqueid)
        attempt = channel.attempt
        if attempt and attempt.dest == channel.uniqueid:
            if attempt.open:
                let_go = attempt.cancelled_at is not None or attempt.call.channel.hangup_requested
                result = HANGUP_CAUSE.get(event.cause or 0, "caller_gone" if let_go else "failed")
                self._end_attempt(attempt, at, result)
            elif attempt.visit and attempt.leg is None:
                phone = next((each for each in self._channels.values() if each.attempt is attempt), None)
                if phone:
                    # A wire was taken out, and the agent is still there.
                    attempt.dest = phone.uniqueid
                else:
                    self.visits.agent_gone(attempt.visit, attempt, at)
        call = channel.call or self._linked(channel)
        if call and channel.visit:
            self.visits.caller_gone(call, channel.visit, at)
        if channel.call:
            self._end_call(channel.call, at)

    def find(self, uniqueid: str) -> Channel | None:
        """Find a channel that is up."""
        return self._channels.get(uniqueid)

    def vanish(self, uniqueid: str, at: float) -> None:
        """A channel that is believed to be up is gone, and how was not seen."""
        if call := self._channels[uniqueid].call:
            call.lost = True
        self.channel_ended(ev.ChannelEnded(at, uniqueid, None))

    def _end_call(self, call: CallState, at: float) -> None:
        for attempt in list(call.attempts.values()):
            waits = attempt.visit.channel if attempt.visit else call.channel
            if call.lost or waits is call.channel or waits.uniqueid not in self._channels:
                # Where half of a Local pair waits for the caller, its phones ring a little longer (seen on 22).
                self._end_attempt(attempt, at, "failed" if call.lost else "caller_gone")
        if call.parked_by and call.parked_by.visit:
            # Nobody took the caller back: until the end it was the parker's talk.
            self.visits.caller_gone(call, call.parked_by.visit, at)
        self._calls.pop(call.call_id, None)
        if not call.joined:
            self._tell(self._teller.call(call, at))

    # -- dialling

    def dial_began(self, event: ev.DialBegan) -> None:
        """A device is called: by a queue (known already), by a caller, behind a Local pair, or by nobody."""
        if event.dest not in self._channels:
            self._channels[event.dest] = Channel(event.dest, event.dest_channel, event.at)
        dest = self._channels[event.dest]
        if dest.attempt or dest.call:
            return
        dest.number = event.number
        if not event.uniqueid:
            if not dest.is_local or dest.linkedid == dest.uniqueid:
                # Else a phone is consulted: its wire is linked to whoever asks.
                self.start_call(dest, event.at, originated=True)
        elif dialler := self._channels.get(event.uniqueid):
            self._dialled(dialler, dest, event.at)
            if (far := self._channels.get(dest.partner or "")) and far.visit:
                # It may stand in line before the near half is told to be called.
                self.is_no_phone(far)

    def _dialled(self, dialler: Channel, dest: Channel, at: float) -> None:
        front = self._channels.get(dialler.partner or "") if dialler.is_local else None
        sent, dialler.forwarded = dialler.forwarded, None
        if sent:
            agent = sent.agent if sent.visit else dest.device
            self._start_attempt(sent.call, sent.visit, dest, agent, dest.device, at).forwarded = True
        elif front and front.attempt and (front.attempt.open or front.attempt.leg):
            self._belongs(dest, front.attempt)
        elif front and front.call:
            # An Originate rings its agent through a wire.
            dest.owner = front.call
        elif dialler.call:
            self._dial(dialler.call, dest, at)
        elif dialler.is_local:
            self._dialled_by_wire(dialler, dest, at)

    def _dialled_by_wire(self, dialler: Channel, dest: Channel, at: float) -> None:
        dialler.dialled.append(dest)
        call = self._linked(dialler)
        if call and dialler.uniqueid == call.call_id:
            # The wire through which an Originate rang its agent, who is there now.
            self._dial(call, dest, at)
        elif call:
            # A phone that an agent consults, or that a transfer behind a Local member leads to.
            self._start_attempt(call, None, dest, dest.device, dest.device, at)

    def _dial(self, call: CallState, dest: Channel, at: float) -> None:
        ours = self._is_ours(dest.device) or dest.is_local
        # Who called a customer first, for somebody of the desk to talk with, still calls out.
        customer_first = call.channel.device.startswith(self._policy.trunks)
        if call.direction == "outbound" and ours and call.answered_at is None and not customer_first:
            call.direction = "internal"
        if call.offered_at is None:
            call.offered_at = at
            if call.direction == "inbound":
                call.line = self._policy.line(call.channel.exten, call.channel.context)
                self._tell(self._teller.offered(call, call.line, 1, at))
        if call.direction == "outbound" and not ours:
            # The customer's phone is not the desk's: how long it rings is nobody's merit.
            dest.owner, call.called = call, dest.number or call.called
            return
        self._start_attempt(call, None, dest, dest.device, dest.device, at)

    def agent_called(self, event: ev.AgentCalled) -> None:
        """A queue calls a member."""
        call, channel = self.caller(event.uniqueid, "", "", event.at)
        dest = self.channel_of(event.dest, event.dest_channel, "", event.at)
        channel.forwarded = None  # it led nowhere
        if dest.attempt is None:
            visit = self.visits.current(call, channel, event.queue, event.at)
            self._start_attempt(call, visit, dest, event.agent, event.interface, event.at)

    def _start_attempt(
        self, call: CallState, visit: Visit | None, dest: Channel, agent: str, interface: str, at: float
    ) -> Attempt:
        call.round_answered = False
        attempt = Attempt(call, visit, agent, interface, dest.uniqueid, at)
        call.attempts[dest.uniqueid] = attempt
        self._belongs(dest, attempt)
        return attempt

    def _belongs(self, dest: Channel, attempt: Attempt) -> None:
        """Let a channel be called for an attempt, whatever it was taken for: the device, or what is behind it."""
        if dest.attempt:
            dest.attempt.call.attempts.pop(dest.uniqueid, None)
        dest.attempt = attempt
        if dest.uniqueid != attempt.dest and not dest.is_local:
            attempt.phone = attempt.phone or dest.device
        far = self._channels.get(dest.partner or "")
        for phone in far.dialled if far else []:
            # The far half of a Local pair may dial before the near half is told to be called.
            self._belongs(phone, attempt)

    def is_no_phone(self, far: Channel) -> None:
        """Forget that the near half of a Local pair was called: its far half stands in a queue's line."""
        near = self._channels.get(far.partner or "")
        if near and near.attempt and near.attempt.open and near.attempt.visit is None:
            near.attempt.open = False
            near.attempt.call.attempts.pop(near.uniqueid, None)

    def dial_rang(self, event: ev.DialRang) -> None:
        """A device reports that it rings; only now its ringing counts."""
        dest = self._channels.get(event.dest)
        attempt = dest.attempt if dest else None
        if attempt and attempt.open and attempt.rang_at is None and attempt.dest == event.dest:
            attempt.rang_at = event.at
            if attempt.visit:
                attempt.visit.rings.start(event.at)
            elif attempt.call.answered_at is None:
                attempt.call.rings.start(event.at)

    def dial_ended(self, event: ev.DialEnded) -> None:
        """Calling a device ended; the second of two equal endings says nothing new."""
        dest = self._channels.get(event.dest)
        if dest is None:
            return
        attempt = dest.attempt
        if attempt and attempt.open and attempt.dest == event.dest:
            call = attempt.call
            result = DIAL_STATUS.get(event.status, "failed")
            if event.forwarded:
                result = "elsewhere"
                if dialler := self._channels.get(event.uniqueid):
                    dialler.forwarded = attempt
            elif event.status == "CANCEL":
                if not call.round_answered and not call.channel.hangup_requested:
                    # Dial lets a group go before it says who answered (seen in mix-22): what follows tells.
                    attempt.cancelled_at = event.at
                    return
                result = "elsewhere" if call.round_answered else "caller_gone"
            self._end_attempt(attempt, event.at, result)
            if result == "answered" and attempt.visit is None and event.uniqueid == call.channel.uniqueid:
                call.answered(event.at)
        elif event.status == "ANSWER":
            self.passing.answered_by_another(event, dest)

    def answered_unseen(self, attempt: Attempt) -> None:
        """A phone that rang is found in talk: for how long it rang was not seen, and is not told."""
        attempt.open = False
        attempt.call.attempts.pop(attempt.dest, None)

    def _end_attempt(self, attempt: Attempt, at: float, result: AttemptResult) -> None:
        call = attempt.call
        if result == "answered":
            for other in list(call.attempts.values()):
                if other is not attempt and other.cancelled_at is not None:
                    self._end_attempt(other, at, "elsewhere")
        at = at if attempt.cancelled_at is None else attempt.cancelled_at
        attempt.open = False
        call.attempts.pop(attempt.dest, None)
        if attempt.rang_at is not None:
            attempt.ring_seconds = at - attempt.rang_at
            (attempt.visit.rings if attempt.visit else call.rings).stop(at)
        if attempt.visit is None or attempt.forwarded:
            # The phone behind a Local pair is who was called, where there is one.
            attempt.interface = attempt.phone or attempt.interface
        if attempt.visit is None:
            attempt.agent = self._queues.agent_at(attempt.interface)
        if result == "answered":
            call.round_answered = True
            if attempt.visit:
                attempt.visit.answered_by = attempt
        else:
            unserved: Outcome = "timeout" if result == "no_answer" else "failed"
            call.line_outcome = "abandoned" if call.channel.hangup_requested else unserved
        self._tell(self._teller.attempt(attempt, at, "elsewhere" if attempt.taken_by else result))

    def agent_connected(self, event: ev.AgentConnected) -> None:
        """A member and the caller of a queue are put together; the bridge that follows lets them talk."""
        call, channel = self.caller(event.uniqueid, "", "", event.at)
        dest = self.channel_of(event.dest, event.dest_channel, "", event.at)
        visit = self.visits.current(call, channel, event.queue, event.at, event.waited)
        if self.visits.signal(call, visit, VisitSignal.CONNECT, event.at):
            visit.agent, visit.interface = event.agent, event.interface
            if dest.attempt and (taken_by := dest.attempt.taken_by):
                visit.agent, visit.interface = self._queues.agent_at(taken_by), taken_by
            elif dest.attempt is None and dest.call is None:
                # Its ringing was not seen, and is not told.
                rung = Attempt(call, visit, event.agent, event.interface, dest.uniqueid, event.at, open=False)
                self._belongs(dest, rung)
            self._tell(self._teller.answered(call, visit, event.at))
            if visit.channel is call.channel:
                call.answered(event.at)

    def _leg_began(self, leg: Leg) -> None:
        self.crossings.began(leg)
        call = leg.call
        if call.line and call.answered_at is not None and not call.answer_told:
            call.answer_told = True
            self._tell(self._teller.answered(call, None, call.answered_at))
        parked, call.parked_by = call.parked_by, None
        if parked and parked.visit and parked.visit.quiet_since is not None:
            if leg.visit is parked.visit:
                self.visits.resumed(parked.visit, leg.started_at)
            else:
                self.visits.talk_ended(leg.call, parked.visit, parked.visit.quiet_since, "transfer")

    def _leg_ended(self, leg: Leg, at: float, ended_by: EndedBy) -> None:
        call, visit = leg.call, leg.visit
        self.crossings.ended(leg, at)
        waiting = len(self._queues[visit.queue].waiting) if visit else 0
        self._tell(self._teller.leg(leg, at, ended_by, waiting))
        waits = leg.parked and ended_by != "caller"
        if waits:
            call.parked_by = leg
        if visit:
            visit.hold_seconds += leg.hold_seconds
            visit.holds += leg.holds
            if waits:
                visit.quiet_since = at
            elif all(each.visit is not visit for each in call.legs.values()):
                self.visits.talk_ended(call, visit, at, ended_by)
