//! A database to play in, and Tasks to put there.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use neuvola_adapter::identity::{IDENTITY_CODE, Identifier};
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{
    Author, Change, Changed, Created, Filter, Found, Index, Keys, NewTask, Page, Place, Postgres, Priority, Query, Sqlite, StoreError,
    Stored, TaskStore, Viewer,
};
use secrecy::{SecretBox, SecretString};
use uuid::Uuid;

use super::postgres;

/// Which database.
pub enum Home {
    Sqlite(Folder),
    Postgres(SecretString),
    /// The test opens it by itself.
    Elsewhere,
}

impl Home {
    pub fn sqlite() -> Self {
        Self::Sqlite(Folder::new())
    }

    pub async fn postgres() -> Self {
        Self::Postgres(postgres::new_database().await)
    }
}

/// A folder that goes away with its owner.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("neuvola-store-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("tasks.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub struct World {
    pub home: Home,
    now: AtomicI64,
}

impl World {
    pub fn new(home: Home) -> Self {
        Self { home, now: AtomicI64::new(at("2026-11-16T07:00:00Z").as_millisecond()) }
    }

    /// With the key `a`.
    pub async fn open(&self) -> Arc<dyn TaskStore> {
        self.open_with(&["a"]).await
    }

    /// An adapter of its own, with these keys.
    pub async fn open_with(&self, ids: &[&str]) -> Arc<dyn TaskStore> {
        self.try_open(keys(ids)).await.unwrap()
    }

    /// Whether it opens with these.
    pub async fn try_open(&self, keys: Keys) -> Result<Arc<dyn TaskStore>, StoreError> {
        Ok(match &self.home {
            Home::Sqlite(folder) => Arc::new(Sqlite::open(Place::File(folder.file()), keys).await?),
            Home::Postgres(url) => Arc::new(Postgres::connect(url, keys).await?),
            Home::Elsewhere => panic!("open it elsewhere"),
        })
    }

    /// Runs a statement behind the store's back.
    pub async fn tamper(&self, sql: &'static str) -> u64 {
        match &self.home {
            Home::Sqlite(folder) => {
                let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", folder.file().display())).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap().rows_affected()
            }
            Home::Postgres(url) => {
                let pool = sqlx::PgPool::connect(secrecy::ExposeSecret::expose_secret(url)).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap().rows_affected()
            }
            Home::Elsewhere => panic!("open it elsewhere"),
        }
    }

    /// A second later each time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now.fetch_add(1000, Ordering::SeqCst)).unwrap()
    }

    pub fn set_now(&self, now: Timestamp) {
        self.now.store(now.as_millisecond(), Ordering::SeqCst);
    }

    pub fn task(&self, index: Index) -> NewTask {
        let mut request = [7; 32];
        request[0] = index.attempts as u8;
        NewTask { id: Uuid::new_v4(), body: body("1"), index, request, by: author("chat"), now: self.now() }
    }

    pub fn change(&self, task: &Stored, index: Index) -> Change {
        Change { id: task.id, from: task.version, body: body(&(task.version + 1).to_string()), index, by: author("ehr"), now: self.now() }
    }

    pub async fn create(&self, store: &dyn TaskStore, index: Index) -> Stored {
        match store.create(self.task(index)).await.unwrap() {
            Created::New(task) => task,
            other => panic!("{other:?}"),
        }
    }

    pub async fn update(&self, store: &dyn TaskStore, task: &Stored, index: Index) -> Stored {
        match store.change(self.change(task, index)).await.unwrap() {
            Changed::Done(task) => task,
            other => panic!("{other:?}"),
        }
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn author(caller: &str) -> Author {
    Author { caller: caller.to_owned(), request_id: "r-1".to_owned() }
}

pub fn body(text: &str) -> Vec<u8> {
    format!(r#"{{"meta":{{"profile":["x"]}},"description":"{text}"}}"#).into_bytes()
}

pub fn identifier(value: &str) -> Identifier {
    Identifier { system: "https://chat.example/contacts".to_owned(), value: value.to_owned() }
}

pub fn patient(value: &str) -> Identifier {
    Identifier { system: IDENTITY_CODE.to_owned(), value: value.to_owned() }
}

/// A request of the advice service's, for the queue of maternity and child health.
pub fn index() -> Index {
    Index {
        status: Status::Requested,
        business_status: None,
        code: "callback".to_owned(),
        intent: "order".to_owned(),
        priority: Priority::Routine,
        queue: "maternity-child-health".to_owned(),
        owner: QUEUE.to_owned(),
        requester: ADVICE.to_owned(),
        performers: Vec::new(),
        focus: None,
        part_of: Vec::new(),
        authored_on: at("2026-11-16T06:00:00Z"),
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

pub const QUEUE: &str = "HealthcareService/maternity-child-health";
pub const ADVICE: &str = "Organization/advice-service";
pub const SEINAJOKI: &str = "Organization/seinajoki";
pub const LAPUA: &str = "Organization/lapua";

pub fn owned(owner: &str, status: Status) -> Index {
    Index { owner: owner.to_owned(), status, ..index() }
}

pub fn identified(value: &str) -> Index {
    Index { identifiers: vec![identifier(value)], ..index() }
}

pub fn everything(filters: Vec<Filter>) -> Query {
    Query { viewer: Viewer::Everything, filters, sort: Vec::new(), limit: 50, after: None }
}

pub fn party(owners: &[&str], requesters: &[&str], formerly: &[&str]) -> Viewer {
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Viewer::Party { owners: all(owners), requesters: all(requesters), formerly: all(formerly) }
}

pub async fn found(store: &dyn TaskStore, query: &Query) -> Vec<Uuid> {
    let Page { tasks, damaged, next } = store.search(query).await.unwrap();
    assert_eq!((damaged, next), (Vec::new(), None), "one page");
    assert_eq!(store.count(query).await.unwrap(), tasks.len() as u64);
    tasks.into_iter().map(|task| task.id).collect()
}

/// All pages.
pub async fn walk(store: &dyn TaskStore, mut query: Query) -> Vec<Uuid> {
    let mut all = Vec::new();
    loop {
        let page = store.search(&query).await.unwrap();
        assert!(page.tasks.len() <= query.limit as usize);
        all.extend(page.tasks.into_iter().map(|task| task.id));
        match page.next {
            None => return all,
            next => query.after = next,
        }
    }
}

pub async fn read(store: &dyn TaskStore, id: Uuid) -> Stored {
    match store.read(id).await.unwrap() {
        Found::Task(task) => task,
        other => panic!("{other:?}"),
    }
}

pub fn keys(ids: &[&str]) -> Keys {
    let secret = |id: &str| SecretBox::new(Box::new([id.as_bytes()[0]; 32]));
    Keys::new(ids.iter().map(|id| ((*id).to_owned(), secret(id))).collect()).unwrap()
}

pub fn is_sealed<T: std::fmt::Debug>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Sealed))
}

/// No Task.
pub const NOBODY: [Uuid; 0] = [];
