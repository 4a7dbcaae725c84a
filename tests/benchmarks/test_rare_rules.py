"""The policy that the benchmark of deciding puts into force."""

from benchmarks.decisions.deciding import POLICY
from benchmarks.decisions.rare_rules import rarely_firing
from fraud.decisions.document import read_policy
from fraud.decisions.policy import Band
from tests.definitions import V1


def test_only_conditions_and_bounds_of_segments_change() -> None:
    # given the example policy
    before = read_policy(V1, POLICY)
    # when its rules are made rare
    after = rarely_firing(V1, POLICY)
    # then it has the same rules and lists, and each rule asks the same and one thing more
    assert len(after.rules) == len(before.rules) == 20
    for one, was in zip(after.rules, before.rules, strict=True):
        assert (one.name, one.outcome, one.mode, one.share) == (was.name, was.outcome, was.mode, was.share)
        assert one.when == f"({was.when}) AND amount BETWEEN 50 AND 50.4"
    assert after.lists == before.lists
    # and bounds that flag many are out of reach, by cost and by probability; the default ones stay
    large, online, default = after.segments
    bounds = {one.outcome: one.lower for one in large.bands}
    assert bounds == {"challenge": 60e6, "review": 150e6, "decline": 800e6}
    assert online.bands[0] == Band("challenge", 0.999)
    assert online.bands[1:] == before.segments[1].bands[1:]
    assert default == before.segments[2]
