import { post } from "./api";
import type { ReviewAnswer } from "./case_types";
import { go, route } from "./route";
import { arrived, Cell } from "./state";
import type { Alert } from "./types";

/** A review that was made here; until `undo_until` it can be undone. */
export const lastReview = new Cell<ReviewAnswer | null>(null);

/** Shows the changed alerts everywhere, and offers to undo the review. */
export function noteReview(answer: ReviewAnswer): void {
  lastReview.set(answer);
  arrived.set({ alerts: answer.alerts, more: 0 });
}

/** Undoes the last review and opens its alert again. */
export async function undoLastReview(): Promise<void> {
  const last = lastReview.value;
  const first = last?.alerts[0];
  if (!last || !first) return;
  const answer = await post<{ alerts: Alert[] }>("reviews/undo", { ids: last.ids });
  lastReview.set(null);
  arrived.set({ alerts: answer.alerts, more: 0 });
  go(route.value.page === "case" ? "case" : "review", first);
}
