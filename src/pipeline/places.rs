//! Places in a response that we mapped, led back to the answers it was mapped from.

use neuvola_fhir::Place;
use neuvola_fhir::model::resources::{QuestionnaireResponse, QuestionnaireResponseItem};

use crate::form::questionnaire::{ItemKind, Questionnaire};
use crate::form::vocabulary::Vocabulary;

/// How questions are called in what was sent.
#[derive(Debug)]
pub struct Names {
    /// (linkId, the vendor's field); empty where linkIds were sent.
    fields: Vec<(String, String)>,
}

impl Names {
    pub fn new(questionnaire: &Questionnaire, vocabulary: Option<&Vocabulary>) -> Self {
        let fields = vocabulary.into_iter().flat_map(Vocabulary::fields).filter(|(url, ..)| *url == questionnaire.url);
        Self { fields: fields.map(|(_, field, link_id)| (link_id.to_owned(), field.to_owned())).collect() }
    }

    fn of<'n>(&'n self, link_id: &'n str) -> &'n str {
        self.fields.iter().find(|(known, _)| known == link_id).map_or(link_id, |(_, field)| field)
    }

    /// The place of question `link_id` in the object of answers at `holder`.
    pub fn place(&self, holder: &str, link_id: &str) -> String {
        Place::root(holder).member(self.of(link_id)).to_string()
    }

    /// The object of answers that a fault of question `link_id`, at `place` in the response, lies in: `root`, or one of a
    /// repeated group's; and, where it is one of several answers, which.
    pub fn holder(
        &self,
        (place, link_id): (&str, &str),
        root: &str,
        response: &QuestionnaireResponse,
        questionnaire: &Questionnaire,
    ) -> (String, Option<usize>) {
        let mut holder = root.to_owned();
        let mut items: &[QuestionnaireResponseItem] = &response.item;
        let mut last: Option<&QuestionnaireResponseItem> = None;
        let mut answer = None;
        for step in place.split('.').skip(1) {
            if let Some(position) = index(step, "item") {
                let Some(item) = items.get(position) else { break };
                let here = item.link_id.value.as_deref().unwrap_or_default();
                let known = questionnaire.find(here).map(|index| questionnaire.item(index));
                if here != link_id && known.is_some_and(|known| known.kind == ItemKind::Group && known.repeats) {
                    let before = items[..position].iter().filter(|other| other.link_id.value == item.link_id.value).count();
                    holder = format!("{}[{before}]", self.place(&holder, here));
                }
                (items, last, answer) = (&item.item, Some(item), None);
            } else if let Some(position) = index(step, "answer") {
                let answers = last.map_or(&[][..], |item| &item.answer);
                items = answers.get(position).map_or(&[][..], |answer| &answer.item);
                answer = (answers.len() > 1).then_some(position);
            }
        }
        (holder, answer)
    }
}

/// `3` of `item[3]`.
fn index(step: &str, name: &str) -> Option<usize> {
    step.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
