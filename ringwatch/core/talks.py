"""Conversations: who talks with the caller, who leaves the caller alone, and until when.

Rules:

* Two channels talk when they are in one bridge, or in bridges that Local pairs join: a Local channel is a piece of
  wire. So a phone behind a Local member, a consulted phone after an attended transfer, and a phone that fetches a
  parked caller are all found in the same way, and each is credited with the time from when it reaches the caller.
* A conversation (leg) ends with the agent's phone, with the caller, or with a transfer that succeeded. An agent who is
  away from the caller while the phone is still up is consulting: the caller is left alone.
* When a caller is left alone, and until when, is in `ringwatch.core.silences`.
* A parked caller is still the parker's, until somebody else fetches the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ringwatch.core import events as ev
from ringwatch.core.bridges import Bridges
from ringwatch.core.crossings import Crossings
from ringwatch.core.facts import EndedBy, Record
from ringwatch.core.queues import Queues
from ringwatch.core.silences import Silences
from ringwatch.core.state import (
    BLINK_SECONDS,
    Attempt,
    CallState,
    Channel,
    Leg,
    goes_on_with,
    legs_of,
    number_of,
    side,
)
from ringwatch.core.telling import Teller


class Talks:
    """The conversations of all calls of one PBX.

    :param find: finds a channel that is up.
    :param is_ours: tells whether a device is the desk's own.
    :param crossings: told of all that may stop a clock or set it going.
    :param met: told of every leg that begins.
    :param ended: told of every leg that is over, with its end and who ended it.
    """

    def __init__(
        self,
        *,
        find: Callable[[str], Channel | None],
        is_ours: Callable[[str], bool],
        queues: Queues,
        teller: Teller,
        tell: Callable[[Record], None],
        crossings: Crossings,
        met: Callable[[Leg], None],
        ended: Callable[[Leg, float, EndedBy], None],
    ) -> None:
        """Start with silence."""
        self._find = find
        self._is_ours = is_ours
        self._queues = queues
        self._teller = teller
        self._tell = tell
        self._crossings = crossings
        self._met = met
        self._ended = ended
        self._bridges = Bridges(find)
        self.silences = Silences(find=find, queues=queues, teller=teller, tell=tell, crossings=crossings)
        self._come_upon = False

    # -- who is with whom

    def bridge_entered(self, event: ev.BridgeEntered) -> None:
        """A channel joined a bridge; those who are parked share one without hearing each other."""
        channel = self._find(event.uniqueid)
        if channel is None or event.parking:
            return
        self._bridges.enter(channel, event.bridge)
        for leg in legs_of(channel):
            leg.left = None
            self._crossings.moved(leg)
        self._look(channel, event.at)

    def bridge_left(self, event: ev.BridgeLeft) -> None:
        """A channel left a bridge: who goes first has ended the talk, if it is one that ends."""
        channel = self._find(event.uniqueid)
        if channel is None or channel.bridge != event.bridge:
            return
        legs, others = legs_of(channel), self._bridges.together(channel)
        self._bridges.leave(channel)
        for other in [channel, *others]:
            self._look(other, event.at)
        for leg in legs:
            # A wire that is taken out parts nobody, and into the parking space a caller goes alive.
            if leg.left is None and leg.away_since is not None and not leg.parked:
                leg.left = (event.at, side(leg, channel))

    def found(self, places: Iterable[tuple[Channel, str]], at: float) -> None:
        """Believe a listing that shows channels in bridges (or in none, empty): who talks there began unseen."""
        channels = []
        for channel, bridge in places:
            self._bridges.enter(channel, bridge)
            channels.append(channel)
        self._come_upon = True
        for channel in channels:
            self._look(channel, at)
        self._come_upon = False

    def _look(self, channel: Channel, at: float) -> None:
        """See who talks now with the callers near a channel."""
        near = self._bridges.together(channel)
        own = [each for each in near if each.call]
        # Whoever serves a caller is not served by others who are in the same conference.
        serving = [each for each in own if each.leg and each.leg.call.channel in own]
        for call in [each.call for each in own if each.call and each not in serving]:
            self._reconcile(call, near, at)

    def _reconcile(self, call: CallState, near: list[Channel], at: float) -> None:
        partners = [each for each in near if self._is_partner(call, each)]
        for leg in list(call.legs.values()):
            present = leg.phone in partners
            if present and leg.away_since is not None:
                leg.consulted = leg.consulted or at - leg.away_since >= BLINK_SECONDS
                leg.away_since = None
                if leg.music_heard and not call.channel.music:
                    leg.holders.clear()
                self.silences.listen(leg, at)
            elif not present and leg.away_since is None and not leg.parked:
                leg.away_since = at
                self.silences.listen(leg, at)
        for phone in partners:
            other = phone.leg
            if other and other.call is not call and not call.joined and other.away_since is not None:
                # Whoever had called this phone has handed it on to this caller and is not there any more.
                self._end(other, *(other.left or (at, "transfer")))
            if phone.leg is None:
                self._meet(call, phone, near, at)

    def _is_partner(self, call: CallState, other: Channel) -> bool:
        if other is call.channel or other.is_local:
            return False
        # Two callers in one bridge (a parked call fetched, a second call transferred): the older call is the one that
        # is being served, the other was made in order to serve it.
        return other.call is None or other.call is call or other.call.started_at > call.started_at

    # -- legs

    def _meet(self, call: CallState, phone: Channel, near: list[Channel], at: float) -> None:
        attempt = phone.attempt or _rung_unseen(phone, near)
        if call.direction == "outbound" and attempt is None and not self._is_ours(phone.device):
            # The customer whom the agent had called answers: from now on it is the customer who is served.
            customer, phone = phone, call.channel
            goes_on_with(call, customer)
        device = phone.device
        agent, interface = self._who(call, attempt, device)
        visit = attempt.visit if attempt and attempt.visit and attempt.visit.connected_at is not None else None
        for parked in [leg for leg in call.legs.values() if leg.parked]:
            # Whoever fetches a caller may be in the bridge before it is told.
            self._end(parked, at, "transfer")
        parked_by = call.parked_by
        # Whoever is rung for the caller by a queue serves that queue, even if it was they who had parked the caller.
        again = parked_by is not None and parked_by.device == device and visit in {None, parked_by.visit}
        if parked_by and again:
            # Back at the one who had parked the caller: app_queue counts it as one talk all along.
            agent, interface, visit = parked_by.agent, parked_by.interface, parked_by.visit
        leg = Leg(call, agent, interface, phone, device, at, visit, attempt, from_start=not self._come_upon)
        call.legs[phone.uniqueid] = phone.leg = leg
        # Through a wire in front of the one who asks, whoever was asked before is still served.
        leg.wires = [each for each in near if each.is_local and not (each.leg and each.leg.phone is call.channel)]
        for each in leg.wires:
            # Whatever is done to the wire is done by whoever is at its far end now.
            each.leg = leg
        if attempt:
            attempt.leg = leg
        call.answered(at, seen=leg.from_start)
        if phone.call:
            self._fetched(phone.call, at)
        if agent not in call.agents:
            call.agents.append(agent)
        elif leg.from_start and not again and (visit is None or visit.ordinal == 1):
            # A queue visited twice has been counted as a bounce when it was joined.
            call.bounces += 1
        self._met(leg)

    def _who(self, call: CallState, attempt: Attempt | None, device: str) -> tuple[str, str]:
        """Name the agent at a device, and the interface: as a queue does where it rang for one of its members."""
        if attempt and not attempt.taken_by:
            return attempt.agent, attempt.reached(device)
        return self._named(call, device), device

    def _named(self, call: CallState, device: str) -> str:
        """Name the agent at a device: by the queue that the caller was found in the talk of, else by all queues."""
        name = call.channel.queue_arguments[0] if self._come_upon else ""
        members = (member for queue in self._queues if queue.name == name for member in queue.members.values())
        return next((each.agent.name for each in members if each.agent.device == device), self._queues.agent_at(device))

    @staticmethod
    def _fetched(own: CallState, at: float) -> None:
        """An agent's own call was made to fetch a caller, and has; a phone that was called back made none."""
        own.answered_at = own.answered_at or at
        own.joined |= own.originated and own.offered_at is None

    def channel_gone(self, channel: Channel, at: float) -> None:
        """A channel hung up; a parked caller's leg waits for whoever fetches the call."""
        near = self._bridges.together(channel)
        self._bridges.leave(channel)
        if channel.call:
            for leg in list(channel.call.legs.values()):
                self._end(leg, *(leg.left or (at, "unknown")))
        if (own := channel.leg) and not own.parked:
            self._phone_gone(own, channel, at)
        for other in near:
            if other is not channel:
                self._look(other, at)

    def _phone_gone(self, leg: Leg, channel: Channel, at: float) -> None:
        if channel in leg.wires:
            leg.wires.remove(channel)
        if leg.left is None and leg.away_since is not None and channel is leg.phone:
            # A phone that had gone elsewhere before was consulting until now; else it was over when it left.
            leg.left = (at, "agent")
        gone = channel is leg.phone or self._find(leg.phone.uniqueid) is None
        # Whoever hangs up in a consultation hands on: behind a wire the phone is gone before that is told.
        if gone and not (leg.away_since is not None and leg.wires):
            self._end(leg, *(leg.left or (at, "unknown")))

    def transferred(self, event: ev.Transferred) -> None:
        """An agent handed the caller on, or tried to."""
        channels = [self._find(event.transferer), self._find(event.second)]
        legs = [leg for each in channels if each for leg in legs_of(each) if side(leg, each) == "agent"]
        if not legs and (transferer := channels[0]) and (call := transferer.call) and call.direction == "internal":
            self._hands_on_the_called(call, event)
        for leg in legs[:1]:
            # An agent who dialled before handing on knows the number; who answers there is another matter.
            others = [each for each in channels if each and each is not leg.phone and each.call is not leg.call]
            asked = next((each.exten for each in others if each.call), "")
            self._tell(self._teller.transfer(leg, event, asked or event.to or self._reached(leg)))
            if event.success:
                leg.call.transfers += 1
                self._end(leg, leg.left[0] if leg.left else event.at, "transfer")

    def _hands_on_the_called(self, call: CallState, event: ev.Transferred) -> None:
        """The one who had called a colleague handed that one on: now the colleague is served."""
        for leg in list(call.legs.values())[:1]:
            caller = call.channel
            self._tell(self._teller.transfer(leg, event, event.to, by=self._queues.agent_at(caller.device)))
            if event.success and leg.phone.call is None:
                call.transfers += 1
                self._end(leg, leg.left[0] if leg.left else event.at, "transfer")
                goes_on_with(call, leg.phone)
                if event.kind == "attended":
                    # The two are together by now.
                    self._look(leg.phone, event.at)

    def takes_place(self, heir: Channel, other: Channel, bridge: str, at: float) -> None:
        """Put a channel in another's place in a bridge: nothing says that the one enters and the other leaves it."""
        before = other.leg
        self.bridge_left(ev.BridgeLeft(at, other.uniqueid, bridge))
        self.bridge_entered(ev.BridgeEntered(at, heir.uniqueid, bridge))
        if before and heir.leg and heir.leg.call is before.call:
            # What the queue had put together goes on, through the same wire.
            heir.leg.visit = before.visit
            before.wires.clear()
            self._crossings.moved(heir.leg)

    def over(self, call: CallState, at: float) -> None:
        """Let a caller go who stands in a line now: who handed the caller on may be told a moment later."""
        for leg in list(call.legs.values()):
            if leg.away_since is None or leg.parked:
                self._end(leg, *(leg.left or (at, "unknown")))

    def _reached(self, leg: Leg) -> str:
        """Name the number behind the wire that took the agent's place: ``802`` of ``Local/802@internal``."""
        wires = [each for each in self._bridges.together(leg.call.channel) if each.is_local and each.attempt is None]
        return number_of(wires[0].name) if wires else ""

    def _end(self, leg: Leg, at: float, ended_by: EndedBy) -> None:
        call = leg.call
        call.legs.pop(leg.phone.uniqueid, None)
        if leg.away_since is not None:
            leg.consulted = leg.consulted or at - leg.away_since >= BLINK_SECONDS
        self.silences.end(leg, at)
        for each in (leg.phone, *leg.wires):
            if each.leg is leg:
                each.leg = None
        if leg.attempt:
            leg.attempt.leg = None
        if call.lost and leg.left is None:
            ended_by = "unknown"
        call.talk_seconds += max(at - leg.started_at - leg.hold_seconds, 0.0)
        call.hold_seconds += leg.hold_seconds
        self._ended(leg, at, ended_by)

    def going(self, channel: Channel, at: float) -> None:
        """Take note of who goes first; an agent who has parked the caller may go."""
        # What happens to a wire follows from what somebody did.
        for leg in [] if channel.is_local else legs_of(channel):
            whose = side(leg, channel)
            if leg.left is None and not (whose == "agent" and leg.parked):
                leg.left = (at, whose)

    def parked(self, event: ev.Parked) -> None:
        """A caller was put in a parking space; whoever talked with the caller has done it."""
        channel = self._find(event.uniqueid)
        for leg in list(channel.call.legs.values()) if channel and channel.call else []:
            if leg.silent_since is not None:
                self.silences.end(leg, event.at)
            leg.holders.clear()
            leg.away_since, leg.left, leg.parked = None, None, True
            leg.silent_since = event.at
            self._crossings.moved(leg)

    def park_ended(self, event: ev.ParkEnded) -> None:
        """A parked caller is fetched, given back, or has given up: the conversation with the parker is over."""
        channel = self._find(event.uniqueid)
        for leg in list(channel.call.legs.values()) if channel and channel.call else []:
            if leg.parked:
                self._end(leg, event.at, leg.left[1] if leg.left else "transfer")


def _rung_unseen(phone: Channel, near: list[Channel]) -> Attempt | None:
    """Return for whom a phone rang that a listing showed: for the member whose wire it answers behind."""
    wires = (each.attempt for each in near if each.is_local and each.attempt and phone.found_at is not None)
    return next((attempt for attempt in wires if attempt.leg is None), None)
