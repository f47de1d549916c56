"""``[mqtt]``: where and as whom to publish, and how much of it; the table's presence switches publishing on."""

import re
from typing import Annotated

from pydantic import BaseModel, PlainValidator, SecretStr, model_validator

from ringwatch.config.checks import TABLE, Flag, Host, LongestPause, Pause, Port, Seconds, Text, refuse, text_of, whole
from ringwatch.config.tls import TlsConfig, port_of_tls

MQTT_PORT = 1883
MQTT_TLS_PORT = 8883
LONGEST_KEEPALIVE = 3600
LEAST_KEPT = 100
MOST_KEPT = 1_000_000

# What begins with "$" belongs to the broker; an empty level is nobody's wish.
_PREFIX = re.compile(r"(?!\$)[^/+#]+(/[^/+#]+)*")


def _prefix(value: object) -> str:
    text = text_of(value)
    if not _PREFIX.fullmatch(text):
        refuse("not the beginning of a topic", 'give levels as in "ringwatch" or "site/ringwatch", without + # and $')
    return text


TopicPrefix = Annotated[str, PlainValidator(_prefix)]


class HomeAssistantConfig(BaseModel):
    """``[mqtt.home_assistant]``: its presence lets Home Assistant find a lamp and sensors for every queue."""

    model_config = TABLE

    prefix: TopicPrefix = "homeassistant"


class MqttConfig(BaseModel):
    """``[mqtt]``: one broker. ``port`` is 8883 by default where there is a ``tls`` table. Times are in seconds."""

    model_config = TABLE

    host: Host = "127.0.0.1"
    tls: TlsConfig | None = None
    port: Port = MQTT_PORT
    client_id: Text | None = None
    """A new random one for every connection when not given."""
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Text | None = None
    prefix: TopicPrefix = "ringwatch"
    qos: Annotated[int, whole(0, 2)] = 1
    keepalive_seconds: Annotated[int, whole(1, LONGEST_KEEPALIVE)] = 15
    timeout_seconds: Pause = 3.0
    """For how long each answer of the broker is waited for."""
    reconnect_min_seconds: Pause = 0.5
    reconnect_max_seconds: LongestPause = 30.0
    state_interval_seconds: Seconds = 1.0
    """At least so far apart are two messages of one retained topic."""
    keep_events: Annotated[int, whole(LEAST_KEPT, MOST_KEPT)] = 10_000
    """Most events that wait while the broker is away."""
    agents: Flag = False
    callers: Flag = False
    home_assistant: HomeAssistantConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, table: object) -> object:
        return port_of_tls(table, MQTT_TLS_PORT)
