// Builds the page into ../static, which is committed: who runs the dashboard needs no Node.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { feature } from "topojson-client";

const target = "../static";
mkdirSync(target, { recursive: true });

await build({
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  outdir: target,
});
await build({ entryPoints: ["src/style.css"], minify: true, outfile: `${target}/app.css` });
copyFileSync("src/index.html", `${target}/index.html`);
copyFileSync("src/icon.svg", `${target}/icon.svg`);

// A ring that crosses the antimeridian goes on beyond it, instead of all the way back around the world.
const step = (dx, y) => (Math.abs(dx) < 1800 || y < -800 ? dx : dx - 3600 * Math.sign(dx));

// Natural Earth's countries (public domain) in tenths of a degree, each ring as differences.
const atlas = JSON.parse(readFileSync("node_modules/world-atlas/countries-110m.json", "utf8"));
const world = feature(atlas, atlas.objects.countries).features.flatMap(({ geometry }) =>
  (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates).flatMap((polygon) =>
    polygon.map((ring) => {
      const points = ring.map(([x, y]) => [Math.round(x * 10), Math.round(y * 10)]);
      return points.flatMap(([x, y], at) => (at ? [step(x - points[at - 1][0], y), y - points[at - 1][1]] : [x, y]));
    }),
  ),
);
writeFileSync(`${target}/world.json`, JSON.stringify(world));
