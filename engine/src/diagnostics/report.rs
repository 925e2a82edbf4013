//! The performance report: one HTML file with everything in it, to be kept, sent and opened without a network.

use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::analysis::{Analysis, Gap, colors_by_name};
use super::interactive;
use super::record::Profile;
use super::save::{SaveError, write_beside};
use super::series;
use super::stream;
use super::text::{plural, shorten};
use super::units::{bytes, date, duration, moment, percent};
use crate::draw::{escape, grouped};

/// Bars in a report: about 2 MB.
const REPORT_BARS: usize = 100_000;
/// Functions in the table; the rest is one line below it.
const FUNCTIONS_SHOWN: usize = 500;
/// Threads in the table.
const THREADS_SHOWN: usize = 128;
/// Longest name in the table, in characters.
const NAME_CHARS: usize = 160;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

impl Profile {
    /// A report as one self-contained HTML page, such as `dask.distributed.performance_report` makes: how long it took
    /// and how busy the threads were; the task stream with processor time, memory and live results, to zoom in; the
    /// functions, in a table that sorts by a click; and where threads waited.
    ///
    /// Nothing is fetched from anywhere: the page forbids it to itself. A million tasks make less than 5 MB, because
    /// short neighbours are merged beyond 100,000 bars, and the page says so.
    ///
    /// ```
    /// # use taskloom::diagnostics::Profile;
    /// let page = Profile::new(std::time::SystemTime::now(), 4).performance_report();
    /// assert!(page.contains("No task ran"));
    /// ```
    pub fn performance_report(&self) -> String {
        let analysis = Analysis::new(self);
        let mut page = String::with_capacity(1 << 18);
        page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.push_str(concat!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ",
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        ));
        let began = date(self.began);
        let _ = writeln!(
            page,
            "<title>Taskloom performance report, {began}</title>\n<style>{STYLE}{}</style>",
            interactive::STYLE
        );
        let _ = writeln!(
            page,
            "</head>\n<body>\n<h1>Performance report</h1>\n<p class=\"quiet\">Recorded from {began}.</p>"
        );
        cards(&mut page, &analysis);
        page.push_str("<h2>Task stream</h2>\n");
        if self.tasks.is_empty() {
            // There is nothing to zoom in on; the picture says that no task ran.
            page.push_str(&stream::svg(&analysis, 0, &series::all(self)));
        } else {
            page.push_str(&interactive::html(&analysis, REPORT_BARS));
        }
        functions(&mut page, &analysis);
        if !self.tasks.is_empty() {
            page.push_str("<h2>Waiting</h2>\n");
            page.push_str("<p class=\"quiet\">From the first task's start to the last task's end: where threads had ");
            page.push_str("nothing to run.</p>\n");
            page.push_str("<div class=\"columns\">\n<div>\n");
            threads(&mut page, &analysis);
            page.push_str("</div>\n<div>\n");
            gaps(&mut page, &analysis);
            at_once(&mut page, &analysis);
            page.push_str("</div>\n</div>\n");
        }
        let _ = writeln!(page, "<script>\n{SCRIPT}</script>\n</body>\n</html>");
        page
    }

    /// Writes [`performance_report`](Self::performance_report) to a file; call it something like `report.html`.
    ///
    /// # Errors
    /// [`SaveError`] when the file cannot be written; an older file is then as it was.
    pub fn save_report(&self, path: impl AsRef<Path>) -> Result<(), SaveError> {
        write_beside("report", path.as_ref(), |file| file.write_all(self.performance_report().as_bytes()))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn cards(page: &mut String, analysis: &Analysis<'_>) {
    let profile = analysis.profile;
    page.push_str("<dl class=\"cards\">\n");
    let mut card = |class: &str, name: &str, value: &str, detail: &str| {
        let _ = writeln!(page, "<div class=\"{class}\"><dt>{name}</dt><dd>{value}</dd><dd>{detail}</dd></div>");
    };
    let (busy, lanes) = (analysis.busy(), analysis.lanes.len());
    let active = analysis.active.end - analysis.active.start;
    card("", "Duration", &duration(analysis.span), &format!("{} with tasks", duration(active)));
    card(
        "",
        "Tasks",
        &grouped(profile.tasks.len() as u64),
        &format!("of {}", plural(analysis.functions.len(), "function")),
    );
    if analysis.failed > 0 {
        card("bad", "Failed", &grouped(analysis.failed as u64), "outlined in red");
    }
    card("", "Threads", &grouped(lanes as u64), "for tasks to run on");
    let whole = duration(active.saturating_mul(lanes as u64));
    card("", "Time in tasks", &duration(busy), &format!("of {whole} thread time"));
    let utilisation = analysis.utilisation().map_or_else(|| "n/a".to_owned(), percent);
    card("", "Utilisation", &utilisation, "of thread time");
    let total = analysis.functions.iter().fold(0_u64, |sum, function| sum.saturating_add(nanoseconds(function.total)));
    if let Some(mean) = total.checked_div(profile.tasks.len() as u64) {
        card("", "Mean task", &duration(mean), "from start to end");
    }
    match analysis.peak_memory() {
        Some(peak) => card("", "Peak memory", &bytes(peak), "of the process"),
        None => card("", "Peak memory", "n/a", "was not sampled"),
    }
    if let Some(most) = profile.live.iter().map(|sample| sample.live_results).max() {
        let size = profile.live.iter().map(|sample| sample.live_bytes).max().filter(|&size| size > 0);
        let detail = size.map_or_else(|| "at once".to_owned(), |size| format!("{} where known", bytes(size)));
        card("", "Most results held", &grouped(u64::from(most)), &detail);
    }
    page.push_str("</dl>\n");
}

/// The head of a table whose columns sort: the first holds names, the others numbers.
fn sortable_head(page: &mut String, class: &str, caption: &str, columns: &[&str], sorted: usize) {
    let _ = write!(page, "<div class=\"scroll {class}\"><table data-sortable aria-label=\"{caption}\"><thead><tr>");
    for (place, column) in columns.iter().enumerate() {
        let sort = if place == sorted { " aria-sort=\"descending\"" } else { "" };
        let _ = write!(page, "<th scope=\"col\"{sort}><button type=\"button\">{column}</button></th>");
    }
    page.push_str("</tr></thead><tbody>\n");
}

fn functions(page: &mut String, analysis: &Analysis<'_>) {
    if analysis.functions.is_empty() {
        return;
    }
    page.push_str("<h2>Functions</h2>\n");
    if analysis.nested {
        page.push_str(concat!(
            "<p class=\"quiet\">Some tasks ran inside others, on the same thread. “Own” is a function's time ",
            "without what ran inside it; shares are of own time.</p>\n"
        ));
    }
    let mut columns = vec!["Function", "Tasks", "Total", "Mean", "Longest", "Share"];
    if analysis.nested {
        columns.insert(3, "Own");
    }
    let with_failed = analysis.failed > 0;
    let with_results = analysis.functions.iter().any(|function| function.result_bytes > 0);
    if with_failed {
        columns.insert(2, "Failed");
    }
    if with_results {
        columns.push("Results");
    }
    let share = columns.iter().position(|&column| column == "Share").unwrap_or(0);
    sortable_head(page, "names", "Functions", &columns, share);
    let fills = colors_by_name(analysis.profile);
    for function in analysis.functions.iter().take(FUNCTIONS_SHOWN) {
        let (fill, stroke) = fills.get(&*function.name).copied().unwrap_or(("#ffffff", "#8a8f98"));
        let name = escape(&shorten(&function.name, NAME_CHARS));
        let _ = write!(page, "<tr><td><i style=\"background:{fill};border-color:{stroke}\"></i>{name}</td>");
        let mut cell = |value: u64, text: &str| {
            let _ = write!(page, "<td data-value=\"{value}\">{text}</td>");
        };
        cell(function.count as u64, &grouped(function.count as u64));
        if with_failed {
            let failed = grouped(function.failed as u64);
            let text = if function.failed > 0 { format!("<span class=\"failed\">{failed}</span>") } else { failed };
            cell(function.failed as u64, &text);
        }
        cell(nanoseconds(function.total), &duration(nanoseconds(function.total)));
        if analysis.nested {
            cell(nanoseconds(function.own), &duration(nanoseconds(function.own)));
        }
        cell(nanoseconds(function.mean), &duration(nanoseconds(function.mean)));
        cell(nanoseconds(function.longest), &duration(nanoseconds(function.longest)));
        cell(nanoseconds(function.own), &meter(function.share));
        if with_results {
            let text = if function.result_bytes > 0 { bytes(function.result_bytes) } else { "n/a".to_owned() };
            cell(function.result_bytes, &text);
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    let hidden = analysis.functions.get(FUNCTIONS_SHOWN..).unwrap_or_default();
    if !hidden.is_empty() {
        let count = hidden.iter().map(|function| function.count).sum();
        let own = hidden.iter().fold(0_u64, |sum, function| sum.saturating_add(nanoseconds(function.own)));
        let _ = writeln!(
            page,
            "<p class=\"quiet\">And {} with less time: {}, {} together.</p>",
            plural(hidden.len(), "function"),
            plural(count, "task"),
            duration(own),
        );
    }
}

/// A share as text, with a small bar.
fn meter(share: f64) -> String {
    let width = (share * 100.0).clamp(0.0, 100.0);
    format!("{}<span class=\"meter\" aria-hidden=\"true\"><b style=\"width:{width:.1}%\"></b></span>", percent(share))
}

/// A duration that leads to its place in the task stream.
fn jump(gap: &Gap) -> String {
    let Gap { start, end, .. } = gap;
    let title = "Show this in the task stream";
    format!(
        "<button type=\"button\" title=\"{title}\" data-from=\"{start}\" data-to=\"{end}\">{}</button>",
        duration(gap.length())
    )
}

fn threads(page: &mut String, analysis: &Analysis<'_>) {
    sortable_head(page, "", "Threads", &["Thread", "Tasks", "Busy", "Longest wait"], usize::MAX);
    let mut shown: Vec<_> = analysis.threads.iter().collect();
    if shown.len() > THREADS_SHOWN {
        shown.sort_by_key(|thread| std::cmp::Reverse(thread.busy));
        shown.truncate(THREADS_SHOWN);
        shown.sort_by_key(|thread| thread.thread);
    }
    for thread in &shown {
        let wait = thread.longest_gap.as_ref().map_or_else(|| "none".to_owned(), jump);
        let _ = writeln!(
            page,
            concat!(
                "<tr><td>thread {}</td><td data-value=\"{count}\">{}</td>",
                "<td data-value=\"{}\">{}</td><td data-value=\"{}\">{wait}</td></tr>"
            ),
            thread.thread,
            grouped(thread.tasks as u64),
            nanoseconds(thread.busy),
            meter(thread.share),
            thread.longest_gap.map_or(0, |gap| gap.length()),
            count = thread.tasks,
            wait = wait,
        );
    }
    page.push_str("</tbody></table></div>\n");
    let hidden = analysis.threads.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(page, "<p class=\"quiet\">And {} that did less.</p>", plural(hidden, "thread"));
    }
}

fn gaps(page: &mut String, analysis: &Analysis<'_>) {
    if analysis.gaps.is_empty() {
        page.push_str("<p>No thread ever waited.</p>\n");
        return;
    }
    page.push_str(
        "<div class=\"scroll\"><table aria-label=\"Longest waits\"><thead><tr><th scope=\"col\">Longest waits</th>",
    );
    page.push_str("<th scope=\"col\">From</th><th scope=\"col\">To</th></tr></thead><tbody>\n");
    for gap in analysis.gaps.iter().take(8) {
        let (from, to) = (moment(gap.start, gap.length() / 5), moment(gap.end, gap.length() / 5));
        let wait = jump(gap);
        let _ = writeln!(page, "<tr><td>{wait} on thread {}</td><td>{from}</td><td>{to}</td></tr>", gap.thread);
    }
    page.push_str("</tbody></table></div>\n");
}

/// For how long how many threads were busy at the same time.
fn at_once(page: &mut String, analysis: &Analysis<'_>) {
    let whole = (analysis.active.end - analysis.active.start) as f64;
    if whole <= 0.0 {
        return;
    }
    let mut rows: Vec<_> = analysis.at_once.iter().enumerate().filter(|&(_, &time)| time > 0).collect();
    // The longest, should there be very many numbers of threads.
    rows.sort_by_key(|&(_, &time)| std::cmp::Reverse(time));
    rows.truncate(24);
    rows.sort_unstable();
    page.push_str(
        "<div class=\"scroll\" style=\"margin-top:14px\"><table aria-label=\"Threads busy at once\"><thead><tr>",
    );
    page.push_str("<th scope=\"col\">Busy at once</th><th scope=\"col\">Time</th><th scope=\"col\">Share</th></tr>");
    page.push_str("</thead><tbody>\n");
    for (threads, &time) in rows {
        let (threads, share) = (plural(threads, "thread"), meter(time as f64 / whole));
        let _ = writeln!(page, "<tr><td>{threads}</td><td>{}</td><td>{share}</td></tr>", duration(time));
    }
    page.push_str("</tbody></table></div>\n");
}
