//! What SQLite alone must show: nothing acknowledged is lost when the process is killed, and nothing is in clear on the disk.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use neuvola_adapter::task::callback::CallbackTask;
use neuvola_adapter::task::codes::Codes;
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Created, Filter, Found, Index, Keyed, NewTask, Place, Sqlite, TaskStore as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = Folder::new();
    let mut acknowledged = Vec::new();
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stores::sqlite::writes_until_it_is_killed", "--nocapture"])
            .env(FILE, folder.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 5 + usize::try_from(round * 7).unwrap();
        let mut lines = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix(TOLD).map(str::to_owned));
        acknowledged.extend(lines.by_ref().take(wanted));
        tokio::time::sleep(Duration::from_micros(round * 700)).await; // anywhere in a transaction
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines);

        let store = Sqlite::open(Place::File(folder.file()), keys(&["a"])).await.unwrap();
        for told in &acknowledged {
            let (id, version) = told.split_once(' ').unwrap();
            let Found::Task(task) = store.read(id.parse().unwrap()).await.unwrap() else { panic!("{told} is lost") };
            assert!(task.version >= version.parse().unwrap(), "{told}");
        }
        let (events, last) = (store.events(0, 100_000).await.unwrap(), store.last_seq().await.unwrap());
        assert!(events.iter().map(|event| event.seq).eq(1..=last), "an event for every commit, and a commit for every event");
        store.close().await;
    }
    assert!(acknowledged.len() > 100);
}

/// The process that is killed: the test above starts it. By itself it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn writes_until_it_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let store = Sqlite::open(Place::File(file.into()), keys(&["a"])).await.unwrap();
    let world = World::new(Home::Elsewhere);
    let tell = |id: Uuid, version: u64| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{TOLD}{id} {version}").and_then(|()| out.flush())
    };
    while let Created::New(task) = store.create(world.task(identified(&Uuid::new_v4().to_string()))).await.unwrap() {
        let told = tell(task.id, 1);
        let task = world.update(&store, &task, owned(LAPUA, Status::Accepted)).await;
        if told.and_then(|()| tell(task.id, 2)).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_phone_number_or_identity_code_is_on_the_disk() {
    const PHONE: &str = "+358401234567";
    const CODE: &str = "010594Y9032";
    const CONTACT: &str = "c-2026-marked";
    let folder = Folder::new();
    let store = Sqlite::open(Place::File(folder.file()), keys(&["a"])).await.unwrap();
    let world = World::new(Home::Elsewhere);
    let about = |index| Index { patient: Some(patient(CODE)), group: Some(identifier(CONTACT)), ..index };
    for at in 0..50 {
        let mut new = world.task(about(identified(&format!("{CONTACT}-{at}"))));
        new.body = body(&format!("{PHONE} {CODE} {CONTACT}"));
        let Created::New(task) = store.create(new.clone()).await.unwrap() else { panic!("new") };
        let mut change = world.change(&task, Index { owner: LAPUA.to_owned(), status: Status::Completed, ..new.index.clone() });
        change.body = body(&format!("{CODE} {PHONE}"));
        store.change(change).await.unwrap();
        store.create(NewTask { id: Uuid::new_v4(), ..new }).await.unwrap();
    }
    let subscription = super::subscribing::subscription();
    store.add_subscription(&subscription, 20).await.unwrap();
    let backup = folder.0.join("backup.db");
    store.backup(&backup).await.unwrap();
    assert!(store.backup(&backup).await.is_err(), "no file is overwritten");
    store.purge(world.now(), world.now(), 10).await.unwrap();

    let mut searched = Vec::new();
    for entry in std::fs::read_dir(&folder.0).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        for marked in [PHONE, &PHONE[1..], CODE, CONTACT, "Bearer secret"] {
            assert!(!bytes.windows(marked.len()).any(|window| window == marked.as_bytes()), "{marked} in {name}");
        }
        assert!(name.ends_with("-shm") || bytes.windows(LAPUA.len()).any(|window| window == LAPUA.as_bytes()), "{name} holds Tasks");
        assert_eq!(mode(&entry.path()), 0o600, "{name}");
        searched.push(name);
    }
    searched.sort();
    assert_eq!(searched, ["backup.db", "tasks.db", "tasks.db-shm", "tasks.db-wal"]);

    let restored = Sqlite::open(Place::File(backup), keys(&["a"])).await.unwrap();
    assert_eq!(restored.count(&everything(Vec::new())).await.unwrap(), 50);
    assert_eq!(restored.subscriptions(None).await.unwrap(), [subscription]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_may_have_written_into_a_task_is_on_the_disk() {
    const MARK: &str = "zq-marked-zq";
    let (marked, url) = (MARK, format!("https://{MARK}.example"));
    let reference = |kind: &str| json!({"reference": format!("{kind}/{MARK}"), "display": MARK});
    let coding = json!({"system": url, "code": MARK, "display": MARK});
    let identifier = json!({"system": url, "value": MARK});
    let ours = |system: &str, code: &str| {
        let own = json!({"system": format!("https://neuvola-adapter.example/fhir/CodeSystem/{system}"), "code": code});
        json!({"coding": [coding, own], "text": marked})
    };
    let task = json!({
        "resourceType": "Task", "status": "on-hold", "intent": "order", "priority": "routine",
        "meta": {"source": url, "profile": [url], "security": [coding], "tag": [coding, {"code": marked}]}, "language": marked,
        "text": {"status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{marked}</div>")},
        "extension": [{"url": url, "valueString": marked}], "instantiatesCanonical": url, "instantiatesUri": url,
        "identifier": [identifier], "basedOn": [reference("ServiceRequest")], "groupIdentifier": identifier, "partOf": [reference("Task")],
        "code": ours("callback-task-code", "callback"), "reasonCode": ours("callback-topic", "other"),
        "statusReason": {"coding": [coding], "text": marked}, "businessStatus": ours("callback-business-status", "waiting"),
        "description": marked, "focus": reference("CarePlan"), "for": {"identifier": identifier, "display": marked}, "encounter": reference("Encounter"),
        "authoredOn": "2026-11-16T08:00:00Z", "location": reference("Location"), "reasonReference": reference("Condition"), "insurance": [reference("Coverage")],
        "requester": {"reference": ADVICE, "display": marked}, "owner": {"reference": LAPUA, "display": marked},
        "performerType": [ours("callback-profession", "nurse")], "note": [{"text": marked}], "relevantHistory": [reference("Provenance")],
        "restriction": {"period": {"end": "2026-11-16T14:00:00Z"}, "recipient": [reference("Patient")]},
        "input": [
            {"type": ours("callback-input", "queue"), "valueCodeableConcept": ours("callback-queue", "maternity-child-health")},
            {"type": ours("callback-input", "channel"), "valueCodeableConcept": ours("callback-channel", "chat")}
        ]
    });
    let codes = Codes::of(&crate::world::profiles());
    let read = |task: &Value| CallbackTask::prove(task.as_object().unwrap().clone(), &codes).unwrap_or_else(|unfit| panic!("{unfit:?}"));
    let folder = Folder::new();
    let store = Sqlite::open(Place::File(folder.file()), keys(&["a"])).await.unwrap();
    let world = World::new(Home::Elsewhere);
    let task = read(&task);
    let new = NewTask { body: task.bytes(), ..world.task(task.index.clone()) };
    let Created::New(created) = store.create(new).await.unwrap() else { panic!("new") };
    world.update(&store, &created, Index { status: Status::Completed, ..task.index.clone() }).await;
    store.backup(&folder.0.join("backup.db")).await.unwrap();
    for entry in std::fs::read_dir(&folder.0).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes()), "{}", entry.path().display());
    }
    let by = |kind, value: &str| everything(vec![Filter::Keyed { kind, any: vec![(None, value.to_owned())], not: false }]);
    for (kind, value) in
        [(Keyed::Focus, format!("CarePlan/{MARK}")), (Keyed::PartOf, format!("Task/{MARK}")), (Keyed::Tag, MARK.to_owned())]
    {
        assert_eq!(found(&store, &by(kind, &value)).await, [created.id], "{kind:?} is searched all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_a_store_is_named_with_the_cause() {
    let folder = Folder::new();
    let opened = async |name: &str| {
        let file = folder.0.join(name);
        let fault = Sqlite::open(Place::File(file.clone()), keys(&["a"])).await.unwrap_err();
        assert!(fault.to_string().starts_with(&format!("`{}`: ", file.display())), "{fault}");
        (fault.exit_code(), fault.to_string().rsplit("`: ").next().unwrap().to_owned())
    };
    std::fs::write(folder.0.join("text"), "this is no database, whatever its name says ".repeat(50)).unwrap();
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    assert_eq!(opened("nodir/x.db").await, (66, "its folder is not there".to_owned()));
    assert_eq!(opened("folder").await, (66, "it is a folder".to_owned()));
    assert_eq!(opened("text").await, (78, "it is no SQLite database".to_owned()));
    let store = Sqlite::open(Place::File(folder.file()), keys(&["a"])).await.unwrap();
    assert_eq!(store.backup(&folder.0.join("nodir/copy")).await.unwrap_err().exit_code(), 66);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_serves_many_at_once() {
    let store = Sqlite::open(Place::Memory, keys(&["a"])).await.unwrap();
    let world = World::new(Home::Elsewhere);
    let created = futures_util::future::join_all((0..20).map(|_| world.create(&store, index()))).await;
    assert_eq!(store.count(&everything(Vec::new())).await.unwrap(), created.len() as u64);
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

const FILE: &str = "NEUVOLA_TEST_KILLED_FILE";
const TOLD: &str = "acknowledged: ";
