import { Cell } from "./state";

type Theme = "system" | "dark" | "light";
const order: Theme[] = ["system", "dark", "light"];

function stored(): Theme {
  try {
    const name = localStorage.getItem("theme");
    return order.find((one) => one === name) ?? "system";
  } catch {
    return "system"; // a browser that lets pages store nothing
  }
}

export const theme = new Cell<Theme>(stored());

export function nextTheme(): void {
  const next = order[(order.indexOf(theme.value) + 1) % order.length] ?? "system";
  try {
    localStorage.setItem("theme", next);
  } catch {
    // It lasts until the page is closed.
  }
  theme.set(next);
  applyTheme();
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

export function themeName(one: Theme): string {
  return one === "system" ? "auto theme" : `${one} theme`;
}
