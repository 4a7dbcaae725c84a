"""What is kept of a card and for how long: forgetting one card, and retention."""
