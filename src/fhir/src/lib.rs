//! Reading and printing FHIR R4.
//!
//! What comes in is read as a [`Node`]: a borrowed tree that keeps numbers as text and knows where each value stands.
//! What goes out is built from fhirbolt's R4 types ([`model`]) and printed here, behind non-generic functions: the
//! generated serialisers are compiled once, in this crate, and not again in every crate that calls them.
//! XML is converted to JSON before, and from JSON after.

mod node;
mod place;
mod print;
mod read;
mod xml;

pub use fhirbolt::model::r4 as model;
pub use node::{Kind, Node, Value};
pub use place::{LineColumn, Place, Step};
pub use print::{NotR4, parse, print, print_pretty};
pub use read::{Fault, FaultKind, Limits, read, read_anyway, read_with};
pub use xml::{is_same_narrative, is_xml, json_of_xml, to_json_document, without_bom, xml_of_json};
