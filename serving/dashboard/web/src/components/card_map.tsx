import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Frame } from "./charts";
import { date, money, zoneName } from "../lib/format";
import type { Payment } from "../lib/types";

let outline: Promise<number[][]> | null = null;

/** The outlines of the countries, in tenths of a degree, each ring as differences. */
function loadOutline(): Promise<number[][]> {
  outline ??= fetch("world.json").then((answer) => answer.json() as Promise<number[][]>);
  return outline;
}

function useOutline(): number[][] {
  const [rings, setRings] = useState<number[][]>([]);
  useEffect(() => {
    loadOutline().then(setRings, () => setRings([]));
  }, []);
  return rings;
}

interface View {
  west: number;
  north: number;
  scale: number;
  squeeze: number;
}

type Placed = Payment & { latitude: number; longitude: number };

function isPlaced(one: Payment): one is Placed {
  return one.latitude !== null && one.longitude !== null;
}

/** Where a card was used, drawn without a tile server; the line connects the payments in their order. */
export function CardMap({ payments, chosen }: { payments: Payment[]; chosen: string }): JSX.Element {
  const rings = useOutline();
  const places = payments.filter(isPlaced).slice(-40);
  if (!places.length) return <p class="empty">No payment of this card has coordinates.</p>;
  return (
    <Frame label={`Map of the card's last ${places.length} payments`} height={260}>
      {(width, height) => {
        const view = fit(places, width, height);
        const at = (one: Placed): [number, number] => [
          (one.longitude - view.west) * view.scale * view.squeeze,
          (view.north - one.latitude) * view.scale,
        ];
        const path = places.map((one, n) => `${n ? "L" : "M"}${at(one).map((value) => value.toFixed(1)).join(" ")}`);
        return (
          <>
            <rect class="sea" width={width} height={height} rx={6} />
            <path class="land" d={rings.map((ring) => trace(ring, view)).join("")} />
            <path class="trail" d={path.join("")} />
            {places.map((one) => {
              const [x, y] = at(one);
              const here = one.transaction_id === chosen;
              return (
                <g key={one.transaction_id}>
                  {here && <circle class="halo" cx={x} cy={y} r={11} />}
                  <circle class={`place ${here || one.flagged ? "risk" : "calm"}`} cx={x} cy={y} r={here ? 5 : 3.5}>
                    <title>{`${money(one)}, ${date(one.timestamp)} ${zoneName(one.timestamp)}`}</title>
                  </circle>
                </g>
              );
            })}
          </>
        );
      }}
    </Frame>
  );
}

/** A view of all places with a margin, no closer than a few hundred kilometres. */
function fit(places: Placed[], width: number, height: number): View {
  const latitudes = places.map((one) => one.latitude);
  const longitudes = places.map((one) => one.longitude);
  const middle = (Math.min(...latitudes) + Math.max(...latitudes)) / 2;
  const squeeze = Math.max(0.35, Math.cos((middle * Math.PI) / 180));
  const tall = Math.max(9, (Math.max(...latitudes) - Math.min(...latitudes)) * 1.5);
  const wide = Math.max(9, (Math.max(...longitudes) - Math.min(...longitudes)) * 1.35);
  const scale = Math.min(height / tall, width / (wide * squeeze));
  return {
    scale,
    squeeze,
    west: (Math.min(...longitudes) + Math.max(...longitudes)) / 2 - width / scale / squeeze / 2,
    north: middle + height / scale / 2,
  };
}

function trace(ring: number[], view: View): string {
  let [x, y] = [0, 0];
  let path = "";
  for (let n = 0; n < ring.length; n += 2) {
    x += ring[n] ?? 0;
    y += ring[n + 1] ?? 0;
    const px = (x / 10 - view.west) * view.scale * view.squeeze;
    path += `${n ? "L" : "M"}${px.toFixed(1)} ${((view.north - y / 10) * view.scale).toFixed(1)}`;
  }
  return `${path}Z`;
}
