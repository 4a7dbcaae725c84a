"""Errors that come from a user's input or environment, each described in one sentence."""


class FraudError(Exception):
    """A failure that the user can fix; its text says what is wrong and how to fix it.

    Entry points print the text alone and exit with `exit_code`; a traceback is shown on `--debug` only.
    """

    exit_code = 1


class ConfigurationError(FraudError):
    """A setting is missing, malformed or contradicts another one."""

    exit_code = 2


class FileError(ConfigurationError):
    """A file that people write cannot be used; its text has a line for each mistake.

    Attributes:
        problems: the lines, `FILE:LINE: what is wrong; what to do`.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DefinitionsError(FileError):
    """A definitions file cannot be used."""


class PolicyError(FileError):
    """A policy cannot be used."""


class UnreachableError(FraudError):
    """A server (Kafka, MLflow, Prefect, S3) does not answer."""

    exit_code = 3


class MissingTopicError(UnreachableError):
    """Kafka has no such topic."""


class RefusedError(UnreachableError):
    """A server refuses us: wrong credentials, a missing permission; trying again does not help."""

    exit_code = 6


class DataError(FraudError):
    """The data cannot be used: there are none, only one class, or a file is broken."""

    exit_code = 4


class IncompatibleModelError(FraudError):
    """A registered model cannot serve: other features, missing metadata, a broken artifact."""

    exit_code = 5


class UntrustedModelError(IncompatibleModelError):
    """A registered model is not signed by a key that is trusted, or comes from elsewhere."""


class SignatureError(FraudError):
    """Content has no signature of a trusted key; the text is a clause that follows what it is."""
