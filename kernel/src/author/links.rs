//! Links in the texts of a course: where they lead, and whether something is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use super::Finding;
use super::files::CourseFiles;
use super::notebook::Notebook;

/// Asks for addresses, several at a time.
const SCRIPT: &str = include_str!("ask_links.py");

/// A link in a text.
struct Link {
    /// The file it is in.
    page: PathBuf,
    /// For a person: file and cell.
    place: String,
    target: String,
    /// The attachments of its cell.
    attachments: BTreeSet<String>,
}

/// What is wrong with links; addresses of the network are asked only with a Python to do it.
///
/// # Errors
/// A sentence, when Python cannot be run.
pub fn findings(files: &CourseFiles, online: Option<&Path>) -> Result<Vec<Finding>, String> {
    let links = links_of(files);
    let mut findings = Vec::new();
    let mut anchors: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut addresses: BTreeMap<String, String> = BTreeMap::new();
    for link in &links {
        let target = link.target.as_str();
        if target.starts_with("https://") || target.starts_with("http://") {
            addresses.entry(target.split('#').next().unwrap_or(target).to_owned()).or_insert(link.place.clone());
        } else if let Some(name) = target.strip_prefix("attachment:") {
            if !link.attachments.contains(&decoded(name)) {
                findings.push(Finding::problem(&link.place, format!("the cell has no attachment `{name}`")));
            }
        } else if !has_scheme(target)
            && let Some(what) = local(files, link, &mut anchors)
        {
            findings.push(Finding::problem(&link.place, what));
        }
    }
    if let Some(python) = online {
        findings.extend(ask(python, &addresses)?);
    }
    Ok(findings)
}

/// The files of the course that its texts link to, relative to its root.
pub fn linked_files(files: &CourseFiles) -> BTreeSet<PathBuf> {
    let is_local = |link: &&Link| !link.target.starts_with("attachment:") && !has_scheme(&link.target);
    links_of(files).iter().filter(is_local).filter_map(|link| inside(files.root(), link)).collect()
}

/// What is wrong with a link to a file, or to a place in one.
fn local(files: &CourseFiles, link: &Link, anchors: &mut BTreeMap<PathBuf, BTreeSet<String>>) -> Option<String> {
    let target = &link.target;
    let (path, anchor) = target.split_once('#').map_or((target.as_str(), None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() {
        link.page.clone()
    } else {
        if path.starts_with('/') {
            return Some(format!("the link `{target}` begins with `/`; links in a course are relative to their file"));
        }
        let Some(relative) = inside(files.root(), link) else {
            return Some(format!("the link `{target}` leads out of the course, where students have nothing"));
        };
        if relative.starts_with("solutions") {
            return Some(format!("the link `{target}` leads to a solution, and students do not get those"));
        }
        if relative.starts_with("data") {
            // Data is made, and need not be there.
            return None;
        }
        files.root().join(relative)
    };
    if !file.exists() {
        return Some(format!("the link `{target}` leads to a file that is not there"));
    }
    let anchor = decoded(anchor.filter(|anchor| !anchor.is_empty())?);
    let is_text = file.extension().is_some_and(|ending| ending == "ipynb" || ending == "md");
    if !is_text {
        return None;
    }
    let known = anchors.entry(file.clone()).or_insert_with(|| anchors_of(&file));
    if known.contains(&anchor) {
        return None;
    }
    let similar = known.iter().min_by_key(|known| strsim::levenshtein(known, &anchor));
    let advice = similar.map(|similar| format!("; is it `#{similar}`?")).unwrap_or_default();
    Some(format!("the link `{target}` leads to a heading that is not there{advice}"))
}

/// Where a link leads, below the course's folder; nothing, if it leads out of it.
fn inside(root: &Path, link: &Link) -> Option<PathBuf> {
    let path = link.target.split(['#', '?']).next().filter(|path| !path.is_empty() && !path.starts_with('/'))?;
    let from = link.page.parent()?.strip_prefix(root).ok()?;
    let mut way: Vec<&std::ffi::OsStr> = from.iter().collect();
    let path = decoded(path);
    for part in Path::new(&path).components() {
        match part {
            Component::Normal(part) => way.push(part),
            Component::ParentDir => {
                way.pop()?;
            }
            _ => {}
        }
    }
    Some(way.into_iter().collect())
}

fn links_of(files: &CourseFiles) -> Vec<Link> {
    let mut links = Vec::new();
    for notebook in &files.notebooks {
        let file = files.shown(&notebook.path);
        for cell in notebook.cells().filter(|cell| cell.is_markdown()) {
            let attachments = cell.content["attachments"].as_object();
            let attachments: BTreeSet<String> = attachments.into_iter().flat_map(|all| all.keys().cloned()).collect();
            let place = format!("{file}, {}", cell.label());
            for target in targets(&cell.source()) {
                let page = notebook.path.clone();
                links.push(Link { page, place: place.clone(), target, attachments: attachments.clone() });
            }
        }
    }
    for page in files.pages() {
        let text = std::fs::read_to_string(&page).unwrap_or_default();
        for target in targets(&text) {
            links.push(Link { place: files.shown(&page), page: page.clone(), target, attachments: BTreeSet::new() });
        }
    }
    links
}

/// `mailto:` and the like.
fn has_scheme(target: &str) -> bool {
    target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// All that a text in Markdown links to, and shows.
fn targets(text: &str) -> Vec<String> {
    let prose = without_code(text);
    let mut targets = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let rest = prose[at + 2..].trim_start();
        let end = match rest.strip_prefix('<') {
            Some(inner) => inner.find('>').map(|end| &inner[..end]),
            None => end_of_target(rest).map(|end| rest[..end].split_whitespace().next().unwrap_or_default()),
        };
        targets.extend(end.map(str::to_owned));
    }
    for mark in ["href=\"", "src=\"", "href='", "src='"] {
        for (at, _) in prose.match_indices(mark) {
            let rest = &prose[at + mark.len()..];
            let quote = if mark.ends_with('"') { '"' } else { '\'' };
            targets.extend(rest.find(quote).map(|end| rest[..end].to_owned()));
        }
    }
    // [name]: target
    for line in prose.lines().map(str::trim_start).filter(|line| line.starts_with('[') && !line.starts_with("[^")) {
        if let Some((_, target)) = line.split_once("]: ") {
            targets.extend(target.split_whitespace().next().map(str::to_owned));
        }
    }
    targets.retain(|target| !target.is_empty());
    targets
}

/// Where the round bracket closes that was open.
fn end_of_target(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// A text without blocks of code and without `code`.
fn without_code(text: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                // Every second part between marks is code; a mark without a partner is a mark.
                let parts: Vec<&str> = line.split('`').collect();
                let closed = parts.len() % 2 == 1;
                for (index, part) in parts.iter().enumerate() {
                    if index % 2 == 0 || (!closed && index + 1 == parts.len()) {
                        prose.push_str(part);
                    }
                }
                prose.push('\n');
            }
            _ => {}
        }
    }
    prose
}

/// The places of a file that a link can lead to: JupyterLab's names of headings for a notebook, GitHub's for a page.
fn anchors_of(file: &Path) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut add = |text: &str, of_notebook: bool| {
        let mut fenced = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let title = line.trim_start_matches('#');
            let level = line.len() - title.len();
            if !fenced && (1..=6).contains(&level) && title.starts_with(' ') {
                let title = spoken(title.trim());
                anchors.insert(match of_notebook {
                    true => title.replace(' ', "-"),
                    false => title
                        .to_lowercase()
                        .chars()
                        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                        .map(|c| if c == ' ' { '-' } else { c })
                        .collect(),
                });
            }
        }
        for mark in [" id=\"", " name=\""] {
            for (at, _) in text.match_indices(mark) {
                let rest = &text[at + mark.len()..];
                anchors.extend(rest.find('"').map(|end| rest[..end].to_owned()));
            }
        }
    };
    if file.extension().is_some_and(|ending| ending == "ipynb") {
        if let Ok(notebook) = Notebook::read(file) {
            notebook.cells().filter(|cell| cell.is_markdown()).for_each(|cell| add(&cell.source(), true));
        }
    } else {
        add(&std::fs::read_to_string(file).unwrap_or_default(), false);
    }
    anchors
}

/// A heading as it is read: without marks, and links as their words.
fn spoken(heading: &str) -> String {
    let mut text = heading.replace(['`', '*'], "");
    while let Some(middle) = text.find("](") {
        let (Some(open), Some(close)) = (text[..middle].rfind('['), end_of_target(&text[middle + 2..])) else { break };
        text = format!("{}{}{}", &text[..open], &text[open + 1..middle], &text[middle + 3 + close..]);
    }
    text
}

/// `%20` and the like as what they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks each address, once.
fn ask(python: &Path, addresses: &BTreeMap<String, String>) -> Result<Vec<Finding>, String> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args(addresses.keys())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", python.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("links could not be asked: {}", said.lines().next_back().unwrap_or_default()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<(&str, &str)> = said.lines().filter_map(|line| line.split_once('\t')).collect();
    let unreachable = answers.iter().filter(|(_, reason)| !reason.starts_with("HTTP")).count();
    if unreachable == addresses.len() && unreachable > 1 {
        let what = format!("none of {unreachable} addresses can be reached ({}); is there a network?", answers[0].1);
        return Ok(vec![Finding::problem("links", what)]);
    }
    Ok(answers
        .into_iter()
        .map(|(address, reason)| {
            let place = addresses.get(address).map_or("", String::as_str);
            Finding::problem(place, format!("the address {address} does not answer as it should: {reason}"))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_code_is_left_out() {
        let text = "See [a](x.md), ![b](<a b.png>), [c](y.ipynb#Set-up \"title\") and [w](https://x.org/a_(b)).\n\
                    <img src=\"i.svg\"> `[no](no.md)`\n```\n[no](no.md)\n```\n[ref]: z.md\n";
        assert_eq!(targets(text), ["x.md", "a b.png", "y.ipynb#Set-up", "https://x.org/a_(b)", "i.svg", "z.md"]);
    }

    #[test]
    fn headings_are_spoken() {
        assert_eq!(spoken("The `map` of [bags](x.md) **now**"), "The map of bags now");
        assert_eq!(decoded("a%20b%"), "a b%");
        assert!(has_scheme("mailto:x@y") && !has_scheme("x.md") && !has_scheme("a/b:c"));
    }
}
