//! The family's form: what was sent, mapped to QuestionnaireResponses, proven valid, and indexed by question.

pub mod answers;
mod decode;
pub mod locate;
pub mod map;
pub mod questionnaire;
pub mod submission;
pub mod validate;
pub mod vocabulary;

pub use decode::Object;
