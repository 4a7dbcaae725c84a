"""What is wrong with a predicate."""

from fraud.errors import ConfigurationError


class PredicateError(ConfigurationError):
    """A predicate cannot be used; the message says what is wrong and what to do.

    Attributes:
        predicate: the whole text.
        line: in it, from 1.
        column: of the first character concerned, from 1.
        message: without the place.
    """

    def __init__(self, predicate: str, line: int, column: int, message: str) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.predicate, self.line, self.column, self.message = predicate, line, column, message
