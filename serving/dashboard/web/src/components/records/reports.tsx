import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, post } from "../../lib/api";
import type { Making, Me } from "../../lib/types";
import { ExternalText } from "../external_text";

/** What a report needs, and how the first one comes about. */
export function FirstReport({ making, me, asked }: { making: Making; me: Me; asked: () => void }): JSX.Element {
  return (
    <section class="panel first-report">
      <h2>There is no report yet</h2>
      <p>A report compares what the champion decided with the labels that have arrived, and the payments of today with those it was trained on. It needs</p>
      <ol class="needs">
        <li>
          a champion (page <a href="#/models">Models</a>): <code>python flows/train.py</code>
        </li>
        <li>
          payments that it has scored (page <a href="#/live">Live</a>): <code>python flows/serve.py</code>
        </li>
        <li>
          labels, for precision and recall: <code>python flows/ingest.py</code>. Drift does without.
        </li>
      </ol>
      <MakeReport making={making} me={me} asked={asked} />
    </section>
  );
}

/** The button that makes a report, where this dashboard makes them; elsewhere what does. */
export function MakeReport({ making, me, asked }: { making: Making; me: Me; asked: () => void }): JSX.Element {
  const [problem, setProblem] = useState("");
  const [waits, setWaits] = useState(false);
  if (!making.is_on) {
    return (
      <p class="facts">
        <code>python flows/monitor.py</code> makes one; deployed with Prefect it has a schedule.
      </p>
    );
  }
  const ask = async (): Promise<void> => {
    setProblem("");
    setWaits(true);
    try {
      await post("monitoring/report", {});
      asked();
      window.setTimeout(() => setWaits(false), 5_000);
    } catch (error) {
      setWaits(false);
      setProblem(error instanceof ApiError ? error.message : String(error));
    }
  };
  const busy = making.is_running || waits;
  const failed = problem || (busy ? "" : making.problem);
  return (
    <div class="make-report">
      {me.role === "viewer" ? null : (
        <button type="button" disabled={busy} onClick={() => void ask()}>
          {busy ? "Making a report…" : "Make a report now"}
        </button>
      )}
      <span class="facts">This dashboard makes the first one a minute after payments were scored, then one a day.</span>
      {failed && (
        <p class="problem">
          <ExternalText text={failed} />
        </p>
      )}
    </div>
  );
}
