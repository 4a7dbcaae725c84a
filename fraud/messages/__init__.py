"""Messages of any topic: decoding, admission and dead letters."""
