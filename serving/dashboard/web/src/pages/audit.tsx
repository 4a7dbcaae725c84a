import type { JSX } from "preact";
import { ExternalText, isolated } from "../components/external_text";
import { moment } from "../lib/format";
import { Panel } from "./live";
import { useQuery, useNow } from "../lib/state";
import type { AuditEntry } from "../lib/types";

export function AuditPage(): JSX.Element {
  const { value, problem } = useQuery<{ entries: AuditEntry[] }>("audit", useNow(10_000));
  if (!value) return <p class="empty">{problem ?? "Opening…"}</p>;
  return (
    <div class="page">
      <Panel title="Audit" hint="the newest 200 entries; none can be changed or removed">
        <div class="scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>when</th>
                <th>who</th>
                <th>action</th>
                <th>subject</th>
                <th>detail</th>
              </tr>
            </thead>
            <tbody>
              {value.entries.map((one) => (
                <tr key={one.seq}>
                  <td>{moment(one.at)}</td>
                  <td>
                    <ExternalText text={one.who} />
                  </td>
                  <td>{one.action}</td>
                  <td>
                    <ExternalText text={one.subject} />
                  </td>
                  <td class="text">
                    {Object.entries(one.detail)
                      .filter(([name, text]) => name !== "id" && text)
                      .map(([name, text]) => `${name}: ${isolated(String(text))}`)
                      .join("; ")}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </div>
  );
}
