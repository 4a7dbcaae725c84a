"""Tests of card numbers."""
