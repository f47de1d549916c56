"""What is true of Asterisk, sentence by sentence, and the tests that prove it.

A test that proves one says so in its docstring: ``Order, seen: park`` or ``Pitfall 3``. What is listed here without a
test that says so, and a test that says so without being listed, are both found.

"Order, seen" is the order in which Asterisks 22.10 and 16.28 said things; the pitfalls were read in its sources
(apps/app_queue.c unless named). Where the recordings showed a sentence to be wrong, it is put right here.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
CITATION = re.compile(r"Order, seen: [^.;:()]+|Pitfall \d+")
Proofs = tuple[str, ...]

ORDER = "test_asterisk_order.py::"
PITFALLS = "test_asterisk_pitfalls.py::"
VISITS = "core/test_visits.py::"
CALLS = "core/test_calls.py::"
TALKS = "core/test_talks.py::"
ENGINE = "core/test_engine.py::"
QUEUES = "core/test_queues.py::"
TRANSLATE = "ami/test_translate.py::"
SESSION = "ami/test_session.py::"

FACTS: dict[str, dict[str, Proofs]] = {
    "Order, seen: answer": {
        "DialEnd ANSWER, QueueCallerLeave, AgentConnect, Newstate (of a caller not up before), BridgeEnter of both.": (
            f"{ORDER}test_an_answer",
            f"{VISITS}test_an_answered_visit_is_told_when_the_talk_is_over",
        ),
        "RingTime is cut off to whole seconds; HoldTime is a difference of such, maybe more than the wait.": (
            f"{ORDER}test_the_seconds_of_an_answer_are_whole",
        ),
    },
    "Order, seen: ring-all": {
        "DialEnd ANSWER, then DialEnd CANCEL for each loser twice; the losers' Hangups have Cause 26.": (
            f"{ORDER}test_losers_of_a_ring_all_queue",
            f"{CALLS}test_in_a_ring_all_queue_the_losers_were_answered_elsewhere",
        ),
    },
    "Order, seen: caller hangs up": {
        "HangupRequest, DialEnd CANCEL (twice each), QueueCallerAbandon, QueueCallerLeave, the caller's Hangup.": (
            f"{ORDER}test_a_caller_who_hangs_up_in_line",
            f"{VISITS}test_a_caller_who_hangs_up_has_abandoned",
        ),
        "The members' Hangups come anywhere behind their CANCEL; no AgentRingNoAnswer; queue_log has RINGCANCELED.": (
            f"{ORDER}test_a_caller_who_hangs_up_in_line",
        ),
    },
    "Order, seen: queue timeout": {
        "QueueCallerAbandon too, QueueCallerLeave, QUEUESTATUS=TIMEOUT; ABANDONED=TRUE, no HangupRequest before.": (
            f"{ORDER}test_a_queues_timeout",
            f"{VISITS}test_without_class_dialplan_a_timeout_is_a_timeout",
        ),
    },
    "Order, seen: blind transfer": {
        "An Unhold (Hold or no); BlindTransfer, AgentComplete and BridgeLeaves in any order; Hangup, next step.": (
            f"{ORDER}test_a_blind_transfer",
            f"{CALLS}test_a_blind_transfer_to_a_phone",
            f"{CALLS}test_a_blind_transfer_to_a_queue",
            f"{CALLS}test_an_unhold_without_a_hold_is_nothing",
        ),
    },
    "Order, seen: attended transfer": {
        "Hold, no Unhold of it; a Local pair; the swap; AttendedTransfer, AgentComplete; the caller goes on.": (
            f"{ORDER}test_an_attended_transfer",
            f"{CALLS}test_an_attended_transfer",
            f"{TALKS}test_an_attended_transfer_into_a_queue",
        ),
    },
    "Order, seen: failed consultation": {
        "Hold, Local pair, CONGESTION, the agent away for 8 s, back, Unhold; the music tells what the caller hears.": (
            f"{ORDER}test_a_consultation_that_fails",
            f"{TALKS}test_a_consultation_that_failed",
            f"{CALLS}test_a_consultation_that_led_to_nothing_is_a_hold",
        ),
        "The phone's own hold goes into it: Hold, Hold, and the Unhold of one while the agent is away.": (
            "asterisk/test_orders.py::test_a_consultation_that_fails_during_a_hold",
            f"{ORDER}test_holds_nest",
            f"{CALLS}test_holds_nest",
            f"{TALKS}test_the_music_tells_the_end_of_a_hold",
            f"{TALKS}test_who_is_back_from_a_consultation_with_no_music_left_is_back",
        ),
    },
    "Order, seen: hold behind a Local member": {
        "It is said of the phone, two bridges away from the caller.": (
            f"{ORDER}test_a_hold_behind_a_local_member",
            f"{CALLS}test_a_hold_behind_a_local_channel_is_the_members",
        ),
    },
    "Order, seen: park": {
        "ParkedCall, ParkedCallTimeOut, a Dial to the parker; AgentComplete at the end, the parking in its time.": (
            f"{ORDER}test_a_park",
            f"{TALKS}test_a_parked_caller_who_comes_back_to_the_parker",
            f"{TALKS}test_a_parked_caller_who_gives_up",
        ),
    },
    "Order, seen: agent hangs up first": {
        "queue_log may still say COMPLETECALLER, and AgentComplete lacks the Dest headers.": (
            f"{ORDER}test_an_agent_who_hangs_up_first",
            f"{CALLS}test_who_leaves_the_bridge_first_ended_it",
        ),
    },
    "Order, seen: Local member": {
        "AgentConnect's DestChannel is Local/...;1, the phone is behind LocalBridge; DialBegin is said of both.": (
            f"{ORDER}test_a_local_member",
            f"{CALLS}test_a_member_behind_a_local_channel_is_rung_once",
        ),
        "AgentRingNoAnswer is said once, of the half that the queue called.": (
            f"{ORDER}test_a_local_member_who_lets_it_ring",
            f"{CALLS}test_a_member_behind_a_local_channel_lets_it_ring",
        ),
    },
    "Order, seen: agent calls out": {
        "By Originate or by dialling: the first channel is the agent's own.": (
            f"{ORDER}test_an_agent_may_call_out",
            f"{CALLS}test_an_originated_call_begins_with_the_agents_own_phone",
            f"{CALLS}test_an_outbound_call_is_answered_by_the_customer",
        ),
    },
    "Pitfall 1": {
        "QueueCallerAbandon also comes on timeout, leave-empty, withdrawal and codec failure.": (
            f"{ORDER}test_a_queues_timeout",
            f"{VISITS}test_queuestatus_says_why_a_queue_put_a_caller_out",
            f"{VISITS}test_phones_without_a_common_codec_fail_the_caller",
        ),
        "Exit by key sends Leave alone.": (
            "asterisk/test_outcomes.py::test_every_outcome_is_told_from_ami_alone",
            f"{VISITS}test_pressing_a_key_sends_leave_alone",
        ),
        "Refused callers send no queue event, only QUEUESTATUS, if the class is read.": (
            f"{PITFALLS}test_callers_who_are_refused_send_no_queue_event",
            f"{VISITS}test_a_caller_turned_away_at_the_door_is_told_of",
        ),
    },
    "Pitfall 2": {
        "Abandon precedes Leave.": (f"{ORDER}test_a_caller_who_hangs_up_in_line",),
        "On an answer Leave precedes AgentConnect, with gosub and AGI between: Leave alone decides nothing.": (
            f"{VISITS}test_leave_alone_decides_nothing",
            f"{ORDER}test_an_answer",
        ),
    },
    "Pitfall 3": {
        "AgentRingNoAnswer.RingTime is milliseconds.": (
            f"{PITFALLS}test_who_lets_it_ring_is_told_in_milliseconds",
            f"{ORDER}test_a_local_member_who_lets_it_ring",
        ),
        "AgentConnect.RingTime is whole seconds of the round, 0 where the queue has no timeout.": (
            f"{ORDER}test_the_seconds_of_an_answer_are_whole",
        ),
    },
    "Pitfall 4": {
        "AgentRingNoAnswer also comes for busy, congestion and a device's hangup.": (
            "asterisk/test_harness.py::test_ring_no_answer_and_retry",
            f"{CALLS}test_a_phone_that_never_rang_has_rung_for_nothing",
        ),
        "It comes neither for a caller who hangs up nor for ring-all losers.": (
            f"{ORDER}test_a_caller_who_hangs_up_in_line",
            f"{ORDER}test_losers_of_a_ring_all_queue",
        ),
        "Each retry repeats it.": (
            f"{PITFALLS}test_who_lets_it_ring_is_told_in_milliseconds",
            f"{CALLS}test_each_retry_is_an_attempt_of_its_own",
        ),
    },
    "Pitfall 5": {
        "AgentDump: answered, then gone, the caller still waits.": (
            "asterisk/test_outcomes.py::test_a_caller_whose_agent_goes_during_the_announcement_waits_on",
            f"{VISITS}test_a_caller_who_was_dumped_still_waits",
            f"{VISITS}test_a_caller_who_leaves_after_a_dump_was_dumped",
        ),
    },
    "Pitfall 6": {
        "AgentComplete may follow the Hangup or lack the caller's headers.": (
            f"{PITFALLS}test_agent_complete_may_lack_the_caller_and_follow_the_hangups",
            f"{ORDER}test_an_agent_who_hangs_up_first",
        ),
        "It may never come: everything is closed on Hangup.": (
            f"{PITFALLS}test_agent_complete_is_not_needed",
            f"{CALLS}test_a_channel_may_end_without_leaving_the_bridge",
        ),
    },
    "Pitfall 7": {
        "BlindTransfer Success is a place in the dialplan, not an answer.": (
            f"{PITFALLS}test_a_blind_transfer_that_succeeds_may_lead_to_nobody",
        ),
        "AttendedTransfer has DestType Bridge, App, Link, Threeway or Fail.": (
            f"{ORDER}test_an_attended_transfer",
            f"{PITFALLS}test_an_attended_transfer_may_fail",
            f"{TRANSLATE}test_attended_transfer_to_elsewhere",
            f"{TRANSLATE}test_three_who_talk_are_no_transfer",
            "asterisk/test_orders.py::test_three_who_talk",
        ),
    },
    "Pitfall 8": {
        "Bridging rewrites Linkedid to the oldest.": (f"{PITFALLS}test_a_linkedid_is_rewritten_to_the_oldest",),
        "After an attended transfer into a queue two Uniqueids stand for one caller.": (
            f"{PITFALLS}test_after_an_attended_transfer_into_a_queue_the_line_knows_the_consultations_channel",
            f"{TALKS}test_an_attended_transfer_into_a_queue",
        ),
        "A masquerade swaps no Uniqueids any more, but another channel takes a place: a pickup, a place in line.": (
            "core/test_passing.py::test_who_picks_up_for_a_member_has_answered",
            "core/test_passing.py::test_a_caller_takes_the_agents_place_in_line",
        ),
        "Uniqueids collide across PBXs, and across restarts of one.": (
            "core/test_facts.py::test_a_record_is_known_by_what_it_is_about",
            f"{ENGINE}test_a_uniqueid_that_comes_again_after_a_break_is_another_call",
        ),
    },
    "Pitfall 9": {
        "A Local channel may be taken out of the talk.": (
            "asterisk/test_orders.py::test_a_wire_that_is_taken_out",
            f"{CALLS}test_a_talk_goes_on_when_the_local_channel_is_taken_out",
        ),
        "With /n it never is, and transfers behind it are invisible to app_queue.": (
            "test_audit_unseen.py::test_a_transfer_that_app_queue_did_not_see_is_known_by_its_own_fact",
            f"{TALKS}test_a_transfer_behind_a_local_member_and_another_in_front_of_it",
        ),
    },
    "Pitfall 10": {
        "Hold is of who pressed it, MusicOnHoldStart of who hears: behind a Local member, the far half of the wire.": (
            f"{ORDER}test_a_hold_behind_a_local_member",
            f"{CALLS}test_the_callers_own_hold_is_not_the_desks",
        ),
        "A hold may have no Unhold: it ends with BridgeLeave, Hangup or transfer.": (
            f"{ORDER}test_an_attended_transfer",
            f"{CALLS}test_a_hold_still_open_at_the_end_ends_with_the_talk",
        ),
        "Music in line is the same event.": (f"{PITFALLS}test_music_in_line_is_the_same_event_as_on_hold",),
    },
    "Pitfall 11": {
        "Member status by number.": (f"{QUEUES}test_a_members_state_follows_the_devices_number",),
        "InCall is apart; there is one event per queue.": (f"{PITFALLS}test_a_member_is_told_of_by_every_queue",),
        "Realtime and reloaded members send no MemberAdded: a listing tells.": (
            f"{ENGINE}test_a_member_a_listing_does_not_name_is_gone",
            "asterisk/test_agents.py::test_members_that_a_reload_brings_and_takes",
        ),
    },
    "Pitfall 12": {
        "Asterisk's own counters are lost on restart, reset and reload: never read.": (
            f"{PITFALLS}test_asterisks_own_counters_are_not_read",
        ),
    },
    "Pitfall 13": {
        "FullyBooted needs class system.": (
            "test_config.py::test_it_may_read_calls_and_lists_and_nothing_more",
            f"{SESSION}test_an_action_unknown_while_asterisk_boots_is_asked_again",
        ),
        "Events may come before the login's answer.": (f"{SESSION}test_events_before_the_answer",),
        "Events race the listing.": (
            f"{ENGINE}test_a_listing_may_overtake_the_events_of_a_caller",
            f"{ENGINE}test_a_caller_who_was_answered_while_the_listing_was_made_is_not_given_up",
            f"{ENGINE}test_a_channel_that_hung_up_while_the_listing_was_made_is_not_given_up",
        ),
        "Answers are told apart by ActionID.": (f"{SESSION}test_ping_and_logoff",),
    },
    "Pitfall 14": {
        "Loss cannot be seen, only found by a listing.": (
            f"{ENGINE}test_a_channel_a_listing_does_not_name_is_given_up_after_a_second",
            f"{ENGINE}test_a_caller_a_listing_does_not_name_is_given_up_after_a_second",
            f"{ENGINE}test_one_event_lost_doubled_or_late_does_no_harm",
        ),
        "So it is asked again and again how everything stands, and what had to be put right is counted.": (
            f"{SESSION}test_how_everything_stands_is_asked_with_every_sixth_ping",
            f"{ENGINE}test_what_a_listing_puts_right_is_drift",
        ),
    },
    "Pitfall 15": {
        "Advanced eventfilter(...) is young: the account is given plain ones.": (
            "test_config.py::test_its_filters_drop_the_noise_and_nothing_else",
        ),
        "CoreShowChannels needs a right to write, QueueStatus none.": (
            "asterisk/test_attaching.py::test_check_live_tells_what_an_account_lacks",
            f"{SESSION}test_a_denied_action_is_not_asked_again",
        ),
    },
    "Pitfall 16": {
        "Names differ by version: Reason and PausedReason, LoginTime, AMI 5 and 11.": (
            f"{PITFALLS}test_versions_name_things_differently",
        ),
        "A withdrawal is only known to younger ones.": (f"{VISITS}test_queuestatus_says_why_a_queue_put_a_caller_out",),
    },
    "Pitfall 17": {
        "A shutdown closes open calls as unknown.": (
            f"{ENGINE}test_going_down_tells_every_open_call_as_unknown",
            "asterisk/test_attaching.py::test_a_killed_asterisk_is_found_again_and_leaves_a_gap",
        ),
        "After a reload it is asked again how everything stands.": (
            f"{SESSION}test_how_everything_stands_is_asked_after_a_reload",
            "asterisk/test_coming_upon.py::test_reloads_lose_nothing",
        ),
        "HoldTime and TalkTime are differences of time(), and clocks step.": (
            f"{ORDER}test_the_seconds_of_an_answer_are_whole",
            f"{ORDER}test_a_hold_time_may_be_longer_than_the_wait",
            f"{TRANSLATE}test_timestamps_that_run_backwards",
        ),
    },
    "Pitfall 18": {
        "Names that are not UTF-8 are kept.": (
            f"{TRANSLATE}test_invalid_utf8",
            "sources/test_ami.py::test_what_a_stream_may_hold",
        ),
        "Headers of the future and ChanVariable(Local/x;1) keys change nothing.": (
            f"{PITFALLS}test_headers_of_the_future_and_channel_variables_change_nothing",
        ),
    },
}


@cache
def cited() -> dict[str, set[str]]:
    """Read from all tests' docstrings which facts each of them says to prove."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted(ROOT.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                said = " ".join((ast.get_docstring(node) or "").split())
                found[f"{file.relative_to(ROOT)}::{node.name}"] |= set(CITATION.findall(said))
    return found


CASES = [(fact, sentence) for fact, sentences in FACTS.items() for sentence in sentences]


@pytest.mark.parametrize(("fact", "sentence"), CASES, ids=[f"{fact} - {sentence[:40]}" for fact, sentence in CASES])
def test_every_sentence_has_a_test_that_cites_it(fact: str, sentence: str) -> None:
    """The tests that are listed exist, and say in their docstrings what they prove."""
    proofs = FACTS[fact][sentence]
    assert proofs
    assert [proof for proof in proofs if proof not in cited()] == []
    assert [proof for proof in proofs if fact not in cited()[proof]] == []


def test_every_citation_is_listed() -> None:
    """Whoever cites a fact is named here, under that fact."""
    listed = {(proof, fact) for fact, sentences in FACTS.items() for proofs in sentences.values() for proof in proofs}
    assert {(test, fact) for test, facts in cited().items() for fact in facts} == listed


def test_no_fact_is_forgotten() -> None:
    """Twelve orders and eighteen pitfalls."""
    assert [fact for fact in FACTS if fact.startswith("Pitfall")] == [f"Pitfall {number}" for number in range(1, 19)]
    assert sum(fact.startswith("Order, seen: ") for fact in FACTS) == 12
