import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useQuery } from "../../lib/state";
import type { ChangedLine, Policies } from "../../lib/types";
import { Panel } from "../../pages/live";

/** What a version changes of another: by default of the live one, or of the one before. */
export function Changes({ version, policies }: { version: number; policies: Policies }): JSX.Element {
  const usual = policies.live !== null && policies.live !== version ? policies.live : policies.versions.find((one) => one.version < version)?.version;
  const [chosen, choose] = useState<number | null>(null);
  const others = policies.versions.filter((one) => one.version !== version);
  const since = others.some((one) => one.version === chosen) ? chosen : usual ?? others[0]?.version ?? null;
  const { value } = useQuery<{ lines: ChangedLine[] }>(`policies/${version}/changes?since=${since}`);
  return (
    <Panel title={`What version ${version} changes`} hint="lines that are new, and lines that are gone">
      <label class="toolbar">
        <span class="muted">since</span>
        <select value={String(since)} onChange={(event) => choose(Number(event.currentTarget.value))}>
          {others.map((one) => (
            <option key={one.version} value={String(one.version)}>
              version {one.version}
              {one.is_live ? ", live" : ""}
            </option>
          ))}
        </select>
      </label>
      {value && (value.lines.length ? <Lines lines={value.lines} /> : <p class="empty">Nothing: both have the same text.</p>)}
    </Panel>
  );
}

function Lines({ lines }: { lines: ChangedLine[] }): JSX.Element {
  const kind = { "+": "added", "-": "removed", " ": "" };
  return (
    <pre class="diff scroll" tabIndex={0}>
      {lines.map((one, place) => (
        <span key={place} class={kind[one.mark]}>
          {`${one.mark} ${one.text}\n`}
        </span>
      ))}
    </pre>
  );
}
