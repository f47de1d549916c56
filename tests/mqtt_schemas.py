"""Every payload that is published is held to its schema in config/schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "config" / "schemas"
_KINDS = {
    r"[^/]+/[^/]+/queue/[^/]+/state": "queue-state",
    r"[^/]+/[^/]+/agent/[^/]+/[^/]+/state": "agent-state",
    r"[^/]+/[^/]+/state": "pbx-state",
    r"[^/]+/[^/]+/event/visit": "visit",
    r"[^/]+/[^/]+/event/call": "call",
    r"[^/]+/[^/]+/event/alert": "alert",
    r"homeassistant/(binary_sensor|sensor)/[A-Za-z0-9_-]+/config": "home-assistant",
}
SCHEMAS: dict[str, dict[str, Any]] = {
    path.stem.removeprefix("mqtt-"): json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("mqtt-*.json")
}
_VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}


def kind_of(topic: str) -> str:
    """Return which schema is for a topic."""
    (kind,) = (kind for pattern, kind in _KINDS.items() if re.fullmatch(pattern, topic))
    return kind


def read(topic: str, payload: bytes) -> Any:
    """Return what a payload says, which must be as its schema has it; the status is a bare word."""
    if topic.count("/") == 1:
        assert payload in (b"online", b"offline")
        return payload.decode()
    told = json.loads(payload)
    _VALIDATORS[kind_of(topic)].validate(told)
    return told
