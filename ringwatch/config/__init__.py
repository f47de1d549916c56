"""The configuration: one TOML file to frozen records, or every fault in it at once.

``load`` reads a file, ``parse`` a text. Both raise ConfigError holding all faults, each in one line with file, line,
key, value, problem and remedy, in the order of the file. The file's keys are explained in ``config/ringwatch.toml``,
the sources of a secret, and which wins, in ``ringwatch.config.credentials``. No secret is ever part of a fault, a
warning, or a ``repr``.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr, ValidationError

from ringwatch.config import credentials
from ringwatch.config.checks import Address
from ringwatch.config.findings import Finding, from_pydantic, located
from ringwatch.config.models import (
    Config,
    HoursConfig,
    LineConfig,
    LogConfig,
    MetricsConfig,
    PbxConfig,
    QueueConfig,
    Reading,
    StandardConfig,
    WebConfig,
)
from ringwatch.config.mqtt import HomeAssistantConfig, MqttConfig
from ringwatch.config.places import get
from ringwatch.config.push import AlertmanagerConfig, WebhookConfig
from ringwatch.config.tls import TlsConfig
from ringwatch.errors import ConfigError, ConfigFault

__all__ = [
    "Address",
    "AlertmanagerConfig",
    "Config",
    "HomeAssistantConfig",
    "HoursConfig",
    "LineConfig",
    "LogConfig",
    "MetricsConfig",
    "MqttConfig",
    "PbxConfig",
    "QueueConfig",
    "StandardConfig",
    "TlsConfig",
    "WebConfig",
    "WebhookConfig",
    "load",
    "parse",
]

_NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})
# tomllib ends its messages with "(at line 3, column 5)" or "(at end of document)".
_TOML_PLACE = re.compile(r"(?s)(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")

# A key's path in tomllib's messages: ('web',) or ('pbx', 'tls').
_TOML_NAME = re.compile(r"\('[^()]*'(?:, '[^()]*')*,?\)")


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the configuration file *path*; *environ* is the process's environment, where secrets are looked for.

    Relative files in it start at its directory. Raises ConfigError, also for a file that cannot be read.
    """
    name = str(path)
    try:
        raw = path.read_bytes()
        public = credentials.readable_by_everyone(path)
    except FileNotFoundError:
        problem, remedy = "no such file", "write one; config/ringwatch.toml shows every key"
    except OSError as error:
        problem, remedy = f"cannot be read ({error.strerror})", "see that it is a file and that ringwatch may read it"
    else:
        return _parse(_decoded(raw, name), name, base=path.parent, environ=environ, public=name if public else None)
    raise ConfigError([ConfigFault(file=name, problem=problem, remedy=remedy)])


def parse(text: str, name: str, *, base: Path = Path(), environ: Mapping[str, str] = _NO_ENVIRONMENT) -> Config:
    """Read a configuration from its *text*; *name* is what faults call it, *base* where relative files start.

    Raises ConfigError.
    """
    return _parse(text, name, base=base, environ=environ, public=None)


def _parse(text: str, name: str, *, base: Path, environ: Mapping[str, str], public: str | None) -> Config:
    data = _toml(text, name)
    secrets = credentials.find(data, base, environ, public=public)
    for index, table, _ in credentials.pbx_tables(data):
        # Put in before validation, so that the rest of the table is checked even where the secret is at fault.
        table["secret"] = secrets.by_path.get(("pbx", index, "secret"), SecretStr(""))
    for path, table, _ in credentials.optional(data):
        table[str(path[-1])] = secrets.by_path.get(path)
    findings = [*secrets.findings, *_across_tables(data)]
    config: Config | None = None
    try:
        config = Config.model_validate(data, context=Reading(base, tuple(secrets.warnings)))
    except ValidationError as error:
        findings += from_pydantic(error.errors(include_url=False))
    # Raised outside the except clause: pydantic's error holds the whole data, and must not hang on ours as its context.
    if config is None or findings:
        raise ConfigError(located(findings, text, name, data))
    return config


def _decoded(raw: bytes, name: str) -> str:
    # Some editors begin a file with a byte order mark, which TOML does not know.
    body = raw.removeprefix(b"\xef\xbb\xbf")
    text = body.decode("utf-8", "replace")
    if text.encode() == body:
        return text
    line = text[: text.index("\ufffd")].count("\n") + 1
    raise ConfigError([ConfigFault(file=name, line=line, problem="not UTF-8", remedy="save the file as UTF-8")])


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
    except ValueError:
        # From int(), which refuses thousands of digits.
        message = "Number of too many digits"
    match = _TOML_PLACE.fullmatch(message)
    what = _TOML_NAME.sub(
        lambda found: ".".join(re.findall("'([^']*)'", found[0])), match["what"] if match else message
    )
    if match and match["line"] is None:
        remedy = "the file ends too early: close what was opened last"
    elif what.startswith("Cannot"):
        remedy = "write each key and each [table] once"
    else:
        remedy = "a key stands before =, a text in quotes, a list in brackets"
    fault = ConfigFault(
        file=name,
        line=int(match["line"]) if match and match["line"] else None,
        column=int(match["column"]) if match and match["column"] else None,
        problem=f"not TOML: {what[:1].lower()}{what[1:]}",
        remedy=remedy,
    )
    raise ConfigError([fault])


def _across_tables(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Check what no table can check alone; on unchecked data, so that these faults come with all the others."""
    yield from _same_names(data, "pbx", "main", "PBX")
    yield from _same_names(data, "webhook", "", "webhook")
    queues, lines = data.get("queue"), data.get("line")
    if isinstance(queues, dict) and isinstance(lines, dict):
        for name in lines.keys() & queues.keys():
            yield Finding(("line", name), "has the name of a queue", "rename it: both are the metric label queue")
    yield from _without_a_zone(data)
    yield from _target_not_below_limit(data)


def _same_names(data: Mapping[str, Any], kind: str, usual: str, called: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for index, _, name in credentials.named_tables(data, kind, usual):
        key = credentials.variable(*([] if kind == "pbx" else [kind]), name)
        if seen.get(key) == name:
            yield Finding(
                (kind, index, "name"), f'a second {called} of the name "{name}"', "give each a name of its own"
            )
        elif key in seen:
            yield Finding(
                (kind, index, "name"), f'too like "{seen[key]}"', f"{key} could be the secret of either; rename one"
            )
        seen.setdefault(key, name)


def _without_a_zone(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Find opening hours of which nobody knows by whose clock; UTC would be a guess, and wrong in silence."""
    kinds = [kind for kind in ("queue", "line") if isinstance(data.get(kind), dict)]
    named = [(kind, name, "hours") for kind in kinds for name in data[kind]]
    # Once the general hours have their zone, so have all.
    for path in [("hours",)] if data.get("hours") else named:
        table = get(data, path)
        if isinstance(table, dict) and table and "timezone" not in table:
            yield Finding((*path, "timezone"), "missing", 'give the time zone, as in timezone = "Europe/Amsterdam"')


def _target_not_below_limit(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Find a limit of talk that is no further than its target, in one table or across a queue's and the general one."""
    general = {"target": StandardConfig().talk_target_seconds, "limit": StandardConfig().talk_limit_seconds}
    queues = data.get("queue")
    for path in [("standard",), *(("queue", name) for name in (queues if isinstance(queues, dict) else ()))]:
        table = get(data, path)
        table = table if isinstance(table, dict) else {}
        own = {what: table[key] for what in general if (key := f"talk_{what}_seconds") in table}
        both = {**general, **own}
        if path == ("standard",):
            general = both
        target, limit = both["target"], both["limit"]
        if own and all(isinstance(each, int | float) for each in (target, limit)) and target >= limit:
            key = "limit" if "limit" in own else "target"
            yield Finding(
                (*path, f"talk_{key}_seconds"),
                f"the target of {target:g} s is not less than the limit of {limit:g} s",
                "give a target that is less than the limit",
            )
