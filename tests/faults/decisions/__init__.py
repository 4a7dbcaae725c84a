"""Faults while policies and lists change."""
