"""What training rows must fulfil before a model learns from them."""
