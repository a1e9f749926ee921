//! What the rules said of one person, told by codes: for comparing.

use rust_decimal::Decimal;

use crate::pipeline::{Context, PersonPreview, Prepared, Preview, RuleView, Until, prepare};
use crate::profiles::Profiles;
use crate::refusal::Refusal;
use crate::segment::rule::RoleRules;
use crate::segment::{Outcome, ReadState, Reason, Segmentation};

/// The preview of a submission; nothing is written.
///
/// # Errors
/// Why the submission is refused.
pub fn preview(submission: &[u8], form: &str, profiles: &Profiles) -> Result<Preview, Refusal> {
    let context = Context { profiles, caller: "", now: jiff::Timestamp::UNIX_EPOCH };
    match prepare(submission, form, Until::Preview, context)? {
        Prepared::Preview(preview) => Ok(preview),
        Prepared::Plans(_) => Err(Refusal::Bug),
    }
}

/// One person's segmentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Code of the proposed segment; `None` while that is open.
    pub segment: Option<String>,
    /// Codes of those still possible.
    pub possible: Vec<String>,
    pub rules: Vec<RuleSaid>,
}

/// One rule's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSaid {
    pub about: About,
    pub id: String,
    pub code: String,
    pub outcome: Outcome,
    /// `linkId=value`, as it was read.
    pub reads: Vec<String>,
    /// The questions whose answers would decide it.
    pub undecided: Vec<String>,
    /// From its nearest threshold.
    pub distance: Option<Decimal>,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    Segment,
    Alert,
    Service,
    Other,
}

impl About {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Alert => "alert",
            Self::Service => "service",
            Self::Other => "rule",
        }
    }
}

impl Said {
    /// By outcomes alone, or with all that was read.
    pub fn of(segmentation: &Segmentation<'_>, rules: &RoleRules, with_reads: bool) -> Self {
        let said = |about: About, reason: &Reason<'_>| {
            let reads = segmentation.inputs(reason).map(|read| read_in_words(read.link_id, read.professional, &read.state));
            RuleSaid {
                about,
                id: reason.rule.id.clone(),
                code: reason.rule.subject.code.clone(),
                outcome: reason.outcome,
                reads: if with_reads { reads.collect() } else { Vec::new() },
                undecided: if with_reads { segmentation.undecided(reason, rules).collect() } else { Vec::new() },
                distance: reason.distance().filter(|_| with_reads),
            }
        };
        let lists = [
            (About::Segment, &segmentation.segments),
            (About::Alert, &segmentation.alerts),
            (About::Service, &segmentation.services),
            (About::Other, &segmentation.others),
        ];
        Self {
            segment: segmentation.proposed.map(|rule| rule.subject.code.clone()),
            possible: segmentation.possible.iter().map(|rule| rule.subject.code.clone()).collect(),
            rules: lists
                .into_iter()
                .flat_map(|(about, list)| list.iter().map(move |reason| (about, reason)))
                .map(|(about, it)| said(about, it))
                .collect(),
        }
    }

    pub fn of_preview(person: &PersonPreview) -> Self {
        let said = |(about, view): (About, &RuleView)| RuleSaid {
            about,
            id: view.id.clone(),
            code: view.subject.code.clone(),
            outcome: view.outcome,
            reads: view.inputs.iter().map(|read| read_in_words(&read.link_id, read.professional, &read.state)).collect(),
            undecided: view.undecided.clone(),
            distance: view.distance,
        };
        let lists = [(About::Segment, &person.segments), (About::Alert, &person.alerts), (About::Service, &person.services)];
        Self {
            segment: person.segment.as_ref().map(|segment| segment.code.clone()),
            possible: person.possible.iter().map(|segment| segment.code.clone()).collect(),
            rules: lists.into_iter().flat_map(|(about, list)| list.iter().map(move |view| (about, view))).map(said).collect(),
        }
    }
}

fn read_in_words(link_id: &str, professional: bool, state: &ReadState) -> String {
    let whose = if professional { "%professional " } else { "" };
    let value = match state {
        ReadState::Answered(values) => values.join("+"),
        ReadState::Declined => "(declined)".to_owned(),
        ReadState::Missing => "(missing)".to_owned(),
        ReadState::NotAsked => "(not asked)".to_owned(),
    };
    format!("{whose}{link_id}={value}")
}
