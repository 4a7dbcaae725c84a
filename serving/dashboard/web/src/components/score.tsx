import type { JSX } from "preact";

/** A fraud probability, with a mark at the alert threshold. */
export function ScoreBar({ score: value, threshold }: { score: number; threshold: number }): JSX.Element {
  return (
    <svg class="score-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width={100} height={6} rx={1} />
      <rect class="risk" width={value * 100} height={6} rx={1} />
      <rect class="notch" x={threshold * 100 - 0.4} width={0.8} height={6} />
    </svg>
  );
}
