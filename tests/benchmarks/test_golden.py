"""The features of simulated payments are, bit for bit, those that were kept."""

from benchmarks.golden import SMALL, differences, payments_and_labels


def test_features_are_bit_for_bit_those_kept() -> None:
    assert not list(differences(SMALL))


def test_the_payments_are_late_repeated_and_simultaneous() -> None:
    # given the payments that the digests are of
    transactions, _ = payments_and_labels(SMALL)
    times = transactions["timestamp"].to_numpy()
    # then there is what a kernel could get wrong
    assert (times[1:] < times[:-1]).any()
    assert len(transactions["transaction_id"].unique()) < SMALL
    moments = transactions.group_by(["card_id", "timestamp"]).aggregate([]).num_rows
    assert moments < len(transactions["transaction_id"].unique()) - 500
