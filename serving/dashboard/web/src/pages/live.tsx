import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { Plot, ScoreHistogram, useScale } from "../components/charts";
import { ExportAlerts } from "../components/records/export_link";
import { AlertList, Filters, everything, filterQuery, useFeed } from "../components/feed";
import { FilterCount, NoneMatch, isNarrow, useFilterCounts } from "../components/find/filter_counts";
import { andMore, compact, decimal, duration, integer, percent, rate, sums, zoneName } from "../lib/format";
import { timeTicks } from "../components/axis";
import { figures, useQuery, useCell, useNow } from "../lib/state";
import type { Figures, Live, Me } from "../lib/types";

const spans = ["10m", "1h", "24h"] as const;
type Span = (typeof spans)[number];

export function LivePage({ me }: { me: Me }): JSX.Element {
  const now = useCell(figures);
  const [span, setSpan] = useState<Span>("10m");
  const minute = useNow(30_000);
  const longer = useQuery<Live>(`live?span=${span}`, span === "10m" ? 0 : minute);
  const shown = span === "10m" ? now : longer.value;
  return (
    <div class="live">
      <Headline now={now} />
      <div class="live-charts">
        <Charts shown={shown} now={now} span={span} choose={setSpan} />
      </div>
      <Flagged mayExport={me.role !== "viewer"} />
    </div>
  );
}

function Headline({ now }: { now: Figures | null }): JSX.Element {
  const recent = now ? lastSeconds(now, 30) : null;
  const review = now?.review;
  return (
    <section class="headline" aria-label="At a glance">
      <Figure name="transactions per second" value={recent ? rate(recent.scored) : "–"} note={now ? `${compact(now.whole.scored)} in 10 minutes` : ""} />
      <Figure name="flagged" value={now ? percent(now.whole.scored ? now.whole.flagged / now.whole.scored : null, 2) : "–"} note={now ? `${compact(now.whole.flagged)} in 10 minutes` : ""} />
      <Figure name="event to decision, p95" value={now ? duration(now.whole.p95) : "–"} note={now?.whole.p50 != null ? `median ${duration(now.whole.p50)}` : "no live traffic"} />
      <Figure name="money at risk, to review" value={review ? sums(review.at_risk.slice(0, 1)) : "–"} note={review ? `${andMore(review.at_risk)}${compact(review.open)} alerts not reviewed` : ""} tone="risk" />
    </section>
  );
}

function lastSeconds(live: Live, seconds: number): { scored: number } {
  const steps = Math.max(1, Math.round((seconds * 1_000) / live.step_ms));
  // The last step is incomplete and would look like a drop.
  const past = live.scored.slice(-steps - 1, -1);
  return { scored: past.reduce((sum, one) => sum + one, 0) / Math.max(1, (past.length * live.step_ms) / 1_000) };
}

export function Figure({ name, value, note, tone = "" }: { name: string; value: string; note: string; tone?: string }): JSX.Element {
  return (
    <div class={`figure ${tone}`}>
      <p class="figure-name">{name}</p>
      <p class="figure-value">{value}</p>
      <p class="figure-note">{note}</p>
    </div>
  );
}

interface ChartsProps {
  shown: Live | null;
  now: Figures | null;
  span: Span;
  choose: (span: Span) => void;
}

function Charts({ shown, now, span, choose }: ChartsProps): JSX.Element {
  const { stretch } = useScale();
  const seconds = shown ? shown.step_ms / 1_000 : 1;
  const whole = <T,>(values: T[] | undefined): T[] => (values ?? []).slice(0, -1);
  const begins = shown?.begin ?? [];
  const axis = { ticks: (most: number) => (begins.length ? timeTicks(begins[0] ?? 0, begins[begins.length - 1] ?? 0, most) : []) };
  const late = shown?.whole.late ?? 0;
  const perSecond = (counts: number[] | undefined): number[] => whole(counts).map((one) => one / seconds);
  return (
    <>
      <Panel title="Throughput" hint={`transactions per second, ${zoneName()}`} extra={<Spans span={span} choose={choose} />}>
        <Plot label="Transactions per second" height={190 * stretch} series={[{ values: perSecond(shown?.scored), kind: "area", tone: "calm" }]} format={rate} {...axis} />
      </Panel>
      <Panel title="Alerts" hint={`per ${duration(shown?.step_ms ?? 5_000)}`}>
        <Plot label="Alerts" height={130 * stretch} series={[{ values: whole(shown?.flagged), kind: "bars", tone: "risk" }]} format={(value) => decimal(value, value % 1 ? 1 : 0)} {...axis} />
      </Panel>
      <Panel title="Latency" hint={`event to decision: median and p95${late ? `; without ${compact(late)} of replayed history` : ""}`}>
        <Plot
          label="Latency"
          height={160 * stretch}
          series={[
            { values: whole(shown?.p95), kind: "area", tone: "faint" },
            { values: whole(shown?.p50), kind: "line", tone: "accent" },
          ]}
          format={duration}
          {...axis}
        />
      </Panel>
      <Panel title="Fraud probability" hint="payments by probability, logarithmic: fraud is rare">
        <ScoreHistogram counts={shown?.scores ?? []} flagged={shown?.whole.flagged ?? 0} threshold={now?.review.threshold ?? null} height={160 * stretch} />
      </Panel>
    </>
  );
}

function Spans({ span, choose }: { span: Span; choose: (span: Span) => void }): JSX.Element {
  return (
    <div class="segments" role="group" aria-label="Span">
      {spans.map((one) => (
        <button key={one} type="button" aria-pressed={one === span} onClick={() => choose(one)}>
          {one}
        </button>
      ))}
    </div>
  );
}

interface PanelProps {
  title: string;
  hint?: string;
  extra?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ title, hint, extra, children }: PanelProps): JSX.Element {
  return (
    <section class="panel">
      <header>
        <h2>{title}</h2>
        {hint && <span class="hint">{hint}</span>}
        {extra}
      </header>
      {children}
    </section>
  );
}

function Flagged({ mayExport }: { mayExport: boolean }): JSX.Element {
  const [filter, setFilter] = useState(everything);
  const [paused, setPaused] = useState(false);
  const [open, setOpen] = useState(false);
  const { alerts, choices, waiting, problem, known, flood } = useFeed(filter, paused);
  const active = isNarrow(filter);
  const counts = useFilterCounts(filter);
  const stored = useCell(figures)?.review.alerts ?? 0;
  return (
    <section class="panel feed-panel" aria-label="Flagged transactions">
      <header>
        <h2>Flagged</h2>
        {counts && !paused && <FilterCount counts={counts} />}
        {paused && <span class="hint">{waiting ? `${waiting} new` : "paused"}</span>}
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          Filter{active ? " •" : ""}
        </button>
        <button type="button" class="quiet" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Resume" : "Pause"}
        </button>
        {mayExport && <ExportAlerts query={filterQuery(filter)} />}
      </header>
      {open && <Filters filter={filter} choices={choices} change={setFilter} />}
      {problem && <p class="problem">{problem}</p>}
      {alerts.length ? <AlertList alerts={alerts} flood={flood} target="case" /> : known && active ? <NoneMatch filter={filter} clear={() => setFilter(everything)} others={stored ? `${integer(stored)} alerts are stored.` : ""} /> : <p class="empty">{known ? "Nothing has been flagged yet." : "Asking…"}</p>}
    </section>
  );
}
