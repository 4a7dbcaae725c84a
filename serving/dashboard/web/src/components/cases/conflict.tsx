import type { JSX } from "preact";
import { isolated } from "../external_text";

interface NoticeProps {
  problem: string;
  repeat: (() => void) | null;
  /** What the button says that does it all the same. */
  confirm: string;
  dismiss: () => void;
}

/** What went wrong; where another person was there first, the choice to do it all the same. */
export function ConflictNotice({ problem, repeat, confirm, dismiss }: NoticeProps): JSX.Element | null {
  if (!problem) return null;
  return (
    <div class="conflict" role="alert">
      <p class="problem">{isolated(problem)}</p>
      {repeat && (
        <div class="buttons">
          <button type="button" onClick={repeat}>
            {confirm}
          </button>
          <button type="button" class="quiet" onClick={dismiss}>
            Cancel
          </button>
        </div>
      )}
    </div>
  );
}
