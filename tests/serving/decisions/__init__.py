"""Tests of policies and lists in serving."""
