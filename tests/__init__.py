"""Tests mirror the code; what is expensive starts once a session."""
