"""Tests of the dashboard's database."""
