//! Organisations, HealthcareServices and routes, as configured.

/// Who there is.
#[derive(Debug, Default)]
pub struct Directory {}
