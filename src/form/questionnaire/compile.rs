//! Questionnaire resource -> [`Questionnaire`]: every defect with its place.

use std::collections::HashMap;

use neuvola_fhir::{Node, Place};

use super::extensions::extensions;
use super::invariants::{invariants, is_subject};
use super::item::comparand;
use super::{Comparand, Comparison, EnableWhen, Expressions, Item, ItemKind, Operator, Questionnaire, lint};
use crate::fhirpath::Kept;
use crate::issue::{Issue, Severity};
use crate::texts::Texts;

/// A Questionnaire as far as it could be understood, and every defect found on the way.
#[derive(Debug)]
pub struct Compiled {
    pub questionnaire: Questionnaire,
    pub defects: Vec<Issue>,
}

impl Questionnaire {
    /// Reads any R4 Questionnaire. What is defective in it is told and left aside: responses are checked against the rest.
    pub fn compile(node: &Node<'_>) -> Compiled {
        let mut defects = Vec::new();
        let root = Place::root("Questionnaire");
        let coded = |system: &str| node.list("code").iter().find(|code| code.text("system").is_some_and(|known| known.ends_with(system)));
        let mut unchecked = Vec::new();
        let expressions = {
            let mut defect = |issue: Issue| defects.push(Issue { place: root.member(&issue.place).to_string(), ..issue });
            Expressions::read(node, "", &mut unchecked, &mut defect)
        };
        if node.text("name").is_some_and(|name| !is_name(name)) {
            let message = "`name` is no name for a program: a capital, then letters, digits and `_` (que-0)";
            defects.push(Issue::warning("invariant", "questionnaire", root.member("name"), message));
        }
        let mut questionnaire = Self {
            id: node.text("id").unwrap_or_default().to_owned(),
            url: node.text("url").unwrap_or_default().to_owned(),
            version: node.text("version").unwrap_or_default().to_owned(),
            title: Texts::of(node, "title"),
            form: coded("/CodeSystem/form").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            role: coded("/CodeSystem/form-role").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            effective: {
                let bound = |name| node.member("effectivePeriod").and_then(|period| period.text(name)).map(str::to_owned);
                (bound("start"), bound("end"))
            },
            subject_types: node.list("subjectType").iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            expressions,
            defects: Vec::new(),
            kept: None,
            launch_contexts: extensions(node, LAUNCH_CONTEXT).filter_map(launch_context).collect(),
            unread_variables: Vec::new(),
            items: Vec::new(),
            by_link_id: HashMap::new(),
            roots: Vec::new(),
            order: Vec::new(),
            conditions: 0,
        };
        let mut raw = Vec::new();
        questionnaire.collect(node, None, &root, &mut raw, &mut defects);
        for (index, (item, place)) in raw.iter().enumerate() {
            questionnaire.link_conditions(index, item, place, &mut defects);
        }
        questionnaire.put_in_order(&raw, &mut defects);
        let all = questionnaire.items.iter().filter_map(|item| item.expressions.as_deref()).chain([&questionnaire.expressions]);
        questionnaire.unread_variables = all.flat_map(|it| it.unread.iter().cloned()).collect();
        questionnaire.keep(node, &raw);
        Compiled { questionnaire, defects }
    }

    /// Reads a Questionnaire that must be without a defect, and have a canonical and a version.
    ///
    /// # Errors
    /// Every defect found, with its place.
    pub fn compile_strictly(node: &Node<'_>) -> Result<Self, Vec<Issue>> {
        let root = Place::root("Questionnaire");
        let Compiled { questionnaire, mut defects } = Self::compile(node);
        for name in ["url", "version"] {
            if node.text(name).is_none_or(str::is_empty) {
                defects.push(Issue::error("required", "questionnaire", root.member(name), format!("a Questionnaire has no `{name}`")));
            }
        }
        defects.extend(lint(&questionnaire));
        defects.retain(|defect| defect.severity == Severity::Error);
        if defects.is_empty() { Ok(questionnaire) } else { Err(defects) }
    }

    fn collect<'n, 'a>(
        &mut self,
        node: &'n Node<'a>,
        parent: Option<usize>,
        place: &Place<'_>,
        raw: &mut Vec<(&'n Node<'a>, String)>,
        defects: &mut Vec<Issue>,
    ) {
        let list = place.member("item");
        let mut has_subject = false;
        for (position, child) in node.list("item").iter().enumerate() {
            let here = list.element(position);
            if is_subject(child) && std::mem::replace(&mut has_subject, true) {
                let message = "another item is the subject of the same group already (isSubject)";
                defects.push(Issue::warning("invariant", "questionnaire", here.member("extension"), message));
            }
            let index = self.items.len();
            let mut item = Item::read(child, parent, &here, defects);
            invariants(child, &item, &here, defects);
            item.is_twin = self.by_link_id.contains_key(&item.link_id);
            if item.is_twin {
                defects.push(Issue::error(
                    "duplicate",
                    "questionnaire",
                    here.member("linkId"),
                    format!("the linkId `{}` stands here twice (que-2)", item.link_id),
                ));
            }
            self.by_link_id.entry(item.link_id.clone()).or_insert(index);
            self.items.push(item);
            raw.push((child, here.to_string()));
            match parent {
                Some(parent) => self.items[parent].children.push(index),
                None => self.roots.push(index),
            }
            self.collect(child, Some(index), &here, raw, defects);
            self.items[index].end = self.items.len();
            let speaks = |&below: &usize| self.items[below].expressions.is_some() || self.items[below].has_expressions_below;
            self.items[index].has_expressions_below = self.items[index].children.iter().any(speaks);
        }
    }

    /// What expressions read of the Questionnaire itself.
    fn keep(&mut self, node: &Node<'_>, raw: &[(&Node<'_>, String)]) {
        let own = self.items.iter().filter_map(|item| item.expressions.as_deref());
        let (mut whole, mut items) = (false, false);
        for expression in own.chain([&self.expressions]).flat_map(Expressions::all) {
            whole |= expression.names("questionnaire");
            items |= expression.names("qitem");
        }
        self.kept = whole.then(|| Kept::of(node));
        if items {
            self.items.iter_mut().zip(raw).for_each(|(item, (node, _))| item.kept = Some(Kept::of(node)));
        }
    }

    fn link_conditions(&mut self, index: usize, node: &Node<'_>, place: &str, defects: &mut Vec<Issue>) {
        for (position, condition) in node.list("enableWhen").iter().enumerate() {
            let here = format!("{place}.enableWhen[{position}]");
            match self.condition(index, condition) {
                Ok(condition) => {
                    self.conditions += 1;
                    self.items[index].enable_when.push(condition);
                }
                Err(message) => {
                    self.items[index].conditions_unread = true;
                    defects.push(Issue::error("invalid", "questionnaire", here, message));
                }
            }
        }
    }

    fn condition(&self, index: usize, node: &Node<'_>) -> Result<EnableWhen, String> {
        let link_id = node.text("question").unwrap_or_default();
        let question = self.find(link_id).ok_or_else(|| format!("the question `{link_id}` is not in this Questionnaire"))?;
        let sign = node.text("operator").unwrap_or_default();
        let operator = match sign {
            "exists" => Operator::Exists,
            sign => Operator::Is(Comparison::of(sign).ok_or("the operator is none of R4's")?),
        };
        let answer = comparand(node, "answer").ok_or("the answer[x] to compare with is missing or of a kind that cannot be compared")?;
        if operator == Operator::Exists && !matches!(answer, Comparand::Boolean(_)) {
            return Err("`exists` is compared with a boolean (que-7)".to_owned());
        }
        let kind = self.items[question].kind;
        if matches!(kind, ItemKind::Group | ItemKind::Display) {
            return Err(format!("`{link_id}` is no question"));
        }
        let scope = self.ancestors(index).find(|&ancestor| ancestor == question || self.descendants(ancestor).contains(&question));
        Ok(EnableWhen { number: self.conditions, question, scope, operator, answer })
    }

    /// Items behind what their enablement hangs on; those that hang on themselves come last, and are a defect.
    fn put_in_order(&mut self, raw: &[(&Node<'_>, String)], defects: &mut Vec<Issue>) {
        let depends =
            |index: usize| self.items[index].enable_when.iter().map(|condition| condition.question).chain(self.items[index].parent);
        let mut waits: Vec<usize> = (0..self.items.len()).map(|index| depends(index).count()).collect();
        let mut followers = vec![Vec::new(); self.items.len()];
        for index in 0..self.items.len() {
            depends(index).for_each(|before| followers[before].push(index));
        }
        let mut order: Vec<usize> = (0..self.items.len()).filter(|&index| waits[index] == 0).collect();
        let mut next = 0;
        while let Some(&done) = order.get(next) {
            next += 1;
            for &follower in &followers[done] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    order.push(follower);
                }
            }
        }
        for (index, (_, place)) in raw.iter().enumerate().filter(|&(index, _)| waits[index] > 0) {
            if !self.items[index].enable_when.is_empty() {
                let place = format!("{place}.enableWhen");
                let message = "the conditions of enableWhen go in a circle, or hang on one that does";
                defects.push(Issue::error("invalid", "questionnaire", place, message));
            }
            order.push(index);
        }
        self.order = order;
    }
}

/// que-0
fn is_name(name: &str) -> bool {
    let is_within = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() <= 255 && name.chars().all(is_within)
}

fn launch_context(extension: &Node<'_>) -> Option<String> {
    let name = extension.list("extension").iter().find(|part| part.text("url") == Some("name"))?;
    let code = name.member("valueCoding").and_then(|coding| coding.text("code")).or_else(|| name.text("valueId"));
    code.map(str::to_owned)
}

const LAUNCH_CONTEXT: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-launchContext";
