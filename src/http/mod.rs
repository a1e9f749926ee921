//! The HTTP face: every route in one table. What a request passes on its way stands in [`edge`]; every error is an
//! OperationOutcome made in [`error`] of a [`Refusal`](crate::refusal::Refusal).
//!
//! <https://hl7.org/fhir/R4/http.html>

mod body;
mod directory;
mod edge;
mod error;
mod forms;
mod guidance;
mod health;
mod knowledge;
mod media;
mod metadata;
mod metrics;
mod openapi;
mod questionnaire;
mod routes;
mod schema;
mod search;
mod segment;
mod server;
mod statistics;
#[allow(dead_code, reason = "its routes follow")]
mod subscriptions;
pub mod tasks;
mod version;
mod xml;

use std::sync::Arc;

use axum::Router;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::MethodRouter;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::caller::Role;
use crate::profiles::KNOWLEDGE;
use openapi::{Gives, Takes};
use routes::routes;

pub use server::serve;

/// One route: what the router, the CapabilityStatement and the OpenAPI document are made of.
struct Route {
    verb: Verb,
    /// `{type}` stands for each type of knowledge.
    path: &'static str,
    /// `operationId`
    name: &'static str,
    summary: &'static str,
    takes: Takes,
    gives: Gives,
    /// Statuses besides those that every route, or every route with a body, may answer.
    statuses: &'static [u16],
    fhir: Fhir,
    /// Who may; everybody where it is empty.
    roles: &'static [Role],
    handler: fn(&'static str) -> MethodRouter<Arc<App>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// And HEAD.
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// The FHIR interaction that a route is.
#[derive(Clone, Copy)]
enum Fhir {
    None,
    Capabilities,
    Read,
    Search,
    /// An interaction with Tasks, by R4's code.
    Tasks(&'static str),
    /// And with Subscriptions.
    Subscriptions(&'static str),
    Operation(&'static Operation),
}

/// An operation on a type of resource.
struct Operation {
    on: &'static str,
    name: &'static str,
    definition: &'static str,
}

impl Route {
    /// The paths that it stands for, each with its type of resource.
    fn paths(&self) -> Vec<(String, &'static str)> {
        if !self.path.contains("{type}") {
            return vec![(self.path.to_owned(), kind_of(self.path))];
        }
        KNOWLEDGE.iter().map(|kind| (self.path.replace("{type}", kind), *kind)).collect()
    }
}

/// The type of resource that a path names: `Organization` of `/fhir/Organization/{id}`. Empty outside of `/fhir`.
fn kind_of(path: &'static str) -> &'static str {
    path.strip_prefix("/fhir/").and_then(|below| below.split('/').next()).unwrap_or_default()
}

impl Verb {
    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["GET", "HEAD"],
            Self::Post => &["POST"],
            Self::Put => &["PUT"],
            Self::Patch => &["PATCH"],
            Self::Delete => &["DELETE"],
        }
    }
}

/// Everything that is answered.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in routes() {
        for (path, kind) in route.paths() {
            let mut handler = (route.handler)(kind);
            if !route.roles.is_empty() {
                handler = handler.route_layer(from_fn_with_state((Arc::clone(&app), route.roles), edge::admit));
            }
            router = router.route(&path, handler);
        }
    }
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn(edge::negotiate))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn_with_state(Arc::clone(&app), edge::edge))
        .with_state(app)
}

/// What `Allow` says of a path, as the router names it.
fn allowed(path: &str) -> String {
    let of_path = routes().filter(|route| route.paths().iter().any(|(known, _)| known == path));
    of_path.flat_map(|route| route.verb.methods()).copied().collect::<Vec<_>>().join(", ")
}
