//! The plan that is replaced: read, seen to be unchanged, and, where a write came to nothing, put back.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::Value;
use std::time::Duration;

use super::earlier::judge;
use super::fhir_api::{FHIR_JSON, FhirApi, PREFER};
use super::retry::{Course, Setback};
use super::transaction::updates as made_by;
use super::{EarlierPlan, PlanFault, RecordError, Sought, Stored, Update};

impl FhirApi {
    pub(super) async fn earlier_plan(&self, course: &Course, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        let attempt = |left| async move {
            let request = self.client.request(Method::GET, self.base.at(&["CarePlan", &sought.plan.id]));
            match self.ask(request, left).await {
                Ok(plan) => Ok(Ok(plan)),
                Err(Setback { error: RecordError::Refused { status: 404, .. }, .. }) => Ok(Err(PlanFault::NotFound)),
                Err(Setback { error: RecordError::Refused { status: 410, .. }, .. }) => Ok(Err(PlanFault::Deleted)),
                Err(setback) => Err(setback),
            }
        };
        let plan = match course.repeat("read", attempt).await? {
            Ok(plan) => plan,
            Err(fault) => return Ok(Err(fault)),
        };
        let said = |name: &str| plan.get(name).and_then(Value::as_str);
        if (said("resourceType"), said("id")) != (Some("CarePlan"), Some(&sought.plan.id)) {
            return Err(RecordError::Unintelligible("not the resource asked for"));
        }
        judge(plan, sought, &self.base.to_string())
    }

    /// Nothing of what is to be updated is at another version than was read.
    pub(super) async fn expect_unchanged(&self, updates: &[Update], left: Duration) -> Result<(), Setback> {
        let mut changed = Vec::new();
        for update in updates {
            let now = self.read_resource(update.resource_type, &update.id, left).await?;
            if now.as_ref().and_then(version) != Some(&update.version) {
                changed.push(format!("{}/{}", update.resource_type, update.id));
            }
        }
        if changed.is_empty() { Ok(()) } else { Err(Setback::last(RecordError::Stale(changed))) }
    }

    /// A record may not say which version an update made; what it holds tells whether it was made.
    pub(super) async fn look_up_updated(&self, course: &Course, updates: &[Update], found: &mut Vec<Stored>) -> Result<(), RecordError> {
        for update in updates.iter().filter(|update| !found.iter().any(|stored| made_by(stored, update))).collect::<Vec<_>>() {
            let now = course.repeat("read", |left| self.read_resource(update.resource_type, &update.id, left)).await?;
            found.extend(now.filter(|now| says_the_same(now, &update.after)).map(|now| update.stored(version(&now))));
        }
        Ok(())
    }

    /// Goes through all of them and then tells the first error.
    pub(super) async fn restore_all(&self, course: &Course, updates: &[Update], stored: &[Stored]) -> Result<(), RecordError> {
        let mut first_error = None;
        for update in updates {
            let Some(stored) = stored.iter().find(|stored| made_by(stored, update)) else { continue };
            if let Err(error) = course.repeat("restore", |left| self.restore_one(update, stored, left)).await {
                tracing::error!(
                    resource_type = update.resource_type,
                    id = update.id,
                    reason = %error,
                    "a resource that was updated could not be put back"
                );
                first_error = first_error.or(Some(error));
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn restore_one(&self, update: &Update, stored: &Stored, left: Duration) -> Result<(), Setback> {
        let Some(now) = self.read_resource(update.resource_type, &update.id, left).await? else { return Ok(()) };
        if says_the_same(&now, &update.before) {
            return Ok(());
        }
        let ours = stored.version.as_deref().filter(|ours| version(&now) == Some(ours));
        let Some(ours) = ours else {
            // somebody changed it since: theirs counts
            return Err(Setback::last(RecordError::Stale(vec![format!("{}/{}", update.resource_type, update.id)])));
        };
        let request = self
            .client
            .request(Method::PUT, self.base.at(&[update.resource_type, &update.id]))
            .header(CONTENT_TYPE, FHIR_JSON)
            .header(PREFER, "return=minimal")
            .header(IF_MATCH, format!("W/\"{ours}\""))
            .body(update.before.clone());
        self.ask(request, left).await.map(drop)
    }
}

fn version(resource: &Value) -> Option<&str> {
    resource.pointer("/meta/versionId")?.as_str()
}

/// But for what the server stamps on each version: a repeat after a lost answer finds its work done.
fn says_the_same(now: &Value, before: &[u8]) -> bool {
    let unstamped = |mut resource: Value| {
        if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
            meta.retain(|name, _| !matches!(name.as_str(), "versionId" | "lastUpdated" | "source"));
        }
        resource
    };
    serde_json::from_slice(before).is_ok_and(|before| unstamped(before) == unstamped(now.clone()))
}
