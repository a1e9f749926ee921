//! Random searches, against a slow reading of the same filters over what was stored.

use neuvola_adapter::identity::Identifier;
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{
    Filter, Index, Keyed, List, Missable, Priority, Query, Range, Sort, SortKey, Stored, Tag, Text, Time, Viewer,
};
use proptest::prelude::*;
use proptest::sample::{Index as Pick, select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRng, TestRunner};
use uuid::Uuid;

use super::world::*;

pub async fn searches_agree_with_a_slow_reading_of_the_same_filters(world: &World) {
    let store = world.open().await;
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Config::default().rng_algorithm));
    let mut known = Vec::new();
    for _ in 0..60 {
        let mut index = indexes().new_tree(&mut runner).unwrap().current();
        let mut task = world.create(&*store, index.clone()).await;
        if runner.rng().random_bool(0.6) {
            index = Index { identifiers: index.identifiers, ..indexes().new_tree(&mut runner).unwrap().current() };
            index.requester.clone_from(&task.scope.requester);
            task = world.update(&*store, &task, index.clone()).await;
        }
        known.push(Known { task, index });
    }
    let ids: Vec<Uuid> = known.iter().map(|known| known.task.id).collect();
    for _ in 0..250 {
        let query = queries(&ids).new_tree(&mut runner).unwrap().current();
        let expected = expected(&known, &query);
        assert_eq!(store.count(&query).await.unwrap(), expected.len() as u64, "{query:?}");
        assert_eq!(walk(&*store, query.clone()).await, expected, "{query:?}");
    }
}

struct Known {
    task: Stored,
    index: Index,
}

fn expected(known: &[Known], query: &Query) -> Vec<Uuid> {
    let mut kept: Vec<(Vec<i128>, usize)> = Vec::new();
    for (serial, one) in known.iter().enumerate() {
        let Some(is_full) = sees(&query.viewer, one, &query.filters) else { continue };
        if query.filters.iter().all(|filter| holds(filter, one)) {
            let default = [Sort { by: SortKey::LastUpdated, descending: false }];
            let sort = if query.sort.is_empty() { &default[..] } else { &query.sort };
            kept.push((sort.iter().map(|sort| key(*sort, one, is_full)).collect(), serial));
        }
    }
    kept.sort();
    kept.into_iter().map(|(_, serial)| known[serial].task.id).collect()
}

/// The whole of it, or as a former owner.
fn sees(viewer: &Viewer, one: &Known, filters: &[Filter]) -> Option<bool> {
    let Viewer::Party { owners, requesters, formerly } = viewer else { return Some(true) };
    if owners.contains(&one.index.owner) || requesters.contains(&one.index.requester) {
        return Some(true);
    }
    let shown = |filter: &Filter| match filter {
        Filter::Id { .. } => true,
        Filter::Text { column, .. } | Filter::Missing { what: Missable::Text(column), .. } => {
            [Text::Status, Text::Owner, Text::Requester, Text::Code, Text::Intent].contains(column)
        }
        Filter::Time { column, .. } | Filter::Missing { what: Missable::Time(column), .. } => *column == Time::LastUpdated,
        _ => false,
    };
    (one.task.scope.formerly.iter().any(|former| formerly.contains(former)) && filters.iter().all(shown)).then_some(false)
}

fn key(sort: Sort, one: &Known, is_full: bool) -> i128 {
    let key = match sort.by {
        SortKey::LastUpdated => Some(one.task.last_updated.as_millisecond()),
        _ if !is_full => None,
        SortKey::AuthoredOn => Some(one.index.authored_on.as_millisecond()),
        SortKey::Priority => Some(one.index.priority as i64),
        SortKey::Due => one.index.due.map(jiff::Timestamp::as_millisecond),
    };
    match key {
        None => i128::MAX,
        Some(key) if sort.descending => -i128::from(key),
        Some(key) => i128::from(key),
    }
}

fn holds(filter: &Filter, Known { task, index }: &Known) -> bool {
    let text = |column| match column {
        Text::Status => Some(index.status.code()),
        Text::BusinessStatus => index.business_status.as_deref(),
        Text::Code => Some(index.code.as_str()),
        Text::Intent => Some(index.intent.as_str()),
        Text::Priority => Some(index.priority.code()),
        Text::Queue => Some(index.queue.as_str()),
        Text::Owner => Some(index.owner.as_str()),
        Text::Requester => Some(index.requester.as_str()),
    };
    let list = |list| match list {
        List::Performer => &index.performers,
    };
    let time = |column| match column {
        Time::LastUpdated => Some(task.last_updated),
        Time::AuthoredOn => Some(index.authored_on),
        Time::Due => index.due,
        Time::Period => None,
    };
    let bare = |value: &String| Identifier { system: String::new(), value: value.clone() };
    let keyed = |kind| -> Vec<Identifier> {
        match kind {
            Keyed::Identifier => index.identifiers.clone(),
            Keyed::Patient => index.patient.clone().into_iter().collect(),
            Keyed::Group => index.group.clone().into_iter().collect(),
            Keyed::Focus => index.focus.iter().map(bare).collect(),
            Keyed::PartOf => index.part_of.iter().map(bare).collect(),
            Keyed::Tag => index.tags.iter().map(|tag| Identifier { system: tag.system.clone(), value: tag.code.clone() }).collect(),
        }
    };
    let has_period = index.period_start.is_some() || index.period_end.is_some();
    match filter {
        Filter::Id { any, not } => any.contains(&task.id) != *not,
        Filter::Text { column, any, not } => text(*column).is_some_and(|value| any.iter().any(|one| one == value)) != *not,
        Filter::Listed { list: which, any, not } => list(*which).iter().any(|value| any.contains(value)) != *not,
        Filter::Tag { any, not } => {
            let fits = |tag: &Tag, (system, code): &(Option<String>, Option<String>)| {
                system.as_ref().is_none_or(|system| *system == tag.system) && code.as_ref().is_none_or(|code| *code == tag.code)
            };
            index.tags.iter().any(|tag| any.iter().any(|one| fits(tag, one))) != *not
        }
        Filter::Time { column: Time::Period, any } => {
            let fits = |range: &Range| match (range.from, range.until) {
                (Some(from), Some(until)) => {
                    index.period_start.is_some_and(|start| start >= from) && index.period_end.is_some_and(|end| end < until)
                }
                (from, until) => {
                    from.is_none_or(|from| index.period_end.is_none_or(|end| end >= from))
                        && until.is_none_or(|until| index.period_start.is_none_or(|start| start < until))
                }
            };
            has_period && any.iter().any(|range| fits(range) != range.not)
        }
        Filter::Time { column, any } => time(*column).is_some_and(|at| {
            any.iter().any(|range| (range.from.is_none_or(|from| at >= from) && range.until.is_none_or(|until| at < until)) != range.not)
        }),
        Filter::Keyed { kind, any, not } => {
            let fits = |it: &Identifier, (system, value): &(Option<String>, String)| {
                system.as_ref().is_none_or(|system| *system == it.system) && *value == it.value
            };
            keyed(*kind).iter().any(|it| any.iter().any(|one| fits(it, one))) != *not
        }
        Filter::Asked { .. } => false, // not among the random ones: it asks of the first version
        Filter::Missing { what, missing } => {
            let is_there = match what {
                Missable::Text(column) => text(*column).is_some(),
                Missable::List(which) => !list(*which).is_empty(),
                Missable::Time(Time::Period) => has_period,
                Missable::Time(column) => time(*column).is_some(),
                Missable::Keyed(kind) => !keyed(*kind).is_empty(),
                Missable::Tag => !index.tags.is_empty(),
            };
            is_there != *missing
        }
    }
}

const PARTIES: [&str; 4] = [SEINAJOKI, LAPUA, ADVICE, QUEUE];
const WORDS: [&str; 3] = ["x", "y", "z"];

fn some(values: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(values, 0..=values.len()).prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

fn minute() -> impl Strategy<Value = jiff::Timestamp> {
    (0..90i64).prop_map(|minute| jiff::Timestamp::from_second(at("2026-11-16T07:00:00Z").as_second() + minute).unwrap())
}

fn indexes() -> impl Strategy<Value = Index> {
    let word = || proptest::option::of(select(&WORDS[..]).prop_map(str::to_owned));
    let clear = (select(Status::ALL.to_vec()), word(), select(Priority::ALL.to_vec()), select(&PARTIES[..]), select(&PARTIES[..3]), word());
    let lists = (some(&WORDS), some(&WORDS), some(&WORDS));
    let times = (minute(), proptest::option::of(minute()), proptest::option::of(minute()), proptest::option::of(minute()));
    let keyed = (any::<bool>(), word(), word());
    (clear, lists, times, keyed).prop_map(|(clear, lists, times, keyed)| {
        let (status, business_status, priority, owner, requester, focus) = clear;
        let (performers, part_of, tags) = lists;
        let (authored_on, due, period_start, period_end) = times;
        let (is_identified, patient_is, group) = keyed;
        let serial = Uuid::new_v4().to_string();
        Index {
            status,
            business_status,
            priority,
            owner: owner.to_owned(),
            requester: requester.to_owned(),
            focus,
            performers,
            part_of,
            authored_on,
            due,
            period_start,
            period_end,
            tags: tags.into_iter().map(|code| Tag { system: if code == "x" { String::new() } else { "urn:t".to_owned() }, code }).collect(),
            identifiers: is_identified.then(|| identifier(&serial)).into_iter().collect(),
            patient: patient_is.map(|value| patient(&value)),
            group: group.map(|value| identifier(&value)),
            ..index()
        }
    })
}

fn queries(ids: &[Uuid]) -> impl Strategy<Value = Query> + use<> {
    let sort = (select(vec![SortKey::LastUpdated, SortKey::AuthoredOn, SortKey::Priority, SortKey::Due]), any::<bool>())
        .prop_map(|(by, descending)| Sort { by, descending });
    let viewer = prop_oneof![
        Just(Viewer::Everything),
        (some(&PARTIES), some(&PARTIES), some(&PARTIES)).prop_map(|(owners, requesters, formerly)| Viewer::Party {
            owners,
            requesters,
            formerly
        }),
    ];
    let filters = proptest::collection::vec(filters(ids), 0..4);
    (viewer, filters, proptest::collection::vec(sort, 0..=3), 1..20u32).prop_map(|(viewer, filters, sort, limit)| Query {
        viewer,
        filters,
        sort,
        limit,
        after: None,
    })
}

fn filters(ids: &[Uuid]) -> impl Strategy<Value = Filter> + use<> {
    let ids = ids.to_vec();
    let texts =
        vec![Text::Status, Text::BusinessStatus, Text::Code, Text::Intent, Text::Priority, Text::Queue, Text::Owner, Text::Requester];
    let values =
        &["requested", "received", "on-hold", "completed", "x", "y", "callback", "routine", "stat", SEINAJOKI, LAPUA, ADVICE, QUEUE];
    let times = vec![Time::LastUpdated, Time::AuthoredOn, Time::Due, Time::Period];
    let lists = vec![List::Performer];
    let kinds = vec![Keyed::Identifier, Keyed::Patient, Keyed::Group, Keyed::Tag];
    let range = (proptest::option::of(minute()), proptest::option::of(minute()), any::<bool>());
    let range = range.prop_map(|(from, until, not)| Range { from, until, not });
    let system = prop_oneof![Just(None), Just(Some(String::new())), Just(Some("urn:t".to_owned()))];
    let by_system = prop_oneof![Just(None), Just(Some(patient("x").system)), Just(Some(identifier("x").system))];
    let word = || select(&WORDS[..]).prop_map(str::to_owned);
    let references = (select(vec![Keyed::Focus, Keyed::PartOf]), proptest::collection::vec((Just(None), word()), 0..3), any::<bool>());
    let missable = prop_oneof![
        select(texts.clone()).prop_map(Missable::Text),
        select(lists.clone()).prop_map(Missable::List),
        select(times.clone()).prop_map(Missable::Time),
        select([kinds.clone(), vec![Keyed::Focus, Keyed::PartOf]].concat()).prop_map(Missable::Keyed),
        Just(Missable::Tag),
    ];
    prop_oneof![
        1 => (proptest::collection::vec(any::<Pick>(), 0..9), any::<bool>())
            .prop_map(move |(picks, not)| Filter::Id { any: picks.iter().map(|pick| *pick.get(&ids)).collect(), not }),
        3 => (select(texts), some(values), any::<bool>()).prop_map(|(column, any, not)| Filter::Text { column, any, not }),
        1 => (select(lists), some(&WORDS), any::<bool>()).prop_map(|(list, any, not)| Filter::Listed { list, any, not }),
        1 => (proptest::collection::vec((system, proptest::option::of(word())), 0..3), any::<bool>()).prop_map(|(any, not)| Filter::Tag { any, not }),
        1 => (select(times), proptest::collection::vec(range, 0..3)).prop_map(|(column, any)| Filter::Time { column, any }),
        1 => (select(kinds), proptest::collection::vec((by_system, word()), 0..3), any::<bool>())
            .prop_map(|(kind, any, not)| Filter::Keyed { kind, any, not }),
        1 => references.prop_map(|(kind, any, not)| Filter::Keyed { kind, any, not }),
        1 => (missable, any::<bool>()).prop_map(|(what, missing)| Filter::Missing { what, missing }),
    ]
}
