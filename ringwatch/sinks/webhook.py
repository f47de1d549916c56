"""Posts alerts to addresses of one's own, each raising and each clearing by itself, as JSON that can be verified.

The body is the fact ``alert`` with an ``id``, as ``config/schemas/webhook.schema.json`` describes it. The headers are
those of `Standard Webhooks <https://www.standardwebhooks.com>`_, for which most languages have a library:

* ``webhook-id`` is the idempotency key: the same however often it is sent, and whichever daemon sends it;
* ``webhook-timestamp`` is when it was signed, in seconds since 1970: what is older than some minutes is a replay;
* ``webhook-signature`` is ``v1,`` and, in base64, HMAC-SHA256 of ``ID.TIMESTAMP.BODY`` by the secret.

Rules:

* Everything is sent until it is taken (2xx): at least once, and of one alert in its order. An alert that a webhook does
  not take holds up that alert alone.
* Of `MOST_WAITING` that wait the oldest goes, and is counted as dropped; the newest of an alert goes last, for that is
  how it stands.
* What is left when the daemon ends is counted as dropped as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ringwatch.config.push import WebhookConfig
from ringwatch.core.alerts import ALERTS
from ringwatch.core.facts import Record
from ringwatch.core.rules import Alert
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.posting import Counts, Remote, WebServer, attend
from ringwatch.telemetry import Telemetry

MOST_WAITING = 1000

_Lane = tuple[str, str | None, str]


def signed(identity: str, body: bytes, at: float, key: bytes) -> dict[str, str]:
    """Return the headers of a body that is sent at a moment; without a key nothing vouches for it."""
    headers = {"webhook-id": identity, "webhook-timestamp": str(int(at))}
    if key:
        content = b".".join([identity.encode(), headers["webhook-timestamp"].encode(), body])
        headers["webhook-signature"] = f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"
    return headers


class _Target:
    """One webhook, and what waits for it: by alert, oldest first."""

    def __init__(self, settings: WebhookConfig, remote: Remote) -> None:
        self.settings = settings
        self.remote = remote
        self.lanes: dict[_Lane, deque[Alert]] = {}
        self._names = {ALERTS[key].name for key in settings.alerts}

    @property
    def waiting(self) -> list[Alert]:
        return [alert for lane in self.lanes.values() for alert in lane]

    def wants(self, alert: Alert) -> bool:
        settings = self.settings
        return (
            (not settings.severities or alert.severity in settings.severities)
            and (not self._names or alert.name in self._names)
            and (not settings.queues or alert.queue in settings.queues)
        )

    def put(self, alert: Alert) -> int:
        """Let an alert wait; return how many others had to go for it."""
        self.lanes.setdefault((alert.pbx, alert.queue, alert.name), deque()).append(alert)
        self.remote.changed.set()
        if len(self.waiting) <= MOST_WAITING:
            return 0
        # Of two that are as long, the one that has waited longer.
        lane = max(self.lanes, key=lambda each: len(self.lanes[each]))
        self.lanes[lane].popleft()
        if not self.lanes[lane]:
            del self.lanes[lane]
        return 1


class WebhookSink:
    """Posts to every configured webhook.

    :param clock: the own one, for signatures.
    """

    name = "webhook"

    def __init__(
        self,
        webhooks: Sequence[WebhookConfig],
        says: Telemetry,
        counts: Counts,
        *,
        clock: Callable[[], float] = time.time,
        server: Callable[[WebhookConfig], WebServer] = WebServer,
    ) -> None:
        self._targets = [_Target(each, Remote(self.name, each.name, server(each), says, counts)) for each in webhooks]
        self._clock = clock
        self._closing = False

    @property
    def waiting(self) -> list[Alert]:
        """What has not been taken yet, once for each webhook."""
        return [alert for target in self._targets for alert in target.waiting]

    async def run(self, inbox: Inbox) -> None:
        """Post until the inbox is closed, and what waits then."""
        try:
            await attend(self._take(inbox), [self._serve(target) for target in self._targets])
        finally:
            inbox.dropped += len(self.waiting)

    async def _take(self, inbox: Inbox) -> None:
        while records := await inbox.get():
            inbox.dropped += self.apply(records)
        self._closing = True
        for target in self._targets:
            target.remote.changed.set()

    def apply(self, records: Iterable[Record]) -> int:
        """Take records in; return how many had to be dropped for want of room."""
        alerts = [record for record in records if isinstance(record, Alert)]
        return sum(target.put(alert) for target in self._targets for alert in alerts if target.wants(alert))

    async def _serve(self, target: _Target) -> None:
        while True:
            closing, failures = self._closing, 0
            # What is refused may be no fault of the server: a second one is tried before it is left in peace.
            while failures < min(len(target.lanes), 2):
                failures = 0 if await self._post_next(target) else failures + 1
            if closing:
                return
            await target.remote.rest(target.remote.pause)

    async def _post_next(self, target: _Target) -> bool:
        lane = next(iter(target.lanes))
        alert = target.lanes[lane][0]
        taken = await self._post(target, alert)
        # To the end of the line with what is left of it; some may have gone meanwhile, to make room.
        rest = target.lanes.pop(lane, deque())
        if taken and rest and rest[0] is alert:
            rest.popleft()
        if rest:
            target.lanes[lane] = rest
        return taken

    async def _post(self, target: _Target, alert: Alert) -> bool:
        identity = identity_of(alert)
        body = msgspec.json.encode({**msgspec.to_builtins(alert), "id": identity})
        headers = signed(identity, body, self._clock(), target.settings.signing_key)
        return await target.remote.post(target.settings.url, body, headers)


def identity_of(alert: Alert) -> str:
    """Return the idempotency key of a raising or clearing."""
    return hashlib.sha256(repr(alert.key).encode()).hexdigest()[:32]


async def probe(settings: WebhookConfig) -> str:
    """Post what is no alert, signed as one would be, and return what was found.

    :raises ringwatch.errors.RingwatchError: it was not taken.
    """
    now = time.time()
    body = msgspec.json.encode({"type": "probe"})
    headers = signed(f"probe-{int(now)}", body, now, settings.signing_key)
    await WebServer(settings).post(settings.url, body, headers)
    return 'took {"type":"probe"}' + ("" if settings.signing_key else ", which nothing vouches for: there is no secret")
