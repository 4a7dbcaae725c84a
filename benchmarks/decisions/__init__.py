"""What decisions by rules and lists cost."""
