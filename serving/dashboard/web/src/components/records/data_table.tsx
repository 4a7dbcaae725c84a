import type { ComponentChildren, JSX } from "preact";

/** The heading of a column, of numbers or of anything else; `false` is left out. */
type Column = string | { number: string } | false;

interface Props {
  columns: Column[];
  /** The rows. */
  children: ComponentChildren;
  /** It scrolls within its panel. */
  tall?: boolean;
  class?: string;
  /** What stands under the rows. */
  below?: ComponentChildren;
}

/** Rows under headings; on a narrow page the table scrolls, also with the keyboard. */
export function DataTable({ columns, children, tall = false, class: name, below }: Props): JSX.Element {
  return (
    <div class={tall ? "scroll tall" : "scroll"} tabIndex={0}>
      <table class={name}>
        <thead>
          <tr>
            {columns.map((one) => one !== false && <Heading key={typeof one === "string" ? one : one.number} column={one} />)}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {below}
    </div>
  );
}

function Heading({ column }: { column: Exclude<Column, false> }): JSX.Element {
  return typeof column === "string" ? <th>{column}</th> : <th class="number">{column.number}</th>;
}
