"""Rooms: which channels hear each other.

Two channels hear each other when they are in one bridge, or in bridges that Local pairs join: a Local channel is a
piece of wire. Parking lots are bridges too, but nobody hears anybody there: they are no rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ringwatch.core.state import Channel


class Rooms:
    """The bridges of one PBX, and who is in them.

    :param find: finds a channel that is up.
    """

    def __init__(self, find: Callable[[str], Channel | None]) -> None:
        """Start with nobody anywhere."""
        self._find = find
        self._bridges: dict[str, dict[str, Channel]] = {}

    def enter(self, channel: Channel, bridge: str) -> None:
        """Let a channel join a bridge; it is in one at a time."""
        self.leave(channel)
        channel.bridge = bridge
        self._bridges.setdefault(bridge, {})[channel.uniqueid] = channel

    def leave(self, channel: Channel) -> None:
        """Let a channel leave wherever it is."""
        if channel.bridge is not None:
            members = self._bridges.get(channel.bridge, {})
            members.pop(channel.uniqueid, None)
            if not members:
                self._bridges.pop(channel.bridge, None)
            channel.bridge = None

    def together(self, channel: Channel) -> list[Channel]:
        """Return the channels that hear this one, itself first."""
        found = {channel.uniqueid: channel}
        waiting = [channel]
        while waiting:
            each = waiting.pop()
            near: Iterable[Channel] = self._bridges.get(each.bridge, {}).values() if each.bridge is not None else ()
            other_half = self._find(each.partner) if each.partner else None
            for other in [*near, *([other_half] if other_half else [])]:
                if other.uniqueid not in found:
                    found[other.uniqueid] = other
                    waiting.append(other)
        return list(found.values())
