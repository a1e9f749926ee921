//! Questionnaire resource -> [`Questionnaire`]: every defect with its place.

use std::collections::HashMap;

use neuvola_fhir::{Node, Place};

use super::item::comparand;
use super::{Comparand, EnableWhen, Item, ItemKind, Operator, OptionValue, Questionnaire};
use crate::issue::Issue;
use crate::texts::Texts;

impl Questionnaire {
    /// Reads a Questionnaire.
    ///
    /// # Errors
    /// Every defect found, with its place.
    pub fn compile(node: &Node<'_>) -> Result<Self, Vec<Issue>> {
        let mut defects = Vec::new();
        let root = Place::root("Questionnaire");
        for name in ["url", "version"] {
            if node.text(name).is_none_or(str::is_empty) {
                defects.push(Issue::error("required", "questionnaire", root.member(name), format!("a Questionnaire has no `{name}`")));
            }
        }
        let coded = |system: &str| node.list("code").iter().find(|code| code.text("system").is_some_and(|known| known.ends_with(system)));
        let mut questionnaire = Self {
            id: node.text("id").unwrap_or_default().to_owned(),
            url: node.text("url").unwrap_or_default().to_owned(),
            version: node.text("version").unwrap_or_default().to_owned(),
            title: Texts::of(node, "title"),
            form: coded("/CodeSystem/form").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            role: coded("/CodeSystem/form-role").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            items: Vec::new(),
            by_link_id: HashMap::new(),
            roots: Vec::new(),
        };
        let mut raw = Vec::new();
        questionnaire.collect(node, None, &root, &mut raw, &mut defects);
        for (index, (item, place)) in raw.iter().enumerate() {
            questionnaire.link_conditions(index, item, place, &mut defects);
        }
        questionnaire.refuse_cycles(&raw, &mut defects);
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
        for (position, child) in node.list("item").iter().enumerate() {
            let here = list.element(position);
            let index = self.items.len();
            let item = Item::read(child, parent, &here, defects);
            if self.by_link_id.insert(item.link_id.clone(), index).is_some() {
                defects.push(Issue::error(
                    "duplicate",
                    "questionnaire",
                    here.member("linkId"),
                    format!("the linkId `{}` stands here twice", item.link_id),
                ));
            }
            self.items.push(item);
            raw.push((child, here.to_string()));
            match parent {
                Some(parent) => self.items[parent].children.push(index),
                None => self.roots.push(index),
            }
            self.collect(child, Some(index), &here, raw, defects);
        }
    }

    fn link_conditions(&mut self, index: usize, node: &Node<'_>, place: &str, defects: &mut Vec<Issue>) {
        for (position, condition) in node.list("enableWhen").iter().enumerate() {
            let here = format!("{place}.enableWhen[{position}]");
            match self.condition(index, condition) {
                Ok(condition) => self.items[index].enable_when.push(condition),
                Err(message) => defects.push(Issue::error("invalid", "questionnaire", here, message)),
            }
        }
    }

    fn condition(&self, index: usize, node: &Node<'_>) -> Result<EnableWhen, String> {
        let link_id = node.text("question").unwrap_or_default();
        let question = self.find(link_id).ok_or_else(|| format!("the question `{link_id}` is not in this Questionnaire"))?;
        let sign = node.text("operator").unwrap_or_default();
        let operator = match sign {
            "exists" => Operator::Exists,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" => Operator::GreaterOrEqual,
            "<=" => Operator::LessOrEqual,
            _ => return Err("the operator is none of R4's".to_owned()),
        };
        let answer = comparand(node).ok_or("the answer[x] to compare with is missing or of a kind that cannot be compared")?;
        if operator == Operator::Exists && !matches!(answer, Comparand::Boolean(_)) {
            return Err("`exists` is compared with a boolean".to_owned());
        }
        let kind = self.items[question].kind;
        if matches!(kind, ItemKind::Group | ItemKind::Display) {
            return Err(format!("`{link_id}` is no question"));
        }
        if let Comparand::Coding { code, .. } = &answer
            && self.items[question].value_set.is_none()
            && kind == ItemKind::Choice
            && !self.items[question]
                .options
                .iter()
                .any(|option| matches!(&option.value, OptionValue::Coding { code: known, .. } if known == code))
        {
            return Err(format!("`{code}` is no option of `{link_id}`"));
        }
        let ancestors: Vec<usize> = std::iter::successors(self.items[index].parent, |&parent| self.items[parent].parent).collect();
        let scope = ancestors.into_iter().find(|&ancestor| ancestor == question || self.is_below(question, ancestor));
        let sentence = format!("`{link_id}` {sign} {}", answer.sentence());
        Ok(EnableWhen { question, scope, operator, answer, sentence })
    }

    fn refuse_cycles(&self, raw: &[(&Node<'_>, String)], defects: &mut Vec<Issue>) {
        // 0 unseen, 1 on the way, 2 done
        let mut state = vec![0_u8; self.items.len()];
        for (start, (_, place)) in raw.iter().enumerate() {
            if self.on_a_cycle(start, &mut state) {
                defects.push(Issue::error(
                    "invalid",
                    "questionnaire",
                    format!("{place}.enableWhen"),
                    "the conditions of enableWhen go in a circle",
                ));
            }
        }
    }

    fn on_a_cycle(&self, index: usize, state: &mut [u8]) -> bool {
        match state[index] {
            1 => return true,
            2 => return false,
            _ => state[index] = 1,
        }
        let depends = self.items[index].enable_when.iter().map(|condition| condition.question).chain(self.items[index].parent);
        let circular = depends.into_iter().any(|next| self.on_a_cycle(next, state));
        state[index] = 2;
        circular
    }
}
