"""The test desk itself: it does what it is told, Asterisk's own records agree, and nothing is left behind."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_SECONDS

from .ami import AmiError
from .desk import Desk
from .lab import SECRETS, Asterisk
from .phones import BUSY, Manner
from .records import QueueLine, read_cdr, read_cel, read_queue_log

CLOSE = 0.25  # seconds: what SIPp, Asterisk and a busy machine may differ by


def events(lines: list[QueueLine], *names: str) -> list[QueueLine]:
    """Return the lines with these events."""
    return [line for line in lines if line.event in names]


async def test_answered_call(desk: Desk) -> None:
    """A caller reaches an agent and hangs up: queue_log, CDR, CEL and both SIP ends tell the same story."""
    phone = desk.phone("101", ring=0.8)
    desk.phones({"102": Manner(ring=None), "103": Manner(ring=None)})
    call = await desk.call("support", caller="0201000001", talk=1.5)
    await desk.idle()

    assert [line.event for line in desk.queue_log()] == ["QUEUESTART", "ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    connect = events(desk.queue_log(), "CONNECT")[0]
    assert (connect.queue, connect.agent) == ("support", "Anna")
    (cdr,) = desk.cdr()
    assert (cdr.disposition, cdr.src, cdr.dst, cdr.uniqueid) == ("ANSWERED", "0201000001", "1000", connect.call_id)
    assert cdr.answer is not None
    assert {"ANSWER", "BRIDGE_ENTER", "LINKEDID_END"} <= {event.event for event in desk.cel()}

    (seen,) = phone.calls
    assert seen.caller == "0201000001"
    assert seen.ringing is not None
    assert seen.answered is not None
    assert seen.answered - seen.ringing == pytest.approx(0.8, abs=CLOSE)
    assert call.connected is not None
    assert call.ended is not None
    assert call.ended - call.connected == pytest.approx(1.5, abs=CLOSE)
    assert (call.end, seen.end) == ("caller", "asterisk")
    assert desk.sip_errors() == ""


async def test_talk_counts_from_the_agent_also_behind_answer(desk: Desk) -> None:
    """In a queue behind Answer() the caller is answered at once, yet `talk` begins when an agent picks up."""
    phone = desk.phones({"104": Manner(ring=1.2), "105": Manner(ring=None)})["104"]
    call = await desk.call("sales", talk=1.0)
    assert call.answered is not None
    assert call.connected is not None
    assert call.connected == phone.calls[0].answered
    assert call.connected - call.answered > 1.2  # Answer() itself waits half a second for sound that never comes
    assert call.ended is not None
    assert call.ended - call.connected == pytest.approx(1.0, abs=CLOSE)
    await desk.idle()
    assert {each.end for each in desk.ledger.phone_calls} == {"asterisk", "cancelled"}


@pytest.mark.parametrize(("queue", "end"), [("support", "cancelled"), ("sales", "caller")])
async def test_abandoned_call(desk: Desk, queue: str, end: str) -> None:
    """A caller whose patience ends is an ABANDON, whether that is a CANCEL or (behind Answer()) a BYE."""
    desk.phones({number: Manner(ring=None) for number in ("101", "102", "103", "104", "105")})
    call = await desk.call(queue, patience=1.5)
    await desk.idle()
    assert call.end == end
    assert call.dialled is not None
    assert call.ended is not None
    assert call.ended - call.dialled == pytest.approx(1.5, abs=CLOSE)
    assert len(events(desk.queue_log(), "ABANDON")) == 1
    assert not events(desk.queue_log(), "CONNECT")
    assert {each.end for each in desk.ledger.phone_calls} == {"cancelled"}
    assert desk.sip_errors() == ""


async def test_ring_no_answer_and_retry(desk: Desk) -> None:
    """One agent is busy, the next declines, the third answers: two RINGNOANSWER, then a CONNECT. Pitfall 4."""
    desk.phones({"101": Manner(ring=0, refuse=BUSY), "102": Manner(ring=0.5, refuse=603), "103": Manner(ring=0.5)})
    await desk.call("support", talk=0.5)
    await desk.idle()
    lines = events(desk.queue_log(), "RINGNOANSWER", "CONNECT")
    assert [(line.event, line.agent) for line in lines] == [
        ("RINGNOANSWER", "Anna"),
        ("RINGNOANSWER", "Bram"),
        ("CONNECT", "Chloé Müller"),
    ]
    assert desk.sip_errors() == ""


async def test_silent_and_missing_phones(desk: Desk) -> None:
    """A phone behind a dead cable never rings; a number that nobody plugged in says so."""
    silent = desk.phone("108", silent=True)
    call = desk.dial("3108", patience=1.0)
    await call.done()
    assert call.end == "cancelled"
    assert [code for _, code in call.progress] == [100]
    assert silent.calls[0].ringing is None

    call = desk.dial("3109", patience=5.0)
    await call.done()
    assert (call.end, desk.ledger.phone_calls[-1].end) == ("refused", "refused")


async def test_direct_call(desk: Desk) -> None:
    """An outside caller reaches an agent's own line."""
    desk.phone("108", ring=0.3)
    call = desk.dial("3108", talk=1.0)
    await call.done()
    await desk.idle()
    (cdr,) = desk.cdr()
    assert (cdr.dst, cdr.lastapp, cdr.disposition, cdr.dstchannel[:9]) == ("3108", "Dial", "ANSWERED", "PJSIP/108")
    assert [code for _, code in call.progress][:2] == [100, 180]


async def test_refused_call(desk: Desk) -> None:
    """A number that does not exist is refused."""
    call = desk.dial("9999999")
    await call.done(within=5)
    assert (call.end, call.status) == ("refused", 404)


async def test_phone_that_holds(desk: Desk) -> None:
    """Hold and its end, by plan and by hand, are music on hold in Asterisk's eyes."""
    phone = desk.phone("108", ring=0.2, hold_after=0.5, hold_for=0.7)
    call = desk.dial("3108")
    await phone.talks()
    await desk.until(lambda: phone.current.holds, what="the hold")
    await desk.until(lambda: not phone.current.held, what="the end of the hold")
    await phone.hold()
    assert phone.current.held
    await phone.resume()
    await phone.hangup()
    await call.done()
    (seen,) = phone.calls
    assert (seen.end, call.end, len(seen.holds)) == ("phone", "asterisk", 2)
    end = seen.holds[0].end
    assert end is not None
    assert end - seen.holds[0].start == pytest.approx(0.7, abs=CLOSE)
    await desk.idle()
    log = desk.asterisk.log.read_text(errors="replace")  # CEL has no event for it
    assert [log.count(f"{word} music on hold") for word in ("Started", "Stopped")] == [2, 2]
    assert desk.sip_errors() == ""


async def test_agent_hangs_up_first(desk: Desk) -> None:
    """The agent says BYE after its time."""
    phone = desk.phone("101", ring=0.2, hangup_after=1.0)
    call = await desk.call("support")
    await desk.idle()
    assert (call.end, phone.calls[0].end) == ("asterisk", "phone")
    assert phone.calls[0].answered is not None
    assert phone.calls[0].ended is not None
    assert phone.calls[0].ended - phone.calls[0].answered == pytest.approx(1.0, abs=CLOSE)
    assert len(events(desk.queue_log(), "COMPLETEAGENT", "COMPLETECALLER")) == 1


async def test_answer_and_hang_up_by_hand(desk: Desk) -> None:
    """A test may press every button itself, and a new manner holds from the next call on."""
    phone = desk.phone("101", ring=None)
    call = desk.dial("1000")
    await phone.rings()
    await phone.answer()
    await call.talking()
    call.hangup()
    await call.done()
    assert call.end == "caller"
    assert desk.phone("101", ring=0.1) is phone
    await desk.ami("QueuePause", Interface="PJSIP/102", Paused="true")
    await desk.ami("QueuePause", Interface="PJSIP/103", Paused="true")
    again = await desk.call("support", talk=0.2, within=20)
    assert again.end == "caller"
    assert [manner.manner.ring for manner in desk.ledger.manners] == [None, 0.1]


async def test_blind_transfer_and_channels(desk: Desk) -> None:
    """The second AMI account moves a caller on to another agent."""
    first, second = desk.phone("101", ring=0.2), desk.phone("108", ring=0.2)
    call = desk.dial("1000")
    await call.talking()
    channel = await desk.channel_of(first)
    await desk.ami("BlindTransfer", Channel=channel, Context="internal", Exten="108")
    assert (await second.talks()).caller == call.caller
    async with asyncio.timeout(PATIENCE_SECONDS):
        # The agent's own goes a moment later.
        while len(await desk.channels()) != 2:
            pass
    assert (await desk.channel_of(call)).startswith("PJSIP/trunk-")
    call.hangup()
    await desk.idle()
    assert [done.action for done in desk.ledger.actions] == ["BlindTransfer"]
    assert len(events(desk.queue_log(), "BLINDTRANSFER")) == 1
    with pytest.raises(AmiError):
        await desk.ami("QueuePause", Interface="PJSIP/999", Paused="true")


async def test_agent_calls_out(desk: Desk) -> None:
    """An agent's phone dials the outside world, which is a phone like any other."""
    desk.phone("0201000011", ring=0.3)
    call = desk.dial("90201000011", endpoint="101", talk=0.5)
    await call.done()
    await desk.idle()
    (cdr,) = desk.cdr()
    assert (cdr.src, cdr.disposition) == ("101", "ANSWERED")


async def test_many_calls_at_once(desk: Desk) -> None:
    """Twenty callers at a time on twelve phones: every one of them is accounted for."""
    desk.phones({str(number): Manner(ring=0.3) for number in range(101, 119)})
    calls = [desk.dial(f"31{number % 12 + 1:02}", talk=1.0) for number in range(20)]
    await asyncio.gather(*(call.done() for call in calls))
    await desk.idle()
    assert {call.end for call in calls} == {"caller"}
    assert len(desk.cdr()) == len(calls)
    assert desk.sip_errors() == ""


async def test_kill_and_start_on_the_same_ports(desk: Desk) -> None:
    """Asterisk killed in a call, and started again, takes calls as before; the old call is lost."""
    phone = desk.phone("101", ring=0.1)
    lost = desk.dial("1000")
    await lost.talking()
    await desk.channels()
    await desk.asterisk.kill()
    assert (lost.end, phone.calls[0].end, desk.asterisk.running) == ("lost", "lost", False)
    await desk.asterisk.start()
    assert not await desk.channels()
    desk.phones({number: Manner(ring=0.1) for number in ("101", "102", "103")})
    call = await desk.call("support", talk=0.3, within=20)
    assert call.end == "caller"
    await desk.idle()
    assert len(events(desk.queue_log(), "QUEUESTART")) == 2


async def test_stop_in_a_call(desk: Desk) -> None:
    """A stop, unlike a kill, hangs up and leaves the records of the call."""
    desk.phone("101", ring=0.1)
    call = desk.dial("1000")
    await call.talking()
    await desk.asterisk.stop()
    await call.done(within=5)
    assert call.end == "asterisk"
    assert [row.disposition for row in desk.cdr()] == ["ANSWERED"]


async def test_accounts_and_tls(desk: Desk) -> None:
    """All accounts log in; over TLS the certificate is good for 127.0.0.1 and for its authority only."""
    for user, secret in SECRETS.items():
        context = ssl.create_default_context(cafile=str(desk.asterisk.ca_file))
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.asterisk.ports.ami_tls, ssl=context)
        writer.write(f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"Response: Success" in answer
        writer.close()
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", desk.asterisk.ports.ami_tls, ssl=ssl.create_default_context())


async def test_two_desks_side_by_side_are_quick_and_leave_nothing() -> None:
    """Both versions run at once, each with its own call, and every file and port is given back."""
    begun = time.monotonic()
    async with Desk.open("22", channelvars=["RW_TAG"]) as new, Desk.open("16") as old:
        for desk in (new, old):
            desk.phones({str(number): Manner(ring=0.1) for number in range(101, 113)})
        assert time.monotonic() - begun < 6
        calls = await asyncio.gather(*(desk.call("support", talk=0.5) for desk in (new, old)))
        await asyncio.gather(new.idle(), old.idle())
        assert [call.end for call in calls] == ["caller", "caller"]
        assert len(new.cdr()) == len(old.cdr()) == 1
        folders = [desk.asterisk.folder for desk in (new, old)]
        processes = [desk.asterisk.pid for desk in (new, old)]
        assert "22." in await new.asterisk.cli("core show version")
        assert "16." in await old.asterisk.cli("core show version")
    assert not any(folder.exists() for folder in folders)
    assert not any(_lives(process) for process in processes)


def test_missing_asterisk_says_what_to_do() -> None:
    """No Asterisk is an error that names the cure."""
    with pytest.raises(Exception, match="run tests/install"):
        Asterisk("99")


def test_readers_read_recorded_files() -> None:
    """What Asterisk wrote in the recorded sessions, gzipped or not, reads like what it writes here."""
    captures = Path(__file__).parents[1] / "captures"
    for version in ("22", "16"):
        folder = captures / f"mix-{version}"
        entered = {line.call_id for line in read_queue_log(folder / "queue_log") if line.event == "ENTERQUEUE"}
        answered = {row.uniqueid for row in read_cdr(folder / "cdr.csv") if row.answer is not None}
        ended = {event.linkedid for event in read_cel(folder / "cel.csv.gz") if event.event == "LINKEDID_END"}
        assert len(entered & answered & ended) > 50


def _lives(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False
