"""The configuration as frozen records, one per table of the TOML file; ``config/ringwatch.toml`` explains every key.

Rules:

* Every key but ``[[pbx]] username`` and a secret has a default, and the default is written here once.
* A check that looks at two keys of a table hangs on the later of the two, so that it is reported even when other keys
  of the table are wrong. Checks across tables are in ``ringwatch.config``.
* Secrets are SecretStr from the moment they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ringwatch.config.alerts import Alerts
from ringwatch.config.checks import (
    TABLE,
    Address,
    Cadence,
    Country,
    Deadline,
    Extension,
    Flag,
    Host,
    Limit,
    Lines,
    Listen,
    LogFile,
    LogFormatName,
    LoginName,
    LogLevelName,
    LongestPause,
    Name,
    Pause,
    People,
    Port,
    Rings,
    Seconds,
    Share,
    SourceName,
    Text,
    Times,
    a_list,
    named_tables,
    refuse,
    tables,
)
from ringwatch.config.hours import DAYS, NO_HOLIDAYS, Closure, Holidays, OneOff, Opening, Week, Zone, public_holidays
from ringwatch.config.mqtt import MqttConfig
from ringwatch.config.push import AlertmanagerConfig, WebhookConfig
from ringwatch.config.tls import TlsConfig, port_of_tls
from ringwatch.core.hours import ALWAYS, OpeningHours, Spans
from ringwatch.core.standards import CADENCES, Line, Policy, Standard

AMI_PORT = 5038
AMI_TLS_PORT = 5039


@dataclass(frozen=True, slots=True)
class Reading:
    """What a validation is told besides the data: where relative paths start, and the warnings met so far."""

    base: Path
    warnings: tuple[str, ...] = ()


class _Table(BaseModel):
    model_config = TABLE


class PbxConfig(_Table):
    """``[[pbx]]``: one Asterisk, its manager account, and how the connection is watched. Times are in seconds.

    ``port`` is 5039 by default where there is a ``tls`` table.
    """

    name: Name = "main"
    host: Host = "127.0.0.1"
    source: SourceName = "ami"
    tls: TlsConfig | None = None
    port: Port = AMI_PORT
    username: Text
    secret: SecretStr
    secret_file: Text | None = None
    login: LoginName = "md5"
    connect_timeout: Pause = 5.0
    login_timeout: Pause = 5.0
    ping_seconds: Pause = 10.0
    read_timeout: Annotated[Pause, Field(validate_default=True)] = 25.0
    reconnect_min_seconds: Pause = 0.5
    reconnect_max_seconds: LongestPause = 30.0
    trunks: Annotated[tuple[Text, ...], a_list('["PJSIP/trunk"]')] = ()
    queue_log: LogFile | None = None
    """The log that this Asterisk writes, where ringwatch can read it: what AMI could not tell is told from it."""

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, table: object) -> object:
        return port_of_tls(table, AMI_TLS_PORT)

    @field_validator("tls")
    @classmethod
    def _not_over_pyst2(cls, tls: TlsConfig | None, info: ValidationInfo) -> TlsConfig | None:
        if tls is not None and info.data.get("source") == "pyst2":
            refuse("pyst2 has no TLS", 'take the tls table out, or give source = "ami"')
        return tls

    @field_validator("read_timeout")
    @classmethod
    def _outlasts_a_ping(cls, read_timeout: float, info: ValidationInfo) -> float:
        ping = info.data.get("ping_seconds", 0.0)
        if read_timeout <= ping:
            # The answer to a ping is all that is heard of a desk at night.
            refuse(
                f"{read_timeout:g} s is not longer than ping_seconds, {ping:g} s",
                "give at least twice ping_seconds, or every quiet hour looks like a dead connection",
            )
        return read_timeout


class WebConfig(_Table):
    """``[web]``: where /metrics and the health pages are served."""

    listen: Listen = Address("127.0.0.1", 9816)

    @property
    def host(self) -> str:
        """The host of ``listen``, without brackets."""
        return self.listen.host

    @property
    def port(self) -> int:
        """The port of ``listen``; 0 lets the system choose."""
        return self.listen.port


class StandardConfig(_Table):
    """``[standard]``: what is promised to every caller unless the queue says otherwise."""

    country: Country = "nl"
    cadence: Cadence | None = None
    """On and off times in ms; overrides the country's."""
    rings: Rings = 3
    short_abandon_seconds: Seconds = 5.0
    lines_waiting: Lines = 3
    wrapup_seconds: Seconds = 0.0
    hold_limit_seconds: Limit = 30.0
    talk_target_seconds: Limit = 600.0
    talk_limit_seconds: Limit = 900.0
    hops: Times = 1
    bounces: Times = 0
    service_level: Share = 0.8
    service_level_seconds: Seconds = 20.0
    max_occupancy: Share = 0.85
    staffing_window_seconds: Limit = 1800.0
    load_gini: Share = 0.35
    reach_angry: People = 11.0
    reach_happy: People = 3.5
    unbroken_limit_seconds: Limit = 7200.0
    break_min_seconds: Limit = 300.0
    third_ring_share: Share = 0.9
    callback_seconds: Deadline = 259_200.0

    def standard(self) -> Standard:
        """Return the record that the core measures by."""
        # Every other key has the name that the record has for it.
        same = self.model_dump(exclude={"country", "cadence"})
        return Standard(cadence_ms=self.cadence or CADENCES[self.country], **same)


class HoursConfig(_Table):
    """``[hours]``: when the desk is open, and in a queue's or line's own ``hours`` what differs there.

    A time zone is there wherever another key is: ``ringwatch.config`` sees to it.
    """

    timezone: Zone | None = None
    week: Week | None = None
    """The spans of every day, from "mon" to "sun"; always open where there is none."""
    holidays: Holidays = NO_HOLIDAYS
    closed: Annotated[tuple[Closure, ...], a_list('["2026-12-24", "2026-12-31 12:00-24:00"]')] = ()
    open: Annotated[tuple[Opening, ...], a_list('["2026-11-29 12:00-17:00"]')] = ()

    def over(self, general: "HoursConfig") -> "HoursConfig":
        """Return *general* with every key that is given here, a list or a week as a whole."""
        return general.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})

    def opening_hours(self) -> OpeningHours:
        """Return the record that the core asks."""
        return OpeningHours(
            zone=self.timezone or UTC,
            week=ALWAYS if self.week is None else tuple(self.week[day] for day in DAYS),
            holidays=None if self.holidays == NO_HOLIDAYS else public_holidays(self.holidays),
            closed_days=frozenset(
                one_off.first + timedelta(days=days)
                for one_off in self.closed
                if one_off.span is None
                for days in range((one_off.last - one_off.first).days + 1)
            ),
            closed=_by_day(self.closed),
            opened=_by_day(self.open),
        )


def _by_day(one_offs: tuple[OneOff, ...]) -> Mapping[date, Spans]:
    spans: dict[date, Spans] = {}
    for first, _, span in one_offs:
        if span is not None:
            spans[first] = (*spans.get(first, ()), span)
    return spans


class QueueConfig(_Table):
    """``[queue."name"]``: what one queue promises differently; None is as in ``[standard]`` and ``[hours]``."""

    country: Country | None = None
    cadence: Cadence | None = None
    rings: Rings | None = None
    short_abandon_seconds: Seconds | None = None
    lines_waiting: Lines | None = None
    wrapup_seconds: Seconds | None = None
    hold_limit_seconds: Limit | None = None
    talk_target_seconds: Limit | None = None
    talk_limit_seconds: Limit | None = None
    hops: Times | None = None
    bounces: Times | None = None
    service_level: Share | None = None
    service_level_seconds: Seconds | None = None
    max_occupancy: Share | None = None
    staffing_window_seconds: Limit | None = None
    load_gini: Share | None = None
    reach_angry: People | None = None
    reach_happy: People | None = None
    unbroken_limit_seconds: Limit | None = None
    third_ring_share: Share | None = None
    callback_seconds: Deadline | None = None
    hours: HoursConfig | None = None
    alert: Alerts = Alerts()

    def over(self, general: StandardConfig) -> Standard:
        """Return *general*'s standard with this queue's own values; the queue's country beats a general cadence."""
        own = self.model_dump(exclude={"hours", "alert"}, exclude_none=True)
        if "country" in own:
            own.setdefault("cadence", None)
        return general.model_copy(update=own).standard()


class LineConfig(_Table):
    """``[line."name"]``: a direct line, one that is not a queue, that has a name of its own in facts and metrics."""

    extensions: Annotated[tuple[Extension, ...], a_list('["3000", "_31XX"]', least=1)]
    contexts: Annotated[tuple[Text, ...], a_list('["from-trunk"]')] = ()
    """The dialplan contexts in which the extensions count; empty is any."""
    hours: HoursConfig | None = None
    alert: Alerts = Alerts()


class MetricsConfig(_Table):
    """``[metrics]``: which series are worth their number."""

    agents: Flag = False


class LogConfig(_Table):
    """``[log]``: how much the daemon says, and in which form."""

    level: LogLevelName = "info"
    format: LogFormatName = "auto"


# Mapping, not dict: what is read is not written to.
Queues = Annotated[Mapping[Text, QueueConfig], named_tables('[queue."support"]')]
NamedLines = Annotated[Mapping[Text, LineConfig], named_tables('[line."reception"]')]


class Config(_Table):
    """The whole configuration. Attributes are named as the tables of the file are."""

    pbx: Annotated[tuple[PbxConfig, ...], tables("[[pbx]]")]
    web: WebConfig = WebConfig()
    standard: StandardConfig = StandardConfig()
    hours: HoursConfig = HoursConfig()
    alert: Alerts = Alerts()
    queue: Queues = {}
    line: NamedLines = {}
    metrics: MetricsConfig = MetricsConfig()
    mqtt: MqttConfig | None = None
    """Where there is no such table, nothing is published."""
    alertmanager: AlertmanagerConfig | None = None
    """Where there is no such table, nothing is pushed."""
    webhook: Annotated[tuple[WebhookConfig, ...], tables("[[webhook]]")] = ()
    log: LogConfig = LogConfig()
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    def model_post_init(self, context: Any, /) -> None:
        """Keep the warnings of a reading."""
        if isinstance(context, Reading):
            self._warnings = context.warnings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works and is unwise, one printable line each: a secret that everyone may read."""
        return self._warnings

    def standard_for(self, queue: str) -> Standard:
        """Return what is promised to the callers of a queue; the general standard for one without its own table."""
        own = self.queue.get(queue)
        return self.standard.standard() if own is None else own.over(self.standard)

    def policy_for(self, pbx: str) -> Policy:
        """Return everything the engine is told about one PBX; raises KeyError for a name that is not configured."""
        trunks = {each.name: each.trunks for each in self.pbx}[pbx]
        own_hours = {name: queue.hours for name, queue in self.queue.items()}
        own_hours |= {name: line.hours for name, line in self.line.items()}
        own_alerts = {name: queue.alert for name, queue in self.queue.items()}
        own_alerts |= {name: line.alert for name, line in self.line.items()} | {"": self.alert}
        return Policy(
            default=self.standard.standard(),
            standards={queue: self.standard_for(queue) for queue in self.queue},
            lines=tuple(Line(name, line.extensions, line.contexts) for name, line in self.line.items()),
            trunks=trunks,
            alerts={name: own.over(self.alert) for name, own in own_alerts.items()},
            default_hours=self.hours.opening_hours(),
            opening={
                name: hours.over(self.hours).opening_hours() for name, hours in own_hours.items() if hours is not None
            },
        )
