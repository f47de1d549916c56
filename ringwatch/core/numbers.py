"""Telephone numbers: when two ways of writing one are the same number.

Rules:

* Only digits count, and what people write between them (spaces, ``+ - ( ) . /``) does not. Whatever holds anything else
  is no number: a name (``anonymous``), a SIP user, a code (``*98``), a pseudonym of one of these.
* Two numbers are one when their last nine digits agree: ``0201000011``, ``+31201000011``, and ``90201000011`` with the
  digit for an outside line. Shorter numbers are compared by all their digits.
* Fewer than three digits are nobody's number: some networks send ``0`` for who withholds it.

What the rule cannot know:

* Where subscribers have fewer than nine digits without the country's code (Iceland 7, Norway and Denmark 8), the
  national form, the international one, and one with a prefix for an outside line are different numbers. Where they have
  more (ten in the United States), two numbers that differ in the first digit alone are one.
* Everybody behind one switchboard is one caller, and whoever calls from another phone is another one.
"""

from __future__ import annotations

SIGNIFICANT = 9
LEAST_DIGITS = 3
_WRITTEN_BETWEEN = str.maketrans("", "", " +-()./")


def number_key(written: str) -> str | None:
    """Return what is the same for every way of writing a number; ``None`` for what nobody could call."""
    digits = written if written.isdigit() else written.translate(_WRITTEN_BETWEEN)
    if len(digits) < LEAST_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return digits[-SIGNIFICANT:]
