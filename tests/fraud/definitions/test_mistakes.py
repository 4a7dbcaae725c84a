"""Every mistake in a definitions file is reported with its line, in a sentence that says what to do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.definitions.loading import SHIPPED, load_definitions, parse_definitions
from fraud.errors import DefinitionsError
from tests.fraud.definitions.files import CORE, FIRST_LINE, with_features, with_fields

COUNT = "aggregate: count, window: 1h"
GROUP = "  group: {type: category, columns: [left, right], optional: true}\n"
"""Several fields under one name, which is none itself."""

ON_FEATURES = {
    # unknown names
    "{name: a, aggregate: sum, of: device, window: 1h}": "did you mean device_id?",
    "{name: a, agregate: sum, of: amount, window: 1h}": "did you mean aggregate?",
    "{name: a, aggregate: avg, of: amount, window: 1h}": "aggregate avg does not exist; did you mean mean?",
    "{name: a, aggregate: hour, of: timestamp}": "did you mean transform: hour?",
    "{name: a, divide: [b, payments]}": "the feature b does not exist",
    "{name: a, entity: cart, COUNT}": "the entity cart does not exist",
    # a field that the aggregate does not take
    "{name: a, aggregate: sum, of: device_id, window: 1h}": "use is_new or distinct; where counts",
    "{name: a, aggregate: sum, of: entry_mode, window: 1h}": "sum does not fit entry_mode, a category",
    "{name: a, aggregate: mean, of: age, window: 1h}": "declare it with type: fixed and a scale",
    "{name: a, aggregate: sum, of: place, window: 1h}": "place is a place, which only speed takes",
    "{name: a, aggregate: speed, of: amount, window: 1h}": "speed needs a place",
    "{name: a, transform: value, of: device_id}": "value does not fit device_id, an id",
    "{name: a, transform: value, of: timestamp}": "use hour, weekday, is_night or is_weekend",
    "{name: a, transform: hour, of: amount}": "hour does not fit amount",
    "{name: a, aggregate: sum, window: 1h}": "sum needs `of`: a field of type money, fixed or boolean",
    "{name: a, aggregate: count, of: amount, window: 1h}": "count takes no `of`; remove it",
    # windows
    "{name: a, aggregate: count}": "count needs a window",
    "{name: a, aggregate: count, window: 0m}": "window 0m is empty",
    "{name: a, aggregate: count, window: 60}": "window 60 has no unit",
    "{name: a, aggregate: count, window: 30s}": "the shortest is a minute",
    "{name: a, aggregate: count, window: 91d}": "longer than 90d",
    "{name: a, aggregate: count, window: 129601m}": "longer than 90d",
    "{name: a, aggregate: count, window: 2w}": "14d",
    "{name: a, aggregate: count, window: ''}": "window '' is not allowed",
    "{name: a, transform: hour, of: timestamp, window: 1h}": "a window makes no sense for hour",
    "{name: a, divide: [payments, payments], window: 1h}": "a window makes no sense for divide",
    "{name: a, daily_profile: merchant_id, value: count, window: 2d}": "1d, 7d, 14d and 30d only, not of 2d",
    # conditions
    "{name: a, COUNT, where: {age: same}}": "same does not fit age, a number",
    "{name: a, COUNT, where: {amount: 5}}": "write {at_least: NUMBER}",
    "{name: a, COUNT, where: {amount: {at_most: 2.005}}}": "more decimals than the 2",
    "{name: a, COUNT, where: {amount: {atleast: 2}}}": "did you mean at_least?",
    "{name: a, COUNT, where: {amount: {at_least: 3, at_most: 2}}}": "no payment fits",
    "{name: a, COUNT, where: {amount: {at_least: .inf}}}": "must be a finite number",
    "{name: a, COUNT, where: {amount: }}": "where amount has no condition",
    "{name: a, COUNT, where: {entry_mode: {at_least: 2}}}": "at_least does not fit entry_mode",
    "{name: a, COUNT, where: {entry_mode: {one_of: [5411]}}}": "write it in quotes, '5411'",
    "{name: a, COUNT, where: {entry_mode: {one_of: []}}}": "give at least one",
    "{name: a, COUNT, where: {entry_mode: {one_of: [a, a]}}}": "has a value twice",
    "{name: a, COUNT, where: {entry_mode: {}}}": "the condition on entry_mode is empty",
    "{name: a, COUNT, where: {entry_mode: 5411}}": "write it in quotes, '5411'",
    "{name: a, COUNT, where: {entry_mode: 1.50}}": "write it in quotes as messages have it",
    "{name: a, COUNT, where: {entry_mode: {one_of: [7e10]}}}": "is 70000000000.0; write it in quotes",
    "{name: a, COUNT, where: {points: {at_least: 1e300}}}": "beyond 10,000,000,000.00, the most that points",
    "{name: a, COUNT, where: {amount: {at_most: 1e18}}}": "beyond 10,000,000,000.00, the most that amount",
    "{name: a, COUNT, where: {ip_country: NOR}}": "ip_country has 0 to 2; no payment fits",
    "{name: a, COUNT, where: {currency: eur}}": "'eur' is no currency",
    "{name: a, COUNT, where: {is_chip: chip}}": "write true or false",
    "{name: a, COUNT, where: {is_chip: {one_of: ['yes']}}}": "one_of does not fit is_chip",
    "{name: a, COUNT, where: {place: same}}": "cannot look at the place place",
    "{name: a, COUNT, where: {timestamp: {at_least: 3}}}": "use window",
    "{name: a, COUNT, where: {mode: chip}}": "the field mode does not exist",
    "{name: a, aggregate: share, window: 1h}": "share needs where",
    "{name: a, transform: hour, of: timestamp, where: {is_chip: true}}": "where does not fit hour",
    "{name: a, aggregate: max, of: amount, where: {device_id: same}, window: 1h}": "same does not fit max",
    # zones
    "{name: a, transform: hour, of: timestamp, zone: Europe/Berln}": "did you mean Europe/Berlin?",
    "{name: a, transform: hour, of: timestamp, zone: age}": "zone needs a category",
    "{name: a, COUNT, zone: UTC}": "zone does not fit count",
    # keys of other features
    "{name: a, COUNT, last: 3}": "last does not fit count, only count_above_mean",
    "{name: a, aggregate: count_above_mean, of: amount, factor: 2, window: 1h}": "needs last; add last: 10",
    "{name: a, COUNT, value: count}": "value does not fit count, only a profile",
    "{name: a, daily_profile: card_id, value: count, window: 1d}": "merchant_id only, not of card_id",
    "{name: a, daily_profile: merchant_id, value: age, window: 1d}": "a daily profile has no age",
    "{name: a, profile: amount, value: count, window: 1d}": "amount is no id and no category",
    "{name: a, profile: merchnt_id, value: count, window: 1d}": "merchnt_id",
    "{name: a, profile: merchant_id, value: count, window: 10m}": "made, 15m; write 15m or",
    "{name: a, profile: merchant_id, value: count, window: 100m}": "write 105m or change profiles: {every}",
    "{name: a, profile: merchant_id, value: cont, window: 1d}": "value cont does not exist; did you mean",
    "{name: a, profile: '', value: count, window: 1d}": "profile is empty",
    "{name: a, daily_profile: '', value: count, window: 1d}": "daily_profile is empty",
    "{name: a, profile: group, value: count, window: 1d}": "several fields; name one of them, left or right",
    "{name: a, aggregate: distinct, of: group, window: 1h}": "group stands for several fields",
    "{name: a, COUNT, where: {group: same}}": "group stands for several fields",
    "{name: a, transform: hour, of: timestamp, zone: group}": "zone needs a category",
    "{name: a, profile: merchant_id, value: count, window: 91d}": "longer than 90d",
    "{name: a, profile: merchant_id, value: count}": "needs a window",
    "{name: a, daily_profile: merchant_id, window: 1d}": "a profile needs a value",
    "{name: a, aggregate: count, transform: hour, window: 1h}": "and has transform and aggregate",
    "{name: a, window: 1h}": "and has none",
    "{name: a, divide: [payments]}": "two features are needed",
    "{name: a, divide: [payments, payments, payments]}": "takes two features, [a, b], not 3",
    "{name: a, divide: [payments, rate]}": "rate comes from a profile",
    # names
    "{name: payments, aggregate: count, window: 2h}": f"payments, the first on line {FIRST_LINE + 2}",
    "{name: A-b, COUNT}": "such as a_b",
    "{name: partition, COUNT}": "taken by a column of the training rows",
    "{name: profile_moment, COUNT}": "taken by a column of the training rows",
    "{name: amount, COUNT}": "taken by the payment's amount",
    "{COUNT}": "name is missing",
    "{name: a, text: 7, COUNT}": "text must be a text, and is 7",
    "count": "must be a mapping",
    # cycles
    "{name: a, subtract: [a, payments]}": "it is derived of itself: a → a",
}

ON_FIELDS = {
    "x: {type: string}": "type string does not exist; did you mean id or category?",
    "x: {type: id, tipe: id}": "the key tipe does not exist; did you mean type?",
    "x: {}": "type is missing",
    "x: {type: }": "type has no value",
    "x: id": "must be a mapping",
    "Device-ID: {type: id}": "such as device_id",
    "partition: {type: id}": "taken by a column of the lake; choose another, and set path: partition",
    "class: {type: id}": "a word of Python",
    "x: {type: id, path: device_id}": "device_id is read at device_id, too",
    "x: {type: id, path: device_id.x}": "leads through the field device_id",
    "x: {type: id, path: a..b}": "has an empty name",
    "x: {type: id, path: ''}": "path is empty",
    "x: {type: id, scale: 2}": "scale does not fit an id, only fixed",
    "x: {type: number, max_length: 3}": "max_length does not fit a number",
    "x: {type: number, at_least: 5, at_most: 1}": "no value fits",
    "x: {type: number, at_least: .nan}": "must be a finite number",
    "x: {type: number, at_least: 1e999}": "must be a finite number",
    "x: {type: number, at_least: '3'}": "must be a finite number, and is the text '3'",
    "x: {type: category, min_length: 9, max_length: 3}": "no value fits",
    "x: {type: category, max_length: 100}": "it must be less than or equal to 64",
    "x: {type: money}": "add currency: currency",
    "x: {type: money, currency: entry_mode}": "the currency of all amounts is the field currency",
    "x: {type: id, optional: yes}": "must be true or false, and is the text 'yes'",
    f"x: {{type: number, path: {'.'.join('a' * 33)}}}": "33 levels deep, and messages have 32",
    f"x: {{type: number, columns: V1..V2, path: {'.'.join('a' * 32)}}}": "33 levels deep",
    "x: {type: fixed, scale: 9, at_most: 1001}": "beyond 1,000, the most that this scale holds",
    "x: {type: number, columns: foo}": "write V1..V28, or a list",
    "x: {type: number, columns: V9..V3}": "first the lower number",
    "x: {type: number, columns: [age]}": "there are two fields age",
    "x: {type: number, columns: [Net-Amount]}": "declare it as a field of its own with a path",
    "x: {type: place, columns: [a, b, c]}": "a place has two coordinates",
    "x: {type: place}": "add columns: [latitude, longitude]",
    "value: {type: categry}": "type categry does not exist",
    "str: {type: id, tipe: id}": "the key tipe does not exist",
    "condition: {}": "field condition: type is missing",
    "card_id: {type: id}": "the key card_id is here twice, first on line 4",
}

ON_FILES = {
    "": ("f.yaml:1: the file is empty",),
    "# nothing\n": ("f.yaml:1: the file is empty",),
    "[]": ("f.yaml:1: the file must be a mapping",),
    "version: 2\nfields: {}\n": ("f.yaml:1: version 2 is unknown", "f.yaml:1: features is missing"),
    "version: 1\nfields:\n\tcard_id: {type: id}\n": ("f.yaml:3: a tab cannot indent",),
    "version: 1\n---\nversion: 1\n": ("f.yaml:2: a second document",),
    "version: &a 1\nfields: *a\n": ("f.yaml:1: anchors (&a)", "f.yaml:2: anchors (*a)"),
    "version: !!str 1\n": ("f.yaml:1: tags",),
    "<<: {a: 1}\n? [a]\n: b\n": ("f.yaml:1: a key must be a name", "f.yaml:2: a key must be a name"),
    "a: [1\nb: 2\n": ("f.yaml:2: this is not YAML",),
    "a: 'x\n": ("f.yaml:2: a quote is not closed",),
    "a: b: c\n": ("f.yaml:1: a colon is where none is allowed",),
    "a: 1\nb: \x07\n": ("f.yaml:2: the character U+0007",),
    "[" * 3_000: ("f.yaml:1: values are nested",),
    CORE: ("f.yaml:1: features is missing",),
    CORE + "features:\n": (f"f.yaml:{FIRST_LINE}: features has no value",),
    CORE + "features: []\n": (f"f.yaml:{FIRST_LINE}: there is no feature",),
    CORE + "entities: {shop: {key: merchant_id}}\nfeatures:\n  - {name: a, aggregate: count, window: 1h}\n": (
        f"f.yaml:{FIRST_LINE}: entity shop: only entities: {{card: {{key: card_id}}}}",
    ),
    CORE + "features:\n  - {name: a, daily_profile: merchant_id, value: count, window: 1d}\n": (
        f"f.yaml:{FIRST_LINE}: all features come from profiles",
    ),
    with_fields().replace("card_id: {type: id}", "card_id: {type: id, optional: true}"): (
        "f.yaml:4: field card_id: every payment has it; remove optional",
    ),
    with_fields().replace("  merchant_id: {type: id}\n", ""): (
        "f.yaml:2: the field merchant_id is missing; add merchant_id: {type: id}",
    ),
    with_fields().replace("timestamp: {type: time}", "timestamp: {type: number}"): (
        "f.yaml:8: field timestamp: every payment has it, as a time; set type: time",
    ),
}


ON_REFUNDS = {
    "yes": "refunds must be true or false, and is the text 'yes'",
    "{entry_mode: refund}": "entry_mode must be a list, [a, b]",
    "{entry_mode: [1]}": "an item must be a text, and is 1; write it in quotes, '1'",
    "{group: [refund]}": "group stands for several fields; name one of them, left or right",
    "{device_id: [refund]}": "refunds are named by a category, not by device_id, an id",
}
ON_SETTINGS = {
    "profiles: {every: 15}": "every 15 is not allowed; write minutes, hours or a day, from 5m to 1d",
    "profiles: {every: 15min}": "every 15min is not allowed; write minutes",
    "profiles: {every: 7m}": "every 7m is not between 5m and 1d",
    "profiles: {evry: 15m}": "the key evry does not exist; did you mean every?",
    "money: {base: EUR, rates: topic, max_age: 7}": "max_age 7 is not allowed; write days, from 1d",
    'money: {base: EUR, rates: "a\\0b"}': "rates has a character NUL",
}


def problems_of(text: str) -> list[str]:
    with pytest.raises(DefinitionsError) as caught:
        parse_definitions(text, "f.yaml")
    return caught.value.problems


def require_only(problems: list[str], place: str, sentence: str) -> None:
    assert len(problems) == 1
    assert problems[0].startswith(place)
    assert sentence in problems[0]


@pytest.mark.parametrize("line", ON_FEATURES)
def test_a_mistake_in_a_feature(line: str) -> None:
    # given a feature with one mistake behind two without
    first = "{name: payments, aggregate: count, window: 1h}"
    rate = "{name: rate, daily_profile: merchant_id, value: fraud_rate, window: 1d}"
    text = with_features(first, rate, line.replace("COUNT", COUNT))
    text = text.replace("  device_id:", GROUP + "  device_id:")
    # when it is read
    problems = problems_of(text)
    # then the one sentence names its line and says what to do
    require_only(problems, f"f.yaml:{FIRST_LINE + 4}: ", ON_FEATURES[line])


@pytest.mark.parametrize("refunds", ON_REFUNDS)
def test_a_mistake_in_refunds(refunds: str) -> None:
    text = with_fields().replace("  device_id:", GROUP + "  device_id:")
    problems = problems_of(text.replace("currency: currency}", f"currency: currency, refunds: {refunds}}}"))
    require_only(problems, "f.yaml:6: field amount: ", ON_REFUNDS[refunds])


@pytest.mark.parametrize("line", ON_SETTINGS)
def test_a_mistake_in_profiles_or_money(line: str) -> None:
    profile = "{name: a, profile: merchant_id, value: count, window: 1h}"
    text = with_features("{name: payments, aggregate: count, window: 1h}", profile)
    problems = problems_of(text.replace("version: 1", f"version: 1\n{line}"))
    require_only(problems, "f.yaml:2: ", ON_SETTINGS[line])


@pytest.mark.parametrize("line", ON_FIELDS)
def test_a_mistake_in_a_field(line: str) -> None:
    problems = problems_of(with_fields(line))

    assert problems[0].startswith(f"f.yaml:{FIRST_LINE}: ")
    assert any(ON_FIELDS[line] in problem for problem in problems)


@pytest.mark.parametrize("text", ON_FILES, ids=range(len(ON_FILES)))
def test_a_mistake_in_the_file(text: str) -> None:
    problems = problems_of(text)

    for expected in ON_FILES[text]:
        assert any(problem.startswith(expected) for problem in problems), problems


def test_all_mistakes_are_reported_in_the_order_of_the_file() -> None:
    # given a broken field, features of it and of a broken feature, and features with mistakes of their own
    text = with_fields("x: {type: texts}") + "".join(
        f"  - {line}\n"
        for line in (
            "{name: a, aggregate: distinct, of: x, window: 1h}",
            "{name: b, aggregate: sums, of: amount, window: 1h}",
            "{name: c, divide: [b, payments]}",
            "{name: d, aggregate: sum, of: device_id, window: 0m}",
            "{name: e, aggregate: sum, of: device_id, window: 1h}",
        )
    )
    # when it is read
    lines = [int(problem.split(":")[1]) for problem in problems_of(text)]
    # then each mistake is reported once; what follows from another one is not
    assert lines == [FIRST_LINE, FIRST_LINE + 4, FIRST_LINE + 6, FIRST_LINE + 7]


def test_the_way_of_a_cycle_is_shown() -> None:
    first = "{name: payments, aggregate: count, window: 1h}"
    problems = problems_of(
        with_features(first, "{name: a, divide: [b, payments]}", "{name: b, subtract: [payments, a]}")
    )

    assert problems == [
        f"f.yaml:{FIRST_LINE + 2}: feature a: it is derived of itself: a → b → a; break the cycle"
    ]


def test_norway_is_no_boolean() -> None:
    line = "{name: a, aggregate: count, window: 1h, where: {ip_country: {one_of: [SE, NO]}}}"

    found = parse_definitions(with_features(line)).features[0]

    assert found.where[0].values == ("NO", "SE")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "definitions.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + with_fields().encode())

    assert load_definitions(path).features[0].name == "payments"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"version: 1\nx: \xff\n", "2: the file is not UTF-8"),
        ("version: 1".encode("utf-16"), "1: the file is not UTF-8"),
        (b"#" * 1_000_001, "1: the file has 1,000,001 bytes"),
        (None, "1: the file cannot be read: no such file"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "definitions.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DefinitionsError, match=f"{path}:{expected}"):
        load_definitions(path)


LINES = SHIPPED.read_text(encoding="utf-8").splitlines()


@given(
    line=st.integers(0, len(LINES) - 1),
    start=st.integers(0, 40),
    removed=st.integers(0, 5),
    inserted=st.text("{}[]:,&*!'\"-#|> \tabAZ019._~é\x00", max_size=4),
)
def test_a_damaged_file_is_read_or_refused_in_sentences(
    line: int, start: int, removed: int, inserted: str
) -> None:
    # given the shipped file with a few characters of one line replaced
    damaged = LINES[line][:start] + inserted + LINES[line][start + removed :]
    text = "\n".join([*LINES[:line], damaged, *LINES[line + 1 :]])
    # when it is read
    problems = []
    try:
        parse_definitions(text, "f.yaml")
    except DefinitionsError as error:
        problems = error.problems
    # then every problem is one line that starts with the file
    for problem in problems:
        assert problem.startswith("f.yaml:")
        assert "\n" not in problem
