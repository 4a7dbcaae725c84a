"""Tests of serving/dashboard/records."""
