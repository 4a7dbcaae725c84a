import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { download } from "../../lib/api";

/** Downloads the alerts of a filter as CSV. It goes in a body: what is looked for may be a card's number. */
export function ExportAlerts({ query }: { query: Record<string, string | number> }): JSX.Element {
  const [state, setState] = useState({ busy: false, problem: "" });
  const save = (): void => {
    setState({ busy: true, problem: "" });
    download("export/alerts.csv", query).then(
      () => setState({ busy: false, problem: "" }),
      (error: Error) => setState({ busy: false, problem: error.message }),
    );
  };
  return (
    <>
      <button type="button" class="quiet" disabled={state.busy} onClick={save} title="All alerts of this filter, as a spreadsheet">
        CSV
      </button>
      {state.problem && <span class="problem">{state.problem}</span>}
    </>
  );
}

/** Downloads rows as CSV; the query is that of the list beside it. */
export function ExportLink({ what, query = {} }: { what: "reviews" | "audit"; query?: Record<string, string | number> }): JSX.Element {
  const wanted = Object.entries(query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)]));
  return (
    <a class="export" href={`api/export/${what}.csv${wanted.length ? `?${search}` : ""}`} download title={`All ${what} of this filter, as a spreadsheet`}>
      CSV
    </a>
  );
}
