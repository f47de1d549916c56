"""The lists a client asks for: QueueStatus, QueueSummary, CoreShowChannels, and the state of the core.

Rules: an answer is a list of blocks, the acknowledgement first and the Complete event last, header by header as in the
captures; list items carry no Privilege and no Timestamp. An ActionID is given back in every block, and no line of it
where the client gave none. Waits are of the desk's present instant. Where nobody is connected QueueEntry says
`unknown`, without the brackets of the channel's own headers.
"""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING

from ringwatch.simulator.people import NOT_INUSE

if TYPE_CHECKING:
    from ringwatch.simulator.channels import Channel
    from ringwatch.simulator.floor import Floor
    from ringwatch.simulator.people import Member, Queue
    from ringwatch.simulator.visits import Visit

AMI_VERSION = "11.0.0"
ASTERISK_VERSION = "22.10.1~simulated"


def _block(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*filter(None, lines), "")).encode(errors="surrogateescape")


def _id(action_id: str | None) -> str:
    return f"ActionID: {action_id}" if action_id else ""


def _begin(action_id: str | None, message: str) -> bytes:
    return _block("Response: Success", _id(action_id), "EventList: start", f"Message: {message}")


def _complete(event: str, action_id: str | None, items: int) -> bytes:
    return _block(f"Event: {event}", _id(action_id), "EventList: Complete", f"ListItems: {items}")


def queue_status(floor: Floor, action_id: str | None, queue: str | None, member: str | None) -> list[bytes]:
    """Answer QueueStatus, optionally of one queue and of members of one interface; items in the order of the plan."""
    items: list[bytes] = []
    for each in _chosen(floor, queue):
        items.append(_queue_params(each, action_id))
        present = each.present()
        items += [_queue_member(one, action_id) for one in present if member in (None, one.agent.plan.interface)]
        items += [_queue_entry(floor, visit, action_id) for visit in each.waiting]
    begin = _begin(action_id, "Queue status will follow")
    return [begin, *items, _complete("QueueStatusComplete", action_id, len(items))]


def _chosen(floor: Floor, name: str | None) -> list[Queue]:
    return [queue for queue in floor.queues.values() if name in (None, "", queue.plan.name)]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0.0"


def _queue_params(queue: Queue, action_id: str | None) -> bytes:
    in_time = queue.completed_in_time
    return _block(
        "Event: QueueParams",
        f"Queue: {queue.plan.name}",
        "Max: 0",
        f"Strategy: {queue.plan.strategy}",
        f"Calls: {len(queue.waiting)}",
        f"Holdtime: {queue.hold_time}",
        f"TalkTime: {queue.talk_time}",
        f"Completed: {queue.completed}",
        f"Abandoned: {queue.abandoned}",
        f"ServiceLevel: {queue.plan.service_level_seconds}",
        f"ServicelevelPerf: {_share(in_time, queue.completed)}",
        f"ServicelevelPerf2: {_share(in_time + queue.abandoned_in_time, queue.completed + queue.abandoned)}",
        "Weight: 0",
        _id(action_id),
    )


def _queue_member(member: Member, action_id: str | None) -> bytes:
    view = member.view()
    return _block(
        "Event: QueueMember",
        f"Queue: {view.queue}",
        f"Name: {view.name}",
        f"Location: {view.interface}",
        f"StateInterface: {view.interface}",
        f"Membership: {view.membership}",
        "Penalty: 0",
        f"CallsTaken: {view.calls_taken}",
        f"LastCall: {view.last_call}",
        f"LastPause: {view.last_pause}",
        f"LoginTime: {view.login_time}",
        f"InCall: {view.in_call}",
        f"Status: {view.status}",
        f"Paused: {view.paused}",
        f"PausedReason: {view.reason}",
        "Wrapuptime: 0",
        _id(action_id),
    )


def _queue_entry(floor: Floor, visit: Visit, action_id: str | None) -> bytes:
    channel = visit.channel
    return _block(
        "Event: QueueEntry",
        f"Queue: {visit.queue.plan.name}",
        f"Position: {visit.position}",
        f"Channel: {channel.name}",
        f"Uniqueid: {channel.uniqueid}",
        f"CallerIDNum: {_bare(channel.party.number)}",
        f"CallerIDName: {_bare(channel.party.name)}",
        f"ConnectedLineNum: {_bare(channel.connected.number)}",
        f"ConnectedLineName: {_bare(channel.connected.name)}",
        f"Wait: {int(floor.now) - visit.started}",
        "Priority: 0",
        _id(action_id),
    )


def _bare(text: str) -> str:
    return "unknown" if text == "<unknown>" else text


def queue_summary(floor: Floor, action_id: str | None, queue: str | None) -> list[bytes]:
    """Answer QueueSummary, optionally of one queue."""
    items = [_summary(floor, each, action_id) for each in _chosen(floor, queue)]
    begin = _begin(action_id, "Queue summary will follow")
    return [begin, *items, _complete("QueueSummaryComplete", action_id, len(items))]


def _summary(floor: Floor, queue: Queue, action_id: str | None) -> bytes:
    present = queue.present()
    free = sum(not member.agent.paused and member.agent.phone.status == NOT_INUSE for member in present)
    longest = max((int(floor.now) - visit.started for visit in queue.waiting), default=0)
    return _block(
        "Event: QueueSummary",
        f"Queue: {queue.plan.name}",
        f"LoggedIn: {len(present)}",
        f"Available: {free}",
        f"Callers: {len(queue.waiting)}",
        f"HoldTime: {queue.hold_time}",
        f"TalkTime: {queue.talk_time}",
        f"LongestHoldTime: {longest}",
        _id(action_id),
    )


def core_show_channels(floor: Floor, action_id: str | None) -> list[bytes]:
    """Answer CoreShowChannels; channels in the order they were made."""
    items = [_channel(floor, channel, action_id) for channel in floor.channels.values()]
    begin = _begin(action_id, "Channels will follow")
    return [begin, *items, _complete("CoreShowChannelsComplete", action_id, len(items))]


def _channel(floor: Floor, channel: Channel, action_id: str | None) -> bytes:
    seconds = int(floor.now - channel.created)
    return _block(
        "Event: CoreShowChannel",
        _id(action_id),
        channel.headers().removesuffix("\r\n"),
        f"Application: {channel.application}",
        f"ApplicationData: {channel.arguments}",
        f"Duration: {seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}",
        f"BridgeId: {channel.bridge.uniqueid if channel.bridge else ''}",
    )


def core_status(floor: Floor, action_id: str | None) -> bytes:
    """Answer CoreStatus. The core started when the desk did, in UTC."""
    start = gmtime(floor.start_at)
    date, clock = strftime("%Y-%m-%d", start), strftime("%H:%M:%S", start)
    return _block(
        "Response: Success",
        _id(action_id),
        f"CoreStartupDate: {date}",
        f"CoreStartupTime: {clock}",
        f"CoreReloadDate: {date}",
        f"CoreReloadTime: {clock}",
        f"CoreCurrentCalls: {len(floor.journeys)}",
    )


def core_settings(action_id: str | None) -> bytes:
    """Answer CoreSettings."""
    return _block(
        "Response: Success",
        _id(action_id),
        f"AMIversion: {AMI_VERSION}",
        f"AsteriskVersion: {ASTERISK_VERSION}",
        "SystemName: ",
        "CoreMaxCalls: 0",
        "CoreMaxLoadAvg: 0.000000",
        "CoreRunUser: ",
        "CoreRunGroup: ",
        "CoreMaxFilehandles: 0",
        "CoreRealTimeEnabled: No",
        "CoreCDRenabled: Yes",
        "CoreHTTPenabled: No",
        "SoundsSearchCustomDir: No",
    )
