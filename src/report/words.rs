//! The words between, in three languages.

use rust_decimal::Decimal;

use crate::segment::Compared;

pub(super) struct Words {
    pub(super) proposed: &'static str,
    pub(super) none: &'static str,
    pub(super) possible: &'static str,
    pub(super) segments: &'static str,
    pub(super) alerts: &'static str,
    pub(super) services: &'static str,
    pub(super) rules: &'static str,
    pub(super) family: &'static str,
    pub(super) met: &'static str,
    pub(super) not_met: &'static str,
    pub(super) indeterminate: &'static str,
    pub(super) answers: &'static str,
    pub(super) same_answers: &'static str,
    pub(super) declined: &'static str,
    pub(super) missing: &'static str,
    pub(super) not_asked: &'static str,
    pub(super) free_text: &'static str,
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
    pub(super) undecided: &'static str,
    pub(super) why: &'static str,
    pub(super) professional: &'static str,
    pub(super) guidance: &'static str,
    pub(super) note: &'static str,
    number: &'static str,
    number_unknown: &'static str,
    between: &'static str,
    limit: &'static str,
    limit_unknown: &'static str,
    distance: &'static str,
    /// =, !=, >, <, >= and <=.
    signs: [&'static str; 6],
    is_english: bool,
}

impl Words {
    pub(super) fn of(language: &str) -> Self {
        match language {
            "sv" => SWEDISH,
            "en" => ENGLISH,
            _ => FINNISH,
        }
    }

    /// A number against its limit, as a sentence.
    pub(super) fn compared(&self, compared: &Compared) -> String {
        let digits = |number: Decimal| self.digits(&number.normalize().to_string());
        let number = match (compared.least, compared.greatest) {
            (Some(least), Some(greatest)) if least == greatest => format!("{} {}", self.number, digits(least)),
            (Some(least), Some(greatest)) => format!("{} {}–{} {}", self.number, digits(least), digits(greatest), self.between),
            (Some(least), None) => format!("{} {} {} {}", self.number, self.sign(">="), digits(least), self.between),
            (None, Some(greatest)) => format!("{} {} {} {}", self.number, self.sign("<="), digits(greatest), self.between),
            (None, None) => self.number_unknown.to_owned(),
        };
        let limit = compared.threshold.map_or_else(
            || self.limit_unknown.to_owned(),
            |threshold| format!("{} {} {}", self.limit, self.sign(compared.comparison.sign()), digits(threshold)),
        );
        let distance = compared.distance().map(|distance| format!(" ({} {})", self.distance, digits(distance))).unwrap_or_default();
        format!("{number}; {limit}{distance}.")
    }

    /// With a decimal comma in Finnish and Swedish, and a minus that is one.
    pub(super) fn digits(&self, number: &str) -> String {
        let number = number.strip_prefix('-').map_or_else(|| number.to_owned(), |rest| format!("−{rest}"));
        if self.is_english { number } else { number.replace('.', ",") }
    }

    /// A day, as 4.11.2026 in Finnish and Swedish; what is no whole day stays.
    pub(super) fn day(&self, date: &str) -> String {
        let mut parts = date.split('-');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(year), Some(month), Some(day)) if !self.is_english => {
                format!("{}.{}.{year}", day.trim_start_matches('0'), month.trim_start_matches('0'))
            }
            _ => date.to_owned(),
        }
    }

    fn sign(&self, sign: &str) -> &'static str {
        ["=", "!=", ">", "<", ">=", "<="].iter().position(|known| *known == sign).map_or("", |index| self.signs[index])
    }
}

const FINNISH: Words = Words {
    proposed: "Ehdotus",
    none: "ei vielä ehdotusta",
    possible: "Mahdolliset asiakkuudet",
    segments: "Asiakkuudet",
    alerts: "Hälytykset",
    services: "Palvelut",
    rules: "Säännöt",
    family: "Perhe kokonaisuutena (vain ammattilaiselle, ei kirjata mihinkään)",
    met: "täyttyy",
    not_met: "ei täyty",
    indeterminate: "ei ratkea vielä",
    answers: "Vastaukset, joihin tämä perustuu:",
    same_answers: "Perustuu samoihin vastauksiin kuin edellinen.",
    declined: "ei halunnut vastata",
    missing: "ei vastattu",
    not_asked: "ei kysytty",
    free_text: "[vapaa teksti]",
    yes: "kyllä",
    no: "ei",
    undecided: "Ratkeaa, kun näihin vastataan:",
    why: "Sääntöä ei voi ratkaista",
    professional: "Ammattilainen: ",
    guidance: "Ohje ammattilaiselle",
    note: "Huomaa",
    number: "Luku on",
    number_unknown: "Lukua ei vielä tiedetä",
    between: "puuttuvien vastausten mukaan",
    limit: "raja on",
    limit_unknown: "rajaa ei vielä tiedetä",
    distance: "ero rajaan",
    signs: ["tasan", "muu kuin", "yli", "alle", "vähintään", "enintään"],
    is_english: false,
};

const SWEDISH: Words = Words {
    proposed: "Förslag",
    none: "inget förslag ännu",
    possible: "Möjliga segment",
    segments: "Segment",
    alerts: "Larm",
    services: "Tjänster",
    rules: "Regler",
    family: "Familjen som helhet (endast för yrkesutbildade, skrivs ingenstans)",
    met: "uppfylls",
    not_met: "uppfylls inte",
    indeterminate: "kan inte avgöras ännu",
    answers: "Svar som detta bygger på:",
    same_answers: "Bygger på samma svar som föregående.",
    declined: "ville inte svara",
    missing: "obesvarad",
    not_asked: "inte ställd",
    free_text: "[fri text]",
    yes: "ja",
    no: "nej",
    undecided: "Avgörs när de här frågorna har besvarats:",
    why: "Regeln kan inte avgöras",
    professional: "Yrkesutbildad: ",
    guidance: "Anvisning till den yrkesutbildade",
    note: "Observera",
    number: "Talet är",
    number_unknown: "Talet är inte känt ännu",
    between: "beroende på de svar som saknas",
    limit: "gränsen är",
    limit_unknown: "gränsen är inte känd ännu",
    distance: "skillnad till gränsen",
    signs: ["exakt", "annat än", "över", "under", "minst", "högst"],
    is_english: false,
};

const ENGLISH: Words = Words {
    proposed: "Proposed",
    none: "nothing yet",
    possible: "Possible segments",
    segments: "Segments",
    alerts: "Alerts",
    services: "Services",
    rules: "Rules",
    family: "The family as a whole (for professionals only, written nowhere)",
    met: "met",
    not_met: "not met",
    indeterminate: "not settled yet",
    answers: "Answers that this rests on:",
    same_answers: "Rests on the same answers as the one before.",
    declined: "preferred not to answer",
    missing: "not answered",
    not_asked: "not asked",
    free_text: "[free text]",
    yes: "yes",
    no: "no",
    undecided: "Settled once these are answered:",
    why: "The rule cannot be settled",
    professional: "Professional: ",
    guidance: "Guidance for the professional",
    note: "Note",
    number: "The number is",
    number_unknown: "The number is not known yet",
    between: "depending on the missing answers",
    limit: "the limit is",
    limit_unknown: "the limit is not known yet",
    distance: "from the limit:",
    signs: ["exactly", "other than", "above", "below", "at least", "at most"],
    is_english: true,
};
