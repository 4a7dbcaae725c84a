"""The result of a what-if as a page, as tables and as files."""
