"""Channels and bridges, as Asterisk's snapshots describe them.

Rules: a channel knows its own headers and nothing of what happens to it. The rendered headers are kept until something
in them changes, because half of all events repeat them. The order of the headers is that of a real 22
(tests/captures/mix-22), without the ChanVariable that `channelvars` adds.
"""

from __future__ import annotations

from typing import NamedTuple

DOWN, RING, RINGING, UP = 0, 4, 5, 6
STATES = {DOWN: "Down", RING: "Ring", RINGING: "Ringing", UP: "Up"}

NO_CAUSE, NORMAL_CLEARING, ANSWERED_ELSEWHERE, INTERWORKING = 0, 16, 26, 127
CAUSES = {
    NO_CAUSE: "Unknown",
    NORMAL_CLEARING: "Normal Clearing",
    ANSWERED_ELSEWHERE: "Answered elsewhere",
    INTERWORKING: "Interworking, unspecified",
}


class Party(NamedTuple):
    """A number and a name, as a caller id holds them."""

    number: str
    name: str


UNKNOWN = Party("<unknown>", "<unknown>")


class Place(NamedTuple):
    """Where a channel is in the dialplan."""

    context: str
    exten: str
    priority: int


class Channel:
    """One channel. Change it only by its methods, which drop the rendered headers."""

    __slots__ = (
        "_rendered",
        "application",
        "arguments",
        "bridge",
        "connected",
        "created",
        "linkedid",
        "name",
        "party",
        "place",
        "state",
        "uniqueid",
    )

    def __init__(self, name: str, uniqueid: str, linkedid: str, party: Party, place: Place) -> None:
        """Make a channel that is down, in no application and connected to nobody known."""
        self.name = name
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.party = party
        self.place = place
        self.state = DOWN
        self.connected = UNKNOWN
        self.application = ""
        self.arguments = ""
        self.bridge: Bridge | None = None
        self.created = 0.0
        self._rendered: dict[str, str] = {}

    def become(self, state: int) -> None:
        """Change the state."""
        self.state = state
        self._rendered = {}

    def go(self, place: Place) -> None:
        """Change the place in the dialplan."""
        self.place = place
        self._rendered = {}

    def run(self, application: str, arguments: str) -> None:
        """Change the application; it is in no header but those that ask for it."""
        self.application = application
        self.arguments = arguments

    def connect(self, party: Party) -> bool:
        """Change the connected line; False when it was that already, in which case Asterisk says nothing."""
        if party == self.connected:
            return False
        self.connected = party
        self._rendered = {}
        return True

    def identify(self, party: Party) -> None:
        """Change the caller id."""
        self.party = party
        self._rendered = {}

    def headers(self, prefix: str = "") -> str:
        """Render the fourteen headers of the channel, each name with a prefix such as Dest."""
        rendered = self._rendered.get(prefix)
        if rendered is None:
            place = self.place
            rendered = self._rendered[prefix] = (
                f"{prefix}Channel: {self.name}\r\n"
                f"{prefix}ChannelState: {self.state}\r\n"
                f"{prefix}ChannelStateDesc: {STATES[self.state]}\r\n"
                f"{prefix}CallerIDNum: {self.party.number}\r\n"
                f"{prefix}CallerIDName: {self.party.name}\r\n"
                f"{prefix}ConnectedLineNum: {self.connected.number}\r\n"
                f"{prefix}ConnectedLineName: {self.connected.name}\r\n"
                f"{prefix}Language: en\r\n"
                f"{prefix}AccountCode: \r\n"
                f"{prefix}Context: {place.context}\r\n"
                f"{prefix}Exten: {place.exten}\r\n"
                f"{prefix}Priority: {place.priority}\r\n"
                f"{prefix}Uniqueid: {self.uniqueid}\r\n"
                f"{prefix}Linkedid: {self.linkedid}\r\n"
            )
        return rendered


class Bridge:
    """One bridge of two; it counts the channels in it."""

    __slots__ = ("channels", "uniqueid")

    def __init__(self, uniqueid: str) -> None:
        """Make an empty bridge."""
        self.uniqueid = uniqueid
        self.channels = 0

    def headers(self, prefix: str = "") -> str:
        """Render the seven headers of the bridge, each name with a prefix such as To."""
        return (
            f"{prefix}BridgeUniqueid: {self.uniqueid}\r\n"
            f"{prefix}BridgeType: basic\r\n"
            f"{prefix}BridgeTechnology: simple_bridge\r\n"
            f"{prefix}BridgeCreator: <unknown>\r\n"
            f"{prefix}BridgeName: <unknown>\r\n"
            f"{prefix}BridgeNumChannels: {self.channels}\r\n"
            f"{prefix}BridgeVideoSourceMode: none\r\n"
        )
