"""Card numbers: recognised, masked, and replaced by keyed pseudonyms."""
