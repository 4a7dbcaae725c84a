"""Rows of a file as transactions and labels."""
