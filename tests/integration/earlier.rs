//! A decision that names an earlier plan, over HTTP, before the sandbox and before a real server.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use neuvola_adapter::config::Limits;
use neuvola_adapter::record::{
    Coding, EarlierPlan, FhirApi, Identifier, KEY_SYSTEM, Patient, PatientFault, PatientRecord, PlanFault, RecordError, Sought, Stored,
    Transaction, Update,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::recorder::create;
use crate::world::{Answer, World, form, start_sandbox};

const AT_ONCE: usize = 12;
const PATH: &str = "/forms/four-months/submissions";

/// An adapter before `record`, and a child whom nobody else writes about, with a plan of some other system's.
struct Family {
    world: World,
    identifier: Value,
    patient: String,
}

impl Family {
    async fn new(record: &str) -> Self {
        let world = World::before(record.to_owned(), Arc::new(crate::record::unhurried(record)), Limits::default()).await;
        let identifier = json!({"system": "urn:oid:1.2.246.10.99999990.99", "value": Uuid::new_v4().to_string()});
        let patient = create(record, &json!({"resourceType": "Patient", "active": true, "identifier": [identifier]})).await;
        Self { world, identifier, patient }
    }

    /// Not ours: with what we know nothing of, and a service declined.
    async fn plan(&self, more: &Value) -> String {
        let mut plan = json!({
            "resourceType": "CarePlan", "status": "active", "intent": "order", "subject": {"reference": self.patient},
            "extension": [{"url": "https://ehr.example/priority", "valueDecimal": number("1.50")}],
            "identifier": [{"system": "https://ehr.example/plans", "value": Uuid::new_v4().to_string()}],
            "note": [{"text": "Sovittu & <kirjattu>"}],
            "activity": [
                {"detail": {"status": "cancelled", "code": {"coding": [{"system": "https://ehr.example/s", "code": "hv", "display": "Kotikäynti"}]},
                    "statusReason": {"text": "Ei nyt <vielä>"}}},
                {"detail": {"status": "in-progress", "code": {"text": "Ryhmä"}}}
            ]
        });
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        create(&self.world.record, &plan).await
    }

    /// Decided, with `replaces` if it names something.
    async fn submission(&self, replaces: &str) -> Value {
        let mut submission = form(&Uuid::new_v4().to_string());
        submission["persons"][0]["identifier"] = self.identifier.clone();
        let mut decided = self.world.decided("four-months", &submission).await;
        if !replaces.is_empty() {
            decided["decision"]["plans"][0]["replaces"] = json!(replaces);
        }
        decided
    }

    async fn replace(&self, plan: &str) -> Answer {
        self.world.post(PATH, &self.submission(plan).await).await
    }

    async fn put(&self, reference: &str, resource: &Value) {
        let request = self.world.client.put(format!("{}/{reference}", self.world.record));
        let request = request.header("content-type", "application/fhir+json").body(resource.to_string());
        self.world.send(request).await.expect(200);
    }

    /// The plans of the child that are not the earlier one.
    async fn new_plans(&self, receipt: &Value) -> Vec<Value> {
        let written = receipt["persons"][0]["written"].as_array().unwrap();
        let plan = written.iter().find(|written| written["kind"] == "care-plan").unwrap();
        let key = plan["identifier"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
        let url = format!("{}/CarePlan?_tag={KEY_SYSTEM}%7C{key}", self.world.record);
        let found = self.world.send(self.world.client.get(url).header("cache-control", "no-cache")).await.expect(200);
        found["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }
}

/// With the digits that it has.
fn number(digits: &str) -> Value {
    serde_json::from_str(digits).unwrap()
}

/// Without what the server stamps on each version.
fn unstamped(mut resource: Value) -> Value {
    let meta = resource["meta"].as_object_mut().unwrap();
    meta.retain(|name, _| !["versionId", "lastUpdated", "source"].contains(&name.as_str()));
    resource
}

async fn the_earlier_plan_is_completed_and_nothing_of_it_is_lost(record: &str) {
    let family = Family::new(record).await;
    let earlier = family.plan(&json!({})).await;
    let before = family.world.read(&earlier).await;
    let submission = family.submission(&earlier).await;
    let preview = family.world.post("/forms/four-months/preview", &submission).await.expect(200);
    let declined = json!([{"code": "hv", "display": "Kotikäynti", "reason": "Ei nyt <vielä>"}]);
    assert_eq!(preview["persons"][0]["replaces"], json!({"reference": earlier, "declinedBefore": declined}));
    let first = family.world.post(PATH, &submission).await;
    let receipt = first.expect(201);
    assert_eq!(receipt["persons"][0]["replaced"], json!(earlier));

    let after = family.world.read(&earlier).await;
    assert_eq!((&after["status"], &after["meta"]["versionId"]), (&json!("completed"), &json!("2")));
    let mut expected = unstamped(before);
    expected["status"] = json!("completed");
    assert_eq!(unstamped(after.clone()), expected);
    assert!(after["extension"][0].to_string().contains("1.50"), "{after}");

    let [plan] = family.new_plans(&receipt).await.try_into().unwrap();
    assert_eq!(plan["replaces"], json!([{"reference": earlier}]));
    let url = "https://neuvola-adapter.example/fhir/StructureDefinition/declined-before";
    let declined: Vec<&Value> = plan["extension"].as_array().unwrap().iter().filter(|it| it["url"] == url).collect();
    assert_eq!(declined.len(), 1, "{plan}");
    assert_eq!(declined[0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], "hv");
    assert_eq!(declined[0]["extension"][1]["valueCodeableConcept"]["text"], "Ei nyt <vielä>");
    let narrative = plan["text"]["div"].as_str().unwrap();
    assert!(narrative.contains("Kotikäynti: Ei nyt &lt;vielä&gt;") && narrative.ends_with("</div>"), "{narrative}");

    let written = receipt["persons"][0]["written"].as_array().unwrap();
    let provenance = written.iter().find(|written| written["kind"] == "provenance-replaced").unwrap();
    let provenance = family.world.read(provenance["reference"].as_str().unwrap()).await;
    assert!(provenance["target"][0]["reference"].as_str().unwrap().starts_with(&earlier), "{provenance}");
    assert_eq!(provenance["activity"]["coding"][0]["code"], "UPDATE");

    let again = family.world.post(PATH, &submission).await;
    again.expect(200);
    assert_eq!(again.text, first.text, "to the byte");
    assert_eq!(family.world.read(&earlier).await["meta"]["versionId"], "2", "the earlier plan is not touched again");
}

async fn a_plan_that_cannot_be_replaced_is_refused_by_whose_fault_it_is(record: &str) {
    let (family, other) = (Family::new(record).await, Family::new(record).await);
    let place = "decision.plans[0].replaces";
    let deleted = family.plan(&json!({})).await;
    let gone = family.world.client.delete(format!("{record}/{deleted}")).send().await.unwrap();
    assert!(gone.status().is_success());
    let (own, others) = (family.plan(&json!({})).await, other.plan(&json!({})).await);
    let of_status = |status: &'static str| {
        let family = &family;
        async move { family.plan(&json!({"status": status})).await }
    };
    let mistaken = family.plan(&json!({})).await;
    let mut resource = family.world.read(&mistaken).await;
    resource["status"] = json!("entered-in-error");
    family.put(&mistaken, &resource).await;
    for (plan, status, fault) in [
        ("CarePlan/nobody-has-this-plan".to_owned(), 422, "no-earlier-plan"),
        (deleted, 422, "earlier-plan-deleted"),
        (others.clone(), 422, "other-patients-plan"),
        (mistaken, 422, "earlier-plan-in-error"),
        (of_status("completed").await, 409, "earlier-plan-not-active"),
        (of_status("draft").await, 409, "earlier-plan-not-active"),
        (format!("{own}/_history/9"), 409, "earlier-plan-changed"),
    ] {
        let submission = family.submission(&plan).await;
        let preview = family.world.post("/forms/four-months/preview", &submission).await.expect(200);
        assert_eq!(preview["persons"][0]["replaces"]["issue"]["fault"], fault, "the preview is given, and tells it");
        let answer = family.world.post(PATH, &submission).await;
        assert_eq!(answer.refused(status), [format!("{fault} {place}")], "{plan}");
        assert!(answer.expect(status)["issue"][0]["diagnostics"].is_string(), "advice");
    }
    for odd in ["CarePlan/", "Task/1", "https://ehr.example/fhir/CarePlan/1", "CarePlan/../Patient/1", "CarePlan/1?x=1"] {
        assert_eq!(family.replace(odd).await.refused(422), [format!("wrong-type {place}")], "{odd}");
    }
    for (whose, plan) in [(&family, own), (&other, others)] {
        let plan = whose.world.read(&plan).await;
        assert_eq!((&plan["status"], &plan["meta"]["versionId"]), (&json!("active"), &json!("1")));
    }
}

async fn the_version_that_was_looked_at_may_be_named(record: &str) {
    let family = Family::new(record).await;
    let earlier = family.plan(&json!({})).await;
    family.replace(&format!("{earlier}/_history/1")).await.expect(201);
    assert_eq!(family.world.read(&earlier).await["status"], "completed");
}

async fn of_several_that_replace_one_plan_one_is_written(record: &str) {
    let family = Family::new(record).await;
    let earlier = family.plan(&json!({})).await;
    let submissions = join_all((0..AT_ONCE).map(|_| family.submission(&earlier))).await;
    let answers = join_all(submissions.iter().map(|submission| family.world.post(PATH, submission))).await;
    let written: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(written.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        let fault = refused.refused(409);
        assert!(fault[0].starts_with("earlier-plan-"), "{fault:?}");
    }
    assert_eq!(family.world.read(&earlier).await["meta"]["versionId"], "2");
    let url = format!("{record}/CarePlan?subject={}", family.patient);
    let found = family.world.send(family.world.client.get(url).header("cache-control", "no-cache")).await.expect(200);
    assert_eq!(found["entry"].as_array().unwrap().len(), 2, "the earlier one and the one that replaced it");
}

async fn equal_ones_at_once_that_replace_a_plan_are_one(record: &str) {
    let family = Family::new(record).await;
    let earlier = family.plan(&json!({})).await;
    let submission = family.submission(&earlier).await;
    let answers = join_all((0..AT_ONCE).map(|_| family.world.post(PATH, &submission))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.text);
        assert_eq!(answer.text, answers[0].text, "to the byte");
    }
    assert_eq!(family.new_plans(&answers[0].expect(answers[0].status)).await.len(), 1);
    assert_eq!(family.world.read(&earlier).await["meta"]["versionId"], "2");
}

/// Sees nothing of what others wrote, until it writes itself: as in a race.
struct Blind(FhirApi);

#[async_trait]
impl PatientRecord for Blind {
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError> {
        self.0.find_patients(identifiers).await
    }

    async fn find_written(&self, _: &str, _: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        Ok(Vec::new())
    }

    async fn find_plan(&self, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        self.0.find_plan(sought).await
    }

    async fn submit(&self, transaction: &Transaction) -> Result<Vec<Stored>, RecordError> {
        self.0.submit(transaction).await
    }

    async fn annul(&self, stored: &[Stored]) -> Result<(), RecordError> {
        self.0.annul(stored).await
    }

    async fn restore(&self, updates: &[Update], stored: &[Stored]) -> Result<(), RecordError> {
        self.0.restore(updates, stored).await
    }

    async fn ready(&self) -> Result<(), RecordError> {
        self.0.ready().await
    }
}

async fn the_earlier_plan_is_put_back_when_other_content_won_the_race(record: &str) {
    let family = Family::new(record).await;
    let earlier = family.plan(&json!({})).await;
    let before = family.world.read(&earlier).await;
    let submission = family.submission("").await;
    family.world.post(PATH, &submission).await.expect(201);
    let mut other = submission;
    other["decision"]["plans"][0]["replaces"] = json!(earlier);
    let blind = Arc::new(Blind(crate::record::unhurried(record)));
    let racing = World::before(record.to_owned(), blind, Limits::default()).await;
    assert_eq!(racing.post(PATH, &other).await.refused(409), ["other-content persons[0]"]);
    let after = family.world.read(&earlier).await;
    assert_eq!((unstamped(after.clone()), &after["meta"]["versionId"]), (unstamped(before), &json!("3")));
}

/// Everything that a submission writes for the child, and the earlier plans of both, before a record of their own; the mother
/// answers what `answers` say.
async fn written_for_the_child(answers: &[(&str, Value)]) -> (Vec<String>, String, String) {
    let case = crate::guidance::case("four-months-earlier-plan");
    let record = start_sandbox();
    let world = World::before(record.clone(), Arc::new(crate::record::unhurried(&record)), Limits::default()).await;
    let mut submission: Value = serde_json::from_slice(case.submission).unwrap();
    let mut earlier = Vec::new();
    for person in [0, 1] {
        let identifier = &submission["persons"][person]["identifier"];
        let patient = create(&record, &json!({"resourceType": "Patient", "active": true, "identifier": [identifier]})).await;
        let plan = json!({
            "resourceType": "CarePlan", "status": "active", "intent": "order", "subject": {"reference": patient},
            "extension": [{"url": "https://ehr.example/priority", "valueDecimal": number("1.50")}],
            "activity": [{"detail": {"status": "cancelled", "code": {"text": format!("Palvelu {person}")}}}]
        });
        earlier.push(create(&record, &plan).await);
    }
    let fixed = submission["decision"]["plans"][0].clone();
    for (question, answer) in answers {
        submission["persons"][1]["answers"][question] = answer.clone();
    }
    let mut decided = world.decided("four-months", &submission).await;
    decided["decision"]["plans"][0] = fixed;
    for (person, plan) in earlier.iter().enumerate() {
        decided["decision"]["plans"][person]["replaces"] = json!(plan);
    }
    let receipt = world.post(PATH, &decided).await.expect(201);
    let mut written = Vec::new();
    let of_child = receipt["persons"][0]["written"].as_array().unwrap().iter().map(|it| it["reference"].as_str().unwrap().to_owned());
    for reference in of_child.chain([earlier[0].clone(), format!("{}/_history/1", earlier[0])]) {
        let answer = world.send(world.client.get(format!("{record}/{reference}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        written.push(answer.text.replace(&record, ""));
    }
    let proposal = decided["decision"]["plans"][1]["proposal"].as_str().unwrap().to_owned();
    let mothers = world.send(world.client.get(format!("{record}/CarePlan?subject=Patient/3"))).await.text.replace(&record, "");
    (written, proposal, mothers)
}

/// The decision stands; what the mother answers shows in nothing that is written for the child: not in the new plan, its
/// responses and provenances, not in the completion of the child's earlier plan.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parents_answers_change_no_byte_of_the_childs_record_when_both_replace_a_plan() {
    let (before, proposal, mothers) = written_for_the_child(&[]).await;
    assert_eq!(before.len(), 6 + 2, "two responses, the plan, three provenances; the earlier plan, and as it was");
    assert!(before[6].contains("\"completed\"") && before[6].contains("1.50") && before[7].contains("\"active\""), "{before:?}");
    assert!(before[2].contains("Palvelu 0") && !before.concat().contains("Palvelu 1"), "{}", before[2]);
    for answers in [
        vec![("life.everyday", json!("well")), ("experiences.mood", json!("well")), ("life.support", json!("well"))],
        vec![("experiences.self-harm", json!("yes")), ("experiences.violence", json!("yes")), ("experiences.mood", json!("poorly"))],
        vec![("experiences.violence", json!("asked-declined")), ("worries.wishes", json!("Jotain muuta."))],
    ] {
        let (after, other_proposal, other_mothers) = written_for_the_child(&answers).await;
        assert_eq!(after, before, "{answers:?}");
        assert!(other_mothers != mothers || other_proposal != proposal, "something did change for the mother: {answers:?}");
    }
}

/// Runs every case before a server.
macro_rules! before {
    ($server:ident $base:expr => $($case:ident)*) => {
        mod $server {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(record) = $base {
                        super::$case(&record).await;
                    }
                }
            )*
        }
    };
}

macro_rules! before_each {
    ($($case:ident)*) => {
        before! { sandbox Some(super::start_sandbox()) => $($case)* }
        before! { hapi crate::record::hapi().map(str::to_owned) => $($case)* }
    };
}

before_each! {
    the_earlier_plan_is_completed_and_nothing_of_it_is_lost
    a_plan_that_cannot_be_replaced_is_refused_by_whose_fault_it_is
    the_version_that_was_looked_at_may_be_named
    of_several_that_replace_one_plan_one_is_written
    equal_ones_at_once_that_replace_a_plan_are_one
    the_earlier_plan_is_put_back_when_other_content_won_the_race
}
