"""A stay in a queue: joining, waiting for one's turn, ringing members, and the ways out.

Rules, read in app_queue.c and seen in the captures: a waiting caller looks once a second whether it is its turn, after
a round of ringing in vain once more after `retry`. It is its turn when fewer callers wait ahead than members are free,
callers who are ringing somebody not counted; a ring-all queue serves one at a time. The limit is reckoned in whole
seconds of the clock, a ring never outlasts it, and reaching it is an abandonment too. The order of the blocks is that
of the captures; where threads race there, the usual order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ringwatch.simulator import blocks, ledger
from ringwatch.simulator.channels import ANSWERED_ELSEWHERE, NO_CAUSE, Place
from ringwatch.simulator.floor import OUTGOING
from ringwatch.simulator.talks import Talk

if TYPE_CHECKING:
    from ringwatch.simulator.agenda import Deed
    from ringwatch.simulator.channels import Channel
    from ringwatch.simulator.journeys import Journey
    from ringwatch.simulator.people import Member, Queue
    from ringwatch.simulator.plan import TalkHabit

LOOK_SECONDS = 1.0


class Attempt:
    """One member being rung for one caller."""

    __slots__ = ("channel", "member", "pick_up", "rings_since")

    def __init__(self, member: Member, channel: Channel) -> None:
        """Keep who is rung on which channel."""
        self.member = member
        self.channel = channel
        self.rings_since = 0.0
        self.pick_up: Deed | None = None


class Visit:
    """One stay of one caller in one queue."""

    __slots__ = (
        "attempts",
        "expires",
        "floor",
        "joined_at",
        "journey",
        "music",
        "next_look",
        "ordinal",
        "queue",
        "started",
        "started_position",
        "wait",
    )

    def __init__(self, journey: Journey, queue: Queue) -> None:
        """Prepare a stay; `enter` begins it."""
        self.floor = journey.floor
        self.journey = journey
        self.queue = queue
        self.attempts: list[Attempt] = []
        self.next_look: Deed | None = None
        self.music = not queue.plan.rings_back
        self.started = 0
        self.expires = 0
        self.wait = 0
        self.joined_at = 0.0
        self.started_position = 0
        self.ordinal = 0

    @property
    def channel(self) -> Channel:
        """The caller's channel."""
        return self.journey.channel

    @property
    def position(self) -> int:
        """The caller's place in the queue, from 1."""
        return self.queue.waiting.index(self) + 1

    def enter(self) -> None:
        """Come in at the end of the queue and ring somebody at once if it is one's turn."""
        floor, plan, channel = self.floor, self.queue.plan, self.channel
        nothing = {"ANSWEREDTIME": "", "ANSWEREDTIME_MS": "", "DIALEDTIME": "", "DIALEDTIME_MS": ""}
        floor.set(channel, **nothing, QUEUEWAIT="", QUEUEWAIT_MS="")
        self.journey.stage = self
        self.journey.visits.append(plan.name)
        self.ordinal = self.journey.visits.count(plan.name)
        self.started = int(floor.now)
        self.expires = self.started + plan.wait_limit_seconds
        waiting = self.queue.waiting
        waiting.append(self)
        if len(waiting) == 1:
            floor.report_waiting(self.queue)
        self.started_position = len(waiting)
        self.joined_at = floor.wire.say(blocks.queue_caller_join, channel, plan.name, len(waiting), len(waiting))
        if self.music:
            floor.wire.say(blocks.music_start, channel)
        self.journey.loses_patience_after(plan.patience_mean_seconds)
        self._look()

    # Waiting

    def _look(self) -> None:
        if int(self.floor.now) >= self.expires:
            self._time_out()
        elif self._is_my_turn():
            self._ring()
        else:
            self._look_after(LOOK_SECONDS)

    def _look_after(self, seconds: float) -> None:
        self.next_look = self.floor.agenda.after(seconds, self._look)

    def _is_my_turn(self) -> bool:
        free = len(self.queue.ready(self.floor.now))
        if self.queue.plan.strategy == "ringall":
            free = min(free, 1)
        ahead = 0
        for visit in self.queue.waiting:
            if visit is self:
                break
            ahead += not visit.attempts
        return ahead < free

    # Ringing

    def _ring(self) -> None:
        floor, plan = self.floor, self.queue.plan
        together = plan.strategy == "ringall"
        for member in self.queue.choose(floor.now):
            self._call(member, together=together)
        for attempt in self.attempts:
            attempt.rings_since = floor.wire.say(blocks.dial_state, self.channel, attempt.channel, "RINGING")
            seconds = attempt.member.agent.phone.pick_up_after()
            if seconds is not None:
                attempt.pick_up = floor.agenda.after(seconds, partial(self._answer, attempt))
        limit = min(plan.ring_seconds, self.expires - int(floor.now))
        self.next_look = floor.agenda.after(limit, partial(self._no_answer, limit))

    def _call(self, member: Member, *, together: bool) -> None:
        floor, caller = self.floor, self.channel
        phone = member.agent.phone
        leg = floor.open_phone(phone, caller.linkedid)
        # The first Newexten shows the caller already, and NewConnectedLine follows all the same.
        leg.connect(caller.party)
        floor.run(leg, Place(leg.place.context, caller.place.exten, 1), "AppQueue", OUTGOING)
        floor.wire.say(blocks.new_connected_line, leg)
        floor.set(leg, DIALEDPEERNUMBER=phone.plan.number)
        floor.wire.say(blocks.agent_called, caller, leg, member.view())
        floor.wire.say(blocks.dial_begin, caller, leg, phone.plan.interface)
        if not together:
            floor.connect(caller, leg.party)
        floor.starts_ringing(phone, leg)
        self.attempts.append(Attempt(member, leg))

    def _no_answer(self, rang_seconds: int) -> None:
        floor, caller = self.floor, self.channel
        attempts = self._stop_attempts()
        for attempt in attempts:
            member, ring_ms = attempt.member.view(), rang_seconds * 1000
            floor.wire.say(blocks.agent_ring_no_answer, caller, attempt.channel, member, ring_ms)
        ends = [floor.wire.say(blocks.dial_end, caller, attempt.channel, "NOANSWER") for attempt in attempts]
        for attempt in attempts:
            floor.wire.say(blocks.dial_end, caller, attempt.channel, "CANCEL")
        for attempt, at in zip(attempts, ends, strict=True):
            self._enter_attempt(attempt, at, "no_answer")
        expired = int(floor.now) >= self.expires
        if expired:
            self._abandon_and_leave()
        for attempt in attempts:
            floor.stops_ringing(attempt.member.agent.phone, attempt.channel, NO_CAUSE)
        if expired:
            self._go_on()
        else:
            self._look_after(self.queue.plan.retry_seconds)

    def _stop_attempts(self) -> list[Attempt]:
        attempts, self.attempts = self.attempts, []
        for deed in (self.next_look, *(attempt.pick_up for attempt in attempts)):
            if deed is not None:
                deed.cancel()
        return attempts

    def _enter_attempt(self, attempt: Attempt, ended_at: float, result: ledger.AttemptResult) -> None:
        plan = attempt.member.agent.plan
        entry = ledger.RingAttempt(
            call_id=self.journey.call_id,
            queue=self.queue.plan.name,
            agent=plan.name,
            interface=plan.interface,
            started_at=attempt.rings_since,
            ended_at=ended_at,
            result=result,
        )
        self.floor.ledger.append(entry)

    # Ways out

    def _answer(self, winner: Attempt) -> None:
        floor, caller, phone = self.floor, self.channel, winner.member.agent.phone
        losers = [attempt for attempt in self._stop_attempts() if attempt is not winner]
        self.journey.keeps_patience()
        floor.answers(phone, winner.channel)
        at = floor.wire.say(blocks.dial_end, caller, winner.channel, "ANSWER")
        self._enter_attempt(winner, at, "answered")
        for loser in losers:
            gone_at = floor.wire.say(blocks.dial_end, caller, loser.channel, "CANCEL")
            self._enter_attempt(loser, gone_at, "elsewhere")
        floor.connect(caller, winner.channel.party)
        for loser in losers:
            floor.wire.say(blocks.dial_end, caller, loser.channel, "CANCEL")
        self.wait = int(floor.now) - self.started
        self.queue.count_answer(self.wait)
        if self.music:
            floor.wire.say(blocks.music_stop, caller)
        self._leave("answered", winner.member.agent.plan.name)
        floor.set(caller, QUEUEWAIT=self.wait, QUEUEWAIT_MS=self.wait * 1000)
        member = winner.member
        # RingTime is truncated; a real one reckons it from the AgentCalled of the round.
        times = (self.wait, int(at - winner.rings_since))
        floor.wire.say(blocks.agent_connect, caller, winner.channel, member.view(), times)
        member.in_call = 1
        for loser in losers:
            floor.stops_ringing(loser.member.agent.phone, loser.channel, ANSWERED_ELSEWHERE)
        floor.answer_caller(caller)
        Talk(self.journey, phone, winner.channel, QueueSide(self, member, at)).begin()

    def caller_gone(self) -> None:
        """Leave because the caller hung up: every phone is let go, no AgentRingNoAnswer."""
        floor, caller, journey = self.floor, self.channel, self.journey
        attempts = self._stop_attempts()
        journey.request_hangup()
        if self.music:
            floor.wire.say(blocks.music_stop, caller)
        for attempt in attempts:
            at = floor.wire.say(blocks.dial_end, caller, attempt.channel, "CANCEL")
            self._enter_attempt(attempt, at, "caller_gone")
        for attempt in attempts:
            floor.wire.say(blocks.dial_end, caller, attempt.channel, "CANCEL")
        wait = self._waited()
        self._set_waits(wait)
        self._abandon(wait)
        self._leave("abandoned", None)
        journey.release()
        for attempt in attempts:
            floor.stops_ringing(attempt.member.agent.phone, attempt.channel, *journey.leg_causes)
        journey.close("abandoned", journey.lost_cause)

    def _time_out(self) -> None:
        self._abandon_and_leave()
        self._go_on()

    def _abandon_and_leave(self) -> None:
        wait = self._waited()
        self._abandon(wait)
        self._set_waits(wait)
        if self.music:
            self.floor.wire.say(blocks.music_stop, self.channel)
        self._leave("timeout", None)

    def _go_on(self) -> None:
        self.journey.keeps_patience()
        self.floor.set(self.channel, QUEUESTATUS="TIMEOUT")
        self.journey.falls_off("timeout")

    def _waited(self) -> int:
        return int(self.floor.now) - self.started

    def _set_waits(self, wait: int) -> None:
        dialled = self.floor.now - self.channel.created
        self.floor.set(self.channel, QUEUEWAIT=wait, QUEUEWAIT_MS=wait * 1000)
        self.floor.set(self.channel, DIALEDTIME=int(dialled), DIALEDTIME_MS=int(dialled * 1000))
        self.floor.set(self.channel, ANSWEREDTIME=0, ANSWEREDTIME_MS=0)

    def _abandon(self, wait: int) -> None:
        name, positions = self.queue.plan.name, (self.position, self.started_position)
        self.floor.set(self.channel, ABANDONED="TRUE")
        self.floor.wire.say(blocks.queue_caller_abandon, self.channel, name, positions, wait)
        self.queue.count_abandonment(wait)

    def _leave(self, outcome: ledger.Outcome, agent: str | None) -> None:
        floor, position, name = self.floor, self.position, self.queue.plan.name
        waiting = self.queue.waiting
        waiting.remove(self)
        if not waiting:
            floor.report_waiting(self.queue)
        at = floor.wire.say(blocks.queue_caller_leave, self.channel, name, position, len(waiting))
        floor.set(self.channel, QUEUEPOSITION=position)
        entry = ledger.Visit(
            call_id=self.journey.call_id,
            queue=name,
            ordinal=self.ordinal,
            joined_at=self.joined_at,
            left_at=at,
            outcome=outcome,
            position=self.started_position,
            agent=agent,
        )
        floor.ledger.append(entry)


class QueueSide:
    """What the queue does around a conversation: AgentComplete, the counters, the member's wrap-up."""

    __slots__ = ("answered_at", "member", "visit")

    def __init__(self, visit: Visit, member: Member, answered_at: float) -> None:
        """Stand by for the end of a conversation that began at `answered_at`."""
        self.visit = visit
        self.member = member
        self.answered_at = answered_at

    @property
    def queue_name(self) -> str | None:
        """The queue the conversation came from."""
        return self.visit.queue.plan.name

    @property
    def habit(self) -> TalkHabit:
        """How long conversations of this queue last."""
        return self.visit.queue.plan.talk

    def bridges(self, leg: Channel) -> None:
        """Queue lets the member's channel be what it was."""

    def completed(self, reason: str, leg: Channel | None) -> None:
        """Say AgentComplete, once; `leg` is None when the member's channel is already gone."""
        visit, member = self.visit, self.member
        now = visit.floor.now
        talk = int(now) - int(self.answered_at)
        end = blocks.Completion(visit.wait, talk, reason)
        visit.floor.wire.say(blocks.agent_complete, visit.channel, leg, member.view(), end)
        visit.queue.count_completion(visit.wait, talk)
        member.calls_taken += 1
        member.last_call = int(now)
        member.in_call = 0
        member.agent.phone.wraps_up_until = now + visit.queue.plan.wrapup_seconds

    def released(self) -> None:
        """Set what the queue sets on the caller's channel when the conversation is over: nothing of its own."""
