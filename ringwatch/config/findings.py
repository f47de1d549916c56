"""From what is wrong with the data to lines that a person can act on: file, line, key, value, problem, remedy."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ringwatch.config.checks import did_you_mean
from ringwatch.config.models import Config
from ringwatch.config.places import Path, get, line_of, places
from ringwatch.errors import ConfigFault

LONGEST_SHOWN = 60

# What to do about the keys that have no default; a missing secret has ways of its own (ringwatch.config.credentials).
_WANTED = {
    "pbx": "write a [[pbx]] table with the username and the secret of a manager account",
    "username": 'give the name of the account in manager.conf, as in username = "ringwatch"',
    "name": 'give a name for the log, as in name = "pager"',
    "url": 'give the address, as in url = "https://alerts.example.com/ringwatch"',
    "extensions": 'give the extensions of the line, as in extensions = ["3000", "_31XX"]',
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path of the data, not yet located in the text."""

    path: Path
    problem: str
    remedy: str
    shown: bool = True
    """Whether the value may be repeated; never for a secret, nor for an unknown key, which may be a slip of one."""


def located(findings: Iterable[Finding], text: str, name: str, data: Mapping[str, Any]) -> list[ConfigFault]:
    """Return the findings as faults of the file *name*, in the order of its *text*; *data* is what tomllib read."""
    found = places(text)
    faults = [
        ConfigFault(
            file=name,
            line=line_of(each.path, found),
            key=_written(each.path) or None,
            value=_value(get(data, each.path)) if each.shown else None,
            problem=each.problem,
            remedy=each.remedy,
        )
        for each in findings
    ]
    return sorted(faults, key=lambda fault: fault.line or 0)


def from_pydantic(errors: Iterable[ErrorDetails]) -> Iterator[Finding]:
    """Translate pydantic's errors, whose own texts speak of Python's types, into findings."""
    for error in errors:
        # A mapping's wrong key is told as (..., key, "[key]").
        path = tuple(part for part in error["loc"] if part != "[key]")
        match error["type"]:
            case "wrong":
                context = error["ctx"]
                yield Finding(
                    path, context["problem"], context["remedy"], shown=context["shown"] and error["loc"] == path
                )
            case "missing":
                yield Finding(path, "missing", _WANTED[str(path[-1])], shown=False)
            case "extra_forbidden":
                yield Finding(path, "unknown key", _instead_of(path), shown=False)
            case _:
                # What is left once every value has a check of its own: something else where a table is meant.
                yield Finding(path, "not a table", f"write {_heading(path)} above its keys")


def _value(value: object) -> str | None:
    """Return *value* as TOML would write it, shortened; None for a table, which may hold a secret."""
    if isinstance(value, list):
        items = [_value(item) for item in value]
        if None in items:
            return None
        text = f"[{', '.join(item for item in items if item is not None)}]"
    elif isinstance(value, str | bool):
        text = json.dumps(value, ensure_ascii=False)
    elif value is None or isinstance(value, dict):
        return None
    else:
        text = str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _written(path: Path) -> str:
    """Return *path* as a person writes it: ``pbx[0].port``, ``queue."support".rings``."""
    text = ""
    for index, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        bare = part.isascii() and part.replace("_", "").replace("-", "").isalnum()
        text += ("." if index else "") + (
            part if bare and not _is_a_name(path, index) else json.dumps(part, ensure_ascii=False)
        )
    return text


def _is_a_name(path: Path, index: int) -> bool:
    """Tell whether the part of a path is the name of a queue or line."""
    return index == 1 and path[0] in {"queue", "line"}


def _heading(path: Path) -> str:
    match path:
        case ("pbx" | "webhook" as kind, int()):
            return f"[[{kind}]]"
        case ("pbx" | "webhook" as kind, int(), key):
            return f"[{kind}.{key}]"
        case ("queue" | "line" as kind, _):
            return f'[{kind}."NAME"], the {kind}\'s own name in the quotes,'
        case _:
            return f"[{_written(path)}]"


def _table_in(annotation: object) -> type[BaseModel] | None:
    """Return the table a field holds, alone, in a list, by name, or optionally; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _table_in(each))), None)


def _table_at(path: Path) -> type[BaseModel]:
    """Return the table whose keys stand at *path*; indexes and the names of queues and lines are passed over."""
    table: type[BaseModel] = Config
    for index, part in enumerate(path):
        # A queue may be named as a key of its own table is.
        field = None if _is_a_name(path, index) else table.model_fields.get(str(part))
        table = (_table_in(field.annotation) if field else None) or table
    return table


def _instead_of(path: Path) -> str:
    """Return what to do about an unknown key: the table it belongs in, the one it is a slip of, or the known ones."""
    key, table = str(path[-1]), _table_at(path[:-1])
    for name, field in Config.model_fields.items():
        other = _table_in(field.annotation)
        if other is not None and other is not table and key in other.model_fields:
            origin = get_origin(field.annotation)
            heading = f"[[{name}]]" if origin is tuple else f'[{name}."..."]' if origin is Mapping else f"[{name}]"
            return f"it belongs in {heading}"
    if meant := did_you_mean(key, table.model_fields):
        return f'did you mean "{meant}"?'
    return f"take it out; known here: {', '.join(table.model_fields)}"
