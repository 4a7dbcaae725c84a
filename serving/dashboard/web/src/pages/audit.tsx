import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { DataTable } from "../components/records/data_table";
import { ExportLink } from "../components/records/export_link";
import { ExternalText, isolated } from "../components/external_text";
import { Skeleton } from "../components/records/skeleton";
import { get } from "../lib/api";
import { moment } from "../lib/format";
import { link, linkTo, linkToCard, linkToMerchant } from "../lib/route";
import { useNow, useQuery } from "../lib/state";
import type { AuditEntry } from "../lib/types";
import { Panel } from "./live";

interface AuditAnswer {
  entries: AuditEntry[];
  more: boolean;
  people: string[];
  actions: string[];
}

export function AuditPage(): JSX.Element {
  const [who, setWho] = useState("");
  const [action, setAction] = useState("");
  const [views, setViews] = useState(false);
  const filter = { who, action, views: String(views) };
  const newest = useQuery<AuditAnswer>(`audit?${new URLSearchParams(filter)}`, useNow(10_000));
  const { older, loadMore, hasMore, problem } = useOlder(filter, newest.value);
  if (!newest.value) return <Skeleton panels={["Audit"]} what="Opening…" problem={newest.problem} />;
  const first = newest.value.entries[newest.value.entries.length - 1]?.seq ?? 0;
  const entries = [...newest.value.entries, ...older.filter((one) => one.seq < first)];
  return (
    <div class="page">
      <Panel title="Audit" hint="newest first; no entry can be changed or removed" extra={<ExportLink what="audit" query={filter} />}>
        <div class="filters">
          <Choice name="person" value={who} choices={newest.value.people} choose={setWho} />
          <Choice name="action" value={action} choices={newest.value.actions} choose={setAction} />
          <label class="toggle">
            <input type="checkbox" checked={views} onChange={(event) => setViews(event.currentTarget.checked)} />
            <span>views too</span>
          </label>
        </div>
        {entries.length ? <Entries entries={entries} /> : <p class="empty">No entry passes the filter.</p>}
        {problem && <p class="problem">{problem}</p>}
        {hasMore && (
          <button type="button" class="more" onClick={loadMore}>
            Show older entries
          </button>
        )}
      </Panel>
    </div>
  );
}

/** The entries before those of the newest page, as far as they were asked for. */
function useOlder(filter: { who: string; action: string; views: string }, newest: AuditAnswer | null) {
  const key = JSON.stringify(filter);
  const [state, setState] = useState<{ key: string; entries: AuditEntry[]; more: boolean }>({ key, entries: [], more: true });
  const [problem, setProblem] = useState("");
  useEffect(() => setState({ key, entries: [], more: true }), [key]);
  const older = state.key === key ? state.entries : [];
  const last = older[older.length - 1] ?? newest?.entries[newest.entries.length - 1];
  const loadMore = (): void => {
    if (!last) return;
    setProblem("");
    get<AuditAnswer>("audit", { ...filter, before: last.seq }).then(
      (answer) => setState({ key, entries: [...older, ...answer.entries], more: answer.more }),
      (error: Error) => setProblem(error.message),
    );
  };
  return { older, loadMore, hasMore: older.length ? state.more : (newest?.more ?? false), problem };
}

function Choice({ name, value, choices, choose }: { name: string; value: string; choices: string[]; choose: (value: string) => void }): JSX.Element {
  return (
    <label>
      <span>{name}</span>
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">all</option>
        {choices.map((one) => (
          <option key={one} value={one}>
            {isolated(one)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Entries({ entries }: { entries: AuditEntry[] }): JSX.Element {
  return (
    <DataTable columns={["when", "who", "action", "subject", "detail"]}>
    {entries.map((one) => (
      <tr key={one.seq}>
        <td>{moment(one.at)}</td>
        <td>
          <ExternalText text={one.who} />
        </td>
        <td>{one.action}</td>
        <td>
          <Subject entry={one} />
        </td>
        <td class="text">
          {Object.entries(one.detail)
            .filter(([name, text]) => name !== "id" && name !== "card_ref" && text)
            .map(([name, text]) => `${name.replaceAll("_", " ")}: ${isolated(String(text))}`)
            .join("; ")}
        </td>
      </tr>
    ))}
    </DataTable>
  );
}

/** What was acted on, with a link to its page where it has one. */
function Subject({ entry }: { entry: AuditEntry }): JSX.Element {
  const text = <ExternalText text={entry.subject} />;
  const target = targetOf(entry);
  return target ? <a href={target}>{text}</a> : text;
}

function targetOf({ action, subject, detail }: AuditEntry): string | null {
  if (detail.card_ref && action === "card viewed") return linkToCard(String(detail.card_ref));
  if (action === "merchant viewed") return linkToMerchant(subject);
  if (detail.card_ref && /review|case/.test(action)) return link("case", { transaction_id: subject, card_ref: String(detail.card_ref) });
  if (/^list |list entry/.test(action)) return linkTo("lists", subject.split("/")[0] ?? subject);
  if (action.startsWith("policy")) return /^[0-9]+$/.test(subject) ? linkTo("policy", subject) : "#/policy";
  if (action.startsWith("promotion")) return "#/models";
  return action === "report asked" ? "#/monitoring" : null;
}
