"""Replay of a user's own transactions and labels: read, check, sort, publish."""
