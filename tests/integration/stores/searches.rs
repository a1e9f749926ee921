//! Filters, pages and viewers.

use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Filter, Index, Keyed, List, Missable, Priority, Query, Range, Sort, SortKey, Tag, Text, Time};
use uuid::Uuid;

use super::world::*;

pub async fn every_filter_finds_what_it_says(world: &World) {
    let store = world.open().await;
    let plain = world.create(&*store, index()).await;
    let full = Index {
        status: Status::InProgress,
        business_status: Some("no-answer".to_owned()),
        priority: Priority::Urgent,
        queue: "family-planning".to_owned(),
        owner: LAPUA.to_owned(),
        requester: SEINAJOKI.to_owned(),
        performers: vec!["nurse".to_owned(), "midwife".to_owned()],
        focus: Some("CarePlan/1".to_owned()),
        part_of: vec!["Task/1".to_owned()],
        authored_on: at("2026-11-16T06:30:00Z"),
        due: Some(at("2026-11-16T14:00:00Z")),
        period_start: Some(at("2026-11-16T08:00:00Z")),
        period_end: None,
        tags: vec![Tag { system: "urn:t".to_owned(), code: "x".to_owned() }],
        attempts: 1,
        identifiers: vec![identifier("c-1")],
        patient: Some(patient("010594Y9032")),
        group: Some(identifier("g-1")),
        ..index()
    };
    let full = world.create(&*store, full).await;
    let (plain, full) = (plain.id, full.id);
    let both = vec![plain, full];

    let text = |column, value: &str, not| Filter::Text { column, any: vec!["zzz".to_owned(), value.to_owned()], not };
    let listed = |list, value: &str, not| Filter::Listed { list, any: vec![value.to_owned()], not };
    let tag = |system: Option<&str>, code: Option<&str>, not| Filter::Tag {
        any: vec![(system.map(str::to_owned), code.map(str::to_owned))],
        not,
    };
    let time = |column, from: Option<&str>, until: Option<&str>, not| Filter::Time {
        column,
        any: vec![Range { from: from.map(at), until: until.map(at), not }],
    };
    let keyed = |kind, value: &str, not| Filter::Keyed { kind, any: vec![(None, value.to_owned())], not };
    let missing = |what, missing| Filter::Missing { what, missing };
    let nothing = Vec::<Uuid>::new;

    let cases = [
        (Filter::Id { any: vec![full], not: false }, vec![full]),
        (Filter::Id { any: vec![full, plain, Uuid::new_v4()], not: false }, both.clone()),
        (Filter::Id { any: Vec::new(), not: false }, nothing()),
        (Filter::Id { any: vec![full], not: true }, vec![plain]),
        (Filter::Id { any: vec![full, plain], not: true }, nothing()),
        (Filter::Id { any: Vec::new(), not: true }, both.clone()),
        (text(Text::Status, "in-progress", false), vec![full]),
        (text(Text::Status, "in-progress", true), vec![plain]),
        (text(Text::BusinessStatus, "no-answer", false), vec![full]),
        (text(Text::BusinessStatus, "no-answer", true), vec![plain]),
        (text(Text::Code, "callback", false), both.clone()),
        (text(Text::Intent, "order", true), nothing()),
        (text(Text::Priority, "urgent", false), vec![full]),
        (text(Text::Priority, "urgent", true), vec![plain]),
        (text(Text::Queue, "family-planning", false), vec![full]),
        (text(Text::Owner, LAPUA, false), vec![full]),
        (text(Text::Owner, LAPUA, true), vec![plain]),
        (text(Text::Requester, SEINAJOKI, false), vec![full]),
        (keyed(Keyed::Focus, "CarePlan/1", false), vec![full]),
        (keyed(Keyed::Focus, "CarePlan/1", true), vec![plain]),
        (listed(List::Performer, "midwife", false), vec![full]),
        (listed(List::Performer, "midwife", true), vec![plain]),
        (keyed(Keyed::PartOf, "Task/1", false), vec![full]),
        (keyed(Keyed::PartOf, "Task/1", true), vec![plain]),
        (keyed(Keyed::PartOf, "nurse", false), nothing()),
        (Filter::Asked { system: None, value: "c-1".to_owned() }, vec![full]),
        (Filter::Asked { system: Some(identifier("c-1").system), value: "c-1".to_owned() }, vec![full]),
        (Filter::Asked { system: None, value: "g-1".to_owned() }, nothing()),
        (tag(Some("urn:t"), Some("x"), false), vec![full]),
        (tag(None, Some("x"), false), vec![full]),
        (tag(Some("urn:t"), None, false), vec![full]),
        (tag(Some(""), Some("x"), false), nothing()),
        (tag(Some("urn:t"), Some("x"), true), vec![plain]),
        (time(Time::AuthoredOn, Some("2026-11-16T06:30:00Z"), None, false), vec![full]),
        (time(Time::AuthoredOn, None, Some("2026-11-16T06:30:00Z"), false), vec![plain]),
        (time(Time::AuthoredOn, Some("2026-11-16T06:00:00Z"), Some("2026-11-16T06:00:01Z"), true), vec![full]),
        (time(Time::Due, Some("2026-11-16T00:00:00Z"), None, false), vec![full]),
        (time(Time::Due, Some("2026-11-17T00:00:00Z"), None, true), vec![full]),
        (time(Time::Period, Some("2027-01-01T00:00:00Z"), None, false), vec![full]),
        (time(Time::Period, None, Some("2026-11-16T08:00:00Z"), false), nothing()),
        (time(Time::Period, Some("2026-01-01T00:00:00Z"), Some("2028-01-01T00:00:00Z"), false), nothing()),
        (time(Time::Period, Some("2026-01-01T00:00:00Z"), Some("2028-01-01T00:00:00Z"), true), vec![full]),
        (time(Time::LastUpdated, Some("2026-11-16T07:00:01Z"), None, false), vec![full]),
        (keyed(Keyed::Identifier, "c-1", false), vec![full]),
        (keyed(Keyed::Identifier, "c-1", true), vec![plain]),
        (keyed(Keyed::Patient, "010594Y9032", false), vec![full]),
        (keyed(Keyed::Group, "g-1", false), vec![full]),
        (keyed(Keyed::Group, "c-1", false), nothing()),
        (missing(Missable::Keyed(Keyed::Patient), true), vec![plain]),
        (missing(Missable::Keyed(Keyed::Patient), false), vec![full]),
        (missing(Missable::Keyed(Keyed::Identifier), true), vec![plain]),
        (missing(Missable::Keyed(Keyed::Group), false), vec![full]),
        (missing(Missable::Text(Text::BusinessStatus), true), vec![plain]),
        (missing(Missable::Keyed(Keyed::Focus), false), vec![full]),
        (missing(Missable::Text(Text::Code), true), nothing()),
        (missing(Missable::List(List::Performer), true), vec![plain]),
        (missing(Missable::Keyed(Keyed::PartOf), false), vec![full]),
        (missing(Missable::Time(Time::Due), true), vec![plain]),
        (missing(Missable::Time(Time::Period), true), vec![plain]),
        (missing(Missable::Time(Time::Period), false), vec![full]),
        (missing(Missable::Time(Time::LastUpdated), true), nothing()),
        (missing(Missable::Tag, true), vec![plain]),
        (missing(Missable::Tag, false), vec![full]),
    ];
    for (filter, expected) in cases {
        let told = format!("{filter:?}");
        assert_eq!(found(&*store, &everything(vec![filter.clone()])).await, expected, "{told}");
        let with_more = vec![Filter::Text { column: Text::Code, any: vec!["callback".to_owned()], not: false }, filter];
        assert_eq!(found(&*store, &everything(with_more)).await, expected, "{told} and a code");
    }
}

pub async fn paging_neither_misses_nor_repeats_while_others_write(world: &World) {
    let store = world.open().await;
    let (mut still, mut moving) = (Vec::new(), Vec::new());
    for at_minute in 0..30 {
        let due = (at_minute % 3 != 0).then(|| at(&format!("2026-11-16T14:{:02}:00Z", at_minute % 7)));
        let priority = Priority::ALL[at_minute % 2];
        let task = world.create(&*store, Index { due, priority, ..index() }).await;
        if at_minute % 2 == 0 { still.push(task.id) } else { moving.push(task) }
    }
    let by = |by, descending| Sort { by, descending };
    let sorts = [
        vec![],
        vec![by(SortKey::LastUpdated, true)],
        vec![by(SortKey::Due, false)],
        vec![by(SortKey::Due, true), by(SortKey::Priority, true)],
        vec![by(SortKey::Priority, true), by(SortKey::Due, false), by(SortKey::AuthoredOn, true)],
        vec![by(SortKey::Priority, false), by(SortKey::LastUpdated, true), by(SortKey::Due, true)],
    ];
    for sort in sorts {
        let mut query = Query { sort: sort.clone(), limit: 4, ..everything(Vec::new()) };
        let mut seen = Vec::new();
        loop {
            let page = store.search(&query).await.unwrap();
            seen.extend(page.tasks.iter().map(|task| task.id));
            let at = seen.len() % moving.len();
            let due = Some(jiff::Timestamp::from_second(1_800_000_000 + seen.len() as i64).unwrap());
            moving[at] = world.update(&*store, &moving[at].clone(), Index { due, priority: Priority::Stat, ..index() }).await;
            if page.next.is_none() {
                break;
            }
            query.after = page.next;
        }
        for id in &still {
            assert_eq!(seen.iter().filter(|seen| *seen == id).count(), 1, "{sort:?}");
        }
    }
}

pub async fn a_party_sees_what_it_owns_and_requested(world: &World) {
    let store = world.open().await;
    let queued = world.create(&*store, index()).await.id;
    let lapua = world.create(&*store, owned(LAPUA, Status::Accepted)).await.id;
    let asked = world.create(&*store, Index { requester: SEINAJOKI.to_owned(), ..owned(LAPUA, Status::Requested) }).await.id;
    let own = world.create(&*store, Index { requester: SEINAJOKI.to_owned(), ..owned(SEINAJOKI, Status::Requested) }).await.id;
    let seen_by = |viewer, filters| Query { viewer, ..everything(filters) };
    let owner = |name: &str| Filter::Text { column: Text::Owner, any: vec![name.to_owned()], not: false };
    let seinajoki = || party(&[SEINAJOKI, QUEUE], &[SEINAJOKI], &[SEINAJOKI]);
    assert_eq!(found(&*store, &seen_by(seinajoki(), vec![])).await, [queued, asked, own]);
    assert_eq!(found(&*store, &seen_by(seinajoki(), vec![owner(LAPUA)])).await, [asked]);
    assert_eq!(found(&*store, &seen_by(seinajoki(), vec![owner(SEINAJOKI)])).await, [own]);
    assert_eq!(found(&*store, &seen_by(party(&[LAPUA], &[], &[]), vec![])).await, [lapua, asked]);
    assert_eq!(
        found(&*store, &seen_by(party(&[LAPUA], &[], &[]), vec![Filter::Id { any: vec![queued, lapua], not: false }])).await,
        [lapua]
    );
    assert_eq!(found(&*store, &seen_by(party(&[LAPUA], &[], &[]), vec![owner(SEINAJOKI)])).await, NOBODY);
    assert_eq!(found(&*store, &seen_by(party(&[], &[SEINAJOKI], &[]), vec![])).await, [asked, own]);
    assert_eq!(found(&*store, &seen_by(party(&[], &[], &[]), vec![])).await, NOBODY);
}

pub async fn a_former_owner_finds_a_task_by_what_it_still_sees(world: &World) {
    let store = world.open().await;
    let about = |owner: &str, status| Index {
        patient: Some(patient("010594Y9032")),
        due: Some(at("2026-11-16T14:00:00Z")),
        ..owned(owner, status)
    };
    let first = world.create(&*store, about(SEINAJOKI, Status::Requested)).await;
    let second = world.update(&*store, &first, about(LAPUA, Status::Requested)).await;
    let id = second.id;
    assert_eq!(second.scope.formerly, [SEINAJOKI]);
    let seen = |filters| Query { viewer: party(&[SEINAJOKI], &[SEINAJOKI], &[SEINAJOKI]), ..everything(filters) };
    let text = |column, value: &str| Filter::Text { column, any: vec![value.to_owned()], not: false };
    let shown = [
        Filter::Id { any: vec![id], not: false },
        text(Text::Status, "requested"),
        text(Text::Owner, LAPUA),
        text(Text::Requester, ADVICE),
        text(Text::Code, "callback"),
        text(Text::Intent, "order"),
        Filter::Time { column: Time::LastUpdated, any: vec![Range { from: Some(second.last_updated), until: None, not: false }] },
    ];
    for filter in &shown {
        assert_eq!(found(&*store, &seen(vec![filter.clone()])).await, [id], "{filter:?}");
    }
    assert_eq!(found(&*store, &seen(shown.to_vec())).await, [id]);
    let hidden = [
        Filter::Keyed { kind: Keyed::Patient, any: vec![(None, "010594Y9032".to_owned())], not: false },
        Filter::Keyed { kind: Keyed::Patient, any: vec![(None, "x".to_owned())], not: true },
        Filter::Missing { what: Missable::Keyed(Keyed::Patient), missing: false },
        Filter::Missing { what: Missable::Time(Time::Due), missing: false },
        Filter::Time { column: Time::Due, any: vec![Range { from: None, until: None, not: false }] },
        text(Text::Priority, "routine"),
        text(Text::Queue, "maternity-child-health"),
        Filter::Tag { any: vec![(None, Some("x".to_owned()))], not: true },
        Filter::Listed { list: List::Performer, any: vec!["x".to_owned()], not: true },
    ];
    for filter in hidden {
        assert_eq!(found(&*store, &seen(vec![Filter::Id { any: vec![id], not: false }, filter.clone()])).await, NOBODY, "{filter:?}");
        assert_eq!(store.count(&seen(vec![filter.clone()])).await.unwrap(), 0, "{filter:?}");
    }
    let mut sorted = seen(Vec::new());
    sorted.sort = vec![Sort { by: SortKey::Due, descending: false }];
    sorted.limit = 1;
    world.update(&*store, &world.create(&*store, owned(SEINAJOKI, Status::Accepted)).await, owned(LAPUA, Status::Accepted)).await;
    let page = store.search(&sorted).await.unwrap();
    assert_eq!(page.next.map(|next| next.keys), Some(vec![None]), "no cursor tells a deadline");
    let third = world.update(&*store, &second, about(SEINAJOKI, Status::Accepted)).await;
    assert_eq!(third.scope.formerly, [LAPUA]);
    assert_eq!(
        found(&*store, &Query { viewer: party(&[], &[], &[SEINAJOKI]), ..everything(vec![Filter::Id { any: vec![id], not: false }]) })
            .await,
        NOBODY
    );
}

pub async fn many_owners_and_statuses_are_found_too(world: &World) {
    let store = world.open().await;
    let owners: Vec<String> = (0..20).map(|at| format!("Organization/o{at}")).collect();
    let mut created = Vec::new();
    for (at, owner) in owners.iter().enumerate() {
        created.push(world.create(&*store, owned(owner, Status::ALL[at % 10])).await.id);
    }
    let names: Vec<&str> = owners.iter().map(String::as_str).collect();
    let all = Filter::Text { column: Text::Status, any: Status::ALL.iter().map(|status| status.code().to_owned()).collect(), not: false };
    for few in [2, 20] {
        let query = Query { viewer: party(&names[..few], &[ADVICE], &names), limit: 7, ..everything(vec![all.clone()]) };
        assert_eq!(walk(&*store, query.clone()).await, created, "{few}");
        assert_eq!(store.count(&query).await.unwrap(), 20);
    }
}
