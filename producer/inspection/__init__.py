"""What a user's file is, what its columns mean, and what is suspicious about it."""
