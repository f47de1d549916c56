"""The Manager Interface without I/O: bytes in, blocks and events out, bytes to send as data."""
