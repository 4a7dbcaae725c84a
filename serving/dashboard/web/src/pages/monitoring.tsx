import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Plot } from "../components/charts";
import { DataTable } from "../components/records/data_table";
import { Skeleton } from "../components/records/skeleton";
import { FirstReport, MakeReport } from "../components/records/reports";
import { ExternalText } from "../components/external_text";
import { dateTicks } from "../components/axis";
import { decimal, integer, moment, percent } from "../lib/format";
import { Figure, Panel } from "./live";
import { useQuery, useNow } from "../lib/state";
import type { Drift, Making, Me, Refused, Report, Sourced } from "../lib/types";

type Answer = Sourced<Report[]> & { psi: number; refused: Refused; making: Making };

export function MonitoringPage({ me }: { me: Me }): JSX.Element {
  const tick = useNow(10_000);
  const [asked, setAsked] = useState(0);
  const { value, problem } = useQuery<Answer>("monitoring", tick + asked);
  const again = () => setAsked(asked + 1);
  const [chosen, choose] = useState(0);
  if (!value) return <Skeleton panels={["Matured precision and recall", "Drift", "Calibration"]} what="Asking the lake…" problem={problem} />;
  const reports = value.value ?? [];
  const report = reports[Math.min(chosen, reports.length - 1)];
  return (
    <div class="page">
      {value.problem && <p class="problem"><ExternalText text={value.problem} /></p>}
      <RefusedMessages refused={value.refused} />
      {report ? (
        <>
          <div class="toolbar">
            <label>
              <span class="muted">report of (UTC)</span>{" "}
              <select value={String(chosen)} onChange={(event) => choose(Number(event.currentTarget.value))}>
                {reports.map((one, n) => (
                  <option key={one.moment} value={String(n)}>
                    {one.moment.slice(0, 10)}
                  </option>
                ))}
              </select>
            </label>
            <span class="muted">model version <ExternalText text={report.model_version ?? "–"} /></span>
            {value.making.is_on && <MakeReport making={value.making} me={me} asked={again} />}
          </div>
          <ReportView report={report} shift={value.psi} />
        </>
      ) : (
        !value.problem && <FirstReport making={value.making} me={me} asked={again} />
      )}
    </div>
  );
}

function RefusedMessages({ refused }: { refused: Refused }): JSX.Element {
  return (
    <p class={refused.labels + refused.payments ? "problem" : "facts"}>
      Refused because they cannot be read: {integer(refused.labels)} labels, {integer(refused.payments)} payments. They are in the dead-letter topics.
    </p>
  );
}

/** Shown at once; where one feature drifts, many do. */
const mostAlarms = 4;

function Alarms({ raised }: { raised: string[] }): JSX.Element {
  return (
    <ul>
      {raised.map((one) => (
        <li key={one}>
          <ExternalText text={one} />
        </li>
      ))}
    </ul>
  );
}

function ReportView({ report, shift }: { report: Report; shift: number }): JSX.Element {
  const raised = [...report.inconsistencies, ...report.alarms];
  const matured = report.matured;
  const days = report.days;
  const axis = { ticks: (most: number) => dateTicks(days.map((one) => one.date), most) };
  return (
    <>
      <section class={`banner ${raised.length ? "risk" : "ok"}`} aria-label="Alarms">
        {raised.length ? (
          <>
            <Alarms raised={raised.slice(0, mostAlarms)} />
            {raised.length > mostAlarms && (
              <details>
                <summary>and {raised.length - mostAlarms} more</summary>
                <Alarms raised={raised.slice(mostAlarms)} />
              </details>
            )}
          </>
        ) : (
          <p>No alarms.</p>
        )}
      </section>
      <section class="headline">
        <Figure name="recall, matured" value={percent(matured?.recall ?? null)} note={report.expected_recall === null ? "" : `${percent(report.expected_recall)} was expected`} />
        <Figure name="precision, matured" value={percent(matured?.precision ?? null)} note={matured ? `${integer(matured.alerts)} alerts` : "no labels have matured"} />
        <Figure name="predictions" value={integer(report.predictions)} note={`to ${moment(Date.parse(report.moment))}`} />
        <Figure name="drift of the probability, PSI" value={report.score ? decimal(report.score.psi, 2) : "–"} note={report.score ? (report.score.psi > shift ? "significant drift" : "no significant drift") : "cannot be computed yet"} tone={(report.score?.psi ?? 0) > shift ? "risk" : ""} />
      </section>
      <div class="page-grid">
        <Panel title="Matured precision and recall" hint="by day of the payment (UTC), once labels have matured">
          <Plot
            label="Precision and recall by day"
            height={180}
            top={1}
            series={[
              { values: days.map((one) => one.matured.recall), kind: "line", tone: "accent" },
              { values: days.map((one) => one.matured.recall), kind: "dots", tone: "accent" },
              { values: days.map((one) => one.matured.precision), kind: "line", tone: "ok" },
              { values: days.map((one) => one.matured.precision), kind: "dots", tone: "ok" },
            ]}
            format={(value) => percent(value)}
            {...axis}
          />
          <p class="legend">
            <span class="key accent">recall</span>
            <span class="key ok">precision</span>
          </p>
        </Panel>
        <Panel title="Alert rate" hint="share of a day’s payments (UTC days)">
          <Plot label="Alert rate by day" height={180} series={[{ values: days.map((one) => one.alert_rate), kind: "bars", tone: "calm" }]} format={(value) => percent(value, 2)} {...axis} />
        </Panel>
        <Panel title="Drift" hint={`population stability index; from ${shift} it is significant`}>
          <DriftBars drifts={report.features.slice(0, 12)} shift={shift} />
        </Panel>
        <Panel title="Calibration" hint="fraud probability, and the observed share of fraud">
          <Calibration report={report} />
        </Panel>
      </div>
      {(report.notes.length > 0 || Object.keys(report.label_delay).length > 0) && (
        <Panel title="Notes">
          {Object.keys(report.label_delay).length > 0 && (
            <p>
              From fraud to report it takes{" "}
              {Object.entries(report.label_delay)
                .map(([name, value]) => `${decimal(value, 1)} days (${name})`)
                .join(", ")}
              .
            </p>
          )}
          <ul class="notes">
            {report.notes.map((one) => (
              <li key={one}>
                <ExternalText text={one} />
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
}

function DriftBars({ drifts, shift }: { drifts: Drift[]; shift: number }): JSX.Element {
  if (!drifts.length) return <p class="empty">Cannot be computed yet.</p>;
  const most = Math.max(shift * 1.6, ...drifts.map((one) => one.psi));
  return (
    <ol class="bars">
      {drifts.map((one) => (
        <li key={one.name}>
          <span>
            <ExternalText text={one.name} />
          </span>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class={one.psi > shift ? "risk" : "calm"} width={(one.psi / most) * 100} height={8} />
            <rect class="notch" x={(shift / most) * 100} width={0.5} height={8} />
          </svg>
          <span class="number">{decimal(one.psi, 2)}</span>
        </li>
      ))}
    </ol>
  );
}

function Calibration({ report }: { report: Report }): JSX.Element {
  if (!report.calibration.length) return <p class="empty">No labels have matured.</p>;
  return (
    <DataTable columns={["fraud probability", { number: "predictions" }, { number: "expected fraud" }, { number: "observed fraud" }]}>
    {report.calibration.map((one) => (
      <tr key={one.low}>
        <td>
          {percent(one.low)} to {percent(one.high)}
        </td>
        <td class="number">{integer(one.predictions)}</td>
        <td class="number">{percent(one.expected, 1)}</td>
        <td class="number">{percent(one.observed, 1)}</td>
      </tr>
    ))}
    </DataTable>
  );
}
