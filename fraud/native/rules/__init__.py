"""Compiled evaluation of rules, and the decisions that follow from it."""
