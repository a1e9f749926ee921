//! An endpoint on loopback that answers as a script says and keeps what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is answered next; 200 once the script is at its end.
#[derive(Clone, Debug)]
pub(super) enum Says {
    Status(u16),
    Redirect(String),
    RetryAfter(u64),
    /// After so long, 200.
    Slowly(Duration),
    HangsUp,
}

#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: String,
    script: Arc<Mutex<VecDeque<Says>>>,
    got: Arc<Mutex<Vec<Got>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) head: String,
    pub(super) body: Value,
    pub(super) taken: bool,
}

impl Endpoint {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notify?key=hidden", listener.local_addr().unwrap());
        let endpoint = Self { url, script: Arc::default(), got: Arc::default() };
        let served = endpoint.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move { served.serve(stream).await });
            }
        });
        endpoint
    }

    pub(super) fn says(&self, script: impl IntoIterator<Item = Says>) {
        self.script.lock().unwrap().extend(script);
    }

    /// Everything since the last time.
    pub(super) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
                break (head.to_owned(), length.map_or(0, |length| length.trim().parse().unwrap()));
            }
        };
        let body_from = head.len() + 4;
        while bytes.len() < body_from + length {
            stream.read_buf(&mut bytes).await.ok()?;
        }
        let says = self.script.lock().unwrap().pop_front().unwrap_or(Says::Status(200));
        let body = serde_json::from_slice(&bytes[body_from..]).unwrap();
        let taken = matches!(says, Says::Status(200..300));
        self.got.lock().unwrap().push(Got { head, body, taken });
        let (status, header) = match says {
            Says::Status(status) => (status, String::new()),
            Says::Redirect(to) => (307, format!("Location: {to}\r\n")),
            Says::RetryAfter(seconds) => (503, format!("Retry-After: {seconds}\r\n")),
            Says::Slowly(time) => {
                tokio::time::sleep(time).await;
                (200, String::new())
            }
            Says::HangsUp => return None,
        };
        let answer = format!("HTTP/1.1 {status} -\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()
    }
}

impl Got {
    pub(super) fn kind(&self) -> &str {
        self.parameter("type").and_then(|parameter| parameter["valueCode"].as_str()).unwrap_or_default()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        let parameters = self.body["entry"][0]["resource"]["parameter"].as_array().unwrap();
        let events = parameters.iter().filter(|parameter| parameter["name"] == "notification-event");
        events.map(|event| event["part"][0]["valueString"].as_str().unwrap().parse().unwrap()).collect()
    }

    fn parameter(&self, name: &str) -> Option<&Value> {
        self.body["entry"][0]["resource"]["parameter"].as_array()?.iter().find(|parameter| parameter["name"] == name)
    }
}
