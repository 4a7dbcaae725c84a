import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { logIn, me as whoAmI } from "../lib/api";
import { ExternalText } from "../components/external_text";
import { useQuery } from "../lib/state";
import type { Me } from "../lib/types";

const noCookie = "Your browser did not store the session cookie.";
const needsTls = "With TLS it does so over https only: open this page with https:// in its address.";

interface Methods {
  issuer: string | null;
  password: boolean;
}

export function Login({ enter, ended }: { enter: (me: Me) => void; ended: boolean }): JSX.Element {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const { value: methods, problem: unknown } = useQuery<Methods>("login");
  const company = methods?.issuer;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem("");
    try {
      const me = await logIn(String(fields.get("name")), String(fields.get("password")));
      if (!(await whoAmI())) throw new Error(isSecureContext ? noCookie : `${noCookie} ${needsTls}`);
      enter(me);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <img src="icon.svg" alt="" width={44} height={44} />
        <h1>Fraud dashboard</h1>
        {ended && <p role="status">Your session has ended. Log in again.</p>}
        {company && (
          <a class="primary" href="api/oidc/login">
            <ExternalText text={company} />
          </a>
        )}
        {company && methods?.password && <p class="or">or with a password of this dashboard</p>}
        {(methods ? methods.password : unknown !== null) && <PasswordFields busy={busy} problem={problem} />}
      </form>
    </main>
  );
}

function PasswordFields({ busy, problem }: { busy: boolean; problem: string }): JSX.Element {
  return (
    <>
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
      {!isSecureContext && <p class="facts">This connection is not encrypted: others on the network can read your password. Ask for an https address.</p>}
      <p class="facts">
        The first start says where the first password is. <code>fraud dashboard user</code> adds users, gives new passwords and ends locks.
      </p>
    </>
  );
}
