"""Where in a TOML text each key stands: tomllib tells what the text says, not on which line.

The text is scanned a second time, by a scanner that may assume it is valid because tomllib has read it. It knows what
can hide a key or look like one: comments, four kinds of string, arrays over several lines, inline tables, dotted and
quoted keys, arrays of tables. A path is a tuple such as ``("pbx", 0, "tls", "ca_file")``.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Any

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
# The long strings first: '""' followed by a third quote is their beginning, not an empty string. They may end in up to
# two quotes of their own, hence the greedy tail.
_STRING = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"""(?:"{0,2})'
    r"|'''[\s\S]*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def places(text: str) -> dict[Path, int]:
    """Return the line, counted from 1, of every table and key of the valid TOML *text*; a table's is its first."""
    return _Scanner(text).scan()


def line_of(path: Path, found: dict[Path, int]) -> int | None:
    """Return the line of *path*, or of the nearest table around it when the key itself is not in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return found[path[:length]]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Path, int] = {}
        self._tables_in: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._found

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _note(self, path: Path, at: int) -> None:
        for length in range(1, len(path) + 1):
            self._found.setdefault(path[:length], bisect_right(self._line_starts, at))

    def _keys(self) -> list[str]:
        keys = []
        while True:
            raw = self._skip(_KEY)
            # tomllib undoes the quotes and escapes of a quoted key.
            keys.append(next(iter(tomllib.loads(f"{raw} = 0"))) if raw[:1] in {'"', "'"} else raw)
            if not self._skip(_DOT):
                return keys

    def _header(self) -> Path:
        began = self._at
        many = self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        self._skip(_BLANK)
        *parents, last = self._keys()
        path: Path = ()
        for key in parents:
            path = self._last_of((*path, key))
        path = (*path, last)
        if many:
            self._note(path, began)
            self._tables_in[path] = self._tables_in.get(path, 0) + 1
        path = self._last_of(path)
        self._note(path, began)
        self._skip(_BLANK)
        self._at += 2 if many else 1
        return path

    def _last_of(self, path: Path) -> Path:
        """Return *path* with the index of its newest table, if it is an array of tables."""
        count = self._tables_in.get(path)
        return path if count is None else (*path, count - 1)

    def _pair(self, table: Path) -> None:
        began = self._at
        path = (*table, *self._keys())
        self._note(path, began)
        self._skip(_EQUALS)
        self._value(path)

    def _value(self, path: Path) -> None:
        head = self._text[self._at]
        if head == "[":
            self._items(path)
        elif head == "{":
            self._inline(path)
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _items(self, path: Path) -> None:
        self._at += 1
        index = 0
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == "]":
                self._at += 1
                return
            self._note((*path, index), self._at)
            self._value((*path, index))
            self._skip(_BLANK)
            index += 1
            if self._text[self._at] == ",":
                self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == "}":
                self._at += 1
                return
            self._pair(path)
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1


def get(data: Any, path: Path) -> Any:
    """Return the value at *path* in what tomllib read; None when there is none."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
