//! `GET /callback-requests/statistics`: contacts by weekday and hour, for planning shifts ([`crate::task::statistics`]).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::Value;
use url::form_urlencoded;

use crate::app::App;
use crate::caller::Role;
use crate::issue::Issue;
use crate::refusal::Refusal;
use crate::task::calendar::day_of;
use crate::task::statistics::{Months, Statistics};

/// Who plans.
pub(super) const PLANNERS: &[Role] = &[Role::Operator, Role::Requester, Role::Tester];

pub(super) async fn statistics(State(app): State<Arc<App>>, request: Request) -> Result<Json<Value>, Refusal> {
    let tasks = app.tasks()?;
    let today = day_of(app.clock.now());
    let (from, until) = days(request.uri().query().unwrap_or_default(), today).map_err(|issue| Refusal::Request(vec![*issue]))?;
    let months = Months::around(from, until, today);
    let tallies = tasks.store.tallies(months.from, months.until).await?;
    let queues = tasks.directory.services().iter().map(|service| service.queue.as_str());
    Ok(Json(Statistics::of(&tallies, months, queues).print()))
}

/// `from` and `until`, both included; the answer is about the whole months that they lie in.
fn days(query: &str, today: Date) -> Result<(Date, Date), Box<Issue>> {
    let (mut from, mut until) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "from" => &mut from,
            "until" => &mut until,
            "_format" | "_pretty" => continue,
            _ => {
                return Err(Issue::error("not-supported", "parameter", "", "a parameter is not known here")
                    .remedy("`from` and `until`")
                    .into());
            }
        };
        if place.is_some() {
            return Err(Issue::error("value", "parameter", "", format!("`{name}` is given twice")).into());
        }
        let no_date = || Issue::error("value", "parameter", "", format!("`{name}` is no date")).remedy("YYYY-MM-DD, as in 2026-11-16");
        *place = Some(date(&value).ok_or_else(no_date)?);
    }
    let until = until.unwrap_or(today);
    // no date that is read here is near the end of the calendar
    let from = from.unwrap_or_else(|| until.saturating_sub((USUAL - 1).days()));
    if from > until {
        return Err(Issue::error("value", "parameter", "", "`from` is after `until`").remedy("`until` is today if it is left out").into());
    }
    let days = until.duration_since(from).as_hours() / 24 + 1;
    if days > MOST {
        return Err(Issue::error("value", "parameter", "", format!("more than {MOST} days")).remedy("ask for less at a time").into());
    }
    Ok((from, until))
}

/// FHIR's `date` to the day, and nothing else that would pass for one.
fn date(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    text.parse().ok().filter(|_| shape)
}

const USUAL: i64 = 28;
const MOST: i64 = 400;

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn four_weeks_until_today_if_nothing_is_said() {
        let today = date(2026, 11, 16);
        assert_eq!(days("", today), Ok((date(2026, 10, 20), today)));
        assert_eq!(days("until=2026-03-01", today), Ok((date(2026, 2, 2), date(2026, 3, 1))));
        assert_eq!(days("from=2026-11-16&_format=json", today), Ok((today, today)));
        assert_eq!(days("from=2025-10-13", today), Ok((date(2025, 10, 13), today)), "400 days");
    }

    #[test]
    fn what_is_no_span_of_days_is_refused() {
        for query in [
            "from=today",
            "from=2026-02-30",
            "from=20261116",
            "from=2026-11-16T00:00:00Z",
            "from=",
            "until=2026-1-1",
            "from=2026-11-17",
            "from=2026-11-02&until=2026-11-01",
            "from=2025-10-12",
            "from=2026-11-01&from=2026-11-01",
            "colour=red",
        ] {
            assert!(days(query, date(2026, 11, 16)).is_err(), "{query}");
        }
    }
}
