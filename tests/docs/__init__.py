"""Tests of the pages: README, docs/, CONTRIBUTING and notes."""
