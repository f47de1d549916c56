"""Lets ``python -m ringwatch`` do what the command ``ringwatch`` does."""

from ringwatch.cli import main

main()
