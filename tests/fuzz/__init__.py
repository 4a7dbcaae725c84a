"""Millions of messages, most of them spoilt, through every way to read them."""
