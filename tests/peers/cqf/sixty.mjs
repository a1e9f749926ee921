#!/usr/bin/env node
// Lines for `run`: the sixty conditions of tests/benches/sixty over its responses.   node sixty.mjs [inline|library] [sixty|sixty-direct]
// inline: as the plan has them, translated, variables put in. library: one CQL library, a definition for each variable and condition.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { levels, library, text, translated } from './translate.mjs';

const [how = 'inline', name = 'sixty-direct'] = process.argv.slice(2);
const files = join(dirname(fileURLToPath(import.meta.url)), '../../benches/sixty');
const read = file => JSON.parse(readFileSync(join(files, file), 'utf8'));
const plan = read(`profiles/PlanDefinition-${name}.json`);

function asLibrary(depth) {
  const variables = plan.extension.map(it => [it.valueExpression.name, it.valueExpression.expression]);
  const bare = translated({ ...plan, extension: [] }, { depth });
  return library(bare, { name: 'Sixty', variables: variables.map(([as, it]) => [as, text(it, [], depth)]) });
}

for (const response of ['complete', 'with-gaps']) {
  const own = read(`responses/${response}.json`);
  const depth = levels(own);
  const asked = how === 'library' ? asLibrary(depth) : { plan: translated(plan, { depth }) };
  console.log(JSON.stringify({ id: `${name}, ${response}, ${how}`, ...asked, parameters: { '%response': own } }));
}
