use serde_json::{Value, json};

use crate::pipeline::{Context, Plans, Prepared, Preview, Until, prepare, propose};
use crate::plan::transaction::transaction;
use crate::profiles::{Defect, File, Profiles};
use crate::record::Patient;
use crate::segment::Outcome::{self, Indeterminate, Met, NotMet};

const FEAR: &str = "%family.repeat(item).where(linkId = 'experiences.fear').answer.value.where(code = 'yes').exists()";
const PARENTS: &str = "%family.where(questionnaire.startsWith('https://neuvola-adapter.example/fhir/Questionnaire/four-months-parent'))";
const WISHES: &str = "%family.repeat(item).where(linkId = 'worries.wishes').answer.value.where($this = 'x').exists()";

#[test]
fn what_one_parent_answers_is_told_whatever_the_other_may_answer() {
    let family = family(&json!({ "experiences.fear": "yes" }), None);
    assert_eq!(outcome(FEAR, &family), Met, "one is enough");
    assert_eq!(outcome(&format!("{FEAR}.not()"), &family), NotMet);
    let enough = |questions: &str| format!("{PARENTS}.repeat(item).where(linkId in ({questions})).answer.value.weight().sum() >= 9");
    let [life, mind] =
        ["'life.everyday' | 'life.support' | 'life.money'", "'habits.recovery' | 'experiences.mood' | 'experiences.parenthood'"];
    let both = format!("{} and {}", enough(life), enough(mind));
    assert_eq!(outcome(&both, &family), Met, "part by part, where the whole is too much to try");
    let all = format!("{PARENTS}.repeat(item).where(linkId in ({life} | {mind})).answer.value.weight().sum() >= 18");
    assert_eq!(outcome(&all, &family), Indeterminate, "too much to try, and of one piece");
}

#[test]
fn who_was_asked_and_did_not_answer_could_have_answered_anything() {
    let family = family(&json!({}), None);
    let preview = previewed(FEAR, &family);
    let rule = &preview.family[0];
    assert_eq!(rule.outcome, Indeterminate);
    let undecided: Vec<_> = rule.undecided.iter().map(|read| (read.person.as_str(), read.link_id.as_str())).collect();
    assert_eq!(undecided, [("father", "experiences.fear")]);
    assert_eq!(rule.why, None, "an answer would decide");
    let read: Vec<_> = rule.inputs.iter().map(|read| (read.person.as_str(), read.state.told().0)).collect();
    assert_eq!(read, [("mother", "answered"), ("father", "missing")]);

    let counted = |comparison: &str| outcome(&format!("{PARENTS}.count() {comparison}"), &family);
    assert_eq!([counted(">= 1"), counted("= 2"), counted("> 2")], [Met, Indeterminate, NotMet]);
    let why = previewed(&format!("{PARENTS}.count() = 2"), &family).family[0].why;
    assert_eq!(why, Some("it depends on who answers"));
    assert!(previewed(WISHES, &family).family[0].why.is_some(), "free text is not enumerated");
    let nobody = Value::from("no-such-person");
    let mut alone = family.clone();
    alone["persons"][2]["participation"] = nobody;
    assert_eq!(outcome(FEAR, &alone), NotMet, "who is not there is not asked");
}

#[test]
fn a_declined_answer_and_a_section_that_is_not_there_yet_are_open() {
    let family = family(&json!({ "experiences.fear": "asked-declined" }), Some(&json!({})));
    assert_eq!(outcome(FEAR, &family), Indeterminate);
    let section = "%family.repeat(item).where(linkId = 'assessment.complexity').answer.value.weight().sum() >= 2";
    assert_eq!(outcome(section, &family), Indeterminate, "three sections, none of them there");
    assert_eq!(outcome("%family.where(questionnaire.contains('professional')).exists()", &family), Indeterminate);
    assert_eq!(outcome("%family.where(status = 'completed').count() >= 3", &family), Indeterminate, "of what is not there yet");
}

#[test]
fn what_is_decided_is_so_in_every_submission_that_it_may_become() {
    let open = family(&json!({ "experiences.fear": "yes", "life.everyday": "poorly" }), None);
    let everyday = |count: u8| {
        format!(
            "{PARENTS}.where(repeat(item).where(linkId = 'life.everyday').answer.value.code in ('with-difficulty' | 'poorly')).count() >= {count}"
        )
    };
    let weights = format!("{PARENTS}.repeat(item).where(linkId = 'life.everyday').answer.value.weight().sum() < 4");
    let all = format!("{PARENTS}.all(repeat(item).where(linkId = 'experiences.fear').answer.value.code = 'yes')");
    let mut decided = 0;
    for expression in [FEAR, &everyday(1), &everyday(2), &everyday(3), &weights, &all] {
        let before = outcome(expression, &open);
        let mut seen = Vec::new();
        for fear in ["yes", "no"] {
            for everyday in ["well", "fairly-well", "with-difficulty", "poorly"] {
                let mut whole = open.clone();
                whole["persons"][2] = parent("father", "111288-909T", &json!({ "experiences.fear": fear, "life.everyday": everyday }));
                seen.push(outcome(expression, &whole));
            }
        }
        seen.push({
            let mut without = open.clone();
            without["persons"][2]["participation"] = "no-such-person".into();
            outcome(expression, &without)
        });
        assert!(!seen.contains(&Indeterminate), "{expression}: nothing is missing");
        let is_one = seen.iter().all(|outcome| *outcome == seen[0]);
        assert_eq!(before, if is_one { seen[0] } else { Indeterminate }, "{expression}");
        decided += usize::from(is_one);
    }
    assert_eq!(decided, 4);
}

#[test]
fn an_observation_on_both_parents_changes_no_byte_and_no_proposal_of_the_childs() {
    let profiles = shipped();
    let form = include_bytes!("../../../fixtures/cases/four-months-network-three-persons/form.json");
    let before: Value = serde_json::from_slice(form).expect("JSON");
    let mut after = before.clone();
    after["persons"][2]["answers"]["life.everyday"] = "with-difficulty".into();
    let observed = |submission: &Value| {
        let preview = preview(submission, &profiles);
        let of = |code: &str| preview.family.iter().find(|rule| rule.subject.code == code).map(|rule| rule.outcome);
        let told = (of("everyday-hard"), of("sleep-and-rest"), of("each-alone"));
        (told, preview.persons.iter().map(|person| person.proposal.clone()).collect::<Vec<_>>())
    };
    let (first, proposals) = observed(&before);
    let (second, proposals_after) = observed(&after);
    assert_eq!(first, (Some(NotMet), Some(Met), Some(NotMet)));
    assert_eq!(second, (Some(Met), Some(Met), Some(NotMet)), "both parents find it hard");
    assert_eq!(proposals, proposals_after);
    let (before, after) = (plans(&before, &profiles), plans(&after, &profiles));
    for person in ["child", "mother"] {
        assert_eq!(written(&before, person), written(&after, person));
    }
    assert_ne!(written(&before, "father"), written(&after, "father"));
    for person in ["child", "mother", "father"] {
        let all = written(&after, person).join("\n");
        for word in ["family.everyday-hard", "family-observation", "each-alone", "%family"] {
            assert!(!all.contains(word), "{person}: {word}");
        }
    }
}

#[test]
fn a_rule_about_one_person_may_not_read_the_family_nor_the_family_view_one_person() {
    let of_person = |change: &dyn Fn(&mut Value)| {
        let mut plan = plan();
        change(&mut plan);
        told(plan)
    };
    let condition = json!([{ "kind": "applicability", "expression": { "language": "text/fhirpath", "expression": FEAR } }]);
    let found = of_person(&|plan| plan["action"][0]["action"][0]["condition"] = condition.clone());
    assert!(
        found.iter().any(|told| told.contains("PlanDefinition.action[0].action[0].condition") && told.contains("`%family`")),
        "{found:?}"
    );
    assert!(found.iter().any(|told| told.contains("move the rule there")), "{found:?}");
    let found = of_person(&|plan| {
        let extension = &mut plan["action"][0]["extension"][0]["valueExpression"];
        extension["expression"] = "%family.count()".into();
    });
    assert!(found.iter().any(|told| told.contains("the variable `resources` reads `%family`")), "{found:?}");
    let found = of_person(&|plan| {
        plan["action"][0]["action"][2]["action"][0]["dynamicValue"] =
            json!([{ "path": "timing.repeat.count", "expression": { "language": "text/fhirpath", "expression": "%family.count()" } }]);
    });
    assert!(found.iter().any(|told| told.contains("dynamicValue") && told.contains("`%family`")), "{found:?}");

    for (expression, wanted) in [
        ("%professional.item.exists()", "`%professional` is not there in a family view"),
        ("%resource.item.exists()", "`%resource` is not there in a family view"),
        ("descendants().exists()", "`descendants` has nothing to start from"),
        ("%family.repeat(item).where(linkId = 'no.such').exists()", "no Questionnaire of the rule set has what"),
        ("%family.where(questionnaire.endsWith('no-such')).exists()", "no Questionnaire of the rule set has what"),
        ("%family.trace('x').exists()", "`trace()` may not be used"),
        ("%family.where(", "the expression does not compile"),
    ] {
        let found = told(with(expression));
        assert!(found.iter().any(|told| told.contains(wanted)), "{expression}: {found:?}");
    }
}

#[test]
fn in_anybody_elses_plan_there_is_no_family() {
    let action = json!({ "condition": [{ "kind": "applicability", "expression": { "language": "text/fhirpath", "expression": "%family.exists()" } }] });
    let questionnaire = json!({ "resourceType": "Questionnaire", "url": "urn:q", "version": "1", "status": "active", "item": [{ "linkId": "m", "type": "boolean" }] });
    let plan = json!({
        "resourceType": "PlanDefinition", "url": "urn:p", "version": "1", "status": "active",
        "relatedArtifact": [{ "type": "depends-on", "resource": "urn:q|1" }], "action": [action]
    });
    let profiles = Profiles::over_shipped(vec![file("q.json", &questionnaire), file("p.json", &plan)]).expect("a warning at most");
    let response = json!({
        "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "urn:q|1", "authored": "2026-11-05T10:00:00+02:00",
        "item": [{ "linkId": "m", "answer": [{ "valueBoolean": true }] }]
    });
    let proposal = propose(response.to_string().as_bytes(), None, None, &profiles).expect("a proposal");
    let reason = &proposal.segmentation.others[0];
    assert_eq!(reason.outcome, Indeterminate);
    assert!(reason.why.as_deref().is_some_and(|why| why.contains("here there is none")), "{:?}", reason.why);
}

fn shipped() -> Profiles {
    Profiles::load(Profiles::shipped_files()).expect("no defect")
}

/// The shipped plan, its family view holding this one condition.
fn with(expression: &str) -> Value {
    let mut plan = plan();
    let view = plan["action"].as_array_mut().and_then(|actions| actions.last_mut()).expect("a family view");
    let rules = view["action"].as_array_mut().expect("observations");
    rules.truncate(1);
    rules[0]["condition"][0]["expression"]["expression"] = expression.into();
    plan
}

fn plan() -> Value {
    serde_json::from_slice(include_bytes!("../../../profiles/PlanDefinition-four-months.json")).expect("JSON")
}

fn file(name: &str, resource: &Value) -> File {
    File { name: name.to_owned(), content: resource.to_string().into_bytes() }
}

/// The defects: place, message, remedy.
fn told(plan: Value) -> Vec<String> {
    let defects = Profiles::over_shipped(vec![file("plan.json", &plan)]).err().unwrap_or_default();
    let told = |defect: &Defect| {
        assert!(defect.issue.position.is_some(), "{:?}", defect.issue);
        format!("{} {} {}", defect.issue.place, defect.issue.message, defect.issue.remedy)
    };
    defects.iter().map(told).collect()
}

fn outcome(expression: &str, submission: &Value) -> Outcome {
    previewed(expression, submission).family[0].outcome
}

fn previewed(expression: &str, submission: &Value) -> Preview {
    let profiles = Profiles::over_shipped(vec![file("plan.json", &with(expression))]);
    let profiles = profiles.unwrap_or_else(|defects| panic!("{expression}: {:?}", defects[0].issue));
    preview(submission, &profiles)
}

fn preview(submission: &Value, profiles: &Profiles) -> Preview {
    match prepared(submission, Until::Preview, profiles) {
        Prepared::Preview(preview) => preview,
        Prepared::Plans(_) => panic!("a preview was asked for"),
    }
}

fn plans(submission: &Value, profiles: &Profiles) -> Plans {
    match prepared(submission, Until::Plans, profiles) {
        Prepared::Plans(plans) => plans,
        Prepared::Preview(_) => panic!("plans were asked for"),
    }
}

fn prepared(submission: &Value, until: Until, profiles: &Profiles) -> Prepared {
    let context = Context { profiles, caller: "test", now: jiff::Timestamp::UNIX_EPOCH };
    prepare(submission.to_string().as_bytes(), "four-months", until, context).unwrap_or_else(|refusal| panic!("{:#?}", refusal.issues()))
}

fn written(plans: &Plans, person: &str) -> Vec<String> {
    let patient = |plan: &crate::plan::PersonPlan| Patient { reference: format!("Patient/{}", plan.person), security: Vec::new() };
    let patients: Vec<Patient> = plans.persons.iter().map(patient).collect();
    let entries = transaction(&plans.persons, &patients).entries.into_iter();
    let of_person = entries.filter(|entry| plans.persons[entry.person].person == person);
    of_person.map(|entry| format!("{} {:?} {}", entry.full_url, entry.digest, String::from_utf8_lossy(&entry.body))).collect()
}

/// A child, a mother who answered so, and a father who did not answer, or who did so.
fn family(mother: &Value, father: Option<&Value>) -> Value {
    let child = json!({
        "key": "child", "role": "child", "identifier": { "system": "urn:oid:1.2.246.21", "value": "060726A916S" },
        "knownBy": "guardian", "participation": "answered",
        "answers": {
            "life.everyday": "well", "habits.feeding": "formula", "habits.eating": "well", "habits.sleep": "well", "experiences.interaction": "well"
        }
    });
    let absent = json!({ "key": "father", "role": "parent", "participation": "asked-no-answer" });
    let father = father.map_or(absent, |answers| parent("father", "111288-909T", answers));
    json!({
        "id": { "system": "https://lomakkeet.example/submissions", "value": "family-1" }, "authored": "2026-11-10T18:20:00+02:00", "language": "en",
        "persons": [child, parent("mother", "021090-9186", mother), father]
    })
}

/// All is well but what is said here.
fn parent(key: &str, code: &str, answers: &Value) -> Value {
    let mut all = json!({
        "life.everyday": "well", "life.support": "well", "life.money": "well", "habits.recovery": "well", "habits.tobacco": "no",
        "habits.alcohol": "not-at-all", "experiences.mood": "well", "experiences.parenthood": "well", "experiences.self-harm": "no",
        "experiences.harm-child": "no", "experiences.fear": "no", "experiences.violence": "no", "worries.wishes": "y"
    });
    for (name, value) in answers.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    json!({
        "key": key, "role": "parent", "identifier": { "system": "urn:oid:1.2.246.21", "value": code }, "knownBy": "strong-authentication",
        "participation": "answered", "answers": all
    })
}
