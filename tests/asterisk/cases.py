"""Everything that may befall a call beyond the plain ones, played one after the other on a real Asterisk.

A case is what is done and what must be told of it: a line for each call that began meanwhile, and for each fact of it
(`tests.stories`). Times are for the witnesses to judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from .callers import Call
from .desk import Desk, PhoneDeed
from .phones import BUSY, Phone

OUTSIDER = "0201000011"
_MEMBERS = {"support": ("PJSIP/102", "PJSIP/103"), "billing": ("Local/107@agents",)}
Play = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """What is played, and what is to be told of the calls that begin meanwhile, by `tests.stories`."""

    play: Play
    told: tuple[str, ...]


CASES: dict[str, Case] = {}


def case(*told: str) -> Callable[[Play], Play]:
    """Take a case down under the name of its function."""

    def take_down(play: Play) -> Play:
        CASES[play.__name__] = Case(play, told)
        return play

    return take_down


@asynccontextmanager
async def only_one_in(desk: Desk, queue: str) -> AsyncIterator[None]:
    """Pause all members of a queue but the first."""
    for interface in _MEMBERS[queue]:
        await desk.ami("QueuePause", Queue=queue, Interface=interface, Paused="true")
    yield
    for interface in _MEMBERS[queue]:
        await desk.ami("QueuePause", Queue=queue, Interface=interface, Paused="false")


async def let(seconds: float) -> None:
    """Let people talk, or a phone ring: that takes time."""
    await asyncio.sleep(seconds)


async def end(desk: Desk, *calls: Call) -> None:
    """Let callers hang up, and wait until nothing is up."""
    for call in calls:
        call.hangup()
    await desk.idle()


async def end_one_by_one(desk: Desk, *calls: Call) -> None:
    """Let callers hang up in this order."""
    for call in calls:
        call.hangup()
        await call.done()
    await desk.idle()


async def picks_up(desk: Desk, rung: Phone, code: str, by: str) -> Call:
    """Let a phone ring for a second, and somebody pick it up with a code."""
    await rung.rings()
    await let(1.0)
    picking = desk.dial(code, endpoint=by)
    await picking.picked_up()
    return picking


async def answered_by(desk: Desk, extension: str, number: str) -> tuple[Call, Phone]:
    """Call somebody who picks up soon."""
    phone = desk.phone(number, ring=0.3)
    call = desk.dial(extension)
    await call.talking()
    await let(1.0)
    return call, phone


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): elsewhere",
    "- talked with PJSIP/109 (Care 109): caller",
)
async def group_pickup(desk: Desk) -> None:
    """108 rings for a caller; 109 picks the call up with *8."""
    rung = desk.phone("108", ring=None)
    call = desk.dial("3108")
    await picks_up(desk, rung, "*8", "109")
    await let(1.5)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/101: elsewhere",
    "- rang PJSIP/102: elsewhere",
    "- talked with PJSIP/109 (Care 109): agent",
)
async def pickup_of_a_ring_group(desk: Desk) -> None:
    """101 and 102 ring for a caller; 109 picks up the call of 102, and hangs up first."""
    desk.phone("101", ring=None)
    rung = desk.phone("102", ring=None)
    call = desk.dial("3001")
    picking = await picks_up(desk, rung, "*8102", "109")
    await let(1.5)
    await end(desk, picking)
    await call.done()


@case(
    "inbound call of a customer: answered",
    "- stood in support: answered by Care 109, caller",
    "- rang PJSIP/101 (Anna) for support: elsewhere",
    "- talked with PJSIP/109 (Care 109) for support: caller",
)
async def pickup_from_a_queue(desk: Desk) -> None:
    """Anna rings for a caller of support; 109 picks the call up."""
    rung = desk.phone("101", ring=None)
    async with only_one_in(desk, "support"):
        call = desk.dial("1000")
        await picks_up(desk, rung, "*8101", "109")
        await let(1.5)
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in support: answered by PJSIP/102, transfer",
    "- rang PJSIP/101 (Anna) for support: elsewhere",
    "- talked with PJSIP/102 for support: transfer",
    "- was handed on by PJSIP/102 to 108: blind, success",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): caller",
)
async def pickup_by_another_member(desk: Desk) -> None:
    """Anna rings for a caller of support; Bram picks the call up, and hands the caller on to 108."""
    rung = desk.phone("101", ring=None)
    desk.phone("108", ring=0.3)
    async with only_one_in(desk, "support"):
        call = desk.dial("1000")
        picking = await picks_up(desk, rung, "*8101", "102")
        await let(1.5)
        await desk.ami("BlindTransfer", Channel=await desk.channel_of(picking), Context="internal", Exten="108")
        await desk.until(lambda: desk.phone("108", ring=0.3).calls[-1].answered, what="108 to answer")
        await let(1.0)
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in billing: answered by Care 109, caller",
    "- rang Local/106@agents/n (Femke) for billing: elsewhere",
    "- talked with PJSIP/109 (Care 109) for billing: caller",
)
async def pickup_behind_a_local_member(desk: Desk) -> None:
    """Femke's phone rings behind her Local channel; 109 picks the call up."""
    rung = desk.phone("106", ring=None)
    async with only_one_in(desk, "billing"):
        call = desk.dial("4001")
        await picks_up(desk, rung, "*8106", "109")
        await let(1.5)
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in sales: answered by Care 109, caller",
    "- rang PJSIP/105 (Eva) for sales: elsewhere",
    "- rang PJSIP/104 (Dirk) for sales: elsewhere",
    "- talked with PJSIP/109 (Care 109) for sales: caller",
)
async def pickup_where_all_ring(desk: Desk) -> None:
    """Dirk's and Eva's phones ring for a caller of sales; 109 picks up the call of Eva's."""
    desk.phone("104", ring=None)
    rung = desk.phone("105", ring=None)
    call = desk.dial("2000")
    await picks_up(desk, rung, "*8105", "109")
    await let(1.5)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): elsewhere",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): caller",
)
async def forwarded_phone(desk: Desk) -> None:
    """108 sends its callers on to 109, which answers."""
    desk.phone("108", ring=0, forward="109")
    call, _ = await answered_by(desk, "3108", "109")
    await end(desk, call)


@case(
    "inbound call of a customer: short_abandoned",
    "- rang PJSIP/108 (Front 108): elsewhere",
    "- rang PJSIP/109 (Care 109): caller_gone",
)
async def forwarded_phone_that_rang(desk: Desk) -> None:
    """108 rings, then sends the caller on to 109, which does not answer."""
    desk.phone("108", ring=0.8, forward="109")
    rung = desk.phone("109", ring=None)
    call = desk.dial("3108")
    await rung.rings()
    await let(1.0)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in support: answered by Anna, caller",
    "- rang PJSIP/101 (Anna) for support: elsewhere",
    "- rang PJSIP/109 (Anna) for support: answered",
    "- talked with PJSIP/109 (Anna) for support: caller",
)
async def forwarded_member(desk: Desk) -> None:
    """Anna's phone sends the caller of support on to 109, which answers."""
    desk.phone("101", ring=0, forward="109")
    async with only_one_in(desk, "support"):
        call, _ = await answered_by(desk, "1000", "109")
        await end(desk, call)


@case(
    "inbound call of a customer: short_abandoned",
    "- stood in support: short_abandoned by None",
    "- rang PJSIP/101 (Anna) for support: elsewhere",
    "- rang PJSIP/109 (Anna) for support: busy",
    "- rang PJSIP/101 (Anna) for support: elsewhere",
    "- rang PJSIP/109 (Anna) for support: caller_gone",
)
async def forwarded_member_whose_other_phone_is_busy(desk: Desk) -> None:
    """Anna's phone sends the caller of support on to 109, which is busy; the caller gives up at the second round."""
    desk.phone("101", ring=0, forward="109")
    busy = desk.phone("109", ring=0.5, refuse=BUSY)
    before = len(busy.calls)
    async with only_one_in(desk, "support"):
        call = desk.dial("1000")
        await desk.until(lambda: len(busy.calls) == before + 2, what="the second round")
        await busy.rings()
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in billing: answered by Femke, caller",
    "- rang Local/106@agents/n (Femke) for billing: answered",
    "- talked with PJSIP/109 (Femke) for billing: caller",
)
async def forwarded_behind_a_local_member(desk: Desk) -> None:
    """Femke's phone, behind her Local channel, sends the caller of billing on to 109, which answers."""
    desk.phone("106", ring=0.4, forward="109")
    async with only_one_in(desk, "billing"):
        call, _ = await answered_by(desk, "4001", "109")
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): elsewhere",
    "- stood in support: answered by Anna, caller",
    "- rang PJSIP/101 (Anna) for support: answered",
    "- talked with PJSIP/101 (Anna) for support: caller",
)
async def forwarded_into_a_queue(desk: Desk) -> None:
    """108 sends its callers on into the line of support, where Anna answers."""
    desk.phone("108", ring=0, forward="801")
    async with only_one_in(desk, "support"):
        call, _ = await answered_by(desk, "3108", "101")
        await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): caller",
)
async def forwarded_by_the_dialplan(desk: Desk) -> None:
    """A number is another phone's: Dial(Local/109@internal)."""
    call, _ = await answered_by(desk, "8600", "109")
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in support: answered by Anna, transfer",
    "- rang PJSIP/101 (Anna) for support: answered",
    "- talked with PJSIP/101 (Anna) for support: transfer",
    "- was handed on by Anna to 850: blind, success",
    "- talked with PJSIP/109 (Care 109): agent",
    "- talked with PJSIP/110 (Care 110): caller",
    "outbound call of 109: answered",
    "outbound call of 110: answered",
)
async def conference(desk: Desk) -> None:
    """Anna hands her caller on into a conference, where 109 and then 110 come to talk."""
    async with only_one_in(desk, "support"):
        call, phone = await answered_by(desk, "1000", "101")
        await desk.ami("BlindTransfer", Channel=await desk.channel_of(phone), Context="internal", Exten="850")
        await let(0.7)
        first = desk.dial("850", endpoint="109")
        await first.picked_up()
        await let(1.2)
        second = desk.dial("850", endpoint="110")
        await second.picked_up()
        await let(1.2)
        first.hangup()
        await let(1.2)
        await end_one_by_one(desk, call, second)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): transfer",
    "- was left alone by Front 108: hold",
    "- talked with PJSIP/110 (Care 110): caller",
    "- was handed on by Front 108 to 850: attended, success",
    "outbound call of 110: answered",
    "- talked with PJSIP/108 (Front 108): agent",
    "outbound call of 108: answered",
)
async def referred_into_a_conference(desk: Desk) -> None:
    """108 holds the caller, goes into a conference with 110, and puts the caller in its own place there."""
    call, phone = await answered_by(desk, "3108", "108")
    other = desk.dial("850", endpoint="110")
    await other.picked_up()
    await refers_into(desk, phone, "850")
    await let(1.5)
    await end_one_by_one(desk, call, other)


async def refers_into(desk: Desk, phone: Phone, to: str, asks: float = 0.8) -> None:
    """Hold, call somebody, and put the caller in one's own place there."""
    seen = phone.current
    await phone.hold(seen)
    asking = desk.dial(to, endpoint=phone.number)
    await asking.picked_up()
    await let(asks)
    desk.ledger.phone_deeds.append(PhoneDeed(time.time(), seen, to, attended=True))
    await phone.refer(to, seen, into=asking)
    await desk.until(lambda: seen.ended, what="the end of the transferring call")


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): transfer",
    "- was left alone by Front 108: hold",
    "- was handed on by Front 108 to 851: attended, success",
    "outbound call of 108: abandoned",
)
async def referred_into_an_application(desk: Desk) -> None:
    """108 puts the caller in its place in an application that plays music."""
    call, phone = await answered_by(desk, "3108", "108")
    await refers_into(desk, phone, "851")
    await let(1.0)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): transfer",
    "- was left alone by Front 108: hold",
    "- stood in sales: answered by Dirk, caller",
    "- was handed on by Front 108 to 805: attended, success",
    "- rang PJSIP/104 (Dirk) for sales: answered",
    "- talked with PJSIP/104 (Dirk) for sales: caller",
    "outbound call of 108: abandoned",
)
async def referred_into_a_queue(desk: Desk) -> None:
    """108 stands in the line of sales, and puts the caller there in its place; then Dirk answers."""
    desk.phone("105", ring=None)
    dirk = desk.phone("104", ring=3.0)
    call, phone = await answered_by(desk, "3108", "108")
    desk.phone("104", ring=3.0)
    await desk.ami("QueuePause", Queue="sales", Interface="PJSIP/105", Paused="true")
    await refers_into(desk, phone, "805", asks=1.0)
    await dirk.talks()
    await let(1.5)
    await end(desk, call)
    await desk.ami("QueuePause", Queue="sales", Interface="PJSIP/105", Paused="false")


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): caller",
)
async def redirected_both(desk: Desk) -> None:
    """An operator moves a caller and the agent into a conference (Redirect with ExtraChannel)."""
    call, phone = await answered_by(desk, "3108", "108")
    await desk.ami(
        "Redirect",
        Channel=await desk.channel_of(call),
        ExtraChannel=await desk.channel_of(phone),
        Exten="850",
        ExtraExten="850",
        Context="internal",
        ExtraContext="internal",
        Priority="1",
        ExtraPriority="1",
    )
    await let(1.5)
    call.hangup()
    await let(0.5)
    await phone.hangup()
    await end(desk)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): caller",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): caller",
)
async def redirected_caller(desk: Desk) -> None:
    """An operator takes a caller away from 108 and sends the call to 109."""
    call, _ = await answered_by(desk, "3108", "108")
    other = desk.phone("109", ring=0.5)
    await desk.ami("Redirect", Channel=await desk.channel_of(call), Exten="109", Context="internal", Priority="1")
    await other.talks()
    await let(1.0)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): agent",
    "- talked with PJSIP/109 (Care 109): caller",
    "inbound call of a customer: answered",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): transfer",
)
async def bridged_by_an_operator(desk: Desk) -> None:
    """An operator puts the caller of 108 together with the agent at 109, who had talked to somebody else."""
    call, _ = await answered_by(desk, "3108", "108")
    other, phone = await answered_by(desk, "3109", "109")
    names = {"Channel1": await desk.channel_of(call), "Channel2": await desk.channel_of(phone)}
    await desk.ami("Bridge", **names, Tone="no")
    await other.done()
    await let(1.5)
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): caller",
    "outbound call of 110: abandoned",
)
async def spied_on(desk: Desk) -> None:
    """110 listens to a conversation of 108, and whispers."""
    call, _ = await answered_by(desk, "3108", "108")
    spy = desk.dial("*9108", endpoint="110")
    await spy.picked_up()
    await let(1.5)
    await end_one_by_one(desk, call, spy)


async def calls_out(desk: Desk) -> Call:
    """101 calls somebody outside, who answers."""
    desk.phone(OUTSIDER, ring=0.3)
    call = desk.dial(f"9{OUTSIDER}", endpoint="101")
    await call.talking()
    await let(1.0)
    return call


@case(
    "outbound call of 101: answered",
    "- talked with PJSIP/101: transfer",
    "- was handed on by PJSIP/101 to 109: blind, success",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): agent",
)
async def customer_handed_on(desk: Desk) -> None:
    """101 calls a customer and hands the customer on to 109."""
    call = await calls_out(desk)
    other = desk.phone("109", ring=0.6)
    await desk.ami("BlindTransfer", Channel=await desk.channel_of(call), Context="internal", Exten="109")
    await other.talks()
    await let(1.5)
    await other.hangup()
    await end(desk)


@case(
    "outbound call of 101: answered",
    "- talked with PJSIP/101: transfer",
    "- was handed on by PJSIP/101 to 801: blind, success",
    "- stood in support: answered by Anna, agent",
    "- rang PJSIP/101 (Anna) for support: answered",
    "- talked with PJSIP/101 (Anna) for support: agent",
)
async def customer_handed_on_into_a_queue(desk: Desk) -> None:
    """101 calls a customer and hands the customer on into the line of support, where Anna is: 101 as well."""
    call = await calls_out(desk)
    anna = desk.phone("101", ring=0.8)
    async with only_one_in(desk, "support"):
        await desk.ami("BlindTransfer", Channel=await desk.channel_of(call), Context="internal", Exten="801")
        await anna.talks()
        await let(1.5)
        await anna.hangup()
        await end(desk)


@case(
    "outbound call of 101: answered",
    "- talked with PJSIP/101: transfer",
    "- was left alone by PJSIP/101: consultation",
    "- rang PJSIP/109 (Care 109): answered",
    "- talked with PJSIP/109 (Care 109): agent",
    "- was handed on by PJSIP/101 to 109: attended, success",
)
async def customer_handed_on_after_asking(desk: Desk) -> None:
    """101 calls a customer, asks 109, and hands the customer on."""
    call = await calls_out(desk)
    other = desk.phone("109", ring=0.6)
    channel = await desk.channel_of(call)
    await desk.ami("Atxfer", Channel=channel, Context="internal", Exten="109")
    await other.talks()
    await let(1.0)
    await desk.ami("Hangup", Channel=channel)
    await let(1.5)
    await other.hangup()
    await end(desk)


@case(
    "internal call of 110: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): transfer",
    "- was handed on by Front 108 to 801: blind, success",
    "- stood in support: answered by Anna, caller",
    "- rang PJSIP/101 (Anna) for support: answered",
    "- talked with PJSIP/101 (Anna) for support: caller",
)
async def colleague_handed_on_into_a_queue(desk: Desk) -> None:
    """110 calls 108; 108 hands the colleague on into the line of support, where Anna answers."""
    anna = desk.phone("101", ring=0.6)
    phone = desk.phone("108", ring=0.3)
    call = desk.dial("108", endpoint="110")
    await call.talking()
    await let(1.0)
    async with only_one_in(desk, "support"):
        desk.ledger.phone_deeds.append(PhoneDeed(time.time(), phone.current, "801"))
        await phone.refer("801")
        await anna.talks()
        await let(1.5)
        await end(desk, call)


@case(
    "internal call of 110: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): transfer",
    "- was handed on by Care 110 to 801: blind, success",
    "- stood in support: answered by Anna, agent",
    "- rang PJSIP/101 (Anna) for support: answered",
    "- talked with PJSIP/101 (Anna) for support: agent",
)
async def called_colleague_handed_on_into_a_queue(desk: Desk) -> None:
    """110 calls 108, and hands 108 on into the line of support, where Anna answers."""
    anna = desk.phone("101", ring=0.6)
    desk.phone("108", ring=0.3)
    call = desk.dial("108", endpoint="110")
    await call.talking()
    await let(1.0)
    async with only_one_in(desk, "support"):
        await desk.ami("BlindTransfer", Channel=await desk.channel_of(call), Context="internal", Exten="801")
        await anna.talks()
        await let(1.5)
        await anna.hangup()
        await end(desk)


@case(
    "inbound call of a customer: answered",
    "- stood in reach: answered by Roos 127, caller",
    "- rang Local/127@follow-me/n (Roos 127) for reach: answered",
    "- talked with PJSIP/128 (Roos 127) for reach: caller",
)
async def follow_me(desk: Desk) -> None:
    """Roos's phone rings, and a moment later 128, where she answers."""
    desk.phone("127", ring=None)
    call, _ = await answered_by(desk, "8500", "128")
    await end(desk, call)


@case(
    "inbound call of a customer: answered",
    "- stood in reach: answered by Roos 127, caller",
    "- rang Local/127@follow-me/n (Roos 127) for reach: answered",
    "- talked with Local/127@follow-me/n (Roos 127) for reach: caller",
)
async def follow_me_at_once(desk: Desk) -> None:
    """Roos answers her own phone, before another one rings."""
    desk.phone("128", ring=None)
    call, _ = await answered_by(desk, "8500", "127")
    await end(desk, call)


@case(
    "outbound call of 101: answered",
    "- talked with PJSIP/101: caller",
)
async def clicked_to_call_out(desk: Desk) -> None:
    """101 clicks on a customer's number: 101 rings, and after the answer the customer's phone."""
    desk.phone("101", ring=0.5)
    customer = desk.phone(OUTSIDER, ring=0.7)
    await desk.ami(
        "Originate",
        Channel="Local/101@internal",
        Context="internal",
        Exten=f"9{OUTSIDER}",
        Priority="1",
        CallerID="Click <101>",
        Async="true",
    )
    await customer.talks()
    await let(1.5)
    await customer.hangup()
    await end(desk)


@case(
    "internal call of 101: answered",
    "- rang PJSIP/108 (Front 108): answered",
    "- talked with PJSIP/108 (Front 108): agent",
)
async def clicked_to_call_a_colleague(desk: Desk) -> None:
    """101 clicks on 108, who answers."""
    desk.phone("101", ring=0.5)
    colleague = desk.phone("108", ring=0.7)
    await desk.ami(
        "Originate", Channel="Local/101@internal/n", Context="internal", Exten="108", Priority="1", Async="true"
    )
    await colleague.talks()
    await let(1.5)
    await colleague.hangup()
    await end(desk)
