"""Parsing of values: times, amounts, codes and identifiers."""
