#!/usr/bin/env node
// What fhirpath.js makes of a missing or declined answer, shape by shape, as a Markdown table: the conditions and responses of
// `fixtures/instruments/missing-answers` (`a` answered with 1 point, `b` not), and what every way of completing them says.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4/index.js';
import { weights } from './referee.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/instruments/missing-answers');
const read = name => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const questionnaire = read('profiles/questionnaire');
const forms = {
  'no item': 'no-item',
  'item without answer': 'no-answer',
  'reason on the item': 'reason-on-item',
  'reason on the answer': 'reason-on-answer',
  'declined as a code': 'declined-code',
};
const conditions = read('profiles/plan-shapes').action.map(action => action.condition[0].expression.expression);
const weigh = weights([questionnaire], []); // the engine's own asks a terminology server about an option that has no weight
const ordinal = { fn: nodes => nodes.flatMap(weigh), arity: { 0: [] }, internalStructures: true };
const points = questionnaire.item[1].answerOption.slice(0, 4);

function ask(expression, response) {
  const values = fhirpath.evaluate(response, expression, { resource: response, questionnaire }, r4, { userInvocationTable: { ordinal } });
  if (values instanceof Promise) return 'asynchronous';
  if (values.length !== 1) return values.length ? `${values.length} values` : 'nothing';
  return typeof values[0] === 'boolean' ? String(values[0]) : 'no boolean';
}

function outcome(verdicts) {
  if (verdicts.some(it => !['true', 'false', 'nothing'].includes(it))) return 'indeterminate';
  return verdicts.every(it => it === 'true') ? 'met' : verdicts.includes('true') ? 'indeterminate' : 'not met';
}

const completed = option => {
  const response = read('responses/no-item');
  response.item.push({ linkId: 'b', answer: [option] });
  return response;
};
const row = cells => console.log(`| ${cells.join(' | ')} |`);
row(['condition', ...Object.keys(forms), 'in completions', 'by completion']);
console.log(`|${'---|'.repeat(Object.keys(forms).length + 3)}`);
for (const condition of conditions) {
  const verdicts = [...new Set(points.map(option => ask(condition, completed(option))))];
  const now = Object.values(forms).map(name => ask(condition, read(`responses/${name}`)));
  row([`\`${condition.replaceAll('|', '\\|')}\``, ...now, verdicts.join(', '), outcome(verdicts)]);
}
