"""How a visit, a ring attempt and a leg may go on: every rule in a table, nothing hidden in code.

A visit (one caller in one queue)::

    WAITING --abandon--> LEAVING --status, settle, gone--> ENDED
    WAITING --leave----> LEAVING --connect--> TALKING --talk_end, gone--> ENDED

* Leave alone decides nothing: on an answer it comes before AgentConnect, with announcements between
  (app_queue.c, try_calling), and it follows every other way out as well.
* QueueCallerAbandon is not "hung up": Asterisk sends it on a timeout, an empty queue and a withdrawal too
  (app_queue.c, record_abandoned). Told apart by QUEUESTATUS (class dialplan), else by whether the caller's channel was
  asked to hang up before.
* A pair of state and signal that is not in the table is an anomaly: counted, and the state stays.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from ringwatch.core.facts import AttemptResult, Outcome


class VisitState(enum.Enum):
    """Where a visit stands."""

    WAITING = "waiting"
    LEAVING = "leaving"
    TALKING = "talking"
    ENDED = "ended"


class VisitSignal(enum.Enum):
    """What can happen to a visit. SETTLE: nothing more was said within the settling time. GONE: the caller hung up."""

    ABANDON = "abandon"
    LEAVE = "leave"
    CONNECT = "connect"
    DUMP = "dump"
    STATUS = "status"
    SETTLE = "settle"
    TALK_END = "talk_end"
    GONE = "gone"


_W, _L, _T, _E = VisitState.WAITING, VisitState.LEAVING, VisitState.TALKING, VisitState.ENDED
_S = VisitSignal

VISIT: Mapping[tuple[VisitState, VisitSignal], VisitState] = MappingProxyType(
    {
        (_W, _S.ABANDON): _L,
        (_W, _S.LEAVE): _L,
        (_W, _S.CONNECT): _T,
        (_W, _S.DUMP): _W,
        (_W, _S.STATUS): _E,
        (_W, _S.GONE): _E,
        (_L, _S.ABANDON): _L,
        (_L, _S.LEAVE): _L,
        (_L, _S.CONNECT): _T,
        (_L, _S.STATUS): _E,
        (_L, _S.SETTLE): _E,
        (_L, _S.GONE): _E,
        # Connect may overtake Leave when an event is late.
        (_T, _S.LEAVE): _T,
        (_T, _S.TALK_END): _E,
        # A caller who hung up is done at QueueCallerAbandon. Leave still follows, and the same Abandon once more when
        # an agent was hearing an announcement (app_queue.c, try_calling and then queue_exec).
        (_E, _S.ABANDON): _E,
        (_E, _S.LEAVE): _E,
    }
)

QUEUE_STATUS: Mapping[str, Outcome] = MappingProxyType(
    {
        "TIMEOUT": "timeout",
        "FULL": "refused_full",
        "JOINEMPTY": "refused_empty",
        "JOINUNAVAIL": "refused_empty",
        "LEAVEEMPTY": "empty",
        "LEAVEUNAVAIL": "empty",
        "WITHDRAW": "withdrawn",
    }
)
"""What QUEUESTATUS says of a caller who was not answered (app_queue.c, queue_results)."""

REFUSALS: frozenset[str] = frozenset({"FULL", "JOINEMPTY", "JOINUNAVAIL"})
"""Said of callers who never joined: no queue event exists for them."""

DIAL_STATUS: Mapping[str, AttemptResult] = MappingProxyType(
    {
        "ANSWER": "answered",
        "BUSY": "busy",
        "NOANSWER": "no_answer",
    }
)
"""What DialEnd says of a device. CANCEL is not here: it is ``elsewhere`` when another device of the same round
answered, else ``caller_gone``. Any other word (CONGESTION, CHANUNAVAIL, ...) counts as ``failed``."""

HANGUP_CAUSE: Mapping[int, AttemptResult] = MappingProxyType({17: "busy", 19: "no_answer", 26: "elsewhere"})
"""Q.850 causes of a device that went without a DialEnd; every other cause counts as ``failed``."""


def visit_outcome(
    *, status: str | None, abandoned: bool, hung_up: bool, picked_up: bool, dumped: bool, left: bool
) -> Outcome:
    """Name the outcome of a visit in which nobody talked, by the strongest evidence first."""
    if outcome := QUEUE_STATUS.get(status or ""):
        return outcome
    if abandoned and hung_up:
        return "abandoned"
    if abandoned:
        # A member picked up and could not be connected (app_queue.c, SYSCOMPAT). Else, without class dialplan, an empty
        # queue and a withdrawal look like a timeout too: it is the nearest name.
        return "failed" if picked_up else "timeout"
    if dumped:
        return "dumped"
    if left and not picked_up:
        # app_queue.c, queue_exec: pressing a key is the one way out that sends Leave alone.
        return "key_exit"
    return "abandoned" if hung_up else "unknown"
