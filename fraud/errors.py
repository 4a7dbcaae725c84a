"""What can go wrong because of a user's input or surroundings, told in one sentence."""


class FraudError(Exception):
    """A failure that the user can mend; its text says what is wrong and how to mend it.

    Entry points print the text alone and exit with `exit_code`; a traceback is shown on `--debug` only.
    """

    exit_code = 1


class ConfigurationError(FraudError):
    """A setting is missing, malformed or contradicts another one."""

    exit_code = 2


class UnreachableError(FraudError):
    """A server (Kafka, MLflow, Prefect, S3) does not answer."""

    exit_code = 3


class RefusedError(UnreachableError):
    """A server refuses us: wrong credentials, a missing right; asking again does not help."""

    exit_code = 6


class DataError(FraudError):
    """The data cannot be used as they are: none there, one class only, a broken file."""

    exit_code = 4


class IncompatibleModelError(FraudError):
    """A registered model cannot serve: other features, missing metadata, a broken artifact."""

    exit_code = 5
