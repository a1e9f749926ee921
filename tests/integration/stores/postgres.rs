//! A PostgreSQL of our own, of the system's programs: one server for the test process, one database a test. Without those
//! programs the tests fail: they do not skip.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::SecretString;
use sqlx::Connection as _;

/// An empty database.
pub async fn new_database() -> SecretString {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(Server::start)).await.unwrap();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await.expect("PostgreSQL answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("a database");
    connection.close().await.expect("closed");
    SecretString::from(server.url(&name))
}

static SERVER: OnceLock<Server> = OnceLock::new();

struct Server {
    /// Of its socket.
    folder: String,
    /// It ends when this is closed: with the test process, however that ends.
    _leash: ChildStdin,
}

impl Server {
    #[allow(clippy::zombie_processes, reason = "it outlives us, to clear away")]
    fn start() -> Self {
        let programs = programs();
        let mut command = unprivileged();
        command.args(["sh", "-c", SCRIPT, "sh"]).arg(&programs);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let leash = child.stdin.take().expect("its input");
        let mut folder = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut folder).expect("a line");
        let folder = folder.trim().to_owned();
        assert!(folder.starts_with('/'), "PostgreSQL of {} did not start", programs.display());
        Self { folder, _leash: leash }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://neuvola@localhost/{database}?host={}&sslmode=disable", self.folder.replace('/', "%2F"))
    }
}

/// Where `initdb` is, as Debian installs it; the newest, if there are several.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's programs in /usr/lib/postgresql/*/bin (Debian: `postgresql`); `tests/run` installs them")
}

/// PostgreSQL refuses to run as root.
fn unprivileged() -> Command {
    let says = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().expect(program);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if says("id", &["-u"]).as_deref() != Some("0") {
        return Command::new("env");
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| says("id", &["-u", user]).is_some()).expect("a user beside root");
    let group = says("id", &["-gn", user]).expect("its group");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", &group, "--clear-groups", "env", "HOME=/tmp"]);
    command
}

const SCRIPT: &str = r#"
trap '' INT TERM HUP
cd / && umask 077
programs=$1
folder=$(mktemp -d /tmp/neuvola-postgres-XXXXXX) || exit 1
"$programs/initdb" -D "$folder/data" -U neuvola -A trust -E UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 </dev/null || {
  cat "$folder/initdb.log" >&2
  rm -rf "$folder"
  exit 1
}
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=500 \
  >"$folder/postgres.log" 2>&1 </dev/null &
server=$!
tries=0
until "$programs/pg_isready" -q -h "$folder"; do
  tries=$((tries + 1))
  if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then
    cat "$folder/postgres.log" >&2
    kill -QUIT $server 2>/dev/null
    rm -rf "$folder"
    exit 1
  fi
  sleep 0.1
done
echo "$folder"
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"#;
