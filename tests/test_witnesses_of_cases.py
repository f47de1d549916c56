"""The witnesses notice what is wrong of pickups, forwards, conferences and customers who are handed on.

One fact of ``cases-22`` is dropped or changed, and the verdict is about its call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest

from ringwatch.core.facts import Call, Fact, Leg, QueueVisit, RingAttempt, Transfer
from tests.recording import load, replayed
from tests.tools.captures import CAPTURES
from tests.witnesses import Witnesses, compare

FOLDER = CAPTURES / "cases-22"
Change = Callable[[Fact], list[Fact]]


@cache
def told() -> tuple[Fact, ...]:
    """Return what ringwatch says of the recording."""
    return tuple(replayed(FOLDER))


@cache
def seen() -> Witnesses:
    """Return what everybody else says."""
    return load(FOLDER)


def drop(_: Fact) -> list[Fact]:
    """Tell nothing of it."""
    return []


def change(**values: Any) -> Change:
    """Tell something else."""
    return lambda fact: [msgspec.structs.replace(fact, **values)]


@pytest.mark.parametrize(
    ("case", "kind", "which", "to", "noticed"),
    [
        ("group_pickup", Leg, {}, drop, "talk in no leg"),
        ("group_pickup", Leg, {}, change(interface="PJSIP/108"), "leg unheard"),
        ("pickup_from_a_queue", QueueVisit, {}, change(agent="Bram", interface="PJSIP/102"), "agent"),
        ("pickup_behind_a_local_member", Leg, {}, drop, "talk in no leg"),
        ("forwarded_phone", RingAttempt, {"interface": "PJSIP/109"}, change(ring_seconds=2.0), "ring seconds"),
        ("forwarded_member", RingAttempt, {"interface": "PJSIP/109"}, change(result="no_answer"), "ring no answer"),
        ("follow_me", RingAttempt, {}, change(ring_seconds=0.3), "ring seconds"),
        ("follow_me", Leg, {}, drop, "talk in no leg"),
        ("conference", Leg, {"interface": "PJSIP/110"}, drop, "talk in no leg"),
        ("referred_into_a_conference", Leg, {"interface": "PJSIP/110"}, drop, "talk in no leg"),
        ("referred_into_a_queue", QueueVisit, {}, drop, "visit missing"),
        ("redirected_both", Leg, {}, change(ended_at=0.0), "talk in no leg"),
        ("customer_handed_on", Leg, {"interface": "PJSIP/109"}, drop, "talk in no leg"),
        ("customer_handed_on", Transfer, {}, drop, "transfer untold"),
        ("customer_handed_on_after_asking", Transfer, {}, change(from_agent="PJSIP/109"), "transfer agent"),
        ("called_colleague_handed_on_into_a_queue", Transfer, {}, change(from_agent="Front 108"), "transfer agent"),
        ("called_colleague_handed_on_into_a_queue", Leg, {"interface": "PJSIP/101"}, drop, "talk in no leg"),
        ("clicked_to_call_out", Leg, {}, drop, "talk in no leg"),
        ("clicked_to_call_a_colleague", Leg, {}, change(interface="PJSIP/101"), "leg unheard"),
        ("spied_on", Call, {"direction": "outbound"}, change(answered=True), "cdr answered"),
    ],
)
def test_a_wrong_fact_of_a_case_is_noticed(
    case: str, kind: type[Fact], which: dict[str, str], to: Change, noticed: str
) -> None:
    """By one of the four, under its own kind."""
    start, end = json.loads((FOLDER / "cases.json").read_text())[case]
    began = {each.call_id: each.started_at for each in told() if isinstance(each, Call)}
    wrong = next(
        each
        for each in told()
        if isinstance(each, kind)
        and start - 0.1 <= began[getattr(each, "call_id", "")] < end
        and all(getattr(each, name) == value for name, value in which.items())
    )
    facts = [told_instead for each in told() for told_instead in (to(each) if each is wrong else [each])]
    verdict = compare(facts, seen())
    assert noticed in {each.kind for each in verdict.differences}, verdict
    assert {each.call_id for each in verdict.differences} == {getattr(wrong, "call_id", "")}
