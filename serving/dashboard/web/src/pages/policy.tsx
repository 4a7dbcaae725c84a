import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ExternalText } from "../components/external_text";
import { Changes } from "../components/decisions/policy_changes";
import { PolicyEditor } from "../components/decisions/policy_editor";
import { PolicySteps } from "../components/decisions/policy_steps";
import { PolicyVersions } from "../components/decisions/policy_versions";
import { WhatIf } from "../components/decisions/what_if";
import { moment } from "../lib/format";
import { linkTo } from "../lib/route";
import { decisionsChanged, useCell, useQuery } from "../lib/state";
import type { Me, Policies, PolicyDetail } from "../lib/types";
import { Panel } from "./live";

export function PolicyPage({ id, me }: { id: string; me: Me }): JSX.Element {
  const [again, setAgain] = useState(0);
  const changes = useCell(decisionsChanged) + again;
  const { value, problem } = useQuery<Policies>("policies", changes);
  const shown = id || String(value?.live ?? "default");
  if (!value) return <p class="empty">{problem ?? "Loading the policies…"}</p>;
  return (
    <div class="page">
      {value.problem && (
        <p class="problem">
          <ExternalText text={value.problem} />
        </p>
      )}
      <Shown shown={shown} policies={value} me={me} changes={changes} changed={() => setAgain(again + 1)} />
    </div>
  );
}

interface ShownProps {
  shown: string;
  policies: Policies;
  me: Me;
  changes: number;
  changed: () => void;
}

function Shown({ shown, policies, me, changes, changed }: ShownProps): JSX.Element {
  const { value: detail, problem } = useQuery<PolicyDetail>(`policies/${encodeURIComponent(shown)}`, changes);
  const [editing, setEditing] = useState(false);
  const [notice, setNotice] = useState("");
  const number = detail?.version ?? null;
  const may = me.role !== "viewer";
  return (
    <>
      {notice && (
        <p class="toast" role="status">
          <ExternalText text={notice} />
        </p>
      )}
      <Panel title={title(number, policies)} hint={detail?.policy ? detail.policy.name : ""} extra={may && detail && <EditButton open={editing} toggle={() => setEditing(!editing)} />}>
        <Elsewhere number={number} policies={policies} />
        {problem && !detail && <p class="problem">{problem}</p>}
        {detail?.policy && <PolicySteps policy={detail.policy} />}
        {detail && <Findings detail={detail} />}
        {detail && (
          <details class="source">
            <summary>as YAML</summary>
            <pre dir="auto">{detail.text}</pre>
          </details>
        )}
      </Panel>
      {editing && detail && (
        <Panel title="Propose a change" hint="somebody else approves it before it can decide">
          <PolicyEditor
            key={shown}
            start={detail.text}
            me={me}
            proposed={(version, unchecked) => {
              setEditing(false);
              setNotice(unchecked && `Version ${version} could not be tried on yesterday’s payments: ${unchecked}`);
              changed();
              location.hash = linkTo("policy", version);
            }}
          />
        </Panel>
      )}
      {detail?.policy && !editing && (
        <Panel title="What if" hint={number === null ? "the default policy on stored payments" : `version ${number} on stored payments`}>
          <WhatIf key={detail.key} text={detail.text} name={detail.key} me={me} />
        </Panel>
      )}
      <Panel title="Versions" hint={approvalsText(policies.approvals)}>
        <PolicyVersions policies={policies} shown={number} me={me} changed={changed} />
      </Panel>
      {number !== null && policies.versions.length > 1 && <Changes version={number} policies={policies} />}
      <Panel title="History" hint="every change of a policy, as it is on the topic">
        <History policies={policies} />
      </Panel>
    </>
  );
}

function title(number: number | null, policies: Policies): string {
  if (number === null) return policies.live === null ? "In force: the default policy" : "The default policy";
  return number === policies.live ? `In force: version ${number}` : `Version ${number}`;
}

function EditButton({ open, toggle }: { open: boolean; toggle: () => void }): JSX.Element {
  return (
    <button type="button" aria-expanded={open} onClick={toggle}>
      Change…
    </button>
  );
}

/** The way back to what decides, from another version. */
function Elsewhere({ number, policies }: { number: number | null; policies: Policies }): JSX.Element | null {
  if (number === policies.live) return null;
  return (
    <p class="facts">
      This version does not decide. <a href={linkTo("policy", policies.live ?? "default")}>{policies.live === null ? "The default policy" : `Version ${policies.live}`}</a> is in force.
    </p>
  );
}

function Findings({ detail }: { detail: PolicyDetail }): JSX.Element | null {
  if (!detail.findings.length) return null;
  return (
    <ul class="findings">
      {detail.findings.map((one, place) => (
        <li key={place} class={one.severity}>
          <ExternalText text={one.line === null ? one.text : `Line ${one.line}: ${one.text}`} />
        </li>
      ))}
    </ul>
  );
}

function approvalsText(approvals: number): string {
  if (!approvals) return "approval by another person is not required here";
  return approvals === 1 ? "one other person must approve" : `${approvals} other people must approve`;
}

function History({ policies }: { policies: Policies }): JSX.Element {
  return (
    <>
      <Audit policies={policies} />
      {policies.refused.map((one) => (
        <p key={one.position} class="problem">
          <ExternalText text={`Does not count${one.by ? `, by ${one.by}` : ""}: ${one.reason}`} />
        </p>
      ))}
    </>
  );
}

function Audit({ policies }: { policies: Policies }): JSX.Element {
  if (!policies.history.length) return <p class="empty">No policy was ever proposed.</p>;
  return (
    <ol class="history">
      {policies.history.map((one, place) => (
        <li key={place}>
          <span class="muted">{moment(one.at)}</span> <ExternalText text={`${one.by} ${one.text}`} />
        </li>
      ))}
    </ol>
  );
}
