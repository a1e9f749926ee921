#!/usr/bin/env node
// What CQF clinical-reasoning leaves in a plan, beside our outcomes.   node compare.mjs [--verbose] [--library] [--forms ASKED.jsonl] [INSTRUMENT]...
//
// --library: each plan's conditions in one CQL library instead of inline, which is how 4.4 comes to an end in minutes.
// Instruments: every response of fixtures/instruments, against expected.json. Forms: the lines that NEUVOLA_ASKED=FILE collects
// from `cargo test --test integration referee::fhirpath_js_agrees_on_what`, against `neuvola-adapter preview` (NEUVOLA_ADAPTER: the binary).
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { levels, library, translated, weighed } from './translate.mjs';

const here = dirname(fileURLToPath(import.meta.url)),
  root = join(here, '../../..'),
  instruments = join(root, 'fixtures/instruments');
const read = file => JSON.parse(readFileSync(file, 'utf8'));
const args = process.argv.slice(2);
const taken = (flag, n) => (args.includes(flag) ? args.splice(args.indexOf(flag), n) : []);
const [verbose] = taken('--verbose', 1),
  [, forms] = taken('--forms', 2);
const inLibrary = taken('--library', 1).length > 0;

const nobody = { resourceType: 'QuestionnaireResponse', status: 'completed' };
const plain = resource => JSON.parse(JSON.stringify(resource, (key, it) => (['meta', 'text', 'contained'].includes(key) ? undefined : it)));

/** A line for Apply, and what we say: {rule: {outcome, kind}}. */
const asked = [];
function ask({ id, plan, role, response, questionnaire, professional, professionalQuestionnaire, support, ours, complete }) {
  const own = weighed(response, questionnaire, support);
  const other = professional ? weighed(professional, professionalQuestionnaire, support) : nobody;
  const depth = [...new Set([...levels(response), ...levels(other), 'item', 'item.item'])];
  const inline = translated(plan, { depth, role });
  const name = `Plan${createHash('sha256').update(JSON.stringify(inline)).digest('hex').slice(0, 16)}`;
  const line = inLibrary ? library(inline, { name }) : { plan: inline };
  const given = { '%response': own, '%professional': other, '%questionnaire': questionnaire };
  const parameters = Object.entries(given).filter(([name]) => JSON.stringify(inline).includes(name));
  line.parameters = Object.fromEntries(parameters.map(([name, it]) => [name, plain(it)]));
  asked.push({ line: { id, ...line }, plan: line.plan, ours, complete });
}

if (forms) {
  const binary = process.env.NEUVOLA_ADAPTER ?? join(root, 'target/debug/neuvola-adapter');
  const folder = mkdtempSync(join(tmpdir(), 'cqf-'));
  for (const text of readFileSync(forms, 'utf8').split('\n').filter(Boolean)) {
    const line = JSON.parse(text);
    const [own, other] = [join(folder, 'own.json'), join(folder, 'professional.json')];
    writeFileSync(own, JSON.stringify(line.response));
    if (line.professional) writeFileSync(other, JSON.stringify(line.professional));
    const said = JSON.parse(execFileSync(binary, ['preview', ...(line.professional ? ['--professional', other] : []), own], { stdio: ['ignore', 'pipe', 'ignore'] }));
    const ours = Object.fromEntries(said.rules.filter(it => it.expression).map(it => [it.id, { outcome: it.outcome }]));
    ask({ ...line, plan: read(line.plan), questionnaire: read(line.questionnaire), professionalQuestionnaire: line.professionalQuestionnaire && read(line.professionalQuestionnaire), support: shipped(), ours, complete: line.professional ? 'forms' : 'forms without the professional' });
  }
} else {
  for (const name of args.length ? args : readdirSync(instruments).filter(it => existsSync(join(instruments, it, 'expected.json')))) {
    const folder = join(instruments, name);
    const support = readdirSync(join(folder, 'profiles')).filter(it => /^(codesystem|valueset)/.test(it)).map(it => read(join(folder, 'profiles', it)));
    const questionnaire = read(join(folder, 'profiles/questionnaire.json'));
    for (const [file, it] of Object.entries(read(join(folder, 'expected.json')).cases))
      for (const [plan, ours] of Object.entries(it.plans))
        ask({ id: `${name}/${file} ${plan}`, plan: read(join(folder, 'profiles', plan)), response: read(join(folder, 'responses', file)), questionnaire, support, ours, complete: it.complete ? 'complete' : 'not complete' });
  }
}

function shipped() {
  shipped.memo ??= readdirSync(join(root, 'profiles')).filter(it => /^(CodeSystem|ValueSet)-.*json$/.test(it)).map(it => read(join(root, 'profiles', it)));
  return shipped.memo;
}

const { stdout, stderr, status } = spawnSync(join(here, 'run'), { input: asked.map(it => JSON.stringify(it.line) + '\n').join(''), maxBuffer: 1 << 30 });
if (status) throw new Error(String(stderr));
const answers = String(stdout).split('\n').filter(Boolean).map(it => JSON.parse(it));

const table = {},
  errors = {};
const count = (of, ...keys) => keys.reduce((at, key, n) => (n === keys.length - 1 ? (at[key] = (at[key] ?? 0) + 1) : (at[key] ??= {})), of);
answers.forEach((answer, n) => {
  const { line, plan, ours, complete } = asked[n];
  if (answer.id !== line.id) throw new Error(`${answer.id} is no answer to ${line.id}`);
  // Why an action is not left in: what the log says of its conditions and of those above it.
  const why = {};
  const walk = (actions, above) => (actions ?? []).forEach(it => {
    const conditions = [...above, ...(it.condition ?? []).map(c => c.expression.expression)];
    const found = conditions.map(c => answer.said[c]).filter(Boolean);
    why[it.id] = !found.length ? 'false' : found[0].startsWith('encountered') ? 'error' : found[0].startsWith('returned a') ? 'no boolean' : 'null';
    if (why[it.id] === 'error') count(errors, found[0].replace(/^encountered exception: /, '').replace(/An operand identifier reference is hiding another identifier of the same name\., /g, '').slice(0, 150));
    walk(it.action, conditions);
  });
  walk(plan.action, []);
  for (const [rule, { outcome }] of Object.entries(ours)) {
    const theirs = answer.met.includes(rule) ? 'met' : `not met (${why[rule] ?? 'NO SUCH RULE'})`;
    count(table, complete, `${outcome} | ${theirs}`);
    if (verbose && (theirs === 'met') !== (outcome === 'met')) console.log(`${line.id} ${rule}: ${outcome} | ${theirs}${verbose && why[rule] === 'error' ? ` ${JSON.stringify(answer.said).slice(0, 400)}` : ''}`);
  }
});
console.log(JSON.stringify(table, null, 1), JSON.stringify(errors, null, 1));
