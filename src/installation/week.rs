//! A plausible week of callback requests, for a sandbox that has none: contacts and what clinics made of them on the last five
//! working days, through the same functions as over HTTP. Everybody in it is made up.

use jiff::civil::Time;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::Tasks;
use crate::caller::{Caller, Callers, Role};
use crate::task::calendar;
use crate::task::callback::CallbackTask;
use crate::task::change::{Actor, Update, apply};
use crate::task::codes::system;
use crate::task::convert::contact;
use crate::task::intake::{Hints, complete};
use crate::task::store::{Author, Change, Changed, Created, NewTask, StoreError};

/// Fills an empty store; how many Tasks it then has of this week. A store that was ever written to is left as it is.
///
/// # Errors
/// What the store says.
pub async fn fill(tasks: &Tasks, callers: &Callers, now: Timestamp) -> Result<usize, StoreError> {
    let Some(chat) = callers.all().find(|caller| caller.roles.contains(&Role::ChatPlatform)) else { return Ok(0) };
    if tasks.store.last_seq().await? != 0 {
        return Ok(0);
    }
    let mut filled = 0;
    for (number, at) in moments(now).into_iter().enumerate() {
        let Some((mut at_version, mut task)) = left(tasks, chat, number, at).await? else { continue };
        filled += 1;
        for (step, minutes) in steps(number).iter().zip([7, 16, 25]) {
            let Some(clinic) = clinic_of(tasks, callers, &task.index.owner) else { break };
            let at = at + minutes.minutes();
            let actor = Actor { caller: clinic, directory: &tasks.directory, now: at };
            let Some(next) = stepped(&task, step, &actor, tasks) else { break };
            let by = Author { caller: clinic.name.clone(), request_id: "sandbox".to_owned() };
            let change = Change { id: at_version.0, from: at_version.1, body: next.bytes(), index: next.index.clone(), by, now: at };
            let Changed::Done(stored) = tasks.store.change(change).await? else { break };
            at_version = (stored.id, stored.version);
            task = next;
        }
    }
    Ok(filled)
}

/// Eight contacts a day.
fn moments(now: Timestamp) -> Vec<Timestamp> {
    let today = calendar::day_of(now);
    let mut days: Vec<_> =
        (1..20).filter_map(|back| today.checked_sub(back.days()).ok()).filter(|day| calendar::is_working_day(*day)).take(5).collect();
    days.reverse();
    let opening = Time::constant(8, 5, 0, 0);
    let starts = days.into_iter().filter_map(|day| day.to_datetime(opening).to_zoned(calendar::HELSINKI.clone()).ok());
    starts.flat_map(|start| (0..8_i64).map(move |slot| start.timestamp() + (slot * 47).minutes())).collect()
}

/// Leaves a contact.
async fn left(tasks: &Tasks, chat: &Caller, number: usize, at: Timestamp) -> Result<Option<((Uuid, u64), CallbackTask)>, StoreError> {
    let sent = sent(number, at).to_string();
    let actor = Actor { caller: chat, directory: &tasks.directory, now: at + 1.minutes() };
    let task =
        contact(sent.as_bytes(), &tasks.codes).ok().and_then(|read| complete(read.task, Hints::default(), &actor, &tasks.codes).ok());
    let Some(task) = task else { return Ok(None) };
    let by = Author { caller: chat.name.clone(), request_id: "sandbox".to_owned() };
    let mut request = [0; 32];
    request[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let new = NewTask { id: Uuid::new_v4(), body: task.bytes(), index: task.index.clone(), request, by, now: actor.now };
    match tasks.store.create(new).await? {
        Created::New(stored) => Ok(Some(((stored.id, stored.version), task))),
        Created::Existing { .. } | Created::Purged(_) => Ok(None),
    }
}

fn sent(number: usize, at: Timestamp) -> Value {
    let (queue, topic) = MATTERS[number % MATTERS.len()];
    let mut sent = json!({
        "id": {"system": "https://chat.example/contacts", "value": format!("sandbox-{number}")},
        "received": at.to_string(), "queue": queue, "topic": topic, "channel": "phone",
        "phone": format!("+35840123{:04}", 4000 + number), "language": if number % 9 == 4 { "sv" } else { "fi" },
        "urgency": if number % 13 == 6 { "urgent" } else { "routine" },
        "person": {"identifier": {"system": crate::identity::IDENTITY_CODE, "value": PERSONS[number % PERSONS.len()]}}
    });
    if number % 8 == 5 {
        sent["person"] = json!({"anonymous": true});
        sent["channel"] = "chat".into();
        sent["topic"] = "contraception".into();
    } else {
        sent["municipality"] = MUNICIPALITIES[number % MUNICIPALITIES.len()].into();
    }
    sent
}

/// One step of a clinic.
enum Step {
    Becomes(&'static str),
    NoAnswer,
    Ends(&'static str),
}

fn steps(number: usize) -> &'static [Step] {
    use Step::{Becomes, Ends, NoAnswer};
    match number % 8 {
        1 => &[Becomes("accepted"), Becomes("in-progress"), Ends("advice-given")],
        2 => &[Becomes("accepted"), NoAnswer],
        3 if number % 16 == 3 => &[Becomes("rejected")],
        4 => &[Becomes("accepted"), NoAnswer, Ends("not-reached")],
        6 => &[Becomes("accepted"), Ends("advice-given")],
        7 => &[Becomes("accepted"), Becomes("in-progress"), Becomes("on-hold")],
        _ => &[],
    }
}

fn stepped(task: &CallbackTask, step: &Step, actor: &Actor<'_>, tasks: &Tasks) -> Option<CallbackTask> {
    let concept = |of: &str, code: &str| json!({"coding": [{"system": system(of), "code": code}]});
    let mut new = Value::Object(task.body.clone());
    new["resourceType"] = "Task".into();
    match step {
        Step::Becomes(status) => new["status"] = (*status).into(),
        Step::NoAnswer => new["businessStatus"] = concept("callback-business-status", "no-answer"),
        Step::Ends(output) => {
            new["status"] = "completed".into();
            new["output"] = json!([{"type": concept("callback-output", output), "valueBoolean": true}]);
        }
    }
    if task.index.owner.starts_with("HealthcareService/") && new["status"] == "accepted" {
        new["owner"] = json!({"reference": actor.organizations().next()?});
    }
    let Value::Object(new) = new else { return None };
    let new = CallbackTask::prove(new, &tasks.codes).ok()?;
    apply(task, new, Update::Whole, actor).ok().map(|allowed| allowed.task)
}

/// Who works on what this one owns.
fn clinic_of<'c>(tasks: &Tasks, callers: &'c Callers, owner: &str) -> Option<&'c Caller> {
    let is_clinic = |caller: &&Caller| caller.roles == [Role::Owner] && tasks.directory.owners_of(caller).iter().any(|own| own == owner);
    callers.all().find(is_clinic)
}

const PERSONS: [&str; 6] = ["010594Y9032", "020594X903P", "030694W9024", "040594V9030", "050594U903M", "010516B903X"];
const MUNICIPALITIES: [&str; 5] = ["743", "408", "145", "005", "301"];
const MATTERS: [(&str, &str); 7] = [
    ("maternity-child-health", "breastfeeding"),
    ("maternity-child-health", "baby-care"),
    ("family-planning", "contraception"),
    ("maternity-child-health", "vaccination"),
    ("maternity-child-health", "pregnancy"),
    ("maternity-child-health", "mood"),
    ("maternity-child-health", "growth-development"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::installation::Installation;
    use crate::profiles::Profiles;
    use crate::task::store::{Query, Viewer};

    #[test]
    fn an_empty_store_gets_a_week_in_several_states_and_another_is_left_alone() {
        let runtime = crate::cli::runtime().unwrap();
        let filling = runtime.spawn(async {
            let (configuration, _) = Configuration::sandbox(&mut || Uuid::new_v4().to_string()).unwrap();
            let profiles = Profiles::load(Profiles::shipped_files()).unwrap();
            let installation = Installation::sandbox(configuration, None, [7; 32], &profiles, None).await.unwrap();
            let (tasks, now) = (installation.tasks.unwrap(), "2026-11-16T09:00:00Z".parse().unwrap());
            assert_eq!(fill(&tasks, &installation.callers, now).await.unwrap(), 40);
            assert_eq!(fill(&tasks, &installation.callers, now).await.unwrap(), 0);
            let all = Query { viewer: Viewer::Everything, filters: Vec::new(), sort: Vec::new(), limit: 100, after: None };
            tasks.store.search(&all).await.unwrap().tasks
        });
        let tasks = runtime.block_on(filling).unwrap();
        assert_eq!(tasks.len(), 40);
        for status in ["requested", "accepted", "on-hold", "completed", "rejected"] {
            assert!(tasks.iter().any(|task| task.scope.status.code() == status), "{status}");
        }
    }
}
