"""What is wrong with a policy, and what is remarkable about it."""
