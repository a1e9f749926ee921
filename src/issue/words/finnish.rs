//! Faults of responses in Finnish.

use neuvola_fhir::FaultKind;

use super::{Said, Tongue, asked, say, together, unchecked};
use crate::issue::told::{Told, Wanted, When};

const T: Tongue = Tongue {
    code: "fi",
    and: "ja",
    or: "tai",
    more: |count| format!("{count} muuta"),
    one_of: "jokin näistä:",
    own_words: "tai omin sanoin (`valueString`)",
    unit: "yksikkönä",
    at_least: "vähintään",
    at_most: "enintään",
    is_answered: "kohtaan {} on vastattu",
    is_not_answered: "kohtaan {} ei ole vastattu",
    expression: "tämä on totta:",
};

/// The fault of the question `id`, which is quoted.
pub(super) fn said(told: &Told, id: &str) -> Said {
    match told {
        Told::WrongKind { wanted, given } => {
            say(format!("Tässä pitää olla {}, ei {}.", noun(wanted), noun(given)), format!("Kirjoita tähän {}.", noun(wanted)))
        }
        Told::WrongForm { wanted } => say(format!("Tässä pitää olla {}.", noun(wanted)), format!("Kirjoita tähän {}.", noun(wanted))),
        Told::NoSuchDay => say("Tällaista päivää ei ole.", "Kirjoita kalenterin päivä, esimerkiksi 2026-02-28."),
        Told::NoSuchTime => {
            say("Tällaista kellonaikaa ei ole.", "Kirjoita kellonaika väliltä 00:00:00–23:59:59; keskiyö on alkavan päivän 00:00:00.")
        }
        Told::WrongCode { codes } => say("Tässä pitää olla jokin R4:n koodeista.", format!("Kirjoita jokin näistä: {}.", T.any(codes))),
        Told::MissingMember { name } => say(format!("Pakollinen tieto `{name}` puuttuu."), format!("Lisää tieto `{name}`.")),
        Told::UnknownMember { known } => {
            say("FHIR R4 ei tunne tätä tietoa tässä kohdassa.", format!("Jätä tieto pois. Tässä tunnetaan: {}.", T.all(known)))
        }
        Told::SeveralValues => say("Tässä voi olla vain yksi arvo (`value[x]`).", "Jätä vain yksi `value[x]`."),
        Told::Invariant { key } => invariant(key),
        Told::ModifierExtension => say(
            "Tässä on laajennus, joka voi muuttaa muun merkitystä ja jota ei ymmärretä.",
            "Jätä laajennus pois, jos muu pätee ilman sitä.",
        ),
        Told::NotR4 { .. } => {
            say("Mukana oleva resurssi ei ole FHIR R4 -muotoa.", "Korjaa resurssi FHIR R4:n mukaiseksi tai jätä se pois.")
        }
        Told::Unreadable(kind) => unreadable(*kind),
        Told::NotAResponse => say("Tässä pitää olla kyselyn vastaus (QuestionnaireResponse).", "Lähetä resurssi QuestionnaireResponse."),
        Told::NoQuestionnaire => {
            say("Vastaus ei kerro, mihin kyselyyn se vastaa.", "Kirjoita tietoon `questionnaire` kyselyn osoite ja versio: `url|version`.")
        }
        Told::NotContained => {
            say("Vastauksen mukana ei ole kyselyä, johon se viittaa.", "Liitä kysely mukaan tai viittaa kyselyyn sen osoitteella.")
        }
        Told::UnknownQuestionnaire => say("Kyselyä ei tunneta täällä.", "Anna kysely mukana tai viittaa tunnettuun kyselyyn."),
        Told::UnknownVersion { versions } => say(
            "Kyselyn tätä versiota ei tunneta täällä.",
            format!("Anna kysely tässä versiossa tai viittaa tunnettuun: {}.", T.any(versions)),
        ),
        Told::NoneInForce { versions } => say(
            "Vastaus ei kerro kyselyn versiota, eikä mikään versio ollut voimassa, kun kyselyyn vastattiin.",
            format!("Kerro, mihin versioon vastattiin: {}.", T.any(versions)),
        ),
        Told::SeveralInForce { versions } => say(
            "Vastaus ei kerro kyselyn versiota, ja useita oli voimassa, kun kyselyyn vastattiin.",
            format!("Kerro, mihin versioon vastattiin: {}.", T.any(versions)),
        ),
        Told::UnknownLinkId { may_stand } if may_stand.is_empty() => {
            say("Kyselyssä ei ole tällaista kohtaa (`linkId`).", "Jätä kohta pois tai kerro, missä kyselyn versiossa se on.")
        }
        Told::UnknownLinkId { may_stand } => say(
            "Kyselyssä ei ole tällaista kohtaa (`linkId`).",
            format!("Jätä kohta pois tai kerro, missä kyselyn versiossa se on. Tässä voi olla: {}.", T.all(may_stand)),
        ),
        Told::WrongParent { parent: None, .. } => say(format!("Kohta {id} on väärässä paikassa."), "Siirrä se ylimmälle tasolle."),
        Told::WrongParent { parent: Some(parent), in_answer: false } => {
            say(format!("Kohta {id} on väärässä paikassa."), format!("Siirrä se kohdan `{parent}` alle."))
        }
        Told::WrongParent { parent: Some(parent), in_answer: true } => {
            say(format!("Kohta {id} on väärässä paikassa."), format!("Siirrä se kohdan `{parent}` vastaukseen (`answer.item`)."))
        }
        Told::AnswerOfGroup { holds } => say(
            format!("Kohta {id} ei ole kysymys, eikä siihen vastata."),
            format!("Jätä vastaus pois. Ryhmän kohdat ovat: {}.", T.all(holds)),
        ),
        Told::OnlyShown { member: "answer" } => say(format!("Kohta {id} ei ole kysymys, eikä siihen vastata."), "Jätä vastaus pois."),
        Told::OnlyShown { .. } => say(format!("Kohta {id} vain näytetään, eikä sen alla ole mitään."), "Jätä sen alla olevat kohdat pois."),
        Told::ItemsOfQuestion => say(format!("Kohta {id} on kysymys."), "Siirrä vastaukseen liittyvät kohdat vastaukseen (`answer.item`)."),
        Told::Order { before } => say(format!("Kohta {id} on väärässä järjestyksessä."), format!("Siirrä se kohdan `{before}` edelle.")),
        Told::Repeated { count, repeats: true, .. } => {
            say(format!("Kohta {id} on tässä {count} kertaa."), "Kirjoita kaikki vastaukset yhteen kohtaan.")
        }
        Told::Repeated { count, is_question: true, .. } => {
            say(format!("Kohta {id} on tässä {count} kertaa."), "Jätä yksi kohta, jossa on yksi vastaus.")
        }
        Told::Repeated { count, .. } => say(format!("Kohta {id} on tässä {count} kertaa."), "Jätä niistä yksi."),
        Told::OneOnly { count } => say(format!("Kohtaan {id} annetaan yksi vastaus, nyt niitä on {count}."), "Jätä yksi vastaus."),
        Told::TooMany { most, count } => {
            say(format!("Kohtaan {id} sopii enintään {most}, nyt on {count}."), format!("Jätä enintään {most}."))
        }
        Told::TooFew { least, count } => {
            say(format!("Kohtaan {id} tarvitaan vähintään {least}, nyt on {count}."), format!("Anna vähintään {least}."))
        }
        Told::ItemText { text } => say(
            format!("Kohdan {id} teksti ei ole kyselyn teksti."),
            format!("Jätä teksti (`text`) pois tai kirjoita se niin kuin kyselyssä: {}", T.shown(text)),
        ),
        Told::MissingAnswer { wanted } => {
            say(format!("Pakollinen vastaus puuttuu: {id}."), format!("Vastaa kohtaan {id}: {}.", T.wanted(wanted, true)))
        }
        Told::MissingGroup { holds } => {
            say(format!("Pakollinen ryhmä puuttuu: {id}."), format!("Lisää ryhmä {id} ja vastaa siinä johonkin: {}.", T.any(holds)))
        }
        Told::EmptyGroup { holds } => {
            say(format!("Pakollisessa ryhmässä ei ole vastauksia: {id}."), format!("Vastaa ryhmässä johonkin: {}.", T.any(holds)))
        }
        Told::Disabled { when } => {
            say(format!("Kohtaan {id} on vastattu, vaikka sitä kysytään vain, kun {}.", T.when(when)), correct(when))
        }
        Told::Declined => say(
            format!("Kohtaan {id} on vastattu ja samalla kieltäydytty vastaamasta."),
            "Jätä joko kieltäytyminen (`asked-declined`) tai muut vastaukset.",
        ),
        Told::NoValue { wanted } => say(
            format!("Kohdassa {id} on vastaus, jossa ei ole arvoa."),
            format!("Anna arvo ({}) tai jätä vastaus pois.", T.wanted(wanted, true)),
        ),
        Told::WrongType { wanted, given } => say(
            format!("Kohdan {id} vastaus on väärää tyyppiä: siihen kuuluu `{}`{}, ei `{given}`.", wanted.value, own_words(wanted)),
            format!("Anna vastaukseksi {}.", T.wanted(wanted, true)),
        ),
        Told::SameAnswer => say(format!("Kohdassa {id} on sama vastaus kahteen kertaan."), "Jätä niistä yksi."),
        Told::ReadOnly { wanted } => say(
            format!("Kohtaa {id} ei voi muuttaa, mutta sen vastaus ei ole kyselyn antama."),
            format!("Jätä se sellaiseksi kuin kysely sen antaa: {}. Jos järjestelmä muutti sitä, kaikki on kunnossa.", T.any(wanted)),
        ),
        Told::LineBreak => {
            say(format!("Kohdan {id} vastaus on yksirivinen, mutta siinä on rivinvaihto."), "Kirjoita vastaus yhdelle riville.")
        }
        Told::OtherSystem { system } => {
            say(format!("Kohdan {id} vastaus ei ole mikään vaihtoehdoista."), format!("Anna koodistoksi (`system`) `{system}`."))
        }
        Told::NotAnOption { wanted } => {
            say(format!("Kohdan {id} vastaus ei ole mikään vaihtoehdoista."), format!("Anna vastaukseksi {}.", T.wanted(wanted, true)))
        }
        Told::NotListed { expression } => say(
            format!("Kohdan {id} vastaus ei ole mikään niistä, jotka lauseke luettelee."),
            format!("Valitse jokin niistä, jotka tämä antaa: `{expression}`."),
        ),
        Told::NotOffered { expression } => say(
            format!("Kohdan {id} vastausta ei tarjota tässä, koska sen ehto ei täyty."),
            format!("Valitse toinen vaihtoehto. Tätä tarjotaan vain, kun `{expression}`."),
        ),
        Told::Exclusive { options } => say(
            format!("Kohdassa {id} on valittu vaihtoehto, jonka kanssa ei voi valita muita."),
            format!("Jätä joko vain {} tai muut vastaukset.", T.any(options)),
        ),
        Told::TooShort { least } => {
            say(format!("Kohdan {id} vastaus on lyhyempi kuin {least} merkkiä."), format!("Kirjoita vähintään {least} merkkiä."))
        }
        Told::TooLong { most } => {
            say(format!("Kohdan {id} vastaus on pidempi kuin {most} merkkiä."), format!("Kirjoita enintään {most} merkkiä."))
        }
        Told::TooLarge { bytes } => {
            say(format!("Kohdan {id} liite on suurempi kuin {bytes} tavua."), format!("Liitä enintään {bytes} tavun tiedosto."))
        }
        Told::Form { pattern, example } if example.is_empty() => say(
            format!("Kohdan {id} vastaus ei ole pyydettyä muotoa."),
            format!("Kirjoita vastaus, joka kokonaan vastaa lauseketta `{pattern}`."),
        ),
        Told::Form { pattern, example } => say(
            format!("Kohdan {id} vastaus ei ole pyydettyä muotoa: {example}."),
            format!("Kirjoita muodossa {example} (lauseke `{pattern}`)."),
        ),
        Told::TooLow { least, is_time: true } => {
            say(format!("Kohdan {id} vastaus on aikaisempi kuin {least}."), format!("Aikaisintaan {least}."))
        }
        Told::TooLow { least, .. } => say(format!("Kohdan {id} vastaus on pienempi kuin {least}."), format!("Vähintään {least}.")),
        Told::TooHigh { most, is_time: true } => {
            say(format!("Kohdan {id} vastaus on myöhäisempi kuin {most}."), format!("Viimeistään {most}."))
        }
        Told::TooHigh { most, .. } => say(format!("Kohdan {id} vastaus on suurempi kuin {most}."), format!("Enintään {most}.")),
        Told::Decimals { most: 0 } => say(format!("Kohdan {id} luvussa on desimaaleja."), "Kirjoita kokonaisluku ilman desimaaleja."),
        Told::Decimals { most } => {
            say(format!("Kohdan {id} luvussa on enemmän desimaaleja kuin {most}."), format!("Kirjoita enintään {most} desimaalia."))
        }
        Told::NoUnit { units } => {
            say(format!("Kohdan {id} yksiköllä ei ole koodia."), format!("Anna yksikön `system` ja `code`: {}.", T.any(units)))
        }
        Told::NoUnitToCompare { bound, unit } => say(
            format!("Kohdan {id} yksikkö puuttuu, eikä arvoa voi verrata rajaan {bound}."),
            format!("Anna yksikön `system` ja `code`: {unit}."),
        ),
        Told::OtherUnit { units } => say(format!("Kohdan {id} yksikkö ei ole pyydetty."), format!("Anna arvo yksikkönä {}.", T.any(units))),
        Told::MimeType { types } => say(
            format!("Kohdan {id} liitteen tiedostotyyppi ei kelpaa; kelpaa vain {}.", T.any(types)),
            format!("Liitä tällainen tiedosto ja kerro tyyppi (`contentType`): {}.", T.any(types)),
        ),
        Told::Size => say(
            format!("Kohdan {id} liitteen ilmoitettu koko ei ole sen todellinen koko."),
            "Kirjoita kokoon (`size`) liitteen (`data`) tavujen määrä tai jätä koko pois.",
        ),
        Told::RefersNowhere => say(
            format!("Kohta {id} viittaa resurssiin, jota ei ole mukana."),
            "Liitä resurssi mukaan tällä tunnuksella tai viittaa muualle.",
        ),
        Told::RefersToNoType { types } if types.is_empty() => {
            say(format!("Kohta {id} viittaa resurssityyppiin, jota R4:ssä ei ole."), "Viittaa R4:n tyyppiin, esimerkiksi `Patient/id`.")
        }
        Told::RefersToNoType { types } => {
            say(format!("Kohta {id} viittaa resurssityyppiin, jota R4:ssä ei ole."), format!("Viittaa tyyppiin {}.", T.any(types)))
        }
        Told::ReferenceType { types } => say(
            format!("Kohdan {id} viittaus on väärän tyyppiseen resurssiin; siihen kuuluu {}.", T.any(types)),
            format!("Viittaa tyyppiin {}.", T.any(types)),
        ),
        Told::SubjectType { types } => say(
            format!("Kyselyyn vastataan vain tällaisesta: {}.", T.any(types)),
            format!("Viittaa tiedossa `subject` tyyppiin {} tai vaihda kysely.", T.any(types)),
        ),
        Told::Constraint { key, human, expression } => say(
            if human.is_empty() { format!("Kyselyn ehto `{key}` ei täyty.") } else { format!("Kyselyn ehto `{key}` ei täyty: {human}") },
            format!("Korjaa vastauksia niin, että tämä on totta: `{expression}`."),
        ),
        Told::Calculated { expression } => say(
            format!("Kohdan {id} arvo ei vastaa laskettua arvoa."),
            format!("Laske arvo uudelleen vastauksista tai jätä se pois: `{expression}`."),
        ),
        Told::CalculatedFromNothing { missing: Some(missing) } => say(
            format!("Kohdassa {id} on laskettu arvo, vaikka kohtaan `{missing}`, josta se lasketaan, ei ole vastattu."),
            format!("Vastaa kohtaan `{missing}` tai jätä {id} pois."),
        ),
        Told::CalculatedFromNothing { missing: None } => say(
            format!("Kohdassa {id} on laskettu arvo, vaikka siihen, mistä se lasketaan, ei ole vastattu."),
            format!("Vastaa siihen, mistä arvo lasketaan, tai jätä {id} pois."),
        ),
        Told::NotChecked { what, why, more } => unchecked::finnish(&T, what, why, *more, id),
        Told::Defect { what, remedy } => say(
            format!("Vika on itse kyselyssä, ei vastauksessa. Englanniksi: {what}."),
            format!("Kyselyn laatija korjaa kyselyn. Englanniksi: {remedy}."),
        ),
        Told::MoreDefects { count } => say(
            format!("Itse kyselyssä on vielä {count} vikaa, jotka eivät johdu vastaajasta."),
            "Korjaa kysely; tarkista se yksinään, niin kaikki viat luetellaan.",
        ),
    }
}

fn own_words(wanted: &Wanted) -> String {
    if wanted.in_own_words { format!(" {}", T.own_words) } else { String::new() }
}

fn correct(when: &When) -> String {
    match asked(when) {
        none if none.is_empty() => "Jätä kohta pois tai korjaa ne vastaukset, joita ehto lukee.".to_owned(),
        questions if questions.len() == 1 => format!("Jätä kohta pois tai korjaa vastaus kohtaan {}.", together(questions, T.or)),
        questions => format!("Jätä kohta pois tai korjaa vastaus johonkin kohdista {}.", together(questions, T.and)),
    }
}

fn invariant(key: &str) -> Said {
    match key {
        "qrs-1" => say(
            "Kohdassa on joko vastauksia tai sen alla kohtia, ei molempia (qrs-1).",
            "Jätä toinen: ryhmässä on kohtia (`item`), kysymyksessä vastauksia, ja vastauksen kohdat ovat siinä (`answer.item`).",
        ),
        "att-1" => say("Liitteen tiedostotyyppi puuttuu (att-1).", "Kerro tyyppi (`contentType`), esimerkiksi `image/png`."),
        "qty-3" => say(
            "Yksikön koodi tarvitsee koodistonsa (qty-3).",
            "Kerro koodisto (`system`), esimerkiksi `http://unitsofmeasure.org`, tai jätä `code` pois.",
        ),
        "ext-1" => say("Laajennuksessa on joko arvo tai laajennuksia (ext-1).", "Jätä arvo tai sisemmät laajennukset pois."),
        key => say(format!("FHIR R4:n sääntö {key} ei täyty."), format!("Korjaa tieto säännön {key} mukaiseksi.")),
    }
}

fn unreadable(kind: FaultKind) -> Said {
    let (what, remedy) = match kind {
        FaultKind::Empty => ("Tieto on tyhjä.", "Lähetä resurssi JSON- tai XML-muodossa."),
        FaultKind::NotUtf8 => ("Tieto ei ole UTF-8-merkistöä.", "Kirjoita se UTF-8-merkistöllä."),
        FaultKind::Syntax(_) => ("Tieto ei ole oikein muodostettua JSONia.", "Korjaa JSON tästä kohdasta; lukeminen päättyi tähän."),
        FaultKind::Xml(_) => ("Tieto ei ole oikein muodostettua XML:ää.", "Korjaa XML tästä kohdasta; lukeminen päättyi tähän."),
        FaultKind::Rule(_) => ("Tieto ei noudata FHIRin muotosääntöjä.", "Kirjoita se niin kuin R4 JSONista ja XML:stä sanoo."),
        FaultKind::TooLarge(most) => {
            return say(format!("Tieto on suurempi kuin {most} tavua."), "Lähetä vähemmän kerralla.");
        }
        FaultKind::TooDeep(most) => {
            return say(format!("Tiedossa on sisäkkäin enemmän kuin {most} tasoa."), "Vähennä sisäkkäisiä tasoja.");
        }
        FaultKind::TooManyAttributes(most) => {
            let remedy = "Jätä pois attribuutit, joita R4:ssä ei ole; nimiavaruus kerrotaan kerran, juuressa.";
            return say(format!("Elementissä on enemmän kuin {most} attribuuttia."), remedy);
        }
        FaultKind::DuplicateMember => ("Sama tieto on tässä kahteen kertaan.", "Jätä niistä yksi; useat arvot kuuluvat yhteen taulukkoon."),
        FaultKind::EmptyArray => ("Taulukko on tyhjä.", "Jätä tieto pois."),
        FaultKind::EmptyObject => ("Tieto on tyhjä.", "Jätä tieto pois."),
        FaultKind::Null => ("Arvo on null, jota FHIR ei salli.", "Jätä tieto pois."),
        FaultKind::ControlCharacter => ("Tekstissä on ohjausmerkki, jota R4 ei salli.", "Poista ohjausmerkki."),
        FaultKind::More => ("Virheitä on enemmän kuin tässä luetellaan.", "Korjaa luetellut ja lähetä uudelleen."),
    };
    say(what, remedy)
}

/// What the shapes of R4's types call things.
pub(super) fn noun(english: &str) -> &str {
    match english {
        "null" => "null",
        "a boolean" => "totuusarvo (`true` tai `false`)",
        "a number" => "luku",
        "a bound for the answer" => "raja vastaukselle",
        "values that answers can be compared with" => "arvoja, joihin vastausta voi verrata",
        "one value" => "yksi arvo",
        "a string" => "merkkijono",
        "an array" => "taulukko",
        "an object" => "olio",
        "a FHIR resource" => "FHIR-resurssi",
        "one of R4's codes for it" => "jokin R4:n koodeista",
        "an integer of 32 bits" => "32-bittinen kokonaisluku",
        "an integer from 0" => "kokonaisluku, vähintään 0",
        "an integer from 1" => "kokonaisluku, vähintään 1",
        "a text that says something" => "teksti, jossa on muutakin kuin välilyöntejä",
        "an id (letters, digits, `-` and `.`, at most 64)" => "tunnus (kirjaimia, numeroita, `-` ja `.`, enintään 64)",
        "a code (no white space around it or doubled in it)" => "koodi (ei välilyöntejä ympärillä eikä peräkkäin)",
        "a URI without white space" => "URI ilman välilyöntejä",
        "a date (year, month or day)" => "päivämäärä (vuosi, kuukausi tai päivä)",
        "a dateTime (with seconds and an offset, if it has a time)" => "aika (kellonajassa sekunnit ja aikavyöhyke)",
        "a time (hh:mm:ss)" => "kellonaika (hh:mm:ss)",
        "an instant (with seconds and an offset)" => "ajanhetki (sekunnit ja aikavyöhyke)",
        "base64" => "base64",
        "a `<div>` of XHTML" => "XHTML:n `<div>`",
        other => other,
    }
}
