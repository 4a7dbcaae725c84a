import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { changePassword } from "../lib/api";
import type { Me } from "../lib/types";

const shortest = 12;

/** Choosing another password; `leave` is absent where there is no way around it. */
export function PasswordPage({ me, changed, leave }: { me: Me; changed: (me: Me) => void; leave?: () => void }): JSX.Element {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const [present, next, again] = ["present", "next", "again"].map((name) => String(fields.get(name)));
    if (next !== again) {
      setProblem("The new password differs from its repetition.");
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      changed(await changePassword(present ?? "", next ?? ""));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <img src="icon.svg" alt="" width={44} height={44} />
        <h1>Choose a password</h1>
        {me.must_change_password && <p>Another person knows your present password. Choose one that only you know.</p>}
        <input type="text" name="name" value={me.name} autocomplete="username" hidden readOnly />
        <label>
          Present password
          <input name="present" type="password" autocomplete="current-password" required maxLength={256} autoFocus />
        </label>
        <label>
          New password
          <input name="next" type="password" autocomplete="new-password" required minLength={shortest} maxLength={256} />
        </label>
        <label>
          New password again
          <input name="again" type="password" autocomplete="new-password" required minLength={shortest} maxLength={256} />
        </label>
        <button type="submit" class="primary" disabled={busy}>
          Change the password
        </button>
        {leave && (
          <button type="button" class="quiet" onClick={leave}>
            Keep the present one
          </button>
        )}
        <p class="problem" role="alert">
          {problem}
        </p>
        <p class="facts">At least {shortest} characters, without your name. Your other sessions end.</p>
      </form>
    </main>
  );
}
