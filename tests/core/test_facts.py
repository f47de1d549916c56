"""The contract of the facts: their fields, their identities, their form on a line."""

from __future__ import annotations

import json

import msgspec
import pytest

from ringwatch.core.facts import (
    AgentState,
    Anomaly,
    Call,
    Callback,
    Crossing,
    Fact,
    Gap,
    Hold,
    Leg,
    Membership,
    QueueVisit,
    Record,
    RingAttempt,
    Stretch,
    Transfer,
    WrapUp,
    moment,
    to_json,
)
from ringwatch.core.readings import (
    CallbacksReading,
    CallOffered,
    Drift,
    Key,
    QueueReading,
    Reading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.rules import Alert
from tests.core.scenarios import SCENARIOS
from tests.core.told import Told

# What the product's text promises for every line of --facts; more fields may follow, none may go.
PROMISED = {
    "queue_visit": "pbx call_id queue ordinal joined_at ended_at outcome wait_seconds position agent interface "
    "agent_ring_seconds agent_rings desk_ring_seconds desk_rings caller_ring_seconds caller_rings in_time "
    "talk_seconds hold_seconds holds talk_ended_by",
    "call": "pbx call_id started_at ended_at direction caller answered answered_at wait_seconds talk_seconds "
    "hold_seconds transfers bounces queues agents outcome caller_rings in_time",
    "ring_attempt": "pbx call_id queue agent interface started_at ended_at result ring_seconds rings",
    "leg": "pbx call_id queue agent interface started_at ended_at talk_seconds hold_seconds ended_by",
    "transfer": "pbx call_id at kind from_agent to result",
    "hold": "pbx call_id agent kind started_at ended_at seconds",
    "crossing": "pbx call_id queue line agent interface at what threshold",
    "callback": "pbx queue call_id caller owed_since due_at state at by",
    "wrap_up": "pbx agent queue call_id started_at ended_at seconds",
    "agent_state": "pbx agent device at state reason",
    "stretch": "pbx agent device started_at ended_at seconds",
    "membership": "pbx queue agent interface device at member paused reason penalty ringinuse login_at",
    "alert": "pbx queue name state at since value threshold severity why advice",
    "gap": "pbx from to why",
    "anomaly": "pbx at kind detail",
}
TYPES: dict[str, type[Fact]] = {
    "queue_visit": QueueVisit,
    "call": Call,
    "ring_attempt": RingAttempt,
    "leg": Leg,
    "transfer": Transfer,
    "hold": Hold,
    "crossing": Crossing,
    "callback": Callback,
    "wrap_up": WrapUp,
    "agent_state": AgentState,
    "stretch": Stretch,
    "membership": Membership,
    "alert": Alert,
    "gap": Gap,
    "anomaly": Anomaly,
}


@pytest.mark.parametrize("kind", PROMISED)
def test_every_promised_field_is_on_the_line(kind: str) -> None:
    """The contract of the product's text, field by field."""
    fields = [field.encode_name for field in msgspec.structs.fields(TYPES[kind])]
    assert set(PROMISED[kind].split()) <= set(fields)


def test_a_fact_is_written_and_read_back_as_it_is() -> None:
    """Every kind of fact, from real scenarios: one object on one line, its type first, nothing lost on the way."""
    told = Told([record for scenario in SCENARIOS.values() for record in scenario().records])
    written = {json.loads(line)["type"] for line in told.lines}
    assert written == set(PROMISED)
    decoder = msgspec.json.Decoder(Fact)
    originals = [record for record in told.records if not isinstance(record, Reading)]
    assert [decoder.decode(line) for line in told.lines] == originals
    assert all(line.startswith(b'{"type":"') and b"\n" not in line for line in told.lines)


def test_a_gap_is_written_from_and_to() -> None:
    """`from` is a word of Python's; on the line it is the contract's."""
    line = to_json(Gap(pbx="main", from_=1.5, to=2.5, why="disconnected"))
    assert line == b'{"type":"gap","pbx":"main","from":1.5,"to":2.5,"why":"disconnected"}'


VISIT = QueueVisit(
    pbx="main",
    call_id="1.0",
    queue="support",
    ordinal=2,
    joined_at=1.0,
    ended_at=2.0,
    outcome="timeout",
    wait_seconds=1.0,
    position=None,
    agent=None,
    interface=None,
    agent_ring_seconds=None,
    agent_rings=None,
    desk_ring_seconds=0.0,
    desk_rings=0,
    caller_ring_seconds=None,
    caller_rings=None,
    in_time=None,
    talk_seconds=0.0,
    hold_seconds=0.0,
    holds=0,
    talk_ended_by=None,
    uniqueid="1795424400.0",
)
CALL = Call(
    pbx="main",
    call_id="1.0",
    started_at=1.0,
    ended_at=2.0,
    direction="inbound",
    caller="",
    answered=False,
    answered_at=None,
    wait_seconds=1.0,
    talk_seconds=0.0,
    hold_seconds=0.0,
    transfers=0,
    bounces=0,
    queues=[],
    agents=[],
    outcome="unknown",
    caller_ring_seconds=None,
    caller_rings=None,
    desk_ring_seconds=None,
    desk_rings=None,
    in_time=None,
    line=None,
)
ATTEMPT = RingAttempt(
    pbx="main",
    call_id="1.0",
    queue=None,
    agent="Anna",
    interface="PJSIP/101",
    started_at=1.0,
    ended_at=2.0,
    result="busy",
    ring_seconds=0.0,
    rings=0,
    line=None,
)
LEG = Leg(
    pbx="main",
    call_id="1.0",
    queue=None,
    agent="Anna",
    interface="PJSIP/101",
    started_at=1.0,
    ended_at=2.0,
    talk_seconds=1.0,
    hold_seconds=0.0,
    ended_by="agent",
    line=None,
    lines_waiting=0,
)
TRANSFER = Transfer(
    pbx="main",
    call_id="1.0",
    at=1.5,
    kind="blind",
    from_agent="Anna",
    to="108",
    result="success",
    queue=None,
    line=None,
)
HOLD = Hold(
    pbx="main",
    call_id="1.0",
    agent="Anna",
    kind="hold",
    started_at=1.0,
    ended_at=2.0,
    seconds=1.0,
    queue=None,
    line=None,
)
WRAP_UP = WrapUp(pbx="main", agent="Anna", queue="support", call_id="1.0", started_at=2.0, ended_at=12.0, seconds=10.0)
STATE = AgentState(pbx="main", agent="Anna", device="PJSIP/101", at=2.0, state="wrap_up", reason="")
STRETCH = Stretch(pbx="main", agent="Anna", device="PJSIP/101", started_at=2.0, ended_at=9002.0, seconds=9000.0)
UNBROKEN = StretchReading(pbx="main", agent="Anna", device="PJSIP/101", queues=("support",), since=2.0)
MEMBERSHIP = Membership(
    pbx="main",
    queue="support",
    agent="Anna",
    interface="PJSIP/101",
    device="PJSIP/101",
    at=1.0,
    member=True,
    paused=False,
    reason="",
    penalty=0,
    ringinuse=None,
    login_at=None,
)
CROSSING = Crossing(
    pbx="main",
    call_id="1.0",
    queue="support",
    line=None,
    agent="Anna",
    interface="PJSIP/101",
    at=31.0,
    what="hold_limit",
    threshold=30.0,
)
CALLBACK = Callback(
    pbx="main",
    queue="support",
    call_id="1.0",
    caller="0201000001",
    owed_since=2.0,
    due_at=5.0,
    state="settled",
    at=4.0,
    by="desk",
)
TALKS = TalksReading(pbx="main", queue="support", over_target=0, over_limit=0, on_hold=0, on_hold_over_limit=0)
READING = QueueReading(pbx="main", queue="support", waiting=0, oldest_joined_at=None, members={})


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (VISIT, ("main", "1.0", "support", 2)),
        (CALL, ("main", "1.0")),
        (ATTEMPT, ("main", "1.0", "PJSIP/101", 1.0)),
        (LEG, ("main", "1.0", "PJSIP/101", 1.0)),
        (TRANSFER, ("main", "1.0", 1.5)),
        (HOLD, ("main", "1.0", 1.0)),
        (CROSSING, ("main", "1.0", "PJSIP/101", "hold_limit", 31.0)),
        (TALKS, ("main", "support")),
        (CALLBACK, ("main", "support", "1.0")),
        (CallbacksReading(pbx="main", queue="support", owed=1, overdue=0), ("main", "support")),
        (WRAP_UP, ("main", "Anna", "support", 2.0)),
        (STATE, ("main", "Anna", "PJSIP/101", 2.0)),
        (STRETCH, ("main", "Anna", "PJSIP/101", 2.0)),
        (UNBROKEN, ("main", "Anna", "PJSIP/101")),
        (MEMBERSHIP, ("main", "support", "PJSIP/101", 1.0)),
        (Gap(pbx="main", from_=1.0, to=2.0, why="restarted"), ("main", 1.0)),
        (Anomaly(pbx="main", at=1.0, kind="malformed", detail="d"), ("main", 1.0, "malformed", "d")),
        (CallOffered(pbx="main", call_id="1.0", queue="support", ordinal=2, at=1.0), VISIT.key),
        (Drift(pbx="main", at=1.0, what="members", subject="s"), ("main", 1.0, "members", "s")),
        (READING, ("main", "support")),
    ],
)
def test_a_record_is_known_by_what_it_is_about(record: Record, key: Key) -> None:
    """The identity holds the PBX and what is told of, never a value that could be told differently next time.

    Pitfall 8.
    """
    assert record.key == key


def test_a_call_asked_its_line_first_or_else_its_first_queue() -> None:
    """What came later is not where the caller had asked; who came to neither asked nobody."""
    asked = [
        msgspec.structs.replace(CALL, line=line, queues=queues).asked_first
        for line, queues in (("direct", ["support"]), (None, ["sales", "support"]), (None, []))
    ]
    assert asked == ["direct", "sales", None]


def test_a_fact_never_changes() -> None:
    """Facts are frozen: whoever holds one may keep it."""
    field = "outcome"
    with pytest.raises(AttributeError):
        setattr(VISIT, field, "answered")


def test_the_moment_of_a_record_is_its_own_or_its_end() -> None:
    """A gap has two ends, and how things stand has none."""
    gap = Gap(pbx="main", from_=1.5, to=2.5, why="disconnected")
    assert [moment(each) for each in (CALLBACK, CROSSING, HOLD, STRETCH, gap, UNBROKEN)] == [
        4.0,
        31.0,
        2.0,
        9002.0,
        0,
        0,
    ]
