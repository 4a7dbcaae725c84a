"""Texts of definitions files."""

CORE = """\
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency}
  currency: {type: currency}
  timestamp: {type: time}
  device_id: {type: id, optional: true}
  entry_mode: {type: category, max_length: 16, optional: true}
  ip_country: {type: category, max_length: 2, optional: true}
  age: {type: number, optional: true}
  points: {type: fixed, scale: 2, optional: true}
  is_chip: {type: boolean, optional: true}
  place: {type: place, columns: [latitude, longitude], optional: true}
"""
"""A field of every type, up to line 15."""

FIRST_LINE = CORE.count("\n") + 1
"""Of what follows `CORE`."""


def with_features(*lines: str) -> str:
    """The fields and these features, the first on line `FIRST_LINE + 1`."""
    return CORE + "features:\n" + "".join(f"  - {line}\n" for line in lines)


def with_fields(*lines: str) -> str:
    """More fields, the first on line `FIRST_LINE`, and one feature."""
    fields = "".join(f"  {line}\n" for line in lines)
    return f"{CORE}{fields}features:\n  - {{name: payments, aggregate: count, window: 1h}}\n"
