//! Paths from a response to its answers: `descendants().where(linkId = 'x').answer.value.code` and their like.

use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::lower::{Defect, Lowering, Stop};
use super::syntax::membership;
use super::{Input, Literal, Measure, Selection, Source};
use crate::form::questionnaire::ItemKind;
use Stop::NotLowered;

/// How far along a path from a response to its answers we are.
pub(super) enum Path {
    Response(Source),
    /// Some items of the response; `None` is all of them.
    Items(Source, Option<Vec<usize>>),
    /// The items that a `where(linkId …)` chose.
    Chosen(Source, Vec<usize>),
    Answers(Selection),
    Values(Selection),
    Codes(Selection),
    Measures(Selection, Measure),
}

impl Lowering<'_> {
    pub(super) fn path(&self, tree: &Ast) -> Result<Path, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.path(inner),
            Ast::Variable(variable) => match variable.name.as_str() {
                "resource" | "context" => Ok(Path::Response(Source::Own)),
                "professional" => Ok(Path::Response(Source::Professional)),
                name if self.variable(name).is_some() => self.inside(name, |inner, tree| inner.path(tree)),
                name => Err(Stop::Defect(Defect::UnknownVariable(name.to_owned()))),
            },
            Ast::Identifier(identifier) => self.step(Path::Response(Source::Own), &identifier.name),
            Ast::FunctionCall(call) if call.name == "descendants" => Ok(Path::Items(Source::Own, None)),
            Ast::FunctionCall(call) => self.call(Path::Response(Source::Own), &call.name, &call.arguments),
            Ast::PropertyAccess(access) => self.step(self.path(&access.object)?, &access.property),
            Ast::Path(path) => path.path.split('.').try_fold(self.path(&path.base)?, |base, name| self.step(base, name)),
            Ast::MethodCall(call) => self.call(self.path(&call.object)?, &call.method, &call.arguments),
            Ast::Filter(filter) => self.filter(self.path(&filter.base)?, &filter.condition),
            _ => Err(NotLowered),
        }
    }

    fn step(&self, base: Path, name: &str) -> Result<Path, Stop> {
        match (base, name) {
            (Path::Response(source), "item") => Ok(Path::Items(source, Some(self.questionnaire(source)?.children(None).to_vec()))),
            (Path::Chosen(source, items), "item") => {
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
            (Path::Chosen(source, items), "answer") => {
                let inputs = items.into_iter().map(|item| Input { source, item }).collect();
                Ok(Path::Answers(Selection { inputs, only: None, coded: false }))
            }
            (Path::Answers(selection), "value") => Ok(Path::Values(selection)),
            (Path::Values(selection), "code")
                if self.all(&selection, |item| matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice)) =>
            {
                Ok(Path::Codes(Selection { coded: true, ..selection }))
            }
            (Path::Values(selection), "value") if self.all(&selection, |item| item.kind == ItemKind::Quantity) => {
                Ok(Path::Measures(selection, Measure::Value))
            }
            _ => Err(NotLowered),
        }
    }

    fn call(&self, base: Path, name: &str, arguments: &[Ast]) -> Result<Path, Stop> {
        match (name, arguments) {
            ("where", [condition]) => self.filter(base, condition),
            ("descendants", []) => match base {
                Path::Response(source) => Ok(Path::Items(source, None)),
                Path::Chosen(source, items) => {
                    let questionnaire = self.questionnaire(source)?;
                    Ok(Path::Items(source, Some(items.into_iter().flat_map(|item| questionnaire.descendants(item)).collect())))
                }
                _ => Err(NotLowered),
            },
            ("weight" | "ordinal", []) => match base {
                Path::Values(selection) | Path::Answers(selection) => Ok(Path::Measures(selection, Measure::Weight)),
                _ => Err(NotLowered),
            },
            _ => Err(NotLowered),
        }
    }

    fn filter(&self, base: Path, condition: &Ast) -> Result<Path, Stop> {
        let (name, wanted) = membership(condition).ok_or(NotLowered)?;
        match (base, name) {
            (Path::Items(source, among), "linkId") => {
                let questionnaire = self.questionnaire(source)?;
                let mut items = Vec::new();
                for link_id in wanted {
                    let unknown = || Stop::Defect(Defect::UnknownQuestion(questionnaire.id.clone(), link_id.clone()));
                    let item = questionnaire.find(&link_id).ok_or_else(unknown)?;
                    if among.as_ref().is_some_and(|among| !among.contains(&item)) {
                        return Err(unknown());
                    }
                    items.push(item);
                }
                Ok(Path::Chosen(source, items))
            }
            (Path::Values(mut selection), "code") if selection.only.is_none() => {
                self.check_options(&selection, &wanted.iter().cloned().map(Literal::Text).collect::<Vec<_>>())?;
                selection.only = Some(wanted);
                Ok(Path::Values(selection))
            }
            _ => Err(NotLowered),
        }
    }
}
