"""A call desk made of a real Asterisk and SIPp phones, for tests that trust nothing of our own."""
