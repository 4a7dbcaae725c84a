"""Definitions that `fraud definitions init --from` starts for a file of payments."""

import random
from pathlib import Path

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.definitions.loading import parse_definitions
from fraud.settings import Settings
from producer.inspection.definitions_proposal import DefinitionsProposal, propose_definitions

HEADER = (
    "TransactionID,card number,merchant,amount,currency,time,country,Device-ID,POS Entry,account_age,is3ds,"
    "V1,V2,V3,fraud_score,session_token"
)
ROWS = 400


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> DefinitionsProposal:
    path = tmp_path_factory.mktemp("payments") / "payments.csv"
    path.write_text("\n".join([HEADER, *_rows()]) + "\n")
    return propose_definitions(Settings().admission, path)


def _rows() -> list[str]:
    chance = random.Random(7)
    return [
        f"t{number},41111111110{chance.randrange(20):05},m{chance.randrange(9)},"
        f"{chance.randrange(9_000) / 100},EUR,{1_767_225_600_000 + number * 60_000},"
        f"DE,dev{chance.randrange(90)},"
        f"{chance.choice(['chip', 'keyed'])},{chance.randrange(900)},{chance.choice(['true', 'false'])},"
        f"0.1,0.2,{chance.random()},{chance.random()},token-{number}"
        for number in range(ROWS)
    ]


@pytest.fixture(scope="module")
def found(proposal: DefinitionsProposal) -> Definitions:
    return parse_definitions(proposal.definitions)


def test_every_further_column_is_a_field_of_a_fitting_type(found: Definitions) -> None:
    types = {name: found.field_by_name[name].type for name in found.field_index}

    assert types | {
        "device_id": FieldType.ID, "pos_entry": FieldType.CATEGORY, "account_age": FieldType.NUMBER,
        "is3ds": FieldType.BOOLEAN, "v1": FieldType.NUMBER, "v3": FieldType.NUMBER,
        "session_token": FieldType.ID, "country": FieldType.CATEGORY,
    } == types  # fmt: skip
    assert found.field_by_name["device_id"].path == ("Device-ID",)


def test_rows_that_the_definitions_refuse_are_said(tmp_path: Path) -> None:
    # given a file in which every tenth amount is below 0
    path = tmp_path / "refunds.csv"
    rows = (
        f"t{one},c{one % 9},m{one % 4},{5 if one % 10 else -5},EUR,{1_767_225_600_000 + one}"
        for one in range(90)
    )
    path.write_text("\n".join([",".join(HEADER.split(",")[:6]), *rows]) + "\n")
    # when definitions are proposed, which have no refunds
    notes = propose_definitions(Settings().admission, path).notes
    # then it is said how many rows they refuse, and what lets them in
    (note,) = [one for one in notes if "cannot be used" in one]
    assert note.startswith("9 rows")
    assert "refunds: true" in note


def test_fields_and_features_that_the_file_cannot_feed_are_left_out(found: Definitions) -> None:
    assert not {"latitude", "merchant_category", "channel"} & found.field_index.keys()
    assert not {"speed_kmh", "category_code", "channel_code"} & found.feature_by_name.keys()
    assert {"countries_24h", "card_sum_1h", "merchant_count_1d"} <= found.feature_by_name.keys()


def test_devices_and_entry_modes_get_features_and_ids_of_single_payments_none(found: Definitions) -> None:
    of = {one.name: one.text for one in found.features}

    assert of["device_distinct_30d"] == "different devices in 30 days"
    assert of["device_sum_7d"] == "spent in payments with the same device in 7 days"
    assert of["pos_entry_is_new"] == "pos entry new to this card"
    assert {"v1_value", "account_age_value", "is3ds_value"} <= of.keys()
    assert not [name for name in of if name.startswith("session")]


def test_what_may_be_known_only_after_the_fraud_is_a_comment(
    proposal: DefinitionsProposal, found: Definitions
) -> None:
    assert "fraud_score" not in found.field_index
    assert "# Perhaps known only after the fraud was: fraud_score" in proposal.definitions


def test_no_identifier_stands_in_the_file(proposal: DefinitionsProposal) -> None:
    for text in ("dev1", "token-1", "4111111111"):
        assert text not in proposal.definitions + proposal.mapping
    assert "# chip, keyed" in proposal.definitions or "# keyed, chip" in proposal.definitions


def test_the_mapping_is_for_these_definitions(proposal: DefinitionsProposal) -> None:
    assert 'card_id: "card number"' in proposal.mapping
    assert not proposal.notes


def test_a_file_without_amounts_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    path.write_text("card_id,time\nc1,1767225600000\nc2,1767225600001\n")

    assert any("amount" in note for note in propose_definitions(Settings().admission, path).notes)
