"""A direct call, or what follows a blind transfer to an extension: Dial() to one phone or several.

Rules, seen in the captures: unlike a queue, Dial rings phones that are in use (RINGINUSE; nobody picks those up),
creates every channel before it calls the first, tells the losers once, and before the winner's ANSWER. A Dial in vain
is in no capture; the order follows app_dial, which says NOANSWER once for each phone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.channels import ANSWERED_ELSEWHERE, NO_CAUSE, NORMAL_CLEARING, Place
from ringwatch.simulator.consultations import DIAL_VARIABLES
from ringwatch.simulator.floor import OUTGOING
from ringwatch.simulator.talks import Talk

if TYPE_CHECKING:
    from ringwatch.simulator.agenda import Deed
    from ringwatch.simulator.channels import Channel
    from ringwatch.simulator.journeys import Journey
    from ringwatch.simulator.people import Phone
    from ringwatch.simulator.plan import TalkHabit


class Ringing:
    """One phone being rung by Dial."""

    __slots__ = ("channel", "phone", "pick_up", "rings_since")

    def __init__(self, phone: Phone, channel: Channel) -> None:
        """Keep which phone rings on which channel."""
        self.phone = phone
        self.channel = channel
        self.rings_since = 0.0
        self.pick_up: Deed | None = None


class Dial:
    """One run of Dial() for one caller. After the answer it is the conversation's side."""

    __slots__ = ("answered_at", "floor", "habit", "journey", "limit", "patience", "phones", "rung")

    queue_name: str | None = None

    def __init__(self, journey: Journey, phones: list[Phone], limit: int, patience: float, habit: TalkHabit) -> None:
        """Prepare to ring phones for `limit` seconds; `patience` is the caller's mean in seconds."""
        self.floor = journey.floor
        self.journey = journey
        self.phones = phones
        self.limit = limit
        self.patience = patience
        self.habit = habit
        self.rung: list[Ringing] = []
        self.answered_at = 0.0

    def begin(self) -> None:
        """Ring the phones."""
        floor, caller = self.floor, self.journey.channel
        floor.set(caller, **dict.fromkeys(DIAL_VARIABLES, ""))
        self.journey.stage = self
        for phone in self.phones:
            leg = floor.open_phone(phone, caller.linkedid)
            floor.set(leg, DIALEDPEERNUMBER=phone.plan.number)
            leg.connect(caller.party)
            floor.run(leg, Place(leg.place.context, caller.place.exten, 1), "AppDial", OUTGOING)
            floor.wire.say(blocks.new_connected_line, leg)
            self.rung.append(Ringing(phone, leg))
        for ringing in self.rung:
            floor.wire.say(blocks.dial_begin, caller, ringing.channel, ringing.phone.plan.number)
            if len(self.rung) == 1:
                floor.connect(caller, ringing.channel.party)
            floor.starts_ringing(ringing.phone, ringing.channel)
        floor.set(caller, RINGTIME=0, RINGTIME_MS=2)
        for ringing in self.rung:
            ringing.rings_since = floor.wire.say(blocks.dial_state, caller, ringing.channel, "RINGING")
            seconds = ringing.phone.pick_up_after()
            if seconds is not None and seconds < self.limit and not ringing.phone.in_use:
                ringing.pick_up = floor.agenda.after(seconds, partial(self._pick_up, ringing))
        floor.agenda.after(self.limit, self._no_answer)
        self.journey.loses_patience_after(self.patience)

    def _stop(self) -> list[Ringing]:
        rung, self.rung = self.rung, []
        for ringing in rung:
            if ringing.pick_up is not None:
                ringing.pick_up.cancel()
        return rung

    def _enter_attempt(self, ringing: Ringing, ended_at: float, result: ledger.AttemptResult) -> None:
        plan = ringing.phone.plan
        entry = ledger.RingAttempt(
            call_id=self.journey.call_id,
            queue=None,
            agent=plan.name,
            interface=plan.interface,
            started_at=ringing.rings_since,
            ended_at=ended_at,
            result=result,
        )
        self.floor.ledger.append(entry)

    def _pick_up(self, winner: Ringing) -> None:
        # Somebody who took another call since this one began to ring lets it ring on.
        if not winner.phone.in_use:
            self._answer(winner)

    def _answer(self, winner: Ringing) -> None:
        floor, caller = self.floor, self.journey.channel
        losers = [ringing for ringing in self._stop() if ringing is not winner]
        self.journey.keeps_patience()
        floor.answers(winner.phone, winner.channel)
        floor.connect(caller, winner.channel.party)
        for loser in losers:
            self._enter_attempt(loser, floor.wire.say(blocks.dial_end, caller, loser.channel, "CANCEL"), "elsewhere")
        number = winner.phone.plan.number
        floor.set(caller, DIALSTATUS="ANSWER", DIALEDPEERNAME=winner.channel.name, DIALEDPEERNUMBER=number)
        self.answered_at = floor.wire.say(blocks.dial_end, caller, winner.channel, "ANSWER")
        self._enter_attempt(winner, self.answered_at, "answered")
        floor.answer_caller(caller)
        for loser in losers:
            floor.stops_ringing(loser.phone, loser.channel, ANSWERED_ELSEWHERE)
        self.journey.released_cause = NORMAL_CLEARING
        Talk(self.journey, winner.phone, winner.channel, self).begin()

    def _no_answer(self) -> None:
        if self.rung:
            floor, caller = self.floor, self.journey.channel
            rung = self._stop()
            self.journey.keeps_patience()
            for ringing in rung:
                at = floor.wire.say(blocks.dial_end, caller, ringing.channel, "NOANSWER")
                self._enter_attempt(ringing, at, "no_answer")
            floor.set(caller, DIALSTATUS="NOANSWER")
            for ringing in rung:
                floor.stops_ringing(ringing.phone, ringing.channel, NO_CAUSE)
            self.journey.falls_off("timeout")

    def caller_gone(self) -> None:
        """End because the caller hung up before anyone answered."""
        floor, journey, caller = self.floor, self.journey, self.journey.channel
        rung = self._stop()
        journey.request_hangup()
        for ringing in rung:
            at = floor.wire.say(blocks.dial_end, caller, ringing.channel, "CANCEL")
            self._enter_attempt(ringing, at, "caller_gone")
        floor.set(caller, DIALSTATUS="CANCEL")
        journey.release()
        for ringing in rung:
            floor.stops_ringing(ringing.phone, ringing.channel, *journey.leg_causes)
        journey.close("abandoned", journey.lost_cause)

    # The conversation's side

    def bridges(self, leg: Channel) -> None:
        """Dial lets the answered channel forget where it was called for."""
        self.floor.run(leg, Place(leg.place.context, "", 1), "AppDial", OUTGOING)

    def completed(self, reason: str, leg: Channel | None) -> None:
        """Dial says nothing of the end of a conversation."""

    def released(self) -> None:
        """Dial says how it went once the conversation is over."""
        self.floor.set(self.journey.channel, DIALSTATUS="ANSWER")
