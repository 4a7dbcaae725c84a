import type { JSX } from "preact";
import { Panel } from "../../pages/live";

/** What a page looks like before its first answer; `what` says what is waited for. */
export function Skeleton({ panels, what, problem }: { panels: string[]; what: string; problem: string | null }): JSX.Element {
  return (
    <div class="page" aria-busy={problem === null}>
      <p class={problem ? "problem" : "facts"} role="status">
        {problem ?? what}
      </p>
      {panels.map((title) => (
        <Panel key={title} title={title}>
          <div class={problem ? "skeleton still" : "skeleton"} aria-hidden="true">
            <span />
            <span />
            <span />
          </div>
        </Panel>
      ))}
    </div>
  );
}
