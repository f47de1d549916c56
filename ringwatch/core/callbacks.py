"""The call-back ledger: who could not be answered, since when a call-back is owed, and whether it is overdue.

Rules of this module:

* It learns from calls, as each is told when it is over. A caller from outside who asked the desk (a queue or a direct
  line) and whom nobody answered is **owed** a call-back, from the end of that call on, by how it ended:

  ================  ==================================================================================================
  abandoned         owed: the desk let the caller wait for too long
  timeout, empty    owed: the desk gave up on the caller
  withdrawn         owed: somebody took the caller out of the line, and nobody talked
  refused_full      owed: turned away at the door, and never heard at all; likewise ``refused_empty``
  key_exit          owed: another choice was taken, and nobody answered there either: a message was left, if anything
  dumped            owed: an agent had picked up, and was gone before a word
  failed            owed: every phone was busy or dead, or the connection was
  short_abandoned   not owed: by the standard not held against the desk, for few of them wanted to be served. But who
                    had waited at another door before, and hung up early at the second one, is judged by the whole wait
  unknown           not owed: ringwatch was not looking, and somebody may have answered
  ================  ==================================================================================================

* Who withheld the number, or has none that could be called, cannot be called back, and is not owed (`number_key`).
* A caller is in the ledger once for each queue or line asked first: who tries again in vain is owed since the first
  time. Who was answered and then handed on in vain has been answered.
* **Settled** by the "caller", who calls again and is answered, wherever on this PBX, or by the "desk", which calls that
  number and is answered, be it by a machine: that settles all that was owed to the number when the answer came. It is
  known when that call is over; one that begins before the deadline and lasts beyond it leaves the caller overdue
  meanwhile.
* **Overdue** after the queue's ``callback_seconds``, by the clock, nights and holidays included. The engine passes the
  moments at which something falls due in order, whoever tells that time has passed.
* What is never settled is owed for good, but the ledger holds no more than `MOST_OWED`: then the oldest go, and that is
  told.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ringwatch.core.facts import Anomaly, Call, Callback, Fact, Outcome, Record, SettledBy
from ringwatch.core.numbers import number_key
from ringwatch.core.readings import CallbacksReading
from ringwatch.core.standards import Policy

MOST_OWED = 50_000
_NOT_OWED: frozenset[Outcome] = frozenset({"short_abandoned", "unknown"})


@dataclass(slots=True)
class _Account:
    """What one queue or line owes, by number; both in the order in which it was owed, which is that of falling due."""

    queue: str
    seconds: float
    pending: OrderedDict[str, Callback] = field(default_factory=OrderedDict)
    overdue: OrderedDict[str, Callback] = field(default_factory=OrderedDict)

    @property
    def first(self) -> tuple[float, str]:
        """Since when a call-back has been owed for the longest time, and to which number."""
        number, callback = next(iter((self.overdue or self.pending).items()), ("", None))
        return callback.owed_since if callback else math.inf, number

    @property
    def due_at(self) -> float:
        """When something falls due next."""
        return next((callback.due_at for callback in self.pending.values()), math.inf)

    def falls_due(self, at: float) -> bool:
        """Let what is due by now be overdue; tell whether anything was."""
        before = len(self.overdue)
        while self.due_at <= at:
            number, callback = self.pending.popitem(last=False)
            self.overdue[number] = callback
        return len(self.overdue) > before


class Callbacks:
    """The ledger of one PBX.

    :param tell: told of everything that is owed and settled, and how each queue and line stands then.
    """

    def __init__(self, pbx: str, policy: Policy, tell: Callable[[Record], None]) -> None:
        """Start with nothing owed."""
        self._pbx = pbx
        self._policy = policy
        self._tell = tell
        self._accounts: dict[str, _Account] = {}
        self._owed: dict[str, dict[str, Callback]] = {}
        """By number, and the queue or line that owes it."""
        self._count = 0
        self._remembers = False
        """How things stand has yet to be told of what an earlier run had told."""
        self.due_at = math.inf
        """Before this moment `settle` has nothing to do."""
        self.learns: dict[type[Any], Callable[[Any], None]] = {Call: self._call}
        """What to tell of the engine's records, by kind."""

    def remember(self, facts: Iterable[Fact]) -> None:
        """Take over what an earlier run had told; it falls due by the standard of now."""
        for fact in facts:
            if isinstance(fact, Callback) and (number := number_key(fact.caller)):
                account = self._account(fact.queue)
                self._strike(account, number)
                if fact.state == "owed":
                    self._enter(account, number, replace(fact, due_at=_due_at(fact.owed_since, account)))
                self._remembers, self.due_at = True, -math.inf

    def settle(self, at: float) -> None:
        """Tell what falls due by now."""
        for account in self._accounts.values():
            if account.falls_due(at) or self._remembers:
                self._show(account)
        self._remembers = False
        self.due_at = min((account.due_at for account in self._accounts.values()), default=math.inf)

    def _call(self, call: Call) -> None:
        if call.direction == "outbound" and call.answered:
            self._serves(call, call.called or "", "desk")
        elif call.direction == "inbound" and call.answered:
            self._serves(call, call.caller, "caller")
        elif call.direction == "inbound" and (asked := call.asked_first) and self._is_owed(call, asked):
            self._owes(call, asked)

    def _is_owed(self, call: Call, asked: str) -> bool:
        if call.outcome == "short_abandoned":
            # Of the last queue it is said what the wait was there.
            return self._policy.standard(asked).judged("abandoned", call.wait_seconds) == "abandoned"
        return call.outcome not in _NOT_OWED

    def _owes(self, call: Call, asked: str) -> None:
        number, account = number_key(call.caller), self._account(asked)
        if number is None or asked in self._owed.get(number, ()):
            return
        callback = Callback(
            pbx=self._pbx,
            queue=asked,
            call_id=call.call_id,
            caller=call.caller,
            owed_since=call.ended_at,
            due_at=_due_at(call.ended_at, account),
            state="owed",
            at=call.ended_at,
            by=None,
        )
        self._tell(callback)
        self._enter(account, number, callback)
        self._show(account)

    def _serves(self, call: Call, number: str, by: SettledBy) -> None:
        key = number_key(number) or ""
        # Of a talk that a listing showed it is only known that it was answered after it began.
        at = call.started_at if call.answered_at is None else call.answered_at
        for queue, callback in list(self._owed.get(key, {}).items()):
            if callback.owed_since <= at:
                self._strike(self._accounts[queue], key)
                self._tell(replace(callback, state="settled", at=at, by=by))
                self._show(self._accounts[queue])

    def _enter(self, account: _Account, number: str, callback: Callback) -> None:
        account.pending[number] = self._owed.setdefault(number, {})[account.queue] = callback
        self.due_at = min(self.due_at, callback.due_at)
        self._count += 1
        if self._count > MOST_OWED:
            debtor = min(self._accounts.values(), key=lambda each: each.first)
            number = debtor.first[1]
            detail = f"{debtor.queue}: {self._owed[number][debtor.queue].call_id}"
            self._tell(Anomaly(pbx=self._pbx, at=callback.owed_since, kind="callback_forgotten", detail=detail))
            self._strike(debtor, number)
            self._show(debtor)

    def _strike(self, account: _Account, number: str) -> None:
        """Owe a number nothing any more."""
        owed = self._owed.get(number, {})
        if owed.pop(account.queue, None):
            account.pending.pop(number, None)
            account.overdue.pop(number, None)
            self._count -= 1
        if not owed:
            self._owed.pop(number, None)

    def _account(self, queue: str) -> _Account:
        account = self._accounts.get(queue)
        if account is None:
            account = self._accounts[queue] = _Account(queue, self._policy.standard(queue).callback_seconds)
        return account

    def _show(self, account: _Account) -> None:
        overdue = len(account.overdue)
        owed = len(account.pending) + overdue
        self._tell(CallbacksReading(pbx=self._pbx, queue=account.queue, owed=owed, overdue=overdue))


def _due_at(since: float, account: _Account) -> float:
    # A sum of timestamps: what binary rounding left below the microsecond says nothing.
    return round(since + account.seconds, 6)
