"""Checks of every request: its host, its origin, its body; and what error responses contain."""
