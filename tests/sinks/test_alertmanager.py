"""Alerts to Alertmanagers: how they look, how often they are pushed, and what becomes of them in an outage."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ringwatch.config.push import AlertmanagerConfig
from ringwatch.core.facts import Record
from ringwatch.core.rules import Alert
from ringwatch.errors import NotDelivered
from ringwatch.flow.hub import Inbox
from ringwatch.sinks import posting
from ringwatch.sinks.alertmanager import MOST_AT_ONCE, REPEAT_SECONDS, AlertmanagerSink, probe
from tests.waiting import until

from .receiver import Bureau, Receiver
from .samples import ALERT, NINE

CLEARED = replace(ALERT, state="cleared", at=NINE + 90, value=1, why="well", advice="Nothing: all is well again.")
OF_PBX = replace(ALERT, queue=None, name="RingwatchDataStale", severity="critical")
PAGE = "http://127.0.0.1:9816/"


class Clock:
    """Seconds since 1970 that pass when told to."""

    def __init__(self, now: float = NINE + 20.25) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def settings(*receivers: Receiver, **more: Any) -> AlertmanagerConfig:
    """Return what is configured for some Alertmanagers, as impatient as can be."""
    given = {"urls": [receiver.url for receiver in receivers] or ["http://127.0.0.1:1"], "resend_seconds": 1}
    return AlertmanagerConfig.model_validate({**given, "timeout_seconds": 0.5, **more})


def sink(given: AlertmanagerConfig, clock: Callable[[], float] | None = None, bureau: Bureau | None = None) -> Any:
    """Make the sink."""
    bureau = bureau or Bureau()
    return AlertmanagerSink(given, bureau.says, bureau.counts, lambda: PAGE, clock=clock or Clock())


@contextlib.asynccontextmanager
async def pushing(
    given: AlertmanagerConfig, clock: Callable[[], float] | None = None, bureau: Bureau | None = None
) -> AsyncIterator[Inbox]:
    """Let the sink run until the block ends, and end in order."""
    inbox = Inbox("alertmanager")
    running = asyncio.create_task(sink(given, clock, bureau).run(inbox))
    try:
        yield inbox
        inbox.close()
        await asyncio.wait_for(running, 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def pushed(receiver: Receiver) -> list[list[dict[str, Any]]]:
    """Return every push, but those of nothing."""
    return [request.json for request in receiver.requests if request.json]


def states(receiver: Receiver) -> list[str]:
    """Return of the last push the end of every alert."""
    return [alert["endsAt"] for alert in pushed(receiver)[-1]] if pushed(receiver) else []


ENDED = ["2026-11-23T09:01:30.000+00:00"]


class TestForm:
    """One alert, as Alertmanager is told it."""

    def form(self, alert: Alert, clock: Clock | None = None, **more: Any) -> dict[str, Any]:
        """Return the only alert that is pushed."""
        made = sink(settings(**more), clock)
        made.apply([alert])
        (form,) = made.as_json()
        assert isinstance(form, dict)
        return form

    def test_an_alert_of_a_queue(self) -> None:
        """Four labels, what to do, since when it is bad, and until when it is believed."""
        assert self.form(ALERT) == {
            "labels": {
                "alertname": "RingwatchLinesPilingUp",
                "pbx": "main",
                "severity": "warning",
                "queue": "support",
            },
            "annotations": {"summary": ALERT.advice, "value": "4", "threshold": "3"},
            "startsAt": "2026-11-23T09:00:10.000+00:00",
            "endsAt": "2026-11-23T09:02:20.250+00:00",
            "generatorURL": PAGE,
        }

    def test_an_alert_of_a_pbx_has_no_queue(self) -> None:
        """Not even an empty one."""
        assert self.form(OF_PBX)["labels"] == {
            "alertname": "RingwatchDataStale",
            "pbx": "main",
            "severity": "critical",
        }

    def test_a_clearing_ends_when_it_was_cleared(self) -> None:
        """And began when its raising did, under the same labels."""
        form, raised = self.form(CLEARED, Clock(NINE + 91)), self.form(ALERT)
        assert (form["startsAt"], [form["endsAt"]]) == (raised["startsAt"], ENDED)
        assert form["labels"] == raised["labels"]

    def test_it_leads_to_the_runbook_and_to_where_it_is_told(self) -> None:
        """The place in the runbook is the alert's name in small letters."""
        form = self.form(ALERT, runbook_url="https://wiki/runbook", generator_url="https://grafana/d/desk?x=1")
        assert form["annotations"]["runbook_url"] == "https://wiki/runbook#ringwatchlinespilingup"
        assert form["generatorURL"] == "https://grafana/d/desk?x=1"

    def test_a_pbx_whose_clock_is_ahead_alerts_of_now(self) -> None:
        """Nothing begins, or ends, in Alertmanager's future; how long it lasted stays as it is."""
        an_hour_behind = Clock(NINE - 3600)
        form = self.form(ALERT, an_hour_behind)
        assert (form["startsAt"], form["endsAt"]) == ("2026-11-23T07:59:50.000+00:00", "2026-11-23T08:02:00.000+00:00")
        assert self.form(CLEARED, an_hour_behind)["endsAt"] == "2026-11-23T08:00:00.000+00:00"

    def test_the_newest_state_is_all_that_is_pushed(self) -> None:
        """Each alert once, whatever it went through; another queue's is another alert."""
        made = sink(settings(), Clock(NINE + 300))
        made.apply([ALERT, CLEARED, replace(ALERT, at=NINE + 200, since=NINE + 190)])
        made.apply([replace(ALERT, queue="sales"), replace(CLEARED, queue="sales")])
        assert [form["labels"]["queue"] for form in made.as_json()] == ["support", "sales"]
        assert made.as_json()[0]["startsAt"] == "2026-11-23T09:03:10.000+00:00"
        assert [made.as_json()[1]["endsAt"]] == ENDED

    def test_what_is_cleared_for_want_of_data_is_left_to_expire(self) -> None:
        """It is not known to be over: another daemon on the same PBX may go on saying that it is not."""
        made = sink(settings())
        made.apply([ALERT, replace(CLEARED, why="stale")])
        assert made.as_json() == []
        made.apply([replace(CLEARED, why="stale")])
        assert made.as_json() == []


class TestPushing:
    """To servers that do as they are asked."""

    async def test_alerts_of_one_moment_are_one_push(self) -> None:
        """At once, to the path of the API, and as JSON."""
        async with Receiver() as receiver, pushing(settings(receiver)) as inbox:
            await until(lambda: receiver.requests, "the push of nothing")
            inbox.put([ALERT, OF_PBX])
            await until(lambda: pushed(receiver), "the push")
            assert len(pushed(receiver)[0]) == 2
        assert {(request.method, request.path) for request in receiver.requests} == {("POST", "/api/v2/alerts")}

    async def test_a_server_is_spoken_to_before_there_is_anything_to_tell(self) -> None:
        """One that refuses is noticed on a quiet day."""
        bureau = Bureau()
        async with Receiver() as receiver:
            receiver.status = 401
            async with pushing(settings(receiver), bureau=bureau):
                await until(lambda: bureau.log.lines, "the refusal to be told")
        assert receiver.requests[0].json == []
        assert bureau.log.lines[0]["remedy"] == "see username and password, or bearer_token"

    async def test_what_stands_and_what_was_cleared_is_pushed_again(self) -> None:
        """What stands, with a later end each time."""
        clock = Clock()
        async with Receiver() as receiver, pushing(settings(receiver), clock) as inbox:
            inbox.put([ALERT])
            await until(lambda: pushed(receiver), "the alert")
            first = states(receiver)
            clock.now += 1
            await until(lambda: states(receiver) > first, "the alert once more")
            clock.now = NINE + 91
            inbox.put([CLEARED])
            await until(lambda: states(receiver) == ENDED, "the clearing")
            count = len(pushed(receiver))
            await until(lambda: len(pushed(receiver)) > count, "the clearing once more")
            assert states(receiver) == ENDED

    async def test_every_alertmanager_of_a_cluster_gets_everything(self) -> None:
        """None waits for another: not for one that hangs, nor for one that is away."""
        async with Receiver() as hanging, Receiver() as well, Receiver() as away:
            hanging.hang()
            given = settings(hanging, away, well, timeout_seconds=60)
            await away.__aexit__()
            inbox = Inbox("alertmanager")
            running = asyncio.create_task(sink(given).run(inbox))
            inbox.put([ALERT])
            await until(lambda: pushed(well), "the alert where all is well")
            assert not pushed(away)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def test_many_are_pushed_in_portions(self) -> None:
        """A proxy in between takes no request of any size."""
        many: list[Record] = [replace(ALERT, queue=f"queue {number}") for number in range(2 * MOST_AT_ONCE + 1)]
        async with Receiver() as receiver, pushing(settings(receiver)) as inbox:
            inbox.put(many)
            await until(lambda: len(pushed(receiver)) >= 3, "three pushes")
        assert [len(push) for push in pushed(receiver)[:3]] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]

    async def test_a_clearing_is_repeated_for_some_time_and_then_forgotten(self) -> None:
        """As Prometheus does: who was restarted meanwhile has yet to be told, and a late rule to be overruled."""
        clock = Clock(NINE + 91)
        async with Receiver() as receiver, pushing(settings(receiver), clock) as inbox:
            inbox.put([CLEARED])
            await until(lambda: pushed(receiver), "the clearing")
            clock.now += REPEAT_SECONDS
            count = len(receiver.requests)
            await until(lambda: len(receiver.requests) > count, "another push")
            assert receiver.requests[-1].json
            clock.now += 1
            await until(lambda: not receiver.requests[-1].json, "a push of nothing")


class TestOutages:
    """Servers that are away, refuse or hang."""

    @pytest.mark.parametrize("status", [401, 500])
    async def test_the_final_state_arrives_and_history_does_not(self, status: int) -> None:
        """Raised and cleared while it refused: it is told the clearing, and the log one line."""
        bureau = Bureau()
        async with Receiver() as receiver:
            receiver.status = status
            async with pushing(settings(receiver), Clock(NINE + 91), bureau) as inbox:
                inbox.put([ALERT])
                await until(lambda: pushed(receiver), "an attempt")
                inbox.put([CLEARED])
                await until(lambda: bureau.counted("refused") >= 3, "more attempts")
                assert len(bureau.log.of("delivery_failed")) == 1
                receiver.requests.clear()
                receiver.status = 200
                await until(lambda: states(receiver), "the push")
                assert all(push[0]["endsAt"] == ENDED[0] for push in pushed(receiver))
                await until(lambda: bureau.log.of("delivery_resumed"), "the end of it to be told")

    async def test_who_was_away_for_longer_is_not_told_what_has_expired_there(self) -> None:
        """One address that is dead for good does not keep a clearing alive for the others."""
        clock = Clock(NINE + 91)
        async with Receiver() as well, Receiver() as bad:
            bad.status = 500
            async with pushing(settings(well, bad), clock) as inbox:
                inbox.put([CLEARED])
                await until(lambda: pushed(well) and pushed(bad), "the clearing")
                clock.now += REPEAT_SECONDS + 1
                await until(lambda: not well.requests[-1].json and not bad.requests[-1].json, "both to be done")

    async def test_who_hears_a_pbx_no_more_does_not_say_what_is_over_there(self) -> None:
        """Another daemon hears it still, and what it raises meanwhile would be ended by that."""
        deaf = replace(ALERT, name="RingwatchAmiDisconnected", queue=None)
        elsewhere = replace(CLEARED, pbx="other")
        async with Receiver() as receiver, pushing(settings(receiver), Clock(NINE + 91)) as inbox:
            inbox.put([CLEARED, elsewhere])
            await until(lambda: len(states(receiver)) == 2, "both clearings")
            inbox.put([deaf])
            await until(lambda: len(receiver.requests[-1].json) == 2, "the alert beside the other's clearing")
        assert {(each["labels"]["pbx"], each["labels"]["alertname"]) for each in receiver.requests[-1].json} == {
            ("main", "RingwatchAmiDisconnected"),
            ("other", ALERT.name),
        }

    async def test_who_hangs_holds_up_nobody(self) -> None:
        """Records are taken in at once, and the newest state is pushed once it answers again."""
        bureau = Bureau()
        async with Receiver() as receiver:
            receiver.hang()
            async with pushing(settings(receiver), Clock(NINE + 91), bureau) as inbox:
                for record in [ALERT, CLEARED] * 500:
                    inbox.put([record])
                await asyncio.wait_for(inbox.wait_idle(), 0.4)
                assert inbox.dropped == 0
                await until(lambda: bureau.counted("failed") >= 2, "attempts to be given up")
                assert [line["why"] for line in bureau.log.lines] == ["no answer within 0.5 s"]
                receiver.requests.clear()
                receiver.go_on()
                await until(lambda: states(receiver) == ENDED, "the clearing")


class TestEnding:
    """When the daemon ends."""

    async def test_the_last_state_is_pushed(self) -> None:
        """What stands then is believed for as long as ever: the daemon may be back soon."""
        async with Receiver() as receiver:
            inbox = Inbox("alertmanager")
            inbox.put([ALERT])
            inbox.close()
            await asyncio.wait_for(sink(settings(receiver)).run(inbox), 10)
        assert states(receiver) == ["2026-11-23T09:02:20.250+00:00"]

    async def test_who_hangs_is_left_behind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After some seconds of grace."""
        monkeypatch.setattr(posting, "FAREWELL_SECONDS", 0.1)
        async with Receiver() as receiver:
            receiver.hang()
            async with pushing(settings(receiver, timeout_seconds=60)) as inbox:
                inbox.put([ALERT])
                await until(lambda: receiver.requests, "an attempt")

    async def test_a_fault_of_our_own_ends_the_sink(self) -> None:
        """It is not taken for a server's, and whoever runs the sink learns of it."""

        def broken() -> float:
            raise ZeroDivisionError

        inbox = Inbox("alertmanager")
        with pytest.RaisesGroup(ZeroDivisionError):
            await asyncio.wait_for(sink(settings(), broken).run(inbox), 10)


class TestProbing:
    """``ringwatch check --live``."""

    STATUS = '{"cluster": {"status": "ready", "peers": []}, "versionInfo": {"version": "0.25.0", "branch": "x"}}'

    async def test_one_that_would_take_alerts(self) -> None:
        """It says what it is, and takes a push of nothing, by the same account."""
        account = {"username": "me", "password": "secret"}
        async with Receiver(says=self.STATUS) as receiver:
            assert await probe(settings(receiver, **account), receiver.url) == "Alertmanager 0.25.0"
        assert [(request.method, request.path, request.body) for request in receiver.requests] == [
            ("GET", "/api/v2/status", b""),
            ("POST", "/api/v2/alerts", b"[]"),
        ]
        assert all(request.headers["Authorization"].startswith("Basic ") for request in receiver.requests)

    async def test_one_that_would_not(self) -> None:
        """The account is refused, or it is something else."""
        async with Receiver() as receiver:
            with pytest.raises(NotDelivered, match="what answers is no Alertmanager"):
                await probe(settings(receiver), receiver.url)
            receiver.status = 403
            with pytest.raises(NotDelivered, match="HTTP 403 Forbidden"):
                await probe(settings(receiver), receiver.url)
