//! How many wait, and how many there were.

use jiff::Timestamp;
use jiff::civil::Date;

use super::sql::{Database, Row, Sql, broken};
use super::{StoreError, Tally, Waiting};
use crate::task::status::Status;

pub(super) async fn waiting(db: &dyn Database, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    let mut sql = Sql::new("SELECT queue, owner, status, COUNT(*), MIN(authored_on), CAST(SUM(CASE WHEN due < ", []);
    sql.bind(now).push(" THEN 1 ELSE 0 END) AS BIGINT) FROM task WHERE status IN (");
    sql.bind_all(Status::ALL.into_iter().filter(|status| status.is_waiting()));
    sql.push(") GROUP BY queue, owner, status ORDER BY queue, owner, status");
    let one = |row: &Row| {
        Ok(Waiting {
            queue: row.text(0)?,
            owner: row.text(1)?,
            status: row.status(2)?,
            count: row.count(3)?,
            oldest: row.maybe_time(4)?,
            overdue: row.count(5)?,
        })
    };
    db.reading().await?.all(sql).await?.iter().map(one).collect()
}

/// Both days are included.
pub(super) async fn tallies(db: &dyn Database, from: Date, until: Date) -> Result<Vec<Tally>, StoreError> {
    let sql = "SELECT day, hour, queue, owner, what, count FROM tally WHERE day >= $1 AND day <= $2 ORDER BY day, hour, queue, owner, what";
    let one = |row: &Row| {
        Ok(Tally {
            day: row.text(0)?.parse().map_err(|_| broken("a day"))?,
            hour: i8::try_from(row.int(1)?).map_err(|_| broken("an hour"))?,
            queue: row.text(2)?,
            owner: row.text(3)?,
            what: row.text(4)?,
            count: row.count(5)?,
        })
    };
    let sql = Sql::new(sql, [from.to_string().into(), until.to_string().into()]);
    db.reading().await?.all(sql).await?.iter().map(one).collect()
}
