import type { JSX } from "preact";
import type { Days } from "../../lib/find/period";

/** The first and the last day in the chosen zone. */
export function DayFields({ days, change }: { days: Days; change: (days: Days) => void }): JSX.Element {
  return (
    <>
      <label>
        <span>from day</span>
        <input type="date" max={days.to || undefined} value={days.from} onInput={(event) => change({ ...days, from: event.currentTarget.value })} />
      </label>
      <label>
        <span>to day</span>
        <input type="date" min={days.from || undefined} value={days.to} onInput={(event) => change({ ...days, to: event.currentTarget.value })} />
      </label>
    </>
  );
}
