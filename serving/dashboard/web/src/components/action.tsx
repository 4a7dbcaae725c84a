import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../lib/api";

interface ActionProps {
  /** What the button says before it is pressed. */
  name: string;
  /** What the button says that does it. */
  confirm: string;
  act: (reason: string) => Promise<void>;
  /** Whether a reason must be given. */
  needsReason?: boolean;
  tone?: string;
  children?: ComponentChildren;
}

/** A button that asks for a reason before it does something. */
export function Action({ name, confirm, act, needsReason = true, tone = "quiet", children }: ActionProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const { busy, problem, run } = useAction();
  if (!open) {
    return (
      <button type="button" class={tone} onClick={() => setOpen(true)}>
        {name}
      </button>
    );
  }
  const submit = (event: Event): void => {
    event.preventDefault();
    void run(async () => {
      await act(reason);
      setOpen(false);
      setReason("");
    });
  };
  return (
    <form class="promote action" onSubmit={submit}>
      <input
        aria-label="Reason"
        required={needsReason}
        minLength={needsReason ? 3 : 0}
        maxLength={500}
        placeholder={needsReason ? "why" : "why (may be empty)"}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      {children}
      <div class="buttons">
        <button type="submit" disabled={busy}>
          {busy ? "saving…" : confirm}
        </button>
        <button type="button" class="quiet" onClick={() => setOpen(false)}>
          Cancel
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

interface Running {
  busy: boolean;
  problem: string;
  run: (act: () => Promise<void>) => Promise<void>;
}

/** Runs a request; says what went wrong with it. */
export function useAction(): Running {
  const [state, setState] = useState({ busy: false, problem: "" });
  const run = async (act: () => Promise<void>): Promise<void> => {
    setState({ busy: true, problem: "" });
    try {
      await act();
      setState({ busy: false, problem: "" });
    } catch (error) {
      setState({ busy: false, problem: error instanceof ApiError ? error.message : String(error) });
    }
  };
  return { ...state, run };
}
