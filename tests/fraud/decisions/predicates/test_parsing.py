"""What predicates may say, and how mistakes in them are described."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.errors import PredicateError
from fraud.decisions.predicates.parsing import MAX_OPERATIONS, parse_predicate
from fraud.decisions.predicates.syntax import MAX_CHARACTERS, MAX_DEPTH
from fraud.definitions.loading import load_definitions
from tests.definitions import EXTENDED
from tests.definitions.base import write_v1_in_euros
from tests.fraud.decisions.predicates.strategies import DEFINITIONS, parse

LONGEST_SECONDS = 5.0
"""For what must be refused at once; a busy machine takes part of it."""


def refusal(text: str) -> PredicateError:
    with pytest.raises(PredicateError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("amont > 5", 1, "there is no field or feature `amont`; did you mean `amount`?"),
        ('ip_country = "DE"', 14, "there is no field or feature `DE`; a text is in single quotes"),
        ("amount > 5 AND hour", 16, "`hour` is a number; compare it, as in hour = 1"),
        ("amount", 1, "is a number, not a condition; compare it, as in amount > 100"),
        ("ip_country", 1, "is a text, not a condition; compare it, as in amount > 100"),
        ("amount > 'x'", 1, "`amount` is a number and is compared with a text"),
        ("amount > ip_country", 1, "compares a number with a text"),
        ("ip_country + 1 > 2", 1, "`ip_country` is a text and no number"),
        ("is_chip + 1 > 2", 1, "`is_chip` is true or false and no number"),
        ("ip_country > 'DE'", 1, "> compares numbers only; write =, <> or IN"),
        ("ip_country = card_id", 1, "ip_country and card_id are of different types"),
        ("currency = 'eur'", 12, "'eur' is no currency; write three capitals, as 'EUR'"),
        ("timestamp > '2026-01-01'", 1, "compare timestamp with TIMESTAMP '2026-11-29 12:00'"),
        ("timestamp > TIMESTAMP 'noon'", 23, "'noon' is no time; write TIMESTAMP '2026-11-29 12:00'"),
        ("amount / 0 > 1", 10, "is a division by zero"),
        ("amount % (1 - 1) > 1", 11, "is a division by zero"),
        ("1e300 * 1e300 > 1", 1, "cannot be computed: the result is too large or divides by zero"),
        ("amount > 1e999", 10, "the number 1e999 is too large"),
        ("amount = NULL", 1, "nothing equals NULL; write IS NULL or IS NOT NULL"),
        ("ip_country IN ('DE', 5)", 22, "ip_country is a text; compare it with a text in single quotes"),
        ("amount IN (hour)", 12, "IN has constants only; join comparisons by OR"),
        ("amount IN (SELECT 1)", 12, "`SELECT` is not part of predicates; use a list: in_list('NAME')"),
        ("ip_country LIKE 'D%'", 12, "`LIKE` is not part of predicates; compare with = or IN"),
        ("in_list('card')", 9, "the policy has no list 'card'; did you mean 'cards'?"),
        ("in_list(cards)", 1, "write in_list('NAME') or in_list(FIELD, 'NAME')"),
        ("in_list(amount, 'cards')", 1, "a list has ids, categories or currencies; name such a field"),
        ("sqrt(amount) > 2", 1,
         "there is no function `sqrt`; there are abs, coalesce, greatest, in_list, least"),
        ("amount > 5 && hour = 1", 12, "`&&` is not part of predicates; write AND"),
        ("amount > 5; TRUE", 11,
         "`;` is not part of predicates; write one predicate, its parts joined by AND or OR"),
        ("amount > 5 hour", 12, "`hour` is not understood here; expected AND, OR, a comparison or the end"),
        ("amount > 5 AND", 12, "something is missing behind `AND`"),
        ("(amount > 5", 11, "a parenthesis is not closed behind `5`"),
        ("amount > 'x", 10, "a text has no end; texts are in single quotes"),
        ("amount--1 = 2", 1, "comments are not allowed; describe the rule in its `reason`"),
        ("", 1, "is empty; write a condition such as amount > 100"),
    ],
)  # fmt: skip
def test_a_mistake_is_described_with_its_place_and_what_to_do(text: str, column: int, message: str) -> None:
    error = refusal(text)
    assert (error.line, error.column, error.message) == (1, column, message)


def test_the_place_is_counted_by_lines() -> None:
    error = refusal("amount > 1\n  AND hour > 2\n  AND\n   amont < 3")
    assert str(error).startswith("line 4, column 4: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (MAX_CHARACTERS + 1), f"has {MAX_CHARACTERS + 1:,} characters"),
        ("x" * 1_000_000, "has 1,000,000 characters"),
        (" OR ".join(["amount > 1"] * MAX_OPERATIONS), f"has {MAX_OPERATIONS + 1} operations"),
        (f"amount IN ({', '.join(map(str, range(1_001)))})", "has 4,906 characters"),
        (f"amount IN ({','.join('1' * 1001)})", "IN has 1,001 values"),
        ("(" * 3_000, "is nested more than"),
        ("NOT " * 900 + "TRUE", "is nested more than"),
        ("- " * 900 + "1 > 1", "is nested more than"),
        ("CASE " * 700, "is nested more than"),
        ("LEAST(" * 600 + "1", "is nested more than"),
        ("+".join(["amount"] * 100) + "> 1", "is nested more than"),
        ("NOT (" * (MAX_DEPTH + 1) + "TRUE" + ")" * (MAX_DEPTH + 1), "is nested more than"),
    ],
)
def test_what_takes_too_long_is_refused_at_once(text: str, message: str) -> None:
    start = time.monotonic()
    assert message in refusal(text).message
    assert time.monotonic() - start < LONGEST_SECONDS


def test_what_is_nested_as_deeply_as_allowed_is_read() -> None:
    parse("(" * MAX_DEPTH + "amount" + ")" * MAX_DEPTH + " > 1")
    parse(" AND ".join(["amount > 1"] * (MAX_OPERATIONS - 1)))


def test_a_predicate_lists_its_names_and_lists() -> None:
    predicate = parse("CASE WHEN is_chip THEN amount ELSE hour END > age AND in_list('cards') OR score > 0.5")
    assert predicate.names == {"is_chip", "amount", "hour", "age", "card_id", "score"}
    assert predicate.lists == {"cards"}


def test_names_may_be_quoted_and_of_any_case() -> None:
    assert parse('"amount" > 5').root == parse("AMOUNT > 5").root == parse("amount>5.0").root


def test_amounts_are_as_paid_or_in_the_base(tmp_path_factory: pytest.TempPathFactory) -> None:
    # given definitions with a base currency and others without
    path = write_v1_in_euros(tmp_path_factory.mktemp("base"), "2026-01-01,USD,1.1\n")
    in_euros = load_definitions(path)
    # then only the first know an amount in the base
    predicate = parse_predicate(in_euros, "amount > 5 AND amount_base > 5", {})
    assert predicate.names == {"amount", "amount_base"}
    with pytest.raises(PredicateError, match="no base currency; write amount"):
        parse_predicate(EXTENDED, "amount_base > 5", {})


def test_a_list_of_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(PredicateError, match="the list x is of `nothing`, which is no text field"):
        parse_predicate(DEFINITIONS, "in_list('x')", {"x": PolicyList("x", "nothing")})


_WORDS = r"""
amount ip_country is_chip AND OR NOT IN IS NULL BETWEEN CASE WHEN THEN ELSE END TRUE in_list 'cards' COALESCE
LEAST ABS ( ) , + - * / % = <> < >= 1 2.5 'DE' "amount" TIMESTAMP DATE INTERVAL CAST AS SELECT FROM LIKE
EXISTS ALL ANY OVER COLLATE ESCAPE :: . -> [ ] { } ; -- /* ' \ ? :x @ b' x' $$
"""
WORDS = st.sampled_from([*_WORDS.split(), "\n"])
GARBAGE = st.one_of(
    st.text(), st.lists(WORDS, max_size=40).map(" ".join), st.lists(WORDS, max_size=40).map("".join)
)


@given(GARBAGE)
def test_garbage_is_read_or_refused(text: str) -> None:
    start = time.monotonic()
    with contextlib.suppress(PredicateError):
        parse(text)
    assert time.monotonic() - start < LONGEST_SECONDS
