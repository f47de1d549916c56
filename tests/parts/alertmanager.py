"""A real Alertmanager of one's own: no cluster port, everything in its folder, and what it holds."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.tools.certificates import Authority

from .program import Program

USERNAME, PASSWORD = "ringwatch", "hunter2"
_HASHED = "$2b$04$Y8XwsSxPZHOONCWxZjaPnuUok4k/4dk6aAGfDLAXYdu2Hqd6R.zKO"


class Locked:
    """What it takes to be let in by one that asks: the authority of its certificate, and the account above."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        server = authority.sign("server", "IP:127.0.0.1")
        self.certificate = authority.certificate
        self.configuration: dict[str, Any] = {
            "tls_server_config": {"cert_file": str(server.certificate), "key_file": str(server.key)},
            "basic_auth_users": {USERNAME: _HASHED},
        }


def notifying(url: str, **route: Any) -> dict[str, Any]:
    """Return the configuration of one that tells everything to one address, as soon as it may."""
    return {
        "route": {
            "receiver": "hook",
            "group_by": ["alertname", "pbx", "queue"],
            "group_wait": "0s",
            "group_interval": "1s",
            **route,
        },
        "receivers": [{"name": "hook", "webhook_configs": [{"url": url}]}],
    }


class Alertmanager(Program):
    """One on loopback.

    :param configuration: its alertmanager.yml.
    :param locked: TLS and an account, if any.
    """

    def __init__(self, folder: Path, configuration: dict[str, Any], locked: Locked | None = None) -> None:
        super().__init__(folder)
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration))
        (folder / "web.yml").write_text(yaml.safe_dump(locked.configuration if locked else {}))
        self.url = f"{'https' if locked else 'http'}://127.0.0.1:{self.port}"
        self._access: dict[str, Any] = {}
        if locked:
            self._access = {
                "ssl": ssl.create_default_context(cafile=locked.certificate),
                "headers": {"Authorization": aiohttp.encode_basic_auth(USERNAME, PASSWORD)},
            }

    def command(self) -> Sequence[str]:
        """Start it without a cluster."""
        return [
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            "--web.config.file=web.yml",
            "--storage.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            "--log.level=debug",
        ]

    async def ready(self) -> bool:
        """Return whether it says so."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/-/ready", **self._access) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it holds to be firing."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v2/alerts", **self._access) as answer,
        ):
            found = await answer.json()
        assert isinstance(found, list)
        return found

    async def names(self) -> set[str]:
        """Return the names of the alerts that it holds to be firing."""
        return {alert["labels"]["alertname"] for alert in await self.alerts()}

    async def post(self, *alerts: dict[str, Any]) -> None:
        """Send alerts as somebody else does."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/v2/alerts", json=alerts, **self._access) as answer,
        ):
            assert answer.status == 200, await answer.text()
