"""Commands of policies and lists."""
