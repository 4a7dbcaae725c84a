import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { money } from "../../lib/format";
import { useKeys } from "../../lib/keys";
import { link } from "../../lib/route";
import { useCell, useNow } from "../../lib/state";
import { lastReview, undoLastReview } from "../../lib/undo";
import { MerchantLink } from "../ids";

/** The review that was just made, which can be undone for a few seconds. */
export function ReviewToast(): JSX.Element | null {
  const last = useCell(lastReview);
  const now = useNow(200);
  const [problem, setProblem] = useState("");
  const left = Math.ceil(((last?.undo_until ?? 0) - now) / 1_000);
  const undo = (): void => {
    setProblem("");
    undoLastReview().catch((error: Error) => setProblem(error.message));
  };
  useKeys((event) => {
    if (event.key === "z" && !event.repeat && left > 0) undo();
  });
  const first = last?.alerts[0];
  if (!last || !first) return null;
  const count = last.alerts.length;
  return (
    <p class="toast" role="status">
      <span class={`chip ${first.outcome}`}>{first.outcome}</span>{" "}
      {count > 1 ? (
        `${count} alerts`
      ) : (
        <>
          {money(first)} at <MerchantLink id={first.merchant_id} otherwise="?" />
        </>
      )}{" "}
      {left > 0 ? (
        <button type="button" class="quiet" onClick={undo}>
          Undo <kbd>z</kbd> <span class="seconds">{left} s</span>
        </button>
      ) : (
        <a href={link("review", first)}>open it again</a>
      )}
      {problem && <span class="problem"> {problem}</span>}
    </p>
  );
}
