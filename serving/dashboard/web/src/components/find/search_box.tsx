import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../../lib/keys";
import { link } from "../../lib/route";
import { wanted } from "../../lib/find/search";
import { useCell } from "../../lib/state";

/** The search of every page; `/` focuses it, and on the page of the search the field there. */
export function SearchBox(): JSX.Element {
  const now = useCell(wanted);
  const box = useRef<HTMLInputElement>(null);
  useKeys((event) => {
    if (event.key !== "/" || event.repeat) return;
    event.preventDefault();
    const field = document.querySelector<HTMLInputElement>("#search-text") ?? box.current;
    if (field?.checkVisibility()) field.select();
    else location.hash = link("search");
  });
  const open = (event: Event): void => {
    event.preventDefault();
    location.hash = link("search");
  };
  return (
    <form class="search-box" role="search" onSubmit={open}>
      <input
        ref={box}
        type="search"
        aria-label="Search"
        aria-keyshortcuts="/"
        maxLength={64}
        placeholder="Search ( / )"
        value={now.text}
        onInput={(event) => wanted.set({ ...wanted.value, text: event.currentTarget.value })}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
    </form>
  );
}
