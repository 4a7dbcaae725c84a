"""The definitions that tests add fields and features with are the shipped ones and nothing less."""

from tests.definitions import EXTENDED, EXTENDED_ONLY, V1


def test_the_extended_definitions_compute_all_that_is_shipped_and_six_features_more() -> None:
    hashes = {feature.name: feature.hash for feature in EXTENDED.features}

    added = {name: hashes.pop(name) for name in EXTENDED_ONLY}

    assert hashes == {feature.name: feature.hash for feature in V1.features}
    assert not set(added.values()) & set(hashes.values())
    assert {field.name for field in EXTENDED.fields} - {field.name for field in V1.fields} == {
        "device_id",
        "ip_country",
        "entry_mode",
    }
