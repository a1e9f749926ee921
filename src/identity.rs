//! Who is who: business identifiers, the Finnish identity code, and the identifiers that we give.

use std::fmt;

use uuid::Uuid;

/// A business identifier. `Debug` never shows its value: it may be an identity code.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    pub system: String,
    pub value: String,
}

impl fmt::Debug for Identifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Identifier").field("system", &self.system).finish_non_exhaustive()
    }
}

/// The Finnish identity code's system (HL7 Finland base profiles, `Patient.identifier[PIC]`).
pub const IDENTITY_CODE: &str = "urn:oid:1.2.246.21";

/// Is `value` possible in `system`? Only the identity code's own rules are known here.
///
/// # Errors
/// What is wrong, without the value.
pub fn check(system: &str, value: &str) -> Result<(), &'static str> {
    if !is_system(system) {
        return Err("the identifier's `system` is no URI");
    }
    if system == IDENTITY_CODE { check_identity_code(value) } else { Ok(()) }
}

/// Could it be a URI?
pub fn is_system(text: &str) -> bool {
    text.contains(':') && !text.contains(char::is_whitespace)
}

/// ddmmyy, century sign, individual number, check character (<https://dvv.fi/hetu-uudistus>). The sign is part of the
/// code since 2023: two codes may differ in it alone.
fn check_identity_code(value: &str) -> Result<(), &'static str> {
    let malformed = "an identity code is ddmmyy, a century sign, three digits and a check character";
    let (Some(date), Some(sign), Some(number), Some(check)) = (value.get(..6), value.get(6..7), value.get(7..10), value.get(10..)) else {
        return Err(malformed);
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(date) || !digits(number) || check.len() != 1 {
        return Err(malformed);
    }
    let century = match sign {
        "+" => 1800,
        "-" | "Y" | "X" | "W" | "V" | "U" => 1900,
        "A" | "B" | "C" | "D" | "E" | "F" => 2000,
        _ => return Err("the identity code's century sign is unknown"),
    };
    let part = |range: std::ops::Range<usize>| date[range].parse::<i16>().unwrap_or_default();
    let day = jiff::civil::Date::new(
        century + part(4..6),
        i8::try_from(part(2..4)).unwrap_or_default(),
        i8::try_from(part(0..2)).unwrap_or_default(),
    );
    if day.is_err() {
        return Err("the identity code's date does not exist");
    }
    let remainder = format!("{date}{number}").parse::<usize>().unwrap_or_default() % 31;
    if CHECK_CHARACTERS.get(remainder..=remainder) == Some(check) {
        Ok(())
    } else {
        Err("the identity code's check character does not fit")
    }
}

/// Does something in `text` have the shape of an identity code, without a letter or digit beside it? Whether its date and
/// check character fit counts for nothing: a mistyped one is somebody's too.
pub fn holds_identity_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_apart = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let has_shape = |code: &[u8]| {
        code[..6].iter().chain(&code[7..10]).all(u8::is_ascii_digit)
            && matches!(code[6], b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y')
            && code[10].is_ascii_alphanumeric()
    };
    bytes.windows(11).enumerate().any(|(at, code)| has_shape(code) && is_apart(at.checked_sub(1)) && is_apart(Some(at + 11)))
}

/// `urn:oid:` and a well-formed OID.
pub fn is_oid_uri(text: &str) -> bool {
    text.strip_prefix("urn:oid:").is_some_and(|oid| {
        oid.starts_with(['0', '1', '2'])
            && oid.split('.').count() > 1
            && oid
                .split('.')
                .all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0')))
    })
}

/// The identifier that we give to one resource: the same submission gives the same one, on any machine, at any time.
///
/// UUIDv5 of caller, submission id, the person's key and the kind of resource; never of an identity code. Parts are
/// preceded by their length, so that no two lists of parts read alike.
pub fn resource_key(caller: &str, submission: &Identifier, person: &str, kind: &str) -> Uuid {
    let name: String =
        [caller, &submission.system, &submission.value, person, kind].iter().map(|part| format!("{}:{part}", part.len())).collect();
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// UUIDv5 of <https://neuvola-adapter.example/fhir> in the URL namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x4bea_0909_b868_570a_8659_7942_e4c5_08cb);
const CHECK_CHARACTERS: &str = "0123456789ABCDEFHJKLMNPRSTUVWXY";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_s_fictitious_identity_codes_pass() {
        for code in ["010594Y9032", "020594X903P", "030694W9024", "040594V9030", "050594U903M", "010516B903X", "020504A902E"] {
            assert_eq!(check(IDENTITY_CODE, code), Ok(()), "{code}");
        }
    }

    #[test]
    fn an_identity_code_with_one_thing_wrong_is_refused() {
        for code in ["010190-999X", "320594Y9032", "010594Z9032", "010594Y903", "0105949032", "010594Y9032 ", "ä10594Y9032", ""] {
            assert!(check(IDENTITY_CODE, code).is_err(), "{code}");
        }
    }

    #[test]
    fn the_century_sign_counts() {
        assert!(check(IDENTITY_CODE, "290200A9xxx").is_err());
        assert_eq!(check("urn:oid:1.2.246.10.99.22.2026", "anything"), Ok(()));
    }

    #[test]
    fn what_has_the_shape_of_an_identity_code_is_seen() {
        for text in ["010594Y9032", "id.010594-9032", "call-010516A903Z_2"] {
            assert!(holds_identity_code(text), "{text}");
        }
        for text in ["", "010594Y903", "4958c235-cc64-4640-8f9c-21f888b17232", "0a123456-7891-4640-8f9c-21f888b17232", "20261122-1234567"] {
            assert!(!holds_identity_code(text), "{text}");
        }
    }

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        let id = |system: &str, value: &str| Identifier { system: system.to_owned(), value: value.to_owned() };
        assert_ne!(resource_key("a", &id("b", "cd"), "e", "f"), resource_key("a", &id("bc", "d"), "e", "f"));
        assert_eq!(resource_key("a", &id("b", "c"), "d", "e"), resource_key("a", &id("b", "c"), "d", "e"));
    }

    #[test]
    fn an_identifier_does_not_show_its_value_when_debugged() {
        let identifier = Identifier { system: "s:1".to_owned(), value: "secret".to_owned() };
        assert!(!format!("{identifier:?}").contains("secret"));
    }
}
