"""What the service manager is told: the protocol of sd_notify(3), one datagram for each thing to say.

Rules:

* Without ``NOTIFY_SOCKET`` in the environment there is nobody to tell, and telling does nothing.
* Telling never waits and never fails: a manager that is being restarted costs a line of status, not the daemon.
* The watchdog is fed at half of its time, as sd_watchdog_enabled(3) asks; who feeds it says by that that it is alive.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

from ringwatch.errors import one_line


class ServiceManager:
    """systemd, or whoever else gave the socket; nobody when none is named.

    :param environ: the environment that the process was started with.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Find out where it listens and whether it watches."""
        path = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of an abstract address.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.feed_seconds = _half_of_the_watchdog(environ) if path else None
        """How often the watchdog is to be fed; ``None`` where there is none."""

    def ready(self) -> None:
        """Say that the daemon is up: units that come after it may start."""
        self._tell("READY=1")

    def status(self, text: str) -> None:
        """Say in one line how things stand: `systemctl status` shows it."""
        self._tell(f"STATUS={one_line(text)}")

    def feed(self) -> None:
        """Say that the daemon is alive."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the daemon ends, as it was told to or because it must."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(0)
            line.sendto(message.encode("utf-8", "backslashreplace"), self._address)


def _half_of_the_watchdog(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        # It was meant for the process that started this one.
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 2e6 if microseconds > 0 else None
