"""The log of policies."""
