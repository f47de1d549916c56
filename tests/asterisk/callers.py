"""Callers: when each of them dials, talks and hangs up, and what it saw of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from dataclasses import dataclass, field
from typing import Literal

from .sipp import Sipp, SippError, until

_NUMBERS = itertools.count(1)


@dataclass(kw_only=True, eq=False)
class Call:
    """One call as the caller saw it; times are epoch seconds, None until it happens."""

    extension: str
    caller: str
    endpoint: str
    talk: float | None
    patience: float | None
    dialled: float | None = None
    progress: list[tuple[float, int]] = field(default_factory=list)
    """Provisional answers: 100, 180, 181 (forwarded), 183."""
    answered: float | None = None
    """Asterisk's 200 OK: for a queue behind Answer() that is long before an agent picks up."""
    phone_answered: float | None = None
    """When a phone first picked up a call of this number."""
    ended: float | None = None
    end: Literal["cancelled", "refused", "asterisk", "caller", "lost"] | None = None
    """Who said BYE; or: a CANCEL of the caller's before an answer, a refusal, an Asterisk killed in the middle."""
    status: int | None = None
    """The SIP status of a refusal."""
    sipp: Sipp = field(repr=False)
    call_id: str = field(default_factory=lambda: f"call{next(_NUMBERS)}-{os.getpid()}")
    tags: tuple[str, str] | None = None
    """Asterisk's and our own tag of the SIP dialog, once it is answered."""
    _timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    _hangup: Literal["no", "wanted", "done"] = field(default="no", repr=False)

    @property
    def connected(self) -> float | None:
        """Since when both sides are answered: the caller talks with a person."""
        if self.answered is None or self.phone_answered is None:
            return None
        return max(self.answered, self.phone_answered)

    def hangup(self) -> None:
        """Hang up now: CANCEL before Asterisk's answer, BYE after it. Returns at once; see `done`."""
        if self.ended is not None or self._hangup == "done":
            return
        self._hangup = "wanted"
        if self.progress or self.answered is not None:  # a CANCEL may not overtake the first answer to the INVITE
            self._hangup = "done"
            self.sipp.tell(self.call_id, "HANGUP")

    async def done(self, *, within: float = 90.0) -> None:
        """Wait for the end of the call."""
        await self._until("ended", within)

    async def talking(self, *, within: float = 60.0) -> None:
        """Wait until the caller talks with a person; an error if the call ends before."""
        await self._until("connected", within)

    async def picked_up(self, *, within: float = 30.0) -> None:
        """Wait until Asterisk has answered; an error if the call ends before."""
        await self._until("answered", within)

    async def _until(self, what: str, within: float) -> None:
        name = f"the call of {self.caller} to {self.extension} to be {what}"
        try:
            await until(lambda: self.ended is not None or getattr(self, what) is not None, within=within, what=name)
        except TimeoutError as error:
            raise SippError(f"{error}; it is {self}; SIPp: {self.sipp.errors()}") from None
        if getattr(self, what) is None:
            raise SippError(f"waited for {name}, but it ended: {self}")

    def hear(self, event: str, at: float, rest: list[str]) -> None:
        """Take one log line of SIPp's."""
        match event:
            case "dialled":
                self.dialled = at
                if self.patience is not None:
                    self._in(self.patience)
            case "progress":
                self.progress.append((at, int(rest[0])))
                if self._hangup == "wanted":
                    self.hangup()
            case "answered":
                self.answered = at
                self.tags = (rest[0], rest[1])
                self._connect()
            case "ended":
                self._in(None)
                self.ended = at
                match rest[0]:
                    case "cancelled" | "refused" | "asterisk" | "caller" | "lost":
                        self.end = rest[0]
                    case _:
                        raise AssertionError(rest)
                self.status = int(rest[1]) if rest[1:] else None
            case _:
                raise AssertionError(event)

    def phone_picked_up(self, at: float) -> None:
        """Hear that a phone answered this number."""
        self.phone_answered = at
        self._in(None)  # patience is for the waiting
        self._connect()

    def forget(self) -> None:
        """Never hang up by itself any more."""
        self.talk = self.patience = None
        self._in(None)

    def _connect(self) -> None:
        if self.connected is not None:
            self._in(self.talk)

    def _in(self, seconds: float | None) -> None:
        """Hang up in so many seconds, or not by itself."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self.hangup)


class Callers:
    """All callers of a desk behind one SIPp."""

    def __init__(self, ledger: list[Call]) -> None:
        """Prepare; every call goes into the ledger."""
        self._ledger = ledger
        self._by_id: dict[str, Call] = {}

    def dial(self, call: Call, name: str) -> None:
        """Place a call under a name."""
        self._by_id[call.call_id] = call
        self._ledger.append(call)
        identity = f'"{name}" <sip:{call.caller}@127.0.0.1>'
        headers = {"X_Extension": call.extension, "X_Endpoint": call.endpoint, "X_Identity": identity}
        call.sipp.tell(call.call_id, "DIAL", **headers)

    def hear(self, call_id: str, event: str, at: float, rest: list[str]) -> None:
        """Take one log line of SIPp's."""
        call = self._by_id[call_id]
        if call.ended is None:
            call.hear(event, at, rest)

    def open(self) -> list[Call]:
        """Return the calls under way."""
        return [call for call in self._by_id.values() if call.ended is None]

    def lose(self) -> None:
        """Asterisk was killed: nobody will tell these calls that they are over."""
        for call in self.open():
            call.hear("ended", time.time(), ["lost"])

    def phone_picked_up(self, caller: str, at: float) -> None:
        """Couple a phone's answer to the call it was for: the oldest of that number that still waits for a person."""
        for call in self.open():
            if call.caller == caller and call.phone_answered is None:
                call.phone_picked_up(at)
                return

    def close(self) -> None:
        """Forget all timers."""
        for call in self._by_id.values():
            call.forget()
