#!/usr/bin/env node
// How long fhirpath.js takes for tests/benches/sixty, everything compiled once and warm.   node measure.mjs [ROUNDS] [PLAN]
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4/index.js';
import { rules, whole, weights } from './referee.mjs';
const files = join(dirname(fileURLToPath(import.meta.url)), '../benches/sixty');
const read = name => JSON.parse(readFileSync(join(files, name), 'utf8'));
const plan = read(`profiles/PlanDefinition-${process.argv[3] ?? 'sixty'}.json`),
  questionnaire = read('profiles/Questionnaire-hundred.json');
const rounds = Number(process.argv[2] ?? 60);
const weigh = weights([questionnaire], []);
const own = { fn: nodes => nodes.flatMap(weigh), arity: { 0: [] }, internalStructures: true };
const all = rules(plan);
const variants = {
  "as authored: every condition computes its variables, fhirpath.js's own ordinal()": (() => {
    const compiled = all.map(it => it.conditions.map(c => fhirpath.compile(whole(c), r4)));
    return (response, environment) => compiled.map(list => list.map(f => f(response, environment)));
  })(),
  'variables computed once and given as values': (() => {
    const first = plan.extension.map(it => [it.valueExpression.name, fhirpath.compile(it.valueExpression.expression, r4)]);
    const compiled = all.map(it => it.conditions.map(c => fhirpath.compile(c.expression.expression, r4)));
    return (response, environment) => {
      const given = { ...environment };
      for (const [name, f] of first) given[name] = f(response, environment);
      return compiled.map(list => list.map(f => f(response, given)));
    };
  })(),
  'the same, with an ordinal() that looks an option up in a map': (() => {
    const options = { userInvocationTable: { ordinal: own, weight: own } };
    const first = plan.extension.map(it => [it.valueExpression.name, fhirpath.compile(it.valueExpression.expression, r4, options)]);
    const compiled = all.map(it => it.conditions.map(c => fhirpath.compile(c.expression.expression, r4, options)));
    return (response, environment) => {
      const given = { ...environment };
      for (const [name, f] of first) given[name] = f(response, environment);
      return compiled.map(list => list.map(f => f(response, given)));
    };
  })(),
};
for (const name of ['complete.json', 'with-gaps.json'])
  for (const [variant, run] of Object.entries(variants)) {
    const response = read(`responses/${name}`),
      environment = { resource: response, questionnaire };
    for (let n = 0; n < Math.min(30, rounds); n++) run(response, environment);
    const times = [],
      cpu = process.cpuUsage();
    for (let n = 0; n < rounds; n++) {
      const start = process.hrtime.bigint();
      run(response, environment);
      times.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    const used = process.cpuUsage(cpu);
    times.sort((a, b) => a - b);
    const met = run(response, environment)
      .flat()
      .filter(r => r[0] === true).length;
    console.log(
      JSON.stringify({
        plan: plan.id,
        response: name,
        variant,
        rounds,
        met,
        median_ms: +times[rounds >> 1].toFixed(2),
        min_ms: +times[0].toFixed(2),
        cpu_ms: +((used.user + used.system) / 1000 / rounds).toFixed(2),
      }),
    );
  }
