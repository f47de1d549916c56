"""Pushes alerts to Alertmanager (API v2), to each of a cluster by itself: none waits for another.

Rules:

* What is pushed is how things stand, never what happened: the newest state of every alert. One that was raised and
  cleared while Alertmanager was away arrives as cleared.
* Alertmanager knows an alert by its labels alone. They are ``alertname``, ``pbx``, ``severity`` and, of a queue or
  line, ``queue``, as those of the Prometheus rule of that name: so the two are one alert there, notified of once.
* ``startsAt`` is `Alert.since`, when it became bad. Of two senders Alertmanager keeps the earlier one, which this is: a
  rule begins a scrape and a ``for`` later. It stays the same however often it is pushed, and where ``group_wait`` has
  passed since then, Alertmanager notifies at once: who has been through a hold-off does not wait a second time.
* What stands is pushed again every ``resend_seconds``, and ``endsAt`` lies ``expire_seconds`` ahead: of a daemon that
  dies, no alert stays for ever.
* What is cleared has the moment of that as its ``endsAt``. It is pushed for `REPEAT_SECONDS`, as Prometheus does: the
  rule may still say for a scrape or two that it fires, a request that was given up may be read late by one that hung,
  and one that was restarted has to be told what became of the alerts it had notified of. With an Alertmanager that is
  away for longer the alert has expired by then.
* What was cleared because nothing is known any more (``stale``) is not over: it is pushed no more, and expires. Another
  daemon on the same PBX may know better, and go on. For the same reason who hears a PBX no more says no longer what is
  over there: pushed after another's raising, it would end that.
* Even where nothing is to be told something is pushed: a server that refuses is noticed before the first alert.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringwatch.config.push import AlertmanagerConfig
from ringwatch.core.alerts import ALERTS
from ringwatch.core.facts import Record
from ringwatch.core.rules import Alert
from ringwatch.errors import NotDelivered
from ringwatch.flow.hub import Inbox
from ringwatch.sinks.posting import Counts, Remote, WebServer, attend
from ringwatch.telemetry import Telemetry

ALERTS_PATH = "/api/v2/alerts"
STATUS_PATH = "/api/v2/status"
REPEAT_SECONDS = 900.0
_RESTING = frozenset(kind.name for kind in ALERTS.values() if kind.muted)
_DEAF = frozenset(kind.name for kind in ALERTS.values()) - _RESTING
"""What says that a PBX cannot be heard, while which the others rest."""
MOST_AT_ONCE = 250
"""Alerts in one request, some 150 kB: a proxy in between takes no request of any size."""


@dataclass(slots=True, eq=False)
class _State:
    """The newest of an alert; the times are by the own clock."""

    alert: Alert
    since: float
    ended: float | None
    told: float


class AlertmanagerSink:
    """Keeps every Alertmanager informed.

    :param generator: returns the address that an alert leads back to.
    :param clock: Alertmanager's, or so it is believed.
    """

    name = "alertmanager"

    def __init__(
        self,
        settings: AlertmanagerConfig,
        says: Telemetry,
        counts: Counts,
        generator: Callable[[], str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        server = WebServer(settings)
        self._settings = settings
        self._generator = generator
        self._clock = clock
        self._remotes = [Remote(self.name, url, server, says, counts) for url in settings.urls]
        self._states: dict[tuple[str, str | None, str], _State] = {}
        self._closing = False

    async def run(self, inbox: Inbox) -> None:
        """Push until the inbox is closed, and once more then."""
        await attend(self._take(inbox), [self._serve(remote) for remote in self._remotes])

    async def _take(self, inbox: Inbox) -> None:
        while records := await inbox.get():
            self.apply(records)
        self._closing = True
        self._wake()

    def apply(self, records: Iterable[Record]) -> None:
        """Take records in."""
        alerts = [record for record in records if isinstance(record, Alert)]
        for alert in alerts:
            self._learn(alert)
        if alerts:
            self._wake()

    def _wake(self) -> None:
        for remote in self._remotes:
            remote.changed.set()

    def _learn(self, alert: Alert) -> None:
        key = (alert.pbx, alert.queue, alert.name)
        if alert.why == "stale":
            self._states.pop(key, None)
            return
        if alert.state == "raised" and alert.name in _DEAF:
            for other, state in list(self._states.items()):
                if other[0] == alert.pbx and state.ended is not None and state.alert.name in _RESTING:
                    del self._states[other]
        now = self._clock()
        # A PBX whose clock is ahead would begin alerts, and end them, in the future.
        ahead = max(alert.at - now, 0.0)
        ended = alert.at - ahead if alert.state == "cleared" else None
        self._states[key] = _State(alert, alert.since - ahead, ended, now)

    async def _serve(self, remote: Remote) -> None:
        while True:
            closing = self._closing
            await self._push(remote)
            if closing:
                return
            await remote.rest(remote.pause or self._settings.resend_seconds)

    async def _push(self, remote: Remote) -> None:
        states = self._due()
        for start in range(0, max(len(states), 1), MOST_AT_ONCE):
            some = states[start : start + MOST_AT_ONCE]
            body = msgspec.json.encode([self._form(state) for state in some])
            if not await remote.post(f"{remote.where}{ALERTS_PATH}", body):
                return

    def _due(self) -> list[_State]:
        """Return what there is to push; what needs no more repeating is forgotten."""
        over = self._clock() - max(REPEAT_SECONDS, self._settings.expire_seconds)
        for key, state in list(self._states.items()):
            if state.ended is not None and state.told < over:
                del self._states[key]
        return list(self._states.values())

    def as_json(self) -> list[dict[str, Any]]:
        """Return what is pushed now."""
        return [self._form(state) for state in self._due()]

    def _form(self, state: _State) -> dict[str, Any]:
        alert, settings = state.alert, self._settings
        ends = self._clock() + settings.expire_seconds if state.ended is None else state.ended
        return {
            "labels": _labels(alert),
            "annotations": self._annotations(alert),
            "startsAt": _written(state.since),
            "endsAt": _written(ends),
            "generatorURL": settings.generator_url or self._generator(),
        }

    def _annotations(self, alert: Alert) -> dict[str, str]:
        told = {"summary": alert.advice, "value": f"{alert.value:g}", "threshold": f"{alert.threshold:g}"}
        if base := self._settings.runbook_url:
            told["runbook_url"] = f"{base}#{alert.name.lower()}"
        return told


class _Version(msgspec.Struct):
    version: str


class _Status(msgspec.Struct):
    """What is read of an Alertmanager's own word."""

    versionInfo: _Version  # noqa: N815 - Alertmanager's name


async def probe(settings: AlertmanagerConfig, url: str) -> str:
    """Ask an Alertmanager whether it would take alerts from us, and return what it is.

    :raises ringwatch.errors.RingwatchError: it would not.
    """
    server = WebServer(settings)
    try:
        status = msgspec.json.decode(await server.get(f"{url}{STATUS_PATH}"), type=_Status)
    except msgspec.DecodeError as error:
        raise NotDelivered("what answers is no Alertmanager", remedy="see the address") from error
    await server.post(f"{url}{ALERTS_PATH}", b"[]")
    return f"Alertmanager {status.versionInfo.version}"


def _labels(alert: Alert) -> Mapping[str, str]:
    labels = {"alertname": alert.name, "pbx": alert.pbx, "severity": alert.severity}
    # Alertmanager takes an empty label for none.
    return labels | {"queue": alert.queue} if alert.queue else labels


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
