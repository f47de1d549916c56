"""The AMI protocol of one client, without a socket: bytes in, bytes and a decision out.

Rules, read in Asterisk's manager.c: before the login everything but Login, Challenge and Logoff is refused; a failed
login ends the session, after a second; an action is answered before any event that follows it; filters and the event
mask hold for events only, never for answers and list items. Input is bounded (a line of 1,024 bytes, 128 headers) and
whatever comes is answered or ignored, never raised. Text that is not UTF-8 comes back as it came.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, ClassVar, Protocol

from ringwatch.simulator.snapshots import AMI_VERSION, core_settings

if TYPE_CHECKING:
    from collections.abc import Callable

BANNER = f"Asterisk Call Manager/{AMI_VERSION}\r\n".encode()
LONGEST_LINE = 1024
MOST_HEADERS = 128
CLASSES = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr", "dialplan"),
    *("originate", "agi", "cc", "aoc", "test", "security", "message"),
)
ALL_CLASSES = frozenset(CLASSES)
ANYONE: frozenset[str] = frozenset()
LISTS_CHANNELS = frozenset({"system", "reporting"})

_PRIVILEGE = re.compile(rb"^Privilege: ([a-z]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of manager.conf: name, secret, and the classes of events and actions it may read and write."""

    username: str
    secret: str
    read: frozenset[str] = ALL_CLASSES
    write: frozenset[str] = ALL_CLASSES


class Answerer(Protocol):
    """What a session asks the desk; `ringwatch.simulator.desk.Desk` is one."""

    @property
    def now(self) -> float:
        """The virtual instant, Unix seconds."""

    @property
    def started_at(self) -> float:
        """When Asterisk started, Unix seconds."""

    def queue_status(
        self, action_id: str | None = None, queue: str | None = None, member: str | None = None
    ) -> list[bytes]:
        """Answer QueueStatus."""

    def queue_summary(self, action_id: str | None = None, queue: str | None = None) -> list[bytes]:
        """Answer QueueSummary."""

    def channels(self, action_id: str | None = None) -> list[bytes]:
        """Answer CoreShowChannels."""

    def core_status(self, action_id: str | None = None) -> bytes:
        """Answer CoreStatus."""


class Request:
    """One action as it came: headers in order, names compared without case."""

    __slots__ = ("_headers",)

    def __init__(self, lines: list[str]) -> None:
        """Take the lines of a message; a line without a colon is ignored."""
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        self._headers = [(name.strip().lower(), value.strip()) for name, value in pairs]

    def __getitem__(self, name: str) -> str:
        """Return the first value of a header that has one, else an empty text."""
        wanted = name.lower()
        return next((value for key, value in self._headers if key == wanted and value), "")

    @property
    def id_line(self) -> str:
        """The line that gives the ActionID back, or nothing."""
        action_id = self["ActionID"]
        return f"ActionID: {action_id}\r\n" if action_id else ""


class Session:
    """One client's conversation.

    `feed` takes what came and returns what to send. After it, `closed` says that the client is to be let go once that
    is sent, and `refused` that this should be done with the pause of a failed login.
    """

    def __init__(self, account: Account, desk: Answerer, challenge: str) -> None:
        """Begin a session before its login; `challenge` is what MD5 authentication will be offered."""
        self.account = account
        self.authenticated = False
        self.closed = False
        self.refused = False
        self._desk = desk
        self._challenge = challenge
        self._challenged = False
        self._mask = ALL_CLASSES
        self._includes: list[re.Pattern[bytes]] = []
        self._excludes: list[re.Pattern[bytes]] = []
        self._pending = b""
        self._lines: list[str] = []
        self._line_too_long = False
        self._too_many_lines = False

    # Input

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the client, in any pieces, and return what they are to be answered."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LONGEST_LINE:
            self._line_too_long = True
            # The last byte may be the first half of a line end.
            self._pending = self._pending[-1:]
        answers = []
        for line in lines:
            if self.closed:
                break
            answers.append(self._take_line(line.removesuffix(b"\r")))
        return b"".join(answers)

    def _take_line(self, line: bytes) -> bytes:
        if not line:
            return self._take_message()
        if len(line) > LONGEST_LINE:
            self._line_too_long = True
        elif len(self._lines) < MOST_HEADERS:
            # A zero byte ends the line for Asterisk, which keeps it as a C string.
            self._lines.append(line.split(b"\0", 1)[0].decode(errors="surrogateescape"))
        else:
            self._too_many_lines = True
        return b""

    def _take_message(self) -> bytes:
        request = Request(self._lines)
        too_many, too_long = self._too_many_lines, self._line_too_long
        self._lines, self._too_many_lines, self._line_too_long = [], False, False
        if too_many:
            return _error(request, "Too many lines in message or allocation failure")
        if too_long:
            return _error(request, "Failed to parse message: line too long")
        return self._act(request)

    # Actions

    def _act(self, request: Request) -> bytes:
        name = request["Action"]
        action = name.lower()
        if not name:
            return _error(request, "Missing action in request")
        if not self.authenticated and action not in {"login", "challenge", "logoff"}:
            return _error(request, "Permission denied")
        known = self._actions.get(action)
        if known is None:
            hint = "Use Action: ListCommands to show available commands."
            return _error(request, f"Invalid/unknown command: {name}. {hint}")
        handler, classes, _ = known
        if classes and not classes & self.account.write:
            return _error(request, "Permission denied")
        return handler(self, request)

    def _login(self, request: Request) -> bytes:
        if self.authenticated:
            return _success(request, "Message: Already authenticated\r\n")
        if not self._may_enter(request):
            self.closed = self.refused = True
            return _error(request, "Authentication failed")
        self.authenticated = True
        self._set_mask(request["Events"])
        accepted = _success(request, "Message: Authentication accepted\r\n")
        if "system" not in self._mask & self.account.read:
            return accepted
        # Said by the login itself: no Timestamp, and no filter touches it.
        up = int(self._desk.now - self._desk.started_at)
        booted = f"Uptime: {up}\r\nLastReload: {up}\r\nStatus: Fully Booted\r\n"
        return accepted + f"Event: FullyBooted\r\nPrivilege: system,all\r\n{booted}\r\n".encode()

    def _may_enter(self, request: Request) -> bool:
        if request["Username"] != self.account.username:
            return False
        if request["AuthType"].lower() != "md5":
            return _same(request["Secret"], self.account.secret)
        if not self._challenged:
            return False
        # What the protocol prescribes; nothing is protected by it here.
        digest = hashlib.md5(f"{self._challenge}{self.account.secret}".encode(), usedforsecurity=False)
        return _same(request["Key"], digest.hexdigest())

    def _offer_challenge(self, request: Request) -> bytes:
        if request["AuthType"].lower() != "md5":
            return _error(request, "Must specify AuthType")
        self._challenged = True
        return _success(request, f"Challenge: {self._challenge}\r\n")

    def _logoff(self, request: Request) -> bytes:
        self.closed = True
        return _encode(f"Response: Goodbye\r\n{request.id_line}Message: Thanks for all the fish.\r\n\r\n")

    def _ping(self, request: Request) -> bytes:
        return _success(request, f"Ping: Pong\r\nTimestamp: {self._desk.now:.6f}\r\n")

    def _events(self, request: Request) -> bytes:
        if not self._set_mask(request["EventMask"]):
            return _error(request, "Invalid event mask")
        return _success(request, f"Events: {'On' if self._mask else 'Off'}\r\n")

    def _set_mask(self, mask: str) -> bool:
        words = {word.strip() for word in mask.lower().split(",")} - {""}
        if not words or words <= {"on", "yes", "true", "all", "1"}:
            self._mask = ALL_CLASSES
        elif words <= {"off", "no", "false", "none", "0"}:
            self._mask = frozenset()
        elif words & ALL_CLASSES:
            self._mask = ALL_CLASSES & words
        else:
            return False
        return True

    def _filter(self, request: Request) -> bytes:
        if request["Operation"].lower() != "add":
            return _error(request, "Unknown operation")
        text = request["Filter"]
        exclude = text.startswith("!")
        try:
            # No flag of newlines is set in Asterisk: a dot matches them too, and ^ only the start of the event.
            pattern = re.compile(text.removeprefix("!").encode(errors="surrogateescape"), re.DOTALL)
        except re.error:
            return _error(request, "Filter did not compile.  Check the syntax of the filter given.")
        (self._excludes if exclude else self._includes).append(pattern)
        return _success(request, "Message: Added new filter\r\n")

    def _queue_status(self, request: Request) -> bytes:
        queue, member = request["Queue"] or None, request["Member"] or None
        return b"".join(self._desk.queue_status(request["ActionID"], queue, member))

    def _queue_summary(self, request: Request) -> bytes:
        return b"".join(self._desk.queue_summary(request["ActionID"], request["Queue"] or None))

    def _core_show_channels(self, request: Request) -> bytes:
        return b"".join(self._desk.channels(request["ActionID"]))

    def _core_status(self, request: Request) -> bytes:
        return self._desk.core_status(request["ActionID"])

    def _core_settings(self, request: Request) -> bytes:
        return core_settings(request["ActionID"])

    def _list_commands(self, request: Request) -> bytes:
        lines = [
            f"{name}: {name} (Priv: {','.join(sorted(classes)) or '<none>'})\r\n"
            for _, classes, name in self._actions.values()
            if not classes or classes & self.account.write
        ]
        return _success(request, "".join(lines))

    _actions: ClassVar[dict[str, tuple[Callable[[Session, Request], bytes], frozenset[str], str]]] = {
        name.lower(): (handler, classes, name)
        for name, handler, classes in (
            ("Challenge", _offer_challenge, ANYONE),
            ("CoreSettings", _core_settings, LISTS_CHANNELS),
            ("CoreShowChannels", _core_show_channels, LISTS_CHANNELS),
            ("CoreStatus", _core_status, LISTS_CHANNELS),
            ("Events", _events, ANYONE),
            ("Filter", _filter, frozenset({"system"})),
            ("ListCommands", _list_commands, ANYONE),
            ("Login", _login, ANYONE),
            ("Logoff", _logoff, ANYONE),
            ("Ping", _ping, ANYONE),
            ("QueueStatus", _queue_status, ANYONE),
            ("QueueSummary", _queue_summary, ANYONE),
        )
    }

    # Output

    def wants(self, block: bytes) -> bool:
        """Whether this client is to get an event: logged in, class readable and unmasked, filters passed.

        With excluding filters alone everything else passes; an including filter lets only its matches through, and an
        excluding one has the last word.
        """
        if not self.authenticated or not self._mask:
            return False
        allowed = self._mask & self.account.read
        if len(allowed) < len(CLASSES):
            found = _PRIVILEGE.search(block)
            if found is None or found[1].decode() not in allowed:
                return False
        if self._includes and not any(pattern.search(block) for pattern in self._includes):
            return False
        return not any(pattern.search(block) for pattern in self._excludes)


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _same(given: str, right: str) -> bool:
    return compare_digest(_encode(given), _encode(right))


def _success(request: Request, body: str) -> bytes:
    return _encode(f"Response: Success\r\n{request.id_line}{body}\r\n")


def _error(request: Request, message: str) -> bytes:
    return _encode(f"Response: Error\r\n{request.id_line}Message: {message}\r\n\r\n")
