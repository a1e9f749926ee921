#!/usr/bin/env node
// Sixty conditions over a form of a hundred questions, and two responses to it (all answered; every seventh question not).
// Seeded: the same files every time, below this one.   node generate.mjs [DIR]
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
const out = process.argv[2] ?? dirname(fileURLToPath(import.meta.url));
for (const folder of ['profiles', 'responses']) mkdirSync(join(out, folder), { recursive: true });
let seed = 20261105;
const random = n => (seed = Number((BigInt(seed) * 48271n) % 2147483647n)) % n;
const pick = list => list[random(list.length)];
const BASE = 'https://bench.example/fhir',
  SYSTEM = `${BASE}/CodeSystem/frequency`;
const CODES = ['never', 'rarely', 'sometimes', 'often'];
const coding = n => ({ valueCoding: { system: SYSTEM, code: CODES[n] } });
const option = n => ({
  valueCoding: {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/ordinalValue', valueDecimal: n }],
    system: SYSTEM,
    code: CODES[n],
  },
});

// Ten groups of ten: six of a scale, one with many answers, a boolean, an integer, a decimal or a quantity.
const several = chosen => (chosen.length ? chosen : [option(3)]); // a question left blank is not answered
const kinds = g => ['scale', 'scale', 'scale', 'scale', 'scale', 'scale', 'many', 'boolean', 'integer', g % 2 ? 'decimal' : 'quantity'];
const questions = [],
  groups = [],
  answers = [];
for (let g = 0; g < 10; g++) {
  const items = [],
    said = [];
  kinds(g).forEach((kind, n) => {
    const linkId = `g${g}.q${n}`,
      text = `Question ${g}.${n}`;
    const item = { linkId, text, type: { scale: 'choice', many: 'choice' }[kind] ?? kind };
    if (kind === 'scale' || kind === 'many') item.answerOption = CODES.map((_, i) => option(i));
    if (kind === 'many') item.repeats = true;
    if (kind === 'integer')
      item.extension = [
        { url: 'http://hl7.org/fhir/StructureDefinition/minValue', valueInteger: 0 },
        { url: 'http://hl7.org/fhir/StructureDefinition/maxValue', valueInteger: 20 },
      ];
    if (n === 5 && g % 2) item.enableWhen = [{ question: `g${g}.q7`, operator: '=', answerBoolean: true }];
    const { extension, ...rest } = item;
    items.push(extension ? { extension, ...rest } : rest);
    questions.push({ linkId, kind, group: `g${g}` });
    const answer = {
      scale: () => [option(random(4))],
      many: () => several(CODES.map((_, i) => option(i)).filter(() => random(2))),
      boolean: () => [{ valueBoolean: n === 7 && g % 2 ? true : random(2) === 1 }],
      integer: () => [{ valueInteger: random(21) }],
      decimal: () => [{ valueDecimal: random(400) / 10 }],
      quantity: () => [
        { valueQuantity: { value: 15 + random(300) / 10, unit: 'kg/m2', system: 'http://unitsofmeasure.org', code: 'kg/m2' } },
      ],
    }[kind]();
    said.push({ linkId, answer });
  });
  groups.push({ linkId: `g${g}`, text: `Group ${g}`, type: 'group', item: items });
  answers.push({ linkId: `g${g}`, item: said });
}
const of = (kind, g) => questions.filter(q => q.kind === kind && (g === undefined || q.group === `g${g}`)).map(q => q.linkId);
const one = kind => pick(of(kind));
const some = (list, n) => {
  const left = [...list],
    got = [];
  while (got.length < n) got.push(left.splice(random(left.length), 1)[0]);
  return got.sort();
};
const at = linkId => `descendants().where(linkId='${linkId}').answer.value`;
const set = list => `(${list.map(it => `'${it}'`).join(' | ')})`;
const sum = list => `descendants().where(linkId in ${set(list)}).answer.value.ordinal().sum()`;

const variables = Array.from({ length: 6 }, (_, n) => ({ name: `score${n}`, expression: sum(some(of('scale'), 5 + random(5))) }));
const shapes = [
  () => `%score${random(6)} >= ${4 + random(12)}`,
  () => `%score${random(6)} >= ${3 + random(5)} and %score${random(6)} < ${8 + random(8)}`,
  () => `${sum(some(of('scale'), 3 + random(4)))} > ${3 + random(6)}`,
  () => `${at(one('scale'))}.code = '${pick(CODES)}'`,
  () => `${at(one('scale'))}.code in ${set(some(CODES, 2))} or ${at(one('many'))}.where(code = '${pick(CODES)}').exists()`,
  () => `%resource.item.where(linkId='g${random(10)}').item.answer.value.ordinal().where($this >= 2).count() >= ${2 + random(3)}`,
  () => `${at(one('integer'))} >= ${random(21)} and ${at(one('boolean'))} = ${random(2) === 1}`,
  () => `${at(one('decimal'))} > ${random(40)}.5 or ${at(one('integer'))} < ${random(21)}`,
  () => `${at(one('quantity'))}.value >= ${20 + random(20)} implies ${at(one('scale'))}.code != 'never'`,
  () => `(${at(one('boolean'))} = true and ${at(one('scale'))}.code = '${pick(CODES)}').not() or %score${random(6)} > ${6 + random(6)}`,
];
const conditions = Array.from({ length: 60 }, (_, n) => shapes[n % shapes.length]());
const dated = { version: '1.0.0', status: 'active', experimental: true };
const questionnaire = {
  resourceType: 'Questionnaire',
  id: 'hundred',
  url: `${BASE}/Questionnaire/hundred`,
  ...dated,
  name: 'Hundred',
  title: 'A hundred questions',
  item: groups,
};
questionnaire.subjectType = ['Patient'];
const plan = {
  resourceType: 'PlanDefinition',
  id: 'sixty',
  extension: variables.map(it => ({
    url: 'http://hl7.org/fhir/StructureDefinition/variable',
    valueExpression: { name: it.name, language: 'text/fhirpath', expression: it.expression },
  })),
  url: `${BASE}/PlanDefinition/sixty`,
  ...dated,
  name: 'Sixty',
  title: 'Sixty conditions',
  description: 'Conditions of the shapes that rules have, over a hundred questions.',
  relatedArtifact: [{ type: 'depends-on', resource: `${BASE}/Questionnaire/hundred|1.0.0` }],
  action: conditions.map((expression, n) => ({
    id: `rule-${String(n).padStart(2, '0')}`,
    title: `Rule ${n}`,
    condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression } }],
  })),
};
const response = item => ({
  resourceType: 'QuestionnaireResponse',
  questionnaire: `${BASE}/Questionnaire/hundred|1.0.0`,
  status: 'completed',
  authored: '2026-11-05T10:15:00+02:00',
  item,
});
let nth = 0;
const gaps = answers.map(group => ({ ...group, item: group.item.filter(() => nth++ % 7 !== 3) }));
const write = (name, value) => writeFileSync(join(out, name), JSON.stringify(value, null, 1) + '\n');
write('profiles/Questionnaire-hundred.json', questionnaire);
write('profiles/PlanDefinition-sixty.json', plan);
// The same sixty with the cheapest path that says the same here: what an author who knows the engines would write.
const direct = JSON.parse(JSON.stringify(plan).replaceAll('descendants()', 'item.item').replaceAll('/sixty"', '/sixty-direct"'));
write('profiles/PlanDefinition-sixty-direct.json', { ...direct, id: 'sixty-direct', title: 'Sixty conditions by the shortest path' });
write('responses/complete.json', response(answers));
write('responses/with-gaps.json', response(gaps));
