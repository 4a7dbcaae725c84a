"""Commands on personal data."""
