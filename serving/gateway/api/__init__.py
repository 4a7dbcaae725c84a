"""The gateway's requests and responses."""
