"""Tests of the simulated desk."""
