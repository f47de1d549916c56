"""What every sink does, whatever it is: one suite for all of them.

A new sink is one entry more in ``SINKS``: how to make it, and how to see what it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from ringwatch import config
from ringwatch.config.push import Access, AlertmanagerConfig, WebhookConfig
from ringwatch.core.facts import Record
from ringwatch.core.standards import Policy
from ringwatch.flow.hub import Hub, Inbox
from ringwatch.flow.ports import Sink
from ringwatch.sinks.alert_list import AlertList
from ringwatch.sinks.alertmanager import AlertmanagerSink
from ringwatch.sinks.facts_file import FactsFile
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sinks.mqtt import MqttSink
from ringwatch.sinks.posting import WebServer
from ringwatch.sinks.standard_table import StandardTable
from ringwatch.sinks.summary import Summary
from ringwatch.sinks.webhook import WebhookSink, identity_of

from .broker import Broker
from .receiver import Bureau
from .samples import CALL, EVERY_KIND, NINE, OFFERED, VISIT, numbered

WITHIN = 10.0


@dataclass(frozen=True)
class Subject:
    """A sink, and what can be seen of its work: two that took the same records show the same."""

    sink: Sink
    shows: Callable[[], object]
    close: Callable[[], None] = lambda: None
    """Takes away what the sink writes to."""


def _metrics(_folder: Path) -> Subject:
    sink = MetricsSink({"main": Policy()}, agents=True)
    return Subject(sink, sink.render)


def _facts_file(folder: Path) -> Subject:
    path = folder / "facts.jsonl"
    path.unlink(missing_ok=True)
    return Subject(FactsFile(path), path.read_bytes)


def _summary(_folder: Path) -> Subject:
    sink = Summary()
    return Subject(sink, lambda: (sink.as_json(), sink.gaps))


def _standard_table(_folder: Path) -> Subject:
    sink = StandardTable({"main": Policy()})
    return Subject(sink, sink.as_json)


def _alert_list(_folder: Path) -> Subject:
    sink = AlertList()
    return Subject(sink, sink.as_json)


class Taking(WebServer):
    """A web server that takes everything."""

    def __init__(self, access: Access, taken: set[str]) -> None:
        super().__init__(access)
        self._taken = taken

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Keep the identity."""
        assert url
        assert body
        self._taken.add((headers or {})["webhook-id"])


def _alertmanager(_folder: Path) -> Subject:
    bureau = Bureau()
    # Nobody listens there: what it would push is what it shows.
    settings = AlertmanagerConfig(urls=("http://127.0.0.1:1",))
    sink = AlertmanagerSink(settings, bureau.says, bureau.counts, lambda: "http://here/", clock=lambda: NINE)
    return Subject(sink, sink.as_json)


def _webhook(_folder: Path) -> Subject:
    bureau = Bureau()
    taken: set[str] = set()
    settings = WebhookConfig(name="pager", url="http://127.0.0.1:1")
    sink = WebhookSink([settings], bureau.says, bureau.counts, server=lambda access: Taking(access, taken))
    return Subject(sink, lambda: taken | {identity_of(alert) for alert in sink.waiting})


def _mqtt(_folder: Path) -> Subject:
    broker, bureau = Broker(), Bureau()
    settings = config.parse(f'pbx = [{{username = "x", secret = "y"}}]\nmqtt.port = {broker.port}', "test").mqtt
    assert settings is not None
    sink = MqttSink(settings, {}, agents=True, attached=dict, says=bureau.says.emit, counts=bureau.counts)
    return Subject(sink, lambda: {topic: sink.topics.payload(topic) for topic in sink.topics.all}, broker.close)


SINKS: dict[str, Callable[[Path], Subject]] = {
    "alert_list": _alert_list,
    "alertmanager": _alertmanager,
    "facts_file": _facts_file,
    "metrics": _metrics,
    "mqtt": _mqtt,
    "standard_table": _standard_table,
    "summary": _summary,
    "webhook": _webhook,
}
MANY: tuple[Record, ...] = (
    *EVERY_KIND,
    *(numbered(record, number) for number in range(2, 300) for record in (OFFERED, VISIT, CALL)),
)


@pytest.fixture(params=sorted(SINKS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Subject]:
    """Make one more sink of the kind that is tested."""

    def made() -> Subject:
        subject = SINKS[request.param](tmp_path)
        request.addfinalizer(subject.close)
        return subject

    return made


async def run(subject: Subject, *batches: Sequence[Record], capacity: int = 100_000) -> object:
    """Let a sink take batches one by one, close it, and return what it shows."""
    inbox = Inbox(subject.sink.name, capacity)
    running = asyncio.create_task(subject.sink.run(inbox))
    for batch in batches:
        inbox.put(list(batch))
        await asyncio.wait_for(inbox.wait_idle(), WITHIN)
    inbox.close()
    await asyncio.wait_for(running, WITHIN)
    assert inbox.dropped == 0
    return subject.shows()


def test_the_samples_are_of_every_kind() -> None:
    """A kind of record that is new has to be shown to the sinks."""
    assert {type(record) for record in EVERY_KIND} == set(get_args(Record))


def test_every_sink_is_tested() -> None:
    """Each has a name of its own, which is a label of the metrics and a word of the log."""
    folder = Path(__file__).parents[2] / "ringwatch/sinks"
    defined = {path.stem for path in folder.glob("*.py") if "async def run(self, inbox: Inbox)" in path.read_text()}
    assert defined == set(SINKS)


async def test_its_name_is_a_word_that_never_changes(make: Callable[[], Subject]) -> None:
    """It is a label: bounded, and the same for each of its kind."""
    first, second = make(), make()
    assert first.sink.name == second.sink.name in SINKS
    await run(first)
    await run(second)


@pytest.mark.parametrize("record", EVERY_KIND, ids=[type(record).__name__ for record in EVERY_KIND])
async def test_it_accepts_every_kind_of_record(make: Callable[[], Subject], record: Record) -> None:
    """What is none of its business it lets pass, also as the very first of its life."""
    await run(make(), [record])


async def test_how_records_are_batched_makes_no_difference(make: Callable[[], Subject]) -> None:
    """One by one, all at once, or anything between: a batch is a moment, not a meaning."""
    at_once = await run(make(), MANY)
    assert await run(make(), *([record] for record in MANY)) == at_once
    assert await run(make(), *(MANY[start : start + 7] for start in range(0, len(MANY), 7))) == at_once


async def test_what_waits_when_the_inbox_is_closed_is_finished(make: Callable[[], Subject]) -> None:
    """The last calls of a day count like the first."""
    wanted = await run(make(), MANY)
    subject = make()
    inbox = Inbox(subject.sink.name)
    inbox.put(list(MANY))
    inbox.close()
    await asyncio.wait_for(subject.sink.run(inbox), WITHIN)
    assert subject.shows() == wanted


async def test_it_ends_when_the_inbox_is_closed(make: Callable[[], Subject]) -> None:
    """Before the first record, and after long silence."""
    subject = make()
    inbox = Inbox(subject.sink.name)
    running = asyncio.create_task(subject.sink.run(inbox))
    await asyncio.sleep(0)
    assert not running.done()
    inbox.close()
    await asyncio.wait_for(running, WITHIN)


async def test_it_asks_again_only_when_it_is_done(make: Callable[[], Subject]) -> None:
    """Asking says that the last records were dealt with: a replay is drained by that, and shows everything then."""
    wanted = await run(make(), MANY)
    subject = make()
    inbox = Inbox(subject.sink.name)
    running = asyncio.create_task(subject.sink.run(inbox))
    inbox.put(list(MANY))
    await asyncio.wait_for(inbox.wait_idle(), WITHIN)
    assert subject.shows() == wanted
    inbox.close()
    await asyncio.wait_for(running, WITHIN)


async def test_a_flood_beyond_its_inbox_is_counted_and_survived(make: Callable[[], Subject]) -> None:
    """It gets the newest, the rest is counted as dropped, and it goes on as before."""
    wanted = await run(make(), MANY[-30:], EVERY_KIND)
    subject = make()
    hub = Hub()
    inbox = hub.add(subject.sink.name, capacity=30)
    hub.publish(list(MANY))
    running = asyncio.create_task(subject.sink.run(inbox))
    await asyncio.wait_for(inbox.wait_idle(), WITHIN)
    assert inbox.dropped == len(MANY) - 30
    hub.publish(list(EVERY_KIND))
    hub.close()
    await asyncio.wait_for(running, WITHIN)
    assert subject.shows() == wanted


async def test_it_can_be_cancelled_at_any_time(make: Callable[[], Subject]) -> None:
    """A daemon that must end does not wait for it, and nothing stays open behind it."""
    subject = make()
    inbox = Inbox(subject.sink.name)
    running = asyncio.create_task(subject.sink.run(inbox))
    inbox.put(list(EVERY_KIND))
    await asyncio.wait_for(inbox.wait_idle(), WITHIN)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
