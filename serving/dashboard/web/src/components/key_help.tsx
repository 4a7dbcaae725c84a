import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useKeys } from "../lib/keys";

/** Every key of the page. */
export const keyGroups: { name: string; keys: [string, string][] }[] = [
  {
    name: "Queue",
    keys: [
      ["j / k", "next and previous case (also ↓ and ↑)"],
      ["J / K", "next and previous alert of the case (with Shift)"],
      ["Esc", "back to the queue"],
    ],
  },
  {
    name: "Case",
    keys: [
      ["c", "claim it, or release it"],
      ["e", "escalate it to an admin"],
    ],
  },
  {
    name: "Review",
    keys: [
      ["f", "fraud"],
      ["l", "legitimate"],
      ["u", "unsure: stored, but not a label"],
      ["F / L / U", "all open alerts of the case (with Shift)"],
      ["n", "write a note first; Esc leaves the field"],
      ["z", "undo the review, within the seconds shown"],
    ],
  },
  {
    name: "Everywhere",
    keys: [
      ["/", "search for a card, a merchant or a transaction"],
      ["?", "this list"],
    ],
  },
];

export function KeyTable(): JSX.Element {
  return (
    <>
      {keyGroups.map((group) => (
        <section key={group.name}>
          <h3>{group.name}</h3>
          <dl>
            {group.keys.map(([key, text]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}

/** The list of keys, which `?` opens on every page. */
export function KeyHelp(): JSX.Element | null {
  const [open, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys((event) => {
    if (event.key === "?") setOpen(true);
  });
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  if (!open) return null;
  return (
    <dialog ref={dialog} class="key-help keys" aria-label="Keys" onClose={() => setOpen(false)}>
      <header>
        <h2>Keys</h2>
        <form method="dialog">
          <button type="submit" class="quiet">
            Close <kbd>Esc</kbd>
          </button>
        </form>
      </header>
      <KeyTable />
    </dialog>
  );
}
