import type { JSX } from "preact";
import { probability } from "../../lib/format";
import type { Alert } from "../../lib/types";
import { ScoreBar } from "../score";

/** An alert's fraud probability in a row of a list. */
export function ScoreMark({ one }: { one: Pick<Alert, "score" | "threshold"> }): JSX.Element {
  return (
    <span class="feed-score">
      {probability(one.score)}
      <ScoreBar score={one.score} threshold={one.threshold} />
    </span>
  );
}
