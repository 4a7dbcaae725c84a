"""Money in a base currency: daily rates from a file, and the conversion of amounts."""
