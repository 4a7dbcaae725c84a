"""What is known of a payment's label, and when it was known."""
