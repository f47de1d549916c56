"""Calls: who dials whom, who talks to whom, and what ends when a channel ends.

Queue visits are in `ringwatch.core.visits`; the two share the records of `ringwatch.core.state`.
"""

from __future__ import annotations

from collections.abc import Callable

from ringwatch.core import events as ev
from ringwatch.core.facts import AttemptResult, CallOffered, Direction, Record
from ringwatch.core.lifecycle import DIAL_STATUS, HANGUP_CAUSE, VisitSignal
from ringwatch.core.queues import Queues
from ringwatch.core.standards import Policy
from ringwatch.core.state import Attempt, CallState, Channel, Leg, Visit
from ringwatch.core.visits import Visits


class Calls:
    """All channels and calls of one PBX."""

    def __init__(self, pbx: str, policy: Policy, queues: Queues, tell: Callable[[Record], None]) -> None:
        """Start with nothing up."""
        self._pbx = pbx
        self._policy = policy
        self._queues = queues
        self._tell = tell
        self.visits = Visits(pbx, policy, queues, tell)
        self._teller = self.visits.teller
        self._channels: dict[str, Channel] = {}
        self._calls: dict[str, CallState] = {}
        self.resumed_at = 0.0
        """When the stream last came back after a break."""

    @property
    def channel_ids(self) -> list[str]:
        """Uniqueids of the channels that are up, oldest first."""
        return list(self._channels)

    @property
    def open_calls(self) -> list[CallState]:
        """The calls that are up, oldest first."""
        return list(self._calls.values())

    # -- channels

    def channel_started(self, event: ev.ChannelStarted) -> None:
        """A channel came to be: a new call when it rings in from a phone or trunk."""
        if known := self._channels.get(event.uniqueid):
            if known.started_at >= self.resumed_at:
                return
            # An Asterisk that restarts counts from 0 again: within one second the same Uniqueid is another channel.
            self.vanish(event.uniqueid, event.at)
        channel = Channel(
            event.uniqueid,
            event.channel,
            event.at,
            caller=event.caller,
            exten=event.exten,
            context=event.context,
        )
        self._channels[event.uniqueid] = channel
        if event.ringing_in and not channel.is_local:
            self._start_call(channel, event.at, originated=False)

    def channel_of(self, uniqueid: str, name: str, caller: str, at: float) -> Channel:
        """Find a channel, or take note of one whose beginning was not seen."""
        channel = self._channels.get(uniqueid)
        if channel is None:
            channel = self._channels[uniqueid] = Channel(uniqueid, name, at, caller=caller)
        return channel

    def call_of(self, uniqueid: str, name: str, caller: str, at: float) -> CallState:
        """Find the call of a caller's channel, or adopt one whose beginning was not seen."""
        channel = self.channel_of(uniqueid, name, caller, at)
        return channel.call or self._start_call(channel, at, originated=False)

    def _start_call(self, channel: Channel, at: float, *, originated: bool) -> CallState:
        direction: Direction = "outbound" if originated or self._is_ours(channel.device) else "inbound"
        call = CallState(channel.uniqueid, channel, at, direction)
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
            self._goes(channel, event.at)

    def bridge_entered(self, event: ev.BridgeEntered) -> None:
        """A channel talks, or could."""
        channel = self._channels.get(event.uniqueid)
        if channel is None:
            return
        channel.bridge = event.bridge
        if leg := self._leg_of(channel):
            # Gone for a consultation, or back from it.
            leg.left = None

    def bridge_left(self, event: ev.BridgeLeft) -> None:
        """A channel talks no more: who goes first has ended the talk."""
        channel = self._channels.get(event.uniqueid)
        if channel is None:
            return
        channel.bridge = None
        self._goes(channel, event.at)

    def _goes(self, channel: Channel, at: float) -> None:
        leg = self._leg_of(channel)
        if leg and leg.left is None:
            leg.left = (at, "caller" if channel is leg.outer else "agent")

    def channel_ended(self, event: ev.ChannelEnded) -> None:
        """A channel is gone, and with it whatever it held."""
        channel = self._channels.pop(event.uniqueid, None)
        if channel is None:
            return
        at = event.at
        leg = self._leg_of(channel)
        if leg and not self._talks_on(leg, channel):
            self._end_leg(leg, at)
        attempt = channel.attempt
        if attempt and attempt.open and attempt.dest == channel.uniqueid:
            let_go = attempt.cancelled_at is not None or attempt.call.channel.hangup_requested
            result = HANGUP_CAUSE.get(event.cause or 0, "caller_gone" if let_go else "failed")
            self._end_attempt(attempt, at, result)
        if channel.call:
            self._end_call(channel.call, at)

    def find(self, uniqueid: str) -> Channel | None:
        """Find a channel that is up."""
        return self._channels.get(uniqueid)

    def vanish(self, uniqueid: str, at: float) -> None:
        """A channel is gone, and how was not seen."""
        channel = self._channels.get(uniqueid)
        if channel is None:
            return
        if channel.call:
            channel.call.lost = True
        self.channel_ended(ev.ChannelEnded(at, uniqueid, None))

    def _end_call(self, call: CallState, at: float) -> None:
        for attempt in list(call.attempts.values()):
            self._end_attempt(attempt, at, "failed" if call.lost else "caller_gone")
        if call.leg:
            self._end_leg(call.leg, at)
        if call.visit:
            self.visits.signal(call, call.visit, VisitSignal.GONE, at)
        self._calls.pop(call.call_id, None)
        self._tell(self._teller.call(call, at))

    # -- dialling

    def dial_began(self, event: ev.DialBegan) -> None:
        """A device is called: by a queue (known already), by a caller, behind a Local pair, or by nobody."""
        if event.dest not in self._channels:
            self._channels[event.dest] = Channel(event.dest, event.dest_channel, event.at)
        dest = self._channels[event.dest]
        if dest.attempt or dest.call:
            return
        dialler = self._channels.get(event.uniqueid)
        if not event.uniqueid:
            if not dest.is_local:
                self._start_call(dest, event.at, originated=True)
        elif dialler and dialler.is_local:
            front = self._channels.get(dialler.partner or "")
            if front and front.attempt:
                dest.attempt = front.attempt
                front.attempt.phone = dest.device
        elif dialler and dialler.call:
            self._dial(dialler.call, dest, event.at)

    def _dial(self, call: CallState, dest: Channel, at: float) -> None:
        ours = self._is_ours(dest.device) or dest.is_local
        if call.direction == "outbound" and ours:
            call.direction = "internal"
        if call.offered_at is None:
            call.offered_at = at
            if call.direction == "inbound":
                call.line = self._policy.line(call.channel.exten, call.channel.context)
                self._tell(CallOffered(pbx=self._pbx, call_id=call.call_id, queue=call.line, ordinal=1, at=at))
        if call.direction == "outbound":
            # The customer's phone is not the desk's: how long it rings is nobody's merit.
            call.outside = dest
            return
        self._start_attempt(call, None, dest, dest.device, dest.device, at)

    def agent_called(self, event: ev.AgentCalled) -> None:
        """A queue calls a member."""
        call = self.call_of(event.uniqueid, "", "", event.at)
        dest = self.channel_of(event.dest, event.dest_channel, "", event.at)
        if dest.attempt is None:
            visit = self.visits.current(call, event.queue, event.at)
            self._start_attempt(call, visit, dest, event.agent, event.interface, event.at)

    def _start_attempt(
        self, call: CallState, visit: Visit | None, dest: Channel, agent: str, interface: str, at: float
    ) -> None:
        call.round_answered = False
        attempt = Attempt(call, visit, agent, interface, dest.uniqueid, at)
        dest.attempt = attempt
        call.attempts[dest.uniqueid] = attempt

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
            if event.status == "CANCEL":
                if not call.round_answered and not call.channel.hangup_requested:
                    # Dial lets a group go before it says who answered (seen in mix-22): what follows tells.
                    attempt.cancelled_at = event.at
                    return
                result = "elsewhere" if call.round_answered else "caller_gone"
            self._end_attempt(attempt, event.at, result)
            if result == "answered" and attempt.visit is None:
                leg = Leg(call, attempt.agent, attempt.interface, call.channel, dest, event.at, None, attempt)
                self._start_leg(leg)
        elif event.status == "ANSWER" and (dialler := self._channels.get(event.uniqueid)):
            call_out = dialler.call
            if call_out and call_out.outside is dest and call_out.leg is None:
                device = dialler.device
                agent = self._queues.agent_at(device)
                self._start_leg(Leg(call_out, agent, device, dest, dialler, event.at, None, None))

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
        if attempt.visit is None:
            # The phone behind a Local pair is who was called, where there is one.
            attempt.interface = attempt.phone or attempt.interface
            attempt.agent = self._queues.agent_at(attempt.interface)
        if result == "answered":
            call.round_answered = True
            if attempt.visit:
                attempt.visit.answered_by = attempt
        elif call.channel.hangup_requested:
            call.line_outcome = "abandoned"
        else:
            call.line_outcome = "timeout" if result == "no_answer" else "failed"
        self._tell(self._teller.attempt(attempt, at, result))

    # -- talking

    def agent_connected(self, event: ev.AgentConnected) -> None:
        """A member and the caller of a queue talk."""
        call = self.call_of(event.uniqueid, "", "", event.at)
        dest = self.channel_of(event.dest, event.dest_channel, "", event.at)
        visit = self.visits.current(call, event.queue, event.at)
        if self.visits.signal(call, visit, VisitSignal.CONNECT, event.at):
            leg = Leg(call, event.agent, event.interface, call.channel, dest, event.at, visit, dest.attempt)
            self._start_leg(leg)

    def _start_leg(self, leg: Leg) -> None:
        call = leg.call
        if call.leg:
            self._end_leg(call.leg, leg.started_at)
        call.leg = leg.outer.leg = leg.inner.leg = leg
        if leg.attempt:
            leg.attempt.leg = leg
        if call.answered_at is None:
            call.answered_at = leg.started_at
            call.rings.freeze(leg.started_at)
        if leg.agent not in call.agents:
            call.agents.append(leg.agent)
        elif leg.visit is None or leg.visit.ordinal == 1:
            # A queue visited twice has been counted as a bounce when it was joined.
            call.bounces += 1

    def _end_leg(self, leg: Leg, at: float) -> None:
        call = leg.call
        ended_at, ended_by = leg.left or (at, "unknown")
        if leg.holders:
            self._end_hold(leg, max(ended_at, leg.held_since))
        call.leg = None
        for channel in (leg.outer, leg.inner):
            if channel.leg is leg:
                channel.leg = None
        if leg.attempt:
            leg.attempt.leg = None
        call.talk_seconds += max(ended_at - leg.started_at - leg.hold_seconds, 0.0)
        call.hold_seconds += leg.hold_seconds
        waiting = len(self._queues[leg.visit.queue].waiting) if leg.visit else 0
        self._tell(self._teller.leg(leg, ended_at, ended_by, waiting))
        self.visits.talk_ended(call, leg, ended_at, ended_by)

    @staticmethod
    def _leg_of(channel: Channel) -> Leg | None:
        return channel.leg or (channel.attempt.leg if channel.attempt else None)

    def _talks_on(self, leg: Leg, gone: Channel) -> bool:
        """Tell whether another channel of the same agent shares the caller's bridge: the Local pair was taken out."""
        if gone is leg.outer or leg.attempt is None or leg.outer.bridge is None:
            return False
        for channel in self._channels.values():
            if channel.attempt is leg.attempt and channel.bridge == leg.outer.bridge:
                leg.inner.leg, leg.inner, channel.leg, leg.left = None, channel, leg, None
                return True
        return False

    def hold_began(self, event: ev.HoldBegan) -> None:
        """An agent leaves the caller alone; holds of several channels nest."""
        channel = self._channels.get(event.uniqueid)
        leg = self._leg_of(channel) if channel else None
        if leg and channel is not leg.outer:
            if not leg.holders:
                leg.held_since = event.at
            leg.holders[event.uniqueid] = event.at

    def hold_ended(self, event: ev.HoldEnded) -> None:
        """The agent is back. A blind transfer sends this without a hold before it."""
        channel = self._channels.get(event.uniqueid)
        leg = self._leg_of(channel) if channel else None
        if leg and leg.holders.pop(event.uniqueid, None) is not None and not leg.holders:
            self._end_hold(leg, event.at)

    def _end_hold(self, leg: Leg, at: float) -> None:
        leg.holds += 1
        leg.hold_seconds += at - leg.held_since
        self._tell(self._teller.hold(leg, leg.held_since, at))

    def transferred(self, event: ev.Transferred) -> None:
        """An agent handed the caller on."""
        channel = self._channels.get(event.transferer)
        leg = self._leg_of(channel) if channel else None
        if leg is None or channel is leg.outer:
            return
        self._tell(self._teller.transfer(leg, event))
        if event.success:
            leg.call.transfers += 1
            leg.left = (leg.left[0] if leg.left else event.at, "transfer")
            self._end_leg(leg, event.at)
