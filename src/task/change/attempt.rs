//! Attempts ("called, no answer"): what says that there was one, and their count, which is the adapter's.
//!
//! An attempt is told in one of three ways, and by nothing else:
//!
//! * `businessStatus` becomes `no-answer` where it was another;
//! * a JSON Patch writes `businessStatus`, whole or a part, and leaves it `no-answer`: who names it, says it;
//! * the extension `callback-attempts` of `no-answer` is the number before and one: what a `PUT` says of a further attempt,
//!   for everything else in it may be there because it was read so.
//!
//! Whatever else could mean one is refused, with what is right: a note is none, another number is none.

use serde_json::{Value, json};

use crate::issue::Issue;
use crate::task::callback::{ATTEMPTS, CallbackTask};

/// How an update came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// `PUT`: the whole Task.
    Whole,
    Patch {
        /// An operation wrote `/businessStatus` or something in it, the extensions apart.
        business_status: bool,
    },
}

/// What `$allowed-transitions` and refusals say about it.
pub const SIGNAL: &str = "`businessStatus` becomes `no-answer`; where it is `no-answer` already, a JSON Patch writes `/businessStatus` with \
                          `no-answer` again, or a PUT has `callback-attempts` one higher than read";

/// Whether the update says that the client was called without an answer.
///
/// # Errors
/// It says so in a way that cannot be counted.
pub(super) fn told(old: &CallbackTask, new: &CallbackTask, update: Update) -> Result<bool, Box<Issue>> {
    let is_no_answer = |task: &CallbackTask| task.index.business_status.as_deref() == Some(NO_ANSWER);
    let before = u64::from(old.index.attempts);
    let named = matches!(update, Update::Patch { business_status: true });
    let said = is_no_answer(new) && (named || !is_no_answer(old));
    let refused = |message: &str| {
        let next = before + 1;
        let right = match before {
            0 => "leave `callback-attempts` out, or say 1 with the first attempt".to_owned(),
            _ => format!("`callback-attempts` is {before} as read, or {next} with `no-answer` for a further attempt; {SIGNAL}"),
        };
        Err(Box::new(Issue::error("business-rule", "attempts", PLACE, message).remedy(right)))
    };
    match numbers(new).as_slice() {
        [] if said || !is_no_answer(new) || before == 0 => Ok(said),
        [] => refused("`callback-attempts` is missing: whether there was a further attempt cannot be told"),
        [Some(number)] if *number == before => Ok(said),
        [Some(number)] if *number == before + 1 && is_no_answer(new) => Ok(true),
        [Some(number)] if *number == before + 1 => refused("a further attempt is counted with `no-answer`"),
        [_] => refused("`callback-attempts` is neither the number of attempts nor the next one"),
        _ => refused("there can be one `callback-attempts` only"),
    }
}

/// What was sent as the count.
fn numbers(task: &CallbackTask) -> Vec<Option<u64>> {
    let extensions = task.body.get("businessStatus").and_then(|status| status["extension"].as_array());
    let ours = extensions.into_iter().flatten().filter(|extension| extension["url"] == ATTEMPTS);
    ours.map(|extension| extension["valuePositiveInt"].as_u64()).collect()
}

/// The count in the Task becomes the old one and `more`. With a count, `businessStatus` stays.
pub(super) fn put_count(old: &CallbackTask, new: &mut CallbackTask, more: u32) {
    let count = old.index.attempts.saturating_add(more);
    if count > 0
        && !new.body.contains_key("businessStatus")
        && let Some(kept) = old.body.get("businessStatus")
    {
        new.body.insert("businessStatus".to_owned(), kept.clone());
        new.index.business_status = old.index.business_status.clone();
    }
    if let Some(Value::Object(status)) = new.body.get_mut("businessStatus") {
        let mut extensions: Vec<Value> = match status.shift_remove("extension") {
            Some(Value::Array(list)) => list.into_iter().filter(|extension| extension["url"] != ATTEMPTS).collect(),
            _ => Vec::new(),
        };
        if count > 0 {
            extensions.push(json!({"url": ATTEMPTS, "valuePositiveInt": count}));
        }
        if !extensions.is_empty() {
            // extensions come first, as R4 prints them; equality does not look at order
            status.shift_insert(0, "extension".to_owned(), Value::Array(extensions));
        }
    }
    new.index.attempts = count;
}

/// The code of our `callback-business-status` that says so.
const NO_ANSWER: &str = "no-answer";
const PLACE: &str = "Task.businessStatus";
