import { render, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { watchActivity } from "./lib/session/activity";
import { get, me as whoAmI, post, whenLoggedOut } from "./lib/api";
import { AuditPage } from "./pages/audit";
import { CardPage } from "./pages/card";
import { CaseView } from "./components/case";
import { ReviewToast } from "./components/cases/review_toast";
import { SearchBox } from "./components/find/search_box";
import { ExternalText } from "./components/external_text";
import { KeyHelp } from "./components/key_help";
import { ago, zoneName } from "./lib/format";
import { ListsPage } from "./pages/lists";
import { LivePage } from "./pages/live";
import { Login } from "./pages/login";
import { MerchantPage } from "./pages/merchant";
import { ModelsPage } from "./pages/models";
import { MonitoringPage } from "./pages/monitoring";
import { PasswordPage } from "./pages/password";
import { PolicyPage } from "./pages/policy";
import { ReviewPage } from "./pages/review";
import { SearchPage } from "./pages/search";
import { link, route, type Page } from "./lib/route";
import { closeStream, figures, kafka, line, openStream, useCell, useNow } from "./lib/state";
import { applyTheme, nextTheme, theme, themeName } from "./lib/theme";
import { nextZone, zone } from "./lib/zone";
import type { Me } from "./lib/types";

const pages: { page: Page; name: string; icon: string }[] = [
  { page: "live", name: "Live", icon: "M2 12h4l3-8 5 16 3-8h5" },
  { page: "review", name: "Review", icon: "M4 6h10M4 12h7M4 18h5M14 16l3 3 5-7" },
  { page: "policy", name: "Policy", icon: "M12 3v18M5 7h14M5 7l-3 7h6zM19 7l-3 7h6zM8 21h8" },
  { page: "lists", name: "Lists", icon: "M8 6h13M8 12h13M8 18h13M3 6h1M3 12h1M3 18h1" },
  { page: "models", name: "Models", icon: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9" },
  { page: "monitoring", name: "Monitoring", icon: "M4 20V10M10 20V4M16 20v-8M22 20H2" },
];
const auditPage = { page: "audit" as const, name: "Audit", icon: "M6 3h9l4 4v14H6zM9 10h7M9 14h7M9 18h4" };

const titles: Partial<Record<Page, string>> = { search: "Search", card: "Card", merchant: "Merchant" };

function App(): JSX.Element {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [ended, setEnded] = useState(false);
  const [choosing, setChoosing] = useState(false);
  useEffect(() => {
    whenLoggedOut(() => {
      setMe((before) => {
        if (before) setEnded(true);
        return null;
      });
    });
    whoAmI().then(setMe, () => setMe(null));
  }, []);
  const mayWork = me ? !me.must_change_password : false;
  useEffect(() => {
    if (!mayWork) return;
    openStream();
    const unwatch = watchActivity(() => void get("me").catch(() => undefined), reportEvery);
    return () => {
      unwatch();
      closeStream();
    };
  }, [mayWork]);
  const enter = (one: Me): void => {
    setEnded(false);
    setChoosing(false);
    setMe(one);
  };
  if (me === undefined) return <></>;
  if (!me) return <Login enter={enter} ended={ended} />;
  if (me.must_change_password) return <PasswordPage me={me} changed={enter} />;
  if (choosing) return <PasswordPage me={me} changed={enter} leave={() => setChoosing(false)} />;
  return <Dashboard me={me} leave={() => setMe(null)} choose={() => setChoosing(true)} />;
}

/** Milliseconds after which the server knows of activity that made no request. */
const reportEvery = 30_000;

interface Session {
  me: Me;
  leave: () => void;
  /** Opens the page that changes the password. */
  choose: () => void;
}

function Dashboard({ me, leave, choose }: Session): JSX.Element {
  useCell(zone);
  const { page, id, card } = useCell(route);
  useEffect(() => {
    document.title = `${[...pages, auditPage].find((one) => one.page === page)?.name ?? titles[page] ?? "Case"} · Fraud dashboard`;
  }, [page]);
  return (
    <div class="dashboard">
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Navigation me={me} page={page} leave={leave} choose={choose} />
      <KeyHelp />
      <div class="content">
        <Notices />
        <header class="topbar">
          <a class="to-search" href={link("search")} aria-label="Search">
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM15.5 15.5l5 5" />
            </svg>
          </a>
          <UserMenu me={me} leave={leave} choose={choose} />
        </header>
        <main id="main" tabIndex={-1}>
          {page === "live" && <LivePage me={me} />}
          {page === "review" && <ReviewPage me={me} />}
          {page === "case" && (
            <>
              <a class="back always" href={link("live")}>
                ← live
              </a>
              <ReviewToast />
              <CaseView id={id} card={card} me={me} target="case" />
            </>
          )}
          {page === "search" && <SearchPage />}
          {page === "card" && <CardPage key={card} card={card} id={id} me={me} />}
          {page === "merchant" && <MerchantPage key={id} id={id} me={me} />}
          {page === "policy" && <PolicyPage id={id} me={me} />}
          {page === "lists" && <ListsPage id={id} me={me} />}
          {page === "models" && <ModelsPage me={me} />}
          {page === "monitoring" && <MonitoringPage me={me} />}
          {page === "audit" && <AuditPage />}
        </main>
      </div>
    </div>
  );
}

function Navigation({ me, page, leave, choose }: Session & { page: Page }): JSX.Element {
  const open = useCell(figures)?.review.open ?? 0;
  const shown = me.role === "admin" ? [...pages, auditPage] : pages;
  return (
    <nav aria-label="Pages">
      <div class="brand">
        <img src="icon.svg" alt="" width={28} height={28} />
        <span>Fraud dashboard</span>
      </div>
      <SearchBox />
      <ul>
        {shown.map((one) => (
          <li key={one.page}>
            <a href={link(one.page)} aria-current={page === one.page || (page === "case" && one.page === "live") ? "page" : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={one.icon} />
              </svg>
              <span>{one.name}</span>
              {one.page === "review" && open > 0 && <span class="count">{open > 999 ? "999+" : open}</span>}
            </a>
          </li>
        ))}
      </ul>
      <div class="who">
        <UserMenu me={me} leave={leave} choose={choose} />
      </div>
    </nav>
  );
}

function UserMenu({ me, leave, choose }: Session): JSX.Element {
  const end = async (): Promise<void> => {
    await post("logout", {}).catch(() => undefined);
    leave();
  };
  return (
    <>
      <LiveStatus />
      <ThemeButton />
      <ZoneButton />
      <p class="name">
        <ExternalText text={me.name} /> <span class="muted">{me.role}</span>
      </p>
      {me.has_password && (
        <button type="button" class="quiet" onClick={choose}>
          Change password
        </button>
      )}
      <button type="button" class="quiet" onClick={() => void end()}>
        Log out
      </button>
    </>
  );
}

function ThemeButton(): JSX.Element {
  const current = useCell(theme);
  return (
    <button type="button" class="quiet" onClick={nextTheme} title="Dark, light, or as the system">
      {themeName(current)}
    </button>
  );
}

/** Every time on the page is in the zone that is chosen here. */
function ZoneButton(): JSX.Element {
  useCell(zone);
  return (
    <button type="button" class="quiet" onClick={nextZone} title="Times of your place, or UTC">
      times in {zoneName()}
    </button>
  );
}

/** Whether the page is up to date. */
function LiveStatus(): JSX.Element {
  const state = useCell(line);
  const broker = useCell(kafka);
  const well = state === "open" && broker?.connected;
  const text = well ? "live" : state === "connecting" ? "connecting" : state === "open" ? "Kafka does not answer" : "connection lost";
  return (
    <p class={`pulse ${well ? "ok" : "risk"}`} role="status">
      <span class="dot" /> {text}
    </p>
  );
}

function Notices(): JSX.Element | null {
  const state = useCell(line);
  const broker = useCell(kafka);
  const now = useNow(1_000);
  if (state === "lost") {
    return (
      <p class="notice" role="alert">
        The dashboard’s server does not answer; trying again. What you see may be old.
      </p>
    );
  }
  if (state === "open" && broker && !broker.connected && now - broker.since > 3_000) {
    return (
      <p class="notice" role="alert">
        Kafka has not answered for {ago(broker.since, now)}. What you see is the last known state; it continues by itself. Reviews are stored and
        sent later.
      </p>
    );
  }
  return null;
}

applyTheme();
const root = document.getElementById("app");
if (root) render(<App />, root);
