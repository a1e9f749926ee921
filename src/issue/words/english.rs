//! Faults of responses in English.

use neuvola_fhir::FaultKind;

use super::{Said, Tongue, asked, say, together, unchecked};
use crate::issue::told::{Told, Wanted, When};

const T: Tongue = Tongue {
    code: "en",
    and: "and",
    or: "or",
    more: |count| format!("{count} more"),
    one_of: "one of",
    own_words: "or, in own words, `valueString`",
    unit: "in",
    at_least: "at least",
    at_most: "at most",
    is_answered: "{} is answered",
    is_not_answered: "{} is not answered",
    expression: "this is true:",
};

/// The fault of the question `id`, which is quoted.
pub(super) fn said(told: &Told, id: &str) -> Said {
    match told {
        Told::WrongKind { wanted, given } => say(format!("{wanted} is wanted here, not {given}"), format!("write {wanted}")),
        Told::WrongForm { wanted } => say(format!("{wanted} is wanted here"), format!("write {wanted}")),
        Told::NoSuchDay => say("there is no such day", "write a day of the calendar, as in 2026-02-28"),
        Told::NoSuchTime => {
            say("there is no such time of day", "write a time from 00:00:00 to 23:59:59; midnight is 00:00:00 of the day that begins")
        }
        Told::WrongCode { codes } => say("one of R4's codes for it is wanted here", format!("one of: {}", T.any(codes))),
        Told::MissingMember { name } => say(format!("`{name}` is missing"), format!("add `{name}`, which must stand here")),
        Told::UnknownMember { known } => say("there is no such element here", format!("leave it out; known here: {}", T.all(known))),
        Told::SeveralValues => say("there can be one `value[x]` only", "leave one `value[x]`"),
        Told::Invariant { key } => invariant(key),
        Told::ModifierExtension => say("no modifier extension is understood here", "leave it out, if the rest holds without it"),
        Told::NotR4 { why } => say(why.clone(), "make the contained resource what R4 says of its type, or leave it out"),
        Told::Unreadable(kind) => say(kind.to_string(), unreadable(*kind)),
        Told::NotAResponse => {
            say("a QuestionnaireResponse is wanted", "send a resource with `\"resourceType\": \"QuestionnaireResponse\"`")
        }
        Told::NoQuestionnaire => say(
            "the response names no Questionnaire",
            "write the Questionnaire's canonical into `questionnaire`, with its version: `url|version`",
        ),
        Told::NotContained => {
            say("no such Questionnaire is contained here", "contain the Questionnaire under this id, or name one by its canonical")
        }
        Told::UnknownQuestionnaire => say("the Questionnaire is not known here", "give the Questionnaire, or name one that is known"),
        Told::UnknownVersion { versions } => say(
            "the Questionnaire, in this version, is not known here",
            format!("give it in this version, or name one that is known: {}", T.any(versions)),
        ),
        Told::NoneInForce { versions } => say(
            "no version is named, and none was in force when the response was authored",
            format!("name the version that was answered: {}", T.any(versions)),
        ),
        Told::SeveralInForce { versions } => say(
            "no version is named, and several were in force when the response was authored",
            format!("name the version that was answered: {}", T.any(versions)),
        ),
        Told::UnknownLinkId { may_stand } if may_stand.is_empty() => {
            say("the Questionnaire has no item with this `linkId`", "leave the item out, or name the Questionnaire and version that has it")
        }
        Told::UnknownLinkId { may_stand } => say(
            "the Questionnaire has no item with this `linkId`",
            format!("leave the item out, or name the Questionnaire and version that has it; here may stand: {}", T.all(may_stand)),
        ),
        Told::WrongParent { parent: None, .. } => say(format!("{id} does not belong here"), "put it at the top"),
        Told::WrongParent { parent: Some(parent), in_answer: false } => {
            say(format!("{id} does not belong here"), format!("put it under `{parent}`"))
        }
        Told::WrongParent { parent: Some(parent), in_answer: true } => {
            say(format!("{id} does not belong here"), format!("put it into `answer.item` of `{parent}`"))
        }
        Told::AnswerOfGroup { holds } => say(
            format!("{id} is no question and takes no answer"),
            format!("leave the answer out; what the group holds is: {}", T.all(holds)),
        ),
        Told::OnlyShown { member: "answer" } => say(format!("{id} is no question and takes no answer"), "leave the answer out"),
        Told::OnlyShown { .. } => say(format!("{id} is only shown and holds nothing"), "leave the items out"),
        Told::ItemsOfQuestion => say(format!("{id} is a question"), "put what belongs to an answer into `answer.item`"),
        Told::Order { before } => say(format!("{id} does not stand in the Questionnaire's order"), format!("put it before `{before}`")),
        Told::Repeated { count, repeats: true, .. } => say(format!("{id} stands here {count} times"), "put all answers into one item"),
        Told::Repeated { count, is_question: true, .. } => say(format!("{id} stands here {count} times"), "leave one item with one answer"),
        Told::Repeated { count, .. } => say(format!("{id} stands here {count} times"), "leave one"),
        Told::OneOnly { count } => say(format!("{id} takes one answer and has {count}"), "leave one answer"),
        Told::TooMany { most, count } => say(format!("{id} takes at most {most} and has {count}"), format!("leave at most {most}")),
        Told::TooFew { least, count } => say(format!("{id} needs at least {least} and has {count}"), format!("give at least {least}")),
        Told::ItemText { text } => say(
            format!("the text of {id} is not the Questionnaire's"),
            format!("leave `text` out, or write it as the Questionnaire does: {}", T.shown(text)),
        ),
        Told::MissingAnswer { wanted: it } => {
            say(format!("a required answer is missing: {id}"), format!("add {id} with an answer: {}", T.wanted(it, true)))
        }
        Told::MissingGroup { holds } => {
            say(format!("a required group is missing: {id}"), format!("add {id} with answers in it, to {}", T.any(holds)))
        }
        Told::EmptyGroup { holds } => {
            say(format!("a required group holds nothing: {id}"), format!("answer something in it: {}", T.any(holds)))
        }
        Told::Disabled { when: it } => {
            say(format!("{id} is answered though it is disabled: it is asked only when {}", T.when(it)), correct(it))
        }
        Told::Declined => say(format!("{id} is declined and answered at once"), "leave either `asked-declined` or the other answers"),
        Told::NoValue { wanted: it } => {
            say(format!("{id} has an answer without a value"), format!("give a value: {}; or leave the answer out", T.wanted(it, true)))
        }
        Told::WrongType { wanted: it, given } => {
            say(format!("{id} takes `{}`{}, not `{given}`", it.value, own_words(it)), format!("answer with {}", T.wanted(it, true)))
        }
        Told::SameAnswer => say(format!("{id} has the same answer twice"), "leave one of them"),
        Told::ReadOnly { wanted } => say(
            format!("{id} is read-only, and its answer is not the one that the Questionnaire gives it"),
            format!("leave it as it was given, {}; if a system changed it, all is well", T.any(wanted)),
        ),
        Told::LineBreak => say(format!("{id} takes one line, and its answer has several"), "write it in one line"),
        Told::OtherSystem { system } => {
            say(format!("{id} has an answer that is none of its options"), format!("give `system`: `{system}`"))
        }
        Told::NotAnOption { wanted: it } => {
            say(format!("{id} has an answer that is none of its options"), format!("answer with {}", T.wanted(it, true)))
        }
        Told::NotListed { expression } => say(
            format!("{id} has an answer that is none of those that its expression lists"),
            format!("choose one of those that `{expression}` gives"),
        ),
        Told::NotOffered { expression } => say(
            format!("{id} has an answer that is not offered here: its condition does not hold"),
            format!("choose another option; this one is offered only when `{expression}`"),
        ),
        Told::Exclusive { options: it } => say(
            format!("{id} has an answer that stands alone, and others beside it"),
            format!("leave either {} alone or the other answers", T.any(it)),
        ),
        Told::TooShort { least } => say(format!("{id} is shorter than {least} characters"), format!("at least {least} characters")),
        Told::TooLong { most } => say(format!("{id} is longer than {most} characters"), format!("at most {most} characters")),
        Told::TooLarge { bytes } => say(format!("{id} is larger than {bytes} bytes"), format!("at most {bytes} bytes")),
        Told::Form { pattern, example } => say(
            format!("{id} does not have the form that is asked for"),
            if example.is_empty() {
                format!("write what `{pattern}` matches as a whole")
            } else {
                format!("write it as {example}: what `{pattern}` matches as a whole")
            },
        ),
        Told::TooLow { least, is_time: true } => say(format!("{id} is before {least}"), format!("at the earliest {least}")),
        Told::TooLow { least, .. } => say(format!("{id} is less than {least}"), format!("at least {least}")),
        Told::TooHigh { most, is_time: true } => say(format!("{id} is after {most}"), format!("at the latest {most}")),
        Told::TooHigh { most, .. } => say(format!("{id} is more than {most}"), format!("at most {most}")),
        Told::Decimals { most } => say(
            format!("{id} has more than {most} decimal places"),
            if *most == 0 {
                "write a whole number, without a decimal point".to_owned()
            } else {
                format!("write at most {most} decimal places")
            },
        ),
        Told::NoUnit { units } => say(
            format!("{id} has a unit without a code, and must have one of those asked for"),
            format!("give the unit's `system` and `code`: {}", T.any(units)),
        ),
        Told::NoUnitToCompare { bound, unit } => {
            say(format!("{id} has no unit, and must be compared with {bound}"), format!("give the unit's `system` and `code`: {unit}"))
        }
        Told::OtherUnit { units } => say(format!("{id} has another unit than is asked for"), format!("give it in {}", T.any(units))),
        Told::MimeType { types } => say(
            format!("{id} takes {} only", T.all(types)),
            format!("attach a file of this type, and write `contentType`: {}", T.any(types)),
        ),
        Told::Size => {
            say(format!("{id} states another size than its data have"), "write in `size` how many bytes `data` holds, or leave `size` out")
        }
        Told::RefersNowhere => {
            say(format!("{id} refers to what is not contained here"), "contain the resource under this id, or refer to one elsewhere")
        }
        Told::RefersToNoType { types } if types.is_empty() => {
            say(format!("{id} refers to a type of resource that R4 does not have"), "refer to a type of R4's, as in `Patient/id`")
        }
        Told::RefersToNoType { types } => {
            say(format!("{id} refers to a type of resource that R4 does not have"), format!("refer to {}", T.any(types)))
        }
        Told::ReferenceType { types } => {
            say(format!("{id} takes a reference to {} only", T.any(types)), format!("refer to {}", T.any(types)))
        }
        Told::SubjectType { types } => say(
            format!("the Questionnaire is answered about {} only", T.any(types)),
            format!("let `subject` refer to {}, or name another Questionnaire", T.any(types)),
        ),
        Told::Constraint { key, human, expression } => say(
            format!("constraint `{key}`: {}", if human.is_empty() { "it does not hold" } else { human }),
            format!("correct the answers so that this is true: `{expression}`"),
        ),
        Told::Calculated { expression } => say(
            format!("{id} is another value than its expression gives"),
            format!("compute it again from the answers, or leave it out: `{expression}`"),
        ),
        Told::CalculatedFromNothing { missing: Some(missing) } => say(
            format!("{id} is stated, though `{missing}`, which it is computed from, is not answered"),
            format!("answer `{missing}`, or leave {id} out"),
        ),
        Told::CalculatedFromNothing { missing: None } => say(
            format!("{id} is stated, though what it is computed from is not answered"),
            format!("answer what it is computed from, or leave {id} out"),
        ),
        Told::NotChecked { what, why, more } => unchecked::english(&T, what, why, *more, id),
        Told::Defect { what, remedy } => {
            say(format!("the Questionnaire itself is defective, not the response: {what}"), format!("in the Questionnaire: {remedy}"))
        }
        Told::MoreDefects { count } => say(
            format!("the Questionnaire itself has {count} more defects, which are no fault of the response"),
            "mend the Questionnaire; checked by itself, it is told each of them",
        ),
    }
}

fn own_words(wanted: &Wanted) -> String {
    if wanted.in_own_words { format!(" {}", T.own_words) } else { String::new() }
}

fn correct(when: &When) -> String {
    match asked(when) {
        none if none.is_empty() => "leave the item out, or correct the answers that its condition reads".to_owned(),
        questions => format!("leave the item out, or correct the answer to {}", together(questions, T.or)),
    }
}

fn invariant(key: &str) -> Said {
    match key {
        "qrs-1" => say(
            "an item has either answers or items below it (qrs-1)",
            "leave one: a group has `item`, a question has `answer`, and what belongs to an answer stands in `answer.item`",
        ),
        "att-1" => say("data need their content type (att-1)", "write `contentType`, as in `image/png`"),
        "qty-3" => say("a unit's code needs its system (qty-3)", "write `system`, as in `http://unitsofmeasure.org`, or leave `code` out"),
        "ext-1" => say("an extension has either a value or extensions (ext-1)", "leave the `value[x]` or the extensions out"),
        key => say(format!("an invariant of R4 does not hold ({key})"), format!("make true what R4 says as {key}")),
    }
}

fn unreadable(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Empty => "send a resource, in JSON or XML",
        FaultKind::NotUtf8 => "write it in UTF-8",
        FaultKind::Syntax(_) => "write JSON (RFC 8259); what stands at this place ends the reading",
        FaultKind::Xml(_) => "write well-formed XML; what stands at this place ends the reading",
        FaultKind::Rule(_) => "write it as R4 says of JSON and XML",
        FaultKind::TooLarge(_) => "send less at once",
        FaultKind::TooDeep(_) => "nest less deep",
        FaultKind::TooManyAttributes(_) => "leave attributes out that R4 does not have; a namespace is declared once, at the root",
        FaultKind::DuplicateMember => "leave one of them; several values are one array",
        FaultKind::EmptyArray | FaultKind::EmptyObject | FaultKind::Null => "leave the member out",
        FaultKind::ControlCharacter => "leave the control character out",
        FaultKind::More => "mend those that are listed, and send it again",
    }
}
