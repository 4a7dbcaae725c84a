"""Logging in at the company's OpenID Connect issuer."""
