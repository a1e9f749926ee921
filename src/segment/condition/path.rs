//! Paths from a response to its answers: `descendants().where(linkId = 'x').answer.value.code` and their like.

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use rust_decimal::Decimal;

use super::filter::linked;
use super::lower::is_calculated;
use super::scope::{Defect, Lowering, Stop};
use super::syntax::{codes, compared_with_number, compared_with_this, literal, membership, type_name, visit};
use super::{Comparison, Input, Literal, Measure, Selection, Source};
use crate::fhirpath::WEIGHTS;
use crate::form::questionnaire::{Item, ItemKind, OptionValue};
use Stop::NotLowered;

/// How far along a path from a response to its answers we are.
#[derive(Clone)]
pub(super) enum Path {
    Response(Source),
    /// Some items of the response; `None` is all of them.
    Items(Source, Option<Vec<usize>>),
    /// The items that a `where(linkId …)` chose.
    Chosen(Source, Vec<usize>),
    Answers(Selection),
    Values(Selection),
    Codes(Selection),
    /// The extensions of Codings; chosen: those with a weight.
    Extensions(Selection, bool),
    Measures(Selection, Measure),
    /// Those that compare so.
    Passing(Selection, Measure, Comparison, Decimal),
}

impl Lowering<'_> {
    pub(super) fn path(&self, tree: &Ast) -> Result<Path, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.path(inner),
            Ast::Variable(variable) => match variable.name.as_str() {
                "resource" | "rootResource" => Ok(Path::Response(self.base())),
                "context" if self.is_bare() => Ok(Path::Response(self.base())),
                "professional" if self.variable("professional").is_none() => Ok(Path::Response(Source::Professional)),
                name if self.variable(name).is_some() => self.inside(name, |inner, tree| inner.path(tree)),
                "context" | "questionnaire" | "this" | "total" | "index" | "ucum" | "sct" | "loinc" => Err(NotLowered),
                name => Err(Stop::Defect(Defect::UnknownVariable(name.to_owned()))),
            },
            Ast::Identifier(_) | Ast::FunctionCall(_) if !self.is_bare() => Err(NotLowered),
            Ast::Identifier(identifier) if identifier.name == "QuestionnaireResponse" => Ok(Path::Response(self.base())),
            Ast::Identifier(identifier) => self.step(Path::Response(self.base()), &identifier.name),
            Ast::FunctionCall(call) => self.call(Path::Response(self.base()), &call.name, &call.arguments),
            Ast::PropertyAccess(access) => self.step(self.path(&access.object)?, &access.property),
            Ast::Path(path) => path.path.split('.').try_fold(self.path(&path.base)?, |base, name| self.step(base, name)),
            Ast::MethodCall(call) => self.call(self.path(&call.object)?, &call.method, &call.arguments),
            Ast::TypeCast(cast) => self.of_type(self.path(&cast.expression)?, &cast.target_type),
            Ast::Filter(filter) => self.filter(self.path(&filter.base)?, &filter.condition),
            _ => Err(NotLowered),
        }
    }

    /// A path that begins at each value of another, as in `select(…)` or in a criterion.
    fn from(&self, base: Path, tree: &Ast) -> Result<Path, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.from(base, inner),
            Ast::Variable(variable) if variable.name == "this" => Ok(base),
            Ast::Identifier(identifier) => self.step(base, &identifier.name),
            Ast::FunctionCall(call) => self.call(base, &call.name, &call.arguments),
            Ast::PropertyAccess(access) => self.step(self.from(base, &access.object)?, &access.property),
            Ast::Path(path) => path.path.split('.').try_fold(self.from(base, &path.base)?, |base, name| self.step(base, name)),
            Ast::MethodCall(call) => self.call(self.from(base, &call.object)?, &call.method, &call.arguments),
            Ast::TypeCast(cast) => self.of_type(self.from(base, &cast.expression)?, &cast.target_type),
            Ast::Filter(filter) => self.filter(self.from(base, &filter.base)?, &filter.condition),
            _ => Err(NotLowered),
        }
    }

    fn step(&self, base: Path, name: &str) -> Result<Path, Stop> {
        match (base, name) {
            (Path::Response(source), "item") => Ok(Path::Items(source, Some(self.questionnaire(source)?.children(None).to_vec()))),
            (Path::Items(source, Some(items)) | Path::Chosen(source, items), "item") => {
                let questionnaire = self.questionnaire(source)?;
                // what belongs to an answer stands under the answer, not under the question
                let groups = items.into_iter().filter(|&item| questionnaire.item(item).kind == ItemKind::Group);
                Ok(Path::Items(source, Some(groups.flat_map(|item| questionnaire.children(Some(item)).to_vec()).collect())))
            }
            (Path::Answers(selection), "item") => {
                let [Input { source, .. }, ..] = selection.inputs[..] else { return Err(NotLowered) };
                let questionnaire = self.questionnaire(source)?;
                let below = selection.inputs.iter().flat_map(|input| questionnaire.children(Some(input.item)).to_vec());
                Ok(Path::Items(source, Some(below.collect())))
            }
            (Path::Chosen(source, items), "answer") => self.answers_of(source, items),
            (Path::Items(source, Some(items)), "answer") => self.answers_of(source, items),
            (Path::Items(source, None), "answer") => self.answers_of(source, (0..self.questionnaire(source)?.items().len()).collect()),
            (Path::Answers(selection), "value") => Ok(Path::Values(selection)),
            (Path::Answers(selection), name) => match name.strip_prefix("value") {
                Some(kind) if self.all(&selection, |item| gives(item, kind)) => Ok(Path::Values(selection)),
                _ => Err(NotLowered),
            },
            (Path::Values(selection), "code") if self.all(&selection, is_coded) => Ok(Path::Codes(Selection { coded: true, ..selection })),
            (Path::Values(selection), "value") if self.all(&selection, |item| item.kind == ItemKind::Quantity) => {
                Ok(Path::Measures(selection, Measure::Value))
            }
            (Path::Values(selection), "extension") if self.all(&selection, is_coded) => Ok(Path::Extensions(selection, false)),
            (Path::Extensions(selection, true), "value" | "valueDecimal") => Ok(Path::Measures(selection, Measure::Weight)),
            _ => Err(NotLowered),
        }
    }

    /// The answers of those that are questions.
    fn answers_of(&self, source: Source, items: Vec<usize>) -> Result<Path, Stop> {
        let questionnaire = self.questionnaire(source)?;
        let questions = items.into_iter().filter(|&item| questionnaire.item(item).is_question());
        Ok(Path::Answers(Selection {
            inputs: questions.map(|item| Input { source, item }).collect(),
            only: None,
            except: None,
            coded: false,
        }))
    }

    fn call(&self, base: Path, name: &str, arguments: &[Ast]) -> Result<Path, Stop> {
        match (name, arguments) {
            ("where", [condition]) => self.filter(base, condition),
            ("select", [projection]) => self.from(base, projection),
            ("descendants", []) => match base {
                Path::Response(source) => Ok(Path::Items(source, None)),
                Path::Chosen(source, items) => {
                    let questionnaire = self.questionnaire(source)?;
                    Ok(Path::Items(source, Some(items.into_iter().flat_map(|item| questionnaire.descendants(item)).collect())))
                }
                _ => Err(NotLowered),
            },
            ("repeat", [Ast::Identifier(step)]) if step.name == "item" => self.below_groups(base),
            ("weight" | "ordinal", []) => match base {
                Path::Values(selection) | Path::Answers(selection) => Ok(Path::Measures(selection, Measure::Weight)),
                _ => Err(NotLowered),
            },
            ("extension", [url]) => match (base, literal(url)) {
                (Path::Values(selection), Some(Literal::Text(url))) if is_weight(&url) && self.all(&selection, is_coded) => {
                    Ok(Path::Extensions(selection, true))
                }
                _ => Err(NotLowered),
            },
            ("ofType" | "as", [kind]) => match type_name(kind) {
                Some(name) => self.of_type(base, &name),
                None => Err(NotLowered),
            },
            // of a question that is answered once at most
            ("first" | "last" | "single", []) if self.is_single(&base) => Ok(base),
            _ => Err(NotLowered),
        }
    }

    /// Items under items, not those under answers.
    fn below_groups(&self, base: Path) -> Result<Path, Stop> {
        let (source, tops) = match base {
            Path::Response(source) => (source, self.questionnaire(source)?.children(None).to_vec()),
            Path::Chosen(source, items) => {
                let questionnaire = self.questionnaire(source)?;
                let groups = items.into_iter().filter(|&item| questionnaire.item(item).kind == ItemKind::Group);
                (source, groups.flat_map(|item| questionnaire.children(Some(item)).to_vec()).collect())
            }
            _ => return Err(NotLowered),
        };
        let questionnaire = self.questionnaire(source)?;
        let (mut found, mut next) = (Vec::new(), tops);
        while !next.is_empty() {
            let groups = next.iter().filter(|&&item| questionnaire.item(item).kind == ItemKind::Group);
            let below = groups.flat_map(|&item| questionnaire.children(Some(item)).to_vec()).collect();
            found.extend(std::mem::replace(&mut next, below));
        }
        Ok(Path::Items(source, Some(found)))
    }

    fn is_single(&self, base: &Path) -> bool {
        let selection = match base {
            Path::Answers(selection) | Path::Values(selection) | Path::Codes(selection) | Path::Measures(selection, _) => selection,
            _ => return false,
        };
        let [input] = selection.inputs.as_slice() else { return false };
        self.questionnaire(input.source)
            .is_ok_and(|questionnaire| !questionnaire.item(input.item).repeats && questionnaire.repeated_around(input.item).is_none())
    }

    fn of_type(&self, base: Path, name: &str) -> Result<Path, Stop> {
        let name = name.rsplit('.').next().unwrap_or(name);
        match base {
            Path::Values(selection) if self.all(&selection, |item| gives(item, &capitalised(name))) => Ok(Path::Values(selection)),
            _ => Err(NotLowered),
        }
    }

    pub(super) fn filter(&self, base: Path, condition: &Ast) -> Result<Path, Stop> {
        if let Some(passing) = self.of_number(&base, condition) {
            return Ok(passing);
        }
        match base {
            Path::Items(source, among) => {
                linked(condition, "").ok_or(NotLowered)?;
                self.refuse_unknown(source, among.as_deref(), condition)?;
                let questionnaire = self.questionnaire(source)?;
                let among = among.unwrap_or_else(|| (0..questionnaire.items().len()).collect());
                let passes = |item: &usize| linked(condition, &questionnaire.item(*item).link_id) == Some(true);
                Ok(Path::Chosen(source, among.into_iter().filter(passes).collect()))
            }
            Path::Answers(selection) => {
                let selection = self.coded(selection, &["value.code", "valueCoding.code"], condition)?;
                Ok(Path::Answers(selection))
            }
            Path::Values(selection) => self.coded(selection, &["code"], condition).map(Path::Values),
            Path::Codes(selection) => self.coded(selection, &["$this"], condition).map(Path::Codes),
            Path::Measures(selection, measure) => {
                let (comparison, than) = compared_with_this(condition).ok_or(NotLowered)?;
                Ok(Path::Passing(selection, measure, comparison, than))
            }
            Path::Extensions(selection, false) => match membership(condition).ok_or(NotLowered)? {
                (name, urls) if name == "url" && urls.iter().all(|url| is_weight(url)) => Ok(Path::Extensions(selection, true)),
                _ => Err(NotLowered),
            },
            _ => Err(NotLowered),
        }
    }

    /// A criterion on the one number that each item or answer has, as in `where(answer.value.ordinal() >= 3)`: as many pass as
    /// numbers do.
    fn of_number(&self, base: &Path, condition: &Ast) -> Option<Path> {
        let (of, comparison, than) = compared_with_number(condition)?;
        if matches!(base, Path::Response(_) | Path::Measures(..) | Path::Passing(..)) {
            return None;
        }
        let Ok(Path::Measures(selection, measure)) = self.from(base.clone(), of) else { return None };
        let answered_once = |input: &Input| {
            self.questionnaire(input.source)
                .is_ok_and(|questionnaire| !questionnaire.item(input.item).repeats && questionnaire.repeated_around(input.item).is_none())
        };
        let given = self.all(&selection, |item| !is_calculated(item)) && selection.inputs.iter().all(answered_once);
        given.then_some(Path::Passing(selection, measure, comparison, than))
    }

    /// Those whose code, by one of these names, is one of some or none of some.
    fn coded(&self, mut selection: Selection, names: &[&str], condition: &Ast) -> Result<Selection, Stop> {
        let (name, wanted, negated) = codes(condition).ok_or(NotLowered)?;
        if selection.only.is_some() || selection.except.is_some() || !names.contains(&name.as_str()) || !self.all(&selection, is_coded) {
            return Err(NotLowered);
        }
        self.check_options(&selection, &wanted.iter().cloned().map(Literal::Text).collect::<Vec<_>>())?;
        *(if negated { &mut selection.except } else { &mut selection.only }) = Some(wanted);
        Ok(selection)
    }

    /// A linkId that is written down and is not there.
    fn refuse_unknown(&self, source: Source, among: Option<&[usize]>, condition: &Ast) -> Result<(), Stop> {
        let questionnaire = self.questionnaire(source)?;
        let mut named = Vec::new();
        visit(condition, &mut |node| {
            if let Some((name, wanted)) = membership(node)
                && name == "linkId"
            {
                named.extend(wanted);
            }
        });
        match named.into_iter().find(|link_id| {
            let found = questionnaire.find(link_id);
            found.is_none_or(|item| among.is_some_and(|among| !among.contains(&item)))
        }) {
            Some(link_id) => Err(self.defect(Defect::UnknownQuestion(
                if questionnaire.id.is_empty() { questionnaire.url.clone() } else { questionnaire.id.clone() },
                link_id,
            ))),
            None => Ok(()),
        }
    }
}

fn is_coded(item: &Item) -> bool {
    match item.kind {
        ItemKind::Choice => item.options.iter().all(|option| matches!(option.value, OptionValue::Coding { .. })),
        ItemKind::OpenChoice => true,
        _ => false,
    }
}

/// The item's answers are of this type, all of them.
fn gives(item: &Item, kind: &str) -> bool {
    let options = |is: fn(&OptionValue) -> bool| !item.options.is_empty() && item.options.iter().all(|option| is(&option.value));
    match (item.kind, kind) {
        (ItemKind::Boolean, "Boolean")
        | (ItemKind::Decimal, "Decimal")
        | (ItemKind::Integer, "Integer")
        | (ItemKind::Quantity, "Quantity")
        | (ItemKind::String | ItemKind::Text, "String")
        | (ItemKind::Url, "Uri")
        | (ItemKind::Date, "Date")
        | (ItemKind::DateTime, "DateTime")
        | (ItemKind::Time, "Time") => true,
        (ItemKind::Choice, "Coding") => is_coded(item) && !item.options_open,
        (ItemKind::Choice, "Integer") => options(|value| matches!(value, OptionValue::Integer(_))),
        (ItemKind::Choice, "String") => options(|value| matches!(value, OptionValue::Text(_))),
        _ => false,
    }
}

/// `integer` and `Integer` are one.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn is_weight(url: &str) -> bool {
    WEIGHTS.contains(&url)
}
