import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { DataTable } from "../components/records/data_table";
import { ApiError, post } from "../lib/api";
import { Plot } from "../components/charts";
import { stepTicks } from "../components/axis";
import { ExternalText, isolated } from "../components/external_text";
import { Skeleton } from "../components/records/skeleton";
import { decimal, integer, moment, percent } from "../lib/format";
import { Panel } from "./live";
import { useQuery, useNow } from "../lib/state";
import type { Me, Shadow, Sourced, Version } from "../lib/types";

const metrics = [
  ["test_average_precision", "average precision"],
  ["test_recall", "recall"],
  ["test_precision", "precision"],
] as const;

type Answer = Sourced<Version[]> & { shadow: Shadow[] };

export function ModelsPage({ me }: { me: Me }): JSX.Element {
  const [changed, setChanged] = useState(0);
  const tick = useNow(20_000);
  const { value, problem } = useQuery<Answer>("models", tick + changed);
  if (!value) return <Skeleton panels={["Quality over versions", "Versions", "Shadow"]} what="Asking the registry…" problem={problem} />;
  const versions = value.value ?? [];
  return (
    <div class="page">
      {value.problem && <p class="problem"><ExternalText text={value.problem} />{value.at ? ` This is the state of ${moment(value.at)}.` : ""}</p>}
      <Panel title="Quality over versions" hint="on each version’s own test period">
        <Quality versions={versions} />
      </Panel>
      <Panel title="Versions">
        {versions.length ? <Versions versions={versions} me={me} changed={() => setChanged(changed + 1)} /> : <p class="empty">No model is registered yet.</p>}
      </Panel>
      <Panel title="Shadow" hint="challengers score beside the champion and decide nothing">
        <ShadowTable shadow={value.shadow} />
      </Panel>
    </div>
  );
}

function Quality({ versions }: { versions: Version[] }): JSX.Element {
  const old = [...versions].reverse();
  const tones = ["accent", "unsure", "ok"] as const;
  if (!old.length) return <p class="empty">–</p>;
  return (
    <>
      <Plot
        label="Average precision, recall and precision of each version"
        height={190}
        top={1}
        series={metrics.flatMap(([name], n) => {
          const values = old.map((one) => one.metrics[name] ?? null);
          const tone = tones[n] ?? "calm";
          return [
            { values, kind: "line" as const, tone },
            { values, kind: "dots" as const, tone },
          ];
        })}
        format={(value) => decimal(value, 1)}
        ticks={(most) => stepTicks(old.map((one) => `version ${isolated(one.version)}`), most)}
      />
      <p class="legend">
        {metrics.map(([name, text], n) => (
          <span key={name} class={`key ${tones[n]}`}>
            {text}
          </span>
        ))}
      </p>
    </>
  );
}

function Versions({ versions, me, changed }: { versions: Version[]; me: Me; changed: () => void }): JSX.Element {
  return (
    <DataTable columns={["version", "alias", "created", ...metrics.map(([, text]) => ({ number: text })), "why", me.role === "admin" && ""]}>
    {versions.map((one) => (
      <tr key={one.version} class={one.aliases.includes("champion") ? "here champion" : ""}>
        <td>{one.version}</td>
        <td>
          {one.aliases.map((alias) => (
            <span key={alias} class={`chip alias-${alias}`}>
              <ExternalText text={alias} />
            </span>
          ))}
        </td>
        <td>{moment(one.created_at)}</td>
        {metrics.map(([name]) => (
          <td key={name} class="number">
            {one.metrics[name] === undefined ? "–" : decimal(one.metrics[name], 3)}
          </td>
        ))}
        <td class="text">
          <ExternalText text={one.reason} />
        </td>
        {me.role === "admin" && (
          <td>
            <Promote version={one} changed={changed} />
          </td>
        )}
      </tr>
    ))}
    </DataTable>
  );
}

function Promote({ version, changed }: { version: Version; changed: () => void }): JSX.Element | null {
  const [open, setOpen] = useState(false);
  const [alias, setAlias] = useState("champion");
  const [reason, setReason] = useState("");
  const [state, setState] = useState({ busy: false, problem: "" });
  if (!open) {
    return (
      <button type="button" class="quiet" onClick={() => setOpen(true)}>
        Promote…
      </button>
    );
  }
  const promote = async (event: Event): Promise<void> => {
    event.preventDefault();
    setState({ busy: true, problem: "" });
    try {
      await post(`models/${version.version}/promote`, { alias, reason });
      setOpen(false);
      setState({ busy: false, problem: "" });
      changed();
    } catch (error) {
      setState({ busy: false, problem: error instanceof ApiError ? error.message : String(error) });
    }
  };
  return (
    <form class="promote" onSubmit={(event) => void promote(event)}>
      <select aria-label="Alias" value={alias} onChange={(event) => setAlias(event.currentTarget.value)}>
        <option>champion</option>
        <option>challenger</option>
      </select>
      <input aria-label="Reason" required minLength={3} maxLength={500} placeholder="why" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      <button type="submit" disabled={state.busy}>
        {state.busy ? "checking…" : `Make version ${version.version} ${alias}`}
      </button>
      <button type="button" class="quiet" onClick={() => setOpen(false)}>
        Cancel
      </button>
      {state.problem && <p class="problem">{state.problem}</p>}
    </form>
  );
}

const count = (value: number | null): string => (value === null ? "–" : integer(value));

function ShadowTable({ shadow }: { shadow: Shadow[] }): JSX.Element {
  if (!shadow.length) {
    return <p class="empty">No challenger has scored. Give a version the alias challenger and set FRAUD_SERVING__SHADOW=true.</p>;
  }
  const unknown = shadow.some((one) => one.challenger_threshold === null);
  return (
    <DataTable
      columns={["champion", "challenger", { number: "scored by both" }, { number: "flagged by both" }, { number: "champion only" }, { number: "challenger only" }, { number: "agreement" }, { number: "mean difference" }]}
      below={<p class="facts">Each model decides at its own threshold. {unknown && "“–”: the registry does not give the challenger’s threshold now."}</p>}
    >
    {shadow.map((one) => (
      <tr key={one.model_version + one.challenger_version}>
        <td>{one.model_version}</td>
        <td>{one.challenger_version}</td>
        <td class="number">{integer(one.scored)}</td>
        <td class="number">{count(one.both)}</td>
        <td class="number">{count(one.champion_only)}</td>
        <td class="number">{count(one.challenger_only)}</td>
        <td class="number">{percent(one.agreement, 2)}</td>
        <td class="number">{percent(one.difference / one.scored, 2)}</td>
      </tr>
    ))}
    </DataTable>
  );
}
