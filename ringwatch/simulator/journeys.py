"""A caller: who it is, how patient, and where on the floor it is now.

Rules: a journey is at exactly one stage at a time (a queue, a dial, a conversation), which is told when the caller
hangs up and must then end the journey. Everything a caller decides comes from the caller's own source of chance, so
that the same seed sends the same callers to a desk with other people in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.channels import INTERWORKING, NO_CAUSE, NORMAL_CLEARING, UP, Place
from ringwatch.simulator.floor import FROM_OUTSIDE

if TYPE_CHECKING:
    from random import Random

    from ringwatch.simulator.agenda import Deed
    from ringwatch.simulator.channels import Channel, Party
    from ringwatch.simulator.floor import Floor

# A caller who gives up before the answer sends CANCEL, one who was answered BYE; Asterisk words the first one thus.
CANCELLED, CANCELLED_LEG = 487, 500


class Stage(Protocol):
    """What holds a caller."""

    def caller_gone(self) -> None:
        """End everything, because the caller hung up; the HangupRequest is yet to be said."""


class Routes(Protocol):
    """Where callers go; the dialplan."""

    def lead_on(self, journey: Journey, exten: str) -> None:
        """Lead a transferred caller to an internal extension."""

    def see_off(self, journey: Journey, outcome: ledger.Outcome) -> None:
        """Take note that a caller is gone."""


class Journey:
    """One caller's way through the desk."""

    __slots__ = (
        "cancelled",
        "channel",
        "exten",
        "floor",
        "legs",
        "patience",
        "released_cause",
        "rng",
        "routes",
        "stage",
        "started_at",
        "transferred",
        "transfers",
        "visits",
    )

    def __init__(self, floor: Floor, routes: Routes, party: Party, exten: str, rng: Random) -> None:
        """Let a caller in at an extension."""
        self.floor = floor
        self.routes = routes
        self.rng = rng
        self.exten = exten
        self.channel: Channel
        self.channel, self.started_at = floor.open_trunk(party, exten)
        self.stage: Stage | None = None
        self.patience: Deed | None = None
        # The cause the channel holds: Dial and a blind transfer leave 16 there, a queue nothing.
        self.released_cause: int | None = None
        # Whether BLINDTRANSFER is set on the channel; the next bridge clears it.
        self.transferred = False
        # Whether the caller gave up before any answer: a CANCEL, not a BYE.
        self.cancelled = False
        self.transfers = 0
        self.legs = 0
        self.visits: list[str] = []
        floor.journeys[self.channel.uniqueid] = self

    @property
    def call_id(self) -> str:
        """The Uniqueid of the caller's channel."""
        return self.channel.uniqueid

    def loses_patience_after(self, mean_seconds: float) -> None:
        """Let the caller hang up after an exponential time, unless `keeps_patience` is called before."""
        self.keeps_patience()
        self.patience = self.floor.agenda.after(max(0.5, self.rng.expovariate(1 / mean_seconds)), self.hangs_up)

    def keeps_patience(self) -> None:
        """Take back the decision to hang up: somebody answered."""
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def hangs_up(self) -> None:
        """Hang up, wherever the caller is."""
        stage = self.stage
        if stage is not None:
            stage.caller_gone()

    def request_hangup(self) -> float:
        """Say that the caller hung up; returns when."""
        self.keeps_patience()
        self.cancelled = self.channel.state != UP
        cause = INTERWORKING if self.cancelled else self.released_cause
        return self.floor.wire.say(blocks.hangup_request, self.channel, cause, self._tech_cause)

    def release(self) -> None:
        """Say that Asterisk ends the caller's channel."""
        self.keeps_patience()
        self.floor.wire.say(blocks.soft_hangup_request, self.channel, self._tech_cause)

    def close(self, outcome: ledger.Outcome, cause: int = NORMAL_CLEARING) -> None:
        """Hang up the caller's channel and end the journey."""
        self.stage = None
        floor = self.floor
        ended_at = floor.hang_up(self.channel, cause, self._tech_cause)
        del floor.journeys[self.call_id]
        entry = ledger.Call(
            call_id=self.call_id,
            exten=self.exten,
            caller=self.channel.party.number,
            started_at=self.started_at,
            ended_at=ended_at,
            outcome=outcome,
            legs=self.legs,
            transfers=self.transfers,
        )
        floor.ledger.append(entry)
        self.routes.see_off(self, outcome)

    def falls_off(self, outcome: ledger.Outcome) -> None:
        """Go on in the dialplan after a queue or a dial gave up: to a Hangup from outside, to nothing from inside."""
        channel = self.channel
        context, exten, priority = channel.place
        if context == FROM_OUTSIDE:
            self.floor.run(channel, Place(context, exten, priority + 1), "Hangup", "")
        self.release()
        self.close(outcome)

    @property
    def lost_cause(self) -> int:
        """The cause of the caller's channel when the caller hung up without an answer."""
        return INTERWORKING if self.cancelled else self.released_cause or NO_CAUSE

    @property
    def leg_causes(self) -> tuple[int, int | None]:
        """The causes with which phones stop ringing when this caller hangs up."""
        return (INTERWORKING, CANCELLED_LEG) if self.cancelled else (self.lost_cause, None)

    @property
    def _tech_cause(self) -> int | None:
        return CANCELLED if self.cancelled else None
