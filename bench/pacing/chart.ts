import { lostOf, type Outcome, ratioOf } from './outcome.ts';

const WIDTH = 880;
const LEFT = 250;
const RIGHT = 190;
const TOP = 92;
const BAR = 11;
const GAP = 3;
const BETWEEN = 15;
/** Longer bars are cut off, and say how long they are. */
const MOST = 4;
/** Distinguishable without seeing colour, on light and on dark. */
const COLOURS = ['#0f7bd4', '#c98500', '#c4562e', '#8a63b5'];

/** The ratio of every client in every scenario as an SVG drawing that can be read on light and on dark pages. */
export function drawChart(outcomes: readonly Outcome[], measuredAt: string): string {
  const clients = [...new Set(outcomes.map(({ client }) => client))];
  const scenarios = [...new Set(outcomes.map(({ scenario }) => scenario))];
  const plot = WIDTH - LEFT - RIGHT;
  const x = (ratio: number): number => LEFT + (Math.min(ratio, MOST) / MOST) * plot;
  const colourOf = (client: string): string => COLOURS[clients.indexOf(client) % COLOURS.length]!;

  const rows: string[] = [];
  let y = TOP;
  for (const scenario of scenarios) {
    const mine = outcomes.filter((outcome) => outcome.scenario === scenario);
    const height = mine.length * (BAR + GAP);
    rows.push(text(LEFT - 12, y + height / 2 + 3, `${scenario.title} (${scenario.id})`, 'name', 'end'));
    for (const outcome of mine) {
      const ratio = ratioOf(outcome);
      const lost = lostOf(outcome);
      const bar = { x: LEFT, y, width: round(x(ratio) - LEFT), height: BAR, rx: 2, fill: colourOf(outcome.client) };
      rows.push(`<rect ${attributes(bar)}${lost > 0 ? ' fill-opacity="0.35"' : ''}/>`);
      rows.push(text(round(x(ratio) + 6), y + BAR - 2, labelOf(outcome, ratio, lost), 'value'));
      y += BAR + GAP;
    }
    y += BETWEEN;
  }
  const bottom = y;
  const grid = Array.from({ length: MOST + 1 }, (_, ratio) => ratio).map((ratio) => {
    const line = { x1: round(x(ratio)), x2: round(x(ratio)), y1: TOP - 8, y2: bottom - 8 };
    const label = text(round(x(ratio)), bottom + 8, ratio === 1 ? '1 = ideal' : String(ratio), 'value', 'middle');
    return `<line ${attributes(line)} class="${ratio === 1 ? 'ideal' : 'grid'}"/>${label}`;
  });
  let keyX = 24;
  const keys = clients.map((client) => {
    const at = keyX;
    keyX += 36 + client.length * 7;
    const mark = { x: at, y: 52, width: 12, height: 12, rx: 2, fill: colourOf(client) };
    return `<rect ${attributes(mark)}/>${text(at + 18, 62, client, 'name')}`;
  });
  const height = bottom + 44;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    '<title>Time to the last answer, as a multiple of what the token bucket allows</title>',
    `<style>
text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-size: 16px; font-weight: 600 } .value { font-size: 11px; fill: #59636e; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
.card { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0 } .ideal { stroke: #59636e; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .value { fill: #9198a1; stroke: #0d1117 }
.card { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d } .ideal { stroke: #9198a1 }
}
</style>`,
    `<rect ${attributes({ x: 0.5, y: 0.5, width: WIDTH - 1, height: height - 1, rx: 8 })} class="card"/>`,
    text(24, 34, 'Time to the last answer ÷ the least time that the token bucket allows', 'head'),
    ...keys,
    ...grid,
    ...rows,
    text(24, height - 12, `Pale: items were lost. Measured ${measuredAt.slice(0, 10)}: npm run bench:pacing`, 'value'),
    '</svg>',
  ].join('\n')}\n`;
}

function labelOf({ throttled, ended }: Outcome, ratio: number, lost: number): string {
  return [
    // How soon a part of the work was done says little.
    ...(lost > 0 ? [`${lost} items lost`] : []),
    Number.isFinite(ratio) ? ratio.toFixed(2) : 'no answer',
    ...(throttled > 0 ? [`${throttled} × 429`] : []),
    ...(ended ? [] : ['stopped']),
  ].join(', ');
}

function text(x: number, y: number, content: string, className: string, anchor = 'start'): string {
  return `<text ${attributes({ x, y, class: className, 'text-anchor': anchor })}>${escape(content)}</text>`;
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escape(String(value))}"`)
    .join(' ');
}

function escape(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
