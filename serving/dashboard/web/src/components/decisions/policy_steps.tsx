import type { ComponentChildren, JSX } from "preact";
import { decimal, integer, moment, percent } from "../../lib/format";
import { linkTo } from "../../lib/route";
import { useNow } from "../../lib/state";
import type { Bands, ParsedPolicy, PolicyListUse, PolicyRule } from "../../lib/types";
import { OutcomeChip } from "./decision";
import { ExternalText, isolated } from "../external_text";

/** A policy in the order in which it decides; the first step that applies decides. */
export function PolicySteps({ policy }: { policy: ParsedPolicy }): JSX.Element {
  const deciding = policy.lists.filter((one) => one.outcome !== null);
  const helping = policy.lists.filter((one) => one.outcome === null);
  return (
    <>
      <ol class="steps">
        {deciding.map((one) => (
          <ListStep key={`list ${one.name}`} one={one} />
        ))}
        {policy.rules.map((one) => (
          <RuleStep key={`rule ${one.name}`} one={one} />
        ))}
        {policy.segments.map((one) => (
          <BandsStep key={`bands ${one.name}`} one={one} />
        ))}
      </ol>
      <p class="facts">{around(policy, helping).join(" ")}</p>
    </>
  );
}

function around(policy: ParsedPolicy, helping: PolicyListUse[]): string[] {
  return [
    "The first step that applies decides.",
    helping.length ? `Rules also use the lists ${helping.map((one) => isolated(one.name)).join(", ")}.` : "",
    policy.review_capacity === null ? "" : `Analysts can do ${integer(policy.review_capacity)} reviews a day.`,
    policy.control_share ? `${share(policy.control_share)} of the cards are the control group: their payments are approved.` : "",
    policy.sample_share ? `${share(policy.sample_share)} of approved payments go to analysts at random.` : "",
  ].filter(Boolean);
}

const share = (value: number): string => percent(value, value < 0.01 ? 2 : value < 0.1 ? 1 : 0);

function Step({ kind, state, children }: { kind: string; state?: string; children: ComponentChildren }): JSX.Element {
  return (
    <li class={state ?? ""}>
      <span class="step-kind">{kind}</span>
      <div>{children}</div>
    </li>
  );
}

function ListStep({ one }: { one: PolicyListUse }): JSX.Element {
  return (
    <Step kind="list">
      <p>
        {one.outcome && <OutcomeChip outcome={one.outcome} />} if <code>{one.field}</code> is on{" "}
        <a href={linkTo("lists", one.name)}>
          <ExternalText text={one.name} />
        </a>
      </p>
      <p class="facts">{[`${integer(one.entries)} entries`, one.reason ? isolated(one.reason) : ""].filter(Boolean).join(" · ")}</p>
    </Step>
  );
}

function RuleStep({ one }: { one: PolicyRule }): JSX.Element {
  const now = useNow(60_000);
  const expired = one.expires !== null && one.expires <= now;
  const facts = [
    `priority ${one.priority}`,
    one.mode === "live" && one.share < 1 ? `${share(one.share)} of the cards` : "",
    one.owner ? `owner ${isolated(one.owner)}` : "",
    one.expires === null ? "" : `${expired ? "expired" : "until"} ${moment(one.expires)}`,
    one.outcome === "approve" ? "" : `decided ${integer(one.decided_today)} payments today`,
  ];
  return (
    <Step kind="rule" state={one.mode === "live" && !expired ? "" : "idle"}>
      <p>
        <OutcomeChip outcome={one.outcome} />{" "}
        <strong>
          <ExternalText text={one.name} />
        </strong>{" "}
        {one.mode !== "live" && <span class="chip mode">{one.mode === "shadow" ? "in shadow: decides nothing" : "off"}</span>}
      </p>
      <pre class="predicate" dir="ltr">
        {one.when}
      </pre>
      {one.reason && (
        <p>
          <ExternalText text={one.reason} />
        </p>
      )}
      <p class="facts">{facts.filter(Boolean).join(" · ")}</p>
    </Step>
  );
}

function BandsStep({ one }: { one: Bands }): JSX.Element {
  return (
    <Step kind="bands">
      <p>
        {one.when === null ? (
          "All other payments, by "
        ) : (
          <>
            Segment{" "}
            <strong>
              <ExternalText text={one.name} />
            </strong>
            , by{" "}
          </>
        )}
        {one.value === "probability" ? "probability of fraud" : "expected cost (probability times amount)"}
      </p>
      {one.when !== null && (
        <pre class="predicate" dir="ltr">
          {one.when}
        </pre>
      )}
      <ul class="bands">
        <li>
          <OutcomeChip outcome="approve" /> below
        </li>
        {one.bands.map((band) => (
          <li key={band.outcome}>
            <OutcomeChip outcome={band.outcome} /> from {band.lower === "model" ? "the model’s alert threshold" : one.value === "probability" ? probability(band.lower) : decimal(band.lower, band.lower % 1 ? 2 : 0)}
          </li>
        ))}
      </ul>
    </Step>
  );
}

const probability = (value: number): string => `${decimal(value * 100, (value * 100) % 1 ? 1 : 0)} %`;
