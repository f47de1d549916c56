"""A catalogue of short calls: one for every way a call can go, by name.

What each of them must be told as is in the tests of the modules; here they are for tests that ask something of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ringwatch.core import events as ev
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import SEATS, Caller, Desk


def _support(desk: Desk, options: str = "tT") -> Caller:
    return desk.caller("0201000001").joins("support", options).after(2)


def _talking(desk: Desk, agent: str = "Anna") -> Caller:
    return _support(desk).rings(agent).after(4).answers().after(60)


def _direct(desk: Desk, *devices: str) -> Caller:
    return desk.caller("0201000002", exten="3001").dials(*devices).after(0.5).rings().after(3)


def answered() -> Desk:
    """A queue call as it should be."""
    return _talking(Desk()).hangs_up().desk


def agent_hangs_up() -> Desk:
    """The agent ends the talk."""
    return _talking(Desk()).agent_hangs_up().desk


def agent_goes_slowly() -> Desk:
    """The agent's channel ends half a second after it has left the bridge."""
    caller = _talking(Desk())
    anna = caller.phone
    caller.parts("agent leaves").after(0.5).partner = anna
    return caller.parts("agent ends", "caller leaves", "caller ends").desk


def wrapped_up() -> Desk:
    """The agent is left alone for a while after the call."""
    desk = Desk(Policy(default=Standard(wrapup_seconds=15)))
    return _talking(desk).hangs_up().after(20).desk.ticks()


def worked_without_a_break() -> Desk:
    """The agent talks for as long as a break would be, and then takes one."""
    return _talking(Desk()).after(300).hangs_up().after(301).desk.ticks()


def abandoned_waiting() -> Desk:
    """Nobody is free, and the caller gives up."""
    return _support(Desk()).after(20).hangs_up().desk


def abandoned_waiting_without_dialplan() -> Desk:
    """The same, told to an account that reads no VarSet."""
    return _support(Desk(dialplan=False)).after(20).hangs_up().desk


def abandoned_ringing() -> Desk:
    """The caller gives up while two phones ring."""
    return _support(Desk()).rings("Anna", "Bram").after(20).hangs_up().desk


def abandoned_in_the_announcement() -> Desk:
    """The caller gives up while the agent hears whose call it is."""
    return _support(Desk()).rings("Anna").after(8).picks_up().after(2).hangs_up_during_the_announcement().desk


def incompatible() -> Desk:
    """The phones share no codec."""
    return _support(Desk()).rings("Anna").after(8).picks_up().cannot_be_connected().desk


def timed_out() -> Desk:
    """The queue's limit ends the wait while a phone rings."""
    return _support(Desk()).rings("Anna").after(30).is_put_out("TIMEOUT").is_sent_away().desk


def timed_out_without_dialplan() -> Desk:
    """The same without VarSet; the dialplan hangs up at once."""
    return _support(Desk(dialplan=False)).after(30).is_put_out("TIMEOUT").is_sent_away().desk


def timed_out_to_a_phone() -> Desk:
    """The dialplan goes on with a phone that answers at once."""
    caller = _support(Desk()).after(30).is_put_out("TIMEOUT").dials("PJSIP/108").rings()
    return caller.after(0.5).answers().after(9).hangs_up().desk


def timed_out_to_a_phone_without_dialplan() -> Desk:
    """The dialplan goes on with an announcement and a phone; no VarSet comes."""
    caller = _support(Desk(dialplan=False)).after(30).is_put_out("TIMEOUT").after(9).dials("PJSIP/108").rings()
    return caller.after(2).answers().after(9).hangs_up().desk


def put_out(status: str) -> Callable[[], Desk]:
    """The queue ends the wait for another reason."""
    return lambda: _support(Desk()).after(7).is_put_out(status).after(3).is_sent_away().desk


def refused(status: str) -> Callable[[], Desk]:
    """The queue lets nobody in."""
    return lambda: Desk().caller("0201000003").is_refused("support", status).is_sent_away().desk


def put_out_without_leave(status: str) -> Callable[[], Desk]:
    """The filter keeps Leave and Abandon from the account: QUEUESTATUS alone tells."""
    deaf_to = (ev.CallerLeft, ev.CallerAbandoned)
    return lambda: _support(Desk(deaf_to=deaf_to)).after(7).is_put_out(status).after(3).is_sent_away().desk


def gone_without_leave() -> Desk:
    """The filter keeps everything of the queue's end from the account."""
    desk = Desk(deaf_to=(ev.CallerLeft, ev.CallerAbandoned, ev.QueueStatusSet))
    return _support(desk).after(7).is_put_out("LEAVEEMPTY").is_sent_away().desk


def key_pressed() -> Desk:
    """The caller takes another choice while a phone rings, and is answered there."""
    caller = _support(Desk()).rings("Anna").after(3).presses_key().after(0.5)
    return caller.joins("sales").rings("Dirk", "Eva").after(2).answers("Eva").after(30).hangs_up().desk


def key_pressed_to_be_refused() -> Desk:
    """The caller takes another choice, where nobody works."""
    return _support(Desk()).after(3).presses_key().after(0.1).is_refused("sales", "JOINEMPTY").is_sent_away().desk


def dumped_then_answered() -> Desk:
    """The first agent goes before being put through; the second stays."""
    caller = _support(Desk()).rings("Anna").after(3).picks_up().after(1).is_dumped().after(2)
    return caller.rings("Bram").after(3).answers().after(10).hangs_up().desk


def dumped_then_gone() -> Desk:
    """The agent goes before being put through, and nobody else comes."""
    return _support(Desk()).rings("Anna").after(3).picks_up().is_dumped().after(9).presses_key().after(2).ends().desk


def connected_late() -> Desk:
    """Between Leave and AgentConnect the agent hears an announcement of three seconds (a gosub)."""
    caller = _support(Desk()).rings("Anna").after(4).picks_up().leaves().after(3)
    return caller.is_connected().after(20).hangs_up().desk


def connected_before_leaving() -> Desk:
    """Leave comes late."""
    caller = _support(Desk()).rings("Anna").after(4).picks_up()
    return caller.is_connected().leaves().after(20).hangs_up().desk


def connected_without_leave() -> Desk:
    """The filter keeps Leave from the account."""
    return _talking(Desk(deaf_to=(ev.CallerLeft,))).hangs_up().desk


def missed_then_answered() -> Desk:
    """Two phones let the call pass, one of them twice."""
    caller = _support(Desk()).rings("Anna").after(15).is_answered_with("NOANSWER", "Anna").after(5)
    caller.rings("Anna").after(15).is_answered_with("NOANSWER", "Anna").after(5)
    return caller.rings("Bram").after(2).answers().after(30).hangs_up().desk


def refused_by_phones() -> Desk:
    """Phones are busy, congested, unreachable, or say something unheard of."""
    caller = _support(Desk())
    for status in ("BUSY", "CONGESTION", "CHANUNAVAIL", "DONTCALL"):
        caller.calls("Anna").is_answered_with(status, "Anna").after(5)
    return caller.hangs_up().desk


def phones_vanish() -> Desk:
    """The filter keeps DialEnd from the account: the causes of the phones' hangups tell."""
    caller = _support(Desk(deaf_to=(ev.DialEnded,)))
    for cause in (17, 19, 26, 16):
        caller.rings("Anna").after(5).loses("Anna", cause)
    return caller.hangs_up().desk


def ring_all() -> Desk:
    """All phones ring, one wins."""
    return _support(Desk()).rings("Anna", "Bram", "Chloé").after(6).answers("Bram").after(30).hangs_up().desk


def local_member() -> Desk:
    """The member is behind a Local channel that stays, and holds the caller."""
    caller = Desk().caller("0201000004").joins("billing").rings("Femke").after(3).answers().after(10)
    return caller.is_held().after(5).is_taken_back().after(5).hangs_up().desk


def local_member_missed() -> Desk:
    """The phone behind a Local channel rings out."""
    caller = Desk().caller("0201000004").joins("billing").rings("Gijs").after(8)
    return caller.is_answered_with("NOANSWER", "Gijs").after(2).hangs_up().desk


def local_member_optimised() -> Desk:
    """The Local channel is taken out of the talk."""
    caller = Desk().caller("0201000004").joins("billing").rings("Gijs").after(3).answers().after(1)
    return caller.loses_the_wire().after(20).hangs_up().desk


def direct() -> Desk:
    """No queue: one phone rings and answers."""
    return _direct(Desk(), "PJSIP/101").answers().after(30).hangs_up().desk


def direct_group() -> Desk:
    """No queue: three phones ring, the second answers."""
    return _direct(Desk(), "PJSIP/101", "PJSIP/102", "PJSIP/103").answers("PJSIP/102").after(30).hangs_up().desk


def direct_abandoned() -> Desk:
    """No queue: the caller gives up."""
    return _direct(Desk(), "PJSIP/101", "PJSIP/102").after(20).hangs_up().desk


def direct_ended_with(status: str) -> Callable[[], Desk]:
    """No queue: the phone does not answer, for this reason."""
    return lambda: _direct(Desk(), "PJSIP/101").is_answered_with(status, "PJSIP/101").after(1).is_sent_away().desk


def direct_local() -> Desk:
    """No queue: the phone is behind a Local channel."""
    return _direct(Desk(), "Local/108@internal").answers().after(30).hangs_up().desk


def held() -> Desk:
    """The caller is put on hold, and the hold is still open at the end."""
    caller = _talking(Desk()).is_held().after(5).is_taken_back().after(5)
    return caller.is_held().after(7).hangs_up().desk


def held_too_long() -> Desk:
    """The hold crosses its limit, and the talk its target and its limit."""
    return _talking(Desk()).is_held().after(31).is_taken_back().after(1000).hangs_up().desk


def consulted() -> Desk:
    """A consultation within a hold leads to nothing."""
    caller = _talking(Desk()).is_held().after(2).is_left_for_a_consultation().after(8).has_the_agent_back()
    return caller.after(5).hangs_up().desk


def transferred() -> Desk:
    """From queue to queue to phone to the first queue again."""
    caller = _talking(Desk()).is_transferred("800").joins("sales").rings("Dirk").after(3).answers().after(9)
    caller.is_transferred("108").dials("PJSIP/108").rings().after(2).answers().after(9)
    return caller.is_transferred("801").joins("support").rings("Anna").after(2).answers().after(9).hangs_up().desk


def transfer_refused() -> Desk:
    """The number does not exist."""
    return _talking(Desk()).is_transferred("999", success=False).after(9).hangs_up().desk


def handed_over() -> Desk:
    """A transfer after a consultation."""
    return _talking(Desk()).is_handed_over("108").after(20).hangs_up().desk


def blinked() -> Desk:
    """The bridge is rebuilt in the middle of a talk."""
    caller = _talking(Desk())
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.BridgeLeft(desk.at, anna, caller.bridge)).after(0.125)
    desk.says(ev.BridgeEntered(desk.at, anna, caller.bridge))
    return caller.after(5).hangs_up().desk


def held_twice_with_music() -> Desk:
    """A hold, a consultation within it, and one Unhold too few: the music tells when the caller is not alone."""
    caller = _talking(Desk())
    desk, anna = caller.desk, caller.phone.uniqueid
    desk.says(ev.HoldBegan(desk.at, anna), ev.MusicBegan(desk.at, caller.uniqueid)).after(1)
    caller.is_left_for_a_consultation().after(8).has_the_agent_back().after(2)
    desk.says(ev.MusicEnded(desk.at, caller.uniqueid))
    return caller.after(5).hangs_up().desk


def consulted_a_queue() -> Desk:
    """A consultation at a queue, whose agent answers and talks with the caller afterwards."""
    caller = _talking(Desk())
    asked = caller.consults("800").joins("sales").rings("Dirk").after(3).answers().after(4)
    caller.is_handed_into_the_consultation().after(9)
    dirk, asked.partner = asked.phone, None
    caller.hangs_up().desk.says(ev.HangupRequested(caller.desk.at, asked.uniqueid))
    asked.ends().loses_channel(dirk)
    return caller.desk.says(ev.ChannelEnded(caller.desk.at, caller.consulting[0], 16))


def consulted_a_queue_in_vain() -> Desk:
    """The agent of the other queue answers, and is gone before the caller is handed over."""
    caller = _talking(Desk())
    asked = caller.consults("800").joins("sales").rings("Dirk").after(3).answers().after(4)
    asked.parts("agent leaves", "agent ends").after(1)
    return caller.has_the_consultation_ended(asked).after(5).hangs_up().desk


def _parked() -> Caller:
    return _talking(Desk()).is_parked().after(5)


def parked_and_back() -> Desk:
    """Nobody fetches the caller, who is given back to the parker."""
    caller = _parked().leaves_the_parking_space().dials("PJSIP/101").rings()
    return caller.after(2).answers().after(8).hangs_up().desk


def parked_and_gone() -> Desk:
    """The caller gives up in the parking space."""
    return _parked().hangs_up().desk


def parked_and_lost() -> Desk:
    """The caller gives up while the parker is rung."""
    return _parked().leaves_the_parking_space().dials("PJSIP/101").rings().after(3).hangs_up().desk


def parked_and_fetched() -> Desk:
    """Somebody else dials the parking space."""
    caller = _parked()
    desk = caller.desk
    eva, _ = desk.opens("PJSIP/105", ringing_in=True)
    caller.leaves_the_parking_space()
    desk.says(ev.BridgeEntered(desk.at, eva, "fetched"), ev.BridgeEntered(desk.at, caller.uniqueid, "fetched")).after(5)
    desk.says(ev.BridgeLeft(desk.at, eva, "fetched"), ev.ChannelEnded(desk.at, eva, 16))
    return caller.hangs_up().desk


def parked_together() -> Desk:
    """Two callers are parked; one gives up, the other is given back."""
    desk = Desk()
    first, second = _talking(desk), _talking(desk, "Bram")
    first.is_parked()
    second.is_parked().after(3)
    first.hangs_up().after(2)
    second.leaves_the_parking_space().dials("PJSIP/102").rings().after(2).answers().after(8).hangs_up()
    return desk


def redirected() -> Desk:
    """An operator takes the caller out of a talk into another line."""
    caller = _talking(Desk())
    anna, caller.partner = caller.phone, None
    caller.joins("sales").rings("Dirk").after(5).answers().after(9)
    return caller.hangs_up().loses_channel(anna).desk


def outbound() -> Desk:
    """A member calls a customer."""
    caller = Desk().caller("101", exten="0612345678", device="PJSIP/101").dials("PJSIP/trunk").rings()
    return caller.after(8).answers().after(40).hangs_up().desk


def originated() -> Desk:
    """The PBX rings a phone and then the customer."""
    caller = Desk().originates("PJSIP/101").after(2)
    return caller.dials("PJSIP/trunk").rings().after(8).answers().after(40).hangs_up().desk


def internal() -> Desk:
    """A member calls another phone of the desk."""
    caller = Desk().caller("101", exten="102", device="PJSIP/101").dials("PJSIP/102").rings()
    return caller.after(3).answers().after(40).hangs_up().desk


def attached_in_line() -> Desk:
    """The account logs in while somebody waits."""
    desk = Desk(staffed=False)
    caller = desk.stranger()
    caller.queue, caller.in_line = "support", True
    desk.lists_queues(caller, waited=12).lists_channels(caller.uniqueid)
    return caller.after(3).rings("Anna").after(2).answers().after(9).hangs_up().desk


def attached_in_ringing() -> Desk:
    """The account logs in without a listing while a phone rings."""
    caller = Desk(staffed=False).stranger()
    caller.queue = "support"
    return caller.rings("Anna").after(2).answers().after(9).hangs_up().desk


def vanished() -> Desk:
    """The connection was gone while a call ended."""
    desk = Desk()
    _support(desk).rings("Anna").after(2)
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(60)
    desk.says(ev.StreamResumed(desk.at)).lists_queues(seats=SEATS[1:]).lists_channels()
    return desk.after(2).ticks()


def shut_down() -> Desk:
    """Asterisk goes down in mid-call."""
    desk = _talking(Desk()).desk
    _support(desk)
    return desk.says(ev.Shutdown(desk.at))


SCENARIOS: Mapping[str, Callable[[], Desk]] = MappingProxyType(
    {
        **{
            scenario.__name__: scenario
            for scenario in (
                answered,
                wrapped_up,
                worked_without_a_break,
                agent_hangs_up,
                agent_goes_slowly,
                abandoned_waiting,
                abandoned_waiting_without_dialplan,
                abandoned_ringing,
                abandoned_in_the_announcement,
                incompatible,
                timed_out,
                timed_out_without_dialplan,
                timed_out_to_a_phone,
                timed_out_to_a_phone_without_dialplan,
                gone_without_leave,
                key_pressed,
                key_pressed_to_be_refused,
                dumped_then_answered,
                dumped_then_gone,
                connected_late,
                connected_before_leaving,
                connected_without_leave,
                missed_then_answered,
                refused_by_phones,
                phones_vanish,
                ring_all,
                local_member,
                local_member_missed,
                local_member_optimised,
                direct,
                direct_group,
                direct_abandoned,
                direct_local,
                held,
                held_too_long,
                consulted,
                transferred,
                transfer_refused,
                handed_over,
                blinked,
                held_twice_with_music,
                consulted_a_queue,
                consulted_a_queue_in_vain,
                parked_and_back,
                parked_and_gone,
                parked_and_lost,
                parked_and_fetched,
                parked_together,
                redirected,
                outbound,
                originated,
                internal,
                attached_in_line,
                attached_in_ringing,
                vanished,
                shut_down,
            )
        },
        **{f"put_out {status}": put_out(status) for status in ("LEAVEEMPTY", "LEAVEUNAVAIL", "WITHDRAW")},
        **{f"put_out_without_leave {status}": put_out_without_leave(status) for status in ("TIMEOUT", "LEAVEEMPTY")},
        **{f"refused {status}": refused(status) for status in ("FULL", "JOINEMPTY", "JOINUNAVAIL")},
        **{f"direct {status}": direct_ended_with(status) for status in ("NOANSWER", "BUSY", "CONGESTION")},
    }
)
