from dataclasses import replace

import pyarrow as pa

from fraud.evaluation.backtest.summary import summarise
from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.report.page import render_report
from tests.definitions import V1
from tests.fraud.evaluation.report.folds import ABOUT


def test_the_page_is_complete_and_escapes_its_texts(results: list[FoldResult]) -> None:
    page = render_report(V1, results, summarise(results, ABOUT))
    for part in ("By kind of fraud", "bust-out", "By amount", "Fold by fold", "How to read this", "10 Mar"):
        assert part in page
    assert "&lt;b&gt;testing&lt;/b&gt;" in page
    assert not [word for word in ("<b>testing", "<i>mind", "://", "<script", "src=") if word in page]


def test_names_from_data_are_escaped_and_isolated(results: list[FoldResult]) -> None:
    # given merchants, cards and payments whose names turn the line or are markup
    (one,) = results
    identity = one.test.identity
    names = pa.array(["\u202e<i>x</i>"] * len(one.test.labels))
    for field in ("transaction_id", "card_id", "merchant_id"):
        identity = identity.set_column(identity.schema.get_field_index(field), field, names)
    turned = [replace(one, test=replace(one.test, identity=identity))]
    # when the page is made, then each is text, in an element of its own direction
    page = render_report(V1, turned, summarise(turned, ABOUT))
    safe = "\u202e&lt;i&gt;x&lt;/i&gt;"
    assert page.count(safe) >= 3
    assert page.count(f"<bdi>{safe}</bdi>") == page.count(safe)
    assert "<bdi>&lt;b&gt;testing&lt;/b&gt;</bdi>" in page
