use super::*;

const SMALL: &str = r#"
[[organization]]
id = "a"
identifier = "urn:oid:1.2.246.10.99999990.10.1"
name = "A"
hours = { mon-fri = "08:00-16:00", wed = ["09:00-11:00", "12:00-18:00"] }
closed = [{ from = 2026-07-01, to = 2026-07-31, substitute = "q" }]

[[service]]
id = "q"
queue = "maternity-child-health"
name = { fi = "Q", sv = "Q", en = "Q" }
provided-by = "a"
served-by = ["a"]

[[route]]
queue = "maternity-child-health"
municipality = "005"
to = "a"

[[caller]]
name = "ehr"
roles = ["owner"]
organizations = ["a"]
token-sha256 = ["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"]

[deadline]
cut-off = "13:30"
urgent = "routine"

[tasks]
purge-after-days = 30

[store]
url = "postgres://adapter:hunter2@db.example/tasks"
keys = [{ id = "2026", file = "seal.key" }]
"#;

/// `table, key: message` of each mistake.
fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Configuration::read(text, "t.toml").map(|_| ()).unwrap_err();
    for mistake in &mistakes {
        assert!(!mistake.remedy.is_empty() && !mistake.message.ends_with('.'), "{mistake}");
    }
    mistakes.iter().map(|mistake| format!("{}{}: {}", mistake.table, Dotted(&mistake.key), mistake.message)).collect()
}

fn without(remove: &str) -> String {
    assert!(SMALL.contains(remove), "{remove}");
    SMALL.replace(remove, "")
}

fn with(from: &str, to: &str) -> Vec<String> {
    assert!(SMALL.contains(from), "{from}");
    mistakes(&SMALL.replace(from, to))
}

#[test]
fn a_file_without_mistakes_is_read() {
    let configuration = Configuration::read(SMALL, "t.toml").unwrap();
    assert_eq!(configuration.tasks, TaskSettings { purge_after_days: 30, ..TaskSettings::default() });
    assert_eq!(configuration.directory.policy().cut_off, jiff::civil::time(13, 30, 0, 0));
    for token in ["foo", "bar"] {
        assert_eq!(configuration.callers.identify(Some(token)).unwrap().organizations, ["a"]);
    }
    assert!(configuration.callers.identify(Some("baz")).is_err());
    assert!(!format!("{configuration:?}").contains("hunter2"));
}

#[test]
fn an_empty_file_is_one_without_anybody() {
    let configuration = Configuration::read("", "t.toml").unwrap();
    assert!(configuration.callers.is_empty() && configuration.store.is_none() && configuration.directory.organizations().is_empty());
}

#[test]
fn every_mistake_is_told_at_once_with_its_table_and_key() {
    let text = r#"
colour = "red"

[[organization]]
id = "a"
identifier = "1.2.246"
name = " "
hours = { mon = "16:00-08:00", tue = ["12:00-16:00", "08:00-11:00"], wed = "8-16" }
closed = [
    { from = 2026-07-31, to = 2026-07-01, substitute = "nobody" },
    { from = 2026-08-01T10:00:00, to = 2026-08-02, substitute = "a" },
]

[[organization]]
id = "a"
identifier = "urn:oid:1.2.246.10.1"
name = "A"
hours = { sat = "08:00-16:00" }

[[organization]]
id = "c"
name = "C"

[[service]]
id = "q"
queue = "q"
name = { fi = "Q", sv = "Q", en = "Q" }
provided-by = "c"
served-by = ["b"]

[[route]]
queue = "p"
municipality = "5"
to = "d"

[[caller]]
name = "e h r"
roles = ["owner"]
token-sha256 = "secret"

[[caller]]
name = "x"
roles = ["king"]

[[caller]]
name = "y"
roles = []
organizations = ["c", "e"]

[deadline]
cut-off = "25:00"
least-minutes = -1
stat = 0

[tasks]
purge-after-days = 0

[store]
url = "mysql://user:hunter2@db"
keys = []
"#;
    let told = mistakes(text);
    for wanted in [
        "[colour]: no such table",
        "[[organization]] a, identifier: no identifier of the register",
        "[[organization]] a, name: no name",
        "[[organization]] a, hours.mon: closes before it opens",
        "[[organization]] a, hours.tue: out of order",
        "[[organization]] a, hours.wed: no opening hours",
        "[[organization]] a, closed[0].substitute: there is no organization or service `nobody`",
        "[[organization]] a, closed[0]: ends before it begins",
        "[[organization]] a, closed[1].from: no date",
        "[[organization]] a, closed[1].substitute: stands in for itself",
        "[[organization]] a, id: used twice",
        "[[organization]] a, hours: never open",
        "[[organization]] c: missing field `identifier`",
        "[[service]] q, served-by: there is no organization `b`",
        "[[route]] number 1, queue: no service has the queue `p`",
        "[[route]] number 1, municipality: no municipality code",
        "[[route]] number 1, to: there is no organization `d`",
        "[[caller]] number 1, name: no name of a caller",
        "[[caller]] number 1, organizations: it speaks for nobody",
        "[[caller]] number 1, token-sha256: no SHA-256",
        "[[caller]] y, roles: it may do nothing",
        "[[caller]] y, organizations: there is no organization `e`",
        "[[caller]] y, token-sha256: it cannot prove who it is",
        "[deadline], cut-off: no time of day",
        "[deadline], least-minutes: out of bounds",
        "[deadline], stat: out of bounds",
        "[tasks], purge-after-days: out of bounds",
        "[store], url: no such kind of store",
        "[store], keys: nothing to seal with",
    ] {
        assert!(told.iter().any(|told| told == wanted), "{wanted}\n{told:#?}");
    }
    assert!(told.iter().any(|told| told.starts_with("[[caller]] x: unknown variant `king`")), "{told:#?}");
    assert_eq!(told.len(), 30, "{told:#?}");
    assert!(!told.join(" ").contains("hunter2") && !told.join(" ").contains("secret"));
}

#[test]
fn what_belongs_together_is_checked_together() {
    let again = &SMALL[SMALL.find("[[service]]").unwrap()..SMALL.find("[[route]]").unwrap()].replace("id = \"q\"", "id = \"r\"");
    assert_eq!(mistakes(&format!("{SMALL}\n{again}")), ["[[service]] r, queue: another service has it"]);
    let again = &SMALL[SMALL.find("[[route]]").unwrap()..SMALL.find("[[caller]]").unwrap()];
    assert_eq!(mistakes(&format!("{SMALL}\n{again}")), ["[[route]] number 2, municipality: another route has this queue and municipality"]);
    let again = &SMALL[SMALL.find("[[caller]]").unwrap()..SMALL.find("[deadline]").unwrap()];
    let told = mistakes(&format!("{SMALL}\n{}", again.replace("\"ehr\"", "\"other\"")));
    assert_eq!(told, ["[[caller]] other, token-sha256: this token is listed twice"; 2]);
    assert_eq!(with("served-by = [\"a\"]", "served-by = []"), ["[[service]] q, served-by: nobody would see what lies in the queue"]);
    let other_id = with("id = \"q\"", "id = \"a\"");
    assert!(other_id.contains(&"[[service]] a, id: used twice".to_owned()), "{other_id:?}");
}

#[test]
fn a_spell_that_nobody_answers_for_is_a_mistake() {
    let long = with("to = 2026-07-31, substitute = \"q\"", "to = 2030-07-31");
    assert_eq!(long, ["Organization/a, closed: closed for more than a year, with nobody to stand in"]);
    let shut = "served-by = [\"a\"]\nclosed = [{ from = 2026-07-01, to = 2029-07-31, substitute = \"a\" }]";
    let each_other = SMALL.replace("to = 2026-07-31", "to = 2029-07-31").replace("served-by = [\"a\"]", shut);
    assert_eq!(mistakes(&each_other).len(), 2);
    let overlapping = with("substitute = \"q\" }]", "substitute = \"q\" }, { from = 2026-07-31, to = 2026-08-02 }]");
    assert_eq!(overlapping, ["[[organization]] a, closed[1]: overlaps another spell"]);
}

#[test]
fn unknown_keys_and_broken_text_are_told() {
    let told = mistakes(&format!("{SMALL}colour = 1"));
    assert!(told[0].starts_with("[store]: unknown field `colour`"), "{told:?}");
    let told = mistakes("[deadline]\ncut-off = \n");
    assert!(told[0].starts_with("line 2: "), "{told:?}");
    let told = mistakes("[organization]\nid = \"a\"");
    assert_eq!(told, ["[organization]: not a list of tables"]);
    assert!(Configuration::read(&without("urgent = \"routine\""), "t.toml").is_ok());
    assert!(with("urgent = \"routine\"", "urgent = 1.5")[0].contains("minutes of opening time"));
}

#[test]
fn the_sample_has_a_caller_for_every_role_each_with_a_token_of_its_own() {
    let mut token = || fresh_token().unwrap();
    let (configuration, callers) = Configuration::sandbox(&mut token).unwrap();
    for role in Role::ALL {
        assert!(callers.iter().any(|caller| caller.roles.contains(&role)), "{role:?}");
    }
    for caller in &callers {
        assert_eq!(caller.token.len(), 43);
        assert_eq!(configuration.callers.identify(Some(&caller.token)).unwrap().name, caller.name);
    }
    assert_eq!((configuration.directory.organizations().len(), configuration.directory.services().len()), (6, 2));
    // the file by itself lacks the tokens, and nothing else
    let told = mistakes(SANDBOX);
    assert!(told.len() == callers.len() && told.iter().all(|told| told.contains("token-sha256")), "{told:?}");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a key lies in a file")]
fn keys_and_the_store_s_address_are_read_from_files() {
    use secrecy::ExposeSecret as _;

    let folder = std::env::temp_dir().join(format!("neuvola-keys-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("hex"), "00".repeat(32)).unwrap();
    std::fs::write(folder.join("base64"), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n").unwrap();
    std::fs::write(folder.join("short"), "AQEB").unwrap();
    std::fs::write(folder.join("url"), "sqlite:tasks.db\n").unwrap();
    let store = |url: &str, keys: &str| Configuration::read(&format!("[store]\n{url}\nkeys = [{keys}]"), "t.toml").unwrap().store.unwrap();
    let opened = store("url-file = 'url'", "{ id = 'b', file = 'base64' }, { id = 'a', file = 'hex' }").open(&folder).unwrap();
    assert_eq!(opened.url.expose_secret(), "sqlite:tasks.db");
    assert_eq!(opened.keys.iter().map(|key| (key.id.as_str(), key.bytes.expose_secret()[0])).collect::<Vec<_>>(), [("b", 1), ("a", 0)]);
    let told = store("url-file = 'hex'", "{ id = 'c', file = 'short' }, { id = 'd', file = 'none' }").open(&folder).unwrap_err();
    let told: Vec<_> = told.iter().map(|mistake| format!("{}: {}", mistake.key, mistake.message)).collect();
    assert_eq!(told, ["keys, d: the file cannot be read", "keys, c: no key", "url-file: no such kind of store"]);
    std::fs::remove_dir_all(&folder).unwrap();
}
