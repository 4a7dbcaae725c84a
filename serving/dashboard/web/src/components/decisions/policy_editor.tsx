import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, post } from "../../lib/api";
import type { Finding, Me } from "../../lib/types";
import { useAction } from "../action";
import { ExternalText } from "../external_text";
import { WhatIf } from "./what_if";

/** The status of a proposal whose author must say why what was found is meant. */
const mustBeMeant = 428;
/** Milliseconds without a key until the text is checked. */
const pause = 500;

interface Checked {
  findings: Finding[];
  /** The text that was checked, and its name. */
  text: string;
  key: string;
  problem: string;
  busy: boolean;
}

/** The text of a policy, checked while it is written, and the form that proposes it. */
export function PolicyEditor({ start, me, proposed }: { start: string; me: Me; proposed: (version: number, unchecked: string) => void }): JSX.Element {
  const [text, setText] = useState(start);
  const [reason, setReason] = useState("");
  const [override, setOverride] = useState("");
  const checked = useFindings(text);
  const { findings, problem, busy: checking } = checked;
  const { busy, problem: refusal, run } = useAction();
  // Found in the text, or on yesterday's payments once it was proposed.
  const [asked, setAsked] = useState("");
  const meant = asked === text || findings.some((one) => one.severity === "override");
  const wrong = findings.some((one) => one.severity === "error");
  const propose = (event: Event): void => {
    event.preventDefault();
    void run(async () => {
      try {
        const answer = await post<{ version: number; unchecked: string }>("policies", { text, reason, override: meant ? override : "" });
        proposed(answer.version, answer.unchecked);
      } catch (error) {
        if (error instanceof ApiError && error.status === mustBeMeant) setAsked(text);
        throw error;
      }
    });
  };
  return (
    <form class="editor-form" onSubmit={propose}>
      <Editor text={text} change={setText} marked={findings} />
      <FindingList findings={findings} problem={problem} checking={checking} changed={text !== start} />
      {meant && (
        <input aria-label="Why this is meant" required minLength={3} maxLength={500} placeholder="why what is found above is meant" value={override} onInput={(event) => setOverride(event.currentTarget.value)} />
      )}
      <div class="propose">
        <input aria-label="Why" required minLength={3} maxLength={500} placeholder="why this change" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        <button type="submit" disabled={busy || wrong || text === start}>
          {busy ? "checking…" : "Propose"}
        </button>
      </div>
      {refusal && (
        <p class="problem" role="alert">
          {refusal}
        </p>
      )}
      {!wrong && checked.key !== "" && checked.text === text && text !== start && <WhatIf key={checked.key} text={text} name={checked.key} me={me} />}
    </form>
  );
}

function useFindings(text: string): Checked {
  const [checked, setChecked] = useState<Checked>({ findings: [], text: "", key: "", problem: "", busy: false });
  useEffect(() => {
    let wanted = true;
    setChecked((last) => ({ ...last, busy: true }));
    const timer = setTimeout(() => {
      post<{ findings: Finding[]; key: string }>("policies/check", { text }).then(
        ({ findings, key }) => wanted && setChecked({ findings, text, key, problem: "", busy: false }),
        (error: Error) => wanted && setChecked({ findings: [], text, key: "", problem: error.message, busy: false }),
      );
    }, pause);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  return checked;
}

function FindingList({ findings, problem, checking, changed }: { findings: Finding[]; problem: string; checking: boolean; changed: boolean }): JSX.Element {
  if (problem) return <p class="problem">{problem}</p>;
  if (!findings.length) return <p class="facts" role="status">{checking ? "Checking…" : changed ? "No mistakes found." : "Change the text; it is checked while you write."}</p>;
  return (
    <ul class="findings" role="status">
      {findings.map((one, place) => (
        <li key={place} class={one.severity}>
          <ExternalText text={one.line === null ? one.text : `Line ${one.line}: ${one.text}`} />
        </li>
      ))}
    </ul>
  );
}

interface EditorProps {
  text: string;
  change: (text: string) => void;
  marked: Finding[];
}

/** A text box with line numbers; lines with findings are marked. */
function Editor({ text, change, marked }: EditorProps): JSX.Element {
  const numbers = useRef<HTMLOListElement>(null);
  const worst = new Map<number, string>();
  for (const one of marked) if (one.line !== null && worst.get(one.line) !== "error") worst.set(one.line, one.severity);
  const lines = text.split("\n").length;
  return (
    <div class="editor">
      <ol class="line-numbers" ref={numbers} aria-hidden="true">
        {Array.from({ length: lines }, (_, at) => (
          <li key={at} class={worst.get(at + 1) ?? ""}>
            {at + 1}
          </li>
        ))}
      </ol>
      <textarea
        aria-label="Policy as YAML"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        wrap="off"
        rows={Math.min(Math.max(lines + 1, 12), 32)}
        maxLength={60_000}
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
        onScroll={(event) => {
          if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
