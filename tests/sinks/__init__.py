"""Tests of ringwatch.sinks."""
