"""What is wrong with the base currency and its rates."""

from collections.abc import Iterator

from fraud.definitions.checks.problems import Problems, suggestion
from fraud.definitions.definitions import Definitions
from fraud.definitions.document import DefinitionsDocument
from fraud.definitions.features import Test
from fraud.errors import ConfigurationError
from fraud.money.currencies import CURRENCIES


def check_money(document: DefinitionsDocument, problems: Problems) -> None:
    """Note a base that is no currency, and a path that no file can have."""
    if document.money and "\0" in document.money.rates:
        problems.add(("money", "rates"), "rates has a character NUL, which no path has; remove it")
    if document.money and document.money.base not in CURRENCIES:
        near = suggestion(document.money.base.upper(), CURRENCIES).removesuffix("?")
        remedy = f"{near}?" if "did you mean" in near else "; use a code of ISO 4217, such as EUR"
        problems.add(("money", "base"), f"the currency {document.money.base} does not exist{remedy}")


def check_rates(definitions: Definitions, problems: Problems) -> Definitions:
    """Read the rates and hold them against the features; returns the definitions if nothing is wrong.

    Raises:
        DefinitionsError: the file cannot be used, or lacks a currency that a feature asks for.
    """
    if definitions.money is None or definitions.money.path is None:
        return definitions
    try:
        rates = definitions.money.rates
    except ConfigurationError as error:
        for sentence in str(error).split("\n"):
            problems.add(("money", "rates"), sentence)
    else:
        for feature, currency in _currencies(definitions):
            if not rates.has_currency(currency):
                problems.add(
                    ("money", "rates"),
                    f"the file has no rate of {currency}, which the feature {feature} asks for; add it",
                )
    problems.raise_if_any()
    return definitions


def _currencies(definitions: Definitions) -> Iterator[tuple[str, str]]:
    """The name of a feature and each currency in its filter."""
    for feature in definitions.features:
        for condition in feature.where:
            if condition.field == "currency" and condition.test is Test.ONE_OF:
                yield from ((feature.name, str(value)) for value in condition.values)
