//! The plan that a new one replaces: whether it may be, what changes in it, and what was declined in it. Pure.
//!
//! It is kept as the record told it: whoever wrote it, nothing in it is lost, and only `status` is another afterwards.
//! <https://hl7.org/fhir/R4/careplan.html#CarePlan>, <https://hl7.org/fhir/R4/http.html#concurrency>

use serde_json::Value;

use super::answer::{codings, id_of, is_id, list, text};
use super::{Identifier, RecordError, Update};

/// The plan that a decision names, and whose it must be.
#[derive(Clone, Debug)]
pub struct Sought {
    pub plan: PlanReference,
    /// Literal and relative: `Patient/12`.
    pub patient: String,
    pub identifier: Identifier,
}

/// `CarePlan/123`, or `CarePlan/123/_history/4` where it is known which version was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanReference {
    pub id: String,
    pub version: Option<String>,
}

/// A plan that is there, active, and the patient's own.
#[derive(Clone, Debug)]
pub struct EarlierPlan {
    /// How it is completed.
    pub update: Update,
    pub declined: Vec<Declined>,
}

/// A service that was declined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declined {
    pub service: Concept,
    pub reason: Option<Concept>,
}

/// A CodeableConcept, as far as it says something to a reader.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concept {
    pub system: Option<String>,
    pub code: Option<String>,
    pub display: Option<String>,
    pub text: Option<String>,
}

/// Why a plan cannot be replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanFault {
    #[error("the record has no such plan")]
    NotFound,
    #[error("the earlier plan was deleted")]
    Deleted,
    #[error("the earlier plan is not this person's")]
    OtherPatient,
    #[error("the earlier plan was entered in error")]
    InError,
    #[error("the earlier plan is not active any more, or not yet")]
    NotActive,
    #[error("the earlier plan was changed since it was looked at")]
    Changed,
}

impl PlanReference {
    /// Relative references alone: no URL of the caller's is followed.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, version) = match text.strip_prefix("CarePlan/")?.split_once("/_history/") {
            Some((id, version)) => (id, Some(version)),
            None => (text.strip_prefix("CarePlan/")?, None),
        };
        (is_id(id) && version.is_none_or(is_id)).then(|| Self { id: id.to_owned(), version: version.map(str::to_owned) })
    }

    /// Without the version.
    pub fn reference(&self) -> String {
        format!("CarePlan/{}", self.id)
    }
}

impl Concept {
    /// The words of it, else its code.
    pub fn words(&self) -> &str {
        [&self.text, &self.display, &self.code].into_iter().find_map(Option::as_deref).unwrap_or_default()
    }
}

/// Whether this resource is the plan sought and may be replaced. `base` is the record's own address.
///
/// # Errors
/// An answer that names no version: nothing could be changed safely.
pub(super) fn judge(mut plan: Value, sought: &Sought, base: &str) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
    if !is_of(&plan, sought, base) {
        return Ok(Err(PlanFault::OtherPatient));
    }
    let version = plan.pointer("/meta/versionId").and_then(Value::as_str).map(str::to_owned);
    let Some(version) = version.filter(|version| is_id(version)) else {
        return Err(RecordError::Unintelligible("a plan without a version"));
    };
    match text(&plan, "status") {
        Some("entered-in-error") => return Ok(Err(PlanFault::InError)),
        _ if sought.plan.version.as_ref().is_some_and(|wanted| *wanted != version) => return Ok(Err(PlanFault::Changed)),
        Some("active") => {}
        _ => return Ok(Err(PlanFault::NotActive)),
    }
    let declined = list(&plan, "/activity").filter_map(declined).collect();
    let before = plan.to_string().into_bytes();
    plan["status"] = Value::from("completed");
    let id = id_of(&plan).unwrap_or(&sought.plan.id).to_owned();
    let update = Update { resource_type: "CarePlan", id, version, before, after: plan.to_string().into_bytes() };
    Ok(Ok(EarlierPlan { update, declined }))
}

/// By its literal reference, relative or below `base`; by its identifier where it has no other.
fn is_of(plan: &Value, sought: &Sought, base: &str) -> bool {
    let Some(subject) = plan.get("subject") else { return false };
    if let Some(reference) = text(subject, "reference") {
        let reference = reference.strip_prefix(base).map_or(reference, |relative| relative.trim_start_matches('/'));
        return reference.split("/_history/").next() == Some(&sought.patient);
    }
    let identifier = subject.get("identifier").unwrap_or(&Value::Null);
    text(identifier, "system") == Some(&sought.identifier.system) && text(identifier, "value") == Some(&sought.identifier.value)
}

/// R4 has no "declined": it is a cancelled activity.
fn declined(activity: &Value) -> Option<Declined> {
    let detail = activity.get("detail")?;
    (text(detail, "status") == Some("cancelled")).then_some(())?;
    Some(Declined { service: concept(detail.get("code")?)?, reason: detail.get("statusReason").and_then(concept) })
}

fn concept(value: &Value) -> Option<Concept> {
    let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
    let first = codings(value, "/coding").into_iter().next();
    let display = list(value, "/coding").find(|coding| text(coding, "code").is_some()).and_then(|coding| text(coding, "display"));
    let (system, code) = first.map(|coding| (owned(&coding.system), owned(&coding.code))).unwrap_or_default();
    let concept = Concept { system, code, display: display.and_then(owned), text: text(value, "text").and_then(owned) };
    (concept != Concept::default()).then_some(concept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sought(version: Option<&str>) -> Sought {
        Sought {
            plan: PlanReference { id: "7".into(), version: version.map(str::to_owned) },
            patient: "Patient/1".into(),
            identifier: Identifier { system: "urn:x".into(), value: "a".into() },
        }
    }

    fn plan(more: Value) -> Value {
        let mut plan = json!({"resourceType": "CarePlan", "id": "7", "meta": {"versionId": "3"}, "status": "active",
            "subject": {"reference": "Patient/1"}});
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        plan
    }

    fn judged(more: Value, version: Option<&str>) -> Result<EarlierPlan, PlanFault> {
        judge(plan(more), &sought(version), "https://ehr.example/fhir").unwrap()
    }

    #[test]
    fn references_are_relative_and_may_name_a_version() {
        let read = |text| PlanReference::parse(text).map(|plan| (plan.id, plan.version));
        assert_eq!(read("CarePlan/7"), Some(("7".into(), None)));
        assert_eq!(read("CarePlan/a-7.b/_history/3"), Some(("a-7.b".into(), Some("3".into()))));
        for odd in [
            "",
            "7",
            "CarePlan",
            "CarePlan/",
            "CarePlan/..",
            "CarePlan/a b",
            "CarePlan/a/b",
            "Task/7",
            "CarePlan/7/_history/",
            "CarePlan/7?x",
            "https://ehr.example/fhir/CarePlan/7",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn nothing_but_the_status_changes() {
        let odd = r#"{"_status": {"id": "s"}, "zzz": {"unknown": [1.50, 1e2, 12345678901234567890]}, "extension": [{"url": "x"}]}"#;
        let odd: Value = serde_json::from_str(odd).unwrap();
        let update = judged(odd, Some("3")).unwrap().update;
        let (before, after) = (String::from_utf8(update.before).unwrap(), String::from_utf8(update.after).unwrap());
        assert_eq!(before.replacen(r#""status":"active""#, r#""status":"completed""#, 1), after);
        assert!(after.contains("1.50") && after.contains("12345678901234567890"));
        assert_eq!((update.id.as_str(), update.version.as_str()), ("7", "3"));
    }

    #[test]
    fn only_an_active_plan_of_the_patient_is_replaced() {
        let fault = |more, version| judged(more, version).map(drop).unwrap_err();
        for status in ["draft", "on-hold", "revoked", "completed", "unknown", ""] {
            assert_eq!(fault(json!({"status": status}), None), PlanFault::NotActive, "{status}");
        }
        assert_eq!(fault(json!({"status": "entered-in-error"}), Some("2")), PlanFault::InError);
        assert_eq!(fault(json!({}), Some("2")), PlanFault::Changed);
        for subject in [
            json!({}),
            json!({"reference": "Patient/11"}),
            json!({"reference": "Group/1"}),
            json!({"reference": "https://other.example/fhir/Patient/1"}),
            json!({"identifier": {"system": "urn:x", "value": "b"}}),
        ] {
            assert_eq!(fault(json!({"subject": subject, "status": "entered-in-error"}), None), PlanFault::OtherPatient);
        }
        for subject in [
            json!({"reference": "https://ehr.example/fhir/Patient/1"}),
            json!({"reference": "Patient/1/_history/2"}),
            json!({"identifier": {"system": "urn:x", "value": "a"}}),
        ] {
            assert!(judged(json!({"subject": subject}), None).is_ok());
        }
        let unversioned = judge(plan(json!({"meta": {}})), &sought(None), "x");
        assert!(matches!(unversioned, Err(RecordError::Unintelligible(_))));
    }

    #[test]
    fn what_was_declined_is_told_with_its_reason() {
        let activity = json!([
            {"detail": {"status": "not-started", "code": {"text": "a"}}},
            {"detail": {"status": "cancelled", "code": {"coding": [{"system": "s", "code": "c", "display": "d"}]}, "statusReason": {"text": "why"}}},
            {"detail": {"status": "cancelled", "code": {"text": " "}}},
            {"detail": {"status": "cancelled"}},
            {"reference": {"reference": "ServiceRequest/1"}},
        ]);
        let declined = judged(json!({"activity": activity}), None).unwrap().declined;
        assert_eq!(declined.len(), 1);
        assert_eq!((declined[0].service.words(), declined[0].service.code.as_deref()), ("d", Some("c")));
        assert_eq!(declined[0].reason.as_ref().map(Concept::words), Some("why"));
    }
}
