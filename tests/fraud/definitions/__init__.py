"""Tests of fraud/definitions."""
