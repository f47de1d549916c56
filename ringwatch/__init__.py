"""ringwatch: the monitor that telephone desks on Asterisk trust."""

__version__ = "0.1.0"
