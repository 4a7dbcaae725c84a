"""Compiled code (numba): the JSON reader, the feature kernel, the id index and the forest."""
