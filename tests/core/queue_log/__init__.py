"""Asterisk's queue_log: lines, visits, healing."""
