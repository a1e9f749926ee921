//! What functions lead to.

use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::advice::{self, shown};
use super::types::{Class, Type};
use super::{Known, Prover};
use crate::fhirpath::WEIGHTS;
use crate::form::questionnaire::{Item, ItemKind, OptionValue};
use crate::segment::condition::filter::linked;
use crate::segment::condition::foreign::conjuncts;
use crate::segment::condition::syntax::{literal, literals, membership, visit};
use crate::segment::condition::{Literal, Source};
use crate::shape::datatypes::EXTENSION;

impl Prover<'_> {
    pub(super) fn call(&self, base: &Known, name: &str, arguments: &[Ast], tree: &Ast, focus: &Known) -> Known {
        match (name, arguments) {
            ("where", [condition]) => self.filtered(base, condition),
            ("exists" | "all", [condition]) => {
                self.filtered(base, condition);
                Known::value(Class::Boolean)
            }
            ("not", []) => {
                self.wants(Class::Boolean, base, object(tree), "`not()`");
                Known::value(Class::Boolean)
            }
            ("select", [projection]) => self.walk(projection, base),
            ("iif", [condition, rest @ ..]) => {
                // as a method it speaks of what it is called on
                let here = if matches!(tree, Ast::MethodCall(_)) { base } else { focus };
                let found = self.walk(condition, here);
                self.wants(Class::Boolean, &found, condition, "`iif`");
                rest.iter().map(|part| self.walk(part, here)).reduce(Known::or).unwrap_or(Known::UNKNOWN)
            }
            ("union" | "combine", [other]) => base.clone().or(self.walk(other, focus)),
            ("descendants", []) => self.below(base),
            ("repeat", [Ast::Identifier(it)]) if it.name == "item" => match self.below(base) {
                Known(Some(types)) => Known(Some(
                    types.into_iter().map(|it| if let Type::Below(source, items) = it { Type::Item(source, items) } else { it }).collect(),
                )),
                unknown => unknown,
            },
            ("ofType" | "as", [kind]) => self.type_asked(base, kind, tree),
            ("weight" | "ordinal", []) => {
                self.weighed(base, object(tree));
                Known::value(Class::Number)
            }
            ("extension", [url]) => {
                if let Some(Literal::Text(url)) = literal(url)
                    && WEIGHTS.contains(&url.as_str())
                {
                    self.weighed(base, object(tree));
                }
                Known::one(Type::Element("extension", &EXTENSION))
            }
            ("sum" | "avg", []) => {
                let is_sum = |it: &Type| matches!(it, Type::Value(Class::Number | Class::Quantity, _));
                if base.is_never(is_sum) {
                    advice::never_summed(self, base, object(tree), name);
                }
                if base.is_of(Class::Number) { Known::value(Class::Number) } else { Known::UNKNOWN }
            }
            ("first" | "last" | "tail" | "single" | "distinct" | "min" | "max", []) | ("skip" | "take" | "exclude" | "intersect", [_]) => {
                base.clone()
            }
            ("startsWith" | "endsWith" | "matches" | "matchesFull" | "contains", [part]) => {
                let is_text = |it: &Type| matches!(it, Type::Value(Class::Text | Class::Code | Class::LinkId | Class::Temporal, _));
                if base.is_never(is_text) {
                    let given = base.0.iter().flatten().next().map(Type::said).unwrap_or_default();
                    let what = format!("`{name}()` is of texts, and {} gives {given}", shown(object(tree)));
                    self.tell(what, "ask it of a text: of an option's code, say `.code`".to_owned());
                }
                self.walk(part, focus);
                Known::value(Class::Boolean)
            }
            _ => outcome(name, base),
        }
    }

    /// What a criterion lets through: of items, those whose linkId it names.
    pub(super) fn filtered(&self, base: &Known, condition: &Ast) -> Known {
        let Some(types) = &base.0 else { return Known::UNKNOWN };
        let (links, others): (Vec<&Ast>, Vec<&Ast>) = conjuncts(condition).into_iter().partition(|part| linked(part, "").is_some());
        let narrowed: Vec<Type> = types.iter().filter_map(|it| self.narrowed(it, &links)).collect();
        let focus = Known(Some(narrowed));
        for other in others {
            let found = self.walk(other, &focus);
            self.wants(Class::Boolean, &found, other, "a criterion");
        }
        let is_left = |it: &Type| !matches!(it, Type::Item(_, items) if items.is_empty());
        if focus.0.iter().flatten().any(is_left) { focus } else { Known::UNKNOWN }
    }

    fn narrowed(&self, of: &Type, links: &[&Ast]) -> Option<Type> {
        let (Type::Item(source, items) | Type::Below(source, items)) = of else { return Some(of.clone()) };
        if links.is_empty() {
            return Some(of.clone());
        }
        let questionnaire = self.questionnaire(*source)?;
        let mut is_told = false;
        for link_id in links.iter().flat_map(|part| named(part)) {
            match questionnaire.find(&link_id) {
                None => advice::no_question(self, questionnaire, &link_id),
                Some(item) if !items.contains(&item) && !items.is_empty() => advice::elsewhere(self, &link_id),
                Some(_) => continue,
            }
            is_told = true;
        }
        let passes = |item: &usize| links.iter().all(|part| linked(part, &questionnaire.item(*item).link_id) == Some(true));
        let left: Vec<usize> = items.iter().copied().filter(passes).collect();
        if left.is_empty() && !is_told && !items.is_empty() {
            let texts: Vec<String> = links.iter().map(|part| shown(part)).collect();
            self.tell(format!("no linkId is so: {}", texts.join(" and ")), "compare with the linkIds of the Questionnaire".to_owned());
        }
        Some(Type::Item(*source, left))
    }

    fn below(&self, base: &Known) -> Known {
        let of = |it: &Type| match it {
            Type::Response(source) => Some(Type::Below(*source, (0..self.questionnaire(*source)?.items().len()).collect())),
            Type::Item(source, items) => {
                let questionnaire = self.questionnaire(*source)?;
                Some(Type::Below(*source, items.iter().flat_map(|&item| questionnaire.descendants(item)).collect()))
            }
            _ => None,
        };
        Known(base.0.as_ref().and_then(|types| types.iter().map(of).collect()))
    }

    /// No option of the questions carries a weight. Where none of the Questionnaire's does, the answers may bring them along.
    fn weighed(&self, base: &Known, tree: &Ast) {
        let inputs = base.inputs();
        let items: Vec<&Item> = inputs.iter().filter_map(|&input| self.item(input)).collect();
        let is_weighed = |item: &Item| item.options.iter().any(|option| option.weight.is_some());
        let may_be =
            |item: &Item| is_weighed(item) || (matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice) && item.options.is_empty());
        let weighs = |source| self.questionnaire(source).is_some_and(|it| it.items().iter().any(is_weighed));
        let are_weights_expected = self.scope().strict || [Source::Own, Source::Professional].into_iter().any(weighs);
        if !items.is_empty() && are_weights_expected && !items.iter().any(|item| may_be(item)) {
            advice::no_weights(self, &items, tree);
        }
    }

    /// A literal that none of the questions has as an option.
    pub(super) fn options(&self, side: &Known, literal_side: &Ast) {
        let Some(wanted) = literals(literal_side) else { return };
        let (inputs, Some(types)) = (side.inputs(), &side.0) else { return };
        let is_answer = |it: &Type| matches!(it, Type::Value(Class::Code | Class::Text | Class::Number, inputs) if !inputs.is_empty());
        if inputs.is_empty() || !types.iter().all(is_answer) {
            return;
        }
        let items: Vec<&Item> = inputs.iter().filter_map(|&input| self.item(input)).collect();
        for literal in wanted {
            let is = |option: &OptionValue| match (option, &literal) {
                (OptionValue::Coding { code: text, .. } | OptionValue::Text(text), Literal::Text(wanted)) => text == wanted,
                (OptionValue::Integer(number), Literal::Number(wanted)) => number == wanted,
                _ => false,
            };
            let may_be = |item: &&Item| {
                item.kind != ItemKind::Choice || item.options.is_empty() || item.options_open || item.options.iter().any(|it| is(&it.value))
            };
            if !items.iter().any(may_be) {
                advice::no_option(self, &items, &literal);
            }
        }
    }
}

/// What a function comes to that asks no more than its name tells.
fn outcome(name: &str, base: &Known) -> Known {
    match name {
        "exists" | "empty" | "allTrue" | "allFalse" | "anyTrue" | "anyFalse" | "hasValue" | "isDistinct" | "is" | "subsetOf"
        | "supersetOf" | "any" => Known::value(Class::Boolean),
        "toBoolean" => Known::value(Class::Boolean),
        _ if name.starts_with("convertsTo") => Known::value(Class::Boolean),
        "count" | "length" | "indexOf" | "toInteger" | "toDecimal" => Known::value(Class::Number),
        "abs" | "ceiling" | "floor" | "round" | "truncate" | "sqrt" | "ln" | "exp" | "log" | "power" if base.is_of(Class::Number) => {
            Known::value(Class::Number)
        }
        "toString" | "lower" | "upper" | "trim" | "substring" | "replace" | "join" | "split" | "toChars" => Known::value(Class::Text),
        "toDate" | "toDateTime" | "toTime" | "now" | "today" | "timeOfDay" => Known::value(Class::Temporal),
        _ => Known::UNKNOWN,
    }
}

/// What a function is called on.
fn object(tree: &Ast) -> &Ast {
    if let Ast::MethodCall(call) = tree { &call.object } else { tree }
}

/// The linkIds that a criterion names.
fn named(condition: &Ast) -> Vec<String> {
    let mut named = Vec::new();
    visit(condition, &mut |node| {
        if let Some((name, wanted)) = membership(node)
            && name == "linkId"
        {
            named.extend(wanted);
        }
    });
    named
}
