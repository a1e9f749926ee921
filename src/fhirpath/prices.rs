//! What a call takes, told before it is made: never less than it does.
//!
//! Most of the engine's functions walk their input once and give no more than they got. What does more is listed here, by the
//! engine's own code; what nobody needs, or nobody can bound, is refused.

use std::cell::RefCell;

use octofhir_fhirpath::core::node::FhirNode;
use octofhir_fhirpath::{Collection, FhirPathValue, Result};

use super::measure::{Size, VALUE, are_moderate_units, depth, node_depth};
use super::meter::{charge, left, refuse, remember, require, spend};
use super::rewrite::{COMPARED, SPREAD, STEP, TRACE};

/// How a function's or an operator's cost grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Price {
    /// With what it is given.
    Plain,
    /// As well, though its text may become some times as long.
    Text,
    /// With all that lies below what it is given.
    Deep,
    /// Text becomes a quantity.
    Quantity,
    /// Each value of the one with each of the other.
    Pairs,
    /// As a set: by hashes, where values have any.
    Distinct,
    Sorting,
    /// It puts text into text.
    Replacing,
    Joining,
    /// Each character may become a value.
    Splitting,
    Matching,
    Children,
    Descendants,
    /// Member access of the name that is its argument.
    Step,
    /// It gives back what it is given.
    Trace,
    Spread,
    Refused,
}

impl Price {
    pub fn of_function(name: &str) -> Self {
        match name {
            "intersect" | "exclude" | "subsetOf" | "supersetOf" | "indexOf" | "lastIndexOf" => Self::Pairs,
            "distinct" | "isDistinct" | "union" => Self::Distinct,
            "toQuantity" | "convertsToQuantity" => Self::Quantity,
            "encode" | "decode" | "escape" | "unescape" | "upper" | "lower" | "trim" | "substring" => Self::Text,
            "sort" => Self::Sorting,
            "replace" => Self::Replacing,
            "join" => Self::Joining,
            "split" | "toChars" => Self::Splitting,
            "matches" | "matchesFull" | "replaceMatches" => Self::Matching,
            "children" => Self::Children,
            "descendants" => Self::Descendants,
            STEP => Self::Step,
            SPREAD => Self::Spread,
            TRACE => Self::Trace,
            _ if PLAIN.contains(&name) => Self::Plain,
            _ if DEEP.contains(&name) => Self::Deep,
            _ => Self::Refused,
        }
    }

    pub fn of_operator(symbol: &str) -> Self {
        match symbol {
            "=" | "!=" => Self::Deep,
            "~" | "!~" | "in" | "contains" => Self::Pairs,
            "|" => Self::Distinct,
            _ => Self::Plain,
        }
    }

    /// Takes what the call is going to take, save what it gives.
    pub fn charge(self, input: &Collection, others: &[Collection]) -> Result<()> {
        let (given, beside) = (Size::of(input), Size::of_all(others));
        let all = given.and(beside);
        let is_text = self == Self::Quantity;
        let mut both = std::iter::once(input).chain(others);
        if (all.quantities > 0 || is_text) && !both.all(|values| are_moderate_units(values, is_text)) {
            return refuse();
        }
        charge(all.quantities.saturating_mul(QUANTITY), 0)?;
        charge(CALL + 3 * all.values + all.bytes / 64, 0)?;
        match self {
            Self::Plain => require(all.bytes),
            Self::Text => require(8 * all.bytes),
            Self::Quantity => charge(given.values.saturating_mul(QUANTITY), 0),
            Self::Deep => below(input, others).map(drop),
            Self::Pairs => {
                let deepest = below(input, others)?;
                let pairs = given.values.max(1).saturating_mul(beside.values);
                let converting = if all.quantities > 0 { QUANTITY } else { 0 };
                charge(pairs.saturating_mul(4 + all.longest / 32 + converting), 0)?;
                charge(pairs.min(deepest.saturating_mul(all.values)), 0)
            }
            Self::Distinct => {
                below(input, others)?;
                let unhashed = std::iter::once(input).chain(others).flatten().filter(|value| !is_hashed(value)).count() as u64;
                let converting = if all.quantities > 0 { QUANTITY } else { 0 };
                charge(all.values.saturating_mul(unhashed).saturating_mul(8 + converting), 0)
            }
            Self::Sorting => {
                charge(all.values.saturating_mul(u64::from(all.values.max(2).ilog2())).saturating_mul(4 + all.longest / 32), 0)
            }
            Self::Replacing => require(2 * (given.bytes + given.values).saturating_mul(beside.bytes + 1)),
            Self::Joining => require(2 * given.bytes + given.values.saturating_mul(beside.bytes)),
            Self::Splitting => require((given.bytes + 1).saturating_mul(VALUE + 8)),
            Self::Matching => matching(given, others),
            Self::Children | Self::Descendants => input.iter().try_for_each(|value| self.tree(value)),
            Self::Step => match others.first().and_then(Collection::first) {
                Some(FhirPathValue::String(name, ..)) => input.iter().try_for_each(|value| step(value, name)),
                _ => refuse(),
            },
            Self::Spread => {
                let is_flat = !input.iter().any(|value| matches!(value, FhirPathValue::Collection(_)));
                charge(0, if is_flat { 0 } else { given.bytes })
            }
            Self::Trace if !is_compared(others) => charge(2 * given.values, given.bytes),
            Self::Trace => {
                let below = below(input, others)?;
                charge(below * 4, given.bytes.saturating_add(below.saturating_mul(64)))
            }
            Self::Refused => refuse(),
        }
    }

    /// The call gives what it was given, and shares it.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Step | Self::Spread | Self::Trace)
    }

    fn tree(self, value: &FhirPathValue) -> Result<()> {
        let node = match value {
            FhirPathValue::Resource(node, ..) => node,
            FhirPathValue::Collection(values) => return values.iter().try_for_each(|value| self.tree(value)),
            _ => return Ok(()),
        };
        if self == Self::Children {
            let count = node.entries().map(|(_, member)| member.as_array().map_or(1, <[_]>::len) as u64).sum::<u64>();
            charge(2 * count, 0)?;
            return require(count * VALUE);
        }
        let count = node_depth(node, left());
        spend(6 * count)?;
        require(2 * count.saturating_mul(VALUE))?;
        remember(count.saturating_mul(VALUE))
    }
}

fn is_compared(others: &[Collection]) -> bool {
    matches!(others.first().and_then(Collection::first), Some(FhirPathValue::String(text, ..)) if text == COMPARED)
}

/// What lies below, counted and charged.
fn below(input: &Collection, others: &[Collection]) -> Result<u64> {
    let count = std::iter::once(input).chain(others).fold(0, |count, values| count + depth(values, left().saturating_sub(count)));
    spend(2 * count)?;
    require(count.saturating_mul(64))?;
    Ok(count)
}

/// As the engine goes from an object to the members of that name, or that begin with it.
fn step(value: &FhirPathValue, name: &str) -> Result<()> {
    let node = match value {
        FhirPathValue::Resource(node, ..) => node,
        FhirPathValue::Collection(values) => return values.iter().try_for_each(|value| step(value, name)),
        FhirPathValue::Empty => return Ok(()),
        _ => return charge(2, VALUE + Size::of(&Collection::single(value.clone())).bytes),
    };
    if name.starts_with(char::is_uppercase) {
        return charge(2, VALUE);
    }
    let FhirNode::Object(members) = node else { return charge(2, 0) };
    charge(2 + members.len() as u64 / 4, 0)?;
    for (member, value) in members.iter() {
        if member.strip_prefix('_') == Some(name) {
            let below = node_depth(value, left());
            spend(2 * below)?;
            charge(0, below.saturating_mul(512))?;
        }
        if !member.starts_with(name) {
            continue;
        }
        match value {
            FhirNode::Array(elements) => elements.iter().try_for_each(one)?,
            other => one(other)?,
        }
    }
    Ok(())
}

fn one(node: &FhirNode) -> Result<()> {
    match node {
        FhirNode::Object(_) => charge(2, VALUE),
        FhirNode::Str(text) => charge(2 + text.len() as u64 / 64, VALUE + text.len() as u64),
        other => {
            let below = node_depth(other, left());
            spend(2 * below)?;
            charge(0, VALUE.saturating_mul(below))
        }
    }
}

fn matching(given: Size, others: &[Collection]) -> Result<()> {
    let text = |at: usize| match others.get(at).and_then(Collection::first) {
        Some(FhirPathValue::String(text, ..)) => text.as_str(),
        _ => "",
    };
    let pattern = pattern_size(text(0));
    if pattern > LARGEST_PATTERN {
        return refuse();
    }
    if !RECENT.with_borrow(|recent| recent.iter().any(|known| known == text(0))) {
        charge(pattern * COMPILING, 0)?;
        RECENT.with_borrow_mut(|recent| {
            recent.truncate(RECENT_PATTERNS - 1);
            recent.insert(0, text(0).to_owned());
        });
    }
    charge(pattern / 16 + given.bytes.saturating_mul(2 + pattern / 4), 0)?;
    // each character may be a match, for which the replacement is put together from its parts
    let replacing = if others.len() > 1 { REPLACING + text(1).len() as u64 } else { 0 };
    charge((given.bytes + given.values).saturating_mul(replacing), 0)?;
    require(2 * (given.bytes + given.values).saturating_mul(text(1).len() as u64 + 1))
}

/// What a compiled pattern has about as many states as: repetitions multiply what they repeat.
pub fn pattern_size(pattern: &str) -> u64 {
    // what each open group has so far, and the last thing in it
    let mut groups = vec![(0u64, 0u64)];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let item = match c {
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' if groups.len() > 1 => groups.pop().map_or(0, |(sum, last)| sum.saturating_add(last)),
            '{' => {
                let mut most = 0;
                let mut number = 0u64;
                for c in chars.by_ref().take_while(|&c| c != '}') {
                    number = c.to_digit(10).map_or(0, |digit| number.saturating_mul(10).saturating_add(digit.into()));
                    most = most.max(number);
                }
                if let Some((_, last)) = groups.last_mut() {
                    *last = last.saturating_mul(most.max(1)).saturating_add(1);
                }
                continue;
            }
            '\\' => {
                let class = chars.next();
                if class.is_some_and(|class| "pP".contains(class)) && chars.next() == Some('{') {
                    chars.by_ref().take_while(|&c| c != '}').for_each(drop);
                }
                if class.is_some_and(|class| "pPwW".contains(class)) { 1000 } else { 100 }
            }
            '[' | '.' => 50,
            _ => 4,
        };
        if let Some((sum, last)) = groups.last_mut() {
            *sum = sum.saturating_add(*last);
            *last = item;
        }
    }
    groups.into_iter().fold(0, |all, (sum, last)| all.saturating_add(sum).saturating_add(last))
}

fn is_hashed(value: &FhirPathValue) -> bool {
    use FhirPathValue::{Boolean, Decimal, Integer, Resource, String};
    match value {
        Resource(_, info, _) => info.type_name != "Quantity",
        Integer(..) | Decimal(..) | Boolean(..) | String(..) => true,
        _ => false,
    }
}

/// Of every call.
const CALL: u64 = 10;
/// Of every quantity, which may be converted.
const QUANTITY: u64 = 500;
const LARGEST_PATTERN: u64 = 50_000;
/// The engine remembers more patterns than are remembered here.
const RECENT_PATTERNS: usize = 16;
/// Of each match that is replaced.
const REPLACING: u64 = 8;
/// Of each part of a pattern that is new.
const COMPILING: u64 = 50;

thread_local! {
    static RECENT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[rustfmt::skip]
const PLAIN: [&str; 62] = [
    "abs", "aggregate", "all", "allFalse", "allTrue", "anyFalse", "anyTrue", "as", "avg", "ceiling", "coalesce", "combine",
    "comparable", "contains", "count", "dayOf", "defineVariable", "difference", "duration", "empty", "endsWith",
    "exists", "exp", "first", "floor", "highBoundary", "hourOf", "iif", "is", "last", "length", "ln", "log", "lowBoundary",
    "max", "millisecond", "min", "minuteOf", "monthOf", "not", "now", "ofType", "power", "precision", "repeat", "round",
    "secondOf", "select", "single", "skip", "sqrt", "startsWith", "sum", "tail", "take", "timeOfDay", "timezoneOffsetOf",
    "today", "truncate", "where", "yearOf", "type",
];

#[rustfmt::skip]
const DEEP: [&str; 19] = [
    "convertsToBoolean", "convertsToDate", "convertsToDateTime", "convertsToDecimal", "convertsToInteger",
    "convertsToString", "convertsToTime", "extension", "getValue", "hasValue", "ordinal", "toBoolean", "toDate", "toDateTime", "toDecimal",
    "toInteger", "toString", "toTime", "weight",
];
