"""One record of every kind, and a small desk's worth of them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ringwatch.core.facts import (
    AgentState,
    Anomaly,
    Call,
    Callback,
    Crossing,
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
)
from ringwatch.core.readings import (
    CallAnswered,
    CallbacksReading,
    CallOffered,
    Drift,
    QueueReading,
    StaffingReading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.rules import Alert

NINE = 1_795_424_400.0

OFFERED = CallOffered(pbx="main", call_id="1.0", queue="support", ordinal=1, at=NINE)
VISIT = QueueVisit(
    pbx="main",
    call_id="1.0",
    queue="support",
    ordinal=1,
    joined_at=NINE,
    ended_at=NINE + 72.5,
    outcome="answered",
    wait_seconds=12.5,
    position=1,
    agent="Anna",
    interface="PJSIP/101",
    agent_ring_seconds=4.0,
    agent_rings=1,
    desk_ring_seconds=12.0,
    desk_rings=3,
    caller_ring_seconds=None,
    caller_rings=None,
    in_time=True,
    talk_seconds=50.0,
    hold_seconds=10.0,
    holds=1,
    talk_ended_by="agent",
    uniqueid="1795424400.0",
)
CALL = Call(
    pbx="main",
    call_id="1.0",
    started_at=NINE - 1,
    ended_at=NINE + 73,
    direction="inbound",
    caller="0201000001",
    answered=True,
    answered_at=NINE + 12.5,
    wait_seconds=12.5,
    talk_seconds=50.0,
    hold_seconds=10.0,
    transfers=0,
    bounces=0,
    queues=["support"],
    agents=["Anna"],
    outcome="answered",
    caller_ring_seconds=None,
    caller_rings=None,
    desk_ring_seconds=None,
    desk_rings=None,
    in_time=True,
    line=None,
)
ATTEMPT = RingAttempt(
    pbx="main",
    call_id="1.0",
    queue="support",
    agent="Anna",
    interface="PJSIP/101",
    started_at=NINE + 8.5,
    ended_at=NINE + 12.5,
    result="answered",
    ring_seconds=4.0,
    rings=1,
    line=None,
)
LEG = Leg(
    pbx="main",
    call_id="1.0",
    queue="support",
    agent="Anna",
    interface="PJSIP/101",
    started_at=NINE + 12.5,
    ended_at=NINE + 72.5,
    talk_seconds=50.0,
    hold_seconds=10.0,
    ended_by="agent",
    line=None,
    lines_waiting=0,
)
TRANSFER = Transfer(
    pbx="main",
    call_id="1.0",
    at=NINE + 40,
    kind="attended",
    from_agent="Anna",
    to="108",
    result="failed",
    queue="support",
    line=None,
)
HOLD = Hold(
    pbx="main",
    call_id="1.0",
    agent="Anna",
    kind="hold",
    started_at=NINE + 20,
    ended_at=NINE + 30,
    seconds=10.0,
    queue="support",
    line=None,
)
CROSSING = Crossing(
    pbx="main",
    call_id="1.0",
    queue="support",
    line=None,
    agent="Anna",
    interface="PJSIP/101",
    at=NINE + 50,
    what="hold_limit",
    threshold=30.0,
)
CALLBACK = Callback(
    pbx="main",
    queue="support",
    call_id="0.5",
    caller="0201000009",
    owed_since=NINE - 300_000,
    due_at=NINE - 40_800,
    state="owed",
    at=NINE - 300_000,
    by=None,
)
SETTLED = replace(CALLBACK, state="settled", at=NINE + 10, by="desk")
OWING = CallbacksReading(pbx="main", queue="support", owed=1, overdue=1)
WRAP_UP = WrapUp(
    pbx="main",
    agent="Anna",
    queue="support",
    call_id="1.0",
    started_at=NINE + 72.5,
    ended_at=NINE + 92,
    seconds=19.5,
)
STATE = AgentState(pbx="main", agent="Anna", device="PJSIP/101", at=NINE + 72.5, state="wrap_up", reason="")
STRETCH = Stretch(
    pbx="main",
    agent="Anna",
    device="PJSIP/101",
    started_at=NINE - 500,
    ended_at=NINE - 100,
    seconds=400.0,
)
MEMBERSHIP = Membership(
    pbx="main",
    queue="support",
    agent="Anna",
    interface="PJSIP/101",
    device="PJSIP/101",
    at=NINE - 600,
    member=True,
    paused=False,
    reason="",
    penalty=0,
    ringinuse=False,
    login_at=1_795_423_800,
)
ANSWERED = CallAnswered(
    pbx="main", call_id="1.0", queue="support", ordinal=1, at=NINE + 12.5, wait_seconds=12.5, in_time=True
)
ALERT = Alert(
    pbx="main",
    queue="support",
    name="RingwatchLinesPilingUp",
    state="raised",
    at=NINE + 20,
    since=NINE + 10,
    value=4,
    threshold=3,
    severity="warning",
    why="",
    advice="4 callers wait in support: ask who is paused or in back office to take calls now.",
)
GAP = Gap(pbx="main", from_=NINE + 100, to=NINE + 103.25, why="disconnected")
ANOMALY = Anomaly(pbx="main", at=NINE + 5, kind="join_not_seen", detail="support: 0.9")
DRIFT = Drift(pbx="main", at=NINE + 104, what="members", subject="support: PJSIP/101")
READING = QueueReading(
    pbx="main",
    queue="support",
    waiting=2,
    oldest_joined_at=NINE + 60,
    members={
        "free": 1,
        "ringing": 0,
        "talking": 3,
        "on_hold": 0,
        "wrap_up": 0,
        "paused": 1,
        "unavailable": 0,
        "unknown": 0,
    },
)
STAFFED = StaffingReading(
    pbx="main",
    queue="support",
    at=NINE + 60,
    agents_required=7,
    agents_present=4.5,
    agents_short=1.5,
    occupancy=0.9,
    estimated_wait_seconds=40.0,
    load_gini=0.25,
)
UNBROKEN = StretchReading(pbx="main", agent="Anna", device="PJSIP/101", queues=("sales", "support"), since=NINE + 12.5)
TALKS = TalksReading(pbx="main", queue="support", over_target=2, over_limit=1, on_hold=3, on_hold_over_limit=1)

EVERY_KIND: tuple[Record, ...] = (
    OFFERED,
    ANSWERED,
    READING,
    STAFFED,
    UNBROKEN,
    TALKS,
    OWING,
    ATTEMPT,
    LEG,
    HOLD,
    CROSSING,
    TRANSFER,
    VISIT,
    CALL,
    CALLBACK,
    WRAP_UP,
    STATE,
    STRETCH,
    MEMBERSHIP,
    GAP,
    ALERT,
    ANOMALY,
    DRIFT,
)


def numbered(record: Any, number: int, **changes: Any) -> Any:
    """Return the same record about another call."""
    return replace(record, call_id=f"{number}.0", **changes)
