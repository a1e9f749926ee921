use jiff::civil::date;

use super::*;
use crate::caller::Role;
use crate::configuration::Configuration;
use crate::task::deadline::Haste;

const CLINICS: &str = "maternity-child-health";

fn sample() -> Directory {
    Configuration::sandbox(&mut || "t".to_owned()).unwrap().0.directory
}

/// `2026-11-16T10:00` in Finland.
fn at(local: &str) -> Timestamp {
    local.parse::<jiff::civil::DateTime>().unwrap().in_tz("Europe/Helsinki").unwrap().timestamp()
}

fn local(at: Timestamp) -> String {
    at.in_tz("Europe/Helsinki").unwrap().strftime("%Y-%m-%dT%H:%M%:z").to_string()
}

fn routed(own: Option<&str>, municipality: Option<&str>, received: &str) -> (String, Why) {
    let routed = sample().route(&Wanted { queue: CLINICS, own, municipality }, at(received)).unwrap();
    (routed.owner, routed.why)
}

fn due(owner: &str, received: &str) -> String {
    local(sample().deadline(owner, at(received), Priority::Routine))
}

#[test]
fn a_request_goes_to_the_own_clinic_else_by_municipality_else_to_the_queue() {
    let day = "2026-11-16T10:00";
    let organization = |id: &str| format!("Organization/{id}");
    assert_eq!(routed(Some("Organization/lapua"), Some("743"), day), (organization("lapua"), Why::Own));
    assert_eq!(routed(Some("Organization/elsewhere"), Some("743"), day), (organization("seinajoki"), Why::Municipality));
    assert_eq!(routed(None, Some("005"), day), (organization("alajarvi"), Why::Municipality));
    assert_eq!(routed(None, Some("091"), day), (format!("HealthcareService/{CLINICS}"), Why::Queue));
    assert_eq!(routed(Some("HealthcareService/family-planning"), None, day).1, Why::Queue);
    assert_eq!(sample().route(&Wanted { queue: "dentist", own: None, municipality: None }, at(day)), None);
    // a municipality is routed for its own queue only
    let other = Wanted { queue: "family-planning", own: None, municipality: Some("408") };
    assert_eq!(sample().route(&other, at(day)).unwrap().owner, "HealthcareService/family-planning");
}

#[test]
fn while_a_clinic_is_closed_its_substitute_answers() {
    let (own, by_place) = (Some("Organization/alajarvi"), Some("005"));
    assert_eq!(routed(own, None, "2026-07-06T10:00"), ("Organization/lapua".to_owned(), Why::OwnSubstitute));
    assert_eq!(routed(None, by_place, "2026-07-06T10:00"), ("Organization/lapua".to_owned(), Why::MunicipalitySubstitute));
    // what comes too late for the last day before is due on the first day of the spell
    assert_eq!(routed(own, None, "2026-06-30T13:59"), ("Organization/alajarvi".to_owned(), Why::Own));
    assert_eq!(routed(own, None, "2026-06-30T14:00"), ("Organization/lapua".to_owned(), Why::OwnSubstitute));
    // and on its last day, a Friday that Lapua closes early, it is too late after 12
    assert_eq!(routed(own, None, "2026-07-31T11:59").1, Why::OwnSubstitute);
    assert_eq!(routed(own, None, "2026-07-31T12:00").1, Why::Own);
    assert_eq!(due("Organization/alajarvi", "2026-07-31T11:59"), "2026-07-31T13:00+03:00");
    assert_eq!(due("Organization/alajarvi", "2026-07-31T12:00"), "2026-08-03T16:00+03:00");
}

#[test]
fn the_deadline_is_closing_time_of_the_day_or_of_the_next_working_day_that_is_open() {
    for (owner, received, due_at) in [
        ("Organization/seinajoki", "2026-11-16T13:59:59", "2026-11-16T16:00+02:00"),
        ("Organization/seinajoki", "2026-11-16T14:00", "2026-11-17T16:00+02:00"),
        ("Organization/seinajoki", "2026-11-16T00:00", "2026-11-16T16:00+02:00"),
        ("Organization/seinajoki", "2026-11-14T09:00", "2026-11-16T16:00+02:00"),
        // Christmas Eve is a Thursday, Boxing Day a Saturday
        ("Organization/seinajoki", "2026-12-23T14:00", "2026-12-28T16:00+02:00"),
        // Maundy Thursday afternoon to Tuesday, over the clock change of 28 March 2027
        ("Organization/seinajoki", "2027-03-25T15:00", "2027-03-30T16:00+03:00"),
        // Ilmajoki is open on Mondays, Tuesdays and Thursdays, then until six
        ("Organization/ilmajoki", "2026-11-17T14:00", "2026-11-19T18:00+02:00"),
        ("Organization/ilmajoki", "2026-11-19T13:00", "2026-11-19T18:00+02:00"),
        ("HealthcareService/family-planning", "2026-11-16T13:00", "2026-11-16T15:00+02:00"),
        // somebody who left the configuration
        ("Organization/gone", "2026-11-16T13:00", "2026-11-16T16:00+02:00"),
    ] {
        assert_eq!(due(owner, received), due_at, "{owner} {received}");
    }
}

#[test]
fn urgent_requests_have_less_time_never_more() {
    let directory = sample();
    let due = |received: &str, priority| local(directory.deadline("Organization/lapua", at(received), priority));
    assert_eq!(due("2026-11-16T15:00", Priority::Routine), "2026-11-17T16:00+02:00");
    assert_eq!(due("2026-11-16T15:00", Priority::Urgent), "2026-11-16T16:00+02:00");
    assert_eq!(due("2026-11-16T16:00", Priority::Urgent), "2026-11-17T16:00+02:00");
    // over the lunch break, and over the night
    assert_eq!(due("2026-11-16T11:00", Priority::Asap), "2026-11-16T13:30+02:00");
    assert_eq!(due("2026-11-16T15:00", Priority::Asap), "2026-11-17T09:00+02:00");
    assert_eq!(due("2026-11-14T15:00", Priority::Stat), "2026-11-16T09:00+02:00");
    assert_eq!(due("2026-11-20T11:45", Priority::Asap), "2026-11-20T13:00+02:00");
    let mut lazy = sample();
    lazy.policy.same_day = false;
    lazy.policy.stat = Haste::Within(jiff::SignedDuration::from_hours(100));
    for priority in [Priority::Routine, Priority::Stat] {
        let due = lazy.deadline("Organization/lapua", at("2026-11-16T08:00"), priority);
        assert_eq!(local(due), "2026-11-17T16:00+02:00");
    }
}

#[test]
fn closed_without_a_substitute_moves_on_and_an_owner_s_deadline_waits() {
    let text = include_str!("../../../fixtures/configuration/sandbox.toml").replace(", substitute = \"lapua\"", "");
    let callers = text.find("[[caller]]").unwrap();
    let directory = Configuration::read(&text[..callers], "t.toml").unwrap().directory;
    let own = Wanted { queue: CLINICS, own: Some("Organization/alajarvi"), municipality: Some("408") };
    let routed = directory.route(&own, at("2026-07-06T10:00")).unwrap();
    assert_eq!((routed.owner.as_str(), routed.why), ("Organization/lapua", Why::Municipality));
    let own = Wanted { municipality: Some("005"), ..own };
    assert_eq!(directory.route(&own, at("2026-07-06T10:00")).unwrap().why, Why::Queue);
    let due = directory.deadline("Organization/alajarvi", at("2026-07-06T10:00"), Priority::Asap);
    assert_eq!(local(due), "2026-08-03T10:00+03:00");
}

#[test]
fn an_instant_at_the_end_of_time_is_no_trouble() {
    let directory = sample();
    for priority in Priority::ALL {
        directory.deadline("Organization/seinajoki", Timestamp::MAX, priority);
        directory.deadline("Organization/seinajoki", Timestamp::MIN, priority);
    }
}

#[test]
fn times_of_day_that_are_skipped_or_doubled_are_instants() {
    let time = |hour| jiff::civil::time(hour, 30, 0, 0);
    assert_eq!(local(deadline::instant(date(2027, 3, 28), time(3))), "2027-03-28T04:30+03:00");
    assert_eq!(local(deadline::instant(date(2026, 10, 25), time(3))), "2026-10-25T03:30+03:00");
}

#[test]
fn a_caller_owns_what_its_organisations_own_and_the_queues_that_they_serve() {
    let caller = |organizations: &[&str]| Caller {
        name: "c".to_owned(),
        roles: vec![Role::Owner],
        organizations: organizations.iter().map(|id| (*id).to_owned()).collect(),
    };
    let directory = sample();
    let lapua = ["Organization/lapua", "HealthcareService/maternity-child-health", "HealthcareService/family-planning"];
    assert_eq!(directory.owners_of(&caller(&["lapua"])), lapua);
    assert_eq!(directory.owners_of(&caller(&["advice-service"])), ["Organization/advice-service"]);
    assert!(directory.owners_of(&caller(&[])).is_empty());
    assert!(directory.serves("lapua", CLINICS) && !directory.serves("ilmajoki", "family-planning"));
    assert!(directory.knows("Organization/lapua") && !directory.knows("Organization/family-planning") && !directory.knows("lapua"));
    assert_eq!(directory.name("HealthcareService/nobody"), None);
}

#[test]
fn an_empty_directory_knows_nobody() {
    let directory = Directory::default();
    assert_eq!(directory.route(&Wanted { queue: CLINICS, own: None, municipality: None }, at("2026-11-16T10:00")), None);
    assert_eq!(local(directory.deadline("Organization/a", at("2026-11-16T10:00"), Priority::Routine)), "2026-11-16T16:00+02:00");
}

#[test]
fn the_resources_say_who_is_open_when() {
    let directory = sample();
    let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let lapua = read(&directory.organization("lapua").unwrap().resource);
    assert_eq!(lapua["identifier"][0]["value"], "urn:oid:1.2.246.10.99999990.10.408");
    let planning = read(&directory.service("family-planning").unwrap().resource);
    assert_eq!(planning["providedBy"]["reference"], "Organization/lakeus");
    assert_eq!(planning["type"][0]["coding"][0]["code"], "family-planning");
    assert_eq!(planning["availableTime"].as_array().unwrap().len(), 1);
    assert_eq!(planning["availableTime"][0]["daysOfWeek"].as_array().unwrap().len(), 5);
    assert_eq!(planning["availableTime"][0]["availableStartTime"], "09:00:00");
    assert_eq!(planning["notAvailable"][0]["during"]["start"], "2026-12-28");
    assert!(planning["notAvailable"][0]["description"].as_str().unwrap().contains("Seinäjoen neuvola"));
    assert_eq!(planning["_name"]["extension"].as_array().unwrap().len(), 2);
}
