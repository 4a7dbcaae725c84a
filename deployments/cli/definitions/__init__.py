"""Commands about what a payment is and what is computed of it."""
