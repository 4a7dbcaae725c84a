import type { JSX } from "preact";
import { Frame } from "./charts";
import { date, duration, money, probability, units, zoneName } from "../lib/format";
import type { Payment } from "../lib/types";

/** A card's payments over time; the height is the amount, logarithmic. */
export function Timeline({ payments, chosen }: { payments: Payment[]; chosen: string }): JSX.Element {
  const first = payments[0];
  const last = payments[payments.length - 1];
  if (!first || !last) return <p class="empty">No payment of this card is stored.</p>;
  const span = Math.max(last.timestamp - first.timestamp, 60_000);
  const value = (one: Payment): number => one.amount / 10 ** one.digits;
  const most = Math.max(...payments.map(value), 1);
  return (
    <>
      <Frame label={`The card's last ${payments.length} payments`} height={150}>
        {(width, full, unit) => {
          const base = full - 18 * unit;
          const x = (one: Payment): number => 10 + ((one.timestamp - first.timestamp) / span) * (width - 20);
          const y = (one: Payment): number =>
            base - 6 - (Math.log10(value(one) + 1) / Math.log10(most + 1)) * (base - 24 * unit);
          return (
            <>
              <text class="tick" x={0} y={10 * unit}>
                {units(Math.round(most), 0, (payments.find((one) => value(one) === most) ?? first).currency)}
              </text>
              <line class="axis" x1={0} x2={width} y1={base} y2={base} />
              {payments.map((one) => {
                const here = one.transaction_id === chosen;
                const tone = here || one.flagged ? "risk" : one.score === null ? "unscored" : "calm";
                return (
                  <g key={one.transaction_id}>
                    <line class={`stem ${tone}`} x1={x(one)} x2={x(one)} y1={base} y2={y(one)} />
                    {here && <circle class="halo" cx={x(one)} cy={y(one)} r={9} />}
                    <circle class={`place ${tone}`} cx={x(one)} cy={y(one)} r={here ? 5 : 3.5}>
                      <title>
                        {`${money(one)}, ${date(one.timestamp)} ${zoneName(one.timestamp)}${one.score === null ? "" : `, fraud probability ${probability(one.score)}`}`}
                      </title>
                    </circle>
                    {one.is_fraud === 1 && <path class="cross" d={cross(x(one), y(one) - 11)} />}
                  </g>
                );
              })}
              <text class="tick" x={0} y={full - 3}>
                {date(first.timestamp)}
              </text>
              <text class="tick" x={width} y={full - 3} text-anchor="end">
                {span > 120_000 ? `${duration(span)}, to ${date(last.timestamp)} ${zoneName(last.timestamp)}` : `${date(last.timestamp)} ${zoneName(last.timestamp)}`}
              </text>
          </>
        );
      }}
    </Frame>
    <p class="legend">
      <span class="key dot halo">this payment</span>
      <span class="key dot risk">flagged</span>
      <span class="key dot calm">not flagged</span>
      {payments.some((one) => one.is_fraud === 1) && <span class="key crossed">known fraud</span>}
      <span>height: amount, logarithmic</span>
    </p>
    </>
  );
}

function cross(x: number, y: number): string {
  return `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`;
}
