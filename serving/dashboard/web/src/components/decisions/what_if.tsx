import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../lib/api";
import { decimal, duration, integer, moment, percent } from "../../lib/format";
import { useNow } from "../../lib/state";
import { linkTo } from "../../lib/route";
import type { BandCurve, Decision, DecisionFigures, Estimate, Me, WhatIfPart, WhatIfResult, WhatIfRun } from "../../lib/types";
import { useAction } from "../action";
import { Plot } from "../charts";
import { DataTable } from "../records/data_table";
import { OutcomeChip } from "./decision";
import { ExternalText, isolated } from "../external_text";

const spans = [1, 7, 30, 90];
/** Milliseconds between two looks at a run. */
const look = 700;

interface WhatIfProps {
  text: string;
  /** Of the text, as the server names it. */
  name: string;
  me: Me;
}

/** What a policy would have done with stored payments; started here and run by the server. */
export function WhatIf({ text, name, me }: WhatIfProps): JSX.Element {
  const [run, refresh] = useRun(name);
  const [days, setDays] = useState(30);
  const { problem, run: act } = useAction();
  const running = run !== null && run.ended_at === null;
  const start = (): void => void act(async () => refresh(await post<WhatIfRun>("what-if", { text, days })));
  return (
    <div class="what-if">
      {me.role !== "viewer" && (
        <div class="toolbar">
          <button type="button" disabled={running} onClick={start}>
            {running ? "Running…" : run?.result ? "Run again" : "Run what-if"}
          </button>
          <label>
            <span class="muted">over the last</span>{" "}
            <select value={String(days)} onChange={(event) => setDays(Number(event.currentTarget.value))}>
              {spans.map((one) => (
                <option key={one} value={String(one)}>
                  {one === 1 ? "day" : `${one} days`}
                </option>
              ))}
            </select>
          </label>
          {running && run && <Running run={run} />}
        </div>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {run?.problem && (
        <p class="problem">
          <ExternalText text={run.problem} />
        </p>
      )}
      {run?.result ? <Result run={run} result={run.result} /> : !running && !run?.problem && <p class="facts">Nobody has tried it yet. It decides logged payments again, and compares with the live policy and the model alone.</p>}
    </div>
  );
}

function useRun(name: string): [WhatIfRun | null, (run: WhatIfRun) => void] {
  const [run, setRun] = useState<WhatIfRun | null>(null);
  const running = run !== null && run.ended_at === null;
  useEffect(() => {
    let wanted = true;
    const ask = (): void =>
      void get<{ run: WhatIfRun | null }>(`what-if/${name}`).then(
        (answer) => wanted && setRun(answer.run),
        () => undefined,
      );
    if (!running) ask();
    const timer = running ? setInterval(ask, look) : undefined;
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [name, running]);
  return [run, setRun];
}

function Running({ run }: { run: WhatIfRun }): JSX.Element {
  const now = useNow(500);
  return (
    <span class="muted" role="status">
      deciding {run.days} days of payments again, for {duration(Math.max(0, now - run.started_at))}
    </span>
  );
}

function Result({ run, result }: { run: WhatIfRun; result: WhatIfResult }): JSX.Element {
  const money = result.currency || "several currencies";
  return (
    <>
      <p class="facts">
        {integer(result.payments)} payments from {result.first_day} to {result.last_day}, {integer(result.known)} with a known label, of them {integer(result.frauds)} fraud. Money in {money}. By {isolated(run.by)}
        {run.ended_at === null ? "" : `, ${moment(run.ended_at)}`}.
      </p>
      <Warnings result={result} />
      <h3>In all</h3>
      <Totals result={result} />
      <h3>By list, rule and band</h3>
      <Parts parts={result.parts} />
      <h3>What changes against {isolated(result.live)}</h3>
      <ChangeTable changes={result.changes} />
      {result.curves.map((one) => (
        <Curve key={one.segment} curve={one} currency={result.currency} />
      ))}
      {result.days_over_capacity.length > 0 && (
        <p class="problem">
          More than {integer(result.review_capacity ?? 0)} reviews on {result.days_over_capacity.length} days, such as{" "}
          {result.days_over_capacity
            .slice(0, 3)
            .map((one) => `${one.day} (${integer(one.reviews)})`)
            .join(", ")}
          .
        </p>
      )}
    </>
  );
}

function Warnings({ result }: { result: WhatIfResult }): JSX.Element | null {
  if (!result.warnings.length) return null;
  return (
    <ul class="findings">
      {result.warnings.map((one) => (
        <li key={one} class="warning">
          <ExternalText text={one} />
        </li>
      ))}
    </ul>
  );
}

const columns: [string, (one: DecisionFigures) => string][] = [
  ["alerts a day", (one) => perDay(one.alerts.value ?? 0)],
  ["challenges", (one) => perDay(one.challenges)],
  ["reviews", (one) => perDay(one.reviews)],
  ["declines", (one) => perDay(one.declines)],
  ["precision", (one) => share(one.precision)],
  ["recall", (one) => share(one.recall)],
  ["saved", (one) => amount(one.saved)],
  ["lost", (one) => amount(one.lost)],
  ["wrongly declined", (one) => amount(one.wrongly_declined)],
];

const perDay = (value: number): string => decimal(value, value && value < 10 ? 1 : 0);

/** A share with its interval of 95 %. */
function share(one: Estimate): string {
  if (one.value === null) return "–";
  const interval = one.low === null || one.high === null ? "" : ` (${percent(one.low)} to ${percent(one.high)})`;
  return percent(one.value, 1) + interval;
}

const amount = (one: Estimate): string => (one.value === null ? "–" : integer(one.value));

function Totals({ result }: { result: WhatIfResult }): JSX.Element {
  return (
    <DataTable columns={["policy", ...columns.map(([name]) => ({ number: name }))]}>
    {result.policies.map((one, place) => (
      <tr key={one.name} class={place ? "" : "here champion"}>
        <td>
          <ExternalText text={one.name} />
        </td>
        {columns.map(([name, text]) => (
          <td key={name} class="number">
            {text(one.figures)}
          </td>
        ))}
      </tr>
    ))}
    </DataTable>
  );
}

function Parts({ parts }: { parts: WhatIfPart[] }): JSX.Element {
  return (
    <DataTable
      columns={["part", "outcome", { number: "true, a day" }, { number: "decides, a day" }, { number: "precision" }, { number: "recall" }, { number: "saved" }, { number: "only this, a day" }, { number: "frauds only this stops" }, { number: "failed" }]}
    >
    {parts.map((one) => (
      <tr key={`${one.kind} ${one.name}`}>
        <td>
          <span class="muted">{one.kind}</span>{" "}
          {one.kind === "list" ? (
            <a href={linkTo("lists", one.name)}>
              <ExternalText text={one.name} />
            </a>
          ) : (
            <ExternalText text={one.name} />
          )}
        </td>
        <td>{one.outcome ? <OutcomeChip outcome={one.outcome} /> : <span class="muted">for rules</span>}</td>
        <td class="number">{perDay(one.fired)}</td>
        <td class="number">{perDay(one.figures.alerts.value ?? 0)}</td>
        <td class="number">{share(one.figures.precision)}</td>
        <td class="number">{share(one.figures.recall)}</td>
        <td class="number">{amount(one.figures.saved)}</td>
        <td class="number">{perDay(one.alone)}</td>
        <td class="number">{integer(one.alone_frauds)}</td>
        <td class="number">{one.failed ? integer(one.failed) : ""}</td>
      </tr>
    ))}
    </DataTable>
  );
}

const outcomes: Decision[] = ["approve", "challenge", "review", "decline"];

/** Payments by the outcome now, in rows, and by the outcome that they would have, in columns. */
function ChangeTable({ changes }: { changes: WhatIfResult["changes"] }): JSX.Element {
  const count = (now: Decision, then: Decision): number => changes[now]?.[then] ?? 0;
  const rows = outcomes.filter((now) => outcomes.some((then) => count(now, then)));
  return (
    <DataTable columns={["now", ...outcomes.map((then) => ({ number: `then ${then}` }))]}>
    {rows.map((now) => (
      <tr key={now}>
        <td>
          <OutcomeChip outcome={now} />
        </td>
        {outcomes.map((then) => (
          <td key={then} class={`number ${now === then ? "muted" : ""}`}>
            {count(now, then) ? integer(count(now, then)) : ""}
          </td>
        ))}
      </tr>
    ))}
    </DataTable>
  );
}

/** Precision and recall at each bound, from the highest to the lowest. */
function Curve({ curve, currency }: { curve: BandCurve; currency: string }): JSX.Element | null {
  const points = curve.points;
  if (points.length < 2) return null;
  const bound = (value: number): string => (curve.value === "probability" ? `${decimal(value * 100, 1)} %` : `${decimal(value, 2)} ${currency}`);
  const [first, last] = [points[0], points[points.length - 1]];
  const bounds = Object.entries(curve.bounds).map(([outcome, value]) => `${outcome} from ${bound(value)}`);
  return (
    <>
      <h3>Other bounds{curve.segment === "default" ? "" : `, segment ${isolated(curve.segment)}`}</h3>
      <p class="facts">
        Payments that no list and no rule decides, were everything from a bound on stopped. Now: {bounds.join(", ") || "no bands"}.
      </p>
      <Plot
        label={`Precision and recall by bound, segment ${isolated(curve.segment)}`}
        height={170}
        top={1}
        series={[
          { values: points.map((one) => one.precision), kind: "line", tone: "ok" },
          { values: points.map((one) => one.recall), kind: "line", tone: "accent" },
        ]}
        format={(value) => percent(value)}
        ticks={() => [
          { at: 0, text: `from ${bound(first?.bound ?? 0)}: ${perDay(first?.alerts ?? 0)} a day` },
          { at: 1, text: `from ${bound(last?.bound ?? 0)}: ${perDay(last?.alerts ?? 0)} a day` },
        ]}
      />
      <p class="legend">
        <span class="key ok">precision</span>
        <span class="key accent">recall</span>
      </p>
    </>
  );
}
