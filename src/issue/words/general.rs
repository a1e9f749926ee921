//! Faults that are told in English alone, as one sentence in Finnish and Swedish. `{}` is the question's linkId.

/// `(fault, Finnish, Swedish)`
const WORDS: &[(&str, &str, &str)] = &[
    ("calculated", "Kohdan {} arvo ei vastaa laskettua arvoa.", "Värdet i {} stämmer inte med det beräknade värdet."),
    ("constraint", "Kyselyn ehto ei täyty.", "Ett villkor i frågeformuläret uppfylls inte."),
    ("decimal-places", "Kohdan {} luvussa on liikaa desimaaleja.", "Talet i {} har för många decimaler."),
    ("declined-and-answered", "Kohtaan {} on vastattu ja samalla kieltäydytty vastaamasta.", "{} har både besvarats och avböjts."),
    ("disabled-answer", "Kohtaan {} on vastattu, vaikka sitä ei kysytä.", "{} har besvarats fast frågan inte ställs."),
    ("entered-in-error", "Vastaus on merkitty virheelliseksi.", "Svaret är markerat som felaktigt."),
    (
        "exclusive-option",
        "Kohdassa {} on valittu vaihtoehto, jonka kanssa ei voi valita muita.",
        "I {} har ett alternativ valts som inte kan väljas med andra.",
    ),
    ("item-text", "Kohdan {} teksti ei ole kyselyn teksti.", "Texten i {} är inte frågeformulärets."),
    ("line-break", "Kohdan {} vastaus on yksirivinen, mutta siinä on rivinvaihto.", "Svaret på {} ska vara en rad men har flera."),
    ("mime-type", "Kohdan {} liite on väärää tiedostotyyppiä.", "Bilagan i {} är av fel filtyp."),
    ("missing-answer", "Pakollinen vastaus puuttuu: {}.", "Ett obligatoriskt svar saknas: {}."),
    ("missing-member", "Pakollinen tieto puuttuu.", "En obligatorisk uppgift saknas."),
    ("modifier-extension", "Tässä on laajennus, jota ei ymmärretä.", "Här finns ett tillägg som inte förstås."),
    ("more-faults", "Virheitä on enemmän kuin tässä luetellaan.", "Det finns fler fel än vad som räknas upp här."),
    ("no-professional-section", "Säännöissä ei ole ammattilaisen osuutta.", "I reglerna finns ingen del som yrkespersonen fyller i."),
    ("no-questionnaire", "Vastaus ei kerro, mihin kyselyyn se vastaa.", "Svaret anger inte vilket frågeformulär det gäller."),
    ("not-a-response", "Tässä pitäisi olla kyselyn vastaus.", "Här ska det vara ett svar på ett frågeformulär."),
    ("not-an-option", "Kohdan {} vastaus ei ole mikään vaihtoehdoista.", "Svaret på {} är inget av alternativen."),
    ("not-checked", "Kaikkea ei voitu tarkistaa.", "Allt kunde inte kontrolleras."),
    ("not-in-force", "Kysely ei ollut voimassa, kun siihen vastattiin.", "Frågeformuläret gällde inte när det besvarades."),
    ("not-r4", "Tieto ei ole FHIR R4 -muotoa.", "Uppgiften följer inte FHIR R4."),
    ("order", "Kohta {} on väärässä järjestyksessä.", "{} står i fel ordning."),
    ("questionnaire", "Kyselyssä on virhe.", "Frågeformuläret har ett fel."),
    ("r4-invariant", "FHIR R4:n sääntö ei täyty.", "En regel i FHIR R4 uppfylls inte."),
    ("reference-type", "Kohdan {} viittaus on väärän tyyppiseen tietoon.", "Hänvisningen i {} är till fel slags uppgift."),
    ("regex", "Kohdan {} vastaus ei ole pyydettyä muotoa.", "Svaret på {} har inte den form som begärs."),
    ("repeated-item", "Kohta {} on vastauksessa useaan kertaan.", "{} står flera gånger i svaret."),
    ("sdc-profile", "SDC-profiilin suositus ei täyty.", "En rekommendation i SDC-profilen uppfylls inte."),
    (
        "several-plans",
        "Tälle kyselylle on säännöt useassa suunnitelmassa: nimeä niistä yksi.",
        "Flera planer har regler för detta frågeformulär: ange vilken som avses.",
    ),
    ("several-values", "Tässä voi olla vain yksi arvo.", "Här kan det bara finnas ett värde."),
    ("size", "Kohdan {} liitteen koko on ilmoitettu väärin.", "Storleken på bilagan i {} är felaktigt angiven."),
    ("too-few", "Kohdassa {} on liian vähän vastauksia.", "{} har för få svar."),
    ("too-high", "Kohdan {} vastaus on sallittua suurempi tai myöhäisempi.", "Svaret på {} är större eller senare än tillåtet."),
    ("too-long", "Kohdan {} vastaus on liian pitkä tai suuri.", "Svaret på {} är för långt eller stort."),
    ("too-low", "Kohdan {} vastaus on sallittua pienempi tai aikaisempi.", "Svaret på {} är mindre eller tidigare än tillåtet."),
    ("too-many-answers", "Kohdassa {} on liian monta vastausta.", "{} har för många svar."),
    ("too-short", "Kohdan {} vastaus on liian lyhyt.", "Svaret på {} är för kort."),
    ("unit", "Kohdan {} yksikkö puuttuu tai on väärä.", "Enheten i {} saknas eller är fel."),
    ("unknown-link-id", "Kyselyssä ei ole tällaista kohtaa.", "Frågeformuläret har ingen sådan punkt."),
    ("unknown-member", "Tässä on tieto, jota FHIR R4 ei tunne.", "Här finns en uppgift som FHIR R4 inte känner till."),
    (
        "unknown-plan",
        "Tälle kyselylle ei ole sääntöjä nimetyssä suunnitelmassa.",
        "Den plan som angetts har inga regler för detta frågeformulär.",
    ),
    ("unknown-questionnaire", "Kyselyä tai sen versiota ei tunneta.", "Frågeformuläret eller dess version är okänd."),
    ("unreadable", "Tietoa ei voi lukea.", "Uppgiften kan inte läsas."),
    ("valid", "Kaikki on kunnossa.", "Allt är i sin ordning."),
    ("wrong-parent", "Kohta {} on väärässä paikassa.", "{} står på fel ställe."),
    ("wrong-shape", "Kohta {} on rakennettu väärin.", "{} är fel uppbyggd."),
    ("wrong-type", "Tieto on väärää tyyppiä.", "Uppgiften är av fel typ."),
];

/// The fault in each language but English, as `(language, text)`; none for faults that no form-filler meets.
pub fn in_general(fault: &str, link_id: Option<&str>) -> Vec<(&'static str, String)> {
    let Ok(at) = WORDS.binary_search_by(|(known, ..)| (*known).cmp(fault)) else { return Vec::new() };
    let (_, fi, sv) = WORDS[at];
    let quoted = link_id.map_or_else(|| "…".to_owned(), |link_id| format!("`{link_id}`"));
    [("fi", fi), ("sv", sv)].map(|(language, text)| (language, text.replace("{}", &quoted))).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_stand_in_order_so_that_they_are_found() {
        assert!(WORDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(WORDS.iter().all(|(fault, ..)| in_general(fault, None).len() == 2));
    }

    #[test]
    fn a_fault_names_the_question() {
        let told = in_general("missing-answer", Some("life.money"));
        assert_eq!(told[0], ("fi", "Pakollinen vastaus puuttuu: `life.money`.".to_owned()));
        assert_eq!(told[1].0, "sv");
        assert!(in_general("no-such-fault", None).is_empty());
    }
}
