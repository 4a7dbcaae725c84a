import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post } from "../../lib/api";
import { moment } from "../../lib/format";
import { linkTo } from "../../lib/route";
import { decisionsChanged, useCell, useQuery } from "../../lib/state";
import type { Alert, ListOfCase, Me } from "../../lib/types";
import { Action, useAction } from "../action";
import { OutcomeChip } from "./decision";
import { ExternalText, isolated } from "../external_text";

/** Days until an entry expires; 0: never. */
export const lengths: [number, string][] = [
  [1, "for a day"],
  [7, "for 7 days"],
  [30, "for 30 days"],
  [90, "for 90 days"],
  [0, "until it is removed"],
];

const verbs: Record<string, string> = { approve: "Trust", decline: "Block", challenge: "Challenge", review: "Review" };

/** The lists of the live policy that the payment is on or can be put on. */
export function ListsOfCase({ alert, me }: { alert: Alert; me: Me }): JSX.Element | null {
  const search = new URLSearchParams({ transaction_id: alert.transaction_id, card_ref: alert.card_ref });
  return <Lists path={`case/lists?${search}`} transaction={alert.transaction_id} me={me} />;
}

/** The lists that a card or a merchant is on or can be put on. */
export function ListsOfSubject({ query, me }: { query: { card_ref: string } | { merchant_id: string }; me: Me }): JSX.Element | null {
  return <Lists path={`subject/lists?${new URLSearchParams(query)}`} transaction="" me={me} />;
}

interface ListsProps {
  path: string;
  /** From whose case an entry is added; empty otherwise. */
  transaction: string;
  me: Me;
}

function Lists({ path, transaction, me }: ListsProps): JSX.Element | null {
  const changes = useCell(decisionsChanged);
  const [again, setAgain] = useState(0);
  const { value, problem } = useQuery<{ lists: ListOfCase[] }>(path, changes + again);
  if (problem && !value) return <p class="facts">{problem}</p>;
  if (!value) return null;
  const [entered, open] = [value.lists.filter((one) => one.entry), value.lists.filter((one) => !one.entry && one.outcome !== null)];
  const changed = (): void => setAgain(again + 1);
  return (
    <>
      {entered.length > 0 && (
        <ul class="entries">
          {entered.map((one) => (
            <EntryOfCase key={one.list} one={one} me={me} changed={changed} />
          ))}
        </ul>
      )}
      {me.role !== "viewer" && (
        <div class="list-actions">
          {open.map((one) => (
            <AddFromCase key={one.list} one={one} transaction={transaction} changed={changed} />
          ))}
        </div>
      )}
      {!value.lists.length && <p class="facts">The live policy has no lists.</p>}
    </>
  );
}

function EntryOfCase({ one, me, changed }: { one: ListOfCase; me: Me; changed: () => void }): JSX.Element {
  const { busy, problem, run } = useAction();
  const entry = one.entry;
  const remove = async (): Promise<void> => {
    await post(`lists/${one.list}/removals`, { value: one.value });
    changed();
  };
  return (
    <li>
      {one.outcome && <OutcomeChip outcome={one.outcome} />} {isolated(one.label)}{" "}
      <strong>
        <ExternalText text={one.value} />
      </strong>{" "}
      is on{" "}
      <a href={linkTo("lists", one.list)}>
        <ExternalText text={one.list} />
      </a>
      {entry && (
        <span class="facts">
          {" "}
          by {isolated(entry.author)}
          {entry.reason ? `: ${isolated(entry.reason)}` : ""}, {entry.expires === null ? "until it is removed" : `until ${moment(entry.expires)}`}
        </span>
      )}
      {me.role !== "viewer" && (
        <button type="button" class="quiet" disabled={busy} onClick={() => void run(remove)}>
          Undo
        </button>
      )}
      {problem && <span class="problem"> {problem}</span>}
    </li>
  );
}

function AddFromCase({ one, transaction, changed }: { one: ListOfCase; transaction: string; changed: () => void }): JSX.Element {
  const [days, setDays] = useState(one.outcome === "approve" ? 30 : 0);
  const what = `${verbs[one.outcome ?? "review"]} this ${isolated(one.label)}`;
  const add = async (reason: string): Promise<void> => {
    await post(`lists/${one.list}/entries`, { value: one.value, reason, days, transaction_id: transaction });
    changed();
  };
  return (
    <Action name={what} confirm={`${what} ${lengths.find(([length]) => length === days)?.[1] ?? ""}`} act={add} tone="">
      <Length days={days} choose={setDays} />
    </Action>
  );
}

/** How long an entry counts. */
export function Length({ days, choose }: { days: number; choose: (days: number) => void }): JSX.Element {
  return (
    <select aria-label="For how long" value={String(days)} onChange={(event) => choose(Number(event.currentTarget.value))}>
      {lengths.map(([length, text]) => (
        <option key={length} value={String(length)}>
          {text}
        </option>
      ))}
    </select>
  );
}
