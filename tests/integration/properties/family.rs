//! Families: one to three persons over any of the forms, with the professional's sections, and a decision that fits what
//! the rules propose.

use std::sync::LazyLock;

use neuvola_adapter::pipeline::{Context, PersonPreview, Plans, Prepared, Preview, RuleView, Until, prepare};
use neuvola_adapter::plan::transaction::transaction;
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::record::{Coding, Entry, Patient};
use neuvola_adapter::refusal::Refusal;
use neuvola_adapter::segment::rule::{MustAnswer, RoleRules, RuleSet};
use serde_json::{Map, Value, json};

use super::filled::{Filled, USUAL, fill};
use super::tape::Tape;

pub static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::load(Profiles::shipped_files()).expect("the shipped knowledge has no defect"));

#[derive(Clone)]
pub struct Family {
    pub rule_set: &'static RuleSet,
    pub language: &'static str,
    pub persons: Vec<Person>,
    /// Role and participation of those who did not answer.
    absent: Vec<(&'static str, &'static str)>,
    has_service_event: bool,
}

/// Somebody who answered.
#[derive(Clone)]
pub struct Person {
    pub key: String,
    pub rules: &'static RoleRules,
    identity_code: &'static str,
    known_by: &'static str,
    pub own: Filled<'static>,
    pub professional: Filled<'static>,
    /// Sent as ready QuestionnaireResponses.
    is_ready: bool,
}

pub fn family(tape: &mut Tape<'_>) -> Family {
    let rule_set = tape.one_of(PROFILES.rule_sets());
    let mut family = Family {
        rule_set,
        language: ["fi", "sv", "en"][tape.below(3)],
        persons: Vec::new(),
        absent: Vec::new(),
        has_service_event: tape.chance(50),
    };
    for rules in &rule_set.roles {
        let count = if rules.must_answer == MustAnswer::Must { 1 } else { tape.below(3) };
        for number in 1..=count {
            let key = if count == 1 { rules.role.clone() } else { format!("{}-{number}", rules.role) };
            let identity_code = IDENTITY_CODES[family.persons.len()];
            family.persons.push(person(key, rules, identity_code, tape));
        }
        if count == 0 {
            family.absent.push((rules.role.as_str(), *tape.one_of(&["asked-no-answer", "no-such-person"])));
        }
    }
    family
}

fn person(key: String, rules: &'static RoleRules, identity_code: &'static str, tape: &mut Tape<'_>) -> Person {
    let section = rules.professional.as_deref().expect("every shipped role has a professional's section");
    Person {
        key,
        rules,
        identity_code,
        known_by: *tape.one_of(&["strong-authentication", "guardian", "professional"]),
        is_ready: tape.chance(25),
        own: fill(&rules.questionnaire, USUAL, tape),
        professional: fill(section, USUAL, tape),
    }
}

impl Person {
    /// The same person, who answered something else, and about whom the professional says something else.
    pub fn answering_otherwise(&self, tape: &mut Tape<'_>) -> Self {
        let other = person(self.key.clone(), self.rules, self.identity_code, tape);
        Self { known_by: self.known_by, ..other }
    }
}

impl Family {
    /// As sent, with the decision where there is one: one plan a person, in their order.
    pub fn submission(&self, decision: Option<&[Value]>) -> Vec<u8> {
        let answered = self.persons.iter().map(|person| {
            let mut sent = json!({
                "key": person.key,
                "role": person.rules.role,
                "participation": "answered",
                "knownBy": person.known_by,
                "identifier": { "system": "urn:oid:1.2.246.21", "value": person.identity_code },
            });
            sent.as_object_mut().expect("an object").extend(filled(&person.own, person.is_ready));
            sent
        });
        let absent = self
            .absent
            .iter()
            .map(|(role, participation)| json!({ "key": format!("absent-{role}"), "role": role, "participation": participation }));
        let professional = self.persons.iter().map(|person| {
            let mut section = filled(&person.professional, person.is_ready);
            section.insert("about".to_owned(), json!(person.key));
            Value::Object(section)
        });
        let mut submission = json!({
            "id": { "system": "https://lomakepalvelu.example/submissions", "value": "property-1" },
            "authored": "2026-11-10T18:20:00+02:00",
            "language": self.language,
            "persons": answered.chain(absent).collect::<Vec<_>>(),
            "professional": professional.collect::<Vec<_>>(),
            "author": { "identifier": { "system": "urn:oid:1.2.246.537.26", "value": "00999900017" }, "name": "Testi Terveydenhoitaja" },
            "organization": { "identifier": { "system": "urn:oid:1.2.246.10", "value": "urn:oid:1.2.246.10.99999994.10.1" } },
            "custodian": { "identifier": { "system": "urn:oid:1.2.246.537.6.40174", "value": "urn:oid:1.2.246.10.99999994.19.0" } },
        });
        if self.has_service_event {
            submission["serviceEvent"] = json!("urn:oid:1.2.246.10.99999994.14.2026.1234");
        }
        if let Some(plans) = decision {
            submission["decision"] = json!({ "decided": "2026-11-16T10:15:00+02:00", "plans": plans });
        }
        serde_json::to_vec(&submission).expect("it prints")
    }

    pub fn preview(&self) -> Preview {
        match preview(&self.submission(None), &self.rule_set.form) {
            Ok(preview) => preview,
            Err(refusal) => panic!("a valid family is refused: {:#?}", refusal.issues()),
        }
    }

    pub fn plans(&self, decision: &[Value]) -> Plans {
        match plans(&self.submission(Some(decision)), &self.rule_set.form) {
            Ok(plans) => plans,
            Err(refusal) => panic!("a fitting decision is refused: {:#?}", refusal.issues()),
        }
    }

    /// One plan a person: the proposal taken, or something else with a rationale.
    pub fn decide(&self, tape: &mut Tape<'_>) -> Vec<Value> {
        self.preview().persons.iter().map(|preview| decide(preview, tape)).collect()
    }
}

fn filled(filled: &Filled<'_>, is_ready: bool) -> Map<String, Value> {
    match filled.answers() {
        Some(answers) if !is_ready => Map::from_iter([("answers".to_owned(), answers)]),
        _ => Map::from_iter([("response".to_owned(), filled.response("completed"))]),
    }
}

/// A decision about one person that fits the proposal.
pub fn decide(preview: &PersonPreview, tape: &mut Tape<'_>) -> Value {
    let proposed = preview.segment.as_ref().expect("the professional's section is there").code.as_str();
    let segments: Vec<&str> = preview.segments.iter().map(|rule| rule.subject.code.as_str()).collect();
    let segment = if tape.chance(25) { *tape.one_of(&segments) } else { proposed };
    let mut plan = json!({ "about": preview.person, "proposal": preview.proposal, "segment": segment });
    if segment != proposed || tape.chance(10) {
        plan["rationale"] = json!("Sovittiin <yhdessä> näin & toisin.");
    }
    // with another segment come other services: all are decided on
    let services: Vec<&str> = if segment == proposed {
        preview.services.iter().filter(|it| it.outcome.code() == "met").map(code).collect()
    } else {
        PROFILES.services().iter().map(|service| service.coded.code.as_str()).collect()
    };
    let services: Vec<Value> = services
        .into_iter()
        .map(|service| match tape.below(4) {
            0..=2 => json!({ "service": service, "accepted": true }),
            _ if tape.chance(50) => json!({ "service": service, "accepted": false }),
            _ => json!({ "service": service, "accepted": false, "reason": "not-suitable" }),
        })
        .collect();
    let pressing: Vec<&str> = preview.alerts.iter().filter(|it| it.outcome.code() != "not-met").map(code).collect();
    let alerts = match pressing.as_slice() {
        [] => Vec::new(),
        several if tape.chance(50) => vec![json!({ "alerts": several, "action": "Puhuttu vastaanotolla." })],
        each => each.iter().map(|alert| json!({ "alerts": [alert], "action": "Ei kysytty: tulkki puuttui." })).collect(),
    };
    for (name, list) in [("services", services), ("alerts", alerts)] {
        if !list.is_empty() {
            plan[name] = list.into();
        }
    }
    for (name, value) in [
        ("goals", json!(["Vauva nukkuu pidempiä jaksoja.", "Oma aika <viikoittain>"])),
        ("wishes", json!("Vinkkejä & tukea \"iltaan\".")),
        ("delayedUntil", json!("2026-11-30")),
        ("guardianRestriction", json!("1")),
    ] {
        if tape.chance(40) {
            plan[name] = value;
        }
    }
    plan
}

fn code(rule: &RuleView) -> &str {
    &rule.subject.code
}

pub fn preview(body: &[u8], form: &str) -> Result<Preview, Refusal> {
    match prepare(body, form, Until::Preview, context())? {
        Prepared::Preview(preview) => Ok(preview),
        Prepared::Plans(_) => panic!("a preview was asked for"),
    }
}

pub fn plans(body: &[u8], form: &str) -> Result<Plans, Refusal> {
    match prepare(body, form, Until::Plans, context())? {
        Prepared::Plans(plans) => Ok(plans),
        Prepared::Preview(_) => panic!("plans were asked for"),
    }
}

fn context() -> Context<'static> {
    Context { profiles: &PROFILES, caller: "property", now: jiff::Timestamp::UNIX_EPOCH }
}

/// Everything that is written for one person: `fullUrl`, tags and bytes of each resource.
pub fn written(plans: &Plans, person: &str) -> Vec<(String, Coding, Coding, String)> {
    // a patient of one's own each; one of them is protected (turvakielto)
    let patients: Vec<Patient> = plans
        .persons
        .iter()
        .map(|plan| Patient {
            reference: format!("Patient/of-{}", plan.person),
            security: if plan.person.ends_with('1') { vec![Coding { system: String::new(), code: "R".to_owned() }] } else { Vec::new() },
        })
        .collect();
    let of_person = |entry: &Entry| plans.persons[entry.person].person == person;
    transaction(&plans.persons, &patients)
        .entries
        .into_iter()
        .filter(of_person)
        .map(|entry| (entry.full_url, entry.key, entry.digest, String::from_utf8(entry.body).expect("UTF-8")))
        .collect()
}

/// Fictitious, as the authority gives them out for tests (individual numbers from 900 on).
const IDENTITY_CODES: [&str; 3] = ["010594Y9032", "020594X903P", "030694W9024"];
