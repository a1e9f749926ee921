// A plan's FHIRPath conditions as text that CQF clinical-reasoning can compile: it takes `text/fhirpath` for CQL.
//
// What is said stays the same as far as CQL has it. What is rewritten, and why:
//   %resource and the focus        %response, a parameter of $apply: its own %resource and %context are the PlanDefinition
//   variables (HL7's and ours)     put in where they are named: conditions see none
//   x.weight(), x.ordinal()        the ordinalValue extension on the answer; `weighed` writes it there
//   x.sum(), x.aggregate(…)        Sum(x) and CQL's aggregate clause: there are no such methods
//   descendants(), repeat(item)    the levels that there are, side by side: neither works
//   ('a' | 'b')                    {'a', 'b'}: CQL's union is of lists
//   path = 3, path and …           path.single() = 3: a list is no value unless a server turns list demotion on
//   iif(a, b, c)                   if a then b else c
//   value.value, valueInteger      (value as Quantity).value, (value as integer).value: the type is not found by itself
import fhirpath from 'fhirpath/src/fhirpath.js';
import { weights } from '../referee.mjs';

const ORDINAL = 'http://hl7.org/fhir/StructureDefinition/ordinalValue';
const VARIABLE = url => url === 'http://hl7.org/fhir/StructureDefinition/variable' || url.endsWith('/StructureDefinition/rule-variable');
const MANY = ['item', 'answer', 'answerOption', 'extension'];
const TYPES = { valueQuantity: 'Quantity', valueCoding: 'Coding', valueInteger: 'integer', valueDecimal: 'decimal', valueBoolean: 'boolean', valueDate: 'date' };

/** The plan with translated conditions, every action named, and nothing in it that is not about conditions. */
export function translated(plan, { depth, role }) {
  const action = (it, path, scope) => {
    const inner = [...scope, ...declared(it)];
    const conditions = (it.condition ?? []).filter(c => c.kind === 'applicability');
    return {
      id: it.id ?? path,
      ...(conditions.length && { condition: conditions.map(c => ({ ...c, expression: cql(c.expression, inner, depth) })) }),
      ...(it.action && { action: it.action.map((a, n) => action(a, `${path}.action[${n}]`, inner)) }),
    };
  };
  const { resourceType, url, version, status } = plan;
  const actions = (plan.action ?? []).map((it, n) => action(it, `action[${n}]`, declared(plan)));
  return { resourceType, id: plan.id ?? 'plan', url, version, status, action: actions.filter(it => !role || it.id === role) };
}

const declared = element => (element.extension ?? []).filter(it => VARIABLE(it.url)).map(it => it.valueExpression);

const cql = (expression, scope, depth) => ({ ...expression, expression: text(expression.expression, scope, depth) });

export const text = (expression, scope, depth) => one(print(fhirpath.parse(expression).children[0], { scope, depth }));

/** CQL, and whether it is a list. */
const value = (cql, list = false) => ({ cql, list });
const one = it => (it.list ? `${it.cql}.single()` : it.cql);

function print(node, at) {
  const [left, right] = node.children ?? [];
  switch (node.type) {
    case 'EntireExpression':
    case 'TermExpression':
    case 'InvocationTerm':
      return print(left, at);
    case 'ParenthesizedTerm': {
      const inner = print(left, at);
      return value(inner.cql.startsWith('{') ? inner.cql : `(${inner.cql})`, inner.list);
    }
    case 'LiteralTerm':
      return value(left.type === 'QuantityLiteral' ? `${left.value} ${left.unit}` : node.text);
    case 'ExternalConstantTerm':
      return variable(node.text ?? node.delimitedText, at);
    case 'ThisInvocation':
      return value('$this');
    case 'TotalInvocation':
      return value('$total');
    case 'PolarityExpression':
      return value(`${node.text}${one(print(left, at))}`);
    case 'UnionExpression': {
      const [a, b] = [print(left, at), print(right, at)];
      const literal = it => !it.list || it.cql.startsWith('{');
      const inner = it => (it.list ? it.cql.slice(1, -1) : it.cql);
      return literal(a) && literal(b)
        ? value(`{${inner(a)}, ${inner(b)}}`, true)
        : value(`(flatten {${listed(numbers(a))}, ${listed(b)}})`, true);
    }
    case 'MembershipExpression': {
      const [a, b] = [print(left, at), print(right, at)];
      return node.text === 'in' ? value(`${one(a)} in ${listed(b)}`) : value(`${listed(a)} contains ${one(b)}`);
    }
    case 'EqualityExpression': {
      const [a, b] = [left, right].map(it => one(print(it, at)));
      return value(node.text === '~' ? `(${a} as Coding) ~ (${b} as Coding)` : `${a} ${node.text} ${b}`);
    }
    case 'InequalityExpression':
    case 'AndExpression':
    case 'OrExpression':
    case 'ImpliesExpression':
    case 'AdditiveExpression':
    case 'MultiplicativeExpression':
      return value(`${one(print(left, at))} ${node.text} ${one(print(right, at))}`);
    case 'InvocationExpression':
      return invocation(print(left, at), right, at);
    case 'MemberInvocation':
    case 'FunctionInvocation':
      return node.text === 'iif' ? iif(node, at) : invocation(at.inside ? null : value('%response'), node, at);
    default:
      throw new Error(`${node.type} is not translated`);
  }
}

const listed = it => (it.list ? it.cql : `{${it.cql}}`);

function variable(name, at) {
  const found = at.scope.findLastIndex(it => it.name === name);
  if (found < 0) return value(name === 'resource' ? '%response' : `%${name}`);
  const scope = at.scope.slice(0, found).concat(at.scope.slice(found + 1));
  const inner = print(fhirpath.parse(at.scope[found].expression).children[0], { scope, depth: at.depth });
  return inner.cql.startsWith('{') ? inner : value(`(${inner.cql})`, inner.list);
}

function iif(node, at) {
  const [condition, then, otherwise] = node.children[0].children[1].children.map(it => one(print(it, at)));
  return value(`(if ${condition} then ${then} else ${otherwise ?? 'null'})`);
}

function invocation(base, node, at) {
  const dot = base ? `${base.cql}.` : '';
  if (node.type === 'MemberInvocation') {
    if (TYPES[node.text]) return typed(base, TYPES[node.text]);
    const many = base?.list || MANY.includes(node.text);
    if (node.text === 'value' && /\bextension(\.where\([^)]*\))?$/.test(base?.cql ?? '')) return all(base.cql, '(Each.value as decimal).value');
    if (node.text === 'value' && /\bvalue$/.test(base?.cql ?? ''))
      return base.list ? all(base.cql, '(Each as Quantity).value') : value(`(${base.cql} as Quantity).value`);
    if (node.text === 'value' && /as Quantity\)\)$/.test(base?.cql ?? '')) return all(base.cql, 'Each.value');
    return value(dot + node.text, many);
  }
  if (node.type !== 'FunctionInvocation') throw new Error(`${node.type} is not translated`);
  const parameters = node.children[0].children[1]?.children ?? [];
  const inside = () => one(print(parameters[0], { ...at, inside: true }));
  const self = base ?? value('$this');
  switch (node.text) {
    case 'where':
    case 'all':
      return value(`${dot}${node.text}(${inside()})`, node.text === 'where');
    case 'select': {
      const to = print(parameters[0], { ...at, inside: true });
      return value(`${dot}select(${one(to)})`, true);
    }
    case 'exists':
      return value(parameters.length ? `${dot}exists(${inside()})` : `${listed(self)}.exists()`);
    case 'combine':
      return value(`${dot}combine(${print(parameters[0], at).cql})`, true);
    case 'ordinal':
    case 'weight': {
      const on = node.text === 'weight' && /answer$/.test(self.cql) ? `${self.cql}.value` : self.cql;
      return all(`${at.inside && /^\w/.test(on) ? '$this.' : ''}${on}.extension.where(url = '${ORDINAL}')`, '(Each.value as decimal).value');
    }
    case 'sum':
      return value(`Sum(${numbers(self).cql})`);
    case 'aggregate':
      return value(`((${numbers(self).cql}) Each aggregate Total starting ${parameters[1] ? '0.0' : 'null'}: Total + Each)`);
    case 'descendants':
    case 'repeat': {
      const there = self.cql.startsWith('%questionnaire') ? at.depth.filter(path => !path.includes('answer')) : at.depth;
      const levels = there.map(path => `${self.cql}.${path}`);
      return value(levels.length > 1 ? `(flatten {${levels.join(', ')}})` : levels[0], true);
    }
    case 'ofType':
      return ofType(base, parameters[0] && name(parameters[0]), '');
    case 'distinct':
      return value(`${dot}distinct()`, true);
    case 'first':
    case 'single':
      return value(`${dot}${node.text}()`);
    case 'count':
    case 'empty':
      return value(`${listed(self)}.${node.text}()`);
    case 'not':
      return value(`${one(self)}.not()`);
    case 'startsWith':
    case 'matches':
      return value(`${base ? one(base) : '$this'}.${node.text}(${print(parameters[0], at).cql})`);
    default:
      throw new Error(`${node.text}() is not translated`);
  }
}

/** Sum() and + want numbers, not a choice of types: ofType() alone does not make them. */
function numbers(it) {
  const bare = it.cql.replace(/^\((.*)\)$/, '$1');
  const [, type] = bare.match(/\.ofType\((\w+)\)$/) ?? [];
  if (type) return all(bare, `(Each as ${type}).value`);
  if (/\bvalue$/.test(bare)) return all(bare, '(Each as integer).value');
  return it;
}

/** Not select(): it drops what is there twice. */
const all = (list, of) => value(`((${list}) Each return all (${of}))`, true);

const name = node => node.text ?? name(node.children[0]);

/** Of numbers, dates and booleans ofType() leaves the type open, and then + gives nothing. */
function typed(base, type) {
  if (!base?.list || type === 'Coding') return ofType(base, type);
  return all(base.cql, /^[A-Z]/.test(type) ? `Each.value as ${type}` : `(Each.value as ${type}).value`);
}

/** A list by ofType(), one value by a cast. */
function ofType(base, type, member = 'value') {
  const of = [base?.cql, member].filter(Boolean).join('.');
  return base?.list ? value(`${of}.ofType(${type})`, true) : value(`(${of} as ${type})`);
}

/** A translated plan whose conditions stand in one CQL library, each a definition, and that library. */
export function library(plan, { name, variables = [] }) {
  const url = `https://peers.example/Library/${name}`;
  const definitions = [...variables];
  const names = variables.map(([as]) => as);
  const moved = it => {
    const as = `c${definitions.length}`;
    definitions.push([as, names.reduce((cql, one) => cql.replaceAll(`%${one}`, `"${one}"`), it.expression.expression)]);
    return { ...it, expression: { language: 'text/cql-identifier', expression: as, reference: `${url}|1` } };
  };
  const action = it => ({ ...it, ...(it.condition && { condition: it.condition.map(moved) }), ...(it.action && { action: it.action.map(action) }) });
  const as = { ...plan, library: [`${url}|1`], action: plan.action.map(action) };
  const all = definitions.map(([as, it]) => `define "${as}": ${it}`).join('\n');
  const parameters = ['response', 'professional'].map(it => `parameter "%${it}" QuestionnaireResponse\n`).join('');
  const head = `library ${name} version '1'\nusing FHIR version '4.0.1'\ninclude FHIRHelpers version '4.0.1' called FHIRHelpers\n`;
  const source = `${head}${parameters}parameter "%questionnaire" Questionnaire\ncontext Patient\n${all}`;
  const content = [{ contentType: 'text/cql', data: Buffer.from(source).toString('base64') }];
  return { plan: as, library: { resourceType: 'Library', id: name, url, version: '1', name, status: 'active', content } };
}

/** Where the items of a response may stand: `item`, `item.item`, `item.answer.item` … */
export function levels(response) {
  const found = new Set();
  const walk = (items, path) =>
    (items ?? []).forEach(item => {
      found.add(path);
      walk(item.item, `${path}.item`);
      (item.answer ?? []).forEach(answer => walk(answer.item, `${path}.answer.item`));
    });
  walk(response.item, 'item');
  return found.size ? [...found] : ['item'];
}

/** The response with each answer's weight on the answer, wherever the form has it. */
export function weighed(response, questionnaire, support = []) {
  const weigh = weights([questionnaire], support);
  const copy = structuredClone(response);
  const walk = (items, parent) =>
    (items ?? []).forEach(item => {
      walk(item.item);
      (item.answer ?? []).forEach(answer => {
        walk(answer.item);
        const key = Object.keys(answer).find(it => it.startsWith('value'));
        if (!key) return;
        const [weight] = weigh({ path: 'QuestionnaireResponse.item.answer', data: answer, parentResNode: { data: item } });
        if (weight === undefined) return;
        const on = key === 'valueCoding' ? answer.valueCoding : (answer[`_${key}`] ??= {});
        on.extension = [...(on.extension ?? []).filter(it => it.url !== ORDINAL), { url: ORDINAL, valueDecimal: weight }];
      });
    });
  walk(copy.item);
  return copy;
}
