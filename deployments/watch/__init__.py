"""The engine and its alerts at a glance, in a terminal."""
