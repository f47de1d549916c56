"""Who is in which bridge, and who hears whom: a pair of Local channels is a piece of wire between two bridges."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ringwatch.core.state import Channel


class Bridges:
    """The bridges of one PBX in which somebody is.

    :param find: finds a channel that is up.
    """

    def __init__(self, find: Callable[[str], Channel | None]) -> None:
        """Start with nobody in any bridge."""
        self._find = find
        self._bridges: dict[str, dict[str, Channel]] = {}

    def enter(self, channel: Channel, bridge: str) -> None:
        """Put a channel in a bridge (in none, where its name is empty), and out of the one it was in."""
        self.leave(channel)
        if bridge:
            channel.bridge = bridge
            self._bridges.setdefault(bridge, {})[channel.uniqueid] = channel

    def leave(self, channel: Channel) -> None:
        """Take a channel out of the bridge it is in, if any."""
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
