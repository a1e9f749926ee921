//! The variables of a plan and its actions, in the order in which they can be evaluated.

use neuvola_fhir::{Node, Place};

use super::Known;
use super::Loader;
use crate::issue::Issue;
use crate::segment::condition::Defect;

/// Names and expressions, each behind those that it names.
pub(super) type Variables = Vec<(String, String)>;

impl<K: Known> Loader<'_, K> {
    /// Those of this element, over those of the elements around it.
    pub(super) fn variables(&mut self, element: &Node<'_>, around: &Variables, place: &Place<'_>) -> Variables {
        let mut own: Variables = Vec::new();
        let list = place.member("extension");
        for (index, extension) in element.list("extension").iter().enumerate() {
            let url = extension.text("url").unwrap_or_default();
            if !url.ends_with("/StructureDefinition/rule-variable") && url != HL7_VARIABLE {
                continue;
            }
            let expression = extension.member("valueExpression");
            let part = |name| expression.and_then(|expression| expression.text(name)).unwrap_or_default().to_owned();
            if own.iter().any(|(name, _)| *name == part("name")) {
                self.defect(place.member("extension"), format!("the variable `{}` stands here twice", part("name")));
            } else if part("name").is_empty() || part("expression").is_empty() {
                self.defect(place.member("extension"), "a variable needs a `name` and an `expression`");
            } else {
                let here = list.element(index);
                if let Some(Defect::Syntax { what, remedy }) = Defect::of_syntax(&part("expression")) {
                    let message = format!("the variable `%{}` does not compile: {what}", part("name"));
                    self.defects.push(Issue::error("invalid", "rule-set", here, message).remedy(remedy));
                }
                self.places.insert((part("name"), part("expression")), here.to_string());
                own.push((part("name"), part("expression")));
            }
        }
        let inherited = around.iter().filter(|(name, _)| own.iter().all(|(known, _)| known != name)).cloned();
        let mut waiting: Variables = inherited.chain(own.clone()).collect();
        let mut ordered: Variables = Vec::new();
        while !waiting.is_empty() {
            let free = |(_, expression): &(String, String)| waiting.iter().all(|(name, _)| !names(expression, name));
            match waiting.iter().position(free) {
                Some(position) => ordered.push(waiting.remove(position)),
                None => {
                    self.defect(place.member("extension"), format!("the variables go in a circle at `%{}`", waiting[0].0));
                    ordered.append(&mut waiting);
                }
            }
        }
        ordered
    }
}

/// `%name` or `` %`name` `` stands in the expression.
fn names(expression: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    expression.split('%').skip(1).any(|rest| rest.strip_prefix('`').unwrap_or(rest).strip_prefix(name).is_some_and(ends))
}

/// Not allowed on a PlanDefinition by HL7's own context, yet met in the wild: accepted on input.
const HL7_VARIABLE: &str = "http://hl7.org/fhir/StructureDefinition/variable";
