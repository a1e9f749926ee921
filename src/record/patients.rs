//! From the found Patients to one answer an identifier. Pure.
//!
//! <https://hl7.org/fhir/R4/patient.html> (`active`, `link`, `deceased[x]`), <https://hl7.org/fhir/R4/search.html#token>

use serde_json::Value;

use super::answer::{codings, id_of, list, text};
use super::{Identifier, Patient, PatientFault};

/// Several tokens as one parameter value: any of them.
pub(super) fn any_of<'a>(tokens: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let tokens: Vec<String> = tokens.into_iter().map(|(system, code)| format!("{}|{}", escaped(system), escaped(code))).collect();
    tokens.join(",")
}

/// <https://hl7.org/fhir/R4/search.html#escaping>
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The one usable patient with this identifier among the found, or why there is none.
pub(super) fn choose(identifier: &Identifier, found: &[Value]) -> Result<Patient, PatientFault> {
    let mut usable: Vec<Patient> = Vec::new();
    let mut faults: Vec<PatientFault> = Vec::new();
    for resource in found {
        let Some(id) = id_of(resource).filter(|_| carries(resource, identifier)) else {
            continue;
        };
        let reference = format!("Patient/{id}");
        if usable.iter().any(|patient| patient.reference == reference) {
            continue;
        }
        match fault_of(resource) {
            Some(fault) => faults.push(fault),
            None => usable.push(Patient { reference, security: codings(resource, "/meta/security") }),
        }
    }
    match usable.len() {
        0 => Err(gravest(&faults)),
        1 => Ok(usable.remove(0)),
        several => Err(PatientFault::Several(several)),
    }
}

/// Exactly this system and value: a record that ignores a parameter or matches loosely gives us nobody else.
fn carries(resource: &Value, identifier: &Identifier) -> bool {
    text(resource, "resourceType") == Some("Patient")
        && list(resource, "/identifier")
            .any(|candidate| text(candidate, "system") == Some(&identifier.system) && text(candidate, "value") == Some(&identifier.value))
}

fn fault_of(patient: &Value) -> Option<PatientFault> {
    let deceased = patient.get("deceasedBoolean") == Some(&Value::Bool(true)) || patient.get("deceasedDateTime").is_some();
    if list(patient, "/link").any(|link| text(link, "type") == Some("replaced-by")) {
        Some(PatientFault::Replaced)
    } else if deceased {
        Some(PatientFault::Deceased)
    } else if patient.get("active") == Some(&Value::Bool(false)) {
        Some(PatientFault::Inactive)
    } else {
        None
    }
}

/// A replaced record says least about the person, a death most.
fn gravest(faults: &[PatientFault]) -> PatientFault {
    [PatientFault::Deceased, PatientFault::Inactive, PatientFault::Replaced]
        .into_iter()
        .find(|fault| faults.contains(fault))
        .unwrap_or(PatientFault::NotFound)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patient(id: &str, more: &Value) -> Value {
        let mut patient = json!({"resourceType": "Patient", "id": id, "identifier": [{"system": "s", "value": "v"}]});
        for (name, value) in more.as_object().unwrap() {
            patient[name] = value.clone();
        }
        patient
    }

    fn chosen(found: &[Value]) -> Result<Patient, PatientFault> {
        let (system, value) = ("s".to_owned(), "v".to_owned());
        choose(&Identifier { system, value }, found)
    }

    #[test]
    fn the_usable_one_is_chosen_and_the_gravest_fault_told() {
        let good = patient("1", &json!({"active": true, "deceasedBoolean": false}));
        let replaced = patient("2", &json!({"active": false, "link": [{"type": "replaced-by"}]}));
        let dead = patient("3", &json!({"deceasedDateTime": "2026-01-01"}));
        let inactive = patient("4", &json!({"active": false}));
        let reference = |found: &[Value]| chosen(found).map(|patient| patient.reference);
        assert_eq!(reference(&[replaced.clone(), good.clone()]), Ok("Patient/1".into()));
        assert_eq!(reference(&[good.clone(), good.clone()]), Ok("Patient/1".into()), "one patient named twice");
        assert_eq!(chosen(&[good, patient("5", &json!({}))]), Err(PatientFault::Several(2)));
        assert_eq!(chosen(std::slice::from_ref(&replaced)), Err(PatientFault::Replaced));
        assert_eq!(chosen(&[replaced, inactive.clone()]), Err(PatientFault::Inactive));
        assert_eq!(chosen(&[inactive, dead]), Err(PatientFault::Deceased));
        assert_eq!(chosen(&[]), Err(PatientFault::NotFound));
    }

    #[test]
    fn only_the_exact_identifier_counts() {
        let mut other = patient("1", &json!({}));
        other["identifier"][0]["value"] = json!("V");
        assert_eq!(chosen(&[other]), Err(PatientFault::NotFound));
    }

    #[test]
    fn tokens_are_escaped() {
        assert_eq!(any_of([("a|b", "c,d"), ("e$", "f\\")]), "a\\|b|c\\,d,e\\$|f\\\\");
    }
}
