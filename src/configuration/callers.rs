//! Callers, and how they prove who they are.

use std::collections::BTreeSet;

use aws_lc_rs::digest;

use super::parties::known_unit;
use super::{Entry, Mistakes, SandboxCaller, unhex, wire};
use crate::caller::{Caller, Callers, Proof, Role};

/// Where tokens come from.
pub(super) enum Tokens<'a> {
    /// Their hashes are in the file.
    Configured,
    /// Made at start, for a sandbox.
    Given { next: &'a mut dyn FnMut() -> String, made: Vec<SandboxCaller> },
}

pub(super) fn build(
    given: Vec<Entry<wire::Caller>>,
    units: &BTreeSet<String>,
    tokens: &mut Tokens<'_>,
    mistakes: &mut Mistakes,
) -> Callers {
    let mut known: Vec<(Caller, Proof)> = Vec::new();
    let mut names = BTreeSet::new();
    let mut hashes = BTreeSet::new();
    for Entry { table, read, .. } in given {
        let Some(wire::Caller { name, mut roles, organizations, token_sha256 }) = read else { continue };
        if !is_name(&name) {
            mistakes.add(&table, "name", "no name of a caller", "1 to 64 letters, digits, `-`, `_`, `.`");
        } else if !names.insert(name.clone()) {
            mistakes.add(&table, "name", "used twice", "give each caller its own; several tokens of one go into `token-sha256`");
        }
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            let codes = Role::ALL.map(Role::code).join(", ");
            mistakes.add(&table, "roles", "it may do nothing", format!("some of {codes}"));
        }
        if organizations.is_empty() && roles.iter().any(|role| SPEAKING.contains(role)) {
            let codes = SPEAKING.map(Role::code).join(", ");
            mistakes.add(&table, "organizations", "it speaks for nobody", format!("name those it speaks for: {codes} must"));
        }
        for id in &organizations {
            known_unit(units, &table, "organizations", id, mistakes);
        }
        let caller = Caller { name, roles, organizations };
        match tokens {
            Tokens::Configured => {
                let listed = token_sha256.map(|words| words.0).unwrap_or_default();
                if listed.is_empty() {
                    mistakes.add(&table, "token-sha256", "it cannot prove who it is", TOKEN);
                }
                for text in listed {
                    match unhex(&text) {
                        None => mistakes.add(&table, "token-sha256", "no SHA-256", TOKEN),
                        Some(hash) if !hashes.insert(hash) => {
                            mistakes.add(&table, "token-sha256", "this token is listed twice", "give every caller tokens of its own");
                        }
                        Some(hash) => known.push((caller.clone(), Proof::Bearer(hash))),
                    }
                }
            }
            Tokens::Given { next, made } => {
                let token = next();
                let mut hash = [0; 32];
                hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
                let Caller { name, roles, organizations } = caller.clone();
                made.push(SandboxCaller { name, roles, organizations, token });
                known.push((caller, Proof::Bearer(hash)));
            }
        }
    }
    Callers::new(known, None)
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Roles that mean nothing without an organisation.
const SPEAKING: [Role; 4] = [Role::ChatPlatform, Role::Requester, Role::Owner, Role::Tester];
const TOKEN: &str = "64 hexadecimal digits, as `printf %s \"$TOKEN\" | sha256sum` prints; a list of them while a token is replaced";
