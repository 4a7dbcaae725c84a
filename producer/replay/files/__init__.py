"""A user's files as batches of rows, whatever their format, encoding and dialect."""
