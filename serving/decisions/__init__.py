"""Policies and lists in serving: followed on threads, applied between two micro-batches."""
