"""The rules of the house, each as a test: who may import whom, style, types, sizes, and what lies where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
MOST_LINES = 400
PYTHON = ("ringwatch", "grafana", "tests")
TOP_LEVEL = {
    "pyproject.toml",
    "ringwatch",
    "config",
    "deploy",
    "grafana",
    "tests",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
}


def passes(tool: str, *arguments: str) -> None:
    """Run a tool of this interpreter's environment over the house; what it finds is the failure's text."""
    result = subprocess.run(
        [TOOLS / tool, *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr


def tracked() -> list[Path]:
    """Return the files that are part of the house."""
    # The clone may belong to somebody else than who runs the tests.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    return [Path(name) for name in listed.stdout.split("\0") if name]


def test_data_walks_one_way() -> None:
    """The import contracts of pyproject.toml are kept."""
    passes("lint-imports", "--no-cache")


def test_every_rule_of_style_is_kept() -> None:
    """All of ruff's, but for those that pyproject.toml gives a reason against."""
    passes("ruff", "check", *PYTHON)


def test_the_code_is_formatted() -> None:
    """In one way, so that nobody has to think about it."""
    passes("ruff", "format", "--check", *PYTHON)


def test_every_type_is_right() -> None:
    """As mypy sees it, in its strict mode, tests included."""
    passes("mypy", *PYTHON)


MODULES = sorted(path for folder in ("ringwatch", "grafana") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=[str(module.relative_to(ROOT)) for module in MODULES])
def test_a_module_fits_into_a_head(module: Path) -> None:
    """Fewer lines than the limit; what grows beyond it is two things."""
    assert len(module.read_text().splitlines()) < MOST_LINES


def test_only_what_belongs_there_lies_at_the_top() -> None:
    """And every entry that begins with a dot."""
    top = {path.parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
    assert {"pyproject.toml", "ringwatch", "tests", "README.md", "LICENSE"} <= top


def test_nothing_that_is_made_is_kept() -> None:
    """Caches, compiled files and coverage are made again by whoever needs them."""
    made = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist", "build"}
    assert not [path for path in tracked() if made & set(path.parts) or path.suffix in {".pyc", ".egg-info"}]
