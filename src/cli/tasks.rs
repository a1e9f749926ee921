//! `tasks`: callback requests from behind, for whoever runs the service. Nothing about a client is shown.

mod explain;
mod explained;
mod purged;
mod show;
mod subscriptions;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::{BAD_DATA, CONFIGURATION, Mistake, NO_INPUT, USAGE, complain, runtime, say};
use crate::caller::Callers;
use crate::clock;
use crate::configuration::{Configuration, TaskSettings};
use crate::installation::{FILE, InstallationFault, Kept, resolved};
use crate::task::directory::Directory;
use crate::task::status::Status;
use crate::task::store::{Filter, Found, Query, StoreError, Stored, TaskStore, Text, Viewer};

/// Look after the store of callback requests; nothing about a client is shown
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tasks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Which change of status there is, for whom, as a Markdown table
    Transitions,
    /// Every request, the one changed longest ago first
    List {
        #[command(flatten)]
        place: Place,
        /// Those in this status: requested, received, accepted …
        #[arg(long, value_name = "CODE", value_parser = status)]
        status: Option<Status>,
        /// One line of JSON a request
        #[arg(long)]
        json: bool,
    },
    /// One request, its versions, and what each side may do next
    Show {
        id: Uuid,
        #[command(flatten)]
        place: Place,
    },
    /// One request's life, why it stands where it stands, what each side may do next, and who was told
    Explain {
        id: Uuid,
        #[command(flatten)]
        place: Place,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Whom the adapter notifies, how far that is, and what needs attention
    Subscriptions {
        #[command(flatten)]
        place: Place,
        /// One line of JSON a Subscription
        #[arg(long)]
        json: bool,
        /// Exit with 65 if one is a dead letter, nobody delivers for it, or its caller is not configured any more
        #[arg(long)]
        check: bool,
    },
    /// Copy a SQLite store to a new file while it is in use; the copy is as sealed, and needs the same keys
    Backup {
        /// A file that is not there yet
        to: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Hash and seal again, with the first of the configured keys, what the others did
    Rehash {
        /// Forget what the others hashed of purged requests, which cannot be hashed again: then they may be taken away
        #[arg(long)]
        forget_purged: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Remove now what was finished long enough ago (purge-after-days), history included
    Purge {
        #[command(flatten)]
        place: Place,
    },
}

/// Which store.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The configuration file that names it
    #[arg(long, env = "NEUVOLA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that `serve --sandbox --data` keeps
    #[arg(long, env = "NEUVOLA_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A store, and what was configured around it.
struct Open {
    kept: Kept,
    settings: TaskSettings,
    directory: Directory,
    callers: Callers,
}

impl Tasks {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        runtime()?.block_on(run(self.command))
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Transitions => say(show::transitions()),
        Command::List { place, status, json } => {
            let (tasks, damaged) = all(place.open().await?.kept.store(), status).await?;
            if json {
                tasks.iter().for_each(|task| say(show::line(task)));
            } else {
                say(show::table(&tasks));
            }
            for id in &damaged {
                complain(format_args!("{id}: cannot be read: its row was damaged or changed; a backup may have it"));
            }
            if !damaged.is_empty() {
                return Ok(ExitCode::from(BAD_DATA));
            }
        }
        Command::Show { id, place } => {
            let open = place.open().await?;
            let store = open.kept.store();
            let task = match store.read(id).await.map_err(told)? {
                Found::Task(task) => task,
                Found::Purged(_) => return Err(Mistake::ending(BAD_DATA, format_args!("`{id}` was purged: see `tasks explain`"))),
                Found::Nothing => return Err(unknown(id)),
            };
            let versions = versions(store, id).await?;
            say(show::one(&task, &versions));
        }
        Command::Explain { id, place, json } => return explained(id, &place.open().await?, json).await,
        Command::Subscriptions { place, json, check } => {
            let all = subscriptions::all(&place.open().await?, clock::now()).await.map_err(told)?;
            if json {
                all.iter().for_each(|one| say(one.json()));
            } else {
                say(subscriptions::table(&all));
            }
            if check && all.iter().any(subscriptions::Seen::needs_attention) {
                return Ok(ExitCode::from(BAD_DATA));
            }
        }
        Command::Backup { to, place } => {
            if to.exists() {
                return Err(Mistake::ending(USAGE, format_args!("{}: is there already, and nothing is overwritten", to.display())));
            }
            let Kept::Sqlite(store) = place.open().await?.kept else {
                return Err(Mistake::ending(USAGE, "the store is PostgreSQL's: back it up with PostgreSQL's own means (pg_dump)"));
            };
            store.backup(&to).await.map_err(told)?;
            store.close().await;
            say(format_args!("{}: a copy; it opens with the keys of the store", to.display()));
        }
        Command::Rehash { place, forget_purged } => {
            let open = place.open().await?;
            let mut rows = 0;
            loop {
                match open.kept.store().rehash(AT_ONCE).await.map_err(told)? {
                    0 => break,
                    more => rows += more,
                }
            }
            say(format_args!("rows hashed and sealed again: {rows}"));
            if forget_purged {
                say(format_args!("hashes of purged requests forgotten: {}", open.kept.store().forget_older().await.map_err(told)?));
            }
        }
        Command::Purge { place } => {
            let Open { kept, settings, .. } = place.open().await?;
            let days = settings.purge_after_days;
            let now = clock::now();
            let before = now - SignedDuration::from_hours(i64::from(days) * 24);
            let mut removed = 0;
            loop {
                match kept.store().purge(before, now, AT_ONCE).await.map_err(told)? {
                    0 => break,
                    more => removed += more,
                }
            }
            say(format_args!("removed, finished more than {days} days ago: {removed}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn explained(id: Uuid, open: &Open, json: bool) -> anyhow::Result<ExitCode> {
    let store = open.kept.store();
    let task = match store.read(id).await.map_err(told)? {
        Found::Task(task) => task,
        Found::Purged(_) => {
            // gone between two looks, at the worst
            let stone = store.tombstone(id).await.map_err(told)?.ok_or_else(|| unknown(id))?;
            let trail = store.trail(id).await.map_err(told)?;
            say(if json { purged::json(id, &stone, &trail).to_string() } else { purged::text(id, &stone, &trail, open) });
            return Ok(ExitCode::from(BAD_DATA));
        }
        Found::Nothing => return Err(unknown(id)),
    };
    let versions = versions(store, id).await?;
    let facts = explain::Facts {
        task: &task,
        trail: &store.trail(id).await.map_err(told)?,
        notified: &store.notified(id).await.map_err(told)?,
        subscriptions: &store.subscriptions(None).await.map_err(told)?,
        versions: &versions,
        open,
        now: clock::now(),
    };
    say(if json { facts.json().to_string() } else { facts.text() });
    Ok(ExitCode::SUCCESS)
}

impl Open {
    /// A caller, with the organisations that it speaks for by today's configuration.
    fn who(&self, caller: &str) -> String {
        match self.organizations(caller).as_slice() {
            [] => caller.to_owned(),
            organizations => format!("{caller} ({})", organizations.join(", ")),
        }
    }

    fn organizations(&self, caller: &str) -> Vec<String> {
        self.callers.all().find(|known| known.name == caller).map(|known| known.organizations.clone()).unwrap_or_default()
    }
}

impl Place {
    /// The store, which must be there.
    async fn open(self) -> anyhow::Result<Open> {
        match (self.config, self.data) {
            (Some(file), _) => configured(&file).await,
            (None, Some(data)) => {
                if !data.join(FILE).exists() {
                    return Err(Mistake::ending(NO_INPUT, format_args!("{}: no sandbox has kept anything here", data.display())));
                }
                let kept = Kept::of_sandbox(&data, super::data::key(Some(&data))?).await.map_err(not_opened)?;
                // nobody is let in here: who they are is all that is asked for, and their tokens were others
                let sandbox = Configuration::sandbox(&mut || String::from("none"));
                let (Configuration { directory, callers, tasks: settings, .. }, _) =
                    sandbox.map_err(|mistakes| mistaken("sandbox", &mistakes))?;
                Ok(Open { kept, settings, directory, callers })
            }
            (None, None) => Err(Mistake::ending(USAGE, "say which store: --config FILE or --data DIR")),
        }
    }
}

async fn configured(file: &Path) -> anyhow::Result<Open> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Mistake::ending(NO_INPUT, format_args!("{name}: {error}")))?;
    let tell = |mistakes: Vec<crate::configuration::Mistake>| mistaken(&name, &mistakes);
    let Configuration { directory, callers, tasks: settings, store } = Configuration::read(&text, &name.to_string()).map_err(tell)?;
    let store = store.ok_or_else(|| Mistake::ending(CONFIGURATION, format_args!("{name}: no [store]")))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let opened = store.open(folder).map_err(tell)?;
    if let Some(kept) = opened.url.expose_secret().strip_prefix("sqlite:").map(|kept| resolved(folder, kept))
        && !kept.exists()
    {
        return Err(Mistake::ending(NO_INPUT, format_args!("{}: is not there: nothing was kept yet", kept.display())));
    }
    let kept = Kept::open(opened, folder).await.map_err(not_opened)?;
    Ok(Open { kept, settings, directory, callers })
}

fn mistaken(name: impl std::fmt::Display, mistakes: &[crate::configuration::Mistake]) -> anyhow::Error {
    mistakes.iter().for_each(complain);
    Mistake::ending(CONFIGURATION, format_args!("{name}: mistakes: {}", mistakes.len()))
}

fn unknown(id: Uuid) -> anyhow::Error {
    Mistake::ending(BAD_DATA, format_args!("`{id}`: there is no such request in this store"))
}

/// And the ids of those that do not open.
async fn all(store: &dyn TaskStore, status: Option<Status>) -> anyhow::Result<(Vec<Stored>, Vec<Uuid>)> {
    let filter = |status: Status| Filter::Text { column: Text::Status, any: vec![status.code().to_owned()], not: false };
    let filters = status.map(filter).into_iter().collect();
    let mut query = Query { viewer: Viewer::Everything, filters, sort: Vec::new(), limit: AT_ONCE, after: None };
    let (mut tasks, mut damaged) = (Vec::new(), Vec::new());
    loop {
        let page = store.search(&query).await.map_err(told)?;
        tasks.extend(page.tasks);
        damaged.extend(page.damaged);
        query.after = page.next;
        if query.after.is_none() {
            return Ok((tasks, damaged));
        }
    }
}

/// Newest first.
async fn versions(store: &dyn TaskStore, id: Uuid) -> anyhow::Result<Vec<Stored>> {
    let mut versions: Vec<Stored> = Vec::new();
    loop {
        let more = store.history(id, versions.last().map(|oldest| oldest.version), AT_ONCE).await.map_err(told)?;
        if more.is_empty() {
            return Ok(versions);
        }
        versions.extend(more);
    }
}

fn status(code: &str) -> Result<Status, String> {
    Status::from_code(code).ok_or_else(|| format!("one of {}", Status::ALL.map(Status::code).join(", ")))
}

fn not_opened(fault: InstallationFault) -> anyhow::Error {
    Mistake::ending(fault.exit_code(), fault)
}

fn told(fault: StoreError) -> anyhow::Error {
    Mistake::ending(fault.exit_code(), fault)
}

const AT_ONCE: u32 = 1000;

const EXAMPLES: &str = "\
Examples:
  neuvola-adapter tasks transitions
  neuvola-adapter tasks list --config adapter.toml --status rejected
  neuvola-adapter tasks list --data ./sandbox --json
  neuvola-adapter tasks show --config adapter.toml 0199c0de-0000-7000-8000-000000000001
  neuvola-adapter tasks explain --config adapter.toml 0199c0de-0000-7000-8000-000000000001
  neuvola-adapter tasks subscriptions --config adapter.toml --check
  neuvola-adapter tasks backup --config adapter.toml copy.sqlite";
