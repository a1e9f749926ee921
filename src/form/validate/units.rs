//! The unit of a quantity: one of those asked for?

use neuvola_fhir::Node;

use super::tell::Tell;
use super::{answer, wanted};
use crate::form::questionnaire::{Item, UnitOpen};
use crate::issue::told::{Told, Unchecked};

pub(super) fn check(item: &Item, quantity: &Node<'_>, tell: &mut Tell<'_>) {
    let is_free = item.units.is_empty() && item.unit_value_set.is_none();
    if is_free || item.units.iter().any(|unit| unit.is_of(quantity)) {
        return;
    }
    let (code, system) = (quantity.text("code"), quantity.text("system"));
    let is_taken = match &item.unit_open {
        UnitOpen::No => false,
        UnitOpen::Coded(wanted) => code.is_some() && wanted.as_deref().is_none_or(|wanted| system == Some(wanted)),
        UnitOpen::Text => code.is_none() && system.is_none() && quantity.text("unit").is_some(),
    };
    if is_taken {
        return;
    }
    if item.units_unknown && code.is_some() {
        let canonical = item.unit_value_set.as_deref().unwrap_or_default();
        tell.not_checked(Unchecked::Unit, answer::value_set(item, canonical));
    } else if code.is_none() && item.unit_open != UnitOpen::Text {
        tell.refuse(Told::NoUnit { units: wanted::units(item) });
    } else {
        tell.refuse(Told::OtherUnit { units: wanted::units(item) });
    }
}
