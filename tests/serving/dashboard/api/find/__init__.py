"""Tests of the search, and of the pages of cards and merchants."""
