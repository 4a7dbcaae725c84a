"""Faults of one of three brokers, of two, and of all."""
