"""The protocol of one client, as manager.c does it, without a socket."""

from __future__ import annotations

import hashlib

import pytest

from ringwatch.simulator import Account, Desk
from ringwatch.simulator.session import BANNER, Session

from .desks import MONDAY_NINE, busy
from .streams import Headers, cut, headers

ACCOUNT = Account(username="ringwatch", secret="s3cret")  # noqa: S106 - a secret of a test
LOGIN = b"Action: Login\r\nUsername: ringwatch\r\nSecret: s3cret\r\n\r\n"
JOIN = b"Event: QueueCallerJoin\r\nPrivilege: agent,all\r\nQueue: support\r\nPosition: 1\r\n\r\n"
VARIABLE = b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: X\r\n\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 0\r\nLastReload: 0\r\nStatus: Fully Booted\r\n\r\n"


def session(account: Account = ACCOUNT, *, logged_in: bool = True) -> Session:
    made = Session(account, Desk(busy(), start_at=MONDAY_NINE), "4711")
    if logged_in:
        made.feed(LOGIN)
    return made


def ask(to: Session, *lines: str) -> Headers:
    """Send one action and return the first block of the answer."""
    return headers(next(cut(to.feed("".join(f"{line}\r\n" for line in (*lines, "")).encode()))))


def test_the_banner_is_that_of_a_22() -> None:
    assert BANNER == b"Asterisk Call Manager/11.0.0\r\n"


# Logging in


def test_a_login_is_accepted_and_told_that_asterisk_is_up() -> None:
    """Byte by byte as in the captures."""
    answer = session(logged_in=False).feed(LOGIN.replace(b"Login\r\n", b"Login\r\nActionID: lab-1\r\n"))
    accepted = b"Response: Success\r\nActionID: lab-1\r\nMessage: Authentication accepted\r\n\r\n"
    assert answer == accepted + BOOTED


def test_who_may_not_read_system_is_not_told() -> None:
    account = Account(username="ringwatch", secret="s3cret", read=frozenset({"agent", "call"}))  # noqa: S106
    assert b"FullyBooted" not in session(account, logged_in=False).feed(LOGIN)


@pytest.mark.parametrize(
    "lines",
    [
        ("Username: ringwatch", "Secret: wrong"),
        ("Username: ringwatch", "Secret: "),
        ("Username: somebody", "Secret: s3cret"),
        ("Secret: s3cret",),
        ("Username: ringwatch", "Secret: s3cret", "AuthType: MD5"),
        ("Username: ringwatch", "AuthType: MD5", "Key: 00"),
    ],
)
def test_a_wrong_login_ends_the_session(lines: tuple[str, ...]) -> None:
    made = session(logged_in=False)
    answer = ask(made, "Action: Login", "ActionID: 1", *lines)
    assert answer == {"Response": "Error", "ActionID": "1", "Message": "Authentication failed"}
    assert made.closed
    assert made.refused
    assert not made.authenticated
    assert made.feed(LOGIN) == b""


def test_a_challenge_is_answered_without_the_secret() -> None:
    made = session(logged_in=False)
    offered = ask(made, "Action: Challenge", "AuthType: MD5")
    assert offered == {"Response": "Success", "Challenge": "4711"}
    key = hashlib.md5(b"4711s3cret", usedforsecurity=False).hexdigest()
    answer = ask(made, "Action: Login", "AuthType: md5", "Username: ringwatch", f"Key: {key}")
    assert answer["Message"] == "Authentication accepted"
    assert made.authenticated


def test_a_challenge_needs_its_kind() -> None:
    assert ask(session(logged_in=False), "Action: Challenge")["Message"] == "Must specify AuthType"


@pytest.mark.parametrize("action", ["Ping", "QueueStatus", "Filter", "NoSuchThing"])
def test_before_the_login_everything_else_is_refused(action: str) -> None:
    made = session(logged_in=False)
    answer = ask(made, f"Action: {action}", "ActionID: 7")
    assert answer == {"Response": "Error", "ActionID": "7", "Message": "Permission denied"}
    assert not made.closed
    assert ask(made, *LOGIN.decode().split("\r\n")[:3])["Message"] == "Authentication accepted"


def test_a_second_login_changes_nothing() -> None:
    assert ask(session(), "Action: Login", "Username: x")["Message"] == "Already authenticated"


def test_logging_off_is_possible_at_any_time() -> None:
    for made in (session(), session(logged_in=False)):
        answer = made.feed(b"Action: Logoff\r\nActionID: lab-7\r\n\r\n")
        assert answer == b"Response: Goodbye\r\nActionID: lab-7\r\nMessage: Thanks for all the fish.\r\n\r\n"
        assert made.closed
        assert not made.refused


# Actions


def test_ping_is_answered_with_the_virtual_time() -> None:
    answer = ask(session(), "Action: Ping", "ActionID: p")
    assert answer == {"Response": "Success", "ActionID": "p", "Ping": "Pong", "Timestamp": f"{MONDAY_NINE:.6f}"}


def test_an_unknown_action_is_named_and_the_way_shown() -> None:
    answer = ask(session(), "Action: Dance", "ActionID: 9")
    hint = "Invalid/unknown command: Dance. Use Action: ListCommands to show available commands."
    assert answer == {"Response": "Error", "ActionID": "9", "Message": hint}


@pytest.mark.parametrize(
    ("action", "message", "last"),
    [
        ("QueueStatus", "Queue status will follow", "QueueStatusComplete"),
        ("QueueSummary", "Queue summary will follow", "QueueSummaryComplete"),
        ("CoreShowChannels", "Channels will follow", "CoreShowChannelsComplete"),
    ],
)
def test_lists_begin_and_end_as_real_ones(action: str, message: str, last: str) -> None:
    answer = [headers(each) for each in cut(session().feed(f"Action: {action}\r\nActionID: l-1\r\n\r\n".encode()))]
    assert answer[0] == {"Response": "Success", "ActionID": "l-1", "EventList": "start", "Message": message}
    items = str(len(answer) - 2)
    assert answer[-1] == {"Event": last, "ActionID": "l-1", "EventList": "Complete", "ListItems": items}


def test_a_list_can_be_of_one_queue() -> None:
    answer = session().feed(b"Action: QueueStatus\r\nQueue: group\r\n\r\n")
    assert b"Queue: group" in answer
    assert b"Queue: music" not in answer


def test_the_core_answers_what_it_is() -> None:
    made = session()
    assert ask(made, "Action: CoreSettings")["AMIversion"] == "11.0.0"
    assert ask(made, "Action: CoreSettings")["AsteriskVersion"].startswith("22.")
    assert ask(made, "Action: CoreStatus")["CoreCurrentCalls"] == "0"


def test_actions_need_their_class() -> None:
    account = Account(username="ringwatch", secret="s3cret", write=frozenset({"call"}))  # noqa: S106
    made = session(account)
    assert ask(made, "Action: CoreShowChannels")["Message"] == "Permission denied"
    assert ask(made, "Action: Filter", "Operation: Add", "Filter: x")["Message"] == "Permission denied"
    assert ask(made, "Action: QueueStatus")["Response"] == "Success"
    listed = ask(made, "Action: ListCommands")
    assert "Ping" in listed
    assert "CoreShowChannels" not in listed
    assert "CoreShowChannels" in ask(session(), "Action: ListCommands")


def test_names_are_compared_without_case_and_the_first_value_counts() -> None:
    answer = ask(session(), "aCtIoN:pInG", "ACTIONID:  a b ", "ActionID: c")
    assert answer["ActionID"] == "a b"


# Events


def test_events_come_only_after_the_login() -> None:
    assert session().wants(JOIN)
    assert not session(logged_in=False).wants(JOIN)


@pytest.mark.parametrize(
    ("mask", "answer", "join", "variable"),
    [
        ("off", "Off", False, False),
        ("on", "On", True, True),
        ("agent", "On", True, False),
        ("call, dialplan", "On", False, True),
        ("", "On", True, True),
    ],
)
def test_the_mask_holds_for_events(mask: str, answer: str, *, join: bool, variable: bool) -> None:
    made = session()
    assert ask(made, "Action: Events", f"EventMask: {mask}") == {"Response": "Success", "Events": answer}
    assert (made.wants(JOIN), made.wants(VARIABLE)) == (join, variable)


def test_a_mask_of_no_known_class_is_refused() -> None:
    made = session()
    assert ask(made, "Action: Events", "EventMask: nonsense")["Message"] == "Invalid event mask"
    assert made.wants(JOIN)


def test_the_login_may_bring_a_mask() -> None:
    made = session(logged_in=False)
    assert b"FullyBooted" not in made.feed(LOGIN.replace(b"Login\r\n", b"Login\r\nEvents: off\r\n"))
    assert not made.wants(JOIN)


def test_the_account_decides_what_can_be_read() -> None:
    account = Account(username="ringwatch", secret="s3cret", read=frozenset({"agent"}))  # noqa: S106
    made = session(account)
    assert made.wants(JOIN)
    assert not made.wants(VARIABLE)


@pytest.mark.parametrize(
    ("filters", "join", "variable"),
    [
        (["!Event: VarSet"], True, False),
        (["Event: Queue"], True, False),
        (["Event: Queue", "Event: VarSet"], True, True),
        (["Event: Queue", "!Queue: support"], False, False),
        (["!Event: (VarSet|Newexten)", "!Position: [0-9]+"], False, False),
        (["^Event: .*Position: 1"], True, False),
    ],
)
def test_filters_let_through_what_real_ones_do(filters: list[str], *, join: bool, variable: bool) -> None:
    """Excluding ones alone leave the rest; an including one shuts out the rest; excluding ones have the last word."""
    made = session()
    for each in filters:
        answer = ask(made, "Action: Filter", "Operation: Add", f"Filter: {each}")
        assert answer == {"Response": "Success", "Message": "Added new filter"}
    assert (made.wants(JOIN), made.wants(VARIABLE)) == (join, variable)


def test_filters_do_not_touch_answers() -> None:
    made = session()
    ask(made, "Action: Filter", "Operation: Add", "Filter: Event: NothingAtAll")
    assert ask(made, "Action: Ping")["Ping"] == "Pong"
    assert b"QueueStatusComplete" in made.feed(b"Action: QueueStatus\r\n\r\n")


def test_filters_are_of_one_session() -> None:
    desk = Desk(busy(), start_at=MONDAY_NINE)
    one, other = Session(ACCOUNT, desk, "1"), Session(ACCOUNT, desk, "2")
    one.feed(LOGIN)
    other.feed(LOGIN)
    one.feed(b"Action: Filter\r\nOperation: Add\r\nFilter: !Queue\r\n\r\n")
    assert not one.wants(JOIN)
    assert other.wants(JOIN)


def test_filters_that_are_none_are_refused() -> None:
    made = session()
    broken = ask(made, "Action: Filter", "Operation: Add", "Filter: (")
    assert broken["Message"] == "Filter did not compile.  Check the syntax of the filter given."
    assert ask(made, "Action: Filter", "Operation: Remove", "Filter: x")["Message"] == "Unknown operation"


# Whatever comes


def test_pieces_do_not_matter() -> None:
    whole = LOGIN + b"Action: Ping\r\nActionID: \xc3\xa9\r\n\r\nAction: QueueSummary\r\n\r\n"
    expected = session(logged_in=False).feed(whole)
    made = session(logged_in=False)
    assert b"".join(made.feed(whole[place : place + 1]) for place in range(len(whole))) == expected


def test_bare_line_feeds_end_lines_too() -> None:
    assert session().feed(b"Action: Ping\nActionID: n\n\n").startswith(b"Response: Success\r\nActionID: n\r\n")


def test_bytes_that_are_no_text_come_back_as_they_came() -> None:
    assert b"ActionID: \xff\xfe\r\n" in session().feed(b"Action: Ping\r\nActionID: \xff\xfe\r\n\r\n")
    answer = session().feed(b"Action: \xff\r\nActionID: 1\r\n\r\n")
    assert b"Invalid/unknown command: \xff." in answer
    listed = session().feed(b"Action: QueueStatus\r\nActionID: \xff\r\n\r\n")
    assert listed.endswith(
        b"Event: QueueStatusComplete\r\nActionID: \xff\r\nEventList: Complete\r\nListItems: 19\r\n\r\n"
    )


@pytest.mark.parametrize("data", [b"\r\n", b"no colon here\r\n\r\n", b"Actio: Ping\r\n\r\n", b"Action:\r\n\r\n"])
def test_a_message_without_an_action_is_said_to_lack_it(data: bytes) -> None:
    assert session().feed(data) == b"Response: Error\r\nMessage: Missing action in request\r\n\r\n"


def test_a_line_too_long_is_refused_and_kept_by_nobody() -> None:
    made = session()
    for _ in range(300):
        assert made.feed(b"x" * 10_000) == b""
    assert len(made._pending) <= 1
    answer = made.feed(b"\r\nActionID: 5\r\n\r\n")
    assert answer == b"Response: Error\r\nActionID: 5\r\nMessage: Failed to parse message: line too long\r\n\r\n"
    assert ask(made, "Action: Ping")["Ping"] == "Pong"


def test_too_many_lines_are_refused_and_kept_by_nobody() -> None:
    made = session()
    made.feed(b"Action: Ping\r\nActionID: 6\r\n" + b"Header: x\r\n" * 100_000)
    assert len(made._lines) <= 128
    assert b"Message: Too many lines in message or allocation failure" in made.feed(b"\r\n")
    assert ask(made, "Action: Ping")["Ping"] == "Pong"


def test_a_zero_byte_ends_a_line() -> None:
    assert ask(session(), "Action: Ping\0ignored")["Ping"] == "Pong"


def test_an_answer_cannot_be_forged_by_an_action_id() -> None:
    """A carriage return inside a line stays inside the line."""
    answer = session().feed(b"Action: Ping\r\nActionID: a\rResponse: b\r\n\r\n")
    assert answer.count(b"\r\n") == 5
