//! A plan as a record holds it, beside the same plan made again: what differs, and what became of it since.
//!
//! Ids and instants of the writing apart (`id`, `meta`, identifiers, whose it is, references to what was written with it), every
//! element of the plan made again must stand in the record. What else stands there was added later, as records do and professionals
//! may: it is told and is no difference.

use neuvola_fhir::{Node, Place, Value, is_same_narrative};
use rust_decimal::Decimal;

/// What came of the comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    pub differences: Vec<Difference>,
    /// What the record holds beyond, and statuses that went on: FHIRPaths.
    pub since: Vec<String>,
}

impl Likeness {
    pub const fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

/// An element that is not the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// FHIRPath; into the record's plan where it holds the element.
    pub path: String,
    /// As JSON; `None`: the record has no such element.
    pub stored: Option<String>,
    pub again: String,
}

/// Compares the plan in the record, with its text, with the one made again.
pub fn likeness(stored: (&Node<'_>, &[u8]), again: (&Node<'_>, &[u8])) -> Likeness {
    let mut found = Likeness::default();
    let compared = Compared { stored: stored.1, again: again.1 };
    compared.members(stored.0, again.0, &Place::root("CarePlan"), &mut found);
    found
}

struct Compared<'c> {
    stored: &'c [u8],
    again: &'c [u8],
}

impl Compared<'_> {
    fn members(&self, stored: &Node<'_>, again: &Node<'_>, place: &Place<'_>, found: &mut Likeness) {
        for (name, value) in again.members() {
            let here = place.member(name);
            if is_of_the_writing(&here.to_string()) {
                continue;
            }
            match stored.member(name) {
                Some(held) => self.one(held, value, &here, found),
                None => found.differences.push(Difference { path: here.to_string(), stored: None, again: text(self.again, value) }),
            }
        }
        for (name, _) in stored.members() {
            let here = place.member(name).to_string();
            if again.member(name).is_none() && !is_of_the_writing(&here) {
                found.since.push(here);
            }
        }
    }

    fn one(&self, stored: &Node<'_>, again: &Node<'_>, place: &Place<'_>, found: &mut Likeness) {
        match (&stored.value, &again.value) {
            (Value::Object(_), Value::Object(_)) => self.members(stored, again, place, found),
            (Value::Array(held), Value::Array(wanted)) => self.elements(held, wanted, place, found),
            _ if is_same(stored, again) => {}
            (Value::String(held), Value::String(wanted)) if place.to_string() == "CarePlan.text.div" && is_same_narrative(held, wanted) => {
            }
            _ if goes_on(&place.to_string(), again) => found.since.push(place.to_string()),
            _ => {
                let (stored, again) = (Some(text(self.stored, stored)), text(self.again, again));
                found.differences.push(Difference { path: place.to_string(), stored, again });
            }
        }
    }

    /// Each element made again has its own in the record: the one at its place, else any that is the same, else the first that is
    /// left. So what was added in between is no difference.
    fn elements(&self, stored: &[Node<'_>], again: &[Node<'_>], place: &Place<'_>, found: &mut Likeness) {
        let mut taken = vec![false; stored.len()];
        let mut strays = Vec::new();
        let is_alike = |held: usize, wanted: &Node<'_>| {
            let mut tried = Likeness::default();
            self.one(&stored[held], wanted, &place.element(held), &mut tried);
            tried.differences.is_empty().then_some(tried)
        };
        for (index, wanted) in again.iter().enumerate() {
            let at_its_place =
                (index < stored.len() && !taken[index]).then(|| is_alike(index, wanted).map(|likeness| (index, likeness))).flatten();
            let anywhere = || (0..stored.len()).filter(|&held| !taken[held]).find_map(|held| Some((held, is_alike(held, wanted)?)));
            match at_its_place.or_else(anywhere) {
                Some((held, likeness)) => {
                    taken[held] = true;
                    found.since.extend(likeness.since);
                }
                None => strays.push((index, wanted)),
            }
        }
        for (index, wanted) in strays {
            match (0..stored.len()).find(|&held| !taken[held]) {
                Some(held) => {
                    taken[held] = true;
                    self.one(&stored[held], wanted, &place.element(held), found);
                }
                None => {
                    let path = place.element(index).to_string();
                    found.differences.push(Difference { path, stored: None, again: text(self.again, wanted) });
                }
            }
        }
        let more = (0..stored.len()).filter(|&held| !taken[held]);
        found.since.extend(more.map(|held| place.element(held).to_string()));
    }
}

/// Given by the record, or by the writing.
fn is_of_the_writing(path: &str) -> bool {
    let given = ["id", "meta", "identifier", "subject", "supportingInfo"];
    path.strip_prefix("CarePlan.").is_some_and(|member| given.contains(&member))
        || path.starts_with("CarePlan.contained[") && path.ends_with("].subject")
}

/// A plan is completed, a visit is held.
fn goes_on(path: &str, again: &Node<'_>) -> bool {
    let is_status = path == "CarePlan.status" || path.starts_with("CarePlan.activity[") && path.ends_with("].detail.status");
    is_status && again.as_str() != Some("cancelled")
}

/// Numbers by their value, all else by the letter.
fn is_same(stored: &Node<'_>, again: &Node<'_>) -> bool {
    let number = |node: &Node<'_>| node.as_number().and_then(|digits| digits.parse::<Decimal>().ok());
    stored.value == again.value || number(stored).is_some() && number(stored) == number(again)
}

fn text(document: &[u8], node: &Node<'_>) -> String {
    String::from_utf8_lossy(&document[node.start..node.end]).into_owned()
}
