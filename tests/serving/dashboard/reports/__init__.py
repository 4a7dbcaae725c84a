"""Tests of serving/dashboard/reports."""
