"""What everything that is reached over a network shares, be it a source or a sink: pauses between attempts, and TLS."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable

from ringwatch.config import TlsConfig
from ringwatch.errors import TlsFailed

# A connection that lasted this long was a good one: the next failure starts from the shortest pause again.
GOOD_AFTER_SECONDS = 60.0


class Backoff:
    """Exponential pauses with full jitter above the shortest, so that many daemons do not return at once.

    :param shortest: least pause in seconds.
    :param longest: bound of every pause in seconds.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(self, shortest: float, longest: float, jitter: Callable[[], float] = random.random) -> None:
        """Start with the shortest pause."""
        self._shortest = shortest
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def lasted(self, seconds: float) -> None:
        """Forget earlier failures when the connection that just ended was a good one."""
        if seconds >= GOOD_AFTER_SECONDS:
            self._failures = 0

    def pause(self) -> float:
        """Return the next pause in seconds."""
        # 2^32 times the shortest is beyond any bound; a float would overflow after a month of failures.
        bound = min(self._longest, self._shortest * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return self._shortest + self._jitter() * (bound - self._shortest)


def tls_context(tls: TlsConfig) -> ssl.SSLContext:
    """Build the context of a connection; ``ca_file`` is the only authority trusted, without it the system's are.

    :raises TlsFailed: a file is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            # Without a password, OpenSSL would ask for one on the terminal, and everything would wait.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except OSError as error:
        message = f"the TLS files cannot be used: {error}"
        remedy = "give PEM files: key_file without a passphrase, and the one that belongs to cert_file"
        raise TlsFailed(message, remedy=remedy) from error
    return context
