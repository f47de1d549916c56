"""One connection to an MQTT broker: opened, proven to be good for something, and let go.

Rules:

* Every attempt is a new client: aiomqtt's, used again after an unclean end, says that it is connected before the broker
  has said so.
* A broker whose ACL forbids a topic takes the message and says nothing. So a connection is good only once a message on
  a topic of our own has come back.
* It ends in order, or the socket is closed and the broker publishes the will; nothing of it is left in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from ringwatch.config import MqttConfig
from ringwatch.errors import NotDelivered, TlsFailed
from ringwatch.flow.remote import tls_context
from ringwatch.sinks.mqtt_outbox import AT_ONCE
from ringwatch.sinks.mqtt_topics import Message, level

_REFUSED = 0x80
_EXACTLY_ONCE = 2
# Mosquitto's own limit (max_inflight_messages): beyond it 2.0.11 drops messages of QoS 2 without a word.
_MOST_OF_QOS_2 = 20

_ACCOUNT = "compare username and password with the broker's account, as mosquitto_passwd made it"
_LISTENER = "see that host and port are those of a listener of the broker, and that it runs"
_TLS = "see that the port is one with TLS, and that ca_file and server_name fit its certificate"
_NO_ANSWER = "see that the broker is well, and that the port is one of MQTT; with TLS, give the table tls"
_NO_ANSWER_TLS = "see that the broker is well; if it demands a client certificate, give cert_file and key_file"
_ACL = "let this account write and read there, as in deploy/mosquitto/acl"


class _Handshake:
    """A TLS context as paho asks for it, that knows which name the certificate must carry, and closes what fails."""

    check_hostname = True

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._context = context
        self._name = name

    def wrap_socket(self, sock: socket.socket, **_wishes: object) -> ssl.SSLSocket:
        """Shake hands; paho does so again, which changes nothing."""
        secured = self._context.wrap_socket(sock, server_hostname=self._name, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
        except OSError:
            secured.close()
            raise
        return secured


class Broker(aiomqtt.Client):
    """A client for one connection."""

    def __init__(self, config: MqttConfig, context: ssl.SSLContext | None, will: aiomqtt.Will | None) -> None:
        name = (config.tls and config.tls.server_name) or config.host
        super().__init__(
            config.host,
            config.port,
            username=config.username,
            password=config.password.get_secret_value() if config.password else None,
            identifier=config.client_id,
            will=will,
            timeout=config.timeout_seconds,
            keepalive=config.keepalive_seconds,
            max_inflight_messages=_MOST_OF_QOS_2 if config.qos == _EXACTLY_ONCE else AT_ONCE,
            tls_context=cast("ssl.SSLContext", _Handshake(context, name)) if context else None,
        )
        # A batch is published at once: that is no reason to warn.
        self.pending_calls_threshold = AT_ONCE
        self._client.connect_timeout = config.timeout_seconds
        self._config = config

    async def send(self, messages: Iterable[Message]) -> None:
        """Publish some messages at once, and wait until the broker has acknowledged all.

        :raises NotDelivered: it does not, in time.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for topic, payload, retain in messages:
                    group.create_task(self.publish(topic, payload, self._config.qos, retain))
        except ExceptionGroup as errors:
            first = errors.exceptions[0]
            if not isinstance(first, aiomqtt.MqttError):
                raise
            raise NotDelivered(f"{where(self._config)} does not take what is published: {first}") from first

    async def listen_to(self, topic: str) -> None:
        """Ask for the messages of a topic.

        :raises NotDelivered: the broker does not grant it.
        """
        try:
            granted = await self.subscribe(topic, self._config.qos)
        except aiomqtt.MqttError as error:
            raise NotDelivered(f"{where(self._config)} does not answer: {error}") from None
        if granted[0] == _REFUSED:
            message = f"{where(self._config)} does not let this account read {topic}"
            raise NotDelivered(message, remedy=_ACL, refused=True)

    def swallowed(self, topic: str) -> NotDelivered:
        """Return what to say of a topic whose message did not come back."""
        message = f"{where(self._config)} swallows what is published to {topic}: its ACL forbids it"
        return NotDelivered(message, remedy=_ACL, refused=True)

    def let_go(self) -> None:
        """Close the socket, if it is open still, and leave nothing behind; without a farewell the will is published."""
        self._client._sock_close()  # noqa: SLF001 - paho's own end waits for what may never be sent
        for future in (self._connected, self._disconnected):
            if future.done() and not future.cancelled():
                # Nobody may have asked, and asyncio would complain of that.
                future.exception()


def where(config: MqttConfig) -> str:
    """Return the broker's address, for people."""
    return f"{config.host}:{config.port}"


@contextlib.asynccontextmanager
async def connection(config: MqttConfig, will: aiomqtt.Will | None = None) -> AsyncIterator[Broker]:
    """Connect, and disconnect at the end of the block; a block that raises ends without a farewell.

    :raises NotDelivered: the broker cannot be reached, or refuses.
    """
    context = None
    if config.tls:
        try:
            # Read anew each time, for certificates are renewed; in a thread, for the system's authorities are many.
            context = await asyncio.to_thread(tls_context, config.tls)
        except TlsFailed as error:
            raise NotDelivered(error.message, remedy=error.remedy) from error
    broker = Broker(config, context, will)
    opening = asyncio.create_task(broker.__aenter__())
    try:
        # The socket is opened in a thread, which nothing can interrupt: its end is waited for.
        await _to_its_end(opening)
        yield broker
        await broker.__aexit__(None, None, None)
    except aiomqtt.MqttError as error:
        raise _told(config, error) from error
    except UnicodeError as error:
        # socket.getaddrinfo, of a name with an empty part.
        raise NotDelivered(f"{config.host!r} is no name of a host", remedy="see [mqtt] host") from error
    finally:
        broker.let_go()


async def _to_its_end(opening: asyncio.Task[Any]) -> None:
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.gather(opening, return_exceptions=True)
        raise


def _told(config: MqttConfig, error: aiomqtt.MqttError) -> NotDelivered:
    """Say what is wrong, and what to do about it; what aiomqtt raises holds the cause it hides."""
    cause = error.__context__
    if isinstance(error, MqttConnectError):
        return NotDelivered(f"{where(config)} refuses the connection: {error.rc}", remedy=_ACCOUNT, refused=True)
    if isinstance(cause, ssl.SSLError):
        reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause.reason
        return NotDelivered(f"no TLS with {where(config)}: {reason or cause}", remedy=_TLS)
    if isinstance(cause, TimeoutError):
        remedy = _NO_ANSWER_TLS if config.tls else _NO_ANSWER
        return NotDelivered(f"no answer from {where(config)} within {config.timeout_seconds:g} s", remedy=remedy)
    if isinstance(cause, ConnectionResetError) and config.tls:
        return NotDelivered(f"no TLS with {where(config)}: it hangs up", remedy=_TLS)
    if isinstance(cause, OSError):
        # Of a name that is not known the number is negative, and the words are its own.
        why = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
        return NotDelivered(f"cannot connect to {where(config)}: {why or cause}", remedy=_LISTENER)
    return NotDelivered(f"the connection to {where(config)} broke: {error}", remedy=_LISTENER)


async def probe(config: MqttConfig, pbxs: Iterable[str]) -> str:
    """Ask a broker whether it would take everything that the daemon publishes, and return that it would.

    Nothing is published that somebody could take for the daemon's: topics of their own, and none is retained.

    :raises ringwatch.errors.RingwatchError: it would not.
    """
    branches = [f"{level(pbx)}/{kind}" for pbx in pbxs for kind in ("", "queue/", "agent/", "event/")]
    probes = [Message(f"{config.prefix}/{branch}check", b"check", retain=False) for branch in ["", *branches]]
    if config.home_assistant:
        # Home Assistant takes an empty one as the end of something it does not know.
        probes.append(Message(f"{config.home_assistant.prefix}/sensor/ringwatch_check/config", b"", retain=False))
    missing = [message.topic for message in probes]
    # A second connection of one name would throw a daemon out that is at work.
    async with connection(config.model_copy(update={"client_id": None})) as broker:
        for topic in missing:
            await broker.listen_to(topic)
        await broker.send(probes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(config.timeout_seconds):
                async for message in broker.messages:
                    if message.topic.value in missing:
                        missing.remove(message.topic.value)
                    if not missing:
                        return "takes everything"
        raise broker.swallowed(", ".join(missing))
