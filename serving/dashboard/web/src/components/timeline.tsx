import type { JSX } from "preact";
import { Frame, Ticks } from "./charts";
import { timeTicks } from "./axis";
import { compact, date, money, probability, units, zoneName } from "../lib/format";
import type { Payment } from "../lib/types";

/** A card's payments over time; the height is the amount, logarithmic. */
export function Timeline({ payments, chosen }: { payments: Payment[]; chosen: string }): JSX.Element {
  const first = payments[0];
  const last = payments[payments.length - 1];
  if (!first || !last) return <p class="empty">No payment of this card is stored.</p>;
  const span = Math.max(last.timestamp - first.timestamp, 60_000);
  const value = (one: Payment): number => one.amount / 10 ** one.digits;
  const most = Math.max(...payments.map(value), 1);
  const currencies = new Set(payments.map((one) => one.currency));
  const amount = (one: number): string => (currencies.size === 1 ? units(one, 0, first.currency) : compact(one));
  return (
    <>
      <Frame label={`The card's last ${payments.length} payments`} height={150}>
        {(width, full, unit) => {
          const base = full - 18 * unit;
          const [left, right] = [48 * unit, width - 10];
          const x = (one: Payment): number => left + 8 + ((one.timestamp - first.timestamp) / span) * (right - left - 8);
          const height = (one: number): number => base - 6 - (Math.log10(one + 1) / Math.log10(most + 1)) * (base - 24 * unit);
          const y = (one: Payment): number => height(value(one));
          return (
            <>
              {powers(most).map((one) => (
                <g key={one}>
                  <line class="grid" x1={left} x2={width} y1={height(one)} y2={height(one)} />
                  <text class="tick" x={left - 6} y={height(one) + 4} text-anchor="end">
                    {amount(one)}
                  </text>
                </g>
              ))}
              <line class="axis" x1={left} x2={width} y1={base} y2={base} />
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
              <Ticks ticks={(most) => timeTicks(first.timestamp, first.timestamp + span, most)} left={left + 8} right={right} base={base} unit={unit} />
            </>
        );
      }}
    </Frame>
    <p class="legend">
      <span class="key dot halo">this payment</span>
      <span class="key dot risk">flagged</span>
      <span class="key dot calm">not flagged</span>
      {payments.some((one) => one.is_fraud === 1) && <span class="key crossed">known fraud</span>}
      <span>height: amount, logarithmic; times in {zoneName(last.timestamp)}</span>
    </p>
    </>
  );
}

/** The powers of ten that amounts up to this one are read by, four at most. */
function powers(most: number): number[] {
  const all: number[] = [];
  for (let one = 1; one <= most * 1.05; one *= 10) all.push(one);
  return all.slice(-4);
}

function cross(x: number, y: number): string {
  return `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`;
}
