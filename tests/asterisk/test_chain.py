"""From a real Asterisk to whoever is woken up: daemon, Mosquitto, Prometheus with the rules, and Alertmanager.

Limits and hold-offs are scaled down to seconds, in the configuration and in a copy of the rules.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.parts.alertmanager import Alertmanager, notifying
from tests.parts.mosquitto import PASSWORDS, Heard, Mosquitto, listening
from tests.parts.prometheus import Prometheus, scrape
from tests.sinks.receiver import Receiver
from tests.waiting import PATIENCE_SECONDS

from .desk import Desk
from .phones import Manner
from .test_staffing import CARE, TALK, callers_coming, pause
from .watching import pbx_table, watching

RULES = Path(__file__).parents[2] / "grafana" / "rules"
EVENTS = "ringwatch/main/event/alert"
SOON = 2.0
"""Seconds from an alert's moment to everybody whom the daemon tells."""


def settings(broker: Mosquitto, manager: Alertmanager) -> str:
    """Write the limits, and whom the daemon tells."""
    return f"""
[standard]
hold_limit_seconds = 1
talk_limit_seconds = 4
talk_target_seconds = 3
staffing_window_seconds = 30
service_level_seconds = 1
wrapup_seconds = 2
[alert]
lines_piling_up = {{ hold_off_seconds = 0.5, clear_seconds = 0.5 }}
hold_too_long = {{ clear_seconds = 0.5 }}
call_too_long = {{ clear_seconds = 0.5 }}
understaffed = {{ hold_off_seconds = 1, clear_seconds = 1 }}
[mqtt]
port = {broker.port}
username = "ringwatch"
password = "{PASSWORDS["ringwatch"]}"
[alertmanager]
urls = ["{manager.url}"]
resend_seconds = 1
"""


def scaled_rules(folder: Path) -> None:
    """Copy the rules, with every hold-off a second long."""
    folder.mkdir()
    for file in RULES.glob("*.yml"):
        rules = re.sub(r"(?m)^( +(?:for|keep_firing_for)): .*$", r"\1: 1s", file.read_text())
        (folder / file.name).write_text(rules)


async def eventually(holds: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait until something holds that has to be asked for."""
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)


class Chain:
    """Everybody between the desk and whoever is woken up."""

    def __init__(self, heard: Heard, manager: Alertmanager, prometheus: Prometheus, receiver: Receiver) -> None:
        self._heard = heard
        self._manager = manager
        self._prometheus = prometheus
        self._receiver = receiver

    def _published(self, labels: dict[str, str], state: str) -> list[dict[str, Any]]:
        wanted = (labels["alertname"], labels["queue"], state)
        told = self._heard.all(EVENTS)
        return [alert for alert in told if (alert["name"], alert["queue"], alert["state"]) == wanted]

    def _notified(self, labels: dict[str, str], status: str) -> bool:
        alerts = (alert for request in self._receiver.requests for alert in request.json["alerts"])
        return any(alert["labels"] == labels and alert["status"] == status for alert in alerts)

    async def _told(self, labels: dict[str, str], state: str, status: str) -> float:
        """Wait until an alert was told over MQTT and by Alertmanager; return how long after its moment that was."""

        async def told() -> bool:
            return bool(self._published(labels, state)) and self._notified(labels, status)

        await eventually(told, f"{labels} to be {state}: {self._heard.all(EVENTS)}, {self._receiver.requests}")
        return time.time() - float(self._published(labels, state)[-1]["at"])

    async def _firing(self, labels: dict[str, str]) -> bool:
        firing = await self._prometheus.query('ALERTS{alertstate="firing"}', time.time())
        return any(series["metric"] == {"__name__": "ALERTS", "alertstate": "firing", **labels} for series in firing)

    async def _held(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        return [
            alert
            for alert in await self._manager.alerts()
            if (alert["labels"]["alertname"], alert["labels"].get("queue")) == (labels["alertname"], labels["queue"])
        ]

    async def raised(self, name: str, queue: str, severity: str = "warning") -> dict[str, str]:
        """See an alert told by the daemon at once, by the rule later, and held by Alertmanager as one."""
        labels = {"alertname": f"Ringwatch{name}", "pbx": "main", "queue": queue, "severity": severity}
        assert await self._told(labels, "raised", "firing") < SOON

        async def fires() -> bool:
            return await self._firing(labels)

        await eventually(fires, f"the rule to fire for {labels}")

        async def by_both() -> bool:
            return any("prometheus" in alert["generatorURL"] for alert in await self._held(labels))

        await eventually(by_both, f"Alertmanager to be told of {labels} by Prometheus as well")
        (held,) = await self._held(labels)
        assert held["labels"] == labels
        return labels

    async def cleared(self, labels: dict[str, str]) -> None:
        """See an alert gone everywhere."""
        await self._told(labels, "cleared", "resolved")

        async def over() -> bool:
            return not await self._firing(labels) and not await self._held(labels)

        await eventually(over, f"{labels} to be over")


@asynccontextmanager
async def chain(desk: Desk, folder: Path) -> AsyncIterator[Chain]:
    """Put everybody together."""
    async with (
        Receiver() as receiver,
        Mosquitto(folder / "mosquitto") as broker,
        Alertmanager(folder / "alertmanager", notifying(receiver.url)) as manager,
        listening(broker.port) as heard,
        watching(folder, pbx_table(desk.asterisk, more=settings(broker, manager))) as daemon,
    ):
        assert daemon.address is not None
        configuration = {
            "global": {"evaluation_interval": "1s", "external_labels": {"replica": "a", "runbook": "https://wiki"}},
            "rule_files": ["rules/*.yml"],
            "scrape_configs": [scrape(int(daemon.address.rpartition(":")[2]))],
            "alerting": {
                "alert_relabel_configs": [{"action": "labeldrop", "regex": "replica|runbook"}],
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager.port}"]}]}],
            },
        }
        arguments = ["--web.external-url=http://prometheus.test", "--rules.alert.resend-delay=1s"]
        prometheus = Prometheus(folder / "prometheus", yaml.safe_dump(configuration), arguments)
        scaled_rules(folder / "prometheus" / "rules")
        async with prometheus:
            yield Chain(heard, manager, prometheus, receiver)


async def test_every_link_tells_of_every_alert(desk: Desk, tmp_path: Path) -> None:
    """Three callers pile up for one agent, a hold and a talk last too long, agents are missing: told, and over."""
    await desk.ami("QueuePause", Interface="PJSIP/105", Queue="sales", Paused="true")
    phone = desk.phone("104", ring=None)
    desk.phones({number: Manner(ring=0.1, hangup_after=TALK) for number in CARE})
    async with chain(desk, tmp_path) as told:
        first, *others = [desk.dial("2000") for _ in range(3)]
        piling = await told.raised("LinesPilingUp", "sales")
        for caller in others:
            caller.hangup()
        phone = desk.phone("104", ring=0.2)
        await first.talking()
        await told.cleared(piling)

        await phone.hold()
        hold = await told.raised("HoldTooLong", "sales")
        await phone.resume()
        await told.cleared(hold)
        long = await told.raised("CallTooLong", "sales", "info")
        first.hangup()
        await told.cleared(long)

        await pause(desk, *CARE[1:], paused=True)
        async with callers_coming(desk):
            short = await told.raised("Understaffed", "care")
            await pause(desk, *CARE[1:], paused=False)
            await told.cleared(short)
