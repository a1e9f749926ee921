//! Dates, dateTimes and times compared with the precision that they have.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Time;

/// Which comes first; `None` where their precision does not tell, or they are no times at all. A dateTime and a date are compared
/// by the dateTime's own day; two dateTimes as instants.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    match (left.contains('T'), right.contains('T')) {
        (true, true) => Some(left.parse::<Timestamp>().ok()?.cmp(&right.parse::<Timestamp>().ok()?)),
        (false, false) if left.contains(':') && right.contains(':') => Some(left.parse::<Time>().ok()?.cmp(&right.parse::<Time>().ok()?)),
        _ if left.contains(':') && !left.contains('T') || right.contains(':') && !right.contains('T') => None,
        _ => partial(left, right),
    }
}

/// What is said more precisely is within the year, month or day that the other names.
pub(super) fn is_within(precise: &str, period: &str) -> bool {
    precise.starts_with(period)
}

fn partial(left: &str, right: &str) -> Option<Ordering> {
    let day = |text: &str| text.split('T').next().unwrap_or_default().to_owned();
    let shared = day(left).len().min(day(right).len());
    let (left_shared, right_shared) = (left.get(..shared)?, right.get(..shared)?);
    match left_shared.cmp(right_shared) {
        Ordering::Equal if left.len() != right.len() => None,
        ordering => Some(ordering),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_decides_what_can_be_told() {
        assert_eq!(compare("2026-05", "2026-06-01"), Some(Ordering::Less));
        assert_eq!(compare("2026", "2026-06-01"), None);
        assert_eq!(compare("2026-06-01", "2026-06-01"), Some(Ordering::Equal));
        assert_eq!(compare("2026-06-01T10:00:00Z", "2026-06-01"), None);
    }

    #[test]
    fn instants_are_compared_whatever_their_offset() {
        assert_eq!(compare("2026-06-01T10:00:00+03:00", "2026-06-01T07:00:00Z"), Some(Ordering::Equal));
    }

    #[test]
    fn times_of_day_are_compared_with_each_other_only() {
        assert_eq!(compare("09:30:00", "10:00:00"), Some(Ordering::Less));
        assert_eq!(compare("09:30:00", "2026-06-01"), None);
    }
}
