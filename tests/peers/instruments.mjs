#!/usr/bin/env node
// Are the outcomes that `fixtures/instruments` expects right? Asked of fhirpath.js: the form's own JSON gives the
// completions (options, value sets, bounds, enableWhen, enableWhenExpression), calculated items are calculated anew, and
// every condition is evaluated over every completion, or over a seeded sample with the extremes.
//   node instruments.mjs [NAME]...        LIMIT=400 for a larger sample; below 60 rare outcomes are missed
// Exits 1 if an outcome differs. The last lines tell what fhirpath.js makes of the responses as they stand.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4/index.js';
import { referee, weights } from './referee.mjs';
const here = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/instruments');
const LIMIT = Number(process.env.LIMIT ?? 60);

const read = file => JSON.parse(readFileSync(file, 'utf8'));
const extension = (item, end) => (item.extension ?? []).find(it => it.url.endsWith(end));
const blank = answer =>
  !answer || answer.every(a => !Object.keys(a).some(k => k.startsWith('value')) || a.valueCoding?.code === 'asked-declined');
let seed = 1;
const random = n => (seed = (seed * 48271) % 2147483647) % n;

function options(item, support) {
  if (item.type === 'boolean') return [{ valueBoolean: true }, { valueBoolean: false }];
  if (item.answerOption)
    return item.answerOption
      .filter(o => o.valueCoding?.code !== 'asked-declined')
      .map(o => Object.fromEntries(Object.entries(o).filter(([k]) => k !== 'extension' && k !== 'initialSelected')));
  if (item.answerValueSet) {
    const set = support.find(s => s.resourceType === 'ValueSet' && s.url === item.answerValueSet.split('|')[0]);
    return set.compose.include.flatMap(i =>
      support.find(s => s.url === i.system).concept.map(c => ({ valueCoding: { system: i.system, code: c.code } })),
    );
  }
  if (item.type === 'integer') {
    const [low, high] = [extension(item, 'minValue').valueInteger, extension(item, 'maxValue').valueInteger];
    const all = Array.from({ length: high - low + 1 }, (_, n) => ({ valueInteger: low + n }));
    return all.length <= 12 ? all : all.filter((_, n) => n % 3 === 0 || n === all.length - 1);
  }
  if (item.type === 'quantity') {
    const code = extension(item, 'questionnaire-unit')?.valueCoding.code ?? 'kg/m2';
    const values = { cm: [150, 175, 180, 200], kg: [40, 50.5, 81, 120] }[code] ?? [19, 24.9, 25, 28, 30, 31, 44];
    return values.map(value => ({ valueQuantity: { value, unit: code, system: 'http://unitsofmeasure.org', code } }));
  }
  if (item.type === 'date')
    return ['1950-02-28', '1988-02-29', '1990-01-01', '2024-02-29', '2025-11-04', '2025-12-31', '2026-01-01', '2026-08-08'].map(v => ({
      valueDate: v,
    }));
  if (item.type === 'time') return ['04:00:00', '07:59:59', '12:00:00'].map(v => ({ valueTime: v }));
  if (item.type === 'dateTime') return ['2020-01-01T10:00:00+02:00', '2026-11-05T09:00:00+02:00'].map(v => ({ valueDateTime: v }));
  throw new Error(`no completions of ${item.type}`);
}

const userInvocationTable = weigh => ({
  weight: { fn: n => n.flatMap(weigh), arity: { 0: [] }, internalStructures: true },
  ordinal: { fn: n => n.flatMap(weigh), arity: { 0: [] }, internalStructures: true },
});

function complete(questionnaire, response, support, pick) {
  const weigh = weights([questionnaire], support);
  const path = (expression, of) =>
    fhirpath.evaluate(of, expression, { resource: of, questionnaire }, r4, { userInvocationTable: userInvocationTable(weigh) });
  const out = structuredClone(response);
  const find = (items, link) => (items ?? []).flatMap(i => [...(i.linkId === link ? [i] : []), ...find(i.item, link)]);
  const enabled = item => {
    const expression = extension(item, 'enableWhenExpression');
    if (expression) return path(expression.valueExpression.expression, out)[0] === true;
    return (item.enableWhen ?? []).every(w => {
      const found = find(out.item, w.question).flatMap(i => i.answer ?? []);
      const same = found.some(a =>
        w.answerBoolean !== undefined ? a.valueBoolean === w.answerBoolean : a.valueCoding?.code === w.answerCoding.code,
      );
      return w.operator === '=' ? same : found.length > 0 && !same;
    });
  };
  let changed = true,
    free = 1;
  const fill = (qitems, holder, instance) => {
    const result = [];
    for (const item of qitems) {
      const there = (holder ?? []).filter(i => i.linkId === item.linkId);
      if (item.type === 'display' || item.readOnly || !enabled(item)) {
        if (there.length) changed ||= !item.readOnly;
        continue;
      }
      if (item.type === 'group') {
        if (item.repeats) {
          there.forEach(t => result.push({ linkId: item.linkId, item: fill(item.item, t.item, true) }));
          continue;
        }
        result.push({ linkId: item.linkId, item: fill(item.item, there[0]?.item) });
        continue;
      }
      if (there[0]?.['#']) {
        result.push(there[0]);
        continue;
      }
      if (there.length && !blank(there[0].answer)) {
        result.push(there[0]);
        continue;
      }
      changed = true;
      const choices = options(item, support);
      const answer = item.repeats ? choices.filter((_, n) => pick(2, n)) : [choices[pick(choices.length)]];
      free *= item.repeats ? 2 ** choices.length : choices.length;
      result.push({ linkId: item.linkId, ...(answer.length ? { answer } : { '#': true }) });
    }
    return result;
  };
  for (let round = 0; changed && round < 6; round++) {
    changed = false;
    out.item = fill(questionnaire.item, out.item);
  }
  const none = items =>
    items
      .filter(i => !i['#'])
      .map(i => (i.item ? { ...i, item: none(i.item) } : i))
      .filter(i => !i.item || i.item.length);
  out.item = none(out.item);
  const calculate = items =>
    items.forEach(item => {
      const c = extension(item, 'calculatedExpression');
      if (!c) return;
      const value = path(c.valueExpression.expression, out)[0];
      if (value !== undefined) out.item.push({ linkId: item.linkId, answer: [{ valueInteger: Number(value) }] });
    });
  calculate(questionnaire.item);
  if (!out.item.length) delete out.item;
  return { out, free };
}

let faults = 0,
  judged = 0,
  asked = 0;
const peer = { 'as expected': 0 };
for (const name of process.argv.length > 2
  ? process.argv.slice(2)
  : readdirSync(here).filter(n => existsSync(join(here, n, 'expected.json')))) {
  const folder = join(here, name),
    profiles = join(folder, 'profiles');
  const expected = read(join(folder, 'expected.json'));
  const questionnaire = read(join(profiles, 'questionnaire.json'));
  const support = readdirSync(profiles)
    .filter(f => /^(codesystem|valueset)/.test(f))
    .map(f => read(join(profiles, f)));
  const start = Date.now();
  for (const [file, it] of Object.entries(expected.cases)) {
    const response = read(join(folder, 'responses', file));
    const seen = {};
    const errors = new Set();
    const look = one => {
      for (const plan of Object.keys(it.plans))
        for (const r of referee({ plan: read2(join(profiles, plan)), questionnaire, response: one, support })) {
          asked++;
          const faulty = r.conditions.map(c => c.error).filter(it => it && it !== 'no boolean'); // which no plan can decide
          if (faulty.length) errors.add(`${plan} ${r.rule}: ${faulty}`);
          (seen[plan] ??= {})[r.rule] ??= new Set();
          seen[plan][r.rule].add(r.outcome);
        }
    };
    const first = complete(questionnaire, response, support, () => 0);
    look(first.out);
    if (!it.complete) {
      look(complete(questionnaire, response, support, (n, k) => (k === undefined ? n - 1 : 1)).out);
      for (let n = 0; n < Math.min(LIMIT, first.free * 8); n++) look(complete(questionnaire, response, support, n2 => random(n2)).out);
    }
    for (const e of errors) {
      faults++;
      console.log(`${name}/${file} ERROR ${e}`);
    }
    for (const [plan, rules] of Object.entries(it.plans))
      for (const [rule, want] of Object.entries(rules)) {
        judged++;
        const got = seen[plan][rule],
          is = got.size === 1 && !got.has('error') ? [...got][0] : 'indeterminate';
        if (is !== want.outcome && expected.weights !== 'response') {
          faults++;
          console.log(`${name}/${file} ${plan} ${rule}: expected ${want.outcome}, completions say ${is} (${want.why})`);
        }
      }
    // What the peer says of the response as it stands, missing answers and all.
    for (const plan of Object.keys(it.plans))
      for (const r of referee({ plan: read2(join(profiles, plan)), questionnaire, response, support })) {
        const want = it.plans[plan][r.rule];
        const kind =
          r.outcome === want.outcome ? 'as expected' : `${it.complete ? 'complete' : 'missing'}: ${want.outcome} is called ${r.outcome}`;
        peer[kind] = (peer[kind] ?? 0) + 1;
        if (process.env.VERBOSE && r.outcome !== want.outcome)
          console.log(`  peer ${name}/${file} ${plan} ${r.rule}: ${want.outcome} -> ${r.outcome} ${r.conditions.map(c => c.error ?? '')}`);
      }
  }
  console.error(`${name}: ${Date.now() - start} ms`);
}
function read2(file) {
  return (read2.memo ??= new Map()).get(file) ?? (read2.memo.set(file, read(file)), read2.memo.get(file));
}
console.log(`${judged} outcomes judged over ${asked} evaluations, ${faults} faults`);
console.log('fhirpath.js on the responses as they stand:', JSON.stringify(peer, null, 1));
process.exit(faults ? 1 : 0);
