"""Blocks of ports, one per Asterisk, so that several can run side by side, also from several test runs at once."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("RINGWATCH_TEST_CACHE") or Path.home() / ".cache" / "ringwatch-tests")

# Below the kernel's own range for outgoing connections (32768 on), so that nobody else is given one of ours by chance.
_FIRST = 11000
_SIZE = 1500
_COUNT = 14


@dataclass(frozen=True)
class Ports:
    """The ports of one desk."""

    ami: int
    ami_tls: int
    http: int
    sip: int
    phones: int
    callers: int
    phones_control: int
    callers_control: int
    phones_media: int
    callers_media: int
    rtp_first: int
    rtp_last: int


class Slot:
    """A reserved block: held by a lock that ends with this process, however it ends."""

    def __init__(self) -> None:
        """Take the first block whose lock and ports are free."""
        folder = CACHE / "slots"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(_COUNT):
            lock = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self.number = number
            self.ports = _ports(_FIRST + number * _SIZE)
            if _all_free(self.ports):
                self._lock = lock
                return
            os.close(lock)
        raise RuntimeError(f"all {_COUNT} blocks of test ports from {_FIRST} on are taken: are other tests running?")

    def release(self) -> None:
        """Give the block back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _ports(base: int) -> Ports:
    return Ports(
        ami=base,
        ami_tls=base + 1,
        http=base + 2,
        sip=base + 3,
        phones=base + 4,
        callers=base + 5,
        phones_control=base + 6,
        callers_control=base + 7,
        phones_media=base + 8,  # SIPp takes two of them, 2 apart, and never uses them
        callers_media=base + 12,
        rtp_first=base + 20,
        rtp_last=base + _SIZE - 1,
    )


def _all_free(ports: Ports) -> bool:
    """Whether each of the named ports can be bound; RTP is left to Asterisk, which steps over a taken one."""
    tcp = (ports.ami, ports.ami_tls, ports.http)
    udp = (ports.sip, ports.phones, ports.callers, ports.phones_control, ports.callers_control)
    wanted = [(socket.SOCK_STREAM, port) for port in tcp] + [(socket.SOCK_DGRAM, port) for port in udp]
    for kind, port in wanted:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
