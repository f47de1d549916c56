"""A recorded stream to be asked in which order things happened, with the facts it leads to and Asterisk's queue_log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.asterisk.records import QueueLine, read_queue_log
from tests.core.told import Told
from tests.simulator.streams import capture, timed
from tests.tools.captures import CAPTURES, blocks, facts_of

Headers = dict[str, str]


@dataclass(frozen=True)
class Happened:
    """An event and its place in the stream."""

    place: int
    headers: Headers

    def __getitem__(self, header: str) -> str:
        """Return a header, empty when the event lacks it."""
        return self.headers.get(header, "")

    @property
    def at(self) -> float:
        """Its Timestamp."""
        return float(self["Timestamp"])


class Recording:
    """One recorded stream."""

    def __init__(self, name: str) -> None:
        self.told = Told(facts_of(blocks(name)))
        self.queue_log: list[QueueLine] = read_queue_log(CAPTURES / name / "queue_log")
        self.events = [Happened(place, headers) for place, headers in enumerate(timed(capture(name)))]
        self._by_name: defaultdict[str, list[Happened]] = defaultdict(list)
        for event in self.events:
            self._by_name[event["Event"]].append(event)

    def all(self, name: str, **wanted: str) -> list[Happened]:
        """Return the events of a name that have these headers."""
        return [each for each in self._by_name[name] if all(each[header] == value for header, value in wanted.items())]

    def one(self, name: str, **wanted: str) -> Happened:
        """Return the only such event."""
        (event,) = self.all(name, **wanted)
        return event

    def after(self, event: Happened, name: str, **wanted: str) -> Happened | None:
        """Return the next such event."""
        return next((each for each in self.all(name, **wanted) if each.place > event.place), None)

    def before(self, event: Happened, name: str, **wanted: str) -> Happened | None:
        """Return the last such event until then."""
        return next((each for each in reversed(self.all(name, **wanted)) if each.place < event.place), None)

    def logged(self, *names: str, call_id: str | None = None) -> list[QueueLine]:
        """Return queue_log's lines of these names."""
        return [line for line in self.queue_log if line.event in names and call_id in {None, line.call_id}]

    def ringing(self, until: Happened, caller: str) -> Iterator[Happened]:
        """Find the members whom a queue was calling for a caller at a moment: the AgentCalled of each."""
        for called in self.all("AgentCalled", Uniqueid=caller):
            dest = called["DestUniqueid"]
            ended = [*self.all("DialEnd", Uniqueid=caller, DestUniqueid=dest), *self.all("Hangup", Uniqueid=dest)]
            if called.place < until.place <= min(each.place for each in ended):
                yield called


@cache
def recording(name: str) -> Recording:
    """Read a recording, once."""
    return Recording(name)


def in_order(*events: Happened | None) -> bool:
    """Tell whether all of them happened, in this order."""
    places = [-1 if event is None else event.place for event in events]
    return -1 not in places and places == sorted(places)
