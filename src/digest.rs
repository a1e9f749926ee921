//! SHA-256 over parts that cannot run together.

use aws_lc_rs::digest::{Context, SHA256};

/// A digest in the making. Each part is preceded by its length.
pub struct Digest(Context);

impl Digest {
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub fn part(&mut self, part: &str) -> &mut Self {
        self.bytes(part.as_bytes())
    }

    pub fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// 64 hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first 32 of them: enough to tell one proposal from another.
    pub fn short(self) -> String {
        let mut hex = self.hex();
        hex.truncate(32);
        hex
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}
