import type { ComponentChildren, JSX } from "preact";
import { linkTo } from "../../lib/route";
import type { Alert, Decision } from "../../lib/types";
import { ExternalText } from "../external_text";

const past: Record<Decision, string> = { approve: "approved", challenge: "challenged", review: "to review", decline: "declined" };

/** The word for what happened to a payment. */
export function decisionWord({ decision, is_sample }: Pick<Alert, "decision" | "is_sample">): string {
  return is_sample ? "random sample" : past[decision];
}

/** An outcome by colour and word. */
export function DecisionChip({ one }: { one: Pick<Alert, "decision" | "is_sample"> }): JSX.Element {
  return <span class={`chip decision-${one.is_sample ? "sample" : one.decision}`}>{decisionWord(one)}</span>;
}

/** An outcome that a policy gives. */
export function OutcomeChip({ outcome }: { outcome: Decision }): JSX.Element {
  return <span class={`chip decision-${outcome}`}>{outcome}</span>;
}

/** What decided, in words, with the reasons that the policy gives. */
export function DecidedBy({ alert, reasons }: { alert: Alert; reasons: Record<string, string> }): JSX.Element {
  return (
    <dl class="figures-list">
      <Line name="outcome">
        <DecisionChip one={alert} />
      </Line>
      <Line name="decided by">
        <Cause alert={alert} reason={reasons[alert.decided_by ?? ""] ?? ""} />
      </Line>
      {alert.rules.length > 0 && (
        <Line name="rules that fired">
          <ExternalText text={alert.rules.map(ruleName).join(", ")} />
        </Line>
      )}
      {alert.lists.length > 0 && (
        <Line name="on the lists">
          {alert.lists.map((name, place) => (
            <>
              {place > 0 && ", "}
              <a href={linkTo("lists", name)}>
                <ExternalText text={name} />
              </a>
            </>
          ))}
        </Line>
      )}
      {alert.segment !== null && (
        <Line name="segment">
          <ExternalText text={alert.segment} />
        </Line>
      )}
      <Line name="policy">{alert.policy === null ? "the default" : <a href={linkTo("policy", alert.policy)}>version {alert.policy}</a>}</Line>
    </dl>
  );
}

function Line({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Cause({ alert, reason }: { alert: Alert; reason: string }): JSX.Element {
  if (alert.decided_by === null) return <>{alert.is_sample ? "chance: it was approved, and is checked" : "the bands of the score"}</>;
  return <ExternalText text={reason ? `${alert.decided_by}: ${reason}` : alert.decided_by} />;
}

/** What decided, as short as a list of alerts needs it; empty where the model's score did. */
export function shortCause(alert: Alert): string {
  return alert.decided_by === null ? "" : alert.decided_by.replaceAll("_", " ");
}

function ruleName(rule: string): string {
  return rule.replace(/@(\d+)$/, " (version $1)");
}
