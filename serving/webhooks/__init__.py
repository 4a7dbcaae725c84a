"""Outcomes to a user's own HTTP endpoints: signed, retried, dead-lettered."""
