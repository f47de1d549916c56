"""A conversation between a caller and a phone of the desk: the bridge, holds, and the ways it ends.

Rules: how long it lasts and who ends it is decided by the caller's source of chance, what the person at the phone does
(hold, transfer) by that person's. Talk time runs on while the caller is on hold, as in queue_log. Seen in the captures:
a blind transfer begins with an Unhold that no Hold preceded; a hang-up by the AMI action leaves no HangupRequest, so
that AgentComplete says "caller" and lacks the member's headers. A phone that hangs up by itself is in no capture; there
the order follows app_queue's handle_hangup, which listens for the HangupRequest.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Protocol

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.channels import NORMAL_CLEARING, Place
from ringwatch.simulator.consultations import Consultation
from ringwatch.simulator.floor import INSIDE
from ringwatch.simulator.people import NOT_INUSE
from ringwatch.simulator.plan import AgentPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwatch.simulator.agenda import Deed
    from ringwatch.simulator.channels import Bridge, Channel
    from ringwatch.simulator.journeys import Journey
    from ringwatch.simulator.people import Phone
    from ringwatch.simulator.plan import TalkHabit

MOST_TRANSFERS = 3
SHORTEST_HOLD_SECONDS = 2.0
# How far into the conversation an agent finds out that the caller must go elsewhere.
TRANSFER_AFTER = (0.15, 0.6)
HOLD_AFTER = (0.15, 0.7)


class Side(Protocol):
    """The application that brought the two together, Queue or Dial, and when somebody answered it (Unix seconds)."""

    answered_at: float

    @property
    def queue_name(self) -> str | None:
        """The queue, if it was one."""

    @property
    def habit(self) -> TalkHabit:
        """How long its conversations last."""

    def bridges(self, leg: Channel) -> None:
        """Do to the answered channel what the application does once there is a bridge."""

    def completed(self, reason: str, leg: Channel | None) -> None:
        """Say that the conversation is over, as the application does."""

    def released(self) -> None:
        """Set the application's variables on the caller's channel after the bridge."""


class Talk:
    """One conversation."""

    def __init__(self, journey: Journey, phone: Phone, leg: Channel, side: Side) -> None:
        """Prepare the conversation of a caller with a phone on its channel `leg`; `begin` bridges them."""
        self.floor = journey.floor
        self.journey = journey
        self.phone = phone
        self.leg = leg
        self.side = side
        self.answered_at = side.answered_at
        self.habit = side.habit
        self.bridge: Bridge
        self.end: Deed | None = None
        self.hold_deed: Deed | None = None
        self.held_since: float | None = None
        self.hold_seconds = 0.0
        self.holds = 0

    def begin(self) -> None:
        """Bridge the two and decide how it goes."""
        floor, journey, caller = self.floor, self.journey, self.journey.channel
        journey.stage = self
        journey.legs += 1
        self.bridge = floor.open_bridge()
        self.side.bridges(self.leg)
        floor.enter(self.bridge, self.leg)
        floor.enter(self.bridge, caller)
        if journey.transferred:
            journey.transferred = False
            floor.set(caller, BLINDTRANSFER="")
        self.set_peers()
        self._decide()

    def set_peers(self) -> None:
        """Say on each channel which one is at the other end."""
        self.floor.set(self.leg, BRIDGEPEER=self.journey.channel.name)
        self.floor.set(self.journey.channel, BRIDGEPEER=self.leg.name)

    def _decide(self) -> None:
        agenda, chance, person = self.floor.agenda, self.journey.rng, self.phone
        median = log(self.habit.mean_seconds) - self.habit.sigma**2 / 2
        seconds = max(self.habit.shortest_seconds, chance.lognormvariate(median, self.habit.sigma))
        caller_first = chance.random()
        ending: Callable[[], None] | None = self._choose_transfer()
        if ending is not None:
            seconds = max(2.0, seconds * person.rng.uniform(*TRANSFER_AFTER))
        elif caller_first >= person.plan.hangs_up_first:
            ending = self.caller_gone
        else:
            ending = self._phone_hangs_up if person.plan.hangs_up_by == "phone" else self._hung_up_by_ami
        if person.rng.random() < person.plan.holds:
            held = SHORTEST_HOLD_SECONDS + person.rng.expovariate(1 / person.plan.hold_mean_seconds)
            hold_at = seconds * person.rng.uniform(*HOLD_AFTER)
            self.hold_deed = agenda.after(hold_at, lambda: self._hold(held))
            seconds += held
        self.end = agenda.after(seconds, ending)

    def _choose_transfer(self) -> Callable[[], None] | None:
        plan, rng = self.phone.plan, self.phone.rng
        if not isinstance(plan, AgentPlan) or self.journey.transfers >= MOST_TRANSFERS:
            return None
        draw = rng.random()
        if draw < plan.transfers_blind:
            return self._transfer_blind
        return self._consult if draw < plan.transfers_blind + plan.transfers_attended else None

    # Hold

    def _hold(self, seconds: float) -> None:
        floor = self.floor
        floor.wire.say(blocks.hold, self.leg, "default")
        self.set_peers()
        self.music_on()
        self.hold_deed = floor.agenda.after(seconds, self._unhold)
        mean = floor.plan.gives_up_on_hold_mean_seconds
        self.journey.loses_patience_after(mean)

    def _unhold(self) -> None:
        self.journey.keeps_patience()
        self.floor.wire.say(blocks.unhold, self.leg)
        self.set_peers()
        self.music_off("hold")

    def music_on(self) -> None:
        """Let the caller hear music."""
        self.held_since = self.floor.wire.say(blocks.music_start, self.journey.channel)

    def music_off(self, kind: ledger.HoldKind) -> None:
        """Let the caller hear no more music, if there was any."""
        if self.held_since is None:
            return
        at = self.floor.wire.say(blocks.music_stop, self.journey.channel)
        entry = ledger.Hold(
            call_id=self.journey.call_id,
            agent=self.phone.plan.name,
            kind=kind,
            started_at=self.held_since,
            ended_at=at,
        )
        self.floor.ledger.append(entry)
        self.hold_seconds += at - self.held_since
        self.holds += 1
        self.held_since = None

    # Ends

    def stop(self) -> None:
        """Take back everything that was to happen in this conversation."""
        self.journey.keeps_patience()
        for deed in (self.end, self.hold_deed):
            if deed is not None:
                deed.cancel()

    def enter_leg(self, ended_at: float, ended_by: ledger.EndedBy) -> None:
        """Write the conversation into the ledger."""
        entry = ledger.Leg(
            call_id=self.journey.call_id,
            queue=self.side.queue_name,
            agent=self.phone.plan.name,
            interface=self.phone.plan.interface,
            started_at=self.answered_at,
            ended_at=ended_at,
            hold_seconds=self.hold_seconds,
            holds=self.holds,
            ended_by=ended_by,
        )
        self.floor.ledger.append(entry)

    def set_durations(self, talked: float) -> None:
        """Set on the caller's channel how long it was dialled and answered."""
        dialled = self.floor.now - self.journey.channel.created
        self.floor.set(self.journey.channel, ANSWEREDTIME=int(talked), ANSWEREDTIME_MS=int(talked * 1000))
        self.floor.set(self.journey.channel, DIALEDTIME=int(dialled), DIALEDTIME_MS=int(dialled * 1000))

    def caller_gone(self) -> None:
        """End because the caller hung up."""
        self.stop()
        floor, caller = self.floor, self.journey.channel
        at = self.journey.request_hangup()
        self.side.completed("caller", self.leg)
        self.music_off("hold")
        self.enter_leg(at, "caller")
        floor.set(caller, BRIDGEPEER="")
        floor.set(self.leg, BRIDGEPEER="")
        floor.leave(caller)
        self.set_durations(floor.now - self.answered_at)
        self.side.released()
        floor.leave(self.leg)
        floor.close_bridge(self.bridge)
        self.journey.release()
        floor.hangs_up(self.phone, self.leg)
        self.journey.close("answered")

    def _phone_hangs_up(self) -> None:
        self.stop()
        at = self.floor.wire.say(blocks.hangup_request, self.leg, NORMAL_CLEARING, None)
        self.side.completed("agent", self.leg)
        self._take_apart()
        self.enter_leg(at, "agent")
        self.set_durations(self.floor.now - self.answered_at)
        self.side.released()
        self.journey.release()
        self.floor.hangs_up(self.phone, self.leg)
        self.journey.close("answered")

    def _hung_up_by_ami(self) -> None:
        self.stop()
        at = self._take_apart()
        self.enter_leg(at, "agent")
        self.set_durations(self.floor.now - self.answered_at)
        self.side.released()
        self.floor.hangs_up(self.phone, self.leg)
        self.journey.release()
        self.side.completed("caller", None)
        self.journey.close("answered")

    def _take_apart(self) -> float:
        """End the bridge, the phone's channel leaving first; returns when it did."""
        floor, caller = self.floor, self.journey.channel
        floor.set(self.leg, BRIDGEPEER="")
        floor.set(caller, BRIDGEPEER="")
        at = floor.leave(self.leg)
        floor.leave(caller)
        floor.close_bridge(self.bridge)
        self.music_off("hold")
        return at

    # Transfers

    def _transfer_blind(self) -> None:
        floor, journey, caller, rng = self.floor, self.journey, self.journey.channel, self.phone.rng
        queues = [queue for queue in floor.plan.queues if queue.name != self.side.queue_name]
        extens = [queue.transfer_exten for queue in queues] + [phone.number for phone in floor.plan.phones]
        if not extens:
            self.caller_gone()
            return
        exten = extens[rng.randrange(len(extens))]
        self.stop()
        floor.wire.say(blocks.unhold, self.leg)
        self.music_off("hold")
        floor.set(self.leg, BLINDTRANSFER=caller.name)
        floor.set(caller, BLINDTRANSFER=self.leg.name)
        floor.set(self.leg, BRIDGEPEER="")
        at = floor.wire.say(blocks.blind_transfer, self.leg, caller, self.bridge, (INSIDE, exten))
        self.enter_leg(at, "transfer")
        self.enter_transfer("blind", at, exten)
        self.side.completed("transfer", self.leg)
        floor.leave(self.leg)
        floor.set(caller, BRIDGEPEER="")
        # Newexten still names the application the caller comes from; the next one says nothing of itself.
        floor.run(caller, Place(INSIDE, exten, 1), caller.application, caller.arguments)
        floor.leave(caller)
        dialled = floor.now - caller.created
        floor.set(caller, DIALEDTIME=int(dialled), DIALEDTIME_MS=int(dialled * 1000))
        floor.set(caller, ANSWEREDTIME=0, ANSWEREDTIME_MS=0)
        floor.close_bridge(self.bridge)
        floor.hangs_up(self.phone, self.leg)
        journey.transferred = True
        journey.released_cause = NORMAL_CLEARING
        journey.routes.lead_on(journey, exten)

    def enter_transfer(self, kind: ledger.TransferKind, at: float, exten: str) -> None:
        """Write a transfer into the ledger."""
        self.journey.transfers += 1
        entry = ledger.Transfer(
            call_id=self.journey.call_id, kind=kind, at=at, from_agent=self.phone.plan.name, to=exten
        )
        self.floor.ledger.append(entry)

    def _consult(self) -> None:
        free = [phone.number for phone in self.floor.plan.phones if self._is_free(phone.number)]
        if not free:
            self.caller_gone()
            return
        self.stop()
        Consultation(self, free[self.phone.rng.randrange(len(free))]).begin()

    def _is_free(self, number: str) -> bool:
        return self.floor.phones[number].status == NOT_INUSE
