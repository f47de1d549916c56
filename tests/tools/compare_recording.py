"""Replay a recorded desk and hold what ringwatch says of it today against what happened.

python -m tests.tools.compare_recording FOLDER [FOLDER ...] [--call CALL_ID] [--facts OUT.jsonl]

Exit status 1 when they differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ringwatch.core.facts import Gap, to_json
from tests.recording import load, replayed
from tests.witnesses import Verdict, compare


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print and say whether all agreed."""
    parser = argparse.ArgumentParser(description="Hold a recorded desk against what ringwatch says of it today.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--call", help="only this call, with the facts told of it")
    parser.add_argument("--facts", type=Path, help="write the facts here, one JSON object a line")
    options = parser.parse_args(arguments)
    differ = False
    for folder in options.folders:
        facts = replayed(folder)
        verdict = compare(facts, load(folder))
        if options.facts:
            options.facts.write_bytes(b"".join(to_json(fact) + b"\n" for fact in facts))
        if options.call:
            verdict = Verdict(
                verdict.compared,
                [each for each in verdict.differences if each.call_id == options.call],
                [each for each in verdict.blind if each.call_id == options.call],
            )
            for fact in facts:
                if not isinstance(fact, Gap) and getattr(fact, "call_id", None) == options.call:
                    sys.stdout.write(f"{to_json(fact).decode()}\n")
        sys.stdout.write(f"{folder}: {verdict}\n")
        differ |= bool(verdict.differences)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
