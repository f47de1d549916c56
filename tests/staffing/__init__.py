"""Erlang against other people's: a library and a simulation."""
