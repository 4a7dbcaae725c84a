import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Action, useAction } from "../components/action";
import { OutcomeChip } from "../components/decisions/decision";
import { ExternalText, isolated } from "../components/external_text";
import { Length } from "../components/decisions/list_actions";
import { CardLink, MerchantLink } from "../components/ids";
import { DataTable } from "../components/records/data_table";
import { post } from "../lib/api";
import { integer, moment } from "../lib/format";
import { linkTo } from "../lib/route";
import { decisionsChanged, useCell, useNow, useQuery } from "../lib/state";
import type { Entry, ListOverview, Me } from "../lib/types";
import { Panel } from "./live";

type Overview = ListOverview["lists"][number];

export function ListsPage({ id, me }: { id: string; me: Me }): JSX.Element {
  const [again, setAgain] = useState(0);
  const changes = useCell(decisionsChanged) + again;
  const { value, problem } = useQuery<ListOverview>("lists", changes);
  if (!value) return <p class="empty">{problem ?? "Loading the lists…"}</p>;
  const chosen = value.lists.find((one) => one.name === id) ?? value.lists[0];
  return (
    <div class="page">
      {value.problem && (
        <p class="problem">
          <ExternalText text={value.problem} />
        </p>
      )}
      <Panel title="Lists" hint="those of the live policy, and any other that has entries">
        <Lists lists={value.lists} chosen={chosen?.name ?? ""} />
      </Panel>
      {chosen && <Entries key={chosen.name} list={chosen} me={me} changes={changes} changed={() => setAgain(again + 1)} />}
    </div>
  );
}

function Lists({ lists, chosen }: { lists: Overview[]; chosen: string }): JSX.Element {
  if (!lists.length) return <p class="empty">The live policy has no lists.</p>;
  return (
    <DataTable columns={["list", "payments on it", "of", { number: "entries" }, "reason shown on a case"]}>
    {lists.map((one) => (
      <tr key={one.name} class={one.name === chosen ? "here" : ""}>
        <td>
          <a href={linkTo("lists", one.name)} aria-current={one.name === chosen ? "true" : undefined}>
            <ExternalText text={one.name} />
          </a>
        </td>
        <td>{one.outcome ? <OutcomeChip outcome={one.outcome} /> : <span class="muted">{one.field === null ? "not in the live policy" : "only rules use it"}</span>}</td>
        <td>
          <ExternalText text={one.field ?? "–"} />
        </td>
        <td class="number">
          {integer(one.entries)}
          {one.expired > 0 && <span class="muted"> + {integer(one.expired)} expired</span>}
        </td>
        <td class="text">
          <ExternalText text={one.reason} />
        </td>
      </tr>
    ))}
    </DataTable>
  );
}

interface EntriesProps {
  list: Overview;
  me: Me;
  changes: number;
  changed: () => void;
}

function Entries({ list, me, changes, changed }: EntriesProps): JSX.Element {
  const [text, setText] = useState("");
  const { value, problem } = useQuery<{ entries: Entry[]; found: number }>(`lists/${list.name}/entries?${new URLSearchParams({ text })}`, changes);
  const may = me.role !== "viewer";
  return (
    <Panel title={isolated(list.name)} hint={value ? `${integer(value.found)} ${text ? "found" : "entries"}` : ""}>
      {may && list.field !== null && <AddEntry list={list} changed={changed} />}
      <label class="search">
        <span class="sr">Search the list</span>
        <input type="search" maxLength={64} placeholder="search by value, reason or author" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      {problem && <p class="problem">{problem}</p>}
      {value && value.entries.length > 0 ? (
        <EntryTable list={list.name} field={list.field} entries={value.entries} may={may} changed={changed} />
      ) : (
        <p class="empty">{!value ? "Loading…" : text ? "No entry has this text." : "The list is empty."}</p>
      )}
      {value && value.found > value.entries.length && <p class="facts">The newest {value.entries.length} are shown; search for others.</p>}
    </Panel>
  );
}

function AddEntry({ list, changed }: { list: Overview; changed: () => void }): JSX.Element {
  const [value, setValue] = useState("");
  const [reason, setReason] = useState("");
  const [days, setDays] = useState(0);
  const { busy, problem, run } = useAction();
  const add = (event: Event): void => {
    event.preventDefault();
    void run(async () => {
      await post(`lists/${list.name}/entries`, { value, reason, days });
      setValue("");
      setReason("");
      changed();
    });
  };
  return (
    <form class="add-entry" aria-label="Add an entry" onSubmit={add}>
      <input aria-label="Value" required maxLength={256} placeholder={list.field ?? "value"} value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      <input aria-label="Reason" required minLength={3} maxLength={500} placeholder="why" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      <Length days={days} choose={setDays} />
      <button type="submit" disabled={busy}>
        {busy ? "saving…" : "Add"}
      </button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

interface TableProps {
  list: string;
  field: string | null;
  entries: Entry[];
  may: boolean;
  changed: () => void;
}

/** A value of a list; a card and a merchant are links. */
function EntryValue({ entry, field }: { entry: Entry; field: string | null }): JSX.Element {
  if (entry.card_ref !== undefined) return <CardLink card={{ card_id: entry.value, card_ref: entry.card_ref }} />;
  return field === "merchant_id" ? <MerchantLink id={entry.value} /> : <ExternalText text={entry.value} />;
}

function EntryTable({ list, field, entries, may, changed }: TableProps): JSX.Element {
  const now = useNow(30_000);
  return (
    <DataTable columns={["value", "why", "by", "since", "until", may && ""]}>
    {entries.map((one) => (
      <tr key={one.value} class={one.expires !== null && one.expires <= now ? "expired" : ""}>
        <td>
          <EntryValue entry={one} field={field} />
        </td>
        <td class="text">
          <ExternalText text={one.reason} />
        </td>
        <td>
          <ExternalText text={one.author} />
        </td>
        <td>{moment(one.at)}</td>
        <td>{one.expires === null ? "it is removed" : one.expires <= now ? `${moment(one.expires)}, expired` : moment(one.expires)}</td>
        {may && (
          <td>
            <Action
              name="Remove"
              confirm={`Remove ${isolated(one.value)}`}
              needsReason={false}
              act={async (reason) => {
                await post(`lists/${list}/removals`, { value: one.value, reason });
                changed();
              }}
            />
          </td>
        )}
      </tr>
    ))}
    </DataTable>
  );
}
