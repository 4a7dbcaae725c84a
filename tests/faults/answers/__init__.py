"""Answers over HTTP while something breaks."""
