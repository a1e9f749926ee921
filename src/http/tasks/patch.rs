//! JSON Patch (RFC 6902) on a Task, each fault with the operation's number and why it does not fit.

use json_patch::{PatchErrorKind, PatchOperation};
use serde_json::Value;

use crate::issue::Issue;
use crate::refusal::Refusal;
use crate::task::change::Update;

/// What `bytes` makes of `task`, and what it says by naming elements.
///
/// # Errors
/// 400 for what is no patch, 422 for one that does not fit the Task as it is.
pub(super) fn patched(mut task: Value, bytes: &[u8], most: usize) -> Result<(Value, Update), Refusal> {
    let operations = operations(bytes)?;
    for (number, operation) in operations.iter().enumerate() {
        json_patch::patch(&mut task, std::slice::from_ref(operation)).map_err(|error| unfit(number, operation, &error.kind))?;
        // copies of copies double with each operation
        if matches!(operation, PatchOperation::Copy(_)) && task.to_string().len() > most {
            return Err(Refusal::Unreadable(vec![Issue::error("too-long", "patch", format!("[{number}]"), "the Task becomes too large")]));
        }
    }
    Ok((task, Update::Patch { business_status: operations.iter().any(writes_business_status) }))
}

fn operations(bytes: &[u8]) -> Result<Vec<PatchOperation>, Refusal> {
    let malformed = |place: String, message: &str, remedy: &str| {
        Refusal::Unreadable(vec![Issue::error("structure", "patch", place, message).remedy(remedy)])
    };
    let Ok(Value::Array(list)) = serde_json::from_slice(bytes) else {
        return Err(malformed(String::new(), "the body is no JSON Patch (RFC 6902): an array of operations", EXAMPLE));
    };
    if list.len() > MOST_OPERATIONS {
        return Err(Refusal::Unreadable(vec![Issue::error("too-long", "patch", "", format!("more than {MOST_OPERATIONS} operations"))]));
    }
    let mut operations = Vec::new();
    for (number, given) in list.into_iter().enumerate() {
        let at = |member: &str| format!("[{number}]{member}");
        let word = given["op"].as_str().filter(|word| OPERATIONS.contains(word));
        let Some(word) = word.map(str::to_owned) else {
            return Err(malformed(at(".op"), "`op` is missing or none of JSON Patch", &OPERATIONS.join(", ")));
        };
        let mut needed = vec!["path"];
        needed.extend(matches!(&*word, "move" | "copy").then_some("from"));
        for name in needed {
            match given[name].as_str() {
                None => return Err(malformed(at(&format!(".{name}")), &format!("`{word}` needs a `{name}`"), EXAMPLE)),
                Some(path) if !path.is_empty() && !path.starts_with('/') => {
                    let message = format!("`{name}` of `{word}` is no JSON Pointer: one begins with `/`");
                    return Err(malformed(at(&format!(".{name}")), &message, EXAMPLE));
                }
                Some(_) => {}
            }
        }
        if matches!(&*word, "add" | "replace" | "test") && given.get("value").is_none() {
            return Err(malformed(at(".value"), &format!("`{word}` needs a `value`"), EXAMPLE));
        }
        let read = serde_json::from_value(given);
        operations.push(read.map_err(|_| malformed(at(""), "the operation is none of JSON Patch (RFC 6902)", EXAMPLE))?);
    }
    Ok(operations)
}

/// Why an operation does not fit; no value is repeated.
fn unfit(number: usize, operation: &PatchOperation, kind: &PatchErrorKind) -> Refusal {
    let from = match operation {
        PatchOperation::Move(given) => Some(given.from.as_str()),
        PatchOperation::Copy(given) => Some(given.from.as_str()),
        _ => None,
    };
    let path = operation.path().as_str();
    let message = match kind {
        PatchErrorKind::TestFailed => format!("{} is not what `test` says", named(path)),
        PatchErrorKind::InvalidFromPointer => format!("no such element: {}", named(from.unwrap_or_default())),
        PatchErrorKind::InvalidPointer => format!("no such element: {}", named(path)),
        _ => "nothing can be moved into itself".to_owned(),
    };
    let issue = Issue::error("business-rule", "patch", format!("[{number}]"), message);
    Refusal::Change(vec![
        issue.remedy("a path goes by the Task as JSON, read again: `/status`, `/note/-`; `add` puts what is not there yet"),
    ])
}

/// A path by its name, as far as it looks like names of elements and places in lists: anything else might tell of somebody.
fn named(path: &str) -> String {
    let is_name = |token: &str| (1..=40).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_place = |token: &str| token == "-" || (1..=3).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_digit());
    let plain = path.split('/').skip(1).all(|token| is_name(token) || is_place(token));
    if plain && path.len() <= 200 { format!("`{path}`") } else { "the path".to_owned() }
}

fn writes_business_status(operation: &PatchOperation) -> bool {
    let of_status = |path: &str| {
        let below = path.strip_prefix("/businessStatus");
        below.is_some_and(|below| below.is_empty() || below.starts_with('/') && !below.starts_with("/extension"))
    };
    let writes = !matches!(operation, PatchOperation::Test(_) | PatchOperation::Remove(_));
    writes && of_status(operation.path().as_str())
}

const EXAMPLE: &str = "`[{\"op\": \"replace\", \"path\": \"/status\", \"value\": \"accepted\"}]`";
const OPERATIONS: [&str; 6] = ["add", "copy", "move", "remove", "replace", "test"];
/// Of one patch.
const MOST_OPERATIONS: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issue(patch: &Value) -> Issue {
        let task = json!({"resourceType": "Task", "status": "requested", "note": [{"text": "one"}]});
        match patched(task, patch.to_string().as_bytes(), 10_000) {
            Err(Refusal::Unreadable(mut issues) | Refusal::Change(mut issues)) => issues.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_operation_that_does_not_fit_is_told_by_its_number_with_the_path_that_is_not_there() {
        let good = json!({"op": "replace", "path": "/status", "value": "accepted"});
        for (bad, place, says) in [
            (json!({"op": "replace", "path": "/statuss", "value": "accepted"}), "[1]", "no such element: `/statuss`"),
            (json!({"op": "remove", "path": "/note/7"}), "[1]", "no such element: `/note/7`"),
            (json!({"op": "move", "from": "/focus", "path": "/owner"}), "[1]", "no such element: `/focus`"),
            (json!({"op": "test", "path": "/status", "value": "requested"}), "[1]", "`/status` is not what `test` says"),
            (json!({"op": "replace", "path": "status", "value": "x"}), "[1].path", "`path` of `replace` is no JSON Pointer"),
            (json!({"op": "replace", "value": "x"}), "[1].path", "`replace` needs a `path`"),
            (json!({"op": "replace", "path": "/status"}), "[1].value", "`replace` needs a `value`"),
            (json!({"op": "merge", "path": "/status"}), "[1].op", "`op` is missing or none of JSON Patch"),
            (json!("status"), "[1].op", "`op` is missing"),
        ] {
            let issue = issue(&json!([good, bad]));
            assert_eq!(issue.place, place, "{bad}");
            assert!(issue.message.starts_with(says), "{}", issue.message);
        }
        let private = issue(&json!([{"op": "replace", "path": "/010190-999X", "value": 1}]));
        assert!(!format!("{private:?}").contains("999X"));
    }

    #[test]
    fn a_patch_that_writes_the_business_status_says_so_and_one_that_tests_or_counts_does_not() {
        let writes = |operation: Value| {
            let task = json!({"businessStatus": {"text": "a", "coding": [{"code": "b"}], "extension": [{"valuePositiveInt": 1}]}});
            patched(task, json!([operation]).to_string().as_bytes(), 10_000).unwrap().1 == Update::Patch { business_status: true }
        };
        assert!(writes(json!({"op": "replace", "path": "/businessStatus/coding/0/code", "value": "no-answer"})));
        assert!(writes(json!({"op": "add", "path": "/businessStatus", "value": {}})));
        assert!(!writes(json!({"op": "test", "path": "/businessStatus/text", "value": "a"})));
        assert!(!writes(json!({"op": "remove", "path": "/businessStatus/text"})));
        assert!(!writes(json!({"op": "replace", "path": "/businessStatus/extension/0/valuePositiveInt", "value": 2})));
        assert!(!writes(json!({"op": "add", "path": "/businessStatusX", "value": 2})));
    }
}
