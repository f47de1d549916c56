"""A session: who says what until it is up, what it makes of answers, and who is turned away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.ami.framing import BANNER
from ringwatch.ami.session import Session, SessionState
from ringwatch.errors import LoginRefused, NotAmi, SourceError
from tests.tools.properties import PATIENT

SECRET = "opensesame"  # noqa: S105 - of nobody
FIRST_LINE = BANNER + b"11.0.0\r\n"
CHALLENGE = b"Response: Success\r\nActionID: ringwatch-1\r\nChallenge: 840415273\r\n\r\n"
ACCEPTED = b"Response: Success\r\nActionID: ringwatch-2\r\nMessage: Authentication accepted\r\n\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
REFUSED = b"Response: Error\r\nActionID: ringwatch-2\r\nMessage: %b\r\n\r\n"
HOLD = b"Event: Hold\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\n\r\n"


def session(login: Literal["md5", "plain"] = "md5") -> Session:
    """Make a session."""
    return Session("ringwatch", SECRET, login)


def up() -> Session:
    """Make a session that is up, with nothing left to send."""
    made = session()
    made.receive(FIRST_LINE + CHALLENGE + ACCEPTED)
    made.take_outgoing()
    return made


def state(made: Session) -> SessionState:
    """Return where a session stands; asked by a function, since a type checker takes an attribute to stay as it was."""
    return made.state


def actions(data: bytes) -> list[str]:
    """Return the names of the actions in outgoing bytes."""
    return [line.removeprefix("Action: ") for line in data.decode().split("\r\n") if line.startswith("Action: ")]


def talk(made: Session, chunks: Iterable[bytes]) -> tuple[list[bytes], bytes, SessionState, str]:
    """Feed a session, and return everything that came of it."""
    blocks: list[bytes] = []
    outgoing = b""
    for chunk in chunks:
        blocks += made.receive(chunk)
        outgoing += made.take_outgoing()
    return blocks, outgoing, made.state, made.version


def test_login_with_a_challenge() -> None:
    """With md5, the session answers the banner with a challenge and the challenge with a key, never with the secret."""
    made = session()
    assert state(made) is SessionState.BANNER
    assert made.take_outgoing() == b""
    assert made.receive(FIRST_LINE) == [FIRST_LINE.strip()]
    assert state(made) is SessionState.CHALLENGE
    assert made.version == "11.0.0"
    assert made.take_outgoing() == b"Action: Challenge\r\nActionID: ringwatch-1\r\nAuthType: MD5\r\n\r\n"
    made.receive(CHALLENGE)
    assert state(made) is SessionState.LOGIN
    key = hashlib.md5(f"840415273{SECRET}".encode(), usedforsecurity=False).hexdigest()
    login = f"Action: Login\r\nActionID: ringwatch-2\r\nAuthType: MD5\r\nUsername: ringwatch\r\nKey: {key}\r\n\r\n"
    assert made.take_outgoing() == login.encode()
    assert made.receive(ACCEPTED + BOOTED) == [ACCEPTED.strip(), BOOTED.strip()]
    assert state(made) is SessionState.UP
    assert actions(made.take_outgoing()) == ["Ping", "QueueStatus", "CoreShowChannels"]
    assert made.take_outgoing() == b""


def test_plain_login() -> None:
    """With plain, the session answers the banner with the secret itself."""
    made = session("plain")
    made.receive(FIRST_LINE)
    assert state(made) is SessionState.LOGIN
    login = f"Action: Login\r\nActionID: ringwatch-1\r\nUsername: ringwatch\r\nSecret: {SECRET}\r\n\r\n"
    assert made.take_outgoing() == login.encode()
    made.receive(ACCEPTED)
    assert state(made) is SessionState.UP


def test_events_before_the_answer() -> None:
    """Events that come before the login's answer are passed on, and do not count as an answer. Pitfall 13."""
    made = session("plain")
    assert made.receive(FIRST_LINE + HOLD) == [FIRST_LINE.strip(), HOLD.strip()]
    assert state(made) is SessionState.LOGIN
    made.receive(ACCEPTED)
    assert state(made) is SessionState.UP


@PATIENT
@given(st.data())
def test_cuts_do_not_matter(data: st.DataObject) -> None:
    """A session fed byte by byte, or cut anywhere, says and hears the same as one fed whole."""
    stream = FIRST_LINE + CHALLENGE + ACCEPTED + BOOTED + HOLD
    whole = talk(session(), [stream])
    assert talk(session(), [stream[place : place + 1] for place in range(len(stream))]) == whole
    cut = data.draw(st.integers(0, len(stream)))
    assert talk(session(), [stream[:cut], stream[cut:]]) == whole


@pytest.mark.parametrize("login", ["md5", "plain"])
def test_wrong_secret(login: Literal["md5", "plain"]) -> None:
    """A refused login is a fatal error that names the account, and never the secret."""
    made = session(login)
    made.receive(FIRST_LINE)
    if login == "md5":
        made.receive(CHALLENGE)
    with pytest.raises(LoginRefused, match=r"^the login of 'ringwatch' was refused: Authentication failed$") as caught:
        made.receive(REFUSED % b"Authentication failed")
    assert caught.value.fatal
    assert caught.value.remedy == LoginRefused.usual_remedy
    assert SECRET not in str(caught.value)


def test_challenge_refused() -> None:
    """A refused challenge is a refused login."""
    made = session()
    made.receive(FIRST_LINE)
    with pytest.raises(LoginRefused, match=r"Must specify AuthType$"):
        made.receive(REFUSED % b"Must specify AuthType")


@pytest.mark.parametrize("message", ["Login Already In Use", "Asterisk is shutting down"])
def test_refusal_that_passes(message: str) -> None:
    """An account that is still in use, or a PBX that is going down, is worth another attempt."""
    made = session("plain")
    made.receive(FIRST_LINE)
    with pytest.raises(LoginRefused, match=message) as caught:
        made.receive(REFUSED % message.encode())
    assert not caught.value.fatal
    assert caught.value.remedy not in {None, LoginRefused.usual_remedy}


def test_refusal_without_a_word() -> None:
    """A refusal without a message is still a refusal."""
    made = session("plain")
    made.receive(FIRST_LINE)
    with pytest.raises(LoginRefused):
        made.receive(b"Response: Error\r\n\r\n")


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"\x15\x03\x01\x00\x02\x02\x46", r"\x15\x03\x01"),
        (b"220 mail.example ESMTP\r\n", "220 mail.example"),
        (b"\r\n\r\n", r"\r\n"),
        (b"\xff" * 500, r"\xff"),
        (b"Asterisk Call Mangler/1.0\r\n", "Asterisk Call Mangler"),
    ],
)
def test_not_asterisk(first: bytes, shown: str) -> None:
    """Another server's greeting is a fatal error in one printable line that shows the greeting."""
    with pytest.raises(NotAmi) as caught:
        session().receive(first)
    assert shown in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400
    assert caught.value.fatal


@pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH", b"Asterisk Call Mangler/1.0", b"Asterisk Call Manager-1"])
def test_not_asterisk_byte_by_byte(first: bytes) -> None:
    """A greeting that arrives byte by byte is turned away at its first wrong byte, and not before."""
    made = session()
    right = next(place for place, byte in enumerate(first) if byte != BANNER[place])
    for place in range(right):
        assert made.receive(first[place : place + 1]) == []
    with pytest.raises(NotAmi):
        made.receive(first[right : right + 1])


@pytest.mark.parametrize("chunk", [1, 100, 255, 256, 300, 100_000])
def test_banner_without_an_end(chunk: int) -> None:
    """A banner that never ends is no banner, and is not collected."""
    made = session()
    endless = BANNER + b"x" * 100_000
    with pytest.raises(NotAmi):
        talk(made, (endless[place : place + chunk] for place in range(0, len(endless), chunk)))
    assert len(made._first) < 512


def test_a_denied_action_is_not_asked_again() -> None:
    """What the account may not, it may not next time either; the block is handed on for `check`. Pitfall 15."""
    made = up()
    made.take_outgoing()
    denied = b"Response: Error\r\nActionID: ringwatch-5\r\nMessage: Permission denied\r\n\r\n"
    assert made.receive(denied) == [denied.strip()]
    made.ping()
    assert actions(made.take_outgoing()) == ["Ping"]


@pytest.mark.parametrize("booted", [True, False])
def test_an_action_unknown_while_asterisk_boots_is_asked_again(booted: bool) -> None:  # noqa: FBT001 - a parameter
    """Asterisk lets one in before app_queue is loaded: asked again when it has booted, or with the next ping.

    Pitfall 13.
    """
    made = up()
    made.take_outgoing()
    unknown = b"Response: Error\r\nActionID: ringwatch-4\r\nMessage: Invalid/unknown command: QueueStatus.\r\n\r\n"
    made.receive(unknown)
    assert made.take_outgoing() == b""
    if booted:
        made.receive(b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n")
        assert actions(made.take_outgoing()) == ["QueueStatus"]
    else:
        made.ping()
        assert actions(made.take_outgoing()) == ["Ping", "QueueStatus"]
    made.ping()
    assert actions(made.take_outgoing()) == ["Ping"]


@pytest.mark.parametrize(
    "answer",
    [
        b"Response: Success\r\nActionID: ringwatch-3\r\nPing: Pong\r\n\r\n",
        b"Response: Error\r\nActionID: somebody-else\r\nMessage: Permission denied\r\n\r\n",
        b"Response: Error\r\n\r\n",
        b"Response: Goodbye\r\nActionID: ringwatch-3\r\n\r\n",
    ],
)
def test_other_answers(answer: bytes) -> None:
    """Answers that went well, and answers to nobody's question, deny nothing."""
    made = up()
    assert made.receive(answer) == [answer.strip()]
    made.take_outgoing()
    made.ping()
    assert actions(made.take_outgoing()) == ["Ping"]


def test_ping_and_logoff() -> None:
    """Each question has an ActionID of its own. Pitfall 13."""
    made = up()
    made.ping()
    made.logoff()
    assert made.take_outgoing() == (
        b"Action: Ping\r\nActionID: ringwatch-6\r\n\r\nAction: Logoff\r\nActionID: ringwatch-7\r\n\r\n"
    )


def test_snapshot_can_be_asked_for_again() -> None:
    """How everything stands can be asked at any time."""
    made = up()
    made.snapshot()
    assert actions(made.take_outgoing()) == ["QueueStatus", "CoreShowChannels"]


def test_how_everything_stands_is_asked_with_every_sixth_ping() -> None:
    """Nothing tells of a ``queue reload``; the ping of the login is the first of the six. Pitfall 14."""
    made = up()
    made.take_outgoing()
    asked = []
    for _ in range(11):
        made.ping()
        asked.append(actions(made.take_outgoing()))
    assert [len(each) for each in asked] == [1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 3]
    assert asked[4] == ["Ping", "QueueStatus", "CoreShowChannels"]


def test_how_everything_stands_is_asked_after_a_reload() -> None:
    """What it has done to members is told by no other event. Pitfall 17."""
    made = up()
    made.take_outgoing()
    reload = b"Event: Reload\r\nPrivilege: system,all\r\nModule: All\r\nStatus: 0\r\n\r\n"
    assert made.receive(reload) == [reload.strip()]
    assert actions(made.take_outgoing()) == ["QueueStatus", "CoreShowChannels"]


def test_stream_without_a_message_end() -> None:
    """What never becomes a message is marked, and the session goes on behind it."""
    made = up()
    blocks = [block for _ in range(160) for block in made.receive(b"x" * 65536)]
    assert blocks == [b""]
    assert made.receive(b"\r\n\r\n" + HOLD) == [HOLD.strip()]


@PATIENT
@given(st.lists(st.binary(max_size=40) | st.sampled_from([FIRST_LINE, CHALLENGE, ACCEPTED, HOLD, b"\r\n\r\n"])))
def test_only_two_errors(chunks: list[bytes]) -> None:
    """Whatever arrives, nothing but the two documented errors is raised."""
    made = session()
    try:
        talk(made, chunks)
    except SourceError as error:
        assert isinstance(error, NotAmi | LoginRefused)  # noqa: PT017 - no error at all is as good
