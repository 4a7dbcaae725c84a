"""Card numbers in texts and bytes are masked, and nothing else is changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.cards.masking import mask_bytes, mask_text
from tests.fraud.cards.made import AMEX, PUBLISHED, VISA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VISA, "411111******1111"),
        (AMEX, "378282*****0005"),
        ("4222222222222", "4222*****2222"),
        ("30569309025904", "30569*****5904"),
        ("4111 1111 1111 1111", "4111 11** **** 1111"),
        ("4111-1111-1111-1111", "4111-11**-****-1111"),
        (f"card {VISA} of {AMEX}.", "card 411111******1111 of 378282*****0005."),
        ("nothing at 1700000000000", "nothing at 1700000000000"),
        ("", ""),
    ],
)
def test_at_most_six_and_four_digits_are_kept(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize("number", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_five_digits_or_more_are_hidden_of_every_number(number: str) -> None:
    masked = mask_text(number)
    assert masked.count("*") >= 5
    assert masked.endswith(number[-4:])


@given(
    st.lists(st.one_of(st.text(max_size=20), st.sampled_from([*PUBLISHED.values()])), max_size=5).map(
        " ".join
    )
)
def test_a_masked_text_has_no_card_number_and_keeps_its_length(text: str) -> None:
    masked = mask_text(text)
    assert mask_text(masked) == masked
    assert len(masked) == len(text)


@given(st.binary(max_size=60), st.sampled_from([*PUBLISHED.values()]), st.binary(max_size=60))
def test_bytes_of_any_kind_keep_their_length(before: bytes, number: str, after: bytes) -> None:
    data = b"|".join([before, number.encode(), after])
    masked = mask_bytes(data)
    assert len(masked) == len(data)
    assert number.encode() not in masked.replace(before, b"").replace(after, b"")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "latin-1"])
def test_a_number_in_malformed_bytes_is_masked_in_every_encoding(encoding: str) -> None:
    data = b'{"card_id": ' + f'"{VISA}", oops'.encode(encoding)
    masked = mask_bytes(data).decode("latin-1").replace("\0", "")
    assert VISA not in masked
    assert "411111******1111" in masked


def test_digits_that_json_escapes_are_masked_and_the_json_stays_json() -> None:
    # given a number of which every digit is an escape
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in VISA)

    # when it is masked
    masked = mask_bytes(f'{{"card_id":"{escaped}"}}'.encode())

    # then what is decoded is masked
    assert json.loads(masked) == {"card_id": "411111******1111"}
