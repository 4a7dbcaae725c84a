"""The audit by pages, exports as CSV, and all features of an alert."""

import csv
from io import StringIO
from typing import Any

import pytest

from serving.dashboard.feed.audit import add_audit_entry
from tests.definitions import V1
from tests.serving.dashboard.support import Browser, DashboardServer, produce_alert, wait_for

FORMULA = '=HYPERLINK("http://example.org")'


def exported(browser: Browser, what: str, **query: Any) -> list[dict[str, str]]:
    answer = browser.get(f"export/{what}.csv", **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="{what}-' in answer.headers["content-disposition"]
    return [*csv.DictReader(StringIO(answer.text, newline=""))]


@pytest.mark.broker
def test_an_export_follows_the_filter_and_is_in_the_audit(dashboard: DashboardServer) -> None:
    # given alerts of several scores, one of a hostile merchant
    anna, adam = dashboard.browser("anna"), dashboard.browser("adam")
    for number, score in enumerate((0.6, 0.7, 0.95)):
        produce_alert(dashboard.settings, number, score, merchant_id=FORMULA if number == 2 else "m")
    wait_for(lambda: len(anna.alerts()) == 3)
    wait_for(lambda: all(one["merchant_id"] for one in anna.alerts()))

    # when the queue's filter is exported, with a limit that is for the page
    rows = exported(anna, "alerts", least_score=0.65, order="risk", limit=1)

    # then it has all rows that pass, in the page's order, numbers as numbers and no formula
    assert [one["transaction_id"] for one in rows] == ["t2", "t1"]
    assert rows[0]["merchant_id"] == f"'{FORMULA}"
    assert (rows[0]["amount"], rows[0]["currency"]) == ("12.00", "EUR")
    assert float(rows[0]["fraud_probability"]) == 0.95
    # and the audit has who exported what
    line = adam.get("audit", action="export").json()["entries"][0]
    assert (line["who"], line["subject"]) == ("anna", "alerts")
    assert line["detail"] == {"least_score": "0.65", "order": "risk"}


@pytest.mark.broker
def test_reviews_are_exported_with_their_payments(dashboard: DashboardServer) -> None:
    anna = dashboard.browser("anna")
    produce_alert(dashboard.settings, 1)
    wait_for(anna.alerts)
    anna.review("t1", "unsure", note="@note")
    (row,) = exported(anna, "reviews")
    assert (row["analyst"], row["review"], row["note"]) == ("anna", "unsure", "'@note")
    assert (row["transaction_id"], row["card_id"], row["amount"]) == ("t1", "card-1", "11.00")
    assert exported(anna, "reviews", analyst="adam") == []


def test_the_audit_is_read_page_by_page_to_its_first_line(offline_dashboard: DashboardServer) -> None:
    # given more lines than a page has
    adam = offline_dashboard.browser("adam")
    with offline_dashboard.context.store.write_transaction() as connection:
        for number in range(250):
            add_audit_entry(connection, f"person-{number % 2}", "list entry", f"line {number}", {})
    # when the pages of one person are read
    found: list[dict[str, Any]] = []
    more = True
    while more:
        before = {"before": found[-1]["seq"]} if found else {}
        page = adam.get("audit", who="person-1", limit=50, **before).json()
        found, more = found + page["entries"], page["more"]
    # then they have every line once, newest first
    assert [one["subject"] for one in found] == [f"line {number}" for number in range(249, 0, -2)]
    # and the page offers the people and actions there are
    assert {"person-0", "person-1", "adam"} <= set(page["people"])
    assert page["actions"] == ["list entry", "login"]
    # and the export has the same lines
    assert len(exported(adam, "audit", who="person-1")) == len(found)


@pytest.mark.parametrize(
    ("name", "what", "status"),
    [("vera", "alerts", 403), ("vera", "reviews", 403), ("anna", "audit", 403), ("anna", "reviews", 200)],
)
def test_who_may_export_what(offline_dashboard: DashboardServer, name: str, what: str, status: int) -> None:
    assert offline_dashboard.browser(name).get(f"export/{what}.csv").status_code == status


@pytest.mark.broker
def test_a_case_has_every_feature_with_its_contribution(dashboard: DashboardServer) -> None:
    # given an alert whose prediction carries features, one of them unknown, and one without
    anna = dashboard.browser("anna")
    count = len(V1.features)
    values = [None, *(float(number) for number in range(1, count))]
    shares = [0.1, -2.5, *([0.0] * (count - 2))]
    produce_alert(dashboard.settings, 1, prediction={"features": values, "contributions": shares})
    produce_alert(dashboard.settings, 2)
    wait_for(lambda: len(anna.alerts()) == 2)
    # when
    features = anna.get("case", transaction_id="t1").json()["features"]
    # then all are there in words, the strongest first, whatever its sign
    assert {one["name"] for one in features} == set(V1.feature_names)
    assert features[0]["name"] == V1.feature_names[1]
    assert (features[0]["value"], features[0]["contribution"]) == (1.0, -2.5)
    assert features[1]["text"].endswith("unknown")
    assert anna.get("case", transaction_id="t2").json()["features"] is None
    # and lists do not carry them
    assert "contributions" not in anna.alerts()[0]
