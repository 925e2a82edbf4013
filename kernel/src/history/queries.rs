//! What is asked of the tables, the same of the file and of the memory of this session.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Params, Row, params};

use super::{Entry, Session};

pub fn put(connection: &Connection, session: i64, line: i64, text: &str, output: bool) -> rusqlite::Result<()> {
    let table = if output { "output_history" } else { "history" };
    connection.execute(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3)"), params![session, line, text])?;
    Ok(())
}

/// Cells with their results. With a `GROUP BY` in the clauses, SQLite takes the columns from the row of the maximum.
pub fn select(connection: &Connection, clauses: &str, parameters: impl Params) -> rusqlite::Result<Vec<Entry>> {
    let latest = if clauses.contains("GROUP BY") { ", max(h.session * 0x100000000 + h.line)" } else { "" };
    let mut statement = connection.prepare(&format!(
        "SELECT h.session AS session, h.line AS line, h.source, o.output {latest}
         FROM history AS h LEFT JOIN output_history AS o ON o.session = h.session AND o.line = h.line {clauses}"
    ))?;
    let rows = statement.query_map(parameters, |row| {
        Ok(Entry { session: row.get(0)?, line: row.get(1)?, source: row.get(2)?, output: row.get(3)? })
    })?;
    rows.collect()
}

/// The first `n` of what is sorted from the newest, of equal cells the first, turned to oldest first.
pub fn newest(mut found: Vec<Entry>, n: i64, unique: bool) -> Vec<Entry> {
    if unique {
        let mut seen = HashSet::new();
        let first: Vec<bool> = found.iter().map(|entry| seen.insert(entry.source.as_str())).collect();
        let mut first = first.into_iter();
        found.retain(|_| first.next().unwrap_or(true));
    }
    found.truncate(usize::try_from(n).unwrap_or(usize::MAX));
    found.reverse();
    found
}

pub fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

pub fn moment(milliseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.unsigned_abs())
}

/// The last `n` sessions but one, newest first.
pub fn sessions(connection: &Connection, but: i64, n: i64) -> rusqlite::Result<Vec<Session>> {
    let mut statement = connection.prepare(
        "SELECT session, start, end, (SELECT count(*) FROM history AS h WHERE h.session = s.session)
         FROM sessions AS s WHERE session != ?1 ORDER BY session DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![but, n], |row| {
        let end = row.get::<_, Option<i64>>(2)?.map(moment);
        Ok(Session { session: row.get(0)?, start: moment(row.get(1)?), end, cells: count(row, 3)? })
    })?;
    rows.collect()
}
