"""Tests of the audit as events."""
