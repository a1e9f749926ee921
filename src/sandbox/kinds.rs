//! The resource types of R4, and by which of their elements they can be searched here.
//! <https://hl7.org/fhir/R4/searchparameter-registry.html>

use crate::sandbox::fault::Fault;

/// Every type that can be stored: R4's, without OperationOutcome and Parameters, which only travel.
#[rustfmt::skip]
pub(super) const KINDS: [&str; 144] = [
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "AuditEvent", "Basic",
    "Binary", "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CapabilityStatement", "CarePlan", "CareTeam", "CatalogEntry",
    "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse", "ClinicalImpression", "CodeSystem", "Communication",
    "CommunicationRequest", "CompartmentDefinition", "Composition", "ConceptMap", "Condition", "Consent", "Contract", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDefinition", "DeviceMetric",
    "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis",
    "Encounter", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "EventDefinition", "Evidence",
    "EvidenceVariable", "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "GraphDefinition", "Group",
    "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation",
    "ImplementationGuide", "InsurancePlan", "Invoice", "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media",
    "Medication", "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest", "MedicationStatement",
    "MedicinalProduct", "MedicinalProductAuthorization", "MedicinalProductContraindication", "MedicinalProductIndication",
    "MedicinalProductIngredient", "MedicinalProductInteraction", "MedicinalProductManufactured", "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect", "MessageDefinition", "MessageHeader", "MolecularSequence",
    "NamingSystem", "NutritionOrder", "Observation", "ObservationDefinition", "OperationDefinition", "Organization",
    "OrganizationAffiliation", "Patient", "PaymentNotice", "PaymentReconciliation", "Person", "PlanDefinition", "Practitioner",
    "PractitionerRole", "Procedure", "Provenance", "Questionnaire", "QuestionnaireResponse", "RelatedPerson", "RequestGroup",
    "ResearchDefinition", "ResearchElementDefinition", "ResearchStudy", "ResearchSubject", "RiskAssessment", "RiskEvidenceSynthesis",
    "Schedule", "SearchParameter", "ServiceRequest", "Slot", "Specimen", "SpecimenDefinition", "StructureDefinition", "StructureMap",
    "Subscription", "Substance", "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
    "SubstanceSourceMaterial", "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task", "TerminologyCapabilities",
    "TestReport", "TestScript", "ValueSet", "VerificationResult", "VisionPrescription",
];

/// Search parameters of every type, with their types.
pub(super) const COMMON: [(&str, &str); 4] = [("_id", "token"), ("_lastUpdated", "date"), ("_tag", "token"), ("_security", "token")];

/// The type of that name; 404 when R4 has none.
pub(super) fn kind(name: &str) -> Result<&'static str, Fault> {
    let found = KINDS.binary_search(&name).ok().map(|at| KINDS[at]);
    found.ok_or_else(|| Fault::new(404, "not-supported", format!("`{name}` is no resource type that is kept here")))
}

/// The search parameters of a type beside the common ones.
pub(super) fn parameters(kind: &str) -> &'static [&'static str] {
    match kind {
        "Patient" | "Practitioner" | "PractitionerRole" | "Organization" | "Person" | "HealthcareService" | "Group" => &["identifier"],
        "Location" | "Questionnaire" | "PlanDefinition" | "ActivityDefinition" | "Library" | "Appointment" => &["identifier", "status"],
        "RelatedPerson" | "AllergyIntolerance" => &["identifier", "patient"],
        "EpisodeOfCare" | "Consent" | "Immunization" => &["identifier", "status", "patient"],
        "Condition" | "Goal" | "Flag" => &["identifier", "patient", "subject"],
        "CarePlan"
        | "CareTeam"
        | "Communication"
        | "CommunicationRequest"
        | "Composition"
        | "DiagnosticReport"
        | "DocumentReference"
        | "Encounter"
        | "List"
        | "MedicationRequest"
        | "Observation"
        | "Procedure"
        | "QuestionnaireResponse"
        | "ServiceRequest"
        | "Task" => &["identifier", "status", "patient", "subject"],
        "Provenance" => &["patient", "target"],
        _ => &[],
    }
}

/// What type of search parameter that is.
pub(super) fn parameter_type(name: &str) -> &'static str {
    match name {
        "patient" | "subject" | "target" => "reference",
        _ => "token",
    }
}

/// The element a reference parameter looks at.
pub(super) fn reference_element(kind: &str, parameter: &str) -> &'static str {
    match (kind, parameter) {
        ("Provenance", _) => "target",
        ("Task", _) => "for",
        ("AllergyIntolerance" | "Consent" | "EpisodeOfCare" | "Immunization" | "RelatedPerson", _) => "patient",
        _ => "subject",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_in_order_so_that_they_are_found() {
        assert!(KINDS.is_sorted());
        assert_eq!(kind("CarePlan").unwrap(), "CarePlan");
        assert_eq!(kind("careplan").unwrap_err().status, 404);
    }
}
