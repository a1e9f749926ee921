//! Faults of the Task that a contact became, told where the contact has what is wrong.

use serde_json::{Map, Value};

use crate::issue::Issue;
use crate::task::callback::Unfit;

/// Where each input of the Task came from.
#[derive(Debug)]
pub struct Places {
    inputs: Vec<String>,
}

impl Places {
    pub fn of(task: &Map<String, Value>) -> Self {
        let inputs = task.get("input").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let codes: Vec<&str> = inputs.iter().map(|input| input["type"]["coding"][0]["code"].as_str().unwrap_or_default()).collect();
        let place = |(index, code): (usize, &&str)| {
            let nth = codes[..index].iter().filter(|other| *other == code).count();
            match *code {
                "preferred-time" => format!("preferredTimes[{nth}]"),
                "picture" => format!("pictures[{nth}]"),
                "video-link" => "videoLink".to_owned(),
                "taken-by" => "takenBy".to_owned(),
                code => code.to_owned(),
            }
        };
        Self { inputs: codes.iter().enumerate().map(place).collect() }
    }

    /// The same faults, as the contact's sender knows them.
    pub fn of_contact(&self, unfit: Unfit) -> Unfit {
        let moved = |issues: Vec<Issue>| issues.into_iter().map(|issue| Issue { place: self.of_place(&issue.place), ..issue }).collect();
        match unfit {
            Unfit::NotR4(issues) => Unfit::NotR4(moved(issues)),
            Unfit::NotOurs(issues) => Unfit::NotOurs(moved(issues)),
        }
    }

    fn of_place(&self, place: &str) -> String {
        let Some(path) = place.strip_prefix("Task.") else { return if place == "Task" { String::new() } else { place.to_owned() } };
        let (element, below) = path.split_once('.').unwrap_or((path, ""));
        let (name, index) = element.strip_suffix(']').and_then(|element| element.split_once('[')).unwrap_or((element, ""));
        match name {
            "identifier" => ["id", below].join(if below.is_empty() { "" } else { "." }),
            "authoredOn" | "restriction" => "received".to_owned(),
            "reasonCode" => "topic".to_owned(),
            "priority" => "urgency".to_owned(),
            "for" => "person.identifier".to_owned(),
            "performerType" if index.is_empty() => "professions".to_owned(),
            "performerType" => format!("professions[{index}]"),
            "owner" => "queue".to_owned(),
            "description" => "description".to_owned(),
            "input" => index.parse::<usize>().ok().and_then(|index| self.inputs.get(index)).cloned().unwrap_or_default(),
            // what the adapter says itself: nobody sent it
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_has_its_place_in_the_contact() {
        let input = |code: &str| json!({"type": {"coding": [{"code": code}]}});
        let task = json!({"input": [input("queue"), input("preferred-time"), input("preferred-time"), input("picture"), input("phone")]});
        let places = Places::of(task.as_object().unwrap());
        for (of_task, of_contact) in [
            ("Task.input[0].valueCodeableConcept", "queue"),
            ("Task.input[2].valuePeriod.start", "preferredTimes[1]"),
            ("Task.input[3].valueAttachment.url", "pictures[0]"),
            ("Task.input[4]", "phone"),
            ("Task.identifier[0].value", "id.value"),
            ("Task.authoredOn", "received"),
            ("Task.restriction.period.end", "received"),
            ("Task.performerType[3]", "professions[3]"),
            ("Task.for.identifier", "person.identifier"),
            ("Task.owner", "queue"),
            ("Task.requester", ""),
            ("ownClinic", "ownClinic"),
        ] {
            assert_eq!(places.of_place(of_task), of_contact);
        }
    }
}
