//! The ways in: the library, HTTP, and the command line.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use neuvola_adapter::config::Limits;
use neuvola_adapter::fixtures::{Answer, ExpectedRefusal, Record};
use neuvola_adapter::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use neuvola_adapter::pipeline::{Context, Prepared, Until, prepare, submit};
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::record::{FhirApi, Retry};
use neuvola_adapter::refusal::Refusal;
use neuvola_adapter::{clock, outcome, report};
use serde_json::Value;

use super::world::World;
use crate::world::World as Adapter;

pub(super) trait Face {
    /// Puts a resource with an id of its own into the record, if there is one and it has none of that id.
    fn hold(&self, resource: &'static [u8]);
    fn preview(&self, form: &str, body: &'static [u8]) -> Answer;
    fn submit(&self, form: &str, body: &'static [u8]) -> Answer;
    /// What the record holds of what was written.
    fn record(&self, submitted: Option<&Answer>) -> Record;
}

/// The pipeline itself, writing to a sandbox.
pub(super) struct Library {
    profiles: Arc<Profiles>,
    record: Arc<FhirApi>,
    world: World,
}

impl Library {
    pub(super) fn new() -> Self {
        let world = World::new();
        let base = BaseUrl::parse(&world.base, PlainHttp::LoopbackOnly).unwrap();
        let record = FhirApi::new(base, Client::new(&ClientSettings::default()).unwrap(), Retry::default());
        Self { profiles: Arc::new(Profiles::with_folders(&[]).unwrap()), record: Arc::new(record), world }
    }

    pub(super) fn count(&self) -> usize {
        self.world.count()
    }

    fn go(&self, form: &str, body: &'static [u8], until: Until) -> Answer {
        let (profiles, record, form) = (Arc::clone(&self.profiles), Arc::clone(&self.record), form.to_owned());
        let answer = self.world.block_on(async move {
            let context = Context { profiles: &profiles, caller: "library", now: clock::now() };
            let prepared = prepare(body, &form, until, context)?;
            match prepared {
                Prepared::Preview(preview) => Ok(report::preview(&preview)),
                Prepared::Plans(plans) => Ok(report::receipt(&submit(&plans, record.as_ref()).await?)),
            }
        });
        answer.map_or_else(
            |refusal: Refusal| Answer::Refused { status: Some(refusal.status()), outcome: json(&outcome::print(&refusal.issues())) },
            Answer::Given,
        )
    }
}

impl Face for Library {
    fn hold(&self, resource: &'static [u8]) {
        self.world.hold(resource);
    }

    fn preview(&self, form: &str, body: &'static [u8]) -> Answer {
        self.go(form, body, Until::Preview)
    }

    fn submit(&self, form: &str, body: &'static [u8]) -> Answer {
        self.go(form, body, Until::Plans)
    }

    fn record(&self, submitted: Option<&Answer>) -> Record {
        Record::Holds(self.world.read(&references(submitted)))
    }
}

/// An adapter before a sandbox, over real sockets.
pub(super) struct Http {
    adapter: Adapter,
    world: World,
}

impl Http {
    pub(super) fn new() -> Self {
        let world = World::new();
        let base = BaseUrl::parse(&world.base, PlainHttp::LoopbackOnly).unwrap();
        let record = FhirApi::new(base, Client::new(&ClientSettings::default()).unwrap(), Retry::default());
        let adapter = world.wait(Adapter::before(world.base.clone(), Arc::new(record), Limits::default()));
        Self { adapter, world }
    }

    fn go(&self, form: &str, operation: &str, body: &'static [u8]) -> Answer {
        let answer = self.world.wait(self.adapter.post_text(&format!("/forms/{form}/{operation}"), body));
        let body = json(answer.text.as_bytes());
        if answer.status < 400 { Answer::Given(body) } else { Answer::Refused { status: Some(answer.status), outcome: body } }
    }
}

impl Face for Http {
    fn hold(&self, resource: &'static [u8]) {
        self.world.hold(resource);
    }

    fn preview(&self, form: &str, body: &'static [u8]) -> Answer {
        self.go(form, "preview", body)
    }

    fn submit(&self, form: &str, body: &'static [u8]) -> Answer {
        self.go(form, "submissions", body)
    }

    fn record(&self, submitted: Option<&Answer>) -> Record {
        Record::Holds(self.world.read(&references(submitted)))
    }
}

/// The binary, writing to a sandbox or nowhere.
pub(super) struct CommandLine {
    world: Option<World>,
}

impl CommandLine {
    pub(super) fn dry() -> Self {
        Self { world: None }
    }

    pub(super) fn against_a_record() -> Self {
        Self { world: Some(World::new()) }
    }

    fn go(&self, arguments: &[&str], body: &[u8]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neuvola-adapter"));
        let streams = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = json(&output.stdout);
        match output.status.code() {
            Some(0) => Answer::Given(printed),
            code => {
                // of the refusals of fixtures, all are about what was sent
                assert_eq!(code, Some(i32::from(ExpectedRefusal::EXIT_CODE)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
                Answer::Refused { status: None, outcome: printed }
            }
        }
    }
}

impl Face for CommandLine {
    fn hold(&self, resource: &'static [u8]) {
        if let Some(world) = &self.world {
            world.hold(resource);
        }
    }

    fn preview(&self, form: &str, body: &'static [u8]) -> Answer {
        self.go(&["preview", "--form", form], body)
    }

    fn submit(&self, form: &str, body: &'static [u8]) -> Answer {
        match &self.world {
            Some(world) => self.go(&["process", "--form", form, "--caller", "command-line", "--record", &world.base, "-"], body),
            None => self.go(&["process", "--form", form, "--dry-run"], body),
        }
    }

    fn record(&self, submitted: Option<&Answer>) -> Record {
        self.world.as_ref().map_or(Record::DryRun, |world| Record::Holds(world.read(&references(submitted))))
    }
}

/// What a receipt says was written.
fn references(submitted: Option<&Answer>) -> Vec<String> {
    let Some(Answer::Given(receipt)) = submitted else { return Vec::new() };
    let persons = receipt["persons"].as_array().into_iter().flatten();
    let named = persons.flat_map(|person| {
        let written = person["written"].as_array().into_iter().flatten();
        written.map(|written| &written["reference"]).chain(std::iter::once(&person["replaced"]))
    });
    named.filter_map(|reference| reference.as_str().map(str::to_owned)).collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
