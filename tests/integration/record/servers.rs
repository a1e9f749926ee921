//! The servers that the cases run against.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Once, OnceLock};

use super::adapter::clock;
use super::adapter::sandbox::{Sandbox, router};

/// Base URL of a HAPI server in memory, started once a test run; `HAPI_BASE` names a running one instead. None with
/// `NEUVOLA_TESTS=quick`, which says so: past the test harness, that keeps what passing tests print to itself.
pub(super) fn hapi() -> Option<&'static str> {
    static SERVER: OnceLock<(String, Option<Child>)> = OnceLock::new();
    static LEFT_OUT: Once = Once::new();
    if std::env::var("NEUVOLA_TESTS").is_ok_and(|tests| tests == "quick") {
        LEFT_OUT.call_once(|| {
            let _ = writeln!(std::io::stderr(), "NEUVOLA_TESTS=quick: the record's cases against HAPI are LEFT OUT");
        });
        return None;
    }
    let server = SERVER.get_or_init(|| match std::env::var("HAPI_BASE") {
        Ok(base) => (base, None),
        Err(_) => start_hapi(),
    });
    Some(&server.0)
}

/// Base URL of a sandbox of this process, on a thread of its own: each test has its own runtime, the server outlives them.
pub(super) fn sandbox() -> Option<&'static str> {
    static BASE: OnceLock<String> = OnceLock::new();
    let base = BASE.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(format!("http://{}/fhir", listener.local_addr().unwrap())).unwrap();
                axum::serve(listener, router(Sandbox::new(|_| Ok(()), clock::now))).await.unwrap();
            });
        });
        told.recv().unwrap()
    });
    Some(base)
}

/// The shell around the server ends it when our end of the pipe closes, however this process dies.
fn start_hapi() -> (String, Option<Child>) {
    let mut child = Command::new("sh")
        .args(["-c", r#""$0" 0 </dev/null & cat >/dev/null; kill $!"#])
        .arg(hapi_run())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("READY ").expect("HAPI did not start");
    (base.to_owned(), Some(child))
}

fn hapi_run() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/hapi/run")
}
