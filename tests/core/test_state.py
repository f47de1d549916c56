"""The arithmetic of what is remembered."""

from __future__ import annotations

import pytest

from ringwatch.core.state import Channel, RingMeter, device_of, seconds


@pytest.mark.parametrize(
    ("duration", "told"), [(1.5009, 1.501), (1.5001, 1.5), (0.0, 0.0), (-0.4, 0.0), (0.0004, 0.0), (3600.0, 3600.0)]
)
def test_durations_are_told_in_milliseconds_and_never_negative(duration: float, told: float) -> None:
    """A clock that was set back must not make a negative wait."""
    assert seconds(duration) == told


@pytest.mark.parametrize(
    ("channel", "device"),
    [
        ("PJSIP/101-00000001", "PJSIP/101"),
        ("PJSIP/front-desk-0000000a", "PJSIP/front-desk"),
        ("SIP/trunk", "SIP/trunk"),
        ("", ""),
    ],
)
def test_the_device_is_the_channels_name_without_its_serial(channel: str, device: str) -> None:
    """Only the last part is the serial; device names may hold dashes."""
    assert device_of(channel) == device
    assert Channel("1.0", channel, 0.0).device == device


def test_halves_of_a_local_pair_are_wire() -> None:
    """What is called Local/ is nobody's phone."""
    assert Channel("1.0", "Local/106@agents-00000001;1", 0.0).is_local
    assert not Channel("1.0", "PJSIP/Local/1-00000001", 0.0).is_local


def test_phones_that_ring_together_ring_once() -> None:
    """From 10 to 14 and from 12 to 17 s: together from 10 to 17, seven seconds, not nine."""
    meter = RingMeter()
    meter.start(10.0)
    meter.start(12.0)
    meter.stop(14.0)
    meter.stop(17.0)
    assert (meter.first_at, meter.total) == (10.0, 7.0)


def test_silence_between_two_phones_does_not_ring() -> None:
    """From 10 to 14 and from 20 to 21 s: 4 + 1 = 5 s, and the first of all was at 10."""
    meter = RingMeter()
    meter.start(10.0)
    meter.stop(14.0)
    meter.start(20.0)
    meter.stop(21.0)
    assert (meter.first_at, meter.total) == (10.0, 5.0)


def test_the_answer_ends_all_ringing() -> None:
    """The phones that lost ring on for a moment, which nobody waits through."""
    meter = RingMeter()
    meter.start(10.0)
    meter.start(10.0)
    meter.freeze(13.0)
    meter.stop(13.5)
    meter.stop(14.0)
    meter.freeze(15.0)
    assert meter.total == 3.0


def test_what_never_rang_has_no_beginning() -> None:
    """A meter without a start stays at zero, whatever stops."""
    meter = RingMeter()
    meter.stop(10.0)
    meter.freeze(11.0)
    assert (meter.first_at, meter.total) == (None, 0.0)
