//! Twenty submissions at once over HTTP, of a family of three, before the sandbox and before a real server.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use neuvola_adapter::config::Limits;
use neuvola_adapter::fixtures::cases;
use neuvola_adapter::record::{DIGEST_SYSTEM, KEY_SYSTEM};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::recorder::create;
use crate::world::{Answer, World, start_sandbox};

const PATH: &str = "/forms/eighteen-months/submissions";

/// An adapter before `record`, and a family of three whom nobody else writes about.
struct Family {
    world: World,
    submission: Value,
}

impl Family {
    async fn new(record: &str) -> Self {
        let world = World::before(record.to_owned(), Arc::new(crate::record::unhurried(record)), Limits::default()).await;
        let case = cases().unwrap().into_iter().find(|case| case.name == "eighteen-months-network-alerts").unwrap();
        let mut submission: Value = serde_json::from_slice(case.submission).unwrap();
        submission["id"]["value"] = json!(Uuid::new_v4().to_string());
        let persons = submission["persons"].as_array_mut().unwrap();
        assert_eq!(persons.len(), 3);
        for person in persons {
            // no identity codes: fixtures' patients stay as they are
            let identifier = json!({"system": "urn:oid:1.2.246.10.99999990.99", "value": Uuid::new_v4().to_string()});
            create(record, &json!({"resourceType": "Patient", "active": true, "identifier": [identifier]})).await;
            person["identifier"] = identifier;
        }
        Self { world, submission }
    }

    /// Sends them all at once.
    async fn send(&self, submissions: &[&Value]) -> Vec<Answer> {
        join_all(submissions.iter().map(|submission| self.world.post(PATH, submission))).await
    }

    /// Everything in the record under a receipt's keys: exactly what the receipt names, each alone under its key.
    async fn one_of_each(&self, receipt: &Value) -> Vec<Value> {
        let mut resources = Vec::new();
        for written in receipt["persons"].as_array().unwrap().iter().flat_map(|person| person["written"].as_array().unwrap()) {
            let reference = written["reference"].as_str().unwrap();
            let key = written["identifier"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
            let kind = reference.split('/').next().unwrap();
            let url = format!("{}/{kind}?_tag={KEY_SYSTEM}%7C{key}", self.world.record);
            let found = self.world.send(self.world.client.get(url).header("cache-control", "no-cache")).await.expect(200);
            let found = found["entry"].as_array().unwrap();
            assert_eq!(found.len(), 1, "{reference}");
            assert_eq!(format!("{kind}/{}", found[0]["resource"]["id"].as_str().unwrap()), reference);
            assert_eq!(found[0]["resource"]["meta"]["versionId"], "1", "{reference}");
            resources.push(found[0]["resource"].clone());
        }
        assert_eq!(resources.len(), 15, "five a person");
        resources
    }
}

fn digests(resources: &[Value]) -> BTreeSet<String> {
    let tags = resources.iter().flat_map(|resource| resource["meta"]["tag"].as_array().unwrap());
    tags.filter(|tag| tag["system"] == DIGEST_SYSTEM).map(|tag| tag["code"].as_str().unwrap().to_owned()).collect()
}

async fn twenty_equal_are_one(record: &str) {
    let family = Family::new(record).await;
    let answers = family.send(&[&family.submission; 20]).await;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.text);
        assert_eq!(answer.text, answers[0].text, "to the byte");
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    let resources = family.one_of_each(&answers[0].expect(answers[0].status)).await;
    assert_eq!(digests(&resources).len(), 3, "one a person");
}

/// Ten of each of two contents under one id. `change` makes the second of the first.
async fn one_of_two_contents_wins_whole(record: &str, change: impl Fn(&mut Value)) {
    let family = Family::new(record).await;
    let mut other = family.submission.clone();
    change(&mut other);
    let contents: Vec<&Value> = (0..20).map(|index| if index % 2 == 0 { &family.submission } else { &other }).collect();
    let answers = family.send(&contents).await;

    let won: Vec<bool> = answers.iter().map(|answer| matches!(answer.status, 200 | 201)).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let winner = won.iter().position(|won| *won).unwrap_or_else(|| panic!("nobody won: {statuses:?}"));
    for (index, answer) in answers.iter().enumerate() {
        if index % 2 == winner % 2 {
            assert!(won[index], "{statuses:?} {}", answer.text);
            assert_eq!(answer.text, answers[winner].text, "to the byte");
        } else {
            assert_eq!(answer.status, 409, "{statuses:?} {}", answer.text);
            assert!(answer.refused(409).iter().all(|fault| fault.starts_with("other-content persons[")), "{}", answer.text);
        }
    }
    let held = digests(&family.one_of_each(&answers[winner].expect(answers[winner].status)).await);
    assert_eq!(held.len(), 3);
    let repeated = family.send(&[contents[winner], contents[winner + 1 - 2 * (winner % 2)]]).await;
    assert_eq!(repeated.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 409], "and so it stays");
    assert_eq!(repeated[0].text, answers[winner].text);
    assert_eq!(digests(&family.one_of_each(&repeated[0].expect(200)).await), held);
}

/// Another word of the nurse's to each of them.
fn everybody_s(submission: &mut Value) {
    for plan in submission["decision"]["plans"].as_array_mut().unwrap() {
        plan["wishes"] = json!("Toinen toive.");
    }
}

/// The first person's content stays the same, the last one's differs.
fn the_last_one_s(submission: &mut Value) {
    let plans = submission["decision"]["plans"].as_array_mut().unwrap();
    plans.last_mut().unwrap()["wishes"] = json!("Toinen toive.");
}

fn a_real_server() -> Option<&'static str> {
    tokio::task::block_in_place(crate::record::hapi)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_equal_submissions_at_once_leave_one_of_each_in_the_sandbox() {
    twenty_equal_are_one(&start_sandbox()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_equal_submissions_at_once_leave_one_of_each_in_a_real_server() {
    let Some(record) = a_real_server() else { return };
    twenty_equal_are_one(record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_contents_at_once_one_wins_whole_in_the_sandbox() {
    one_of_two_contents_wins_whole(&start_sandbox(), everybody_s).await;
    one_of_two_contents_wins_whole(&start_sandbox(), the_last_one_s).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_contents_at_once_one_wins_whole_in_a_real_server() {
    let Some(record) = a_real_server() else { return };
    one_of_two_contents_wins_whole(record, everybody_s).await;
    one_of_two_contents_wins_whole(record, the_last_one_s).await;
}
