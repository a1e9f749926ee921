//! Searches of the callback store: does the time of a page hang on how many Tasks there are?
//!
//!     cargo bench --bench store                    10,000 Tasks, then 1,000,000
//!     cargo bench --bench store -- 10000 50000     other sizes
//!     cargo bench --bench store -- 10000 postgres://user@host/database    in PostgreSQL; the database is empty, for each size
//!
//! A page is 50 results of `owner` and `status`, as an EHR asks for it: opened, and with its viewer's limits.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures, and may fail bluntly")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use neuvola_adapter::identity::{IDENTITY_CODE, Identifier};
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{
    Author, Filter, Index, Keys, NewTask, Place, Postgres, Priority, Query, Range, Sort, SortKey, Sqlite, TaskStore, Text, Time, Viewer,
};
use secrecy::{SecretBox, SecretString};
use uuid::Uuid;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let url = std::env::args().find(|argument| argument.starts_with("postgres://"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = std::env::temp_dir().join(format!("neuvola-bench-{}", Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let mut stores = Vec::new();
    for size in &sizes {
        let filled = Filled::open(folder.join(format!("{size}.db")), url.as_deref());
        stores.push(runtime.block_on(fill(*size, filled)));
    }
    let times = runtime.block_on(measure(&stores));
    let measured: Vec<_> = sizes.into_iter().zip(times).collect();
    std::fs::remove_dir_all(folder).unwrap();
    println!("\n{:>10}  {:<44} {:>9} {:>9}", "Tasks", "search", "p50", "p99");
    for (size, searches) in &measured {
        for (name, [p50, p99]) in searches {
            println!("{size:>10}  {name:<44} {p50:>9.2?} {p99:>9.2?}");
        }
    }
    let [(_, small), .., (_, large)] = measured.as_slice() else { return };
    for ((name, [small_p50, small_p99]), (_, [large_p50, large_p99])) in small.iter().zip(large) {
        let ratio = |large: &Duration, small: &Duration| large.as_secs_f64() / small.as_secs_f64();
        println!("{name}: p50 times {:.2}, p99 times {:.2}", ratio(large_p50, small_p50), ratio(large_p99, small_p99));
    }
}

enum Filled {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Filled {
    async fn open(file: std::path::PathBuf, url: Option<&str>) -> Self {
        let keys = Keys::new(vec![("bench".to_owned(), SecretBox::new(Box::new([7; 32])))]).unwrap();
        match url {
            None => Self::Sqlite(Sqlite::open(Place::File(file), keys).await.unwrap()),
            Some(url) => Self::Postgres(Postgres::connect(&SecretString::from(url), keys).await.unwrap()),
        }
    }

    async fn fill(&self, tasks: Vec<NewTask>) {
        match self {
            Self::Sqlite(store) => store.fill(tasks).await.unwrap(),
            Self::Postgres(store) => store.fill(tasks).await.unwrap(),
        }
    }

    fn store(&self) -> &dyn TaskStore {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }
}

async fn fill(size: usize, filled: impl Future<Output = Filled>) -> Filled {
    let filled = filled.await;
    let begin = Instant::now();
    for chunk in (0..size).collect::<Vec<_>>().chunks(5_000) {
        filled.fill(chunk.iter().map(|at| task(*at)).collect()).await;
    }
    println!("{size} Tasks filled in {:.1?}", begin.elapsed());
    filled
}

/// Each in turn, so that whatever else the machine does is done to all of them.
async fn measure(stores: &[Filled]) -> Vec<Vec<(&'static str, [Duration; 2])>> {
    let text = |column, value: String| Filter::Text { column, any: vec![value], not: false };
    let of = |owner: usize, status: Status, more: Vec<Filter>, sort| Query {
        viewer: Viewer::Party {
            owners: vec![organization(owner), "HealthcareService/maternity-child-health".to_owned()],
            requesters: vec![organization(owner)],
            formerly: vec![organization(owner)],
        },
        filters: [text(Text::Owner, organization(owner)), text(Text::Status, status.code().to_owned())].into_iter().chain(more).collect(),
        sort,
        limit: 50,
        after: None,
    };
    let newest = vec![Sort { by: SortKey::LastUpdated, descending: true }];
    let due = Filter::Time { column: Time::Due, any: vec![Range { from: Some(instant(0)), until: None, not: false }] };
    let mut told = vec![Vec::new(); stores.len()];
    type Make<'a> = Box<dyn Fn(usize, Status) -> Query + 'a>;
    let searches: [(&str, Make<'_>); 4] = [
        ("owner and status", Box::new(|owner, status| of(owner, status, vec![], vec![]))),
        ("owner and status, newest first", Box::new(|owner, status| of(owner, status, vec![], newest.clone()))),
        ("owner, status and due", Box::new(|owner, status| of(owner, status, vec![due.clone()], vec![]))),
        ("all that an owner sees", Box::new(|owner, status| Query { filters: vec![], ..of(owner, status, vec![], vec![]) })),
    ];
    for (name, query) in searches {
        let mut times = vec![Vec::new(); stores.len()];
        for at in 0..2_200 {
            let query = query(at * 7 % OWNERS, STATUSES[at % STATUSES.len()]);
            for (store, times) in stores.iter().zip(&mut times) {
                let begin = Instant::now();
                let page = store.store().search(&query).await.unwrap();
                let time = begin.elapsed();
                assert_eq!(page.tasks.len(), 50);
                if at >= 200 {
                    times.push(time);
                }
            }
        }
        for (times, told) in times.iter_mut().zip(&mut told) {
            times.sort();
            told.push((name, [times[times.len() / 2], times[times.len() * 99 / 100]]));
        }
    }
    told
}

const OWNERS: usize = 20;
const STATUSES: [Status; 5] = [Status::Requested, Status::Received, Status::Accepted, Status::InProgress, Status::Completed];

fn task(at: usize) -> NewTask {
    let index = Index {
        status: STATUSES[at / OWNERS % STATUSES.len()],
        business_status: Some("waiting".to_owned()),
        code: "callback".to_owned(),
        intent: "order".to_owned(),
        priority: Priority::Routine,
        queue: "maternity-child-health".to_owned(),
        owner: organization(at % OWNERS),
        requester: "Organization/advice-service".to_owned(),
        performers: vec!["nurse".to_owned()],
        focus: None,
        part_of: Vec::new(),
        authored_on: instant(at),
        due: Some(instant(at + 400)),
        period_start: None,
        period_end: None,
        tags: Vec::new(),
        attempts: 0,
        identifiers: vec![Identifier { system: "https://chat.example/contacts".to_owned(), value: format!("c-{at}") }],
        patient: Some(Identifier { system: IDENTITY_CODE.to_owned(), value: format!("synthetic-{}", at % 50_000) }),
        group: None,
    };
    let by = Author { caller: "chat".to_owned(), request_id: "bench".to_owned() };
    let text = "The baby sleeps badly and eats little since last week. ".repeat(20);
    let body = format!(r#"{{"meta":{{"profile":["x"]}},"resourceType":"Task","description":"{text}"}}"#).into_bytes();
    NewTask { id: Uuid::new_v4(), body, index, request: [1; 32], by, now: instant(at) }
}

fn organization(at: usize) -> String {
    format!("Organization/o{at}")
}

fn instant(at: usize) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + i64::try_from(at).unwrap()).unwrap()
}
