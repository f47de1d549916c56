"""The desk: an Asterisk, its phones and its callers, and a ledger of everything that was done to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from .ami import Manager
from .callers import Call, Callers
from .lab import Asterisk
from .phones import Manner, Phone, PhoneCall, Phones
from .records import Cdr, Cel, QueueLine, read_cdr, read_cel, read_queue_log
from .sipp import Sipp, until

T = TypeVar("T")

# How a caller reaches each queue; the others in extensions.conf are for special cases.
QUEUES = {
    "support": "1000",
    "sales": "2000",
    "billing": "4001",
    "care": "6000",
    "tech": "7000",
    "vip": "7500",
    "empty": "7900",
    "front": "8000",
    "night": "8100",
}
_QUIET = 0.2  # seconds Asterisk's records must not have grown before they count as complete


@dataclass(frozen=True)
class MannerSet:
    """A phone was plugged in, or told to behave otherwise."""

    at: float
    number: str
    manner: Manner


@dataclass(frozen=True)
class ActionDone:
    """An AMI action of the witness, with Asterisk's response."""

    at: float
    action: str
    headers: dict[str, str | Sequence[str]]
    response: dict[str, str]


@dataclass(frozen=True)
class PhoneDeed:
    """A phone was told to hand its other party on to a number, by REFER or by pressing keys."""

    at: float
    call: PhoneCall
    to: str
    keys: bool = False
    attended: bool = False


@dataclass
class Ledger:
    """What was done, by the hands that did it: to be compared with what anybody says about it later."""

    calls: list[Call] = field(default_factory=list)
    phone_calls: list[PhoneCall] = field(default_factory=list)
    manners: list[MannerSet] = field(default_factory=list)
    actions: list[ActionDone] = field(default_factory=list)
    phone_deeds: list[PhoneDeed] = field(default_factory=list)


class Desk:
    """A whole call desk. Everything that takes a version runs alike on Asterisk 22 and 16."""

    def __init__(self, asterisk: Asterisk) -> None:
        """Put the parts together; use `Desk.open`."""
        ports = asterisk.ports
        self.asterisk = asterisk
        self.ledger = Ledger()
        phones = (ports.phones, ports.phones_control, ports.phones_media)
        callers = (ports.callers, ports.callers_control, ports.callers_media)
        self._phone_sipp = Sipp("phone", phones, ports.sip, asterisk.folder / "sip")
        self._caller_sipp = Sipp("caller", callers, ports.sip, asterisk.folder / "sip")
        self._callers = Callers(self.ledger.calls)
        self._phones = Phones(self._phone_sipp, self.ledger.phone_calls, self._callers.phone_picked_up)
        self._manager: Manager | None = None
        self._next_caller = 209000000
        asterisk.on_kill += [self._callers.lose, self._phones.lose]

    @classmethod
    @asynccontextmanager
    async def open(cls, version: str, *, channelvars: Sequence[str] = ()) -> AsyncIterator[Desk]:
        """Run a desk on Asterisk "22" or "16"; at the end nothing of it is left."""
        async with AsyncExitStack() as stack:
            asterisk = await stack.enter_async_context(Asterisk(version, channelvars=channelvars))
            desk = cls(asterisk)
            stack.push_async_callback(desk._close)
            await desk._phone_sipp.start(desk._phones.hear)
            await desk._caller_sipp.start(desk._callers.hear)
            yield desk

    async def _close(self) -> None:
        self._callers.close()
        await self._phones.close()
        if self._manager is not None:
            await self._manager.close()
        await self._phone_sipp.close()
        await self._caller_sipp.close()

    # ------------------------------------------------------------------------------------------------ phones

    def phone(
        self,
        number: str,
        *,
        ring: float | None = 1.5,
        refuse: int | None = None,
        forward: str | None = None,
        silent: bool = False,
        hold_after: float | None = None,
        hold_for: float = 2.0,
        hangup_after: float | None = None,
    ) -> Phone:
        """Plug a phone in, or change how it treats the calls to come; see `Manner` for the words."""
        manner = Manner(
            ring=ring,
            refuse=refuse,
            forward=forward,
            silent=silent,
            hold_after=hold_after,
            hold_for=hold_for,
            hangup_after=hangup_after,
        )
        return self.phones({number: manner})[number]

    def phones(self, manners: Mapping[str, Manner]) -> dict[str, Phone]:
        """Plug in several phones."""
        self.ledger.manners += [MannerSet(time.time(), number, manner) for number, manner in manners.items()]
        return {number: self._phones.plug_in(number, manner) for number, manner in manners.items()}

    def phone_of(self, call: PhoneCall) -> Phone:
        """Return the phone that has a call."""
        return self._phones[call.number]

    # ------------------------------------------------------------------------------------------------ callers

    def dial(
        self,
        extension: str,
        *,
        caller: str | None = None,
        name: str | None = None,
        talk: float | None = None,
        patience: float | None = None,
        endpoint: str = "trunk",
    ) -> Call:
        """Place a call from outside (or, with `endpoint="101"`, from that agent's phone) and return at once.

        `talk`: hang up so many seconds after both sides are answered, that is: after Asterisk has answered the caller
        *and* a phone has picked up. It means the same whether or not the dialplan says Answer() before the queue.
        `patience`: hang up so many seconds after dialling if no phone has picked up: with CANCEL, or with BYE where the
        dialplan has answered. With neither the caller stays until Asterisk ends the call, or `Call.hangup`.
        `name`: the caller's name on the telephone network; surrogates become bytes that are not UTF-8.
        """
        if endpoint != "trunk":
            caller = endpoint
        elif caller is None:
            self._next_caller += 1
            caller = f"0{self._next_caller}"
        call = Call(
            extension=extension,
            caller=caller,
            endpoint=endpoint,
            talk=talk,
            patience=patience,
            sipp=self._caller_sipp,
        )
        self._callers.dial(call, f"Cust {caller}" if name is None else name)
        return call

    def open_calls(self) -> list[Call]:
        """Return the callers' calls under way."""
        return self._callers.open()

    async def call(
        self,
        queue: str,
        *,
        caller: str | None = None,
        talk: float | None = None,
        patience: float | None = None,
        within: float = 90.0,
    ) -> Call:
        """Call a queue by its name and wait for the end of the call."""
        call = self.dial(QUEUES[queue], caller=caller, talk=talk, patience=patience)
        await call.done(within=within)
        return call

    # ------------------------------------------------------------------------------------------------ the witness

    async def ami(self, action: str, **headers: str | Sequence[str]) -> dict[str, str]:
        """Do something through the `admin` account and return the response; a refusal raises AmiError."""
        manager = await self._witness()
        at = time.time()
        response = await manager.action(action, headers)
        self.ledger.actions.append(ActionDone(at, action, headers, response))
        return response

    async def ami_list(self, action: str, **headers: str | Sequence[str]) -> list[dict[str, str]]:
        """Ask for a list (QueueStatus, ParkedCalls, ...) and return its items."""
        return await (await self._witness()).items(action, headers)

    async def channels(self) -> list[dict[str, str]]:
        """All channels that are up, as CoreShowChannels tells."""
        return await self.ami_list("CoreShowChannels")

    async def channel_of(self, who: Call | Phone) -> str:
        """Return the name of the channel of a caller or phone that has exactly one."""
        if isinstance(who, Phone):
            prefix, number = f"PJSIP/{who.number}-", None
        else:
            prefix, number = f"PJSIP/{who.endpoint}-", who.caller
        names = [
            channel["Channel"]
            for channel in await self.channels()
            if channel["Channel"].startswith(prefix) and number in {None, channel["CallerIDNum"]}
        ]
        if len(names) != 1:
            raise LookupError(f"{len(names)} channels {prefix}* of {number or 'anybody'}: {names}")
        return names[0]

    async def _witness(self) -> Manager:
        """Return the session, a new one if Asterisk was restarted."""
        if self._manager is not None and self._manager.closed:
            await self._manager.close()
            self._manager = None
        if self._manager is None:
            self._manager = await self.asterisk.manager()
        return self._manager

    # ------------------------------------------------------------------------------------------------ waiting, reading

    async def until(self, predicate: Callable[[], T], *, within: float = 30.0, what: str = "a condition") -> T:
        """Wait until the predicate holds and return what it returned."""
        return await until(predicate, within=within, what=what)

    def sip_errors(self) -> str:
        """Return what SIPp did not expect of Asterisk; empty when all went by the book."""
        return self._phone_sipp.errors() + self._caller_sipp.errors()

    async def idle(self, *, within: float = 60.0) -> None:
        """Wait until no channel is up and Asterisk has written its records of all of them."""
        deadline = time.monotonic() + within
        while bool(up := await self.channels()) | bool(calls := self._callers.open()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not idle after {within:.0f} s: {[each['Channel'] for each in up]}, {calls}")
            await asyncio.sleep(0.05)
        self._phones.check()
        await self._quiet(deadline)

    async def _quiet(self, deadline: float) -> None:
        files = (self.asterisk.queue_log, self.asterisk.cdr, self.asterisk.cel)
        seen, since = (-1,) * len(files), time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            sizes = tuple(file.stat().st_size if file.exists() else 0 for file in files)
            if sizes != seen:
                seen, since = sizes, time.monotonic()
            return time.monotonic() - since >= _QUIET

        await until(quiet, within=deadline - time.monotonic(), what="Asterisk's records to be complete")

    def queue_log(self) -> list[QueueLine]:
        """Return what app_queue has written so far."""
        return read_queue_log(self.asterisk.queue_log)

    def cdr(self) -> list[Cdr]:
        """Return the call detail records so far."""
        return read_cdr(self.asterisk.cdr)

    def cel(self) -> list[Cel]:
        """Return the channel events so far."""
        return read_cel(self.asterisk.cel)
