"""Alerts to webhooks: what is posted, how it is signed, and that each of it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from ringwatch.config.push import WebhookConfig
from ringwatch.core.facts import to_json
from ringwatch.errors import NotDelivered
from ringwatch.flow.hub import Inbox
from ringwatch.sinks import posting, webhook
from ringwatch.sinks.webhook import WebhookSink, identity_of, probe, signed
from tests.waiting import until

from .receiver import Bureau, Receiver, Request
from .samples import ALERT, CALL, NINE

SCHEMA = json.loads((Path(__file__).parents[2] / "config/schemas/webhook.schema.json").read_text())
CLEARED = replace(ALERT, state="cleared", at=NINE + 90, value=1, why="well", advice="Nothing: all is well again.")
OF_PBX = replace(ALERT, queue=None, name="RingwatchDataStale", severity="critical")
SECRET = "hunter2"  # noqa: S105 - of no webhook that exists


def settings(receiver: Receiver, **more: Any) -> WebhookConfig:
    """Return what is configured for a webhook, as impatient as can be."""
    return WebhookConfig.model_validate(
        {"name": "pager", "url": f"{receiver.url}/hook", "timeout_seconds": 0.5, **more}
    )


@contextlib.asynccontextmanager
async def posting_to(
    *given: WebhookConfig, bureau: Bureau | None = None, clock: Callable[[], float] = lambda: NINE + 20
) -> AsyncIterator[Inbox]:
    """Let the sink run until the block ends, and end in order."""
    bureau = bureau or Bureau()
    inbox = Inbox("webhook")
    running = asyncio.create_task(WebhookSink(given, bureau.says, bureau.counts, clock=clock).run(inbox))
    try:
        yield inbox
        inbox.close()
        await asyncio.wait_for(running, 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def vouched_for(request: Request, key: bytes) -> bool:
    """Verify a signature as a receiver would."""
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    wanted = b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in request.headers["webhook-signature"].split()


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Return which alerts of which queues were posted, in order."""
    return [(request.json["queue"], request.json["state"]) for request in receiver.requests]


class TestBody:
    """What is posted."""

    def test_the_schema_is_one(self) -> None:
        """By the standard's own schema, and its patterns are regular expressions."""
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize(
        "alert", [ALERT, CLEARED, OF_PBX, replace(CLEARED, why="closed"), replace(CLEARED, why="stale")]
    )
    async def test_it_is_the_fact_with_an_identity(self, alert: Any) -> None:
        """As the schema describes it."""
        async with Receiver() as receiver, posting_to(settings(receiver)) as inbox:
            inbox.put([CALL, alert])
            await until(lambda: receiver.requests, "the alert")
        (request,) = receiver.requests
        jsonschema.validate(request.json, SCHEMA)
        body = request.json
        assert body.pop("id") == request.headers["webhook-id"] == identity_of(alert)
        assert body == json.loads(to_json(alert))
        assert (request.method, request.path) == ("POST", "/hook")

    @pytest.mark.parametrize(
        "wrong",
        [{"state": "over"}, {"id": "1"}, {"queue": 3}, {"name": "PilingUp"}, {"more": 1}, {"type": "call"}, {"at": ""}],
    )
    def test_the_schema_tells_what_is_not_ours(self, wrong: dict[str, Any]) -> None:
        """A receiver may rely on it."""
        body = {**json.loads(to_json(ALERT)), "id": identity_of(ALERT)}
        jsonschema.validate(body, SCHEMA)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**body, **wrong}, SCHEMA)

    def test_an_identity_is_of_one_raising_or_clearing(self) -> None:
        """Whichever daemon tells it, and whenever."""
        others = [CLEARED, OF_PBX, replace(ALERT, queue="sales"), replace(ALERT, since=NINE), replace(ALERT, pbx="b")]
        assert identity_of(replace(ALERT, value=9, at=NINE + 30)) == identity_of(ALERT)
        assert len({identity_of(each) for each in [ALERT, *others]}) == len(others) + 1


class TestSignature:
    """That a receiver may know it from others'."""

    def test_it_is_that_of_the_standard(self) -> None:
        """The example of Standard Webhooks."""
        key = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330, key)
        assert headers == {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }

    async def test_each_attempt_is_signed_anew(self) -> None:
        """The identity stays, the time does not: a receiver may refuse what is old."""
        times = iter(range(1000, 2000))
        async with Receiver() as receiver:
            receiver.status = 500
            given = settings(receiver, secret=SECRET)
            async with posting_to(given, clock=lambda: float(next(times))) as inbox:
                inbox.put([ALERT])
                await until(lambda: len(receiver.requests) == 2, "a second attempt")
                receiver.status = 200
        assert [request.headers["webhook-timestamp"] for request in receiver.requests[:2]] == ["1000", "1001"]
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
        assert all(vouched_for(request, SECRET.encode()) for request in receiver.requests)

    async def test_without_a_secret_nothing_is_claimed(self) -> None:
        """It says what and when it is, and not who."""
        async with Receiver() as receiver, posting_to(settings(receiver)) as inbox:
            inbox.put([ALERT])
            await until(lambda: receiver.requests, "the alert")
        assert "webhook-signature" not in receiver.requests[0].headers


class TestFilters:
    """Which alerts a webhook is for."""

    @pytest.mark.parametrize(
        ("only", "wanted"),
        [
            ({}, ["support", "sales", None]),
            ({"severities": ["critical", "info"]}, [None]),
            ({"alerts": ["lines_piling_up"]}, ["support", "sales"]),
            ({"alerts": ["longest_wait", "data_stale"]}, [None]),
            ({"queues": ["sales", "billing"]}, ["sales"]),
            ({"queues": ["sales"], "severities": ["info"]}, []),
        ],
    )
    async def test_what_is_listed_is_posted(self, only: dict[str, Any], wanted: list[str | None]) -> None:
        """All that are listed have to fit; what is of a whole PBX is of no queue."""
        async with Receiver() as receiver, posting_to(settings(receiver, **only)) as inbox:
            inbox.put([ALERT, replace(ALERT, queue="sales"), OF_PBX])
        assert [queue for queue, _ in told(receiver)] == wanted


class TestOutages:
    """Webhooks that are away, refuse or hang."""

    async def test_everything_arrives_in_its_order(self) -> None:
        """A raising and a clearing are two things, also when both are late; the log has one line."""
        bureau = Bureau()
        async with Receiver() as receiver:
            receiver.status = 500
            async with posting_to(settings(receiver), bureau=bureau) as inbox:
                inbox.put([ALERT, CLEARED])
                await until(lambda: bureau.counted("refused") >= 2, "two attempts")
                receiver.requests.clear()
                receiver.status = 200
                await until(lambda: len(receiver.requests) == 2, "both")
            assert inbox.dropped == 0
        assert told(receiver) == [("support", "raised"), ("support", "cleared")]
        assert [line["event"] for line in bureau.log.lines] == ["delivery_failed", "delivery_resumed"]
        assert bureau.log.lines[0]["where"] == "pager"

    async def test_one_alert_that_is_refused_holds_up_itself_alone(self) -> None:
        """Its clearing waits behind it, every other passes by at once; in the end all is taken."""
        async with Receiver() as receiver:
            receiver.dislikes = b'"raised"'
            async with posting_to(settings(receiver)) as inbox:
                inbox.put([ALERT, CLEARED])
                await until(lambda: len(receiver.requests) >= 4, "a pause that lasts")
                before = len(receiver.requests)
                inbox.put([replace(CLEARED, queue="sales")])
                await until(lambda: ("sales", "cleared") in told(receiver), "the other to pass by")
                assert told(receiver).index(("sales", "cleared")) <= before + 2
                assert ("support", "cleared") not in told(receiver)
                receiver.dislikes = None
                await until(lambda: told(receiver)[-1] == ("support", "cleared"), "both")

    async def test_who_hangs_holds_up_nobody(self) -> None:
        """Neither another webhook nor the daemon."""
        async with Receiver() as hanging, Receiver() as well:
            hanging.hang()
            async with posting_to(settings(hanging), settings(well, name="other")) as inbox:
                for record in [ALERT, CLEARED] * 100:
                    inbox.put([record])
                await asyncio.wait_for(inbox.wait_idle(), 0.4)
                await until(lambda: len(well.requests) == 200, "all where all is well")
                hanging.go_on()
                await until(lambda: len(hanging.requests) >= 200, "all there as well")

    async def test_of_too_many_the_oldest_goes_and_the_newest_of_an_alert_last(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is counted; how each alert stands is kept for as long as there is any history to drop instead."""
        monkeypatch.setattr(webhook, "MOST_WAITING", 3)
        async with Receiver() as receiver:
            receiver.hang()
            async with posting_to(settings(receiver)) as inbox:
                inbox.put([ALERT])
                await until(lambda: receiver.requests, "an attempt")
                inbox.put([CLEARED, replace(ALERT, queue="sales"), replace(CLEARED, queue="sales")])
                await asyncio.wait_for(inbox.wait_idle(), 1)
                assert inbox.dropped == 1
                receiver.requests.clear()
                receiver.go_on()
                await until(lambda: len(receiver.requests) == 3, "what is left")
        assert set(told(receiver)) == {("support", "cleared"), ("sales", "raised"), ("sales", "cleared")}

    async def test_where_every_alert_waits_once_the_oldest_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is no history left to drop."""
        monkeypatch.setattr(webhook, "MOST_WAITING", 2)
        async with Receiver() as receiver:
            receiver.hang()
            async with posting_to(settings(receiver)) as inbox:
                inbox.put([replace(ALERT, queue=name) for name in ("a", "b", "c")])
                await asyncio.wait_for(inbox.wait_idle(), 1)
                assert inbox.dropped == 1
                receiver.go_on()
                await until(lambda: len(receiver.requests) == 2, "what is left")
        assert told(receiver) == [("b", "raised"), ("c", "raised")]


class TestEnding:
    """When the daemon ends."""

    async def test_what_waits_is_posted(self) -> None:
        """All of it, where it is taken."""
        async with Receiver() as receiver:
            async with posting_to(settings(receiver)) as inbox:
                inbox.put([ALERT, CLEARED, OF_PBX])
            assert len(receiver.requests) == 3
            assert inbox.dropped == 0

    async def test_what_is_not_taken_then_is_counted_as_dropped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After one more attempt, or some seconds of grace."""
        monkeypatch.setattr(posting, "FAREWELL_SECONDS", 0.1)
        async with Receiver() as refusing, Receiver() as hanging:
            refusing.status = 500
            hanging.hang()
            given = (settings(refusing), settings(hanging, name="other", timeout_seconds=60))
            async with posting_to(*given) as inbox:
                inbox.put([ALERT, CLEARED])
            assert inbox.dropped == 4


class TestProbing:
    """``ringwatch check --live``."""

    async def test_a_probe_is_signed_and_is_no_alert(self) -> None:
        """As the schema describes it."""
        async with Receiver() as receiver:
            said = await probe(settings(receiver, secret=SECRET))
            assert said == 'took {"type":"probe"}'
            assert await probe(settings(receiver)) == f"{said}, which nothing vouches for: there is no secret"
        first, _ = receiver.requests
        jsonschema.validate(first.json, SCHEMA)
        assert first.json == {"type": "probe"}
        assert vouched_for(first, SECRET.encode())

    async def test_one_that_refuses(self) -> None:
        """With what it said."""
        async with Receiver(says="unknown signature") as receiver:
            receiver.status = 403
            with pytest.raises(NotDelivered, match="HTTP 403 Forbidden: unknown signature"):
                await probe(settings(receiver, secret=SECRET))
