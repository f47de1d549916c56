"""Phones: what they do with a call, and what each of them really did, to the microsecond."""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .callers import Call
from .sipp import Sipp, SippError, until

BUSY = 486
DECLINED = 603
NOT_THERE = 480
_KEY = 0.12  # seconds between two keys
_PACKETS = 12


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a phone treats a call. All times are in seconds."""

    ring: float | None = 1.5
    """Rings this long before it answers (or refuses); None rings until the caller's side gives up."""
    refuse: int | None = None
    """Answers with this SIP status (BUSY, DECLINED or NOT_THERE) instead; with ring=0 it does not even ring."""
    forward: str | None = None
    """Sends the caller on to this number instead (302), rung or, with ring=0, at once."""
    silent: bool = False
    """Says nothing at all, like a phone behind a dead cable."""
    hold_after: float | None = None
    """Puts the caller on hold this long after the answer."""
    hold_for: float = 2.0
    """The length of that hold."""
    hold_again: float | None = None
    """Holds once more, as long, this long after the end of the first hold."""
    speaks: bool = False
    """Sends a moment of sound after the answer: Asterisk takes a Local channel out only when sound comes through it."""
    hangup_after: float | None = None
    """Hangs up this long after the answer (or, if that is later, when the hold ends)."""


@dataclass
class Hold:
    """A time the phone held its caller; still on when `end` is None."""

    start: float
    end: float | None = None


@dataclass(eq=False)
class PhoneCall:
    """One call as the phone saw it; times are epoch seconds, None until it happens."""

    number: str
    caller: str
    call_id: str
    manner: Manner
    offered: float
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None
    sound: int = 0
    """Asterisk's RTP port for it."""
    end: Literal["cancelled", "refused", "forwarded", "asterisk", "phone", "lost"] | None = None
    """Who said BYE; or: a CANCEL of Asterisk's before an answer, the phone's refusal, an Asterisk that was killed."""
    holds: list[Hold] = field(default_factory=list)
    refusals: int = 0
    """How often Asterisk refused a hold, or the end of one: it was about to change the sound itself."""
    pressed: list[str] = field(default_factory=list)
    """Keys that Asterisk took; ``refused`` where it did not."""
    referred: Literal["accepted", "refused"] | None = None
    """What Asterisk said to the last wish to be transferred."""
    plan: asyncio.Task[None] | None = field(default=None, repr=False)
    """What goes through the phone's manner; ends with the call, or when a test presses a button itself."""

    @property
    def held(self) -> bool:
        """Whether the phone holds its caller now."""
        return bool(self.holds) and self.holds[-1].end is None


class Phone:
    """One phone: how it behaves from now on, and the calls it had.

    A button a test presses itself (answer, hold, resume, hangup) ends the phone's own plans for that call.
    """

    def __init__(self, number: str, manner: Manner, sipp: Sipp) -> None:
        """Plug it in; use `Desk.phone`."""
        self.number = number
        self.manner = manner
        self.calls: list[PhoneCall] = []
        self._sipp = sipp

    @property
    def current(self) -> PhoneCall:
        """The newest call that has not ended."""
        for call in reversed(self.calls):
            if call.ended is None:
                return call
        raise SippError(f"phone {self.number} has no call")

    async def rings(self, *, within: float = 30.0) -> PhoneCall:
        """Wait until it has a call that rings."""
        return await self._has("a ringing call", lambda call: bool(call.ringing) and call.answered is None, within)

    async def talks(self, *, within: float = 30.0) -> PhoneCall:
        """Wait until it has an answered call."""
        return await self._has("an answered call", lambda call: call.answered is not None, within)

    async def answer(self) -> PhoneCall:
        """Pick up the call that rings."""
        call = _by_hand(await self.rings())
        self._sipp.tell(call.call_id, "ANSWER")
        await self._moment(call, "answered")
        return call

    async def hold(self, call: PhoneCall | None = None) -> None:
        """Press hold."""
        await self._media(_by_hand(call or self.current), "sendonly")

    async def resume(self, call: PhoneCall | None = None) -> None:
        """End the hold."""
        await self._media(_by_hand(call or self.current), "sendrecv")

    async def refer(self, number: str, call: PhoneCall | None = None, *, into: Call | None = None) -> None:
        """Hand the other party on to a number: a transfer by the phone itself, not by Asterisk. Returns at once.

        `into`: an answered call of this phone's to that number, in which the other party takes its place: attended.
        """
        call = _by_hand(call or self.current)
        target = self._address(number)
        if into is not None:
            if into.tags is None:
                raise SippError(f"{into} is not answered: nobody can take its place")
            target += f"?Replaces={into.call_id}%3Bto-tag%3D{into.tags[0]}%3Bfrom-tag%3D{into.tags[1]}"
        self._sipp.tell(call.call_id, "TRANSFER", X_To=f"<{target}>")

    def _address(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:{self._sipp.asterisk_port}"

    async def press(self, keys: str, call: PhoneCall | None = None) -> None:
        """Press keys one after the other; `call.pressed` has what Asterisk took."""
        call = _by_hand(call or self.current)
        for key in keys:
            before = len(call.pressed)
            self._sipp.tell(call.call_id, "DIGIT", X_Digit=key)
            taken = functools.partial(lambda count: len(call.pressed) > count or call.ended is not None, before)
            await self._until(call, taken, f"told that {key} was pressed")
            await asyncio.sleep(_KEY)

    async def hangup(self, call: PhoneCall | None = None) -> None:
        """Hang up the answered call, or refuse the one that rings."""
        call = _by_hand(call or self.current)
        if call.answered is None:
            self._refuse(call, DECLINED)
        else:
            self._sipp.tell(call.call_id, "HANGUP")
        await self._moment(call, "ended")

    async def behave(self, call: PhoneCall) -> None:
        """Go through a call in the phone's manner; cancelled when the call ends."""
        manner = call.manner
        if manner.silent:
            return
        rung = call.offered
        if manner.ring != 0 or (manner.refuse is None and manner.forward is None):
            self._sipp.tell(call.call_id, "RING")
            rung = await self._moment(call, "ringing")
        if manner.ring is None:
            return
        await _sleep_until(rung + manner.ring)
        if manner.refuse is not None:
            self._refuse(call, manner.refuse)
            return
        if manner.forward is not None:
            self._sipp.tell(call.call_id, "FORWARD", X_To=f"<{self._address(manner.forward)}>")
            return
        self._sipp.tell(call.call_id, "ANSWER")
        answered = await self._moment(call, "answered")
        if manner.speaks:
            await _speak(call.sound)
        if manner.hold_after is not None:
            await self._hold_for(call, answered + manner.hold_after)
            if manner.hold_again is not None:
                await self._hold_for(call, time.time() + manner.hold_again)
        if manner.hangup_after is not None:
            await _sleep_until(answered + manner.hangup_after)
            self._sipp.tell(call.call_id, "HANGUP")

    async def _hold_for(self, call: PhoneCall, at: float) -> None:
        await _sleep_until(at)
        await self._media(call, "sendonly")
        await asyncio.sleep(call.manner.hold_for)
        await self._media(call, "sendrecv")

    def _refuse(self, call: PhoneCall, status: int) -> None:
        self._sipp.tell(call.call_id, f"REFUSE{status}")

    async def _media(self, call: PhoneCall, direction: str) -> None:
        """Offer another direction of the sound: sendonly is a hold."""
        wanted, refusals = direction == "sendonly", call.refusals
        self._sipp.tell(call.call_id, "MEDIA", X_Direction=direction)
        await self._until(
            call,
            lambda: call.held is wanted or call.refusals > refusals or call.ended is not None,
            f"{direction} accepted or refused",
        )

    async def _moment(self, call: PhoneCall, name: Literal["ringing", "answered", "ended"]) -> float:
        """Wait until SIPp tells that this has happened, and when."""
        await self._until(call, lambda: getattr(call, name) is not None or call.ended is not None, name)
        at: float | None = getattr(call, name)
        if at is None:
            raise SippError(f"phone {call.number} waited to be {name}, but the call ended: {call}")
        return at

    async def _until(self, call: PhoneCall, predicate: Callable[[], bool], what: str) -> None:
        try:
            await until(predicate, within=10, what=f"a call of phone {call.number} to be {what}", step=0.005)
        except TimeoutError as error:
            raise SippError(f"{error}; it is {call}; SIPp: {self._sipp.errors()}") from None

    async def _has(self, what: str, which: Callable[[PhoneCall], bool], within: float) -> PhoneCall:
        def found() -> list[PhoneCall]:
            return [call for call in self.calls if call.ended is None and which(call)]

        return (await until(found, within=within, what=f"phone {self.number} to have {what}"))[-1]


def _by_hand(call: PhoneCall) -> PhoneCall:
    if call.plan is not None:
        call.plan.cancel()
    return call


async def _speak(port: int) -> None:
    """Send a quarter of a second of silence as PCMU."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(_PACKETS):
            header = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 0x52494E47)
            sender.sendto(header + b"\xff" * 160, ("127.0.0.1", port))
            await asyncio.sleep(0.02)


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))


class Phones:
    """All phones of a desk behind one SIPp; a number that was never plugged in answers 480."""

    def __init__(self, sipp: Sipp, ledger: list[PhoneCall], answered: Callable[[str, float], None]) -> None:
        """Prepare; every call goes into the ledger, `answered` hears the caller's number and time of each answer."""
        self._sipp = sipp
        self._ledger = ledger
        self._answered = answered
        self._phones: dict[str, Phone] = {}
        self._open: dict[str, PhoneCall] = {}
        self._failures: list[BaseException] = []

    def plug_in(self, number: str, manner: Manner) -> Phone:
        """Give a number a phone, or its phone another manner, which holds for the calls to come."""
        phone = self._phones.get(number)
        if phone is None:
            phone = self._phones[number] = Phone(number, manner, self._sipp)
        phone.manner = manner
        return phone

    def __getitem__(self, number: str) -> Phone:
        """Return the phone of a number."""
        return self._phones[number]

    def hear(self, call_id: str, event: str, at: float, rest: list[str]) -> None:
        """Take one log line of SIPp's."""
        if event == "offered":
            self._offered(call_id, at, *rest)
            return
        call = self._open.get(call_id)
        if call is None:
            return  # of a call that was lost
        match event:
            case "ringing":
                call.ringing = at
            case "answered":
                call.answered = at
                self._answered(call.caller, at)
            case "media":
                self._media(call, at, rest[0])
            case "pressed":
                call.pressed.append(rest[0])
            case "referred":
                call.referred = "accepted" if rest[0] == "accepted" else "refused"
            case "ended":
                self._ended(call, at, rest[0])
            case _:
                raise AssertionError(event)

    def _offered(self, call_id: str, at: float, number: str, sound: str, caller: str = "") -> None:
        phone = self._phones.get(number) or Phone(number, Manner(ring=0, refuse=NOT_THERE), self._sipp)
        call = PhoneCall(number, caller, call_id, phone.manner, at, sound=int(sound))
        phone.calls.append(call)
        self._ledger.append(call)
        self._open[call_id] = call
        call.plan = asyncio.create_task(phone.behave(call))
        call.plan.add_done_callback(self._behaved)

    def _behaved(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    def _media(self, call: PhoneCall, at: float, direction: str) -> None:
        if direction == "sendonly" and not call.held:  # a button pressed twice changes nothing
            call.holds.append(Hold(at))
        elif direction == "sendrecv" and call.held:
            call.holds[-1].end = at
        elif direction == "refused":
            call.refusals += 1

    def _ended(self, call: PhoneCall, at: float, how: str) -> None:
        if call.held:
            call.holds[-1].end = at
        call.ended = at
        match how:
            case "cancelled" | "refused" | "forwarded" | "asterisk" | "phone" | "lost":
                call.end = how
            case _:
                raise AssertionError(how)
        _by_hand(self._open.pop(call.call_id))

    def lose(self) -> None:
        """Asterisk was killed: nobody will tell these calls that they are over."""
        for call in list(self._open.values()):
            self._ended(call, time.time(), "lost")

    async def close(self) -> None:
        """Stop behaving; SIPp is closed by the desk."""
        plans = [call.plan for call in map(_by_hand, self._open.values()) if call.plan is not None]
        await asyncio.gather(*plans, return_exceptions=True)
        self.check()

    def check(self) -> None:
        """Raise what kept a phone from behaving."""
        if self._failures:
            raise self._failures[0]
