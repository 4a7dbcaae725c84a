"""Data contracts: what training rows must satisfy before a model is trained on them."""
