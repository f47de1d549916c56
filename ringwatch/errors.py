"""What ringwatch raises on purpose: one tree, one line each, and what to do about it.

::

    RingwatchError                 1   anything said to the user in one line instead of a traceback
    ├── ConfigError                2   the configuration cannot be used; carries every fault found in it
    ├── CaptureError               1   a recorded stream cannot be read
    │   └── CaptureWithoutTime     1   ... because its events carry no Timestamp header
    ├── QueueLogError              1   a queue_log, or what it is held against, cannot be read
    ├── NotDelivered               1   a web server or a broker did not take what it was sent
    └── SourceError                1   a live stream could not be opened, or broke off
        ├── ConnectFailed          1   nothing answered at that address
        ├── TlsFailed              1   the handshake failed; fatal
        ├── NotAmi                 1   something answered, and it is not Asterisk's manager interface; fatal
        ├── LoginRefused           1   Asterisk refused the account; fatal, unless the caller knows it to pass
        ├── ConnectionLost         1   the stream ended
        └── ConnectionSilent       1   the stream stopped without ending

The number is the exit status of the command line: 1 found something wrong, 2 used wrongly. A unit may say
``RestartPreventExitStatus=2``: starting again with the same configuration changes nothing. ``ringwatch check``, whose
very question is whether the configuration is right, answers 1 for a fault it finds.

Rules: a message is one printable line, whatever the other end sent; it never holds a secret; the remedy, where there is
one, is an instruction. Nothing here imports anything of ringwatch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

FOUND_SOMETHING_WRONG = 1
USED_WRONGLY = 2


def one_line(text: str) -> str:
    r"""Return *text* with everything unprintable escaped (``\n``, ``\x1b``): safe in a log and on a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class RingwatchError(Exception):
    """Something to say to the user in one line: *message*, and what to do about it, *remedy*."""

    exit_status: ClassVar[int] = FOUND_SOMETHING_WRONG
    usual_remedy: ClassVar[str | None] = None

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        """Keep *message* in one line; *remedy* is the class's usual one unless given."""
        self.message = one_line(message)
        self.remedy = self.usual_remedy if remedy is None else one_line(remedy)
        super().__init__(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFault:
    """One thing wrong in a configuration, and where; ``str()`` puts it in one line."""

    file: str
    problem: str
    remedy: str | None = None
    line: int | None = None
    """Counted from 1; None where the fault is of the whole file."""
    column: int | None = None
    """Counted from 1; known for syntax errors only."""
    key: str | None = None
    """The path of the key, as in ``pbx[0].port``."""
    value: str | None = None
    """The offending value as TOML would write it; None where there is none, or where it may be a secret."""

    def __str__(self) -> str:
        """Return ``file:line: key = value: problem; remedy``, without the parts that are not known."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        about = self.key if self.value is None else f"{self.key} = {self.value}"
        what = self.problem if self.remedy is None else f"{self.problem}; {self.remedy}"
        return one_line(": ".join(part for part in (place, about, what) if part is not None))


class ConfigError(RingwatchError):
    """The configuration cannot be used. *faults* holds everything wrong with it, in the order of the file."""

    exit_status = USED_WRONGLY

    def __init__(self, faults: Iterable[ConfigFault]) -> None:
        """Make the message of the first fault and the number of further ones; raises ValueError for no fault at all."""
        self.faults = tuple(faults)
        if not self.faults:
            msg = "a ConfigError needs at least one fault"
            raise ValueError(msg)
        first, more = self.faults[0], len(self.faults) - 1
        super().__init__(str(first) if not more else f"{first} (and {more} more)")


class CaptureError(RingwatchError):
    """A recorded stream cannot be read: not a capture, cut off in its compression, or unreadable."""


class CaptureWithoutTime(CaptureError):
    """A recorded stream says nothing of when things happened, so no wait and no ring can be measured from it."""

    usual_remedy = "set timestampevents = yes in manager.conf's [general], reload, and record again"


class QueueLogError(RingwatchError):
    """A queue_log, or what it is held against (facts, CDR), cannot be read, or is none."""


class NotDelivered(RingwatchError):
    """A web server or a broker did not take what it was sent: it *refused*, or was away, or gave no answer in time."""

    def __init__(self, message: str, *, remedy: str | None = None, refused: bool = False) -> None:
        """As RingwatchError; *refused* says that the server answered, and that the answer was no."""
        super().__init__(message, remedy=remedy)
        self.refused = refused


class SourceError(RingwatchError):
    """A live stream could not be opened, or broke off. It is opened again after a pause.

    *fatal* says that the next attempt fails in the same way until somebody changes something: worth an alert at once,
    and the end of a command that makes one attempt. It does not end the daemon, for that somebody may be at it.
    """

    usually_fatal: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str | None = None, fatal: bool | None = None) -> None:
        """As RingwatchError; *fatal* is the class's usual answer unless given."""
        super().__init__(message, remedy=remedy)
        self.fatal = self.usually_fatal if fatal is None else fatal


class ConnectFailed(SourceError):
    """Nothing answered: refused, unreachable, unknown name, or no answer within ``connect_timeout``."""

    usual_remedy = "see that manager.conf has enabled = yes, and that host and port are its bindaddr and port"


class TlsFailed(SourceError):
    """The TLS handshake failed: not a TLS port, an unknown issuer, another name, an expired certificate."""

    usually_fatal = True
    usual_remedy = (
        "see that the port is that of tlsbindaddr in manager.conf, and that ca_file and server_name fit its certificate"
    )


class NotAmi(SourceError):
    """Something answered, but not with the banner of Asterisk's manager interface."""

    usually_fatal = True
    usual_remedy = "see that host and port are those of manager.conf (5038, or 5039 with TLS), not of SIP or HTTP"


class LoginRefused(SourceError):
    """Asterisk refused the account: unknown, wrong secret, or an address its permit lines do not name.

    Asterisk gives one answer for the three, on purpose; its own log tells them apart. Not *fatal* when the account is
    merely in use (``allowmultiplelogin = no``), as by the connection before this one.
    """

    usually_fatal = True
    usual_remedy = (
        "compare username and secret with the account in manager.conf, and its permit with this host's address"
    )


class ConnectionLost(SourceError):
    """The stream ended: Asterisk stopped, restarted, or cut off a slow reader (``writetimeout``)."""


class ConnectionSilent(SourceError):
    """The stream stopped without ending: nothing for ``read_timeout``, not even the answer to a ping."""
