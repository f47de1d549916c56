"""Calls, queues, standards and facts: no I/O, no clock, no randomness (an import contract holds it)."""
