//! Files on the command line: in JSON with a byte order mark, in XML, and such as cannot be read.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::binary::neuvola_adapter;
use crate::world::World;

const BOM: &str = "\u{feff}";

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("validation-files-{name}"));
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("known")).unwrap();
    folder
}

fn questionnaire() -> Value {
    json!({"resourceType": "Questionnaire", "url": "https://forms.example/Questionnaire/files", "version": "1", "name": "Files",
        "status": "active", "item": [{"linkId": "a", "text": "A", "type": "integer"}]})
}

fn response(value: &Value) -> Value {
    json!({"resourceType": "QuestionnaireResponse", "questionnaire": "https://forms.example/Questionnaire/files|1",
        "status": "completed", "authored": "2026-01-01T10:00:00Z", "item": [{"linkId": "a", "answer": [value]}]})
}

fn validate(folder: &std::path::Path, files: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let mut arguments = vec!["validate".to_owned(), "--profiles".to_owned(), folder.join("known").display().to_string()];
    arguments.extend(files.iter().map(|file| folder.join(file).display().to_string()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Output { status, stdout, stderr } = neuvola_adapter(&arguments).output().unwrap();
    let lines = String::from_utf8(stdout).unwrap();
    (status.code(), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_those_after_it() {
    let folder = folder("unreadable");
    std::fs::write(folder.join("known/q.json"), questionnaire().to_string()).unwrap();
    std::fs::write(folder.join("right.json"), response(&json!({"valueInteger": 1})).to_string()).unwrap();
    std::fs::write(folder.join("wrong.json"), response(&json!({"valueString": "x"})).to_string()).unwrap();
    let (code, outcomes, complaints) = validate(&folder, &["nowhere.json", "right.json"]);
    assert_eq!((code, outcomes.len()), (Some(66), 2), "{complaints}");
    assert_eq!(outcomes[0]["issue"][0]["details"]["coding"][0]["code"], "unreadable");
    assert_eq!(outcomes[1]["issue"][0]["severity"], "information");
    assert!(complaints.contains("nowhere.json"), "{complaints}");
    let (code, outcomes, _) = validate(&folder, &["nowhere.json", "wrong.json", "right.json"]);
    assert_eq!((code, outcomes.len()), (Some(65), 3));
}

#[test]
fn knowledge_and_responses_may_be_xml() {
    let folder = folder("xml");
    let xml = |json: Value| neuvola_fhir::xml_of_json(json.to_string().as_bytes()).unwrap();
    std::fs::write(folder.join("known/q.xml"), xml(questionnaire())).unwrap();
    std::fs::write(folder.join("right.xml"), xml(response(&json!({"valueInteger": 1})))).unwrap();
    std::fs::write(folder.join("wrong.json"), response(&json!({"valueString": "x"})).to_string()).unwrap();
    let (code, outcomes, complaints) = validate(&folder, &["right.xml"]);
    assert_eq!((code, outcomes[0]["issue"][0]["severity"].as_str()), (Some(0), Some("information")), "{complaints}");
    let (code, outcomes, _) = validate(&folder, &["wrong.json"]);
    assert_eq!(code, Some(65));
    assert_eq!(outcomes[0]["issue"][0]["details"]["coding"][0]["code"], "wrong-type");
}

#[tokio::test]
async fn a_byte_order_mark_is_no_fault_and_moves_no_place() {
    let folder = folder("bom");
    std::fs::write(folder.join("known/q.json"), format!("{BOM}{}", questionnaire())).unwrap();
    let wrong = response(&json!({"valueString": "x"})).to_string();
    std::fs::write(folder.join("plain.json"), &wrong).unwrap();
    std::fs::write(folder.join("marked.json"), format!("{BOM}{wrong}")).unwrap();
    let (code, outcomes, _) = validate(&folder, &["plain.json", "marked.json"]);
    assert_eq!(code, Some(65));
    assert_eq!(outcomes[0]["issue"][0]["details"]["coding"][0]["code"], "wrong-type");
    assert_eq!(outcomes[0], outcomes[1]);
    let world = World::new().await;
    let path = "/fhir/QuestionnaireResponse/$validate";
    let broken = wrong.replace("\"item\":", "\"item\":[],\"item\":");
    for text in [wrong, broken] {
        let plain = world.post_text(path, text.clone()).await;
        let marked = world.post_text(path, format!("{BOM}{text}")).await;
        assert_eq!(plain.text, marked.text);
        assert!(plain.text.contains("\"issue\""), "{}", plain.text);
    }
}
