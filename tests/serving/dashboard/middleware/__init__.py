"""Tests of what is refused before a route sees it."""
