"""Reads single headers out of an AMI block, and builds blocks.

A block is never turned into a dictionary: half of a stream is not needed at all, and of the rest only a handful of
headers. Headers keep their order and may repeat (``ChanVariable``); `header` gives the first.
"""

from __future__ import annotations

from collections.abc import Iterable


class MissingHeaderError(LookupError):
    """A header that this event always carries is not there; the translator counts the block as malformed."""


def header(block: bytes, name: bytes) -> bytes | None:
    r"""Return the value of the first header of that name, or ``None``.

    :param name: the name with its frame, ``b"\r\nUniqueid: "``, so that no other name can end like it.
    """
    start = block.find(name)
    if start < 0:
        return None
    start += len(name)
    end = block.find(b"\r\n", start)
    return block[start:] if end < 0 else block[start:end]


def text(block: bytes, name: bytes) -> str:
    r"""Return a header as text; ``""`` when it is absent.

    Asterisk passes caller names on as the phone sent them. Bytes that are not UTF-8 are kept readable as ``\\xNN``.
    """
    value = header(block, name)
    return value.decode("utf-8", "backslashreplace") if value else ""


def need(block: bytes, name: bytes) -> str:
    """Return a header as text.

    :raises MissingHeaderError: it is absent or empty.
    """
    value = header(block, name)
    if not value:
        raise MissingHeaderError(name.decode().strip(": \r\n"))
    return value.decode("utf-8", "backslashreplace")


def number(block: bytes, name: bytes) -> int | None:
    """Return a header as a whole number; ``None`` when it is absent or none."""
    value = header(block, name)
    try:
        return int(value) if value else None
    except ValueError:
        return None


def flag(block: bytes, name: bytes) -> bool | None:
    """Return a header as yes (1) or no; ``None`` when it is absent."""
    value = header(block, name)
    return None if value is None else value == b"1"


def build(headers: Iterable[tuple[str, str]]) -> bytes:
    """Build the bytes of an action.

    :raises ValueError: a value with a line end, which would smuggle in another header.
    """
    lines = []
    for name, value in headers:
        if "\r" in value or "\n" in value:
            message = f"the value of {name} holds a line end"
            raise ValueError(message)
        lines.append(f"{name}: {value}\r\n")
    return "".join([*lines, "\r\n"]).encode()
