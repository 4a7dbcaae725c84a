"""What a replay writes to disk: rows until they are published, and rejected rows."""
