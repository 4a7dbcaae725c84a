"""Entries of lists."""
