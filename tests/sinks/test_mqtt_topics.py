"""What is published over MQTT: states and events, as their schemas have them."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import fields, replace

from ringwatch.core.facts import Call, QueueVisit, Record
from ringwatch.core.rules import Alert
from ringwatch.sinks.mqtt_topics import Message, Topics, identifier, level
from tests import mqtt_schemas

from .samples import (
    ALERT,
    CALL,
    EVERY_KIND,
    NINE,
    OWING,
    READING,
    STAFFED,
    STATE,
    TALKS,
    UNBROKEN,
    VISIT,
)

QUEUE, PBX, ANNA = (
    "ringwatch/main/queue/support/state",
    "ringwatch/main/state",
    "ringwatch/main/agent/Anna/PJSIP%2F101/state",
)
CLEARED = replace(ALERT, state="cleared", at=NINE + 80, value=1, why="well", advice="All is well again.")


def topics(*records: Record, **options: Any) -> Topics:
    """Return how everything stands after some records."""
    made = Topics("ringwatch", {"main": ["direct"]}, **options)
    for record in records:
        made.take(record)
    return made


def state(made: Topics, topic: str) -> Any:
    """Return what a state says, held to its schema."""
    return mqtt_schemas.read(topic, made.payload(topic))


def event(record: Record, **options: Any) -> tuple[str, Any]:
    """Return the event that a record is, held to its schema."""
    message = topics(**options).take(record)
    assert message is not None
    assert not message.retain
    return message.topic, mqtt_schemas.read(message.topic, message.payload)


class TestSchemas:
    """The files that are the contract."""

    @pytest.mark.parametrize("kind", sorted(mqtt_schemas.SCHEMAS))
    def test_a_schema_is_one_and_describes_every_field(self, kind: str) -> None:
        """Nothing that it does not name may be said."""
        schema = mqtt_schemas.SCHEMAS[kind]
        Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False
        assert all(each.get("description") or "const" in each for each in schema["properties"].values())

    @pytest.mark.parametrize(("kind", "fact"), [("visit", QueueVisit), ("call", Call), ("alert", Alert)])
    def test_an_event_is_the_fact(self, kind: str, fact: Any) -> None:
        """Field by field."""
        assert set(mqtt_schemas.SCHEMAS[kind]["required"]) == {"type", *(each.encode_name for each in fields(fact))}


class TestStates:
    """How things stand."""

    def test_a_queue_is_told_whole(self) -> None:
        """All its readings are one state; what no reading has said yet is null."""
        made = topics(READING)
        assert state(made, QUEUE)["waiting"] == 2
        assert state(made, QUEUE)["agents_required"] is None
        for record in (TALKS, STAFFED, OWING):
            made.take(record)
        assert state(made, QUEUE) == {
            "pbx": "main",
            "queue": "support",
            "waiting": 2,
            "oldest_joined_at": NINE + 60,
            "members": READING.members,
            "over_target": 2,
            "over_limit": 1,
            "on_hold": 3,
            "on_hold_over_limit": 1,
            "agents_required": 7,
            "agents_present": 4.5,
            "agents_short": 1.5,
            "occupancy": 0.9,
            "estimated_wait_seconds": 40.0,
            "load_gini": 0.25,
            "callbacks_owed": 1,
            "callbacks_overdue": 1,
            "alerts": {},
        }

    def test_an_endless_wait_is_null(self) -> None:
        """JSON has no infinity."""
        made = topics(replace(STAFFED, estimated_wait_seconds=math.inf))
        assert state(made, QUEUE)["estimated_wait_seconds"] is None

    def test_an_alert_stands_until_it_is_cleared(self) -> None:
        """Beside the others, in the state of its queue, or of the PBX where it is of no queue."""
        other = replace(ALERT, name="RingwatchLongestWait")
        whole = replace(ALERT, queue=None, name="RingwatchDataStale", severity="critical")
        made = topics(ALERT, other, whole)
        assert set(state(made, QUEUE)["alerts"]) == {"RingwatchLinesPilingUp", "RingwatchLongestWait"}
        assert state(made, PBX)["alerts"]["RingwatchDataStale"]["severity"] == "critical"
        made.take(CLEARED)
        assert state(made, QUEUE)["alerts"] == {
            "RingwatchLongestWait": {
                "severity": "warning",
                "since": NINE + 10,
                "value": 4,
                "threshold": 3,
                "advice": ALERT.advice,
            }
        }
        made.take(CLEARED)
        assert len(state(made, QUEUE)["alerts"]) == 1

    def test_agents_are_told_only_where_they_are_wanted(self) -> None:
        """By name and phone: who sits elsewhere today is told there."""
        assert ANNA not in topics(STATE, UNBROKEN).all
        made = topics(STATE, agents=True)
        assert state(made, ANNA)["queues"] == []
        made.take(UNBROKEN)
        assert state(made, ANNA) == {
            "pbx": "main",
            "agent": "Anna",
            "device": "PJSIP/101",
            "state": "wrap_up",
            "reason": "",
            "since": NINE + 72.5,
            "unbroken_since": NINE + 12.5,
            "queues": ["sales", "support"],
        }

    def test_a_pbx_is_there_from_the_start_and_so_are_its_lines(self) -> None:
        """What an earlier run left standing on the broker is replaced, not only what somebody calls today."""
        made = topics()
        assert made.all == [PBX, "ringwatch/main/queue/direct/state"]
        assert state(made, PBX) == {"pbx": "main", "attached": False, "alerts": {}}
        made.attached("main", attached=True)
        assert state(made, PBX)["attached"] is True

    def test_only_what_says_something_new_is_a_change(self) -> None:
        """A reading that repeats the last is none."""
        made = topics(READING, STAFFED, STATE)
        assert set(made.changed) == {PBX, QUEUE, "ringwatch/main/queue/direct/state"}
        made.changed.clear()
        made.take(READING)
        made.take(replace(STAFFED, at=NINE + 90))
        made.attached("main", attached=False)
        assert not made.changed
        made.take(replace(READING, waiting=3))
        assert set(made.changed) == {QUEUE}


class TestEvents:
    """What happened."""

    def test_a_visit_and_a_call_are_told_without_names_and_numbers(self) -> None:
        """Unless somebody asked for them."""
        topic, visit = event(VISIT)
        assert topic == "ringwatch/main/event/visit"
        assert (visit["agent"], visit["interface"], visit["wait_seconds"]) == (None, None, 12.5)
        topic, call = event(CALL)
        assert topic == "ringwatch/main/event/call"
        assert (call["caller"], call["called"], call["agents"]) == (None, None, None)
        assert (call["outcome"], call["queues"]) == ("answered", ["support"])

    def test_names_and_numbers_have_a_switch_each(self) -> None:
        """Whoever throws it knows that it is personal data."""
        assert event(VISIT, agents=True)[1]["agent"] == "Anna"
        by_agent, by_caller = event(CALL, agents=True)[1], event(CALL, callers=True)[1]
        assert (by_agent["agents"], by_agent["caller"]) == (["Anna"], None)
        assert (by_caller["agents"], by_caller["caller"]) == (None, "0201000001")

    def test_no_number_of_a_caller_leaves_by_any_way(self) -> None:
        """Whatever the record, with everything else switched on."""
        numbers = ("0201000001", "0201000009")
        made = topics(agents=True, discovery="homeassistant")
        said = [message.payload for record in EVERY_KIND if (message := made.take(record))]
        said += [made.payload(topic) for topic in made.all]
        assert len(said) > 5
        assert not [payload for payload in said for number in numbers if number.encode() in payload]

    def test_an_alert_is_told_when_it_is_raised_and_when_it_is_cleared(self) -> None:
        """With the moment since when it was bad, which says which one it is."""
        topic, raised = event(ALERT)
        assert topic == "ringwatch/main/event/alert"
        cleared = event(CLEARED)[1]
        assert (raised["state"], cleared["state"], cleared["why"]) == ("raised", "cleared", "well")
        assert raised["since"] == cleared["since"]

    @pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
    def test_nothing_else_is_an_event(self, kind: type[Record]) -> None:
        """Rings, holds and transfers are told with the visit and the call that they belong to."""
        told = {type(record) for record in EVERY_KIND if isinstance(topics().take(record), Message)}
        assert (kind in told) == (kind in {QueueVisit, Call, Alert})


class TestNames:
    """Any name is one level of a topic."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("support", "support"),
            ("Zürich Süd", "Zürich Süd"),
            ("a/b", "a%2Fb"),
            ("a+#", "a%2B%23"),
            ("100%", "100%25"),
            ("a\nb", "a%0Ab"),
        ],
    )
    def test_what_would_split_or_match_levels_is_written_otherwise(self, name: str, expected: str) -> None:
        """Letters of every language stay."""
        assert level(name) == expected

    @given(st.text(), st.text())
    def test_no_two_names_are_one_level_and_no_two_are_one_identifier(self, one: str, other: str) -> None:
        """And none is more than one level, or matches others."""
        assert (level(one) == level(other)) == (one == other)
        assert not set(level(one)) & set("/+#\x00")
        assert (identifier(one) == identifier(other)) == (one == other)


class TestHomeAssistant:
    """What Home Assistant finds by itself."""

    def test_every_queue_has_a_lamp_and_three_sensors(self) -> None:
        """Told once, with the state they look at, and away when the daemon or the PBX is."""
        made = topics(READING, TALKS, discovery="homeassistant")
        found = [topic for topic in made.all if topic.startswith("homeassistant/")]
        assert found == [
            "homeassistant/binary_sensor/ringwatch_main_support_lines_piling_up/config",
            "homeassistant/sensor/ringwatch_main_support_waiting/config",
            "homeassistant/sensor/ringwatch_main_support_agents_present/config",
            "homeassistant/sensor/ringwatch_main_support_agents_required/config",
        ]
        configs = [state(made, topic) for topic in found]
        assert {config["state_topic"] for config in configs} == {QUEUE}
        assert {json.dumps(config["device"]) for config in configs} == {
            '{"identifiers": ["ringwatch_main_support"], "name": "Queue support (main)", "manufacturer": "ringwatch"}'
        }
        assert [each["topic"] for each in configs[0]["availability"]] == ["ringwatch/status", PBX]
        made.changed.clear()
        made.take(replace(READING, waiting=9))
        assert set(made.changed) == {QUEUE}

    def test_templates_name_what_a_state_has(self) -> None:
        """The lamp is on while the alert of lines piling up stands."""
        made = topics(READING, ALERT, discovery="homeassistant")
        queue, configs = state(made, QUEUE), [state(made, each) for each in made.all if each.startswith("home")]
        lamp, *sensors = (config["value_template"] for config in configs)
        assert lamp == "{{ 'ON' if 'RingwatchLinesPilingUp' in value_json.alerts else 'OFF' }}"
        assert "RingwatchLinesPilingUp" in queue["alerts"]
        assert [each.removeprefix("{{ value_json.").removesuffix(" }}") in queue for each in sensors] == [True] * 3

    def test_a_line_has_none(self) -> None:
        """Nobody waits on it, and it has no members."""
        assert not [topic for topic in topics(TALKS, discovery="homeassistant").all if topic.startswith("home")]

    def test_it_is_told_only_where_it_is_wanted(self) -> None:
        """Not every broker has a Home Assistant beside it."""
        assert not [topic for topic in topics(READING).all if topic.startswith("home")]
