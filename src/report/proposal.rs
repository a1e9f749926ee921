//! What the rules say of one response, as our own JSON: written straight, for it may be one of a million.

use rust_decimal::Decimal;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::pipeline::Proposal;
use crate::segment::rule::Rule;
use crate::segment::{Compared, Outcome, Read, Reason, Segmentation};

/// One object, in `language`; `response` names whose it is.
pub fn proposal(proposal: &Proposal<'_>, response: &str, language: &str) -> Vec<u8> {
    let printed = Printed { proposal, response, language };
    let mut bytes = Vec::with_capacity(USUAL);
    if serde_json::to_writer(&mut bytes, &printed).is_err() {
        bytes.clear();
    }
    bytes
}

struct Printed<'p> {
    proposal: &'p Proposal<'p>,
    response: &'p str,
    language: &'p str,
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Proposal { questionnaire, rule_set, rules, segmentation, warnings } = self.proposal;
        let language = self.language;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("response", self.response)?;
        map.serialize_entry("questionnaire", &questionnaire.canonical())?;
        map.serialize_entry("plan", &rule_set.canonical())?;
        map.serialize_entry("proposal", &segmentation.proposal)?;
        map.serialize_entry("segment", &segmentation.proposed.map(|rule| Named { rule, outcome: None, language }))?;
        map.serialize_entry("possible", &list(segmentation.possible.iter().map(|rule| Named { rule, outcome: None, language })))?;
        map.serialize_entry("alerts", &raised(&segmentation.alerts, language))?;
        map.serialize_entry("services", &raised(&segmentation.services, language))?;
        map.serialize_entry("rules", &Rules { segmentation, rules, language })?;
        if !warnings.is_empty() {
            map.serialize_entry("warnings", &list(warnings.iter().map(|issue| Warned { place: &issue.place, message: &issue.message })))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Warned<'w> {
    place: &'w str,
    message: &'w str,
}

/// Those that are not ruled out.
fn raised<'r>(reasons: &'r [Reason<'r>], language: &'r str) -> Vec<Named<'r>> {
    let kept = reasons.iter().filter(|reason| reason.outcome != Outcome::NotMet);
    list(kept.map(|reason| Named { rule: reason.rule, outcome: Some(reason.outcome), language }))
}

fn list<T: Serialize>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect()
}

struct Named<'r> {
    rule: &'r Rule,
    outcome: Option<Outcome>,
    language: &'r str,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.rule.subject.code)?;
        map.serialize_entry("display", self.rule.subject.display.text(self.language))?;
        if let Some(outcome) = self.outcome {
            map.serialize_entry("rule", &self.rule.id)?;
            map.serialize_entry("outcome", outcome.code())?;
        }
        map.end()
    }
}

struct Rules<'s> {
    segmentation: &'s Segmentation<'s>,
    rules: &'s crate::segment::rule::RoleRules,
    language: &'s str,
}

impl Serialize for Rules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let segmentation = self.segmentation;
        let kinds = [
            ("segment", &segmentation.segments),
            ("alert", &segmentation.alerts),
            ("service", &segmentation.services),
            ("rule", &segmentation.others),
        ];
        for (kind, reasons) in kinds {
            for reason in reasons {
                list.serialize_element(&One { kind, reason, of: self })?;
            }
        }
        list.end()
    }
}

struct One<'s> {
    kind: &'static str,
    reason: &'s Reason<'s>,
    of: &'s Rules<'s>,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (reason, rule, language) = (self.reason, self.reason.rule, self.of.language);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &rule.id)?;
        map.serialize_entry("kind", self.kind)?;
        if !rule.subject.code.is_empty() {
            map.serialize_entry("code", &rule.subject.code)?;
        }
        map.serialize_entry("outcome", reason.outcome.code())?;
        map.serialize_entry("sentence", rule.sentence.text(language))?;
        map.serialize_entry("expression", &rule.expression)?;
        map.serialize_entry("inputs", &Inputs { reason, segmentation: self.of.segmentation })?;
        map.serialize_entry("distance", &reason.distance().map(Digits))?;
        if !reason.comparisons.is_empty() {
            map.serialize_entry("comparisons", &Comparisons(&reason.comparisons))?;
        }
        if reason.outcome == Outcome::Indeterminate {
            map.serialize_entry("undecided", &list(self.of.segmentation.undecided(reason, self.of.rules)))?;
            map.serialize_entry("why", &reason.why)?;
        }
        if !rule.dynamic.is_empty() {
            map.serialize_entry("dynamicValues", &Dynamics(reason))?;
        }
        map.end()
    }
}

struct Inputs<'s> {
    reason: &'s Reason<'s>,
    segmentation: &'s Segmentation<'s>,
}

impl Serialize for Inputs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.segmentation.inputs(self.reason).map(Input))
    }
}

struct Input<'s>(&'s Read<'s>);

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("linkId", self.0.link_id)?;
        if self.0.professional {
            map.serialize_entry("professional", &true)?;
        }
        let (state, values) = self.0.state.told();
        map.serialize_entry("state", state)?;
        map.serialize_entry("values", values)?;
        map.end()
    }
}

struct Comparisons<'s>(&'s [Compared]);

impl Serialize for Comparisons<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Comparison {
            least: Option<Digits>,
            greatest: Option<Digits>,
            comparison: &'static str,
            threshold: Option<Digits>,
            distance: Option<Digits>,
        }
        serializer.collect_seq(self.0.iter().map(|it| Comparison {
            least: it.least.map(Digits),
            greatest: it.greatest.map(Digits),
            comparison: it.comparison.sign(),
            threshold: it.threshold.map(Digits),
            distance: it.distance().map(Digits),
        }))
    }
}

struct Dynamics<'s>(&'s Reason<'s>);

impl Serialize for Dynamics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Dynamic<'d> {
            path: &'d str,
            value: Option<Digits>,
        }
        let values = self.0.rule.dynamic.iter().zip(&self.0.values);
        serializer.collect_seq(values.map(|(dynamic, value)| Dynamic { path: &dynamic.path, value: value.map(Digits) }))
    }
}

/// A number with the digits that it has, no needless zeros.
struct Digits(Decimal);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.0.normalize();
        match i64::try_from(number) {
            Ok(whole) if number.scale() == 0 => serializer.serialize_i64(whole),
            _ => number.to_string().parse::<serde_json::Number>().map_err(serde::ser::Error::custom)?.serialize(serializer),
        }
    }
}

/// Room for what some sixty rules say.
const USUAL: usize = 48 * 1024;
