"""What a payment is and what is computed of it, as data: fields, features, windows, units, hashes."""
