mod answers;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::task::store::{Keyed, List, Missable, Text, Time};

/// Two organisations and a queue that the first of them serves; `both` is an id of either kind.
struct Few;

const KNOWN: [(Kind, &str, &str, &str); 5] = [
    (Kind::Organization, "seinajoki", "Seinäjoen neuvola", "1.2.3"),
    (Kind::Organization, "lapua", "Lapuan neuvola", "1.2.4"),
    (Kind::HealthcareService, "maternity", "Äitiysneuvola", "1.2.5"),
    (Kind::Organization, "both", "Both", "1.2.6"),
    (Kind::HealthcareService, "both", "Both", "1.2.6"),
];

impl Parties for Few {
    fn by_identifier(&self, kind: Kind, system: Option<&str>, value: &str) -> Vec<String> {
        let fits =
            |held: &&(Kind, &str, &str, &str)| held.0 == kind && held.3 == value && system.is_none_or(|system| system == "urn:oid:1");
        KNOWN.iter().filter(fits).map(|(kind, id, ..)| format!("{}/{id}", kind.name())).collect()
    }

    fn by_name(&self, kind: Kind, text: &str, matching: Matching) -> Vec<String> {
        let (lower, begins) = (text.to_lowercase(), |name: &str| name.to_lowercase().starts_with(&text.to_lowercase()));
        let fits = |name: &str| match matching {
            Matching::Begins => begins(name),
            Matching::Contains => name.to_lowercase().contains(&lower),
            Matching::Exact => name == text,
        };
        KNOWN.iter().filter(|held| held.0 == kind && fits(held.2)).map(|(kind, id, ..)| format!("{}/{id}", kind.name())).collect()
    }

    fn knows(&self, reference: &str) -> bool {
        KNOWN.iter().any(|(kind, id, ..)| format!("{}/{id}", kind.name()) == reference)
    }

    fn served_by(&self, organization: &str) -> Vec<String> {
        if organization == "seinajoki" { vec!["HealthcareService/maternity".to_owned()] } else { Vec::new() }
    }

    fn printed(&self, _: &str) -> Option<Cow<'_, [u8]>> {
        None
    }
}

const WORLD: World<'static> = World { parties: &Few, base: "https://a.example/fhir" };

fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn parse(query: &str) -> Search {
    Search::parse(&pairs(query), WORLD).unwrap_or_else(|issues| panic!("{query}: {issues:?}"))
}

fn filter(query: &str) -> Filter {
    let search = parse(query);
    assert_eq!((search.filters.len(), search.nothing), (1, false), "{query}");
    search.filters.into_iter().next().unwrap()
}

fn refused(query: &str) {
    let issues = Search::parse(&pairs(query), WORLD).map(|search| search.filters).expect_err(query);
    assert!(issues.iter().all(|issue| issue.severity == Severity::Error && !issue.message.is_empty()), "{query}");
    let named = query.split(['=', ':', '.']).next().unwrap();
    assert!(issues.iter().any(|issue| issue.message.contains(&format!("`{named}"))), "{query}: {issues:?}");
}

fn finds_nothing(query: &str) {
    let search = parse(query);
    assert!(search.nothing, "{query}");
}

fn text(column: Text, any: &[&str], not: bool) -> Filter {
    Filter::Text { column, any: any.iter().map(|&one| one.to_owned()).collect(), not }
}

fn bare(kind: Keyed, references: Vec<String>) -> Filter {
    Filter::Keyed { kind, any: references.into_iter().map(|reference| (None, reference)).collect(), not: false }
}

fn keyed(kind: Keyed, system: Option<&str>, value: &str) -> Filter {
    Filter::Keyed { kind, any: vec![(system.map(str::to_owned), value.to_owned())], not: false }
}

#[test]
fn tasks_are_found_by_id() {
    let id = Uuid::from_u128(5);
    assert_eq!(filter(&format!("_id={id}")), Filter::Id { any: vec![id], not: false });
    assert_eq!(filter(&format!("_id={id},x")), Filter::Id { any: vec![id], not: false });
    finds_nothing("_id=x");
    finds_nothing(&format!("_id={}", id.simple()));
    finds_nothing("_id:missing=true");
    assert_eq!(filter(&format!("_id:not={id}")), Filter::Id { any: vec![id], not: true });
    let all = parse("_id:not=x");
    assert!(all.filters.is_empty() && !all.nothing, "everybody's is another");
    refused("_id:exact=x");
}

#[test]
fn codes_are_found_with_and_without_their_system() {
    for query in ["status=requested", "status=http://hl7.org/fhir/task-status|requested", "status=|requested"] {
        assert_eq!(filter(query), text(Text::Status, &["requested"], false), "{query}");
    }
    assert_eq!(filter("status=requested,received"), text(Text::Status, &["requested", "received"], false));
    assert_eq!(filter("status:not=completed,cancelled"), text(Text::Status, &["completed", "cancelled"], true));
    let ours = "https://neuvola-adapter.example/fhir/CodeSystem/callback";
    for query in ["business-status=no-answer".to_owned(), format!("business-status={ours}-business-status|no-answer")] {
        assert_eq!(filter(&query), text(Text::BusinessStatus, &["no-answer"], false), "{query}");
    }
    assert_eq!(filter("code=callback"), text(Text::Code, &["callback"], false));
    assert_eq!(filter("intent=order"), text(Text::Intent, &["order"], false));
    assert_eq!(filter("priority=urgent,stat"), text(Text::Priority, &["urgent", "stat"], false));
    assert_eq!(filter("queue=family-planning"), text(Text::Queue, &["family-planning"], false));
    assert_eq!(filter("performer=nurse"), Filter::Listed { list: List::Performer, any: vec!["nurse".to_owned()], not: false });
    assert_eq!(filter("performer:not=nurse"), Filter::Listed { list: List::Performer, any: vec!["nurse".to_owned()], not: true });
}

#[test]
fn a_system_alone_asks_whether_there_is_a_code() {
    let missing = |missing| Filter::Missing { what: Missable::Text(Text::Queue), missing };
    let system = "https://neuvola-adapter.example/fhir/CodeSystem/callback-queue";
    assert_eq!(filter(&format!("queue={system}|")), missing(false));
    assert_eq!(filter(&format!("queue:not={system}|,x")), missing(true));
}

#[test]
fn a_code_or_system_that_there_is_not_finds_nothing_and_is_told() {
    for query in ["status=http://other|requested", "queue=|maternity-child-health", "performer=urn:x|nurse", "code=urn:x|"] {
        finds_nothing(query);
        assert_eq!(parse(query).hints.len(), 1, "{query}");
    }
    assert_eq!(parse("status=colourful").hints.len(), 1);
    assert!(parse("status=draft").hints.is_empty());
    let all = parse("status:not=http://other|requested");
    assert!(all.filters.is_empty() && !all.nothing);
}

#[test]
fn tags_and_identifiers_have_systems() {
    let any = |system: Option<&str>, code: Option<&str>| vec![(system.map(str::to_owned), code.map(str::to_owned))];
    assert_eq!(filter("_tag=a"), Filter::Tag { any: any(None, Some("a")), not: false });
    assert_eq!(filter("_tag=urn:s|a"), Filter::Tag { any: any(Some("urn:s"), Some("a")), not: false });
    assert_eq!(filter("_tag:not=urn:s|"), Filter::Tag { any: any(Some("urn:s"), None), not: true });
    assert_eq!(filter("identifier=urn:s|c-1"), keyed(Keyed::Identifier, Some("urn:s"), "c-1"));
    assert_eq!(filter("identifier=c-1"), keyed(Keyed::Identifier, None, "c-1"));
    assert_eq!(filter("identifier=|c-1"), keyed(Keyed::Identifier, Some(""), "c-1"));
    assert_eq!(filter(r"identifier=urn:s|a\,b\|c\$d\\e"), keyed(Keyed::Identifier, Some("urn:s"), r"a,b|c$d\e"));
    assert_eq!(filter("group-identifier=urn:s|g"), keyed(Keyed::Group, Some("urn:s"), "g"));
    for query in ["identifier=urn:s|", "identifier=a,,b", "identifier=|", "identifier:of-type=a|b|c", "identifier.value=a"] {
        refused(query);
    }
}

#[test]
fn the_client_is_found_by_identifier_only() {
    let expected = keyed(Keyed::Patient, Some("urn:oid:1.2.246.21"), "010594Y9032");
    for name in ["patient:identifier", "subject:identifier", "patient.identifier", "subject.identifier", "subject:Patient.identifier"] {
        assert_eq!(filter(&format!("{name}=urn:oid:1.2.246.21|010594Y9032")), expected, "{name}");
    }
    for query in ["patient=Patient/1", "subject=1", "patient:Patient=1", "subject=Group/1"] {
        finds_nothing(query);
        assert_eq!(parse(query).hints.len(), 1, "{query}");
    }
    for query in
        ["patient.name=a", "patient:identifier.value=a", "subject:Device=1", "patient:not=1", "patient.identifier:not=a", "patient="]
    {
        if query.ends_with('=') { assert!(parse(query).understood.is_empty()) } else { refused(query) }
    }
}

#[test]
fn what_is_missing_can_be_asked_of_everything() {
    let cases = [
        ("patient", Missable::Keyed(Keyed::Patient)),
        ("subject", Missable::Keyed(Keyed::Patient)),
        ("identifier", Missable::Keyed(Keyed::Identifier)),
        ("group-identifier", Missable::Keyed(Keyed::Group)),
        ("_tag", Missable::Tag),
        ("status", Missable::Text(Text::Status)),
        ("business-status", Missable::Text(Text::BusinessStatus)),
        ("owner", Missable::Text(Text::Owner)),
        ("requester", Missable::Text(Text::Requester)),
        ("focus", Missable::Keyed(Keyed::Focus)),
        ("performer", Missable::List(List::Performer)),
        ("part-of", Missable::Keyed(Keyed::PartOf)),
        ("due", Missable::Time(Time::Due)),
        ("period", Missable::Time(Time::Period)),
        ("authored-on", Missable::Time(Time::AuthoredOn)),
    ];
    for (name, what) in cases {
        for missing in [true, false] {
            assert_eq!(filter(&format!("{name}:missing={missing}")), Filter::Missing { what, missing }, "{name}");
        }
        refused(&format!("{name}:missing=maybe"));
    }
    for parameter in &PARAMETERS {
        let search = parse(&format!("{}:missing=true", parameter.name));
        assert!(search.nothing || search.filters.len() == 1, "{}", parameter.name);
    }
    finds_nothing("_lastUpdated:missing=true");
}

#[test]
fn owners_and_requesters_are_literal_references() {
    let cases = [
        ("owner=Organization/lapua", Text::Owner, vec!["Organization/lapua"]),
        ("owner=https://a.example/fhir/Organization/lapua", Text::Owner, vec!["Organization/lapua"]),
        ("owner:Organization=lapua", Text::Owner, vec!["Organization/lapua"]),
        ("owner:HealthcareService=maternity", Text::Owner, vec!["HealthcareService/maternity"]),
        ("owner:Organization=Organization/lapua", Text::Owner, vec!["Organization/lapua"]),
        ("owner=lapua", Text::Owner, vec!["Organization/lapua", "HealthcareService/lapua"]),
        ("owner=Organization/lapua,HealthcareService/both", Text::Owner, vec!["Organization/lapua", "HealthcareService/both"]),
        ("requester=lapua", Text::Requester, vec!["Organization/lapua"]),
        ("requester=both", Text::Requester, vec!["Organization/both"]),
    ];
    for (query, column, any) in cases {
        assert_eq!(filter(query), text(column, &any, false), "{query}");
        assert!(parse(query).hints.is_empty(), "{query}");
    }
    for query in ["owner=Organization/gone", "owner=gone", "owner=https://b.example/fhir/Organization/lapua", "owner=Practitioner/1"] {
        assert_eq!(parse(query).hints.len(), 1, "{query}");
        assert!(matches!(filter(query), Filter::Text { .. }), "{query}");
    }
    for query in ["owner=both", "owner=Organization/", "owner=a b", "owner=Food/1", "owner:not=lapua", "owner:Food=1", "owner=a,,b"] {
        refused(query);
    }
}

#[test]
fn owners_are_found_by_identifier_and_name() {
    let cases = [
        ("owner:identifier=1.2.4", vec!["Organization/lapua"]),
        ("owner.identifier=urn:oid:1|1.2.4", vec!["Organization/lapua"]),
        ("owner:Organization.identifier=1.2.6", vec!["Organization/both"]),
        ("owner.identifier=1.2.6", vec!["HealthcareService/both", "Organization/both"]),
        ("owner.identifier=1.2.3,1.2.4", vec!["Organization/lapua", "Organization/seinajoki"]),
        ("owner.name=seinä", vec!["Organization/seinajoki"]),
        ("owner.name=SEINÄ", vec!["Organization/seinajoki"]),
        ("owner.name:contains=neuvola", vec!["HealthcareService/maternity", "Organization/lapua", "Organization/seinajoki"]),
        ("owner:Organization.name:contains=neuvola", vec!["Organization/lapua", "Organization/seinajoki"]),
        ("owner:HealthcareService.name:exact=Äitiysneuvola", vec!["HealthcareService/maternity"]),
    ];
    for (query, any) in cases {
        assert_eq!(filter(query), text(Text::Owner, &any, false), "{query}");
        assert!(!parse(query).private, "{query}");
    }
    assert_eq!(filter("requester.name=both"), text(Text::Requester, &["Organization/both"], false));
    for query in ["owner.name=neuvola", "owner.name:exact=äitiysneuvola", "owner:identifier=9", "requester:HealthcareService.name=both"] {
        finds_nothing(query);
        assert_eq!(parse(query).hints.len(), 1, "{query}");
    }
    for query in [
        "owner.address=a",
        "owner.name:below=a",
        "owner.identifier:not=1",
        "owner.identifier=s|",
        "owner:Practitioner.name=a",
        "owner.name.x=a",
        "owner:identifier.name=a",
    ] {
        refused(query);
    }
}

#[test]
fn focus_and_part_of_are_references() {
    let both = |reference: &str| vec![format!("https://a.example/fhir/{reference}"), reference.to_owned()];
    for query in ["focus=ServiceRequest/1", "focus:ServiceRequest=1", "focus=https://a.example/fhir/ServiceRequest/1"] {
        assert_eq!(filter(query), bare(Keyed::Focus, both("ServiceRequest/1")), "{query}");
    }
    assert_eq!(filter("focus=https://b.example/X/1"), keyed(Keyed::Focus, None, "https://b.example/X/1"));
    let id = Uuid::from_u128(5);
    for query in [format!("part-of=Task/{id}"), format!("part-of={id}"), format!("part-of:Task=https://a.example/fhir/Task/{id}")] {
        assert_eq!(filter(&query), bare(Keyed::PartOf, both(&format!("Task/{id}"))), "{query}");
    }
    for query in ["focus=1", "focus:Task=ServiceRequest/1", "focus.status=a", "part-of=Patient/1", "part-of.owner=a"] {
        refused(query);
    }
}

#[test]
fn times_are_found_by_range() {
    let from = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let cases = [
        ("_lastUpdated", Time::LastUpdated),
        ("modified", Time::LastUpdated),
        ("authored-on", Time::AuthoredOn),
        ("due", Time::Due),
        ("period", Time::Period),
    ];
    for (name, column) in cases {
        let Filter::Time { column: asked, any } = filter(&format!("{name}=ge2026-11-16T10:00:00+02:00,2025")) else { panic!("{name}") };
        assert_eq!((asked, any.len()), (column, 2));
        assert_eq!((any[0].from, any[0].until), (from("2026-11-16T08:00:00Z"), None), "a plus that is a space");
        refused(&format!("{name}=tomorrow"));
        refused(&format!("{name}:exact=2026"));
    }
    assert_eq!(parse("due=ge2026-11-16&due=lt2026-11-17").filters.len(), 2);
}
