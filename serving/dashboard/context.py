"""The services of one dashboard: created at the start, stored on `app.state`, passed to the routes."""

import threading
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from fraud.settings import Settings
from serving.dashboard.api.cached_sources import CachedSources
from serving.dashboard.api.live_updates import LiveUpdates
from serving.dashboard.api.reviews import ReviewService
from serving.dashboard.audit_events.sender import AuditEventSender
from serving.dashboard.auth.accounts import Accounts
from serving.dashboard.auth.lockouts import Lockouts
from serving.dashboard.auth.oidc.issuer import Issuer
from serving.dashboard.auth.oidc.names import OidcNames
from serving.dashboard.auth.oidc.pending_logins import PendingLogins
from serving.dashboard.auth.passwords import OWASP_COST, ScryptCost
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.auth.sessions import SessionRules, Sessions
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.auth.user_admin import open_lockouts
from serving.dashboard.cases.case_queue import CaseQueue
from serving.dashboard.cases.viewers import CaseUpdates
from serving.dashboard.database.relay import EventRelay, create_hub
from serving.dashboard.database.urls import database_of
from serving.dashboard.decisions.follower import DecisionFollower
from serving.dashboard.decisions.parsed import PolicyParser
from serving.dashboard.decisions.what_if import WhatIfRunner
from serving.dashboard.feed.follower import Follower
from serving.dashboard.feed.hub import Hub
from serving.dashboard.feed.payment_key import PaymentKey
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store
from serving.dashboard.records.views import ViewAudit
from serving.dashboard.reports.maker import ReportMaker
from serving.dashboard.review_events.sender import ReviewEventSender


@dataclass(frozen=True)
class RateLimits:
    """How often a name, an address or a user may try."""

    logins_by_name: RateLimit = field(default_factory=lambda: RateLimit(5, 12.0))
    logins_by_address: RateLimit = field(default_factory=lambda: RateLimit(30, 2.0))
    reviews_by_analyst: RateLimit = field(default_factory=lambda: RateLimit(60, 0.5))
    changes_by_user: RateLimit = field(default_factory=lambda: RateLimit(60, 0.5))
    searches_by_user: RateLimit = field(default_factory=lambda: RateLimit(60, 0.25))


@dataclass(frozen=True)
class AppContext:
    """The services that routes use; `issuer` is None without a login by OpenID Connect."""

    settings: Settings
    store: Store
    accounts: Accounts
    sessions: Sessions
    reviews: ReviewService
    follower: Follower
    updates: LiveUpdates
    hub: Hub
    sources: CachedSources
    decisions: DecisionFollower
    parser: PolicyParser
    report_maker: ReportMaker
    review_events: ReviewEventSender
    audit_events: AuditEventSender
    issuer: Issuer | None
    cases: CaseQueue
    case_updates: CaseUpdates
    pending_logins: PendingLogins
    oidc_names: OidcNames
    lockouts: Lockouts
    views: ViewAudit
    relay: EventRelay | None = None
    what_ifs: WhatIfRunner = field(default_factory=WhatIfRunner)
    limits: RateLimits = field(default_factory=RateLimits)

    @property
    def base(self) -> str | None:
        """The base currency, in which money at risk is; None: each in its own."""
        money = self.settings.loaded_definitions.money
        return money.code if money else None

    @property
    def case_gap_ms(self) -> int:
        """The longest pause between a case's alerts."""
        return gap_ms(self.settings)

    def start(self) -> None:
        """Start the threads: follow Kafka, send pending reviews, send figures to open pages."""
        self.follower.start()
        self.decisions.start()
        self.reviews.start()
        self.updates.start()
        self.review_events.start()
        self.audit_events.start()
        self.report_maker.start()
        self.case_updates.start()
        if self.relay is not None:
            self.relay.start()
        threading.Thread(target=self.parser.default, name="load-parser", daemon=True).start()

    def stop(self) -> None:
        """Stop the threads and close the store."""
        if self.relay is not None:
            self.relay.stop()
        self.updates.stop()
        self.report_maker.stop()
        self.case_updates.stop()
        self.review_events.stop()
        self.audit_events.stop()
        self.follower.stop()
        self.decisions.stop()
        self.reviews.stop()
        self.store.close()


def create_context(settings: Settings, cost: ScryptCost = OWASP_COST) -> AppContext:
    """Create the services of the settings' home; nothing runs yet.

    Args:
        settings: name the home, Kafka and what the dashboard may do.
        cost: of new password hashes.

    Raises:
        DataError: the stored history cannot be used.
    """
    dashboard = settings.dashboard
    store = Store(database_of(settings), settings.topics.labels)
    hub, relay = create_hub(store)
    accounts = open_accounts(settings, store, cost)
    money = settings.loaded_definitions.money
    updates = LiveUpdates(store, hub, money.code if money else None)
    sources = CachedSources(settings)
    maker = ReportMaker(settings, lambda: sources.reports.get(refresh=True))

    def on_batch(changed: list[PaymentKey], batch: Batch) -> None:
        updates.send_batch(changed, batch)
        if batch.predictions:
            maker.notice_predictions()

    return AppContext(
        settings=settings,
        store=store,
        accounts=accounts,
        sessions=Sessions(store, accounts, _session_rules(settings), dashboard.oidc),
        reviews=ReviewService(settings, store),
        follower=Follower(settings, store, on_batch, updates.send_state),
        updates=updates,
        hub=hub,
        sources=sources,
        relay=relay,
        decisions=DecisionFollower(settings, lambda: hub.publish("decisions", {})),
        parser=PolicyParser(settings.loaded_definitions),
        report_maker=maker,
        cases=CaseQueue(gap_ms(settings), money.code if money else None),
        case_updates=CaseUpdates(store, hub),
        review_events=ReviewEventSender(settings, store),
        audit_events=AuditEventSender(settings, store),
        issuer=Issuer(dashboard.oidc) if dashboard.oidc.issuer else None,
        pending_logins=PendingLogins(store),
        oidc_names=OidcNames(store),
        lockouts=open_lockouts(settings, store),
        views=ViewAudit(store),
    )


def _session_rules(settings: Settings) -> SessionRules:
    dashboard = settings.dashboard
    return SessionRules(dashboard.session_idle, dashboard.session_length, dashboard.password_login)


def gap_ms(settings: Settings) -> int:
    """The longest pause between a case's alerts, in ms of event time."""
    return round(settings.dashboard.case_gap.total_seconds() * 1_000)


def get_context(request: Request) -> AppContext:
    """The context of the application that the request came to."""
    context: AppContext = request.app.state.context
    return context


Context = Annotated[AppContext, Depends(get_context)]
