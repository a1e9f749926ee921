#!/usr/bin/env node
// What fhirpath.js (npm, 5.2.0) says of a rule set's conditions over QuestionnaireResponses.
//
//   node referee.mjs --plan PLAN --questionnaire Q [--professional-questionnaire Q] [--support FILE]...
//                    [--professional RESPONSE] [--role ID] RESPONSE...
//   node referee.mjs < cases.jsonl
//
// A line of cases.jsonl: {"id", "plan", "questionnaire", "response", "professional"?, "professionalQuestionnaire"?,
// "family"?: [responses], "support"?: [CodeSystem | ValueSet], "role"?: "action id"}; a resource may be its file's name.
// NEUVOLA_ASKED names a file that gets a copy of these lines, for another engine to be asked the same (`cqf`).
// Output, one line a case: {"id", "rules": [{"rule", "path", "outcome", "conditions": [{"expression", "outcome", …}]}]}.
// `outcome`: met, not-met (false or nothing), error (an error, no boolean, several values, another language).
//
// A rule is an action; its name is its id or, without one, its place. What its ancestors demand it demands too. Only
// conditions of the kind `applicability` count. Variables: HL7's `variable` and any extension that ends with
// `/rule-variable`, on the PlanDefinition and on actions; they come in as FHIRPath's own defineVariable(), so nodes stay
// nodes. Not recomputed here: calculated items. Missing answers are what FHIRPath makes of them: that is the point.
import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4/index.js';

const VARIABLE = url => url === 'http://hl7.org/fhir/StructureDefinition/variable' || url.endsWith('/StructureDefinition/rule-variable');
const WEIGHTS = ['http://hl7.org/fhir/StructureDefinition/ordinalValue', 'http://hl7.org/fhir/StructureDefinition/itemWeight'];
const ITEM_WEIGHT = 'http://hl7.org/fhir/concept-properties#itemWeight';

export const version = fhirpath.version;

/** Every action of the plan: its name, its place, the conditions that it and its ancestors state, the variables in scope. */
export function rules(plan) {
  const found = [];
  const walk = (actions, path, conditions, variables) =>
    (actions ?? []).forEach((action, index) => {
      const here = `${path}action[${index}]`;
      const scope = [...variables, ...declared(action)];
      const own = (action.condition ?? []).filter(it => it.kind === 'applicability').map(it => ({ expression: it.expression, scope }));
      const all = [...conditions, ...own];
      found.push({ rule: action.id ?? here, path: here, conditions: all });
      walk(action.action, `${here}.`, all, scope);
    });
  walk(plan.action, '', [], declared(plan));
  return found;
}

const declared = element => (element.extension ?? []).filter(it => VARIABLE(it.url)).map(it => it.valueExpression);

/** Which variables an expression names, each after those that it uses itself. The innermost of one name counts. */
function used(expression, scope, seen = []) {
  for (const [, plain, quoted] of expression.matchAll(/%(?:(\w+)|[`'"]([^`'"]+)[`'"])/g)) {
    const at = scope.findLastIndex(it => it.name === (plain ?? quoted));
    if (at < 0 || seen.includes(scope[at])) continue;
    used(scope[at].expression, scope.slice(0, at).concat(scope.slice(at + 1)), seen);
    seen.push(scope[at]);
  }
  return seen;
}

/** The condition as one expression with its variables in front. */
export function whole({ expression, scope }) {
  const variables = used(expression.expression, scope);
  return (
    variables.reduce((text, it) => `${text}defineVariable('${it.name}', (${it.expression})).`, '') +
    (variables.length ? `select(${expression.expression})` : expression.expression)
  );
}

const compiled = new Map();
function compile(text, weigh) {
  if (!compiled.has(text)) {
    const own = { fn: nodes => nodes.flatMap(node => weigh.current(node)), arity: { 0: [] }, internalStructures: true };
    compiled.set(text, fhirpath.compile(text, r4, { userInvocationTable: { weight: own, ordinal: own } }));
  }
  return compiled.get(text);
}

/** fhirpath.js has a weight() of its own, which asks a terminology server; this one asks the files that it is given. */
const weigh = { current: () => [] };
export function weights(questionnaires, support) {
  const items = new Map();
  const walk = list =>
    (list ?? []).forEach(item => {
      items.set(item.linkId, item);
      walk(item.item);
    });
  questionnaires.filter(Boolean).forEach(it => walk(it.item));
  const everything = [...support, ...questionnaires.filter(Boolean).flatMap(it => it.contained ?? [])];
  const stated = element => (element?.extension ?? []).find(it => WEIGHTS.includes(it.url))?.valueDecimal;
  const ofConcept = (system, code) => {
    for (const it of everything.filter(it => it.resourceType === 'CodeSystem' && it.url === system)) {
      const names = ['itemWeight', ...(it.property ?? []).filter(p => p.uri === ITEM_WEIGHT).map(p => p.code)];
      const find = list => (list ?? []).flatMap(c => [c, ...find(c.concept)]);
      const concept = find(it.concept).find(c => c.code === code);
      const weight = stated(concept) ?? (concept?.property ?? []).find(p => names.includes(p.code))?.valueDecimal;
      if (weight !== undefined) return weight;
    }
  };
  const ofValueSet = (canonical, system, code) =>
    everything
      .filter(it => it.resourceType === 'ValueSet' && (it.url === canonical?.split('|')[0] || `#${it.id}` === canonical))
      .flatMap(it => it.compose?.include ?? [])
      .filter(it => it.system === system)
      .flatMap(it => it.concept ?? [])
      .filter(it => it.code === code)
      .map(stated)
      .find(it => it !== undefined);
  return node => {
    const answer = node.path === 'QuestionnaireResponse.item.answer';
    const key = answer
      ? Object.keys(node.data).find(it => it.startsWith('value'))
      : node.parentResNode?.data && Object.keys(node.parentResNode.data).find(it => it.startsWith('value'));
    const data = answer ? node.data[key] : node.data;
    let weight = stated(answer ? node.data : null) ?? stated(data) ?? stated(answer ? node.data[`_${key}`] : node._data);
    let up = node;
    while (weight === undefined && up && up.data?.linkId === undefined) up = up.parentResNode;
    const item = up && items.get(up.data?.linkId);
    if (weight === undefined && item && key) {
      const same = option =>
        typeof option[key] === 'object' && typeof data === 'object'
          ? option[key].code === data.code && option[key].system === data.system
          : String(option[key]) === String(data);
      const option = (item.answerOption ?? []).find(it => it[key] !== undefined && same(it));
      weight =
        stated(option) ?? stated(option?.[key]) ?? stated(option?.[`_${key}`]) ?? ofValueSet(item.answerValueSet, data?.system, data?.code);
    }
    if (weight === undefined && data?.code) weight = ofConcept(data.system, data.code);
    return weight === undefined ? [] : [weight];
  };
}

/** What fhirpath.js says of every rule. */
export function referee({ plan, questionnaire, response, professional, professionalQuestionnaire, family, support = [], role }) {
  weigh.current = weights([questionnaire, professionalQuestionnaire], support);
  const environment = { resource: response, questionnaire, professional: professional ?? [], family: family ?? [response] };
  const memo = new Map();
  return rules(plan)
    .filter(it => !role || it.rule === role || it.rule.startsWith(`${role}.`))
    .map(it => {
      const conditions = it.conditions.map(condition => {
        const key = condition.expression.expression + JSON.stringify(condition.scope);
        if (!memo.has(key)) memo.set(key, ask(condition, response, environment));
        return memo.get(key);
      });
      const outcome = conditions.some(c => c.outcome === 'error')
        ? 'error'
        : conditions.every(c => c.outcome === 'met')
          ? 'met'
          : 'not-met';
      return { rule: it.rule, path: it.path, outcome, conditions };
    });
}

function ask(condition, response, environment) {
  const expression = condition.expression.expression;
  if (condition.expression.language !== 'text/fhirpath') return { expression, outcome: 'error', error: 'another language' };
  try {
    // What the plan declares counts over what we would have given it: a variable may be called `family`.
    const given = Object.fromEntries(Object.entries(environment).filter(([name]) => !condition.scope.some(it => it.name === name)));
    const result = compile(whole(condition), weigh)(response, given);
    if (result instanceof Promise) return { expression, outcome: 'error', error: 'asynchronous' };
    if (result.length > 1) return { expression, outcome: 'error', error: `${result.length} values` };
    if (result.length === 0) return { expression, outcome: 'not-met', value: null };
    if (typeof result[0] !== 'boolean') return { expression, outcome: 'error', error: 'no boolean', value: result[0] };
    return { expression, outcome: result[0] ? 'met' : 'not-met', value: result[0] };
  } catch (fault) {
    return { expression, outcome: 'error', error: String(fault?.message ?? fault).split('\n')[0] };
  }
}

const files = new Map();
const load = it => {
  if (typeof it !== 'string') return it;
  if (!files.has(it)) files.set(it, JSON.parse(readFileSync(it, 'utf8')));
  return files.get(it);
};

function answer(line) {
  const loaded = {};
  for (const [key, value] of Object.entries(line))
    loaded[key] = ['id', 'role'].includes(key) ? value : Array.isArray(value) ? value.map(load) : load(value);
  return JSON.stringify({ id: line.id, rules: referee(loaded) });
}

async function main(args) {
  if (args.length === 0) {
    for await (const line of createInterface({ input: process.stdin }))
      if (line.trim()) {
        if (process.env.NEUVOLA_ASKED) appendFileSync(process.env.NEUVOLA_ASKED, line + '\n');
        console.log(answer(JSON.parse(line)));
      }
    return;
  }
  const given = { support: [] },
    responses = [];
  const names = {
    '--plan': 'plan',
    '--questionnaire': 'questionnaire',
    '--professional': 'professional',
    '--professional-questionnaire': 'professionalQuestionnaire',
    '--role': 'role',
  };
  while (args.length) {
    const arg = args.shift();
    if (arg === '--support') given.support.push(args.shift());
    else if (names[arg]) given[names[arg]] = args.shift();
    else responses.push(arg);
  }
  for (const response of responses) console.log(answer({ id: response, ...given, response }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
