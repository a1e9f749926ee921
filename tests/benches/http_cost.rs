//! Processor time of a submission over HTTP: the adapter's threads, the line alone, and beside them a bare pass-through that
//! makes the same calls to the same record. The record answers at once and, like the load, runs on threads of its own.
//!
//! `cargo bench --bench http_cost`. Prints microseconds of processor time a submission, and the ratio of everything but the
//! line to the pass-through.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark speaks, and measures")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use neuvola_adapter::app::App;
use neuvola_adapter::caller::{Caller, Callers};
use neuvola_adapter::clock::{FixedClock, now};
use neuvola_adapter::config::Limits;
use neuvola_adapter::http;
use neuvola_adapter::net::{BaseUrl, Client, ClientSettings, Method, PlainHttp};
use neuvola_adapter::pipeline::{Context, Plans, Prepared, Until, prepare};
use neuvola_adapter::plan::transaction::transaction;
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::record::{FhirApi, Patient, Retry};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

fn main() {
    // `cargo test` runs benches too, with `--test`: once is enough then
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let body = include_str!("../../fixtures/cases/four-months-network-three-persons/form.json");
    let profiles = Arc::new(Profiles::load(Profiles::shipped_files()).unwrap());
    let record = runtime("record");
    let record_at = serve(&record, instant_record());
    let base = format!("http://{record_at}/fhir");

    let adapter = runtime("adapter");
    let adapter_at = start_adapter(&adapter, &base, Arc::clone(&profiles));
    let pass = runtime("pass");
    let pass_at = start_pass_through(&pass, &base, body, &profiles);

    let load = runtime("load");
    let submissions = format!("http://{adapter_at}/forms/four-months/submissions");
    let passed = format!("http://{pass_at}/pass");
    send(&load, &submissions, body, 0, WARM_UP.min(rounds));
    send(&load, &passed, body, 0, WARM_UP.min(rounds));

    let mut ratios = Vec::new();
    let each = |ticks: u64, rounds: usize| ticks as f64 * MICROSECONDS_A_TICK / rounds as f64;
    for pair in 0..PAIRS.min(rounds) {
        let from = (pair + 1) * 10 * ROUNDS;
        let adapter_took = cost("adapter", || send(&load, &submissions, body, from, rounds));
        let pass_took = cost("pass", || send(&load, &passed, body, from, rounds));
        let line_took = cost("http_cost", || (0..rounds).for_each(|_| line(body, &profiles)));
        let (adapter_us, pass_us, line_us) = (each(adapter_took, rounds), each(pass_took, rounds), each(line_took, rounds));
        let ratio = (adapter_us - line_us) / pass_us;
        println!(
            "adapter {adapter_us:>7.0} us   line {line_us:>6.0} us   rest {:>6.0} us   pass-through {pass_us:>6.0} us   rest / pass-through {ratio:.2}",
            adapter_us - line_us
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "rest / pass-through: median {:.2} of {} pairs, {rounds} submissions of three persons each",
        ratios[ratios.len() / 2],
        ratios.len()
    );
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .thread_name(name)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap()
}

fn serve(runtime: &Runtime, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap() });
    address
}

fn start_adapter(runtime: &Runtime, base: &str, profiles: Arc<Profiles>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::new(&ClientSettings::default()).unwrap();
    let record = FhirApi::new(BaseUrl::parse(base, PlainHttp::LoopbackOnly).unwrap(), client, Retry::default());
    let app = App::new(
        profiles,
        Arc::new(record),
        Arc::new(FixedClock(now())),
        Callers::new(Vec::new(), Some(Caller::loopback("bench"))),
        format!("http://{address}"),
        Limits::default(),
    );
    runtime.spawn(async move { http::serve(listener, Arc::new(app), std::future::pending()).await.unwrap() });
    address
}

/// Finds every patient asked for, has nothing yet, and takes whatever comes.
fn instant_record() -> Router {
    let found = |body: String| async move {
        let identifiers = url::form_urlencoded::parse(body.as_bytes())
            .find(|(name, _)| name == "identifier")
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        let entry: Vec<Value> = identifiers
            .split(',')
            .enumerate()
            .filter_map(|(index, token)| {
                let (system, value) = token.split_once('|')?;
                Some(json!({ "resource": { "resourceType": "Patient", "id": format!("p{index}"), "active": true, "identifier": [{ "system": system, "value": value }] } }))
            })
            .collect();
        bundle("searchset", entry)
    };
    let take = |body: Bytes| async move {
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let entry = sent["entry"].as_array().unwrap().iter().enumerate().map(|(index, entry)| {
            let mut resource = entry["resource"].clone();
            resource["id"] = json!(format!("r{index}"));
            let location = format!("{}/r{index}/_history/1", resource["resourceType"].as_str().unwrap());
            json!({ "resource": resource, "response": { "status": "201 Created", "location": location, "etag": "W/\"1\"" } })
        });
        bundle("transaction-response", entry.collect())
    };
    Router::new()
        .route("/fhir/{type}", get(|| async { bundle("searchset", Vec::new()) }))
        .route("/fhir/Patient/_search", post(found))
        .route("/fhir", post(take))
        .route("/fhir/", post(take))
}

fn bundle(kind: &str, entry: Vec<Value>) -> ([(&'static str, &'static str); 1], String) {
    let bundle = if entry.is_empty() {
        json!({ "resourceType": "Bundle", "type": kind, "total": 0 })
    } else {
        json!({ "resourceType": "Bundle", "type": kind, "entry": entry })
    };
    ([("Content-Type", "application/fhir+json")], bundle.to_string())
}

/// The same calls with ready bodies, and nothing between.
struct Pass {
    client: Client,
    base: BaseUrl,
    search: String,
    transaction: Vec<u8>,
}

fn start_pass_through(runtime: &Runtime, base: &str, body: &str, profiles: &Profiles) -> SocketAddr {
    let plans = plans(body, profiles);
    let identifiers: Vec<_> =
        plans.persons.iter().map(|person| format!("{}|{}", person.identifier.system, person.identifier.value)).collect();
    let search = url::form_urlencoded::Serializer::new(String::new()).append_pair("identifier", &identifiers.join(",")).finish();
    let entries: Vec<Value> = transaction(&plans.persons, &patients(&plans))
        .entries
        .iter()
        .map(|entry| json!({ "fullUrl": entry.full_url, "resource": serde_json::from_slice::<Value>(&entry.body).unwrap(), "request": { "method": "POST", "url": entry.resource_type, "ifNoneExist": "_tag=a" } }))
        .collect();
    let transaction = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }).to_string().into_bytes();
    let pass = Pass {
        client: Client::new(&ClientSettings::default()).unwrap(),
        base: BaseUrl::parse(base, PlainHttp::LoopbackOnly).unwrap(),
        search,
        transaction,
    };
    serve(runtime, Router::new().route("/pass", post(pass_through)).with_state(Arc::new(pass)))
}

async fn pass_through(State(pass): State<Arc<Pass>>, body: Bytes) -> String {
    let patience = Duration::from_secs(10);
    let search = pass
        .client
        .request(Method::POST, pass.base.at(&["Patient", "_search"]))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(pass.search.clone());
    let mut written = pass.base.at(&["CarePlan"]);
    written.set_query(Some("_tag=a,b,c"));
    let written = pass.client.request(Method::GET, written);
    let (found, held) = futures_util::join!(pass.client.send(search, patience), pass.client.send(written, patience));
    let transaction =
        pass.client.request(Method::POST, pass.base.at(&[])).header("Content-Type", "application/fhir+json").body(pass.transaction.clone());
    let answer = pass.client.send(transaction, patience).await.unwrap();
    // as long as a receipt
    format!("{{\"{}\":\"{}\"}}", body.len() + found.unwrap().body.len() + held.unwrap().body.len(), "x".repeat(answer.body.len().min(2500)))
}

fn send(load: &Runtime, url: &str, body: &str, from: usize, rounds: usize) {
    let client = Client::new(&ClientSettings::default()).unwrap();
    let url: url::Url = url.parse().unwrap();
    let bodies: Vec<String> = (from..from + rounds).map(|round| numbered(body, round)).collect();
    load.block_on(async {
        for body in bodies {
            let request = client.request(Method::POST, url.clone()).header("Content-Type", "application/json").body(body);
            let answer = client.send(request, Duration::from_secs(30)).await.unwrap();
            assert!(answer.status < 300, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
    });
}

/// Another submission id each time: no repeats.
fn numbered(body: &str, round: usize) -> String {
    let mut submission: Value = serde_json::from_str(body).unwrap();
    submission["id"]["value"] = json!(format!("bench-{round}"));
    submission.to_string()
}

fn line(body: &str, profiles: &Profiles) {
    let plans = plans(body, profiles);
    std::hint::black_box(transaction(&plans.persons, &patients(&plans)));
}

fn plans(body: &str, profiles: &Profiles) -> Plans {
    let context = Context { profiles, caller: "bench", now: now() };
    match prepare(body.as_bytes(), "four-months", Until::Plans, context) {
        Ok(Prepared::Plans(plans)) => plans,
        other => panic!("no plans: {:?}", other.err().map(|refusal| refusal.issues())),
    }
}

fn patients(plans: &Plans) -> Vec<Patient> {
    (0..plans.persons.len()).map(|index| Patient { reference: format!("Patient/p{index}"), security: Vec::new() }).collect()
}

/// Processor time, in ticks, that the threads of this name took for `work`.
fn cost(threads: &str, work: impl FnOnce()) -> u64 {
    let before = ticks(threads);
    work();
    ticks(threads) - before
}

fn ticks(threads: &str) -> u64 {
    let of_thread = |path: std::path::PathBuf| {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let (name, rest) = (stat.split_once('(')?.1.split_once(')')?.0.to_owned(), stat.rsplit_once(')')?.1.to_owned());
        let field = |index: usize| rest.split_whitespace().nth(index)?.parse::<u64>().ok();
        name.starts_with(threads).then(|| Some(field(11)? + field(12)?)).flatten()
    };
    std::fs::read_dir("/proc/self/task").unwrap().filter_map(|entry| of_thread(entry.unwrap().path())).sum()
}

const ROUNDS: usize = 1_500;
const WARM_UP: usize = 300;
const PAIRS: usize = 5;
/// Linux counts 100 ticks a second for every program.
const MICROSECONDS_A_TICK: f64 = 10_000.0;
