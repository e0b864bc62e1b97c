/**
 * Draws a chart description (Vega-Lite) as an SVG file. What is drawn is decided in charts.mjs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const LOOKS = {
  background: 'white',
  padding: 12,
  font: 'Helvetica, Arial, sans-serif',
  axis: { labelFontSize: 11, titleFontSize: 11, titleFontWeight: 'normal', gridColor: '#eee', domain: false },
  header: { labelFontSize: 12, labelFontWeight: 'bold', titleFontSize: 12 },
  title: { fontSize: 14, anchor: 'start', subtitleFontSize: 11, subtitleColor: '#555' },
  legend: { labelFontSize: 11, titleFontSize: 11, labelLimit: 320 },
  view: { stroke: null },
};

async function writeChart(directory, name, chart) {
  mkdirSync(directory, { recursive: true });
  const spec = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config: LOOKS, ...chart };
  const view = new View(parse(compile(spec, { logger: quiet }).spec), { renderer: 'none' });
  const file = path.join(directory, `${name}.svg`);
  writeFileSync(file, `${await view.toSVG()}\n`);
  view.finalize();
  return file;
}

const quiet = {
  level: () => quiet,
  error: (...said) => {
    throw new Error(said.join(' '));
  },
  warn: () => quiet,
  info: () => quiet,
  debug: () => quiet,
};

/** Several charts of one study; each is kept as `NAME-KEY.svg`. */
export async function writeCharts(directory, name, charts) {
  const files = [];
  for (const [key, chart] of Object.entries(charts)) {
    files.push(await writeChart(directory, `${name}-${key}`, chart));
  }
  return files;
}
