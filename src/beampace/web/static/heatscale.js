// What a heat map shows: scores of frames, and the colours for them.
import { number } from "./values.js";

// Resolution in angstrom at which a combined score equals the number of spots.
const USUAL_D_MIN = 2.0;

export const SCORES = {
  spots: { label: "Spots", unit: "", text: (v) => number(v, 4) },
  intensity: { label: "Intensity", unit: "counts", text: (v) => `${number(v, 4)} counts` },
  resolution: { label: "Resolution", unit: "\u00c5", text: (v) => (v > 0 ? `${number(1 / v, 3)} \u00c5` : "none seen") },
  combined: { label: "Combined", unit: "spots \u00d7 2 \u00c5 / resolution", text: (v) => number(v, 4) },
};

// The score of one frame; more is better. The same as of the program that made the map: good spots, their counts,
// 1/d_min (0 without an estimate), spots times 2 A / d_min (half the spots without). null without an answer.
export function scoreOf(kind, { spots, intensity, d_min: dMin }) {
  if (spots === null || spots === undefined) return null;
  const known = dMin !== null && dMin !== undefined;
  if (kind === "spots") return spots;
  if (kind === "intensity") return intensity ?? null;
  if (kind === "resolution") return known ? 1 / dMin : 0;
  return spots * (known ? USUAL_D_MIN / dMin : 0.5);
}

// Viridis (van der Walt and Smith): even steps look even, also to colour-blind people and in grey.
const VIRIDIS = [
  [68, 1, 84], [72, 24, 106], [71, 45, 123], [66, 64, 134], [59, 82, 139], [51, 99, 141], [44, 114, 142],
  [38, 130, 142], [33, 145, 140], [31, 160, 136], [40, 174, 128], [63, 188, 115], [94, 201, 98], [132, 212, 75],
  [173, 220, 48], [216, 226, 25], [253, 231, 37],
];

// [red, green, blue] for a part from 0 to 1.
export function viridis(part) {
  const at = Math.min(1, Math.max(0, part)) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const [from, to] = [VIRIDIS[below], VIRIDIS[below + 1]];
  return from.map((value, k) => Math.round(value + (to[k] - value) * (at - below)));
}
