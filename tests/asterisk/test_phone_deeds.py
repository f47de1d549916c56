"""What a phone can do to its other party by itself, on a real Asterisk: transfers by REFER and by keys, and sound."""

from __future__ import annotations

from .desk import Desk
from .phones import Manner, PhoneCall

EVERYBODY = {str(number): Manner(ring=0.3) for number in range(101, 131)}


async def talking(desk: Desk, extension: str, caller: str) -> PhoneCall:
    """Call and return the call of the phone that was picked up."""
    call = desk.dial(extension, caller=caller)
    await call.talking()
    return next(each for each in desk.ledger.phone_calls if each.caller == caller and each.answered is not None)


async def handed_on(desk: Desk, caller: str, to: str) -> PhoneCall:
    """Wait until another phone talks with a caller."""

    def found() -> list[PhoneCall]:
        return [
            each
            for each in desk.ledger.phone_calls
            if (each.number, each.caller) == (to, caller) and each.answered is not None
        ]

    return (await desk.until(found, what=f"{to} to talk with {caller}"))[0]


async def over(desk: Desk) -> None:
    """Let every caller hang up."""
    for call in desk.open_calls():
        call.hangup()
    await desk.idle()


async def test_a_phone_refers_its_caller(desk: Desk) -> None:
    """A REFER hands the caller on: the phone hears of its success, hangs up, and queue_log has a blind transfer."""
    desk.phones(EVERYBODY)
    first = await talking(desk, "1000", "0201000001")
    await desk.phone_of(first).refer("108", first)
    second = await handed_on(desk, "0201000001", "108")
    await desk.until(lambda: first.ended is not None, what="the first phone to hang up")
    assert (first.referred, first.end, second.ended) == ("accepted", "phone", None)
    await over(desk)
    assert [line.event for line in desk.queue_log()][-1] == "BLINDTRANSFER"
    assert desk.sip_errors() == ""


async def test_a_phone_consults_and_refers_its_caller_into_the_consultation(desk: Desk) -> None:
    """REFER with Replaces: the caller takes the place of the phone's second call, and both calls of the phone end."""
    desk.phones(EVERYBODY)
    first = await talking(desk, "1000", "0201000004")
    phone = desk.phone_of(first)
    await phone.hold(first)
    consultation = desk.dial("108", endpoint=first.number)
    await consultation.picked_up()
    await phone.refer("108", first, into=consultation)
    await desk.until(lambda: first.ended is not None, what="the first call of the phone to end")
    await consultation.done()
    assert (first.referred, consultation.end) == ("accepted", "asterisk")
    assert [each["Channel"].partition("-")[0] for each in await desk.channels()] == ["PJSIP/trunk", "PJSIP/108"]
    await over(desk)
    assert [line.event for line in desk.queue_log()][-1] == "ATTENDEDTRANSFER"
    assert desk.sip_errors() == ""


async def test_an_agent_presses_keys(desk: Desk) -> None:
    """The keys #1 and a number hand the caller on, and Asterisk takes every one of them."""
    desk.phones(EVERYBODY)
    first = await talking(desk, "1000", "0201000002")
    await desk.phone_of(first).press("#1108", first)
    await handed_on(desk, "0201000002", "108")
    assert (first.pressed, first.end) == (["#", "1", "1", "0", "8"], "asterisk")
    await over(desk)
    assert [line.event for line in desk.queue_log()][-1] == "BLINDTRANSFER"


async def test_a_transfer_behind_a_local_member_is_not_seen_by_queue_log(desk: Desk) -> None:
    """A phone behind Local/...@from-queue/n hands on the other half: to app_queue the talk goes on with the member."""
    desk.phones(EVERYBODY)
    first = await talking(desk, "8000", "0201000003")
    await desk.phone_of(first).refer("108", first)
    await handed_on(desk, "0201000003", "108")
    await over(desk)
    assert [line.event for line in desk.queue_log()][-1] == "COMPLETECALLER"
    assert [row.channel.partition("-")[0] for row in desk.cel() if row.event == "BLINDTRANSFER"] == [
        f"PJSIP/{first.number}"
    ]


async def test_sound_takes_a_local_channel_out(desk: Desk) -> None:
    """A phone that speaks ends up in the caller's own bridge where its member is Local without /n, else it does not."""
    desk.phones({**EVERYBODY, "106": Manner(ring=0.3, speaks=True), "107": Manner(ring=0.3, speaks=True)})
    seen = {(await talking(desk, "4001", f"020100001{turn}")).number for turn in range(2)}
    assert seen == {"106", "107"}
    await desk.until(lambda: any(row.event == "LOCAL_OPTIMIZE" for row in desk.cel()), what="a Local channel to go")
    locals_up = {each["Channel"].partition("-")[0] for each in await desk.channels() if each["Channel"][:6] == "Local/"}
    assert locals_up == {"Local/106@agents"}
    await over(desk)
