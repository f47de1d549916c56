"""Calls that pass to somebody else than who was called or who called, by other ways than a transfer.

Rules, all seen on a real Asterisk (tests/asterisk/cases.py):

* Who picks up a call that rings elsewhere keeps its own channel, and that takes the place of the rung one: in the
  bridge, in AgentConnect, in the end of the dialling. The phone that rang was not answered, its call was ``elsewhere``.
* Within the half second that Asterisk gives whoever picks up, the phone may be answered: then the talk itself is taken.
* The event Pickup comes from the thread of whoever picks up; that of the dialling may be told of the answer before it.
* A party that is put in the place of another one in an application (a transfer into a line where the agent stands)
  goes on with what that one had begun: its stay in the line, the phones that are rung for it.
"""

from __future__ import annotations

from collections.abc import Callable

from ringwatch.core import events as ev
from ringwatch.core.facts import AttemptResult
from ringwatch.core.lifecycle import VisitState
from ringwatch.core.queues import Queues
from ringwatch.core.state import Attempt, Channel, goes_on_with
from ringwatch.core.talks import Talks


class Passing:
    """Lets calls of one PBX pass.

    :param talks: the conversations, where one takes another's place as well.
    :param find: finds a channel that is up.
    :param end_attempt: tells how ringing a device ended.
    """

    def __init__(
        self,
        *,
        talks: Talks,
        find: Callable[[str], Channel | None],
        queues: Queues,
        end_attempt: Callable[[Attempt, float, AttemptResult], None],
    ) -> None:
        """Start with nothing passed."""
        self._talks = talks
        self._find = find
        self._queues = queues
        self._end_attempt = end_attempt

    def picked_up(self, event: ev.PickedUp) -> None:
        """Somebody took a call that rang at another phone, or that was answered there a moment before."""
        picker, rung = self._find(event.uniqueid), self._find(event.target)
        if picker and rung and rung.bridge:
            if picker.call:
                picker.call.joined = True
            self._talks.takes_place(picker, rung, rung.bridge, event.at)
        elif picker and rung and rung.attempt:
            self._take(rung.attempt, picker, event.at)

    def answered_by_another(self, event: ev.DialEnded, dest: Channel) -> None:
        """Dialling ended with the answer of a channel that no attempt is about."""
        if attempt := dest.attempt:
            if attempt.open and not dest.is_local:
                # Behind a wire: of several phones there it is this one.
                attempt.phone = dest.device
            return
        dialler = self._find(event.uniqueid)
        if dialler is None:
            return
        front = self._find(dialler.partner or "")
        if owner := dest.owner:
            if front and owner.channel is front:
                # An Originate rang its agent through a wire, and the agent is there now.
                goes_on_with(owner, dest)
                owner.caller = dest.caller
            elif owner.channel is dialler or (front and front.uniqueid == owner.call_id):
                owner.answered(event.at)
        elif dest.call:
            self._picked_up(dialler, front, dest, event.at)

    def _picked_up(self, dialler: Channel, front: Channel | None, picker: Channel, at: float) -> None:
        """A channel answered that was not dialled: where only one phone rang, it was that one's call."""
        rung = [front.attempt] if front and front.attempt else []
        if not rung and dialler.call:
            rung = list(dialler.call.attempts.values())
        if len(rung) == 1:
            self._take(rung[0], picker, at)

    def _take(self, attempt: Attempt, picker: Channel, at: float) -> None:
        visit, was_open = attempt.visit, attempt.open
        if not was_open and not (visit and visit.answered_by is attempt and attempt.leg is None):
            return
        picker.attempt, attempt.taken_by = attempt, picker.device
        if was_open:
            self._end_attempt(attempt, at, "answered")
        if (rung := self._find(attempt.dest)) and not rung.is_local:
            rung.attempt, attempt.dest = None, picker.uniqueid
        if picker.call:
            # It was only dialled for the sake of this one.
            picker.call.joined = True
        if leg := picker.leg:
            # The answer was told first, and the two are talking already.
            leg.attempt, attempt.leg, leg.visit = attempt, leg, attempt.visit
        if visit and visit.connected_at is not None and was_open:
            # Who had answered before, and was only not yet put through, is the visit's agent (seen on 16).
            visit.agent, visit.interface = self._queues.agent_at(picker.device), picker.device

    def transferred(self, event: ev.Transferred) -> None:
        """Somebody was handed on, perhaps into a place that another one had taken: in a conference, or in a line."""
        self._talks.transferred(event)
        heir, second = self._find(event.taken_by), self._find(event.second)
        if heir and second:
            if second.bridge:
                self._talks.takes_place(heir, second, second.bridge, event.at)
            self._inherit_visit(heir, second)

    def _inherit_visit(self, heir: Channel, second: Channel) -> None:
        call, before, visit = heir.call, second.call, second.visit
        if call is None or before is None or visit is None or visit.state is not VisitState.WAITING:
            return
        before.visits.remove(visit)
        before.queues = list(dict.fromkeys(each.queue for each in before.visits))
        if visit.queue in call.queues:
            call.bounces += 1
        else:
            call.queues.append(visit.queue)
        visit.ordinal = 1 + sum(each.queue == visit.queue and each.ordinal > 0 for each in call.visits)
        call.visits.append(visit)
        second.visit, heir.visit, visit.channel = None, visit, heir
        self._queues.leave(visit.queue, second.uniqueid)
        self._queues.join(visit.queue, heir.uniqueid, visit.joined_at)
        for attempt in list(before.attempts.values()):
            attempt.call = call
            call.attempts[attempt.dest] = before.attempts.pop(attempt.dest)
