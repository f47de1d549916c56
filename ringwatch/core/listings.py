"""Listings of the PBX (QueueStatus, CoreShowChannels) held against what is believed here.

Rules:

* A listing overtakes events that are under way (manager.c: an action's answer is written at once, events wait for their
  turn). Of whom nothing is known it is believed at once, and corrected by the event, should that come. What contradicts
  it is put right only when no event explained it within the settling time. Members are believed at once as well: their
  events say all that there is to say of them.
* What is put right is `Drift`. What the first listing of a kind adds is news: nothing was believed before it.
* A caller whom a listing shows in line has waited whole seconds: if that is not the wait that is known, it is another
  stay, and the end of the known one was not seen.
* The two channels of a bridge talk if one of them was called, or is wire, or has fetched the other from a parking
  space: a listing does not tell a bridge for two from a parking lot or a conference. More than two are not believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from ringwatch.core import events as ev
from ringwatch.core.calls import Calls
from ringwatch.core.facts import Record
from ringwatch.core.lifecycle import VisitState
from ringwatch.core.queues import Queues
from ringwatch.core.readings import Drift, DriftOf
from ringwatch.core.state import Channel
from ringwatch.core.visits import SETTLING_SECONDS

_SAME_STAY_SECONDS = 2.5
"""How far a listed wait may be from the known one: it is truncated, and QueueStatus takes its time."""
_TALKING = frozenset({"AppDial", "AppDial2", "AppQueue", "ParkedCall"})
"""What a channel runs that talks to whoever is in its bridge (app_dial.c, dial.c, app_queue.c, res_parking.c)."""


class Listings:
    """What the listings of one PBX say, and what has not yet been explained of it."""

    def __init__(self, pbx: str, calls: Calls, queues: Queues, tell: Callable[[Record], None]) -> None:
        """Start before the first listing."""
        self._pbx = pbx
        self._calls = calls
        self._queues = queues
        self._tell = tell
        self._heard: set[str] = set()
        """Kinds of listings of which one was whole."""
        self._unlisted: dict[str, None] = {}
        """Channels that were up when a listing began and that it has not named yet."""
        self._unlisted_members: dict[tuple[str, str], None] = {}
        self._unlisted_callers: dict[tuple[str, str], None] = {}
        self._listing_members = False
        self._strange_members: dict[tuple[str, str], None] = {}
        """Members whom a listing shows to stand otherwise than believed: there, gone, in another state."""
        self._missing: dict[str, None] = {}
        """Channels that a whole listing did not name."""
        self._missing_callers: dict[tuple[str, str], None] = {}
        self._strange: dict[str, bool] = {}
        """Channels that a listing was the first to name, and whether that was news."""
        self._strange_callers: dict[tuple[str, str], tuple[ev.WaitingSeen, bool]] = {}
        """Callers whom a listing shows where they were not believed to wait, and whether that was news."""
        self._bridges: dict[str, list[ev.ChannelSeen]] = {}
        """Who is in each bridge, by the last listing."""
        self._places: dict[str, str] = {}
        """Channels that a listing shows in another bridge than believed."""
        self.give_up_at = math.inf
        """When what is still unexplained is put right."""

    # -- what listings say

    def began(self, event: ev.SnapshotBegan) -> None:
        """A listing follows: whatever is believed now must be in it."""
        if event.what == "channels":
            self._unlisted = dict.fromkeys(channel.uniqueid for channel in self._calls.channels)
            self._bridges = {}
            return
        self._listing_members = True
        self._unlisted_members = {(queue.name, name): None for queue in self._queues for name in queue.members}
        self._unlisted_callers = {(queue.name, name): None for queue in self._queues for name in queue.waiting}

    def member(self, event: ev.MemberSeen) -> None:
        """A member was named, by a listing or otherwise."""
        where = (event.queue, event.interface)
        self._unlisted_members.pop(where, None)
        if not self._listing_members:
            self._strange_members.pop(where, None)
            return
        known = self._queues.member(*where)
        as_known = known and (known.status, known.terms.paused) == (event.status, event.paused)
        if not as_known and not self.is_news("queues"):
            self._strange_members[where] = None

    def waiting(self, event: ev.WaitingSeen) -> None:
        """A caller was named as waiting."""
        where = (event.queue, event.uniqueid)
        self.explained(*where)
        channel = self._calls.find(event.uniqueid)
        joined_at = event.at - event.waited
        if channel is None or channel.visit is None:
            self.joined(event, joined_at)
            self._strange_callers[where] = (event, self.is_news("queues"))
        elif not _same_stay(channel, event.queue, joined_at):
            self._strange_callers[where] = (event, False)

    def channel(self, event: ev.ChannelSeen) -> None:
        """A channel was named."""
        self._unlisted.pop(event.uniqueid, None)
        self._missing.pop(event.uniqueid, None)
        if self._adopted(event):
            self._strange[event.uniqueid] = self.is_news("channels")
        channel = self._calls.find(event.uniqueid)
        if event.bridge:
            self._bridges.setdefault(event.bridge, []).append(event)
        if channel and (channel.bridge or "") != event.bridge:
            self._places[event.uniqueid] = event.bridge
        else:
            self._places.pop(event.uniqueid, None)

    def _adopted(self, event: ev.ChannelSeen) -> bool:
        """Take a channel in, and tell whether nothing was known of it.

        It is a call's where nobody called it: it came from outside, or from a phone of the desk's own.
        """
        known = self._calls.find(event.uniqueid)
        if known and known.found_at is None:
            return False
        channel = known or self._calls.channel_of(event.uniqueid, event.channel, event.caller, event.at)
        channel.begins(event, event.at - event.seconds, event.at)
        if event.application == "Queue":
            channel.queue_data = event.data
        if channel.is_local:
            pair, _, half = channel.name.rpartition(";")
            name = f"{pair};{'2' if half == '1' else '1'}"
            for other in self._calls.channels:
                if other.name == name:
                    channel.partner, other.partner = other.uniqueid, channel.uniqueid
        elif known is None and (event.ringing_in or event.linkedid == event.uniqueid):
            self._calls.start_call(channel, channel.started_at, originated=False)
        return known is None

    def ended(self, event: ev.SnapshotEnded) -> None:
        """A listing is complete."""
        self.give_up_at = event.at + SETTLING_SECONDS
        if event.what == "channels":
            self._missing |= self._unlisted
            self._unlisted = {}
        else:
            for queue, interface in self._unlisted_members:
                self._queues.remove_member(queue, interface, event.at)
            self._strange_members |= self._unlisted_members
            self._listing_members = False
            self._missing_callers |= self._unlisted_callers
            self._unlisted_members, self._unlisted_callers = {}, {}
        self._heard.add(event.what)

    # -- what events explain

    def explained(self, queue: str, uniqueid: str) -> None:
        """An event, or another listing, says how a caller stands with a queue."""
        where = (queue, uniqueid)
        self._unlisted_callers.pop(where, None)
        self._missing_callers.pop(where, None)
        self._strange_callers.pop(where, None)

    def joined(self, event: ev.CallerJoined | ev.WaitingSeen, at: float) -> None:
        """A caller stands in a queue's line since a moment; one whom a listing showed there has now been heard to join.

        :param at: the moment, by the event or reckoned back.
        """
        found = isinstance(event, ev.WaitingSeen)
        visits = self._calls.visits
        call, channel = self._calls.caller(event.uniqueid, event.channel, event.caller, event.at)
        # Whoever joins a line is alive: an earlier request was for something else (Redirect).
        channel.hangup_requested = False
        if not channel.waits_in(event.queue):
            if channel is call.channel:
                self._calls.talks.over(call, at)
            else:
                self._calls.is_no_phone(channel)
            visits.join(call, channel, event.queue, at, event.position, found=found)
        elif channel.visit and channel.visit.found and not found:
            visits.rejoin(channel.visit, at, event.position)

    def member_explained(self, queue: str, interface: str) -> None:
        """An event says that a member is gone."""
        self._unlisted_members.pop((queue, interface), None)
        self._strange_members.pop((queue, interface), None)

    def began_after_all(self, event: ev.ChannelStarted) -> None:
        """A channel that a listing had shown has now been heard to begin."""
        self._strange.pop(event.uniqueid, None)

    def moved(self, uniqueid: str) -> None:
        """An event says which bridge a channel is in."""
        self._places.pop(uniqueid, None)

    def gone(self, event: ev.ChannelEnded) -> None:
        """A channel hangs up that no line names any more: how it left the line was not seen, whatever ends now."""
        for queue, uniqueid in [where for where in self._missing_callers if where[1] == event.uniqueid]:
            self._lose_caller(queue, uniqueid, event.at)

    def broke(self) -> None:
        """No event can explain anything any more: the next listing will say how things stand then.

        Nor will be heard what would have explained how a caller has left a line.
        """
        self.give_up_at = math.inf
        self._listing_members = False
        for channel in self._calls.channels:
            if channel.visit and channel.visit.state is VisitState.LEAVING:
                channel.visit.lost = True

    def resumed(self) -> None:
        """The stream is back: of whoever waits something may have been missed."""
        for channel in self._calls.channels:
            if channel.visit:
                channel.visit.missed = True

    # -- what nothing explained

    def settle(self) -> None:
        """Put right what nothing has explained."""
        at, self.give_up_at = self.give_up_at, math.inf
        for queue, interface in self._strange_members:
            self.drift(at, "members", f"{queue}: {interface}")
        self._strange_members = {}
        for queue, uniqueid in list(self._missing_callers):
            self._lose_caller(queue, uniqueid, at)
        for uniqueid in self._missing:
            if self._calls.find(uniqueid):
                self._calls.vanish(uniqueid, at)
                self.drift(at, "channels", uniqueid)
        self._missing = {}
        self._settle_strangers(at)
        self._settle_places(at)

    def _lose_caller(self, queue: str, uniqueid: str, at: float) -> None:
        del self._missing_callers[queue, uniqueid]
        channel = self._calls.find(uniqueid)
        if channel and channel.visit and channel.waits_in(queue):
            self._calls.visits.lose(self._calls.caller(uniqueid, "", "", at)[0], channel.visit, at)
            self.drift(at, "callers", f"{queue}: {uniqueid}")

    def _settle_strangers(self, at: float) -> None:
        strangers, self._strange_callers = self._strange_callers, {}
        for (queue, uniqueid), (event, news) in strangers.items():
            channel = self._calls.find(uniqueid)
            joined_at = event.at - event.waited
            if channel is None:
                continue
            if channel.visit and not _same_stay(channel, queue, joined_at):
                self._calls.visits.lose(self._calls.caller(uniqueid, "", "", at)[0], channel.visit, at)
            self.joined(event, joined_at)
            if not news:
                self.drift(at, "callers", f"{queue}: {uniqueid}")
        strange, self._strange = self._strange, {}
        for uniqueid, news in strange.items():
            if not news:
                self.drift(at, "channels", uniqueid)

    def _settle_places(self, at: float) -> None:
        places, self._places = self._places, {}
        moved: list[tuple[Channel, str]] = []
        for uniqueid, bridge in places.items():
            channel = self._calls.find(uniqueid)
            believed = bridge if _is_talk(self._bridges.get(bridge, [])) else ""
            if channel is None or (channel.bridge or "") == believed:
                continue
            if believed and channel.attempt and channel.attempt.open:
                self._calls.answered_unseen(channel.attempt)
            moved.append((channel, believed))
            if channel.found_at is None:
                self.drift(at, "channels", uniqueid)
        self._calls.talks.found(moved, at)

    def drift(self, at: float, what: DriftOf, subject: str) -> None:
        """Count one thing that a listing put right."""
        self._tell(Drift(pbx=self._pbx, at=at, what=what, subject=subject))

    def is_news(self, what: Literal["queues", "channels"]) -> bool:
        """Tell whether no listing of a kind was whole yet: what it adds is no drift."""
        return what not in self._heard


def _same_stay(channel: Channel, queue: str, joined_at: float) -> bool:
    visit = channel.visit
    return visit is not None and channel.waits_in(queue) and abs(visit.joined_at - joined_at) <= _SAME_STAY_SECONDS


def _is_talk(channels: list[ev.ChannelSeen]) -> bool:
    called = any(each.application in _TALKING or each.channel.startswith("Local/") for each in channels)
    return called and len(channels) == 2  # noqa: PLR2004 - a talk
