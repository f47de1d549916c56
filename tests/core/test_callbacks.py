"""Call-backs: who is owed one, since when, until when, and what settles it."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringwatch.core import events as ev
from ringwatch.core.callbacks import Callbacks
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Anomaly, Call, Callback, Outcome, Record
from ringwatch.core.numbers import number_key
from ringwatch.core.readings import CallbacksReading
from ringwatch.core.standards import Policy, Standard
from tests.core.desk import START, Caller, Desk
from tests.core.told import Told
from tests.tools.properties import PATIENT

HOUR = 3600.0
NUMBER, ABROAD = "0201000011", "+31201000011"
POLICY = Policy(
    default=Standard(callback_seconds=HOUR),
    standards={"sales": Standard(callback_seconds=60)},
    trunks=("PJSIP/trunk",),
)
_serial = count()


def readings(told: Told, queue: str = "support") -> list[tuple[int, int]]:
    """Return how many were told to be owed a call-back, and how many of them overdue."""
    of_queue = [each for each in told.records if isinstance(each, CallbacksReading) and each.queue == queue]
    return [(each.owed, each.overdue) for each in of_queue]


def states(told: Told) -> list[tuple[str, str, str | None, float]]:
    """Return where what was told to be owed or settled, by whom, and when after the desk opened."""
    return [(each.queue, each.state, each.by, each.at - START) for each in told.callbacks]


def gives_up(desk: Desk, number: str = NUMBER, queue: str = "support", wait: float = 20) -> Caller:
    """Let somebody wait in a queue, and hang up."""
    return desk.caller(number).joins(queue).after(wait).hangs_up()


def is_served(desk: Desk, number: str = NUMBER, queue: str = "support") -> Caller:
    """Let somebody be answered after 5 s, and talk for a minute."""
    agent = "Anna" if queue == "support" else "Dirk"
    return desk.caller(number).joins(queue).rings(agent).after(5).answers().after(60).hangs_up()


def calls_out(desk: Desk, number: str, *, answered: bool = True) -> Caller:
    """Let Anna call somebody, who answers after 5 s and talks for a minute, or does not."""
    agent = desk.caller("101", device="PJSIP/101", exten=f"9{number}").dials("PJSIP/trunk", number=number).rings()
    agent.after(5)
    return agent.answers().after(60).hangs_up() if answered else agent.hangs_up()


# -- who is owed one


def test_a_caller_who_gave_up_is_owed_a_call_back_within_the_deadline() -> None:
    """Waiting from 0 to 20 s in support, where an hour is promised: owed since 20, due at 3,620."""
    told = gives_up(Desk(POLICY)).told()
    assert told.callbacks == [
        Callback(
            pbx="main",
            queue="support",
            call_id=told.call.call_id,
            caller=NUMBER,
            owed_since=START + 20,
            due_at=START + 3620,
            state="owed",
            at=START + 20,
            by=None,
        )
    ]
    assert readings(told) == [(1, 0)]
    assert told.records.index(told.call) < told.records.index(told.callbacks[0])


def test_a_caller_of_a_direct_line_is_owed_one_under_its_name() -> None:
    """Nobody picks up for 20 s."""
    caller = Desk(POLICY).caller(NUMBER).dials("PJSIP/108").rings().after(20).hangs_up()
    assert states(caller.told()) == [("direct", "owed", None, 20)]


def test_who_asked_two_queues_is_owed_one_by_the_first() -> None:
    """Support put the caller out after 20 s, and sales did so after another 30."""
    caller = Desk(POLICY).caller(NUMBER).joins("support").after(20).is_put_out("TIMEOUT")
    told = caller.joins("sales").after(30).is_put_out("TIMEOUT").ends().told()
    assert states(told) == [("support", "owed", None, 50)]


class Ledger:
    """A ledger without a desk: calls are told to it as an engine does it, and the time when something is due.

    :param policy: what is promised.
    """

    def __init__(self, policy: Policy = POLICY) -> None:
        self.records: list[Record] = []
        self.callbacks = Callbacks("main", policy, self.records.append)

    def passes(self, at: float) -> None:
        """Let time pass, and everything fall due at its moment."""
        while at >= self.callbacks.due_at:
            self.callbacks.settle(self.callbacks.due_at)

    def call(
        self,
        at: float,
        number: str = NUMBER,
        outcome: Outcome = "abandoned",
        queue: str | None = "support",
        **more: object,
    ) -> None:
        """Tell a call of ten seconds that ended at a moment; one that is answered is so after four."""
        answered = outcome == "answered"
        call = Call(
            pbx="main",
            call_id=f"{next(_serial)}",
            started_at=at - 10,
            ended_at=at,
            direction="inbound",
            caller=number,
            answered=answered,
            answered_at=at - 6 if answered else None,
            wait_seconds=10,
            talk_seconds=0,
            hold_seconds=0,
            transfers=0,
            bounces=0,
            queues=[queue] if queue else [],
            agents=[],
            outcome=outcome,
            caller_ring_seconds=None,
            caller_rings=None,
            desk_ring_seconds=None,
            desk_rings=None,
            in_time=None,
            line=None,
        )
        self.passes(at)
        self.callbacks.learns[Call](replace(call, **more))

    @property
    def told(self) -> Told:
        """What was told so far."""
        return Told(self.records)


OWED: dict[Outcome, bool] = {
    "abandoned": True,
    "timeout": True,
    "key_exit": True,
    "empty": True,
    "withdrawn": True,
    "refused_full": True,
    "refused_empty": True,
    "dumped": True,
    "failed": True,
    "answered": False,
    "short_abandoned": False,
    "unknown": False,
}


def test_every_outcome_was_thought_of() -> None:
    """A new one has to be, too."""
    assert set(OWED) == set(Outcome.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("outcome", OWED)
def test_how_a_call_ended_decides(outcome: Outcome) -> None:
    """Owed unless answered, gone within five seconds, or not looked at."""
    ledger = Ledger()
    ledger.call(100, outcome=outcome, wait_seconds=2)
    assert bool(ledger.told.callbacks) is OWED[outcome]


def test_who_hung_up_early_at_the_second_door_only_has_waited() -> None:
    """Of the last queue it is said that the caller was gone within five seconds; 40 were spent in all."""
    ledger = Ledger()
    ledger.call(100, outcome="short_abandoned", queues=["support", "sales"], wait_seconds=40)
    assert states(ledger.told) == [("support", "owed", None, 100 - START)]


@pytest.mark.parametrize("number", ["", "anonymous", "0", "12", "<unknown>", "anna"])
def test_who_cannot_be_called_back_is_not_owed_one(number: str) -> None:
    """However long the wait."""
    ledger = Ledger()
    ledger.call(100, number)
    assert ledger.records == []


def test_who_asked_nobody_is_not_owed_one() -> None:
    """The caller hung up in a menu; and colleagues, and those whom the desk calls, are no callers."""
    ledger = Ledger()
    ledger.call(100, queue=None)
    ledger.call(100, direction="internal")
    ledger.call(100, direction="outbound", called=ABROAD)
    assert ledger.records == []


def test_who_tries_again_in_vain_is_owed_since_the_first_time() -> None:
    """Whichever way the number comes; at another queue it is another matter."""
    ledger = Ledger()
    for at, number, queue in ((100, NUMBER, "support"), (200, ABROAD, "support"), (300, ABROAD, "care")):
        ledger.call(at, number, queue=queue)
    assert [(each.queue, each.caller, each.owed_since) for each in ledger.told.callbacks] == [
        ("support", NUMBER, 100),
        ("care", ABROAD, 300),
    ]
    assert (readings(ledger.told), readings(ledger.told, "care")) == ([(1, 0)], [(1, 0)])


# -- what settles it


def test_a_caller_who_calls_again_and_is_answered_settles_all() -> None:
    """Owed by support since 20 and by sales since 140; answered in support at 245, which settles both."""
    desk = Desk(POLICY)
    gives_up(desk).after(100)
    gives_up(desk, ABROAD, "sales").after(100)
    told = is_served(desk).told()
    assert states(told) == [
        ("support", "owed", None, 20),
        ("sales", "owed", None, 140),
        ("support", "settled", "caller", 245),
        ("sales", "settled", "caller", 245),
    ]
    first, *_, last = told.callbacks
    assert (first.key, first.due_at) == (told.callbacks[2].key, told.callbacks[2].due_at)
    assert last.call_id == told.callbacks[1].call_id
    assert (readings(told)[-1], readings(told, "sales")[-1]) == ((0, 0), (0, 0))


def test_a_desk_that_calls_back_settles_it() -> None:
    """Owed since 20; Anna calls at 120, with the digit for an outside line, and is answered at 125."""
    desk = Desk(POLICY)
    gives_up(desk).after(100)
    told = calls_out(desk, NUMBER).told()
    assert told.calls[-1].called == NUMBER
    assert states(told) == [("support", "owed", None, 20), ("support", "settled", "desk", 125)]
    assert readings(told) == [(1, 0), (0, 0)]


def test_a_call_back_that_nobody_answers_settles_nothing() -> None:
    """Nor does a call to somebody else."""
    desk = Desk(POLICY)
    gives_up(desk)
    calls_out(desk, NUMBER, answered=False)
    told = calls_out(desk, "0201000012").told()
    assert states(told) == [("support", "owed", None, 20)]


def test_a_customer_whom_the_exchange_called_first_has_been_called_back() -> None:
    """It calls the customer, who stands in the line of support then until Anna answers, at 20 + 100 + 4 + 5 = 129."""
    desk = Desk(POLICY)
    gives_up(desk).after(100)
    customer = desk.originates("PJSIP/trunk", NUMBER).after(4)
    desk.says(ev.DialEnded(desk.at, "", customer.uniqueid, "ANSWER"))
    told = customer.joins("support").rings("Anna").after(5).answers().after(60).hangs_up().told()
    assert states(told) == [("support", "owed", None, 20), ("support", "settled", "desk", 129)]


def test_a_talk_with_a_colleague_settles_nothing() -> None:
    """Even if the colleague's number is that of the caller."""
    ledger = Ledger()
    ledger.call(100)
    ledger.call(200, outcome="answered", direction="internal")
    ledger.call(300, outcome="answered", direction="internal", called=NUMBER)
    ledger.call(400, "101", outcome="answered", direction="outbound")
    assert states(ledger.told) == [("support", "owed", None, 100 - START)]


def test_who_was_answered_before_has_not_called_again() -> None:
    """Two callers behind one number: one is talking since before the other gave up, and hangs up afterwards."""
    ledger = Ledger()
    ledger.call(100)
    ledger.call(300, outcome="answered", started_at=50, answered_at=60)
    assert [each.state for each in ledger.told.callbacks] == ["owed"]
    ledger.call(400, outcome="answered", started_at=100, answered_at=110)
    assert [(each.state, each.at) for each in ledger.told.callbacks] == [("owed", 100), ("settled", 110)]


@pytest.mark.parametrize(("began", "settled"), [(90.0, []), (120.0, [120.0])])
def test_a_talk_that_was_come_upon_settles_what_was_owed_when_it_began(began: float, settled: list[float]) -> None:
    """When it was answered was not seen: after it began, and so surely after what was owed before that."""
    ledger = Ledger()
    ledger.call(100)
    ledger.call(200, outcome="unknown", answered=True, started_at=began)
    assert [each.at for each in ledger.told.callbacks[1:]] == settled


def test_what_is_settled_can_be_owed_again() -> None:
    """By the next call in vain, since that one."""
    ledger = Ledger()
    for at, outcome in ((100, "abandoned"), (200, "answered"), (300, "timeout")):
        ledger.call(at, outcome=outcome)  # type: ignore[arg-type]
    assert [(each.state, each.owed_since) for each in ledger.told.callbacks] == [
        ("owed", 100),
        ("settled", 100),
        ("owed", 300),
    ]
    assert readings(ledger.told) == [(1, 0), (0, 0), (1, 0)]


# -- when it is overdue


@pytest.mark.parametrize("step", [1, 7, 5000])
def test_it_is_overdue_at_its_moment_whoever_tells_that_time_has_passed(step: int) -> None:
    """Sales promises a minute, support an hour: of 20 and 41 both are overdue then, and nothing happens in between."""
    desk = Desk(POLICY)
    gives_up(desk, queue="sales").after(1)
    gives_up(desk, "0201000012")
    for at in range(50, 5000, step):
        desk.at = START + at
        desk.ticks()
    desk.at = START + 5000
    told = desk.ticks().told()
    assert (readings(told, "sales"), readings(told)) == ([(1, 0), (1, 1)], [(1, 0), (1, 1)])
    assert desk.engine._callbacks.due_at == math.inf


def test_it_is_overdue_at_the_deadline_and_not_a_moment_before() -> None:
    """A tick 10 us before, and one then; what is settled afterwards is overdue no more."""
    desk = Desk(POLICY)
    gives_up(desk, queue="sales", wait=20.1)
    told = desk.after(59.99999).ticks().so_far
    assert readings(told, "sales") == [(1, 0)]
    desk.at = START + 80.1
    assert readings(desk.ticks().so_far, "sales")[-1] == (1, 1)
    assert readings(is_served(desk).told(), "sales")[-1] == (0, 0)


def test_a_deadline_passes_while_nothing_is_heard() -> None:
    """A PBX that is away for an hour does not stop the caller's clock."""
    desk = Desk(POLICY)
    gives_up(desk, queue="sales").after(30)
    desk.says(ev.StreamBroke(desk.at, "disconnected")).after(600)
    told = desk.says(ev.StreamResumed(desk.at)).told()
    assert readings(told, "sales") == [(1, 0), (1, 1)]


# -- how much is kept


def test_the_ledger_is_bounded_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three are kept: the fourth takes the place of the first, which was overdue, and that is told; the fifth too."""
    monkeypatch.setattr("ringwatch.core.callbacks.MOST_OWED", 3)
    ledger = Ledger()
    places = ((100, "sales"), (110, "support"), (120, "support"), (200, "sales"), (210, "sales"))
    for number, (at, queue) in enumerate(places):
        ledger.call(at, f"020100000{number}", queue=queue, call_id=f"{number}.0")
    told = ledger.told
    anomalies = [each for each in told.records if isinstance(each, Anomaly)]
    assert [(each.at, each.kind, each.detail) for each in anomalies] == [
        (200, "callback_forgotten", "sales: 0.0"),
        (210, "callback_forgotten", "support: 1.0"),
    ]
    assert (readings(told, "sales")[-1], readings(told)[-1]) == ((2, 0), (1, 0))
    for number in range(5):
        ledger.call(300 + number, f"020100000{number}", outcome="answered", started_at=299)
    assert [each.call_id for each in told.callbacks if each.by] == []
    assert [each.call_id for each in ledger.told.callbacks if each.by] == ["2.0", "3.0", "4.0"]


# -- after a restart


def facts_of(desk: Desk) -> list[Callback]:
    """Return what an earlier run had told, and what another PBX had."""
    return [
        *desk.so_far.callbacks,
        *(replace(each, pbx="other", caller="0201000099") for each in desk.so_far.callbacks),
    ]


def test_what_an_earlier_run_told_is_remembered() -> None:
    """Two gave up in support and one in sales; one of support was called back, and one was never a number.

    Sales promises a minute; support promises ten minutes now instead of an hour, and what is owed falls due by that.
    """
    before = Desk(POLICY)
    gives_up(before)
    gives_up(before, "0201000012", "sales")
    gives_up(before, "0201000013")
    calls_out(before, NUMBER)
    facts = [*facts_of(before), replace(before.so_far.callbacks[0], caller="anna")]
    engine = Engine("main", replace_default(600))
    engine.remember(facts)
    told = Told(engine.apply(ev.StreamBroke(START + 200, "restarted")))
    assert (told.callbacks, readings(told), readings(told, "sales")) == ([], [(1, 0)], [(1, 0), (1, 1)])
    later = Told(engine.apply(ev.Tick(START + 660)))
    assert (readings(later), readings(later, "sales")) == ([(1, 1)], [])
    (owed,) = engine._callbacks._accounts["support"].overdue.values()
    assert (owed.caller, owed.owed_since, owed.due_at) == ("0201000013", START + 60, START + 660)


def replace_default(seconds: float) -> Policy:
    """Return the policy with another deadline for all but sales."""
    return Policy(default=Standard(callback_seconds=seconds), standards=POLICY.standards, trunks=POLICY.trunks)


def test_what_is_remembered_is_settled_as_if_it_had_been_told_now() -> None:
    """Under the identity it had; and nothing is told of a run that owed nothing."""
    before = Desk(POLICY)
    gives_up(before)
    desk = Desk(POLICY)
    desk.engine.remember(facts_of(before))
    desk.at = START + 500
    told = is_served(desk).told()
    assert [each.key for each in told.callbacks] == [before.so_far.callbacks[0].key]
    assert (states(told), readings(told)) == ([("support", "settled", "caller", 505)], [(1, 0), (0, 0)])
    fresh = Desk(POLICY)
    fresh.engine.remember([])
    assert fresh.engine._callbacks.due_at == math.inf


# -- against a naive reckoning

NUMBERS = st.sampled_from([NUMBER, ABROAD, "90201000011", "0201000012", "101", "anonymous", "12", ""])
STEPS = st.tuples(
    st.integers(0, 50),
    NUMBERS,
    st.sampled_from(["support", "sales", "care"]),
    st.sampled_from(["abandoned", "timeout", "short_abandoned", "unknown", "answered", "called out", "tick"]),
    st.integers(0, 60),
)


@PATIENT
@given(st.lists(STEPS, max_size=40), st.booleans())
def test_it_is_what_a_naive_reckoning_gives(steps: list[tuple[int, str, str, str, int]], ticks: bool) -> None:  # noqa: FBT001
    """Every call is held against all that was ever owed, one by one, with deadlines of 60 s and of 100 s.

    An answer came so many seconds before the end of its call.
    """
    policy = Policy(default=Standard(callback_seconds=100), standards={"sales": Standard(callback_seconds=60)})
    ledger, at = Ledger(policy), 1000.0
    debts: list[dict[str, object]] = []
    for wait, number, queue, what, talk in steps:
        at += wait
        key = number_key(number)
        open_debts = [each for each in debts if each["key"] == key and each["settled"] is None]
        if what == "tick":
            if ticks:
                ledger.passes(at)
        elif what in {"answered", "called out"}:
            by = "caller" if what == "answered" else "desk"
            out = {} if by == "caller" else {"direction": "outbound", "caller": "101", "called": number}
            ledger.call(at, number, "answered", queue, answered_at=at - talk, **out)
            for each in open_debts:
                if each["since"] <= at - talk:  # type: ignore[operator]
                    each["settled"] = (at - talk, by)
        else:
            ledger.call(at, number, what, queue, wait_seconds=2)  # type: ignore[arg-type]
            if what in ("abandoned", "timeout") and key and all(each["queue"] != queue for each in open_debts):
                debts.append({"key": key, "queue": queue, "since": at, "settled": None})
    ledger.passes(at)
    last = {each.key: each for each in ledger.told.callbacks}
    told = [
        (number_key(each.caller), each.queue, each.owed_since, (each.at, each.by) if each.by else None)
        for each in last.values()
    ]
    assert told == [(each["key"], each["queue"], each["since"], each["settled"]) for each in debts]
    shown = {each.queue: (each.owed, each.overdue) for each in ledger.records if isinstance(each, CallbacksReading)}
    wanted: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in debts:
        owed, overdue = wanted[str(each["queue"])]
        late = each["since"] + (60 if each["queue"] == "sales" else 100) <= at  # type: ignore[operator]
        open_debt = each["settled"] is None
        wanted[str(each["queue"])] = (owed + open_debt, overdue + (open_debt and late))
    assert shown == wanted
