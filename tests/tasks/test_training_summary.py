"""What a training ends with in the terminal."""

from fraud.evaluation.gate import PromotionDecision
from fraud.training.history_use import HistoryUse
from tasks.training_summary import WIDTH, TrainingResult, training_lines


def test_a_training_ends_with_what_it_used_what_it_left_out_and_the_decision() -> None:
    # given a training with long sentences
    use = HistoryUse("5,520 rows of 46 days, " + "and more " * 20, "480 rows: 480 too young, " + "so " * 30)
    decision = PromotionDecision(False, "kept version 2: version 3 is not better beyond noise " + "x " * 40)
    # when
    lines = list(training_lines(TrainingResult("3", decision, use)))
    # then they fit a terminal, and nothing of them is lost
    assert max(map(len, lines)) <= WIDTH
    assert [line.split("  ")[0] for line in lines if line[:1].strip()] == ["used", "left out", "decision"]
    words = " ".join(lines).split()
    assert " ".join(words) == " ".join(
        f"used {use.used} left out {use.left_out} decision version 3: {decision.reason}".split()
    )
