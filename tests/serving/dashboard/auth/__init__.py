"""Tests of logging in and of permissions."""
