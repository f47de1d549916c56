"""The floor of the simulated desk: everything there is, and the small steps of which every call consists.

Rules: a step changes one thing and says so, in the block and in the order a real 22 does. Steps know nothing of queues
as such, of patience or of plans: what leads to what is in `visits`, `dials`, `talks` and `consultations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from ringwatch.simulator import blocks
from ringwatch.simulator.agenda import Agenda, Wire
from ringwatch.simulator.channels import NORMAL_CLEARING, RING, RINGING, UP, Bridge, Channel, Party, Place
from ringwatch.simulator.people import DEVICE_STATES, INUSE, NOT_INUSE, Phone, Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from ringwatch.simulator.journeys import Journey
    from ringwatch.simulator.ledger import Entry
    from ringwatch.simulator.people import Agent
    from ringwatch.simulator.plan import Plan

TRUNK = "PJSIP/trunk"
FROM_OUTSIDE = "from-trunk"
INSIDE = "internal"
OUTGOING = "(Outgoing Line)"


class Floor:
    """Everything there is on the desk, by name, in an order that never depends on hashing."""

    def __init__(self, plan: Plan, start_at: float, random: Callable[[str], Random]) -> None:
        """Lay out an empty desk; `random` gives a source of chance by name."""
        self.plan = plan
        self.start_at = start_at
        self.random = random
        self.agenda = Agenda(start_at)
        self.wire = Wire(self.agenda, random("wire"))
        self.ledger: list[Entry] = []
        self.phones: dict[str, Phone] = {}
        self.queues: dict[str, Queue] = {}
        self.agents: dict[str, Agent] = {}
        self.channels: dict[str, Channel] = {}
        self.journeys: dict[str, Journey] = {}
        self._ids = random("ids")
        self._uniqueids = 0
        self._pjsip_names = 0
        self._local_names = 0
        self._trunks_up = 0

    @property
    def now(self) -> float:
        """The virtual instant."""
        return self.agenda.now

    # Channels

    def open_trunk(self, party: Party, exten: str) -> tuple[Channel, float]:
        """Let a caller in: a channel of the trunk that rings at an extension, and since when."""
        channel = self._channel(self._pjsip_name("trunk"), None, party, Place(FROM_OUTSIDE, exten, 1))
        channel.become(RING)
        return channel, self.wire.say(blocks.newchannel, channel)

    def open_phone(self, phone: Phone, linkedid: str) -> Channel:
        """Make a channel towards a phone of the desk."""
        party = Party(phone.plan.number, phone.plan.name)
        name = self._pjsip_name(phone.plan.number)
        channel = self._channel(name, linkedid, party, Place(INSIDE, "s", 1))
        self.wire.say(blocks.newchannel, channel)
        return channel

    def open_local(self, exten: str, linkedid: str, unknown: Party) -> tuple[Channel, Channel]:
        """Make the two halves of a Local channel to an internal extension."""
        name = f"Local/{exten}@{INSIDE}-{self._local_names:08x}"
        self._local_names += 1
        place = Place(INSIDE, exten, 1)
        one = self._channel(f"{name};1", linkedid, unknown, place)
        two = self._channel(f"{name};2", linkedid, unknown, place)
        two.become(RING)
        self.wire.say(blocks.newchannel, one)
        self.wire.say(blocks.newchannel, two)
        return one, two

    def _pjsip_name(self, endpoint: str) -> str:
        name = f"PJSIP/{endpoint}-{self._pjsip_names:08x}"
        self._pjsip_names += 1
        return name

    def _channel(self, name: str, linkedid: str | None, party: Party, place: Place) -> Channel:
        uniqueid = f"{int(self.now)}.{self._uniqueids}"
        self._uniqueids += 1
        channel = Channel(name, uniqueid, linkedid or uniqueid, party, place)
        channel.created = self.now
        self.channels[uniqueid] = channel
        return channel

    def run(self, channel: Channel, place: Place, application: str, arguments: str) -> None:
        """Let a channel run an application at a place of the dialplan."""
        channel.run(application, arguments)
        channel.go(place)
        self.wire.say(blocks.newexten, channel)

    def set(self, channel: Channel, **variables: object) -> None:
        """Set channel variables, in the order given."""
        for name, value in variables.items():
            self.wire.say(blocks.var_set, channel, name, str(value))

    def connect(self, channel: Channel, party: Party) -> None:
        """Tell a channel whom it talks to, if that is news."""
        if channel.connect(party):
            self.wire.say(blocks.new_connected_line, channel)

    def raise_to(self, channel: Channel, state: int) -> float:
        """Change a channel's state and return when."""
        channel.become(state)
        return self.wire.say(blocks.newstate, channel)

    def answer_caller(self, channel: Channel) -> None:
        """Answer the caller's channel, if it is not yet."""
        if channel.state != UP:
            self.raise_to(channel, UP)
            self._trunks_up += 1
            if self._trunks_up == 1:
                self.wire.say(blocks.device_state_change, TRUNK, DEVICE_STATES[INUSE])

    def hang_up(self, channel: Channel, cause: int = NORMAL_CLEARING, tech_cause: int | None = None) -> float:
        """End a channel and return when."""
        at = self.wire.say(blocks.hangup, channel, cause, tech_cause)
        del self.channels[channel.uniqueid]
        if channel.name.startswith(TRUNK) and channel.state == UP:
            self._trunks_up -= 1
            if not self._trunks_up:
                self.wire.say(blocks.device_state_change, TRUNK, DEVICE_STATES[NOT_INUSE])
        return at

    # Phones and members

    def starts_ringing(self, phone: Phone, channel: Channel) -> None:
        """Let a phone ring on a channel."""
        self.raise_to(channel, RINGING)
        phone.ringing += 1
        self.report(phone)

    def stops_ringing(self, phone: Phone, channel: Channel, cause: int, tech_cause: int | None = None) -> None:
        """End a channel that only rang."""
        self.hang_up(channel, cause, tech_cause)
        phone.ringing -= 1
        self.report(phone)

    def answers(self, phone: Phone, channel: Channel) -> float:
        """Answer a ringing phone; returns when."""
        at = self.raise_to(channel, UP)
        phone.ringing -= 1
        phone.in_use += 1
        self.report(phone)
        return at

    def hangs_up(self, phone: Phone, channel: Channel) -> None:
        """End a channel on which a phone talked."""
        self.hang_up(channel)
        phone.in_use -= 1
        self.report(phone)

    def report(self, phone: Phone) -> None:
        """Say a phone's device state, and each membership's status, if it changed."""
        if phone.status == phone.reported:
            return
        phone.reported = phone.status
        self.wire.say(blocks.device_state_change, phone.plan.interface, DEVICE_STATES[phone.status])
        for member in phone.members:
            if member.agent.logged_in:
                self.wire.say(blocks.queue_member_status, member.view())
                self.report_availability(member.queue)

    def report_availability(self, queue: Queue) -> None:
        """Say whether a queue has a member who is free, if that changed; a queue is a device of that name too."""
        free = any(not member.agent.paused and member.agent.phone.status == NOT_INUSE for member in queue.present())
        if free != queue.available:
            queue.available = free
            self.wire.say(blocks.device_state_change, f"Queue:{queue.plan.name}_avail", _in_use(not free))

    def report_waiting(self, queue: Queue) -> None:
        """Say whether callers wait, after the first came or the last went: the queue rings or it does not."""
        state = "RINGING" if queue.waiting else "NOT_INUSE"
        self.wire.say(blocks.device_state_change, f"Queue:{queue.plan.name}", state)

    def report_pause(self, agent: Agent) -> float:
        """Say in every queue that an agent paused or came back; returns when it was last said."""
        at = 0.0
        for member in agent.members:
            device = f"Queue:{member.queue.plan.name}_pause_{agent.plan.interface}"
            self.wire.say(blocks.device_state_change, device, _in_use(agent.paused))
            self.report_availability(member.queue)
            at = self.wire.say(blocks.queue_member_pause, member.view())
        return at

    # Bridges

    def open_bridge(self) -> Bridge:
        """Make an empty bridge."""
        bridge = Bridge(str(UUID(int=self._ids.getrandbits(128), version=4)))
        self.wire.say(blocks.bridge_create, bridge)
        return bridge

    def enter(self, bridge: Bridge, channel: Channel) -> float:
        """Bring a channel into a bridge."""
        bridge.channels += 1
        channel.bridge = bridge
        return self.wire.say(blocks.bridge_enter, bridge, channel)

    def leave(self, channel: Channel) -> float:
        """Take a channel out of its bridge."""
        bridge = channel.bridge
        if bridge is None:
            msg = f"{channel.name} is in no bridge"
            raise RuntimeError(msg)
        bridge.channels -= 1
        channel.bridge = None
        return self.wire.say(blocks.bridge_leave, bridge, channel)

    def close_bridge(self, bridge: Bridge) -> None:
        """End an empty bridge."""
        self.wire.say(blocks.bridge_destroy, bridge)


def _in_use(flag: bool) -> str:  # noqa: FBT001 - the flag is what the name asks
    return "INUSE" if flag else "NOT_INUSE"
