"""Attacks over HTTP and by message: `make security`."""
