import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, logIn } from "./api";
import { useAnswer } from "./state";
import type { Me } from "./types";

export function Login({ enter }: { enter: (me: Me) => void }): JSX.Element {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const company = useAnswer<{ issuer: string | null }>("login").value?.issuer;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem("");
    try {
      enter(await logIn(String(fields.get("name")), String(fields.get("password"))));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <img src="icon.svg" alt="" width={44} height={44} />
        <h1>Fraud desk</h1>
        {company && (
          <>
            <a class="primary" href="api/oidc/login">
              {company}
            </a>
            <p class="or">or with a password of this desk</p>
          </>
        )}
        <label>
          Name
          <input name="name" autocomplete="username" required maxLength={64} autoFocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required maxLength={256} />
        </label>
        <button type="submit" class="primary" disabled={busy}>
          Log in
        </button>
        <p class="problem" role="alert">
          {problem}
        </p>
        <p class="facts">
          The first password was shown once, when the dashboard first started. <code>fraud dashboard user add</code> makes others.
        </p>
      </form>
    </main>
  );
}
