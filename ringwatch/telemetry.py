"""What the daemon says of itself: one frozen record per happening, one log line per record.

Rules:

* WARNING lost nothing, ERROR lost data or sees none. A happening's class decides its level; nobody logs by hand.
* The line's name is the class's name in snake case, its fields are the record's: ``Attached(pbx="main", ...)`` is
  ``{"event": "attached", "pbx": "main", ...}``. A name, once published, keeps its meaning.
* What a bad stream or a bad server can cause at will (`AnomalySeen`, `SinkDropped`, `FactsLost`, `DeliveryFailed`) is
  limited, and so is `Hung`: the first of a kind at once, then one line per kind and minute, which says how many were
  suppressed.
* Counters are not kept here: the metrics sink counts facts.
* No secret is ever a field, and tracebacks are written without local variables, which may hold one.
* Importing this module changes nothing; `configure` sets up logging, for ringwatch and its dependencies alike.
"""

import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ringwatch.errors import one_line

# Lines of one limited kind are at least this far apart.
QUIET_SECONDS = 60.0
# Kinds are few by design; should a stream manage to invent them, those beyond this many share one limit.
MOST_KINDS = 500

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something the daemon has to say of itself. Names are past tense; times are in seconds."""

    level: ClassVar[int] = logging.INFO
    limited_by: ClassVar[tuple[str, ...] | None] = None
    """The fields that make one kind of a limited happening; None for one that is always logged."""

    @classmethod
    def event(cls) -> str:
        """Return the name of the log line, the class's name in snake case."""
        return _WORD_START.sub("_", cls.__name__).lower()

    def as_dict(self) -> dict[str, object]:
        """Return the fields by name, in the order of the class."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Happening):
    """The daemon runs; *listen* is the address of its web pages."""

    version: str
    listen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Happening):
    """The daemon ends in an orderly way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached(Happening):
    """A PBX let ringwatch in. *where* is its address, *ami_version* its banner's."""

    pbx: str
    where: str
    ami_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached(Happening):
    """The stream of a PBX ended or could not be opened: what happens there now is not seen."""

    level = logging.ERROR
    pbx: str
    why: str
    remedy: str | None
    retry_in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hung(Happening):
    """Something of a PBX no longer moves, and only a new start may mend it: the watchdog is not fed."""

    level = logging.ERROR
    limited_by = ("pbx",)
    pbx: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalySeen(Happening):
    """The stream said what the tables do not know; *kind* is one of a few words, *detail* is for people."""

    level = logging.WARNING
    limited_by = ("pbx", "kind")
    pbx: str
    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised(Happening):
    """The desk needs somebody; *queue* is null where the alert is about the whole PBX, *advice* says what to do."""

    level = logging.WARNING
    pbx: str
    queue: str | None
    name: str
    value: float
    threshold: float
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCleared(Happening):
    """An alert is over; *why* is well, closed or stale, *seconds* for how long it was bad."""

    pbx: str
    queue: str | None
    name: str
    why: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkDropped(Happening):
    """A sink could not keep up; *count* facts since the start never reached it: a total, for lines are held back."""

    level = logging.ERROR
    limited_by = ("sink",)
    sink: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed(Happening):
    """A sink does not get through to *where*; it goes on trying, and what it should deliver waits, up to a bound."""

    level = logging.WARNING
    limited_by = ("sink", "where", "why")
    sink: str
    where: str
    why: str
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResumed(Happening):
    """A sink gets through again, after so many *failures* in so many *seconds*."""

    limited_by = ("sink", "where")
    sink: str
    where: str
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkFailed(Happening):
    """A sink ended by a fault of its own; the others go on, and what it should have had is counted as dropped."""

    level = logging.ERROR
    sink: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsLost(Happening):
    """The facts file could not be written; *count* facts are not in it."""

    level = logging.ERROR
    limited_by = ()
    why: str
    count: int


@dataclass(slots=True)
class _Limit:
    """One kind of a limited happening: when it was last logged, and how many have been held back since."""

    logged_at: float
    latest: Happening
    held_back: int = 0


class Telemetry:
    """Turns happenings into log lines. One for the whole daemon, so that one limit holds for all its parts."""

    def __init__(self, logger: WrappedLogger | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Log to *logger*, by default structlog's; *clock* gives seconds that never run backwards."""
        self._logger = logger if logger is not None else structlog.stdlib.get_logger("ringwatch")
        self._clock = clock
        self._limits: dict[tuple[str, ...], _Limit] = {}

    def emit(self, happening: Happening) -> None:
        """Log *happening* at its level, unless it is limited and one of its kind was logged within the last minute."""
        if happening.limited_by is None:
            if isinstance(happening, Stopped):
                self.flush(everything=True)
            self._log(happening)
            return
        now = self._clock()
        key = (happening.event(), *(str(getattr(happening, name)) for name in happening.limited_by))
        if key not in self._limits and len(self._limits) >= MOST_KINDS:
            key = (happening.event(),)
        limit = self._limits.get(key)
        if limit is None:
            self._limits[key] = _Limit(now, happening)
            self._log(happening)
            return
        limit.latest = happening
        limit.held_back += 1
        if now - limit.logged_at >= QUIET_SECONDS:
            self._release(limit, now)

    def flush(self, *, everything: bool = False) -> None:
        """Log the latest of each kind that was held back and has waited its minute, or *everything*, as `Stopped` does.

        Without it the end of a flood would be told only when the next one begins: meant to be called now and then.
        """
        now = self._clock()
        for limit in self._limits.values():
            if limit.held_back and (everything or now - limit.logged_at >= QUIET_SECONDS):
                self._release(limit, now)

    def _release(self, limit: _Limit, now: float) -> None:
        # The latest is logged after all, hence one fewer.
        suppressed = limit.held_back - 1
        limit.logged_at, limit.held_back = now, 0
        self._log(limit.latest, suppressed=suppressed)

    def _log(self, happening: Happening, *, suppressed: int = 0) -> None:
        more = {"suppressed": suppressed} if suppressed else {}
        self._logger.log(happening.level, happening.event(), **happening.as_dict(), **more)


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler of `configure`; a class of its own so that it replaces itself and leaves others alone."""


def configure(level: str, log_format: Literal["auto", "json", "console"], stream: TextIO) -> None:
    """Write log lines of *level* (``debug`` to ``error``) and above to *stream*, those of dependencies included.

    *log_format* ``auto`` is ``console`` on a terminal and ``json``, one object a line, off it. Timestamps are UTC.
    Colours need a terminal and no NO_COLOR in the environment. Calling it again replaces the first set-up.
    """
    terminal = stream.isatty()
    console = log_format == "console" or (log_format == "auto" and terminal)
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(terminal, console)],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _rendering(terminal: bool, console: bool) -> list[Processor]:  # noqa: FBT001 - private, two names at the one call
    if not console:
        # format_exc_info writes a plain traceback; structlog's richer ones list local variables.
        return [
            structlog.processors.format_exc_info,
            _ordered,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    return [
        _printable,
        structlog.dev.ConsoleRenderer(
            colors=terminal and "NO_COLOR" not in os.environ,
            exception_formatter=structlog.dev.plain_traceback,
            sort_keys=False,
        ),
    ]


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put first what every line has, and make every text encodable: a name that is not UTF-8 may hold surrogates."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {
        key: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for key, value in {**first, **event}.items()
    }


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what would steer the reader's terminal: a caller chooses the name that a detail may repeat."""
    return {key: one_line(value) if isinstance(value, str) else value for key, value in event.items()}
