//! A path's variable part.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::refusal::Refusal;

/// The only variable part of the path; one that is no text leads to nothing.
pub(super) struct Segment(pub(super) String);

impl Segment {
    /// An id of ours. One spelling only: an id is an opaque string to others.
    pub(super) fn uuid(&self) -> Option<Uuid> {
        self.0.parse::<Uuid>().ok().filter(|uuid| uuid.to_string() == self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(segment)| Self(segment)).map_err(|_| Refusal::NotFound("what the path asks for".to_owned()))
    }
}
