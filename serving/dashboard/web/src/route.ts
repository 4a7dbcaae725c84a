import { Cell } from "./state";

export type Page = "live" | "review" | "case" | "models" | "monitoring" | "audit";
export interface Route {
  page: Page;
  id: string;
}

const pages: readonly string[] = ["live", "review", "case", "models", "monitoring", "audit"];

function read(): Route {
  const [page = "", id = ""] = location.hash.replace(/^#\/?/, "").split("/");
  return { page: (pages.includes(page) ? page : "live") as Page, id: decoded(id) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = new Cell<Route>(read());
window.addEventListener("hashchange", () => route.set(read()));

export function link(page: Page, id = ""): string {
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}`;
}

export function go(page: Page, id = ""): void {
  location.hash = link(page, id);
}
