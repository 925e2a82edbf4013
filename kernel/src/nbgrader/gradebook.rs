//! nbgrader's gradebook, filled by nbgrader's own code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::installation::find_program;

/// Fills the gradebook, in a Python that has nbgrader.
const SCRIPT: &str = include_str!("fill_gradebook.py");

/// A gradebook of nbgrader's, and the Python by which it is filled.
pub struct NbGrader {
    python: PathBuf,
    course: PathBuf,
    database: Option<PathBuf>,
}

impl NbGrader {
    /// Finds what is needed. `place` is nbgrader's folder for the course, or its gradebook in there; `python` the one to use;
    /// `own` is another one that may have nbgrader.
    ///
    /// # Errors
    /// A sentence when there is no such folder, or no Python has nbgrader.
    pub fn find(place: &Path, python: Option<&Path>, own: &Path) -> Result<NbGrader, String> {
        let is_file = place.extension().is_some_and(|ending| ending == "db" || ending == "sqlite");
        let course = if is_file { place.parent().unwrap_or(Path::new("")) } else { place };
        let course = if course.as_os_str().is_empty() { Path::new(".") } else { course };
        if !course.is_dir() {
            return Err(format!(
                "there is no folder {}; `taskloom nbgrader export --out {0}` makes one, and `nbgrader quickstart` an empty one",
                course.display()
            ));
        }
        let candidates = match python {
            Some(python) => vec![python.to_path_buf()],
            None => {
                // The one that runs the command `nbgrader` lies beside it.
                let beside = find_program("nbgrader").and_then(|program| Some(program.parent()?.join("python")));
                beside.into_iter().chain([own.to_path_buf(), PathBuf::from("python3")]).collect()
            }
        };
        let has_it = |python: &&PathBuf| {
            let mut command = Command::new(python);
            command.args(["-c", "import nbgrader.api"]).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let Some(python) = candidates.iter().find(has_it) else {
            let tried: Vec<String> = candidates.iter().map(|python| python.display().to_string()).collect();
            return Err(format!(
                "no Python here has nbgrader (tried {}); `pip install nbgrader` brings it, and --python names the one that has it",
                tried.join(", ")
            ));
        };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let database = is_file.then(|| absolute(place));
        Ok(NbGrader { python: python.clone(), course: absolute(course), database })
    }

    /// What no submission may see: the solutions in the instructor's version, scores, and what others handed in.
    pub fn secrets(&self) -> Vec<PathBuf> {
        let names = ["source", "submitted", "autograded", "feedback", "gradebook.db"];
        let inside = names.iter().map(|name| self.course.join(name));
        inside.chain(self.database.clone()).filter(|path| path.exists()).collect()
    }

    /// Puts a run's results, a file `results.json`, into the gradebook. It says itself what it does.
    ///
    /// # Errors
    /// A sentence when it failed; why, it has said itself.
    pub fn fill(&self, results: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.python);
        command.arg("-c").arg(SCRIPT).arg(&self.course).arg(results).args(&self.database);
        let status = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .status()
            .map_err(|error| format!("cannot run {}: {error}", self.python.display()))?;
        match status.success() {
            true => Ok(()),
            false => Err(format!(
                "the scores are in {}, but not in nbgrader's gradebook; once that is mended, the same command puts them there",
                results.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_before_anything_is_graded() {
        let folder = tempfile::tempdir().expect("a folder");
        let find = |place: &Path, python: &str| {
            NbGrader::find(place, Some(Path::new(python)), Path::new("none")).err().expect("refused")
        };
        assert!(find(&folder.path().join("none"), "python3").contains("there is no folder"));
        assert!(find(&folder.path().join("none/gradebook.db"), "python3").contains("there is no folder"));
        let refused = find(&folder.path().join("gradebook.db"), "/bin/false");
        assert!(refused.contains("/bin/false") && refused.contains("pip install nbgrader"), "{refused}");
    }
}
