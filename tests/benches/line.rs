//! The line without network: the bytes of a three-person form to the resources of its transaction, and the stages apart.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot start may say so bluntly")]

use criterion::{Criterion, criterion_group, criterion_main};
use neuvola_adapter::form::map::{Frame, map_answers, print};
use neuvola_adapter::form::questionnaire::Questionnaire;
use neuvola_adapter::form::submission::{Filled, Submission, read_submission};
use neuvola_adapter::form::validate::validate;
use neuvola_adapter::issue::Issues;
use neuvola_adapter::pipeline::{Context, Plans, Prepared, Preview, Until, prepare};
use neuvola_adapter::plan::transaction::transaction;
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::record::Patient;
use neuvola_adapter::segment::rule::RuleSet;
use neuvola_adapter::segment::segment;
use neuvola_fhir::{Node, Place, read};
use serde_json::{Value, json};

criterion_group!(benches, line, stages);
criterion_main!(benches);

fn line(criterion: &mut Criterion) {
    let profiles = Profiles::load(Profiles::shipped_files()).unwrap();
    let (open, decided) = submissions(&profiles);
    let patients = patients();
    println!("{} bytes in, {} bytes out in {:?}", decided.len(), written(&decided, &profiles, &patients), "resources");
    criterion.bench_function("line: bytes to transaction", |bencher| bencher.iter(|| written(&decided, &profiles, &patients)));
    criterion.bench_function("line: bytes to preview", |bencher| bencher.iter(|| previewed(&open, &profiles)));
}

fn stages(criterion: &mut Criterion) {
    let profiles = Profiles::load(Profiles::shipped_files()).unwrap();
    let (_, decided) = submissions(&profiles);
    let patients = patients();
    let node = read(&decided).unwrap();
    let (submission, _) = read_submission(&node).unwrap();
    let rule_set = profiles.rule_set(FORM, submission.authored).unwrap();
    let parts = parts(&submission, rule_set);
    let printed: Vec<_> = parts.iter().map(|part| mapped(part, &submission)).collect();
    let nodes: Vec<_> = printed.iter().map(|bytes| read(bytes).unwrap()).collect();
    let responses: Vec<_> = nodes.iter().zip(&parts).map(|(node, part)| validate(node, part.questionnaire).unwrap()).collect();
    let plans = planned(&decided, &profiles);

    let mut stage = |name: &str, work: &mut dyn FnMut()| {
        criterion.bench_function(&format!("stage: {name}"), |bencher| bencher.iter(&mut *work));
    };
    stage("read the body", &mut || {
        std::hint::black_box(read(&decided).unwrap());
    });
    stage("read the submission", &mut || {
        std::hint::black_box(read_submission(&node).unwrap());
    });
    stage("map and print 6 responses", &mut || {
        parts.iter().for_each(|part| drop(std::hint::black_box(mapped(part, &submission))));
    });
    stage("read 6 printed responses", &mut || {
        printed.iter().for_each(|bytes| drop(std::hint::black_box(read(bytes).unwrap())));
    });
    stage("validate 6 responses", &mut || {
        nodes.iter().zip(&parts).for_each(|(node, part)| drop(std::hint::black_box(validate(node, part.questionnaire).unwrap())));
    });
    stage("segment 3 persons", &mut || {
        for (index, person) in submission.persons.iter().enumerate() {
            let rules = rule_set.role(person.role).unwrap();
            let (own, professional) = (responses[2 * index].answers(), responses[2 * index + 1].answers());
            std::hint::black_box(segment(rules, rule_set, own, Some(professional)));
        }
    });
    stage("tag and print 15 resources", &mut || {
        std::hint::black_box(transaction(&plans.persons, &patients));
    });
}

/// One response to be made.
struct Part<'p> {
    questionnaire: &'p Questionnaire,
    answers: &'p Node<'p>,
}

/// Each person's own, then the professional's about them.
fn parts<'p>(submission: &'p Submission<'p>, rule_set: &'p RuleSet) -> Vec<Part<'p>> {
    let mut parts = Vec::new();
    for person in &submission.persons {
        let rules = rule_set.role(person.role).unwrap();
        let section = submission.professional.iter().find(|section| section.about == person.key).unwrap();
        for (questionnaire, filled) in [(&rules.questionnaire, person.filled), (rules.professional.as_ref().unwrap(), section.filled)] {
            let Some(Filled::Answers(answers)) = filled else { panic!("answers are wanted") };
            parts.push(Part { questionnaire, answers });
        }
    }
    parts
}

fn mapped(part: &Part<'_>, submission: &Submission<'_>) -> Vec<u8> {
    let frame = Frame { authored: submission.authored, language: submission.language };
    let mut issues = Issues::default();
    print(map_answers(part.answers, part.questionnaire, None, frame, &Place::root("answers"), &mut issues).response).1
}

fn written(body: &[u8], profiles: &Profiles, patients: &[Patient]) -> usize {
    transaction(&planned(body, profiles).persons, patients).entries.iter().map(|entry| entry.body.len()).sum()
}

fn planned(body: &[u8], profiles: &Profiles) -> Plans {
    match prepare(body, FORM, Until::Plans, context(profiles)) {
        Ok(Prepared::Plans(plans)) => plans,
        other => panic!("no plans: {other:?}"),
    }
}

fn previewed(body: &[u8], profiles: &Profiles) -> Preview {
    match prepare(body, FORM, Until::Preview, context(profiles)) {
        Ok(Prepared::Preview(preview)) => preview,
        other => panic!("no preview: {other:?}"),
    }
}

fn context(profiles: &Profiles) -> Context<'_> {
    Context { profiles, caller: "bench", now: jiff::Timestamp::UNIX_EPOCH }
}

/// Before the decision, and with one that takes what the rules propose.
fn submissions(profiles: &Profiles) -> (Vec<u8>, Vec<u8>) {
    let open = include_bytes!("three-persons.json").to_vec();
    let plans: Vec<Value> = previewed(&open, profiles)
        .persons
        .iter()
        .map(|person| {
            let offered = person.services.iter().filter(|service| service.outcome.code() == "met");
            let services: Vec<_> = offered.map(|service| json!({ "service": service.subject.code, "accepted": true })).collect();
            let pressing = person.alerts.iter().filter(|alert| alert.outcome.code() != "not-met");
            let alerts: Vec<_> = pressing
                .map(|alert| json!({ "alerts": [alert.subject.code], "action": "Puhuttu vastaanotolla ja sovittu jatkosta." }))
                .collect();
            let mut plan = json!({
                "about": person.person,
                "proposal": person.proposal,
                "segment": person.segment.as_ref().unwrap().code,
                "goals": ["Vauva nukkuu pidempiä jaksoja."],
                "wishes": "Vinkkejä iltaan.",
            });
            for (name, list) in [("services", services), ("alerts", alerts)] {
                if !list.is_empty() {
                    plan[name] = list.into();
                }
            }
            plan
        })
        .collect();
    let mut decided: Value = serde_json::from_slice(&open).unwrap();
    decided["decision"] = json!({ "decided": "2026-11-16T10:15:00+02:00", "plans": plans });
    (open, serde_json::to_vec(&decided).unwrap())
}

fn patients() -> Vec<Patient> {
    (1..=3).map(|number| Patient { reference: format!("Patient/{number}"), security: Vec::new() }).collect()
}

const FORM: &str = "four-months";
