"""What is wrong with a definitions file: every mistake with its line and what to do."""
