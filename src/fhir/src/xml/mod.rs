//! FHIR XML beside JSON: <https://hl7.org/fhir/R4/xml.html>
//!
//! XML becomes JSON at the door and JSON becomes XML on the way out; everything between speaks JSON. fhirbolt's tables of
//! R4 (which elements a type has, in which order, which of them repeat, which are numbers) tell what stands where. Its own
//! XML reader is not used: it takes truncated documents, panics on hostile namespaces, knows no limit of depth, loses
//! spaces in narratives, and its errors carry no place. quick-xml splits the document into tokens; the rest is ours.
//!
//! | XML | here |
//! |---|---|
//! | encoding | UTF-8 only, with or without BOM and declaration |
//! | document types, entities of one's own, processing instructions, CDATA outside narratives | refused |
//! | namespace | every element in FHIR's, by default or by prefix; the narrative in XHTML's, declared on its `div` |
//! | order of elements | R4's |
//! | comments | left out: they are no content |
//! | `Narrative.div` | letter by letter, both ways |
//! | numbers | digit by digit, both ways |

mod json;
mod markup;
mod narrative;
mod read;
mod shape;
mod write;

use std::borrow::Cow;

use crate::read::{Fault, Limits};

pub use narrative::is_same_narrative;
pub use write::xml_of_json;

/// What begins as XML does: its first character is `<`.
#[must_use]
pub fn is_xml(document: &[u8]) -> bool {
    without_bom(document).trim_ascii_start().first() == Some(&b'<')
}

/// Without the byte order mark that some programs begin UTF-8 with: RFC 8259 lets a reader ignore it.
#[must_use]
pub fn without_bom(document: &[u8]) -> &[u8] {
    document.strip_prefix(BOM).unwrap_or(document)
}

/// The document as JSON: XML is converted, of anything else a byte order mark alone is left out; [`crate::read`] judges it.
///
/// # Errors
/// Every fault of the XML, each with its place, line and column.
pub fn to_json_document(document: &[u8], limits: Limits) -> Result<Cow<'_, [u8]>, Vec<Fault>> {
    if is_xml(document) { json_of_xml(document, limits).map(Cow::Owned) } else { Ok(Cow::Borrowed(without_bom(document))) }
}

/// One resource as JSON.
///
/// # Errors
/// Every fault, each with its place, line and column; what is not well-formed ends the list.
pub fn json_of_xml(document: &[u8], limits: Limits) -> Result<Vec<u8>, Vec<Fault>> {
    read::resource(document, limits).map(|resource| json::print(&resource))
}

const BOM: &[u8] = "\u{feff}".as_bytes();
const FHIR: &str = "http://hl7.org/fhir";
const XHTML: &str = "http://www.w3.org/1999/xhtml";

#[cfg(test)]
mod tests;
