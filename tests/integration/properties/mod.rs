//! Properties over families made up from the shipped Questionnaires, over small rule sets made up here, and over
//! webs of questions against a reference evaluator.

mod agreement;
mod completions;
mod family;
mod filled;
mod interpreter;
mod limits;
mod line;
mod made_up;
mod reference;
mod shipped;
mod tape;
mod three_valued;
mod validation;
mod webs;
