"""Makes a recording safe to pass on: telephone numbers and people's names become pseudonyms.

Rules:

* One recording, one key: the same number is the same pseudonym everywhere in it, and nowhere else.
* Numbers keep their length; runs of fewer than six digits (extensions, queue positions) stay. What are two ways of
  writing one number (`ringwatch.core.numbers`) still are.
* Names of callers and members are replaced, and so is a caller's number that is none (a SIP user's name). Free text
  (variables, user events, arguments of applications that no rule reads) could hold anything, so it is replaced as a
  whole.
* What identifies a channel or tells the time stays, else the recording would be of no use.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from ringwatch.ami.framing import BANNER
from ringwatch.core.numbers import SIGNIFICANT

_NUMBER = re.compile(rb"(?<![0-9A-Za-z.\-])[0-9]{6,}(?![0-9.])")
_NAME = re.compile(rb"(?:CallerIDName|ConnectedLineName|MemberName|Name|CallerName|ConnectedName)$")
_IDENTITY = re.compile(
    rb"(?:Uniqueid|Linkedid|Timestamp|Arrival|ActionID|Event|Response|LastCall|LastPause|LoginTime|Cause|Privilege"
    rb"|Queue|BridgeName|State|StateDesc)$",
    re.IGNORECASE,
)
# Of a number header, what is no number one could dial: a SIP user's name, or digits with hyphens between them.
_WORD = re.compile(rb".*[^0-9+*#]", re.DOTALL)
_FREE_TEXT = re.compile(
    rb"(?:ChanVariable|AccountCode|UserField|Value|AppData|ApplicationData|CallingPres|Extra|CallID)$"
)
# Variables and applications whose text the rules read, and that say nothing of a person.
_READ_TEXT = frozenset({b"Value", b"AppData"})
_READ_VARIABLES = frozenset({b"QUEUESTATUS", b"DIALSTATUS", b"ABANDONED"})
_READ_APPLICATIONS = frozenset({b"Queue"})
_UNKNOWN = frozenset({b"", b"<unknown>", b"unknown"})


class Pseudonyms:
    """Disguises blocks, one after the other.

    :param key: secret of this recording; a new one when not given.
    """

    def __init__(self, key: bytes | None = None) -> None:
        """Start a recording."""
        self._key = key or secrets.token_bytes(32)

    def disguise(self, block: bytes) -> bytes:
        """Return the block with every number and name replaced."""
        lines = block.split(b"\r\n")
        if lines[0] == b"Event: UserEvent":
            return lines[0]
        values = dict(line.split(b": ", 1) for line in lines if b": " in line)
        plain = values.get(b"Variable") in _READ_VARIABLES or values.get(b"Application") in _READ_APPLICATIONS
        return b"\r\n".join(self._line(line, plain_text=plain) for line in lines)

    def _line(self, line: bytes, *, plain_text: bool) -> bytes:
        name, colon, value = line.partition(b": ")
        if not colon:
            return line if line.startswith(BANNER) else b"Text " + self._digest(line)[:8]
        # OriginateResponse names the variable's channel here: ChanVariable(PJSIP/0201234567-00000001).
        kind, bracket, channel = name.partition(b"(")
        if bracket:
            name = kind + bracket + _NUMBER.sub(self._number, channel)
        if value in _UNKNOWN or _IDENTITY.search(kind) or (plain_text and kind in _READ_TEXT):
            return name + colon + value
        if _NAME.search(kind) or (kind.endswith(b"Num") and _WORD.match(value)):
            return name + colon + b"Name " + self._digest(value)[:8]
        if _FREE_TEXT.search(kind):
            return name + colon + b"Text " + self._digest(value)[:8]
        return name + colon + _NUMBER.sub(self._number, value)

    def _number(self, match: re.Match[bytes]) -> bytes:
        digits, last = match[0], match[0][-SIGNIFICANT:]
        return (self._digits(digits) + self._digits(last))[-len(digits) :]

    def _digits(self, number: bytes) -> bytes:
        return b"%0*d" % (len(number), int(self._digest(number), 16) % 10 ** len(number))

    def _digest(self, value: bytes) -> bytes:
        return hmac.new(self._key, value, hashlib.sha256).hexdigest().encode()
