"""The scoring engine and its edges."""
