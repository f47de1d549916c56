"""Plays a random desk: dials, transfers, parks, pauses and hangs up as planned, and leaves no channel behind.

What was really done is in the desk's ledger: the plan says what was meant to happen, and a call may be over before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from .ami import AmiError
from .callers import Call
from .desk import Desk, PhoneDeed
from .phones import Phone, PhoneCall
from .random_plan import PICKUP, Act, Administered, Plan, PlannedCall, Replugged, plan
from .sipp import SippError, until

_LAST_WORDS = 12.0  # seconds after the last call in which calls may end by themselves
_TRIES = 10  # looks for a talk that an act can be done to
_PAUSE = 0.4  # seconds between them
_DRAIN = 60.0
_ASKING = 6.0
_ALONE = 8.5
_LONGEST = 3600.0  # no call is longer than a run
_BY_PHONE = ("refer", "refer_into", "keys", "phone_hangup")


async def play(desk: Desk, seed: int, seconds: float) -> Counter[str]:
    """Play the desk of this seed for so many seconds, then wait until nothing is up; return how often what was done."""
    return await RandomDesk(desk, plan(seed, seconds)).play(seconds)


class RandomDesk:
    """One run."""

    def __init__(self, desk: Desk, what: Plan) -> None:
        """Prepare; nothing happens yet."""
        self._desk = desk
        self._plan = what
        self._start = 0.0
        self.done: Counter[str] = Counter()
        """How often what was done; ``refused`` is what came too late."""

    async def play(self, seconds: float) -> Counter[str]:
        """Do all that was planned and end it."""
        self._desk.phones(self._plan.phones)
        self._start = asyncio.get_running_loop().time()
        running = [
            *(asyncio.create_task(self._at(call.at, self._call, call)) for call in self._plan.calls),
            *(asyncio.create_task(self._at(each.at, self._change, each)) for each in self._plan.changes),
        ]
        ending = asyncio.create_task(self._at(seconds + _LAST_WORDS, self._hang_up, None))
        try:
            await asyncio.gather(*running)
        finally:
            for task in (*running, ending):
                task.cancel()
            await asyncio.gather(*running, ending, return_exceptions=True)
        await self._drain()
        return self.done

    async def _at(self, at: float, what: Callable[..., Awaitable[None]], subject: object) -> None:
        await asyncio.sleep(max(0.0, self._start + at - asyncio.get_running_loop().time()))
        await what(subject)

    async def _hang_up(self, _: object) -> None:
        """The desk closes: every caller hangs up."""
        while True:
            for call in self._desk.open_calls():
                call.hangup()
            await asyncio.sleep(1)

    async def _drain(self) -> None:
        """Agents who consulted each other, and whoever else is left, talk on until somebody hangs them up."""
        deadline = time.monotonic() + _DRAIN
        while channels := await self._desk.channels():
            if time.monotonic() > deadline:
                break
            for channel in channels:
                await self._ami("Hangup", Channel=channel["Channel"])
            await asyncio.sleep(1)
        await self._desk.idle(within=_DRAIN)

    async def _change(self, change: Replugged | Administered) -> None:
        if isinstance(change, Replugged):
            self._desk.phones({change.number: change.manner})
            self.done["replugged"] += 1
        elif await self._ami(change.action, **change.headers):
            self.done[change.action] += 1

    async def _ami(self, action: str, **headers: str) -> bool:
        """Do it, if Asterisk lets us: what it is about may be over."""
        try:
            await self._desk.ami(action, **headers)
        except AmiError:
            self.done["refused"] += 1
            return False
        return True

    # ------------------------------------------------------------------------------------------------ calls

    async def _pick_up(self, planned: PlannedCall) -> None:
        """A phone takes a call that rings somewhere, should one ring."""
        picking = self._desk.dial(PICKUP, endpoint=planned.endpoint)
        with contextlib.suppress(SippError):
            await picking.picked_up()
            self.done["picked up"] += 1
            await asyncio.sleep(planned.talk or 0.0)
            picking.hangup()

    async def _call(self, planned: PlannedCall) -> None:
        if planned.extension == PICKUP:
            await self._pick_up(planned)
            return
        call = self._desk.dial(
            planned.extension,
            endpoint=planned.endpoint,
            talk=planned.talk,
            patience=planned.patience,
        )
        self.done["calls" if planned.endpoint == "trunk" else "agents' calls"] += 1
        for act in planned.acts:
            if not await self._talks(call):
                break
            await asyncio.sleep(act.after)
            if call.ended is None and await self._act(call, act):
                self.done[act.kind] += 1
        await call.done(within=_LONGEST)

    @staticmethod
    async def _talks(call: Call) -> bool:
        """Wait until the caller talks with a phone, or has hung up."""
        what = f"the call of {call.caller} to be over"
        await until(lambda: call.ended or call.connected, within=_LONGEST, what=what, step=0.1)
        return call.ended is None

    async def _act(self, call: Call, act: Act) -> bool:
        """Do something to a call; whether it could be done."""
        if act.kind in _BY_PHONE:
            return await self._by_phone(call, act)
        own, agent = await self._bridged(call)
        if own is None or agent is None:
            return False
        match act.kind:
            case "blind":
                return await self._ami("BlindTransfer", Channel=agent, Context="internal", Exten=act.to)
            case "agent_hangup" | "caller_hangup":
                return await self._ami("Hangup", Channel=own if act.kind == "caller_hangup" else agent)
            case "conference":
                doing = self._confer(agent, act)
            case "attended" | "consult":
                doing = self._consult(agent, act)
            case _:
                doing = self._park(call, own, agent, act)
        return await doing

    async def _bridged(self, call: Call) -> tuple[str | None, str | None]:
        """Return the names of the caller's channel and of the only other one in its bridge, after some looking."""
        for _ in range(_TRIES):
            channels = await self._desk.channels()
            own = [c for c in channels if c["Channel"].startswith("PJSIP/trunk-") and c["CallerIDNum"] == call.caller]
            if len(own) == 1 and own[0]["BridgeId"]:
                others = [c["Channel"] for c in channels if c["BridgeId"] == own[0]["BridgeId"] and c is not own[0]]
                if len(others) == 1:
                    return own[0]["Channel"], others[0]
            if call.ended is not None:
                break
            await asyncio.sleep(_PAUSE)
        return None, None

    async def _by_phone(self, call: Call, act: Act) -> bool:
        seen = _with(call, self._desk.ledger.phone_calls)
        if seen is None or seen.number == act.to:  # nobody hands a caller on to himself
            return False
        phone = self._desk.phone_of(seen)
        try:
            match act.kind:
                case "refer":
                    self._desk.ledger.phone_deeds.append(PhoneDeed(time.time(), seen, act.to))
                    await phone.refer(act.to, seen)
                case "refer_into":
                    return await self._refer_into(phone, seen, act)
                case "keys":
                    self._desk.ledger.phone_deeds.append(PhoneDeed(time.time(), seen, act.to, keys=True))
                    await phone.press(f"#1{act.to}", seen)
                case _:
                    await phone.hangup(seen)
        except SippError:
            return False  # the call ended under the agent's fingers
        return True

    async def _refer_into(self, phone: Phone, seen: PhoneCall, act: Act) -> bool:
        """Hold the caller, call somebody, and hand the caller into that call; back to the caller if nobody answers."""
        await phone.hold(seen)
        asking = self._desk.dial(act.to, endpoint=seen.number)
        self.done["agents' calls"] += 1
        with contextlib.suppress(SippError, TimeoutError):
            await asking.picked_up(within=_ASKING)
        await asyncio.sleep(act.then / 3)
        if asking.answered is None or asking.ended is not None:
            asking.hangup()
            await phone.resume(seen)
            return False
        self._desk.ledger.phone_deeds.append(PhoneDeed(time.time(), seen, act.to, attended=True))
        await phone.refer(act.to, seen, into=asking)
        return True

    async def _consult(self, agent: str, act: Act) -> bool:
        if not await self._ami("Atxfer", Channel=agent, Context="internal", Exten=act.to):
            return False
        if act.kind == "attended":
            await asyncio.sleep(act.then)
            await self._ami("Hangup", Channel=agent)
        else:
            await asyncio.sleep(_ALONE)  # the agent comes back after atxfernoanswertimeout
        return True

    async def _confer(self, agent: str, act: Act) -> bool:
        """Hand the caller on into a conference, where another agent comes and goes."""
        if not await self._ami("BlindTransfer", Channel=agent, Context="internal", Exten=act.to):
            return False
        await asyncio.sleep(act.then / 2)
        coming = self._desk.dial(act.to, endpoint=act.by)
        with contextlib.suppress(SippError):
            await coming.picked_up()
            await asyncio.sleep(act.then)
            coming.hangup()
        return True

    async def _park(self, call: Call, own: str, agent: str, act: Act) -> bool:
        seconds = act.then if act.kind == "park_back" else 30.0
        if not await self._ami("Park", Channel=own, TimeoutChannel=agent, Timeout=str(int(seconds * 1000))):
            return False
        await asyncio.sleep(act.then)
        if act.kind == "park_leave":
            call.hangup()
        elif act.kind == "park_fetch":
            await self._fetch(own, act)
        return True

    async def _fetch(self, parked: str, act: Act) -> None:
        """A phone dials the slot of a parked caller and talks."""
        slots = [
            each["ParkingSpace"]
            for each in await self._desk.ami_list("ParkedCalls")
            if each.get("ParkeeChannel") == parked
        ]
        if not slots:
            return
        fetching = self._desk.dial(slots[0], endpoint=act.by)
        try:
            await fetching.picked_up(within=5)
        except SippError:
            return
        self.done["fetched"] += 1
        await asyncio.sleep(1.0 + act.then / 2)
        fetching.hangup()


def _with(call: Call, phone_calls: Iterable[PhoneCall]) -> PhoneCall | None:
    """Return the phone call in which a caller talks now."""
    own = [
        each for each in phone_calls if each.caller == call.caller and each.answered is not None and each.ended is None
    ]
    return own[-1] if own else None
