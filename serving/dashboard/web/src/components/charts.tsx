import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Tick } from "./axis";
import { probability } from "../lib/format";

/** The width that a box has, as it changes. */
export function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

const usualLetters = 15;

/** How much larger the letters are than on a usual screen, and how much taller charts may be to fill it. */
export interface Scale {
  unit: number;
  stretch: number;
}

function measure(): Scale {
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / usualLetters;
  // On the live page, beside one another: the charts are 480 tall by default, what is around them 390.
  const stretch = window.innerWidth > 1150 ? (window.innerHeight / unit - 390) / 480 : 1;
  return { unit, stretch: Math.min(Math.max(stretch, 1), 3) };
}

export function useScale(): Scale {
  const [scale, setScale] = useState(measure);
  useEffect(() => {
    const look = () => setScale(measure);
    window.addEventListener("resize", look);
    return () => window.removeEventListener("resize", look);
  }, []);
  return scale;
}

interface FrameProps {
  label: string;
  height: number;
  children: (width: number, height: number, unit: number) => ComponentChildren;
}

export function Frame({ label, height, children }: FrameProps): JSX.Element {
  const [box, width] = useWidth();
  const { unit } = useScale();
  const full = Math.round(height * unit);
  return (
    <div class="chart" ref={box}>
      {width > 0 && (
        <svg role="img" aria-label={label} width={width} height={full}>
          {children(width, full, unit)}
        </svg>
      )}
    </div>
  );
}

/** A round number at or above the value, for the top of an axis. */
export function ceiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

export interface Series {
  values: (number | null)[];
  kind: "area" | "line" | "bars" | "dots";
  tone: "calm" | "risk" | "ok" | "faint" | "accent" | "unsure";
}

interface PlotProps {
  label: string;
  height: number;
  series: Series[];
  top?: number;
  format: (value: number) => string;
  /** What is written under the baseline, at most so many. */
  ticks: (most: number) => Tick[];
  mark?: { at: number; text: string };
}

const [tickWidth, letterWidth] = [84, 6.3];

/** The labels of a horizontal axis from `left` to `right`, with a short line at each. */
export function Ticks({ ticks, left, right, base, unit }: { ticks: (most: number) => Tick[]; left: number; right: number; base: number; unit: number }): JSX.Element {
  const found = ticks(Math.max(2, Math.floor((right - left) / (tickWidth * unit))));
  let free = -Infinity;
  const labels = found.flatMap(({ at, text }) => {
    const x = left + at * (right - left);
    const width = text.length * letterWidth * unit;
    const start = Math.max(left, Math.min(x - width / 2, right - width));
    if (start < free) return [];
    free = start + width + 10 * unit;
    return [{ x, start, text }];
  });
  return (
    <g>
      {labels.map(({ x, start, text }) => (
        <g key={x}>
          <line class="axis" x1={x} x2={x} y1={base} y2={base + 3} />
          <text class="tick" x={start} y={base + 15 * unit}>
            {text}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Series over common steps, with a baseline, the top's value and labels of the steps. */
export function Plot({ label, height, series, top, format, ticks, mark }: PlotProps): JSX.Element {
  const highest = Math.max(0, ...series.flatMap((one) => one.values.map((value) => value ?? 0)));
  const limit = top ?? ceiling(Math.max(highest, mark?.at ?? 0));
  return (
    <Frame label={`${label}, at most ${format(highest)}`} height={height}>
      {(width, full, unit) => {
        const base = full - 18 * unit;
        const y = (value: number): number => base - (value / limit) * (base - 16 * unit);
        return (
          <>
            <line class="grid" x1={0} x2={width} y1={y(limit)} y2={y(limit)} />
            <line class="grid" x1={0} x2={width} y1={y(limit / 2)} y2={y(limit / 2)} />
            {series.map((one) => (
              <Drawn key={one.tone + one.kind} series={one} width={width} y={y} base={base} />
            ))}
            <line class="axis" x1={0} x2={width} y1={base} y2={base} />
            {mark && (
              <>
                <line class="mark" x1={0} x2={width} y1={y(mark.at)} y2={y(mark.at)} />
                <text class="tick" x={width} y={y(mark.at) - 4} text-anchor="end">
                  {mark.text}
                </text>
              </>
            )}
            <text class="tick" x={0} y={y(limit) - 4}>
              {top || highest ? format(limit) : ""}
            </text>
            <Ticks ticks={ticks} left={0} right={width} base={base} unit={unit} />
          </>
        );
      }}
    </Frame>
  );
}

interface DrawnProps {
  series: Series;
  width: number;
  base: number;
  y: (value: number) => number;
}

function Drawn({ series, width, y, base }: DrawnProps): JSX.Element {
  const { values, kind, tone } = series;
  const step = width / Math.max(values.length, 1);
  const x = (at: number): number => (at + 0.5) * step;
  if (kind === "bars") {
    const wide = Math.max(1, step - (step > 6 ? 2 : 0.5));
    return (
      <g class={`fill ${tone}`}>
        {values.map((value, at) =>
          value ? (
            <rect key={at} x={x(at) - wide / 2} width={wide} y={Math.min(y(value), base - 1.5)} height={Math.max(base - y(value), 1.5)} />
          ) : null,
        )}
      </g>
    );
  }
  if (kind === "dots") {
    return (
      <g class={`fill ${tone}`}>
        {values.map((value, at) => (value === null ? null : <circle key={at} cx={x(at)} cy={y(value)} r={3.5} />))}
      </g>
    );
  }
  const runs = unbroken(values);
  const path = runs.map((run) => run.map(([at, value], n) => `${n ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("")).join("");
  const area = runs
    .map((run) => {
      const [from, to] = [run[0]?.[0] ?? 0, run[run.length - 1]?.[0] ?? 0];
      const top = run.map(([at, value]) => `L${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
      return `M${x(from).toFixed(1)} ${base}${top}L${x(to).toFixed(1)} ${base}Z`;
    })
    .join("");
  return (
    <>
      {kind === "area" && <path class={`wash ${tone}`} d={area} />}
      <path class={`stroke ${tone}`} d={path} />
    </>
  );
}

function unbroken(values: (number | null)[]): [number, number][][] {
  const runs: [number, number][][] = [];
  let open = false;
  values.forEach((value, at) => {
    if (value === null) {
      open = false;
    } else {
      if (!open) runs.push([]);
      runs[runs.length - 1]?.push([at, value]);
      open = true;
    }
  });
  return runs;
}

interface HistogramProps {
  counts: number[];
  flagged: number;
  threshold: number | null;
  height: number;
}

/** Fraud probabilities; heights are logarithmic, for fraud is rare. What was flagged is drawn before the rest. */
export function ScoreHistogram({ counts, flagged, threshold, height }: HistogramProps): JSX.Element {
  const most = Math.max(10, ...counts);
  const parts = flaggedOf(counts, flagged, threshold);
  return (
    <Frame label={`Distribution of fraud probabilities, ${counts.join(", ")}`} height={height}>
      {(width, full, unit) => {
        const base = full - 18 * unit;
        const step = width / counts.length;
        const tall = (count: number): number => (count ? Math.max((Math.log10(count + 1) / Math.log10(most + 1)) * (base - 20 * unit), 2) : 0);
        const bars = (values: number[], tone: string): JSX.Element => (
          <g class={`fill ${tone}`}>
            {values.map((count, at) => (
              <rect key={at} x={at * step + 1} width={Math.max(step - 2, 1)} y={base - tall(count)} height={tall(count)} />
            ))}
          </g>
        );
        return (
          <>
            {bars(counts, "faint")}
            {bars(parts, "risk")}
            <line class="axis" x1={0} x2={width} y1={base} y2={base} />
            {threshold !== null && (
              <>
                <line class="mark" x1={threshold * width} x2={threshold * width} y1={6} y2={base} />
                <text class="tick" x={threshold * width + (threshold > 0.6 ? -5 : 5)} y={12 * unit} text-anchor={threshold > 0.6 ? "end" : "start"}>
                  alert threshold {probability(threshold)}
                </text>
              </>
            )}
            <text class="tick" x={0} y={full - 3}>
              0 %
            </text>
            <text class="tick" x={width} y={full - 3} text-anchor="end">
              100 %
            </text>
          </>
        );
      }}
    </Frame>
  );
}

/** How many of each bin were flagged: all above the threshold; of the bin that it cuts, what remains of the flagged. */
function flaggedOf(counts: number[], flagged: number, threshold: number | null): number[] {
  if (threshold === null) return counts.map(() => 0);
  const cut = Math.floor(threshold * counts.length);
  const above = counts.slice(cut + 1).reduce((sum, one) => sum + one, 0);
  return counts.map((count, at) => (at > cut ? count : at < cut ? 0 : Math.min(count, Math.max(0, flagged - above))));
}
