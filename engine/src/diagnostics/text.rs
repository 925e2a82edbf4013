//! A profile as text, and how a notebook shows it.

use std::fmt::{self, Write};

use super::analysis::Analysis;
use super::record::Profile;
use super::units::{bytes, duration, percent};
use crate::display::{MimeBundle, Show};
use crate::draw::grouped;

/// Functions beyond these are one line.
const FUNCTIONS_SHOWN: usize = 20;
/// Longest name in the table, in characters.
const NAME_CHARS: usize = 40;

/// Shows the task stream; as text, the summary that `Display` writes.
impl Show for Profile {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.to_string()).with("text/html", self.task_stream_html())
    }
}

/// A few lines on the whole, then a table of functions, heaviest first.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let analysis = Analysis::new(self);
        writeln!(f, "{}", headline(&analysis))?;
        if let Some(peak) = analysis.peak_memory() {
            writeln!(f, "peak memory: {}", bytes(peak))?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if analysis.functions.is_empty() {
            return Ok(());
        }
        let mut rows = vec![["function", "tasks", "total", "mean", "longest", "share"].map(str::to_owned).to_vec()];
        for function in analysis.functions.iter().take(FUNCTIONS_SHOWN) {
            let nanoseconds = |time: std::time::Duration| duration(time.as_nanos() as u64);
            rows.push(vec![
                shorten(&function.name, NAME_CHARS),
                grouped(function.count as u64),
                nanoseconds(function.total),
                nanoseconds(function.mean),
                nanoseconds(function.longest),
                percent(function.share),
            ]);
        }
        if analysis.nested {
            // The column is there only where it says something new.
            rows[0].insert(3, "own".to_owned());
            for (row, function) in rows[1..].iter_mut().zip(&analysis.functions) {
                row.insert(3, duration(function.own.as_nanos() as u64));
            }
        }
        f.write_char('\n')?;
        table(f, &rows)?;
        let hidden = analysis.functions.len().saturating_sub(FUNCTIONS_SHOWN);
        if hidden > 0 {
            writeln!(f, "… and {}", plural(hidden, "more function"))?;
        }
        Ok(())
    }
}

/// Names to the left, numbers to the right.
fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|column| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0)).collect();
    for row in rows {
        // The formatter would count characters, of which some are wide.
        write!(f, "{}{:pad$}", row[0], "", pad = widths[0] - columns(&row[0]))?;
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(f, "  {cell:>width$}")?;
        }
        f.write_char('\n')?;
    }
    Ok(())
}

/// How many columns of a terminal a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(crate::draw::columns).sum()
}

/// One line on the whole: time, tasks, threads, and how busy they were.
pub(super) fn headline(analysis: &Analysis<'_>) -> String {
    let mut line = format!(
        "{}: {} of {} on {}",
        duration(analysis.span),
        plural(analysis.profile.tasks.len(), "task"),
        plural(analysis.functions.len(), "function"),
        plural(analysis.lanes.len(), "thread"),
    );
    if let Some(utilisation) = analysis.utilisation() {
        let _ = write!(line, ", busy for {} of the time", percent(utilisation));
    }
    if analysis.failed > 0 {
        let _ = write!(line, ", {} failed", grouped(analysis.failed as u64));
    }
    line
}

/// `1 task`, `1,200 tasks`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// Cuts a long name in the middle, where names differ least, and puts it on one line.
pub(super) fn shorten(name: &str, most: usize) -> String {
    let clean = |c: char| if c.is_whitespace() || c.is_control() { ' ' } else { c };
    let total = name.chars().count();
    if total <= most {
        return name.chars().map(clean).collect();
    }
    let tail = (most - 1) / 2;
    let head = most - 1 - tail;
    name.chars().take(head).chain(['…']).chain(name.chars().skip(total - tail)).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::TaskRecord;
    use std::time::SystemTime;

    #[test]
    fn the_summary_is_a_table() {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 2);
        for (at, name) in
            ["load", "load", "a_function_with_a_very_long_name_indeed_that_goes_on"].into_iter().enumerate()
        {
            let (name, start) = (profile.names.intern(name), at as u64 * 1_000_000);
            profile.tasks.push(TaskRecord { name, start, end: start + 1_000_000, ..TaskRecord::default() });
        }
        profile.notes.push("Memory is not sampled on this system.".to_owned());
        let text = profile.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "3.00 ms: 3 tasks of 2 functions on 2 threads, busy for 50.0% of the time");
        assert_eq!(lines[1], "Memory is not sampled on this system.");
        assert!(lines[3].starts_with("function") && lines[4].starts_with("load ") && lines[4].ends_with("66.7%"));
        assert_eq!(lines[3].chars().count(), lines[5].chars().count());
        assert!(lines[5].starts_with("a_function_with_a_ve…ong_name_indeed_that_goes_on"[..20].trim()));
        assert!(!text.contains("own"));
        let bundle = profile.show();
        assert_eq!(bundle.get("text/plain"), Some(text.as_str()));
        assert!(bundle.get("text/html").is_some_and(|html| html.contains("<svg")));
    }

    #[test]
    fn nested_tasks_get_a_column_and_empty_profiles_a_line() {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 1);
        assert_eq!(profile.to_string(), "0 s: 0 tasks of 0 functions on 1 thread\n");
        let name = profile.names.intern("f");
        profile.tasks.push(TaskRecord { name, end: 100, ..TaskRecord::default() });
        profile.tasks.push(TaskRecord { name, start: 10, end: 20, ..TaskRecord::default() });
        assert!(profile.to_string().contains(" own "));
    }

    #[test]
    fn names_are_cut_by_characters() {
        assert_eq!(shorten("short\nname", 20), "short name");
        assert_eq!(shorten("多核多核多核", 5), "多核…多核");
    }
}
