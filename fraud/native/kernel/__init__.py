"""The one implementation of a card's features: a table of operations that compiled code interprets.

A card's state is its events of the longest window, sorted by event time in a block of a shared arena, and
figures that are derived from them by adding and removing integers. These events alone determine it, so that
state rebuilt from any earlier point of the log is the same bit for bit.

What is computed is data (`tables.Operations`, made by `fraud.features.operations`): nothing in the compiled
signatures depends on the definitions, so that another file compiles nothing. `fraud.features.store` owns the
memory.
"""
