"""Listings of the PBX (QueueStatus, CoreShowChannels) held against what is believed here.

Rules:

* A listing overtakes events that are under way (manager.c: an action's answer is written at once, events wait for their
  turn). So what it contradicts is put right only when nothing explained it within the settling time.
* What is put right is `Drift`. What the first listing of a kind adds is news: nothing was believed before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from ringwatch.core import events as ev
from ringwatch.core.calls import Calls
from ringwatch.core.facts import Drift, DriftOf, Record
from ringwatch.core.lifecycle import VisitSignal
from ringwatch.core.queues import Queues
from ringwatch.core.visits import SETTLING_SECONDS


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
        self._missing: dict[str, None] = {}
        """Channels that a whole listing did not name."""
        self._missing_callers: dict[tuple[str, str], None] = {}
        self.give_up_at = math.inf
        """When what is still unexplained is put right."""

    def began(self, event: ev.SnapshotBegan) -> None:
        """A listing follows: whatever is believed now must be in it."""
        if event.what == "channels":
            self._unlisted = dict.fromkeys(self._calls.channel_ids)
            return
        self._unlisted_members = {(queue.name, name): None for queue in self._queues for name in queue.members}
        self._unlisted_callers = {(queue.name, name): None for queue in self._queues for name in queue.waiting}

    def member(self, event: ev.MemberSeen) -> None:
        """A member was named, by a listing or otherwise."""
        self._unlisted_members.pop((event.queue, event.interface), None)

    def waiting(self, queue: str, uniqueid: str) -> None:
        """A caller was named as waiting, by a listing or by joining."""
        self._unlisted_callers.pop((queue, uniqueid), None)
        self._missing_callers.pop((queue, uniqueid), None)

    def channel(self, event: ev.ChannelSeen) -> None:
        """A channel was named."""
        self._unlisted.pop(event.uniqueid, None)
        self._missing.pop(event.uniqueid, None)

    def ended(self, event: ev.SnapshotEnded) -> None:
        """A listing is complete."""
        self.give_up_at = event.at + SETTLING_SECONDS
        if event.what == "channels":
            self._missing |= self._unlisted
            self._unlisted = {}
        else:
            for queue, interface in self._unlisted_members:
                self._queues.remove_member(queue, interface)
                self.drift(event.at, "members", f"{queue}: {interface}")
            self._missing_callers |= self._unlisted_callers
            self._unlisted_members, self._unlisted_callers = {}, {}
        self._heard.add(event.what)

    def settle(self) -> None:
        """Put right what nothing has explained."""
        at, self.give_up_at = self.give_up_at, math.inf
        for queue, uniqueid in self._missing_callers:
            channel = self._calls.find(uniqueid)
            if channel and channel.visit and channel.waits_in(queue):
                call, _ = self._calls.caller(uniqueid, "", "", at)
                self._calls.visits.signal(call, channel.visit, VisitSignal.GONE, at)
                self.drift(at, "callers", f"{queue}: {uniqueid}")
        for uniqueid in self._missing:
            if self._calls.find(uniqueid):
                self._calls.vanish(uniqueid, at)
                self.drift(at, "channels", uniqueid)
        self._missing, self._missing_callers = {}, {}

    def drift(self, at: float, what: DriftOf, subject: str) -> None:
        """Count one thing that a listing put right."""
        self._tell(Drift(pbx=self._pbx, at=at, what=what, subject=subject))

    def is_news(self, what: Literal["queues", "channels"]) -> bool:
        """Tell whether no listing of a kind was whole yet: what it adds is no drift."""
        return what not in self._heard
