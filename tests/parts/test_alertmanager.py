"""Alerts on a real Alertmanager: one with the rule's, through outages, and where ``deploy/alertmanager`` sends them."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from ringwatch import config
from ringwatch.check import check_sinks
from ringwatch.config.push import AlertmanagerConfig
from ringwatch.core.rules import Alert
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.alertmanager import AlertmanagerSink
from tests.simulator.desks import small
from tests.sinks.receiver import Bureau, Receiver
from tests.sinks.samples import ALERT
from tests.test_app import desk, pbx_table, running
from tests.waiting import PATIENCE_SECONDS

from .alertmanager import PASSWORD, USERNAME, Alertmanager, Locked, notifying

DEPLOYED = Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml"
SOON = 2.0
"""Seconds from an alert to whoever is told of it by Alertmanager."""


async def until(holds: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait until something holds that has to be asked for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)


def raised(name: str = "LinesPilingUp", queue: str | None = "support", **changes: Any) -> Alert:
    """Return an alert that is raised now, after a hold-off."""
    now = time.time()
    return replace(ALERT, name=f"Ringwatch{name}", queue=queue, at=now, since=now - 10, **changes)


def cleared(alert: Alert) -> Alert:
    """Return the clearing of an alert, now."""
    return replace(alert, state="cleared", at=time.time(), value=0, why="well", advice="Nothing: all is well again.")


def rules_form(alert: Alert, **changes: Any) -> dict[str, Any]:
    """Return an alert as Prometheus sends that of a rule: it fires a scrape and a ``for`` after the daemon's."""
    labels = {"alertname": alert.name, "pbx": alert.pbx, "severity": alert.severity, "queue": alert.queue}
    times = {"startsAt": alert.since + 25, "endsAt": time.time() + 240, **changes}
    return {
        "labels": labels,
        "annotations": {"summary": "4 callers wait in support", "value": "4"},
        "generatorURL": "http://prometheus:9090/graph",
        **{name: datetime.fromtimestamp(at, UTC).isoformat() for name, at in times.items()},
    }


class Pushing:
    """The sink at work."""

    def __init__(self, *urls: str, **more: Any) -> None:
        self.bureau = Bureau()
        settings = {"urls": urls, "resend_seconds": 1, "timeout_seconds": 1, **more}
        given = AlertmanagerConfig.model_validate(settings)
        self.inbox = Inbox("alertmanager")
        sink = AlertmanagerSink(given, self.bureau.says, self.bureau.counts, lambda: "http://here:9816/")
        self.running = asyncio.create_task(sink.run(self.inbox))

    def put(self, *alerts: Alert) -> None:
        """Tell alerts."""
        self.inbox.put(list(alerts))


@asynccontextmanager
async def pushing(*urls: str, **more: Any) -> AsyncIterator[Pushing]:
    """Let the sink push until the block ends."""
    work = Pushing(*urls, **more)
    try:
        yield work
    finally:
        work.running.cancel()
        await asyncio.gather(work.running, return_exceptions=True)


def notified(receiver: Receiver) -> list[tuple[str, str]]:
    """Return what Alertmanager said, in order: of which alert, and how it stands."""
    alerts = [alert for request in receiver.requests for alert in request.json["alerts"]]
    return [(alert["labels"]["alertname"], alert["status"]) for alert in alerts]


PILING = ("RingwatchLinesPilingUp", "firing")
SERVED = ("RingwatchLinesPilingUp", "resolved")


class TestOneAlert:
    """What Alertmanager makes of what it is pushed."""

    async def test_it_appears_at_once_and_resolves(self, tmp_path: Path) -> None:
        """With what to do; who is behind Alertmanager is told within two seconds."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, notifying(receiver.url, group_wait="1m")) as alertmanager,
            pushing(alertmanager.url, runbook_url="https://wiki/runbook") as work,
        ):
            # The hold-off that it has been through counts for group_wait.
            alert = replace(raised(), since=time.time() - 60)
            began = time.monotonic()
            work.put(alert)
            await until(lambda: told(receiver, PILING), "the notification")
            assert time.monotonic() - began < SOON
            (held,) = await alertmanager.alerts()
            assert held["labels"] == rules_form(alert)["labels"]
            assert held["annotations"] == {
                "summary": ALERT.advice,
                "value": "4",
                "threshold": "3",
                "runbook_url": "https://wiki/runbook#ringwatchlinespilingup",
            }
            assert held["generatorURL"] == "http://here:9816/"
            assert datetime.fromisoformat(held["startsAt"]).timestamp() == pytest.approx(alert.since, abs=0.001)
            work.put(cleared(alert))
            await until(lambda: told(receiver, SERVED), "the end to be notified of")
            assert await alertmanager.alerts() == []

    @pytest.mark.parametrize("first", ["daemon", "rule"])
    async def test_it_is_one_with_that_of_the_rule(self, first: str, tmp_path: Path) -> None:
        """Whichever comes first: one fingerprint, since the moment it became bad, notified of once."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, notifying(receiver.url)) as alertmanager,
            pushing(alertmanager.url) as work,
        ):
            alert = replace(raised(), since=time.time() - 40)
            if first == "rule":
                await alertmanager.post(rules_form(alert))
                await until(lambda: told(receiver, PILING), "the notification")
            work.put(alert)
            await until(lambda: pushed(work), "the push")
            await until(alertmanager.alerts, "the alert")
            (of_daemon,) = await alertmanager.alerts()
            await alertmanager.post(rules_form(alert))
            (of_both,) = await alertmanager.alerts()
            assert of_both["fingerprint"] == of_daemon["fingerprint"]
            assert datetime.fromisoformat(of_both["startsAt"]).timestamp() == pytest.approx(alert.since, abs=0.001)
            work.put(cleared(alert))
            await until(lambda: told(receiver, SERVED), "the end to be notified of")
        assert notified(receiver) == [PILING, SERVED]

    async def test_a_rule_that_is_late_is_overruled(self, tmp_path: Path) -> None:
        """It says for a scrape more that the alert fires; the daemon says again that it is over."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, notifying(receiver.url)) as alertmanager,
            pushing(alertmanager.url) as work,
        ):
            alert = raised()
            work.put(alert)
            await until(lambda: told(receiver, PILING), "the notification")
            work.put(cleared(alert))
            await until(lambda: told(receiver, SERVED), "the end to be notified of")
            await alertmanager.post(rules_form(alert, startsAt=time.time() - 1))
            await until(lambda: over(alertmanager), "the alert to be over once more")

    async def test_of_a_daemon_that_died_nothing_stays(self, tmp_path: Path) -> None:
        """What it had raised expires."""
        async with Receiver() as receiver, Alertmanager(tmp_path, notifying(receiver.url)) as alertmanager:
            async with pushing(alertmanager.url, expire_seconds=3) as work:
                work.put(raised())
                await until(lambda: told(receiver, PILING), "the notification")
            await until(lambda: told(receiver, SERVED), "the alert to expire")


async def told(receiver: Receiver, what: tuple[str, str]) -> bool:
    """Return whether Alertmanager has said something."""
    return what in notified(receiver)


async def pushed(work: Pushing) -> bool:
    """Return whether something was taken since it began: the second is the first with an alert."""
    return work.bureau.counted("taken") >= 2


async def over(alertmanager: Alertmanager) -> bool:
    """Return whether nothing fires."""
    return not await alertmanager.alerts()


class TestOutages:
    """An Alertmanager that is killed, frozen or restarted, and one that refuses."""

    @pytest.mark.parametrize("how", ["killed", "frozen", "restarted"])
    async def test_the_final_state_of_every_alert_is_there(self, how: str, tmp_path: Path) -> None:
        """Of what was raised before or meanwhile and cleared or not, as it stands in the end; the sink is held up by
        nothing, and the log has a line for the outage and one for its end.
        """
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, notifying(receiver.url)) as alertmanager,
            pushing(alertmanager.url) as work,
        ):
            before, standing = raised(), raised("LongestWait")
            work.put(before, standing)
            await until(lambda: told(receiver, PILING), "the notification")
            await {"killed": alertmanager.kill, "frozen": nothing, "restarted": alertmanager.stop}[how]()
            if how == "frozen":
                alertmanager.freeze()
            work.put(cleared(before), raised("HoldTooLong"), raised("NobodyAnswering"))
            await until(lambda: failed(work), "the outage to be noticed")
            began = time.monotonic()
            work.put(cleared(raised("NobodyAnswering")))
            await work.inbox.wait_idle()
            assert time.monotonic() - began < 0.1
            if how == "frozen":
                alertmanager.thaw()
            else:
                await alertmanager.start()
            wanted = {"RingwatchLongestWait", "RingwatchHoldTooLong"}
            await until(lambda: names(alertmanager, wanted), "all to be as it is")
            if how != "killed":
                # A killed one has forgotten whom it had told what; that is its own to mend (a cluster).
                await until(lambda: told(receiver, SERVED), "the end to be notified of")
            events = [line["event"] for line in work.bureau.log.lines]
            assert events == ["delivery_failed", "delivery_resumed"]
            assert work.inbox.dropped == 0

    async def test_one_of_a_cluster_that_is_frozen_holds_up_nobody(self, tmp_path: Path) -> None:
        """The other is told at once, and the frozen one when it goes on."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path / "one", notifying(receiver.url)) as one,
            Alertmanager(tmp_path / "other", notifying(receiver.url)) as other,
            pushing(one.url, other.url, timeout_seconds=60) as work,
        ):
            await until(lambda: pushed(work), "both to be spoken to")
            one.freeze()
            work.put(raised())
            await until(lambda: names(other, {"RingwatchLinesPilingUp"}), "the other to be told")
            one.thaw()
            await until(lambda: names(one, {"RingwatchLinesPilingUp"}), "the frozen one to be told")

    async def test_no_event_is_delayed(self, tmp_path: Path) -> None:
        """A busy desk's daemon whose Alertmanager is frozen, and whose webhook hangs, reads as if all were well."""
        async with Receiver() as receiver, Alertmanager(tmp_path, notifying(receiver.url)) as alertmanager:
            alertmanager.freeze()
            receiver.hang()
            tables = (
                f'[alertmanager]\nurls = ["{alertmanager.url}"]\ntimeout_seconds = 1\n'
                f'[[webhook]]\nname = "pager"\nurl = "{receiver.url}"\ntimeout_seconds = 1\n'
                "[alert]\nlines_piling_up = { threshold = 1, hold_off_seconds = 0, clear_seconds = 0 }\n"
            )
            lags: list[float] = []
            async with (
                desk(small(calls_per_hour=20_000), speed=1, start_at=time.time()) as server,
                running(f"{pbx_table(server.port)}{tables}") as work,
            ):
                (pump,) = work.daemon.pumps

                async def heard_enough() -> bool:
                    lags.append(pump.lag_seconds or 0.0)
                    return pump.received_bytes > 100_000 and len(work.log.of("delivery_failed")) == 2

                await until(heard_enough, "some calls, and both to be given up")
                assert max(lags) < 0.1
            alertmanager.thaw()
            receiver.go_on()

    async def test_one_that_wants_to_know_who_asks(self, tmp_path: Path) -> None:
        """TLS by an authority of its own, a name and a password: who has them is let in, who has not is told once why;
        ``check --live`` says the same.
        """
        locked = Locked(tmp_path / "ca")
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path / "am", notifying(receiver.url), locked) as alertmanager,
        ):
            wrong = {"username": USERNAME, "password": "mistyped", "tls": {"ca_file": str(locked.certificate)}}
            right = {**wrong, "password": PASSWORD}
            async with pushing(alertmanager.url, **right) as work:
                work.put(raised())
                await until(lambda: names(alertmanager, {"RingwatchLinesPilingUp"}), "the alert")
            async with pushing(alertmanager.url, **wrong) as work:
                await until(lambda: refused(work), "two refusals")
            (line,) = work.bureau.log.lines
            assert (line["event"], line["why"]) == ("delivery_failed", "HTTP 401 Unauthorized: Unauthorized")
            found = []
            for password in ("mistyped", PASSWORD):
                tables = (
                    f'pbx = [{{username = "ringwatch", secret = "x"}}]\n[alertmanager]\nurls = ["{alertmanager.url}"]\n'
                    f'username = "{USERNAME}"\npassword = "{password}"\ntls.ca_file = "{locked.certificate}"\n'
                )
                found += await check_sinks(config.parse(tables, "test"))
        assert [each.error for each in found] == [
            "HTTP 401 Unauthorized: Unauthorized; see username and password, or bearer_token",
            None,
        ]
        assert found[1].note.startswith("Alertmanager 0.")


async def nothing() -> None:
    """Do nothing."""


async def failed(work: Pushing) -> bool:
    """Return whether an attempt failed."""
    return work.bureau.counted("failed") > 0


async def refused(work: Pushing) -> bool:
    """Return whether two attempts were refused."""
    return work.bureau.counted("refused") > 1


async def names(alertmanager: Alertmanager, wanted: set[str]) -> bool:
    """Return whether these alerts fire and no others."""
    return await alertmanager.names() == wanted


def deployed(receiver: Receiver, *, open_now: bool = True) -> dict[str, Any]:
    """Return the configuration that is shipped, telling one receiver, by path, without waiting for a minute."""
    shipped = yaml.safe_load(DEPLOYED.read_text())
    for each in shipped["receivers"]:
        for hook in each["webhook_configs"]:
            hook["url"] = f"{receiver.url}/{each['name']}"
    hours, holidays = shipped["time_intervals"]
    hours["time_intervals"], holidays["time_intervals"] = [{}], [{"years": ["1999"]}]
    if not open_now:
        hours["time_intervals"] = [{"years": ["1999"]}]
    shipped["route"]["group_interval"] = "1s"
    assert isinstance(shipped, dict)
    return shipped


class TestDeployed:
    """``deploy/alertmanager/alertmanager.yml``."""

    def amtool(self, *arguments: str) -> str:
        """Run amtool over it."""
        done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def test_it_is_right(self) -> None:
        """As amtool sees it."""
        assert "SUCCESS" in self.amtool("check-config", str(DEPLOYED))

    @pytest.mark.parametrize(
        ("labels", "receivers"),
        [
            ("alertname=RingwatchNobodyAnswering severity=critical queue=support", "on-call,desk-support"),
            ("alertname=RingwatchNobodyAnswering severity=critical queue=sales", "on-call,desk"),
            ("alertname=RingwatchLinesPilingUp severity=warning queue=support", "desk-support"),
            ("alertname=RingwatchLinesPilingUp severity=warning queue=sales", "desk"),
            ("alertname=RingwatchLoadUneven severity=info queue=support", "planning"),
            ("alertname=RingwatchLoadUneven severity=info queue=sales", "planning"),
            ("alertname=RingwatchDataStale severity=critical", "on-call"),
            ("alertname=RingwatchStateDrift severity=warning", "operations"),
        ],
    )
    def test_alerts_go_by_severity_and_queue(self, labels: str, receivers: str) -> None:
        """A real amtool routes them."""
        routes = ("config", "routes", "test", f"--config.file={DEPLOYED}", f"--verify.receivers={receivers}")
        self.amtool(*routes, "pbx=main", *labels.split())

    async def test_one_daemon_that_is_deaf_does_not_silence_what_another_hears(self, tmp_path: Path) -> None:
        """That nothing is heard follows from not being attached; what another daemon says of the queues does not."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, deployed(receiver)) as alertmanager,
            pushing(alertmanager.url) as work,
        ):
            away, stale = (raised(name, None, severity="critical") for name in ("AmiDisconnected", "DataStale"))
            work.put(away, stale, raised(), raised("DataStale", None, severity="critical", pbx="north"))
            await until(lambda: told_of(receiver, "/on-call", "main"), "what is of the PBX")
            await until(lambda: told_of(receiver, "/desk-support", "main"), "what is of its queue")
            inhibited = {
                (alert["labels"]["alertname"].removeprefix("Ringwatch"), alert["labels"]["pbx"])
                for alert in await alertmanager.alerts()
                if alert["status"]["inhibitedBy"]
            }
        assert inhibited == {("DataStale", "main")}

    async def test_the_desk_is_told_in_its_hours_and_on_call_at_any(self, tmp_path: Path) -> None:
        """Outside them the alert stands, and nobody of the desk is told."""
        async with (
            Receiver() as receiver,
            Alertmanager(tmp_path, deployed(receiver, open_now=False)) as alertmanager,
            pushing(alertmanager.url) as work,
        ):
            work.put(raised(queue="sales"), raised("NobodyAnswering", "sales", severity="critical"))
            await until(lambda: told_of(receiver, "/on-call", "main"), "whoever is on call")
            await until(lambda: muted_twice(alertmanager), "the desk's own to be muted")
            assert {request.path for request in receiver.requests} == {"/on-call"}
            assert len(await alertmanager.alerts()) == 2


async def told_of(receiver: Receiver, path: str, pbx: str) -> bool:
    """Return whether somebody was told of a PBX."""
    return any(
        alert["labels"]["pbx"] == pbx
        for request in receiver.requests
        if request.path == path
        for alert in request.json["alerts"]
    )


async def muted_twice(alertmanager: Alertmanager) -> bool:
    """Return whether Alertmanager says of both alerts that the desk is closed."""
    return alertmanager.log.read_text().count("route is not within active time") >= 2
