import { idleFor } from "./session/activity";
import type { Conflict } from "./case_types";
import type { Me } from "./types";

let csrf = "";
let onLoggedOut: () => void = () => {};

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Of a refusal because another person was there first. */
    readonly conflict: Conflict | null = null,
  ) {
    super(message);
  }
}

export function whenLoggedOut(act: () => void): void {
  onLoggedOut = act;
}

export async function get<T>(path: string, query: Record<string, string | number | null> = {}): Promise<T> {
  const wanted = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const search = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)]));
  return ask<T>(`api/${path}${wanted.length ? `?${search}` : ""}`, {});
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(`api/${path}`, change(body));
}

/** Saves the file that the server answers with, under the name that it gives. */
export async function download(path: string, body: unknown): Promise<void> {
  const answer = await fetched(`api/${path}`, change(body));
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "export.csv";
  const address = URL.createObjectURL(await answer.blob());
  const anchor = Object.assign(document.createElement("a"), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const change = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
  body: JSON.stringify(body),
});

export async function me(): Promise<Me | null> {
  const answer = await fetch("api/me", withIdleTime({}));
  return answer.ok ? remember((await answer.json()) as Me) : null;
}

/** A request that says how long ago the user did something: only that keeps the session open. */
const withIdleTime = (init: RequestInit): RequestInit => ({ ...init, headers: { ...init.headers, "X-Idle-Ms": String(idleFor()) } });

export async function logIn(name: string, password: string): Promise<Me> {
  return remember(await post<Me>("login", { name, password }));
}

export async function changePassword(password: string, replacement: string): Promise<Me> {
  return remember(await post<Me>("password", { password, new: replacement }));
}

function remember(one: Me): Me {
  csrf = one.csrf;
  return one;
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await fetched(path, init);
  return (answer.status === 204 ? null : await answer.json()) as T;
}

async function fetched(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, withIdleTime(init));
  } catch {
    throw new ApiError(0, "The dashboard's server does not answer.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && !path.endsWith("/login")) onLoggedOut();
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { detail, conflict } = JSON.parse(text) as { detail: unknown; conflict?: Conflict };
    return new ApiError(answer.status, typeof detail === "string" ? detail : "The request was not understood.", conflict);
  } catch {
    return new ApiError(answer.status, text.slice(0, 200) || `The server answered ${answer.status}.`);
  }
}
