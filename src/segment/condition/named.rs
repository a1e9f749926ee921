//! The questions of a rule that is refused: those whose linkIds stand in it, for nothing else is known of it.

use super::{Condition, Input, Source};
use crate::form::questionnaire::Questionnaire;

impl Condition {
    /// What the condition reads and, where a part of it is not evaluated, what its expressions name besides.
    pub fn inputs_as_written(&self, expressions: &[&str], variables: &[(String, String)], own: &Questionnaire) -> Vec<Input> {
        let mut inputs = self.inputs();
        let mut is_refused = false;
        self.visit_all(&mut |part| is_refused |= matches!(part, Self::Unknown(_)));
        if !is_refused {
            return inputs;
        }
        let mut texts = expressions.to_vec();
        // each variable stands behind those that it names
        for (name, text) in variables.iter().rev() {
            let name = format!("%{name}");
            if texts.iter().any(|text| text.contains(&name)) {
                texts.push(text);
            }
        }
        let questions = own.items().iter().enumerate().filter(|(_, item)| item.is_question());
        let stands = |link_id: &str| {
            let quoted = format!("'{link_id}'");
            texts.iter().any(|text| text.contains(&quoted))
        };
        inputs.extend(questions.filter(|(_, item)| stands(&item.link_id)).map(|(item, _)| Input { source: Source::Own, item }));
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
}
