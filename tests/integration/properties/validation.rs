//! The validator and the mapper against what nobody would send: nothing panics, nothing disabled passes, nothing hidden
//! blocks.

use std::sync::Arc;

use neuvola_adapter::form::questionnaire::{Item, ItemKind, Questionnaire};
use neuvola_adapter::form::validate::validate;
use neuvola_fhir::read;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::family::{PROFILES, family, plans, preview};
use super::filled::{Entry, Filled, Given, USUAL, answers, declined, fill};
use super::tape::{Tape, config, tape};

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn no_json_makes_the_validator_panic(tree in trees()) {
        let document = serde_json::to_vec(&tree).expect("it prints");
        if let Ok(node) = read(&document) {
            for questionnaire in PROFILES.questionnaires() {
                let _ = validate(&node, questionnaire);
            }
        }
    }

    #[test]
    fn no_spoiled_response_makes_the_validator_panic(numbers in tape(120), spoils in tape(30), tree in trees()) {
        let tape = &mut Tape::of(&numbers);
        let questionnaire = tape.one_of(PROFILES.questionnaires());
        let mut response = fill(questionnaire, USUAL, tape).response("completed");
        let spoils = &mut Tape::of(&spoils);
        for _ in 0..=spoils.below(4) {
            spoil(&mut response, &tree, questionnaire, spoils);
        }
        let document = serde_json::to_vec(&response).expect("it prints");
        if let Ok(node) = read(&document) {
            let _ = validate(&node, questionnaire);
        }
    }

    #[test]
    fn no_answers_make_the_mapper_panic(numbers in tape(300), tree in trees(), fields in vec((any::<u16>(), trees()), 0..8)) {
        let tape = &mut Tape::of(&numbers);
        let family = family(tape);
        let mut submission: Value = serde_json::from_slice(&family.submission(Some(&family.decide(tape)))).expect("JSON");
        let whose = tape.below(family.persons.len());
        let questionnaire = family.persons[whose].own.questionnaire;
        let own = fields.into_iter().map(|(number, value)| (link_id(questionnaire, number.into()), value)).collect::<Map<_, _>>();
        let mut answers = family.persons[whose].own.answers().unwrap_or_else(|| json!({}));
        answers.as_object_mut().expect("an object").extend(own);
        if tape.chance(30) {
            answers = tree;
        }
        let person = submission["persons"][whose].as_object_mut().expect("an object");
        person.remove("response");
        person.insert("answers".to_owned(), answers);
        let body = serde_json::to_vec(&submission).expect("it prints");
        let _ = (preview(&body, &family.rule_set.form).is_ok(), plans(&body, &family.rule_set.form).is_ok());
    }

    #[test]
    fn what_is_not_asked_neither_blocks_nor_passes(numbers in tape(160)) {
        let tape = &mut Tape::of(&numbers);
        let questionnaire = tape.one_of(PROFILES.questionnaires());
        let filled = fill(questionnaire, USUAL, tape);
        // required ones that are hidden are left out: that they are is no fault
        prop_assert_eq!(faults(&filled.response("completed"), questionnaire), Vec::<&str>::new());
        let hidden: Vec<usize> = conditional(questionnaire).filter(|&index| !is_asked(&filled, index)).collect();
        prop_assume!(!hidden.is_empty());
        let index = *tape.one_of(&hidden);
        let item = questionnaire.item(index);
        let given = if item.kind == ItemKind::Group { Vec::new() } else { answers(item, tape) };
        let mut with = filled.clone();
        insert(&mut with, index, &given, tape);
        let found = faults(&with.response("completed"), questionnaire);
        prop_assert!(found.contains(&"disabled-answer"), "`{}` passes: {found:?}", item.link_id);
    }
}

/// Items with a condition of their own, as far as something can be put there from outside.
fn conditional(questionnaire: &Questionnaire) -> impl Iterator<Item = usize> {
    let can_hold = |item: &Item| !item.enable_when.is_empty() && item.kind != ItemKind::Display;
    (0..questionnaire.items().len()).filter(move |&index| can_hold(questionnaire.item(index)))
}

/// Told by the generator's own `enableWhen`: what is not enabled does not stay.
fn is_asked(filled: &Filled<'_>, index: usize) -> bool {
    let mut with = filled.clone();
    insert(&mut with, index, &[declined()], &mut Tape::of(&[]));
    let kept = with.with(usize::MAX, &[]);
    holds(&kept.entries, index)
}

fn holds(entries: &[Entry], index: usize) -> bool {
    entries.iter().any(|entry| entry.item == index || holds(&entry.below, index))
}

/// Puts an entry for the item where it belongs, below its group.
fn insert(filled: &mut Filled<'_>, index: usize, given: &[Given], tape: &mut Tape<'_>) {
    let questionnaire = filled.questionnaire;
    let below = if questionnaire.item(index).kind == ItemKind::Group {
        let child = questionnaire.children(Some(index))[0];
        vec![Entry { item: child, given: answers(questionnaire.item(child), tape), below: Vec::new() }]
    } else {
        Vec::new()
    };
    let entry = Entry { item: index, given: given.to_vec(), below };
    let mut path: Vec<usize> = std::iter::successors(questionnaire.item(index).parent, |&up| questionnaire.item(up).parent).collect();
    path.reverse();
    let mut entries = &mut filled.entries;
    for group in path {
        let at = match entries.iter().position(|entry| entry.item == group) {
            Some(at) => at,
            None => {
                let at = entries.partition_point(|entry| entry.item < group);
                entries.insert(at, Entry { item: group, given: Vec::new(), below: Vec::new() });
                at
            }
        };
        entries = &mut entries[at].below;
    }
    let at = entries.partition_point(|entry| entry.item < index);
    entries.insert(at, entry);
}

fn faults(response: &Value, questionnaire: &Arc<Questionnaire>) -> Vec<&'static str> {
    let document = serde_json::to_vec(response).expect("it prints");
    let node = read(&document).expect("FHIR's JSON");
    validate(&node, questionnaire).err().into_iter().flatten().map(|issue| issue.fault).collect()
}

/// Any JSON, with words of FHIR in it.
fn trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        prop::sample::select(vec!["1e400", "-0.0", "1E-300", "99999999999999999999999999999999999", "0.1"])
            .prop_map(|digits| serde_json::from_str(digits).expect("digits")),
        "\\PC{0,8}".prop_map(|text| json!(text)),
        prop::sample::select(vec!["completed", "life", "asked-declined", "2026-02-30", "2026-11-02T18:20:00Z", "\u{0}", "ä"])
            .prop_map(|text| json!(text)),
        Just(Value::Null),
    ];
    let names = prop::sample::select(vec![
        "item",
        "answer",
        "linkId",
        "valueCoding",
        "valueQuantity",
        "valueString",
        "valueInteger",
        "value",
        "code",
        "system",
        "status",
        "authored",
        "text",
        "unit",
        "resourceType",
        "questionnaire",
        "extension",
        "life",
        "life.sibling",
        "x",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Value::Array),
            vec((names.clone(), inner), 1..6)
                .prop_map(|members| { Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()) }),
        ]
    })
}

fn link_id(questionnaire: &Questionnaire, number: usize) -> String {
    match questionnaire.items().get(number % (questionnaire.items().len() + 2)) {
        Some(item) => item.link_id.clone(),
        None => "no-such-question".to_owned(),
    }
}

/// Changes one place of a response.
fn spoil(node: &mut Value, tree: &Value, questionnaire: &Questionnaire, tape: &mut Tape<'_>) {
    let is_here = tape.chance(20);
    match node {
        Value::Object(members) if !is_here && !members.is_empty() => {
            let position = tape.below(members.len());
            let name = members.keys().nth(position).expect("a member").clone();
            match tape.below(10) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).expect("a member");
                    members.insert((*tape.one_of(&["item", "answer", "valueString", "valueDate", "value", "x"])).to_owned(), value);
                }
                2 => drop(members.insert("linkId".to_owned(), json!(link_id(questionnaire, tape.below(100))))),
                3 => drop(members.insert("item".to_owned(), tree.clone())),
                _ => spoil(&mut members[&name], tree, questionnaire, tape),
            }
        }
        Value::Array(elements) if !is_here && !elements.is_empty() => {
            let position = tape.below(elements.len());
            match tape.below(6) {
                0 => drop(elements.remove(position)),
                1 => elements.push(elements[position].clone()),
                2 => elements.reverse(),
                _ => spoil(&mut elements[position], tree, questionnaire, tape),
            }
        }
        _ => *node = tree.clone(),
    }
}
