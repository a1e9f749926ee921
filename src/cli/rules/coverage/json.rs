//! The same for machines.

use serde_json::{Value, json};

use crate::rules::Named;
use crate::rules::coverage::{Coverage, Looked};
use crate::rules::space::Absence;
use crate::segment::rule::RuleSet;

pub(super) fn role(rule_set: &RuleSet, covered: &Coverage<'_>) -> Value {
    let segments = covered.segments.iter().map(|share| {
        let loses: Vec<Value> = share.loses_to.iter().map(|(rule, count)| json!({ "to": rule.id, "families": count })).collect();
        let stated = share.rule.expression.is_some();
        json!({
            "id": share.rule.id,
            "code": share.rule.subject.code,
            "met": stated.then_some(share.met),
            "undecided": share.open,
            "decides": share.proposed,
            "neverMet": share.never_fires(),
            "alwaysLoses": stated && share.always_loses(),
            "losesTo": loses,
            "uncovered": share.uncovered,
        })
    });
    let overlaps = covered.overlaps.iter().map(|(one, other, count)| json!({ "one": one.id, "other": other.id, "families": count }));
    let tips = covered.tips.iter().map(
        |tip| json!({ "question": named(&tip.question), "from": tip.from.subject.code, "to": tip.to.subject.code, "count": tip.count }),
    );
    let lighter = covered.lighter.iter().map(|it| {
        let example = it.example.iter().map(|(question, answer)| json!({ "question": named(question), "answer": answer }));
        json!({
            "question": named(&it.question),
            "absence": if it.absence == Absence::Deleted { "deleted" } else { "declined" },
            "from": it.from.subject.code,
            "to": it.to.subject.code,
            "families": it.count,
            "example": example.collect::<Vec<_>>(),
        })
    });
    let alone = covered.alone.iter().map(|alone| {
        json!({
            "id": alone.rule.id,
            "code": alone.rule.subject.code,
            "kind": alone.kind.code(),
            "space": looked(alone.looked),
            "met": alone.met,
            "undecided": alone.open,
            "neverMet": alone.never_fires(),
        })
    });
    let unread = covered.unread.iter().map(|unread| named(&unread.question));
    let alike =
        covered.alike.iter().map(|alike| json!({ "question": named(&alike.question), "options": alike.options, "several": alike.is_set }));
    json!({
        "ruleSet": rule_set.canonical(),
        "role": covered.role,
        "space": looked(covered.looked),
        "questions": covered.questions.iter().map(named).collect::<Vec<_>>(),
        "segments": segments.collect::<Vec<_>>(),
        "overlaps": overlaps.collect::<Vec<_>>(),
        "tips": tips.collect::<Vec<_>>(),
        "absences": covered.absences,
        "lighter": lighter.collect::<Vec<_>>(),
        "alertsAndServices": alone.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
        "alike": alike.collect::<Vec<_>>(),
        "wantsAttention": covered.wants_attention(),
    })
}

fn looked(looked: Looked) -> Value {
    match looked {
        Looked::Whole { families, is_all } => json!({ "families": families, "whole": true, "allAnswers": is_all }),
        Looked::Sample { families, seed } => json!({ "families": families, "whole": false, "seed": seed }),
    }
}

fn named(question: &Named) -> Value {
    json!({ "linkId": question.link_id, "professional": question.professional })
}
