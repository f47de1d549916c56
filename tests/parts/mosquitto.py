"""A real Mosquitto, with the configuration of deploy/mosquitto, and somebody who listens to all that is published."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from tests import mqtt_schemas
from tests.parts.program import Program

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORDS = {"ringwatch": "written", "wallboard": "read-only"}


class Mosquitto(Program):
    """A broker as deploy/mosquitto has it, but for its port, its paths, and ``more`` lines at the end."""

    def __init__(self, folder: Path, *more: str) -> None:
        super().__init__(folder)
        self.acl = folder / "ringwatch.acl"
        self.acl.write_text((DEPLOYED / "acl").read_text())
        passwords = folder / "passwd"
        passwords.touch(0o600)
        for name, password in PASSWORDS.items():
            subprocess.run(["mosquitto_passwd", "-b", passwords, name, password], check=True, timeout=10)
        conf = (DEPLOYED / "mosquitto.conf").read_text()
        conf = re.sub(r"(?m)^listener 1883 ", f"listener {self.port} ", conf)
        conf = conf.replace("/etc/mosquitto/", f"{folder}/")
        # It would else become a user who cannot read the test's folder.
        self.conf = folder / "mosquitto.conf"
        self.conf.write_text("\n".join([conf, *(["user root"] if os.geteuid() == 0 else []), *more, ""]))

    def command(self) -> Sequence[str]:
        """Return the command line."""
        return ["mosquitto", "-c", str(self.conf)]

    def hang_up(self) -> None:
        """Let it read its ACL and passwords again."""
        self._signal(signal.SIGHUP)


class DebiansMosquitto(Mosquitto):
    """The same, included by Debian's own main file, as deploy/mosquitto says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        included = folder / "conf.d"
        included.mkdir()
        (included / "ringwatch.conf").write_text(self.conf.read_text())
        main = Path("/etc/mosquitto/mosquitto.conf").read_text()
        for path in ("/run/mosquitto/", "/var/lib/mosquitto/", "/var/log/mosquitto/", "/etc/mosquitto/"):
            main = main.replace(path, f"{folder}/")
        self.conf.write_text(main)


class Heard:
    """What somebody heard who listens to every topic, each payload held to its schema."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        """Topic, what was said, and whether it was retained from before."""

    def last(self, topic: str) -> Any:
        """Return what was said last; None before."""
        return next((said for each, said, _ in reversed(self.messages) if each == topic), None)

    def all(self, topic: str) -> list[Any]:
        """Return all that was said on a topic while listening."""
        return [said for each, said, retained in self.messages if each == topic and not retained]

    @property
    def retained(self) -> dict[str, Any]:
        """What stood on the broker already."""
        return {topic: said for topic, said, retained in self.messages if retained}


@asynccontextmanager
async def listening(port: int, username: str = "wallboard", topics: str = "#", **options: Any) -> AsyncIterator[Heard]:
    """Listen as somebody with an account; a listener whose broker goes away has heard what it has heard."""
    heard = Heard()
    client = aiomqtt.Client("127.0.0.1", port, username=username, password=PASSWORDS[username], **options)

    async def listen() -> None:
        async for message in client.messages:
            topic = message.topic.value
            assert isinstance(message.payload, bytes)
            heard.messages.append((topic, mqtt_schemas.read(topic, message.payload), bool(message.retain)))

    await client.__aenter__()
    try:
        await client.subscribe(topics, qos=1)
        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await task
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
