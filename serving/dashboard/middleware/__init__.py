"""What a request may be: its host, its body, and what is said of one that is not as it should be."""
