//! Properties over families made up from the shipped Questionnaires, and over small rule sets made up here.

mod completions;
mod family;
mod filled;
mod interpreter;
mod line;
mod made_up;
mod shipped;
mod tape;
mod three_valued;
mod validation;
