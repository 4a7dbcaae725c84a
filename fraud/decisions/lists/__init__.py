"""Entries of lists, such as blocked cards: on a topic, from files, and what holds at a position."""
