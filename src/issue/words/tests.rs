use neuvola_fhir::{FaultKind, Kind};

use super::super::told::{Choice, Condition, Listed, Told, Unchecked, Wanted, When, Why};
use super::*;

#[test]
fn a_bound_is_told_in_each_language() {
    let told = Told::TooHigh { most: "120".to_owned(), is_time: false };
    assert_eq!(in_english(&told, "age"), say("`age` is more than 120", "at most 120"));
    let [(_, finnish), (_, swedish)] = in_languages(&told, "age");
    assert_eq!(finnish, say("Kohdan `age` vastaus on suurempi kuin 120.", "Enintään 120."));
    assert_eq!(swedish, say("Svaret på `age` är större än 120.", "Högst 120."));
}

#[test]
fn options_are_shown_in_the_reader_s_language_and_the_rest_is_counted() {
    let display = Texts::new("Yes", vec![("fi".to_owned(), "Kyllä".to_owned()), ("sv".to_owned(), "Ja".to_owned())]);
    let yes = Choice { code: "yes".to_owned(), display };
    let options = Listed { shown: vec![yes, Choice::from("no")], more: 3 };
    let told = Told::NotAnOption { wanted: Wanted { value: "valueCoding", options, ..Wanted::default() } };
    assert_eq!(in_english(&told, "a").remedy, "answer with `valueCoding`, one of `yes` (Yes), `no` and 3 more");
    let [(_, finnish), (_, swedish)] = in_languages(&told, "a");
    assert_eq!(finnish.remedy, "Anna vastaukseksi `valueCoding`, jokin näistä: `yes` (Kyllä), `no` ja 3 muuta.");
    assert_eq!(swedish.remedy, "Svara med `valueCoding`, något av `yes` (Ja), `no` och 3 till.");
}

#[test]
fn a_condition_is_told_with_its_question_operator_and_answer() {
    let condition =
        |question: &str, sign, comparand: &str| Condition { question: question.to_owned(), sign, comparand: comparand.to_owned() };
    let conditions = vec![condition("age", ">=", "18"), condition("name", "exists", "false")];
    let told = Told::Disabled { when: When { conditions, any: true, ..When::default() } };
    let said = in_english(&told, "x");
    assert_eq!(said.what, "`x` is answered though it is disabled: it is asked only when `age` >= 18 or `name` is not answered");
    assert_eq!(said.remedy, "leave the item out, or correct the answer to `age` or `name`");
    let [(_, finnish), (_, swedish)] = in_languages(&told, "x");
    assert_eq!(finnish.what, "Kohtaan `x` on vastattu, vaikka sitä kysytään vain, kun `age` >= 18 tai kohtaan `name` ei ole vastattu.");
    assert_eq!(swedish.remedy, "Lämna bort punkten, eller rätta svaret på `age` eller `name`.");
}

#[test]
fn what_a_type_is_called_is_known_in_each_language() {
    let source = include_str!("../../shape/primitive.rs");
    let known = |noun: &str| noun == "null" || noun == "base64" || (finnish::noun(noun) != noun && swedish::noun(noun) != noun);
    let kinds = [Kind::Null, Kind::Boolean, Kind::Number, Kind::String, Kind::Array, Kind::Object];
    kinds.iter().for_each(|kind| assert!(known(kind.name()), "{}", kind.name()));
    // `(whether it fits, "what is wanted"),`
    let nouns: Vec<&str> = source
        .lines()
        .filter(|line| line.trim_start().starts_with("Type::") && line.ends_with("\"),"))
        .filter_map(|line| line.trim_end_matches("\"),").rsplit('"').next())
        .filter(|noun| !noun.is_empty())
        .collect();
    assert!(nouns.len() > 12, "{nouns:?}");
    nouns.iter().for_each(|noun| assert!(known(noun), "{noun}"));
}

#[test]
fn messages_are_sentences_but_in_english() {
    let kinds = [FaultKind::Empty, FaultKind::TooDeep(40), FaultKind::Syntax("odd"), FaultKind::Null, FaultKind::More];
    let invariants = ["qrs-1", "att-1", "qty-3", "ext-1", "dom-2"].map(|key| Told::Invariant { key });
    for told in kinds.map(Told::Unreadable).into_iter().chain(invariants) {
        let said = in_english(&told, "a");
        assert!(!said.what.ends_with('.') && !said.remedy.ends_with('.') && !said.remedy.is_empty(), "{said:?}");
        for (language, said) in in_languages(&told, "a") {
            let is_sentence = |text: &str| text.ends_with('.') && text.starts_with(char::is_uppercase);
            assert!(is_sentence(&said.what) && is_sentence(&said.remedy), "{language}: {said:?}");
        }
    }
}

#[test]
fn what_is_not_checked_says_why_and_what_would_help_in_each_language() {
    let named = || "x-1".to_owned();
    let when = When { conditions: vec![Condition { question: named(), sign: ">", comparand: "5 kg".to_owned() }], ..When::default() };
    let all = [
        Unchecked::Part("`regex`"),
        Unchecked::Constraint(named()),
        Unchecked::Bounds,
        Unchecked::Unit,
        Unchecked::ValueSet,
        Unchecked::ReferenceType,
        Unchecked::Asked(when),
    ];
    let causes = [
        Why::Costly,
        Why::LongTexts,
        Why::ManyAnswers,
        Why::Circle,
        Why::UnknownVariable(named()),
        Why::FailedVariable(named()),
        Why::UnknownFunction(named()),
        Why::LaunchContext(named()),
        Why::Fails,
        Why::Gives { wanted: "a boolean" },
        Why::Gives { wanted: "a bound for the answer" },
        Why::Gives { wanted: "values that answers can be compared with" },
        Why::Gives { wanted: "one value" },
        Why::Unreadable,
        Why::Stray(named()),
        Why::Unanswered(named()),
        Why::OtherUnit,
        Why::NotExact,
        Why::Precision,
        Why::Digits,
        Why::ValueSet(named()),
        Why::ContainedValueSet(named()),
        Why::Unexpanded(named()),
        Why::NoSize,
        Why::NotTold,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for what in &all {
        for why in &causes {
            let told = Told::NotChecked { what: what.clone(), why: why.clone(), more: 3 };
            let said = in_english(&told, "a");
            assert!(!said.what.ends_with('.') && !said.remedy.ends_with('.') && said.what.contains("3 more places"), "{said:?}");
            assert!(seen.insert(said.what.clone()), "{said:?}");
            let is_named = said.what.contains("x-1");
            for (language, said) in in_languages(&told, "a") {
                let is_sentence = |text: &str| text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase());
                assert!(is_sentence(&said.what) && is_sentence(&said.remedy), "{language}: {said:?}");
                assert_eq!(said.what.contains("x-1"), is_named, "{language}: {said:?}");
                assert!(
                    said.what.contains(" 3 ") && !said.what.contains("boolean") && !said.what.contains("value"),
                    "{language}: {said:?}"
                );
            }
        }
    }
}

#[test]
fn a_defect_of_the_questionnaire_is_nobody_else_s_fault_in_each_language() {
    let told = Told::Defect { what: "the linkId `a` stands here twice (que-2)".to_owned(), remedy: "give every item a linkId".to_owned() };
    let said = in_english(&told, "");
    assert_eq!(said.what, "the Questionnaire itself is defective, not the response: the linkId `a` stands here twice (que-2)");
    let [(_, finnish), (_, swedish)] = in_languages(&told, "");
    assert!(finnish.what.starts_with("Vika on itse kyselyssä, ei vastauksessa."), "{finnish:?}");
    assert!(swedish.what.starts_with("Felet finns i själva frågeformuläret, inte i svaret."), "{swedish:?}");
}
