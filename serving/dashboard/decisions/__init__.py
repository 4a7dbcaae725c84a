"""Policies and lists in the dashboard: followed in memory, described for the page, tried out."""
