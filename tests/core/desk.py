"""A small desk in words: what callers, phones and the dialplan do becomes events, in a real Asterisk's order.

The order of every sequence was read off tests/captures; what they do not hold (keys, dumps, withdrawals, announcements)
follows app_queue.c. Times are exact: nothing takes time but `after`, so that a test's numbers can be worked out by
hand. A scenario ends in `told`, which also asks that the engine has forgotten everything.

The desk is that of the scripted captures: Anna, Bram and Chloé in support, Dirk and Eva in sales, Femke and Gijs behind
Local channels in billing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, Self

from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Record
from ringwatch.core.standards import Policy
from tests.core.told import Told, assert_forgotten, assert_sound, assert_told_once

START = 1_000_000.0
FREE, TALKING, RINGING = 1, 2, 6
Step = Literal["caller asks", "agent asks", "caller leaves", "agent leaves", "caller ends", "agent ends"]


@dataclass(frozen=True)
class Seat:
    """Where a member of a queue sits."""

    queue: str
    agent: str
    interface: str
    device: str


SEATS = (
    Seat("support", "Anna", "PJSIP/101", "PJSIP/101"),
    Seat("support", "Bram", "PJSIP/102", "PJSIP/102"),
    Seat("support", "Chloé", "PJSIP/103", "PJSIP/103"),
    Seat("sales", "Dirk", "PJSIP/104", "PJSIP/104"),
    Seat("sales", "Eva", "PJSIP/105", "PJSIP/105"),
    Seat("billing", "Femke", "Local/106@agents/n", "PJSIP/106"),
    Seat("billing", "Gijs", "Local/107@agents", "PJSIP/107"),
)


class Desk:
    """One PBX with its engine.

    :param policy: standards, lines and trunks.
    :param dialplan: whether the account reads class dialplan; without it no VarSet comes.
    :param deaf_to: events that a filter keeps from the account.
    :param staffed: whether a listing has shown the members.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        dialplan: bool = True,
        deaf_to: tuple[type[ev.Event], ...] = (),
        staffed: bool = True,
    ) -> None:
        self.engine = Engine("main", policy or Policy())
        self.at = START
        self.events: list[ev.Event] = []
        self.records: list[Record] = []
        self.lines: Counter[str] = Counter()
        """How many stand in line, by queue."""
        self._deaf_to = deaf_to if dialplan else (*deaf_to, ev.QueueStatusSet)
        self._serial = count()
        for seat in SEATS if staffed else ():
            self.shows(seat)

    def says(self, *events: ev.Event) -> Self:
        """Let the PBX say something."""
        for event in events:
            if not isinstance(event, self._deaf_to):
                self.events.append(event)
                self.records += [*self.engine.apply(event), *self.engine.readings()]
        return self

    def after(self, seconds: float) -> Self:
        """Let time pass in silence."""
        self.at += seconds
        return self

    def ticks(self) -> Self:
        """Let the clock strike."""
        return self.says(ev.Tick(self.at))

    def uniqueid(self) -> str:
        """Return the name of a new channel (or bridge)."""
        return f"{self.at:.0f}.{next(self._serial)}"

    def opens(
        self, device: str, *, ringing_in: bool = False, caller: str = "", exten: str = "s", linkedid: str = ""
    ) -> tuple[str, str]:
        """Start a channel and return its Uniqueid and name.

        :param linkedid: the call on whose behalf it is made, where that is another.
        """
        uniqueid = self.uniqueid()
        device, half, number = device.partition(";")
        name = f"{device}-{uniqueid.rpartition('.')[2]:0>8}{half}{number}"
        context = "from-trunk"
        self.says(ev.ChannelStarted(self.at, uniqueid, name, ringing_in, caller, exten, context, linkedid or uniqueid))
        return uniqueid, name

    def shows(self, seat: Seat, status: int = FREE, *, paused: bool = False, **more: Any) -> Self:
        """Show how a member stands; ``more`` are further fields of `MemberSeen`."""
        names = (seat.queue, seat.agent, seat.interface, seat.device)
        return self.says(ev.MemberSeen(self.at, *names, status, paused, **more))

    def removes(self, seat: Seat) -> Self:
        """Take a member out of its queue."""
        return self.says(ev.MemberRemoved(self.at, seat.queue, seat.interface))

    def caller(self, number: str, *, exten: str = "1000", device: str = "PJSIP/trunk") -> Caller:
        """Let somebody call the PBX."""
        return Caller(self, *self.opens(device, ringing_in=True, caller=number, exten=exten), number)

    def stranger(self) -> Caller:
        """Return a caller whose beginning was not seen."""
        uniqueid = self.uniqueid()
        return Caller(self, uniqueid, f"PJSIP/trunk-{uniqueid}", "")

    def originates(self, device: str, number: str = "") -> Caller:
        """Let the PBX ring a phone, or by a number somebody outside, so that it may call somebody."""
        caller = Caller(self, *self.opens(device), "")
        self.says(ev.DialBegan(self.at, "", caller.uniqueid, caller.channel, number))
        self.says(ev.DialRang(self.at, "", caller.uniqueid))
        return caller

    def lists_queues(self, *waiting: Caller, seats: Iterable[Seat] = SEATS, waited: int = 0) -> Self:
        """Answer QueueStatus: these members are there, these callers wait."""
        self.says(ev.SnapshotBegan(self.at, "queues"))
        self.says(ev.QueueSeen(self.at, "support"))
        for seat in seats:
            self.shows(seat)
        for place, one in enumerate(waiting, 1):
            self.says(ev.WaitingSeen(self.at, one.uniqueid, one.channel, one.number, one.queue, place, waited))
        return self.says(ev.SnapshotEnded(self.at, "queues"))

    def lists_channels(self, *uniqueids: str) -> Self:
        """Answer CoreShowChannels: these channels are up, and where they are believed to be."""
        self.says(ev.SnapshotBegan(self.at, "channels"))
        for uniqueid in uniqueids:
            channel = self.engine._calls.find(uniqueid)
            bridge = (channel.bridge or "") if channel else ""
            self.says(ev.ChannelSeen(self.at, uniqueid, bridge=bridge))
        return self.says(ev.SnapshotEnded(self.at, "channels"))

    def closes(self) -> Self:
        """Stop looking while calls are up."""
        self.records += self.engine.close()
        return self

    @property
    def so_far(self) -> Told:
        """What was told until now."""
        return Told(self.records)

    def told(self) -> Told:
        """Return what was told, once everything is over and forgotten."""
        assert_forgotten(self.engine)
        told = self.so_far
        assert_sound(told)
        assert_told_once(told)
        return told


def desk(*seats: Seat, policy: Policy | None = None) -> Desk:
    """Return a desk with these members alone."""
    made = Desk(policy, staffed=False)
    for seat in seats:
        made.shows(seat)
    return made


@dataclass
class Phone:
    """A device that is called or talks; behind a Local member there are two halves and the phone itself."""

    desk: Desk
    seat: Seat
    queued: bool
    uniqueid: str = ""
    """Of the channel that the caller's side called: the phone's own, or the near half's."""
    channel: str = ""
    far: str = ""
    """Uniqueid of the far half."""
    behind: str = ""
    """Uniqueid of the phone behind a Local pair."""
    bridge: str = ""
    """Where the far half and the phone meet."""

    def opens(self) -> None:
        """Start the channel, or both halves; the far one runs the dialplan (state Ring) and is nobody's call."""
        name = self.seat.interface.removesuffix("/n")
        local = name.startswith("Local/")
        self.uniqueid, self.channel = self.desk.opens(f"{name};1" if local else name)
        if local:
            self.far, _ = self.desk.opens(f"{name};2", ringing_in=True)
            self.desk.says(ev.LocalPaired(self.desk.at, self.uniqueid, self.far))

    @property
    def own(self) -> str:
        """Uniqueid of the phone itself."""
        return self.behind or self.uniqueid

    def shows(self, status: int) -> None:
        """Show the member's state, where there is a member."""
        if self.queued:
            self.desk.shows(self.seat, status)


class Caller:
    """A caller and what happens to it; every method returns the caller, so that a call reads as a sentence."""

    def __init__(self, desk: Desk, uniqueid: str, channel: str, number: str) -> None:
        self.desk = desk
        self.uniqueid = uniqueid
        self.channel = channel
        self.number = number
        self.queue = ""
        self.in_line = False
        self.ringing: dict[str, Phone] = {}
        self.partner: Phone | None = None
        self.bridge = ""
        self.consulting = ("", "")
        """The near half of a Local pair and the bridge in which the agent consults."""
        self._wire: tuple[str, ...] = ()
        """Channels that stay behind the caller after an attended transfer."""

    def _says(self, kind: type[ev.Event], *values: object) -> Self:
        self.desk.says(kind(self.desk.at, *values))  # type: ignore[arg-type]
        return self

    def after(self, seconds: float) -> Self:
        """Let time pass in silence."""
        self.desk.after(seconds)
        return self

    def told(self) -> Told:
        """Return what was told, once everything is over and forgotten."""
        return self.desk.told()

    @property
    def phone(self) -> Phone:
        """The phone the caller talks to."""
        assert self.partner
        return self.partner

    # -- into a queue and out of it

    def enters(self, queue: str, options: str = "tT") -> Self:
        """Have the dialplan start the application Queue."""
        self.queue = queue
        return self._says(ev.QueueEntered, self.uniqueid, f"{queue},{options},,,60")

    def joins(self, queue: str, options: str = "tT") -> Self:
        """Get in line."""
        self.enters(queue, options)
        self.in_line = True
        self.desk.lines[queue] += 1
        return self._says(ev.CallerJoined, self.uniqueid, self.channel, self.number, queue, self.desk.lines[queue])

    def leaves(self) -> Self:
        """Be no longer in line: to an agent, or out."""
        self.in_line = False
        self.desk.lines[self.queue] -= 1
        return self._says(ev.CallerLeft, self.uniqueid, self.queue)

    def abandons(self) -> Self:
        """Go unserved, whatever the reason (app_queue.c, record_abandoned)."""
        return self._says(ev.CallerAbandoned, self.uniqueid, self.queue)

    def is_put_out(self, status: str) -> Self:
        """Leave unserved, and have QUEUESTATUS say why: TIMEOUT, LEAVEEMPTY, LEAVEUNAVAIL, WITHDRAW."""
        for agent in list(self.ringing):
            self.is_answered_with("NOANSWER" if status == "TIMEOUT" else "CANCEL", agent)
        return self.abandons().leaves()._says(ev.QueueStatusSet, self.uniqueid, status)

    def is_refused(self, queue: str, status: str) -> Self:
        """Be turned away at the door: no queue event says so."""
        return self.enters(queue)._says(ev.QueueStatusSet, self.uniqueid, status)

    def presses_key(self) -> Self:
        """Leave for another choice: the one way out that sends Leave alone."""
        return self.is_answered_with("CANCEL", *self.ringing).leaves()

    # -- phones

    def calls(self, *agents: str) -> Self:
        """Have the queue call members, who do not ring yet."""
        for agent in agents:
            phone = Phone(self.desk, next(seat for seat in SEATS if seat.agent == agent), queued=True)
            phone.opens()
            names = (self.queue, phone.seat.interface, agent)
            self._says(ev.AgentCalled, self.uniqueid, phone.uniqueid, phone.channel, *names)
            self._dials(agent, phone)
        return self

    def dials(self, *interfaces: str, number: str = "") -> Self:
        """Have the dialplan call devices, without a queue; by a number, where they are outside."""
        for interface in interfaces:
            device = interface.partition("@")[0].replace("Local", "PJSIP")
            phone = Phone(self.desk, Seat("", interface, interface, device), queued=False)
            phone.opens()
            self._dials(interface, phone, number)
        return self

    def _dials(self, name: str, phone: Phone, number: str = "") -> None:
        self.ringing[name] = phone
        self._says(ev.DialBegan, self.uniqueid, phone.uniqueid, phone.channel, number)
        if phone.far:
            phone.behind, channel = self.desk.opens(phone.seat.device)
            self._says(ev.DialBegan, phone.far, phone.behind, channel)

    def rings(self, *names: str) -> Self:
        """Let phones ring: these members', called first where they were not, or all that were called."""
        self.calls(*(name for name in names if name not in self.ringing))
        for phone in [self.ringing[name] for name in names or self.ringing]:
            phone.shows(RINGING)
            if phone.far:
                self._says(ev.DialRang, phone.far, phone.behind)
            self._says(ev.DialRang, self.uniqueid, phone.uniqueid)
        return self

    def is_answered_with(self, status: str, *names: str) -> Self:
        """End the calling of phones in a word of Asterisk's; a queue says CANCEL once more, whatever it said before."""
        for name in names:
            phone = self.ringing.pop(name)
            self._says(ev.DialEnded, self.uniqueid, phone.uniqueid, status)
            if phone.queued:
                self._says(ev.DialEnded, self.uniqueid, phone.uniqueid, "CANCEL")
            self._ends(phone, 0)
        return self

    def loses(self, name: str, cause: int) -> Self:
        """Let the channel of a phone that is called end, with nothing said of the dialling."""
        self._ends(self.ringing.pop(name), cause)
        return self

    def _ends(self, phone: Phone, cause: int) -> None:
        if phone.far:
            self._says(ev.HangupRequested, phone.far)
            self._says(ev.ChannelEnded, phone.uniqueid, cause)
            if phone.bridge:
                self._says(ev.BridgeLeft, phone.far, phone.bridge)
                self._says(ev.BridgeLeft, phone.behind, phone.bridge)
            else:
                self._says(ev.DialEnded, phone.far, phone.behind, "CANCEL")
            self._says(ev.ChannelEnded, phone.far, cause)
        self._says(ev.ChannelEnded, phone.own, cause)
        phone.shows(FREE)

    def picks_up(self, name: str = "", *, losers_cause: int = 26) -> Self:
        """Let a phone answer. Of the others a queue says CANCEL twice and then, Dial once and before."""
        phone = self.partner = self.ringing.pop(name or next(iter(self.ringing)))
        if phone.far:
            phone.bridge = self.desk.uniqueid()
            self._says(ev.DialEnded, phone.far, phone.behind, "ANSWER")
            self._says(ev.BridgeEntered, phone.behind, phone.bridge)
        others, self.ringing = list(self.ringing.values()), {}
        answer = [(phone, "ANSWER")]
        cancels = [(other, "CANCEL") for other in others for _ in range(2 if phone.queued else 1)]
        for each, status in answer + cancels if phone.queued else cancels + answer:
            self._says(ev.DialEnded, self.uniqueid, each.uniqueid, status)
        phone.shows(TALKING)
        for other in others:
            self._ends(other, losers_cause)
        return self

    def is_connected(self) -> Self:
        """Be put through."""
        phone = self.phone
        names = (self.queue, phone.seat.interface, phone.seat.agent)
        self._says(ev.AgentConnected, self.uniqueid, phone.uniqueid, phone.channel, *names)
        return self.meets()

    def meets(self) -> Self:
        """Enter a bridge with the phone that picked up."""
        phone, self.bridge = self.phone, self.desk.uniqueid()
        if phone.far:
            self._says(ev.BridgeEntered, phone.far, phone.bridge)
        self._says(ev.BridgeEntered, phone.uniqueid, self.bridge)
        return self._says(ev.BridgeEntered, self.uniqueid, self.bridge)

    def answers(self, name: str = "") -> Self:
        """Let a phone answer and be put through: Leave first, then AgentConnect."""
        self.picks_up(name)
        return self.leaves().is_connected() if self.phone.queued else self.meets()

    def is_dumped(self) -> Self:
        """Stay in line because the member who answered went before being put through."""
        self._says(ev.AgentDumped, self.uniqueid, self.queue)
        return self._drops()

    def loses_partner(self) -> Self:
        """Have the phone that picked up go."""
        return self._drops()

    def loses_channel(self, phone: Phone) -> Self:
        """Have a phone's channel end at last."""
        self._ends(phone, 16)
        return self

    def _drops(self) -> Self:
        phone, self.partner = self.phone, None
        self._says(ev.DialEnded, self.uniqueid, phone.uniqueid, "CANCEL")
        self._ends(phone, 16)
        return self

    # -- talking

    def is_held(self) -> Self:
        """Be put on hold by the phone one talks to."""
        return self._says(ev.HoldBegan, self.phone.own)

    def is_taken_back(self) -> Self:
        """Be taken off hold."""
        return self._says(ev.HoldEnded, self.phone.own)

    def is_left_for_a_consultation(self) -> Self:
        """Hear music while the agent asks somebody else."""
        agent = self.phone.uniqueid
        self._says(ev.HoldBegan, agent)
        self._says(ev.BridgeLeft, agent, self.bridge)
        return self._says(ev.BridgeEntered, agent, "consultation")

    def has_the_agent_back(self) -> Self:
        """Talk on after a consultation that led to nothing."""
        agent = self.phone.uniqueid
        self._says(ev.BridgeLeft, agent, "consultation")
        self._says(ev.BridgeEntered, agent, self.bridge)
        return self._says(ev.HoldEnded, agent)

    def consults(self, to: str) -> Caller:
        """Have the agent ask at a queue; return the half of the Local pair that stands in its line for the caller."""
        desk, agent, bridge = self.desk, self.phone.uniqueid, self.desk.uniqueid()
        self._says(ev.HoldBegan, agent)
        near, _ = desk.opens(f"Local/{to}@internal;1", linkedid=self.uniqueid)
        far, name = desk.opens(f"Local/{to}@internal;2", ringing_in=True, linkedid=self.uniqueid)
        self._says(ev.LocalPaired, near, far)._says(ev.BridgeEntered, near, bridge)
        self._says(ev.BridgeLeft, agent, self.bridge)._says(ev.BridgeEntered, agent, bridge)
        self.consulting = (near, bridge)
        return Caller(desk, far, name, "")

    def is_handed_into_the_consultation(self) -> Self:
        """Have the Local pair take the agent's place."""
        (near, bridge), agent = self.consulting, self.phone.uniqueid
        self._says(ev.BridgeLeft, agent, bridge)._says(ev.BridgeLeft, near, bridge)
        self._says(ev.BridgeEntered, near, self.bridge)
        success = True
        return self._says(ev.Transferred, agent, "attended", "", success).parts("agent ends")

    def has_the_consultation_ended(self, consultation: Caller) -> Self:
        """Have the agent give a consultation up and come back: the Local pair goes, and who was asked with it."""
        near, bridge = self.consulting
        self._says(ev.BridgeLeft, self.phone.uniqueid, bridge)
        self._says(ev.BridgeEntered, self.phone.uniqueid, self.bridge)._says(ev.HoldEnded, self.phone.uniqueid)
        self._says(ev.BridgeLeft, near, bridge)._says(ev.HangupRequested, consultation.uniqueid)
        self._says(ev.ChannelEnded, near, 16)
        if consultation.in_line:
            consultation.abandons().leaves()
        if consultation.partner:
            consultation.parts("caller leaves", "agent leaves", "agent ends")
        consultation.ends()
        return self

    def is_parked(self) -> Self:
        """Be put in a parking space: without a hold, and before leaving the bridge; the agent goes."""
        self._says(ev.Parked, self.uniqueid)._says(ev.BridgeLeft, self.uniqueid, self.bridge)
        parking = True
        self._says(ev.BridgeEntered, self.uniqueid, "parked", parking)
        return self.parts("agent leaves", "agent ends")

    def leaves_the_parking_space(self) -> Self:
        """Be given back when the time is over; what follows is a Dial by the caller's own channel."""
        return self._says(ev.ParkEnded, self.uniqueid)._says(ev.BridgeLeft, self.uniqueid, "parked")

    def is_transferred(self, to: str, *, success: bool = True) -> Self:
        """Be handed on blindly: an Unhold comes first, without a Hold; then the agent is gone."""
        agent = self.phone.uniqueid
        self._says(ev.HoldEnded, agent)
        self._says(ev.Transferred, agent, "blind", to, success)
        if success:
            self.parts("agent leaves", "caller leaves", "agent ends")
        return self

    def is_handed_over(self, to: str) -> Self:
        """Be handed on after a consultation of 5 s, through a Local pair that takes the agent's place."""
        agent, consultation, beyond = self.phone.uniqueid, self.desk.uniqueid(), self.desk.uniqueid()
        self._says(ev.HoldBegan, agent)
        near, _ = self.desk.opens(f"Local/{to}@internal;1")
        far, _ = self.desk.opens(f"Local/{to}@internal;2", ringing_in=True)
        self._says(ev.LocalPaired, near, far)
        self._says(ev.BridgeEntered, near, consultation)
        self._says(ev.BridgeLeft, agent, self.bridge)
        self._says(ev.BridgeEntered, agent, consultation)
        other, channel = self.desk.opens(f"PJSIP/{to}")
        self._says(ev.DialBegan, far, other, channel)
        self._says(ev.DialRang, "", near)
        self._says(ev.DialRang, far, other)
        self.after(2)
        self._says(ev.DialEnded, far, other, "ANSWER")
        self._says(ev.DialEnded, "", near, "ANSWER")
        self._says(ev.BridgeEntered, other, beyond)
        self._says(ev.BridgeEntered, far, beyond)
        self.after(3)
        self._says(ev.BridgeLeft, agent, consultation)
        self._says(ev.BridgeLeft, near, consultation)
        self._says(ev.BridgeEntered, near, self.bridge)
        self._wire = (near, far, other)
        success = True
        return self._says(ev.Transferred, agent, "attended", to, success).parts("agent ends")

    def loses_the_wire(self) -> Self:
        """Have the Local pair between caller and phone taken out: the phone comes into the caller's bridge."""
        phone = self.phone
        self._says(ev.BridgeLeft, phone.behind, phone.bridge)
        self._says(ev.BridgeEntered, phone.behind, self.bridge)
        self._says(ev.BridgeLeft, phone.uniqueid, self.bridge)
        self._says(ev.BridgeLeft, phone.far, phone.bridge)
        self._says(ev.ChannelEnded, phone.uniqueid, 16)
        self._says(ev.ChannelEnded, phone.far, 16)
        phone.uniqueid, phone.far, phone.behind = phone.behind, "", ""
        return self

    # -- ends

    def hangs_up(self) -> Self:
        """Hang up, wherever one is."""
        if self.partner:
            return self.parts(
                "caller asks", "caller leaves", "agent leaves", "caller asks", "agent ends", "caller ends"
            )
        self._says(ev.HangupRequested, self.uniqueid)
        phones, self.ringing = list(self.ringing.values()), {}
        for phone in phones * (2 if self.in_line else 1):
            self._says(ev.DialEnded, self.uniqueid, phone.uniqueid, "CANCEL")
        if self.in_line:
            self.abandons()
        for phone in phones:
            self._ends(phone, 0)
        if self.in_line:
            self.leaves()
        for uniqueid in self._wire:
            self._says(ev.ChannelEnded, uniqueid, 16)
        return self.is_sent_away()

    def hangs_up_during_the_announcement(self) -> Self:
        """Hang up while the agent is told about the call: the queue says twice that the caller abandoned it."""
        return self._says(ev.HangupRequested, self.uniqueid).cannot_be_connected()

    def cannot_be_connected(self) -> Self:
        """Be dropped after the answer (no common codec): abandoned twice (app_queue.c, try_calling, queue_exec)."""
        return self.abandons()._drops().abandons().leaves().ends()

    def agent_hangs_up(self) -> Self:
        """Let the agent hang up; the dialplan ends the caller's channel."""
        return self.parts("agent leaves", "agent ends", "caller leaves", "caller asks", "caller ends")

    def parts(self, *steps: Step) -> Self:
        """End the talk step by step, in any order: who asks for a hangup, leaves the bridge, ends."""
        phone, self.partner = self.phone, None
        for step in steps:
            match step:
                case "caller asks":
                    self._says(ev.HangupRequested, self.uniqueid)
                case "agent asks":
                    self._says(ev.HangupRequested, phone.own)
                case "caller leaves":
                    self._says(ev.BridgeLeft, self.uniqueid, self.bridge)
                case "agent leaves":
                    self._says(ev.BridgeLeft, phone.uniqueid, self.bridge)
                case "caller ends":
                    self.ends()
                case "agent ends":
                    self._ends(phone, 16)
        return self

    def is_sent_away(self) -> Self:
        """Let the dialplan end the call: it asks for the hangup, as a caller does."""
        return self._says(ev.HangupRequested, self.uniqueid).ends()

    def ends(self) -> Self:
        """Let the caller's channel end."""
        return self._says(ev.ChannelEnded, self.uniqueid, 16)
