"""What is published over MQTT, made from facts and readings alone: no connection, no clock.

Rules:

* A **state** says how a queue, an agent or a PBX stands. It is retained, always whole, and the next replaces it. What
  is not known (yet) is null.
* An **event** says what happened. It is not retained, and is the fact as ``--facts`` writes it.
* No caller's number leaves but where ``callers`` is on, no agent's name but where ``agents`` is: then fields are null.
* A name becomes one level of a topic: what would split or match levels, or does not print, is written as ``%XX``.
* ``config/schemas/mqtt-*.json`` describe every payload.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote
from zlib import crc32

import msgspec

from ringwatch import __version__
from ringwatch.core.facts import AgentState, Call, QueueVisit, Record
from ringwatch.core.readings import (
    CallbacksReading,
    QueueReading,
    StaffingReading,
    StretchReading,
    TalksReading,
)
from ringwatch.core.rules import Alert

ONLINE, OFFLINE = b"online", b"offline"
LAMP = "RingwatchLinesPilingUp"

_OF_QUEUE: Mapping[type[Record], Mapping[str, str]] = {
    QueueReading: {key: key for key in ("waiting", "oldest_joined_at", "members")},
    TalksReading: {key: key for key in ("over_target", "over_limit", "on_hold", "on_hold_over_limit")},
    StaffingReading: {
        key: key
        for key in (
            *("agents_required", "agents_present", "agents_short"),
            *("occupancy", "estimated_wait_seconds", "load_gini"),
        )
    },
    CallbacksReading: {"callbacks_owed": "owed", "callbacks_overdue": "overdue"},
}
"""The fields of a queue's state, and from which field of which reading each is."""
_UNKNOWN_QUEUE = {field: None for fields in _OF_QUEUE.values() for field in fields}
_UNKNOWN_AGENT = dict.fromkeys(("state", "reason", "since", "unbroken_since"))
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")
_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """Something to publish."""

    topic: str
    payload: bytes
    retain: bool


def level(name: str) -> str:
    """Return a name as one level of a topic."""
    return "".join(quote(each, safe="") if each in "/+#%" or not each.isprintable() else each for each in name)


def identifier(name: str) -> str:
    """Return a name in the letters that Home Assistant takes, and no two names as the same."""
    plain = _NO_ID.sub("_", name)
    return plain if plain == name else f"{plain}_{crc32(name.encode()):08x}"


class Topics:
    """How everything stands, by topic, and what there is to say of each record.

    :param lines: the direct lines by PBX: their states are there from the start, as every PBX's.
    :param discovery: how Home Assistant's topics begin; ``None`` is without.
    """

    def __init__(
        self,
        prefix: str,
        lines: Mapping[str, Iterable[str]],
        *,
        agents: bool = False,
        callers: bool = False,
        discovery: str | None = None,
        qos: int = 1,
    ) -> None:
        self.status = f"{prefix}/status"
        self.changed: dict[str, None] = {}
        """The topics of the states that changed; whoever publishes them takes them out."""
        self._prefix = prefix
        self._agents = agents
        self._callers = callers
        self._discovery = discovery
        self._qos = qos
        self._states: dict[str, dict[str, Any]] = {}
        self._configs: dict[str, bytes] = {}
        for pbx, names in lines.items():
            self._state_of_pbx(pbx)
            for name in names:
                self._state_of_queue(pbx, name)

    @property
    def all(self) -> list[str]:
        """Return the topic of every state."""
        return [*self._configs, *self._states]

    def payload(self, topic: str) -> bytes:
        """Return what a state's topic says now."""
        return self._configs.get(topic) or _encode(self._states[topic])

    def attached(self, pbx: str, attached: bool) -> None:  # noqa: FBT001 - named by the method
        """Learn whether a PBX is heard."""
        self._change(self._state_of_pbx(pbx), attached=attached)

    def take(self, record: Record) -> Message | None:
        """Learn from a record, and return the event that it is, if it is one."""
        match record:
            case QueueReading() | TalksReading() | StaffingReading() | CallbacksReading():
                topic = self._state_of_queue(record.pbx, record.queue)
                fields = _OF_QUEUE[type(record)].items()
                self._change(topic, **{field: _finite(getattr(record, of)) for field, of in fields})
                if isinstance(record, QueueReading) and self._discovery is not None:
                    self._discover(record.pbx, record.queue, topic)
            case AgentState() if self._agents:
                topic = self._state_of_agent(record)
                self._change(topic, state=record.state, reason=record.reason, since=record.at)
            case StretchReading() if self._agents:
                self._change(self._state_of_agent(record), queues=record.queues, unbroken_since=record.since)
            case Alert():
                self._alert(record)
                return self._event("alert", record)
            case QueueVisit():
                return self._event("visit", record, () if self._agents else ("agent", "interface"))
            case Call():
                hidden = (*(() if self._agents else ("agents",)), *(() if self._callers else ("caller", "called")))
                return self._event("call", record, hidden)
        return None

    def _event(self, kind: str, fact: QueueVisit | Call | Alert, hidden: Iterable[str] = ()) -> Message:
        payload = _encode(msgspec.to_builtins(fact) | dict.fromkeys(hidden))
        return Message(f"{self._prefix}/{level(fact.pbx)}/event/{kind}", payload, retain=False)

    def _alert(self, alert: Alert) -> None:
        pbx, queue = alert.pbx, alert.queue
        topic = self._state_of_pbx(pbx) if queue is None else self._state_of_queue(pbx, queue)
        standing = {name: told for name, told in self._states[topic]["alerts"].items() if name != alert.name}
        if alert.state == "raised":
            told = ("severity", "since", "value", "threshold", "advice")
            standing[alert.name] = {field: getattr(alert, field) for field in told}
        self._change(topic, alerts=standing)

    def _change(self, topic: str, **fields: Any) -> None:
        state = self._states[topic]
        if any(state[field] != value for field, value in fields.items()):
            state.update(fields)
            self.changed[topic] = None

    def _state(self, topic: str, state: dict[str, Any]) -> str:
        if topic not in self._states:
            self._states[topic] = state
            self.changed[topic] = None
        return topic

    def _state_of_pbx(self, pbx: str) -> str:
        return self._state(f"{self._prefix}/{level(pbx)}/state", {"pbx": pbx, "attached": False, "alerts": {}})

    def _state_of_queue(self, pbx: str, queue: str) -> str:
        topic = f"{self._prefix}/{level(pbx)}/queue/{level(queue)}/state"
        return self._state(topic, {"pbx": pbx, "queue": queue, **_UNKNOWN_QUEUE, "alerts": {}})

    def _state_of_agent(self, record: AgentState | StretchReading) -> str:
        # Who sits at another phone today is told there, and as logged out where they sat.
        place = f"{level(record.agent)}/{level(record.device)}"
        names = {"pbx": record.pbx, "agent": record.agent, "device": record.device}
        return self._state(
            f"{self._prefix}/{level(record.pbx)}/agent/{place}/state", {**names, **_UNKNOWN_AGENT, "queues": ()}
        )

    # -- Home Assistant

    def _discover(self, pbx: str, queue: str, topic: str) -> None:
        one = "_".join(identifier(name) for name in (self._prefix, pbx, queue))
        about = {
            "state_topic": topic,
            "qos": self._qos,
            "availability_mode": "all",
            "availability": [
                {"topic": self.status},
                {
                    "topic": self._state_of_pbx(pbx),
                    "value_template": "{{ 'online' if value_json.attached else 'offline' }}",
                },
            ],
            "device": {"identifiers": [one], "name": f"Queue {queue} ({pbx})", "manufacturer": "ringwatch"},
            "origin": {"name": "ringwatch", "sw_version": __version__},
        }
        lamp = {
            "name": "Lines piling up",
            "device_class": "problem",
            "value_template": f"{{{{ 'ON' if '{LAMP}' in value_json.alerts else 'OFF' }}}}",
        }
        sensors = {
            "waiting": ("Callers waiting", "callers", "mdi:phone-ring"),
            "agents_present": ("Agents present", "agents", "mdi:account-multiple"),
            "agents_required": ("Agents required", "agents", "mdi:account-multiple-plus"),
        }
        self._config("binary_sensor", f"{one}_lines_piling_up", about | lamp)
        for field, (name, unit, icon) in sensors.items():
            sensor = {
                "name": name,
                "icon": icon,
                "unit_of_measurement": unit,
                "state_class": "measurement",
                "value_template": f"{{{{ value_json.{field} }}}}",
            }
            self._config("sensor", f"{one}_{field}", about | sensor)

    def _config(self, component: str, one: str, config: dict[str, Any]) -> None:
        topic = f"{self._discovery}/{component}/{one}/config"
        if topic not in self._configs:
            self._configs[topic] = _encode({"unique_id": one, **config})
            self.changed[topic] = None


def _finite(value: Any) -> Any:
    """Return a value as JSON can say it: who joins a queue where nobody is waits for ever, and that is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
