"""The real parts around ringwatch, each started on loopback by the tests that need it: Prometheus, Mosquitto, ..."""
