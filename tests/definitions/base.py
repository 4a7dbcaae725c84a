"""The shipped definitions with a base currency."""

from pathlib import Path

from fraud.definitions.loading import SHIPPED


def write_v1_in_euros(folder: Path, rates: str, *, refunds: bool = False) -> Path:
    """Write the shipped definitions with amounts in euros, by the lines `rates`; returns the file."""
    (folder / "rates.csv").write_text(f"date,currency,rate\n{rates}")
    text = SHIPPED.read_text(encoding="utf-8")
    text = text.replace("version: 1\n", "version: 1\nmoney: {base: EUR, rates: rates.csv}\n", 1)
    if refunds:
        text = text.replace(
            "{type: money, currency: currency}", "{type: money, currency: currency, refunds: true}"
        )
    path = folder / "definitions.yaml"
    path.write_text(text)
    return path


def write_v1_by_topic(folder: Path) -> Path:
    """Write the shipped definitions with amounts in euros, by the rates of the topic; returns the file."""
    path = write_v1_in_euros(folder, "")
    path.write_text(path.read_text().replace("rates: rates.csv", "rates: topic", 1))
    return path
