import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { decimal } from "../../lib/format";
import type { ExplainedFeature } from "../../lib/types";
import { ExternalText } from "../external_text";

const atFirst = 8;

/** Every feature of the payment, with what it contributed to the score. */
export function FeatureTable({ features }: { features: ExplainedFeature[] | null }): JSX.Element {
  const [all, setAll] = useState(false);
  if (!features) return <p class="facts">Kept for payments that are flagged from now on.</p>;
  const most = Math.max(...features.map((one) => Math.abs(one.contribution ?? 0)), 1e-9);
  return (
    <>
      <p class="facts">What each added to the log-odds of fraud, or took from them (SHAP).</p>
      <div class="scroll" tabIndex={0}>
        <table class="features">
          <thead>
            <tr>
              <th>feature</th>
              <th class="number">contribution</th>
              <th class="contribution" />
            </tr>
          </thead>
          <tbody>
            {features.slice(0, all ? undefined : atFirst).map((one) => (
              <tr key={one.name}>
                <td class="text" title={one.name}>
                  <ExternalText text={one.text} />
                </td>
                <td class="number">{one.contribution === null ? "–" : `${one.contribution > 0 ? "+" : ""}${decimal(one.contribution, 2)}`}</td>
                <td class="contribution">
                  <svg viewBox="-50 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                    <Bar share={(one.contribution ?? 0) / most} />
                  </svg>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {features.length > atFirst && (
        <button type="button" class="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${features.length} features`}
        </button>
      )}
    </>
  );
}

function Bar({ share }: { share: number }): JSX.Element {
  const width = Math.abs(share) * 50;
  return <rect class={share > 0 ? "risk" : "ok"} x={share > 0 ? 0 : -width} width={width} height={8} />;
}
