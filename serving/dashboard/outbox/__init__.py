"""Sends what the store says is not on its topic yet."""
