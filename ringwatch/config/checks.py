"""Checks of single values: what a key may hold, and what to say when it holds something else.

Each check is an annotated type whose validator raises one kind of error, carrying the problem and its remedy, so that
a fault reads the same whatever the key. Nothing is converted in silence: ``port = "5038"`` is a fault, as is
``rings = true``; the one widening is of whole numbers where seconds are asked for.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, NoReturn, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from ringwatch.core.standards import CADENCES

LARGEST_PORT = 65535
LONGEST_SECONDS = 86_400.0
LONGEST_DEADLINE_SECONDS = 30 * LONGEST_SECONDS
LONGEST_TONE_MS = 60_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_HOST_AND_PORT = re.compile(r"(?P<host>[^:]+|\[[^]]*\]):(?P<port>[0-9]+)")
_EXTENSION = re.compile(r"[A-Za-z0-9*#+._-]+")
# The last character alone may be "." or "!"; a bracket holds digits and ranges (Asterisk's extensions.conf).
_PATTERN = re.compile(r"_([XxZzNn0-9A-Da-d*#+-]|\[[0-9A-Da-d*#+-]+\])*[.!]?")

Login = Literal["md5", "plain"]
Source = Literal["ami", "pyst2"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. ``host`` has no brackets; ``port`` 0 lets the system choose a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def refuse(problem: str, remedy: str, *, shown: bool = True) -> NoReturn:
    """Raise the one error that all checks raise; both texts become a line of the report, with the value if *shown*."""
    kind, template = "wrong", "{problem}; {remedy}"
    raise PydanticCustomError(kind, template, {"problem": problem, "remedy": remedy, "shown": shown})


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* is a slip or the beginning of, if any; letters' case is disregarded."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_lower, n=1) or [
        each for each in by_lower if each.startswith(word.lower())
    ]
    return by_lower[close[0]] if close else None


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def whole(low: int, high: int) -> PlainValidator:
    """Return a check that a value is a whole number within bounds."""
    remedy = f"give a whole number from {low} to {high}"

    def check(value: object) -> int:
        # True is an int to Python, and "rings = true" a slip to everyone else.
        if not isinstance(value, int) or isinstance(value, bool):
            refuse("not a whole number", remedy)
        if not low <= value <= high:
            refuse("out of range", remedy)
        return value

    return PlainValidator(check)


def _number(low: float, high: float, unit: str = "") -> PlainValidator:
    remedy = f"give {unit or 'a number'} from {low:g} to {high:.10g}"
    what = f"a number of {unit}" if unit else "a number"

    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            refuse(f"not {what}", remedy)
        # TOML has nan and inf: the comparison refuses both.
        if not low <= value <= high:
            refuse("out of range", remedy)
        return float(value)

    return PlainValidator(check)


def _seconds(low: float) -> PlainValidator:
    return _number(low, LONGEST_SECONDS, "seconds")


def _share(value: object) -> float:
    remedy = "give a share above 0 and below 1, as in 0.8 for 80 %"
    if not isinstance(value, int | float) or isinstance(value, bool):
        refuse("not a number", remedy)
    # All of the callers, or no pause for breath: no number of agents is enough for that.
    if not 0 < value < 1:
        refuse("out of range", remedy)
    return float(value)


def one_of(known: Iterable[str]) -> PlainValidator:
    """Return a check that a value is one of these words."""
    words = tuple(known)

    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        remedy = f"give one of {_quoted(words)}"
        if isinstance(value, str) and (meant := did_you_mean(value, words)):
            remedy = f'did you mean "{meant}"? {remedy}'
        refuse("not known", remedy)

    return PlainValidator(check)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    refuse("not a yes or no", "give true or false, without quotes")


def text_of(value: object) -> str:
    """Return a value that is a printable text, not empty; anything else is refused."""
    if not isinstance(value, str):
        refuse("not a text", "write it in quotes")
    if not value.strip():
        refuse("empty", "write something between the quotes, or leave the key out")
    # A line break in a user name would be a header of its own on the manager interface.
    if not value.isprintable():
        refuse("holds a line break or another unprintable character", "take it out")
    return value


def _name(value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    # It is a metric label, a part of MQTT topics and of an environment variable's name.
    refuse("not a name", "give up to 63 letters, digits, '.', '_' or '-', a letter or a digit first")


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _host(value: object) -> str:
    text = text_of(value)
    if _is_ip(text, 6) or _HOST_NAME.fullmatch(text):
        return text
    if match := _HOST_AND_PORT.fullmatch(text):
        refuse(
            "a host with a port", f'give them apart: host = "{match["host"].strip("[]")}" and port = {match["port"]}'
        )
    refuse("not a host", "give a name or an IP address, without a scheme and without brackets")


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    remedy = 'give address:port, as in "127.0.0.1:9816", "0.0.0.0:9816" for every interface, or "[::1]:9816"'
    match = _HOST_AND_PORT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse("not an address with a port", remedy)
    host, port = match["host"], int(match["port"])
    bracketed = host.startswith("[")
    host = host.strip("[]")
    if not (_is_ip(host, 6) if bracketed else _HOST_NAME.fullmatch(host)):
        refuse("not a host before the port", remedy)
    if port > LARGEST_PORT:
        refuse("the port is out of range", f"give a port from 0 to {LARGEST_PORT}")
    return Address(host, port)


def _cadence(value: object) -> tuple[int, ...]:
    times = tuple(value) if isinstance(value, list | tuple) else ()
    whole = all(isinstance(time, int) and not isinstance(time, bool) and 0 < time <= LONGEST_TONE_MS for time in times)
    if times and whole and len(times) % 2 == 0:
        return times
    refuse(
        "not a ring cadence",
        "give on and off times in turn, in whole milliseconds, as in [1000, 4000] or [400, 200, 400, 2000]",
    )


def _not_below_the_least(longest: float, info: ValidationInfo) -> float:
    least = info.data.get("reconnect_min_seconds", 0.0)
    if longest < least:
        refuse(f"{longest:g} s is less than reconnect_min_seconds, {least:g} s", f"give {least:g} or more")
    return longest


def _extension(value: object) -> str:
    text = text_of(value)
    if (_PATTERN if text.startswith("_") else _EXTENSION).fullmatch(text) and text != "_":
        return text
    refuse("not an extension", 'give one, as in "3000", or a dial pattern of X Z N [1-5] . !, as in "_31XX"')


def _existing_file(value: object, info: ValidationInfo) -> Path:
    text = text_of(value)
    base = info.context.base if info.context else Path()
    path = Path(base) / text
    remedy = f"it is looked for at {path}" if str(path) != text else "see that it exists and that ringwatch may read it"
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        refuse(f"cannot be read ({error.strerror})", remedy)


def _log_file(value: object, info: ValidationInfo) -> Path:
    text = text_of(value)
    base = info.context.base if info.context else Path()
    path = Path(base) / text
    # It need not be there yet, nor be readable at this moment: Asterisk makes it, and rotates it.
    if path.is_dir():
        refuse("a directory", "give the file, /var/log/asterisk/queue_log unless logger.conf's queue_log_name differs")
    return path


def a_list(example: str, *, least: int = 0) -> BeforeValidator:
    """Return a check that a value is a list of at least *least* items; *example* is shown when it is not."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple) and len(value) >= least:
            return value
        refuse("an empty list" if isinstance(value, list | tuple) else "not a list", f"give a list, as in {example}")

    return BeforeValidator(check)


def named_tables(example: str) -> BeforeValidator:
    """Return a check that a value is a table of named tables, as in ``[queue."support"]``."""

    def check(value: object) -> object:
        if isinstance(value, dict):
            return value
        refuse("not a table", f"write {example} above its keys")

    return BeforeValidator(check)


def tables(example: str) -> BeforeValidator:
    """Return a check that a value is a list of at least one table, as in ``[[pbx]]``."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple) and value:
            return value
        refuse(
            "one table where a list of them is meant" if isinstance(value, dict) else "not a list of tables",
            f"write {example}, in two brackets, above each",
        )

    return BeforeValidator(check)


TABLE = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
"""Of every table: what is not known is refused, and a fault shows no value that may be a secret."""
Port = Annotated[int, whole(1, LARGEST_PORT)]
Rings = Annotated[int, whole(1, 100)]
Lines = Annotated[int, whole(1, 10_000)]
Times = Annotated[int, whole(0, 100)]
People = Annotated[float, _number(0, 1000, "people")]
Seconds = Annotated[float, _seconds(0)]
Pause = Annotated[float, _seconds(0.05)]
LongestPause = Annotated[Pause, AfterValidator(_not_below_the_least), Field(validate_default=True)]
"""Of ``reconnect_max_seconds``, which stands after ``reconnect_min_seconds``."""
Share = Annotated[float, PlainValidator(_share)]
Limit = Annotated[float, _seconds(1)]
Positive = Annotated[float, _number(0.001, 1e6)]
Part = Annotated[float, _number(0, 0.99)]
Deadline = Annotated[float, _number(1, LONGEST_DEADLINE_SECONDS, "seconds")]
Flag = Annotated[bool, PlainValidator(_flag)]
Text = Annotated[str, PlainValidator(text_of)]
Name = Annotated[str, PlainValidator(_name)]
Host = Annotated[str, PlainValidator(_host)]
Listen = Annotated[Address, PlainValidator(_address), PlainSerializer(str)]
Cadence = Annotated[tuple[int, ...], PlainValidator(_cadence)]
Country = Annotated[str, one_of(CADENCES)]
Extension = Annotated[str, PlainValidator(_extension)]
LogFile = Annotated[Path, PlainValidator(_log_file)]
ExistingFile = Annotated[Path, PlainValidator(_existing_file)]
LoginName = Annotated[Login, one_of(get_args(Login))]
SourceName = Annotated[Source, one_of(get_args(Source))]
LogLevelName = Annotated[LogLevel, one_of(get_args(LogLevel))]
LogFormatName = Annotated[LogFormat, one_of(get_args(LogFormat))]
