use serde_json::{Value, json};

use super::*;
use crate::configuration::Configuration;
use crate::profiles::Profiles;
use crate::task::callback::{ATTEMPTS, SUBSETTED};
use crate::task::codes::{Codes, system};
use crate::task::convert::concept;

const NOW: &str = "2026-11-16T09:00:00Z";

struct Room {
    directory: Directory,
    codes: Codes,
}

impl Room {
    fn new() -> Self {
        let mut number = 0;
        let (configuration, _) = Configuration::sandbox(&mut || {
            number += 1;
            number.to_string()
        })
        .unwrap();
        Self { directory: configuration.directory, codes: Codes::of(&Profiles::load(Profiles::shipped_files()).unwrap()) }
    }

    fn read(&self, task: &Value) -> CallbackTask {
        CallbackTask::prove(task.as_object().unwrap().clone(), &self.codes).unwrap_or_else(|unfit| panic!("{unfit:?}"))
    }

    /// The faults' codes, or the Task.
    fn apply(&self, caller: &Caller, old: &Value, new: &Value) -> Result<Allowed, Vec<String>> {
        self.updated(caller, old, new, Update::Whole)
    }

    fn updated(&self, caller: &Caller, old: &Value, new: &Value, update: Update) -> Result<Allowed, Vec<String>> {
        let actor = Actor { caller, directory: &self.directory, now: NOW.parse().unwrap() };
        let refused = |issues: Vec<Issue>| issues.into_iter().map(|issue| format!("{} {}", issue.fault, issue.place)).collect();
        apply(&self.read(old), self.read(new), update, &actor).map_err(refused)
    }
}

fn caller(role: Role, organization: &str) -> Caller {
    Caller { name: "somebody".to_owned(), roles: vec![role], organizations: vec![organization.to_owned()] }
}

fn task(status: &str, owner: &str) -> Value {
    json!({
        "resourceType": "Task", "status": status, "intent": "order", "priority": "routine",
        "code": concept("callback-task-code", "callback"), "reasonCode": concept("callback-topic", "other"),
        "authoredOn": "2026-11-16T08:00:00Z",
        "statusReason": {"text": "why"},
        "requester": {"reference": "Organization/advice-service"}, "owner": {"reference": owner},
        "restriction": {"period": {"end": "2026-11-16T14:00:00Z"}},
        "input": [
            {"type": concept("callback-input", "queue"), "valueCodeableConcept": concept("callback-queue", "maternity-child-health")},
            {"type": concept("callback-input", "channel"), "valueCodeableConcept": concept("callback-channel", "chat")}
        ]
    })
}

fn with(task: &Value, name: &str, value: Value) -> Value {
    let mut task = task.clone();
    task[name] = value;
    task
}

#[test]
fn a_queue_is_claimed_with_status_and_owner_in_one_update() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("requested", "HealthcareService/maternity-child-health");
    let without_owner = with(&old, "status", json!("accepted"));
    assert!(room.apply(&ehr, &old, &without_owner).unwrap_err().contains(&"transition-owner Task.owner".to_owned()));
    let anothers = with(&without_owner, "owner", json!({"reference": "Organization/lapua"}));
    assert!(room.apply(&ehr, &old, &anothers).is_err());
    let own = with(&without_owner, "owner", json!({"reference": "Organization/seinajoki"}));
    assert_eq!(room.apply(&ehr, &old, &own).unwrap().task.index.owner, "Organization/seinajoki");
}

#[test]
fn what_waits_for_somebody_who_is_no_longer_known_is_its_requesters_to_re_address() {
    let (room, desk) = (Room::new(), caller(Role::Requester, "advice-service"));
    let actor = Actor { caller: &desk, directory: &room.directory, now: NOW.parse().unwrap() };
    for status in ["requested", "received", "accepted", "in-progress", "on-hold"] {
        for (owner, is_known) in [("Organization/closed", false), ("Organization/seinajoki", true)] {
            let old = task(status, owner);
            let again = with(&with(&old, "status", json!("requested")), "owner", json!({"reference": "Organization/lapua"}));
            let told = options(&actor, &room.read(&old));
            assert_eq!(told.list.iter().any(|option| option.to == Status::Requested), !is_known, "{status}, {owner}");
            match room.apply(&desk, &old, &again) {
                Ok(allowed) => assert!(!is_known && allowed.task.index.owner == "Organization/lapua", "{status}, {owner}"),
                Err(_) => assert!(is_known, "{status}, {owner}"),
            }
        }
    }
    let ehr = caller(Role::Owner, "lapua");
    let old = task("requested", "Organization/closed");
    assert!(
        room.apply(&ehr, &old, &with(&old, "owner", json!({"reference": "Organization/lapua"}))).is_err(),
        "nobody takes it by himself"
    );
}

#[test]
fn the_same_again_changes_nothing() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("accepted", "Organization/seinajoki");
    assert!(room.apply(&ehr, &old, &old).unwrap().unchanged);
}

#[test]
fn what_never_changes_is_refused_for_everybody() {
    let (room, both) = (
        Room::new(),
        Caller {
            roles: vec![Role::Tester],
            organizations: vec!["advice-service".to_owned(), "seinajoki".to_owned()],
            name: "t".to_owned(),
        },
    );
    let old = with(
        &task("requested", "Organization/seinajoki"),
        "for",
        json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "010594Y9032"}}),
    );
    for (name, value) in [
        ("authoredOn", json!("2026-11-16T08:00:01Z")),
        ("requester", json!({"reference": "Organization/seinajoki"})),
        ("reasonCode", concept("callback-topic", "mood")),
        ("restriction", json!({"period": {"end": "2026-11-17T14:00:00Z"}})),
        ("for", json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "020594X903P"}})),
    ] {
        let faults = room.apply(&both, &old, &with(&old, name, value)).unwrap_err();
        assert!(faults.contains(&format!("immutable Task.{name}")), "{name}: {faults:?}");
    }
}

#[test]
fn an_attempt_is_counted_by_the_adapter_and_noted_with_time_and_author() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("in-progress", "Organization/seinajoki");
    let tried = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    let first = room.apply(&ehr, &old, &tried).unwrap();
    assert!(first.attempt);
    assert_eq!(first.task.index.attempts, 1);
    let note = &first.task.body["note"][0];
    assert_eq!((&note["time"], &note["authorReference"]["reference"]), (&json!("2026-11-16T09:00:00Z"), &json!("Organization/seinajoki")));
}

/// Tried once: `no-answer`, one attempt.
fn tried(room: &Room, ehr: &Caller) -> Value {
    let old = task("in-progress", "Organization/seinajoki");
    let tried = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    whole(room.apply(ehr, &old, &tried).unwrap())
}

fn whole(allowed: Allowed) -> Value {
    let mut task = Value::Object(allowed.task.body);
    task["resourceType"] = json!("Task");
    task
}

fn counted(task: &Value, number: u64) -> Value {
    let mut task = task.clone();
    task["businessStatus"]["extension"] = json!([{"url": ATTEMPTS, "valuePositiveInt": number}]);
    task
}

#[test]
fn a_put_says_a_further_attempt_by_the_next_number_and_by_nothing_else() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = tried(&room, &ehr);
    assert!(room.apply(&ehr, &old, &old).unwrap().unchanged, "sent back as it was read, it is no further attempt");
    let noted = with(&old, "note", json!([old["note"][0], {"text": "her sister called"}]));
    let noted = room.apply(&ehr, &old, &noted).unwrap();
    assert!(!noted.attempt, "a note alone is none");
    assert_eq!(noted.task.index.attempts, 1);
    let again = room.apply(&ehr, &old, &counted(&old, 2)).unwrap();
    assert!(again.attempt);
    assert_eq!((again.task.index.attempts, again.task.body["note"].as_array().unwrap().len()), (2, 2));
    for number in [3, 77] {
        let faults = room.apply(&ehr, &old, &counted(&old, number)).unwrap_err();
        assert_eq!(faults[0], "attempts Task.businessStatus", "{number}: never accepted and not counted");
    }
    // an extension that was dropped on the way leaves open what is meant
    let bare = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    assert_eq!(room.apply(&ehr, &old, &bare).unwrap_err()[0], "attempts Task.businessStatus");
    let contacted = with(&old, "businessStatus", concept("callback-business-status", "contacted"));
    assert_eq!(room.apply(&ehr, &old, &counted(&contacted, 2)).unwrap_err()[0], "attempts Task.businessStatus");
    // it leaves, and returns
    let left = whole(room.apply(&ehr, &old, &contacted).unwrap());
    let bare = with(&left, "businessStatus", concept("callback-business-status", "no-answer"));
    for returned in [&bare, &counted(&bare, 1), &counted(&bare, 2)] {
        assert_eq!(room.apply(&ehr, &left, returned).unwrap().task.index.attempts, 2);
    }
}

#[test]
fn a_patch_that_names_the_business_status_says_a_further_attempt_even_in_the_same_words() {
    let (room, ehr, other) = (Room::new(), caller(Role::Owner, "seinajoki"), caller(Role::Requester, "advice-service"));
    let old = tried(&room, &ehr);
    let bare = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    let naming = Update::Patch { business_status: true };
    for new in [&old, &bare, &counted(&old, 2)] {
        let again = room.updated(&ehr, &old, new, naming).unwrap();
        assert!(again.attempt && !again.unchanged);
        assert_eq!(again.task.index.attempts, 2);
    }
    assert!(room.updated(&ehr, &old, &counted(&old, 77), naming).is_err());
    assert!(room.updated(&ehr, &old, &old, Update::Patch { business_status: false }).unwrap().unchanged);
    assert_eq!(room.updated(&other, &old, &old, naming).unwrap_err()[0], "not-amendable Task.businessStatus", "it is the owner's to say");
    let done = with(&old, "status", json!("completed"));
    assert_eq!(room.updated(&ehr, &done, &done, naming).unwrap_err()[0], "not-amendable Task.businessStatus");
}

#[test]
fn an_attempt_is_seen_behind_a_coding_of_the_record_system() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("in-progress", "Organization/seinajoki");
    let mut said = concept("callback-business-status", "no-answer");
    said["coding"].as_array_mut().unwrap().insert(0, json!({"system": "https://ehr.example/status", "code": "NA"}));
    assert!(room.apply(&ehr, &old, &with(&old, "businessStatus", said)).unwrap().attempt);
}

#[test]
fn an_attempt_on_what_a_queue_owns_counts_for_every_clinic_that_serves_it() {
    let (room, first, second) = (Room::new(), caller(Role::Owner, "seinajoki"), caller(Role::Owner, "lapua"));
    let old = task("requested", "HealthcareService/maternity-child-health");
    let said = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    let old = whole(room.apply(&first, &old, &said).unwrap());
    assert!(room.apply(&second, &old, &with(&old, "businessStatus", concept("callback-business-status", "no-answer"))).is_err());
    assert_eq!(room.updated(&second, &old, &old, Update::Patch { business_status: true }).unwrap().task.index.attempts, 2);
}

#[test]
fn who_asks_another_owner_leaves_the_reason_of_the_last_one_in_history() {
    let (room, desk) = (Room::new(), caller(Role::Requester, "advice-service"));
    let old = task("rejected", "Organization/seinajoki");
    let again = with(&with(&old, "status", json!("requested")), "owner", json!({"reference": "Organization/lapua"}));
    assert_eq!(room.apply(&desk, &old, &again).unwrap().task.body.get("statusReason"), None);
    let said = with(&again, "statusReason", json!({"text": "lives in Lapua"}));
    assert_eq!(room.apply(&desk, &old, &said).unwrap().task.body["statusReason"]["text"], "lives in Lapua");
}

#[test]
fn what_never_changes_is_told_once() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("accepted", "Organization/seinajoki");
    let later = with(&old, "restriction", json!({"period": {"end": "2026-11-17T14:00:00Z"}}));
    let faults = room.apply(&ehr, &old, &later).unwrap_err();
    assert_eq!(faults.iter().filter(|fault| fault.ends_with("Task.restriction")).count(), 1, "{faults:?}");
}

#[test]
fn the_count_stays_when_the_client_answers_in_the_end() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("in-progress", "Organization/seinajoki");
    let tried = with(&old, "businessStatus", concept("callback-business-status", "no-answer"));
    let mut old = Value::Object(room.apply(&ehr, &old, &tried).unwrap().task.body);
    old["resourceType"] = json!("Task");
    let done = with(&with(&old, "status", json!("completed")), "businessStatus", concept("callback-business-status", "contacted"));
    let done = room.apply(&ehr, &old, &done).unwrap();
    assert!(!done.attempt);
    assert_eq!(done.task.body["businessStatus"]["extension"][0]["valuePositiveInt"], 1);
}

#[test]
fn notes_are_added_to_and_never_rewritten() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = with(&task("accepted", "Organization/seinajoki"), "note", json!([{"text": "one"}, {"text": "two"}]));
    let rewritten = with(&old, "note", json!([{"text": "one"}]));
    assert!(room.apply(&ehr, &old, &rewritten).unwrap_err().contains(&"immutable Task.note".to_owned()));
}

#[test]
fn a_requester_amends_inputs_until_somebody_accepts_and_never_the_queue() {
    let (room, desk) = (Room::new(), caller(Role::Requester, "advice-service"));
    let old = task("received", "Organization/seinajoki");
    let mut amended = old.clone();
    amended["input"].as_array_mut().unwrap().push(json!({"type": concept("callback-input", "interpreter"), "valueBoolean": true}));
    assert!(room.apply(&desk, &old, &amended).is_ok());
    let accepted = with(&old, "status", json!("accepted"));
    assert!(room.apply(&desk, &accepted, &with(&amended, "status", json!("accepted"))).is_err());
    let mut other = old.clone();
    other["input"][0]["valueCodeableConcept"] = json!({"coding": [{"system": system("callback-queue"), "code": "family-planning"}]});
    assert!(room.apply(&desk, &old, &other).unwrap_err().contains(&"immutable Task.input".to_owned()));
}

#[test]
fn a_part_of_a_task_does_not_replace_the_whole() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let old = task("accepted", "Organization/seinajoki");
    let part = with(&old, "meta", json!({"tag": [{"code": SUBSETTED}]}));
    assert_eq!(room.apply(&ehr, &old, &part).unwrap_err(), ["subsetted Task.meta.tag"]);
}

#[test]
fn an_error_is_marked_with_a_reason_of_its_own_and_not_with_an_older_one() {
    let (room, desk) = (Room::new(), caller(Role::Requester, "advice-service"));
    let old = task("rejected", "Organization/seinajoki");
    let marked = with(&old, "status", json!("entered-in-error"));
    assert_eq!(room.apply(&desk, &old, &marked).unwrap_err()[0], "old-reason Task.statusReason");
    let said = with(&marked, "statusReason", concept("callback-status-reason", "entered-by-mistake"));
    assert!(room.apply(&desk, &old, &said).is_ok());
}

#[test]
fn whoever_readdresses_a_task_may_say_what_the_adapter_says_and_nothing_else() {
    let (room, desk) = (Room::new(), caller(Role::Requester, "advice-service"));
    let mut old = with(&task("rejected", "Organization/seinajoki"), "businessStatus", concept("callback-business-status", "no-answer"));
    old["businessStatus"]["extension"] = json!([{"url": ATTEMPTS, "valuePositiveInt": 2}]);
    let again = with(&with(&old, "status", json!("requested")), "owner", json!({"reference": "Organization/lapua"}));
    let unsaid = room.apply(&desk, &old, &again).unwrap().task.body["businessStatus"].clone();
    assert_eq!((&unsaid["coding"][0]["code"], &unsaid["extension"][0]["valuePositiveInt"]), (&json!("readdressed"), &json!(2)));
    let said = with(&again, "businessStatus", concept("callback-business-status", "readdressed"));
    assert_eq!(room.apply(&desk, &old, &said).unwrap().task.body["businessStatus"], unsaid);
    let other = with(&again, "businessStatus", concept("callback-business-status", "contacted"));
    assert!(room.apply(&desk, &old, &other).unwrap_err().contains(&"not-amendable Task.businessStatus".to_owned()));
    let stays = with(&old, "businessStatus", concept("callback-business-status", "readdressed"));
    assert!(room.apply(&desk, &old, &stays).is_err(), "nobody else has it");
}

#[test]
fn a_client_who_is_known_is_none_of_what_may_change() {
    let (room, ehr) = (Room::new(), caller(Role::Owner, "seinajoki"));
    let actor = Actor { caller: &ehr, directory: &room.directory, now: NOW.parse().unwrap() };
    let anonymous = task("accepted", "Organization/seinajoki");
    let known = with(&anonymous, "for", json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "010594Y9032"}}));
    assert!(options(&actor, &room.read(&anonymous)).amend.contains(&"for"));
    assert!(!options(&actor, &room.read(&known)).amend.contains(&"for"));
}

#[test]
fn every_option_that_is_told_is_one_that_is_accepted() {
    let room = Room::new();
    let owners = ["HealthcareService/maternity-child-health", "Organization/seinajoki"];
    for (status, owner) in Status::ALL.iter().flat_map(|status| owners.iter().map(move |owner| (*status, *owner))) {
        for caller in [caller(Role::Owner, "seinajoki"), caller(Role::Requester, "advice-service"), caller(Role::Owner, "alajarvi")] {
            let actor = Actor { caller: &caller, directory: &room.directory, now: NOW.parse().unwrap() };
            let old = task(status.code(), owner);
            for option in options(&actor, &room.read(&old)).list {
                let mut new = with(&old, "status", json!(option.to.code()));
                if option.elements.iter().any(|element| element.required && element.path == "Task.statusReason") {
                    new["statusReason"] = json!({"text": "another"});
                }
                for element in option.elements.iter().filter(|element| element.path == "Task.owner") {
                    let named = element.value.split(' ').find(|word| word.starts_with("Organization/"));
                    new["owner"] = json!({"reference": named.unwrap_or("Organization/lapua")});
                }
                assert!(room.apply(&caller, &old, &new).is_ok(), "{status} to {} for {}", option.to, caller.organizations[0]);
            }
        }
    }
}
