//! What Tasks can be searched by: one table, which the parser, the CapabilityStatement and the OpenAPI document are made from.
//! <https://hl7.org/fhir/R4/task.html#search>, <https://hl7.org/fhir/R4/search.html>

use crate::task::status::Status;
use crate::task::store::{Keyed, List, Missable, Priority, Text, Time};

/// A parameter that finds Tasks.
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    /// R4's `search-param-type`.
    pub kind: &'static str,
    /// Canonical of its SearchParameter.
    pub definition: &'static str,
    pub what: &'static str,
    pub(super) by: By,
}

/// A parameter that shapes the answer.
#[derive(Debug)]
pub struct Shaping {
    pub name: &'static str,
    pub what: &'static str,
}

/// What a parameter looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Id,
    Tag,
    Keyed(Keyed),
    /// `Task.for`, which is an identifier.
    Patient,
    Code(Codes),
    Time(Time),
    /// A literal reference to one of these kinds.
    Party(Text, &'static [Kind]),
    /// A literal reference to anything.
    Focus,
    PartOf,
}

/// A token out of one code system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes {
    pub(super) place: Place,
    pub(super) systems: &'static [&'static str],
    /// Whether the element is a bare `code`, whose system goes without saying.
    pub(super) bare: bool,
    /// Whether there is such a code at all.
    pub(super) is_known: fn(&str) -> bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Column(Text),
    List(List),
}

/// What an owner or requester may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Organization,
    HealthcareService,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Organization, Self::HealthcareService];

    /// The type of resource.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::HealthcareService => "HealthcareService",
        }
    }
}

impl Parameter {
    pub fn named(name: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|parameter| parameter.name == name)
    }

    /// What `:missing` looks at; `None` where no Task is without.
    pub(super) fn missable(&self) -> Option<Missable> {
        Some(match self.by {
            By::Id | By::Time(Time::LastUpdated) => return None,
            By::Tag => Missable::Tag,
            By::Keyed(keyed) => Missable::Keyed(keyed),
            By::Patient => Missable::Keyed(Keyed::Patient),
            By::Code(codes) => codes.place.missable(),
            By::Party(column, _) => Missable::Text(column),
            By::Time(time) => Missable::Time(time),
            By::Focus => Missable::Keyed(Keyed::Focus),
            By::PartOf => Missable::Keyed(Keyed::PartOf),
        })
    }

    /// Whether its values may name a person or a contact, so that no link of ours shows them.
    pub(super) fn names_somebody(&self) -> bool {
        matches!(self.by, By::Keyed(_) | By::Patient)
    }
}

impl Place {
    pub(super) const fn missable(self) -> Missable {
        match self {
            Self::Column(column) => Missable::Text(column),
            Self::List(list) => Missable::List(list),
        }
    }
}

/// In the order of the documentation. `:missing` works on all of them, `:not` on tokens.
pub static PARAMETERS: [Parameter; 22] = [
    Parameter { name: "_id", kind: "token", definition: "http://hl7.org/fhir/SearchParameter/Resource-id", what: "Logical id", by: By::Id },
    Parameter {
        name: "_lastUpdated",
        kind: "date",
        definition: "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated",
        what: "When it last changed. Strictly increasing over all Tasks: whoever polls with `ge` and the last value seen misses nothing",
        by: By::Time(Time::LastUpdated),
    },
    Parameter {
        name: "_tag",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Resource-tag",
        what: "meta.tag",
        by: By::Tag,
    },
    Parameter {
        name: "identifier",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-identifier",
        what: "The requester's identifier of the contact. Whole values only: `value`, `system|value`",
        by: By::Keyed(Keyed::Identifier),
    },
    Parameter {
        name: "status",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-status",
        what: "Status; several by comma",
        by: By::Code(Codes {
            place: Place::Column(Text::Status),
            systems: &["http://hl7.org/fhir/task-status"],
            bare: true,
            is_known: |code| Status::from_code(code).is_some() || matches!(code, "draft" | "ready"),
        }),
    },
    Parameter {
        name: "business-status",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-business-status",
        what: "How far it is: waiting, no-answer, contacted, awaiting-client, readdressed",
        by: By::Code(ours(
            Place::Column(Text::BusinessStatus),
            &["https://neuvola-adapter.example/fhir/CodeSystem/callback-business-status"],
        )),
    },
    Parameter {
        name: "code",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-code",
        what: "What is asked: callback",
        by: By::Code(ours(Place::Column(Text::Code), &["https://neuvola-adapter.example/fhir/CodeSystem/callback-task-code"])),
    },
    Parameter {
        name: "intent",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-intent",
        what: "Intent: every callback request is an order",
        by: By::Code(Codes {
            place: Place::Column(Text::Intent),
            systems: &["http://hl7.org/fhir/request-intent", "http://hl7.org/fhir/task-intent"],
            bare: true,
            is_known: |code| INTENTS.contains(&code),
        }),
    },
    Parameter {
        name: "priority",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-priority",
        what: "routine, urgent, asap or stat",
        by: By::Code(Codes {
            place: Place::Column(Text::Priority),
            systems: &["http://hl7.org/fhir/request-priority"],
            bare: true,
            is_known: |code| Priority::from_code(code).is_some(),
        }),
    },
    Parameter {
        name: "patient",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-patient",
        what: "The client. `Task.for` is an identifier, so search with `patient:identifier=system|value`, best by POST; \
            `patient.identifier` is an alias of it, because R4 cannot chain through an identifier. A literal reference finds nothing. \
            `patient:missing=true` finds the anonymous. Cannot be included",
        by: By::Patient,
    },
    Parameter {
        name: "subject",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-subject",
        what: "As `patient`",
        by: By::Patient,
    },
    Parameter {
        name: "owner",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-owner",
        what: "Who is to call: `Organization/x`, or `HealthcareService/y` for a queue. `owner:identifier`; chains \
            `owner.identifier` and `owner.name` (`:exact`, `:contains`), also of one type: `owner:Organization.name`",
        by: By::Party(Text::Owner, &Kind::ALL),
    },
    Parameter {
        name: "requester",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-requester",
        what: "Who asks: `Organization/x`. `requester:identifier`; chains `requester.identifier` and `requester.name` \
            (`:exact`, `:contains`)",
        by: By::Party(Text::Requester, &[Kind::Organization]),
    },
    Parameter {
        name: "performer",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-performer",
        what: "The profession that is wished for (performerType)",
        by: By::Code(ours(Place::List(List::Performer), &["https://neuvola-adapter.example/fhir/CodeSystem/callback-profession"])),
    },
    Parameter {
        name: "focus",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-focus",
        what: "What it is about: a literal reference with its type, as it was written",
        by: By::Focus,
    },
    Parameter {
        name: "part-of",
        kind: "reference",
        definition: "http://hl7.org/fhir/SearchParameter/Task-part-of",
        what: "The Task that it is part of: `Task/x`",
        by: By::PartOf,
    },
    Parameter {
        name: "authored-on",
        kind: "date",
        definition: "http://hl7.org/fhir/SearchParameter/Task-authored-on",
        what: "When the contact was made",
        by: By::Time(Time::AuthoredOn),
    },
    Parameter {
        name: "modified",
        kind: "date",
        definition: "http://hl7.org/fhir/SearchParameter/Task-modified",
        what: "lastModified, which is meta.lastUpdated here",
        by: By::Time(Time::LastUpdated),
    },
    Parameter {
        name: "period",
        kind: "date",
        definition: "http://hl7.org/fhir/SearchParameter/Task-period",
        what: "When it was worked on (executionPeriod): within the value, or touching what `gt`, `lt`, `ge`, `le` open",
        by: By::Time(Time::Period),
    },
    Parameter {
        name: "group-identifier",
        kind: "token",
        definition: "http://hl7.org/fhir/SearchParameter/Task-group-identifier",
        what: "What it was asked together with. Whole values only: `value`, `system|value`",
        by: By::Keyed(Keyed::Group),
    },
    Parameter {
        name: "due",
        kind: "date",
        definition: "https://neuvola-adapter.example/fhir/SearchParameter/task-due",
        what: "The deadline (restriction.period.end)",
        by: By::Time(Time::Due),
    },
    Parameter {
        name: "queue",
        kind: "token",
        definition: "https://neuvola-adapter.example/fhir/SearchParameter/task-queue",
        what: "The queue that it came through, whoever owns it now: maternity-child-health, family-planning",
        by: By::Code(ours(Place::Column(Text::Queue), &["https://neuvola-adapter.example/fhir/CodeSystem/callback-queue"])),
    },
];

/// Parameters that shape the answer.
pub static SHAPING: [Shaping; 10] = [
    Shaping {
        name: "_include",
        what: "Task:owner, Task:requester, with or without a type, or *. Task:focus is understood, but it lies elsewhere",
    },
    Shaping { name: "_revinclude", what: "Task:part-of" },
    Shaping { name: "_sort", what: "At most three of authored-on, modified, _lastUpdated, priority, due; `-` before one turns it round" },
    Shaping { name: "_count", what: "Tasks on a page: 50 if not said, at most 200; 0 counts" },
    Shaping { name: "_total", what: "none, estimate or accurate; an estimate is accurate here" },
    Shaping { name: "_summary", what: "true, text, data, count or false" },
    Shaping { name: "_elements", what: "Elements to show, by comma, besides those that must be there" },
    Shaping { name: "_cursor", what: "The next page, as its link says; alone" },
    Shaping { name: "_format", what: "json or xml, or a media type; counts over Accept" },
    Shaping { name: "_pretty", what: "Left aside" },
];

/// Codes of our own, to which a county may add.
const fn ours(place: Place, systems: &'static [&'static str]) -> Codes {
    Codes { place, systems, bare: false, is_known: |_| true }
}

/// R4's `task-intent`.
const INTENTS: [&str; 9] =
    ["unknown", "proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        let mut names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
        names.extend(SHAPING.iter().map(|shaping| shaping.name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for parameter in &PARAMETERS {
            assert!(!parameter.what.is_empty() && parameter.definition.contains("/SearchParameter/"), "{}", parameter.name);
            assert!(matches!(parameter.kind, "token" | "date" | "reference"), "{}", parameter.name);
        }
    }
}
