"""What the service manager is told, heard on a real socket; and that who hangs stops saying that it lives."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from ringwatch import app, config
from ringwatch.core.facts import Record
from ringwatch.flow.ports import Attached
from ringwatch.notify import ServiceManager
from ringwatch.telemetry import Telemetry
from tests.flow.scripted import NINE, Scripted
from tests.waiting import until

PBX = '[[pbx]]\nname = "main"\nusername = "ringwatch"\nsecret = "x"\n[web]\nlisten = "127.0.0.1:0"\n'
WATCHDOG_SECONDS = 0.1


class Systemd:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.said: list[str] = []
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.settimeout(0)
        self.line.bind("\0" + address[1:] if address.startswith("@") else address)

    def hear(self) -> list[str]:
        """Return everything said so far."""
        with suppress(BlockingIOError):
            while True:
                self.said.append(self.line.recv(4096).decode())
        return self.said

    def fed(self) -> int:
        """Return how often the watchdog was fed."""
        return self.hear().count("WATCHDOG=1")

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a service is given."""
        return {"NOTIFY_SOCKET": self.address, **more}


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    """Listen at an address of either kind."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@ringwatch-test-{os.getpid()}-{time.time_ns()}"
    manager = Systemd(address)
    with manager.line:
        yield manager


class TestMessages:
    """What is said, word for word."""

    def test_each_thing_is_said_in_a_datagram_of_its_own(self, systemd: Systemd) -> None:
        """In the words of sd_notify(3)."""
        manager = ServiceManager(systemd.environment())
        manager.status("attached to main")
        manager.ready()
        manager.feed()
        manager.stopping()
        assert systemd.hear() == ["STATUS=attached to main", "READY=1", "WATCHDOG=1", "STOPPING=1"]

    def test_a_status_is_one_line(self, systemd: Systemd) -> None:
        """Whatever a PBX has to say, it gives no orders to the service manager."""
        ServiceManager(systemd.environment()).status("gone\nMAINPID=1\udc80")
        assert systemd.hear() == ["STATUS=gone\\nMAINPID=1\\udc80"]

    def test_who_does_not_listen_holds_up_nobody(self, systemd: Systemd) -> None:
        """A full queue, and an address that is gone, cost a line of status."""
        manager = ServiceManager(systemd.environment())
        for _ in range(5000):
            manager.feed()
        systemd.line.close()
        manager.ready()

    @pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "1000000"}])
    def test_without_a_socket_there_is_nobody_to_tell(self, environment: dict[str, str]) -> None:
        """And nobody to feed."""
        manager = ServiceManager(environment)
        manager.ready()
        assert manager.feed_seconds is None

    @pytest.mark.parametrize(
        ("environment", "seconds"),
        [
            ({"WATCHDOG_USEC": "30000000"}, 15.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({}, None),
        ],
    )
    def test_the_watchdog_is_fed_at_half_of_its_time(self, environment: dict[str, str], seconds: float | None) -> None:
        """Where there is one, and it is meant for this process."""
        assert ServiceManager({"NOTIFY_SOCKET": "/run/none", **environment}).feed_seconds == seconds


class Healing:
    """A healer whose witness never comes back, as a file on a server that has gone."""

    def __init__(self) -> None:
        self.asked = False

    def broke(self, at: float) -> None:
        """Take no note."""

    def resumed(self, at: float) -> None:
        """Take no note."""

    def sift(self, records: Iterable[Record]) -> list[Record]:
        """Let everything pass."""
        return list(records)

    async def heal(self, now: float) -> list[Record]:
        """Wait for ever."""
        self.asked = now > 0
        await asyncio.Event().wait()
        return []

    def release(self) -> list[Record]:
        """Hold nothing back."""
        return []

    def close(self) -> None:
        """Leave."""


class Standing:
    """A daemon of one PBX with a source of the test's own, under the eyes of a service manager."""

    def __init__(self, systemd: Systemd) -> None:
        self.systemd = systemd
        self.source = Scripted()
        manager = ServiceManager(systemd.environment(WATCHDOG_USEC=str(int(WATCHDOG_SECONDS * 1e6))))
        self.daemon = app.Daemon(config.parse(PBX, "test"), Telemetry(), manager=manager)
        self.pump = self.daemon.pumps[0]
        self.pump._source = self.source
        self.stop = asyncio.Event()

    async def healthy(self) -> tuple[int, str]:
        """Fetch what the liveness probe sees."""
        url = f"http://{self.daemon.web.address}/-/healthy"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def is_fed(self, times: int = 3) -> None:
        """Wait until the watchdog was fed some more."""
        before = self.systemd.fed()
        await until(lambda: self.systemd.fed() >= before + times, "the watchdog to be fed")

    async def starves(self) -> None:
        """Wait until the pump hangs, and see that from then on the watchdog gets nothing."""
        await until(self.pump.hangs, "the pump to hang")
        before = self.systemd.fed()
        await asyncio.sleep(WATCHDOG_SECONDS * 3)
        assert self.systemd.fed() == before


@pytest.fixture
async def standing(systemd: Systemd) -> AsyncIterator[Standing]:
    """Run a daemon until the test ends."""
    work = Standing(systemd)
    task = asyncio.create_task(work.daemon.run(work.stop))
    await until(lambda: "READY=1" in systemd.hear() or task.done(), "the daemon to be ready")
    yield work
    work.stop.set()
    await asyncio.wait_for(task, 10)


class TestDaemon:
    """A daemon's life as its service manager sees it."""

    async def test_it_is_ready_once_its_pages_are_there(self, standing: Standing) -> None:
        """What comes after the unit can scrape at once, whether or not the PBX is there."""
        assert (await standing.healthy())[0] == 200
        assert standing.systemd.said[:2] == ["STATUS=not attached to main: connecting", "READY=1"]

    async def test_its_status_says_what_it_is_attached_to(self, standing: Standing) -> None:
        """Whenever that changes."""
        standing.source.give(Attached(NINE, "127.0.0.1:5038", "11.0.0"))
        wanted = "STATUS=attached to main at 127.0.0.1:5038"
        await until(lambda: wanted in standing.systemd.hear(), "the status")

    async def test_its_end_is_told_once(self, systemd: Systemd) -> None:
        """And it is no longer fed afterwards."""
        work = Standing(systemd)
        work.stop.set()
        await asyncio.wait_for(work.daemon.run(work.stop), 10)
        assert systemd.hear().count("STOPPING=1") == 1
        assert systemd.said[-1] == "STOPPING=1"

    async def test_a_daemon_at_work_feeds_its_watchdog(self, standing: Standing) -> None:
        """As long as it lives, attached or not."""
        await standing.is_fed()

    async def test_a_loop_that_is_blocked_feeds_nobody(self, standing: Standing) -> None:
        """Whatever blocks it."""
        await standing.is_fed()
        before = standing.systemd.fed()
        time.sleep(WATCHDOG_SECONDS * 3)  # noqa: ASYNC251 - that is what this test is about
        assert standing.systemd.fed() == before

    async def test_a_source_that_waits_for_ever_feeds_nobody(self, standing: Standing) -> None:
        """Pages and ticks go on, but the desk is not seen: that is a hung daemon, and the probe says so as well."""
        standing.pump._patience = 0.6
        await standing.starves()
        assert await standing.healthy() == (503, "hangs: main: its source says nothing, not even that it is away\n")
        standing.source.give(Attached(NINE, "127.0.0.1:5038", "11.0.0"))
        await standing.is_fed(1)

    async def test_a_clock_that_stands_still_feeds_nobody(self, systemd: Systemd) -> None:
        """Without ticks no alert is raised on a quiet line."""
        work = Standing(systemd)
        still = Healing()
        work.pump._healer = still
        work.pump._patience = 0.6
        task = asyncio.create_task(work.daemon.run(work.stop))
        await until(lambda: work.pump.hangs() == "its clock stands still", "the clock to stand still")
        assert still.asked
        await work.starves()
        work.stop.set()
        await asyncio.wait_for(task, 10)


def test_patience_is_longer_than_any_silence_that_the_configuration_allows() -> None:
    """Else a PBX that is away at night would have the daemon killed every few minutes."""
    slow = PBX.replace("[web]", "read_timeout = 300\nreconnect_max_seconds = 600\nconnect_timeout = 60\n[web]")
    daemon = app.Daemon(config.parse(slow, "test"), Telemetry())
    assert daemon.pumps[0]._patience > 2 * 300 + 600 + 60
    assert daemon.pumps[0].hangs() is None
