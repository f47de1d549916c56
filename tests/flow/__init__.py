"""Tests of ringwatch.flow."""
