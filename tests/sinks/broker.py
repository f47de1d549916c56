"""The least that an MQTT 3.1.1 broker is, for tests that install nothing: the real one is in tests/parts."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator

_CONNECT, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 1, 3, 8, 14
_QOS = 0x06


NOTHING = "\0"
"""Is in no topic."""


class _Client(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the client goes."""
        broker = self.server.broker
        broker.connections += 1
        self._wanted: set[bytes] = set()
        for kind, flags, body in self._packets():
            if kind == _CONNECT and broker.answers:
                self.wfile.write(b"\x20\x02\x00\x00")
            elif kind == _SUBSCRIBE:
                # The packet's number, one topic with its length, and the quality of service.
                self._wanted.add(body[4:-1])
                self.wfile.write(b"\x90\x03" + body[:2] + b"\x01")
            elif kind == _PUBLISH:
                self._publish(broker, flags, body)
            elif kind == _DISCONNECT:
                return

    def _publish(self, broker: Broker, flags: int, body: bytes) -> None:
        (size,) = struct.unpack(">H", body[:2])
        topic, payload = body[2 : 2 + size], body[2 + size :]
        if flags & _QOS:
            self.wfile.write(b"\x40\x02" + payload[:2])
            payload = payload[2:]
        if broker.swallows in topic.decode():
            return
        broker.messages.append((topic.decode(), payload))
        if topic in self._wanted:
            back = body[: 2 + size] + payload
            self.wfile.write(bytes([_PUBLISH << 4, len(back)]) + back)

    def _packets(self) -> Iterator[tuple[int, int, bytes]]:
        while head := self.rfile.read(1):
            length, shift = 0, 0
            while (byte := self.rfile.read(1)[0]) & 0x80:
                length |= (byte & 0x7F) << shift
                shift += 7
            yield head[0] >> 4, head[0] & 0x0F, self.rfile.read(length | byte << shift)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    broker: Broker

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client may go at any moment."""


class Broker:
    """Takes everything, keeps it in order, and sends back what is subscribed to. In threads, to need no loop.

    :param swallows: of topics that hold this, it acknowledges what is published, and does nothing with it.
    :param answers: whether a client is let in; who is not hears nothing at all.
    """

    def __init__(self, *, swallows: str = NOTHING, answers: bool = True) -> None:
        self.swallows = swallows
        self.answers = answers
        self.messages: list[tuple[str, bytes]] = []
        self.connections = 0
        self._server = _Server(("127.0.0.1", 0), _Client)
        self._server.broker = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._server.server_address[1]
        return port

    def close(self) -> None:
        """Take no more clients; those who are there stay."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
