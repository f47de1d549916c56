"""A real Prometheus on loopback, and what is asked of it or of whatever speaks its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.parts.program import Program

ALONE = "global: {scrape_interval: 1s}\n"


class Asked:
    """What answers queries as Prometheus does."""

    port: int

    async def ask(self, path: str, **parameters: str | float) -> Any:
        """Return the data of an answer."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        async with aiohttp.ClientSession() as session, session.post(address, data=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        return answer["data"]

    async def query(self, expr: str, at: float) -> list[dict[str, Any]]:
        """Return the series as of a moment."""
        found: list[dict[str, Any]] = (await self.ask("query", query=expr, time=at))["result"]
        return found

    async def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Return the series over a time."""
        found: list[dict[str, Any]] = (await self.ask("query_range", query=expr, start=start, end=end, step=step))[
            "result"
        ]
        return found


class Prometheus(Program, Asked):
    """A Prometheus.

    :param config: its configuration.
    :param arguments: more of the command line.
    """

    def __init__(self, folder: Path, config: str = ALONE, arguments: Sequence[str] = ()) -> None:
        """Write the configuration."""
        super().__init__(folder)
        self.arguments = arguments
        self.data = folder / "data"
        (folder / "prometheus.yml").write_text(config)

    def command(self) -> Sequence[str]:
        """Return how it is started."""
        return (
            "prometheus",
            "--config.file=prometheus.yml",
            # Debian's own default is the machine's.
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
            *self.arguments,
        )

    async def ready(self) -> bool:
        """Return whether it answers queries."""
        if not await super().ready():
            return False
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/-/ready") as response,
        ):
            return response.status == 200


def scrape(port: int, **labels: str) -> Mapping[str, Any]:
    """Return a scrape job of a ringwatch, every second."""
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": labels}]
    return {"job_name": "ringwatch", "scrape_interval": "1s", "static_configs": targets}
