//! The callback stories, played: each against an adapter of its own, over real sockets, with a clock that the story moves.

use neuvola_adapter::configuration::{Configuration, SandboxCaller};
use neuvola_adapter::fixtures::stories::{Story, stories};
use neuvola_adapter::installation::Installation;
use neuvola_adapter::player::{Played, Stage, play};
use serde_json::json;

use crate::world::{profiles, runtime};

/// The sandbox's county for one story, and who may call.
pub async fn county() -> (Installation, Vec<SandboxCaller>) {
    let mut number = 0;
    let mut token = move || {
        number += 1;
        format!("token-of-a-story-with-enough-letters-{number:06}")
    };
    let (configuration, callers) = Configuration::sandbox(&mut token).unwrap();
    (Installation::sandbox(configuration, None, [7; 32], &profiles(), None).await.unwrap(), callers)
}

async fn played(story: Story) -> Played {
    let (installation, callers) = county().await;
    let mut stage = Stage::set(installation, &callers, profiles(), story.start, story.has_endpoint()).await.unwrap();
    let played = play(&story, &mut stage).await;
    stage.strike().await;
    played
}

/// Each difference with its story and step.
fn told(played: &Played) -> Vec<String> {
    let steps = played.steps.iter().enumerate();
    let line = |(index, difference): (usize, &String)| format!("{}, step {}: {difference}", played.story, index + 1);
    steps.flat_map(|(index, step)| step.differences.iter().map(move |difference| line((index, difference)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_story_goes_as_it_is_told() {
    let mut differences = Vec::new();
    for story in stories().unwrap() {
        let (name, steps) = (story.name.clone(), story.steps.len());
        let played = runtime().spawn(played(story)).await.unwrap();
        assert_eq!((played.story.as_str(), played.steps.len()), (name.as_str(), steps));
        assert_eq!(played.differences() == 0, told(&played).is_empty());
        differences.extend(told(&played));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_says_something_wrong_is_found_out() {
    let mut story = stories().unwrap().into_iter().find(|story| story.steps[0].expect.status == Some(201)).unwrap();
    story.steps[0].expect.status = Some(200);
    story.steps[0].expect.values.insert("/resourceType".to_owned(), json!("Nothing"));
    let played = runtime().spawn(played(story)).await.unwrap();
    assert_eq!(played.differences(), 1, "{:#?}", told(&played));
    let first = &played.steps[0].differences;
    assert!(first.contains(&"the HTTP status is 201, expected 200".to_owned()), "{first:?}");
    assert!(first.iter().any(|difference| difference.starts_with("/resourceType is ")), "{first:?}");
}
