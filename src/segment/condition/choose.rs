//! The answers that a path leads to, where a condition asks for answers.

use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::lower::is_calculated;
use super::path::Path;
use super::scope::{Defect, Lowering, Stop};
use super::{Input, Literal, Selection};
use crate::form::questionnaire::{ItemKind, OptionValue};
use Stop::NotLowered;

impl Lowering<'_> {
    /// Answers of which only the number or the presence counts.
    pub(super) fn selection(&self, tree: &Ast) -> Result<Selection, Stop> {
        self.answers(self.path(tree)?)
    }

    /// What is computed is no answer: whether it is there depends on more than itself.
    pub(super) fn answers(&self, path: Path) -> Result<Selection, Stop> {
        match path {
            Path::Answers(selection) | Path::Values(selection) | Path::Codes(selection) => self.given(selection),
            _ => Err(NotLowered),
        }
    }

    /// Answers, or questions that are there because they are answered.
    pub(super) fn present(&self, tree: &Ast) -> Result<Selection, Stop> {
        match self.path(tree)? {
            Path::Chosen(source, items) => {
                let questionnaire = self.questionnaire(source)?;
                if items.iter().any(|&item| !questionnaire.item(item).is_question()) {
                    return Err(NotLowered);
                }
                let inputs = items.into_iter().map(|item| Input { source, item }).collect();
                self.given(Selection { inputs, only: None, except: None, coded: false })
            }
            path => self.answers(path),
        }
    }

    fn given(&self, selection: Selection) -> Result<Selection, Stop> {
        if self.all(&selection, |item| !is_calculated(item)) { Ok(selection) } else { Err(NotLowered) }
    }

    /// One question's answers, to compare with literals.
    pub(super) fn compared(&self, tree: &Ast) -> Result<Selection, Stop> {
        match self.path(tree)? {
            Path::Values(selection)
                if selection.inputs.len() == 1
                    && !self.all(&selection, |item| matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice | ItemKind::Quantity)) =>
            {
                self.given(selection)
            }
            Path::Codes(selection) if selection.inputs.len() == 1 => self.given(selection),
            _ => Err(NotLowered),
        }
    }

    /// A code that no option has can never be met: a defect of the rule.
    pub(super) fn check_options(&self, selection: &Selection, wanted: &[Literal]) -> Result<(), Stop> {
        for input in &selection.inputs {
            let item = self.questionnaire(input.source)?.item(input.item);
            if !matches!(item.kind, ItemKind::Choice) || item.options.is_empty() || item.options_open {
                continue;
            }
            for literal in wanted {
                let known = |literal: &str| {
                    item.options.iter().any(|option| {
                        matches!(&option.value, OptionValue::Coding { code, .. } if code == literal)
                            || matches!(&option.value, OptionValue::Text(text) if text == literal)
                    })
                };
                if let Literal::Text(text) = literal
                    && !known(text)
                {
                    return Err(self.defect(Defect::UnknownOption(item.link_id.clone(), text.clone())));
                }
            }
        }
        Ok(())
    }
}
