"""Single lines of a queue_log: every event's arguments, names that hold the separator, and what cannot be read."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringwatch.core.queue_log import Damaged, Foreign, Line, Parser
from ringwatch.core.queue_log.lines import EVENTS
from tests.tools.captures import CAPTURES, NAMES
from tests.tools.properties import PATIENT

from .logs import captured, read

TIME = "1795276750"
FORMS: list[tuple[str, dict[str, Any]]] = [
    ("ENTERQUEUE||0201000001|1", {"text": "0201000001", "position": 1}),
    ("ENTERQUEUE|http://crm/?a=1||4", {"text": "", "position": 4}),
    ("ENTERQUEUE||0201000001", {"text": "0201000001", "position": None}),
    ("ENTERQUEUE||02|x|01|3", {"text": "02|x|01", "position": 3}),
    # With log-caller-id-name the name stands behind the position (22).
    ("ENTERQUEUE||0201000001|2|Jan | 3 de Vries", {"text": "0201000001", "position": 2}),
    ("CONNECT|7|1795276761.4|6", {"wait": 7, "ring": 6}),
    ("CONNECT|7|1795276761.4", {"wait": 7, "ring": None}),
    ("CONNECT|7", {"wait": 7, "ring": None}),
    ("COMPLETEAGENT|1|22|3", {"wait": 1, "talk": 22, "position": 3}),
    ("COMPLETECALLER|1|22", {"wait": 1, "talk": 22, "position": None}),
    ("ABANDON|2|4|13", {"position": 4, "wait": 13}),
    ("EXITEMPTY|1|2|9", {"position": 2, "wait": 9}),
    ("EXITWITHTIMEOUT|1|1|40", {"position": 1, "wait": 40}),
    ("EXITWITHTIMEOUT|1", {"position": None, "wait": None}),
    ("EXITWITHKEY|3|1|2|11", {"position": 2, "wait": 11}),
    ("EXITWITHKEY|#|1", {"position": None, "wait": None}),
    ("WITHDRAW|1|3|20|moved to | the app", {"position": 3, "wait": 20}),
    ("WITHDRAW|1|3|20", {"position": 3, "wait": 20}),
    ("RINGNOANSWER|8000", {"ring": 8000}),
    ("RINGCANCELED|303", {"ring": 303}),
    ("BLINDTRANSFER|108|internal|1|2|1", {"text": "108", "wait": 1, "talk": 2, "position": 1}),
    ("BLINDTRANSFER|10|8|internal|1|2|1", {"text": "10|8", "wait": 1, "talk": 2}),
    ("TRANSFER|108|internal|1|2|1", {"text": "108", "wait": 1, "talk": 2, "position": 1}),
    ("TRANSFER|108|internal|1|2", {"text": "108", "wait": 1, "talk": 2, "position": None}),
    ("ATTENDEDTRANSFER|BRIDGE|450dcced-a859|2|7|1", {"text": "", "wait": 2, "talk": 7, "position": 1}),
    ("ATTENDEDTRANSFER|APP|ConfBridge|2|7|1", {"text": "ConfBridge", "wait": 2, "talk": 7}),
    ("ATTENDEDTRANSFER|LINK|Local/1@a;1|Local/1@a;2|2|7|1", {"text": "Local/1@a;1|Local/1@a;2", "talk": 7}),
    ("AGENTDUMP|", {}),
    ("SYSCOMPAT|", {}),
    ("PAUSE|lunch | tea", {}),
    ("UNPAUSE|", {}),
    ("PAUSEALL|", {}),
    ("UNPAUSEALL|", {}),
    ("ADDMEMBER|PAUSED", {}),
    ("REMOVEMEMBER|", {}),
    ("PENALTY|5", {}),
    ("RINGINUSE|0", {}),
    ("AGENTLOGIN|PJSIP/101-00000001", {}),
    ("AGENTLOGOFF|PJSIP/101-00000001|3600", {}),
    ("AGENTCALLBACKLOGIN|1002@desk", {}),
    ("AGENTCALLBACKLOGOFF|1002@desk|43|CommandLogoff", {}),
    ("CONFIGRELOAD|", {}),
    ("QUEUESTART|", {}),
    ("DID|0201234567", {}),
    ("INFO|anything", {}),
]


def one(text: str, /, **fields: Any) -> None:
    """Assert that a line is read, and what of."""
    (line,) = read(text)
    assert isinstance(line, Line), line
    assert {name: getattr(line, name) for name in fields} == fields


@pytest.mark.parametrize("name", NAMES)
def test_every_line_that_asterisk_wrote_is_read(name: str) -> None:
    """The logs of both versions hold no line that is foreign or damaged."""
    assert len(captured(name)) == (CAPTURES / name / "queue_log").read_bytes().count(b"\n")


@pytest.mark.parametrize(("rest", "fields"), FORMS)
def test_every_event_is_read_in_each_of_its_forms(rest: str, fields: dict[str, Any]) -> None:
    """Shorter forms are those of older Asterisks; free text takes up what the numbers around it leave."""
    one(
        f"{TIME}|1795276750.0|support|Anna|{rest}",
        event=rest.partition("|")[0],
        queue="support",
        agent="Anna",
        **fields,
    )


def test_no_known_event_is_without_a_form_that_is_tested() -> None:
    """Each event of the table appears in the test above."""
    assert {rest.partition("|")[0] for rest, _ in FORMS} == set(EVENTS)


def test_who_and_when_are_read() -> None:
    """Time, call, queue and agent are the first four parts; a clock that was set back makes negative waits."""
    one(
        f"{TIME}|psy1-1795276750.0|support|Chloé Müller|CONNECT|-2|1795276750.1|0",
        place="queue_log:1",
        at=1795276750.0,
        call_id="psy1-1795276750.0",
        queue="support",
        agent="Chloé Müller",
        wait=-2,
    )


def test_a_queue_that_holds_the_separator_is_known_from_its_first_caller() -> None:
    """ENTERQUEUE names no agent, which tells the queue's whole name; later lines are divided by it."""
    queue, agent = "support|night", "Anna|front desk"
    joined, ringing, connected = read(
        f"{TIME}|1.0|{queue}|NONE|ENTERQUEUE||0201|1",
        f"{TIME}|1.0|{queue}|{agent}|RINGNOANSWER|8000",
        f"{TIME}|1.0|{queue}|{agent}|CONNECT|1|1.1|1",
    )
    assert isinstance(joined, Line)
    assert (joined.queue, joined.agent) == (queue, "NONE")
    for line in (ringing, connected):
        assert isinstance(line, Line)
        assert (line.queue, line.agent) == (queue, agent)


def test_a_queue_named_beforehand_is_known() -> None:
    """A log that begins in mid-call can be divided by names from the configuration or from facts."""
    line = Parser({"support|night"}).line(f"{TIME}|1.0|support|night|Anna|CONNECT|1|1.1|1", "")
    assert isinstance(line, Line)
    assert (line.queue, line.agent) == ("support|night", "Anna")


def test_of_two_names_that_nobody_knows_the_agent_takes_the_separator() -> None:
    """Some answer must be given; agents are named by people, queues by configuration."""
    one(f"{TIME}|1.0|support|Anna|night|CONNECT|1|1.1|1", queue="support", agent="Anna|night")
    one(f"{TIME}|NONE|support|night|NONE|CONFIGRELOAD|", queue="support|night", agent="NONE")


names = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=12)


@PATIENT
@given(queue=names, agent=names)
def test_names_of_any_letters_are_told_apart(queue: str, agent: str) -> None:
    """As long as no part of a name is itself an event, or the word for nobody."""
    assume(not {*queue.split("|"), *agent.split("|")} & {*EVENTS, "NONE"})
    _, connected = read(f"{TIME}|1.0|{queue}|NONE|ENTERQUEUE||0201|1", f"{TIME}|1.0|{queue}|{agent}|CONNECT|1|1.1|1")
    assert isinstance(connected, Line)
    assert (connected.queue, connected.agent) == (queue, agent)


@PATIENT
@given(st.one_of(st.text(), st.text("0123456789|NONECT.").map(lambda rest: f"{TIME}|{rest}")))
def test_nothing_that_stands_in_a_line_raises(text: str) -> None:
    """Whatever it holds, it is a line, a foreign one, or a damaged one."""
    (found,) = read(text)
    assert isinstance(found, Line | Foreign | Damaged)


@pytest.mark.parametrize(
    ("whole", "short"),
    [
        ("ENTERQUEUE||0201000001|1", "ENTERQUEUE||02010"),
        ("CONNECT|7|1795276761.4|6", "CONNECT|7|17952"),
        ("COMPLETECALLER|1|22|3", "COMPLETECALLER|1|2"),
    ],
)
def test_a_line_shorter_than_those_before_it_was_cut(whole: str, short: str) -> None:
    """It would pass for one of an older Asterisk, which a log does not go back to; an upgrade is no damage."""
    before = f"{TIME}|1.0|support|Anna|"
    assert [type(each) for each in read(before + whole, before + short)] == [Line, Damaged]
    assert [type(each) for each in read(before + short, before + whole)] == [Line, Line]


def test_an_event_of_a_dialplan_is_foreign() -> None:
    """The application QueueLog writes any name; it is kept for the report."""
    (found,) = read(f"{TIME}|1.0|support|NONE|JOINEMPTY|")
    assert found == Foreign(place="queue_log:1", at=float(TIME), event="JOINEMPTY")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "1 parts where there are at least 5"),
        (f"{TIME}|1.0|support", "3 parts"),
        (f"x{TIME}|1.0|support|NONE|ABANDON|1|1|5", "does not begin with a time"),
        (f"{TIME}|1.0|support|NONE|ABANDON|1|1|", "ABANDON has other arguments"),
        (f"{TIME}|1.0|support|Anna|CONNECT|soon|1.1|1", "CONNECT has other arguments"),
        (f"{TIME}|1.0|support|Anna|CONNECT|{'9' * 5000}|1.1|1", "CONNECT has other arguments"),
        (f"{TIME}|1.0|support|NO{TIME}|1.0|support|Anna|CONNECT|1|1.1|", "CONNECT has other arguments"),
    ],
)
def test_what_cannot_be_read_is_damaged_and_says_why(text: str, why: str) -> None:
    """A line that was cut, glued to the next, or written over."""
    (found,) = read(text)
    assert isinstance(found, Damaged)
    assert why in found.why
    assert not found.torn


class TestRows:
    """The table of the database variant."""

    WHO: ClassVar[dict[str, str]] = {"callid": "1.0", "queuename": "support|night", "agent": "An|na"}

    @pytest.mark.parametrize(
        "data",
        [
            {"data1": "1", "data2": "22", "data3": "3", "data4": "", "data5": ""},
            {"data1": "1", "data2": "22", "data3": "3"},
            {"data": "1|22|3"},
        ],
    )
    def test_arguments_stand_in_five_columns_or_in_one(self, data: dict[str, str]) -> None:
        """Names need no dividing: each has a column of its own."""
        found = Parser().row(1.5, {**self.WHO, "event": "COMPLETEAGENT", **data}, "export.csv:2")
        assert isinstance(found, Line)
        assert (found.at, found.place, found.queue, found.agent) == (1.5, "export.csv:2", "support|night", "An|na")
        assert (found.wait, found.talk, found.position) == (1, 22, 3)

    def test_further_arguments_stand_behind_the_fifth(self) -> None:
        """An attended transfer over a link has six (logger.c, ast_queue_log)."""
        columns = {"data1": "LINK", "data2": "Local/1@a;1", "data3": "Local/1@a;2", "data4": "2", "data5": "7|1"}
        found = Parser().row(1.5, {**self.WHO, "event": "ATTENDEDTRANSFER", **columns}, "")
        assert isinstance(found, Line)
        assert (found.wait, found.talk, found.position) == (2, 7, 1)

    def test_a_row_of_an_unknown_event_is_foreign_and_one_that_lacks_arguments_damaged(self) -> None:
        """As lines are."""
        assert isinstance(Parser().row(1.5, {**self.WHO, "event": "MINE", "data": ""}, ""), Foreign)
        assert isinstance(Parser().row(1.5, {}, ""), Foreign)
        assert isinstance(Parser().row(1.5, {**self.WHO, "event": "CONNECT", "data": ""}, ""), Damaged)
