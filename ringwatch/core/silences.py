"""What the caller hears in a conversation: when somebody leaves the caller alone, and until when.

Rules:

* A caller is left alone from the first hold, park or absence to the moment when none of them is left: one interval,
  by what the caller hears. Holds nest (a consultation holds once more), and may lack their end; where music is heard,
  the music tells the end.
"""

from __future__ import annotations

from collections.abc import Callable

from ringwatch.core import events as ev
from ringwatch.core.crossings import Crossings
from ringwatch.core.facts import HoldKind, Record
from ringwatch.core.queues import Queues
from ringwatch.core.state import BLINK_SECONDS, Channel, Leg, legs_of, side
from ringwatch.core.telling import Teller


class Silences:
    """The holds of all conversations of one PBX.

    :param find: finds a channel that is up.
    :param crossings: told of all that may stop a clock or set it going.
    """

    def __init__(
        self,
        *,
        find: Callable[[str], Channel | None],
        queues: Queues,
        teller: Teller,
        tell: Callable[[Record], None],
        crossings: Crossings,
    ) -> None:
        """Start with nobody alone."""
        self._find = find
        self._queues = queues
        self._teller = teller
        self._tell = tell
        self._crossings = crossings

    def hold_began(self, event: ev.HoldBegan) -> None:
        """An agent leaves the caller alone."""
        for leg in self._held(event.uniqueid):
            leg.holders[event.uniqueid] = leg.holders.get(event.uniqueid, 0) + 1
            leg.held = True
            self.listen(leg, event.at)

    def hold_ended(self, event: ev.HoldEnded) -> None:
        """The agent is back. A blind transfer sends this without a hold before it."""
        for leg in self._held(event.uniqueid):
            held = leg.holders.get(event.uniqueid, 0)
            if held > 1:
                leg.holders[event.uniqueid] = held - 1
            else:
                leg.holders.pop(event.uniqueid, None)
            self.listen(leg, event.at)

    def _held(self, uniqueid: str) -> list[Leg]:
        channel = self._find(uniqueid)
        return [leg for leg in legs_of(channel) if side(leg, channel) == "agent"] if channel else []

    def music_began(self, event: ev.MusicBegan) -> None:
        """A channel hears music."""
        if channel := self._find(event.uniqueid):
            channel.music = True
            if channel.call:
                for leg in channel.call.legs.values():
                    leg.music_heard = leg.music_heard or leg.silent_since is not None

    def music_ended(self, event: ev.MusicEnded) -> None:
        """A channel hears no more music: whoever held it is back, unless nobody is there."""
        channel = self._find(event.uniqueid)
        if channel is None:
            return
        heard, channel.music = channel.music, False
        legs = list(channel.call.legs.values()) if channel.call else []
        if channel.leg and channel in channel.leg.wires and not channel.leg.from_start:
            # A wire that is never taken out (/n) plays the music for the caller behind it.
            legs.append(channel.leg)
        for leg in legs:
            if not (heard or leg.from_start or leg.music_heard) and leg.silent_since is None:
                # Found on hold: the music is the first that is heard of it.
                leg.silent_since, leg.held, leg.music_heard = leg.started_at, True, True
            if leg.music_heard and leg.away_since is None:
                leg.holders.clear()
                self.listen(leg, event.at)

    def listen(self, leg: Leg, at: float) -> None:
        """See whether the caller is left alone now."""
        alone = bool(leg.holders) or leg.away_since is not None or leg.parked
        if alone and leg.silent_since is None:
            leg.silent_since, leg.consulted, leg.music_heard = at, False, leg.call.channel.music
            self._queues.agents.held(leg.device, leg, at, on=True)
            self._crossings.moved(leg)
        elif not alone:
            self.end(leg, at)

    def end(self, leg: Leg, at: float) -> None:
        """Tell the interval in which the caller was left alone, if there was one."""
        since, leg.silent_since = leg.silent_since, None
        if since is not None:
            self._queues.agents.held(leg.device, leg, at, on=False)
            self._crossings.moved(leg)
        if leg.left is not None:
            # Whoever goes ends a hold with it; the events that say so come a moment later.
            at = min(at, leg.left[0])
        if since is None or (at - since < BLINK_SECONDS and not (leg.held or leg.parked)):
            return
        at = max(at, since)
        leg.hold_seconds += at - since
        leg.held = False
        self._crossings.held(leg, since, at)
        kind: HoldKind = "park" if leg.parked else "consultation" if leg.consulted else "hold"
        leg.holds += 1
        self._tell(self._teller.hold(leg, kind, since, at))
