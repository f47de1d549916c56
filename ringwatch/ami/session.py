"""One AMI session as a state machine: bytes in, blocks out, bytes to send as data, no I/O.

::

    BANNER -> CHALLENGE -> LOGIN -> UP          (md5)
    BANNER -> LOGIN -> UP                       (plain)

On reaching UP it asks for the PBX's time (Ping), the queues and the channels, and for these again with every so many
pings and whenever Asterisk has reloaded a module: what a reload does to members is told by no event (app_queue.c,
reload_single_member), nor is ``queue reload``. The answers are ordinary blocks and pass through like every other.
Time-outs belong to whoever owns the connection: it watches `state` and the clock, and sends what there is to send after
everything it received.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Literal

from ringwatch.ami.framing import BANNER, Framer
from ringwatch.ami.message import build, text
from ringwatch.errors import LoginRefused, NotAmi

_FIRST_LINE_LIMIT = 256
PINGS_PER_LISTING = 6
_RELOAD = b"Event: Reload\r\n"
# Refusals that pass (manager.c, process_message): an account without allowmultiplelogin whose last connection is not
# yet gone, and a PBX that is going down.
_PASSING = {
    "Login Already In Use": "end the other session, or set allowmultiplelogin = yes for the account in manager.conf",
    "Asterisk is shutting down": "see that Asterisk starts again",
}


def login_refused(username: str, message: str) -> LoginRefused:
    """Return the error for what Asterisk answered to a login."""
    remedy = _PASSING.get(message)
    fatal = remedy is None
    return LoginRefused(f"the login of {username!r} was refused: {message}", remedy=remedy, fatal=fatal)


class SessionState(enum.Enum):
    """Where a session stands."""

    BANNER = "waiting for the banner"
    CHALLENGE = "waiting for the challenge"
    LOGIN = "waiting for the login's answer"
    UP = "up"


class Session:
    """Logs in, asks for the snapshots, answers for the keep-alive.

    :param username: the account in manager.conf.
    :param secret: its secret; sent as it is only when ``login`` is ``plain``.
    """

    def __init__(self, username: str, secret: str, login: Literal["md5", "plain"] = "md5") -> None:
        """Start before the first byte of a new connection."""
        self._username = username
        self._secret = secret
        self._login = login
        self._framer = Framer()
        self._first = b""
        self._outgoing: list[bytes] = []
        self._sequence = 0
        self.state = SessionState.BANNER
        self._pings = 0
        self.version = ""
        """The AMI version of the banner, such as ``11.0.0``."""
        self._asked: dict[str, str] = {}
        self._again: list[str] = []
        """Actions that Asterisk does not know yet: it lets one in while its modules are still loading."""

    def take_outgoing(self) -> bytes:
        """Return the bytes to send now, once."""
        data, self._outgoing = b"".join(self._outgoing), []
        return data

    def ping(self) -> None:
        """Ask for a sign of life; the answer also tells the PBX's time."""
        self._ask("Ping")
        self._ask_again()
        self._pings += 1
        if self._pings % PINGS_PER_LISTING == 0:
            self.snapshot()

    def snapshot(self) -> None:
        """Ask how everything stands."""
        self._ask("QueueStatus")
        self._ask("CoreShowChannels")

    def logoff(self) -> None:
        """Take leave."""
        self._ask("Logoff")

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes from the connection and return the blocks they complete.

        :raises NotAmi: the other side is not a Manager Interface.
        :raises LoginRefused: the account or its secret is wrong.
        """
        if self.state is SessionState.BANNER:
            self._check_banner(data)
        blocks = self._framer.feed(data)
        for block in blocks:
            if block.startswith(b"Response: "):
                self._answered(block)
            elif block.startswith(b"Event: FullyBooted"):
                self._ask_again()
            elif block.startswith(_RELOAD):
                self.snapshot()
            elif self.state is SessionState.BANNER and block.startswith(BANNER):
                self.version = block[len(BANNER) :].decode("ascii", "replace")
                if self._login == "md5":
                    self.state = SessionState.CHALLENGE
                    self._ask("Challenge", ("AuthType", "MD5"))
                else:
                    self.state = SessionState.LOGIN
                    self._ask("Login", ("Username", self._username), ("Secret", self._secret))
        return blocks

    def _check_banner(self, data: bytes) -> None:
        self._first += data[:_FIRST_LINE_LIMIT]
        endless = len(self._first) >= _FIRST_LINE_LIMIT and b"\r\n" not in self._first
        if endless or (not self._first.startswith(BANNER) and not BANNER.startswith(self._first)):
            shown = self._first[:60].decode("ascii", "backslashreplace")
            message = f"this is no Manager Interface: it says {shown!r}"
            raise NotAmi(message)

    def _answered(self, block: bytes) -> None:
        success = block.startswith(b"Response: Success")
        message = text(block, b"\r\nMessage: ")
        if self.state is SessionState.CHALLENGE:
            if not success:
                raise login_refused(self._username, message)
            self.state = SessionState.LOGIN
            challenge = text(block, b"\r\nChallenge: ")
            # MD5 is the protocol's (manager.c, authenticate); it keeps the secret off the wire, no more.
            key = hashlib.md5(f"{challenge}{self._secret}".encode(), usedforsecurity=False).hexdigest()
            self._ask("Login", ("AuthType", "MD5"), ("Username", self._username), ("Key", key))
        elif self.state is SessionState.LOGIN:
            if not success:
                raise login_refused(self._username, message)
            self.state = SessionState.UP
            self.ping()
            self.snapshot()
        else:
            action = self._asked.pop(text(block, b"\r\nActionID: "), None)
            if action and block.startswith(b"Response: Error") and message != "Permission denied":
                self._again.append(action)

    def _ask_again(self) -> None:
        actions, self._again = self._again, []
        for action in actions:
            self._ask(action)

    def _ask(self, action: str, *headers: tuple[str, str]) -> None:
        self._sequence += 1
        action_id = f"ringwatch-{self._sequence}"
        self._asked[action_id] = action
        self._outgoing.append(build([("Action", action), ("ActionID", action_id), *headers]))
