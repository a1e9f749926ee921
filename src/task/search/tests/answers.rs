//! The shape of answers, what is told, bounds, eyes; properties.

use proptest::prelude::*;

use super::*;
use crate::caller::{Caller, Role};
use crate::task::status::{Side, Status};
use crate::task::store::{Scope, SortKey};

#[test]
fn answers_take_the_shape_that_is_asked() {
    let shape = |query| parse(query).shape;
    assert_eq!((shape("").count, shape("_count=7").count, shape("_count=9999999999999").count), (50, 7, 200));
    assert!(shape("_count=0").counts_only && shape("_summary=count").counts_only && !shape("").counts_only);
    assert!(shape("_total=accurate").total && shape("_total=estimate").total && !shape("_total=none").total);
    assert_eq!(
        shape("_elements=status,Task.owner,id").subset,
        Subset::Elements(vec!["status".to_owned(), "owner".to_owned(), "id".to_owned()])
    );
    assert_eq!(parse("_elements=status,colour").hints.len(), 1);
    assert_eq!((shape("_summary=true").subset, shape("_summary=false").subset), (Subset::Summary, Subset::Whole));
    assert!(shape("_revinclude=Task:part-of").parts);
    for query in [
        "_count=-1",
        "_count=many",
        "_count=1&_count=2",
        "_total=all",
        "_summary=some",
        "_summary=true&_elements=id",
        "_summary=text&_include=*",
        "_count:x=1",
    ] {
        assert!(Search::parse(&pairs(query), WORLD).is_err(), "{query}");
    }
}

#[test]
fn owners_and_requesters_can_be_included() {
    let include = |query| parse(query).shape.include;
    let of = |side, kind| Include { side, kind };
    assert_eq!(include("_include=Task:owner"), [of(Side::Owner, None)]);
    assert_eq!(include("_include:iterate=Task:requester:Organization"), [of(Side::Requester, Some(Kind::Organization))]);
    assert_eq!(include("_include=*&_include=Task:owner"), [of(Side::Owner, None), of(Side::Requester, None)]);
    assert!(include("_include=Task:focus").is_empty() && include("_include=Task:owner:Practitioner").is_empty());
    assert_eq!(parse("_include=Task:patient").hints.len(), 1);
    for query in ["_include=Task:encounter", "_include=owner", "_revinclude=Provenance:target"] {
        assert_eq!(parse(query).unknown.len(), 1, "{query}");
    }
    assert!(
        of(Side::Owner, Some(Kind::Organization)).wants("Organization/a")
            && !of(Side::Owner, Some(Kind::Organization)).wants("HealthcareService/a")
    );
}

#[test]
fn sorting_takes_three_keys() {
    let sort = parse("_sort=-priority,due,_lastUpdated,modified").sort;
    let sort: Vec<_> = sort.into_iter().map(|sort| (sort.by, sort.descending)).collect();
    assert_eq!(sort, [(SortKey::Priority, true), (SortKey::Due, false), (SortKey::LastUpdated, false)]);
    for query in ["_sort=status", "_sort=due,", "_sort=-", "_sort=due&_sort=priority", "_sort=authored-on,due,priority,modified"] {
        refused(query);
    }
}

#[test]
fn unknown_parameters_are_told_without_what_they_may_hold() {
    let search = parse("colour=red&010594Y9032=1&_has:Provenance:target:agent=x&status=requested&_format=json&_pretty=true");
    assert_eq!((search.unknown.len(), search.filters.len()), (3, 1));
    assert_eq!(search.understood, [("status".to_owned(), "requested".to_owned())]);
    let told = format!("{:?}", search.unknown);
    assert!(told.contains("`colour`") && !told.contains("9032") && !told.contains("red"));
}

#[test]
fn searches_that_may_name_somebody_are_private() {
    for query in ["patient:identifier=a", "subject=Patient/1", "identifier=a", "group-identifier=a", "focus=Patient/010594Y9032"] {
        assert!(parse(query).private, "{query}");
    }
    for query in ["patient:missing=true", "status=requested", "owner:identifier=1.2.4", "010594Y9032=1"] {
        assert!(!parse(query).private, "{query}");
    }
}

#[test]
fn searches_are_bounded() {
    let many = |count: usize, text: &'static str| vec![text; count];
    assert!(Search::parse(&pairs(&many(40, "status=requested").join("&")), WORLD).is_ok());
    assert!(Search::parse(&pairs(&many(41, "a=b").join("&")), WORLD).is_err());
    assert!(Search::parse(&pairs(&format!("identifier={}", many(100, "a").join(","))), WORLD).is_ok());
    assert!(Search::parse(&pairs(&format!("identifier={}", many(101, "a").join(","))), WORLD).is_err());
    assert!(Search::parse(&pairs(&format!("identifier={}", "a".repeat(17_000))), WORLD).is_err());
    refused("status=%00");
    refused("identifier=a%0Ab");
}

#[test]
fn a_caller_sees_through_its_roles() {
    let caller = |roles: &[Role]| Caller { name: "ehr".to_owned(), roles: roles.to_vec(), organizations: vec!["seinajoki".to_owned()] };
    let of = |roles: &[Role]| {
        let Viewer::Party { owners, requesters, formerly } = viewer(&caller(roles), &Few) else { panic!("everything") };
        (owners.len(), requesters.len(), formerly.len())
    };
    assert_eq!(of(&[Role::Owner]), (2, 0, 1));
    assert_eq!(of(&[Role::Requester]), (0, 1, 0));
    assert_eq!(of(&[Role::ChatPlatform]), (0, 1, 0));
    assert_eq!(of(&[Role::Tester]), (2, 1, 1));
    assert_eq!(of(&[Role::Operator, Role::FormPlatform]), (0, 0, 0));
}

#[test]
fn who_neither_owns_nor_asked_sees_little_or_nothing() {
    let viewer = |owners: &[&str], requesters: &[&str], formerly: &[&str]| {
        let [owners, requesters, formerly] = [owners, requesters, formerly].map(|all| all.iter().map(|&one| one.to_owned()).collect());
        Viewer::Party { owners, requesters, formerly }
    };
    let scope = Scope {
        status: Status::Accepted,
        owner: "Organization/a".into(),
        requester: "Organization/r".into(),
        formerly: vec!["Organization/b".into()],
    };
    assert_eq!(sight(&viewer(&["Organization/a"], &[], &[]), &scope), Sight::Whole);
    assert_eq!(sight(&viewer(&[], &["Organization/r"], &[]), &scope), Sight::Whole);
    assert_eq!(sight(&viewer(&["Organization/b"], &[], &["Organization/b"]), &scope), Sight::Reduced);
    assert_eq!(sight(&viewer(&["Organization/r"], &["Organization/a"], &["Organization/c"]), &scope), Sight::Nothing);
    assert_eq!(sight(&Viewer::Everything, &scope), Sight::Whole);
}

proptest! {
    #[test]
    fn no_query_makes_the_parser_panic(query in "\\PC{0,200}") {
        let _ = Search::parse(&pairs(&query), WORLD);
    }

    #[test]
    fn no_value_makes_a_parameter_panic(at in 0..PARAMETERS.len(), modifier in "(|:[a-zA-Z]{0,8}|\\.[a-z:.]{0,8})", value in "[\\PC|,\\\\]{0,40}") {
        let name = format!("{}{modifier}", PARAMETERS[at].name);
        let _ = Search::parse(&[(name, value)], WORLD);
    }

    #[test]
    fn dates_are_read_or_refused(value in "(|ge|ne|lt|xx)[0-9]{0,5}(-[0-9]{0,3}){0,3}(T[0-9:.]{0,20})?(Z|[ +-][0-9:]{0,6})?") {
        let _ = Search::parse(&[("due".to_owned(), value)], WORLD);
    }

    #[test]
    fn unknown_parameters_never_change_what_is_found(name in "x[a-z-]{0,20}(:[a-z]{1,5})?", value in "\\PC{0,30}", before in any::<bool>()) {
        let known = pairs("status=requested&owner=Organization/lapua&_sort=-due&_count=3&_include=*");
        let mut more = known.clone();
        more.insert(if before { 0 } else { known.len() }, (name, value));
        let (plain, told) = (Search::parse(&known, WORLD).unwrap(), Search::parse(&more, WORLD).unwrap());
        prop_assert_eq!((told.filters, told.sort, told.shape, told.nothing), (plain.filters, plain.sort, plain.shape, plain.nothing));
        prop_assert_eq!((told.unknown.len(), told.understood), (1, plain.understood));
    }
}
