"""Pseudonyms: nobody can be told from a disguised recording, and everything else can."""

from __future__ import annotations

import re
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwatch.core.facts import Fact
from ringwatch.core.numbers import number_key
from ringwatch.sources.pseudonyms import Pseudonyms
from tests.tools import captures
from tests.tools.properties import PATIENT

KEY = b"of this test"
PERSONAL = ("caller", "called", "agent", "agents", "from_agent", "to")
"""The fields of facts that hold numbers or names."""


@cache
def disguised(name: str) -> tuple[bytes, ...]:
    """Return the blocks of a capture in disguise."""
    pseudonyms = Pseudonyms(KEY)
    return tuple(pseudonyms.disguise(block) for block in captures.blocks(name))


def line(text: str, event: str = "Newchannel") -> str:
    """Disguise one header of an event."""
    return Pseudonyms(KEY).disguise(f"Event: {event}\r\n{text}".encode()).decode().partition("\r\n")[2]


def impersonal(fact: Fact) -> dict[str, object]:
    """Return a fact without numbers and names."""
    return {name: value for name, value in msgspec.to_builtins(fact).items() if name not in PERSONAL}


def persons(facts: list[Fact]) -> list[str]:
    """Return all numbers and names in facts, in order."""
    found: list[str] = []
    for fact in facts:
        values = msgspec.to_builtins(fact)
        for each in (values.get(name) for name in PERSONAL):
            found += each if isinstance(each, list) else [str(each)]
    return found


# -- real recordings


@pytest.mark.parametrize("name", captures.NAMES)
def test_nobody_remains(name: str) -> None:
    """Of all callers' numbers and all names in a real recording, none can be found anywhere in its disguise."""
    stream, disguise = captures.stream(name), b"\r\n\r\n".join(disguised(name))
    numbers = set(re.findall(rb"(?:Num|Exten|Extension): ([0-9]{6,})\r\n", stream))
    names = set(re.findall(rb"(?:CallerIDName|ConnectedLineName|MemberName|\nName): ([^\r\n]+)", stream))
    names -= {b"<unknown>", b"unknown"}
    assert len(numbers) > 10
    assert len(names) > 20
    assert [each for each in numbers | names if each in disguise] == []


@pytest.mark.parametrize("name", captures.NAMES)
def test_same_facts(name: str) -> None:
    """The disguise of a real recording leads to the same facts, but for names and numbers, one for one."""
    one, other = captures.facts_of(captures.blocks(name)), captures.facts_of(disguised(name))
    assert len(one) > 40
    assert [impersonal(fact) for fact in other] == [impersonal(fact) for fact in one]
    known: dict[str, str] = {}
    for person, stand_in in zip(persons(one), persons(other), strict=True):
        assert known.setdefault(person, stand_in) == stand_in
    assert len(set(known.values())) == len(known)
    assert any(person != stand_in for person, stand_in in known.items())


@pytest.mark.parametrize("name", captures.NAMES)
def test_same_headers(name: str) -> None:
    """Every block keeps its headers, in their order, and what identifies a channel or tells the time."""
    kept = re.compile(rb"^(Event|Response|Timestamp|[A-Za-z]*Uniqueid|[A-Za-z]*Linkedid|Queue|Position|DialStatus): ")
    for block, disguise in zip(captures.blocks(name), disguised(name), strict=True):
        lines, others = block.split(b"\r\n"), disguise.split(b"\r\n")
        assert [each.partition(b": ")[0] for each in lines] == [each.partition(b": ")[0] for each in others]
        assert [each for each in lines if kept.match(each)] == [each for each in others if kept.match(each)]


# -- rule by rule


def test_a_number_is_the_same_everywhere() -> None:
    """A number has one pseudonym of its own length, in whatever header and in the midst of a channel's name."""
    number = line("CallerIDNum: 0201000001").removeprefix("CallerIDNum: ")
    assert re.fullmatch("[0-9]{10}", number)
    assert number != "0201000001"
    assert line("DestConnectedLineNum: 0201000001") == f"DestConnectedLineNum: {number}"
    assert line("Exten: 0201000001") == f"Exten: {number}"
    assert line("CallerIDNum: +0201000001") == f"CallerIDNum: +{number}"
    channel = "Channel: Local/0201000001@trunk-00000001;1"
    assert line(channel) == channel.replace("0201000001", number)
    assert line("DialString: 0201000001@trunk") == f"DialString: {number}@trunk"


@given(st.text("0123456789", min_size=9, max_size=9), st.text("0123456789", max_size=6), st.text("0123456789"))
def test_two_ways_of_writing_a_number_still_are(last: str, prefix: str, other: str) -> None:
    """Whatever stands before its last nine digits; the pseudonyms of different numbers differ."""
    plain, prefixed, another = (
        line(f"CallerIDNum: {each}").removeprefix("CallerIDNum: ") for each in (last, prefix + last, f"000000{other}")
    )
    assert number_key(plain) == number_key(prefixed)
    assert (number_key(plain) == number_key(another)) == (number_key(last) == number_key(f"000000{other}"))


@pytest.mark.parametrize(
    "header",
    [
        "CallerIDNum: 101",
        "Exten: 30000",
        "CallerIDNum: *98",
        "CallerIDNum: <unknown>",
        "CallerIDName: ",
        "Channel: PJSIP/101-00000012",
        "Uniqueid: 1795276750.12",
        "DestUniqueid: 1795276750.12",
        "Linkedid: 123456789",
        "BridgeUniqueid: 12345678-1234-1234-1234-123456789012",
        "Timestamp: 1795276750.123456",
        "Arrival: 1795276750.1234567",
        "LoginTime: 1795276750",
        "LastCall: 1795276750",
        "Queue: 8001234",
        "ChannelStateDesc: Up",
        "Cause-txt: Normal Clearing",
        "Privilege: call,all",
    ],
)
def test_what_stays(header: str) -> None:
    """Extensions, what is unknown, and what identifies a channel, a queue or a time stay as they are."""
    assert line(header) == header


@pytest.mark.parametrize(
    "name", ["CallerIDName", "DestConnectedLineName", "MemberName", "Name", "TransfereeCallerIDName"]
)
def test_names(name: str) -> None:
    """A name becomes the same name of nobody in every header."""
    assert re.fullmatch(f"{name}: Name [0-9a-f]{{8}}", line(f"{name}: Anna de Vries"))
    assert line(f"{name}: Anna").partition(": ")[2] == line("MemberName: Anna").partition(": ")[2]
    assert line(f"{name}: Anna") != line(f"{name}: Bert")


@pytest.mark.parametrize("number", ["anna.devries", "020-1000001", "(020) 100 00 01", "anna", "sip:0201000001@example"])
def test_numbers_that_are_none(number: str) -> None:
    """A caller's number that is a SIP user's name, or written with hyphens, is replaced as a name is."""
    assert re.fullmatch("CallerIDNum: Name [0-9a-f]{8}", line(f"CallerIDNum: {number}"))


@pytest.mark.parametrize(
    "name",
    ["ChanVariable", "DestChanVariable", "AccountCode", "DestAccountCode", "UserField", "ApplicationData", "Extra"],
)
def test_free_text(name: str) -> None:
    """Free text, which could hold anything, is replaced as a whole, on whichever side of a call."""
    assert re.fullmatch(f"{name}: Text [0-9a-f]{{8}}", line(f"{name}: ask for Anna de Vries"))
    assert line(f"{name}: ") == f"{name}: "


def test_channel_in_the_name_of_a_header() -> None:
    """A number in the channel that stands in a header's name is replaced like every other."""
    channel = line("Channel: SIP/0201000001-1").removeprefix("Channel: ")
    assert "0201000001" not in channel
    disguise = line("ChanVariable(SIP/0201000001-1): X=y")
    assert re.fullmatch(rf"ChanVariable\({channel}\): Text [0-9a-f]{{8}}", disguise)


def test_text_that_the_rules_read() -> None:
    """What the rules read of variables and applications stays, and nothing else in the same block does."""
    event = line("Variable: QUEUESTATUS\r\nValue: TIMEOUT\r\nChanVariable: X=Anna\r\nAccountCode: Anna", "VarSet")
    assert event.startswith("Variable: QUEUESTATUS\r\nValue: TIMEOUT\r\n")
    assert "Anna" not in event
    queue = line("Application: Queue\r\nAppData: support,tT,,,60\r\nDestChanVariable: X=Anna", "Newexten")
    assert queue.startswith("Application: Queue\r\nAppData: support,tT,,,60\r\n")
    assert "Anna" not in queue
    assert "Anna" not in line("Variable: CALLER\r\nValue: Anna", "VarSet")
    assert "Anna" not in line("Application: Set\r\nAppData: X=Anna", "Newexten")


def test_user_events() -> None:
    """Nothing is left of an event of the user's own but that there was one."""
    assert Pseudonyms(KEY).disguise(b"Event: UserEvent\r\nUserEvent: Sold\r\nTo: Anna") == b"Event: UserEvent"


@pytest.mark.parametrize("bare", ["nonsense about Anna", "CallerIDName:Anna", "0201000001"])
def test_bare_lines(bare: str) -> None:
    """A line that is no header is replaced as a whole, and stays a line that is none."""
    assert re.fullmatch("Text [0-9a-f]{8}", line(bare))


def test_banner() -> None:
    """The banner stays."""
    assert Pseudonyms(KEY).disguise(b"Asterisk Call Manager/11.0.0") == b"Asterisk Call Manager/11.0.0"


def test_names_that_are_no_utf8() -> None:
    """A name in another encoding is a name."""
    assert b"J\xf6rg" not in Pseudonyms(KEY).disguise(b"Event: X\r\nCallerIDName: J\xf6rg")


def test_one_recording_one_key() -> None:
    """Two recordings have nothing in common, unless they are given the same key."""
    block = b"Event: X\r\nCallerIDNum: 0201000001\r\nCallerIDName: Anna"
    assert Pseudonyms(KEY).disguise(block) == Pseudonyms(KEY).disguise(block)
    assert Pseudonyms().disguise(block) != Pseudonyms().disguise(block)


@PATIENT
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6), st.text("0123456789", min_size=6, max_size=15))
def test_whatever_is_in_a_block(lines: list[bytes], number: str) -> None:
    """Nothing in a block keeps a caller's number from being replaced, and nothing is an error."""
    block = b"\r\n".join([b"Event: X", *lines, b"CallerIDNum: " + number.encode()])
    last = Pseudonyms(KEY).disguise(block).rpartition(b"\r\n")[2]
    assert re.fullmatch(b"CallerIDNum: [0-9]{%d}" % len(number), last)
    assert last != b"CallerIDNum: " + number.encode()
