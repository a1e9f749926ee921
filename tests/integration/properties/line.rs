//! What holds of every family on its way through the whole line.

use neuvola_adapter::report;
use proptest::prelude::*;
use serde_json::Value;

use super::family::{PROFILES, decide, family, plans, preview, written};
use super::tape::{Tape, config, tape};

proptest! {
    #![proptest_config(config(70))]

    #[test]
    fn every_valid_family_becomes_plans(numbers in tape(260)) {
        let tape = &mut Tape::of(&numbers);
        let family = family(tape);
        for response in family.persons.iter().flat_map(|person| [&person.own, &person.professional]) {
            let document = serde_json::to_vec(&response.response("completed")).expect("it prints");
            prop_assert_eq!(PROFILES.library().check(&document), []);
        }
        let decision = family.decide(tape);
        let plans = family.plans(&decision);
        prop_assert_eq!(plans.persons.len(), family.persons.len());
        for person in &family.persons {
            prop_assert_eq!(written(&plans, &person.key).len(), 5, "two responses, a plan and two provenances");
        }
    }

    /// The child's record is read by guardians: nothing that is said about a parent may show in it, not even as another
    /// digest. And so for each two of a family.
    #[test]
    fn an_answer_about_one_person_changes_no_byte_written_for_another(numbers in tape(320), others in tape(120)) {
        let tape = &mut Tape::of(&numbers);
        let family = family(tape);
        prop_assume!(family.persons.len() > 1);
        let decision = family.decide(tape);
        let before = family.plans(&decision);

        let mut changed = family.clone();
        let whose = tape.below(family.persons.len());
        changed.persons[whose] = family.persons[whose].answering_otherwise(&mut Tape::of(&others));
        let mut decision = decision;
        let preview = changed.preview();
        if preview.persons[whose].proposal != decision[whose]["proposal"] {
            // another proposal for this person wants another answer; those about the others stand as they were
            decision[whose] = decide(&preview.persons[whose], tape);
        }
        let after = changed.plans(&decision);
        for (index, person) in family.persons.iter().enumerate().filter(|&(index, _)| index != whose) {
            prop_assert_eq!(
                written(&before, &person.key), written(&after, &person.key), "{} of {}", index, family.rule_set.form
            );
        }
    }

    /// Nor does it matter for the others that somebody says nothing at all.
    #[test]
    fn a_person_who_is_not_there_changes_nothing_written_for_the_others(numbers in tape(320)) {
        let tape = &mut Tape::of(&numbers);
        let family = family(tape);
        prop_assume!(family.persons.len() > 2);
        let decision = family.decide(tape);
        let mut without = family.clone();
        without.persons.pop();
        let (all, fewer) = (family.plans(&decision), without.plans(&decision[..decision.len() - 1]));
        for person in &without.persons {
            prop_assert_eq!(written(&all, &person.key), written(&fewer, &person.key));
        }
    }

    #[test]
    fn the_same_submission_gives_the_same_bytes_however_its_json_is_written(numbers in tape(260), spaces in tape(400)) {
        let tape = &mut Tape::of(&numbers);
        let family = family(tape);
        let form = &family.rule_set.form;
        let body = family.submission(Some(&family.decide(tape)));
        let value: Value = serde_json::from_slice(&body).expect("JSON");
        let mut otherwise = String::new();
        write_otherwise(&value, &mut Tape::of(&spaces), &mut otherwise);

        let [first, again, otherwise] = [&body, &body, &otherwise.into_bytes()].map(|body| {
            let preview = preview(body, form).map(|preview| report::preview(&preview).to_string());
            let plans = plans(body, form).expect("plans");
            let written: Vec<_> = family.persons.iter().flat_map(|person| written(&plans, &person.key)).collect();
            (preview.expect("a preview"), written)
        });
        prop_assert_eq!(&first, &again);
        prop_assert_eq!(&first, &otherwise);
    }
}

/// The same JSON with other spaces and its members in another order.
fn write_otherwise(value: &Value, tape: &mut Tape<'_>, out: &mut String) {
    let space = |tape: &mut Tape<'_>, out: &mut String| out.push_str(*tape.one_of(&["", " ", "\n", "\t ", "\r\n"]));
    space(tape, out);
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let turn = tape.below(members.len());
            members.rotate_left(turn);
            if tape.chance(50) {
                members.reverse();
            }
            out.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                space(tape, out);
                out.push_str(&Value::from(name.as_str()).to_string());
                space(tape, out);
                out.push(':');
                write_otherwise(member, tape, out);
            }
            out.push('}');
        }
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_otherwise(element, tape, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
    space(tape, out);
}
