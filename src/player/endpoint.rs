//! Where a story's Subscription is told: the least of an HTTP server, on a loopback port of its own.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Keeps what it is told, in order, until it is asked.
pub(super) struct Endpoint {
    pub(super) url: String,
    told: mpsc::UnboundedReceiver<Value>,
    listening: JoinHandle<()>,
}

impl Endpoint {
    pub(super) async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/told", listener.local_addr()?);
        let (tell, told) = mpsc::unbounded_channel();
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // one after the other: the adapter posts no other way to one Subscription
                if let Ok(body) = taken(connection).await {
                    let _ = tell.send(body);
                }
            }
        });
        Ok(Self { url, told, listening })
    }

    pub(super) async fn next(&mut self) -> Option<Value> {
        self.told.recv().await
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn taken(connection: TcpStream) -> std::io::Result<Value> {
    let mut connection = BufReader::new(connection).take(MOST);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            let _ = name;
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; usize::min(length, 1 << 20)];
    connection.read_exact(&mut body).await?;
    let mut connection = connection.into_inner();
    connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
    connection.shutdown().await?;
    serde_json::from_slice(&body).map_err(std::io::Error::other)
}

/// Bytes of a notification.
const MOST: u64 = 2 << 20;
