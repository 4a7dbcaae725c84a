"""Policies, rules and lists."""
