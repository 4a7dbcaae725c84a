"""Tests of serving/dashboard/review_events."""
