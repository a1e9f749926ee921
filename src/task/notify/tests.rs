//! Delivery, to an endpoint that answers as it likes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretBox;
use serde_json::Value;
use uuid::Uuid;

use super::deliver::{Delivery, Settings};
use super::endpoint::{Endpoint, Says};
use super::subscription::Wanted;
use super::{dead_letters, subscription_tests};
use crate::clock::Clock;
use crate::net::Guard;
use crate::task::status::Status;
use crate::task::store::{
    Author, Change, Changed, Created, Index, Keys, NewTask, Place, Priority, Progress, Sqlite, Subscribed, TaskStore, Viewer,
};

const BASE: &str = "https://adapter.example/fhir";
const A: &str = "Organization/seinajoki";
const B: &str = "Organization/kauhava";

struct Settable(Mutex<Timestamp>);

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct World {
    store: Arc<dyn TaskStore>,
    clock: Arc<Settable>,
    endpoint: Endpoint,
    guard: Arc<Guard>,
    delivery: Arc<Delivery>,
    id: Uuid,
}

fn viewer(caller: &str) -> Option<Viewer> {
    let organization = match caller {
        "a" => A,
        "b" => B,
        _ => return None,
    };
    let own = vec![organization.to_owned()];
    Some(Viewer::Party { owners: own.clone(), requesters: Vec::new(), formerly: own })
}

impl World {
    async fn new() -> Self {
        let keys = Keys::new(vec![("k1".to_owned(), SecretBox::new(Box::new([7; 32])))]).unwrap();
        let store: Arc<dyn TaskStore> = Arc::new(Sqlite::open(Place::Memory, keys).await.unwrap());
        let clock = Arc::new(Settable(Mutex::new("2026-11-16T09:00:00Z".parse().unwrap())));
        let (endpoint, guard) = (Endpoint::start().await, Arc::new(Guard::with_loopback()));
        let delivery = deliverer(&store, &clock, &guard);
        let mut world = Self { store, clock, endpoint, guard, delivery, id: Uuid::nil() };
        world.id = world.subscribe("a", |_| {}).await;
        world
    }

    async fn active() -> Self {
        let world = Self::new().await;
        world.delivery.once().await;
        world.endpoint.got();
        world
    }

    async fn subscribe(&self, caller: &str, change: impl Fn(&mut Value)) -> Uuid {
        let mut document = subscription_tests::document(&self.endpoint.url);
        document.as_object_mut().unwrap().shift_remove("_criteria");
        change(&mut document);
        let text = document.to_string();
        let wanted = Wanted::read(&neuvola_fhir::read(text.as_bytes()).unwrap(), BASE, &self.guard, None).unwrap();
        let kept = Subscribed {
            id: Uuid::new_v4(),
            version: 1,
            last_updated: self.clock.now(),
            caller: caller.to_owned(),
            status: wanted.state.code().to_owned(),
            body: wanted.body(text.as_bytes()).unwrap(),
            progress: Progress { seen: self.store.last_seq().await.unwrap(), ..Progress::default() },
        };
        assert!(self.store.add_subscription(&kept, 20).await.unwrap());
        kept.id
    }

    /// As its caller does it with a PUT.
    async fn put(&self, status: &str) {
        let before = self.kept().await;
        let progress = Progress { failures: 0, next_try: None, error: None, ..before.progress };
        let kept = Subscribed { version: before.version + 1, status: status.to_owned(), progress, ..before };
        assert!(self.store.change_subscription(&kept, kept.version - 1).await.unwrap());
    }

    async fn kept(&self) -> Subscribed {
        self.store.subscription(self.id).await.unwrap().unwrap()
    }

    async fn task(&self) -> Uuid {
        let id = Uuid::new_v4();
        let (index, by, now) = (index(Status::Requested, A), author(), self.clock.now());
        let body = br#"{"meta":{"profile":["x"]},"description":"marked text","for":{"identifier":{"value":"010190-999X"}}}"#.to_vec();
        let task = NewTask { id, body, index, request: [0; 32], by, now };
        assert!(matches!(self.store.create(task).await.unwrap(), Created::New(_)));
        id
    }

    async fn change(&self, id: Uuid, from: u64, status: Status, owner: &str) {
        let (index, by, now) = (index(status, owner), author(), self.clock.now());
        let change = Change { id, from, body: br#"{"meta":{"profile":["x"]}}"#.to_vec(), index, by, now };
        assert!(matches!(self.store.change(change).await.unwrap(), Changed::Done(_)));
    }

    fn wait(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(jiff::Span::new().seconds(seconds)).unwrap();
    }

    /// What came at the endpoint in one turn: kind, event numbers, and whether it was taken.
    async fn told(&self) -> Vec<(String, Vec<u64>, bool)> {
        self.delivery.once().await;
        self.endpoint.got().iter().map(|got| (got.kind().to_owned(), got.numbers(), got.taken)).collect()
    }
}

fn deliverer(store: &Arc<dyn TaskStore>, clock: &Arc<Settable>, guard: &Arc<Guard>) -> Arc<Delivery> {
    let settings = Settings { patience: Duration::from_secs(10), ..Settings::default() };
    let delivery =
        Delivery::new(Arc::clone(store), Arc::<Settable>::clone(clock), Arc::new(viewer), Arc::clone(guard), BASE.to_owned(), settings);
    Arc::new(delivery.unwrap())
}

fn index(status: Status, owner: &str) -> Index {
    Index {
        status,
        business_status: None,
        code: "callback".to_owned(),
        intent: "order".to_owned(),
        priority: Priority::Routine,
        queue: "family-planning".to_owned(),
        owner: owner.to_owned(),
        requester: "Organization/advice-service".to_owned(),
        performers: Vec::new(),
        focus: None,
        part_of: Vec::new(),
        authored_on: "2026-11-16T08:00:00Z".parse().unwrap(),
        due: None,
        period_start: None,
        period_end: None,
        tags: Vec::new(),
        attempts: 0,
        identifiers: Vec::new(),
        patient: None,
        group: None,
    }
}

fn author() -> Author {
    Author { caller: "chat".to_owned(), request_id: "r".to_owned() }
}

fn event(numbers: &[u64], taken: bool) -> (String, Vec<u64>, bool) {
    ("event-notification".to_owned(), numbers.to_vec(), taken)
}

fn other(kind: &str, taken: bool) -> (String, Vec<u64>, bool) {
    (kind.to_owned(), Vec::new(), taken)
}

#[tokio::test]
async fn the_handshake_comes_first_and_then_what_happened_meanwhile() {
    let world = World::new().await;
    world.task().await;
    world.endpoint.says([Says::Status(500)]);
    assert_eq!(world.told().await, [other("handshake", false)]);
    assert_eq!(world.kept().await.status, "requested");
    assert_eq!(world.told().await, [], "not before its time");
    world.wait(2);
    assert_eq!(world.told().await, [other("handshake", true), event(&[1], true)]);
    let kept = world.kept().await;
    assert_eq!((kept.status.as_str(), kept.progress.error, kept.progress.failures), ("active", None, 0));
}

#[tokio::test]
async fn events_come_in_order_at_least_once_and_at_most_so_many_at_a_time() {
    let world = World::active().await;
    for _ in 0..5 {
        world.task().await;
    }
    world.endpoint.says([Says::Status(200), Says::HangsUp, Says::Status(503), Says::Status(204)]);
    assert_eq!(world.told().await, [event(&[1, 2], true), event(&[3, 4], false)]);
    world.wait(2);
    world.task().await;
    assert_eq!(world.told().await, [event(&[3, 4], false)], "what failed comes again, the same");
    world.wait(3);
    assert_eq!(world.told().await, [event(&[3, 4], true), event(&[5, 6], true)]);
    assert_eq!(world.told().await, []);
}

#[tokio::test]
async fn a_new_process_goes_on_where_the_other_was() {
    let world = World::active().await;
    world.task().await;
    let other_process = deliverer(&world.store, &world.clock, &world.guard);
    other_process.once().await;
    assert!(world.endpoint.got().is_empty(), "it is leased");
    world.wait(31);
    other_process.once().await;
    let numbers: Vec<_> = world.endpoint.got().iter().map(super::endpoint::Got::numbers).collect();
    assert_eq!(numbers, [[1]]);
    world.delivery.once().await;
    assert!(world.endpoint.got().is_empty(), "and nothing is told twice");
}

#[tokio::test]
async fn nothing_about_the_client_is_told_and_the_headers_are_sent() {
    let world = World::active().await;
    world.task().await;
    world.delivery.once().await;
    let got = world.endpoint.got();
    let text = got[0].body.to_string();
    for word in ["999X", "marked", "identifier", "description", "family-planning", "secret"] {
        assert!(!text.contains(word), "{word}");
    }
    let head = got[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /notify?key=hidden"), "{head}");
    assert!(head.contains("authorization: bearer very-secret") && head.contains("content-type: application/fhir+json"), "{head}");
}

#[tokio::test]
async fn a_dead_letter_stands_still_counts_on_and_can_be_revived() {
    let world = World::active().await;
    world.task().await;
    world.endpoint.says((0..4).map(|_| Says::Status(500)));
    for _ in 0..4 {
        assert_eq!(world.told().await, [event(&[1], false)]);
        world.wait(12);
    }
    world.task().await;
    assert_eq!(world.told().await, [], "it is given up");
    let dead = dead_letters(world.store.as_ref()).await.unwrap();
    assert_eq!((dead.len(), dead[0].outstanding), (1, 2));
    assert_eq!(dead[0].error, "given up after 4 tries: the endpoint answered 500");
    world.put("requested").await;
    assert_eq!(world.told().await, [other("handshake", true), event(&[1, 2], true)]);
    assert!(dead_letters(world.store.as_ref()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_given_up_at_once() {
    let world = World::active().await;
    world.task().await;
    world.endpoint.says([Says::Status(410)]);
    assert_eq!(world.told().await, [event(&[1], false)]);
    assert_eq!(world.kept().await.status, "error");
}

#[tokio::test]
async fn redirects_are_not_followed_and_slow_answers_not_waited_for() {
    let world = World::active().await;
    let elsewhere = Endpoint::start().await;
    let mut body: Value = serde_json::from_slice(&world.kept().await.body).unwrap();
    body["channel"]["extension"][1]["valueUnsignedInt"] = 1.into();
    let before = world.kept().await;
    let kept = Subscribed { version: 2, body: body.to_string().into_bytes(), ..before };
    assert!(world.store.change_subscription(&kept, 1).await.unwrap());
    world.task().await;
    world.endpoint.says([Says::Redirect(elsewhere.url.clone()), Says::Slowly(Duration::from_secs(5))]);
    assert_eq!(world.told().await, [event(&[1], false)]);
    assert_eq!(world.kept().await.progress.error.unwrap(), "the endpoint answered 307: redirects are not followed");
    world.wait(2);
    assert_eq!(world.told().await, [event(&[1], false)]);
    assert_eq!(world.kept().await.progress.error.unwrap(), "no whole answer in time");
    assert!(elsewhere.got().is_empty());
}

#[tokio::test]
async fn an_endpoint_may_say_when_to_come_again() {
    let world = World::active().await;
    world.task().await;
    world.endpoint.says([Says::RetryAfter(100)]);
    assert_eq!(world.told().await, [event(&[1], false)]);
    world.wait(90);
    assert_eq!(world.told().await, []);
    world.wait(11);
    assert_eq!(world.told().await, [event(&[1], true)]);
}

#[tokio::test]
async fn a_heartbeat_comes_after_silence_and_only_then() {
    let world = World::active().await;
    world.wait(59);
    assert_eq!(world.told().await, []);
    world.wait(1);
    assert_eq!(world.told().await, [other("heartbeat", true)]);
    world.wait(30);
    world.task().await;
    assert_eq!(world.told().await, [event(&[1], true)]);
    world.wait(59);
    assert_eq!(world.told().await, []);
    world.wait(1);
    assert_eq!(world.told().await, [other("heartbeat", true)]);
}

#[tokio::test]
async fn a_former_owner_is_told_that_it_went_on_and_the_new_one_that_it_came() {
    let world = World::active().await;
    let own = |organization: &'static str| {
        move |document: &mut Value| {
            let url = format!("{}filter-criteria", super::BACKPORT);
            let filter = format!("Task?owner={organization}");
            document["_criteria"] = serde_json::json!({"extension": [{"url": url, "valueString": filter}]});
        }
    };
    let (theirs, ours) = (world.subscribe("b", own(B)).await, world.subscribe("a", own(A)).await);
    let task = world.task().await;
    world.change(task, 1, Status::Requested, B).await;
    world.change(task, 2, Status::Accepted, B).await;
    world.delivery.once().await;
    let count = async |id| world.store.subscription(id).await.unwrap().unwrap().progress.delivered;
    // a filter by itself as owner ends with the leaving; without one it hears on
    assert_eq!((count(theirs).await, count(ours).await, count(world.id).await), (2, 2, 3));
}

#[tokio::test]
async fn after_its_end_and_while_off_nothing_is_told() {
    let world = World::active().await;
    world.put("off").await;
    world.task().await;
    assert_eq!(world.told().await, []);
    let ending = world.subscribe("a", |document| document["end"] = "2026-11-16T09:30:00Z".into()).await;
    assert_eq!(world.told().await, [other("handshake", true)]);
    world.wait(1800);
    world.task().await;
    assert_eq!(world.told().await, []);
    assert_eq!(world.store.subscription(ending).await.unwrap().unwrap().status, "off");
}

#[tokio::test]
async fn a_caller_that_is_no_longer_known_and_a_network_that_is_no_longer_allowed_are_told_nothing() {
    let world = World::active().await;
    let stranger = world.subscribe("nobody", |_| {}).await;
    let strict = deliverer(&world.store, &world.clock, &Arc::new(Guard::default()));
    world.task().await;
    assert_eq!(world.told().await, [event(&[1], true)]);
    assert_eq!(world.store.subscription(stranger).await.unwrap().unwrap().status, "error");
    world.wait(31);
    world.task().await;
    strict.once().await;
    assert!(world.endpoint.got().is_empty());
    assert_eq!(world.kept().await.status, "error");
}

#[tokio::test]
async fn a_change_during_a_turn_is_not_undone_by_it() {
    let world = World::active().await;
    world.task().await;
    world.endpoint.says([Says::Slowly(Duration::from_millis(300))]);
    let (delivery, again) = (Arc::clone(&world.delivery), Arc::clone(&world.delivery));
    let turn = tokio::spawn(async move { delivery.once().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.put("off").await;
    again.once().await;
    turn.await.unwrap();
    assert_eq!(world.kept().await.status, "off");
}

#[tokio::test]
async fn while_it_runs_a_commit_is_told_at_once() {
    let world = World::active().await;
    let (changed, stop) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (told, until) = (Arc::clone(&changed), Arc::clone(&stop));
    let running = tokio::spawn(Arc::clone(&world.delivery).run(told, async move { until.notified().await }));
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.task().await;
    changed.notify_one();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.endpoint.got().iter().map(super::endpoint::Got::numbers).collect::<Vec<_>>(), [[1]]);
    stop.notify_one();
    running.await.unwrap();
}
