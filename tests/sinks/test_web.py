"""The pages as a client gets them: a real server on a free port, and Prometheus's own way of asking."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from ringwatch import __version__
from ringwatch.core.engine import Engine
from ringwatch.core.standards import Policy
from ringwatch.errors import RingwatchError
from ringwatch.flow.hub import Hub
from ringwatch.flow.ports import Attached, Batch, Detached
from ringwatch.flow.pump import Pump
from ringwatch.sinks.itself import Itself
from ringwatch.sinks.metrics import MetricsSink
from ringwatch.sinks.web import WebServer
from tests.accounting import families
from tests.flow.scripted import NINE, Scripted, joins
from tests.tools.captures import blocks

from .samples import EVERY_KIND

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)
TEXT_FIRST = "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def pump_of(pbx: str, hub: Hub | None = None) -> Pump:
    """Return a pump that nobody drives."""
    return Pump(Scripted(), Engine(pbx, Policy()), hub or Hub(), listen=lambda _pbx, _heard: None)


def attached(pbx: str) -> Pump:
    """Return a pump that is attached."""
    pump = pump_of(pbx)
    pump.attached = Attached(NINE, "10.0.0.5:5038", "11.0.0")
    return pump


@asynccontextmanager
async def serving(*pumps: Pump, sink: MetricsSink | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the pages on a free port, and talk to them."""
    if sink is None:
        sink = MetricsSink({"main": Policy()})
        sink.apply(EVERY_KIND)
    server = WebServer(sink.page, pumps)
    await server.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(
            f"http://{server.address}",
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=20),
        ) as session:
            yield session
    finally:
        await server.stop()


class TestMetrics:
    """What a scraper gets."""

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            (PROMETHEUS_2, OPENMETRICS),
            (PROMETHEUS_3, OPENMETRICS),
            (PROMETHEUS_PROTOBUF, OPENMETRICS),
            (TEXT_FIRST, TEXT),
            ("text/plain", TEXT),
            ("text/plain;version=0.0.4", TEXT),
            (BROWSER, TEXT),
            ("*/*", TEXT),
            ("", TEXT),
            (None, TEXT),
            ("application/openmetrics-text", OPENMETRICS),
            ("Application/OpenMetrics-Text; Version=1.0.0; Q=0.5 , text/*;q=0.4", OPENMETRICS),
            ("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;q=0", TEXT),
            ("application/openmetrics-text;q=0.2,text/*;q=0.9", TEXT),
            ("application/openmetrics-text;q=0.5,*/*;q=0.8,text/plain;q=0.1", OPENMETRICS),
            ("application/openmetrics-text;q=high,text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;q=nan,text/plain;q=0.1", TEXT),
            (";;q=,,;", TEXT),
        ],
    )
    async def test_the_format_is_the_one_that_is_liked_best(self, accept: str | None, content_type: str) -> None:
        """By the weights of the Accept header; OpenMetrics only for who names it."""
        headers = {} if accept is None else {"Accept": accept}
        async with serving() as session, session.get("/metrics", headers=headers) as response:
            page = await response.read()
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert page.endswith(b"# EOF\n") == (content_type == OPENMETRICS)
        assert len(families(page)) > 10

    async def test_several_accept_headers_count_as_one(self) -> None:
        """So the protocol has it."""
        headers = [("Accept", "text/plain;q=0.3"), ("Accept", "application/openmetrics-text;q=0.5")]
        async with serving() as session, session.get("/metrics", headers=headers) as response:
            assert response.headers["Content-Type"] == OPENMETRICS

    @pytest.mark.parametrize("coding", ["gzip", "gzip, deflate", "deflate"])
    async def test_who_takes_compressed_pages_gets_them(self, coding: str) -> None:
        """Prometheus asks for gzip; a page is a tenth of its size then."""
        async with serving() as session:
            async with session.get("/metrics") as response:
                plain = await response.read()
                assert "Content-Encoding" not in response.headers
            async with session.get("/metrics", headers={"Accept-Encoding": coding}) as response:
                packed = await response.read()
                used = response.headers["Content-Encoding"]
        assert used in coding
        assert (gzip.decompress(packed) if used == "gzip" else _inflate(packed)) == plain
        assert len(packed) < len(plain) / 4
        assert "Accept-Encoding" in response.headers["Vary"]

    async def test_the_headers_alone_can_be_asked_for(self) -> None:
        """A probe needs no page."""
        async with serving() as session, session.head("/metrics") as response:
            assert response.status == 200
            assert await response.read() == b""

    async def test_the_page_cannot_be_written_to(self) -> None:
        """There is nothing to post here."""
        async with serving() as session, session.post("/metrics", data=b"x") as response:
            assert response.status == 405


def _inflate(data: bytes) -> bytes:
    # "deflate" is zlib's format by the protocol, and bare deflate by tradition.
    return zlib.decompress(data, zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)


class TestHealth:
    """What a supervisor asks."""

    async def test_who_answers_is_healthy(self) -> None:
        """Attached or not: a PBX that is away is no reason to start ringwatch anew."""
        async with serving(pump_of("main")) as session, session.get("/-/healthy") as response:
            assert (response.status, await response.text()) == (200, "ringwatch is healthy\n")

    async def test_ready_names_every_pbx_that_is_not_attached(self) -> None:
        """And says so with the status that makes a balancer wait."""
        pumps = pump_of("main"), attached("north"), pump_of("south")
        async with serving(*pumps) as session:
            async with session.get("/-/ready") as response:
                assert (response.status, await response.text()) == (503, "not attached: main, south\n")
            pumps[0].attached = pumps[2].attached = pumps[1].attached
            async with session.get("/-/ready") as response:
                assert (response.status, await response.text()) == (200, "ringwatch is ready\n")
            pumps[1].attached = None
            async with session.get("/-/ready") as response:
                assert (response.status, await response.text()) == (503, "not attached: north\n")

    async def test_an_unknown_page_is_not_found(self) -> None:
        """Nor is anything served from the disk."""
        async with serving() as session:
            for path in ("/nothing", "/metrics/", "/-/", "/../pyproject.toml"):
                async with session.get(path) as response:
                    assert response.status == 404, path


class TestLanding:
    """What a person sees first."""

    async def test_every_pbx_is_there_with_its_state(self) -> None:
        """Attached to where, or not and why; its queues; the calls that are up."""
        up, down, new = attached("main"), pump_of("north"), pump_of("south")
        down.detached = Detached(NINE, "cannot connect to 10.0.0.6:5038: Connection refused", None, 0.5)
        for event in up.translator.feed([joins(NINE, queue="support"), joins(NINE, "1.1", "sales")]):
            up.engine.apply(event)
        async with serving(up, down, new) as session, session.get("/") as response:
            page = await response.text()
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"version {__version__}" in page
        rows = [re.sub("<[^>]*>", " ", row).split() for row in re.findall("<tr>(.*?)</tr>", page)[1:]]
        assert [" ".join(row) for row in rows] == [
            "main attached to 10.0.0.5:5038, AMI 11.0.0 support, sales 2",
            "north not attached : cannot connect to 10.0.0.6:5038: Connection refused none yet 0",
            "south not attached : connecting none yet 0",
        ]

    async def test_its_links_lead_somewhere(self) -> None:
        """To the other pages."""
        async with serving(attached("main")) as session:
            async with session.get("/") as response:
                links = re.findall('href="([^"]*)"', await response.text())
            assert sorted(links) == ["/-/healthy", "/-/ready", "/metrics"]
            for link in links:
                async with session.get(link) as response:
                    assert response.status == 200

    async def test_what_a_pbx_says_is_shown_and_not_run(self) -> None:
        """Names and errors come from outside: no tag of theirs is a tag of the page."""
        evil = "<script>alert(1)</script>"
        up, down = pump_of("main"), pump_of("north")
        up.attached = Attached(NINE, evil, evil)
        down.detached = Detached(NINE, evil, evil, 0.5)
        for event in up.translator.feed([joins(NINE, queue=evil)]):
            up.engine.apply(event)
        async with serving(up, down) as session, session.get("/") as response:
            page = await response.text()
        assert "<script" not in page
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4


class TestAddress:
    """Where it listens."""

    async def test_a_free_port_is_told(self) -> None:
        """Port 0 lets the system choose, and the address says what it chose."""
        server = WebServer(MetricsSink({}).page, [])
        await server.start("127.0.0.1", 0)
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d+", server.address)
        await server.stop()

    async def test_an_ipv6_address_is_told_in_brackets(self) -> None:
        """As it stands in a URL."""
        server = WebServer(MetricsSink({}).page, [])
        await server.start("::1", 0)
        assert re.fullmatch(r"\[::1\]:[1-9]\d+", server.address)
        await server.stop()

    @pytest.mark.parametrize(
        ("listen", "host"),
        [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", socket.gethostname()), ("::1", "[::1]")],  # noqa: S104
    )
    async def test_others_find_it_by_an_address_of_this_host(self, listen: str, host: str) -> None:
        """Where it listens on every interface, by the host's name."""
        server = WebServer(lambda _openmetrics: (b"", TEXT), [])
        await server.start(listen, 0)
        await server.stop()
        assert server.url == f"http://{host}:{server.address.rpartition(':')[2]}/"

    async def test_an_address_that_is_taken_is_told_in_one_line(self) -> None:
        """With the address, the reason in plain words, and what to do."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            server = WebServer(MetricsSink({}).page, [])
            with pytest.raises(RingwatchError) as caught:
                await server.start("127.0.0.1", port)
        assert caught.value.message == f"cannot listen on 127.0.0.1:{port}: Address already in use"
        assert caught.value.remedy == "give [web] listen, or the demo's --port, a free one"

    async def test_an_address_of_another_host_is_told_in_one_line(self) -> None:
        """198.51.100.0/24 is nobody's; the words are the system's, or asyncio's."""
        server = WebServer(MetricsSink({}).page, [])
        with pytest.raises(RingwatchError) as caught:
            await server.start("198.51.100.1", 0)
        words = "(Cannot assign requested address|could not bind on any address out of .*)"
        assert re.fullmatch(rf"cannot listen on 198\.51\.100\.1:0: {words}", caught.value.message)

    async def test_stopping_waits_for_nobody_who_does_not_read(self) -> None:
        """Idle connections, half a request and a page that is never read do not hold up the end."""
        sink = MetricsSink({"main": Policy()})
        big = b"x" * 20_000_000
        server = WebServer(lambda openmetrics: (big, sink.page(openmetrics)[1]), [])
        await server.start("127.0.0.1", 0)
        host, port = server.address.rsplit(":", 1)
        writers = []
        for request in (b"", b"GET /metrics HT", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            writers.append(writer)
        await reader.read(100)
        began = time.monotonic()
        await server.stop()
        assert time.monotonic() - began < 5
        for writer in writers:
            writer.close()


class Feed(Scripted):
    """A recording that is read in small pieces, as fast as it is taken."""

    def __init__(self, blocks: Sequence[bytes]) -> None:
        super().__init__()
        self._blocks = blocks

    async def items(self) -> AsyncIterator[Attached | Batch]:
        """Yield the blocks, a handful at a time, with a breath in between."""
        yield Attached(NINE, "127.0.0.1:5038", "11.0.0")
        for start in range(0, len(self._blocks), 50):
            yield Batch(list(self._blocks[start : start + 50]), None, 1)
            await asyncio.sleep(0.001)


class Rendered(MetricsSink):
    """Counts how often a page is rendered, which is what holds a reader up."""

    renders = 0

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Render and count."""
        self.renders += 1
        return super().render(openmetrics=openmetrics)


async def test_fifty_readers_at_once_see_whole_pages_and_hold_up_nobody() -> None:
    """While a stream is fed: every page parses, nobody ended who was not offered, and no event waits for a scrape."""
    hub = Hub()
    # A second of this clock is a fifth of a real one, for the stream is that much shorter than a day.
    sink = Rendered({"main": Policy(trunks=("PJSIP/trunk",))}, clock=lambda: time.monotonic() * 5)
    began = time.monotonic()
    feed = Feed(blocks("mix-22"))
    pump = Pump(feed, Engine("main", Policy(trunks=("PJSIP/trunk",))), hub, listen=lambda _pbx, _heard: None)
    sink.add(Itself([pump], hub))
    counting = asyncio.create_task(sink.run(hub.add("metrics")))
    pages: set[bytes] = set()
    scrapes = 0

    async def scrape(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal scrapes
        headers = {"Accept": PROMETHEUS_2 if number % 2 else "text/plain", "Accept-Encoding": "gzip"}
        async with session.get("/metrics", headers=headers) as response:
            assert response.status == 200
            pages.add(gzip.decompress(await response.read()))
            scrapes += 1

    async with serving(pump, sink=sink) as session:
        pumping = asyncio.create_task(pump.run())
        while not pumping.done():
            await asyncio.gather(*(scrape(session, number) for number in range(50)))
            await asyncio.wait([pumping], timeout=0.1)
        await pumping
    hub.close()
    await counting

    seconds = (time.monotonic() - began) * 5
    assert scrapes >= 50
    assert len(pages) >= 3
    for page in pages:
        offered, ended = _totals(page, "ringwatch_calls_offered"), _totals(page, "ringwatch_calls")
        assert offered.keys() == ended.keys()
        assert all(offered[queue] >= ended[queue] for queue in offered)
    final = _totals(sink.render(), "ringwatch_calls_offered")
    assert final == _totals(sink.render(), "ringwatch_calls")
    assert sum(final.values()) > 250
    # Two formats, each once a second at the most, however many ask; the two of the end are the test's own.
    assert sink.renders <= 2 * (seconds + 1) + 2


def _totals(page: bytes, name: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    (family,) = (each for each in families(page) if each.name == name)
    for sample in family.samples:
        totals[sample.labels["queue"]] = totals.get(sample.labels["queue"], 0.0) + sample.value
    return totals
