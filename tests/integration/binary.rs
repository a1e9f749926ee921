//! The real binary, as a process of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;

pub fn neuvola_adapter(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neuvola-adapter"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEUVOLA_")) {
        command.env_remove(name);
    }
    command
}

/// In `folder`, which is all the home and room for temporary files that the process knows.
pub fn confined(mut command: Command, folder: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", folder).env("TMPDIR", folder).current_dir(folder);
    command
}

/// All at once; their outputs in the order of the commands.
pub fn at_once(commands: Vec<Command>) -> Vec<Output> {
    let children: Vec<Child> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
    let waiting: Vec<_> = children.into_iter().map(|child| std::thread::spawn(|| child.wait_with_output().unwrap())).collect();
    waiting.into_iter().map(|waiting| waiting.join().unwrap()).collect()
}

/// A process that runs until it is told to stop; it ends with the test, however that ends.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// What a stopped process left.
pub struct Stopped {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    /// Starts it, and waits for the first line of the stream `of` that `finds` something.
    pub fn start<T>(mut command: Command, of: Stream, finds: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let mut child = command.spawn().unwrap();
        let mut out: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let mut err: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
        let read_on = |mut rest: Box<dyn Read + Send>, mut text: String| {
            std::thread::spawn(move || {
                rest.read_to_string(&mut text).unwrap();
                text
            })
        };
        let (told, other) = match of {
            Stream::Out => (&mut out, &mut err),
            Stream::Err => (&mut err, &mut out),
        };
        let other = read_on(std::mem::replace(other, Box::new(std::io::empty())), String::new());
        let mut reader = BufReader::new(std::mem::replace(told, Box::new(std::io::empty())));
        let mut text = String::new();
        let found = loop {
            let begin = text.len();
            assert!(reader.read_line(&mut text).unwrap() > 0, "it ended, saying: {text}");
            if let Some(found) = finds(text[begin..].trim_end()) {
                break found;
            }
        };
        let told = Some(read_on(Box::new(reader), text));
        let other = Some(other);
        let (stdout, stderr) = match of {
            Stream::Out => (told, other),
            Stream::Err => (other, told),
        };
        (Self { child, stdout, stderr }, found)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager would, and waits for its end.
    pub fn stop(mut self) -> Stopped {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let status = self.child.wait().unwrap();
        let mut text = |stream: fn(&mut Self) -> &mut Option<JoinHandle<String>>| stream(&mut self).take().unwrap().join().unwrap();
        let (stdout, stderr) = (text(|it| &mut it.stdout), text(|it| &mut it.stderr));
        Stopped { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Err,
}
