"""The gauges of how long agents have worked without a break: since when, as a timestamp, and 0 for nobody.

* Of a queue it is the agent who has gone on longest among those logged in to it, whichever queue the work was for.
* An agent is a name here, as in every series by agent: of two devices under one name the earlier beginning counts.
* Who began first is looked up when a page is rendered: a reading costs no search.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ringwatch.core.readings import Key, StretchReading

_Begun = dict[tuple[str, str], dict[Key, float]]
"""When stretches began, of the agents at their devices, by PBX and queue, or PBX and name."""


class BreaksMetrics(Collector):
    """Shows the stretches that go on.

    :param agents: also by agent.
    """

    def __init__(self, *, agents: bool) -> None:
        """Start with nobody at work."""
        self._agents = agents
        self._queues: dict[Key, tuple[str, ...]] = {}
        """Under which queues an agent is shown."""
        self._by_queue: _Begun = {}
        self._by_agent: _Begun = {}

    def zero(self, pbx: str, queue: str) -> None:
        """Let the series of a queue exist."""
        self._by_queue.setdefault((pbx, queue), {})

    def show(self, reading: StretchReading) -> None:
        """Show a reading in the place of the one before."""
        for queue in self._queues.pop(reading.key, ()):
            del self._by_queue[reading.pbx, queue][reading.key]
        agent = self._by_agent.setdefault((reading.pbx, reading.agent), {})
        agent.pop(reading.key, None)
        if reading.since is not None:
            agent[reading.key] = reading.since
            self._queues[reading.key] = reading.queues
            for queue in reading.queues:
                self._by_queue.setdefault((reading.pbx, queue), {})[reading.key] = reading.since

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families."""
        yield _family("queue", "Since when the agent of a queue who is longest without a break works", self._by_queue)
        if self._agents:
            yield _family("agent", "Since when an agent works without a break", self._by_agent)


def _family(label: str, text: str, begun: _Begun) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"ringwatch_{label}_unbroken_since_timestamp_seconds",
        f"{text}, seconds since 1970; 0 for nobody.",
        labels=("pbx", label),
    )
    for place, stretches in begun.items():
        family.add_metric(place, min(stretches.values(), default=0.0))
    return family
