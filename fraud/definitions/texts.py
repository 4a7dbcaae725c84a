"""What an analyst reads for a field or a feature whose definition does not say it."""

from collections.abc import Mapping

from fraud.definitions.features import REFUND_TESTS, Condition, Feature, Operation, Test
from fraud.definitions.fields import Field, FieldType

_TEXTS: Mapping[Operation, str] = {
    Operation.VALUE: "{of}",
    Operation.COUNT: "payments{which} in {window}",
    Operation.SHARE: "share of payments{which} in {window}",
    Operation.SUM: "sum of {of} of payments{which} in {window}",
    Operation.MEAN: "average {of} of payments{which} in {window}",
    Operation.MIN: "smallest {of} of payments{which} in {window}",
    Operation.MAX: "largest {of} of payments{which} in {window}",
    Operation.STD: "spread of {of} of payments{which} in {window}",
    Operation.DISTINCT: "different {several}{of_which} in {window}",
    Operation.SECONDS_SINCE_LAST: "seconds since the card's previous payment{which}",
    Operation.SECONDS_SINCE_FIRST: "seconds since the card's first payment{which} in {window}",
    Operation.IS_NEW: "{of} new to this card{of_which}",
    Operation.RATIO: "{of} against the card's average of {window} before{of_which}",
    Operation.ZSCORE: "deviation of {of} from the card's habit of {window}{of_which}",
    Operation.SPEED: "travel from the card's previous place",
    Operation.COUNT_ABOVE_MEAN: "of the last {last} payments those above {factor:g} times the card's average",
    Operation.PROFILE_COUNT: "payments of the {of} in {window}",
    Operation.PROFILE_FRAUDS: "reported frauds of the {of} in {window}",
    Operation.PROFILE_FRAUD_RATE: "reported fraud rate of the {of} in {window}",
    Operation.PROFILE_AMOUNT_MEAN: "average payment of the {of} in {window}",
    Operation.PROFILE_AMOUNT_STD: "spread of payments of the {of} in {window}",
    Operation.PROFILE_AMOUNT_RATIO: "amount against the average of the {of} in {window}",
    Operation.PROFILE_AMOUNT_ZSCORE: "amount's deviation from the habit of the {of} in {window}",
    Operation.PROFILE_AGE: "days since the first payment of the {of}, up to {window}",
    Operation.DAILY_PROFILE_COUNT: "merchant's payments in {window}",
    Operation.DAILY_PROFILE_FRAUD_RATE: "merchant's reported fraud rate in {window}",
    Operation.DAILY_PROFILE_AMOUNT_RATIO: "amount against the merchant's average",
    Operation.DAILY_PROFILE_AMOUNT_ZSCORE: "amount's deviation from the merchant's habit",
}
_TEXTS_OF_AMOUNT: Mapping[Operation, str] = {
    Operation.SUM: "spent{by_which} in {window}",
    Operation.MEAN: "average payment{which} in {window}",
    Operation.MIN: "smallest payment{which} in {window}",
    Operation.MAX: "largest payment{which} in {window}",
    Operation.STD: "spread of payments{which} in {window}",
}
_UNITS = {"m": "minute", "h": "hour", "d": "day"}


def field_text(name: str) -> str:
    """`device` of `device_id`."""
    return (name.removesuffix("_id") or name).replace("_", " ")


def default_text(feature: Feature, window: str, fields: Mapping[str, Field]) -> str:
    """A text of the aggregate, the field, the filter and the window; empty for a derived feature.

    Args:
        feature: of which.
        window: as it is written, `24h`.
        fields: by name.
    """
    if feature.is_derived:
        return ""
    if feature.is_calendar:
        return _calendar_text(feature, fields)
    of = fields[feature.of[0]] if feature.of else None
    form = _TEXTS[feature.operation]
    if of is not None and of.name == "amount":
        form = _TEXTS_OF_AMOUNT.get(feature.operation, form)
    terms = [one for one in feature.where if one.test is not Test.IS_PAYMENT]
    which = " and".join(_filter_text(one, fields[one.field]) for one in terms)
    text = form.format(
        of=of.text if of else "",
        several=_plural(of.text) if of else "",
        which=which,
        of_which=f" of payments{which}" if which else "",
        by_which=f" in payments{which}" if which else "",
        window=_window_text(window),
        last=feature.last,
        factor=feature.factor,
    )
    return f"{text}, with refunds" if _includes_refunds(feature, fields["amount"]) else text


def _includes_refunds(feature: Feature, amount: Field) -> bool:
    """Whether it counts refunds as it counts payments, where there are some."""
    is_aggregate = feature.is_of_kernel and feature.window_ms > 0
    return (
        is_aggregate and amount.allows_refunds and all(one.test not in REFUND_TESTS for one in feature.where)
    )


def _calendar_text(feature: Feature, fields: Mapping[str, Field]) -> str:
    zone = f"local time of the {fields[feature.zone].text}" if feature.zone in fields else feature.zone
    return {
        Operation.HOUR: f"hour of the day ({zone or 'UTC'})",
        Operation.WEEKDAY: "day of the week" + (f" ({zone})" if zone else ""),
        Operation.IS_NIGHT: f"paid at night (0 to 6, {zone})" if zone else "paid at night (0 to 6 UTC)",
        Operation.IS_WEEKEND: "paid at the weekend" + (f" ({zone})" if zone else ""),
    }[feature.operation]


def _window_text(window: str) -> str:
    """`30 days` of `30d`."""
    if not window:
        return ""
    number = int(window[:-1])
    return f"{number} {_UNITS[window[-1]]}{'s' if number != 1 else ''}"


def _filter_text(one: Condition, field: Field) -> str:
    """What follows `payments`."""
    if one.test is Test.IS_REFUND:
        return " that are refunds"
    if one.test is Test.SAME:
        return f" with the same {field.text}"
    if one.test is Test.ONE_OF and field.type is FieldType.BOOLEAN:
        return f" {'with' if one.values[0] else 'without'} {field.text}"
    if one.test is Test.ONE_OF:
        return f" with {field.text} {_alternatives([str(value) for value in one.values])}"
    bound = "at least" if one.test is Test.AT_LEAST else "at most"
    value = f"{number_text(float(one.values[0]), field)} {field.base}".rstrip()
    return f" of {bound} {value}" if field.name == "amount" else f" with {field.text} of {bound} {value}"


def _alternatives(values: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(values[:-1]), values[-1])))


def number_text(value: float, field: Field) -> str:
    """A number of a condition as the definitions file has it."""
    if field.type in (FieldType.MONEY, FieldType.FIXED):
        return f"{value / 10**field.decimals:.{field.decimals}f}"
    return f"{value:g}"


def _plural(text: str) -> str:
    """Of the first noun of `country of the address`, else of the last word."""
    head, of, rest = text.partition(" of ")
    if head.endswith("y") and head[-2:-1] not in "aeiou":
        head = f"{head[:-1]}ies"
    else:
        head += "es" if head.endswith(("s", "x", "ch", "sh")) else "s"
    return head + of + rest
