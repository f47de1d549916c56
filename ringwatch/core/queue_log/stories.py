"""Turns lines of a queue_log into the facts that AMI tells of the same visits, as far as the log goes.

A visit::

    ENTERQUEUE --> waiting --CONNECT--> talking --COMPLETE..., ...TRANSFER--> told
                      `------ABANDON, EXIT..., WITHDRAW--------------------> told

Rules:

* Identity is that of AMI: the call is the Uniqueid in the line, the ordinal counts its lines ENTERQUEUE of one queue.
  Callers who were refused are not in the log.
* Waits and talks are the whole seconds of the line that says them, times are the lines' own. The talk includes holds
  and parks, which the log does not tell apart: ``hold_seconds`` is 0. A ring attempt that nobody took is ``no_answer``,
  also where the device was busy. An attempt that was answered rang as long as the whole round did, and a device that
  stopped because another answered is not told at all. The interface of a ring attempt or a conversation is the agent
  as the log names it. ``desk_ring_seconds`` is the time in which one of the attempts told rang: the least it can have
  been.
* Not known, and null: the agent's rings, the caller's rings, and therefore whether the answer was in time. That some
  were answered too fast to be late is no reason to judge only them: the share would be of the quick ones.
* The line that ends a talk may precede or follow the caller's next ENTERQUEUE, and may carry another Uniqueid where a
  Local channel was taken out: it is then found by queue, agent and the length of the talk (app_queue.c,
  handle_local_optimization_end).
* A talk may be ended by two lines, ATTENDEDTRANSFER and a COMPLETE, in either order: an agent who hangs up in a
  consultation hands the caller on, and one who waited to consult hands his own on to whoever answered; two threads see
  it end. The first line tells of it, the second is handed to ``again``.
* What has no end in the log is told when something shows that it is over: Asterisk started again, the same channel
  waits elsewhere, or nothing was said of the call for a day. Else it is not told.
* A line that fits nothing is handed to ``misfit``. The visit it speaks of is told all the same, from that line alone:
  when the log begins in mid-call, that is all there is, and no misfit.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ringwatch.core.facts import EndedBy, Outcome
from ringwatch.core.queue_log.lines import NONE, Line
from ringwatch.core.queue_log.telling import Story, Teller, Visit
from ringwatch.core.standards import Policy

SLACK_SECONDS = 2
"""How far the times of two lines about one moment may lie apart: each is truncated, and one thread may wait."""
FORGET_SECONDS = 24 * 3600.0

ENDS: Mapping[str, Outcome] = MappingProxyType(
    {
        "ABANDON": "abandoned",
        "EXITEMPTY": "empty",
        "EXITWITHKEY": "key_exit",
        "EXITWITHTIMEOUT": "timeout",
        "WITHDRAW": "withdrawn",
    }
)
"""Events that end a visit in which nobody talked."""
TALK_ENDS: Mapping[str, EndedBy] = MappingProxyType(
    {
        "ATTENDEDTRANSFER": "transfer",
        "BLINDTRANSFER": "transfer",
        "COMPLETEAGENT": "agent",
        "COMPLETECALLER": "caller",
        "TRANSFER": "transfer",
    }
)
"""Events that end a talk, and who ended it. COMPLETECALLER is also said of agents who hung up (see scenarios-22)."""

_HUNG_UP = ("COMPLETEAGENT", "COMPLETECALLER")


@dataclass(slots=True, eq=False)
class _Call:
    """What must be remembered of one caller."""

    call_id: str
    open: list[Visit] = field(default_factory=list)
    ordinals: Counter[str] = field(default_factory=Counter)
    joins: list[tuple[str, int, float]] = field(default_factory=list)
    """Queue, ordinal and time of every joining."""
    told_at: float = 0.0
    ended: Line | None = None
    """The line that ended the last visit."""


class QueueLog:
    """Follows one PBX's log.

    :param pbx: its name, part of the identity of every fact.
    :param policy: standards by queue.
    :param misfit: told of lines that fit nothing, and why.
    :param again: told of the second line that ends a talk.
    """

    def __init__(
        self,
        pbx: str,
        policy: Policy,
        *,
        misfit: Callable[[Line, str], None] = lambda _line, _why: None,
        again: Callable[[Line], None] = lambda _line: None,
    ) -> None:
        """Start before the first line."""
        self._teller = Teller(pbx, policy)
        self._misfit = misfit
        self._again = again
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        """In the order in which something was said of them last."""
        self._waiting: Counter[str] = Counter()
        self._began_at: float | None = None
        self._last_at = 0.0

    @property
    def open_visits(self) -> list[Visit]:
        """Visits of which the log has not told the end, oldest call first."""
        return [visit for call in self._calls.values() for visit in call.open]

    def read(self, lines: Iterable[Line]) -> list[Story]:
        """Apply many lines and return all visits that ended with them."""
        return [story for line in lines for story in self.apply(line)]

    def apply(self, line: Line) -> list[Story]:
        """Apply one line and return the visits that are over with it."""
        if self._began_at is None:
            self._began_at = line.at
        stories = self._forget(line.at - FORGET_SECONDS)
        event = line.event
        if event == "QUEUESTART":
            stories += [self._lose(call, visit, self._last_at) for call, visit in self._all_open()]
        elif NONE not in (line.call_id, line.queue):
            if event == "ENTERQUEUE":
                stories += self._enter(line)
            elif event in ENDS:
                stories += self._end(line)
            elif event in TALK_ENDS:
                stories += self._talk_end(line)
            elif event in ("AGENTDUMP", "CONNECT", "RINGCANCELED", "RINGNOANSWER", "SYSCOMPAT"):
                self._meanwhile(line)
        self._last_at = line.at
        return stories

    def ordinal(self, call_id: str, queue: str, joined_at: float, within: float) -> int | None:
        """Return the number of a call's stay in a queue by the time of joining, to ``within`` seconds."""
        call = self._calls.get(call_id)
        near = [
            (abs(at - joined_at), ordinal)
            for name, ordinal, at in (call.joins if call else ())
            if name == queue and abs(at - joined_at) <= within
        ]
        return min(near)[1] if near else None

    # -- calls

    def _call(self, line: Line) -> _Call:
        call = self._calls.get(line.call_id)
        if call is None:
            call = self._calls[line.call_id] = _Call(line.call_id)
        self._calls.move_to_end(line.call_id)
        call.told_at = line.at
        return call

    def _all_open(self) -> list[tuple[_Call, Visit]]:
        return [(call, visit) for call in self._calls.values() for visit in call.open]

    def _forget(self, before: float) -> list[Story]:
        stories: list[Story] = []
        while self._calls and (call := next(iter(self._calls.values()))).told_at < before:
            stories += [self._lose(call, visit, call.told_at) for visit in list(call.open)]
            del self._calls[call.call_id]
        return stories

    # -- what lines say

    def _enter(self, line: Line) -> list[Story]:
        call = self._call(line)
        waiting = [visit for visit in call.open if visit.connected is None]
        stories = [self._lose(call, visit, line.at) for visit in waiting]
        self._open(call, line, line.at, begun=True)
        return stories

    def _meanwhile(self, line: Line) -> None:
        call = self._call(line)
        visit = self._waits(call, line)
        if visit is None:
            if any(each.queue == line.queue for each in call.open):
                self._misfit(line, "the caller talks")
                return
            visit = self._adopt(call, line, self._rung(line))
        visit.lines.append(line)
        match line.event:
            case "CONNECT":
                if not visit.begun:
                    visit.joined_at = line.at - (line.wait or 0)
                visit.connected = line
                visit.dumped = False
                self._waiting[line.queue] -= 1
            case "AGENTDUMP":
                visit.dumped = True
            case "SYSCOMPAT":
                visit.incompatible = True
            case _:
                pass

    @staticmethod
    def _rung(line: Line) -> float:
        """Return for how long a caller has waited at least, of whom this is the first line."""
        if line.event == "CONNECT":
            return float(line.wait or 0)
        return (line.ring or 0) / 1000

    def _end(self, line: Line) -> list[Story]:
        call = self._call(line)
        visit = self._waits(call, line)
        if visit is None:
            if self._given_up_again(call, line):
                return []
            visit = self._adopt(call, line, float(line.wait or 0))
        visit.lines.append(line)
        if not visit.begun and line.wait is not None:
            visit.joined_at = line.at - line.wait
        if visit.position is None:
            visit.position = line.position
        outcome = ENDS[line.event]
        if outcome == "abandoned" and visit.incompatible:
            outcome = "failed"
        call.ended = line
        wait = line.at - visit.joined_at if line.wait is None else line.wait
        return [self._close(call, visit, outcome, line.at, wait)]

    @staticmethod
    def _given_up_again(call: _Call, line: Line) -> bool:
        """Tell whether a wait that is over is only told once more.

        A caller who hung up while an agent heard an announcement is told with the agent and then without
        (app_queue.c, try_calling and queue_exec).
        """
        before = call.ended
        return (
            before is not None
            and before.agent != NONE
            and (before.event, before.queue) == (line.event, line.queue)
            and line.at - before.at <= SLACK_SECONDS
        )

    def _talk_end(self, line: Line) -> list[Story]:
        wait, talk = line.wait or 0, line.talk or 0
        call = self._call(line)
        talking = [visit for visit in call.open if visit.connected and visit.queue == line.queue]
        same = [visit for visit in talking if visit.connected and visit.connected.agent == line.agent]
        if not same and self._hung_up_again(call, line):
            call.ended = None
            self._again(line)
            return []
        visit = next(iter(same or talking), None)
        if visit is None and (found := self._under_another_name(line, wait, talk)):
            call, visit = found
        if visit is None:
            visit = self._adopt(call, line, float(wait + talk))
            # Nothing says who answered but the line that ends it.
            visit.connected = Line(
                place=line.place,
                at=max(line.at - talk, visit.joined_at),
                call_id=line.call_id,
                queue=line.queue,
                agent=line.agent,
                event="CONNECT",
                wait=wait,
            )
            self._waiting[line.queue] -= 1
        elif visit.connected and visit.connected.agent != line.agent:
            self._misfit(line, f"{visit.connected.agent} talks with the caller")
        visit.lines.append(line)
        self._call(line).ended = line
        if visit.position is None:
            visit.position = line.position
        return [self._close(call, visit, "answered", line.at, visit.waited, talk=talk, by=TALK_ENDS[line.event])]

    @staticmethod
    def _hung_up_again(call: _Call, line: Line) -> bool:
        """Tell whether a talk that is over is only told once more.

        Of an agent whose hangup hands a caller on, one handler sees the transfer and one the hangup (app_queue.c,
        handle_attended_transfer and handle_hangup), and the two may run at once.
        """
        before = call.ended
        return (
            before is not None
            and "ATTENDEDTRANSFER" in (before.event, line.event)
            and (before.event in _HUNG_UP or line.event in _HUNG_UP)
            and (before.queue, before.agent, before.wait) == (line.queue, line.agent, line.wait)
            and line.at - before.at <= SLACK_SECONDS
            and abs((line.talk or 0) - (before.talk or 0)) <= SLACK_SECONDS
        )

    def _under_another_name(self, line: Line, wait: int, talk: int) -> tuple[_Call, Visit] | None:
        """Find a talk whose end is told by another Uniqueid, if there is exactly one that it can be."""
        found = [
            (call, visit)
            for call, visit in self._all_open()
            if visit.connected
            and (visit.queue, visit.connected.agent, visit.waited) == (line.queue, line.agent, wait)
            and abs(visit.connected.at + talk - line.at) <= SLACK_SECONDS
        ]
        return found[0] if len(found) == 1 else None

    # -- visits

    def _open(self, call: _Call, line: Line, joined_at: float, *, begun: bool) -> Visit:
        call.ordinals[line.queue] += 1
        ordinal = call.ordinals[line.queue]
        position = line.position if begun else None
        visit = Visit(call.call_id, line.queue, ordinal, joined_at, position, begun=begun)
        if begun:
            visit.lines.append(line)
        call.open.append(visit)
        call.joins.append((line.queue, ordinal, joined_at))
        self._waiting[line.queue] += 1
        return visit

    def _adopt(self, call: _Call, line: Line, elapsed: float) -> Visit:
        """Begin a visit whose ENTERQUEUE was not seen; no misfit where the log itself began after it."""
        if self._began_at is not None and line.at - elapsed > self._began_at + SLACK_SECONDS:
            self._misfit(line, "the caller was not seen to join the queue")
        return self._open(call, line, line.at - elapsed, begun=False)

    @staticmethod
    def _waits(call: _Call, line: Line) -> Visit | None:
        waiting = (visit for visit in call.open if visit.connected is None and visit.queue == line.queue)
        return next(waiting, None)

    def _lose(self, call: _Call, visit: Visit, at: float) -> Story:
        """End a visit of whose end the log says nothing, ``at`` the last moment at which it may have lasted."""
        if visit.connected:
            talk = max(at - visit.connected.at, 0.0)
            return self._close(call, visit, "answered", at, visit.waited, talk=talk, by="unknown")
        return self._close(call, visit, "dumped" if visit.dumped else "unknown", at, at - visit.joined_at)

    def _close(
        self,
        call: _Call,
        visit: Visit,
        outcome: Outcome,
        at: float,
        wait: float,
        *,
        talk: float = 0.0,
        by: EndedBy | None = None,
    ) -> Story:
        call.open.remove(visit)
        if visit.connected is None:
            self._waiting[visit.queue] -= 1
        waiting = self._waiting[visit.queue]
        return self._teller.story(visit, outcome, at=at, wait=wait, talk=talk, ended_by=by, lines_waiting=waiting)
