"""What waits to be published, in which order, and how much of it: no connection, and the time is told.

Rules:

* Events go first, in their order. Beyond so many the oldest is dropped, and counted.
* Of a state the newest is sent, never twice the same over one connection, and one topic at most once per interval.
* What was handed out counts as delivered when the next batch is asked for. Over a new connection it is handed out
  again, and so is every state: a broker may have lost what it retained, and an event may arrive twice but not never.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice

from ringwatch.sinks.mqtt_topics import Message, Topics

AT_ONCE = 50
"""So many are handed out together: a broker's answers may be held up by 40 ms (Nagle's algorithm), once for all."""


class Outbox:
    """Hands out messages. Times are in seconds of any one clock.

    :param interval: least time between two messages of one state.
    :param keep: most events that wait.
    """

    def __init__(self, topics: Topics, interval: float, keep: int) -> None:
        """Start with every state to be sent."""
        self._topics = topics
        self._interval = interval
        self._keep = keep
        self._events: deque[Message] = deque()
        self._dropped = 0
        self._handed_out = 0
        """So many of the first events are on their way."""
        self._sent: dict[str, bytes] = {}
        self._ready: dict[str, None] = {}
        """The states to be sent."""
        self._resting: dict[str, float] = {}
        """Until when each state rests that was sent, the soonest first."""
        self._again: set[str] = set()
        """The resting states that changed meanwhile."""

    @property
    def waiting(self) -> int:
        """How many events are not known to have arrived."""
        return len(self._events)

    def add(self, event: Message) -> None:
        """Let an event wait."""
        self._events.append(event)
        if len(self._events) > self._keep:
            self._events.popleft()
            self._handed_out = max(self._handed_out - 1, 0)
            self._dropped += 1

    def take_dropped(self) -> int:
        """Return how many events had to make room for newer ones since it was last asked."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def begin(self) -> None:
        """Start over with a new connection."""
        self._handed_out = 0
        self._sent.clear()
        self._resting.clear()
        self._again.clear()
        self._ready = dict.fromkeys(self._topics.all)

    def batch(self, now: float, *, at_last: bool = False) -> list[Message]:
        """Return what to publish now, all that went before having arrived; ``at_last``, without regard to rests."""
        for _ in range(self._handed_out):
            self._events.popleft()
        self._sort(math.inf if at_last else now)
        # Neither has to wait for the end of the other.
        found = list(islice(self._events, AT_ONCE - min(len(self._ready), AT_ONCE // 2)))
        self._handed_out = len(found)
        while self._ready and len(found) < AT_ONCE:
            topic = next(iter(self._ready))
            del self._ready[topic]
            payload = self._topics.payload(topic)
            if self._sent.get(topic) != payload:
                self._sent[topic] = payload
                self._resting[topic] = now + self._interval
                found.append(Message(topic, payload, retain=True))
        return found

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds there is something to publish; ``None`` while nothing waits."""
        self._sort(now)
        if self._ready or self.waiting > self._handed_out:
            return 0.0
        soonest = min((self._resting[topic] for topic in self._again), default=None)
        return None if soonest is None else soonest - now

    def _sort(self, now: float) -> None:
        while self._resting and (topic := next(iter(self._resting))) and self._resting[topic] <= now:
            del self._resting[topic]
            if topic in self._again:
                self._again.remove(topic)
                self._ready[topic] = None
        for topic in self._topics.changed:
            if topic in self._resting:
                self._again.add(topic)
            else:
                self._ready[topic] = None
        self._topics.changed.clear()
