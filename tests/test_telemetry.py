"""What the daemon says of itself: names, levels, limits and forms of its log lines."""

import inspect
import io
import json
import logging
import sys
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import CapturingLogger

from ringwatch import telemetry
from ringwatch.telemetry import (
    MOST_KINDS,
    QUIET_SECONDS,
    AnomalySeen,
    Attached,
    Detached,
    FactsLost,
    Happening,
    SinkDropped,
    SinkFailed,
    Started,
    Stopped,
    Telemetry,
    configure,
)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def captured(clock: Clock) -> tuple[Telemetry, list[dict[str, Any]]]:
    """Return a telemetry and the list that its lines arrive in: level, event and fields of each."""
    logger = CapturingLogger()
    lines: list[dict[str, Any]] = []

    class Logger:
        def log(self, level: int, event: str, **fields: object) -> None:
            logger.log(level, event, **fields)
            lines.append({"level": level, "event": event, **fields})

    return Telemetry(Logger(), clock=clock), lines


def anomaly(kind: str = "unknown_transition", detail: str = "x", pbx: str = "main") -> AnomalySeen:
    """Return an anomaly."""
    return AnomalySeen(pbx=pbx, kind=kind, detail=detail)


def test_a_happening_is_a_line_of_its_name_and_its_fields() -> None:
    """The class gives the name in snake case and the level, the record gives the fields."""
    tell, lines = captured(Clock())
    tell.emit(Attached(pbx="main", where="127.0.0.1:5038", ami_version="11.0.0"))
    tell.emit(SinkFailed(sink="mqtt", why="KeyError('a')"))
    assert lines[0] == {
        "level": logging.INFO,
        "event": "attached",
        "pbx": "main",
        "where": "127.0.0.1:5038",
        "ami_version": "11.0.0",
    }
    assert (lines[1]["event"], lines[1]["level"]) == ("sink_failed", logging.ERROR)


def test_every_happening_has_a_level_by_what_it_lost() -> None:
    """WARNING lost nothing, ERROR lost data or sees none, INFO is the course of things."""
    levels = {
        each.event(): each.level
        for each in vars(telemetry).values()
        if inspect.isclass(each) and issubclass(each, Happening) and each is not Happening
    }
    assert levels == {
        "started": logging.INFO,
        "stopped": logging.INFO,
        "attached": logging.INFO,
        "alert_cleared": logging.INFO,
        "alert_raised": logging.WARNING,
        "anomaly_seen": logging.WARNING,
        "delivery_failed": logging.WARNING,
        "delivery_resumed": logging.INFO,
        "detached": logging.ERROR,
        "facts_lost": logging.ERROR,
        "sink_dropped": logging.ERROR,
        "hung": logging.ERROR,
        "sink_failed": logging.ERROR,
    }


def test_the_first_of_a_kind_is_told_at_once_and_the_rest_once_a_minute() -> None:
    """A flood of one kind is a line a minute, which says how many were suppressed between the lines."""
    clock = Clock()
    tell, lines = captured(clock)
    for second in range(151):
        clock.now = float(second)
        tell.emit(anomaly(detail=str(second)))
    assert [(line["detail"], line.get("suppressed", 0)) for line in lines] == [("0", 0), ("60", 59), ("120", 59)]


def test_kinds_are_limited_apart() -> None:
    """A flood of one kind, or on one PBX, hides no other."""
    tell, lines = captured(Clock())
    for _ in range(3):
        tell.emit(anomaly("a"))
        tell.emit(anomaly("b"))
        tell.emit(anomaly("a", pbx="other"))
        tell.emit(FactsLost(why="disk full", count=1))
        tell.emit(SinkDropped(sink="mqtt", count=1))
    assert len(lines) == 5


def test_what_is_not_caused_by_a_stream_is_never_suppressed() -> None:
    """Connections and the daemon's own life are told each time."""
    tell, lines = captured(Clock())
    for _ in range(3):
        tell.emit(Detached(pbx="main", why="gone", remedy=None, retry_in_seconds=0.5))
        tell.emit(SinkFailed(sink="mqtt", why="broken"))
    assert len(lines) == 6


def test_the_end_of_a_flood_is_told() -> None:
    """Flushing now and then tells what was suppressed, after its minute and only once."""
    clock = Clock()
    tell, lines = captured(clock)
    for detail in ("first", "second", "third"):
        tell.emit(anomaly(detail=detail))
    tell.flush()
    assert len(lines) == 1
    clock.now = QUIET_SECONDS
    tell.flush()
    tell.flush()
    assert [(line["detail"], line.get("suppressed", 0)) for line in lines] == [("first", 0), ("third", 1)]


def test_stopping_tells_everything_suppressed_first() -> None:
    """Nothing that was counted is lost with the daemon, and the last line is that it stopped."""
    tell, lines = captured(Clock())
    tell.emit(anomaly(detail="first"))
    tell.emit(anomaly(detail="second"))
    tell.emit(Stopped())
    assert [line["event"] for line in lines] == ["anomaly_seen", "anomaly_seen", "stopped"]


def test_a_stream_that_invents_kinds_cannot_flood_the_log_or_the_memory() -> None:
    """Kinds beyond a bound share one limit."""
    tell, lines = captured(Clock())
    for number in range(3 * MOST_KINDS):
        tell.emit(anomaly(str(number)))
    assert len(lines) == MOST_KINDS + 1


class TestForms:
    """Lines as they are written."""

    def test_off_a_terminal_a_line_is_a_json_object_with_the_time_in_utc(self) -> None:
        """Time, level and event come first; every language is readable."""
        stream = io.StringIO()
        configure("info", "auto", stream)
        Telemetry().emit(anomaly(detail="Приём «Ünal»"))
        line = json.loads(stream.getvalue())
        assert list(line) == ["timestamp", "level", "event", "pbx", "kind", "detail"]
        assert datetime.now(UTC) - datetime.fromisoformat(line["timestamp"]) < timedelta(minutes=1)
        assert line["timestamp"].endswith("Z")
        assert "Приём «Ünal»" in stream.getvalue()

    def test_a_name_that_is_not_utf8_does_not_stop_the_log(self) -> None:
        """Surrogates, as a tolerant decoding leaves them, are escaped; the stream is strict."""
        raw = io.BytesIO()
        for log_format in ("json", "console"):
            stream = io.TextIOWrapper(raw, encoding="utf-8", errors="strict", write_through=True)
            configure("info", log_format, stream)
            Telemetry().emit(anomaly(detail="caf\udce9"))
            stream.detach()
        assert raw.getvalue().count(b"\\udce9") == 2

    def test_on_a_terminal_a_line_is_for_people_and_in_colour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Colours stay away where the environment asks for none."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        stream = Terminal()
        configure("info", "auto", stream)
        Telemetry().emit(Started(version="1.0", listen="127.0.0.1:9816"))
        assert "\x1b[" in stream.getvalue()
        monkeypatch.setenv("NO_COLOR", "1")
        plain = Terminal()
        configure("info", "auto", plain)
        Telemetry().emit(Started(version="1.0", listen="127.0.0.1:9816"))
        assert "\x1b[" not in plain.getvalue()
        assert "started" in plain.getvalue()
        assert stream.getvalue().count("started") == 1

    def test_the_form_can_be_chosen(self) -> None:
        """Console off a terminal has no colours; json on a terminal is json."""
        stream, terminal = io.StringIO(), Terminal()
        configure("info", "console", stream)
        Telemetry().emit(Stopped())
        configure("info", "json", terminal)
        Telemetry().emit(Stopped())
        assert "stopped" in stream.getvalue()
        assert "\x1b[" not in stream.getvalue()
        assert json.loads(terminal.getvalue())["event"] == "stopped"

    def test_a_caller_cannot_steer_the_terminal(self) -> None:
        """Controls and line breaks in what the stream said are escaped, in either form."""
        for log_format in ("json", "console"):
            stream = io.StringIO()
            configure("info", log_format, stream)
            Telemetry().emit(anomaly(detail="\x1b[2J\nstopped"))
            assert "\x1b" not in stream.getvalue()
            assert stream.getvalue().count("\n") == 1

    def test_lines_of_dependencies_take_the_same_form(self) -> None:
        """Standard logging, its extra fields and Python's warnings are lines like the daemon's own."""
        stream = io.StringIO()
        configure("info", "json", stream)
        logging.getLogger("aiohttp.server").warning("hello %s", "you", extra={"peer": "::1"})
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
        first, second = map(json.loads, stream.getvalue().splitlines())
        assert {
            "event": "hello you",
            "level": "warning",
            "logger": "aiohttp.server",
            "peer": "::1",
        }.items() <= first.items()
        assert (second["logger"], "old" in second["event"]) == ("py.warnings", True)

    def test_below_the_level_nothing_is_written(self) -> None:
        """The level holds for the daemon and for its dependencies."""
        stream = io.StringIO()
        configure("error", "json", stream)
        Telemetry().emit(anomaly())
        logging.getLogger("aiohttp.server").warning("hello")
        assert stream.getvalue() == ""
        Telemetry().emit(Detached(pbx="main", why="gone", remedy=None, retry_in_seconds=0.5))
        assert json.loads(stream.getvalue())["level"] == "error"

    def test_setting_up_again_replaces_the_first_and_leaves_other_handlers_alone(self) -> None:
        """A line is written once, to the newest stream."""
        other = logging.NullHandler()
        logging.getLogger().addHandler(other)
        old, new = io.StringIO(), io.StringIO()
        configure("info", "json", old)
        configure("info", "json", new)
        Telemetry().emit(Stopped())
        assert old.getvalue() == ""
        assert len(new.getvalue().splitlines()) == 1
        assert other in logging.getLogger().handlers

    @pytest.mark.parametrize("log_format", ["json", "console"])
    def test_no_secret_is_written_even_in_a_traceback(self, log_format: Literal["json", "console"]) -> None:
        """A SecretStr stays masked, and tracebacks carry no local variables."""
        stream = io.StringIO()
        configure("debug", log_format, stream)

        def fail(secret: str) -> None:
            assert secret
            raise RuntimeError

        try:
            fail("hunter" + "2")
        except RuntimeError:
            logging.getLogger("asyncio").exception("died")
            structlog.stdlib.get_logger("ringwatch").exception("died", account=SecretStr("hunter" + "2"))
        assert stream.getvalue().count("raise RuntimeError") == 2
        assert "hunter2" not in stream.getvalue()


def test_importing_sets_nothing_up() -> None:
    """Whoever imports ringwatch as a library keeps the logging they have."""
    before = list(logging.getLogger().handlers)
    del sys.modules["ringwatch.telemetry"]
    try:
        __import__("ringwatch.telemetry")
        assert not structlog.is_configured()
        assert logging.getLogger().handlers == before
    finally:
        sys.modules["ringwatch.telemetry"] = telemetry
