//! An expression over every response of a submission (`%family`), for a family view.
//!
//! The engine evaluates it in each completion. What it may read is told from the syntax tree ([`super::seen`]), rather too much than too
//! little; where it is made of `and`, `or` and their like, its parts stand by themselves too, for when there is too much to try at once.

use std::rc::Rc;
use std::sync::Arc;

use octofhir_fhirpath::BinaryOperator as Op;
use octofhir_fhirpath::UnaryOperator;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;
use serde_json::json;

use super::allowed::{FAMILY, forbidden};
use super::foreign::Variable;
use super::scope::{Defect, Lowering, Scope};
use super::seen::Seeing;
use super::syntax::{has_quantity, print, same, typed, visit};
use super::{Input, Source};
use crate::fhirpath::{Budget, Outcome, Plan, Session};
use crate::form::questionnaire::Questionnaire;

/// One of a form's Questionnaires.
#[derive(Debug, Clone)]
pub struct Page {
    pub role: String,
    pub source: Source,
    pub questionnaire: Arc<Questionnaire>,
}

/// A condition over all responses.
#[derive(Debug, Clone)]
pub struct OverFamily {
    /// `None`: the engine does not know the types that it compares.
    pub plan: Option<Plan>,
    pub variables: Arc<[Variable]>,
    /// Every question that it may read: page and item.
    pub inputs: Vec<(usize, usize)>,
    /// Every computed item among what it reads.
    pub computed: Vec<(usize, usize)>,
    /// Pages of which it matters whether a response is there.
    pub counted: Vec<usize>,
    /// It asks whether there is an answer, whatever it is.
    pub asks_presence: bool,
    /// It reads more of a response than its Questionnaire and its answers.
    pub reads_members: bool,
    /// What it is made of.
    pub parts: Option<(Connective, Vec<OverFamily>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connective {
    And,
    Or,
    Xor,
    Implies,
    Not,
}

/// Makes `expression` ready.
///
/// # Errors
/// [`Defect`]
pub fn lower_family(expression: &str, pages: &[Page], variables: &[(String, String)]) -> Result<OverFamily, Defect> {
    for text in variables.iter().map(|(_, text)| text.as_str()).chain([expression]) {
        Plan::of(text).ok_or_else(|| Defect::syntax(text))?;
        refuse_strangers(&parse_ast(text).map_err(|_| Defect::syntax(text))?, variables)?;
    }
    let tree = parse_ast(expression).map_err(|_| Defect::syntax(expression))?;
    let is_typed = |(_, text): &(String, String)| parse_ast(text).is_ok_and(|tree| !has_quantity(&tree));
    let plans = variables.iter().map(|(name, text)| Variable { name: name.clone(), plan: parse_ast(text).ok().and_then(|it| plan(&it)) });
    over(&tree, pages, variables, &plans.collect(), variables.iter().all(is_typed))
}

/// Does the expression name `%family`?
pub fn reads_family(expression: &str) -> bool {
    let mut found = false;
    if let Ok(tree) = parse_ast(expression) {
        visit(&tree, &mut |node| found |= matches!(node, Ast::Variable(variable) if variable.name == FAMILY));
    }
    found
}

fn refuse_strangers(tree: &Ast, variables: &[(String, String)]) -> Result<(), Defect> {
    let mut defect = None;
    visit(tree, &mut |node| {
        let found = match node {
            Ast::Variable(variable) if NOT_HERE.contains(&variable.name.as_str()) => Some(Defect::NotInFamily(variable.name.clone())),
            Ast::Variable(variable)
                if !KNOWN.contains(&variable.name.as_str()) && variables.iter().all(|(name, _)| *name != variable.name) =>
            {
                Some(Defect::UnknownVariable(variable.name.clone()))
            }
            _ => forbidden(node),
        };
        defect = defect.take().or(found);
    });
    defect.map_or(Ok(()), Err)
}

fn over(tree: &Ast, pages: &[Page], variables: &[(String, String)], plans: &Arc<[Variable]>, is_typed: bool) -> Result<OverFamily, Defect> {
    let mut seeing = Seeing::new(pages, variables);
    let whole = seeing.see(tree, None, 0);
    seeing.read(&whole);
    if let Some(defect) = seeing.defect.take() {
        return Err(defect);
    }
    let parts = match connected(tree) {
        None => None,
        Some((connective, trees)) => {
            let parts = trees.into_iter().map(|part| over(part, pages, variables, plans, is_typed));
            Some((connective, parts.collect::<Result<Vec<_>, _>>()?))
        }
    };
    let [inputs, computed] = questions(&seeing, pages);
    Ok(OverFamily {
        plan: plan(tree).filter(|_| is_typed && !has_quantity(tree)),
        variables: Arc::clone(plans),
        inputs,
        computed,
        counted: seeing.counted.iter().copied().collect(),
        asks_presence: seeing.asks_presence,
        reads_members: seeing.reads_members,
        parts,
    })
}

/// What is computed reads what its expression reads, and is told itself.
fn questions(seeing: &Seeing<'_>, pages: &[Page]) -> [Vec<(usize, usize)>; 2] {
    let [mut questions, mut totals] = [Vec::new(), Vec::new()];
    for &(page, item) in &seeing.charged {
        let Page { role, source, questionnaire } = &pages[page];
        let of = |wanted| pages.iter().find(|page| page.role == *role && page.source == wanted).map(|page| &*page.questionnaire);
        let own = of(Source::Own).unwrap_or(questionnaire);
        let scope = Scope::of(own, of(Source::Professional), &[]);
        let (mut inputs, mut computed) = (Vec::new(), Vec::new());
        Lowering::of_rule(&scope).question(Input { source: *source, item }, &mut inputs, &mut computed);
        questions.extend(inputs.into_iter().map(|input| (page, input.item)));
        totals.extend(computed.into_iter().map(|input| (page, input.item)));
    }
    questions.sort_unstable();
    questions.dedup();
    [questions, totals]
}

fn connected(tree: &Ast) -> Option<(Connective, Vec<&Ast>)> {
    match tree {
        Ast::Parenthesized(inner) => connected(inner),
        Ast::BinaryOperation(binary) => {
            let connective = match binary.operator {
                Op::And => Connective::And,
                Op::Or => Connective::Or,
                Op::Xor => Connective::Xor,
                Op::Implies => Connective::Implies,
                _ => return None,
            };
            Some((connective, vec![&*binary.left, &*binary.right]))
        }
        Ast::UnaryOperation(unary) if unary.operator == UnaryOperator::Not => Some((Connective::Not, vec![&*unary.operand])),
        Ast::MethodCall(call) if call.method == "not" && call.arguments.is_empty() => Some((Connective::Not, vec![&*call.object])),
        _ => None,
    }
}

fn plan(tree: &Ast) -> Option<Plan> {
    let tree = typed(tree, false)?;
    let expression = print(&tree)?;
    if !parse_ast(&expression).is_ok_and(|again| same(&again, &tree)) {
        return None;
    }
    Plan::of(&expression)
}

/// Does a criterion on `questionnaire` alone let responses to this one through, with or without the version in their canonical?
pub(super) fn passes(criterion: &Ast, questionnaire: &Questionnaire) -> Option<bool> {
    let mut names_it = false;
    let mut is_alone = true;
    visit(criterion, &mut |node| match node {
        Ast::Identifier(identifier) if identifier.name == "questionnaire" => names_it = true,
        Ast::MethodCall(call) => is_alone &= STATIC.contains(&call.method.as_str()),
        Ast::Literal(_) | Ast::Parenthesized(_) | Ast::BinaryOperation(_) | Ast::UnaryOperation(_) | Ast::Union(_) => {}
        _ => is_alone = false,
    });
    if !names_it || !is_alone {
        return None;
    }
    let plan = plan(criterion)?;
    let budget = Rc::new(Budget::of_response());
    let holds = |canonical: &str| {
        let response = json!({ "resourceType": "QuestionnaireResponse", "questionnaire": canonical });
        Session::new(response, None, "", &budget).evaluate(&plan)
    };
    let is_true = |values: Vec<Outcome>| values == [Outcome::Boolean(true)];
    Some(is_true(holds(&questionnaire.canonical())?) || is_true(holds(&questionnaire.url)?))
}

const KNOWN: [&str; 7] = [FAMILY, "this", "total", "index", "ucum", "sct", "loinc"];
const NOT_HERE: [&str; 5] = ["professional", "resource", "rootResource", "context", "questionnaire"];
/// Functions of a text whose value is known before anybody has answered.
const STATIC: [&str; 9] = ["startsWith", "endsWith", "contains", "matches", "matchesFull", "not", "exists", "lower", "upper"];
