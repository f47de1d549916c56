"""The exception tree: what it says, in one line, and with which exit status."""

import re

import pytest

from ringwatch import errors
from ringwatch.errors import (
    CaptureWithoutTime,
    ConfigError,
    ConfigFault,
    ConnectFailed,
    ConnectionSilent,
    LoginRefused,
    RingwatchError,
    SourceError,
    one_line,
)


def every_class() -> list[type[RingwatchError]]:
    """Return each exception class of the module."""
    return [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RingwatchError)]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    """A reader of the docstring sees every class, in its place, with its exit status."""
    drawn: dict[str, tuple[str | None, int]] = {}
    branch: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)([A-Z]\w+) +([12])   \S", line):
            depth, name = len(match[1]), match[2]
            branch = [each for each in branch if each[0] < depth]
            drawn[name] = (branch[-1][1] if branch else None, int(match[3]))
            branch.append((depth, name))
    real = {
        each.__name__: (None if each is RingwatchError else each.__mro__[1].__name__, each.exit_status)
        for each in every_class()
    }
    assert drawn == real


def test_a_message_is_one_line_whatever_the_other_end_sent() -> None:
    """Line breaks and terminal controls are escaped, letters of every language are kept."""
    error = SourceError("main: said\r\n\x1b[2J\udcff «приём»", remedy="do\nthis")
    assert str(error) == r"main: said\r\n\x1b[2J\udcff «приём»"
    assert error.message == str(error)
    assert error.remedy == r"do\nthis"


def test_a_printable_text_stays_as_it_is() -> None:
    """Backslashes are not doubled in a text that needs no escape."""
    assert one_line(r"C:\new ü") == r"C:\new ü"


def test_a_class_brings_its_usual_remedy() -> None:
    """What usually helps need not be repeated where the error is raised, and can be replaced there."""
    assert CaptureWithoutTime("x").remedy == CaptureWithoutTime.usual_remedy
    assert CaptureWithoutTime("x", remedy="other").remedy == "other"
    assert RingwatchError("x").remedy is None


def test_a_failure_that_repeats_itself_is_told_from_one_that_passes() -> None:
    """A refused login stays refused until somebody acts, a refused connection may be a restart."""
    assert LoginRefused("x").fatal
    assert not LoginRefused("already in use", fatal=False).fatal
    assert not ConnectFailed("x").fatal
    assert not ConnectionSilent("x").fatal


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (ConfigFault(file="a.toml", problem="no such file"), "a.toml: no such file"),
        (ConfigFault(file="a.toml", problem="p", remedy="r", line=3, column=5), "a.toml:3:5: p; r"),
        (ConfigFault(file="a.toml", problem="p", remedy="r", line=3, key="k"), "a.toml:3: k: p; r"),
        (ConfigFault(file="a.toml", problem="p\n", line=3, key="k", value="1"), "a.toml:3: k = 1: p\\n"),
    ],
)
def test_a_fault_is_one_line_without_what_is_not_known(fault: ConfigFault, line: str) -> None:
    """File, line, column, key, value, problem and remedy, in this order."""
    assert str(fault) == line


def test_a_configuration_error_keeps_every_fault_and_counts_them() -> None:
    """Whoever prints only the message still learns that there is more."""
    faults = [ConfigFault(file="a.toml", problem=problem) for problem in ("one", "two", "three")]
    assert str(ConfigError(faults[:1])) == "a.toml: one"
    assert str(ConfigError(faults)) == "a.toml: one (and 2 more)"
    assert ConfigError(faults).faults == tuple(faults)


def test_a_configuration_error_has_a_fault() -> None:
    """An error without a fault would send its reader looking for nothing."""
    with pytest.raises(ValueError, match="at least one"):
        ConfigError([])
