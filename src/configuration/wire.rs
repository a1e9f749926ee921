//! The file as it is written. These types end in [`super::build`].

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::value::Datetime;

use crate::caller::Role;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) identifier: String,
    pub(super) name: String,
    pub(super) hours: Option<Week>,
    #[serde(default)]
    pub(super) closed: Vec<Closed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Service {
    pub(super) id: String,
    pub(super) queue: String,
    pub(super) name: Names,
    pub(super) provided_by: String,
    pub(super) served_by: Vec<String>,
    pub(super) hours: Option<Week>,
    #[serde(default)]
    pub(super) closed: Vec<Closed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    pub(super) fi: String,
    pub(super) sv: String,
    pub(super) en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Week {
    #[serde(rename = "mon-fri")]
    pub(super) mon_fri: Option<Words>,
    pub(super) mon: Option<Words>,
    pub(super) tue: Option<Words>,
    pub(super) wed: Option<Words>,
    pub(super) thu: Option<Words>,
    pub(super) fri: Option<Words>,
    pub(super) sat: Option<Words>,
    pub(super) sun: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    pub(super) from: Datetime,
    pub(super) to: Datetime,
    pub(super) substitute: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) queue: String,
    pub(super) municipality: String,
    pub(super) to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Deadline {
    pub(super) cut_off: Option<String>,
    pub(super) same_day: Option<bool>,
    pub(super) least_minutes: Option<i64>,
    pub(super) urgent: Option<Haste>,
    pub(super) asap: Option<Haste>,
    pub(super) stat: Option<Haste>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) roles: Vec<Role>,
    #[serde(default)]
    pub(super) organizations: Vec<String>,
    pub(super) token_sha256: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Tasks {
    pub(super) purge_after_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Subscriptions {
    pub(super) allow_private_addresses: Option<bool>,
    pub(super) additional_ca: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Store {
    pub(super) url: Option<String>,
    pub(super) url_file: Option<String>,
    pub(super) keys: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) file: String,
}

/// One text, or a list of them.
pub(super) struct Words(pub(super) Vec<String>);

/// Minutes, or a word.
pub(super) enum Haste {
    Routine,
    SameDay,
    Minutes(i64),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Words;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element::<String>()? {
                    words.push(word);
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Haste {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Haste;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("minutes of opening time, \"same-day\" or \"routine\"")
            }

            fn visit_i64<E: Error>(self, minutes: i64) -> Result<Haste, E> {
                Ok(Haste::Minutes(minutes))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Haste, E> {
                match word {
                    "same-day" => Ok(Haste::SameDay),
                    "routine" => Ok(Haste::Routine),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}
