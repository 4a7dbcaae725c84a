import type { JSX } from "preact";
import { post } from "../../lib/api";
import { date, moment, zoneName } from "../../lib/format";
import { linkTo } from "../../lib/route";
import type { Me, Policies, PolicyVersion, Statement } from "../../lib/types";
import { Action } from "../action";
import { ExternalText, isolated } from "../external_text";
import { DataTable } from "../records/data_table";

interface VersionsProps {
  policies: Policies;
  shown: number | null;
  me: Me;
  changed: () => void;
}

/** Every version with who proposed and approved it, and what may be done with it now. */
export function PolicyVersions({ policies, shown, me, changed }: VersionsProps): JSX.Element {
  const may = me.role !== "viewer";
  const previous = policies.previous === null ? "the default policy" : `version ${policies.previous}`;
  return (
    <>
      <DataTable columns={["version", "state", "proposed by", "on", "approved by", "why", may && ""]}>
      {policies.versions.map((one) => (
        <Row key={one.version} one={one} here={one.version === shown} me={me} changed={changed} />
      ))}
      <tr class={shown === null ? "here" : ""}>
        <td>
          <a href={linkTo("policy", "default")}>default</a>
        </td>
        <td>{policies.live === null && <span class="chip alias-champion">live</span>}</td>
        <td class="muted" colSpan={may ? 5 : 4}>
          what decides while no version is live: review from the model’s threshold on
        </td>
      </tr>
      </DataTable>
      {may && policies.can_roll_back && (
        <div class="list-actions">
          <Action
            name={`Roll back to ${previous}…`}
            confirm={`Make ${previous} live again`}
            tone=""
            act={async (reason) => {
              await post("policies/rollback", { reason });
              changed();
            }}
          />
        </div>
      )}
    </>
  );
}

interface RowProps {
  one: PolicyVersion;
  here: boolean;
  me: Me;
  changed: () => void;
}

function Row({ one, here, me, changed }: RowProps): JSX.Element {
  return (
    <tr class={here ? "here" : ""}>
      <td>
        <a href={linkTo("policy", one.version)}>{one.version}</a>
      </td>
      <td>
        {one.is_live && <span class="chip alias-champion">live</span>}
        {one.is_shadow && <span class="chip alias-challenger">shadow</span>}
        {!one.is_live && !one.is_shadow && <span class={`muted status-${one.status}`}>{one.status}</span>}
      </td>
      <td>
        <ExternalText text={one.author} />
      </td>
      <td title={moment(one.at)}>{`${date(one.at)} ${zoneName(one.at)}`}</td>
      <td>
        <ExternalText text={said(one)} />
      </td>
      <td class="text">
        <ExternalText text={one.reason} />
      </td>
      {me.role !== "viewer" && (
        <td>
          <Choices one={one} me={me} changed={changed} />
        </td>
      )}
    </tr>
  );
}

function said(one: PolicyVersion): string {
  if (one.rejection) return `rejected by ${names([one.rejection])}`;
  const missing = one.status === "proposed" && one.approvals_needed > 1 ? `${one.approvals.length} of ${one.approvals_needed}` : "";
  return [names(one.approvals), missing].filter(Boolean).join(", ") || "–";
}

const names = (all: Statement[]): string => all.map((one) => (one.reason ? `${isolated(one.by)} (${isolated(one.reason)})` : isolated(one.by))).join(", ");

/** What this person may do with a version now. */
function Choices({ one, me, changed }: Omit<RowProps, "here">): JSX.Element {
  const send = (path: string, body: Record<string, unknown>) => async (reason: string) => {
    await post(path, { ...body, reason });
    changed();
  };
  const asked = one.status === "proposed";
  const isAuthor = one.author.toLowerCase() === me.name.toLowerCase();
  const mayMove = me.role === "admin" || !isAuthor;
  const approvedByMe = one.approvals.some((approval) => approval.by === me.name);
  return (
    <div class="choices">
      {asked && isAuthor && one.approvals_needed > 0 && <span class="facts">somebody else must approve</span>}
      {asked && !isAuthor && !approvedByMe && <Action name="Approve…" confirm={`Approve version ${one.version}`} needsReason={false} act={send(`policies/${one.version}/approve`, {})} />}
      {asked && <Action name="Reject…" confirm={`Reject version ${one.version}`} act={send(`policies/${one.version}/reject`, {})} />}
      {one.status === "approved" && !one.is_live && mayMove && <Action name="Make live…" confirm={`Make version ${one.version} live`} act={send("policies/aliases", { alias: "live", version: one.version })} />}
      {one.status !== "rejected" && !one.is_live && !one.is_shadow && mayMove && <Action name="Shadow…" confirm={`Run version ${one.version} in shadow`} act={send("policies/aliases", { alias: "shadow", version: one.version })} />}
      {one.is_shadow && <Action name="End shadow…" confirm="End the shadow" act={send("policies/aliases", { alias: "shadow", version: null })} />}
    </div>
  );
}
