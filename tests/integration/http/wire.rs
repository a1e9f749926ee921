//! HTTP by hand, for what no well-behaved client sends.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection.
pub struct Wire(TcpStream);

/// What came back.
pub struct Reply {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// A head of a POST of JSON, with more header lines.
    pub async fn post(&mut self, path: &str, more: &str) {
        self.say(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}\r\n\r\n")).await;
    }

    /// So many bytes, as far as they are taken.
    pub async fn flood(&mut self, bytes: usize) -> std::io::Result<()> {
        let chunk = vec![b' '; 64 * 1024];
        for _ in 0..bytes / chunk.len() {
            self.0.write_all(&chunk).await?;
        }
        Ok(())
    }

    /// The same in chunks of HTTP.
    pub async fn flood_chunked(&mut self, bytes: usize) -> std::io::Result<()> {
        let chunk = vec![b' '; 64 * 1024];
        for _ in 0..bytes / chunk.len() {
            self.0.write_all(b"10000\r\n").await?;
            self.0.write_all(&chunk).await?;
            self.0.write_all(b"\r\n").await?;
        }
        self.0.write_all(b"0\r\n\r\n").await
    }

    pub async fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the connection broke before an answer came"));
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        Reply { status, head, body }
    }

    /// Waits for the server to close.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(within, self.0.read_to_end(&mut rest)).await;
        read.is_ok() && rest.is_empty()
    }
}

impl Reply {
    /// The first fault of an OperationOutcome, after the status was seen to be right.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        let outcome: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        outcome["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap().to_owned()
    }
}
