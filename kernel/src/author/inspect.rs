//! What can be seen in a course's files without running anything.

use std::collections::{BTreeMap, BTreeSet};

use taskloom_exercises::Exercise;

use super::Finding;
use super::files::CourseFiles;
use super::notebook::{Cell, Notebook};

/// The longest time limit that a learner would wait for, in seconds.
const LONGEST_LIMIT: u64 = 300;
/// What a line of a solution must have to tell anything.
const TELLING: usize = 6;

/// Everything that is wrong with the files.
pub fn findings(files: &CourseFiles) -> Vec<Finding> {
    let mut findings = files.findings.clone();
    if files.exercises.is_empty() {
        findings.push(Finding::problem("exercises", "there is no exercise that can be read"));
    }
    if files.notebooks.is_empty() {
        findings.push(Finding::problem("notebooks", "there is no notebook that can be read"));
    }
    for exercise in &files.exercises {
        findings.extend(of_exercise(files, exercise));
    }
    for notebook in &files.notebooks {
        findings.extend(of_notebook(files, notebook));
    }
    findings.extend(of_folders(files));
    findings
}

fn of_exercise(files: &CourseFiles, exercise: &Exercise) -> Vec<Finding> {
    let id = exercise.id.as_str();
    let mut findings = Vec::new();
    let mut problem = |what: String| findings.push(Finding::problem(id, what));
    match exercise.hints.len() {
        2 | 3 => {}
        count => problem(format!(
            "two or three hints are expected, from a nudge to nearly the answer, and there are {count}"
        )),
    }
    let distinct: BTreeSet<&str> = exercise.hints.iter().map(|hint| hint.trim()).collect();
    if distinct.contains("") || distinct.len() < exercise.hints.len() {
        problem("a hint is empty, or stands there twice".to_owned());
    }
    let limit = exercise.time_limit.as_secs();
    if limit == 0 || limit > LONGEST_LIMIT {
        problem(format!("time_limit = {limit}: take 1 to {LONGEST_LIMIT} seconds; nobody waits longer for a check"));
    }
    if exercise.points == 0 {
        problem("it is worth no points".to_owned());
    }
    if exercise.starter.trim().is_empty() {
        problem("starter.rs is empty: give students something that runs".to_owned());
    }
    let cells: Vec<(&Notebook, Cell)> = files
        .notebooks
        .iter()
        .flat_map(|notebook| notebook.cells().map(move |cell| (notebook, cell)))
        .filter(|(_, cell)| cell.exercise() == Some(id))
        .collect();
    match cells.as_slice() {
        [] => problem(format!(
            "no notebook has a cell for it; one in {}.ipynb needs the metadata {{\"taskloom\": {{\"exercise\": \"{id}\"}}}}",
            exercise.notebook
        )),
        [(notebook, _)] if notebook.name != exercise.notebook => problem(format!(
            "exercise.toml says notebook = \"{}\", and its cell is in {}.ipynb",
            exercise.notebook, notebook.name
        )),
        [_] => {}
        several => problem(format!("{} cells are for it; one is enough", several.len())),
    }
    let Some(solution) = files.solution(id) else {
        problem(format!("there is no solutions/{id}.rs"));
        return findings;
    };
    let telling = telling_lines(&exercise.starter, &solution);
    if normal(&solution) == normal(&exercise.starter) {
        problem("the starter is the solution".to_owned());
    } else if !telling.is_empty() && tells_all(&exercise.starter, &telling) {
        problem("the starter holds the solution, perhaps in a comment".to_owned());
    }
    for notebook in &files.notebooks {
        for cell in notebook.cells().filter(|cell| cell.exercise() != Some(id)) {
            let source = cell.source();
            if normal(&source).contains(&normal(&solution)) {
                problem(format!("{}, {}, holds the solution", files.shown(&notebook.path), cell.label()));
            }
        }
    }
    findings
}

fn of_notebook(files: &CourseFiles, notebook: &Notebook) -> Vec<Finding> {
    let file = files.shown(&notebook.path);
    let mut findings = Vec::new();
    let kernel = notebook.content["metadata"]["kernelspec"]["name"].as_str().unwrap_or("none");
    if kernel != "taskloom" {
        findings.push(Finding::problem(&file, format!("its kernel is {kernel}, and `taskloom` is expected")));
    }
    if notebook.content["nbformat"] != 4 {
        findings
            .push(Finding::problem(&file, "it is not in version 4 of the notebook format; Jupyter can save it anew"));
    }
    let starts_with_title =
        notebook.cells().next().is_some_and(|cell| cell.is_markdown() && cell.source().starts_with("# "));
    if !starts_with_title {
        findings.push(Finding::problem(&file, "its first cell is no title, a line that begins with `# `"));
    }
    if notebook.cells().next().and_then(|cell| cell.slide()) != Some("slide") {
        let what = "its first cell is no slide: slides of the opening are made from the cells' slide type (JupyterLab: \
                    Property Inspector, Slide Type)";
        findings.push(Finding::problem(&file, what));
    }
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    let mut asked: Vec<(String, usize)> = Vec::new();
    for cell in notebook.cells() {
        let place = format!("{file}, {}", cell.label());
        let mut problem = |what: String| findings.push(Finding::problem(&place, what));
        match cell.content["id"].as_str() {
            Some(id) => *ids.entry(id).or_default() += 1,
            None => problem("it has no id; Jupyter gives it one when it saves the notebook".to_owned()),
        }
        if cell.is_code() {
            if cell.content["outputs"].as_array().is_some_and(|outputs| !outputs.is_empty()) {
                problem("it holds outputs; clear them before you keep the notebook".to_owned());
            }
            if !cell.content["execution_count"].is_null() {
                problem("it holds an execution count; clear the outputs".to_owned());
            }
        }
        if let Some(id) = cell.exercise() {
            match files.exercises.iter().find(|exercise| exercise.id == id) {
                None if files.ids.iter().any(|own| own == id) => {}
                None => {
                    problem(format!("its metadata names the exercise `{id}`, which is not there{}", like(files, id)))
                }
                Some(exercise) if cell.source().trim_end() != exercise.starter.trim_end() => {
                    problem(format!("its text is not that of exercises/{id}/starter.rs"));
                }
                Some(_) => {}
            }
            asked.push((id.to_owned(), cell.number));
        }
        for id in exercises_named(&cell) {
            if !files.ids.contains(&id) {
                problem(format!("it speaks of the exercise `{id}`, which is not there{}", like(files, &id)));
            }
        }
    }
    for (id, _) in ids.into_iter().filter(|(_, count)| *count > 1) {
        findings.push(Finding::problem(&file, format!("two cells have the id `{id}`")));
    }
    let checks: Vec<(String, usize)> = notebook
        .cells()
        .filter(Cell::is_code)
        .filter_map(|cell| Some((cell.source().trim().strip_prefix("%check")?.trim().to_owned(), cell.number)))
        .collect();
    for (id, number) in asked {
        if !checks.iter().any(|(check, at)| *at > number && (*check == id || check.is_empty())) {
            findings.push(Finding::problem(&file, format!("below the cell of `{id}` there is no cell `%check {id}`")));
        }
    }
    findings
}

/// Files that belong to nothing.
fn of_folders(files: &CourseFiles) -> Vec<Finding> {
    let root = files.root();
    let mut findings = Vec::new();
    let entries =
        |name: &str| std::fs::read_dir(root.join(name)).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in entries("exercises") {
        let looks_like_one = path.join("starter.rs").is_file() || path.join("check.rs").is_file();
        if looks_like_one && !path.join("exercise.toml").is_file() {
            findings.push(Finding::problem(&files.shown(&path), "there is no exercise.toml, so this is no exercise"));
        }
    }
    for path in entries("solutions").filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        if !root.join("exercises").join(&*id).is_dir() {
            findings.push(Finding::problem(
                &files.shown(&path),
                format!("there is no exercise `{id}`{}", like(files, &id)),
            ));
        }
    }
    findings
}

/// Exercises that magics in a cell name: as code, or in a text as `code`.
fn exercises_named(cell: &Cell) -> BTreeSet<String> {
    let source = cell.source();
    let mut named = BTreeSet::new();
    for magic in ["%check ", "%hint ", "%solution "] {
        for (at, _) in source.match_indices(magic) {
            let before = source[..at].chars().next_back();
            let is_call = if cell.is_code() { matches!(before, None | Some('\n')) } else { before == Some('`') };
            let rest = &source[at + magic.len()..];
            let rest = rest.strip_prefix("-n ").unwrap_or(rest);
            let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
            if is_call && id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
                named.insert(id);
            }
        }
    }
    named
}

/// The name that was perhaps meant.
fn like(files: &CourseFiles, id: &str) -> String {
    let distance = |own: &&String| strsim::levenshtein(own, id);
    let nearest = files.ids.iter().min_by_key(distance).filter(|own| distance(own) <= 3);
    nearest.map(|own| format!("; is it `{own}`?")).unwrap_or_default()
}

/// Lines of the solution that the starter does not have, and that say something.
fn telling_lines(starter: &str, solution: &str) -> Vec<String> {
    let own: BTreeSet<String> =
        starter.lines().filter(|line| !line.trim_start().starts_with("//")).map(normal_line).collect();
    let lines = solution.lines().filter(|line| !line.trim_start().starts_with("//")).map(normal_line);
    lines.filter(|line| line.len() >= TELLING && !own.contains(line)).collect()
}

/// Whether a text holds all of the lines, as they are or in comments.
fn tells_all(text: &str, lines: &[String]) -> bool {
    let text: Vec<String> = text.lines().map(normal_line).collect();
    lines.iter().all(|line| text.iter().any(|own| own.contains(line.as_str())))
}

fn normal(text: &str) -> String {
    text.lines().map(normal_line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A line without what does not matter: marks of comments, and white space.
fn normal_line(line: &str) -> String {
    let line = line.trim().trim_start_matches("//");
    line.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_solution_in_a_comment_is_seen() {
        let (starter, solution) =
            ("let a = 1;\n// let b = delayed!(f(a));\nlet b = 0;", "let a = 1;\nlet b = delayed!(f(a));");
        let telling = telling_lines(starter, solution);
        assert!(!telling.is_empty() && tells_all(starter, &telling));
        let telling = telling_lines("let a = 1;\nlet b = f(a);", solution);
        assert!(!tells_all("let a = 1;\nlet b = f(a);", &telling));
    }

    #[test]
    fn this_course_has_no_problem_in_its_files() {
        let files = CourseFiles::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the course");
        let mut found = findings(&files);
        found.extend(super::super::links::findings(&files, None).expect("looked at"));
        found.retain(|finding| finding.is_problem);
        assert!(found.is_empty(), "{found:#?}");
    }
}
