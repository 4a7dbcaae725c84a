"""Prefect flows, one a file; each runs alone: `python flows/train.py`."""
