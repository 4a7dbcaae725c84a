"""Replay of a user's own transactions and labels: read, judge, order, publish."""
