/**
 * What it costs to turn values into bytes and back, by kind and size; and what compression costs and gains.
 * The codec is measured alone, without a socket, beside JSON and v8's own serializer where those can do it.
 */
import { failure, medianOf, runCases } from '../harness/cases.mjs';
import { lines } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';

const KINDS = ['ascii text', 'utf-8 text', 'Buffer', 'plain JSON', 'JSON with dates and maps'];
const BESIDE = ['JSON', 'v8.serialize'];
const PACKINGS = ['deflate', 'gzip', 'brotli'];

async function measure(context) {
  const cases = [
    ...KINDS.map((kind) => ({ id: kind, codec: 'ours', kind })),
    ...BESIDE.map((codec) => ({ id: `plain JSON by ${codec}`, codec, kind: 'plain JSON' })),
    ...PACKINGS.map((algorithm) => ({ id: algorithm, codec: 'ours', kind: 'plain JSON', algorithm })),
  ];
  const measured = await runCases(context, cases, ({ id: _, runs, errors, ...job }) =>
    context.runChild({ module: 'studies/codec.work.mjs', ...job, seconds: context.seconds }),
  );
  return { cases: measured };
}

const plain = ({ algorithm }) => algorithm === undefined;
const sizesOf = (one) => one.runs.find(Boolean)?.sizes.map(({ asked }) => asked) ?? [];
const at = (one, asked, field) =>
  medianOf(one, (run) => run.sizes.find((size) => size.asked === asked)?.[field]);

function report({ cases }) {
  const rows = cases
    .filter(plain)
    .flatMap((one) =>
      sizesOf(one).map((size) => [
        one.id,
        size.toLocaleString('en'),
        figure(at(one, size, 'bytes')),
        figure(at(one, size, 'encode')),
        figure(at(one, size, 'decode')),
        failure(one),
      ]),
    );
  const packed = cases
    .filter((one) => !plain(one))
    .flatMap((one) =>
      sizesOf(one).map((size) => [one.id, size.toLocaleString('en'), ...gain(one, size, cases)]),
    );
  const failed = cases.filter((one) => sizesOf(one).length === 0).map((one) => `${one.id}: ${failure(one)}`);
  return [
    `Microseconds for one value\n\n${table(['kind', 'size', 'bytes', 'encode us', 'decode us', ''], rows)}\n`,
    `Compression of plain JSON. It pays where the network carries less than the last column: there, sending\nwhat is saved takes longer than packing and unpacking it.\n\n${table(
      ['algorithm', 'size', 'bytes', 'of plain', 'encode us more', 'decode us more', 'pays below Mbit/s'],
      packed,
    )}\n`,
    ...failed,
  ].join('\n');
}

function gain(one, size, cases) {
  const base = cases.find(({ id }) => id === 'plain JSON');
  const bytes = at(one, size, 'bytes');
  const before = at(base, size, 'bytes');
  const encode = at(one, size, 'encode') - at(base, size, 'encode');
  const decode = at(one, size, 'decode') - at(base, size, 'decode');
  // A difference below the noise says nothing.
  const breakEven = encode + decode > 0 ? ((before - bytes) * 8) / (encode + decode) : undefined;
  return [
    figure(bytes),
    `${Math.round((bytes / before) * 100)} %`,
    figure(encode),
    figure(decode),
    figure(breakEven),
  ];
}

function charts({ cases, settings }) {
  const subtitle = `medians of ${settings.rounds} rounds`;
  const values = cases.flatMap((one) =>
    ['encode', 'decode'].flatMap((panel) =>
      sizesOf(one).map((size) => ({
        panel,
        line: one.id,
        x: size,
        y: at(one, size, panel),
      })),
    ),
  );
  return {
    time: lines(values, {
      title: 'Time to encode and decode one value',
      subtitle,
      x: 'bytes of the value, about (log scale)',
      y: 'microseconds (log scale)',
      panels: true,
    }),
  };
}

export default { measure, report, charts };
