//! Faults of responses in Swedish.

use neuvola_fhir::FaultKind;

use super::{Said, Tongue, asked, say, together, unchecked};
use crate::issue::told::{Told, Wanted, When};

const T: Tongue = Tongue {
    code: "sv",
    and: "och",
    or: "eller",
    more: |count| format!("{count} till"),
    one_of: "något av",
    own_words: "eller med egna ord (`valueString`)",
    unit: "i",
    at_least: "minst",
    at_most: "högst",
    is_answered: "{} har besvarats",
    is_not_answered: "{} inte har besvarats",
    expression: "detta är sant:",
};

/// The fault of the question `id`, which is quoted.
pub(super) fn said(told: &Told, id: &str) -> Said {
    match told {
        Told::WrongKind { wanted, given } => {
            say(format!("Här ska det stå {}, inte {}.", noun(wanted), noun(given)), format!("Skriv {} här.", noun(wanted)))
        }
        Told::WrongForm { wanted } => say(format!("Här ska det stå {}.", noun(wanted)), format!("Skriv {} här.", noun(wanted))),
        Told::NoSuchDay => say("Det finns ingen sådan dag.", "Skriv en dag i kalendern, till exempel 2026-02-28."),
        Told::NoSuchTime => say(
            "Det finns inget sådant klockslag.",
            "Skriv ett klockslag mellan 00:00:00 och 23:59:59; midnatt är 00:00:00 den dag som börjar.",
        ),
        Told::WrongCode { codes } => say("Här ska en av R4:s koder stå.", format!("Skriv något av {}.", T.any(codes))),
        Told::MissingMember { name } => say(format!("Den obligatoriska uppgiften `{name}` saknas."), format!("Lägg till `{name}`.")),
        Told::UnknownMember { known } => {
            say("FHIR R4 känner inte till uppgiften här.", format!("Lämna bort uppgiften. Här är kända: {}.", T.all(known)))
        }
        Told::SeveralValues => say("Här kan det bara finnas ett värde (`value[x]`).", "Lämna kvar ett `value[x]`."),
        Told::Invariant { key } => invariant(key),
        Told::ModifierExtension => say(
            "Här finns ett tillägg som kan ändra vad resten betyder och som inte förstås.",
            "Lämna bort det, om resten gäller utan det.",
        ),
        Told::NotR4 { .. } => {
            say("En resurs som ingår följer inte FHIR R4.", "Rätta resursen så att den följer FHIR R4, eller lämna bort den.")
        }
        Told::Unreadable(kind) => unreadable(*kind),
        Told::NotAResponse => {
            say("Här ska det vara ett svar på ett frågeformulär (QuestionnaireResponse).", "Skicka en QuestionnaireResponse.")
        }
        Told::NoQuestionnaire => say(
            "Svaret anger inte vilket frågeformulär det gäller.",
            "Skriv frågeformulärets adress och version i `questionnaire`: `url|version`.",
        ),
        Told::NotContained => {
            say("Frågeformuläret som svaret hänvisar till ingår inte.", "Ta med frågeformuläret, eller hänvisa till det med dess adress.")
        }
        Told::UnknownQuestionnaire => {
            say("Frågeformuläret är okänt här.", "Skicka med frågeformuläret, eller hänvisa till ett som är känt.")
        }
        Told::UnknownVersion { versions } => say(
            "Den här versionen av frågeformuläret är okänd här.",
            format!("Skicka med frågeformuläret i denna version, eller hänvisa till en känd: {}.", T.any(versions)),
        ),
        Told::NoneInForce { versions } => say(
            "Svaret anger ingen version av frågeformuläret, och ingen gällde när det besvarades.",
            format!("Ange vilken version som besvarades: {}.", T.any(versions)),
        ),
        Told::SeveralInForce { versions } => say(
            "Svaret anger ingen version av frågeformuläret, och flera gällde när det besvarades.",
            format!("Ange vilken version som besvarades: {}.", T.any(versions)),
        ),
        Told::UnknownLinkId { may_stand } if may_stand.is_empty() => say(
            "Frågeformuläret har ingen sådan punkt (`linkId`).",
            "Lämna bort punkten, eller ange den version av frågeformuläret som har den.",
        ),
        Told::UnknownLinkId { may_stand } => say(
            "Frågeformuläret har ingen sådan punkt (`linkId`).",
            format!("Lämna bort punkten, eller ange den version som har den. Här kan stå: {}.", T.all(may_stand)),
        ),
        Told::WrongParent { parent: None, .. } => say(format!("{id} står på fel ställe."), "Flytta det till översta nivån."),
        Told::WrongParent { parent: Some(parent), in_answer: false } => {
            say(format!("{id} står på fel ställe."), format!("Flytta det till `{parent}`."))
        }
        Told::WrongParent { parent: Some(parent), in_answer: true } => {
            say(format!("{id} står på fel ställe."), format!("Flytta det till svaret på `{parent}` (`answer.item`)."))
        }
        Told::AnswerOfGroup { holds } => {
            say(format!("{id} är ingen fråga och tar inget svar."), format!("Lämna bort svaret. I gruppen finns: {}.", T.all(holds)))
        }
        Told::OnlyShown { member: "answer" } => say(format!("{id} är ingen fråga och tar inget svar."), "Lämna bort svaret."),
        Told::OnlyShown { .. } => say(format!("{id} visas bara och innehåller ingenting."), "Lämna bort punkterna under det."),
        Told::ItemsOfQuestion => say(format!("{id} är en fråga."), "Flytta det som hör till ett svar till svaret (`answer.item`)."),
        Told::Order { before } => say(format!("{id} står i fel ordning."), format!("Flytta det före `{before}`.")),
        Told::Repeated { count, repeats: true, .. } => say(format!("{id} står här {count} gånger."), "Samla alla svar i en punkt."),
        Told::Repeated { count, is_question: true, .. } => {
            say(format!("{id} står här {count} gånger."), "Lämna kvar en punkt med ett svar.")
        }
        Told::Repeated { count, .. } => say(format!("{id} står här {count} gånger."), "Lämna kvar en."),
        Told::OneOnly { count } => say(format!("{id} ska ha ett svar och har {count}."), "Lämna kvar ett svar."),
        Told::TooMany { most, count } => say(format!("{id} får ha högst {most} och har {count}."), format!("Lämna kvar högst {most}.")),
        Told::TooFew { least, count } => say(format!("{id} ska ha minst {least} och har {count}."), format!("Ge minst {least}.")),
        Told::ItemText { text } => say(
            format!("Texten i {id} är inte frågeformulärets."),
            format!("Lämna bort texten (`text`), eller skriv den som i frågeformuläret: {}", T.shown(text)),
        ),
        Told::MissingAnswer { wanted } => {
            say(format!("Ett obligatoriskt svar saknas: {id}."), format!("Besvara {id}: {}.", T.wanted(wanted, true)))
        }
        Told::MissingGroup { holds } => {
            say(format!("En obligatorisk grupp saknas: {id}."), format!("Lägg till {id} och svara på något i den: {}.", T.any(holds)))
        }
        Told::EmptyGroup { holds } => {
            say(format!("En obligatorisk grupp har inga svar: {id}."), format!("Svara på något i gruppen: {}.", T.any(holds)))
        }
        Told::Disabled { when } => say(format!("{id} har besvarats fast det frågas bara när {}.", T.when(when)), correct(when)),
        Told::Declined => {
            say(format!("{id} har både besvarats och avböjts."), "Lämna kvar antingen avböjandet (`asked-declined`) eller de andra svaren.")
        }
        Told::NoValue { wanted } => {
            say(format!("{id} har ett svar utan värde."), format!("Ge ett värde ({}), eller lämna bort svaret.", T.wanted(wanted, true)))
        }
        Told::WrongType { wanted, given } => say(
            format!("Svaret på {id} är av fel typ: det ska vara `{}`{}, inte `{given}`.", wanted.value, own_words(wanted)),
            format!("Svara med {}.", T.wanted(wanted, true)),
        ),
        Told::SameAnswer => say(format!("{id} har samma svar två gånger."), "Lämna ett av dem."),
        Told::ReadOnly { wanted } => say(
            format!("{id} kan inte ändras, men svaret är inte det som frågeformuläret ger."),
            format!("Lämna det som frågeformuläret ger det: {}. Om ett system har ändrat det är allt i sin ordning.", T.any(wanted)),
        ),
        Told::LineBreak => say(format!("Svaret på {id} ska vara en rad men har flera."), "Skriv svaret på en rad."),
        Told::OtherSystem { system } => {
            say(format!("Svaret på {id} är inget av alternativen."), format!("Ange kodsystemet (`system`) `{system}`."))
        }
        Told::NotAnOption { wanted } => {
            say(format!("Svaret på {id} är inget av alternativen."), format!("Svara med {}.", T.wanted(wanted, true)))
        }
        Told::NotListed { expression } => say(
            format!("Svaret på {id} är inget av dem som uttrycket räknar upp."),
            format!("Välj något av dem som detta ger: `{expression}`."),
        ),
        Told::NotOffered { expression } => say(
            format!("Svaret på {id} erbjuds inte här, eftersom dess villkor inte uppfylls."),
            format!("Välj ett annat alternativ. Detta erbjuds bara när `{expression}`."),
        ),
        Told::Exclusive { options } => say(
            format!("I {id} har ett alternativ valts som inte kan väljas med andra."),
            format!("Lämna kvar antingen bara {} eller de andra svaren.", T.any(options)),
        ),
        Told::TooShort { least } => say(format!("Svaret på {id} är kortare än {least} tecken."), format!("Skriv minst {least} tecken.")),
        Told::TooLong { most } => say(format!("Svaret på {id} är längre än {most} tecken."), format!("Skriv högst {most} tecken.")),
        Told::TooLarge { bytes } => {
            say(format!("Bilagan i {id} är större än {bytes} byte."), format!("Bifoga en fil på högst {bytes} byte."))
        }
        Told::Form { pattern, example } if example.is_empty() => say(
            format!("Svaret på {id} har inte den form som begärs."),
            format!("Skriv ett svar som i sin helhet stämmer med `{pattern}`."),
        ),
        Told::Form { pattern, example } => say(
            format!("Svaret på {id} har inte den form som begärs: {example}."),
            format!("Skriv i formen {example} (uttrycket `{pattern}`)."),
        ),
        Told::TooLow { least, is_time: true } => say(format!("Svaret på {id} är tidigare än {least}."), format!("Tidigast {least}.")),
        Told::TooLow { least, .. } => say(format!("Svaret på {id} är mindre än {least}."), format!("Minst {least}.")),
        Told::TooHigh { most, is_time: true } => say(format!("Svaret på {id} är senare än {most}."), format!("Senast {most}.")),
        Told::TooHigh { most, .. } => say(format!("Svaret på {id} är större än {most}."), format!("Högst {most}.")),
        Told::Decimals { most: 0 } => say(format!("Talet i {id} har decimaler."), "Skriv ett heltal utan decimaler."),
        Told::Decimals { most } => say(format!("Talet i {id} har fler decimaler än {most}."), format!("Skriv högst {most} decimaler.")),
        Told::NoUnit { units } => {
            say(format!("Enheten i {id} har ingen kod."), format!("Ange enhetens `system` och `code`: {}.", T.any(units)))
        }
        Told::NoUnitToCompare { bound, unit } => say(
            format!("Enheten i {id} saknas, och värdet kan inte jämföras med gränsen {bound}."),
            format!("Ange enhetens `system` och `code`: {unit}."),
        ),
        Told::OtherUnit { units } => {
            say(format!("Enheten i {id} är en annan än den som begärs."), format!("Ange värdet i {}.", T.any(units)))
        }
        Told::MimeType { types } => say(
            format!("Bilagan i {id} är av fel filtyp; bara {} duger.", T.any(types)),
            format!("Bifoga en sådan fil och ange typen (`contentType`): {}.", T.any(types)),
        ),
        Told::Size => say(
            format!("Storleken på bilagan i {id} är felaktigt angiven."),
            "Ange i `size` hur många byte `data` har, eller lämna bort storleken.",
        ),
        Told::RefersNowhere => {
            say(format!("{id} hänvisar till en resurs som inte ingår."), "Ta med resursen med detta id, eller hänvisa någon annanstans.")
        }
        Told::RefersToNoType { types } if types.is_empty() => {
            say(format!("{id} hänvisar till en resurstyp som R4 inte har."), "Hänvisa till en typ i R4, till exempel `Patient/id`.")
        }
        Told::RefersToNoType { types } => {
            say(format!("{id} hänvisar till en resurstyp som R4 inte har."), format!("Hänvisa till {}.", T.any(types)))
        }
        Told::ReferenceType { types } => say(
            format!("Hänvisningen i {id} är till fel slags resurs; det ska vara {}.", T.any(types)),
            format!("Hänvisa till {}.", T.any(types)),
        ),
        Told::SubjectType { types } => say(
            format!("Frågeformuläret besvaras bara om {}.", T.any(types)),
            format!("Låt `subject` hänvisa till {}, eller byt frågeformulär.", T.any(types)),
        ),
        Told::Constraint { key, human, expression } => say(
            if human.is_empty() {
                format!("Frågeformulärets villkor `{key}` uppfylls inte.")
            } else {
                format!("Frågeformulärets villkor `{key}` uppfylls inte: {human}")
            },
            format!("Rätta svaren så att detta är sant: `{expression}`."),
        ),
        Told::Calculated { expression } => say(
            format!("Värdet i {id} stämmer inte med det beräknade värdet."),
            format!("Beräkna värdet på nytt ur svaren, eller lämna bort det: `{expression}`."),
        ),
        Told::CalculatedFromNothing { missing: Some(missing) } => say(
            format!("{id} har ett beräknat värde fast `{missing}`, som det beräknas ur, inte har besvarats."),
            format!("Besvara `{missing}`, eller lämna bort {id}."),
        ),
        Told::CalculatedFromNothing { missing: None } => say(
            format!("{id} har ett beräknat värde fast det som det beräknas ur inte har besvarats."),
            format!("Besvara det som värdet beräknas ur, eller lämna bort {id}."),
        ),
        Told::NotChecked { what, why, more } => unchecked::swedish(&T, what, why, *more, id),
        Told::Defect { what, remedy } => say(
            format!("Felet finns i själva frågeformuläret, inte i svaret. På engelska: {what}."),
            format!("Den som gjort frågeformuläret rättar det. På engelska: {remedy}."),
        ),
        Told::MoreDefects { count } => say(
            format!("Själva frågeformuläret har {count} fel till, som inte beror på den som svarat."),
            "Rätta frågeformuläret; kontrollera det för sig, så räknas alla fel upp.",
        ),
    }
}

fn own_words(wanted: &Wanted) -> String {
    if wanted.in_own_words { format!(" {}", T.own_words) } else { String::new() }
}

fn correct(when: &When) -> String {
    match asked(when) {
        none if none.is_empty() => "Lämna bort punkten, eller rätta de svar som villkoret läser.".to_owned(),
        questions => format!("Lämna bort punkten, eller rätta svaret på {}.", together(questions, T.or)),
    }
}

fn invariant(key: &str) -> Said {
    match key {
        "qrs-1" => say(
            "En punkt har antingen svar eller punkter under sig, inte båda (qrs-1).",
            "Lämna kvar ett: en grupp har punkter (`item`), en fråga har svar, och det som hör till ett svar står i det (`answer.item`).",
        ),
        "att-1" => say("Bilagans filtyp saknas (att-1).", "Ange typen (`contentType`), till exempel `image/png`."),
        "qty-3" => say(
            "Enhetens kod behöver sitt kodsystem (qty-3).",
            "Ange kodsystemet (`system`), till exempel `http://unitsofmeasure.org`, eller lämna bort `code`.",
        ),
        "ext-1" => say("Ett tillägg har antingen ett värde eller tillägg (ext-1).", "Lämna bort värdet eller de inre tilläggen."),
        key => say(format!("Regeln {key} i FHIR R4 uppfylls inte."), format!("Rätta uppgiften enligt regeln {key}.")),
    }
}

fn unreadable(kind: FaultKind) -> Said {
    let (what, remedy) = match kind {
        FaultKind::Empty => ("Uppgiften är tom.", "Skicka en resurs i JSON eller XML."),
        FaultKind::NotUtf8 => ("Uppgiften är inte i UTF-8.", "Skriv den i UTF-8."),
        FaultKind::Syntax(_) => ("Uppgiften är inte välformad JSON.", "Rätta JSON från detta ställe; läsningen slutade här."),
        FaultKind::Xml(_) => ("Uppgiften är inte välformad XML.", "Rätta XML från detta ställe; läsningen slutade här."),
        FaultKind::Rule(_) => ("Uppgiften följer inte FHIR:s formregler.", "Skriv den som R4 säger om JSON och XML."),
        FaultKind::TooLarge(most) => {
            return say(format!("Uppgiften är större än {most} byte."), "Skicka mindre på en gång.");
        }
        FaultKind::TooDeep(most) => {
            return say(format!("Uppgiften har fler än {most} nivåer inuti varandra."), "Minska antalet nivåer.");
        }
        FaultKind::TooManyAttributes(most) => {
            let remedy = "Lämna bort attribut som R4 inte har; en namnrymd anges en gång, i roten.";
            return say(format!("Ett element har fler än {most} attribut."), remedy);
        }
        FaultKind::DuplicateMember => ("Samma uppgift står här två gånger.", "Lämna kvar en; flera värden hör hemma i en lista."),
        FaultKind::EmptyArray => ("Listan är tom.", "Lämna bort uppgiften."),
        FaultKind::EmptyObject => ("Uppgiften är tom.", "Lämna bort uppgiften."),
        FaultKind::Null => ("Värdet är null, som FHIR inte tillåter.", "Lämna bort uppgiften."),
        FaultKind::ControlCharacter => ("Texten har ett styrtecken som R4 inte tillåter.", "Ta bort styrtecknet."),
        FaultKind::More => ("Det finns fler fel än vad som räknas upp här.", "Rätta dem som räknas upp och skicka på nytt."),
    };
    say(what, remedy)
}

/// What the shapes of R4's types call things.
pub(super) fn noun(english: &str) -> &str {
    match english {
        "null" => "null",
        "a boolean" => "ett sanningsvärde (`true` eller `false`)",
        "a number" => "ett tal",
        "a bound for the answer" => "en gräns för svaret",
        "values that answers can be compared with" => "värden som svaret kan jämföras med",
        "one value" => "ett enda värde",
        "a string" => "en teckensträng",
        "an array" => "en lista",
        "an object" => "ett objekt",
        "a FHIR resource" => "en FHIR-resurs",
        "one of R4's codes for it" => "en av R4:s koder",
        "an integer of 32 bits" => "ett heltal på 32 bitar",
        "an integer from 0" => "ett heltal, minst 0",
        "an integer from 1" => "ett heltal, minst 1",
        "a text that says something" => "en text med annat än mellanslag",
        "an id (letters, digits, `-` and `.`, at most 64)" => "ett id (bokstäver, siffror, `-` och `.`, högst 64)",
        "a code (no white space around it or doubled in it)" => "en kod (utan mellanslag omkring eller dubbla inuti)",
        "a URI without white space" => "en URI utan mellanslag",
        "a date (year, month or day)" => "ett datum (år, månad eller dag)",
        "a dateTime (with seconds and an offset, if it has a time)" => "en tid (klockslag med sekunder och tidszon)",
        "a time (hh:mm:ss)" => "ett klockslag (hh:mm:ss)",
        "an instant (with seconds and an offset)" => "en tidpunkt (med sekunder och tidszon)",
        "base64" => "base64",
        "a `<div>` of XHTML" => "en `<div>` i XHTML",
        other => other,
    }
}
