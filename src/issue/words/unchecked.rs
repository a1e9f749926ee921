//! What could not be checked, why, and what would make it right: in each language.

use super::{Said, Tongue, say};
use crate::issue::told::{Unchecked, When, Why};

pub(super) fn english(tongue: &Tongue, what: &Unchecked, why: &Why, more: usize, id: &str) -> Said {
    let of = if id == "``" { String::new() } else { format!(" of {id}") };
    let what = match what {
        Unchecked::Part(name) => format!("the {name}{of} was not checked"),
        Unchecked::Constraint(key) => format!("the constraint `{key}` was not checked"),
        Unchecked::Bounds => format!("whether {id} is within its bounds was not checked"),
        Unchecked::Unit => format!("the unit{of} was not checked"),
        Unchecked::ValueSet => format!("whether the answer{of} is in its value set was not checked"),
        Unchecked::ReferenceType => format!("the type of the resource that {id} refers to was not checked"),
        Unchecked::Asked(_) if id == "``" => "what is asked was not checked throughout".to_owned(),
        Unchecked::Asked(when) => format!("whether {id} is asked could not be told{}", which(tongue, when, " (it is when ", ")")),
    };
    let (why, remedy) = match why {
        Why::Costly => (
            "the expressions take more time or memory than a response has".into(),
            "in the Questionnaire: make the expressions simpler".into(),
        ),
        Why::LongTexts => (
            "the texts are too long for so large a pattern".into(),
            "in the Questionnaire: make the `regex` simpler, or give a `maxLength`".into(),
        ),
        Why::ManyAnswers => ("there are too many answers for so many conditions".into(), "send fewer answers in one response".into()),
        Why::Circle => (
            "its condition hangs on itself through others, or on too many others".into(),
            "in the Questionnaire: let no condition hang on what it decides".into(),
        ),
        Why::UnknownVariable(name) => (
            format!("nothing defines `%{name}` here"),
            format!("in the Questionnaire: define `{name}` as a `variable` of the item, or of what is around it"),
        ),
        Why::FailedVariable(name) => (
            format!("the variable `{name}`, which it reads, cannot be evaluated"),
            format!("in the Questionnaire: correct the expression of `{name}`"),
        ),
        Why::UnknownFunction(name) => (
            format!("the function `{name}` is not supported here"),
            "in the Questionnaire: write it with FHIRPath's functions that need no server; or look yourself".into(),
        ),
        Why::LaunchContext(name) => {
            (format!("`%{name}` is known only when the form is opened"), format!("look yourself: what `{name}` was is not in the response"))
        }
        Why::Fails => (
            "its expression fails on these answers".into(),
            "in the Questionnaire: make the expression hold for any answers, as with `first()` where there may be several".into(),
        ),
        Why::Gives { wanted } => {
            (format!("its expression does not give {wanted}"), format!("in the Questionnaire: make the expression give {wanted}"))
        }
        Why::Unreadable => (
            "it cannot be read here".into(),
            "in the Questionnaire: write it as R4 and SDC do, expressions in FHIRPath; or look yourself".into(),
        ),
        Why::Stray(question) => (format!("`{question}` stands in the wrong place"), format!("put `{question}` where it belongs")),
        Why::Unanswered(question) => (format!("`{question}` is not answered"), format!("answer `{question}`")),
        Why::OtherUnit => (
            "the answer is in another unit or in none, and nothing is converted".into(),
            "answer in the unit that it is compared with; or look yourself".into(),
        ),
        Why::NotExact => ("the quantity is no exact one".into(), "leave `comparator` out, if the value is exact; or look yourself".into()),
        Why::Precision => {
            ("the answer is less precise than what it is compared with".into(), "answer as precisely as that, if it is known".into())
        }
        Why::Digits => ("it has more digits than can be compared here".into(), "write fewer digits".into()),
        Why::ValueSet(canonical) => {
            (format!("the value set `{canonical}` is not known here"), "give the value set, or its expansion, with --profiles".into())
        }
        Why::ContainedValueSet(id) => (
            format!("the Questionnaire contains no value set `{id}`"),
            format!("in the Questionnaire: contain the value set under the id `{}`", bare(id)),
        ),
        Why::Unexpanded(canonical) => (
            format!("not every code of the value set `{canonical}` can be told here"),
            "give the value set with its expansion, and the code systems that it names, with --profiles or contained in the Questionnaire"
                .into(),
        ),
        Why::NoSize => ("the attachment does not say how large it is".into(), "write its `size`, in bytes".into()),
        Why::NotTold => ("the reference does not tell it".into(), "write its `type`, or refer as in `Patient/id`".into()),
    };
    let more = if more == 0 { String::new() } else { format!("; nor, for the same reason, at {more} more places") };
    say(format!("{what}: {why}{more}"), remedy)
}

pub(super) fn finnish(tongue: &Tongue, what: &Unchecked, why: &Why, more: usize, id: &str) -> Said {
    let of = if id == "``" { String::new() } else { format!("Kohdan {id} ") };
    let what = match what {
        Unchecked::Part(name) if of.is_empty() => format!("Tietoa {name} ei tarkistettu"),
        Unchecked::Part(name) => format!("{of}tietoa {name} ei tarkistettu"),
        Unchecked::Constraint(key) => format!("Kyselyn ehtoa `{key}` ei tarkistettu"),
        Unchecked::Bounds => format!("{of}rajoja ei tarkistettu"),
        Unchecked::Unit => format!("{of}yksikköä ei tarkistettu"),
        Unchecked::ValueSet => format!("Ei tarkistettu, onko kohdan {id} vastaus sallittu koodi"),
        Unchecked::ReferenceType => format!("{of}viittauksen tyyppiä ei tarkistettu"),
        Unchecked::Asked(_) if of.is_empty() => "Kaikkea siitä, mitä kysytään, ei tarkistettu".to_owned(),
        Unchecked::Asked(when) => format!("Ei voitu päätellä, kysytäänkö kohtaa {id}{}", which(tongue, when, " (kysytään, kun ", ")")),
    };
    let (why, remedy) = match why {
        Why::Costly => (
            "lausekkeet vaativat enemmän aikaa tai muistia kuin yhdellä vastauksella on".into(),
            "Yksinkertaista kyselyn lausekkeita.".into(),
        ),
        Why::LongTexts => (
            "tekstit ovat liian pitkiä näin suurelle lausekkeelle".into(),
            "Yksinkertaista kyselyn tietoa `regex` tai anna sille `maxLength`.".into(),
        ),
        Why::ManyAnswers => ("vastauksia on liikaa näin monelle ehdolle".into(), "Lähetä vähemmän vastauksia kerralla.".into()),
        Why::Circle => (
            "sen ehto riippuu toisten kautta itsestään tai liian monesta muusta".into(),
            "Korjaa kyselyn ehdot niin, ettei mikään riipu itsestään.".into(),
        ),
        Why::UnknownVariable(name) => {
            (format!("muuttujaa `%{name}` ei ole täällä määritelty"), format!("Määrittele kyselyssä `{name}` muuttujana (`variable`)."))
        }
        Why::FailedVariable(name) => {
            (format!("sen lukemaa muuttujaa `{name}` ei voi laskea"), format!("Korjaa kyselyssä muuttujan `{name}` lauseke."))
        }
        Why::UnknownFunction(name) => {
            (format!("funktiota `{name}` ei tueta täällä"), "Kirjoita kyselyssä lauseke ilman sitä tai tarkista itse.".into())
        }
        Why::LaunchContext(name) => {
            (format!("`%{name}` tunnetaan vain, kun lomake avataan"), format!("Tarkista itse: `{name}` ei ole vastauksessa mukana."))
        }
        Why::Fails => (
            "sen lauseke ei toimi näillä vastauksilla".into(),
            "Korjaa kyselyssä lauseke sellaiseksi, että se toimii kaikilla vastauksilla, esimerkiksi `first()`.".into(),
        ),
        Why::Gives { wanted } => (
            format!("sen lausekkeen tulos ei ole {}", super::finnish::noun(wanted)),
            format!("Korjaa kyselyssä lauseke niin, että tulos on {}.", super::finnish::noun(wanted)),
        ),
        Why::Unreadable => (
            "sitä ei voi lukea täällä".into(),
            "Korjaa kysely R4:n ja SDC:n mukaiseksi, lausekkeet FHIRPathilla, tai tarkista itse.".into(),
        ),
        Why::Stray(question) => (format!("kohta `{question}` on väärässä paikassa"), format!("Siirrä `{question}` omalle paikalleen.")),
        Why::Unanswered(question) => (format!("kohtaan `{question}` ei ole vastattu"), format!("Vastaa kohtaan `{question}`.")),
        Why::OtherUnit => (
            "vastaus on toisessa yksikössä tai ilman yksikköä, eikä yksiköitä muunneta".into(),
            "Anna vastaus siinä yksikössä, johon sitä verrataan, tai tarkista itse.".into(),
        ),
        Why::NotExact => ("määrä ei ole tarkka".into(), "Jätä `comparator` pois, jos arvo on tarkka, tai tarkista itse.".into()),
        Why::Precision => {
            ("vastaus on epätarkempi kuin se, johon sitä verrataan".into(), "Vastaa yhtä tarkasti, jos se on tiedossa.".into())
        }
        Why::Digits => ("luvussa on enemmän numeroita kuin täällä voi verrata".into(), "Kirjoita vähemmän numeroita.".into()),
        Why::ValueSet(canonical) => {
            (format!("koodijoukkoa `{canonical}` ei tunneta täällä"), "Anna koodijoukko tai sen koodit valitsimella --profiles.".into())
        }
        Why::ContainedValueSet(id) => {
            (format!("kyselyssä ei ole mukana koodijoukkoa `{id}`"), format!("Liitä koodijoukko kyselyyn tunnuksella `{}`.", bare(id)))
        }
        Why::Unexpanded(canonical) => (
            format!("koodijoukon `{canonical}` kaikkia koodeja ei voi täällä luetella"),
            "Anna koodijoukko laajennettuna (`expansion`) ja sen koodistot valitsimella --profiles tai kyselyn mukana.".into(),
        ),
        Why::NoSize => ("liite ei kerro, kuinka suuri se on".into(), "Kerro liitteen koko tavuina (`size`).".into()),
        Why::NotTold => ("viittaus ei kerro sitä".into(), "Kerro viittauksen `type` tai viittaa kuten `Patient/id`.".into()),
    };
    let more = if more == 0 { String::new() } else { format!("; samasta syystä sama koskee vielä {more} paikkaa") };
    say(format!("{what}: {why}{more}."), remedy)
}

pub(super) fn swedish(tongue: &Tongue, what: &Unchecked, why: &Why, more: usize, id: &str) -> Said {
    let i = if id == "``" { String::new() } else { format!(" i {id}") };
    let what = match what {
        Unchecked::Part(name) => format!("Uppgiften {name}{i} kontrollerades inte"),
        Unchecked::Constraint(key) => format!("Frågeformulärets villkor `{key}` kontrollerades inte"),
        Unchecked::Bounds => format!("Gränserna{i} kontrollerades inte"),
        Unchecked::Unit => format!("Enheten{i} kontrollerades inte"),
        Unchecked::ValueSet => format!("Det kontrollerades inte om svaret på {id} är en tillåten kod"),
        Unchecked::ReferenceType => format!("Hänvisningens typ{i} kontrollerades inte"),
        Unchecked::Asked(_) if i.is_empty() => "Allt om vad som frågas kontrollerades inte".to_owned(),
        Unchecked::Asked(when) => format!("Det gick inte att avgöra om {id} ska frågas{}", which(tongue, when, " (det frågas när ", ")")),
    };
    let (why, remedy) = match why {
        Why::Costly => ("uttrycken kräver mer tid eller minne än ett svar har".into(), "Förenkla frågeformulärets uttryck.".into()),
        Why::LongTexts => {
            ("texterna är för långa för ett så stort uttryck".into(), "Förenkla `regex` i frågeformuläret, eller ange `maxLength`.".into())
        }
        Why::ManyAnswers => ("svaren är för många för så många villkor".into(), "Skicka färre svar på en gång.".into()),
        Why::Circle => (
            "dess villkor beror genom andra på sig självt, eller på för många andra".into(),
            "Rätta frågeformulärets villkor så att inget beror på sig självt.".into(),
        ),
        Why::UnknownVariable(name) => (
            format!("variabeln `%{name}` är inte definierad här"),
            format!("Definiera `{name}` som variabel (`variable`) i frågeformuläret."),
        ),
        Why::FailedVariable(name) => {
            (format!("variabeln `{name}`, som det läser, kan inte beräknas"), format!("Rätta uttrycket för `{name}` i frågeformuläret."))
        }
        Why::UnknownFunction(name) => {
            (format!("funktionen `{name}` stöds inte här"), "Skriv uttrycket i frågeformuläret utan den, eller kontrollera själv.".into())
        }
        Why::LaunchContext(name) => {
            (format!("`%{name}` är känd bara när formuläret öppnas"), format!("Kontrollera själv: `{name}` finns inte i svaret."))
        }
        Why::Fails => (
            "dess uttryck fungerar inte med dessa svar".into(),
            "Rätta uttrycket i frågeformuläret så att det fungerar med alla svar, till exempel med `first()`.".into(),
        ),
        Why::Gives { wanted } => (
            format!("dess uttryck ger något annat än {}", super::swedish::noun(wanted)),
            format!("Rätta uttrycket i frågeformuläret så att det ger {}.", super::swedish::noun(wanted)),
        ),
        Why::Unreadable => (
            "den kan inte läsas här".into(),
            "Rätta frågeformuläret enligt R4 och SDC, uttryck i FHIRPath, eller kontrollera själv.".into(),
        ),
        Why::Stray(question) => (format!("`{question}` står på fel ställe"), format!("Flytta `{question}` till sin plats.")),
        Why::Unanswered(question) => (format!("`{question}` är obesvarad"), format!("Besvara `{question}`.")),
        Why::OtherUnit => (
            "svaret har en annan enhet eller ingen, och enheter omvandlas inte".into(),
            "Svara i den enhet som det jämförs med, eller kontrollera själv.".into(),
        ),
        Why::NotExact => ("mängden är inte exakt".into(), "Lämna bort `comparator` om värdet är exakt, eller kontrollera själv.".into()),
        Why::Precision => ("svaret är mindre exakt än det som det jämförs med".into(), "Svara lika exakt, om det är känt.".into()),
        Why::Digits => ("talet har fler siffror än vad som kan jämföras här".into(), "Skriv färre siffror.".into()),
        Why::ValueSet(canonical) => {
            (format!("kodurvalet `{canonical}` är inte känt här"), "Ge kodurvalet eller dess koder med --profiles.".into())
        }
        Why::ContainedValueSet(id) => (
            format!("frågeformuläret innehåller inget kodurval `{id}`"),
            format!("Ta med kodurvalet i frågeformuläret med id `{}`.", bare(id)),
        ),
        Why::Unexpanded(canonical) => (
            format!("alla koder i kodurvalet `{canonical}` kan inte räknas upp här"),
            "Ge kodurvalet med sin `expansion` och kodsystemen med --profiles eller i frågeformuläret.".into(),
        ),
        Why::NoSize => ("bilagan anger inte hur stor den är".into(), "Ange bilagans storlek i byte (`size`).".into()),
        Why::NotTold => ("hänvisningen anger den inte".into(), "Ange `type`, eller hänvisa som i `Patient/id`.".into()),
    };
    let more = if more == 0 { String::new() } else { format!("; av samma orsak gäller det {more} ställen till") };
    say(format!("{what}: {why}{more}."), remedy)
}

/// The condition, if one is at fault.
fn which(tongue: &Tongue, when: &When, before: &str, behind: &str) -> String {
    let condition = tongue.when(when);
    if condition.is_empty() { condition } else { format!("{before}{condition}{behind}") }
}

fn bare(id: &str) -> &str {
    id.trim_start_matches('#')
}
