import type { JSX } from "preact";
import { viewersOf, useViewers } from "../../lib/cases";
import type { AlertCase } from "../../lib/case_types";
import { ago, money, sums } from "../../lib/format";
import { link } from "../../lib/route";
import { useNow } from "../../lib/state";
import { decisionWord } from "../decisions/decision";
import { ExternalText, isolated } from "../external_text";
import { hasWord, reasonLine, state } from "../feed";
import { CardLink, MerchantLink } from "../ids";
import { ScoreMark } from "./score_mark";

interface CaseListProps {
  cases: AlertCase[];
  chosen: string | undefined;
  me: string;
}

/** The queue: one row for each case. */
export function CaseList({ cases, chosen, me }: CaseListProps): JSX.Element {
  const now = useNow(5_000);
  const viewers = useViewers();
  return (
    <ol class="feed">
      {cases.map((one) => (
        <CaseRow key={one.id} one={one} chosen={one.id === chosen} me={me} age={ago(one.main.scored_at, now)} viewers={viewersOf(viewers, one, me)} />
      ))}
    </ol>
  );
}

interface CaseRowProps {
  one: AlertCase;
  chosen: boolean;
  me: string;
  age: string;
  viewers: string[];
}

function CaseRow({ one, chosen, me, age, viewers }: CaseRowProps): JSX.Element {
  const { main } = one;
  const tag = one.open ? "not reviewed" : state(main);
  return (
    <li>
      <div class="feed-row">
        <span class={`tag ${tag.replace(" ", "-")}`} role="img" aria-label={tag} />
        <ScoreMark one={main} />
        <span class="feed-main">
          <span class="feed-top">
            <strong>{one.open ? `${sums(one.at_risk)} at risk` : money(main)}</strong>{" "}
            <span class="muted">
              {one.alerts > 1 ? `${one.alerts} alerts · ` : ""}
              {main.merchant_id === null ? <CardLink card={main} /> : <MerchantLink id={main.merchant_id} />}
            </span>
          </span>
          <a class="feed-open" href={link("review", main)} aria-current={chosen ? "true" : undefined} aria-label={isolated(`${money(main)}: ${reasonLine(main)}`)}>
            {reasonLine(main)}
          </a>
        </span>
        <span class="feed-end">
          <CaseWord one={one} me={me} viewers={viewers} />
          <time dateTime={new Date(main.scored_at).toISOString()}>{age}</time>
        </span>
      </div>
    </li>
  );
}

/** Who has it, or else the outcome or the country. */
function CaseWord({ one, me, viewers }: Pick<CaseRowProps, "one" | "me" | "viewers">): JSX.Element {
  if (one.status === "escalated") return <span class="word escalated">escalated</span>;
  if (one.status === "claimed") return <span class="word claimed">{one.assignee === me ? "yours" : isolated(one.assignee ?? "")}</span>;
  if (viewers.length) return <span class="word seen">{isolated(viewers.join(", "))} looks</span>;
  if (hasWord(one.main)) return <span class={`word decision-${one.main.is_sample ? "sample" : one.main.decision}`}>{decisionWord(one.main)}</span>;
  return (
    <span>
      <ExternalText text={one.main.country ?? ""} />
    </span>
  );
}
