//! What one interaction asks of the store, whether it came alone or as an entry of a transaction Bundle.
//! <https://hl7.org/fhir/R4/bundle.html#Bundle.entry.request>

use serde_json::{Map, Value};

use crate::sandbox::fault::Fault;
use crate::sandbox::kinds;
use crate::sandbox::search::split_url;
use crate::sandbox::store::Version;

/// One interaction.
pub(super) struct Request {
    /// Where it stands in its Bundle.
    pub(super) place: Option<String>,
    pub(super) full_url: Option<String>,
    pub(super) kind: &'static str,
    pub(super) action: Action,
}

pub(super) enum Action {
    Create { body: Map<String, Value>, condition: Option<String> },
    Update { id: String, body: Map<String, Value>, wanted: Option<IfMatch> },
    Delete { id: String, wanted: Option<IfMatch> },
    Read { id: String },
    Search { query: String },
}

/// The version that the caller has seen.
pub(super) enum IfMatch {
    Any,
    Number(u64),
}

impl IfMatch {
    /// Reads `W/"3"`, `"3"`, `3` or `*`.
    pub(super) fn parse(text: &str) -> Result<IfMatch, Fault> {
        let text = text.trim();
        if text == "*" {
            return Ok(IfMatch::Any);
        }
        let number = text.strip_prefix("W/").unwrap_or(text).trim_matches('"').parse();
        number.map(IfMatch::Number).map_err(|_| Fault::invalid("If-Match takes one version, as in `W/\"3\"`"))
    }

    /// 412 unless the current version is the one wanted.
    pub(super) fn admit(&self, current: Option<&Version>) -> Result<(), Fault> {
        match (self, current) {
            (IfMatch::Any, Some(_)) => Ok(()),
            (IfMatch::Number(wanted), Some(current)) if *wanted == current.number => Ok(()),
            (_, Some(current)) => Err(Fault::precondition(format!("the current version is {}, not the one in If-Match", current.number))),
            (_, None) => Err(Fault::precondition("If-Match names a version, but there is no such resource")),
        }
    }
}

/// The entries of a transaction Bundle.
///
/// # Errors
/// 400 for whatever is not a transaction that can be run as a whole.
pub(super) fn transaction(bundle: Map<String, Value>) -> Result<Vec<Request>, Fault> {
    if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return Err(Fault::invalid("what is posted to the base is a Bundle"));
    }
    match bundle.get("type").and_then(Value::as_str) {
        Some("transaction") => {}
        Some("batch") => return Err(Fault::not_supported("batches are not processed here; send a transaction")),
        _ => return Err(Fault::invalid("`Bundle.type` is not `transaction`")),
    }
    let entries = match bundle.into_iter().find(|(member, _)| member == "entry") {
        Some((_, Value::Array(entries))) => entries,
        Some(_) => return Err(Fault::invalid("`Bundle.entry` is not a list")),
        None => Vec::new(),
    };
    let place = |at| format!("Bundle.entry[{at}]");
    entries.into_iter().enumerate().map(|(at, entry)| read_entry(entry, place(at)).map_err(|fault| fault.at(Some(&place(at))))).collect()
}

fn read_entry(mut entry: Value, place: String) -> Result<Request, Fault> {
    let request = entry["request"].take();
    let text = |member| request.get(member).and_then(Value::as_str);
    let (Some(method), Some(url)) = (text("method"), text("url")) else {
        return Err(Fault::invalid("an entry of a transaction has `request.method` and `request.url`"));
    };
    if text("ifNoneMatch").or(text("ifModifiedSince")).is_some() {
        return Err(Fault::not_supported("`ifNoneMatch` and `ifModifiedSince` are not done in transactions here"));
    }
    let (kind, id, query) = split_url(url)?;
    let full_url = entry["fullUrl"].as_str().map(String::from);
    let wanted = text("ifMatch").map(IfMatch::parse).transpose()?;
    let mut body = || match entry["resource"].take() {
        Value::Null => Err(Fault::invalid("the entry has no `resource`")),
        resource => resource_of(kind, resource),
    };
    let action = match (method, id, query) {
        ("POST", None, None) => Action::Create { body: body()?, condition: text("ifNoneExist").map(String::from) },
        ("PUT", Some(id), None) => Action::Update { id: id.to_owned(), body: body()?, wanted },
        ("DELETE", Some(id), None) => Action::Delete { id: id.to_owned(), wanted },
        ("GET", Some(id), None) => Action::Read { id: id.to_owned() },
        ("GET", None, query) => Action::Search { query: query.unwrap_or_default().to_owned() },
        ("PUT" | "DELETE", None, Some(_)) => return Err(Fault::not_supported("conditional updates and deletes are not done here")),
        _ => return Err(Fault::not_supported("an entry is POST `Type`, PUT, DELETE or GET `Type/id`, or GET `Type?query`")),
    };
    if method != "POST" && text("ifNoneExist").is_some() {
        return Err(Fault::invalid("`ifNoneExist` belongs to POST"));
    }
    Ok(Request { place: Some(place), full_url, kind, action })
}

/// The resource as an object of that type, its id and meta usable.
pub(super) fn resource_of(kind: &str, resource: Value) -> Result<Map<String, Value>, Fault> {
    let Value::Object(body) = resource else { return Err(Fault::invalid("a resource is a JSON object")) };
    let Some(named) = body.get("resourceType").and_then(Value::as_str) else {
        return Err(Fault::invalid("the resource has no `resourceType`"));
    };
    kinds::kind(named).map_err(|_| Fault::invalid("`resourceType` names no type that is kept here"))?;
    if named != kind {
        return Err(Fault::invalid(format!("the URL says `{kind}`, the resource `{named}`")));
    }
    if body.get("id").is_some_and(|id| !id.is_string()) || body.get("meta").is_some_and(|meta| !meta.is_object()) {
        return Err(Fault::invalid("`id` is a string and `meta` an object"));
    }
    Ok(body)
}

/// An id that a client may give to a resource: FHIR's, and not a number alone, for those are ours.
pub(super) fn check_new_id(id: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
        return Err(Fault::invalid("an id has 1 to 64 letters, digits, `-` and `.`"));
    }
    if id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::invalid("there is no such resource, and a client may not give it an id of digits alone"));
    }
    Ok(())
}
