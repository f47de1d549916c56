"""The Prometheus rules, by promtool and by a real Prometheus that scrapes two daemons on one PBX."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from aiohttp import ClientSession, web

from ringwatch.core.alerts import ALERTS
from ringwatch.simulator import TalkHabit
from tests.parts.program import free_port
from tests.parts.prometheus import Prometheus
from tests.simulator.desks import small
from tests.test_cli import desk, settings, started
from tests.test_rules import RECORDED, RULES
from tests.tools.rules import CONFIG, FOLDER, ROOT
from tests.waiting import PATIENCE_SECONDS, until

Answer = TypeVar("Answer")

TESTS = sorted((ROOT / "grafana" / "tests").glob("*.yml"))
LINES = "RingwatchLinesPilingUp"
RUNBOOK = "https://wiki.example.com/ringwatch/runbook"
ALIKE = {"__name__", "pbx", "queue", "alertname", "severity", "objective", "formula", "outcome", "within"}
"""What tells the series of a recording apart: nothing of who was scraped."""


def promtool(*arguments: str | Path, given: str = "") -> None:
    """Run promtool; what it finds is the failure's text."""
    assert shutil.which("promtool"), "there is no promtool: run tests/install"
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    """By all of its checks."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted(FOLDER.glob("*.yml")))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_raise_what_they_are_to_raise(path: Path) -> None:
    """Every test of promtool's in grafana/tests."""
    promtool("test", "rules", path)


@pytest.mark.parametrize("remote", [False, True], ids=["as it is", "with remote write"])
def test_the_configuration_is_right_where_it_says_it_is_to_lie(remote: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of a test
    """With the rules beside it, and with what is commented out as well."""
    text = CONFIG.read_text(encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(re.sub("(?m)^#(?=[a-z]|  )", "", text) if remote else text)
    shutil.copytree(FOLDER, tmp_path / "ringwatch")
    config = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert ("remote_write" in config) is remote
    promtool("check", "config", "--lint=all", "--lint-fatal", tmp_path / "prometheus.yml")


class Receiver:
    """What Prometheus takes for an Alertmanager: it keeps the alerts it is sent."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []

    async def _take(self, request: web.Request) -> web.Response:
        self.alerts += await request.json()
        return web.Response()

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return what was sent of one alert."""
        return [alert for alert in self.alerts if alert["labels"]["alertname"] == name]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Take alerts on a port."""
        application = web.Application()
        application.router.add_post("/api/v2/alerts", self._take)
        runner = web.AppRunner(application)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield port
        finally:
            await runner.cleanup()


def configured(folder: Path, targets: list[str], receiver: int) -> str:
    """Return the committed configuration for other addresses, and looked at every second."""
    for path in FOLDER.glob("*.yml"):
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_text(re.sub(r"interval: \w+", "interval: 1s", path.read_text(encoding="utf-8")))
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [f"{folder}/*.yml"]
    config["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{receiver}"]}]}]
    return yaml.safe_dump(config)


async def firing(prometheus: Prometheus) -> list[dict[str, Any]]:
    """Return the labels of the alerts of lines piling up that fire."""
    found = await prometheus.query(f'ALERTS{{alertname="{LINES}", alertstate="firing"}}', time.time())
    return [
        {name: each["metric"][name] for name in each["metric"].keys() - {"__name__", "alertstate"}} for each in found
    ]


async def leaders(prometheus: Prometheus) -> set[str]:
    """Return the daemons whose word is taken."""
    return {each["metric"]["instance"] for each in await prometheus.query("ringwatch:leader", time.time())}


async def faults(prometheus: Prometheus) -> list[str]:
    """Return the rules that were not evaluated, or with an error, and the recordings that have no series."""
    address = f"http://127.0.0.1:{prometheus.port}/api/v1/rules"
    async with ClientSession() as session, session.get(address) as response:
        groups = (await response.json())["data"]["groups"]
    known = [rule for group in groups for rule in group["rules"]]
    assert len(known) == len(RULES)
    found = {each["metric"]["__name__"] for each in await prometheus.query('{__name__=~"ringwatch:.+"}', time.time())}
    ill = [f"{each['name']}: {each.get('lastError', 'not yet')}" for each in known if each["health"] != "ok"]
    return [*ill, *sorted(RECORDED - found)]


async def strangers(prometheus: Prometheus) -> set[tuple[str, str]]:
    """Return the recordings that have a label of who was scraped."""
    found = await prometheus.query('{__name__=~"ringwatch:.+", __name__!~"ringwatch:(candidate|leader)"}', time.time())
    return {(each["metric"]["__name__"], label) for each in found for label in each["metric"].keys() - ALIKE}


async def becomes(ask: Callable[[], Awaitable[Answer]], wanted: Callable[[Answer], object]) -> Answer:
    """Ask until the answer is as wanted, and return it."""
    deadline = time.monotonic() + 2 * PATIENCE_SECONDS
    while not wanted(answer := await ask()):
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.1)
    return answer


async def test_of_two_daemons_on_a_desk_that_is_overrun_one_alert_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three callers wait for one agent. The rule fires once, with the labels of the daemon's own alert and no others.

    Every rule is evaluated without an error, and tells nothing of who was scraped. When the daemon whose word was taken
    is killed, the other one's is, and the alert goes on.
    """
    monkeypatch.setattr("ringwatch.simulator.server.LONGEST_SLEEP_SECONDS", 0.02)
    overrun = small(1, calls_per_hour=3600, patience_mean_seconds=3600, talk=TalkHabit(mean_seconds=60))
    receiver = Receiver()
    async with (
        desk(plan=overrun, speed=1.0, start_at=None) as server,
        receiver.listening() as port,
        started(tmp_path / "a", "run", "-c", settings(tmp_path / "a", server.port)) as one,
        started(tmp_path / "b", "run", "-c", settings(tmp_path / "b", server.port)) as other,
    ):
        daemons = {(await each.says("started"))[0]["listen"]: each for each in (one, other)}
        for each in daemons.values():
            await each.says("attached")
        promtool("check", "metrics", given=(await one.get("/metrics"))[1])
        async with Prometheus(tmp_path / "prometheus", configured(tmp_path / "rules", [*daemons], port)) as prometheus:
            await becomes(lambda: firing(prometheus), bool)
            await until(lambda: receiver.named(LINES), "the alert to be sent")
            await becomes(lambda: faults(prometheus), lambda found: not found)
            assert await strangers(prometheus) == set()
            (first,) = await leaders(prometheus)
            (second,) = daemons.keys() - {first}
            await daemons[first].end(signal.SIGKILL)
            await becomes(lambda: leaders(prometheus), lambda found: found == {second})
            (alert,) = await firing(prometheus)
            own = [each for each in await daemons[second].says("alert_raised") if each["name"] == LINES]
    labels = {"alertname": LINES, "pbx": "main", "queue": "support", "severity": "warning"}
    assert alert == labels
    assert {tuple(sorted(sent["labels"].items())) for sent in receiver.named(LINES)} == {tuple(sorted(labels.items()))}
    said = receiver.named(LINES)[0]["annotations"]
    assert said["summary"] == ALERTS["lines_piling_up"].advice.format(value=float(said["value"]), queue="support")
    assert [float(said["threshold"])] == [each["threshold"] for each in own]
    assert said["runbook_url"] == f"{RUNBOOK}#{LINES.lower()}"
