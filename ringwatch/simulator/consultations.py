"""An attended transfer: the agent leaves the caller with music, asks a colleague, and joins the two.

Rules: it always succeeds, and the caller waits for it; a real one may fail, and holds then nest (see the captures). As
in the captures: the Hold names no class and is never followed by an Unhold, the colleague is reached through the two
halves of a Local channel that stay in the call to its end, and AttendedTransfer comes after the swap. The caller ends
the conversation that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.channels import NORMAL_CLEARING, RINGING, UNKNOWN, UP, Place
from ringwatch.simulator.floor import INSIDE, OUTGOING

if TYPE_CHECKING:
    from ringwatch.simulator.channels import Bridge, Channel
    from ringwatch.simulator.people import Phone
    from ringwatch.simulator.talks import Talk

DIAL_VARIABLES = (
    "DIALSTATUS",
    "DIALEDPEERNUMBER",
    "DIALEDPEERNAME",
    "ANSWEREDTIME",
    "ANSWEREDTIME_MS",
    "DIALEDTIME",
    "DIALEDTIME_MS",
    "RINGTIME",
    "RINGTIME_MS",
    "PROGRESSTIME",
    "PROGRESSTIME_MS",
)
"""What Dial() empties before it begins, in its order."""

# Atxfer plays a prompt before the hold, and dials a little later: both seen in the captures.
HOLD_AFTER_SECONDS = 0.26
DIAL_AFTER_SECONDS = 0.18
EXPLAINS_SECONDS = (3.0, 12.0)
RING_SECONDS = 20
LOOK_AGAIN_SECONDS = 1.5


class Consultation:
    """One attended transfer, from the agent's decision to the end of the call."""

    def __init__(self, talk: Talk, number: str) -> None:
        """Prepare to consult the phone of this number; `begin` starts it."""
        self.talk = talk
        self.floor = talk.floor
        self.caller = talk.journey.channel
        self.agent = talk.leg
        self.phone: Phone = self.floor.phones[number]
        self.exten = number
        self.one: Channel
        self.two: Channel
        self.far: Channel
        self.aside: Bridge
        self.far_bridge: Bridge
        self.rings_since = 0.0
        self.transferred_at = 0.0

    def begin(self) -> None:
        """Press the transfer key."""
        self.floor.set(self.agent, TRANSFER_CONTEXT=INSIDE)
        self.floor.agenda.after(HOLD_AFTER_SECONDS, self._hold)

    def _hold(self) -> None:
        self.floor.wire.say(blocks.hold, self.agent, None)
        self.talk.music_on()
        self.floor.agenda.after(DIAL_AFTER_SECONDS, self._dial)

    def _dial(self) -> None:
        floor = self.floor
        self.one, self.two = floor.open_local(self.exten, self.caller.linkedid, UNKNOWN)
        one, two, agent = self.one, self.two, self.agent
        floor.set(one, TRANSFERERNAME=agent.name, ATTENDEDTRANSFER=agent.name)
        self.aside = floor.open_bridge()
        floor.set(two, ATTENDEDTRANSFER=agent.name, TRANSFERERNAME=agent.name)
        two.identify(agent.party)
        floor.wire.say(blocks.new_callerid, two)
        floor.wire.say(blocks.local_bridge, one, two)
        floor.connect(one, agent.party)
        floor.run(two, two.place, "Dial", f"{self.phone.plan.interface},{RING_SECONDS},tT")
        floor.set(two, **dict.fromkeys(DIAL_VARIABLES, ""))
        floor.enter(self.aside, one)
        floor.set(one, ATTENDEDTRANSFER="")
        floor.leave(agent)
        floor.enter(self.aside, agent)
        floor.set(one, BRIDGEPEER=agent.name)
        floor.set(agent, BRIDGEPEER=one.name)
        floor.connect(agent, UNKNOWN)
        self._ring()

    def _ring(self) -> None:
        floor, one, two = self.floor, self.one, self.two
        self.far = far = floor.open_phone(self.phone, self.caller.linkedid)
        floor.set(far, DIALEDPEERNUMBER=self.exten)
        far.connect(self.agent.party)
        floor.run(far, Place(INSIDE, self.exten, 1), "AppDial", OUTGOING)
        floor.wire.say(blocks.new_connected_line, far)
        floor.wire.say(blocks.dial_begin, two, far, self.exten)
        floor.connect(two, far.party)
        floor.connect(self.agent, far.party)
        one.identify(far.party)
        floor.raise_to(one, RINGING)
        floor.wire.say(blocks.new_callerid, one)
        floor.set(two, RINGTIME=0, RINGTIME_MS=1)
        floor.starts_ringing(self.phone, far)
        floor.wire.say(blocks.dial_state, None, one, "RINGING")
        self.rings_since = floor.wire.say(blocks.dial_state, two, far, "RINGING")
        seconds = self.phone.rng.uniform(*self.phone.plan.picks_up_seconds)
        floor.agenda.after(seconds, self._answer)

    def _answer(self) -> None:
        if self.phone.in_use:
            # Somebody else was quicker; this one rings until that is over.
            self.floor.agenda.after(LOOK_AGAIN_SECONDS, self._answer)
            return
        floor, one, two, far = self.floor, self.one, self.two, self.far
        floor.answers(self.phone, far)
        floor.set(two, DIALSTATUS="ANSWER", DIALEDPEERNAME=far.name, DIALEDPEERNUMBER=self.exten)
        at = floor.wire.say(blocks.dial_end, two, far, "ANSWER")
        self._enter_attempt(at)
        floor.raise_to(two, UP)
        self.far_bridge = floor.open_bridge()
        floor.run(far, Place(INSIDE, "", 1), "AppDial", OUTGOING)
        floor.raise_to(one, UP)
        floor.wire.say(blocks.dial_end, None, one, "ANSWER")
        floor.enter(self.far_bridge, far)
        floor.set(one, BRIDGEPEER=self.agent.name)
        floor.set(self.agent, BRIDGEPEER=one.name)
        floor.enter(self.far_bridge, two)
        floor.set(two, ATTENDEDTRANSFER="")
        floor.set(far, BRIDGEPEER=two.name)
        floor.set(two, BRIDGEPEER=far.name)
        floor.agenda.after(self.talk.phone.rng.uniform(*EXPLAINS_SECONDS), self._join)

    def _enter_attempt(self, at: float) -> None:
        entry = ledger.RingAttempt(
            call_id=self.talk.journey.call_id,
            queue=None,
            agent=self.phone.plan.name,
            interface=self.phone.plan.interface,
            started_at=self.rings_since,
            ended_at=at,
            result="answered",
        )
        self.floor.ledger.append(entry)

    def _join(self) -> None:
        floor, talk, caller, agent, one = self.floor, self.talk, self.caller, self.agent, self.one
        floor.set(agent, BRIDGEPEER="")
        floor.leave(agent)
        floor.wire.say(blocks.bridge_merge, talk.bridge, self.aside)
        talk.music_off("consultation")
        floor.leave(one)
        floor.enter(talk.bridge, one)
        floor.set(caller, BRIDGEPEER=one.name)
        floor.set(one, BRIDGEPEER=caller.name)
        at = floor.wire.say(blocks.attended_transfer, agent, caller, (talk.bridge, self.aside))
        self.transferred_at = at
        talk.enter_leg(at, "transfer")
        talk.enter_transfer("attended", at, self.exten)
        talk.side.completed("transfer", agent)
        floor.connect(caller, self.far.party)
        floor.connect(one, caller.party)
        floor.connect(self.far, caller.party)
        floor.close_bridge(self.aside)
        floor.hangs_up(talk.phone, agent)
        journey = talk.journey
        journey.stage = self
        journey.legs += 1
        floor.agenda.after(talk.habit.shortest_seconds + journey.rng.expovariate(1 / 60), journey.hangs_up)

    def caller_gone(self) -> None:
        """End because the caller hung up on the colleague."""
        floor, talk, one, two = self.floor, self.talk, self.one, self.two
        at = talk.journey.request_hangup()
        self._enter_leg(at)
        floor.set(self.caller, BRIDGEPEER="")
        floor.set(one, BRIDGEPEER="")
        floor.leave(self.caller)
        talk.set_durations(floor.now - talk.answered_at)
        talk.side.released()
        floor.leave(one)
        floor.close_bridge(talk.bridge)
        floor.wire.say(blocks.hangup_request, two, NORMAL_CLEARING, None)
        floor.hang_up(one)
        self._release_far()

    def _release_far(self) -> None:
        floor, two, far = self.floor, self.two, self.far
        floor.set(two, BRIDGEPEER="")
        floor.wire.say(blocks.new_callerid, two)
        floor.set(far, BRIDGEPEER="")
        floor.leave(two)
        talked = int((floor.now - self.transferred_at) * 1000)
        floor.set(two, ANSWEREDTIME=talked // 1000, ANSWEREDTIME_MS=talked)
        floor.set(two, DIALEDTIME=talked // 1000, DIALEDTIME_MS=talked, DIALSTATUS="ANSWER")
        self.talk.journey.release()
        floor.leave(far)
        floor.wire.say(blocks.soft_hangup_request, two, None)
        floor.hang_up(two)
        floor.close_bridge(self.far_bridge)
        self.talk.journey.close("answered")
        floor.hangs_up(self.phone, far)

    def _enter_leg(self, at: float) -> None:
        entry = ledger.Leg(
            call_id=self.talk.journey.call_id,
            queue=None,
            agent=self.phone.plan.name,
            interface=self.phone.plan.interface,
            started_at=self.transferred_at,
            ended_at=at,
            hold_seconds=0.0,
            holds=0,
            ended_by="caller",
        )
        self.floor.ledger.append(entry)
