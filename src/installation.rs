//! From a configuration to what runs: the directory, the store of callback requests, and what goes on in the background
//! (notifications, purging). The command line decides what is configured; this puts it together.

pub mod week;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretBox};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::Tasks;
use crate::caller::{Caller, Callers};
use crate::clock::{self, Clock};
use crate::configuration::{Configuration, Mistake, Opened, TaskSettings};
use crate::net::{Authorities, Guard, NetError};
use crate::profiles::Profiles;
use crate::task::codes::Codes;
use crate::task::directory::Directory;
use crate::task::notify::deliver::{Delivery, Settings};
use crate::task::search::{CursorKey, viewer};
use crate::task::store::{InvalidKeys, Keys, Place, Postgres, Sqlite, StoreError, TaskStore};

/// What was configured, ready to serve.
pub struct Installation {
    pub callers: Callers,
    pub directory: Arc<Directory>,
    /// Where a store is configured.
    pub tasks: Option<Tasks>,
    pub settings: TaskSettings,
    /// Trusted by notifications, beside those of the system.
    pub authorities: Authorities,
}

/// Why it cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallationFault {
    #[error("the configuration has {} mistakes", .0.len())]
    Configuration(Vec<Mistake>),
    #[error("the store's keys cannot be used: {0}")]
    Keys(#[from] InvalidKeys),
    #[error("the store cannot be opened: {0}")]
    Store(#[from] StoreError),
    #[error("notifications cannot be sent: {0}")]
    Net(#[from] NetError),
}

impl InstallationFault {
    /// Exit code of the command line, from `sysexits.h`.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Store(fault) => fault.exit_code(),
            Self::Configuration(_) | Self::Keys(_) | Self::Net(_) => 78,
        }
    }
}

impl Installation {
    /// `folder` is the configuration file's own: keys' files are relative to it.
    ///
    /// # Errors
    /// What is wrong with the keys' files, or with the store.
    pub async fn open(configuration: Configuration, folder: &Path, profiles: &Profiles) -> Result<Self, InstallationFault> {
        let Configuration { directory, callers, tasks: settings, store } = configuration;
        let directory = Arc::new(directory);
        let authorities = settings.authorities(folder).map_err(|mistake| InstallationFault::Configuration(vec![mistake]))?;
        let guard = Arc::new(if settings.allow_private_addresses { Guard::with_private() } else { Guard::default() });
        let tasks = match store {
            Some(store) => {
                let opened = store.open(folder).map_err(InstallationFault::Configuration)?;
                let tasks = tasks(opened, folder, guard, Arc::clone(&directory), profiles).await?;
                tell_of_orphans(tasks.store.as_ref(), &directory).await?;
                Some(tasks)
            }
            None => None,
        };
        Ok(Self { callers, directory, tasks, settings, authorities })
    }

    /// One that needs no configuration: what is in it ends with the process, or stays in `data`.
    ///
    /// # Errors
    /// What is wrong with the store.
    pub async fn sandbox(
        configuration: Configuration,
        data: Option<&Path>,
        key: [u8; 32],
        profiles: &Profiles,
        unproven: Option<Caller>,
    ) -> Result<Self, InstallationFault> {
        let store: Arc<dyn TaskStore> = Arc::new(sandbox_store(data, key).await?);
        let installed = Self::over(store, configuration, key, profiles)?;
        Ok(Self { callers: installed.callers.with_unproven(unproven), ..installed })
    }

    /// Over a store that is open already; notifications may go to this machine.
    ///
    /// # Errors
    /// [`InstallationFault::Keys`]
    pub fn over(
        store: Arc<dyn TaskStore>,
        configuration: Configuration,
        key: [u8; 32],
        profiles: &Profiles,
    ) -> Result<Self, InstallationFault> {
        let Configuration { directory, callers, tasks: settings, .. } = configuration;
        let directory = Arc::new(directory);
        let tasks = assembled(store, &key, Arc::new(Guard::with_loopback()), Arc::clone(&directory), profiles)?;
        Ok(Self { callers, directory, tasks: Some(tasks), settings, authorities: Authorities::default() })
    }

    /// Begins to notify and to purge; both end soon after `stop` is dropped or told.
    ///
    /// # Errors
    /// [`InstallationFault::Net`] if TLS cannot start.
    pub fn begin(
        &self,
        clock: &Arc<dyn Clock>,
        base: &str,
        stop: &tokio::sync::watch::Receiver<bool>,
    ) -> Result<Vec<JoinHandle<()>>, InstallationFault> {
        let Some(tasks) = &self.tasks else { return Ok(Vec::new()) };
        let (callers, directory) = (self.callers.clone(), Arc::clone(&self.directory));
        let eyes = move |name: &str| callers.all().find(|caller| caller.name == name).map(|caller| viewer(caller, directory.as_ref()));
        let guard = Arc::clone(&tasks.guard);
        let base = format!("{}/fhir", base.trim_end_matches('/'));
        let settings = Settings { authorities: self.authorities.clone(), ..Settings::default() };
        let delivery = Delivery::new(Arc::clone(&tasks.store), Arc::clone(clock), Arc::new(eyes), guard, base, settings)?;
        let (changed, ended) = (Arc::clone(&tasks.changed), told(stop.clone()));
        let delivering = tokio::spawn(Arc::new(delivery).run(changed, ended));
        let keep = jiff::SignedDuration::from_hours(i64::from(self.settings.purge_after_days) * 24);
        let purging = tokio::spawn(purge(Arc::clone(&tasks.store), Arc::clone(clock), keep, told(stop.clone())));
        Ok(vec![delivering, purging])
    }
}

/// A store alone, of either kind.
#[derive(Debug)]
pub enum Kept {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Kept {
    /// What a configuration names; `folder` is its own.
    ///
    /// # Errors
    /// What is wrong with the keys, or with the store.
    pub async fn open(opened: Opened, folder: &Path) -> Result<Self, InstallationFault> {
        let Opened { url, keys } = opened;
        let keys = Keys::new(keys.into_iter().map(|key| (key.id, key.bytes)).collect())?;
        Ok(match url.expose_secret().strip_prefix("sqlite:") {
            Some(file) => Self::Sqlite(Sqlite::open(Place::File(resolved(folder, file)), keys).await?),
            None => Self::Postgres(Postgres::connect(&url, keys).await?),
        })
    }

    /// What a sandbox left in its folder.
    ///
    /// # Errors
    /// What is wrong with the store.
    pub async fn of_sandbox(data: &Path, key: [u8; 32]) -> Result<Self, InstallationFault> {
        sandbox_store(Some(data), key).await.map(Self::Sqlite)
    }

    pub fn store(&self) -> &dyn TaskStore {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }
}

async fn sandbox_store(data: Option<&Path>, key: [u8; 32]) -> Result<Sqlite, InstallationFault> {
    let place = data.map_or(Place::Memory, |data| Place::File(data.join(FILE)));
    let keys = Keys::new(vec![("sandbox".to_owned(), SecretBox::new(Box::new(key)))])?;
    Ok(Sqlite::open(place, keys).await?)
}

async fn tasks(
    opened: Opened,
    folder: &Path,
    guard: Arc<Guard>,
    directory: Arc<Directory>,
    profiles: &Profiles,
) -> Result<Tasks, InstallationFault> {
    // the first key seals; cursors live as long as it does
    let first = opened.keys.first().map(|key| *key.bytes.expose_secret()).unwrap_or_default();
    let store: Arc<dyn TaskStore> = match Kept::open(opened, folder).await? {
        Kept::Sqlite(store) => Arc::new(store),
        Kept::Postgres(store) => Arc::new(store),
    };
    assembled(store, &first, guard, directory, profiles)
}

fn assembled(
    store: Arc<dyn TaskStore>,
    key: &[u8; 32],
    guard: Arc<Guard>,
    directory: Arc<Directory>,
    profiles: &Profiles,
) -> Result<Tasks, InstallationFault> {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"cursors");
    let mut cursors = [0; 32];
    cursors.copy_from_slice(derived.as_ref());
    let cursors = CursorKey::new(&cursors).ok_or(InvalidKeys::None)?;
    Ok(Tasks {
        store,
        directory,
        changed: Arc::new(Notify::new()),
        codes: Arc::new(Codes::of(profiles)),
        cursors: Arc::new(cursors),
        guard,
    })
}

/// Requests that wait for somebody who is not configured: nobody sees them but their requesters.
async fn tell_of_orphans(store: &dyn TaskStore, directory: &Directory) -> Result<(), StoreError> {
    let mut orphans: BTreeMap<String, u64> = BTreeMap::new();
    for waiting in store.waiting(clock::now()).await? {
        if !directory.knows(&waiting.owner) {
            *orphans.entry(waiting.owner).or_default() += waiting.count;
        }
    }
    for (owner, requests) in orphans {
        tracing::warn!(
            owner,
            requests,
            "requests wait for an owner that is not configured: only their requesters see them, and can ask another"
        );
    }
    Ok(())
}

pub(crate) fn resolved(folder: &Path, file: &str) -> PathBuf {
    folder.join(file.trim_start_matches("//"))
}

async fn told(mut stop: tokio::sync::watch::Receiver<bool>) {
    // an error is the sender's end, which is a word too
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Removes what was finished long enough ago, a bounded number at a time.
async fn purge(store: Arc<dyn TaskStore>, clock: Arc<dyn Clock>, keep: jiff::SignedDuration, stop: impl Future<Output = ()> + Send) {
    tokio::pin!(stop);
    loop {
        let now = clock.now();
        loop {
            match store.purge(now - keep, now, AT_ONCE).await {
                Ok(0) => break,
                Ok(removed) => tracing::info!(removed, "finished Tasks were purged"),
                Err(error) => {
                    tracing::error!(%error, "finished Tasks could not be purged");
                    break;
                }
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(PURGE_EVERY) => {}
        }
    }
}

/// Of the sandbox, in its folder.
pub(crate) const FILE: &str = "tasks.sqlite";
const AT_ONCE: u32 = 500;
const PURGE_EVERY: Duration = Duration::from_hours(1);
