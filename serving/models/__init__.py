"""The model that scores, and its replacement while serving runs."""
